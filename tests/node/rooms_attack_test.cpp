// Members with software of their own write whatever they like into their logs: other replicas show
// none of what they had no right to (tests/support/adversary.hpp).

#include <gtest/gtest.h>

#include "node/core/limits.hpp"
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

}  // namespace
}  // namespace coterie::node
