// Beacons: who reads them, what others see, what floods and false ones cost, and that nodes that
// know no address of each other meet by them.

#include "node/core/beacon.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "node/core/limits.hpp"
#include "node/core/sightings.hpp"
#include "tests/support/cluster_test.hpp"
#include "tests/support/seeded_secure_random.hpp"

namespace coterie::node {
namespace {

using namespace std::chrono_literals;
using testing::Cluster;
using testing::ClusterTest;
using testing::SeededSecureRandom;

constexpr WallMillis kPeriodMs = 600'000;

class BeaconTest : public ::testing::Test {
 protected:
  BeaconTest() : random_(1), self_(device(1)), other_(device(2)), team_(workspace(9)) {
    members_[team_] = {self_, other_};
  }
  static DeviceId device(std::uint8_t value) {
    DeviceId id;
    id.bytes.fill(value);
    return id;
  }
  static WorkspaceId workspace(std::uint8_t value) {
    WorkspaceId id;
    id.bytes.fill(value);
    return id;
  }
  Beacon::Membership membership() const {
    Beacon::Membership all;
    for (const auto& [id, devices] : members_) all.workspaces.push_back(id);
    all.find = [this](const WorkspaceId& id, ByteView beginning) -> const DeviceId* {
      for (const DeviceId& one : members_.at(id)) {
        if (std::equal(beginning.begin(), beginning.end(), one.bytes.begin())) return &one;
      }
      return nullptr;
    };
    return all;
  }
  Bytes made_by(const DeviceId& id, std::uint16_t port = 7400) {
    Beacon beacon(now_, id, port, random_);
    return *beacon.take_due(now_, {team_});
  }
  std::vector<Beacon::Sighting> heard(Beacon& by, const Bytes& datagram,
                                      const std::string& source = "10.0.0.2") const {
    return by.receive(now_, source, datagram, membership());
  }

  SeededSecureRandom random_;
  DeviceId self_;
  DeviceId other_;
  WorkspaceId team_;
  Now now_{Instant(1h), 1'760'000'000'000};
  std::map<WorkspaceId, std::set<DeviceId>> members_;
};

TEST_F(BeaconTest, MembersReadWhoAndWhere) {
  Beacon here(now_, self_, 0, random_);
  EXPECT_FALSE(here.next_deadline()) << "a node that does not listen sends none";
  const Bytes datagram = made_by(other_, 4321);
  ASSERT_EQ(datagram.size(), kBeaconBytes);
  const auto seen = heard(here, datagram);
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].device, other_);
  EXPECT_EQ(seen[0].port, 4321);
  EXPECT_TRUE(heard(here, made_by(self_)).empty()) << "its own";
  EXPECT_TRUE(heard(here, made_by(device(3))).empty()) << "of no member";
  members_ = {{workspace(8), {self_, other_}}};
  EXPECT_TRUE(heard(here, datagram).empty()) << "of another workspace";
}

TEST_F(BeaconTest, TwoOfOneDeviceShareNothing) {
  Beacon there(now_, other_, 7400, random_);
  const Bytes first = *there.take_due(now_, {team_});
  now_.steady = *there.next_deadline();
  const Bytes second = *there.take_due(now_, {team_});
  ASSERT_EQ(first.size(), second.size());
  EXPECT_TRUE(std::equal(first.begin(), first.begin() + 4, second.begin()));
  // Of bytes that are drawn independently one in 256 is the same; of runs of four, none.
  std::size_t same = 0;
  for (std::size_t i = 4; i < kBeaconBytes; ++i) same += first[i] == second[i];
  EXPECT_LT(same, 10u);
  for (auto at = first.begin() + 4; first.end() - at >= 4; ++at) {
    EXPECT_EQ(std::search(second.begin() + 4, second.end(), at, at + 4), second.end());
  }
  // Nor can it be told in how many workspaces it is: unused places hold noise.
  const Bytes nowhere(16, 0);
  EXPECT_EQ(std::search(first.begin(), first.end(), nowhere.begin(), nowhere.end()), first.end());
}

