// One thread that runs one Asio io_context: everything of the bridge and the control socket happens
// on it, so that neither needs a lock.

#pragma once

#include <memory>

namespace boost::asio {
class io_context;
}

namespace coterie::node::bridge {

class IoThread {
 public:
  /// Starts the thread, with all signals blocked: the main thread waits for them.
  IoThread();
  /// Stops the loop, whatever is still under way in it, and joins. Pending handlers are destroyed.
  ~IoThread();
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;

  boost::asio::io_context& context();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace coterie::node::bridge
