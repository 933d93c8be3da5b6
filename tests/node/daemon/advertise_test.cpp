#include "node/daemon/advertise.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace coterie::node {
namespace {

TEST(MeshAddress, IsTakenApart) {
  const auto four = parse_mesh_address("tcp://192.0.2.7:7430");
  ASSERT_TRUE(four);
  EXPECT_EQ(four->host, "192.0.2.7");
  EXPECT_EQ(four->port, 7430);
  EXPECT_EQ(parse_mesh_address("tcp://[2001:db8::1]:1")->host, "2001:db8::1");
  EXPECT_EQ(parse_mesh_address("tcp://red.example:65535")->port, 65535);
  EXPECT_EQ(parse_mesh_address("tcp://*:0")->host, "*");
}

TEST(MeshAddress, RefusesTheRest) {
  for (const char* bad : {"", "7430", "192.0.2.7:7430", "tcp://", "tcp://:7430", "tcp://a",
                          "tcp://a:", "tcp://a:65536", "tcp://a:-1", "tcp://a:1x",
                          "tcp://2001:db8::1:1", "udp://a:1", "tcp://a b:1", "tcp://[]:1",
                          "tcp://a/b:1", "tcp://a;tcp://b:1", "tcp://a\n:1", "ipc:///tmp/x:1"}) {
    EXPECT_FALSE(parse_mesh_address(bad)) << bad;
  }
  EXPECT_TRUE(parse_mesh_address("tcp://" + std::string(253, 'x') + ":1"));
  EXPECT_FALSE(parse_mesh_address("tcp://" + std::string(254, 'x') + ":1"));
}

TEST(Advertised, IsWhereItListens) {
  EXPECT_EQ(default_advertised({"127.0.0.1", 7430}),
            std::vector<std::string>{"tcp://127.0.0.1:7430"});
  EXPECT_EQ(default_advertised({"::1", 1}), std::vector<std::string>{"tcp://[::1]:1"});
}

TEST(Advertised, OfAllAddressesLeavesOutLoopback) {
  const auto found = default_advertised({"0.0.0.0", 7430});
  EXPECT_LE(found.size(), kAdvertisedMax);
  for (const std::string& address : found) {
    EXPECT_TRUE(address.starts_with("tcp://") && address.ends_with(":7430")) << address;
    EXPECT_EQ(address.find("127."), std::string::npos) << address;
    EXPECT_EQ(address.find('['), std::string::npos) << address;
    EXPECT_TRUE(parse_mesh_address(address)) << address;
  }
}

TEST(Advertised, WhatTheRouterGaveIsAmongTheThreeOfInvites) {
  const std::string mapped = "tcp://20.30.40.50:1";
  std::vector<std::string> own;
  for (std::size_t i = 0; i <= kAdvertisedMax; ++i) {
    const auto found = with_mapped(own, mapped);
    EXPECT_EQ(found.size(), std::min(own.size() + 1, kAdvertisedMax));
    EXPECT_EQ(std::ranges::find(found, mapped) - found.begin(),
              static_cast<std::ptrdiff_t>(std::min<std::size_t>(own.size(), 2)));
    EXPECT_EQ(with_mapped(own, ""), own);
    EXPECT_EQ(with_mapped(found, mapped), found);
    if (own.size() < kAdvertisedMax) own.push_back("tcp://10.0.0.1:" + std::to_string(i + 1));
  }
}

}  // namespace
}  // namespace coterie::node
