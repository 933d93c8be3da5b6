// Wakes one sleeping thread from any other.

#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace coterie::node {

/// Thread-safe; one thread waits. Awake at first, so that nothing said before the first wait is
/// missed.
class Waker {
 public:
  void wake() {
    {
      const std::lock_guard lock(mutex_);
      woken_ = true;
    }
    changed_.notify_one();
  }

  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return woken_; });
    woken_ = false;
  }

  /// Returns at `deadline` at the latest.
  void wait_until(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, deadline, [this] { return woken_; });
    woken_ = false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = true;
};

}  // namespace coterie::node
