#include "tests/support/mesh_scenarios.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "transport/core/mesh.hpp"
#include "transport/wire/limits.hpp"

namespace coterie::testing {

using namespace std::chrono_literals;
using transport::kFullMeshMembersMax;

namespace {

/// The goal of the overlay: between 6 and 12.
constexpr std::size_t kDegreeWanted = 6;
/// Until heartbeats and frontiers have settled what the start stirred up.
constexpr Duration kRest = 5s;
constexpr Duration kAgreementMax = 120s;

std::vector<std::size_t> nodes_up(const MeshFleet& fleet) {
  std::vector<std::size_t> up;
  for (std::size_t i = 0; i < fleet.size(); ++i) {
    if (fleet.up(i)) up.push_back(i);
  }
  return up;
}

/// Takes `count` of `from`, at random.
std::vector<std::size_t> draw(Random& random, std::vector<std::size_t> from, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    std::swap(from[i], from[i + random.below(from.size() - i)]);
  }
  from.resize(count);
  return from;
}

void write_one(MeshFleet& fleet, Random& random, std::size_t bytes) {
  const auto up = nodes_up(fleet);
  fleet.write(up[random.below(up.size())], bytes);
}

/// Adds the entry to `spread`, of those nodes for which `counts` says so.
template <typename Counts>
void evaluate(const MeshFleet& fleet, const SimNetwork& network, const MeshFleet::Message& message,
              Counts counts, Spread& spread) {
  Duration last{}, floor{}, direct{};
  std::uint64_t reached = 0;
  std::uint64_t firsts = 0;
  for (std::size_t node = 0; node < fleet.size(); ++node) {
    if (node == message.author) continue;
    if (message.reached[node]) ++firsts;
    if (!counts(node)) continue;
    ++spread.due;
    direct = std::max(direct, network.pair_latency(message.author, node) + 2ms);
    if (message.floor[node]) floor = std::max(floor, *message.floor[node]);
    if (!message.reached[node]) continue;
    ++reached;
    last = std::max(last, *message.reached[node] - message.written);
  }
  spread.reached += reached;
  spread.last_ms.add(last);
  spread.floor_ms.add(floor);
  spread.direct_ms.add(direct);
  if (firsts > 0) {
    spread.extra_copies.add(static_cast<double>(message.copies - std::min(message.copies, firsts)) /
                            static_cast<double>(firsts));
  }
}

std::optional<Duration> until_agreed(MeshFleet& fleet) {
  return fleet.advance_until([&] { return fleet.agreed(); }, kAgreementMax);
}

}  // namespace

// Figures.

void Samples::add(const Samples& others) {
  values_.insert(values_.end(), others.values_.begin(), others.values_.end());
}

