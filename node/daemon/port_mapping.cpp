#include "node/daemon/port_mapping.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <mutex>
#include <thread>
#include <utility>

#include "node/daemon/gateway.hpp"
#include "node/daemon/internal/descriptor.hpp"
#include "node/daemon/log.hpp"

namespace coterie::node {

namespace {

using Clock = Patience::Clock;
using Level = Engine::Notice::Level;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// For one language, with all its questions.
constexpr milliseconds kAskPatience{10'000};
constexpr milliseconds kGiveBackPatience{1500};
/// A gateway that always says that it began anew, each time with another address, is not asked more
/// often than others take a new card of us.
constexpr auto kAskAgainMin = std::chrono::duration_cast<seconds>(kCardChangePause);
static_assert(kAskAgainMin <= kGatewayLeaseMin / 2);
/// After a failure, doubled up to the second.
constexpr seconds kRetry{30};
constexpr seconds kRetryMax{1800};
/// Announcements taken in one go; if there are more, none is looked at for a moment.
constexpr int kTurn = 32;
constexpr milliseconds kFloodPause{50};
/// Routes and addresses come and go in bunches.
constexpr milliseconds kSettle{500};
/// How long nothing is looked at where nobody tells of changes.
constexpr seconds kUnwatched{60};
/// Where routers announce themselves (RFC 6886, 3.2.1).
constexpr std::uint16_t kAnnouncedPort = 5350;
constexpr Ipv4 kAnnouncedGroup{0xe0000001};  // 224.0.0.1

constexpr const char* kAsking = "the gateway is being asked";
constexpr const char* kNoRouter =
    "there is no router with a private address that leads to where this node listens";

std::string address_text(const GatewayPort& port) {
  return "tcp://" + to_string(port.address) + ":" + std::to_string(port.port);
}

/// On the network of `router`. None where another program has the port for itself.
Descriptor open_announcements(const Router& router) {
  Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket || !set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1)) return Descriptor();
  sockaddr_in group{};
  group.sin_family = AF_INET;
  group.sin_addr.s_addr = htonl(kAnnouncedGroup.bits);
  group.sin_port = htons(kAnnouncedPort);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&group), sizeof group) != 0) {
    return Descriptor();
  }
  ip_mreqn wanted{};
  wanted.imr_multiaddr = group.sin_addr;
  wanted.imr_address.s_addr = htonl(router.own.bits);
  if (!set_option(socket, IPPROTO_IP, IP_ADD_MEMBERSHIP, wanted)) return Descriptor();
  return socket;
}

}  // namespace

struct PortMapping::State {
  State(Options given, Changed to_tell) : options(std::move(given)), changed(std::move(to_tell)) {}

