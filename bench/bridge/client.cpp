#include "bench/bridge/client.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <system_error>

namespace coterie::bench {
namespace {

constexpr std::size_t kReadBytes = 256u << 10;
constexpr int kEventsAtOnce = 256;

constexpr std::uint8_t kFinal = 0x80;
constexpr std::uint8_t kMasked = 0x80;
constexpr std::uint8_t kContinuation = 0;
constexpr std::uint8_t kText = 1;
constexpr std::uint8_t kBinary = 2;
constexpr std::uint8_t kClose = 8;
constexpr std::uint8_t kPing = 9;
constexpr std::uint8_t kPong = 10;
// Not zero: servers know that such a mask changes nothing.
constexpr std::array<std::uint8_t, 4> kMask = {0x5a, 0xc3, 0x17, 0x88};

/// The payload's length and where it begins; the number of bytes needed to tell, if there are
/// fewer.
struct Header {
  std::size_t bytes = 0;
  std::uint64_t payload = 0;
};

Header read_header(ByteView in) {
  Header out;
  if (in.size() < 2) return {.bytes = 2, .payload = 0};
  const std::uint8_t length = in[1] & 0x7f;
  const std::size_t extra = length == 126 ? 2 : length == 127 ? 8 : 0;
  out.bytes = 2 + extra;
  out.payload = length;
  if (extra == 0 || in.size() < out.bytes) return out;
  out.payload = 0;
  for (std::size_t i = 0; i < extra; ++i) out.payload = out.payload << 8 | in[2 + i];
  return out;
}

}  // namespace

Nanos now() {
  timespec at{};
  ::clock_gettime(CLOCK_MONOTONIC, &at);
  return Nanos{at.tv_sec} * kSecond + at.tv_nsec;
}

void fail(const std::string& what) {
  std::fprintf(stderr, "bridge_load: %s\n", what.c_str());
  std::_Exit(1);
}

// --- Loop ----------------------------------------------------------------------------------------

Loop::Loop()
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      alarm_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)),
      buffer_(kReadBytes) {
  watch(alarm_, EPOLLIN, nullptr);
}

Loop::~Loop() {
  ::close(alarm_);
  ::close(epoll_);
}

void Loop::watch(int fd, std::uint32_t events, Watched* who) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = who;
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
}

void Loop::rewatch(int fd, std::uint32_t events, Watched* who) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = who;
  if (::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event) != 0) fail("epoll_ctl");
}

void Loop::at(Nanos when, std::function<void()> what) {
  timers_.push({.when = when, .number = timers_made_++, .what = std::move(what)});
}

bool Loop::run(Nanos deadline, const std::function<bool()>& done) {
  std::array<epoll_event, kEventsAtOnce> events{};
  for (;;) {
    Nanos at = now();
    while (!timers_.empty() && timers_.top().when <= at) {
      const auto what = timers_.top().what;
      timers_.pop();
      what();
      at = now();
    }
    if (done()) return true;
    if (at >= deadline) return false;
    const Nanos wake = timers_.empty() ? deadline : std::min(deadline, timers_.top().when);
    itimerspec alarm{};
    alarm.it_value.tv_sec = wake / kSecond;
    alarm.it_value.tv_nsec = wake % kSecond;
    ::timerfd_settime(alarm_, TFD_TIMER_ABSTIME, &alarm, nullptr);
    const int count = ::epoll_wait(epoll_, events.data(), kEventsAtOnce, -1);
    for (int i = 0; i < count; ++i) {
      const auto& event = events[static_cast<std::size_t>(i)];
      if (event.data.ptr != nullptr) static_cast<Watched*>(event.data.ptr)->ready(event.events);
    }
  }
}

void Loop::run_for(Nanos duration) {
  run(now() + duration, [] { return false; });
}

// --- Client --------------------------------------------------------------------------------------

Client::Client(Loop& loop, const Target& target, const std::string& document)
    : loop_(loop), target_(target), document_(target.prefix + document) {}

Client::~Client() { close(); }

void Client::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  state_ = State::kClosed;
}

void Client::connect() {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) fail("no socket: raise the limit of open files");
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(target_.port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0 &&
      errno != EINPROGRESS) {
    fail(std::string("connect: ") + std::generic_category().message(errno));
  }
  state_ = State::kConnecting;
  loop_.watch(fd_, EPOLLOUT, this);
}

void Client::begin_upgrade() {
  const std::string host = "127.0.0.1:" + std::to_string(target_.port);
  std::string path = target_.path;
  if (target_.protocol == Protocol::kYWebsocket) path += document_;
  const std::string request = "GET " + path + " HTTP/1.1\r\nHost: " + host +
                              "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                              "Sec-WebSocket-Version: 13\r\n\r\n";
  append(out_, as_bytes(request));
  state_ = State::kUpgrading;
  flush();
  watch();
}

void Client::ready(std::uint32_t events) {
  if (fd_ < 0) return;  // Closed earlier in this round.
  if (state_ == State::kConnecting) {
    int error = 0;
    socklen_t size = sizeof(error);
    ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) fail(std::string("connect: ") + std::generic_category().message(error));
    begin_upgrade();
    return;
  }
  if ((events & EPOLLOUT) != 0) {
    flush();
    watch();
  }
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && reading_) read();
}

