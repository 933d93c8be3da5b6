// Relays: nodes that keep and forward what they cannot read, with whole nodes in virtual time.

#include <gtest/gtest.h>

#include "node/core/engine.hpp"
#include "node/core/quota.hpp"
#include "tests/support/cluster.hpp"
#include "transport/wire/messages.hpp"

namespace coterie::node {
namespace {

using namespace std::chrono_literals;
using testing::Cluster;

class RelayTest : public ::testing::Test {
 protected:
  RelayTest() : cluster_(17, {}) {
    cluster_.set_engine_options([this](Engine::Options& options) {
      if (options.device_name == "relay") options.relay_quota_bytes = quota_;
    });
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
    const auto invite = run(red_, CreateInvite{workspace_, role, 1h, 1});
    EXPECT_TRUE(invite) << invite.error().what;
    const auto joined = run(node, JoinWorkspace{std::get<InviteCreated>(*invite).invite});
    EXPECT_TRUE(joined) << joined.error().what;
    cluster_.run_for(3s);  // All are linked.
    return node;
  }
  std::string text(Cluster::Node node, const std::string& path = "notes.md") {
    const auto found = cluster_.engine(node).document_text(workspace_, path, "monaco");
    return found ? *found : std::string("?");
  }
  bool has(Cluster::Node node, const std::string& words) {
    return text(node).find(words) != std::string::npos;
  }
  Cluster::ClientIndex client(Cluster::Node node, const std::string& path = "notes.md") {
    const std::uint64_t id = 100 + ++clients_;
    const auto index = cluster_.add_client(id, "c" + std::to_string(id));
    EXPECT_TRUE(cluster_.connect(index, node, "team", path));
    cluster_.run_for(50ms);
    return index;
  }
  void type(Cluster::ClientIndex index, const std::string& words) {
    cluster_.client(index).insert(cluster_.client(index).length(), words);
    cluster_.deliver_to_server(index);
    cluster_.run_for(200ms);
  }
  bool same(Cluster::Node a, Cluster::Node b) {
    return *cluster_.engine(a).frontier_digest(workspace_) ==
           *cluster_.engine(b).frontier_digest(workspace_);
  }
  RelayInfo info(Cluster::Node node) {
    return cluster_.engine(node).workspaces().at(0).relay.value_or(RelayInfo{});
  }
  std::size_t noticed(Cluster::Node node, const std::string& words) {
    const auto& notices = cluster_.notices(node);
    return static_cast<std::size_t>(std::count_if(
        notices.begin(), notices.end(),
        [&](const auto& notice) { return notice.text.find(words) != std::string::npos; }));
  }
  void restart(Cluster::Node node) {
    cluster_.crash(node);
    cluster_.restart(node);
  }

  std::uint64_t quota_ = kRelayQuotaBytes;
  Cluster cluster_;
  Cluster::Node red_ = 0;
  WorkspaceId workspace_;
  std::uint64_t clients_ = 0;
};

TEST_F(RelayTest, OverTheQuotaItClaimsLessAndGoesOnWhenThereIsMore) {
  quota_ = 20'000;
  const auto relay = join("relay", Role::kRelay);
  const auto green = join("green");
  const auto writer = client(red_);
  std::size_t typed = 0;
  while (info(relay).declined == 0 && typed < 100) type(writer, std::string(500, 'x')), ++typed;
  ASSERT_LT(typed, 40u);
  EXPECT_LE(info(relay).used, quota_);
  EXPECT_GT(info(relay).used, quota_ * 3 / 4 - 1'000) << "all but the share of green";
  EXPECT_EQ(info(relay).quota, quota_);
  for (int i = 0; i < 5; ++i) type(writer, "[more]");
  cluster_.run_for(20s);
  EXPECT_TRUE(has(green, "[more]")) << "others go on";
  EXPECT_FALSE(same(red_, relay));
  EXPECT_LE(info(relay).used, quota_);
  EXPECT_EQ(noticed(relay, "quota"), 1u) << "it says so once";

  // Nobody asks again and again for what there is no room for.
  std::size_t pulls = 0;
  cluster_.on_frame = [&](Cluster::Node from, ByteView frame) {
    const auto message = transport::decode(frame);
    if (from == relay && message && std::holds_alternative<transport::Pull>(*message)) ++pulls;
  };
  cluster_.run_for(2min);
  EXPECT_EQ(pulls, 0u);

  quota_ = 60'000;
  restart(relay);
  EXPECT_TRUE(cluster_.run_until(1min, [&] { return same(red_, relay); }));
  EXPECT_EQ(info(relay).declined, 0u);
}

TEST_F(RelayTest, OperationsAreTakenWhatTheQuotaIs) {
  quota_ = 0;
  const auto relay = join("relay", Role::kRelay);
  join("green");
  EXPECT_EQ(cluster_.engine(relay).members(workspace_)->size(), 3u);
  // But a log is taken in order: what comes after content that there is no room for waits.
  type(client(red_), "words");
  join("blue");
  EXPECT_EQ(cluster_.engine(relay).members(workspace_)->size(), 3u);
  quota_ = 10'000;
  restart(relay);
  EXPECT_TRUE(cluster_.run_until(
      10s, [&] { return cluster_.engine(relay).members(workspace_)->size() == 4; }));
}

TEST_F(RelayTest, OneMemberCannotUseAllOfTheQuota) {
  quota_ = 60'000;
  const auto relay = join("relay", Role::kRelay);
  const auto green = join("green");
  const auto flood = client(green);
  for (int i = 0; i < 100; ++i) type(flood, std::string(800, 'y'));
  EXPECT_GT(info(relay).declined, 0u);
  const auto before = info(relay).used;
  EXPECT_LT(before, 52'000u);
  type(client(red_), "[of red]");
  EXPECT_GT(info(relay).used, before) << "red has its share";
}

TEST_F(RelayTest, TheQuotaIsCountedAnewAfterACrash) {
  const auto relay = join("relay", Role::kRelay);
  const auto writer = client(red_);
  for (int i = 0; i < 20; ++i) type(writer, "words");
  const auto before = info(relay).used;
  EXPECT_GT(before, 20 * kEntryRowBytes);
  restart(relay);
  EXPECT_EQ(info(relay).used, before);
}

TEST_F(RelayTest, AMemberThatBecomesARelayHasAQuotaAndAReaderNone) {
  const auto green = join("green");
  const auto writer = client(red_);
  for (int i = 0; i < 5; ++i) type(writer, "words");
  EXPECT_FALSE(cluster_.engine(green).workspaces().at(0).relay);
  ASSERT_TRUE(run(red_, SetRole{workspace_, cluster_.id(green), Role::kRelay, false}));
  cluster_.run_for(2s);
  EXPECT_GT(info(green).used, 5 * kEntryRowBytes);
  const auto before = info(green).used;
  restart(green);
  EXPECT_EQ(info(green).used, before) << "counted alike from the disk and from what waits for it";
  ASSERT_TRUE(run(red_, SetRole{workspace_, cluster_.id(green), Role::kEditor, false}));
  cluster_.run_for(2s);
  EXPECT_FALSE(cluster_.engine(green).workspaces().at(0).relay);
}

}  // namespace
}  // namespace coterie::node
