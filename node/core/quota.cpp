#include "node/core/quota.hpp"

#include <algorithm>

namespace coterie::node {

void Quota::count(const DeviceId& device, std::size_t stored) {
  by_device_[device] += stored + kEntryRowBytes;
  used_ += stored + kEntryRowBytes;
}

bool Quota::takes(const DeviceId& device, std::size_t stored, std::size_t writers) const {
  const std::uint64_t share = (limit_ - limit_ / 2) / std::max<std::size_t>(writers, 1);
  const auto found = by_device_.find(device);
  const std::uint64_t after =
      (found == by_device_.end() ? 0 : found->second) + stored + kEntryRowBytes;
  if (after <= share) return true;
  std::uint64_t common = after - share;
  for (const auto& [other, bytes] : by_device_) {
    if (other != device && bytes > share) common += bytes - share;
  }
  return common <= limit_ / 2;
}

}  // namespace coterie::node
