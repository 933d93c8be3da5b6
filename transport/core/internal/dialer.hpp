// Whom to dial, where and when: every member that has an address and no link, for ever, with a
// jittered delay that doubles from round to round of its addresses.
//
// Single-threaded owner.

#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "crdt/base/clock.hpp"
#include "crdt/base/random.hpp"
#include "transport/wire/ids.hpp"

namespace coterie::transport::internal {

class Dialer {
 public:
  struct Attempt {
    DeviceId device;
    std::string address;
  };

  Dialer(Duration delay_min, Duration delay_max, std::uint64_t seed)
      : delay_min_(delay_min), delay_max_(delay_max), random_(seed) {}

  /// Replaces the devices to be linked with. Known ones keep their state; a new address is tried
  /// at once.
  void set_targets(Instant now, const std::map<DeviceId, std::vector<std::string>>& targets);

  /// An attempt came to nothing.
  void failed(Instant now, const DeviceId& device);
  /// There is a link now, whoever dialled.
  void linked(const DeviceId& device, bool by_us);
  /// The link proved to be of use: the next loss starts with the shortest delay.
  void proved(const DeviceId& device);
  /// There is no link any more.
  void unlinked(Instant now, const DeviceId& device);
  /// Time was lost: what is known about reachability is old. Tries everybody at once.
  void woke(Instant now);

  /// An attempt that is due, counted as begun; call until nothing is returned.
  std::optional<Attempt> take_due(Instant now);
  std::optional<Instant> next_deadline() const;

 private:
  struct Target {
    std::vector<std::string> addresses;
    std::size_t address_index = 0;
    Duration delay{};
    Instant due{};
    bool dialling = false;
    bool linked = false;

    bool waiting() const { return !dialling && !linked && !addresses.empty(); }
  };

  /// Between half of `delay` and all of it, so that two nodes do not stay in step.
  Duration jittered(Duration delay);

  Duration delay_min_;
  Duration delay_max_;
  Random random_;
  std::map<DeviceId, Target> targets_;
};

}  // namespace coterie::transport::internal