TEST_F(BeaconTest, ClocksMayDifferByAPeriodAndNoMore) {
  Beacon here(now_, self_, 0, random_);
  now_.wall = now_.wall / kPeriodMs * kPeriodMs;  // The first moment of a period.
  const Bytes datagram = made_by(other_);
  const WallMillis made = now_.wall;
  const auto at = [&](WallMillis wall) {
    now_.wall = wall;
    return heard(here, datagram, "from:" + std::to_string(wall)).size();
  };
  EXPECT_EQ(at(made - 1), 1u);
  EXPECT_EQ(at(made - kPeriodMs), 1u);
  EXPECT_EQ(at(made - kPeriodMs - 1), 0u);
  EXPECT_EQ(at(made + 2 * kPeriodMs - 1), 1u);
  EXPECT_EQ(at(made + 2 * kPeriodMs), 0u) << "replayed too late";
  EXPECT_EQ(at(0), 0u);
}

TEST_F(BeaconTest, WhatIsChangedIsNoise) {
  Beacon here(now_, self_, 0, random_);
  const Bytes datagram = made_by(other_);
  std::size_t read = 0;
  for (std::size_t i = 0; i < kBeaconBytes; ++i) {
    now_.steady += 1s;
    Bytes changed = datagram;
    changed[i] ^= 1;
    read += heard(here, changed, "from:" + std::to_string(i)).size();
  }
  // The places of eleven workspaces hold noise.
  EXPECT_EQ(read, kBeaconBytes - 4 - 16 - 26);
  now_.steady += 1s;
  EXPECT_TRUE(heard(here, Bytes(datagram.begin(), datagram.end() - 1)).empty());
  Bytes longer = datagram;
  longer.push_back(0);
  EXPECT_TRUE(heard(here, longer).empty());
}

TEST_F(BeaconTest, AFloodIsNotLookedAt) {
  Beacon here(now_, self_, 0, random_);
  const std::size_t each = kBeaconsPerSecond / 10;
  std::size_t of_one = 0;
  for (int i = 0; i < 1000; ++i) of_one += heard(here, made_by(other_)).size();
  EXPECT_LE(of_one, each + 1);
  EXPECT_GE(of_one, each);
  const Bytes datagram = made_by(other_);
  EXPECT_EQ(heard(here, datagram, "10.0.0.3").size(), 1u) << "others are heard meanwhile";
  std::size_t of_all = 0;
  for (std::size_t i = 0; i < 10 * kBeaconSourcesMax; ++i) {
    of_all += heard(here, datagram, "h" + std::to_string(i)).size();
  }
  EXPECT_LE(of_all, kBeaconsPerSecond + 1);
  now_.steady += 10s;
  EXPECT_EQ(heard(here, datagram, "10.0.0.4").size(), 1u);
}

TEST_F(BeaconTest, SentQuicklyAtFirstAndThenNowAndThen) {
  Beacon here(now_, self_, 7400, random_);
  const auto sent_within = [&](Duration duration) {
    std::size_t sent = 0;
    const Instant end = now_.steady + duration;
    while (here.next_deadline() && *here.next_deadline() <= end) {
      now_.steady = std::max(now_.steady, *here.next_deadline());
      sent += here.take_due(now_, {team_}).has_value();
    }
    now_.steady = end;
    return sent;
  };
  EXPECT_EQ(sent_within(1s), 3u);
  const std::size_t later = sent_within(100s);
  EXPECT_GE(later, 9u);
  EXPECT_LE(later, 13u);
  here.hurry(now_);
  EXPECT_EQ(sent_within(1s), 3u);
}

TEST_F(BeaconTest, WhereManyAreHeardTheyAreSeldom) {
  Beacon here(now_, self_, 7400, random_);
  (void)here.take_due(now_, {team_});
  Duration longest{};
  for (const std::size_t others : {33u, 100u, 1000u}) {
    for (std::size_t i = 0; i < others; ++i) {
      if (i % 100 == 0) now_.steady += 1s;  // Not a flood.
      (void)heard(here, made_by(other_), "h" + std::to_string(i));
    }
    now_.steady = std::max(now_.steady, *here.next_deadline());
    (void)here.take_due(now_, {team_});
    const Duration pause = *here.next_deadline() - now_.steady;
    if (others == 33) {
      EXPECT_LE(pause, 10s);
    } else {
      EXPECT_GE(pause, others == 100 ? 28s : 58s) << others;
    }
    EXPECT_GE(pause, longest);
    longest = std::max(longest, pause);
  }
  EXPECT_LE(longest, 60s);
  now_.steady = *here.next_deadline();
  (void)here.take_due(now_, {team_});
  EXPECT_LE(*here.next_deadline() - now_.steady, 10s) << "they have gone";
}

