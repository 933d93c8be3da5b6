// The LAN beacon: small datagrams by which the members of a workspace find each other on a local
// network, where nobody knows an address of anybody.
//
//     beacon := "CoB1" nonce:16 slot*12               332 bytes, always
//     slot   := tag:16 masked:10                      of one workspace, or random bytes
//       key    = BLAKE2b-256("coterie beacon v1" workspace)
//       period = milliseconds since 1970 / 600,000
//       masked = (first 8 bytes of the device id, port:u16) xor
//                keyed BLAKE2b(key, "coterie beacon mask v1" period:u64 nonce)
//       tag    = keyed BLAKE2b(key, "coterie beacon tag v1" period:u64 nonce device:32 port:u16)
//
// Whoever knows the workspace's id reads which member it is, and at which TCP port it listens;
// everybody else sees noise, another each time. A beacon proves nothing: one that is repeated from
// elsewhere costs those who hear it a dial that fails, because CURVE proves who is there.
//
// Sans-I/O, single-threaded owner.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "crdt/base/bytes.hpp"
#include "crdt/base/clock.hpp"
#include "crdt/base/random.hpp"
#include "crdt/base/token_bucket.hpp"
#include "node/core/limits.hpp"
#include "transport/wire/ids.hpp"

namespace coterie::node {

inline constexpr std::size_t kBeaconSlots = 12;
inline constexpr std::size_t kBeaconBytes = 4 + 16 + kBeaconSlots * (16 + 10);

class Beacon {
 public:
  /// What a node takes part in. Both are asked during the calls they are given to only.
  struct Membership {
    std::vector<WorkspaceId> workspaces;
    /// The member whose id begins with these bytes.
    std::function<const DeviceId*(const WorkspaceId&, ByteView beginning)> find;
  };
  struct Sighting {
    DeviceId device;
    std::uint16_t port = 0;
  };

  /// `port`: where this node listens; 0 for one that only hears others.
  Beacon(Now now, const DeviceId& self, std::uint16_t port, SecureRandom& random);

  /// The addresses of this machine changed: others are told at once.
  void hurry(Now now);
  /// A datagram to be sent, if one is due; the more others are heard, the more seldom. Of more
  /// workspaces than there are slots, each has its turn.
  std::optional<Bytes> take_due(Now now, const std::vector<WorkspaceId>& workspaces);
  std::optional<Instant> next_deadline() const { return due_; }

  /// Members that `datagram`, which came from `source`, names; other than this device. At most
  /// kBeaconsPerSecond datagrams are looked at, and of one source a tenth; second copies are not.
  std::vector<Sighting> receive(Now now, const std::string& source, ByteView datagram,
                                const Membership& membership);

 private:
  DeviceId self_;
  std::uint16_t port_;
  SecureRandom& random_;
  std::size_t quick_ = 0;  ///< Sent since the last hurry().
  std::size_t heard_ = 0;  ///< Datagrams since the last one that was sent.
  std::optional<Instant> due_;
  std::size_t next_ = 0;  ///< The workspace whose turn is next.
  TokenBucket rate_{kBeaconsPerSecond, kBeaconsPerSecond};
  struct Source {
    TokenBucket rate{kBeaconsPerSecond / 10, kBeaconsPerSecond / 10};
    Bytes last_nonce;
  };
  std::map<std::string, Source> sources_;
};

}  // namespace coterie::node
