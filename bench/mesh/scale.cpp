// The mesh at 20 to 1,000 nodes, simulated: the tables of docs/MESH.md.
//
//   mesh_scale [--seeds N] [--from SEED] [--nodes-max N] [spread|deaths|agreement|cost]...
//
// All of them without a name; 5 seeds from 1 on. Equal arguments print equal tables.

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "tests/support/mesh_scenarios.hpp"
#include "transport/crypto/crypto.hpp"

namespace coterie {
namespace {

using namespace std::chrono_literals;
using testing::MeshFleet;
using testing::Samples;
using testing::Spread;

struct Arguments {
  std::uint64_t seeds = 5;
  std::uint64_t from = 1;
  std::size_t nodes_max = 1000;
  std::set<std::string> sections;

  bool wants(const char* section) const { return sections.empty() || sections.contains(section); }
};

MeshFleet::Options base(std::size_t nodes, std::uint64_t seed) {
  MeshFleet::Options options;
  options.nodes = nodes;
  options.seed = seed;
  options.drift_ppm = 100;
  options.wall_skew = std::chrono::minutes(10);
  return options;
}

double seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

void add(Samples& samples, const std::optional<Duration>& time) {
  samples.add(time ? seconds(*time) : HUGE_VAL);
}

/// "p50 / p99" of samples, "never" where it did not come to be.
std::string pair(const Samples& samples, int digits) {
  const auto text = [&](double value) {
    char buffer[32];
    (void)std::snprintf(buffer, sizeof buffer, "%.*f", digits, value);
    return value == HUGE_VAL ? std::string("never") : std::string(buffer);
  };
  return text(samples.median()) + " / " + text(samples.percentile(99));
}

std::string share(const Spread& spread) {
  char buffer[32];
  const double percent =
      spread.due == 0 ? 100
                      : 100 * static_cast<double>(spread.reached) / static_cast<double>(spread.due);
  (void)std::snprintf(buffer, sizeof buffer, spread.reached == spread.due ? "%.0f %%" : "%.3f %%",
                      percent);
  return buffer;
}

/// One way for the network or its nodes to be.
struct Condition {
  const char* name;
  std::size_t nodes;
  std::size_t bytes;
  std::function<void(MeshFleet::Options&)> options = {};
  /// Once it is up. Returns nodes that do not count.
  std::function<std::set<std::size_t>(MeshFleet&, std::uint64_t)> change = {};
};

std::set<std::size_t> slow_readers(MeshFleet& fleet, std::uint64_t seed) {
  Random random(seed);
  std::set<std::size_t> slow;
  while (slow.size() < fleet.size() / 20) slow.insert(random.below(fleet.size()));
  for (const std::size_t node : slow) fleet.network().set_reading_rate(node, 500);
  return slow;
}

void spread_table(const Arguments& arguments) {
  const std::vector<Condition> conditions = {
      {"", 20, 200},
      {"", 32, 200},
      {"", 100, 200},
      {"", 200, 200},
      {"", 1000, 200},
      {"", 32, 8'000},
      {"", 200, 8'000},
      {"1 % of frames are sent again by TCP", 200, 200,
       [](auto& options) { options.stalled_per_1000 = 10; }},
      {"links of 64 kB/s", 200, 200, [](auto& options) { options.bytes_per_second = 64'000; }},
      {"30 % of nodes cannot be dialled", 200, 200,
       [](auto& options) { options.undialable_percent = 30; }},
      {"5 % read 500 bytes/s a link (not counted)", 200, 200, {}, slow_readers},
  };
  std::printf(
      "| nodes | entry | condition | links a node | reached | last node, ms | floor over these "
      "links, "
      "ms | floor with direct links, ms | extra copies |\n"
      "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
  for (const Condition& condition : conditions) {
    if (condition.nodes > arguments.nodes_max) continue;
    Spread all;
    Samples degrees;
    for (std::uint64_t seed = arguments.from; seed < arguments.from + arguments.seeds; ++seed) {
      MeshFleet::Options options = base(condition.nodes, seed);
      if (condition.options) condition.options(options);
      MeshFleet fleet(options);
      fleet.fill(1, 200);
      (void)testing::bring_up(fleet);
      testing::SpreadPlan plan;
      plan.bytes = condition.bytes;
      if (condition.change) plan.apart = condition.change(fleet, seed);
      all.add(testing::spread(fleet, seed, plan));
      degrees.add(testing::degrees(fleet));
    }
    std::printf("| %zu | %zu B | %s | %.0f / %.1f / %.0f | %s | %s | %s | %s | %.2f |\n",
                condition.nodes, condition.bytes, condition.name, degrees.least(), degrees.mean(),
                degrees.most(), share(all).c_str(), pair(all.last_ms, 0).c_str(),
                pair(all.floor_ms, 0).c_str(), pair(all.direct_ms, 0).c_str(),
                all.extra_copies.mean());
    (void)std::fflush(stdout);
  }
}

void deaths_table(const Arguments& arguments) {
  std::printf(
      "| nodes | killed | how | survivors connected | reached | last node, ms | floor, ms | degree "
      "restored after, s |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n");
  for (const std::size_t nodes : {std::size_t{100}, std::size_t{200}, std::size_t{1000}}) {
    if (nodes > arguments.nodes_max) continue;
    for (const auto death : {MeshFleet::Death::kProcess, MeshFleet::Death::kPower}) {
      Spread all;
      Samples restored;
      std::uint64_t connected = 0;
      for (std::uint64_t seed = arguments.from; seed < arguments.from + arguments.seeds; ++seed) {
        MeshFleet fleet(base(nodes, seed));
        fleet.fill(1, 200);
        (void)testing::bring_up(fleet);
        const auto deaths = testing::kill_at_once(fleet, seed, 30, death);
        all.add(deaths.spread);
        add(restored, deaths.restored);
        if (deaths.survivors_connected) ++connected;
      }
      std::printf("| %zu | 30 %% | %s | %llu of %llu | %s | %s | %s | %s |\n", nodes,
                  death == MeshFleet::Death::kProcess ? "processes" : "power",
                  static_cast<unsigned long long>(connected),
                  static_cast<unsigned long long>(arguments.seeds), share(all).c_str(),
                  pair(all.last_ms, 0).c_str(), pair(all.floor_ms, 0).c_str(),
                  pair(restored, 1).c_str());
      (void)std::fflush(stdout);
    }
  }
}

void agreement_table(const Arguments& arguments) {
  using Scenario = std::function<std::optional<Duration>(MeshFleet&, std::uint64_t)>;
  const std::vector<std::pair<const char*, Scenario>> scenarios = {
      {"halves apart for 3 s",
       [](MeshFleet& fleet, std::uint64_t seed) { return testing::partition(fleet, seed, 3s); }},
      {"halves apart for 60 s",
       [](MeshFleet& fleet, std::uint64_t seed) { return testing::partition(fleet, seed, 60s); }},
      {"15 % of directions cut for 30 s",
       [](MeshFleet& fleet, std::uint64_t seed) {
         Spread meanwhile;
         return testing::asymmetric_cuts(fleet, seed, 15, 30s, meanwhile);
       }},
      {"a fifth away, one comes or goes each 200 ms, for 60 s",
       [](MeshFleet& fleet, std::uint64_t seed) {
         return testing::churn(fleet, seed, 60s, 200ms);
       }},
  };
  std::printf("| nodes | what happened | all agree, s after its end |\n| --- | --- | --- |\n");
  for (const std::size_t nodes : {std::size_t{20}, std::size_t{200}}) {
    if (nodes > arguments.nodes_max) continue;
    for (const auto& scenario : scenarios) {
      Samples agreed;
      for (std::uint64_t seed = arguments.from; seed < arguments.from + arguments.seeds; ++seed) {
        MeshFleet fleet(base(nodes, seed));
        fleet.fill(1, 200);
        (void)testing::bring_up(fleet);
        add(agreed, scenario.second(fleet, seed));
      }
      std::printf("| %zu | %s | %s |\n", nodes, scenario.first, pair(agreed, 1).c_str());
      (void)std::fflush(stdout);
    }
  }
}

void cost_table(const Arguments& arguments) {
  std::printf(
      "| nodes | linked after, s | at rest: bytes a node and minute | frames | heap of a mesh, kB "
      "|\n"
      "| --- | --- | --- | --- | --- |\n");
  for (const std::size_t nodes : {20u, 32u, 100u, 200u, 1000u}) {
    if (nodes > arguments.nodes_max) continue;
    Samples linked;
    testing::Idle all;
    for (std::uint64_t seed = arguments.from; seed < arguments.from + arguments.seeds; ++seed) {
      MeshFleet fleet(base(nodes, seed));
      fleet.fill(1, 200);
      add(linked, testing::bring_up(fleet));
      fleet.advance(10s);
      const auto one = testing::idle(fleet, 60s);
      all.bytes.add(one.bytes);
      all.frames.add(one.frames);
      all.heap_bytes.add(one.heap_bytes);
    }
    std::printf("| %zu | %s | %.0f | %.0f | %.0f |\n", nodes, pair(linked, 1).c_str(),
                all.bytes.mean(), all.frames.mean(), all.heap_bytes.mean() / 1000);
    (void)std::fflush(stdout);
  }
  std::printf(
      "\n| logs | changed meanwhile | bytes, both ways | round trips |\n| --- | --- | --- | --- "
      "|\n");
  for (const std::size_t changed : {0u, 1u, 10u}) {
    Samples bytes;
    Samples trips;
    for (std::uint64_t seed = arguments.from; seed < arguments.from + arguments.seeds; ++seed) {
      const auto back = testing::come_back(200, seed, changed);
      bytes.add(back ? static_cast<double>(back->bytes) : HUGE_VAL);
      trips.add(back ? back->round_trips : HUGE_VAL);
    }
    std::printf("| 200 | %zu | %s | %s |\n", changed, pair(bytes, 0).c_str(),
                pair(trips, 1).c_str());
    (void)std::fflush(stdout);
  }
}

}  // namespace
}  // namespace coterie

int main(int argc, char** argv) {
  coterie::Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto number = [&] { return ++i < argc ? std::strtoull(argv[i], nullptr, 10) : 0; };
    if (word == "--seeds") {
      arguments.seeds = number();
    } else if (word == "--from") {
      arguments.from = number();
    } else if (word == "--nodes-max") {
      arguments.nodes_max = number();
    } else if (word == "spread" || word == "deaths" || word == "agreement" || word == "cost") {
      arguments.sections.insert(word);
    } else {
      (void)std::fprintf(stderr, "mesh_scale: what is %s?\n", word.c_str());
      return 2;
    }
  }
  if (!coterie::crypto::initialise()) return 1;
  const struct {
    const char* name;
    void (*print)(const coterie::Arguments&);
  } sections[] = {{"spread", coterie::spread_table},
                  {"deaths", coterie::deaths_table},
                  {"agreement", coterie::agreement_table},
                  {"cost", coterie::cost_table}};
  for (const auto& section : sections) {
    if (!arguments.wants(section.name)) continue;
    std::printf("\n%s, seeds %llu to %llu\n\n", section.name,
                static_cast<unsigned long long>(arguments.from),
                static_cast<unsigned long long>(arguments.from + arguments.seeds - 1));
    section.print(arguments);
  }
  return 0;
}
