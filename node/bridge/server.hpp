// The bridge: HTTP/1.1 and WebSocket on one port of this machine, for browsers and other Yjs
// clients.
//
//     /                              the web client (web_asset.hpp)
//     /sync/{workspace}/{document}   WebSocket, y-websocket protocol; the document is all segments
//                                    that follow, percent-decoded; ?saved=1 asks for message 100
//     /v1/documents/{id}/events      WebSocket, JSON text messages (docs/API/events.md);
//                                    ?workspace= says which, where several have such a document
//     /v1/...  /healthz              REST (routes.hpp, docs/API/openapi.json)
//
// Knows nothing of the engine: it hands what clients say to a Handler and sends what it is told to.
// Binds loopback only, and answers only requests whose Host (and Origin, if there is one) name this
// machine and port, so that a foreign web page cannot reach it (local_names.hpp).
//
// Back-pressure. Inwards: a client's socket is not read while more than `inbox_messages` or
// `inbox_bytes` of its messages wait to be processed, so a flood costs its sender, not the others.
// Outwards: client_sent() tells when messages left, so that the engine can bound what it queues.
//
// Source: RFC 7230, RFC 6455; y-websocket 3.1.0.

#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "crdt/base/bytes.hpp"
#include "crdt/base/result.hpp"
#include "node/bridge/call.hpp"
#include "node/bridge/web_asset.hpp"

namespace boost::asio {
class io_context;
}

namespace coterie::node::bridge {

/// One attached WebSocket client; never reused by a server.
using ClientHandle = std::uint64_t;

/// What a stranger can push on.
struct Limits {
  std::uint32_t header_bytes = 16u << 10;     ///< Request line, and headers: 431.
  std::uint64_t body_bytes = 1u << 20;        ///< Of a request: 413.
  std::size_t message_bytes = 16u << 20;      ///< Of a WebSocket message: close 1009.
  std::size_t event_bytes = 512u << 10;       ///< The same, of the events of a document.
  std::size_t unfinished_bytes = 128u << 20;  ///< Of messages begun, all clients together:
                                              ///< who goes beyond is closed with 1013.
  std::size_t connections = 256;              ///< Open at once: 503.
  std::size_t inbox_messages = 64;            ///< Unprocessed of one client.
  std::size_t inbox_bytes = 1u << 20;         ///< Unprocessed of one client; the last may
                                              ///< go beyond.
  std::size_t outbox_bytes = 256u << 20;      ///< Unsent to one client: close 1013.
  std::chrono::milliseconds request{30'000};  ///< From waiting for a request to its end.
  std::chrono::milliseconds call{30'000};     ///< For the node to answer: 503.
  std::chrono::milliseconds idle{60'000};     ///< WebSocket without any frame; pinged at half.
  std::chrono::milliseconds closing{5'000};   ///< For a close handshake, unsent data included.
};

/// What a WebSocket client asks to be attached to.
struct ClientRequest {
  /// A document's content, in binary messages, or its events, in text messages.
  enum class What : std::uint8_t { kContent, kEvents };
  What what = What::kContent;
  std::string workspace;  ///< Id in hexadecimal, or name. Of events it may be empty.
  std::string document;   ///< Path, or of events the id. May be empty or not UTF-8: to be checked.
  bool saved_messages = false;  ///< Of content.
};

/// Who answers. All functions are called on the I/O thread and must not block.
class Handler {
 public:
  virtual ~Handler() = default;

  /// Answered by accept_client() or refuse_client().
  virtual void client_opened(ClientHandle client, ClientRequest request) = 0;
  /// One message; answered by message_processed().
  virtual void client_message(ClientHandle client, Bytes message) = 0;
  /// `bytes` of messages handed to send() have left for the network.
  virtual void client_sent(ClientHandle client, std::size_t bytes) = 0;
  /// Once after each client_opened() that was not refused.
  virtual void client_closed(ClientHandle client) = 0;

  /// `reply` may be dropped, and kept for longer than the server lives, but must not be called once
  /// the I/O thread is gone.
  virtual void call(Call call, CallReply reply) = 0;
};

/// Thread-safe, except construction and destruction.
class Server {
 public:
  struct Options {
    std::string bind = "127.0.0.1:0";  ///< "127.0.0.1:PORT", "[::1]:PORT" or "localhost:PORT".
    Limits limits;
    std::span<const WebAsset> assets;  ///< Must outlive the server.
  };

  /// Binds, listens and serves on `io`'s thread. `io` and `handler` must outlive the server.
  /// Errors: kMalformed (`bind` does not parse), kUnauthorized (not a loopback address), kConflict
  /// (port in use), kIo.
  static Result<std::unique_ptr<Server>> start(boost::asio::io_context& io, Options options,
                                               Handler& handler);
  /// As stop().
  ~Server();

  std::uint16_t port() const;
  std::string url() const;  ///< "http://127.0.0.1:7420"

  void accept_client(ClientHandle client);
  /// Answers the upgrade with the HTTP status of `error`.
  void refuse_client(ClientHandle client, CallError error);
  /// One message, queued until the client takes it.
  void send(ClientHandle client, std::shared_ptr<const Bytes> message);
  /// After everything queued before. `code` is a WebSocket close code, `reason` at most 123 bytes.
  void close_client(ClientHandle client, std::uint16_t code, std::string reason);
  /// A message of `bytes` bytes is done with: the client may send more.
  void message_processed(ClientHandle client, std::size_t bytes);

  /// Takes no new connections, tells clients "going away" (1001) after what is queued for them, and
  /// returns when all are gone or after `Limits::closing`. No Handler function is called after it.
  /// Must not be called on the I/O thread.
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
  explicit Server(std::shared_ptr<State> state);
};

}  // namespace coterie::node::bridge