double Samples::percentile(double percent) const {
  if (values_.empty()) return 0;
  std::vector<double> sorted = values_;
  std::sort(sorted.begin(), sorted.end());
  const auto rank = std::ceil(percent / 100 * static_cast<double>(sorted.size()));
  return sorted[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
}

double Samples::mean() const {
  if (values_.empty()) return 0;
  return std::accumulate(values_.begin(), values_.end(), 0.0) / static_cast<double>(values_.size());
}

void Spread::add(const Spread& other) {
  last_ms.add(other.last_ms);
  floor_ms.add(other.floor_ms);
  direct_ms.add(other.direct_ms);
  extra_copies.add(other.extra_copies);
  due += other.due;
  reached += other.reached;
}

// Links.

Samples degrees(const MeshFleet& fleet) {
  Samples all;
  for (const std::size_t node : nodes_up(fleet)) {
    all.add(static_cast<double>(fleet.neighbours(node).size()));
  }
  return all;
}

bool well_linked(const MeshFleet& fleet) {
  const auto up = nodes_up(fleet);
  const std::size_t others = up.size() - 1;
  const std::size_t wanted =
      fleet.size() <= kFullMeshMembersMax ? others : std::min(others, kDegreeWanted);
  for (const std::size_t node : up) {
    if (fleet.neighbours(node).size() < wanted) return false;
  }
  const auto seen = fleet.connected(up.front(), [](std::size_t) { return true; });
  return std::all_of(up.begin(), up.end(), [&](std::size_t node) { return seen[node]; });
}

std::optional<Duration> bring_up(MeshFleet& fleet) {
  fleet.start_all();
  const auto linked = fleet.advance_until([&] { return well_linked(fleet); }, 60s);
  fleet.advance(kRest);
  return linked;
}

// Scenarios.

Spread spread(MeshFleet& fleet, std::uint64_t seed, const SpreadPlan& plan) {
  Random random(seed);
  std::vector<std::size_t> authors;
  for (const std::size_t node : nodes_up(fleet)) {
    if (!plan.apart.contains(node)) authors.push_back(node);
  }
  std::vector<std::size_t> written;
  for (std::size_t i = 0; i < plan.entries; ++i) {
    written.push_back(fleet.write(authors[random.below(authors.size())], plan.bytes));
    for (Duration waited{}; plan.each_ms && waited < plan.gap; waited += 1ms) {
      plan.each_ms();
      fleet.advance(1ms);
    }
    if (!plan.each_ms) fleet.advance(plan.gap);
  }
  const auto counts = [&](std::size_t node) {
    return fleet.up(node) && !plan.apart.contains(node);
  };
  const auto all_reached = [&] {
    return std::all_of(written.begin(), written.end(), [&](std::size_t number) {
      const auto& reached = fleet.message(number).reached;
      for (std::size_t node = 0; node < fleet.size(); ++node) {
        if (counts(node) && !reached[node]) return false;
      }
      return true;
    });
  };
  (void)fleet.advance_until(all_reached, plan.patience);
  fleet.advance(1s);  // For late copies.
  Spread result;
  for (const std::size_t number : written) {
    evaluate(fleet, fleet.network(), fleet.message(number), counts, result);
  }
  return result;
}

Deaths kill_at_once(MeshFleet& fleet, std::uint64_t seed, std::uint64_t percent,
                    MeshFleet::Death death) {
  Random random(seed);
  const auto dying = draw(random, nodes_up(fleet), nodes_up(fleet).size() * percent / 100);
  for (const std::size_t node : dying) fleet.kill(node, death);
  const Instant killed = fleet.now();
  Deaths result;
  // Nobody has noticed yet: links between survivors are those there were.
  std::vector<std::pair<std::size_t, std::vector<bool>>> written;
  const auto survivors = nodes_up(fleet);
  for (int i = 0; i < 10; ++i) {
    const std::size_t author = survivors[random.below(survivors.size())];
    auto path = fleet.connected(author, [&](std::size_t node) { return fleet.up(node); });
    if (i == 0) {
      result.survivors_connected = std::all_of(survivors.begin(), survivors.end(),
                                               [&](std::size_t node) { return path[node]; });
    }
    written.emplace_back(fleet.write(author, 200), std::move(path));
    fleet.advance(1ms);
  }
  result.restored = fleet.advance_until([&] { return well_linked(fleet); }, 60s);
  if (result.restored) *result.restored = fleet.now() - killed;
  fleet.advance(10s);
  for (const auto& item : written) {
    const std::vector<bool>& path = item.second;
    evaluate(
        fleet, fleet.network(), fleet.message(item.first),
        [&](std::size_t node) { return fleet.up(node) && path[node]; }, result.spread);
  }
  return result;
}

Idle idle(MeshFleet& fleet, Duration time) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> before;
  for (std::size_t i = 0; i < fleet.size(); ++i) {
    before.emplace_back(fleet.bytes_sent(i), fleet.frames_sent(i));
  }
  fleet.advance(time);
  const double minutes = std::chrono::duration<double>(time).count() / 60;
  Idle result;
  for (std::size_t i = 0; i < fleet.size(); ++i) {
    result.bytes.add(static_cast<double>(fleet.bytes_sent(i) - before[i].first) / minutes);
    result.frames.add(static_cast<double>(fleet.frames_sent(i) - before[i].second) / minutes);
    result.heap_bytes.add(static_cast<double>(fleet.heap(i)));
  }
  return result;
}

