// Members with software of their own write whatever they like into their logs: other replicas show
// none of what they had no right to (tests/support/adversary.hpp).

#include <gtest/gtest.h>

#include "node/core/limits.hpp"
#include "node/core/rooms/rooms.hpp"
#include "tests/support/adversary.hpp"
#include "tests/support/cluster_test.hpp"

namespace coterie::node {
namespace {

using namespace std::chrono_literals;
using testing::Adversary;
using testing::Cluster;

class RoomsAttackTest : public testing::ClusterTest {
 protected:
  RoomsAttackTest() : ClusterTest(23) {
    for (const char* name : {"red", "blue", "evil"}) cluster_.add_node(name);
    gang_ = std::make_unique<Adversary>(cluster_, std::vector<Cluster::Node>{kEvil}, 23);
    found(kRed);
    gang_->enter(workspace_);
    join(kBlue, kRed);
  }
  void let_in(Role role) {
    join(kEvil, kRed, role);
    type(client(kRed, 1), "text");
    cluster_.run_for(5s);
    pen_ = gang_->fresh_log(0);
  }
  void forge(const Record& record, std::optional<std::uint64_t> when = {}) {
    const auto made =
        gang_->write(*pen_, gang_->heads(), *gang_->any_key(), encode_record(record), when);
    gang_->send(gang_->frame_of(made));
    pen_ = made.at;
  }
  MessageRecord words(const std::string& text) {
    MessageRecord message;
    message.document = document_id(workspace_, "notes.md");
    message.text = text;
    return message;
  }
  AmendRecord change(const Hash& target, Amendment what, const std::string& text = "") {
    return {document_id(workspace_, "notes.md"), target, what, "", text};
  }
  Hash say(Cluster::Node node, const std::string& text) {
    PostMessage post{workspace_, "notes.md", {}, {}};
    post.message.text = text;
    return std::get<MessagePosted>(await(node, post)).moment.hash;
  }
  RoomView room(Cluster::Node node, std::size_t limit = 200) {
    const auto view = cluster_.engine(node).room(
        cluster_.at(), RoomQuery{workspace_, "notes.md", RoomLane::Kind::kChat, {}, "", {}, limit});
    EXPECT_TRUE(view);
    return view ? *view : RoomView{};
  }

