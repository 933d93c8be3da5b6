#include "node/core/rooms/room_index.hpp"

#include <algorithm>
#include <array>

#include "node/core/codec.hpp"
#include "node/core/limits.hpp"
#include "node/core/log/hybrid_clock.hpp"
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

std::uint64_t minute_of(std::uint64_t time) { return HybridClock::millis(time) / 60'000; }

/// 'k' document part
Bytes state_start(const DocumentId& document, char part) {
  Bytes key = start('k', document.view());
  key.push_back(static_cast<std::uint8_t>(part));
  return key;
}

Bytes scoped(char row, const std::optional<DocumentId>& document) {
  if (document) {
    Bytes key = start(row, document->view());
    key.insert(key.begin() + 1, 1);
    return key;
  }
  return {static_cast<std::uint8_t>(row), 0};
}

}  // namespace

std::size_t rate_of(RateClass what) {
  switch (what) {
    case RateClass::kMessages:
      return kMessagesPerMinute;
    case RateClass::kAmendments:
      return kAmendmentsPerMinute;
    case RateClass::kState:
      return kStateWordsPerMinute;
    case RateClass::kAttendances:
      return kAttendancesPerMinute;
  }
  return 0;
}

std::optional<RateClass> rate_class(RecordKind kind) {
  switch (kind) {
    case RecordKind::kMessage:
      return RateClass::kMessages;
    case RecordKind::kAmend:
      return RateClass::kAmendments;
    case RecordKind::kState:
      return RateClass::kState;
    case RecordKind::kAttend:
      return RateClass::kAttendances;
    default:
      return std::nullopt;
  }
}

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

Bytes guests_key(const DocumentId& document) { return start('g', document.view()); }

Bytes guest_key(const DocumentId& document, const DeviceId& device, const std::string& guest) {
  Bytes key = guests_key(document);
  append(key, device.view());
  key.push_back(static_cast<std::uint8_t>(guest.size()));
  append(key, as_bytes(guest));
  return key;
}

Bytes guest_names_key(const DeviceId& device, const std::string& guest) {
  Bytes key = start('n', device.view());
  key.push_back(static_cast<std::uint8_t>(guest.size()));
  append(key, as_bytes(guest));
  return key;
}

Bytes state_keys_key(const DocumentId& document) { return state_start(document, 'n'); }
Bytes values_key(const DocumentId& document, std::string_view key) {
  Bytes row = state_start(document, 'w');
  append_varstring(row, key);
  return row;
}
Bytes counts_key(const DocumentId& document, std::string_view key) {
  Bytes row = state_start(document, 'c');
  append_varstring(row, key);
  return row;
}

Bytes rate_key(RateClass what, const LogId& log, std::uint64_t time) {
  Bytes key{'r', static_cast<std::uint8_t>(what)};
  append(key, log_key(log));
  append_u64(key, minute_of(time));
  return key;
}

Bytes activity_key(const std::optional<DocumentId>& document) { return scoped('v', document); }
Bytes edits_key(const std::optional<DocumentId>& document) { return scoped('e', document); }

std::vector<Bytes> edit_rows(const DocumentId& document, const DeviceId& device,
                             std::uint64_t time) {
  const std::uint64_t hour = ~(HybridClock::millis(time) / kEditHourMs);
  std::vector<Bytes> rows;
  for (const auto& scope : {std::optional<DocumentId>(), std::optional(document)}) {
    Bytes& key = rows.emplace_back(edits_key(scope));
    append_u64(key, hour);
    append(key, document.view());
    append(key, device.view());
  }
  return rows;
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
  if (!kind || *kind > 0xff) return rows;
  const RoomMoment moment{time, hash};
  const auto put = [&](Bytes key) {
    append_when(key, moment);
    rows.emplace_back(key, encode_ref(ref));
    return key;
  };
  std::optional<DocumentId> document;
  bool shown = true;  // As activity.
  const auto of = static_cast<RecordKind>(*kind);
  if (of == RecordKind::kMessage) {
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
    document = message->document;
  } else if (of == RecordKind::kProperties) {
    const auto properties = read_properties(in);
    if (!properties) return rows;
    for (const auto& [name, value] : properties->values) {
      Bytes key = properties_key(properties->document);
      append(key, ref.log.device.view());
      append(key, property_tag(name));
      put(std::move(key));
    }
    document = properties->document;
  } else if (of == RecordKind::kAmend) {
    const auto amendment = read_amendment(in);
    if (!amendment) return rows;
    Bytes key = amendments_key(amendment->target);
    append(key, ref.log.device.view());
    put(std::move(key));
    document = amendment->document;
  } else if (of == RecordKind::kState) {
    const auto word = read_state(in);
    if (!word) return rows;
    Bytes name = state_keys_key(word->document);
    append_varstring(name, word->key);
    rows.emplace_back(std::move(name), Bytes{});
    const bool counts = word->what == StateWord::What::kCount;
    Bytes key =
        counts ? counts_key(word->document, word->key) : values_key(word->document, word->key);
    append(key, ref.log.device.view());
    put(std::move(key));
    shown = false;
  } else if (of == RecordKind::kGuest) {
    const auto guest = read_guest(in);
    if (guest) put(guest_key(guest->document, guest->device, guest->guest));
    return rows;
  } else if (of == RecordKind::kAttend) {
    const auto attendance = read_attendance(in);
    if (!attendance) return rows;
    if (!attendance->name.empty()) put(guest_names_key(ref.log.device, attendance->guest));
    document = attendance->document;
  } else if (of == RecordKind::kDocument || of == RecordKind::kVersion) {
    document = indexed_document(record);
  } else {
    return rows;
  }
  if (shown) put(activity_key(std::nullopt));
  if (shown && document) put(activity_key(document));
  if (const auto rated = rate_class(of)) {
    Bytes key = rate_key(*rated, ref.log, time);
    append_u64(key, ref.seq);
    rows.emplace_back(std::move(key), Bytes{});
  }
  return rows;
}

}  // namespace coterie::node
