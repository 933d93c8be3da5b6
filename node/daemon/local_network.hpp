// The local network as the machine sees it: tells when its addresses change, and carries beacons
// (node/core/beacon.hpp) by UDP multicast and broadcast.
//
// IPv4: 239.192.67.66 and each interface's broadcast address; IPv6: ff02::436f:4231, of link-local
// scope; both at port kBeaconPort, on every interface that is up, loopback excepted. Point-to-point
// interfaces (VPNs) carry no multicast as a rule: their addresses are in cards.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "crdt/base/bytes.hpp"

namespace coterie::node {

inline constexpr std::uint16_t kBeaconPort = 47'430;

class LocalNetwork {
 public:
  struct Options {
    /// Of a node that listens: where, as a host. Beacons go out on interfaces that it is reached
    /// on: all of "*", "0.0.0.0" (IPv4), "::". Empty: none goes out.
    std::string listen_host;
    bool beacons = true;  ///< Whether to send and hear any.
  };
  /// Called on a thread of its own.
  struct Events {
    /// `source` as a host: "192.0.2.7", "fe80::1%eth0". Floods are thinned out.
    std::function<void(std::string source, Bytes datagram)> heard;
    std::function<void()> addresses_changed;
  };

  /// Starts the thread. What cannot be opened is done without, and said in the log.
  LocalNetwork(Options options, Events events);
  /// As stop().
  ~LocalNetwork();

  /// Thread-safe.
  void send(Bytes datagram);
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace coterie::node
