// Takes connections, as many as there may be.

#pragma once

#include <boost/asio/ip/tcp.hpp>

#include "node/bridge/internal/server_state.hpp"

namespace coterie::node::bridge::internal {

/// Serves HTTP on `line` until it closes or becomes something else.
void serve_http(ServerState& state, Line line, boost::asio::ip::address peer);

class Listener final : public Pollable, public Timed {
 public:
  /// Owns `descriptor`, which is listening.
  Listener(ServerState& state, int descriptor) : state_(state), descriptor_(descriptor) {}
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  void begin();
  void end();

 private:
  void on_ready(bool readable, bool writable, bool hung_up) override;
  void timed_out() override;
  void take(int descriptor, const boost::asio::ip::address& peer);

  ServerState& state_;
  int descriptor_;
};

}  // namespace coterie::node::bridge::internal
