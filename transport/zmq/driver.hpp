// The ZeroMQ driver: links between devices over TCP, encrypted and authenticated with CURVE.
//
//     owner thread                       driver thread
//     dial, send, close, allow_peers ──► sockets
//     poll_event() ◄────── on_ready() ── link up and down, frames, sent, dial failed
//
// A device's CURVE key is the X25519 form of its Ed25519 key. Who dials knows whom: the handshake
// succeeds only with the holder of that device's key. Who is dialled admits the keys of
// allow_peers(), nobody before its first call; everybody else is refused before a single frame of
// theirs is read. LinkUp therefore names a proven device.
//
// One ROUTER listens; each dial has a DEALER of its own and is tried once: redialling is the mesh's
// business. An outgoing link is up when the handshake succeeded, an incoming one with the first
// frame of the other side (its driver sends an empty one at once, which is nobody's but ours).
// Every LinkUp is followed by exactly one LinkDown.
//
// Frames wait here, per link and traffic class, until ZeroMQ takes them; it is given only a few at
// a time, so that a frame of a more urgent class overtakes a queue of others.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "crdt/base/bytes.hpp"
#include "crdt/base/clock.hpp"
#include "crdt/base/result.hpp"
#include "transport/core/mesh.hpp"
#include "transport/crypto/crypto.hpp"
#include "transport/wire/limits.hpp"

namespace coterie::transport {

/// Incoming connections that have proved nothing yet, at a time: from being accepted to their first
/// frame. In total and of one address (IPv4 address, or /64 of IPv6). One too many costs another
/// its place: the oldest of the address that holds most.
inline constexpr std::size_t kUnprovenMax = 256;
inline constexpr std::size_t kUnprovenPerAddressMax = 64;
/// New connections of one address: at once, and lasting. All nodes of a company behind one address
/// may start together; at the lasting rate each has a second (kUnprovenPerAddressMax /
/// kAcceptsPerSecond) before it loses its place, which is several round trips around the earth.
inline constexpr std::uint64_t kAcceptBurst = 256;
inline constexpr std::uint64_t kAcceptsPerSecond = 64;
/// Addresses whose rate is remembered.
inline constexpr std::size_t kAddressesRemembered = 1'024;
/// From being accepted to the first frame.
inline constexpr Duration kHandshakeTimeout = std::chrono::seconds(5);
/// What may come in before the first frame is read: the handshake is below 1 KiB; the rest is room
/// for what an honest peer sends meanwhile.
inline constexpr std::uint64_t kUnprovenBytesMax = 64 * kKiB;
/// Incoming connections at a time, unproven ones included: every member of the largest workspace
/// fits. Fewer where the process may not open that many files (half of ulimit -n), so that
/// strangers cannot use them up.
inline constexpr std::size_t kIncomingConnectionsMax = 1'024 + kUnprovenMax;
/// From dial() to LinkUp or DialFailed.
inline constexpr Duration kDialTimeout = std::chrono::seconds(8);
/// Received and not yet polled; beyond it the driver stops reading, and TCP slows the peers down.
inline constexpr std::size_t kUnpolledBytesMax = 32 * kFrameBytesMax;
/// What a peer may send without completing a frame. One frame and the kernel's buffer are normal;
/// more is a message of endless parts, which ZeroMQ would collect in memory.
inline constexpr std::uint64_t kIncompleteBytesMax = 16 * kFrameBytesMax;

/// Thread-safe, but for stop() and destruction, which belong to one owner.
class ZmqDriver {
 public:
  /// Of incoming connections; see the constants above.
  struct AcceptLimits {
    std::size_t connections_max = kIncomingConnectionsMax;
    std::size_t unproven_max = kUnprovenMax;
    std::size_t unproven_per_address_max = kUnprovenPerAddressMax;
    std::uint64_t burst_per_address = kAcceptBurst;
    std::uint64_t per_second_per_address = kAcceptsPerSecond;
  };

  struct Options {
    /// "tcp://ADDRESS:PORT" each; an ADDRESS of * is every interface, a PORT of * any free port.
    std::vector<std::string> listen;
    int io_threads = 1;
    AcceptLimits accept = {};
    std::uint64_t incomplete_bytes_max = kIncompleteBytesMax;
  };

  struct LinkUp {
    LinkId link;
    DeviceId peer;  ///< Proven. Of a guest: the invite whose key it holds.
    bool outgoing;
    bool guest;  ///< Admitted by `guests` of allow_peers().
  };
  struct LinkDown {
    LinkId link;
  };
  struct DialFailed {
    DeviceId device;
    std::string address;
    const char* reason;  ///< For the log.
  };
  struct Frame {
    LinkId link;
    Bytes bytes;  ///< 1 to kFrameBytesMax.
  };
  /// Frames of this many bytes have left the queue for ZeroMQ and the kernel.
  struct Sent {
    LinkId link;
    std::size_t bytes;
  };
  using Event = std::variant<LinkUp, LinkDown, DialFailed, Frame, Sent>;

  struct Stats {
    std::uint64_t refused_strangers = 0;   ///< Keys that are not allowed.
    std::uint64_t refused_over_limit = 0;  ///< Cut because of AcceptLimits.
    std::uint64_t dropped_faulty = 0;      ///< Links closed for frames that break the rules.
    std::uint64_t dropped_unproven = 0;    ///< Too slow, or too much without a frame.
    std::size_t incoming_connections = 0;  ///< Now, unproven ones included.
    std::size_t unproven_connections = 0;  ///< Now.
  };

  /// Binds and starts the thread. `on_ready` is called on the driver's thread when events became
  /// available; it should only wake the owner. Errors: kConflict (port in use), kMalformed (the
  /// address), kUnauthorized (a port this user may not open), kUnavailable (no such address here),
  /// kIo; `detail` is errno.
  static Result<std::unique_ptr<ZmqDriver>> start(const Options& options,
                                                  const crypto::SigningKey& identity,
                                                  std::function<void()> on_ready);
  /// As stop(zero).
  ~ZmqDriver();

  /// Where it listens, ports filled in.
  const std::vector<std::string>& endpoints() const;

  /// Opens a link to `device` at "tcp://HOST:PORT", proving our own key or, when given, that of an
  /// invite. A HOST that is a name is looked up without delaying other links.
  /// Answered by LinkUp (outgoing) or DialFailed.
  void dial(const DeviceId& device, const std::string& address,
            std::shared_ptr<const crypto::SigningKey> invite_key = nullptr);

  /// Queues `frame` (1 to kFrameBytesMax bytes); answered by Sent, unless the link goes down first.
  /// Unknown links are ignored: they went down a moment ago. The caller bounds what is unsent.
  void send(LinkId link, TrafficClass traffic_class, Bytes frame);

  /// Sends what is queued, then closes; answered by LinkDown at once.
  void close(LinkId link);

  /// Who may connect from now on. Links of devices that are no longer listed are cut.
  void allow_peers(std::vector<DeviceId> members, std::vector<DeviceId> guests);

  /// Sends what is queued, for at most `flush`, then ends the thread; blocks that long. Only events
  /// that are there already can be polled afterwards.
  void stop(Duration flush);

  /// The next event, in order.
  std::optional<Event> poll_event();

  Stats stats() const;

 private:
  struct State;
  explicit ZmqDriver(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace coterie::transport
