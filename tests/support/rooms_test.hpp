// Three nodes with one document, its chat and its comments.

#pragma once

#include <memory>
#include <string>
#include <utility>

#include "node/core/limits.hpp"
#include "node/core/rooms/room.hpp"
#include "tests/support/cluster_test.hpp"

namespace coterie::testing {

/// A team of three that share notes.md.
class RoomsTeam : public ClusterTest {
 public:
  explicit RoomsTeam(std::uint64_t seed) : ClusterTest(seed) {
    red_ = cluster_.add_node("red");
    green_ = cluster_.add_node("green");
    blue_ = cluster_.add_node("blue");
    found(red_);
    join(green_, red_);
    join(blue_, red_);
    writer_ = client(red_, 1);
    type(writer_, "The quick brown fox");
    cluster_.run_for(std::chrono::seconds(3));
  }
  void TestBody() override {}

  Result<node::CommandResult> try_say(Cluster::Node node, node::MessageRecord message,
                                      std::optional<node::TextRange> range = {}) {
    return try_await(
        node, node::PostMessage{workspace_, "notes.md", std::move(message), std::move(range)});
  }
  Hash say(Cluster::Node node, const std::string& text, node::MessageRecord message = {}) {
    message.text = text;
    const auto posted = try_say(node, std::move(message));
    EXPECT_TRUE(posted) << (posted ? "" : posted.error().what);
    return posted ? std::get<node::MessagePosted>(*posted).moment.hash : Hash{};
  }
  Result<node::CommandResult> amend(Cluster::Node node, const Hash& target, node::Amendment what,
                                    const std::string& text = "", const std::string& guest = "") {
    return try_await(node, node::AmendMessage{workspace_, {{}, target, what, guest, text}});
  }
  node::RoomView room(Cluster::Node node, node::RoomLane::Kind kind = node::RoomLane::Kind::kChat,
                      const Hash& thread = {}) {
    node::RoomQuery query{workspace_, "notes.md", kind, thread, "", {}, node::kRoomPageMax};
    const auto view = cluster_.engine(node).room(cluster_.at(), query);
    EXPECT_TRUE(view) << (view ? "" : view.error().what);
    return view ? *view : node::RoomView{};
  }
  /// Oldest first.
  std::string texts(Cluster::Node node) {
    std::string all;
    const node::RoomView view = room(node);
    for (auto item = view.items.rbegin(); item != view.items.rend(); ++item) {
      all += (all.empty() ? "" : " | ") + (item->message.deleted ? "-" : item->message.text);
    }
    return all;
  }
  /// All that is shown of chat, comments, threads and the session's state, as one text.
  std::string everything(Cluster::Node node) {
    using Kind = node::RoomLane::Kind;
    std::string all = lane(node, Kind::kChat, {});
    for (const node::RoomItem& item : room(node, Kind::kComments).items) {
      all += describe(item) + lane(node, Kind::kThread, item.message.moment.hash);
    }
    const auto state = cluster_.engine(node).session_state(workspace_, "notes.md");
    EXPECT_TRUE(state);
    for (const node::StateItem& one : *state) {
      all += one.key + "=" + one.value + " by " + one.device.hex() + "\n";
    }
    return all;
  }

  Cluster::Node red_ = 0;
  Cluster::Node green_ = 0;
  Cluster::Node blue_ = 0;
  Cluster::ClientIndex writer_ = 0;

  using ClusterTest::await;
  using ClusterTest::client;
  using ClusterTest::cluster_;
  using ClusterTest::insert;
  using ClusterTest::join;
  using ClusterTest::part;
  using ClusterTest::remove;
  using ClusterTest::text;
  using ClusterTest::try_await;
  using ClusterTest::type;
  using ClusterTest::workspace_;

 private:
  std::string lane(Cluster::Node node, node::RoomLane::Kind kind, const Hash& thread) {
    std::string all;
    for (const node::RoomItem& item : room(node, kind, thread).items) all += describe(item);
    return all;
  }
  static std::string describe(const node::RoomItem& item) {
    const node::RoomMessage& one = item.message;
    std::string all = one.moment.hash.hex() + one.author.device.hex() + one.text;
    all += one.deleted ? " deleted" : (one.resolved ? " resolved" : " open");
    all += std::to_string(static_cast<int>(one.verdict));
    for (const auto& [emoji, authors] : one.reactions) {
      all += emoji;
      for (const node::Author& author : authors) all += author.device.hex();
    }
    if (item.place) {
      all += std::to_string(item.place->from) + "-" + std::to_string(item.place->to);
    }
    return all + "\n";
  }
};

class RoomsTest : public RoomsTeam {
 protected:
  RoomsTest() : RoomsTeam(4711) {}
  void TestBody() override = 0;
};

}  // namespace coterie::testing
