// How much of what others write a relay keeps, and of whom.
//
// Half of the quota is for everybody, first come, first served; the other half is divided equally
// among the devices that may write. So whatever some of them write, each of the others has room for
// its share, and a device alone never has more than the common half and its own share.
//
// What it counts is the room an entry takes on the disk: its stored form and the rows about it.
//
// Single-threaded owner.

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

#include "transport/wire/ids.hpp"

namespace coterie::node {

/// Of an entry, beside its stored form: its keys, its row among those without a key, and what the
/// database adds: an estimate.
inline constexpr std::uint64_t kEntryRowBytes = 250;

class Quota {
 public:
  /// `limit` in bytes; 0: nothing is taken.
  explicit Quota(std::uint64_t limit) : limit_(limit) {}

  /// An entry of `stored` bytes that `device` wrote is kept.
  void count(const DeviceId& device, std::size_t stored);
  /// Whether there is room for one more, while `writers` devices may write.
  /// Cost: O(devices).
  bool takes(const DeviceId& device, std::size_t stored, std::size_t writers) const;

  std::uint64_t limit() const { return limit_; }
  std::uint64_t used() const { return used_; }

 private:
  std::uint64_t limit_;
  std::uint64_t used_ = 0;
  std::map<DeviceId, std::uint64_t> by_device_;
};

}  // namespace coterie::node
