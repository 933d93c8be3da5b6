// Who is linked with whom: what claims make of it, and whole nodes that look.

#include "node/core/mesh_picture.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "node/core/json_check.hpp"
#include "node/core/limits.hpp"
#include "tests/support/cluster_test.hpp"

namespace coterie::node {
namespace {

using namespace std::chrono_literals;
using testing::Cluster;
using testing::ClusterTest;
using transport::PeerStatus;

DeviceId device(std::uint8_t byte) {
  DeviceId id;
  id.bytes.fill(byte);
  return id;
}

std::string digits(std::uint8_t byte) { return device(byte).hex().substr(0, 16); }

PeerStatus linked(std::uint8_t to, bool in_step = true) {
  PeerStatus peer;
  peer.device = device(to);
  peer.linked = true;
  peer.in_step = in_step;
  peer.round_trip = 2ms;
  return peer;
}

LinkClaims claims(std::initializer_list<std::uint8_t> to, bool in_step = true) {
  LinkClaims out;
  for (const std::uint8_t one : to) out.links.push_back({digits(one), in_step, 5ms});
  return out;
}

/// "1-2 2-3?": a link that only one end claims has a question mark, one that is not in step a "!".
std::string shown(const MeshPicture& picture) {
  std::string all;
  for (const MeshLink& link : picture.links) {
    all += (all.empty() ? "" : " ") + std::to_string(link.a.bytes[0]) + "-" +
           std::to_string(link.b.bytes[0]) + (link.both ? "" : "?") +
           (link.in_step == false ? "!" : "");
  }
  return all;
}

const MeshNode& node_of(const MeshPicture& picture, std::uint8_t byte) {
  return *std::find_if(picture.nodes.begin(), picture.nodes.end(),
                       [&](const MeshNode& one) { return one.device == device(byte); });
}

const std::set<DeviceId> kFive{device(1), device(2), device(3), device(4), device(5)};

// Claims.

TEST(LinkClaims, AreWrittenAsTheProtocolSays) {
  const LinkClaims said{{{"00112233aabbccdd", true, 2300us}, {"7f00000000000001", false, {}}},
                        true};
  const std::string golden =
      R"({"links":[["00112233aabbccdd",1,2300],["7f00000000000001",0,-1]],"look":true})";
  EXPECT_EQ(encode_link_claims(said), golden);
  EXPECT_EQ(decode_link_claims(golden), said);
  EXPECT_EQ(encode_link_claims({}), R"({"links":[]})");
  EXPECT_EQ(decode_link_claims(R"({"links":[]})"), LinkClaims{});
  WorkspaceId workspace;
  workspace.bytes.fill(1);
  EXPECT_EQ(links_room(workspace).hex(), "72b9bc47e5c42424bf18f70e77379d2b");
}

TEST(LinkClaims, FitOneState) {
  std::vector<PeerStatus> peers;
  for (int i = 0; i < 200; ++i) {
    peers.push_back(linked(static_cast<std::uint8_t>(i)));
    peers.back().round_trip = 59min;
  }
  const LinkClaims most = claims_of(peers, true);
  EXPECT_EQ(most.links.size(), kLinksClaimedMax);
  const std::string state = encode_link_claims(most);
  EXPECT_LE(state.size(), kAwarenessStateBytesMax);
  EXPECT_TRUE(is_json_object(state));
  EXPECT_EQ(decode_link_claims(state), most);
  LinkClaims more = most;
  more.links.push_back(more.links.front());
  EXPECT_FALSE(decode_link_claims(encode_link_claims(more)));
}

TEST(LinkClaims, RoundTripsAreOfTwoDigits) {
  std::vector<PeerStatus> peers{linked(2)};
  const auto rounded = [&](Duration time) {
    peers[0].round_trip = time;
    return claims_of(peers, false).links.at(0).round_trip;
  };
  EXPECT_EQ(rounded(99us), 99us);
  EXPECT_EQ(rounded(2345us), 2300us);
  EXPECT_EQ(rounded(123'456us), 120ms);
  EXPECT_EQ(rounded(-5us), 0us);
  peers[0].round_trip.reset();
  EXPECT_FALSE(claims_of(peers, false).links.at(0).round_trip);
  peers[0].linked = false;
  EXPECT_TRUE(claims_of(peers, false).links.empty());
}

TEST(LinkClaims, WhatIsNoneIsRefused) {
  for (const char* state :
       {"", "{", "[]", "{}", R"({"links":{}})", R"({"links":[5]})", R"({"links":[[]]})",
        R"({"links":[["00112233aabbccdd",1]]})", R"({"links":[["00112233aabbccd",1,5]]})",
        R"({"links":[["00112233aabbccdd","1",5]]})", R"({"links":[["00112233aabbccdd",1,0.5]]})",
        R"({"links":[[5,1,5]]})"}) {
    EXPECT_FALSE(decode_link_claims(state)) << state;
  }
  // What is unknown is passed over, and nonsense of a round trip.
  const auto said = decode_link_claims(
      R"({"links":[["00112233aabbccdd",7,99999999999999,"x"]],"look":"yes","more":[]})");
  ASSERT_TRUE(said);
  EXPECT_FALSE(said->looks);
  EXPECT_FALSE(said->links.at(0).in_step);
  EXPECT_FALSE(said->links.at(0).round_trip);
  std::mt19937_64 random(1);
  const std::string whole = encode_link_claims(claims({1, 2, 3}));
  for (int round = 0; round < 5000; ++round) {
    std::string text = whole;
    for (std::uint64_t change = random() % 4; change > 0; --change) {
      text[random() % text.size()] = static_cast<char>(random());
    }
    (void)decode_link_claims(text);
  }
}

// Pictures.

TEST(MeshPicture, IsMadeOfOwnLinksAndClaims) {
  std::map<DeviceId, LinkClaims> said;
  said[device(2)] = claims({1, 3});
  said[device(3)] = claims({2, 4});
  said[device(4)] = claims({3});
  const MeshPicture picture = draw_mesh(device(1), kFive, {linked(2)}, said);
  EXPECT_EQ(shown(picture), "1-2 2-3 3-4");
  EXPECT_EQ(picture.links[0].round_trip, Duration(2ms));
  EXPECT_EQ(picture.links[2].round_trip, Duration(5ms));
  for (std::uint8_t one = 1; one <= 4; ++one) {
    EXPECT_TRUE(node_of(picture, one).online);
    EXPECT_EQ(node_of(picture, one).in_step, true);
  }
  EXPECT_FALSE(node_of(picture, 5).online);
  EXPECT_FALSE(node_of(picture, 5).in_step);
}

TEST(MeshPicture, TellsWhatOnlyOneEndSays) {
  std::map<DeviceId, LinkClaims> said;
  said[device(2)] = claims({1, 3});
  EXPECT_EQ(shown(draw_mesh(device(1), kFive, {linked(2)}, said)), "1-2 2-3?");
  said[device(3)] = claims({5});
  EXPECT_EQ(shown(draw_mesh(device(1), kFive, {linked(2)}, said)), "1-2 2-3? 3-5?");
  // Three is silent, and what is beyond speaks for it.
  said.erase(device(3));
  said[device(4)] = claims({3, 5});
  EXPECT_EQ(shown(draw_mesh(device(1), kFive, {linked(2)}, said)), "1-2 2-3? 3-4? 4-5?");
}

TEST(MeshPicture, WhoSaysNothingIsKnownByItsNeighbours) {
  PeerStatus three;
  three.device = device(3);
  three.via = {device(2)};
  const MeshPicture picture = draw_mesh(device(1), kFive, {linked(2), three}, {});
  EXPECT_EQ(shown(picture), "1-2 2-3?");
  EXPECT_TRUE(node_of(picture, 3).online);
  EXPECT_FALSE(node_of(picture, 3).in_step) << "not known";
  EXPECT_FALSE(picture.links[1].in_step);
  // By the word of whoever is beyond, too.
  three.via.clear();
  PeerStatus four;
  four.device = device(4);
  four.via = {device(2)};
  const MeshPicture beyond =
      draw_mesh(device(1), kFive, {linked(2), four}, {{device(4), claims({2})}});
  EXPECT_EQ(shown(beyond), "1-2 2-4");
  EXPECT_EQ(node_of(beyond, 4).in_step, true);
}

TEST(MeshPicture, WhoIsBehindIsOutOfStepWithWhatIsBeyond) {
  std::map<DeviceId, LinkClaims> said;
  said[device(2)] = claims({1, 3}, false);
  said[device(3)] = claims({2, 4}, false);
  said[device(4)] = claims({3}, true);
  const MeshPicture picture = draw_mesh(device(1), kFive, {linked(2)}, said);
  EXPECT_EQ(shown(picture), "1-2 2-3! 3-4!") << "one end says so";
  EXPECT_EQ(node_of(picture, 2).in_step, true);
  EXPECT_EQ(node_of(picture, 3).in_step, false);
  EXPECT_EQ(node_of(picture, 4).in_step, false);
}

TEST(MeshPicture, ClaimsCountOnlyFromWhereAWayLeads) {
  std::map<DeviceId, LinkClaims> said;
  said[device(4)] = claims({5, 1, 2});  // Gone, as nobody else says that it is there.
  said[device(5)] = claims({4});
  said[device(2)] = claims({1});
  EXPECT_EQ(shown(draw_mesh(device(1), kFive, {linked(2)}, said)), "1-2");
  // Nobody says of this node what it knows better, and strangers are none of it.
  said[device(2)] = claims({1, 3, 9});
  said[device(3)] = claims({1, 3});
  said[device(1)] = claims({5});
  said[device(9)] = claims({2});
  EXPECT_EQ(shown(draw_mesh(device(1), kFive, {linked(2), linked(9)}, said)), "1-2 2-3?");
}

// Whole nodes.

class LineTest : public ClusterTest {
 protected:
  LineTest() : ClusterTest(31) {
    for (const char* name : {"one", "two", "three", "four", "five"}) {
      nodes_.push_back(cluster_.add_node(name));
    }
    found(nodes_[0]);
    for (std::size_t i = 1; i < nodes_.size(); ++i) join(nodes_[i], nodes_[0]);
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      for (std::size_t j = i + 2; j < nodes_.size(); ++j) part(nodes_[i], nodes_[j]);
    }
    type(client(nodes_[0], 1), "text");
    cluster_.run_for(20s);
  }
  MeshPicture look(std::size_t from) { return cluster_.look_at_mesh(nodes_[from], workspace_); }
  std::string links(const MeshPicture& picture) {
    std::set<std::string> all;
    for (const MeshLink& link : picture.links) {
      const auto [a, b] = std::minmax({place(link.a), place(link.b)});
      all.insert(std::to_string(a + 1) + "-" + std::to_string(b + 1) + (link.both ? "" : "?"));
    }
    std::string text;
    for (const std::string& one : all) text += (text.empty() ? "" : " ") + one;
    return text;
  }
  std::string online(const MeshPicture& picture) {
    std::set<std::size_t> all;
    for (const MeshNode& node : picture.nodes) {
      if (node.online) all.insert(place(node.device) + 1);
    }
    std::string text;
    for (const std::size_t one : all) text += std::to_string(one);
    return text;
  }
  std::size_t place(const DeviceId& id) {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (cluster_.id(nodes_[i]) == id) return i;
    }
    return 99;
  }

  std::vector<Cluster::Node> nodes_;
};

TEST_F(LineTest, EverybodyKnowsAllLinksWithinSeconds) {
  // What needs no asking: its own, and those of whom it is linked to.
  EXPECT_EQ(links(look(0)), "1-2 2-3?");
  cluster_.run_for(2s);
  for (std::size_t i = 0; i < nodes_.size(); ++i) (void)look(i);
  cluster_.run_for(2s);
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const MeshPicture picture = look(i);
    EXPECT_EQ(links(picture), "1-2 2-3 3-4 4-5") << i;
    EXPECT_EQ(online(picture), "12345");
    for (const MeshNode& node : picture.nodes) EXPECT_EQ(node.in_step, true);
    for (const MeshLink& link : picture.links) {
      EXPECT_EQ(link.in_step, true);
      EXPECT_TRUE(link.round_trip);
    }
  }
}

TEST_F(LineTest, WhoIsGoneIsForgotten) {
  (void)look(0);
  cluster_.run_for(3s);
  ASSERT_EQ(links(look(0)), "1-2 2-3 3-4 4-5");
  cluster_.crash(nodes_[4]);
  cluster_.run_for(8s);  // Its link is dead after 4.5 s without a word.
  EXPECT_EQ(links(look(0)), "1-2 2-3 3-4");
  EXPECT_EQ(online(look(0)), "1234");
  cluster_.restart(nodes_[4]);
  cluster_.run_for(20s);
  EXPECT_EQ(links(look(0)), "1-2 2-3 3-4 4-5");
  part(nodes_[1], nodes_[2]);
  cluster_.run_for(8s);
  EXPECT_EQ(links(look(0)), "1-2");
  EXPECT_EQ(online(look(0)), "12");
  (void)look(4);
  cluster_.run_for(2s);
  EXPECT_EQ(links(look(4)), "3-4 4-5");
}

TEST_F(LineTest, NobodyTellsWhileNobodyLooks) {
  (void)look(0);
  cluster_.run_for(3s);
  ASSERT_EQ(links(look(0)), "1-2 2-3 3-4 4-5");
  // It is not known for longer than it is asked for: nor kept.
  cluster_.run_for(kLinksLookedAt + 30s);
  EXPECT_EQ(links(look(0)), "1-2 2-3?");
  cluster_.run_for(3s);
  EXPECT_EQ(links(look(0)), "1-2 2-3 3-4 4-5");
  // While it is asked for it stays.
  for (int i = 0; i < 20; ++i) {
    cluster_.run_for(10s);
    EXPECT_EQ(links(look(0)), "1-2 2-3 3-4 4-5");
  }
  cluster_.crash(nodes_[0]);
  cluster_.restart(nodes_[0]);
  cluster_.run_for(20s);
  (void)look(0);
  cluster_.run_for(3s);
  EXPECT_EQ(links(look(0)), "1-2 2-3 3-4 4-5");
}

TEST_F(LineTest, WhoLeavesTheWorkspaceIsNotShown) {
  (void)look(0);
  cluster_.run_for(3s);
  await(nodes_[0], RemoveMember{workspace_, cluster_.id(nodes_[4]), true});
  cluster_.run_for(8s);
  const MeshPicture picture = look(0);
  EXPECT_EQ(links(picture), "1-2 2-3 3-4");
  EXPECT_EQ(picture.nodes.size(), 4u);
}

TEST_F(LineTest, PassesRelaysThatSayNothing) {
  await(nodes_[0], SetRole{workspace_, cluster_.id(nodes_[2]), Role::kRelay, true});
  cluster_.run_for(20s);
  (void)look(0);
  cluster_.run_for(8s);
  const MeshPicture picture = look(0);
  EXPECT_EQ(links(picture), "1-2 2-3? 3-4? 4-5");
  EXPECT_EQ(online(picture), "12345");
  for (const MeshNode& node : picture.nodes) EXPECT_EQ(node.in_step, true);
}

}  // namespace
}  // namespace coterie::node
