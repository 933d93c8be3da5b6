// Rooms: chat and comments of documents, as the entries that are held make them.
//
// What is shown is a function of those entries alone, whatever the order they came in:
//
//     order     by time (hybrid clock), then entry hash
//     counts    what EntryJudge says of its author's right to speak, asked when it is read: what is
//               disputed, released or refused later needs no rebuild
//     text      of the newest edit by the author, else its own; nothing once the author deleted it:
//               a tombstone stays, and no later edit brings it back
//     reaction  of each author with each emoji, the newest word
//     state     of a comment (resolved or not) and of its suggestion, the newest word of anybody
//               who may speak; who accepts a suggestion writes the edit beside it
//     rate      of the records of one kind in one log and minute (by their own clock) the first so
//               many count (limits.hpp)
//     session   of each key the newest word; or, after it, the sum of what each device counted last
//     author    a person: any of their devices; a guest of a bridge, with the id that its browser
//               keeps, is another one than the device's owner, and counts while hosts let it
//               (guests.hpp)
//
// On disk (room_index.hpp) a message or amendment is one or two rows that say where its entry is:
// put in the batch that stores the entry, never changed, and made anew from the logs as the index
// of documents is. So posting costs the same in a room of a million messages, a page costs what it
// shows, and nothing is held in memory.
//
//     kRooms  's' document:16 lane:u8 [thread:32] when -> ref     messages, the newest first
//             'i' hash:32                              -> key     of such a row
//             'a' target:32 device:32 when             -> ref     amendments, by author
//             'm' device:32 when                       -> ref     mentions of a device
//             'g' guests.hpp
//             'k' document:16 'n' key                  ->         keys of the session's state
//             'k' document:16 'w' key device:32 when   -> ref     words about one
//             'k' document:16 'c' key device:32 when   -> ref     counts
//             'r' class:u8 log:40 minute:u64 seq:u64   ->         what the rate is counted by
//             'n' device:32 size:u8 guest when         -> ref     who came, by what name
//             'v' (0 | 1 document:16) when             -> ref     activity, of all or a document
//             'e' (0 | 1 document:16) ~hour:u64 document:16 device:32 ->   who edited when
//             when := ~time:u64 ~hash:32      ref := position previous:32
//
// Single-threaded owner. Not cached: a page of 50 messages reads and decrypts 50 entries, and those
// of their amendments.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "node/core/admission.hpp"
#include "node/core/ledger.hpp"
#include "node/core/rooms/guests.hpp"
#include "node/core/rooms/room.hpp"
#include "node/core/rooms/room_index.hpp"

namespace coterie::node {

/// Comings of one guest that are looked at for its name: its newest.
inline constexpr std::size_t kGuestNamesMax = 16;
/// Words of one device about one key of a session's state that are looked at: its newest.
inline constexpr std::size_t kStateWordsMax = 16;

class Rooms {
 public:
  /// Both must outlive it.
  Rooms(const Ledger& ledger, const EntryJudge& judge)
      : ledger_(ledger), judge_(judge), guests_(ledger, judge) {}

  const Guests& guests() const { return guests_; }

  /// Up to `limit` messages that count, before `before`. Looks at kRoomRowsMax rows at most, and
  /// then gives fewer. Errors: kCorrupt, kIo.
  Result<RoomPage> page(const RoomLane& lane, std::optional<RoomMoment> before,
                        std::size_t limit) const;
  /// Messages that mention any of a person's devices, not those deleted since. As page().
  Result<RoomPage> mentions(const std::set<DeviceId>& devices, std::optional<RoomMoment> before,
                            std::size_t limit) const;
  /// Errors: kNotFound (or it does not count), kCorrupt, kIo.
  Result<RoomMessage> find(const Hash& id) const;
  /// Messages of others after `seen`, not deleted, and not from after `until` (of the hybrid clock:
  /// one clock that is years ahead says nothing of what is new); counts up to `most`. Errors: as
  /// page().
  Result<std::size_t> unread(const RoomLane& lane, const RoomMoment& seen, std::uint64_t until,
                             const Author& reader, std::size_t most) const;
  /// Errors: kCorrupt, kIo.
  Result<std::vector<StateItem>> state(const DocumentId& document) const;
  Result<std::optional<StateItem>> state(const DocumentId& document, const std::string& key) const;
  /// From the records of `document`, or of all, with the edits of each hour; membership and paths
  /// are the caller's to add. As page().
  Result<ActivityPage> activity(const std::optional<DocumentId>& document,
                                std::optional<RoomMoment> before, std::size_t limit) const;
  /// What a guest called itself when it last came to a document or left it, by the word of its
  /// bridge; empty if it did not.
  std::string guest_name(const Author& guest) const;
  /// Whether both are the same person, or the same guest.
  bool same(const Author& a, const Author& b) const;

 private:
  static bool same(const Author& a, const Author& b, const Roster& roster);
  /// An entry that is held, can be read and counts.
  struct Spoken {
    EntryRef ref;
    RoomMoment moment;
    std::vector<Hash> heads;
    Bytes record;
  };
  std::optional<Spoken> spoken(const EntryRef& ref) const;
  bool heard(const Spoken& spoken, const DocumentId& document, const std::string& guest) const;
  bool within_rate(RateClass what, const EntryRef& ref, std::uint64_t time) const;
  template <typename Each>
  Status each_device(const Bytes& prefix, Each each) const;
  Result<std::optional<RoomMessage>> as_said(const Hash& id) const;
  std::optional<ActivityItem> activity_of(const Spoken& spoken) const;
  std::optional<RoomMessage> message(const Spoken& spoken) const;
  Status amend(RoomMessage& message) const;
  template <typename Each>
  Status newest(const Bytes& prefix, std::optional<RoomMoment> before, Each each) const;

  const Ledger& ledger_;
  const EntryJudge& judge_;
  Guests guests_;
  /// Of logs and minutes looked at in one question: the first entry beyond the rate.
  mutable std::map<Bytes, Seq> beyond_;
};

}  // namespace coterie::node
