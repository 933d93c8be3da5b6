// Where and when to dial: every wanted device that has an address and no link, for ever, with a
// jittered delay that doubles from round to round of its addresses. Which ones are wanted is the
// overlay's decision (overlay.cpp).
//
// Single-threaded owner.

#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "crdt/base/clock.hpp"
#include "crdt/base/random.hpp"
#include "transport/core/mesh.hpp"
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

  /// Replaces the devices that may be dialled. Known ones keep their state; a new address is tried
  /// at once, if it comes first also while another one is being tried.
  void set_targets(Instant now, const std::map<DeviceId, std::vector<std::string>>& targets);
  /// Whether the device is to be dialled while it has no link.
  void want(const DeviceId& device, bool wanted);
  /// Whether an attempt would begin now, were the device wanted: it has an address and no link, is
  /// not being dialled and does not rest from a failure.
  bool rested(Instant now, const DeviceId& device) const;

  /// An attempt came to nothing. Returns whether that was the last of the device's addresses; not
  /// if another one has been begun since.
  bool failed(Instant now, const DeviceId& device, const std::string& address);
  /// There is a link now, whoever dialled.
  void linked(const DeviceId& device, bool by_us);
  /// The link proved to be of use: the next loss starts with the shortest delay.
  void proved(const DeviceId& device);
  /// There is no link any more.
  void unlinked(Instant now, const DeviceId& device);
  /// Time was lost: what is known about reachability is old. Tries everybody at once.
  void woke(Instant now);

  /// As Mesh::peers() shows it; nothing if the device has no address.
  std::optional<DialStatus> status(const DeviceId& device) const;

  /// An attempt that is due, counted as begun; call until nothing is returned.
  std::optional<Attempt> take_due(Instant now);
  std::optional<Instant> next_deadline() const;

 private:
  struct Target {
    std::vector<std::string> addresses;
    std::size_t address_index = 0;
    std::string attempt;  ///< The last one begun.
    Duration delay{};
    Instant due{};
    bool wanted = false;
    bool dialling = false;
    bool linked = false;

    std::optional<Instant> queued;  ///< Its place in queue_.

    bool idle() const { return !dialling && !linked && !addresses.empty(); }
  };

  /// Puts the target where it belongs in queue_, after any change of it.
  void place(const DeviceId& device, Target& target);
  /// Between half of `delay` and all of it, so that two nodes do not stay in step.
  Duration jittered(Duration delay);

  Duration delay_min_;
  Duration delay_max_;
  Random random_;
  std::map<DeviceId, Target> targets_;
  std::set<std::pair<Instant, DeviceId>> queue_;  ///< Those that wait for their turn.
};

}  // namespace coterie::transport::internal
