// Removal, new keys and what a steward does by itself, with whole nodes in virtual time.

#include <gtest/gtest.h>

#include "node/core/engine.hpp"
#include "tests/support/cluster.hpp"

namespace coterie::node {
namespace {

using namespace std::chrono_literals;
using testing::Cluster;

class RemovalTest : public ::testing::Test {
 protected:
  RemovalTest() : cluster_(11, {}) {
    red_ = cluster_.add_node("red");
    workspace_ = std::get<WorkspaceReady>(*run(red_, CreateWorkspace{"team"})).workspace;
  }

  Result<CommandResult> run(Cluster::Node node, Command command) {
    const RequestId request = cluster_.command(node, std::move(command));
    EXPECT_TRUE(cluster_.run_until(15min, [&] { return cluster_.reply(request) != nullptr; }));
    return *cluster_.reply(request);
  }
  Cluster::Node join(const std::string& name, Role role = Role::kEditor) {
    const auto node = cluster_.add_node(name);
    enter(node, role);
    cluster_.run_for(3s);  // All are linked.
    return node;
  }
  void enter(Cluster::Node node, Role role = Role::kEditor) {
    const auto invite = run(red_, CreateInvite{workspace_, role, 1h, 1});
    ASSERT_TRUE(invite) << invite.error().what;
    const auto joined = run(node, JoinWorkspace{std::get<InviteCreated>(*invite).invite});
    ASSERT_TRUE(joined) << joined.error().what;
  }
  RemoveMember removal_of(Cluster::Node node) {
    return RemoveMember{workspace_, cluster_.id(node), true};
  }
  std::string text(Cluster::Node node, const std::string& path = "notes.md") {
    const auto found = cluster_.engine(node).document_text(workspace_, path, "monaco");
    return found ? *found : std::string("?");
  }
  bool has(Cluster::Node node, const std::string& words) {
    return text(node).find(words) != std::string::npos;
  }
  Cluster::ClientIndex client(Cluster::Node node) {
    const std::uint64_t id = 100 + ++clients_;
    const auto index = cluster_.add_client(id, "c" + std::to_string(id));
    EXPECT_TRUE(cluster_.connect(index, node, "team", "notes.md"));
    cluster_.run_for(50ms);
    return index;
  }
  void type(Cluster::ClientIndex index, const std::string& words) {
    cluster_.client(index).insert(cluster_.client(index).length(), words);
    cluster_.deliver_to_server(index);
  }
  std::size_t keys_on(Cluster::Node node) {
    std::size_t keys = 0;
    const auto* store = cluster_.disk(node).store(workspace_.hex());
    (void)store->scan(storage::Table::kKeys, {}, {}, [&](ByteView, ByteView) {
      ++keys;
      return true;
    });
    return keys;
  }
  std::size_t members(Cluster::Node node) {
    return cluster_.engine(node).members(workspace_)->size();
  }
  bool linked(Cluster::Node from, Cluster::Node to) {
    const auto peers = cluster_.engine(from).peers(workspace_);
    return std::any_of(peers->begin(), peers->end(), [&](const auto& peer) {
      return peer.device == cluster_.id(to) && peer.linked;
    });
  }
  void part(Cluster::Node a, Cluster::Node b) {
    cluster_.network().cut(a, b);
    cluster_.network().cut(b, a);
  }
  bool noticed(Cluster::Node node, const std::string& words) {
    const auto& notices = cluster_.notices(node);
    return std::any_of(notices.begin(), notices.end(), [&](const auto& notice) {
      return notice.text.find(words) != std::string::npos;
    });
  }

