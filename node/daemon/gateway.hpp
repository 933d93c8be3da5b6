// The router of the local network ("gateway"), asked for a port that leads to this node: by NAT-PMP
// (RFC 6886) or by UPnP (InternetGatewayDevice 1 and 2, services WANIPConnection and
// WANPPPConnection). IPv4 only.
//
// A gateway is a stranger. Only the router of the default route is asked and heard, on addresses of
// its own; an answer has at most kGatewayReplyBytesMax, and everything waits on a Patience. What
// reads answers are libnatpmp and miniupnpc's XML parsers; what moves bytes is here, because these
// libraries wait for whole replies, of any size, for as long as they take.

#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/base/result.hpp"

namespace coterie::node {

/// Of one HTTP reply, with headers. Descriptions of real routers have 2 to 30 KiB.
inline constexpr std::size_t kGatewayReplyBytesMax = 128u << 10;
/// What is asked for. One that is killed leaves its port open that long at most.
inline constexpr std::chrono::seconds kGatewayLease{1200};
/// A port that is given for less is none: it would have to be renewed all the time.
inline constexpr std::chrono::seconds kGatewayLeaseMin{20};

struct Ipv4 {
  std::uint32_t bits = 0;  ///< In host byte order.
  auto operator<=>(const Ipv4&) const = default;
};

std::string to_string(Ipv4 address);
std::optional<Ipv4> parse_ipv4(std::string_view text);
/// Of a network behind a router: RFC 1918.
bool is_private(Ipv4 address);
/// Whether it can be dialled from anywhere: not private, shared by a carrier, reserved,
/// multicast...
bool is_public(Ipv4 address);

/// Until when something is waited for.
class Patience {
 public:
  using Clock = std::chrono::steady_clock;

  /// Also ends when the descriptor `interrupt` is readable; -1: never.
  explicit Patience(std::chrono::milliseconds most, int interrupt = -1)
      : ends_(Clock::now() + most), interrupt_(interrupt) {}

  /// One that ends after `most`, too.
  Patience at_most(std::chrono::milliseconds most) const;
  bool over() const;
  /// Whether `descriptor` is ready for `events` (POLL...) before this is over.
  bool wait(int descriptor, short events) const;

 private:
  Clock::time_point ends_;
  int interrupt_;
};

/// The router, and this machine's address on its network.
struct Router {
  Ipv4 address;
  Ipv4 own;
  auto operator<=>(const Router&) const = default;
};

/// Whom the IPv4 default route leads to, if both addresses are private ones. Sends nothing.
std::optional<Router> find_router();
/// Its address, of /proc/net/route's text: of several default routes that with the least metric.
std::optional<Ipv4> default_gateway(const std::string& routes);

/// A port that was given.
struct GatewayPort {
  Ipv4 address;  ///< Public.
  std::uint16_t port = 0;
  std::chrono::seconds lasts{0};  ///< At most kGatewayLease.
};

/// Asks one router in one language. Not thread-safe.
class Gateway {
 public:
  virtual ~Gateway() = default;
  virtual const char* name() const = 0;
  /// Makes the router pass connections on to `port` of this machine, or go on doing so. Blocks.
  /// Errors: kUnavailable (it does not speak this), kUnauthorized (it does not want to), kConflict
  /// (it has no public address itself, so that nobody would get through), kMalformed.
  virtual Result<GatewayPort> open(std::uint16_t port, const Patience& patience) = 0;
  /// Gives back what was asked for, if anything was. Blocks.
  virtual void close(const Patience& patience) = 0;
};

std::unique_ptr<Gateway> make_nat_pmp(const Router& router);
std::unique_ptr<Gateway> make_upnp(const Router& router);

/// Whether `datagram` is how a NAT-PMP router says, to 224.0.0.1:5350, that it began anew or has
/// another address.
bool is_nat_pmp_announcement(std::string_view datagram);

// The pieces of UPnP that read what the router says.

/// "http://ADDRESS:PORT/PATH", ADDRESS being the router's own.
struct GatewayUrl {
  std::uint16_t port = 80;
  std::string path;
  bool operator==(const GatewayUrl&) const = default;
};
std::optional<GatewayUrl> parse_gateway_url(std::string_view url, Ipv4 router);
/// The LOCATION of an answer to a search.
std::optional<GatewayUrl> read_search_answer(std::string_view datagram, Ipv4 router);

struct UpnpService {
  std::string type;
  GatewayUrl control;
};
/// Those that can open ports, of a device's description at `location`; two at most.
std::vector<UpnpService> read_description(const std::string& xml, const GatewayUrl& location,
                                          Ipv4 router);

struct UpnpAnswer {
  int error = 0;        ///< 0: done.
  std::string address;  ///< NewExternalIPAddress.
};
UpnpAnswer read_upnp_answer(const std::string& xml);

}  // namespace coterie::node
