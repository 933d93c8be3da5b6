// Where the entries are that people said something by: the rows of kRooms (rooms.hpp says which).

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "node/core/records.hpp"
#include "node/core/rooms/room.hpp"
#include "node/core/schema.hpp"

namespace coterie::node {

/// What a rate limit holds together: records of one log and minute.
enum class RateClass : std::uint8_t { kMessages = 1, kAmendments, kState, kAttendances };
/// So many of them count.
std::size_t rate_of(RateClass what);
/// Of a record of a room; nothing for others.
std::optional<RateClass> rate_class(RecordKind kind);

/// Edits of one device in one hour are one row.
inline constexpr std::uint64_t kEditHourMs = 3'600'000;

/// The rows of what `record`, of the entry at `ref`, says; none if it is of no room.
std::vector<std::pair<Bytes, Bytes>> room_rows_of(const EntryRef& ref, const Hash& hash,
                                                  std::uint64_t time, ByteView record);

namespace room_rows {

Bytes lane_key(const RoomLane& lane);
Bytes id_key(const Hash& message);
Bytes amendments_key(const Hash& message);
Bytes mentions_key(const DeviceId& device);
Bytes properties_key(const DocumentId& document);
/// What a row names a property by; then comes when it was said. The known ones sort first, and of
/// the others the name is hashed.
inline constexpr std::size_t kPropertyTagBytes = 17;
Bytes property_tag(std::string_view name);
/// Of what hosts said of guests of a document; of one guest; of the session (zero and empty).
Bytes guests_key(const DocumentId& document);
Bytes guest_key(const DocumentId& document, const DeviceId& device, const std::string& guest);
/// Of the comings and goings of a guest, in any document.
Bytes guest_names_key(const DeviceId& device, const std::string& guest);
Bytes state_keys_key(const DocumentId& document);
/// Of values, or of counts, by device.
Bytes values_key(const DocumentId& document, std::string_view key);
Bytes counts_key(const DocumentId& document, std::string_view key);
Bytes rate_key(RateClass what, const LogId& log, std::uint64_t time);
/// Of a document, or of all.
Bytes activity_key(const std::optional<DocumentId>& document);
Bytes edits_key(const std::optional<DocumentId>& document);
/// The rows that say that `device` edited in the hour of `time`.
std::vector<Bytes> edit_rows(const DocumentId& document, const DeviceId& device,
                             std::uint64_t time);
/// Ends a key. Newer sorts first.
void append_when(Bytes& key, const RoomMoment& moment);
std::optional<RoomMoment> read_when(ByteView key);
std::optional<EntryRef> decode_ref(ByteView row);

}  // namespace room_rows
}  // namespace coterie::node
