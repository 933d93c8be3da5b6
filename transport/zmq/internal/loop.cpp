#include "transport/zmq/internal/loop.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace coterie::transport::internal {
namespace {

constexpr int kContextSocketsMax = 8'192;
constexpr std::size_t kAddressesTriedMax = 4;  ///< Of one host name.
constexpr std::size_t kFramesPerTurn = 256;
/// How long a link that is being closed may take to send what is queued.
constexpr auto kCloseFlush = std::chrono::milliseconds(500);
constexpr auto kCheckInterval = std::chrono::milliseconds(250);
/// While there are unproven connections: bounds what they can send before it is looked at.
constexpr auto kUnprovenCheckInterval = std::chrono::milliseconds(50);
constexpr int kRouterEvents = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED;
constexpr int kDealerEvents =
    ZMQ_EVENT_CONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
    ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
    ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED;
/// While a queue waits for ZeroMQ to take more. Usually a wake-up comes first; it can be lost in
/// another call on the same socket.
constexpr auto kBacklogInterval = std::chrono::milliseconds(10);

std::string text_of(const zmq::message_t& message) { return message.to_string(); }

/// A property that the handshake attached to `message`, or "".
std::string property(const zmq::message_t& message, const char* name) {
  const char* value = zmq_msg_gets(const_cast<zmq::message_t&>(message).handle(), name);
  return value == nullptr ? "" : value;
}

/// ZeroMQ names a connection by five bytes that begin with 0, unless the peer chose a name itself.
/// Ours never do, and a chosen one could be somebody else's.
bool is_own_route(const std::string& route) { return route.size() == 5 && route[0] == '\0'; }

}  // namespace

Loop::Loop(const ZmqDriver::Options& options, const crypto::SigningKey& identity, Mailbox& mailbox)
    : mailbox_(mailbox),
      identity_(identity.clone()),
      connections_max_(std::min(options.accept.connections_max, open_files_max() / 2)),
      incomplete_bytes_max_(options.incomplete_bytes_max),
      context_(options.io_threads, kContextSocketsMax),
      gate_(options.accept),
      resolver_([this](LinkId link, std::vector<Address> addresses) {
        mailbox_.post(ResolvedCommand{link, std::move(addresses)});
      }) {
  zap_ = zmq::socket_t(context_, zmq::socket_type::rep);
  zap_.set(zmq::sockopt::linger, 0);
  zap_.bind("inproc://zeromq.zap.01");
  zmq::socket_t router(context_, zmq::socket_type::router);
  set_common_options(router);
  set_server_key(router, identity_);
  router.set(zmq::sockopt::router_mandatory, true);
  router_ = MonitoredSocket(context_, std::move(router), "router", kRouterEvents);
}

Status Loop::listen(const std::vector<std::string>& addresses) {
  for (const std::string& address : addresses) {
    COTERIE_CHECK(parse_listen_address(address));
    COTERIE_CHECK(bind(router_.socket(), address));
    endpoints_.push_back(router_.socket().get(zmq::sockopt::last_endpoint));
    const std::string& endpoint = endpoints_.back();
    ports_.insert(static_cast<std::uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1))));
  }
  return {};
}

void Loop::run() {
  for (;;) {
    now_ = Clock::now();
    room_ = mailbox_.room();
    run_commands();
    serve_zap();
    read_router_monitor();
    bool progress = flush_queues();
    progress |= read_router();
    progress |= read_outgoing();
    if (router_drained_) forget_gone();
    if (gate_.unproven() > 0 && now_ >= next_unproven_check_) {
      next_unproven_check_ = now_ + kUnprovenCheckInterval;
      check_unproven();
    }
    if (now_ >= next_check_) {
      next_check_ = now_ + kCheckInterval;
      check_deadlines();
      check_connections();
    }
    mailbox_.publish(std::exchange(events_, {}));
    if (stop_at_ && (flushed() || now_ >= *stop_at_)) break;
    if (!progress) wait();
  }
  // ZeroMQ sends what it took; closing the context waits that long for it.
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(*stop_at_ - now_);
  const int linger = static_cast<int>(std::max<std::int64_t>(left.count(), 0));
  router_.socket().set(zmq::sockopt::linger, linger);
  for (auto& [link, outgoing] : outgoing_) {
    if (outgoing.dealer) outgoing.dealer.socket().set(zmq::sockopt::linger, linger);
  }
  outgoing_.clear();
  router_.close();
  zap_.close();
  context_.close();
}

