// Presence: who is in a document now, as Yjs awareness. Ephemeral: sent around, never stored.
//
// Each device speaks for the clients of its own bridge and for nobody else: what it says is signed,
// and held under its device id, so that no member sets or clears another device's states. Browsers
// see, per Yjs client id, what its holder says (below).
//
// Between nodes a device's states of one document travel in bundles that fit one awareness message;
// each message replaces the bundle it names, so that the newest alone is enough and an absent
// client has left.
//
//     message   := version:u8 key:32 nonce:24 ciphertext:rest-64 signature:64
//     clear     := document:16 bundle:varuint awareness          (sync_protocol.hpp)
//     topic     := first 8 bytes of BLAKE2b-256("coterie topic v1" workspace document bundle:u64)
//     associated data, and after the domain "coterie presence v1" the prefix of what is signed:
//                  workspace device topic:u64 counter:u64 key
//
// Towards browsers and other nodes, the clocks of Yjs clients are replaced by our own: each visible
// change shows the wall clock in milliseconds, or one more than before. Browsers keep the clocks
// they saw of others for as long as the page lives, and ignore what is not above: with the clients'
// own clocks, somebody who reconnects, or whom one meets again on another bridge, stays invisible
// until the next renewal, 15 s later (yjs/y-websocket#122). A browser is never shown its own id
// with such a clock, because y-protocols would take the state for newer than its own.
//
// Stock browsers send what they hear about others back to the server. Such an echo is told from
// news by its clock: a client's own clock counts from 0 and never comes near kShownClockMin.
//
// Any member's device may say anything about any client id: nothing ties a browser's id to a
// device. So what a device says about an id counts while no other device holds that id, and for as
// long as it goes on saying it: nobody replaces or clears the presence of somebody who is there.
// When the holder stops, who has said something longest is next: a client that moves from one
// bridge to another is spoken for by both for a moment. (Clocks decide nothing: they are easily
// said.)
// Our own clients come before all others'; guests among them, once nobody else shows that id.
//
// Single-threaded owner.

#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "crdt/base/clock.hpp"
#include "node/core/context.hpp"
#include "node/core/ledger.hpp"
#include "node/core/sync_protocol.hpp"

namespace coterie::node {

class Presence {
 public:
  /// A sealed message for the other members.
  struct Publication {
    std::uint64_t topic = 0;
    std::uint64_t counter = 0;
    Bytes message;
  };
  /// What the browsers on one document are to be shown. The client's own connection is told
  /// `own_clock` instead, as a sign of life.
  struct Change {
    DocumentId document;
    AwarenessState state;
    ClientHandle owner = 0;  ///< 0: a client of another node, or gone.
    std::uint64_t own_clock = 0;
    DeviceId holder;  ///< Who says so; of somebody gone, who did.
  };
  /// Smallest clock that we show: the year 2004 in milliseconds.
  static constexpr std::uint64_t kShownClockMin = std::uint64_t{1} << 40;

  Presence(Now now, const Ledger& ledger, Context& context);

  // Clients of this node. What browsers should see afterwards is in take_changes().
  /// `own` are the ids this connection announced, to be extended; `heard` is whether it was shown
  /// others before, so that it may echo them. `guest` is who it is: an id that a connection of
  /// somebody else shows is not taken from it.
  void announce(Now now, const DocumentId& document, ClientHandle client, const std::string& guest,
                bool heard, std::set<crdt::ClientId>& own,
                const std::vector<AwarenessState>& states);
  void leave(Now now, const DocumentId& document, ClientHandle client);
  /// Everybody present but `own`, with fresh clocks: for a client that asks or just came.
  std::vector<AwarenessState> states(Now now, const DocumentId& document,
                                     const std::set<crdt::ClientId>& own);

  // Other nodes.
  /// `age` is how long ago it was said.
  transport::AwarenessVerdict receive(Now now, const DeviceId& origin, std::uint64_t topic,
                                      std::uint64_t counter, ByteView message, Duration age);
  /// The device is no member any more.
  void forget(Now now, const DeviceId& device);
  /// What each other device says in that room, whoever else says something of the same client: its
  /// first state.
  std::map<DeviceId, std::string> said_in(const DocumentId& document) const;
  /// Which messages are about it.
  std::uint64_t topic(const DocumentId& document, std::uint64_t bundle) const;
  /// Whose presence is held, beside our own clients'. Cost: O(what is held).
  std::set<DeviceId> origins() const;

  /// Messages due now: at most 30 a second per document, newest state only. None while there is no
  /// key to write with.
  std::vector<Publication> take_publications(Now now);
  std::vector<Change> take_changes() { return std::exchange(changes_, {}); }

  /// Renews, and forgets those not heard of for 30 s.
  void handle_timeout(Now now);
  std::optional<Instant> next_deadline() const;
  /// Withdraws all own states, to be published at once.
  void withdraw_all(Now now);

 private:
  struct Local {
    ClientHandle owner = 0;
    std::string guest;
    std::uint64_t own_clock = 0;  ///< As the client counts.
    std::uint64_t clock = 0;      ///< As we show and publish.
    std::string state;
    std::uint64_t bundle = 0;
    Instant heard;
  };
  struct Said {
    AwarenessState state;
    Instant since;  ///< When that device began to speak for that client.
  };
  struct Remote {
    Instant heard;
    std::map<crdt::ClientId, Said> states;
  };
  struct Shown {
    std::uint64_t clock = 0;
    bool present = false;
    Instant since;
    DeviceId holder;          ///< Who said what is shown.
    std::size_t content = 0;  ///< A hash of the state that was told.
  };
  struct Room {
    std::map<crdt::ClientId, Local> local;
    std::map<std::pair<DeviceId, std::uint64_t>, Remote> remote;  ///< By device and bundle.
    std::map<crdt::ClientId, Shown> shown;
    /// Whose state was said again, to be told with the next sweep: of a thousand who only look, a
    /// message every few seconds instead of a hundred a second.
    std::set<crdt::ClientId> renewed;
    std::set<std::uint64_t> dirty;  ///< Own bundles to be published; then in dirty_rooms_ too.
    Instant published{};
  };
  struct Winner {
    const std::string* state = nullptr;
    std::uint64_t clock = 0;
    ClientHandle owner = 0;
    std::uint64_t own_clock = 0;
    DeviceId holder;
  };

  Winner winner(const Room& room, crdt::ClientId client) const;
  bool acceptable(const Room& room, const AwarenessState& state, ClientHandle owner, bool heard,
                  const std::set<crdt::ClientId>& own) const;
  void republish_all();
  void show(Now now, const DocumentId& document, Room& room, crdt::ClientId client, bool force);
  void mark(const DocumentId& document, Room& room, std::uint64_t bundle);
  void remove_local(Now now, const DocumentId& document, Room& room, crdt::ClientId client);
  std::uint64_t bundle_for(const Room& room, const std::string& state) const;
  std::optional<Publication> publication(const DocumentId& document, const Room& room,
                                         std::uint64_t bundle);
  bool can_publish() const;
  Bytes envelope(const DeviceId& device, std::uint64_t topic, std::uint64_t counter,
                 const Hash& key) const;

  const Ledger& ledger_;
  Context& context_;
  std::map<DocumentId, Room> rooms_;
  std::set<DocumentId> dirty_rooms_;
  std::vector<Change> changes_;
  std::uint64_t counter_;  ///< Above all that earlier processes of this device used.
  Instant next_sweep_;
  Instant next_renewal_;
};

}  // namespace coterie::node
