// What happens in a document besides its text, told to whoever watches it: who is there and what
// they look at, what is said, what the session's state is. As JSON: docs/API/events.md.

#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <variant>

#include "crdt/state_vector.hpp"
#include "node/core/rooms/room.hpp"

namespace coterie::node {

enum class Activeness : std::uint8_t { kActive, kIdle, kAway };
/// "active", "idle", "away".
const char* activeness_name(Activeness activeness);

/// Participant::id of the owner of a device, who has no other.
inline constexpr const char* kOwnerId = "owner";

/// A person or guest in a document now: all windows of one browser at one bridge are one.
struct Participant {
  DeviceId device;  ///< Whose bridge it is at.
  /// What its browser calls itself over reloads (`user.id`); of clients that say none, "~" and the
  /// Yjs client id.
  std::string id;
  std::string name;   ///< At most kParticipantNameBytesMax.
  std::string color;  ///< "#rrggbb"; empty if it said none.
  /// As it says, or by itself: idle kPresenceIdleAfter and away kPresenceAwayAfter after its state
  /// last changed.
  Activeness activeness = Activeness::kActive;
  bool typing = false;  ///< Cleared kTypingFor after it was last said.
  std::string file;     ///< Of several that one document holds; usually empty.
  struct Lines {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    bool operator==(const Lines&) const = default;
  };
  std::optional<Lines> viewport;
  std::string cursor;     ///< JSON, as its editor shows it to others; empty without.
  std::string following;  ///< Id of the participant it follows; empty: nobody.
  std::set<crdt::ClientId> clients;

  bool operator==(const Participant&) const = default;
};

/// What a watcher shows of itself; what is not given stays as it was.
struct PresenceUpdate {
  std::optional<Activeness> activeness;  ///< Once given, it is not decided by itself any more.
  std::optional<bool> typing;
  std::optional<std::string> file;
  std::optional<Participant::Lines> viewport;
  std::optional<std::string> cursor;  ///< JSON; empty: none.
  std::optional<std::string> following;
};

/// How somebody who has no Yjs client watches a document.
struct WatchOptions {
  std::string id;     ///< As Participant::id; empty: the owner of this device.
  std::string name;   ///< Empty: the device's.
  std::string color;  ///< "#rrggbb", or empty.
  /// Whether others see it as a participant. A page whose editor shows itself by Yjs awareness,
  /// with the same `user.id`, does not need to.
  bool shown = true;
};

struct UserJoined {
  Participant participant;
};
struct UserLeft {
  DeviceId device;
  std::string id;
};
/// Only its cursor is another one.
struct CursorMoved {
  DeviceId device;
  std::string id;
  std::string cursor;
};
struct PresenceChanged {
  Participant participant;
};
struct MessageSaid {  ///< Chat, a comment or an answer.
  RoomItem item;
};
struct MessageChanged {  ///< Edited, deleted, reacted to, resolved, decided.
  RoomItem item;
};
struct StateChanged {
  StateItem item;
};
/// Who may say what is decided otherwise than before: what was shown is to be asked for anew.
struct RoomReset {};

/// Edits that clients of this node made are on its disk, or on more devices than were told.
struct DocumentSaved {
  crdt::StateVector holds;  ///< What is on the disk, at least. (Deletes have no clocks.)
  /// That said that they hold all that this device wrote, itself included; more may.
  std::size_t devices = 1;
  std::size_t members = 1;  ///< Devices of the workspace.
};

using RoomEvent = std::variant<DocumentSaved, UserJoined, UserLeft, CursorMoved, PresenceChanged,
                               MessageSaid, MessageChanged, StateChanged, RoomReset>;

}  // namespace coterie::node
