// The accept gate by itself: who loses a place, at each limit and one past it.

#include "transport/zmq/internal/gate.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>
#include <set>
#include <string>

namespace coterie::transport::internal {
namespace {

using namespace std::chrono_literals;

AddressKey at(const std::string& text) {
  sockaddr_storage address{};
  auto& v4 = reinterpret_cast<sockaddr_in&>(address);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address);
  if (::inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    address.ss_family = AF_INET;
  } else {
    EXPECT_EQ(::inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr), 1) << text;
    address.ss_family = AF_INET6;
  }
  return address_key(address).value();
}

class AcceptGateTest : public ::testing::Test {
 protected:
  AcceptGate gate_{{}};
  AcceptGate::Clock::time_point now_{1h};
  int fd_ = 0;

  /// Connections of `from`, one after the other; who was cut.
  std::set<int> arrive(const std::string& from, std::size_t count) {
    std::set<int> cut;
    for (std::size_t i = 0; i < count; ++i) {
      if (const auto victim = gate_.accepted(++fd_, at(from), now_)) cut.insert(*victim);
    }
    return cut;
  }
};

TEST_F(AcceptGateTest, AddressesAreCountedByWhatAStrangerHasOneOf) {
  EXPECT_EQ(at("192.0.2.1"), at("::ffff:192.0.2.1"));
  EXPECT_NE(at("192.0.2.1"), at("192.0.2.2"));
  EXPECT_EQ(at("2001:db8::1"), at("2001:db8::ffff:1:2:3"));
  EXPECT_NE(at("2001:db8:0:1::1"), at("2001:db8:0:2::1"));
  sockaddr_storage local{};
  local.ss_family = AF_UNIX;
  EXPECT_FALSE(address_key(local));
}

TEST_F(AcceptGateTest, AnAddressHasItsPlacesAndThenLosesItsOldest) {
  EXPECT_TRUE(arrive("192.0.2.1", kUnprovenPerAddressMax).empty());
  EXPECT_TRUE(arrive("192.0.2.2", kUnprovenPerAddressMax).empty());
  EXPECT_EQ(arrive("192.0.2.1", 1), std::set<int>{1});
  EXPECT_EQ(arrive("192.0.2.1", 2), (std::set<int>{2, 3}));
  EXPECT_EQ(gate_.unproven(), 2 * kUnprovenPerAddressMax);
}

TEST_F(AcceptGateTest, TheBusiestAddressGivesWayWhenAllPlacesAreTaken) {
  arrive("192.0.2.200", 1);
  const int busiest = fd_ + 1;
  arrive("192.0.2.1", 3);
  std::size_t left = kUnprovenMax - gate_.unproven();
  for (int host = 2; left > 0; ++host) {
    const std::size_t count = std::min<std::size_t>(left, 2);
    EXPECT_TRUE(arrive("192.0.2." + std::to_string(host), count).empty());
    left -= count;
  }
  EXPECT_EQ(gate_.unproven(), kUnprovenMax);
  EXPECT_EQ(arrive("198.51.100.1", 1), std::set<int>{busiest});
  // Now several have two each: the oldest of them.
  EXPECT_EQ(arrive("198.51.100.2", 1), std::set<int>{busiest + 1});
  EXPECT_EQ(gate_.unproven(), kUnprovenMax);
}

TEST_F(AcceptGateTest, WhoProvedItselfOrLeftTakesNoPlace) {
  for (std::size_t i = 0; i < 3 * kUnprovenPerAddressMax; ++i) {
    EXPECT_TRUE(arrive("192.0.2.1", 1).empty());
    i % 2 == 0 ? gate_.proven(fd_) : gate_.closed(fd_);
  }
  EXPECT_EQ(gate_.unproven(), 0u);
  gate_.proven(12345);
}

TEST_F(AcceptGateTest, AnAddressHasItsRate) {
  const auto come_and_go = [&](const std::string& from) {
    const auto cut = arrive(from, 1);
    gate_.closed(fd_);
    return cut.empty();
  };
  for (std::uint64_t i = 0; i < kAcceptBurst; ++i) EXPECT_TRUE(come_and_go("192.0.2.1")) << i;
  EXPECT_FALSE(come_and_go("192.0.2.1"));
  EXPECT_TRUE(come_and_go("192.0.2.2"));
  now_ += 1s;
  for (std::uint64_t i = 0; i < kAcceptsPerSecond; ++i) EXPECT_TRUE(come_and_go("192.0.2.1")) << i;
  EXPECT_FALSE(come_and_go("192.0.2.1"));
  EXPECT_EQ(gate_.unproven(), 0u) << "who is refused takes no place";
}

TEST_F(AcceptGateTest, OnlySoManyAddressesAreRemembered) {
  for (std::uint64_t i = 0; i < kAcceptBurst; ++i) {
    arrive("192.0.2.1", 1);
    gate_.closed(fd_);
  }
  const auto others = [&](std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      now_ += 1us;
      arrive("10.1." + std::to_string(i / 256) + "." + std::to_string(i % 256), 1);
      gate_.closed(fd_);
    }
  };
  others(kAddressesRemembered - 1);
  const int refused = fd_ + 1;
  EXPECT_EQ(arrive("192.0.2.1", 1), std::set<int>{refused}) << "it is still known";
  others(kAddressesRemembered);
  EXPECT_TRUE(arrive("192.0.2.1", 1).empty()) << "it was forgotten, and begins anew";
}

TEST_F(AcceptGateTest, APlaceIsHeldForAWhileOnly) {
  arrive("192.0.2.1", 2);
  now_ += kHandshakeTimeout - 1ms;
  arrive("192.0.2.1", 1);
  EXPECT_TRUE(gate_.overdue(now_).empty());
  gate_.proven(2);
  now_ += 1ms;
  EXPECT_EQ(gate_.overdue(now_), std::vector<int>{1});
}

TEST_F(AcceptGateTest, ADescriptorThatIsUsedAgainIsAnotherConnection) {
  EXPECT_FALSE(gate_.accepted(7, at("192.0.2.1"), now_));
  EXPECT_FALSE(gate_.accepted(7, at("192.0.2.2"), now_));
  EXPECT_EQ(gate_.unproven(), 1u);
  gate_.closed(7);
  EXPECT_EQ(gate_.unproven(), 0u);
}

}  // namespace
}  // namespace coterie::transport::internal