std::optional<Return> come_back(std::size_t devices, std::uint64_t seed, std::size_t changed) {
  MeshFleet::Options options;
  options.nodes = devices;
  options.seed = seed;
  MeshFleet fleet(options);
  fleet.fill(3, 200);
  // The others are away.
  fleet.start(0);
  fleet.start(1);
  const auto in_step = [&](std::size_t node, std::size_t other) {
    for (const auto& peer : fleet.mesh(node).peers(fleet.workspace())) {
      if (peer.device == fleet.device(other)) return peer.linked && peer.in_step;
    }
    return false;
  };
  const auto both = [&] { return in_step(0, 1) && in_step(1, 0); };
  if (!fleet.advance_until(both, 60s)) return std::nullopt;
  fleet.advance(kRest);
  fleet.stop(1);
  for (std::size_t log = 0; log < changed; ++log) {
    const std::size_t author = log == 0 ? 0 : log + 1;  // Not the log of node 1.
    if (author == 0) {
      fleet.write(0, 200);
    } else {
      fleet.hear_elsewhere(0, author, 200);
    }
  }
  fleet.advance(kRest);
  Return result;
  std::optional<Instant> first;
  const auto tap = [&](transport::LinkId, std::size_t, const Bytes& frame) {
    if (!first) first = fleet.now();
    if (fleet.now() <= *first + 1s) result.bytes += frame.size();
  };
  fleet.set_tap(0, tap);
  fleet.set_tap(1, tap);
  fleet.start(1);
  // With nothing changed it takes a word from the other to know.
  const auto done = [&] { return first && fleet.agreed() && (changed > 0 || both()); };
  const auto agreed = fleet.advance_until(done, 60s, 1ms);
  if (!agreed) return std::nullopt;
  const Duration one_way = fleet.network().pair_latency(0, 1);
  const Instant sent = *first - one_way;
  result.round_trips = std::chrono::duration<double>(fleet.now() - sent).count() /
                       std::chrono::duration<double>(2 * one_way).count();
  fleet.advance(2s);
  return result;
}

std::optional<Duration> partition(MeshFleet& fleet, std::uint64_t seed, Duration time) {
  Random random(seed);
  for (const std::size_t node : draw(random, nodes_up(fleet), nodes_up(fleet).size() / 2)) {
    fleet.network().set_side(node, 1);
  }
  const Instant heals = fleet.now() + time;
  while (fleet.now() < heals) {
    write_one(fleet, random, 200);
    fleet.advance(500ms);
  }
  fleet.network().unite(fleet.now());
  return until_agreed(fleet);
}

std::optional<Duration> churn(MeshFleet& fleet, std::uint64_t seed, Duration time, Duration beat) {
  Random random(seed);
  const Instant ends = fleet.now() + time;
  while (fleet.now() < ends) {
    const std::size_t node = random.below(fleet.size());
    if (!fleet.up(node)) {
      fleet.start(node);
    } else if (nodes_up(fleet).size() * 5 > fleet.size() * 4) {
      switch (random.below(3)) {
        case 0:
          fleet.stop(node);
          break;
        case 1:
          fleet.kill(node, MeshFleet::Death::kProcess);
          break;
        default:
          fleet.kill(node, MeshFleet::Death::kPower);
      }
    }
    write_one(fleet, random, 200);
    fleet.advance(beat);
  }
  for (std::size_t node = 0; node < fleet.size(); ++node) {
    if (!fleet.up(node)) fleet.start(node);
  }
  return until_agreed(fleet);
}

std::optional<Duration> asymmetric_cuts(MeshFleet& fleet, std::uint64_t seed, std::uint64_t percent,
                                        Duration time, Spread& meanwhile) {
  Random random(seed);
  for (std::size_t from = 0; from < fleet.size(); ++from) {
    for (std::size_t to = 0; to < fleet.size(); ++to) {
      if (from != to && random.chance(percent)) fleet.network().cut(from, to);
    }
  }
  SpreadPlan plan;
  plan.gap = 250ms;
  plan.entries = static_cast<std::size_t>(time / plan.gap);
  plan.patience = 0ms;
  meanwhile = spread(fleet, seed + 1, plan);
  fleet.network().heal_all(fleet.now());
  return until_agreed(fleet);
}

}  // namespace coterie::testing
