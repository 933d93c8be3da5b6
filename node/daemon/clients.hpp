// All clients of the bridge, whatever they speak: who each is, until when, and where its messages
// go.
//
// Single-threaded: all calls from the thread that owns the engine.

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "node/bridge/server.hpp"
#include "node/core/engine.hpp"
#include "node/daemon/access.hpp"
#include "node/daemon/event_sessions.hpp"
#include "node/daemon/hocuspocus.hpp"
#include "node/daemon/service.hpp"

namespace coterie::node {

class Clients {
 public:
  /// To the bridge's server.
  using Door = Hocuspocus::Door;

  /// All must outlive it.
  Clients(Engine& engine, Service& service, Access& access, Door door);

  /// Errors: refuse the upgrade with them.
  Status opened(Now now, bridge::ClientHandle client, const bridge::ClientRequest& request);
  /// Once one that opened() took was told so: a stream begins.
  void accepted(Now now, bridge::ClientHandle client, const bridge::ClientRequest& request);
  /// As EventSessions::say().
  CallResult say(Now now, const Call& call) { return events_.say(now, call); }
  /// Whether what the engine has to say to it can wait for what others say.
  bool message(Now now, bridge::ClientHandle client, ByteView message);
  /// `bytes` handed to the door have left for the network.
  void sent(Now now, bridge::ClientHandle client, std::size_t bytes);
  void closed(Now now, bridge::ClientHandle client);

  // What the engine has to say.
  void tell(Engine::SendToClient& output);
  void tell(const Engine::SendEvent& output) { events_.tell(output); }
  void tell(const Engine::ClientRole& output);
  void tell(Now now, const Engine::CloseClient& output);

  void handle_timeout(Now now);
  std::optional<Instant> next_deadline() const;

 private:
  Status open_content(Now now, bridge::ClientHandle client, const bridge::ClientRequest& request,
                      const Principal& who);
  void watch_expiry(Now now, bridge::ClientHandle client, WallMillis expires);
  Status open_events(bridge::ClientHandle client, const bridge::ClientRequest& request,
                     const Principal& who);

  Engine& engine_;
  Access& access_;
  Door door_;
  EventSessions events_;
  Hocuspocus hocuspocus_;
  std::set<bridge::ClientHandle> content_;  ///< That the engine has taken.
  /// Of those whose token runs out.
  struct Expiry {
    WallMillis at;
    Instant due;
  };
  std::map<bridge::ClientHandle, Expiry> expires_;
  std::set<std::pair<Instant, bridge::ClientHandle>> expiring_;
};

}  // namespace coterie::node