  Cluster cluster_;
  Cluster::Node red_ = 0;
  WorkspaceId workspace_;
  std::uint64_t clients_ = 0;
};

TEST_F(RemovalTest, NothingMoreComesFromARemovedDeviceAndNothingNewGoesToIt) {
  const auto green = join("green");
  const auto blue = join("blue");
  const auto at_red = client(red_);
  const auto at_green = client(green);
  const auto at_blue = client(blue);
  type(at_blue, "[before]");
  cluster_.run_for(1s);
  ASSERT_TRUE(has(red_, "[before]") && has(green, "[before]"));
  const std::size_t keys = keys_on(green);

  const RequestId request = cluster_.command(red_, removal_of(blue));
  type(at_blue, "[late]");  // It cannot know yet.
  ASSERT_TRUE(cluster_.run_until(1s, [&] {
    return cluster_.reply(request) != nullptr && keys_on(green) > keys && members(green) == 2;
  })) << "green writes under a new key within a second";
  EXPECT_TRUE(*cluster_.reply(request));
  type(at_red, "[red]");
  type(at_green, "[green]");
  ASSERT_TRUE(cluster_.run_until(1s, [&] { return has(red_, "[green]") && has(green, "[red]"); }));
  EXPECT_TRUE(cluster_.client(at_red).all_saved() && cluster_.client(at_green).all_saved());

  cluster_.run_for(1s);
  EXPECT_FALSE(linked(blue, red_) || linked(blue, green));
  EXPECT_EQ(keys_on(blue), keys) << "no key came";
  type(at_blue, "[forbidden]");
  cluster_.run_for(1s);
  EXPECT_FALSE(cluster_.connected(at_blue));
  EXPECT_TRUE(noticed(blue, "removed from the workspace by red on 20"));
  EXPECT_TRUE(has(blue, "[before]")) << "it keeps what it has";
  EXPECT_FALSE(has(blue, "[red]") || has(blue, "[green]"));
  cluster_.run_for(1min);
  EXPECT_FALSE(linked(blue, red_) || linked(blue, green) || linked(red_, blue));
  for (const Cluster::Node node : {red_, green}) {
    EXPECT_TRUE(has(node, "[before]")) << text(node);
    EXPECT_FALSE(has(node, "[late]") || has(node, "[forbidden]")) << text(node);
  }
  EXPECT_EQ(text(red_), text(green));

  // The same after a restart.
  cluster_.crash(blue);
  cluster_.restart(blue);
  EXPECT_TRUE(has(blue, "[before]"));
  const auto again = run(blue, CreateDocument{workspace_, "new.md"});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kUnauthorized);
}

TEST_F(RemovalTest, WhatIsTypedWhileThereIsNoKeyWaitsAndIsNotLost) {
  const auto green = join("green");
  const auto blue = join("blue");
  const auto at_red = client(red_);
  const auto at_green = client(green);
  const std::size_t keys = keys_on(red_);
  // It leaves by itself: nobody had a new key ready.
  ASSERT_TRUE(run(blue, RemoveMember{workspace_, cluster_.id(blue), false}));
  ASSERT_TRUE(cluster_.run_until(1s, [&] { return members(red_) == 2 && members(green) == 2; }));
  const Instant start = cluster_.now();
  for (int i = 0; i < 40; ++i) {
    type(at_red, "r");
    type(at_green, "g");
    cluster_.run_for(20ms);
  }
  ASSERT_TRUE(cluster_.run_until(1s, [&] {
    return cluster_.client(at_red).all_saved() && cluster_.client(at_green).all_saved();
  }));
  EXPECT_LT(cluster_.now() - start, 1s + 50ms);
  EXPECT_GT(keys_on(red_), keys);
  cluster_.run_for(1s);
  EXPECT_EQ(text(red_).size(), 80u);
  EXPECT_EQ(text(red_), text(green));
  EXPECT_EQ(text(blue), "?") << "it does not know that there is such a document";
  EXPECT_TRUE(noticed(blue, "left the workspace"));
}

TEST_F(RemovalTest, WithNoHostOnlineAnEditorMakesTheKey) {
  const auto green = join("green");
  const auto blue = join("blue");
  const auto teal = join("teal");
  cluster_.crash(red_);
  const std::size_t keys = keys_on(green);
  ASSERT_TRUE(run(blue, RemoveMember{workspace_, cluster_.id(blue), false}));
  ASSERT_TRUE(
      cluster_.run_until(1s, [&] { return keys_on(green) > keys && keys_on(teal) > keys; }));
  cluster_.run_for(2s);
  EXPECT_LE(keys_on(green), keys + 2) << "they do not all do it";
  cluster_.restart(red_);
  cluster_.run_for(5s);
  const auto at_red = client(red_);
  type(at_red, "hello");
  cluster_.run_for(1s);
  EXPECT_EQ(text(teal), "hello");
  EXPECT_FALSE(has(blue, "hello"));
}

TEST_F(RemovalTest, HostsThatRemoveEachOtherWhilePartedAgreeAfterwards) {
  const auto green = join("green", Role::kHost);
  const auto teal = join("teal");
  const auto pink = join("pink");
  for (const auto here : {red_, teal}) {
    for (const auto there : {green, pink}) part(here, there);
  }
  cluster_.run_for(20s);
  ASSERT_TRUE(run(red_, removal_of(green)));
  ASSERT_TRUE(run(green, removal_of(red_)));
  const auto at_teal = client(teal);
  const auto at_pink = client(pink);
  type(at_teal, "[teal]");
  type(at_pink, "[pink]");
  cluster_.run_for(3s);
  cluster_.network().heal_all(cluster_.now());
  ASSERT_TRUE(cluster_.run_until(60s,
                                 [&] {
                                   return members(red_) == 3 && members(teal) == 3 &&
                                          members(pink) == 3 && has(red_, "[pink]") &&
                                          has(pink, "[teal]");
                                 }))
      << members(red_) << members(teal) << members(pink) << text(red_) << text(pink);
  cluster_.run_for(3s);
  EXPECT_TRUE(noticed(green, "removed from the workspace by"));
  type(at_pink, "[after]");
  cluster_.run_for(2s);
  EXPECT_TRUE(has(red_, "[after]") && has(teal, "[after]"));
  EXPECT_FALSE(has(green, "[after]")) << "the founder stays, and with it who may read";
}

TEST_F(RemovalTest, ARelayLosesTheKeysAndAViewerTheRight) {
  const auto green = join("green");
  const auto blue = join("blue");
  const auto at_red = client(red_);
  const auto at_blue = client(blue);
  type(at_blue, "one ");
  cluster_.run_for(1s);
  ASSERT_TRUE(run(red_, SetRole{workspace_, cluster_.id(blue), Role::kViewer, false}));
  cluster_.run_for(1s);
  type(at_red, "two ");
  cluster_.run_for(1s);
  EXPECT_TRUE(has(blue, "two "));
  ASSERT_TRUE(run(red_, SetRole{workspace_, cluster_.id(blue), Role::kRelay, false}));
  cluster_.run_for(1s);
  type(at_red, "three ");
  cluster_.run_for(2s);
  EXPECT_TRUE(has(green, "three "));
  EXPECT_FALSE(has(blue, "three "));
  EXPECT_TRUE(linked(red_, blue)) << "it still carries entries";
  ASSERT_TRUE(run(red_, SetRole{workspace_, cluster_.id(blue), Role::kEditor, false}));
  ASSERT_TRUE(cluster_.run_until(5s, [&] { return has(blue, "three "); }));
}

TEST_F(RemovalTest, WhoIsLetInAgainIsAMemberAgain) {
  const auto green = join("green");
  const auto blue = join("blue");
  const auto at_red = client(red_);
  ASSERT_TRUE(run(red_, removal_of(blue)));
  type(at_red, "meanwhile ");
  cluster_.run_for(3s);
  enter(blue);
  ASSERT_TRUE(cluster_.run_until(30s, [&] { return has(blue, "meanwhile "); }));
  const auto at_blue = client(blue);
  type(at_blue, "back");
  ASSERT_TRUE(cluster_.run_until(10s, [&] { return has(red_, "back") && has(green, "back"); }));
}

TEST_F(RemovalTest, HostsRotateOnSchedule) {
  cluster_.set_engine_options([](Cluster::Engine::Options& options) {
    options.rotate_after = 1h;
    options.rotate_spread = 10min;
    options.rotate_entries = 50;
  });
  cluster_.crash(red_);
  cluster_.restart(red_);
  const auto green = join("green", Role::kHost);
  cluster_.run_for(30s);
  const std::size_t keys = keys_on(red_);
  cluster_.run_for(58min);
  EXPECT_EQ(keys_on(red_), keys);
  cluster_.run_for(13min);
  EXPECT_GE(keys_on(red_), keys + 1);
  EXPECT_LE(keys_on(red_), keys + 2) << "one host is enough";
  EXPECT_EQ(keys_on(green), keys_on(red_));
  // Or when much was written.
  const std::size_t before = keys_on(red_);
  const auto at_red = client(red_);
  for (int i = 0; i < 60; ++i) {
    type(at_red, "x");
    cluster_.run_for(100ms);
  }
  cluster_.run_for(12min);
  EXPECT_GE(keys_on(red_), before + 1);
  EXPECT_LE(keys_on(red_), before + 2);
}

TEST_F(RemovalTest, TheLastHostStays) {
  const auto green = join("green");
  const auto left = run(red_, RemoveMember{workspace_, cluster_.id(red_), true});
  ASSERT_FALSE(left);
  EXPECT_EQ(left.error().code, ErrorCode::kConflict);
  const auto refused = run(green, removal_of(red_));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnauthorized);
}

}  // namespace
}  // namespace coterie::node
