// Where the entries are that people said something by: the rows of kRooms (rooms.hpp says which).

#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "node/core/rooms/room.hpp"
#include "node/core/schema.hpp"

namespace coterie::node {

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
/// Ends a key. Newer sorts first.
void append_when(Bytes& key, const RoomMoment& moment);
std::optional<RoomMoment> read_when(ByteView key);
std::optional<EntryRef> decode_ref(ByteView row);

}  // namespace room_rows
}  // namespace coterie::node