ZmqDriver::Stats Loop::stats() const {
  const std::lock_guard lock(stats_mutex_);
  return stats_;
}

void Loop::count(std::uint64_t ZmqDriver::Stats::*counter) {
  const std::lock_guard lock(stats_mutex_);
  ++(stats_.*counter);
}

// Commands.

void Loop::run_commands() {
  for (Command& command : mailbox_.take_commands()) {
    std::visit([this](auto& held) { carry_out(held); }, command);
  }
}

void Loop::carry_out(DialCommand& command) {
  const auto address = parse_dial_address(command.address);
  if (!address) {
    emit(ZmqDriver::DialFailed{command.device, command.address, address.error().what});
    return;
  }
  const LinkId link = ++last_link_;
  Outgoing& outgoing = outgoing_[link];
  outgoing.dial = std::move(command);
  outgoing.dial_until = outgoing.deadline = now_ + kDialTimeout;
  if (!address->is_numeric()) {
    resolver_.resolve(link, *address);
    return;
  }
  outgoing.untried = {*address};
  try_next(link, outgoing, "");
}

void Loop::carry_out(ResolvedCommand& command) {
  const auto found = outgoing_.find(command.link);
  if (found == outgoing_.end()) return;  // It took too long.
  if (command.addresses.size() > kAddressesTriedMax) command.addresses.resize(kAddressesTriedMax);
  found->second.untried = std::move(command.addresses);
  try_next(command.link, found->second, "no such host");
}

void Loop::carry_out(SendCommand& command) {
  COTERIE_ASSERT(!command.frame.empty() && command.frame.size() <= kFrameBytesMax);
  const auto outgoing = outgoing_.find(command.link);
  if (outgoing != outgoing_.end()) {
    if (!outgoing->second.closing) {
      outgoing->second.queue.push(command.traffic_class, std::move(command.frame));
    }
    return;
  }
  const auto incoming = incoming_.find(command.link);
  if (incoming == incoming_.end() || incoming->second.closing || incoming->second.gone) return;
  incoming->second.queue.push(command.traffic_class, std::move(command.frame));
}

void Loop::carry_out(CloseCommand& command) {
  const auto close = [&](auto& link) {
    if (link.closing) return;
    link.closing = true;
    link.deadline = now_ + kCloseFlush;
    emit(ZmqDriver::LinkDown{command.link});
  };
  const auto outgoing = outgoing_.find(command.link);
  if (outgoing != outgoing_.end() && outgoing->second.up) close(outgoing->second);
  const auto incoming = incoming_.find(command.link);
  if (incoming != incoming_.end() && !incoming->second.gone) close(incoming->second);
}

void Loop::carry_out(AllowCommand& command) {
  const std::map<DeviceId, bool> before = std::exchange(admitted_devices_, {});
  admitted_.clear();
  const auto admit = [&](const std::vector<DeviceId>& devices, bool guest) {
    for (const DeviceId& device : devices) {
      const auto key = crypto::curve_key(device);
      if (!key || device == identity_.id()) continue;  // No key, so nobody holds it.
      // A member that is also listed as a guest is a member.
      if (admitted_.emplace(*key, Admitted{device, guest}).second) {
        admitted_devices_.emplace(device, guest);
      }
    }
  };
  admit(command.members, false);
  admit(command.guests, true);
  for (auto& [link, incoming] : incoming_) {
    if (admitted_devices_.count(incoming.device) == 0) cut_incoming(link, incoming);
  }
  // Somebody who is not listed yet may be dialled, to join; somebody who was removed may not stay.
  for (auto next = outgoing_.begin(); next != outgoing_.end();) {
    const auto current = next++;
    const DeviceId& device = current->second.dial.device;
    if (before.count(device) != 0 && admitted_devices_.count(device) == 0) {
      end_outgoing(current->first, current->second, "the device is no longer a member");
    }
  }
}

void Loop::carry_out(StopCommand& command) { stop_at_ = now_ + command.flush; }

// The listening side.

