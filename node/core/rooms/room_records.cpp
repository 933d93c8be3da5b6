#include "node/core/rooms/room_records.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "node/core/codec.hpp"
#include "node/core/json_check.hpp"
#include "node/core/limits.hpp"

namespace coterie::node {
namespace {

constexpr std::uint64_t kThread = 1;
constexpr std::uint64_t kReply = 2;
constexpr std::uint64_t kAnchor = 4;
constexpr std::uint64_t kSuggestion = 8;
constexpr std::uint64_t kGuest = 16;
constexpr std::uint64_t kAllFlags = kThread | kReply | kAnchor | kSuggestion | kGuest;
enum class Form : std::uint8_t { kRange = 1, kLines = 2 };
/// Added to StateWord::What where a guest is named.
constexpr std::uint8_t kGuestSays = 16;

void append_anchor(Bytes& out, const Anchor& anchor) {
  append_varstring(out, anchor.quote);
  if (const auto* range = std::get_if<RangeAnchor>(&anchor.place)) {
    out.push_back(static_cast<std::uint8_t>(Form::kRange));
    append_varstring(out, range->root);
    append_varuint(out, range->from.size());
    append(out, range->from);
    append_varuint(out, range->to.size());
    append(out, range->to);
    return;
  }
  const auto& lines = std::get<LineAnchor>(anchor.place);
  out.push_back(static_cast<std::uint8_t>(Form::kLines));
  append_varuint(out, lines.first);
  append_varuint(out, lines.last);
}

Result<Bytes> read_place(ByteReader& in) {
  COTERIE_TRY(const ByteView place, read_blob(in));
  if (place.size() > kAnchorBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "position too long", place.size()};
  }
  return Bytes(place.begin(), place.end());
}

Result<Anchor> read_anchor(ByteReader& in) {
  Anchor anchor;
  COTERIE_TRY(anchor.quote, read_text(in, kQuoteBytesMax));
  COTERIE_TRY(const std::uint8_t form, in.read_u8());
  if (form == static_cast<std::uint8_t>(Form::kRange)) {
    RangeAnchor range;
    COTERIE_TRY(range.root, read_text(in, kNameBytesMax));
    COTERIE_TRY(range.from, read_place(in));
    COTERIE_TRY(range.to, read_place(in));
    anchor.place = std::move(range);
    return anchor;
  }
  if (form != static_cast<std::uint8_t>(Form::kLines)) {
    return malformed("anchor of no such form", in.offset());
  }
  LineAnchor lines;
  COTERIE_TRY(lines.first, read_number(in));
  COTERIE_TRY(lines.last, read_number(in));
  if (lines.first == 0 || lines.last < lines.first) {
    return malformed("lines that are none", in.offset());
  }
  anchor.place = lines;
  return anchor;
}

/// To the end.
Result<std::string> read_rest(ByteReader& in, std::size_t bytes_max) {
  if (in.remaining() > bytes_max) {
    return Error{ErrorCode::kLimitExceeded, "text too long", in.remaining()};
  }
  COTERIE_TRY(const ByteView bytes, in.read_bytes(in.remaining()));
  std::string text(as_text(bytes));
  if (!is_utf8(text)) return malformed("text is not UTF-8", in.offset());
  return text;
}

Status check_state_key(std::string_view key) {
  const bool plain = !key.empty() && std::none_of(key.begin(), key.end(), [](char one) {
    return static_cast<unsigned char>(one) < 0x20 || one == 0x7f;
  });
  if (!plain) return malformed("a key is 1 to 64 bytes without control characters", 0);
  return {};
}

}  // namespace

void append_message(Bytes& out, const MessageRecord& message) {
  append(out, message.document.view());
  append_varuint(out, (message.thread ? kThread : 0) | (message.reply ? kReply : 0) |
                          (message.anchor ? kAnchor : 0) | (message.suggestion ? kSuggestion : 0) |
                          (message.guest.empty() ? 0 : kGuest));
  if (message.thread) append(out, message.thread->view());
  if (message.reply) append(out, message.reply->view());
  if (message.anchor) append_anchor(out, *message.anchor);
  if (message.suggestion) append_varstring(out, *message.suggestion);
  if (!message.guest.empty()) append_varstring(out, message.guest);
  append_varuint(out, message.mentions.size());
  for (const DeviceId& device : message.mentions) append(out, device.view());
  append(out, as_bytes(message.text));
}

void append_amendment(Bytes& out, const AmendRecord& amendment) {
  append(out, amendment.document.view());
  append(out, amendment.target.view());
  out.push_back(static_cast<std::uint8_t>(amendment.what));
  append_varstring(out, amendment.guest);
  append(out, as_bytes(amendment.text));
}

