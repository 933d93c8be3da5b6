#include "node/bridge/internal/listener.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace coterie::node::bridge::internal {

namespace asio = boost::asio;

namespace {

/// Taken at once, so that a storm of connections does not keep those that are there waiting.
constexpr int kBatch = 64;
/// Before the next try when the process has run out of descriptors.
constexpr std::chrono::milliseconds kPause{100};

asio::ip::address address_of(const sockaddr_storage& peer) {
  if (peer.ss_family == AF_INET) {
    sockaddr_in four{};
    std::memcpy(&four, &peer, sizeof four);
    return asio::ip::address_v4(ntohl(four.sin_addr.s_addr));
  }
  sockaddr_in6 six{};
  std::memcpy(&six, &peer, sizeof six);
  asio::ip::address_v6::bytes_type bytes;
  std::memcpy(bytes.data(), six.sin6_addr.s6_addr, bytes.size());
  return asio::ip::address_v6(bytes);
}

/// Best effort, without waiting: a fresh socket's buffer has room for it.
void refuse(int descriptor, bool plain, std::string_view status) {
  if (plain) {
    const std::string answer = "HTTP/1.1 " + std::string(status) +
                               "\r\nConnection: close\r\nRetry-After: 10\r\n"
                               "Content-Length: 0\r\n\r\n";
    ::send(descriptor, answer.data(), answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    ::shutdown(descriptor, SHUT_WR);
  }
  ::close(descriptor);
}

}  // namespace

Listener::~Listener() { end(); }

void Listener::begin() { state_.poller.add(descriptor_, *this, true, false); }

void Listener::end() {
  if (descriptor_ < 0) return;
  state_.deadlines.clear(*this);
  state_.poller.remove(descriptor_);
  ::close(std::exchange(descriptor_, -1));
}

void Listener::timed_out() { state_.poller.change(descriptor_, *this, true, false); }

void Listener::on_ready(bool, bool, bool) {
  for (int count = 0; count < kBatch && descriptor_ >= 0; ++count) {
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    const int taken = ::accept4(descriptor_, reinterpret_cast<sockaddr*>(&peer), &length,
                                SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (taken >= 0) {
      take(taken, address_of(peer));
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) {
      state_.poller.change(descriptor_, *this, false, false);
      state_.deadlines.set(*this, state_.now + kPause);
    }
    return;
  }
}

void Listener::take(int descriptor, const asio::ip::address& peer) {
  const bool plain = state_.tls == nullptr;
  if (state_.connections.size() >= state_.options.limits.connections) {
    ++state_.counts.refused;
    return refuse(descriptor, plain, "503 Service Unavailable");
  }
  auto place = state_.addresses.take(peer, state_.instant());
  if (!place) {
    ++state_.counts.refused;
    return refuse(descriptor, plain, "429 Too Many Requests");
  }
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ssl_st* session = nullptr;
  if (!plain) {
    session = state_.tls->new_session(descriptor);
    if (session == nullptr) return refuse(descriptor, false, {});
  }
  ++state_.counts.accepted;
  serve_http(state_, Line{Wire(descriptor, session), *std::move(place)}, peer);
}

}  // namespace coterie::node::bridge::internal
