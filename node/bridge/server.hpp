// The bridge: HTTP/1.1 and WebSocket on one port of this machine, for browsers and other Yjs
// clients.
//
//     /                              the web client (web_asset.hpp)
//     /sync/{workspace}/{document}   WebSocket, y-websocket protocol; the document is all segments
//                                    that follow, percent-decoded; ?saved=1 asks for message 100
//     /hocuspocus                    WebSocket, Hocuspocus provider protocol, any documents
//                                    (node/daemon/hocuspocus.hpp); ?workspace=
//     /v1/documents/{id}/events      WebSocket, JSON text messages (docs/API/events.md);
//                                    ?workspace= says which, where several have such a document
//     /v1/documents/{id}/stream      the same as server-sent events
//     /v1/...  /healthz              REST (routes.hpp, docs/API/openapi.json)
//
// Knows nothing of the engine: it hands what clients say to a Handler and sends what it is told to.
// Answers only requests whose Host (and Origin, if there is one) name this machine and port, or
// what else it was told to be called, so that a foreign web page cannot reach it (local_names.hpp).
// Who somebody is, it does not know either: it passes their token on.
//
// Back-pressure. Inwards: a client's socket is not read while more than `inbox_messages` or
// `inbox_bytes` of its messages wait to be processed, so a flood costs its sender, not the others.
// Outwards: clients_sent() tells when messages left, so that the engine can bound what it queues.
//
// All sockets are one thread's. What other threads ask for waits in one queue, and the thread is
// woken when it was empty; whatever a client is to get by then leaves in one call of the kernel. A
// connection that is idle holds no buffer and no timer of its own: less than 1 KB, TLS aside.
//
// Source: RFC 7230, RFC 6455, RFC 7692; y-websocket 3.1.0.

#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

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

/// Of one address.
struct AddressLimits {
  std::size_t connections;         ///< At once: 429.
  std::uint64_t joins_per_second;  ///< WebSockets opened, on average: 429.
  std::uint64_t joins_at_once;     ///< The same, in a burst.
};

