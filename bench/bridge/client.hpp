// One thread's event loop, and WebSocket clients on it: raw sockets over loopback, so that the
// generator costs little more than the kernel's part.
//
// Source: RFC 6455.

#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

#include "bench/bridge/wire.hpp"
#include "crdt/base/bytes.hpp"

namespace coterie::bench {

/// Nanoseconds of the monotonic clock.
using Nanos = std::int64_t;
Nanos now();
inline constexpr Nanos kMillisecond = 1'000'000;
inline constexpr Nanos kSecond = 1'000'000'000;

/// Ends the program with a message: a benchmark has nobody to hand an error to.
[[noreturn]] void fail(const std::string& what);

/// What gets told of its descriptor.
class Watched {
 public:
  virtual ~Watched() = default;
  virtual void ready(std::uint32_t events) = 0;
};

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// `events` as of epoll_ctl(2), level-triggered. `who` must outlive its descriptor.
  void watch(int fd, std::uint32_t events, Watched* who);
  void rewatch(int fd, std::uint32_t events, Watched* who);
  void at(Nanos when, std::function<void()> what);
  /// Serves until `done`, asked after each round, or until `deadline`. Whether it was done.
  bool run(Nanos deadline, const std::function<bool()>& done);
  void run_for(Nanos duration);

  /// For whoever reads: one read at a time.
  std::vector<std::uint8_t>& buffer() { return buffer_; }

 private:
  struct Timer {
    Nanos when;
    std::uint64_t number;
    std::function<void()> what;
    bool operator<(const Timer& other) const {
      return when != other.when ? when > other.when : number > other.number;
    }
  };

  int epoll_;
  int alarm_;
  std::uint64_t timers_made_ = 0;
  std::priority_queue<Timer> timers_;
  std::vector<std::uint8_t> buffer_;
};

struct Target {
  std::uint16_t port = 0;
  Protocol protocol = Protocol::kYWebsocket;
  std::string path;    ///< Of the request; of y-websocket the document's name follows.
  std::string prefix;  ///< Of documents' names.
};

/// A client of one document. Answers the server's step 1 with an update that says nothing, as stock
/// clients do that hold nothing.
class Client : public Watched {
 public:
  Client(Loop& loop, const Target& target, const std::string& document);
  ~Client() override;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void connect();
  void close();

  /// Messages of the protocol. Kept until the socket takes them.
  void send(ByteView message);
  void send_update(ByteView update);
  void send_awareness(crdt::ClientId client, std::uint64_t moves);

  /// Stops or resumes reading: what comes stays in the kernel, then at the server.
  void set_reading(bool reading);

  const std::string& document() const { return document_; }
  bool open() const { return state_ == State::kOpen; }
  bool closed() const { return state_ == State::kClosed; }
  bool synced() const { return synced_; }  ///< A first step 2 has come.
  std::uint64_t bytes_received() const { return bytes_received_; }
  std::uint64_t messages_received() const { return messages_received_; }
  std::size_t bytes_unsent() const { return out_.size() - out_sent_; }

 protected:
  /// `at` is when it was read.
  virtual void on_message(const Message&, Nanos /*at*/) {}
  /// A text message; Coterie's events, where they were asked for.
  virtual void on_raw(ByteView, Nanos /*at*/) {}

 private:
  enum class State : std::uint8_t { kNew, kConnecting, kUpgrading, kOpen, kClosed };

  void ready(std::uint32_t events) final;
  void begin_upgrade();
  void read();
  /// How much of `in` was whole frames.
  std::size_t take(ByteView in, Nanos at);
  void take_message(ByteView message, Nanos at);
  void send_frame(std::uint8_t opcode, ByteView payload);
  void flush();
  void watch();

  Loop& loop_;
  const Target& target_;
  std::string document_;
  int fd_ = -1;
  State state_ = State::kNew;
  bool reading_ = true;
  bool writing_ = false;
  bool synced_ = false;
  std::uint64_t bytes_received_ = 0;
  std::uint64_t messages_received_ = 0;
  std::size_t needed_ = 0;  ///< Bytes of `in_` before which looking at it is of no use.
  Bytes in_;                ///< The beginning of a frame.
  Bytes fragments_;         ///< Of a message whose end has not come.
  Bytes out_;
  std::size_t out_sent_ = 0;
};

}  // namespace coterie::bench
