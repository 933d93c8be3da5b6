// Records of rooms: what people say about a document, beside its text.
//
//     record  := kind:varuint document:16 body
//     message := 13 flags:varuint [thread:32] [reply:32] [anchor] [suggestion:varstring]
//                [guest:varstring] count:varuint device:32* text:rest
//                flags: 1 thread, 2 reply, 4 anchor, 8 suggestion, 16 guest
//                with an anchor it is a comment; with a thread an answer to the comment of that
//                entry hash; else it is chat, perhaps a reply to another message
//     anchor  := quote:varstring form:u8 (1 root:varstring from:varbytes to:varbytes
//                                         | 2 first:varuint last:varuint)
//                characters between two relative positions (Yjs, v1); or lines, from 1
//     amend   := 14 target:32 what:u8 guest:varstring text:rest
//                about the message of that entry hash: 1 `text` instead of its own, 2 delete it,
//                3 react with `text`, 4 take that reaction back, 5 resolve, 6 reopen, 7 accept the
//                suggestion, 8 dismiss it
//
//     state   := 16 document:16 what:u8 [guest:varstring] key:varstring value:rest
//                the session's state: 1 `key` is `value` (JSON), 2 this device counted `value` (a
//                decimal number) in all, 3 take `key` away; with 16 added, a guest of its bridge
//                says so
//     attend  := 18 document:16 what:u8 guest:varstring name:varstring
//                1 somebody came to the document at the bridge of this device, 2 left
//
// Which of them count: rooms.hpp.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "crdt/base/bytes.hpp"
#include "crdt/base/result.hpp"
#include "transport/wire/ids.hpp"

namespace coterie::node {

/// Characters of a root. The positions are encoded crdt::RelativePosition, unchecked.
struct RangeAnchor {
  std::string root;
  Bytes from;
  Bytes to;

  bool operator==(const RangeAnchor&) const = default;
};
/// Lines of the document as its author saw it.
struct LineAnchor {
  std::uint64_t first = 1;
  std::uint64_t last = 1;  ///< Not below `first`.

  bool operator==(const LineAnchor&) const = default;
};
struct Anchor {
  std::string quote;  ///< What stood there, at most kQuoteBytesMax.
  std::variant<RangeAnchor, LineAnchor> place;

  bool operator==(const Anchor&) const = default;
};

struct MessageRecord {
  DocumentId document;
  std::optional<Hash> thread;
  std::optional<Hash> reply;
  std::optional<Anchor> anchor;
  std::optional<std::string> suggestion;  ///< Only with an anchor.
  /// Who wrote it at the bridge of this device, where that is not its owner: an id that the browser
  /// keeps. Empty otherwise.
  std::string guest;
  std::vector<DeviceId> mentions;
  std::string text;

  bool operator==(const MessageRecord&) const = default;
};

enum class Amendment : std::uint8_t {
  kEdit = 1,
  kDelete = 2,
  kReact = 3,
  kUnreact = 4,
  kResolve = 5,
  kReopen = 6,
  kAccept = 7,
  kDismiss = 8,
};
struct AmendRecord {
  DocumentId document;
  Hash target;
  Amendment what = Amendment::kEdit;
  std::string guest;
  std::string text;  ///< The new text, or the emoji; empty otherwise.

  bool operator==(const AmendRecord&) const = default;
};

struct StateWord {
  enum class What : std::uint8_t { kSet = 1, kCount = 2, kRemove = 3 };
  DocumentId document;
  What what = What::kSet;
  std::string key;    ///< 1 to kStateKeyBytesMax bytes of UTF-8 without control characters.
  std::string value;  ///< JSON, at most kStateValueBytesMax; a whole number for kCount.
  /// Who says so at the bridge of this device, as MessageRecord::guest.
  std::string guest = {};

  bool operator==(const StateWord&) const = default;
};

struct AttendRecord {
  DocumentId document;
  bool came = true;
  std::string guest;  ///< As Participant::id.
  std::string name;

  bool operator==(const AttendRecord&) const = default;
};

void append_message(Bytes& out, const MessageRecord& message);
void append_amendment(Bytes& out, const AmendRecord& amendment);
/// From after the kind to the end. Errors: kMalformed, kLimitExceeded (kMessageBytesMax,
/// kMentionsMax, kQuoteBytesMax, kSuggestionBytesMax, kAnchorBytesMax, kReactionBytesMax,
/// kGuestIdBytesMax).
Result<MessageRecord> read_message(ByteReader& in);
Result<AmendRecord> read_amendment(ByteReader& in);
void append_state(Bytes& out, const StateWord& word);
void append_attendance(Bytes& out, const AttendRecord& record);
/// Errors: kMalformed, kLimitExceeded
/// (kStateKeyBytesMax, kStateValueBytesMax, kGuestIdBytesMax, kParticipantNameBytesMax).
Result<StateWord> read_state(ByteReader& in);
Result<AttendRecord> read_attendance(ByteReader& in);

/// What a word of kCount says; nothing if it is not a whole number of 64 bits as it is printed.
std::optional<std::int64_t> counted(std::string_view value);

}  // namespace coterie::node
