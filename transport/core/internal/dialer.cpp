#include "transport/core/internal/dialer.hpp"

#include <algorithm>

namespace coterie::transport::internal {

void Dialer::set_targets(Instant now, const std::map<DeviceId, std::vector<std::string>>& targets) {
  std::erase_if(targets_, [&](const auto& item) { return !targets.contains(item.first); });
  for (const auto& [device, addresses] : targets) {
    const auto [found, added] = targets_.try_emplace(device);
    Target& target = found->second;
    if (added) target.delay = delay_min_;
    if (!added && target.addresses == addresses) continue;
    target.addresses = addresses;
    target.address_index = 0;
    // Not all at the same moment: two members that learn of each other at once would both dial.
    target.due = now + jittered(delay_min_) - delay_min_ / 2;
  }
}

void Dialer::want(const DeviceId& device, bool wanted) {
  const auto found = targets_.find(device);
  if (found != targets_.end()) found->second.wanted = wanted;
}

bool Dialer::rested(Instant now, const DeviceId& device) const {
  const auto found = targets_.find(device);
  if (found == targets_.end() || !found->second.idle()) return false;
  return found->second.delay == delay_min_ || found->second.due <= now;
}

bool Dialer::failed(Instant now, const DeviceId& device) {
  const auto found = targets_.find(device);
  if (found == targets_.end()) return true;
  Target& target = found->second;
  target.dialling = false;
  ++target.address_index;
  if (target.address_index < target.addresses.size()) {
    target.due = now + jittered(delay_min_);
    return false;
  }
  target.address_index = 0;
  target.due = now + jittered(target.delay);
  target.delay = std::min(target.delay * 2, delay_max_);
  return true;
}

void Dialer::linked(const DeviceId& device, bool by_us) {
  const auto found = targets_.find(device);
  if (found == targets_.end()) return;
  found->second.linked = true;
  if (by_us) found->second.dialling = false;
}

void Dialer::proved(const DeviceId& device) {
  const auto found = targets_.find(device);
  if (found != targets_.end()) found->second.delay = delay_min_;
}

void Dialer::unlinked(Instant now, const DeviceId& device) {
  const auto found = targets_.find(device);
  if (found == targets_.end()) return;
  Target& target = found->second;
  target.linked = false;
  target.due = now + jittered(target.delay);
  // A link that comes up and dies unproved, again and again, is no better than a failed dial.
  target.delay = std::min(target.delay * 2, delay_max_);
}

void Dialer::woke(Instant now) {
  for (auto& [device, target] : targets_) {
    target.delay = delay_min_;
    if (target.idle()) target.due = now;
  }
}

std::optional<Dialer::Attempt> Dialer::take_due(Instant now) {
  for (auto& [device, target] : targets_) {
    if (!target.waiting() || target.due > now) continue;
    target.dialling = true;
    return Attempt{device, target.addresses[target.address_index]};
  }
  return std::nullopt;
}

std::optional<Instant> Dialer::next_deadline() const {
  std::optional<Instant> next;
  for (const auto& [device, target] : targets_) {
    if (target.waiting() && (!next || target.due < *next)) next = target.due;
  }
  return next;
}

Duration Dialer::jittered(Duration delay) {
  const auto half = static_cast<std::uint64_t>(delay.count()) / 2;
  return Duration(static_cast<Duration::rep>(half + random_.below(half + 1)));
}

}  // namespace coterie::transport::internal
