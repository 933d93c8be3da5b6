// What the parts of the bridge share. Everything here is used on the I/O thread only, unless said.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "crdt/base/clock.hpp"
#include "node/bridge/allowed_names.hpp"
#include "node/bridge/internal/addresses.hpp"
#include "node/bridge/internal/connection.hpp"
#include "node/bridge/internal/deadlines.hpp"
#include "node/bridge/internal/poller.hpp"
#include "node/bridge/internal/tls.hpp"
#include "node/bridge/server.hpp"
#include "node/bridge/websocket_deflate.hpp"

namespace coterie::node::bridge::internal {

class Client;
class Listener;

/// What other threads ask for, in order.
struct Command {
  struct Accept {};
  struct Refuse {
    CallError error;
  };
  struct Send {
    std::shared_ptr<const Bytes> message;
  };
  struct Close {
    std::uint16_t code;
    std::string reason;
  };
  struct Processed {
    std::size_t bytes;
  };
  ClientHandle client;
  std::variant<Accept, Refuse, Send, Close, Processed> what;
};

/// What one read() may give; shared by all connections.
inline constexpr std::size_t kReadBytes = 64u << 10;
/// The same, where no large message is under way: what is left of it when a client is not read on
/// is kept for it.
inline constexpr std::size_t kShortReadBytes = 16u << 10;

struct ServerState : std::enable_shared_from_this<ServerState> {
  ServerState(boost::asio::io_context& context, Server::Options given, Handler& answers);
  ~ServerState();

  boost::asio::io_context& io;
  const Server::Options options;
  Handler* handler;  ///< Null once stopped.
  boost::asio::ip::tcp::endpoint endpoint;
  AllowedNames names;
  std::vector<boost::asio::ip::address> trusted_proxies;
  std::shared_ptr<const TlsContext> tls;  ///< Null: plain.

  bool stopping = false;
  TimePoint now;  ///< When the turn began.
  Instant instant() const {
    return Instant(std::chrono::duration_cast<Duration>(now.time_since_epoch()));
  }
  Poller poller;
  Deadlines deadlines;
  AddressBook addresses;
  std::unique_ptr<Listener> listener;
  std::vector<std::uint8_t> read_buffer;
  std::unique_ptr<websocket::Inflater> inflater;  ///< Made for the first that needs it.
  std::unique_ptr<websocket::Deflater> deflater;

  ClientHandle next_client = 1;
  std::size_t unfinished_bytes = 0;  ///< Of messages and requests that have begun to come.
  std::unordered_set<std::shared_ptr<Connection>> connections;
  /// From the question to the handler to the end.
  std::unordered_map<ClientHandle, Client*> clients;
  std::function<void()> when_empty;  ///< Called when the last connection is gone.
  Stats counts;

  // Of the turn under way.
  std::vector<Connection*> to_flush;
  std::vector<Sent> sent;
  std::vector<std::shared_ptr<Connection>> ended;

  /// Everything that happens on the I/O thread happens in a turn; what is to be sent leaves at its
  /// end. A turn inside another is part of it.
  template <typename Action>
  void turn(Action action) {
    const bool outer = !std::exchange(in_turn_, true);
    if (!outer) return action();
    now = std::chrono::steady_clock::now();
    action();
    end_turn();
  }

  void add(std::shared_ptr<Connection> connection);
  /// Its last turn.
  void remove(Connection& connection);

  /// Takes no more connections, and waits for nothing: there are none. Its last turn.
  void close();

  // Thread-safe.
  void ask(Command command);
  void ask(std::vector<Outgoing> messages);
  Stats published() const;

 private:
  void carry_out();
  void carry_out(Command& command);
  void wake(bool was_empty);
  void end_turn();
  void set_timer();

  bool in_turn_ = false;
  boost::asio::steady_timer timer_;
  TimePoint timer_at_ = TimePoint::max();
  std::vector<Command> carried_out_;  ///< Empty between turns; its memory is used again.

  mutable std::mutex mutex_;
  std::vector<Command> asked_;  ///< Guarded by `mutex_`.
  Stats published_;             ///< Guarded by `mutex_`.
};

}  // namespace coterie::node::bridge::internal
