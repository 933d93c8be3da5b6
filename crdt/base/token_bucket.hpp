// A rate limit with a burst, as one point in time (generic cell rate algorithm, ITU-T I.371).

#pragma once

#include <algorithm>
#include <cstdint>

#include "crdt/base/clock.hpp"

namespace coterie {

class TokenBucket {
 public:
  TokenBucket(std::uint64_t per_second, std::uint64_t burst)
      : TokenBucket(Duration(std::chrono::microseconds(1'000'000 / per_second)), burst) {}
  /// One each `interval`.
  TokenBucket(Duration interval, std::uint64_t burst)
      : interval_(interval), tolerance_(interval_ * static_cast<Duration::rep>(burst - 1)) {}

  /// Whether `count` more are allowed at `now`; counts them if so. 1 to the burst.
  bool take(Instant now, std::uint64_t count = 1) {
    const Instant due = std::max(due_, now);
    const Duration further = interval_ * static_cast<Duration::rep>(count - 1);
    if (due - now + further > tolerance_) return false;
    due_ = due + further + interval_;
    return true;
  }

  /// Whether it is as one that nothing was taken of.
  bool full(Instant now) const { return due_ <= now; }

  /// The earliest time at which take() succeeds.
  Instant ready_at() const { return due_ - tolerance_; }

 private:
  Duration interval_;
  Duration tolerance_;
  Instant due_{};  ///< When the bucket is full again.
};

}  // namespace coterie
