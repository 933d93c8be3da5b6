// Who may keep a connection that has proved nothing yet.
//
// A connection is *unproven* from being accepted until its first frame, which only the holder of an
// admitted key can send. Unproven ones are few, in total and of one address; each address opens so
// many in a second. Whoever is one too many costs another its place, so that a stranger who holds
// places for as long as he may does not keep members out: theirs are taken for milliseconds.
//
// Pure: descriptors are numbers here, and the caller cuts what it is told to.

#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "transport/zmq/driver.hpp"

namespace coterie::transport::internal {

/// An address as connections are counted by: IPv4 as it is (in its IPv6 form), IPv6 without its
/// last 64 bits, which whoever has one address can choose.
using AddressKey = std::array<std::uint8_t, 16>;

/// Nothing when it is no Internet address.
std::optional<AddressKey> address_key(const sockaddr_storage& address);
/// Of the other end of the socket `fd`; nothing when it is no connected TCP socket.
std::optional<AddressKey> peer_address(int fd);

class AcceptGate {
 public:
  using Clock = std::chrono::steady_clock;

  explicit AcceptGate(const ZmqDriver::AcceptLimits& limits) : limits_(limits) {}

  /// `fd` was accepted from `from`. Returns the one connection that has to be cut for it, perhaps
  /// itself; counts it as closed. Cost: O(unproven connections) when they are too many, else
  /// O(log).
  std::optional<int> accepted(int fd, const AddressKey& from, Clock::time_point now);
  /// It sent a frame.
  void proven(int fd) { forget(fd); }
  void closed(int fd) { forget(fd); }

  std::size_t unproven() const { return unproven_.size(); }
  std::vector<int> unproven_connections() const;
  /// Those that had kHandshakeTimeout.
  std::vector<int> overdue(Clock::time_point now) const;

 private:
  struct Unproven {
    AddressKey from;
    Clock::time_point since;
    std::uint64_t number;  ///< Grows with each.
  };
  struct Address {
    std::size_t unproven = 0;
    double tokens = 0;
    Clock::time_point refilled;
  };

  Address& address(const AddressKey& key, Clock::time_point now);
  int oldest_of(const AddressKey& key) const;
  AddressKey busiest() const;
  void forget(int fd);

  const ZmqDriver::AcceptLimits limits_;
  std::map<int, Unproven> unproven_;
  /// At most kAddressesRemembered; those that were not heard of for longest are forgotten.
  std::map<AddressKey, Address> addresses_;
  std::uint64_t last_number_ = 0;
};

}  // namespace coterie::transport::internal
