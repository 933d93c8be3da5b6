#include "node/daemon/local_network.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "node/core/beacon.hpp"
#include "node/daemon/internal/descriptor.hpp"
#include "node/daemon/log.hpp"

namespace coterie::node {

namespace {

using Clock = std::chrono::steady_clock;
using Level = Engine::Notice::Level;

constexpr const char* kGroup4 = "239.192.67.66";
constexpr const char* kGroup6 = "ff02::436f:4231";
/// Addresses come and go in bunches, and on some machines all the time.
constexpr std::chrono::milliseconds kSettle{300};
constexpr std::chrono::milliseconds kToldPause{2000};
/// Datagrams taken in one go; then, if there are more, a pause: a flood cannot keep us busy.
constexpr int kTurn = 32;
constexpr std::chrono::milliseconds kFloodPause{50};
constexpr std::size_t kUnsentMax = 16;

template <typename Address>
std::optional<Address> cast(const sockaddr* address) {
  if (address == nullptr) return std::nullopt;
  Address out;
  std::memcpy(&out, address, sizeof out);
  return out;
}

/// An interface that beacons go out on.
struct Outlet {
  std::string name;
  unsigned index = 0;
  std::optional<in_addr> ipv4;
  std::optional<in_addr> broadcast;
  bool ipv6 = false;
};

Descriptor open_socket(int family) {
  Descriptor socket(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return socket;
  // Several nodes of one machine hear the same beacons.
  if (!set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1)) return Descriptor();
  int bound = -1;
  if (family == AF_INET) {
    set_option(socket, SOL_SOCKET, SO_BROADCAST, 1);
    set_option(socket, IPPROTO_IP, IP_MULTICAST_TTL, 1);
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_port = htons(kBeaconPort);
    bound = ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any);
  } else {
    set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    any.sin6_port = htons(kBeaconPort);
    bound = ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any);
  }
  return bound == 0 ? std::move(socket) : Descriptor();
}

std::string host_of(const sockaddr_storage& from) {
  char text[INET6_ADDRSTRLEN] = {};
  if (from.ss_family == AF_INET) {
    const auto address = *cast<sockaddr_in>(reinterpret_cast<const sockaddr*>(&from));
    return ::inet_ntop(AF_INET, &address.sin_addr, text, sizeof text);
  }
  const auto address = *cast<sockaddr_in6>(reinterpret_cast<const sockaddr*>(&from));
  std::string host = ::inet_ntop(AF_INET6, &address.sin6_addr, text, sizeof text);
  char name[IF_NAMESIZE] = {};
  if (IN6_IS_ADDR_LINKLOCAL(&address.sin6_addr) &&
      ::if_indextoname(address.sin6_scope_id, name) != nullptr) {
    host += std::string("%") + name;
  }
  return host;
}

}  // namespace

struct LocalNetwork::State {
  State(Options given, Events to_tell) : options(std::move(given)), events(std::move(to_tell)) {}

  Options options;
  Events events;
  Descriptor wake{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  Descriptor watch = open_network_watch(RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR);
  Descriptor socket4;
  Descriptor socket6;
  std::vector<Outlet> outlets;
  std::set<std::pair<int, unsigned>> joined;  ///< Family and interface.

  std::atomic<bool> stopping = false;
  std::mutex mutex;
  std::deque<Bytes> unsent;
  std::thread thread;

  void run();
  void find_outlets();
  void join(const Outlet& outlet);
  bool receive(const Descriptor& socket);
  void send(const Bytes& datagram);
  bool reached_on(const ifaddrs& one) const;
};

LocalNetwork::LocalNetwork(Options options, Events events)
    : state_(std::make_unique<State>(std::move(options), std::move(events))) {
  State& state = *state_;
  if (state.options.beacons) {
    state.socket4 = open_socket(AF_INET);
    state.socket6 = open_socket(AF_INET6);
    if (!state.socket4 && !state.socket6) {
      log_line(Level::kWarning, "nodes of the local network are not found: no UDP port");
    }
    state.find_outlets();
  }
  if (!state.watch) log_line(Level::kWarning, "changes of this machine's addresses go unnoticed");
  state.thread = std::thread([&state] { state.run(); });
}

LocalNetwork::~LocalNetwork() { stop(); }

void LocalNetwork::stop() {
  if (!state_->thread.joinable()) return;
  state_->stopping = true;
  (void)::eventfd_write(state_->wake.get(), 1);
  state_->thread.join();
}

void LocalNetwork::send(Bytes datagram) {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->unsent.size() == kUnsentMax) return;
    state_->unsent.push_back(std::move(datagram));
  }
  (void)::eventfd_write(state_->wake.get(), 1);
}

