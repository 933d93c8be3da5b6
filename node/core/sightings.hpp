// Where members were seen on the local networks, for as long as it is likely that they still are
// there. Nothing here is proven: a false sighting costs a dial that fails, and few are taken.
//
// Single-threaded owner.

#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "crdt/base/clock.hpp"
#include "node/core/limits.hpp"
#include "transport/wire/ids.hpp"

namespace coterie::node {

class Sightings {
 public:
  /// Whether it is another place than before.
  bool add(Now now, const DeviceId& device, const std::string& address) {
    Member& member = members_[device];
    for (Seen& one : member.seen) {
      if (one.address != address) continue;
      one.until = now.steady + kSightingKept;
      return false;
    }
    const Duration ahead = member.next_at - now.steady;
    if (ahead > kSightingPause * static_cast<Duration::rep>(kSightingBurst - 1)) return false;
    member.next_at = std::max(member.next_at, now.steady) + kSightingPause;
    // The newest first; the oldest makes room.
    if (member.seen.size() == kSightingsMax) member.seen.pop_back();
    member.seen.insert(member.seen.begin(), {address, now.steady + kSightingKept});
    if (!next_look_) next_look_ = now.steady + kSightingKept;
    return true;
  }

  /// The newest first.
  std::vector<std::string> of(const DeviceId& device) const {
    std::vector<std::string> addresses;
    const auto found = members_.find(device);
    if (found == members_.end()) return addresses;
    for (const Seen& one : found->second.seen) addresses.push_back(one.address);
    return addresses;
  }

  /// Drops places where nobody was seen for kSightingKept, and returns whose they were. Cost: O(1)
  /// before the deadline, O(members seen) then.
  std::set<DeviceId> drop_old(Now now) {
    std::set<DeviceId> moved;
    if (!next_look_ || *next_look_ > now.steady) return moved;
    next_look_.reset();
    for (auto& [device, member] : members_) {
      const auto old = [&](const Seen& one) { return one.until <= now.steady; };
      if (std::erase_if(member.seen, old) > 0) moved.insert(device);
      for (const Seen& one : member.seen) {
        next_look_ = next_look_ ? std::min(*next_look_, one.until) : one.until;
      }
    }
    std::erase_if(members_, [&](const auto& item) {
      return item.second.seen.empty() && item.second.next_at <= now.steady;
    });
    return moved;
  }

  /// Not after the first of them becomes old.
  std::optional<Instant> next_deadline() const { return next_look_; }

 private:
  struct Seen {
    std::string address;
    Instant until;
  };
  struct Member {
    std::vector<Seen> seen;
    Instant next_at{};
  };

  std::map<DeviceId, Member> members_;  ///< Of members of some workspace only.
  std::optional<Instant> next_look_;
};

}  // namespace coterie::node
