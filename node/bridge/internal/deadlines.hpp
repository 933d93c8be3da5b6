// When each connection is to be looked after: one Asio timer for all of them.

#pragma once

#include <chrono>
#include <set>
#include <utility>

namespace coterie::node::bridge::internal {

using TimePoint = std::chrono::steady_clock::time_point;

class Timed {
 public:
  /// The deadline has passed, and there is none any more.
  virtual void timed_out() = 0;
  TimePoint deadline() const { return deadline_; }

 protected:
  virtual ~Timed() = default;

 private:
  friend class Deadlines;
  static constexpr TimePoint kNever = TimePoint::max();
  TimePoint deadline_ = kNever;
  TimePoint filed_ = kNever;  ///< Under which it is found; never after `deadline_`.
};

/// A later deadline costs nothing until the earlier one comes: that is how most of them go.
class Deadlines {
 public:
  void set(Timed& timed, TimePoint at) {
    timed.deadline_ = at;
    if (at < timed.filed_) file(timed);
  }
  void clear(Timed& timed) {
    timed.deadline_ = Timed::kNever;
    unfile(timed);
  }

  bool empty() const { return filed_.empty(); }
  /// When tell() has something to do at the earliest. Precondition: not empty.
  TimePoint first() const { return filed_.begin()->first; }
  /// Tells all whose deadline is not after `now`.
  void tell(TimePoint now) {
    while (!filed_.empty() && filed_.begin()->first <= now) {
      Timed& timed = *filed_.begin()->second;
      unfile(timed);
      if (timed.deadline_ > now) {
        file(timed);
      } else {
        timed.deadline_ = Timed::kNever;
        timed.timed_out();
      }
    }
  }

 private:
  void file(Timed& timed) {
    unfile(timed);
    timed.filed_ = timed.deadline_;
    filed_.emplace(timed.filed_, &timed);
  }
  void unfile(Timed& timed) {
    if (timed.filed_ != Timed::kNever) filed_.erase({timed.filed_, &timed});
    timed.filed_ = Timed::kNever;
  }

  std::set<std::pair<TimePoint, Timed*>> filed_;
};

}  // namespace coterie::node::bridge::internal