// The thread.

void LocalNetwork::State::run() {
  std::optional<Clock::time_point> settled_at;
  Clock::time_point told_at = Clock::now() - kToldPause;
  std::optional<Clock::time_point> deaf_until;
  while (!stopping) {
    const auto now = Clock::now();
    if (settled_at && *settled_at <= now) {
      settled_at.reset();
      told_at = now;
      if (options.beacons) find_outlets();
      events.addresses_changed();
    }
    if (deaf_until && *deaf_until <= now) deaf_until.reset();
    int patience = -1;
    for (const auto& due : {settled_at, deaf_until}) {
      if (!due) continue;
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*due - now).count();
      if (patience < 0 || left < patience) patience = static_cast<int>(left);
    }
    std::array<pollfd, 4> all{{{wake.get(), POLLIN, 0},
                               {watch.get(), POLLIN, 0},
                               {deaf_until ? -1 : socket4.get(), POLLIN, 0},
                               {deaf_until ? -1 : socket6.get(), POLLIN, 0}}};
    if (::poll(all.data(), all.size(), patience) < 0 && errno != EINTR) return;
    eventfd_t ignored = 0;
    (void)::eventfd_read(wake.get(), &ignored);
    if (all[1].revents != 0) {
      drain_network_watch(watch);
      if (!settled_at) settled_at = std::max(Clock::now() + kSettle, told_at + kToldPause);
    }
    bool flooded = all[2].revents != 0 && receive(socket4);
    flooded = (all[3].revents != 0 && receive(socket6)) || flooded;
    if (flooded) deaf_until = Clock::now() + kFloodPause;
    for (;;) {
      Bytes datagram;
      {
        const std::lock_guard lock(mutex);
        if (unsent.empty()) break;
        datagram = std::move(unsent.front());
        unsent.pop_front();
      }
      send(datagram);
    }
  }
}

/// Whether there may be more.
bool LocalNetwork::State::receive(const Descriptor& socket) {
  for (int turn = 0; turn < kTurn; ++turn) {
    std::array<std::uint8_t, kBeaconBytes + 1> datagram;
    sockaddr_storage from{};
    socklen_t from_bytes = sizeof from;
    const auto got = ::recvfrom(socket.get(), datagram.data(), datagram.size(), 0,
                                reinterpret_cast<sockaddr*>(&from), &from_bytes);
    if (got < 0) return false;
    if (got != static_cast<ssize_t>(kBeaconBytes)) continue;
    events.heard(host_of(from), Bytes(datagram.begin(), datagram.begin() + kBeaconBytes));
  }
  return true;
}

/// Whether the node listens at this address of the machine.
bool LocalNetwork::State::reached_on(const ifaddrs& one) const {
  const std::string& host = options.listen_host;
  const bool ipv6 = one.ifa_addr->sa_family == AF_INET6;
  if (host == "*" || host == "::") return true;
  if (host == "0.0.0.0") return !ipv6;
  char text[INET6_ADDRSTRLEN] = {};
  if (ipv6) {
    const auto address = *cast<sockaddr_in6>(one.ifa_addr);
    ::inet_ntop(AF_INET6, &address.sin6_addr, text, sizeof text);
  } else {
    const auto address = *cast<sockaddr_in>(one.ifa_addr);
    ::inet_ntop(AF_INET, &address.sin_addr, text, sizeof text);
  }
  return host == text;
}

