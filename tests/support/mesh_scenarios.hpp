// What is asked of the mesh at scale, as measurements over a MeshFleet: the tests hold them against
// the goals of docs/MESH.md, bench/mesh/scale.cpp prints them.
//
// Times are of the simulation, from the order to write until the entry is durable at a node.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <vector>

#include "tests/support/mesh_fleet.hpp"

namespace coterie::testing {

/// Figures of one kind. Empty ones answer 0.
class Samples {
 public:
  void add(double value) { values_.push_back(value); }
  void add(Duration time) { add(std::chrono::duration<double, std::milli>(time).count()); }
  void add(const Samples& others);
  bool empty() const { return values_.empty(); }
  /// Nearest rank; 0 to 100.
  double percentile(double percent) const;
  double median() const { return percentile(50); }
  double least() const { return percentile(0); }
  double most() const { return percentile(100); }
  double mean() const;

 private:
  std::vector<double> values_;
};

/// Links per node that is up.
Samples degrees(const MeshFleet& fleet);

/// Starts everybody and waits until they are linked as they should be: all with all in a small
/// workspace, in a large one everybody with at least six and nobody apart. Then lets it come to
/// rest. Returns the time to be linked; nothing if that did not come to be within a minute.
std::optional<Duration> bring_up(MeshFleet& fleet);
/// Whether everybody that is up has the links it should have.
bool well_linked(const MeshFleet& fleet);

/// How entries of random authors spread.
struct Spread {
  Samples last_ms;        ///< To the last node that was reached.
  Samples floor_ms;       ///< The same if nothing ever waited, over the links there were.
  Samples direct_ms;      ///< And over direct links between all.
  Samples extra_copies;   ///< Of each entry, per node, beyond the first.
  std::uint64_t due = 0;  ///< Nodes that should have been reached, over all entries.
  std::uint64_t reached = 0;

  void add(const Spread& other);
};

struct SpreadPlan {
  std::size_t entries = 40;
  std::size_t bytes = 200;
  Duration gap = std::chrono::milliseconds(250);
  Duration patience = std::chrono::seconds(10);  ///< After the last one.
  std::set<std::size_t> apart;                   ///< Nodes that neither write nor count.
  std::function<void()> each_ms = {};            ///< What else happens until the last is written.
};
Spread spread(MeshFleet& fleet, std::uint64_t seed, const SpreadPlan& plan);

/// A share of all nodes dies in one moment; survivors write in the next.
struct Deaths {
  Spread spread;  ///< To survivors that had a path over links of survivors.
  bool survivors_connected = false;
  std::optional<Duration> restored;  ///< Everybody has the links it should have, to survivors.
};
Deaths kill_at_once(MeshFleet& fleet, std::uint64_t seed, std::uint64_t percent,
                    MeshFleet::Death death);

/// What rest costs, per node and minute.
struct Idle {
  Samples bytes;
  Samples frames;
  Samples heap_bytes;  ///< Of the mesh at the end.
};
Idle idle(MeshFleet& fleet, Duration time);

/// A device of a workspace of `devices`, one log each, returns to another one after `changed` logs
/// of those that it holds grew by an entry.
struct Return {
  std::uint64_t bytes = 0;  ///< Both ways, within a second of the first frame.
  /// From the first frame until both hold the same; with nothing changed, until both know that.
  double round_trips = 0;
};
std::optional<Return> come_back(std::size_t devices, std::uint64_t seed, std::size_t changed);

/// Halves cannot hear each other for `time`, and write. Returns how long they take to agree after.
std::optional<Duration> partition(MeshFleet& fleet, std::uint64_t seed, Duration time);

/// Nodes go and come: every `beat` one that is up ends, by one of three ways, or one that is down
/// starts, with about a fifth down; others write meanwhile. Then all are started. Returns how long
/// they take to agree.
std::optional<Duration> churn(MeshFleet& fleet, std::uint64_t seed, Duration time, Duration beat);

/// Between `percent` of all pairs nothing passes in one direction for `time`; all write. Returns
/// how long they take to agree, from the cuts' end.
std::optional<Duration> asymmetric_cuts(MeshFleet& fleet, std::uint64_t seed, std::uint64_t percent,
                                        Duration time, Spread& meanwhile);

}  // namespace coterie::testing
