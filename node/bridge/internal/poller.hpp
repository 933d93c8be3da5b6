// Waits for many sockets at once: an epoll of the bridge's own inside the I/O thread's Asio loop.
//
// Asio's sockets would keep an operation on the heap for each that waits, and ask the kernel anew
// after each wait; here a socket that waits costs nothing, and one call tells of all that are
// ready.

#pragma once

#include <functional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "crdt/base/result.hpp"

namespace coterie::node::bridge::internal {

/// What the poller tells. Level-triggered: told again until it is no longer so.
class Pollable {
 public:
  /// `hung_up`: both directions have ended, or an error is pending. Told whatever is waited for.
  virtual void on_ready(bool readable, bool writable, bool hung_up) = 0;

 protected:
  ~Pollable() = default;
};

class Poller {
 public:
  explicit Poller(boost::asio::io_context& io) : epoll_(io) {}

  /// Errors: kIo.
  Status open();
  /// Around each batch of on_ready(). Until stop(); what `turn` holds must keep this poller alive.
  void run(std::function<void(std::function<void()> batch)> turn);
  void stop();

  /// `pollable` must stay until remove(), and until the batch that is under way has ended.
  void add(int descriptor, Pollable& pollable, bool read, bool write);
  void change(int descriptor, Pollable& pollable, bool read, bool write);
  void remove(int descriptor);

 private:
  void wait();
  void tell();
  void control(int operation, int descriptor, Pollable* pollable, bool read, bool write);

  boost::asio::posix::stream_descriptor epoll_;
  std::function<void(std::function<void()>)> turn_;
};

}  // namespace coterie::node::bridge::internal
