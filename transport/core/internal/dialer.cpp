#include "transport/core/internal/dialer.hpp"

#include <algorithm>

namespace coterie::transport::internal {

void Dialer::set_targets(Instant now, const std::map<DeviceId, std::vector<std::string>>& targets) {
  std::erase_if(queue_, [&](const auto& item) { return !targets.contains(item.second); });
  std::erase_if(targets_, [&](const auto& item) { return !targets.contains(item.first); });
  for (const auto& [device, addresses] : targets) {
    const auto [found, added] = targets_.try_emplace(device);
    Target& target = found->second;
    if (added) target.delay = delay_min_;
    if (!added && target.addresses == addresses) continue;
    target.addresses = addresses;
    target.address_index = 0;
    if (!addresses.empty() && addresses.front() != target.attempt) target.dialling = false;
    // Not all at the same moment: two members that learn of each other at once would both dial.
    target.due = now + jittered(delay_min_) - delay_min_ / 2;
    place(device, target);
  }
}

void Dialer::want(const DeviceId& device, bool wanted) {
  const auto found = targets_.find(device);
  if (found == targets_.end()) return;
  found->second.wanted = wanted;
  place(device, found->second);
}

bool Dialer::rested(Instant now, const DeviceId& device) const {
  const auto found = targets_.find(device);
  if (found == targets_.end() || !found->second.idle()) return false;
  return found->second.delay == delay_min_ || found->second.due <= now;
}

bool Dialer::failed(Instant now, const DeviceId& device, const std::string& address) {
  const auto found = targets_.find(device);
  if (found == targets_.end()) return true;
  Target& target = found->second;
  if (!target.dialling || target.attempt != address) return false;
  target.dialling = false;
  ++target.address_index;
  const bool last = target.address_index >= target.addresses.size();
  if (last) {
    target.address_index = 0;
    target.due = now + jittered(target.delay);
    target.delay = std::min(target.delay * 2, delay_max_);
  } else {
    target.due = now + jittered(delay_min_);
  }
  place(device, target);
  return last;
}

void Dialer::linked(const DeviceId& device, bool by_us) {
  const auto found = targets_.find(device);
  if (found == targets_.end()) return;
  found->second.linked = true;
  if (by_us) found->second.dialling = false;
  place(device, found->second);
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
  place(device, target);
}

void Dialer::woke(Instant now) {
  for (auto& [device, target] : targets_) {
    target.delay = delay_min_;
    if (target.idle()) target.due = now;
    place(device, target);
  }
}

std::optional<Dialer::Attempt> Dialer::take_due(Instant now) {
  if (queue_.empty() || queue_.begin()->first > now) return std::nullopt;
  const DeviceId device = queue_.begin()->second;
  Target& target = targets_.at(device);
  target.dialling = true;
  target.attempt = target.addresses[target.address_index];
  place(device, target);
  return Attempt{device, target.attempt};
}

std::optional<DialStatus> Dialer::status(const DeviceId& device) const {
  const auto found = targets_.find(device);
  if (found == targets_.end() || found->second.addresses.empty()) return std::nullopt;
  const Target& target = found->second;
  DialStatus status{target.addresses[target.address_index], target.dialling, {}};
  if (target.wanted && target.idle()) status.next = target.due;
  return status;
}

std::optional<Instant> Dialer::next_deadline() const {
  if (queue_.empty()) return std::nullopt;
  return queue_.begin()->first;
}

void Dialer::place(const DeviceId& device, Target& target) {
  if (target.queued) queue_.erase({*target.queued, device});
  target.queued.reset();
  if (!target.wanted || !target.idle()) return;
  target.queued = target.due;
  queue_.emplace(target.due, device);
}

Duration Dialer::jittered(Duration delay) {
  const auto half = static_cast<std::uint64_t>(delay.count()) / 2;
  return Duration(static_cast<Duration::rep>(half + random_.below(half + 1)));
}

}  // namespace coterie::transport::internal
