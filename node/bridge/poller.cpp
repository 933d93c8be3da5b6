#include "node/bridge/internal/poller.hpp"

#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <utility>

namespace coterie::node::bridge::internal {

namespace {

/// Told of at once, so that nothing else of the thread waits for long.
constexpr int kBatch = 256;

}  // namespace

Status Poller::open() {
  const int descriptor = ::epoll_create1(EPOLL_CLOEXEC);
  if (descriptor < 0) {
    return Error{ErrorCode::kIo, "no epoll for the bridge", static_cast<std::uint64_t>(errno)};
  }
  boost::system::error_code failure;
  epoll_.assign(descriptor, failure);
  if (!failure) return {};
  return Error{ErrorCode::kIo, "no epoll for the bridge",
               static_cast<std::uint64_t>(failure.value())};
}

void Poller::run(std::function<void(std::function<void()>)> turn) {
  turn_ = std::move(turn);
  wait();
}

void Poller::stop() {
  boost::system::error_code ignored;
  epoll_.close(ignored);
  turn_ = nullptr;
}

void Poller::wait() {
  // The copy keeps what `turn_` keeps, and so this poller, for as long as Asio may call.
  epoll_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                    [this, turn = turn_](boost::system::error_code failure) {
                      if (failure || !epoll_.is_open()) return;
                      turn([this] { tell(); });
                      if (epoll_.is_open()) wait();
                    });
}

void Poller::tell() {
  std::array<epoll_event, kBatch> events;
  const int count = ::epoll_wait(epoll_.native_handle(), events.data(), kBatch, 0);
  for (int at = 0; at < count; ++at) {
    const epoll_event& one = events[static_cast<std::size_t>(at)];
    static_cast<Pollable*>(one.data.ptr)
        ->on_ready((one.events & EPOLLIN) != 0, (one.events & EPOLLOUT) != 0,
                   (one.events & (EPOLLHUP | EPOLLERR)) != 0);
  }
}

void Poller::control(int operation, int descriptor, Pollable* pollable, bool read, bool write) {
  if (!epoll_.is_open()) return;
  epoll_event wanted{};
  wanted.events = (read ? EPOLLIN : 0u) | (write ? EPOLLOUT : 0u);
  wanted.data.ptr = pollable;
  ::epoll_ctl(epoll_.native_handle(), operation, descriptor, &wanted);
}

void Poller::add(int descriptor, Pollable& pollable, bool read, bool write) {
  control(EPOLL_CTL_ADD, descriptor, &pollable, read, write);
}

void Poller::change(int descriptor, Pollable& pollable, bool read, bool write) {
  control(EPOLL_CTL_MOD, descriptor, &pollable, read, write);
}

void Poller::remove(int descriptor) { control(EPOLL_CTL_DEL, descriptor, nullptr, false, false); }

}  // namespace coterie::node::bridge::internal
