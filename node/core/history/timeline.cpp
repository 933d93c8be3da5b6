#include "node/core/history/timeline.hpp"

#include <utility>

namespace coterie::node {
namespace {

constexpr WallMillis millis(std::chrono::milliseconds span) {
  return static_cast<WallMillis>(span.count());
}

constexpr WallMillis kHour = millis(std::chrono::hours(1));
constexpr WallMillis kDay = millis(std::chrono::hours(24));

/// Whether the part of time of that length which holds `at` was over `age` ago.
bool is_past(WallMillis at, WallMillis length, WallMillis age, WallMillis now) {
  const WallMillis last = now < age ? 0 : now - age;  // No sum of what others claim: it may wrap.
  return at / length < last / length;
}

/// The part of time that `at` shares its one version with; first 0: with none.
std::pair<WallMillis, WallMillis> share_of(WallMillis at, WallMillis now) {
  if (is_past(at, kDay, millis(kKeepHourly), now)) return {kDay, at / kDay};
  if (is_past(at, kHour, millis(kKeepAll), now)) return {kHour, at / kHour};
  return {0, 0};
}

}  // namespace

std::vector<Stretch> cut_at_pauses(std::span<const WallMillis> times) {
  std::vector<Stretch> stretches;
  for (std::size_t i = 0; i < times.size(); ++i) {
    const bool goes_on = i > 0 && times[i] - times[i - 1] < millis(kVersionPause) &&
                         times[i] - times[stretches.back().first] < millis(kVersionLength);
    if (!goes_on) stretches.push_back({i, i});
    stretches.back().end = i + 1;
  }
  return stretches;
}

std::vector<Stretch> thin_out(const std::vector<Stretch>& stretches,
                              std::span<const WallMillis> times, WallMillis now) {
  std::vector<Stretch> kept;
  std::size_t first = 0;
  for (std::size_t i = 0; i < stretches.size(); ++i) {
    const auto share = share_of(times[stretches[i].end - 1], now);
    const bool shared = share.first != 0 && i + 1 < stretches.size() &&
                        share_of(times[stretches[i + 1].end - 1], now) == share;
    if (shared) continue;
    kept.push_back({first, stretches[i].end});
    first = stretches[i].end;
  }
  return kept;
}

}  // namespace coterie::node