// RFC 27/ZAP. The request: version, request id, domain, address, identity, mechanism, credentials.
void Loop::serve_zap() {
  zmq::message_t part;
  while (receive(zap_, part)) {
    std::vector<zmq::message_t> request;
    request.push_back(std::move(part));
    while (request.back().more()) {
      zmq::message_t next;
      if (!receive(zap_, next)) break;  // A message arrives whole.
      request.push_back(std::move(next));
    }
    const Admitted* admitted = nullptr;
    if (request.size() == 7) admitted = find_admitted(text_of(request[5]), request[6]);
    if (admitted == nullptr) count(&ZmqDriver::Stats::refused_strangers);
    const std::string reply[] = {"1.0",
                                 request.size() > 1 ? text_of(request[1]) : "",
                                 admitted != nullptr ? "200" : "400",
                                 admitted != nullptr ? "OK" : "not a member",
                                 admitted != nullptr ? admitted->device.hex() : "",
                                 ""};
    for (std::size_t i = 0; i < std::size(reply); ++i) {
      const bool last = i + 1 == std::size(reply);
      zap_.send(zmq::buffer(reply[i]), last ? zmq::send_flags::none : zmq::send_flags::sndmore);
    }
  }
}

const Loop::Admitted* Loop::find_admitted(const std::string& mechanism,
                                          const zmq::message_t& key) const {
  if (mechanism != "CURVE") return nullptr;
  const auto curve = crypto::CurveKey::from({key.data<std::uint8_t>(), key.size()});
  if (!curve) return nullptr;
  const auto found = admitted_.find(*curve);
  return found == admitted_.end() ? nullptr : &found->second;
}

void Loop::read_router_monitor() {
  // Judged when all is read: what is gone again needs no judgement, and its descriptor may be
  // another connection's by now.
  std::set<int> accepted;
  while (const auto event = router_.next_event()) {
    const int fd = static_cast<int>(event->value);
    if (event->kind == ZMQ_EVENT_ACCEPTED) {
      accepted.insert(fd);
    } else if (event->kind == ZMQ_EVENT_DISCONNECTED) {
      accepted.erase(fd);
      gate_.closed(fd);
      connections_.erase(fd);
      for (auto& [link, incoming] : incoming_) {
        if (incoming.fd == fd) incoming.gone = true;
      }
      router_drained_ = false;  // Its last frames may have come in meanwhile.
    }
  }
  for (const int fd : accepted) judge(fd);
  const std::lock_guard lock(stats_mutex_);
  stats_.incoming_connections = connections_.size();
  stats_.unproven_connections = gate_.unproven();
}

void Loop::judge(int fd) {
  const auto identity = socket_identity(fd);
  const auto from = peer_address(fd);
  // Gone since, and perhaps something else by now. What stays ours is told of again.
  if (!identity || !from || ports_.count(local_port(fd)) == 0) return;
  connections_[fd] = {.identity = *identity};
  if (const auto victim = gate_.accepted(fd, *from, now_)) {
    cut_unproven(*victim, &ZmqDriver::Stats::refused_over_limit);
  } else if (connections_.size() > connections_max_) {
    cut_unproven(fd, &ZmqDriver::Stats::refused_over_limit);
  }
}

void Loop::cut_unproven(int fd, std::uint64_t ZmqDriver::Stats::*counter) {
  count(counter);
  gate_.closed(fd);
  cut_accepted(fd);
}

void Loop::check_unproven() {
  for (const int fd : gate_.overdue(now_)) cut_unproven(fd, &ZmqDriver::Stats::dropped_unproven);
  // While frames wait to be read, a first one may be among them.
  if (!router_drained_) return;
  for (const int fd : gate_.unproven_connections()) {
    if (received_bytes(fd).value_or(0) > kUnprovenBytesMax) {
      cut_unproven(fd, &ZmqDriver::Stats::dropped_unproven);
    }
  }
}

void Loop::cut_accepted(int fd) {
  const auto found = connections_.find(fd);
  if (found != connections_.end()) cut(fd, found->second.identity);
}

bool Loop::read_router() {
  zmq::message_t route;
  std::size_t frames = 0;
  for (; frames < kFramesPerTurn && room_ > 0; ++frames) {
    if (!receive(router_.socket(), route)) {
      router_drained_ = true;
      return frames > 0;
    }
    zmq::message_t message;
    if (!route.more() || !receive(router_.socket(), message)) continue;
    const bool more_parts = message.more();
    for (zmq::message_t rest;
         router_.socket().get(zmq::sockopt::rcvmore) && receive(router_.socket(), rest);) {
    }
    take_incoming(text_of(route), message, more_parts);
  }
  router_drained_ = false;
  return frames > 0;
}

