// Hybrid logical clock: wall time where clocks agree, counting on where they do not, so that an
// entry is never older than one its author had seen.
//
// Source: Kulkarni et al., "Logical Physical Clocks", 2014. 48 bits of milliseconds, 16 of count.

#pragma once

#include <algorithm>
#include <cstdint>

#include "crdt/base/clock.hpp"
#include "node/core/limits.hpp"

namespace coterie::node {

class HybridClock {
 public:
  static WallMillis millis(std::uint64_t time) { return time >> 16; }

  /// The time of a new entry: above all returned or witnessed before.
  std::uint64_t next(WallMillis wall) {
    last_ = std::max(last_ + 1, wall << 16);
    return last_;
  }

  /// Another author's entry. Times far in the future are not followed: one wrong clock must not
  /// drag everybody's along.
  void witness(WallMillis wall, std::uint64_t time) {
    if (millis(time) <= wall + kClockSkewMsMax) last_ = std::max(last_, time);
  }

 private:
  std::uint64_t last_ = 0;
};

}  // namespace coterie::node
