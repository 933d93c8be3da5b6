// The floor of the kernel beneath every server of bench/bridge/run.mjs.
//
//     bridge_bare relay PORT      a WebSocket relay: what a client
//                                 of a path sends goes to all of that path, one send() each, and
//                                 nothing else happens. The first large message is kept, and is
//                                 the answer to every step 1: it stands for the document.
//     bridge_bare send N BYTES C  with the reader on core C: prints the CPU of one send() of BYTES
//     to each of N connections in
//                                 turn, at 250 rounds a second, in microseconds as JSON
//
// The handshake is not checked: its clients are those of bridge_load.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "crdt/base/bytes.hpp"

namespace {

using coterie::append;
using coterie::as_bytes;
using coterie::as_text;
using coterie::Bytes;
using coterie::ByteView;

constexpr std::size_t kReadBytes = 256u << 10;
constexpr std::size_t kLargeBytes = 32u << 10;
constexpr int kRounds = 1000;
constexpr timespec kBetweenRounds = {.tv_sec = 0, .tv_nsec = 4'000'000};
/// What Sec-WebSocket-Accept is of the key that bridge_load sends.
constexpr std::string_view kUpgraded =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: 7LOjKW9ORjBQ9VuuISqsIkX3SsE=\r\n\r\n";

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::_Exit(1);
}

/// Of `port` 0 it finds one.
int listen_on_loopback(std::uint16_t& port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(at);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&at), size) != 0) fail("bind");
  if (::listen(fd, SOMAXCONN) != 0) fail("listen");
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size);
  port = ntohs(at.sin_port);
  return fd;
}

void send_at_once(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

// --- Relay ---------------------------------------------------------------------------------------

struct Connection;

struct Room {
  std::map<int, Connection*> connections;
  Bytes large;  ///< Frame of the first large message.
};

struct Connection {
  explicit Connection(int socket) : fd(socket) {}

  int fd;
  Room* room = nullptr;  ///< None before the upgrade.
  Bytes in;
  Bytes out;
};

class Relay {
 public:
  [[noreturn]] void serve(std::uint16_t port) {
    listener_ = listen_on_loopback(port);
    watch(EPOLL_CTL_ADD, listener_, EPOLLIN);
    std::array<epoll_event, 256> events{};
    for (;;) {
      const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const auto& event = events[static_cast<std::size_t>(i)];
        if (event.data.fd == listener_) {
          accept();
        } else {
          serve(*connections_.at(event.data.fd), event.events);
        }
      }
    }
  }

 private:
  void watch(int what, int fd, std::uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    if (::epoll_ctl(epoll_, what, fd, &event) != 0) fail("epoll_ctl");
  }

  void accept() {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    send_at_once(fd);
    connections_[fd] = std::make_unique<Connection>(fd);
    watch(EPOLL_CTL_ADD, fd, EPOLLIN);
  }

  void serve(Connection& one, std::uint32_t events) {
    if ((events & EPOLLOUT) != 0) {
      const Bytes waiting = std::exchange(one.out, {});
      watch(EPOLL_CTL_MOD, one.fd, EPOLLIN);
      send(one, waiting);
    }
    if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) == 0) return;
    const ssize_t got = ::recv(one.fd, buffer_.data(), buffer_.size(), 0);
    if (got <= 0) {
      if (one.room != nullptr) one.room->connections.erase(one.fd);
      ::close(one.fd);
      connections_.erase(one.fd);
      return;
    }
    append(one.in, ByteView(buffer_.data(), static_cast<std::size_t>(got)));
    std::size_t taken = 0;
    if (one.room == nullptr) {
      const std::string_view text = as_text(one.in);
      const std::size_t end = text.find("\r\n\r\n");
      if (end == std::string_view::npos) return;
      one.room = &rooms_[std::string(text.substr(4, text.find(' ', 4) - 4))];
      one.room->connections[one.fd] = &one;
      send(one, as_bytes(kUpgraded));
      taken = end + 4;
    }
    for (;;) {
      const std::size_t used = take_frame(one, ByteView(one.in).subspan(taken));
      if (used == 0) break;
      taken += used;
    }
    one.in.erase(one.in.begin(), one.in.begin() + static_cast<std::ptrdiff_t>(taken));
  }

  /// Bytes of a frame at the beginning of `in`; 0 if it is not whole.
  std::size_t take_frame(Connection& from, ByteView in) {
    constexpr std::size_t kMaskBytes = 4;
    if (in.size() < 2) return 0;
    const std::size_t length = in[1] & 0x7f;
    const std::size_t extra = length == 126 ? 2 : length == 127 ? 8 : 0;
    const std::size_t header = 2 + extra + kMaskBytes;
    if (in.size() < header) return 0;
    std::size_t size = extra == 0 ? length : 0;
    for (std::size_t i = 0; i < extra; ++i) size = size << 8 | in[2 + i];
    if (in.size() < header + size) return 0;
    frame_.assign(in.begin(), in.begin() + 2 + static_cast<std::ptrdiff_t>(extra));
    frame_[1] &= 0x7f;
    const std::size_t start = frame_.size();
    for (std::size_t i = 0; i < size; ++i) {
      frame_.push_back(in[header + i] ^ in[2 + extra + i % kMaskBytes]);
    }
    const ByteView message = ByteView(frame_).subspan(start);
    if (message.size() >= 2 && message[0] == 0 && message[1] == 0) {
      constexpr std::array<std::uint8_t, 7> kNothing = {0x82, 5, 0, 1, 2, 0, 0};
      send(from, from.room->large.empty() ? ByteView(kNothing) : ByteView(from.room->large));
      return header + size;
    }
    if (size >= kLargeBytes && from.room->large.empty()) {
      from.room->large = frame_;
      from.room->large[start + 1] = 1;  // A step 2.
    }
    for (const auto& [fd, to] : from.room->connections) {
      if (to != &from) send(*to, frame_);
    }
    return header + size;
  }

  void send(Connection& to, ByteView bytes) const {
    ssize_t sent = 0;
    if (to.out.empty()) {
      sent = std::max<ssize_t>(0, ::send(to.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL));
      if (static_cast<std::size_t>(sent) == bytes.size()) return;
      watch(EPOLL_CTL_MOD, to.fd, EPOLLIN | EPOLLOUT);
    }
    append(to.out, bytes.subspan(static_cast<std::size_t>(sent)));
  }

  int epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  int listener_ = -1;
  Bytes buffer_ = Bytes(kReadBytes);
  Bytes frame_;
  std::unordered_map<int, std::unique_ptr<Connection>> connections_;
  std::unordered_map<std::string, Room> rooms_;
};