void Loop::take_incoming(const std::string& route, const zmq::message_t& message, bool more_parts) {
  Incoming* incoming = link_of(route, message);
  if (incoming == nullptr) return;
  const LinkId link = routes_.at(route);
  if (more_parts || message.size() > kFrameBytesMax) {
    count(&ZmqDriver::Stats::dropped_faulty);
    cut_incoming(link, *incoming);
    return;
  }
  const auto connection = connections_.find(incoming->fd);
  if (connection != connections_.end()) connection->second.frame_since = true;
  emit_frame(link, message);
}

Loop::Incoming* Loop::link_of(const std::string& route, const zmq::message_t& message) {
  const std::string user_id = property(message, "User-Id");
  const auto known = routes_.find(route);
  if (known != routes_.end()) {
    Incoming& incoming = incoming_.at(known->second);
    return incoming.closing || incoming.user_id != user_id ? nullptr : &incoming;
  }
  // The monitor may hold news of the connection before this one that had the same descriptor.
  read_router_monitor();
  const int fd = std::atoi(property(message, "__fd").c_str());
  const auto bytes = from_hex(user_id);
  const auto device = bytes ? DeviceId::from(*bytes) : Result<DeviceId>(bytes.error());
  const auto admitted = device ? admitted_devices_.find(*device) : admitted_devices_.end();
  if (admitted == admitted_devices_.end() || !is_own_route(route)) {
    cut_accepted(fd);  // Removed since it was admitted, or up to something.
    return nullptr;
  }
  // The other side ignores an empty frame, but ZeroMQ tells whether it is still there: a link must
  // not come up from the last frames of a connection that is gone.
  if (push(router_.socket(), &route, {}) != Pushed::kTaken) return nullptr;
  const LinkId link = ++last_link_;
  Incoming& incoming = incoming_[link];
  incoming.device = *device;
  incoming.user_id = user_id;
  incoming.route = route;
  incoming.fd = fd;
  routes_[route] = link;
  gate_.proven(fd);
  limit_unsent(fd);
  emit(ZmqDriver::LinkUp{link, *device, false, admitted->second});
  return &incoming;
}

void Loop::forget_gone() {
  for (auto next = incoming_.begin(); next != incoming_.end();) {
    const auto current = next++;
    if (!current->second.gone) continue;
    if (!current->second.closing) emit(ZmqDriver::LinkDown{current->first});
    routes_.erase(current->second.route);
    incoming_.erase(current);
  }
}

// The dialling side.

void Loop::try_next(LinkId link, Outgoing& outgoing, const char* reason_if_none) {
  if (outgoing.untried.empty()) return end_outgoing(link, outgoing, reason_if_none);
  // An address that swallows everything must leave time for the others.
  const auto left = std::max(outgoing.dial_until - now_, Clock::duration::zero());
  outgoing.deadline = now_ + left / static_cast<int>(outgoing.untried.size());
  const Address address = std::move(outgoing.untried.front());
  outgoing.untried.erase(outgoing.untried.begin());
  const Status opened = open_dealer(outgoing, address);
  if (!opened) end_outgoing(link, outgoing, opened.error().what);
}

Status Loop::open_dealer(Outgoing& outgoing, const Address& address) {
  try {
    zmq::socket_t socket(context_, zmq::socket_type::dealer);
    set_common_options(socket);
    socket.set(zmq::sockopt::reconnect_ivl, -1);
    const DialCommand& dial = outgoing.dial;
    COTERIE_CHECK(
        set_client_keys(socket, dial.device, dial.invite_key ? *dial.invite_key : identity_));
    outgoing.dealer = MonitoredSocket(context_, std::move(socket), std::to_string(++last_monitor_),
                                      kDealerEvents);
    outgoing.fd = -1;
    outgoing.dealer.socket().connect(address.text());
    return {};
  } catch (const zmq::error_t& error) {
    return Error{ErrorCode::kIo, "this process cannot open another connection",
                 static_cast<std::uint64_t>(error.num())};
  }
}

