// Rooms of nodes that were apart: whatever was said, changed and decided meanwhile, all show the
// same afterwards; and a comment stays with its characters through all that is written.

#include <gtest/gtest.h>

#include "crdt/base/random.hpp"
#include "crdt/base/utf16.hpp"
#include "tests/support/choices.hpp"
#include "tests/support/rooms_test.hpp"

namespace coterie::node {
namespace {

using namespace std::chrono_literals;
using testing::Cluster;
using testing::RoomsTeam;

/// What somebody at `node` does; much of it is refused, as it should be.
void do_something(RoomsTeam& team, Random& random, Cluster::Node node, std::vector<Hash>& said) {
  const auto any = [&] { return said[random.below(said.size())]; };
  MessageRecord message;
  message.text = "message " + std::to_string(random.below(1000));
  const std::uint64_t what = random.below(said.empty() ? 3 : 12);
  switch (what) {
    case 0:
    case 1:
    case 2: {
      std::optional<TextRange> range;
      if (what == 1) range = TextRange{"monaco", random.below(5), 6 + random.below(5)};
      if (what == 1 && random.below(2) == 0) message.suggestion = "instead";
      if (what == 2) message.guest = "guest" + std::to_string(random.below(2));
      const auto posted = team.try_say(node, message, range);
      if (posted) said.push_back(std::get<MessagePosted>(*posted).moment.hash);
      return;
    }
    case 3:
      message.thread = any();
      (void)team.try_say(node, message);
      return;
    case 4:
      message.reply = any();
      (void)team.try_say(node, message);
      return;
    case 5:
      (void)team.amend(node, any(), Amendment::kEdit, message.text);
      return;
    case 6:
      (void)team.amend(node, any(), Amendment::kDelete);
      return;
    case 7:
      (void)team.amend(node, any(), random.below(3) == 0 ? Amendment::kUnreact : Amendment::kReact,
                       random.below(2) == 0 ? "+1" : "!");
      return;
    case 8:
      (void)team.amend(node, any(),
                       random.below(2) == 0 ? Amendment::kResolve : Amendment::kReopen);
      return;
    case 9:
      (void)team.amend(node, any(),
                       random.below(2) == 0 ? Amendment::kAccept : Amendment::kDismiss);
      return;
    case 10: {
      const bool counts = random.below(2) == 0;
      StateWord word{{},
                     counts ? StateWord::What::kCount : StateWord::What::kSet,
                     "key" + std::to_string(random.below(3)),
                     std::to_string(random.below(100))};
      if (random.below(6) == 0) word = {{}, StateWord::What::kRemove, word.key, ""};
      (void)team.try_await(node, SetState{team.workspace_, "notes.md", word});
      return;
    }
    default: {
      // Only red may.
      const Cluster::Node whom = random.below(2) == 0 ? team.green_ : team.blue_;
      const Role role = random.below(2) == 0 ? Role::kViewer : Role::kEditor;
      const DeviceId device = team.cluster_.id(whom);
      if (random.below(2) == 0) {
        (void)team.try_await(node, SetRole{team.workspace_, device, role, true});
      } else {
        (void)team.try_await(node, SetDocumentRole{team.workspace_, device, "notes.md", role});
      }
      return;
    }
  }
}

TEST(RoomsConvergence, WhateverIsDoneApartIsTheSameEverywhereAfterwards) {
  testing::for_each_seed(25, [](std::uint64_t seed) {
    if (::testing::Test::HasFailure()) return;
    SCOPED_TRACE("replay with COTERIE_SEED=" + std::to_string(seed));
    RoomsTeam team(seed);
    Random random(seed);
    std::vector<Hash> said;
    const std::vector<Cluster::Node> nodes{team.red_, team.green_, team.blue_};
    for (int i = 0; i < 8; ++i) do_something(team, random, nodes[random.below(3)], said);
    team.cluster_.run_for(2s);
    for (int round = 0; round < 2; ++round) {
      team.part(team.red_, team.green_);
      team.part(team.green_, team.blue_);
      team.part(team.red_, team.blue_);
      const std::size_t known = said.size();
      for (const Cluster::Node node : nodes) {
        // What others say meanwhile it does not know.
        std::vector<Hash> mine(said.begin(), said.begin() + static_cast<std::ptrdiff_t>(known));
        for (int i = 0; i < 12; ++i) do_something(team, random, node, mine);
        said.insert(said.end(), mine.begin() + static_cast<std::ptrdiff_t>(known), mine.end());
        if (random.below(3) == 0) {
          team.cluster_.crash(node);
          team.cluster_.restart(node);
        }
      }
      team.cluster_.network().heal_all(team.cluster_.now());
      team.cluster_.run_for(std::chrono::seconds(20 + random.below(20)));
      EXPECT_EQ(team.everything(team.red_), team.everything(team.green_));
      EXPECT_EQ(team.everything(team.red_), team.everything(team.blue_));
      EXPECT_FALSE(team.everything(team.red_).empty());
    }
  });
}

/// The characters of `text` that are from U+4E00 on, and nothing else.
std::string marked(const std::string& text) {
  std::string all;
  for (std::size_t at = 0; at + 2 < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const std::size_t length = byte < 0x80 ? 1 : 3;
    if (length == 3) all += text.substr(at, 3);
    at += length;
  }
  return all;
}

/// `count` UTF-16 units of `text` from `at` on.
std::string part_of(const std::string& text, std::uint64_t at, std::uint64_t count) {
  const std::size_t begin = utf16_prefix_bytes(as_bytes(text), at);
  return text.substr(begin, utf16_prefix_bytes(as_bytes(text), at + count) - begin);
}

TEST(RoomsConvergence, ACommentStaysWithItsCharactersThroughTenThousandEdits) {
  const std::uint64_t seed = 31;
  testing::announce_seed(seed);
  RoomsTeam team(seed);
  Random random(seed);
  const std::vector<Cluster::Node> nodes{team.red_, team.green_, team.blue_};
  // What the comment is about is written in characters of its own.
  std::string about;
  for (int i = 0; i < 20; ++i) {
    const int code = 0x4e00 + i;
    about += {static_cast<char>(0xe0 | (code >> 12)), static_cast<char>(0x80 | ((code >> 6) & 63)),
              static_cast<char>(0x80 | (code & 63))};
  }
  team.insert(team.writer_, 4, about);
  std::vector<Cluster::ClientIndex> writers{team.writer_, team.client(team.green_, 2),
                                            team.client(team.blue_, 3)};
  team.cluster_.run_for(2s);
  MessageRecord message;
  message.text = "what is this?";
  ASSERT_TRUE(team.try_say(team.red_, message, TextRange{"monaco", 4, 24}));
  team.cluster_.run_for(2s);
  constexpr int kEdits = 10'000;
  for (int edit = 0; edit < kEdits; ++edit) {
    if (edit % 2000 == 500) {
      team.part(team.red_, team.green_);
      team.part(team.green_, team.blue_);
    }
    if (edit % 2000 == 1500) team.cluster_.network().heal_all(team.cluster_.now());
    const Cluster::ClientIndex who = writers[random.below(writers.size())];
    auto& editor = team.cluster_.client(who);
    const std::uint64_t length = editor.length();
    const std::uint64_t at = random.below(length + 1);
    if (length > 400 || (length > 60 && random.below(2) == 0)) {
      // Of what the comment is about a part survives.
      const std::uint64_t count = std::min<std::uint64_t>(1 + random.below(4), length - at);
      const std::string text = editor.text();
      const std::string gone = part_of(text, at, count);
      const bool spares = marked(gone).empty() || (edit % 7 == 0 && marked(text).size() > 30);
      if (count > 0 && spares) editor.remove(at, count);
    } else {
      editor.insert(at, "abcdefgh" + std::to_string(edit % 10));
    }
    team.cluster_.deliver_to_server(who);
    if (edit % 20 == 0) team.cluster_.run_for(50ms);
  }
  team.cluster_.network().heal_all(team.cluster_.now());
  team.cluster_.run_for(60s);
  const std::string text = team.text(team.red_);
  ASSERT_FALSE(marked(text).empty());
  for (const Cluster::Node node : nodes) {
    EXPECT_EQ(team.text(node), text);
    const RoomView view = team.room(node, RoomLane::Kind::kComments);
    ASSERT_EQ(view.items.size(), 1u);
    ASSERT_TRUE(view.items[0].place);
    const RoomPlace place = *view.items[0].place;
    const std::string shown = part_of(text, place.from, place.to - place.from);
    EXPECT_EQ(marked(shown), marked(text));
    // Nothing that was written before its first character or after its last.
    const bool first = text.find(about.substr(0, 3)) != std::string::npos;
    const bool last = text.find(about.substr(about.size() - 3)) != std::string::npos;
    if (first) {
      EXPECT_EQ(shown.substr(0, 3), about.substr(0, 3));
    }
    if (last) {
      EXPECT_EQ(shown.substr(shown.size() - 3), about.substr(about.size() - 3));
    }
    EXPECT_EQ(view.items[0].message.anchor->quote, about);
  }
  // Once all of it is gone it is told so: an empty place, with the quote kept.
  const RoomPlace place = *team.room(team.red_, RoomLane::Kind::kComments).items.at(0).place;
  team.remove(team.writer_, place.from, place.to - place.from);
  team.cluster_.run_for(5s);
  for (const Cluster::Node node : nodes) {
    const RoomItem item = team.room(node, RoomLane::Kind::kComments).items.at(0);
    ASSERT_TRUE(item.place);
    EXPECT_EQ(item.place->from, item.place->to);
    EXPECT_EQ(item.message.anchor->quote, about);
  }
}

}  // namespace
}  // namespace coterie::node
