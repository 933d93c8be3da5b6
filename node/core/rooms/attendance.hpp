// Who is in which document, and what they are doing: what Yjs awareness says, as events.
//
// Awareness states are open JSON. Of each these members are understood; all are optional, and what
// has another type than it should is as if it were not there:
//
//     user       {"id","name","color"}   without it the client is nobody: no participant
//     cursor     or "selection"          any JSON: where y-codemirror, y-prosemirror and y-monaco
//                                        show a cursor
//     status     "active" | "idle" | "away"
//     typing     true
//     file       text
//     viewport   {"from","to"}           lines
//     following  a participant's id
//
// Clients of one device whose user has the same id are one participant: a person with two windows,
// or one that reloaded while its old connection is not known to be dead. What it looks at is what
// the window says that changed last.
//
// A state that is said again (Yjs renews it every 15 s) is a sign of life (presence.hpp), not of
// activity. Single-threaded owner. Memory: what is shown.

#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "crdt/base/clock.hpp"
#include "node/core/rooms/events.hpp"
#include "node/core/sync_protocol.hpp"

namespace coterie::node {

class Attendance {
 public:
  struct Event {
    DocumentId document;
    RoomEvent event;
  };

  /// What is shown of a Yjs client is this now. With an empty state it left.
  void shown(Now now, const DocumentId& document, const AwarenessState& state,
             const DeviceId& holder);
  /// Sorted by device and id.
  std::vector<Participant> of(const DocumentId& document) const;
  /// What that participant calls itself in some document now; empty if it is nowhere. O(documents).
  std::string name_of(const DeviceId& device, const std::string& id) const;
  std::vector<Event> take_events() { return std::exchange(events_, {}); }

  /// Ends typing, and activity.
  void handle_timeout(Now now);
  std::optional<Instant> next_deadline() const;

 private:
  using Key = std::pair<DeviceId, std::string>;
  struct Seen {
    std::string state;
    Key key;
    Participant says;                    ///< `typing`, `activeness` as it says.
    std::optional<Activeness> declared;  ///< It says so itself.
    Instant changed;
    std::optional<Instant> due;  ///< In due_, too.
  };
  struct Room {
    std::map<crdt::ClientId, Seen> clients;
    std::map<Key, Participant> told;
  };

  static std::optional<Seen> parse(const AwarenessState& state, const DeviceId& holder);
  void plan(Now now, const DocumentId& document, crdt::ClientId client, Seen& seen);
  void forget(const DocumentId& document, Room& room, crdt::ClientId client);
  void tell(Now now, const DocumentId& document, Room& room, const Key& key);

  std::map<DocumentId, Room> rooms_;
  std::set<std::tuple<Instant, DocumentId, crdt::ClientId>> due_;
  std::vector<Event> events_;
};

/// "#rrggbb".
bool is_color(std::string_view text);

/// The awareness state of a watcher that shows `participant`.
std::string awareness_of(const Participant& participant, bool declared);

}  // namespace coterie::node