bool Loop::read_outgoing() {
  bool progress = false;
  for (auto next = outgoing_.begin(); next != outgoing_.end();) {
    const auto current = next++;
    const LinkId link = current->first;
    Outgoing& outgoing = current->second;
    if (!outgoing.dealer) continue;  // Its host is being looked up.
    const char* ended = read_dealer_monitor(link, outgoing);
    if (outgoing.up) {  // Also when it ended: its last frames may be in already.
      const char* faulty = read_dealer(link, outgoing, progress);
      if (ended == nullptr) ended = faulty;
    }
    if (ended == nullptr) continue;
    if (outgoing.up) {
      end_outgoing(link, outgoing, ended);
    } else {
      try_next(link, outgoing, ended);
    }
  }
  return progress;
}

const char* Loop::read_dealer_monitor(LinkId link, Outgoing& outgoing) {
  const char* ended = nullptr;
  while (const auto event = outgoing.dealer.next_event()) {
    switch (event->kind) {
      case ZMQ_EVENT_CONNECTED:
        outgoing.fd = static_cast<int>(event->value);
        outgoing.connection.identity = socket_identity(outgoing.fd).value_or(0);
        limit_unsent(outgoing.fd);
        break;
      case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        outgoing.up = true;
        emit(ZmqDriver::LinkUp{link, outgoing.dial.device, true, false});
        break;
      case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        ended = "the other side does not admit this device";
        break;
      case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
      case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        if (ended == nullptr) ended = "another device, or no coterie, answers at this address";
        break;
      case ZMQ_EVENT_DISCONNECTED:
      case ZMQ_EVENT_CLOSED:
        if (ended == nullptr) ended = outgoing.up ? "disconnected" : "nobody answers there";
        break;
      default:
        break;
    }
  }
  return ended;
}

const char* Loop::read_dealer(LinkId link, Outgoing& outgoing, bool& progress) {
  zmq::message_t message;
  for (std::size_t frames = 0; frames < kFramesPerTurn && room_ > 0; ++frames) {
    if (!receive(outgoing.dealer.socket(), message)) return nullptr;
    progress = true;
    outgoing.connection.frame_since = true;
    if (message.more() || message.size() > kFrameBytesMax) {
      count(&ZmqDriver::Stats::dropped_faulty);
      return "the other side broke the rules";
    }
    if (!outgoing.closing) emit_frame(link, message);
  }
  return nullptr;
}

/// Frees `outgoing`.
void Loop::end_outgoing(LinkId link, Outgoing& outgoing, const char* reason) {
  if (!outgoing.up) {
    emit(ZmqDriver::DialFailed{outgoing.dial.device, outgoing.dial.address, reason});
  } else if (!outgoing.closing) {
    emit(ZmqDriver::LinkDown{link});
  }
  outgoing_.erase(link);
}

// Both sides.

void Loop::emit_frame(LinkId link, const zmq::message_t& message) {
  if (message.size() == 0) return;  // See link_of().
  const auto* data = message.data<std::uint8_t>();
  room_ -= std::min(room_, message.size());
  emit(ZmqDriver::Frame{link, Bytes(data, data + message.size())});
}

bool Loop::flush_queues() {
  bool progress = false;
  bool gone = false;
  for (auto& [link, outgoing] : outgoing_) {
    if (outgoing.up) {
      progress |=
          flush(link, outgoing.queue, outgoing.dealer.socket(), nullptr, !outgoing.closing, gone);
    }
  }
  for (auto& [link, incoming] : incoming_) {
    if (incoming.gone) continue;
    progress |= flush(link, incoming.queue, router_.socket(), &incoming.route, !incoming.closing,
                      incoming.gone);
    if (incoming.gone) router_drained_ = false;
  }
  return progress;
}

bool Loop::flush(LinkId link, OutQueue& queue, zmq::socket_t& socket, const std::string* route,
                 bool report, bool& gone) {
  std::size_t bytes = 0;
  while (!queue.empty()) {
    const Pushed pushed = push(socket, route, queue.front());
    if (pushed == Pushed::kGone) gone = true;
    if (pushed != Pushed::kTaken) break;
    bytes += queue.front().size();
    queue.pop();
  }
  if (bytes > 0 && report) emit(ZmqDriver::Sent{link, bytes});
  return bytes > 0;
}

