#include "transport/zmq/internal/mailbox.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

namespace coterie::transport::internal {
namespace {

std::size_t frame_bytes(const ZmqDriver::Event& event) {
  const auto* frame = std::get_if<ZmqDriver::Frame>(&event);
  return frame == nullptr ? 0 : frame->bytes.size();
}

}  // namespace

Mailbox::Mailbox(std::function<void()> on_ready)
    : on_ready_(std::move(on_ready)), wake_fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  COTERIE_ASSERT(wake_fd_ >= 0);
}

Mailbox::~Mailbox() { ::close(wake_fd_); }

void Mailbox::wake() {
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then the reader is awake already.
  if (::write(wake_fd_, &one, sizeof one) < 0) return;
}

void Mailbox::post(Command command) {
  {
    const std::lock_guard lock(mutex_);
    commands_.push_back(std::move(command));
  }
  wake();
}

std::optional<ZmqDriver::Event> Mailbox::poll_event() {
  bool room_again = false;
  std::optional<ZmqDriver::Event> event;
  {
    const std::lock_guard lock(mutex_);
    if (events_.empty()) return std::nullopt;
    event = std::move(events_.front());
    events_.pop_front();
    const bool had_room = unpolled_bytes_ < kUnpolledBytesMax;
    unpolled_bytes_ -= frame_bytes(*event);
    room_again = !had_room && unpolled_bytes_ < kUnpolledBytesMax;
  }
  if (room_again) wake();
  return event;
}

std::deque<Command> Mailbox::take_commands() {
  std::uint64_t count = 0;
  if (::read(wake_fd_, &count, sizeof count) < 0) count = 0;  // Nothing new: EAGAIN.
  const std::lock_guard lock(mutex_);
  return std::exchange(commands_, {});
}

void Mailbox::publish(std::vector<ZmqDriver::Event> events) {
  if (events.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    for (ZmqDriver::Event& event : events) {
      unpolled_bytes_ += frame_bytes(event);
      events_.push_back(std::move(event));
    }
  }
  on_ready_();
}

std::size_t Mailbox::room() const {
  const std::lock_guard lock(mutex_);
  return unpolled_bytes_ < kUnpolledBytesMax ? kUnpolledBytesMax - unpolled_bytes_ : 0;
}

}  // namespace coterie::transport::internal
