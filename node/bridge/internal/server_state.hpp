// What the parts of the bridge share. Everything here is used on the I/O thread only.

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "node/bridge/local_names.hpp"
#include "node/bridge/server.hpp"

namespace coterie::node::bridge::internal {

/// One open socket, whatever it speaks.
class Connection {
 public:
  virtual ~Connection() = default;
  /// Ends politely: what is under way may finish.
  virtual void shut_down() = 0;
  /// Ends now.
  virtual void abort() = 0;
};

/// One attached WebSocket client, as the Server's functions of the same names see it.
class Client {
 public:
  virtual ~Client() = default;
  virtual void accept() = 0;
  virtual void refuse(CallError error) = 0;
  virtual void send(std::shared_ptr<const Bytes> message) = 0;
  virtual void close(std::uint16_t code, std::string reason) = 0;
  virtual void processed(std::size_t bytes) = 0;
};

struct ServerState {
  ServerState(boost::asio::io_context& context, Server::Options given, Handler& answers)
      : io(context),
        options(std::move(given)),
        handler(&answers),
        acceptor(context),
        pause(context),
        names(0) {}

  boost::asio::io_context& io;
  Server::Options options;
  Handler* handler;  ///< Null once stopped.
  boost::asio::ip::tcp::acceptor acceptor;
  boost::asio::steady_timer pause;  ///< After a failed accept, and for stop().
  boost::asio::ip::tcp::endpoint endpoint;
  LocalNames names;
  bool stopping = false;
  ClientHandle next_client = 1;
  std::size_t unfinished_bytes = 0;  ///< Of messages that clients have begun to send.
  /// From the question to the handler to the end. This is what keeps a client alive: one that is
  /// not read (back-pressure) and has nothing to be written is in no pending operation.
  std::map<ClientHandle, std::shared_ptr<Client>> clients;
  std::map<const Connection*, std::weak_ptr<Connection>> connections;
  std::function<void()> when_empty;  ///< Called when the last connection is gone.

  void add(const std::shared_ptr<Connection>& connection) {
    connections.emplace(connection.get(), connection);
  }
  /// From the destructor of a connection.
  void remove(const Connection* connection) {
    connections.erase(connection);
    if (connections.empty() && when_empty) when_empty();
  }
};

/// Serves HTTP on `socket` until it closes or becomes a WebSocket.
void serve_http(const std::shared_ptr<ServerState>& state, boost::asio::ip::tcp::socket socket);

}  // namespace coterie::node::bridge::internal
