// The clients of the events WebSocket: what each says is carried out, what happens in its document
// is told to it (docs/API/events.md).
//
// A connection is about one document. Its first message is join_session; said again it is answered
// anew. Commands are answered when what they write is durable. Presence that comes faster than
// kPresencePerSecond waits, the newest of each thing; what is said faster than the budgets below is
// RATE_LIMITED. To a reader that does not keep up nothing but answers is sent; once it does again
// it gets a room_reset: it is to join anew and ask for what it shows.

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "crdt/base/token_bucket.hpp"
#include "node/bridge/server.hpp"
#include "node/core/engine.hpp"
#include "node/daemon/access.hpp"
#include "node/daemon/event_json.hpp"
#include "node/daemon/service.hpp"

namespace coterie::node {

// Of one connection.
inline constexpr std::size_t kPresencePerSecond = 30;
/// Unsent, in bytes; beyond, events are dropped until half has left.
inline constexpr std::size_t kEventWindowBytes = 256u << 10;
static_assert(kEventWindowBytes / 2 > bridge::kUntoldBytesMax, "else it might wait for ever");

/// Single-threaded: all calls from the thread that owns the engine.
class EventSessions {
 public:
  using Send = std::function<void(bridge::ClientHandle, std::shared_ptr<const Bytes>)>;

  /// All must outlive it.
  EventSessions(Engine& engine, Service& service, Access& access, Send send)
      : engine_(engine), service_(service), access_(access), send_(std::move(send)) {}

  /// Errors (refuse the upgrade): kNotFound (the document was not made yet), kUnauthorized.
  Status open(bridge::ClientHandle client, const Access::Place& place, const Principal& who);

  void message(Now now, bridge::ClientHandle client, ByteView text);
  /// After open(), of a stream: tells it by which name it is spoken for,
  /// {"type":"stream","session"}, and joins as it wants. One that was there before is told to begin
  /// anew.
  void begin_stream(Now now, bridge::ClientHandle client, const bridge::ClientRequest& request);
  /// "presence.show": "session", the document, and what a presence_update has, as JSON. Said for a
  /// stream; {"done":true}. Errors: kNotFound, and those of presence_update.
  CallResult say(Now now, const Call& call);
  /// `bytes` handed to Send have left for the network.
  void sent(bridge::ClientHandle client, std::size_t bytes);
  void closed(Now now, bridge::ClientHandle client);
  /// It showed a better token, of the same person, by another way than an event.
  void renewed(bridge::ClientHandle client, const Principal& who);
  /// Who it is; nobody of that handle: null.
  const Principal* who(bridge::ClientHandle client) const;
  void tell(const Engine::SendEvent& output);

  void handle_timeout(Now now);
  std::optional<Instant> next_deadline() const;

 private:
  struct Session {
    WorkspaceId workspace;
    DocumentId document;
    Principal who;
    std::string stream;                ///< What its presence is said with; empty: a WebSocket.
    std::optional<std::string> guest;  ///< Once it has joined; empty: the device's owner.
    TokenBucket changes{Duration(std::chrono::minutes(1)) / kChangesPerMinute, kChangesPerMinute};
    std::optional<PresenceUpdate> presence;  ///< That waits.
    Instant presence_due{};
    std::size_t unsent = 0;
    bool dropped = false;
  };

  /// What fails, and is not answered otherwise.
  Status handle(Now now, bridge::ClientHandle client, Session& session, EventRequest request);
  Status join(Now now, bridge::ClientHandle client, Session& session, const std::string& id,
              WatchOptions join);
  Status renew(Now now, bridge::ClientHandle client, Session& session, const std::string& id,
               const std::string& token);
  Status show(Now now, bridge::ClientHandle client, Session& session, PresenceUpdate update);
  void carry_out(Now now, bridge::ClientHandle client, const std::string& id, Command command);
  Result<std::string> path_of(const Session& session) const;
  /// What it may do now. Errors: kUnauthorized (nothing).
  Result<Role> role_of(const Session& session, const std::string& path) const;
  void send(bridge::ClientHandle client, Session& session, const std::string& text);
  void fail(bridge::ClientHandle client, Session& session, const std::string& id, const char* code,
            const std::string& why);
  AuthorNames names(const Session& session) const;

  Engine& engine_;
  Service& service_;
  Access& access_;
  Send send_;
  std::map<bridge::ClientHandle, Session> sessions_;
  /// What was told last, as text: the same goes to every watcher of a document.
  std::shared_ptr<const RoomEvent> told_;
  std::string told_text_;
};

}  // namespace coterie::node
