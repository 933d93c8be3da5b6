// What a node counts, as Prometheus reads it (text format 0.0.4). No content, names of documents or
// keys; workspaces by the beginning of their ids. docs/operations has what to do with it.

#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "crdt/base/clock.hpp"
#include "node/bridge/server.hpp"
#include "node/core/engine.hpp"
#include "node/daemon/peer_calls.hpp"
#include "storage/commit_queue.hpp"

namespace coterie::node {

/// How long something took. A value.
class Histogram {
 public:
  /// Upper ends of the buckets, in microseconds; what takes longer is in a last one.
  static constexpr std::array<std::uint64_t, 14> kBuckets{
      50,     100,    250,     500,     1'000,     2'500,     5'000,
      10'000, 25'000, 100'000, 250'000, 1'000'000, 5'000'000, 30'000'000};

  void observe(Duration took);
  /// "# TYPE" and all lines of `name`, in seconds.
  std::string text(std::string_view name, std::string_view help) const;

 private:
  std::array<std::uint64_t, kBuckets.size() + 1> counts_{};
  std::uint64_t sum_ = 0;  ///< Microseconds.
};

struct MetricsSources {
  const Engine& engine;
  const DialLog& dials;
  bridge::Stats bridge;
  storage::CommitQueue::Stats disk;
  /// From when a message of a client had come to when it was done and handed on to the others.
  const Histogram& client_messages;
};

/// Costs O(documents + peers).
std::string metrics_text(Now now, const MetricsSources& sources);

}  // namespace coterie::node