  Options options;
  Changed changed;
  Descriptor stopped{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::atomic<bool> stopping = false;

  mutable std::mutex mutex;
  Status now_is;  ///< Guarded by `mutex`.

  // Of the thread.
  Descriptor watch = open_network_watch(RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE);
  std::optional<Router> router;
  /// NAT-PMP, then UPnP: the former is quicker to ask, and gives back what it forgets.
  std::array<std::unique_ptr<Gateway>, 2> languages;
  std::size_t spoken = 0;  ///< Which of them opened a port last.
  std::optional<GatewayPort> held;
  Clock::time_point held_until;
  Clock::time_point asked_at;
  Clock::time_point ask_at;
  seconds retry = kRetry;
  Descriptor announcements;
  std::thread thread;

  void run();
  void look();
  void ask();
  bool ask(std::size_t language, std::string& why);
  void wait();
  bool announced();
  void pause(milliseconds time) const;
  void tell(const Status& status);
};

PortMapping::PortMapping(Options options, Changed changed)
    : state_(std::make_unique<State>(std::move(options), std::move(changed))) {
  state_->now_is.why = kNoRouter;
  state_->thread = std::thread([state = state_.get()] { state->run(); });
}

PortMapping::~PortMapping() { stop(); }

PortMapping::Status PortMapping::status() const {
  const std::lock_guard guard(state_->mutex);
  return state_->now_is;
}

void PortMapping::stop() {
  if (!state_->thread.joinable()) return;
  state_->stopping = true;
  (void)::eventfd_write(state_->stopped.get(), 1);
  state_->thread.join();
}

// The thread.

void PortMapping::State::run() {
  look();
  while (!stopping) {
    if (router && ask_at <= Clock::now()) ask();
    if (held && held_until <= Clock::now()) {
      held.reset();
      tell({"", "", to_string(router->address), "the gateway did not renew it"});
    }
    wait();
  }
  const Patience patience(kGiveBackPatience);
  for (const auto& one : languages) {
    if (one) one->close(patience);
  }
}

/// Whether the router is another one than before. What the old one gave runs out by itself.
void PortMapping::State::look() {
  auto found = find_router();
  const std::string& host = options.listen_host;
  const bool anywhere = host == "*" || host == "0.0.0.0" || host == "::";
  if (found && !anywhere && host != to_string(found->own)) found.reset();
  if (found == router) return;
  router = found;
  held.reset();
  languages = {};
  announcements = Descriptor();
  if (!router) return tell({"", "", "", kNoRouter});
  languages = {make_nat_pmp(*router), make_upnp(*router)};
  spoken = 0;
  retry = kRetry;
  ask_at = Clock::now();
  announcements = open_announcements(*router);
  tell({"", "", to_string(router->address), kAsking});
}

void PortMapping::State::ask() {
  asked_at = Clock::now();
  std::string why;
  const bool opened = ask(spoken, why) || (!stopping && ask(1 - spoken, why));
  const auto now = Clock::now();
  if (stopping) return;
  if (opened) {
    ask_at = now + held->lasts / 2;
    retry = kRetry;
    return;
  }
  ask_at = now + retry;
  retry = std::min(retry * 2, kRetryMax);
  // Once given, it stays open for its time, whatever the gateway says now.
  if (!held) tell({"", "", to_string(router->address), "the gateway gives no port: " + why});
}

bool PortMapping::State::ask(std::size_t language, std::string& why) {
  const auto opened =
      languages[language]->open(options.port, Patience(kAskPatience, stopped.get()));
  if (!opened) {
    // Silence says less than a refusal.
    if (why.empty() || opened.error().code != ErrorCode::kUnavailable) why = opened.error().what;
    return false;
  }
  spoken = language;
  held = *opened;
  held_until = Clock::now() + opened->lasts;
  tell({address_text(*opened), languages[language]->name(), to_string(router->address), ""});
  return true;
}

/// Until there is something to do.
void PortMapping::State::wait() {
  int patience = -1;
  const auto wake_at = [&](Clock::time_point when) {
    const auto left = std::chrono::ceil<milliseconds>(when - Clock::now()).count();
    const int bounded = static_cast<int>(std::max<std::int64_t>(left, 0));
    patience = patience < 0 ? bounded : std::min(patience, bounded);
  };
  if (router) wake_at(ask_at);
  if (held) wake_at(held_until);
  if (!watch) wake_at(Clock::now() + kUnwatched);
  std::array<pollfd, 3> all{
      {{stopped.get(), POLLIN, 0}, {watch.get(), POLLIN, 0}, {announcements.get(), POLLIN, 0}}};
  if (::poll(all.data(), all.size(), patience) < 0) return;
  if (stopping) return;
  if (all[2].revents != 0 && announced()) {
    retry = kRetry;
    ask_at = std::min(ask_at, std::max(Clock::now(), asked_at + kAskAgainMin));
  }
  if (all[1].revents != 0) {
    pause(kSettle);
    drain_network_watch(watch);
    look();
  }
  if (!watch) look();
}

/// Or until stopped.
void PortMapping::State::pause(milliseconds time) const {
  pollfd stop{stopped.get(), POLLIN, 0};
  (void)::poll(&stop, 1, static_cast<int>(time.count()));
}

/// Whether the router spoke.
bool PortMapping::State::announced() {
  bool spoke = false;
  for (int turn = 0; turn < kTurn; ++turn) {
    std::array<char, 64> datagram;
    sockaddr_in from{};
    socklen_t from_bytes = sizeof from;
    const auto got = ::recvfrom(announcements.get(), datagram.data(), datagram.size(), 0,
                                reinterpret_cast<sockaddr*>(&from), &from_bytes);
    if (got < 0) return spoke;
    spoke = spoke || (ntohl(from.sin_addr.s_addr) == router->address.bits &&
                      is_nat_pmp_announcement({datagram.data(), static_cast<std::size_t>(got)}));
  }
  pause(kFloodPause);
  return spoke;
}

void PortMapping::State::tell(const Status& status) {
  Status before;
  {
    const std::lock_guard guard(mutex);
    before = std::exchange(now_is, status);
  }
  if (before == status) return;
  if (!status.address.empty()) {
    log_line(Level::kInfo, "port mapping: " + status.address + " leads here, by " + status.by +
                               " of the gateway " + status.gateway);
  } else if (status.why != kAsking || !before.address.empty()) {
    log_line(before.address.empty() ? Level::kInfo : Level::kWarning,
             "port mapping: none: " + status.why);
  }
  if (before.address != status.address) changed(status.address);
}

}  // namespace coterie::node