TEST_F(BeaconTest, OfTwoCopiesOneIsLookedAt) {
  Beacon here(now_, self_, 0, random_);
  const Bytes datagram = made_by(other_);
  EXPECT_EQ(heard(here, datagram).size(), 1u);
  EXPECT_EQ(heard(here, datagram).size(), 0u);
  EXPECT_EQ(heard(here, datagram, "10.0.0.3").size(), 1u) << "another interface of it";
}

TEST_F(BeaconTest, EachOfManyWorkspacesHasItsTurn) {
  std::vector<WorkspaceId> many;
  members_.clear();
  for (std::uint8_t i = 0; i < 2 * kBeaconSlots; ++i) {
    many.push_back(workspace(i));
    members_[many.back()] = {self_, device(static_cast<std::uint8_t>(100 + i))};
  }
  Beacon here(now_, self_, 0, random_);
  Beacon there(now_, device(3), 7400, random_);
  for (auto& [id, devices] : members_) devices.insert(device(3));
  for (int i = 0; i < 2; ++i) {
    now_.steady = *there.next_deadline();
    EXPECT_EQ(heard(here, *there.take_due(now_, many)).size(), kBeaconSlots);
  }
}

TEST(SightingsTest, FewPlacesOfAMemberAndNotForLong) {
  Sightings sightings;
  Now now{Instant(1h), 0};
  const DeviceId who;
  EXPECT_TRUE(sightings.add(now, who, "tcp://a:1"));
  EXPECT_FALSE(sightings.add(now, who, "tcp://a:1")) << "as before";
  std::size_t taken = 1;
  for (int i = 0; i < 100; ++i)
    taken += sightings.add(now, who, "tcp://h" + std::to_string(i) + ":1");
  EXPECT_EQ(taken, kSightingBurst);
  EXPECT_EQ(sightings.of(who).size(), kSightingsMax);
  EXPECT_EQ(sightings.of(who).front(), "tcp://h2:1") << "the newest first";
  now.steady += kSightingKept - 1ms;
  EXPECT_TRUE(sightings.drop_old(now).empty());
  now.steady += 1ms;
  EXPECT_EQ(*sightings.next_deadline(), now.steady);
  EXPECT_EQ(sightings.drop_old(now), std::set<DeviceId>{who});
  EXPECT_TRUE(sightings.of(who).empty());
  EXPECT_FALSE(sightings.next_deadline());
}

// Whole nodes. Green and blue tell nobody where they are.

/// Gives what it is given, once.
class GivenRandom final : public SecureRandom {
 public:
  explicit GivenRandom(Bytes bytes) : bytes_(std::move(bytes)) {}
  void fill(std::span<std::uint8_t> out) override {
    for (std::size_t i = 0; i < std::min(out.size(), bytes_.size()); ++i) out[i] = bytes_[i];
  }

 private:
  Bytes bytes_;
};

/// tests/golden/beacons: made from the text of the protocol by somebody else's BLAKE2b.
TEST(BeaconGolden, WeWriteAndReadWhatTheProtocolSays) {
  std::ifstream in(std::string(COTERIE_SOURCE_DIR) + "/tests/golden/beacons/beacons_v1.json");
  const auto file = nlohmann::json::parse(in);
  const auto bytes = [](const nlohmann::json& hex) { return *from_hex(hex.get<std::string>()); };
  ASSERT_EQ(file.at("beacons").size(), 3u);
  for (const auto& one : file.at("beacons")) {
    const auto device = *DeviceId::from(bytes(one.at("device")));
    const auto port = one.at("port").get<std::uint16_t>();
    const Bytes beacon = bytes(one.at("beacon"));
    Now now{};
    now.wall = one.at("now_ms").get<WallMillis>();
    std::vector<WorkspaceId> slots;
    for (const auto& id : one.at("slots")) slots.push_back(*WorkspaceId::from(bytes(id)));

    GivenRandom random(bytes(one.at("random")));
    Beacon sender(now, device, port, random);
    auto turns = slots;  // The first turn is the second one's.
    std::rotate(turns.begin(), turns.end() - 1, turns.end());
    const auto made = sender.take_due(now, turns);
    ASSERT_TRUE(made);
    EXPECT_EQ(to_hex(*made), to_hex(beacon));

    Beacon::Membership membership{slots, [&](const WorkspaceId&, ByteView beginning) {
                                    const bool same = std::equal(beginning.begin(), beginning.end(),
                                                                 device.bytes.begin());
                                    return same ? &device : nullptr;
                                  }};
    for (const std::int64_t periods : {-2, -1, 0, 1, 2}) {
      Beacon receiver(now, DeviceId(), 0, random);
      Now then{};
      then.wall = now.wall + static_cast<WallMillis>(periods) * kPeriodMs;
      const auto seen = receiver.receive(then, "10.0.0.2", beacon, membership);
      EXPECT_EQ(seen.size(), std::abs(periods) < 2 ? slots.size() : 0) << periods;
      for (const auto& sighting : seen) {
        EXPECT_EQ(sighting.device, device);
        EXPECT_EQ(sighting.port, port);
      }
    }
  }
}

