// Sockets that speak the Hocuspocus provider protocol: content, events and tokens of any number of
// documents on one WebSocket.
//
// Each document of a socket is a client of the engine of its own, with a handle made here, whose
// y-websocket messages are put into this protocol's and back:
//
//     SyncStatus 1   once for each step 2 and update, when it and all before it, with the step 2 of
//     an
//                    exchange that the client began, are on this node's disk; 0 when it was
//                    refused. What was refused counts once the role was raised and it was asked for
//                    anew. So `unsyncedChanges` of a stock provider is 0 when all is saved.
//     Authenticated  "readonly" for viewers and commenters; said again when the role changes.
//     Before
//                    a token runs out another is asked for; once it has, the document is detached.
//     Stateless      the events of the document, as JSON (docs/API/events.md).
//
// Which document: with ?workspace= in the URL the name is its path or id; else it is
// WORKSPACE/PATH.
//
// Single-threaded: all calls from the thread that owns the engine.

#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "node/bridge/server.hpp"
#include "node/core/engine.hpp"
#include "node/daemon/access.hpp"
#include "node/daemon/event_sessions.hpp"
#include "node/daemon/hocuspocus_protocol.hpp"

namespace coterie::node {

/// Documents of one socket; more are denied.
inline constexpr std::size_t kSocketDocumentsMax = 100;
inline constexpr std::size_t kStatelessBytesMax = 512u << 10;
/// A socket without any document for so long is closed (4408).
inline constexpr std::chrono::seconds kSocketPatience{60};
/// Another token is asked for so long before one runs out.
inline constexpr std::chrono::seconds kTokenNotice{30};

class Hocuspocus {
 public:
  struct Door {
    std::function<void(bridge::ClientHandle, SharedBytes)> send;
    std::function<void(bridge::ClientHandle, std::uint16_t code, std::string reason)> close;
  };

  /// All must outlive it.
  Hocuspocus(Engine& engine, const Access& access, EventSessions& events, Door door)
      : engine_(engine), access_(access), events_(events), door_(std::move(door)) {}

  void open(Now now, bridge::ClientHandle socket, const bridge::ClientRequest& request);
  bool has(bridge::ClientHandle socket) const { return sockets_.contains(socket); }
  void message(Now now, bridge::ClientHandle socket, ByteView message);
  /// `bytes` handed to the door have left for the network.
  void sent(Now now, bridge::ClientHandle socket, std::size_t bytes);
  void closed(Now now, bridge::ClientHandle socket);

  /// Whether a handle of the engine is one of ours; then what it has to say goes here.
  static bool is_ours(ClientHandle handle) { return (handle & kOurs) != 0; }
  void tell(const Engine::SendToClient& output);
  void tell(const Engine::ClientRole& output);
  void tell(Now now, const Engine::CloseClient& output);
  /// What EventSessions has to say to one of our handles.
  void tell_event(ClientHandle events, ByteView text);

  void handle_timeout(Now now);
  std::optional<Instant> next_deadline() const;

 private:
  static constexpr ClientHandle kOurs = ClientHandle{1} << 63;

  struct Attached {
    bridge::ClientHandle socket = 0;
    std::string address;
    Access::Place place;
    Principal who;
    ClientHandle events = 0;     ///< Once it said something stateless.
    std::optional<Instant> due;  ///< When another token is asked for; then, when it runs out.
    std::optional<Instant> expires;

    // SyncStatus.
    struct Taken {
      std::size_t times;     ///< How often to say 1 once it is saved.
      bool answers = false;  ///< A step 1 of the client was exchanged for it.
    };
    std::deque<Taken> unsaved;  ///< Messages that were taken in.
    std::uint64_t saved = 0;
    std::size_t refused = 0;
    std::size_t asked = 0;     ///< Step 1 of the client that were not answered yet.
    std::deque<bool> answers;  ///< Per step 1 of ours: whether the client asked for it.
    /// Exchanges that the client has begun and that are not saved. A stock provider counts from 1
    /// anew when it begins one, whatever it has sent before and what waits to be sent: until all of
    /// that is saved it is told nothing.
    std::size_t exchanges = 0;
    std::size_t owed = 0;  ///< Said when there are none.
  };
  /// A message that has not left for the network.
  struct Unsent {
    ClientHandle whose = 0;   ///< 0: nobody's.
    std::size_t size = 0;     ///< As it was handed to the door,
    std::size_t counted = 0;  ///< and to us.
  };
  struct Socket {
    std::string workspace;                                       ///< Of the URL; may be empty.
    std::string token;                                           ///< Of the URL; may be empty.
    std::map<std::string, ClientHandle, std::less<>> documents;  ///< By address.
    std::deque<Unsent> unsent;
    std::size_t left = 0;  ///< Of the first of them.
    Instant due;           ///< While there is no document.
  };

  void authenticate(Now now, bridge::ClientHandle handle, Socket& socket, std::string_view address,
                    ByteView body);
  Status attach(Now now, bridge::ClientHandle handle, Socket& socket, std::string_view address,
                const Principal& who);
  Status renew(Now now, ClientHandle client, Attached& attached, const Principal& who);
  void watch_token(Now now, ClientHandle client, Attached& attached, const Principal& who);
  void speak(Now now, ClientHandle client, Attached& attached, ByteView body);
  void forward(Now now, ClientHandle client, Attached& attached, ByteView yjs);
  void say_owed(ClientHandle client, Attached& attached, std::size_t counted);
  void detach(Now now, ClientHandle client, std::string_view reason);
  void send(bridge::ClientHandle socket, SharedBytes message, ClientHandle whose = 0,
            std::size_t counted = 0);

  Engine& engine_;
  const Access& access_;
  EventSessions& events_;
  Door door_;
  ClientHandle next_ = kOurs;
  std::map<bridge::ClientHandle, Socket> sockets_;
  std::map<ClientHandle, Attached> attached_;
  std::map<ClientHandle, ClientHandle> by_events_;
  std::set<std::pair<Instant, bridge::ClientHandle>> empty_sockets_;
  std::set<std::pair<Instant, ClientHandle>> tokens_due_;
  /// What was wrapped: the same goes to every socket on the document. The last of all, and large
  /// ones for as long as somebody else has a use for them.
  struct Wrapped {
    SharedBytes message;
    std::string address;
    SharedBytes as;
  };
  SharedBytes wrap(const SharedBytes& message, const std::string& address);
  Wrapped wrapped_;
  std::deque<Wrapped> large_;
};

}  // namespace coterie::node
