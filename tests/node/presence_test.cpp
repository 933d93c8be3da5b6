// Whose presence is shown: a member may say anything about anybody's client id.

#include <gtest/gtest.h>

#include <optional>

#include "tests/support/adversary.hpp"
#include "tests/support/cluster.hpp"

namespace coterie::node {
namespace {

using namespace std::chrono_literals;
using testing::Adversary;
using testing::Cluster;

class PresenceTest : public ::testing::Test {
 protected:
  PresenceTest() {
    for (const char* name : {"red", "green", "evil"}) cluster_.add_node(name);
    gang_.emplace(cluster_, std::vector<Cluster::Node>{2}, 1);
    const RequestId founding = cluster_.command(0, CreateWorkspace{"team"});
    cluster_.run_for(100ms);
    workspace_ = std::get<WorkspaceReady>(**cluster_.reply(founding)).workspace;
    gang_->enter(workspace_);
    join(1, Role::kEditor);
    join(2, Role::kViewer);
    for (std::size_t i = 0; i < 3; ++i) {
      const auto client = cluster_.add_client(10 + i, "c" + std::to_string(i));
      EXPECT_TRUE(cluster_.connect(client, i % 2, workspace_.hex(), "notes.md"));
    }
    cluster_.run_for(2s);
  }

  void join(Cluster::Node node, Role role) {
    const RequestId asked = cluster_.command(0, CreateInvite{workspace_, role, 1h, 1});
    cluster_.run_for(100ms);
    (void)cluster_.command(node,
                           JoinWorkspace{std::get<InviteCreated>(**cluster_.reply(asked)).invite});
    cluster_.run_for(3s);
  }
  void forge(std::uint64_t client) {
    const auto frames = gang_->forge_presence("notes.md", {client}, R"({"user":{"name":"evil"}})");
    EXPECT_GT(gang_->send(frames), 0u);
    cluster_.run_for(500ms);
  }
  std::string shown(std::size_t to, std::uint64_t client) {
    const auto others = cluster_.client(to).others();
    const auto found = others.find(client);
    return found == others.end() ? "" : found->second;
  }

  Cluster cluster_{1, {}};
  std::optional<Adversary> gang_;
  WorkspaceId workspace_;
};

TEST_F(PresenceTest, NobodySetsOrClearsThatOfSomebodyWhoIsThere) {
  ASSERT_EQ(shown(1, 10), cluster_.client(0).state());
  forge(10);
  EXPECT_EQ(shown(1, 10), cluster_.client(0).state()) << "on another node";
  EXPECT_EQ(shown(2, 10), cluster_.client(0).state()) << "on its own node";
  EXPECT_FALSE(cluster_.client(0).replaced());

  cluster_.client(0).move_cursor();
  cluster_.deliver_to_server(0);
  cluster_.run_for(500ms);
  EXPECT_EQ(shown(1, 10), cluster_.client(0).state()) << "its own moves show";
  EXPECT_EQ(shown(2, 10), cluster_.client(0).state());
}

TEST_F(PresenceTest, WhoMovesToAnotherNodeIsShownFromThere) {
  ASSERT_EQ(shown(1, 10), cluster_.client(0).state());
  cluster_.disconnect(0);
  cluster_.run_for(500ms);
  EXPECT_EQ(shown(1, 10), "");
  ASSERT_TRUE(cluster_.connect(0, 1, workspace_.hex(), "notes.md"));
  cluster_.client(0).move_cursor();
  cluster_.deliver_to_server(0);
  cluster_.run_for(500ms);
  EXPECT_EQ(shown(1, 10), cluster_.client(0).state());
  EXPECT_EQ(shown(2, 10), cluster_.client(0).state());
}

TEST_F(PresenceTest, WhatADeadNodeSaidMakesRoom) {
  ASSERT_EQ(shown(1, 10), cluster_.client(0).state());
  cluster_.crash(0);  // Without a word.
  ASSERT_TRUE(cluster_.connect(0, 1, workspace_.hex(), "notes.md"));
  for (int i = 0; i < 4; ++i) {
    cluster_.client(0).renew();
    cluster_.deliver_to_server(0);
    cluster_.client(1).renew();
    cluster_.deliver_to_server(1);
    cluster_.run_for(15s);
  }
  EXPECT_EQ(shown(1, 10), cluster_.client(0).state());
}

}  // namespace
}  // namespace coterie::node
