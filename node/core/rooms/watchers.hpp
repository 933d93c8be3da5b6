// Those who follow what happens in documents besides their text: over the bridge's events, say.
//
// What happens is told once, shared by all watchers of a document. One that shows itself has a Yjs
// client id of its own, by which others see it as they see an editor's. Single-threaded owner.

#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "node/core/context.hpp"
#include "node/core/presence.hpp"
#include "node/core/rooms/events.hpp"

namespace coterie::node {

class Watchers {
 public:
  /// Both must outlive it.
  Watchers(Context& context, Presence& presence) : context_(context), presence_(presence) {}

  /// Errors: kLimitExceeded (kGuestIdBytesMax, kParticipantNameBytesMax), kMalformed (a color that
  /// is none). `name` is what it is called when it does not say.
  Status open(Now now, ClientHandle handle, const DocumentId& document, WatchOptions options,
              const std::string& name);
  /// Errors: kNotFound; kMalformed (a cursor that is no JSON); kLimitExceeded (a state of more than
  /// kAwarenessStateBytesMax): then nothing is changed.
  Status show(Now now, ClientHandle handle, PresenceUpdate update);
  void close(Now now, ClientHandle handle);

  /// Handles and ids (kOwnerId for the owner) of those of one document.
  std::vector<std::pair<ClientHandle, std::string>> of(const DocumentId& document) const;
  bool watched(const DocumentId& document) const { return by_document_.contains(document); }
  void tell(const DocumentId& document, RoomEvent event);
  /// Those that are watched.
  std::set<DocumentId> documents() const;

  /// Says again who is there, as Yjs clients do.
  void handle_timeout(Now now);
  std::optional<Instant> next_deadline() const;

 private:
  struct Watcher {
    DocumentId document;
    bool shown = false;
    Participant is;
    bool declared = false;
    crdt::ClientId client = 0;
    std::uint64_t clock = 0;
    std::set<crdt::ClientId> own;
    Instant renew;
  };
  void announce(Now now, ClientHandle handle, Watcher& watcher);

  Context& context_;
  Presence& presence_;
  std::map<ClientHandle, Watcher> watchers_;
  std::map<DocumentId, std::vector<ClientHandle>> by_document_;
  Instant next_sweep_{};
};

}  // namespace coterie::node
