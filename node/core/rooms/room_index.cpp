#include "node/core/rooms/room_index.hpp"

#include <algorithm>
#include <array>

#include "node/core/codec.hpp"
#include "node/core/records.hpp"

namespace coterie::node {
namespace {

constexpr std::size_t kWhenBytes = 8 + Hash::kBytes;

Bytes start(char row, ByteView id) {
  Bytes key{static_cast<std::uint8_t>(row)};
  append(key, id);
  return key;
}

Bytes encode_ref(const EntryRef& ref) {
  Bytes row = position_key(ref.log, ref.seq);
  append(row, ref.previous.view());
  return row;
}

}  // namespace

namespace room_rows {

void append_when(Bytes& key, const RoomMoment& moment) {
  append_u64(key, ~moment.time);
  for (const std::uint8_t byte : moment.hash.bytes) {
    key.push_back(static_cast<std::uint8_t>(~byte));
  }
}

std::optional<RoomMoment> read_when(ByteView key) {
  if (key.size() < kWhenBytes) return std::nullopt;
  ByteReader in(key.subspan(key.size() - kWhenBytes));
  const auto time = read_u64(in);
  const auto hash = read_id<Hash>(in);
  if (!time || !hash) return std::nullopt;
  RoomMoment moment{~*time, *hash};
  for (std::uint8_t& byte : moment.hash.bytes) byte = static_cast<std::uint8_t>(~byte);
  return moment;
}

Bytes lane_key(const RoomLane& lane) {
  Bytes key = start('s', lane.document.view());
  key.push_back(static_cast<std::uint8_t>(lane.kind));
  if (lane.kind == RoomLane::Kind::kThread) append(key, lane.thread.view());
  return key;
}

Bytes id_key(const Hash& message) { return start('i', message.view()); }
Bytes amendments_key(const Hash& message) { return start('a', message.view()); }
Bytes mentions_key(const DeviceId& device) { return start('m', device.view()); }
Bytes properties_key(const DocumentId& document) { return start('p', document.view()); }

Bytes property_tag(std::string_view name) {
  // Those that say where it is come first.
  static constexpr std::array kKnown = {property::kPath,  property::kTrashed, property::kArchived,
                                        property::kTitle, property::kKind,    property::kLanguage};
  const auto known = std::find(kKnown.begin(), kKnown.end(), name);
  Bytes tag{static_cast<std::uint8_t>(known - kKnown.begin())};
  tag.resize(kPropertyTagBytes);
  if (known != kKnown.end()) return tag;
  const Hash hash = crypto::hash({as_bytes("coterie property v1"), as_bytes(name)});
  std::copy_n(hash.bytes.begin(), tag.size() - 1, tag.begin() + 1);
  return tag;
}

std::optional<EntryRef> decode_ref(ByteView row) {
  if (row.size() < Hash::kBytes) return std::nullopt;
  auto ref = read_position(row.first(row.size() - Hash::kBytes));
  const auto previous = Hash::from(row.last(Hash::kBytes));
  if (!ref || !previous) return std::nullopt;
  ref->previous = *previous;
  return *ref;
}

}  // namespace room_rows

std::vector<std::pair<Bytes, Bytes>> room_rows_of(const EntryRef& ref, const Hash& hash,
                                                  std::uint64_t time, ByteView record) {
  using namespace room_rows;
  std::vector<std::pair<Bytes, Bytes>> rows;
  ByteReader in(record);
  const auto kind = read_number(in);
  if (!kind) return rows;
  const RoomMoment moment{time, hash};
  const auto put = [&](Bytes key) {
    append_when(key, moment);
    rows.emplace_back(key, encode_ref(ref));
    return key;
  };
  if (*kind == static_cast<std::uint64_t>(RecordKind::kMessage)) {
    const auto message = read_message(in);
    if (!message) return rows;
    RoomLane lane{message->document, RoomLane::Kind::kChat, {}};
    if (message->anchor) lane.kind = RoomLane::Kind::kComments;
    if (message->thread) {
      lane.kind = RoomLane::Kind::kThread;
      lane.thread = *message->thread;
    }
    rows.emplace_back(id_key(hash), put(lane_key(lane)));
    for (const DeviceId& device : message->mentions) put(mentions_key(device));
  } else if (*kind == static_cast<std::uint64_t>(RecordKind::kProperties)) {
    const auto properties = read_properties(in);
    if (!properties) return rows;
    for (const auto& [name, value] : properties->values) {
      Bytes key = properties_key(properties->document);
      append(key, ref.log.device.view());
      append(key, property_tag(name));
      put(std::move(key));
    }
  } else if (*kind == static_cast<std::uint64_t>(RecordKind::kAmend)) {
    const auto amendment = read_amendment(in);
    if (!amendment) return rows;
    Bytes key = amendments_key(amendment->target);
    append(key, ref.log.device.view());
    put(std::move(key));
  }
  return rows;
}

}  // namespace coterie::node
