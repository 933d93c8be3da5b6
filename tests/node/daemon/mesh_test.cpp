// The picture of the mesh as JSON.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "node/daemon/peer_calls.hpp"
#include "tests/support/cluster_test.hpp"

namespace coterie::node {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

TEST(AddressKind, IsWhereAnAddressIs) {
  for (const char* here :
       {"tcp://127.0.0.1:7400", "tcp://127.9.9.9:1", "tcp://[::1]:7400", "tcp://localhost:7400"}) {
    EXPECT_STREQ(address_kind(here), "loopback") << here;
  }
  for (const char* near : {"tcp://10.0.0.1:7400", "tcp://192.168.1.5:1", "tcp://172.16.0.1:1",
                           "tcp://169.254.1.1:1", "tcp://[fe80::1%eth0]:1", "tcp://[fd00::1]:1"}) {
    EXPECT_STREQ(address_kind(near), "local") << near;
  }
  for (const char* far : {"tcp://8.8.8.8:7400", "tcp://172.32.0.1:1", "tcp://[2001:db8::1]:1"}) {
    EXPECT_STREQ(address_kind(far), "internet") << far;
  }
  for (const char* name : {"tcp://anna.example:7400", "tcp://fdhost:1", "", "x"}) {
    EXPECT_STREQ(address_kind(name), "name") << name;
  }
}

class MeshJson : public testing::ClusterTest {
 protected:
  MeshJson() : ClusterTest(7) {
    red_ = cluster_.add_node("red");
    relay_ = cluster_.add_node("relay");
    blue_ = cluster_.add_node("blue");
    found(red_);
    join(relay_, red_, Role::kRelay);
    join(blue_, red_);
    part(red_, blue_);
    cluster_.run_for(20s);
  }
  json look() {
    const auto mesh = mesh_json(cluster_.at(), cluster_.engine(red_), workspace_);
    (void)cluster_.look_at_mesh(red_, workspace_);  // What is to be sent for it, is.
    EXPECT_TRUE(mesh);
    return mesh ? *mesh : json();
  }

  testing::Cluster::Node red_ = 0;
  testing::Cluster::Node relay_ = 0;
  testing::Cluster::Node blue_ = 0;
};

TEST_F(MeshJson, ShowsTheWholeWorkspace) {
  (void)look();
  cluster_.run_for(3s);
  const json mesh = look();
  EXPECT_EQ(mesh.at("self"), cluster_.id(red_).hex());
  EXPECT_EQ(mesh.at("in_sync"), true) << mesh.dump(1);
  ASSERT_EQ(mesh.at("nodes").size(), 3u);
  for (const json& node : mesh.at("nodes")) {
    EXPECT_EQ(node.at("online"), true);
    EXPECT_EQ(node.at("in_step"), true);
    const bool linked = node.at("device") == cluster_.id(relay_).hex();
    EXPECT_EQ(node.at("behind"), linked ? json(0) : json());
    EXPECT_EQ(node.at("ahead"), linked ? json(0) : json());
    if (linked) {
      EXPECT_EQ(node.at("role"), "relay");
      EXPECT_EQ(node.at("name"), "relay");
    }
  }
  ASSERT_EQ(mesh.at("links").size(), 2u);
  for (const json& link : mesh.at("links")) {
    EXPECT_LT(link.at("a"), link.at("b"));
    EXPECT_EQ(link.at("kind"), "relay");
    EXPECT_EQ(link.at("in_step"), true);
    EXPECT_TRUE(link.at("round_trip_ms").is_number());
    EXPECT_EQ(link.at("confirmed"), true);
  }
  part(relay_, blue_);
  cluster_.run_for(10s);
  const json without = look();
  EXPECT_EQ(without.at("links").size(), 1u);
  EXPECT_EQ(without.at("in_sync"), true) << "of who is online";
  EXPECT_FALSE(mesh_json(cluster_.at(), cluster_.engine(red_), WorkspaceId{}));
}

}  // namespace
}  // namespace coterie::node
