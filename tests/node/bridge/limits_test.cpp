// What strangers can push on: connections, WebSockets per second, time, memory. Each at its limit
// and past it.

#include <array>
#include <memory>
#include <thread>
#include <vector>

#include "tests/node/bridge/fixture.hpp"

namespace coterie::node::bridge {
namespace {

class BridgeLimits : public BridgeTest {
 protected:
  /// The status of an upgrade as a proxy passes it on.
  int upgrade_for(RawClient& client, const std::string& address) {
    return client.upgrade("/sync/w/d", "X-Forwarded-For: " + address + "\r\n").status;
  }
  void trust_proxy() {
    options_.trusted_proxies = {"127.0.0.1"};
    options_.require_token = true;
  }
};

TEST_F(BridgeLimits, ConnectionsOfOneAddress) {
  limits_.per_loopback_address.connections = 2;
  start();
  auto one = std::make_unique<RawClient>(server_->port());
  RawClient two(server_->port());
  EXPECT_EQ(one->request("GET /v1/status").status, 200);
  EXPECT_EQ(two.upgrade("/sync/w/d").status, 101);
  RawClient three(server_->port());
  EXPECT_EQ(three.read_response().status, 429);
  EXPECT_TRUE(three.at_end());
  one->send("GET /v1/status HTTP/1.1\r\nHost: " + one->host() + "\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(one->read_response().status, 200);
  EXPECT_TRUE(one->at_end());
  one->close();
  // Its place is free once the server has noticed.
  int status = 0;
  for (int tries = 0; tries < 1000 && status != 200; ++tries) {
    RawClient again(server_->port());
    status = again.request("GET /v1/status").status;
  }
  EXPECT_EQ(status, 200);
  EXPECT_GE(server_->stats().refused, 1u);
}

TEST_F(BridgeLimits, ConnectionsOfOneAddressBehindAProxy) {
  trust_proxy();
  limits_.per_address.connections = 1;
  start();
  RawClient one(server_->port());
  EXPECT_EQ(upgrade_for(one, "192.0.2.1"), 101);
  RawClient again(server_->port());
  EXPECT_EQ(upgrade_for(again, "192.0.2.1"), 429);
  RawClient two(server_->port());
  EXPECT_EQ(upgrade_for(two, "192.0.2.1, 192.0.2.2"), 101) << "the last is what the proxy saw";
  RawClient six(server_->port());
  EXPECT_EQ(upgrade_for(six, "2001:db8::1"), 101);
  RawClient same_network(server_->port());
  EXPECT_EQ(upgrade_for(same_network, "2001:db8::ffff:2"), 429);
  RawClient other_network(server_->port());
  EXPECT_EQ(upgrade_for(other_network, "2001:db8:0:1::1"), 101);
  RawClient nonsense(server_->port());
  EXPECT_EQ(upgrade_for(nonsense, "nobody"), 400);
}

TEST_F(BridgeLimits, WhatAStrangerSaysOfItsAddressIsNotBelieved) {
  limits_.per_address.connections = 1;
  start();
  for (int count = 0; count < 3; ++count) {
    RawClient one(server_->port());
    EXPECT_EQ(upgrade_for(one, "192.0.2.1"), 101);
  }
}

TEST_F(BridgeLimits, WebSocketsPerSecond) {
  trust_proxy();
  limits_.per_address = {.connections = 1'000, .joins_per_second = 1, .joins_at_once = 5};
  start();
  std::vector<std::unique_ptr<RawClient>> clients;
  int refused = 0;
  // The sixth is one too many, unless a second has passed since the first.
  for (int count = 0; count < 12; ++count) {
    clients.push_back(std::make_unique<RawClient>(server_->port()));
    const int status = upgrade_for(*clients.back(), "192.0.2.1");
    if (count < 5) {
      EXPECT_EQ(status, 101) << count;
    }
    EXPECT_TRUE(status == 101 || status == 429) << status;
    refused += status == 429 ? 1 : 0;
  }
  EXPECT_GT(refused, 0);
  RawClient other(server_->port());
  EXPECT_EQ(upgrade_for(other, "192.0.2.2"), 101);
}

TEST_F(BridgeLimits, TenThousandAttempts) {
  limits_.connections = 50;
  limits_.request = std::chrono::milliseconds(500);
  start();
  RawClient first(server_->port());
  ASSERT_EQ(first.upgrade("/sync/w/d").status, 101);
  std::array<std::thread, 4> attackers;
  for (std::thread& one : attackers) {
    one = std::thread([this] {
      std::vector<std::unique_ptr<RawClient>> held;
      for (int count = 0; count < 2'500; ++count) {
        held.push_back(std::make_unique<RawClient>(server_->port()));
        if (held.size() == 40) held.clear();
      }
    });
  }
  // Meanwhile whoever is in is served as before.
  for (int count = 0; count < 20; ++count) {
    first.send(RawClient::frame("still here"));
    EXPECT_TRUE(handler_.wait_for(
        1, [&](const auto& seen) { return seen.messages.size() == std::size_t(count) + 1; }));
  }
  for (std::thread& one : attackers) one.join();
  int status = 0;
  for (int tries = 0; tries < 10'000 && status != 200; ++tries) {
    RawClient again(server_->port());
    status = again.request("GET /v1/status").status;
  }
  EXPECT_EQ(status, 200);
  const Stats stats = server_->stats();
  EXPECT_LE(stats.connections, 50u);
  EXPECT_GE(stats.accepted + stats.refused, 10'000u);
}

TEST_F(BridgeLimits, UnfinishedRequestsTogether) {
  limits_.unfinished_bytes = 300'000;
  start();
  const auto begin = [&](RawClient& client, std::size_t sent) {
    client.send("POST /v1/workspaces/w/documents HTTP/1.1\r\nHost: " + client.host() +
                "\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n" +
                std::string(sent, ' '));
  };
  RawClient one(server_->port());
  begin(one, 200'000);
  RawClient two(server_->port());
  begin(two, 200'000);
  // Whichever is heard last is one too many.
  RawClient three(server_->port());
  EXPECT_EQ(three.request("GET /v1/status").status, 200);
  std::thread reader([&] {
    if (one.read_response().status != 503) ADD_FAILURE();
  });
  begin(one, 0);
  one.send(std::string(150'000, ' '));
  reader.join();
}

TEST_F(BridgeLimits, PingsOfWhoDoesNotReadPileUpNowhere) {
  start();
  RawClient stalled(server_->port(), 4096);
  ASSERT_EQ(stalled.upgrade("/sync/w/d").status, 101);
  const std::string ping = RawClient::frame(std::string(125, 'p'), 9);
  std::string many;
  for (int count = 0; count < 1'000; ++count) many += ping;
  for (int count = 0; count < 200; ++count) ASSERT_TRUE(stalled.send(many));
  stalled.send(RawClient::frame("after all"));
  EXPECT_TRUE(handler_.wait_for(1, [](const auto& seen) { return seen.messages.size() == 1; }));
  server_->send(1, std::make_shared<const Bytes>(Bytes{'.'}));
  int pongs = 0;
  Frame frame = stalled.read_frame();
  for (; frame.opcode == 10; ++pongs) frame = stalled.read_frame();
  EXPECT_EQ(frame.payload, ".");
  EXPECT_LT(pongs, 100'000);
}

TEST_F(BridgeLimits, AClosingClientHoldsNothing) {
  limits_.unfinished_bytes = 500'000;
  start();
  RawClient one(server_->port());
  ASSERT_EQ(one.upgrade("/sync/w/d").status, 101);
  server_->close_client(1, 1000, "");
  EXPECT_EQ(one.read_frame().close_code(), 1000);
  // It goes on instead of saying goodbye; another needs the room.
  std::string large = RawClient::frame(std::string(10'000'000, 'x'));
  one.send(std::string_view(large).substr(0, 5'000'000));
  RawClient two(server_->port());
  ASSERT_EQ(two.upgrade("/sync/w/d").status, 101);
  two.send(RawClient::frame(std::string(400'000, 'y')));
  EXPECT_TRUE(handler_.wait_for(2, [](const auto& seen) { return seen.messages.size() == 1; }));
}

TEST_F(BridgeLimits, CountsWhatHappens) {
  start();
  RawClient one(server_->port());
  ASSERT_EQ(one.upgrade("/sync/w/d").status, 101);
  one.send(RawClient::frame("in"));
  ASSERT_TRUE(handler_.wait_for(1, [](const auto& seen) { return seen.messages.size() == 1; }));
  server_->send({{1, std::make_shared<const Bytes>(Bytes{1, 2, 3})},
                 {1, std::make_shared<const Bytes>(Bytes{4})}});
  EXPECT_EQ(one.read_frame().payload, "\x01\x02\x03");
  EXPECT_EQ(one.read_frame().payload, "\x04");
  one.send(RawClient::frame("text", 1));
  EXPECT_EQ(one.read_frame().close_code(), 1003);
  one.close();
  ASSERT_TRUE(handler_.wait_for(1, [](const auto& seen) { return seen.closed == 1; }));
  server_->stop();
  const Stats stats = server_->stats();
  EXPECT_EQ(stats.connections, 0u);
  EXPECT_EQ(stats.clients, 0u);
  EXPECT_EQ(stats.accepted, 1u);
  EXPECT_EQ(stats.joined, 1u);
  EXPECT_EQ(stats.requests, 1u);
  EXPECT_EQ(stats.messages_in, 1u);
  EXPECT_EQ(stats.messages_out, 2u);
  EXPECT_EQ(stats.violations, 1u);
  EXPECT_GT(stats.bytes_in, 100u);
  EXPECT_GT(stats.bytes_out, 100u);
}

}  // namespace
}  // namespace coterie::node::bridge
