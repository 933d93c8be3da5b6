#include "transport/zmq/internal/sockets.hpp"

#include <fcntl.h>
#include <linux/tcp.h>  // The C library's tcp_info lacks tcpi_bytes_received.
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "transport/wire/limits.hpp"
#include "transport/zmq/driver.hpp"

namespace coterie::transport::internal {
namespace {

/// ZeroMQ's own queue per link: the more it holds, the longer an urgent frame waits.
constexpr int kSocketQueueFrames = 4;
/// CURVE wraps a frame into a MESSAGE command: name, nonce, flags and tag.
constexpr std::int64_t kCurveOverheadBytes = 64;
constexpr int kUnsentBytesMax = 64 * 1024;
/// A connection whose other end is gone without a word is given up by TCP after about this long.
/// (A peer that is frozen but reachable is noticed by the mesh, which hears nothing from it.)
constexpr int kKeepaliveIdleSeconds = 6;
constexpr int kKeepaliveIntervalSeconds = 2;
constexpr int kKeepaliveProbes = 3;
constexpr int kUnacknowledgedMillis = 12'000;

int millis(Duration duration) {
  return static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

zmq::const_buffer buffer(ByteView view) { return {view.data(), view.size()}; }

}  // namespace

void set_common_options(zmq::socket_t& socket) {
  using namespace zmq::sockopt;
  socket.set(maxmsgsize, static_cast<std::int64_t>(kFrameBytesMax) + kCurveOverheadBytes);
  socket.set(handshake_ivl, millis(kHandshakeTimeout));
  // No heartbeats of ZeroMQ's: in libzmq 4.3.4 one that falls due on a connection that was reset
  // while we did not read it ends the process.
  socket.set(sndhwm, kSocketQueueFrames);
  socket.set(rcvhwm, kSocketQueueFrames);
  socket.set(zmq::sockopt::linger, 0);
  socket.set(ipv6, true);
  socket.set(tcp_keepalive, 1);
  socket.set(tcp_keepalive_idle, kKeepaliveIdleSeconds);
  socket.set(tcp_keepalive_intvl, kKeepaliveIntervalSeconds);
  socket.set(tcp_keepalive_cnt, kKeepaliveProbes);
  socket.set(tcp_maxrt, kUnacknowledgedMillis);
}

void set_server_key(zmq::socket_t& socket, const crypto::SigningKey& identity) {
  using namespace zmq::sockopt;
  // Were nobody to answer for ZAP, ZeroMQ would admit everybody. The loop answers as long as this
  // socket lives, and takes no frame without the user id that only ZAP gives.
  socket.set(zap_domain, "coterie");
  socket.set(curve_server, true);
  const crypto::SecretKey secret = identity.curve_secret();
  socket.set(curve_secretkey, buffer(secret.view()));
}

Status set_client_keys(zmq::socket_t& socket, const DeviceId& device,
                       const crypto::SigningKey& own) {
  using namespace zmq::sockopt;
  COTERIE_TRY(const crypto::CurveKey server, crypto::curve_key(device));
  COTERIE_TRY(const crypto::CurveKey client, crypto::curve_key(own.id()));
  const crypto::SecretKey secret = own.curve_secret();
  // The empty frame that makes the link at the other side: see driver.hpp.
  socket.set(probe_router, true);
  socket.set(curve_serverkey, buffer(server.view()));
  socket.set(curve_publickey, buffer(client.view()));
  socket.set(curve_secretkey, buffer(secret.view()));
  return {};
}

MonitoredSocket::MonitoredSocket(zmq::context_t& context, zmq::socket_t socket,
                                 const std::string& name, int events)
    : socket_(std::move(socket)), monitor_(context, zmq::socket_type::pair) {
  const std::string address = "inproc://monitor." + name;
  if (zmq_socket_monitor(socket_.handle(), address.c_str(), events) != 0) {
    throw zmq::error_t();
  }
  // Unlimited: a full queue would stop ZeroMQ's I/O thread. It is emptied at every turn.
  monitor_.set(zmq::sockopt::rcvhwm, 0);
  monitor_.set(zmq::sockopt::linger, 0);
  monitor_.connect(address);
}

MonitoredSocket& MonitoredSocket::operator=(MonitoredSocket&& other) noexcept {
  close();
  socket_ = std::move(other.socket_);
  monitor_ = std::move(other.monitor_);
  return *this;
}

void MonitoredSocket::close() {
  if (!socket_) return;
  // ZeroMQ's I/O thread waits for ever to report what happens to a connection, also of a closed
  // socket, when nobody holds the other end of its monitor (libzmq issue 3575): no link of the
  // process would work any more.
  zmq_socket_monitor(socket_.handle(), nullptr, 0);
  socket_.close();
  monitor_.close();
}

std::optional<MonitorEvent> MonitoredSocket::next_event() {
  zmq::message_t head;
  zmq::message_t address;
  if (!receive(monitor_, head) || !receive(monitor_, address)) return std::nullopt;
  MonitorEvent event{};
  COTERIE_ASSERT(head.size() == sizeof event.kind + sizeof event.value);
  std::memcpy(&event.kind, head.data(), sizeof event.kind);
  std::memcpy(&event.value, head.data<char>() + sizeof event.kind, sizeof event.value);
  return event;
}

Status bind(zmq::socket_t& socket, const std::string& address) {
  try {
    socket.bind(address);
    return {};
  } catch (const zmq::error_t& error) {
    const auto detail = static_cast<std::uint64_t>(error.num());
    switch (error.num()) {
      case EADDRINUSE:
        return Error{ErrorCode::kConflict,
                     "the listen port is in use: stop the program that holds it, or choose another "
                     "with --listen",
                     detail};
      case EADDRNOTAVAIL:
      case ENODEV:
        return Error{ErrorCode::kUnavailable,
                     "this machine does not have the listen address: choose one it has, or *",
                     detail};
      case EACCES:
      case EPERM:
        return Error{ErrorCode::kUnauthorized,
                     "this user may not open the listen port: choose one above 1023", detail};
      case EINVAL:
      case EPROTONOSUPPORT:
      case ENOCOMPATPROTO:
        return Error{ErrorCode::kMalformed, "a listen address looks like tcp://ADDRESS:PORT",
                     detail};
      default:
        return Error{ErrorCode::kIo, "cannot listen", detail};
    }
  }
}

bool receive(zmq::socket_t& socket, zmq::message_t& message) {
  return socket.recv(message, zmq::recv_flags::dontwait).has_value();
}

void limit_unsent(int fd) {
  const int bytes = kUnsentBytesMax;
  // Best effort: without it the link works, urgent frames only wait longer.
  (void)::setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes);
}

std::optional<std::uint64_t> received_bytes(int fd) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
  return info.tcpi_bytes_received;
}

std::size_t open_files_max() {
  rlimit limit{};
  COTERIE_ASSERT(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  return static_cast<std::size_t>(limit.rlim_cur);
}

std::optional<std::uint64_t> socket_identity(int fd) {
  std::uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  if (::getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) != 0) return std::nullopt;
  return cookie;
}

std::uint16_t local_port(int fd) {
  sockaddr_storage at{};
  socklen_t size = sizeof at;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) != 0) return 0;
  if (at.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(at).sin_port);
  if (at.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(at).sin6_port);
  return 0;
}

void cut(int fd, std::uint64_t identity) {
  // ZeroMQ may close `fd` at any moment, and any thread get the number again: a copy stays what it
  // is between the look and the deed.
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return;
  if (socket_identity(copy) == identity) ::shutdown(copy, SHUT_RDWR);
  ::close(copy);
}

}  // namespace coterie::transport::internal
