// What passes between the owner's thread and the driver's: commands in, events out.

#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "transport/zmq/driver.hpp"
#include "transport/zmq/internal/address.hpp"

namespace coterie::transport::internal {

struct DialCommand {
  DeviceId device;
  std::string address;
  std::shared_ptr<const crypto::SigningKey> invite_key;
};
/// Of the Resolver: where the host of an earlier DialCommand is.
struct ResolvedCommand {
  LinkId link;
  std::vector<Address> addresses;
};
struct SendCommand {
  LinkId link;
  TrafficClass traffic_class;
  Bytes frame;
};
struct CloseCommand {
  LinkId link;
};
struct AllowCommand {
  std::vector<DeviceId> members;
  std::vector<DeviceId> guests;
};
struct StopCommand {
  Duration flush;
};
using Command = std::variant<DialCommand, ResolvedCommand, SendCommand, CloseCommand, AllowCommand,
                             StopCommand>;

/// Thread-safe.
class Mailbox {
 public:
  explicit Mailbox(std::function<void()> on_ready);
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // The owner's side.
  void post(Command command);
  std::optional<ZmqDriver::Event> poll_event();

  // The driver's side.
  /// Readable when there are commands, or when there is room again.
  int wake_fd() const { return wake_fd_; }
  std::deque<Command> take_commands();
  void publish(std::vector<ZmqDriver::Event> events);
  /// Bytes that may be read until kUnpolledBytesMax wait for the owner.
  std::size_t room() const;

 private:
  void wake();

  const std::function<void()> on_ready_;
  const int wake_fd_;
  mutable std::mutex mutex_;
  std::deque<Command> commands_;
  std::deque<ZmqDriver::Event> events_;
  std::size_t unpolled_bytes_ = 0;
};

}  // namespace coterie::transport::internal