void Client::watch() {
  if (fd_ < 0) return;
  const bool writing = out_sent_ < out_.size();
  loop_.rewatch(fd_, (reading_ ? EPOLLIN : 0u) | (writing ? EPOLLOUT : 0u), this);
  writing_ = writing;
}

void Client::set_reading(bool reading) {
  reading_ = reading;
  watch();
}

void Client::read() {
  auto& buffer = loop_.buffer();
  const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
  const Nanos at = now();
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    close();
    return;
  }
  const auto size = static_cast<std::size_t>(got);
  bytes_received_ += size;
  const ByteView fresh(buffer.data(), size);
  if (in_.empty()) {
    const std::size_t taken = take(fresh, at);
    append(in_, fresh.subspan(taken));
  } else {
    append(in_, fresh);
    if (in_.size() < needed_) return;
    const std::size_t taken = take(in_, at);
    in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(taken));
  }
  if (in_.empty() && in_.capacity() > kReadBytes) in_ = {};
}

std::size_t Client::take(ByteView in, Nanos at) {
  std::size_t taken = 0;
  needed_ = 0;
  if (state_ == State::kUpgrading) {
    const std::string_view text = as_text(in);
    const std::size_t end = text.find("\r\n\r\n");
    if (end == std::string_view::npos) return 0;
    if (!text.starts_with("HTTP/1.1 101")) {
      fail("not let in to " + document_ + ": " + std::string(text.substr(0, text.find("\r\n"))));
    }
    taken = end + 4;
    state_ = State::kOpen;
    for (const Bytes& message : hello(target_.protocol, document_)) send(message);
  }
  while (fd_ >= 0) {
    const ByteView rest = in.subspan(taken);
    const Header header = read_header(rest);
    needed_ = header.bytes + static_cast<std::size_t>(header.payload);
    if (rest.size() < needed_) break;
    const ByteView payload = rest.subspan(header.bytes, static_cast<std::size_t>(header.payload));
    taken += needed_;
    const std::uint8_t opcode = rest[0] & 0x0f;
    const bool whole = (rest[0] & kFinal) != 0;
    if (opcode == kPing) {
      send_frame(kPong, payload);
    } else if (opcode == kClose) {
      close();
    } else if (opcode == kText) {
      ++messages_received_;
      on_raw(payload, at);
    } else if (opcode == kBinary && whole) {
      take_message(payload, at);
    } else if (opcode == kBinary || opcode == kContinuation) {
      append(fragments_, payload);
      if (whole) {
        const Bytes message = std::exchange(fragments_, {});
        take_message(message, at);
      }
    }
  }
  return taken;
}

void Client::take_message(ByteView bytes, Nanos at) {
  ++messages_received_;
  const Message message = parse_message(target_.protocol, bytes);
  if (message.kind == Message::Kind::kRefused) fail("refused by the server: " + document_);
  if (message.kind == Message::Kind::kStep1) {
    const Bytes nothing = {0, 0};
    send(step2_message(target_.protocol, document_, nothing));
  }
  if (message.kind == Message::Kind::kStep2) synced_ = true;
  on_message(message, at);
}

void Client::send(ByteView message) { send_frame(kBinary, message); }

void Client::send_update(ByteView update) {
  send(update_message(target_.protocol, document_, update));
}

void Client::send_awareness(crdt::ClientId client, std::uint64_t moves) {
  send(awareness_message(target_.protocol, document_, client, moves));
}

void Client::send_frame(std::uint8_t opcode, ByteView payload) {
  if (fd_ < 0) return;
  out_.push_back(kFinal | opcode);
  const std::size_t size = payload.size();
  if (size < 126) {
    out_.push_back(static_cast<std::uint8_t>(kMasked | size));
  } else if (size < 65'536) {
    out_.push_back(kMasked | 126);
    for (const unsigned shift : {8u, 0u}) out_.push_back(static_cast<std::uint8_t>(size >> shift));
  } else {
    out_.push_back(kMasked | 127);
    for (unsigned shift = 64; shift > 0;) {
      shift -= 8;
      out_.push_back(static_cast<std::uint8_t>(std::uint64_t{size} >> shift));
    }
  }
  out_.insert(out_.end(), kMask.begin(), kMask.end());
  const std::size_t start = out_.size();
  out_.resize(start + size);
  for (std::size_t i = 0; i < size; ++i) out_[start + i] = payload[i] ^ kMask[i % 4];
  if (writing_) return;
  flush();
  if (out_sent_ < out_.size()) watch();
}

void Client::flush() {
  while (out_sent_ < out_.size()) {
    const ssize_t sent =
        ::send(fd_, out_.data() + out_sent_, out_.size() - out_sent_, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EAGAIN) return;
      close();
      return;
    }
    out_sent_ += static_cast<std::size_t>(sent);
  }
  out_.clear();
  out_sent_ = 0;
  if (out_.capacity() > kReadBytes) out_ = {};
}

}  // namespace coterie::bench
