// Goal: at 20 to 200 nodes entries reach everybody about as soon as the links allow and few times
// too often, whatever happens to nodes and links, and rest costs little. Figures: docs/MESH.md.
//
// Times are of the simulation: equal seeds, equal times. This is the short version;
// bench/run.sh mesh-scale measures the same with more seeds, and 1,000 nodes.

#include <gtest/gtest.h>

#include "tests/support/choices.hpp"
#include "tests/support/mesh_scenarios.hpp"
#include "tests/support/scale_test.hpp"
#include "transport/crypto/crypto.hpp"
#include "transport/wire/limits.hpp"

namespace coterie::testing {
namespace {

using namespace std::chrono_literals;

using ScaleSim = ScaleTest;

MeshFleet::Options fleet_of(std::size_t nodes, std::uint64_t seed) {
  MeshFleet::Options options;
  options.nodes = nodes;
  options.seed = seed;
  options.drift_ppm = 100;
  options.wall_skew = std::chrono::minutes(10);
  return options;
}

void print(const char* what, const std::optional<Duration>& time) {
  if (time) std::printf("%s %.2f s\n", what, std::chrono::duration<double>(*time).count());
}

void print(const char* what, const Spread& all) {
  std::printf(
      "%s: %llu of %llu reached, last p50 %.0f p99 %.0f ms (floor %.0f and %.0f), %.2f extra\n",
      what, static_cast<unsigned long long>(all.reached), static_cast<unsigned long long>(all.due),
      all.last_ms.median(), all.last_ms.percentile(99), all.floor_ms.median(),
      all.floor_ms.percentile(99), all.extra_copies.mean());
}

TEST_F(ScaleSim, AFullMeshSendsEachEntryOnce) {
  Spread all;
  each_seed(3, [&](std::uint64_t seed) {
    for (const std::size_t nodes : {std::size_t{20}, transport::kFullMeshMembersMax}) {
      MeshFleet fleet(fleet_of(nodes, seed));
      fleet.fill(2, 200);
      const auto linked = bring_up(fleet);
      ASSERT_TRUE(linked.has_value());
      EXPECT_EQ(degrees(fleet).least(), static_cast<double>(nodes - 1));
      const Spread one = spread(fleet, seed, {});
      EXPECT_EQ(one.reached, one.due);
      EXPECT_TRUE(fleet.agreed());
      all.add(one);
    }
  });
  print("20 and 32 nodes", all);
  EXPECT_LE(all.last_ms.percentile(99), 80);
}

TEST_F(ScaleSim, TwoHundredNodesAreReached) {
  Spread all;
  each_seed(1, [&](std::uint64_t seed) {
    MeshFleet fleet(fleet_of(200, seed));
    fleet.fill(1, 200);
    ASSERT_TRUE(bring_up(fleet).has_value());
    EXPECT_LE(degrees(fleet).most(), 14);
    const Spread one = spread(fleet, seed, {});
    EXPECT_EQ(one.reached, one.due);
    all.add(one);
  });
  print("200 nodes", all);
  EXPECT_LE(all.last_ms.percentile(99), 200);
}

TEST_F(ScaleSim, LargeEntriesTravelAboutOnce) {
  Spread all;
  each_seed(1, [&](std::uint64_t seed) {
    MeshFleet fleet(fleet_of(100, seed));
    fleet.fill(1, 200);
    ASSERT_TRUE(bring_up(fleet).has_value());
    SpreadPlan plan;
    plan.bytes = 8'000;
    plan.gap = 500ms;
    const Spread one = spread(fleet, seed, plan);
    EXPECT_EQ(one.reached, one.due);
    all.add(one);
  });
  print("100 nodes, 8 kB", all);
  EXPECT_LE(all.extra_copies.mean(), 0.5);
}

TEST_F(ScaleSim, SurvivorsGoOnWhenAThirdDiesAtOnce) {
  each_seed(2, [&](std::uint64_t seed) {
    for (const auto death : {MeshFleet::Death::kProcess, MeshFleet::Death::kPower}) {
      MeshFleet fleet(fleet_of(100, seed));
      fleet.fill(1, 200);
      ASSERT_TRUE(bring_up(fleet).has_value());
      const Deaths deaths = kill_at_once(fleet, seed, 30, death);
      print("30 % killed", deaths.spread);
      print("degree restored after", deaths.restored);
      EXPECT_TRUE(deaths.survivors_connected);
      EXPECT_EQ(deaths.spread.reached, deaths.spread.due);
      EXPECT_LE(deaths.spread.last_ms.most(), 250);
      ASSERT_TRUE(deaths.restored.has_value());
      EXPECT_LE(*deaths.restored, death == MeshFleet::Death::kProcess ? 3s : 6s);
      EXPECT_TRUE(fleet.agreed());
    }
  });
}

TEST_F(ScaleSim, HalvesAgreeOnceTheyHearEachOther) {
  each_seed(2, [&](std::uint64_t seed) {
    for (const std::size_t nodes : {std::size_t{20}, std::size_t{80}}) {
      MeshFleet fleet(fleet_of(nodes, seed));
      fleet.fill(1, 200);
      ASSERT_TRUE(bring_up(fleet).has_value());
      const auto agreed = partition(fleet, seed, 30s);
      print("a partition of 30 s: agreed after", agreed);
      ASSERT_TRUE(agreed.has_value()) << nodes;
      EXPECT_LE(*agreed, 20s);
    }
  });
}

TEST_F(ScaleSim, NodesThatComeAndGoAgreeInTheEnd) {
  each_seed(2, [&](std::uint64_t seed) {
    MeshFleet fleet(fleet_of(80, seed));
    fleet.fill(1, 200);
    ASSERT_TRUE(bring_up(fleet).has_value());
    const auto agreed = churn(fleet, seed, 30s, 200ms);
    print("a fifth away, 5 changes a second: agreed after", agreed);
    ASSERT_TRUE(agreed.has_value());
    EXPECT_LE(*agreed, 20s);
  });
}

TEST_F(ScaleSim, OneWayCutsDoNotKeepNodesApart) {
  each_seed(2, [&](std::uint64_t seed) {
    MeshFleet fleet(fleet_of(80, seed));
    fleet.fill(1, 200);
    ASSERT_TRUE(bring_up(fleet).has_value());
    Spread meanwhile;
    const auto agreed = asymmetric_cuts(fleet, seed, 15, 30s, meanwhile);
    print("15 % of directions cut", meanwhile);
    ASSERT_TRUE(agreed.has_value());
    EXPECT_LE(*agreed, 20s);
  });
}

TEST_F(ScaleSim, AReturnWithLittleNewsCostsLittle) {
  each_seed(3, [&](std::uint64_t seed) {
    for (const std::size_t changed : {std::size_t{0}, std::size_t{1}, std::size_t{10}}) {
      const auto back = come_back(200, seed, changed);
      ASSERT_TRUE(back.has_value()) << changed;
      EXPECT_LE(back->bytes, 4'096 + changed * 2'000) << changed;
      EXPECT_LE(back->round_trips, changed == 0 ? 1.2 : 4) << changed;
    }
  });
}

}  // namespace
}  // namespace coterie::testing
