// What a browser can push on: at each limit and past it, the node goes on and others notice
// nothing.

#include <gtest/gtest.h>

#include "node/core/context.hpp"
#include "node/core/document_store.hpp"
#include "node/core/limits.hpp"
#include "tests/support/cluster.hpp"

namespace coterie::node {
namespace {

using namespace std::chrono_literals;
using testing::Cluster;
using testing::SeededSecureRandom;

class ClientLimitsTest : public ::testing::Test {
 protected:
  ClientLimitsTest() : cluster_(3, {}) {
    red_ = cluster_.add_node("red");
    const RequestId request = cluster_.command(red_, CreateWorkspace{"team"});
    cluster_.run_for(1s);
    workspace_ = std::get<WorkspaceReady>(**cluster_.reply(request)).workspace;
  }

  Cluster::ClientIndex client(std::uint64_t id) {
    const auto index = cluster_.add_client(id, "c" + std::to_string(id));
    EXPECT_TRUE(cluster_.connect(index, red_, "team", "d"));
    cluster_.run_for(400ms);
    return index;
  }
  Engine& engine() { return cluster_.engine(red_); }

  Cluster cluster_;
  Cluster::Node red_ = 0;
  WorkspaceId workspace_;
};

TEST_F(ClientLimitsTest, Clients) {
  for (ClientHandle handle = 1; handle <= kClientsMax; ++handle) {
    ASSERT_TRUE(engine().handle_client_open(cluster_.at(), 1'000'000 + handle, "team", "d", {}));
    while (engine().poll_output()) {
    }
  }
  const auto past = engine().handle_client_open(cluster_.at(), 5, "team", "d", {});
  ASSERT_FALSE(past);
  EXPECT_EQ(past.error().code, ErrorCode::kLimitExceeded);
  engine().handle_client_closed(cluster_.at(), 1'000'001);
  EXPECT_TRUE(engine().handle_client_open(cluster_.at(), 6, "team", "d", {}));
}

TEST_F(ClientLimitsTest, MessageBytes) {
  const auto index = client(1);
  // At the limit a message is read (and this one refused for what it says), past it not.
  Bytes message(kClientMessageBytesMax + 1, 0);
  message[0] = 99;  // Of a type that is ignored.
  message.pop_back();
  cluster_.send_raw(index, message);
  EXPECT_TRUE(cluster_.connected(index));
  message.push_back(0);
  cluster_.send_raw(index, message);
  EXPECT_FALSE(cluster_.connected(index));
}

TEST_F(ClientLimitsTest, AnUpdateTooLargeForARecordIsRefused) {
  const auto index = client(1);
  Bytes message{0, 2};
  append_varuint(message, kUpdateBytesMax + 1);
  message.resize(message.size() + kUpdateBytesMax + 1);
  cluster_.send_raw(index, message);
  EXPECT_FALSE(cluster_.connected(index));
  EXPECT_TRUE(engine().documents(workspace_)->empty());
}

TEST_F(ClientLimitsTest, AwarenessRateKeepsTheNewest) {
  const auto a = client(1);
  const auto b = client(2);
  const auto before = cluster_.messages_to(b);
  for (std::size_t i = 0; i < 10 * kAwarenessBurst; ++i) {
    cluster_.client(a).move_cursor();
    cluster_.deliver_to_server(a);
  }
  cluster_.run_for(50ms);
  EXPECT_LE(cluster_.messages_to(b) - before, kAwarenessBurst + 5);
  EXPECT_TRUE(cluster_.connected(a));
  cluster_.run_for(1s);
  EXPECT_EQ(cluster_.client(b).others().at(1), cluster_.client(a).state());
}

TEST_F(ClientLimitsTest, AwarenessIdsOfOneConnection) {
  const auto a = client(1);
  const auto b = client(2);
  std::vector<AwarenessState> crowd;
  for (std::uint64_t id = 100; id < 100 + 2 * kAwarenessIdsPerClientMax; ++id) {
    crowd.push_back({id, 1, "{}"});
  }
  cluster_.send_raw(a, *awareness_message(crowd));
  cluster_.run_for(1s);
  EXPECT_EQ(cluster_.client(b).others().size(), kAwarenessIdsPerClientMax);
  cluster_.disconnect(a);
  cluster_.run_for(1s);
  EXPECT_TRUE(cluster_.client(b).others().empty());
}

TEST_F(ClientLimitsTest, AwarenessStateTooLargeClosesItsSender) {
  const auto a = client(1);
  const auto b = client(2);
  const std::string large = "{\"a\":\"" + std::string(kAwarenessStateBytesMax, 'x') + "\"}";
  cluster_.send_raw(a, *awareness_message({{1, 50, large}}));
  EXPECT_FALSE(cluster_.connected(a));
  EXPECT_TRUE(cluster_.connected(b));
}

TEST_F(ClientLimitsTest, NobodySpeaksForAnotherConnection) {
  const auto a = client(1);
  const auto b = client(2);
  const auto c = client(3);
  // Clears, and sets with a clock like ours (an echo): neither counts.
  cluster_.send_raw(b, *awareness_message({{1, 2'000'000'000'000, ""}}));
  cluster_.send_raw(b, *awareness_message({{1, 2'000'000'000'000, "{\"stolen\":1}"}}));
  cluster_.run_for(1s);
  EXPECT_EQ(cluster_.client(c).others().at(1), cluster_.client(a).state());
}

TEST(DocumentLimitsTest, DocumentsOfOneWorkspace) {
  SeededSecureRandom random(1);
  Context context{{}, crypto::SigningKey::generate(random), random, {}};
  storage::MemoryStore store;
  Ledger ledger({}, store, context.identity, random, [] { return true; });
  DocumentStore documents(ledger, context);
  for (std::size_t i = 0; i < kDocumentsMax; ++i) {
    ASSERT_TRUE(documents.open_path("d" + std::to_string(i)));
  }
  EXPECT_TRUE(documents.open_path("d0"));
  const auto past = documents.open_path("one more");
  ASSERT_FALSE(past);
  EXPECT_EQ(past.error().code, ErrorCode::kLimitExceeded);
  documents.release(**documents.open_path("d0"));
  EXPECT_TRUE(documents.open_path("one more"));
}

}  // namespace
}  // namespace coterie::node
