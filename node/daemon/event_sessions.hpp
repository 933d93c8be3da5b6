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

#include "node/bridge/server.hpp"
#include "node/core/engine.hpp"
#include "node/daemon/event_json.hpp"
#include "node/daemon/service.hpp"

namespace coterie::node {

// Of one connection.
inline constexpr std::size_t kPresencePerSecond = 30;
/// Unsent, in bytes; beyond, events are dropped until half has left.
inline constexpr std::size_t kEventWindowBytes = 256u << 10;

/// Single-threaded: all calls from the thread that owns the engine.
class EventSessions {
 public:
  using Send = std::function<void(bridge::ClientHandle, std::shared_ptr<const Bytes>)>;

  /// Both must outlive it.
  EventSessions(Engine& engine, Service& service, Send send)
      : engine_(engine), service_(service), send_(std::move(send)) {}

  /// Errors (refuse the upgrade): kNotFound, kMalformed.
  Status open(bridge::ClientHandle client, const bridge::ClientRequest& request);

  void message(Now now, bridge::ClientHandle client, ByteView text);
  /// `bytes` handed to Send have left for the network.
  void sent(bridge::ClientHandle client, std::size_t bytes);
  void closed(Now now, bridge::ClientHandle client);
  void tell(const Engine::SendEvent& output);

  void handle_timeout(Now now);
  std::optional<Instant> next_deadline() const;

 private:
  /// So many within a minute from the first.
  class Budget {
   public:
    explicit Budget(std::size_t most) : most_(most) {}
    bool take(Instant now);

   private:
    std::size_t most_;
    std::size_t used_ = 0;
    Instant begin_{};
  };
  struct Session {
    WorkspaceId workspace;
    DocumentId document;
    std::optional<std::string> guest;  ///< Once it has joined; empty: the device's owner.
    Budget posts{kPostsPerMinute};
    Budget changes{kChangesPerMinute};
    std::optional<PresenceUpdate> presence;  ///< That waits.
    Instant presence_due{};
    std::size_t unsent = 0;
    bool dropped = false;
  };

  /// What fails, and is not answered otherwise.
  Status handle(Now now, bridge::ClientHandle client, Session& session, EventRequest request);
  Status join(Now now, bridge::ClientHandle client, Session& session, const std::string& id,
              WatchOptions join);
  Status show(Now now, bridge::ClientHandle client, Session& session, PresenceUpdate update);
  void carry_out(Now now, bridge::ClientHandle client, const std::string& id, Command command);
  Result<std::string> path_of(const Session& session) const;
  void send(bridge::ClientHandle client, Session& session, const std::string& text);
  void fail(bridge::ClientHandle client, Session& session, const std::string& id, const char* code,
            const std::string& why);
  AuthorNames names(const Session& session) const;

  Engine& engine_;
  Service& service_;
  Send send_;
  std::map<bridge::ClientHandle, Session> sessions_;
  /// What was told last, as text: the same goes to every watcher of a document.
  std::shared_ptr<const RoomEvent> told_;
  std::string told_text_;
};

}  // namespace coterie::node