Result<MessageRecord> read_message(ByteReader& in) {
  MessageRecord message;
  COTERIE_TRY(message.document, read_id<DocumentId>(in));
  COTERIE_TRY(const std::uint64_t flags, read_number(in));
  if ((flags & ~kAllFlags) != 0) return malformed("message of no such form", in.offset());
  const bool anchored = (flags & kAnchor) != 0;
  if (anchored && (flags & (kThread | kReply)) != 0) {
    return malformed("a comment is no answer", in.offset());
  }
  if (!anchored && (flags & kSuggestion) != 0) {
    return malformed("a suggestion for no place", in.offset());
  }
  if ((flags & kThread) != 0) {
    COTERIE_TRY(message.thread, read_id<Hash>(in));
  }
  if ((flags & kReply) != 0) {
    COTERIE_TRY(message.reply, read_id<Hash>(in));
  }
  if (anchored) {
    COTERIE_TRY(message.anchor, read_anchor(in));
  }
  if ((flags & kSuggestion) != 0) {
    COTERIE_TRY(message.suggestion, read_text(in, kSuggestionBytesMax));
  }
  if ((flags & kGuest) != 0) {
    COTERIE_TRY(message.guest, read_text(in, kGuestIdBytesMax));
    if (message.guest.empty()) return malformed("a guest without an id", in.offset());
  }
  COTERIE_TRY(const std::uint64_t count, read_number(in));
  if (count > kMentionsMax) return Error{ErrorCode::kLimitExceeded, "too many mentions", count};
  for (std::uint64_t i = 0; i < count; ++i) {
    COTERIE_TRY(const DeviceId device, read_id<DeviceId>(in));
    message.mentions.push_back(device);
  }
  COTERIE_TRY(message.text, read_rest(in, kMessageBytesMax));
  if (message.text.empty() && !message.suggestion) return malformed("empty message", in.offset());
  return message;
}

Result<AmendRecord> read_amendment(ByteReader& in) {
  AmendRecord amendment;
  COTERIE_TRY(amendment.document, read_id<DocumentId>(in));
  COTERIE_TRY(amendment.target, read_id<Hash>(in));
  COTERIE_TRY(const std::uint8_t what, in.read_u8());
  if (what < static_cast<std::uint8_t>(Amendment::kEdit) ||
      what > static_cast<std::uint8_t>(Amendment::kDismiss)) {
    return malformed("amendment of no such kind", in.offset());
  }
  amendment.what = static_cast<Amendment>(what);
  COTERIE_TRY(amendment.guest, read_text(in, kGuestIdBytesMax));
  const bool reacts = amendment.what == Amendment::kReact || amendment.what == Amendment::kUnreact;
  const bool edits = amendment.what == Amendment::kEdit;
  const std::size_t most = edits ? kMessageBytesMax : (reacts ? kReactionBytesMax : 0);
  COTERIE_TRY(amendment.text, read_rest(in, most));
  if ((edits || reacts) && amendment.text.empty()) return malformed("empty text", in.offset());
  return amendment;
}

void append_state(Bytes& out, const StateWord& word) {
  append(out, word.document.view());
  const auto what = static_cast<std::uint8_t>(word.what);
  out.push_back(word.guest.empty() ? what : what | kGuestSays);
  if (!word.guest.empty()) append_varstring(out, word.guest);
  append_varstring(out, word.key);
  append(out, as_bytes(word.value));
}

void append_attendance(Bytes& out, const AttendRecord& record) {
  append(out, record.document.view());
  out.push_back(record.came ? 1 : 2);
  append_varstring(out, record.guest);
  append_varstring(out, record.name);
}

Result<StateWord> read_state(ByteReader& in) {
  StateWord word;
  COTERIE_TRY(word.document, read_id<DocumentId>(in));
  COTERIE_TRY(const std::uint8_t what, in.read_u8());
  const std::uint8_t kind = what & ~kGuestSays;
  if (kind < 1 || kind > 3) return malformed("word of no such kind", in.offset());
  word.what = static_cast<StateWord::What>(kind);
  if (kind != what) {
    COTERIE_TRY(word.guest, read_text(in, kGuestIdBytesMax));
    if (word.guest.empty()) return malformed("a guest without an id", in.offset());
  }
  COTERIE_TRY(word.key, read_text(in, kStateKeyBytesMax));
  COTERIE_CHECK(check_state_key(word.key));
  COTERIE_TRY(word.value, read_rest(in, kStateValueBytesMax));
  const bool fits = word.what == StateWord::What::kRemove  ? word.value.empty()
                    : word.what == StateWord::What::kCount ? counted(word.value).has_value()
                                                           : is_json(word.value);
  if (!fits) return malformed("a value that is none", in.offset());
  return word;
}

Result<AttendRecord> read_attendance(ByteReader& in) {
  AttendRecord record;
  COTERIE_TRY(record.document, read_id<DocumentId>(in));
  COTERIE_TRY(const std::uint8_t what, in.read_u8());
  if (what != 1 && what != 2) return malformed("attendance of no such kind", in.offset());
  record.came = what == 1;
  COTERIE_TRY(record.guest, read_text(in, kGuestIdBytesMax));
  COTERIE_TRY(record.name, read_text(in, kParticipantNameBytesMax));
  if (!in.at_end()) return malformed("bytes after the end", in.offset());
  return record;
}

std::optional<std::int64_t> counted(std::string_view value) {
  std::int64_t number = 0;
  const char* end = value.data() + value.size();
  const auto [at, error] = std::from_chars(value.data(), end, number);
  // As it would be written: one number, one text.
  if (error != std::errc() || at != end || std::to_string(number) != value) return std::nullopt;
  return number;
}

}  // namespace coterie::node
