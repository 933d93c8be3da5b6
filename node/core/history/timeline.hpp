// Timeline: where the automatic versions of a document are. They are nowhere stored: they follow
// from when its updates were written, so that all replicas have the same ones.
//
//     - A version ends where nothing was written for kVersionPause, or kVersionLength after it
//       began, whichever comes first.
//     - Of those that end in an hour (UTC) that was over a day ago, the last one of the hour stays;
//       of those in a day (UTC) that was over a week ago, the last one of the day. What is left out
//       is part of the next one that stays.
//
// Pure functions, thread-safe.

#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <vector>

#include "crdt/base/clock.hpp"

namespace coterie::node {

inline constexpr std::chrono::milliseconds kVersionPause = std::chrono::minutes(5);
inline constexpr std::chrono::milliseconds kVersionLength = std::chrono::minutes(10);
inline constexpr std::chrono::milliseconds kKeepAll = std::chrono::hours(24);
inline constexpr std::chrono::milliseconds kKeepHourly = std::chrono::hours(7 * 24);

/// Updates [first, end) of the timeline: what a version has that the one before does not.
struct Stretch {
  std::size_t first = 0;
  std::size_t end = 0;

  bool operator==(const Stretch&) const = default;
};

/// Versions of updates that were written at `times`, ascending. O(times).
std::vector<Stretch> cut_at_pauses(std::span<const WallMillis> times);

/// Those that stay at `now`. What lies ahead of `now` stays. O(stretches).
std::vector<Stretch> thin_out(const std::vector<Stretch>& stretches,
                              std::span<const WallMillis> times, WallMillis now);

}  // namespace coterie::node