  static constexpr Cluster::Node kRed = 0;
  static constexpr Cluster::Node kBlue = 1;
  static constexpr Cluster::Node kEvil = 2;
  std::unique_ptr<Adversary> gang_;
  std::optional<Adversary::Pen> pen_;
};

TEST_F(RoomsAttackTest, NobodyEditsOrDeletesWhatAnotherSaid) {
  let_in(Role::kEditor);
  const Hash said = say(kBlue, "mine");
  cluster_.run_for(1s);
  forge(change(said, Amendment::kEdit, "FORGED"));
  forge(change(said, Amendment::kDelete));
  // In the name of a guest of its own it cannot either.
  AmendRecord as_guest = change(said, Amendment::kDelete);
  as_guest.guest = "g";
  forge(as_guest);
  forge(change(said, Amendment::kReact, "+1"));  // That it may: so the others did arrive.
  cluster_.run_for(10s);
  for (const auto node : {kRed, kBlue}) {
    const RoomView view = room(node);
    ASSERT_EQ(view.items.size(), 1u);
    const RoomMessage& one = view.items[0].message;
    EXPECT_EQ(one.text, "mine");
    EXPECT_FALSE(one.deleted || one.edited);
    // Nor is it told that somebody had.
    const auto activity = cluster_.engine(node).activity({workspace_, "notes.md", {}, 100});
    for (const ActivityItem& item : activity->items) {
      EXPECT_TRUE(!item.amendment || *item.amendment == Amendment::kReact);
    }
    EXPECT_EQ(one.reactions.size(), 1u);
  }
}

TEST_F(RoomsAttackTest, AViewerSaysNothing) {
  let_in(Role::kViewer);
  const Hash said = say(kBlue, "mine");
  cluster_.run_for(1s);
  forge(words("FORGED"));
  forge(change(said, Amendment::kReact, "+1"));
  forge(StateWord{document_id(workspace_, "notes.md"), StateWord::What::kSet, "status", "1"});
  forge(AttendRecord{document_id(workspace_, "notes.md"), true, "ghost", "Ghost"});
  cluster_.run_for(10s);
  for (const auto node : {kRed, kBlue}) {
    const RoomView view = room(node);
    ASSERT_EQ(view.items.size(), 1u);
    EXPECT_TRUE(view.items[0].message.reactions.empty());
    EXPECT_TRUE(cluster_.engine(node).session_state(workspace_, "notes.md")->empty());
    const auto activity = cluster_.engine(node).activity({workspace_, "notes.md", {}, 100});
    for (const ActivityItem& one : activity->items) EXPECT_NE(one.name, "Ghost");
  }
}

TEST_F(RoomsAttackTest, OfAFloodTheFirstOfAMinuteCountEverywhere) {
  let_in(Role::kEditor);
  say(kBlue, "mine");
  cluster_.run_for(1s);
  // One minute, by its own clock.
  const std::uint64_t minute = cluster_.at().wall / 60'000 * 60'000;
  for (std::size_t i = 0; i < kMessagesPerMinute + 50; ++i) {
    forge(words("spam"), ((minute + 60'000) << 16) + i);
    if (i % 100 == 0) cluster_.run_for(1s);
  }
  cluster_.run_for(60s);
  for (const auto node : {kRed, kBlue}) {
    std::size_t spam = 0;
    std::optional<RoomMoment> before;
    do {
      RoomQuery query{workspace_, "notes.md", RoomLane::Kind::kChat, {}, "", before, kRoomPageMax};
      const auto view = cluster_.engine(node).room(cluster_.at(), query);
      ASSERT_TRUE(view);
      for (const RoomItem& item : view->items) spam += item.message.text == "spam" ? 1 : 0;
      before = view->older;
    } while (before);
    EXPECT_EQ(spam, kMessagesPerMinute);
  }
}

TEST_F(RoomsAttackTest, WhatAPersonTookBackStaysSoWhenADeviceGoes) {
  let_in(Role::kEditor);
  CreateInvite terms;
  terms.workspace = workspace_;
  terms.role = Role::kEditor;
  terms.own_device = true;
  const auto phone = cluster_.add_node("phone");
  await(phone, JoinWorkspace{std::get<InviteCreated>(await(kBlue, terms)).invite});
  cluster_.run_for(2s);
  const Hash secret = say(kBlue, "secret");
  const Hash typo = say(kBlue, "tpyo");
  cluster_.run_for(1s);
  await(phone, AmendMessage{workspace_, change(secret, Amendment::kDelete)});
  await(phone, AmendMessage{workspace_, change(typo, Amendment::kEdit, "typo")});
  cluster_.run_for(2s);
  await(kRed, RemoveMember{workspace_, cluster_.id(phone), false});
  cluster_.run_for(10s);
  for (const auto node : {kRed, kBlue}) {
    const RoomView view = room(node);
    ASSERT_EQ(view.items.size(), 2u);
    EXPECT_TRUE(view.items[1].message.deleted);
    EXPECT_EQ(view.items[1].message.text, "");
    EXPECT_EQ(view.items[0].message.text, "typo");
  }
}

TEST_F(RoomsAttackTest, ACommenterAcceptsNothing) {
  let_in(Role::kCommenter);
  PostMessage post{workspace_, "notes.md", {}, TextRange{"monaco", 0, 4}};
  post.message.suggestion = "words";
  const Hash said = std::get<MessagePosted>(await(kBlue, post)).moment.hash;
  cluster_.run_for(1s);
  forge(change(said, Amendment::kAccept));
  forge(change(said, Amendment::kReact, "+1"));
  cluster_.run_for(10s);
  for (const auto node : {kRed, kBlue}) {
    const auto view = cluster_.engine(node).message(cluster_.at(), workspace_, said);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->items[0].message.verdict, RoomMessage::Verdict::kOpen);
    EXPECT_EQ(view->items[0].message.reactions.size(), 1u);
  }
  EXPECT_EQ(text(kRed), "text");
}

TEST_F(RoomsAttackTest, OthersReactAsManyDifferentReactionsAsOneMakes) {
  let_in(Role::kEditor);
  const Hash said = say(kBlue, "mine");
  cluster_.run_for(1s);
  for (std::size_t i = 0; i < kAmendmentsMax; ++i) {
    forge(change(said, Amendment::kReact, std::to_string(i)));
  }
  await(kRed, AmendMessage{workspace_, change(said, Amendment::kReact, "7")});
  await(kBlue, AmendMessage{workspace_, change(said, Amendment::kReact, "7")});
  cluster_.run_for(10s);
  for (const auto node : {kRed, kBlue}) {
    const auto reactions = room(node).items.at(0).message.reactions;
    EXPECT_EQ(reactions.size(), kReactionsMax);
    EXPECT_EQ(reactions.at("7").size(), 3u);
  }
}

TEST_F(RoomsAttackTest, WhatOneSaysTooMuchOfAKeyHidesNoWordOfOthers) {
  let_in(Role::kEditor);
  StateWord word{document_id(workspace_, "notes.md"), StateWord::What::kSet, "status", "1"};
  await(kBlue, SetState{workspace_, "notes.md", word});
  cluster_.run_for(1s);
  const std::uint64_t minute = cluster_.at().wall / 60'000 * 60'000;
  word.value = "2";
  for (std::size_t i = 0; i < kStateWordsPerMinute + kStateWordsMax; ++i) {
    forge(word, ((minute + 60'000) << 16) + i);
    if (i % 100 == 0) cluster_.run_for(1s);
  }
  cluster_.run_for(60s);
  for (const auto node : {kRed, kBlue}) {
    const auto state = cluster_.engine(node).session_state(workspace_, "notes.md");
    ASSERT_TRUE(state);
    ASSERT_EQ(state->size(), 1u);
    // Its newest words are beyond the rate; more of them are not looked at.
    EXPECT_EQ(state->at(0).value, "1");
  }
}

TEST_F(RoomsAttackTest, AFloodOfMentionsHidesNoneThatCounts) {
  let_in(Role::kEditor);
  PostMessage post{workspace_, "notes.md", {}, {}};
  post.message.text = "you";
  post.message.mentions = {cluster_.id(kRed)};
  await(kBlue, post);
  cluster_.run_for(1s);
  const std::uint64_t minute = cluster_.at().wall / 60'000 * 60'000;
  MessageRecord spam = words("spam");
  spam.mentions = {cluster_.id(kRed)};
  // Those beyond the rate are the newest of all.
  for (std::size_t i = 0; i < kMessagesPerMinute + kRoomRowsMax + 50; ++i) {
    forge(spam, ((minute + 60'000) << 16) + i);
    if (i % 100 == 0) cluster_.run_for(1s);
  }
  cluster_.run_for(60s);
  std::size_t found = 0;
  std::size_t genuine = 0;
  std::optional<RoomMoment> before;
  do {
    RoomQuery query{workspace_, "", RoomLane::Kind::kChat, {}, "", before, kRoomPageMax};
    const auto view = cluster_.engine(kRed).mentions(cluster_.at(), query);
    ASSERT_TRUE(view);
    found += view->items.size();
    for (const RoomItem& item : view->items) genuine += item.message.text == "you" ? 1 : 0;
    before = view->older;
  } while (before);
  EXPECT_EQ(found, kMessagesPerMinute + 1);
  EXPECT_EQ(genuine, 1u);
}

TEST_F(RoomsAttackTest, AClockYearsAheadHidesNothingThatIsNew) {
  let_in(Role::kEditor);
  forge(words("from the year 3000"), std::uint64_t{32'503'680'000'000} << 16);
  cluster_.run_for(2s);
  RoomView view = room(kRed);
  ASSERT_EQ(view.items.size(), 1u);
  EXPECT_EQ(view.unread, 0u);
  await(kRed,
        MarkRead{workspace_, "notes.md", RoomLane::Kind::kChat, "", view.items[0].message.moment});
  cluster_.run_for(3h);
  say(kBlue, "new");
  cluster_.run_for(2s);
  EXPECT_EQ(room(kRed).unread, 1u);
}

}  // namespace
}  // namespace coterie::node
