// The control socket: how `coterie` commands reach a running node.
//
//     DIR/control.sock, a Unix stream socket with mode 0600 in a directory with mode 0700; the
//     peer's user id is checked besides (SO_PEERCRED). Lines of JSON, any number on one connection,
//     each answered before the next is read:
//
//     request   {"operation":"doc.list","arguments":{"workspace":"demo"}}
//     answer    {"ok":true,"result":{...}}
//     or        {"ok":false,"error":{"code":"not_found","message":"..."}}
//
// Operations: service.hpp. Source of the shape: JSON Lines.

#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "crdt/base/result.hpp"
#include "node/bridge/call.hpp"
#include "node/identity/data_dir.hpp"

namespace boost::asio {
class io_context;
}

namespace coterie::node {

/// Longest request line, in bytes: an update of 16 MiB in hexadecimal, and what is around it.
inline constexpr std::size_t kControlLineBytesMax = 33u << 20;
/// Connections open at once; more are closed.
inline constexpr std::size_t kControlConnectionsMax = 32;
/// Longest answer a client takes, in bytes.
inline constexpr std::size_t kControlAnswerBytesMax = 512u << 20;

/// Thread-safe, except construction and destruction.
class ControlServer {
 public:
  /// What is asked is handed to `handler`, on the I/O thread; it must not block.
  using Handler = std::function<void(Call, CallReply)>;

  /// Replaces a socket that a dead process left: call with the lock of the directory held. `io`
  /// must outlive the server. Errors: kIo.
  static Result<std::unique_ptr<ControlServer>> start(boost::asio::io_context& io,
                                                      const DataDir& dir, Handler handler);
  /// As stop().
  ~ControlServer();

  /// Removes the socket, closes all connections; no handler is called after it. Must not be called
  /// on the I/O thread.
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
  explicit ControlServer(std::shared_ptr<State> state);
};

/// Whether a node listens on the control socket of `dir`.
bool is_node_running(const DataDir& dir);

/// Asks the node that runs on `dir`; blocks at most `patience`. The outer error tells that there
/// was no answer: kNotFound (no node runs here), kUnavailable (no answer in time), kIo, kMalformed.
Result<CallResult> ask_running_node(const DataDir& dir, const Call& call,
                                    std::chrono::milliseconds patience);

}  // namespace coterie::node
