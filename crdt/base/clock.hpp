// Time as cores see it: handed in, never read.

#pragma once

#include <chrono>
#include <cstdint>

namespace coterie {

/// Tag clock: gives Instant its own type, and has no now(), so a core cannot read the time.
struct NodeClock {
  using duration = std::chrono::microseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<NodeClock>;
  static constexpr bool is_steady = true;  // NOLINT(readability-identifier-naming): std's
};

/// Monotonic; comparable within one process only. Of a time point of another clock:
/// Instant(duration_cast<Duration>(time.time_since_epoch())).
using Instant = NodeClock::time_point;
using Duration = NodeClock::duration;

/// Milliseconds since 1970-01-01 UTC as the machine believes. Shown to people and used for expiry;
/// never trusted for ordering.
using WallMillis = std::uint64_t;

/// What a core is told about time with each input.
struct Now {
  Instant steady;
  WallMillis wall = 0;
};

}  // namespace coterie
