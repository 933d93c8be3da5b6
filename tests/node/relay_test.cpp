// Relays: nodes that keep and forward what they cannot read, with whole nodes in virtual time.

#include <gtest/gtest.h>

#include "node/core/engine.hpp"
#include "node/core/quota.hpp"
#include "node/core/transfer_messages.hpp"
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

TEST_F(RelayTest, WhatMembersDroppedIsNotFetchedForEver) {
  const auto relay = join("relay", Role::kRelay);
  const auto green = join("green");
  const auto writer = client(red_);
  for (int i = 0; i < 10; ++i) type(writer, "held ");
  ASSERT_TRUE(same(red_, relay));
  const auto held = info(relay).used;
  cluster_.crash(relay);
  for (int i = 0; i < 10; ++i) type(writer, "missed ");
  ASSERT_TRUE(run(red_, MakeCheckpoint{workspace_}));
  const auto agreed = [&](Cluster::Node node) {
    const auto all = cluster_.engine(node).retention(workspace_)->checkpoints;
    return std::any_of(all.begin(), all.end(), [](const auto& one) { return one.base; });
  };
  ASSERT_TRUE(cluster_.run_until(5min, [&] { return agreed(red_) && agreed(green); }));
  for (const auto node : {red_, green}) {
    ASSERT_TRUE(run(node, Prune{workspace_}));
    ASSERT_TRUE(cluster_.run_until(
        5min, [&] { return !cluster_.engine(node).retention(workspace_)->pruning; }));
  }
  std::size_t fetches = 0;
  std::size_t bytes = 0;
  cluster_.on_frame = [&](Cluster::Node from, ByteView frame) {
    const auto message = transport::decode(frame);
    if (from != relay || !message) return;
    const auto* application = std::get_if<transport::Application>(&*message);
    if (application != nullptr && is_transfer_message(application->payload)) ++fetches;
    if (std::holds_alternative<transport::Pull>(*message)) bytes += frame.size();
  };
  cluster_.restart(relay);
  cluster_.run_for(10min);
  EXPECT_EQ(fetches, 0u);
  EXPECT_LT(bytes, 60'000u) << "100 bytes a second at most";
  EXPECT_EQ(noticed(relay, "dropped history"), 1u);
  EXPECT_GE(info(relay).used, held);
  type(writer, "after");
  EXPECT_TRUE(cluster_.run_until(2s, [&] { return has(green, "after"); }));
}

/// Red, green and a relay: red and green never reach each other.
class BetweenTest : public RelayTest {
 protected:
  void SetUp() override {
    relay_ = join("relay", Role::kRelay);
    green_ = cluster_.add_node("green");
    cluster_.network().cut(red_, green_);
    cluster_.network().cut(green_, red_);
    // A host that both reach lets green in, and leaves.
    const auto host = join("host", Role::kHost);
    const auto invite = run(host, CreateInvite{workspace_, role_, 1h, 1});
    ASSERT_TRUE(run(green_, JoinWorkspace{std::get<InviteCreated>(*invite).invite}));
    cluster_.run_for(10s);
    cluster_.crash(host);
    cluster_.run_for(30s);
    ASSERT_FALSE(linked(red_, green_));
    ASSERT_TRUE(linked(red_, relay_));
    ASSERT_TRUE(linked(green_, relay_)) << "by the relay's card";
  }
  bool linked(Cluster::Node from, Cluster::Node to) {
    return peer(from, to).linked;
  }
  transport::PeerStatus peer(Cluster::Node from, Cluster::Node to) {
    const auto peers = cluster_.engine(from).peers(workspace_);
    for (const auto& one : *peers) {
      if (one.device == cluster_.id(to)) return one;
    }
    return {};
  }
  bool shows(Cluster::ClientIndex index, const std::string& words) {
    for (const auto& [id, state] : cluster_.client(index).others()) {
      if (state.find(words) != std::string::npos) return true;
    }
    return false;
  }

  Role role_ = Role::kEditor;
  Cluster::Node relay_ = 0;
  Cluster::Node green_ = 0;
};

TEST_F(BetweenTest, TwoWhoAreNeverOnlineTogetherMeet) {
  cluster_.crash(green_);
  type(client(red_), "left for green");
  ASSERT_TRUE(cluster_.run_until(5s, [&] { return same(red_, relay_); }));
  cluster_.crash(red_);
  cluster_.run_for(10s);
  restart(relay_);
  cluster_.restart(green_);
  EXPECT_TRUE(cluster_.run_until(10s, [&] { return has(green_, "left for green"); }));
  type(client(green_), ", and an answer");
  cluster_.run_for(1s);
  cluster_.crash(green_);
  cluster_.restart(red_);
  EXPECT_TRUE(cluster_.run_until(10s, [&] { return has(red_, ", and an answer"); }));
  EXPECT_EQ(text(relay_), "?");
}

TEST_F(BetweenTest, TheyTypeAndSeeEachOtherLive) {
  const auto at_red = client(red_);
  const auto at_green = client(green_);
  type(at_red, "[red]");
  type(at_green, "[green]");
  EXPECT_TRUE(cluster_.run_until(
      2s, [&] { return has(red_, "[green]") && has(green_, "[red]") && same(red_, green_); }));
  cluster_.client(at_red).move_cursor();
  cluster_.deliver_to_server(at_red);
  EXPECT_TRUE(cluster_.run_until(2s, [&] { return shows(at_green, "\"move\":1"); }));
  const auto seen = peer(green_, red_);
  EXPECT_FALSE(seen.linked);
  EXPECT_EQ(seen.via, std::vector<DeviceId>{cluster_.id(relay_)});
  EXPECT_TRUE(cluster_.engine(green_).arrivals(workspace_)->contains(cluster_.id(red_)));
  cluster_.disconnect(at_red);
  EXPECT_TRUE(cluster_.run_until(2s, [&] { return !shows(at_green, "\"move\":1"); }));
}

TEST_F(BetweenTest, TheRelayPassesNoPresenceOnTwice) {
  const auto at_red = client(red_);
  const auto at_green = client(green_);
  std::vector<Bytes> overheard;
  std::size_t passed_on = 0;
  bool listening = true;
  cluster_.on_frame = [&](Cluster::Node from, ByteView frame) {
    const auto message = transport::decode(frame);
    if (!message || !std::holds_alternative<transport::Awareness>(*message)) return;
    if (from == red_ && listening) overheard.emplace_back(frame.begin(), frame.end());
    const bool of_red = std::get<transport::Awareness>(*message).origin == cluster_.id(red_);
    if (from == relay_ && of_red && !listening) ++passed_on;
  };
  for (int i = 0; i < 5; ++i) {
    cluster_.client(at_red).move_cursor();
    cluster_.deliver_to_server(at_red);
    cluster_.run_for(100ms);
  }
  ASSERT_TRUE(shows(at_green, "\"move\":5"));
  ASSERT_FALSE(overheard.empty());
  cluster_.disconnect(at_red);
  cluster_.run_for(1s);
  listening = false;
  for (const Bytes& frame : overheard) ASSERT_TRUE(cluster_.inject(red_, relay_, frame));
  Bytes forged = overheard.back();
  forged[forged.size() - 1] ^= 1;  // Of the signature.
  ASSERT_TRUE(cluster_.inject(red_, relay_, forged));
  cluster_.run_for(2s);
  EXPECT_EQ(passed_on, 0u);
  EXPECT_TRUE(cluster_.client(at_green).others().empty());
}

TEST_F(BetweenTest, ARelayThatWithholdsIsSeenToBeBehindAndAnotherPathIsTaken) {
  // It says what it holds, and gives nothing.
  Cluster::Tap tap;
  tap.outgoing = [](const DeviceId&, Bytes frame) -> std::optional<Bytes> {
    const auto message = transport::decode(frame);
    const auto* entries = message ? std::get_if<transport::Entries>(&*message) : nullptr;
    if (entries != nullptr && !entries->entries.empty()) return std::nullopt;
    return frame;
  };
  cluster_.set_tap(relay_, tap);
  type(client(red_), "withheld");
  cluster_.run_for(5s);
  EXPECT_FALSE(has(green_, "withheld"));
  EXPECT_GT(peer(green_, relay_).entries_behind, 0u) << "green knows that it lacks something";
  cluster_.restart(3);
  EXPECT_TRUE(cluster_.run_until(30s, [&] { return has(green_, "withheld"); }))
      << "by the host, whom both reach";
}

TEST_F(BetweenTest, PresenceOfOneThatCrashedGoesAtOnceAlsoThroughARelay) {
  const auto at_red = client(red_);
  const auto at_green = client(green_);
  cluster_.client(at_red).move_cursor();
  cluster_.deliver_to_server(at_red);
  ASSERT_TRUE(cluster_.run_until(2s, [&] { return shows(at_green, "\"move\":1"); }));
  cluster_.crash(red_);
  EXPECT_TRUE(cluster_.run_until(1s, [&] { return !shows(at_green, "\"move\":1"); }));
  cluster_.run_for(5s);
  EXPECT_FALSE(linked(green_, red_));
  EXPECT_TRUE(peer(green_, red_).via.empty());
}

TEST_F(BetweenTest, OneThatStopsKnowsWhenTheOthersHaveItsLastWords) {
  const auto at_red = client(red_);
  cluster_.run_for(10s);
  EXPECT_TRUE(cluster_.engine(red_).delivered(cluster_.at())) << "nothing new";
  cluster_.client(at_red).insert(0, "last words");
  cluster_.deliver_to_server(at_red);
  cluster_.engine(red_).prepare_to_stop(cluster_.at());
  cluster_.run_for(15ms);  // On the disk, and on its way.
  EXPECT_FALSE(cluster_.engine(red_).delivered(cluster_.at()));
  EXPECT_TRUE(
      cluster_.run_until(2500ms, [&] { return cluster_.engine(red_).delivered(cluster_.at()); }));
  cluster_.engine(red_).shut_down(cluster_.at());
  cluster_.crash(red_);
  EXPECT_TRUE(cluster_.run_until(2s, [&] { return has(green_, "last words"); }));
}

class ViewerBetweenTest : public BetweenTest {
 protected:
  ViewerBetweenTest() { role_ = Role::kViewer; }
};

TEST_F(ViewerBetweenTest, AViewerReadsThroughTheRelay) {
  type(client(red_), "to be read");
  EXPECT_TRUE(cluster_.run_until(2s, [&] { return has(green_, "to be read"); }));
  const auto viewer = client(green_);
  EXPECT_EQ(cluster_.client(viewer).text(), "to be read");
}

}  // namespace
}  // namespace coterie::node
