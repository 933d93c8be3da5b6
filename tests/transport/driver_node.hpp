// Drivers as tests use them: with a mailbox that can be waited on, over the loopback interface.

#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "transport/crypto/crypto.hpp"
#include "transport/zmq/driver.hpp"

namespace coterie::transport::testing {

using namespace std::chrono_literals;
using crypto::SigningKey;
using Device = SigningKey;

inline Device new_device() { return SigningKey::generate(crypto::system_random()); }
inline Bytes bytes(std::string_view text) { return {text.begin(), text.end()}; }

/// A connection to `port` here, from the loopback address `from`.
inline int connect_to(int port, const char* from = "127.0.0.1") {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in here{};
  here.sin_family = AF_INET;
  COTERIE_ASSERT(::inet_pton(AF_INET, from, &here.sin_addr) == 1);
  COTERIE_ASSERT(::bind(fd, reinterpret_cast<sockaddr*>(&here), sizeof here) == 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  COTERIE_ASSERT(::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
  return fd;
}

inline int port_of(const std::string& address) {
  return std::stoi(address.substr(address.rfind(':') + 1));
}

/// A driver with a mailbox that tests can wait on. Sent events are added up, not queued.
class Node {
 public:
  explicit Node(const ZmqDriver::Options& options = {.listen = {"tcp://127.0.0.1:*"}},
                Device device = new_device())
      : device_(std::move(device)) {
    auto driver = ZmqDriver::start(options, device_, [this] {
      const std::lock_guard lock(mutex_);
      ++signals_;
      changed_.notify_all();
    });
    COTERIE_ASSERT(driver.has_value());
    driver_ = *std::move(driver);
  }

  ZmqDriver& driver() { return *driver_; }
  const DeviceId& id() const { return device_.id(); }
  const Device& device() const { return device_; }
  const std::string& address() const { return driver_->endpoints().front(); }
  std::size_t sent_bytes() const { return sent_bytes_; }
  void stop() { driver_.reset(); }

  /// The next event, or nothing within `time`.
  std::optional<ZmqDriver::Event> next(std::chrono::milliseconds time = 10s) {
    const auto until = std::chrono::steady_clock::now() + time;
    for (;;) {
      std::uint64_t seen = 0;
      {
        const std::lock_guard lock(mutex_);
        seen = signals_;
      }
      while (auto event = driver_->poll_event()) {
        const auto* sent = std::get_if<ZmqDriver::Sent>(&*event);
        if (sent == nullptr) return event;
        sent_bytes_ += sent->bytes;
      }
      std::unique_lock lock(mutex_);
      if (!changed_.wait_until(lock, until, [&] { return signals_ != seen; })) return std::nullopt;
    }
  }

  /// The next event, which must be a T.
  template <typename T>
  T expect(std::chrono::milliseconds time = 10s) {
    const auto event = next(time);
    EXPECT_TRUE(event.has_value()) << "no event in time";
    if (!event) return {};
    const T* held = std::get_if<T>(&*event);
    EXPECT_NE(held, nullptr) << "another event: " << describe(*event);
    return held != nullptr ? *held : T{};
  }
  std::string expect_frame(LinkId link, std::chrono::milliseconds time = 10s) {
    const auto frame = expect<ZmqDriver::Frame>(time);
    EXPECT_EQ(frame.link, link);
    return std::string(as_text(frame.bytes));
  }
  void expect_silence(std::chrono::milliseconds time) {
    const auto event = next(time);
    EXPECT_FALSE(event.has_value()) << describe(*event);
  }

 private:
  static std::string describe(const ZmqDriver::Event& event) {
    if (const auto* failed = std::get_if<ZmqDriver::DialFailed>(&event)) return failed->reason;
    static constexpr const char* kNames[] = {"LinkUp", "LinkDown", "DialFailed", "Frame", "Sent"};
    return kNames[event.index()];
  }

  const Device device_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t signals_ = 0;
  std::size_t sent_bytes_ = 0;
  std::unique_ptr<ZmqDriver> driver_;
};

struct Linked {
  LinkId from;  ///< At the dialling node.
  LinkId to;    ///< At the dialled one.
};

/// `from` dials `to`, says "hello", and both see the link come up.
inline Linked link(Node& from, Node& to) {
  from.driver().dial(to.id(), to.address());
  const auto out = from.expect<ZmqDriver::LinkUp>();
  EXPECT_EQ(out.peer, to.id());
  EXPECT_TRUE(out.outgoing);
  from.driver().send(out.link, TrafficClass::kControl, bytes("hello"));
  const auto in = to.expect<ZmqDriver::LinkUp>();
  EXPECT_EQ(in.peer, from.id());
  EXPECT_FALSE(in.outgoing);
  EXPECT_FALSE(in.guest);
  EXPECT_EQ(to.expect_frame(in.link), "hello");
  return {out.link, in.link};
}

}  // namespace coterie::transport::testing