// --- Send ----------------------------------------------------------------------------------------

double cpu_seconds() {
  timespec at{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
  return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_nsec) / 1e9;
}

/// Reads what comes from all of `sockets`, until they are closed, in a process of its own.
void read_all(const std::vector<int>& sockets) {
  const int epoll = ::epoll_create1(0);
  for (const int fd : sockets) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  }
  std::array<epoll_event, 256> events{};
  Bytes buffer(kReadBytes);
  for (std::size_t open = sockets.size(); open > 0;) {
    const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (::recv(fd, buffer.data(), buffer.size(), 0) > 0) continue;
      ::close(fd);
      --open;
    }
  }
}

int send_only(std::size_t connections, std::size_t bytes, const char* reader_core) {
  std::uint16_t port = 0;
  const int listener = listen_on_loopback(port);
  std::vector<int> there;
  std::vector<int> here;
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (std::size_t i = 0; i < connections; ++i) {
    there.push_back(::socket(AF_INET, SOCK_STREAM, 0));
    if (::connect(there.back(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0) {
      fail("connect");
    }
    here.push_back(::accept(listener, nullptr, nullptr));
    send_at_once(here.back());
  }
  const pid_t reader = ::fork();
  if (reader == 0) {
    for (const int fd : here) ::close(fd);
    cpu_set_t core;
    CPU_ZERO(&core);
    CPU_SET(static_cast<std::size_t>(std::atoi(reader_core)), &core);
    ::sched_setaffinity(0, sizeof(core), &core);
    read_all(there);
    std::_Exit(0);
  }
  for (const int fd : there) ::close(fd);
  const Bytes frame(bytes, 'x');
  const double before = cpu_seconds();
  for (int round = 0; round < kRounds; ++round) {
    for (const int fd : here) {
      if (::send(fd, frame.data(), frame.size(), MSG_NOSIGNAL) < 0) fail("send");
    }
    ::nanosleep(&kBetweenRounds, nullptr);
  }
  const double each = (cpu_seconds() - before) * 1e6 / kRounds / static_cast<double>(connections);
  std::printf("{\"us_per_send\":%.3f}\n", each);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "relay" && argc == 3) {
    Relay().serve(static_cast<std::uint16_t>(std::strtoul(argv[2], nullptr, 10)));
  }
  if (what == "send" && argc == 5) {
    return send_only(std::strtoul(argv[2], nullptr, 10), std::strtoul(argv[3], nullptr, 10),
                     argv[4]);
  }
  std::fprintf(stderr,
               "usage: bridge_bare relay PORT | send CONNECTIONS BYTES CORE_OF_THE_READER\n");
  return 2;
}