/// What a stranger can push on.
struct Limits {
  std::uint32_t header_bytes = 16u << 10;     ///< Request line, and headers: 431.
  std::uint64_t body_bytes = 16u << 20;       ///< Of a request, or less (route_table.hpp): 413.
  std::size_t message_bytes = 16u << 20;      ///< Of a WebSocket message: close 1009.
  std::size_t event_bytes = 512u << 10;       ///< The same, of the events of a document.
  std::size_t unfinished_bytes = 128u << 20;  ///< Of messages begun, all clients together:
                                              ///< who goes beyond is closed with 1013.
  std::size_t connections = 10'000;           ///< Open at once: 503.
  /// A tenth of all, so that no address keeps the others out: an office behind one address, where a
  /// hundred people have ten documents open each.
  AddressLimits per_address{1'000, 20, 1'000};
  AddressLimits per_loopback_address{10'000, 2'000, 20'000};
  std::size_t inbox_messages = 64;              ///< Unprocessed of one client.
  std::size_t inbox_bytes = 1u << 20;           ///< Unprocessed of one client; the last may
                                                ///< go beyond.
  std::size_t outbox_bytes = 256u << 20;        ///< Unsent to one client: close 1013.
  std::chrono::milliseconds handshake{10'000};  ///< Of TLS.
  std::chrono::milliseconds request{30'000};    ///< From waiting for a request to its end.
  std::chrono::milliseconds call{30'000};       ///< For the node to answer: 503.
  std::chrono::milliseconds idle{60'000};       ///< WebSocket without any frame; pinged at half.
  std::chrono::milliseconds closing{5'000};     ///< For a close handshake, unsent data included.
};

/// What a WebSocket client asks to be attached to.
struct ClientRequest {
  enum class What : std::uint8_t {
    kContent,     ///< Of a document, in binary messages.
    kEvents,      ///< Of a document, in text messages.
    kStream,      ///< As kEvents, to a client that only listens.
    kHocuspocus,  ///< Content of any documents, each with its own token, in binary messages.
  };
  What what = What::kContent;
  std::string workspace;  ///< Id in hexadecimal, or name. Of events it may be empty.
  std::string document;   ///< Path, or of events the id. May be empty or not UTF-8: to be checked.
  bool saved_messages = false;  ///< Of content.
  std::string token;            ///< What it showed; empty: nothing.
  // Of a stream: as whom it joins, and whether it was there before.
  std::string user = {};
  std::string name = {};
  std::string color = {};
  bool resumed = false;
};

/// One message to one client. A broadcast shares the message.
struct Outgoing {
  ClientHandle client;
  std::shared_ptr<const Bytes> message;
};

/// Of messages to one client that have left, less than this may not have been told: who waits for
/// them to leave must wait for more.
inline constexpr std::size_t kUntoldBytesMax = 16u << 10;

/// `bytes` of messages to one client have left for the network.
struct Sent {
  ClientHandle client;
  std::size_t bytes;
};

/// Since the start, except what is there now.
struct Stats {
  std::uint64_t connections = 0;  ///< Now; of any kind.
  std::uint64_t clients = 0;      ///< Now; WebSockets.
  std::uint64_t accepted = 0;     ///< Connections.
  std::uint64_t refused = 0;      ///< Connections, and WebSockets, for being too many.
  std::uint64_t requests = 0;     ///< Of HTTP, upgrades included.
  std::uint64_t joined = 0;       ///< WebSockets.
  std::uint64_t bytes_in = 0;     ///< Without TLS.
  std::uint64_t bytes_out = 0;
  std::uint64_t messages_in = 0;  ///< Of WebSockets.
  std::uint64_t messages_out = 0;
  std::uint64_t compressed_out = 0;  ///< Of them.
  std::uint64_t sends = 0;           ///< Calls of the kernel that they took.
  std::uint64_t too_slow = 0;        ///< Clients ended because too much waited for them.
  std::uint64_t violations = 0;      ///< Clients ended because of what they sent.
  std::uint64_t timed_out = 0;       ///< Connections.
};

/// Who answers. All functions are called on the I/O thread and must not block.
class Handler {
 public:
  virtual ~Handler() = default;

  /// Answered by accept_client() or refuse_client().
  virtual void client_opened(ClientHandle client, ClientRequest request) = 0;
  /// One message; answered by message_processed().
  virtual void client_message(ClientHandle client, Bytes message) = 0;
  /// Messages handed to send() have left. Clients may have been closed since.
  virtual void clients_sent(std::vector<Sent> sent) = 0;
  /// Once after each client_opened() that was not refused.
  virtual void client_closed(ClientHandle client) = 0;

  /// `reply` may be dropped, and kept for longer than the server lives, but must not be called once
  /// the I/O thread is gone.
  virtual void call(Call call, CallReply reply) = 0;

  /// After everything that was ready at once was told: a good time to pass it on.
  virtual void turn_ended() {}
};

/// Thread-safe, except construction and destruction.
class Server {
 public:
  struct Options {
    std::string bind = "127.0.0.1:0";  ///< "127.0.0.1:PORT", "[::1]:PORT", "localhost:PORT" ...
    Limits limits = {};
    std::span<const WebAsset> assets = {};  ///< Must outlive the server.
    /// PEM files of a certificate chain and its key: HTTPS and WSS only. Empty: plain.
    std::string certificate_file = {};
    std::string key_file = {};
    std::vector<std::string> hosts = {};    ///< Names by which others reach it, beside local ones.
    std::vector<std::string> origins = {};  ///< "https://HOST[:PORT]" of pages that may use it.
    /// Addresses of reverse proxies, whose X-Forwarded-For is believed.
    std::vector<std::string> trusted_proxies = {};
    bool require_token = false;  ///< Whether the handler asks everybody for a token.
    /// Serves others than this machine even without tokens and TLS.
    bool insecure = false;
    bool compress_loopback = false;  ///< Also where there is no network to be saved.
  };

  /// Binds, listens and serves on `io`'s thread. `io` and `handler` must outlive the server.
  /// Errors: kMalformed (`bind` or another option does not parse), kNotFound (certificate),
  /// kUnauthorized (others would reach it without tokens or TLS), kConflict (port in use), kIo.
  static Result<std::unique_ptr<Server>> start(boost::asio::io_context& io, Options options,
                                               Handler& handler);
  /// As stop().
  ~Server();

  std::uint16_t port() const;
  std::string url() const;  ///< "http://127.0.0.1:7420"
  Stats stats() const;

  /// Reads the certificate and key again, for connections from now on. Errors: as start(); then the
  /// old ones stay. Without TLS nothing to do.
  Status reload_certificate();

  void accept_client(ClientHandle client);
  /// Answers the upgrade with the HTTP status of `error`.
  void refuse_client(ClientHandle client, CallError error);
  /// One message, queued until the client takes it.
  void send(ClientHandle client, std::shared_ptr<const Bytes> message);
  /// The same for many at once, in order: cheaper by far for a broadcast.
  void send(std::vector<Outgoing> messages);
  /// After everything queued before. `code` is a WebSocket close code, `reason` at most 123 bytes.
  void close_client(ClientHandle client, std::uint16_t code, std::string reason);
  /// A message of `bytes` bytes is done with: the client may send more.
  void message_processed(ClientHandle client, std::size_t bytes);

  /// Tells clients "going away" (1001) after what is queued for them, answers requests with 503,
  /// and returns when all clients are gone or after `Limits::closing`. No Handler function is
  /// called after it. Must not be called on the I/O thread.
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
  explicit Server(std::shared_ptr<State> state);
};

}  // namespace coterie::node::bridge