class BeaconEngineTest : public ClusterTest {
 protected:
  BeaconEngineTest() : ClusterTest(31) {
    cluster_.set_engine_options([this](Engine::Options& options) {
      if (options.device_name != "red") options.addresses.clear();
      options.beacons = beacons_;
      options.beacon_port = 7400;
      options.static_peers = peers_;
    });
    red_ = cluster_.add_node("red");
    found(red_);
    green_ = cluster_.add_node("green");
    join(green_, red_);
    blue_ = cluster_.add_node("blue");
    part(green_, blue_);
    join(blue_, red_);
    cluster_.run_for(3s);
    for (const auto node : {red_, green_, blue_}) cluster_.crash(node);
    cluster_.network().heal_all(cluster_.now());
  }
  void restart_both() {
    cluster_.restart(green_);
    cluster_.restart(blue_);
  }

  bool beacons_ = false;
  std::vector<Engine::StaticPeer> peers_;
  Cluster::Node red_ = 0;
  Cluster::Node green_ = 0;
  Cluster::Node blue_ = 0;
};

TEST_F(BeaconEngineTest, WithoutThemNobodyIsFound) {
  restart_both();
  EXPECT_FALSE(cluster_.run_until(1min, [&] { return cluster_.linked(green_, blue_); }));
}

TEST_F(BeaconEngineTest, MembersFindEachOtherAtOnce) {
  beacons_ = true;
  restart_both();
  EXPECT_TRUE(cluster_.run_until(1s, [&] { return cluster_.linked(green_, blue_); }));
}

TEST_F(BeaconEngineTest, FalseOnesCostADialThatFails) {
  beacons_ = true;
  cluster_.restart(green_);
  // Blue's, repeated by somebody elsewhere.
  Now now = cluster_.at();
  SeededSecureRandom random(5);
  Beacon blue(now, cluster_.id(blue_), 7400, random);
  const Bytes datagram = *blue.take_due(now, {workspace_});
  for (const char* source : {"nowhere", "red", "nowhere.else"}) {
    cluster_.hear_beacon(green_, source, datagram);
  }
  cluster_.run_for(30s);
  EXPECT_FALSE(cluster_.linked(green_, blue_));
  cluster_.restart(blue_);
  EXPECT_TRUE(cluster_.run_until(15s, [&] { return cluster_.linked(green_, blue_); }));
}

TEST_F(BeaconEngineTest, StaticPeersAreDialledByNameOrId) {
  for (const std::string& who : {std::string("blue"), cluster_.id(blue_).hex().substr(0, 8)}) {
    peers_ = {{who, cluster_.address(blue_)}};
    restart_both();
    EXPECT_TRUE(cluster_.run_until(1s, [&] { return cluster_.linked(green_, blue_); })) << who;
    cluster_.crash(green_);
    cluster_.crash(blue_);
  }
}

TEST_F(BeaconEngineTest, MembersHearWhereADeviceWent) {
  cluster_.restart(red_);
  restart_both();
  cluster_.run_for(10s);
  const auto known = [&](Cluster::Node at) {
    const auto members = *cluster_.engine(at).members(workspace_);
    for (const MemberInfo& one : members) {
      if (one.device == cluster_.id(green_)) return one.addresses;
    }
    return std::vector<std::string>();
  };
  const std::vector<std::string> there{"tcp://cafe:7400"};
  cluster_.move(green_, {"tcp://cafe:7400", "no address"});
  EXPECT_TRUE(
      cluster_.run_until(2s, [&] { return known(red_) == there && known(blue_) == there; }));
}

}  // namespace
}  // namespace coterie::node