void LocalNetwork::State::find_outlets() {
  outlets.clear();
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return;
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, &::freeifaddrs);
  std::set<std::pair<int, unsigned>> present;
  for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
    const unsigned flags = one->ifa_flags;
    if (one->ifa_addr == nullptr || (flags & IFF_UP) == 0 || (flags & IFF_LOOPBACK) != 0) continue;
    const int family = one->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    Outlet outlet;
    outlet.name = one->ifa_name;
    outlet.index = ::if_nametoindex(one->ifa_name);
    if (family == AF_INET) {
      outlet.ipv4 = cast<sockaddr_in>(one->ifa_addr)->sin_addr;
      if ((flags & IFF_BROADCAST) != 0 && one->ifa_broadaddr != nullptr) {
        outlet.broadcast = cast<sockaddr_in>(one->ifa_broadaddr)->sin_addr;
      }
    }
    outlet.ipv6 = family == AF_INET6;
    join(outlet);
    present.insert({family, outlet.index});
    if (reached_on(*one)) outlets.push_back(std::move(outlet));
  }
  // What is gone left its groups by itself.
  std::erase_if(joined, [&](const auto& item) { return !present.contains(item); });
}

void LocalNetwork::State::join(const Outlet& outlet) {
  const int family = outlet.ipv6 ? AF_INET6 : AF_INET;
  if (joined.contains({family, outlet.index})) return;
  bool done = false;
  if (outlet.ipv6) {
    ipv6_mreq wanted{};
    ::inet_pton(AF_INET6, kGroup6, &wanted.ipv6mr_multiaddr);
    wanted.ipv6mr_interface = outlet.index;
    done = socket6 && set_option(socket6, IPPROTO_IPV6, IPV6_JOIN_GROUP, wanted);
  } else {
    ip_mreqn wanted{};
    ::inet_pton(AF_INET, kGroup4, &wanted.imr_multiaddr);
    wanted.imr_ifindex = static_cast<int>(outlet.index);
    done = socket4 && set_option(socket4, IPPROTO_IP, IP_ADD_MEMBERSHIP, wanted);
  }
  if (done) joined.insert({family, outlet.index});
}

/// On every outlet; where that fails, nobody is there.
void LocalNetwork::State::send(const Bytes& datagram) {
  const auto send_to = [&](const Descriptor& socket, const auto& address) {
    (void)::sendto(socket.get(), datagram.data(), datagram.size(), 0,
                   reinterpret_cast<const sockaddr*>(&address), sizeof address);
  };
  for (const Outlet& outlet : outlets) {
    if (outlet.ipv6 && socket6) {
      sockaddr_in6 group{};
      group.sin6_family = AF_INET6;
      group.sin6_port = htons(kBeaconPort);
      group.sin6_scope_id = outlet.index;
      ::inet_pton(AF_INET6, kGroup6, &group.sin6_addr);
      send_to(socket6, group);
    } else if (outlet.ipv4 && socket4) {
      ip_mreqn from{};
      from.imr_address = *outlet.ipv4;
      from.imr_ifindex = static_cast<int>(outlet.index);
      set_option(socket4, IPPROTO_IP, IP_MULTICAST_IF, from);
      sockaddr_in group{};
      group.sin_family = AF_INET;
      group.sin_port = htons(kBeaconPort);
      ::inet_pton(AF_INET, kGroup4, &group.sin_addr);
      send_to(socket4, group);
      if (!outlet.broadcast) continue;
      group.sin_addr = *outlet.broadcast;
      send_to(socket4, group);
    }
  }
}

}  // namespace coterie::node