Loop::Pushed Loop::push(zmq::socket_t& socket, const std::string* route, ByteView frame) {
  using zmq::send_flags;
  try {
    if (route != nullptr) {
      const auto flags = send_flags::dontwait | send_flags::sndmore;
      if (!socket.send(zmq::buffer(*route), flags)) return Pushed::kFull;
    }
    zmq::message_t message(frame.data(), frame.size());
    return socket.send(message, send_flags::dontwait) ? Pushed::kTaken : Pushed::kFull;
  } catch (const zmq::error_t& error) {
    COTERIE_ASSERT(error.num() == EHOSTUNREACH);
    return Pushed::kGone;
  }
}

void Loop::cut_incoming(LinkId link, Incoming& incoming) {
  if (incoming.gone) return;
  if (!incoming.closing) emit(ZmqDriver::LinkDown{link});
  incoming.closing = true;
  incoming.queue = {};
  incoming.deadline = now_;
  cut_accepted(incoming.fd);
}

void Loop::check_deadlines() {
  for (auto& [link, incoming] : incoming_) {
    if (incoming.closing && (incoming.queue.empty() || now_ >= incoming.deadline)) {
      cut_incoming(link, incoming);
    }
  }
  for (auto next = outgoing_.begin(); next != outgoing_.end();) {
    const auto current = next++;
    Outgoing& outgoing = current->second;
    if (!outgoing.up) {
      if (now_ >= outgoing.deadline) try_next(current->first, outgoing, "no answer in time");
    } else if (outgoing.closing && outgoing.queue.empty()) {
      const auto linger = std::chrono::duration_cast<std::chrono::milliseconds>(kCloseFlush);
      outgoing.dealer.socket().set(zmq::sockopt::linger, static_cast<int>(linger.count()));
      end_outgoing(current->first, outgoing, "closed");
    } else if (outgoing.closing && now_ >= outgoing.deadline) {
      end_outgoing(current->first, outgoing, "closed");
    }
  }
}

void Loop::check_connections() {
  for (auto& [fd, connection] : connections_) {
    if (stalled(connection, fd)) cut(fd, connection.identity);
  }
  for (auto& [link, outgoing] : outgoing_) {
    if (outgoing.fd >= 0 && stalled(outgoing.connection, outgoing.fd)) {
      cut(outgoing.fd, outgoing.connection.identity);
    }
  }
}

/// Whether more than incomplete_bytes_max_ came in since a frame was complete.
bool Loop::stalled(Connection& connection, int fd) {
  const auto bytes = received_bytes(fd);
  if (!bytes) return false;
  // While the owner does not poll, frames are not read, and nothing can be said about the peer.
  if (connection.frame_since || mailbox_.room() == 0) {
    connection.bytes_then = *bytes;
    connection.frame_since = false;
    return false;
  }
  if (*bytes - connection.bytes_then <= incomplete_bytes_max_) return false;
  connection.bytes_then = *bytes;
  count(&ZmqDriver::Stats::dropped_faulty);
  return true;
}

bool Loop::backlog() const {
  const auto waits = [](const auto& item) { return !item.second.queue.empty(); };
  return std::any_of(outgoing_.begin(), outgoing_.end(), waits) ||
         std::any_of(incoming_.begin(), incoming_.end(), waits);
}

bool Loop::flushed() const { return !backlog(); }

void Loop::wait() {
  std::vector<pollfd> fds = {{mailbox_.wake_fd(), POLLIN, 0}};
  const auto add = [&](const zmq::socket_t& socket) {
    fds.push_back({socket.get(zmq::sockopt::fd), POLLIN, 0});
  };
  add(zap_);
  add(router_.monitor());
  for (auto& [link, outgoing] : outgoing_) {
    if (outgoing.dealer) add(outgoing.dealer.monitor());
  }
  if (mailbox_.room() > 0) {  // Otherwise the mailbox wakes us when there is room again.
    add(router_.socket());
    for (auto& [link, outgoing] : outgoing_) {
      // One that is not read stays readable: until a dial is up, only its monitor says something.
      if (outgoing.up) add(outgoing.dealer.socket());
    }
  }
  auto until = next_check_;
  if (gate_.unproven() > 0) until = std::min(until, next_unproven_check_);
  if (backlog()) until = std::min(until, now_ + kBacklogInterval);
  if (stop_at_) until = std::min(until, *stop_at_);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
  const bool idle = outgoing_.empty() && connections_.empty() && incoming_.empty() && !stop_at_;
  ::poll(fds.data(), fds.size(), idle ? -1 : static_cast<int>(std::max<std::int64_t>(left, 0)));
}

}  // namespace coterie::transport::internal
