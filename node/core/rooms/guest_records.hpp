// Records of hosts about guests: people at a browser that is attached to a member's bridge and has
// no device of its own.
//
//     guest := 17 document:16 word:u8 [device:32 guest:varstring]
//              word: what the guest of that id at the bridge of `device` may do there at most:
//              2 edit, 3 comment, 4 look on, 6 nothing, it is out; or, without the two, of all
//              guests: 7 the session ended, for all of them, 8 it is open again
//
// Which of them count, and what follows: guests.hpp.

#pragma once

#include <string>

#include "crdt/base/bytes.hpp"
#include "crdt/base/result.hpp"
#include "transport/wire/ids.hpp"

namespace coterie::node {

/// Persistent format: never renumber. The first three are those of Role.
enum class GuestWord : std::uint8_t {
  kEditor = 2,
  kCommenter = 3,
  kViewer = 4,
  kOut = 6,
  kEnded = 7,
  kOpen = 8,
};
/// Whether it is about the whole session, not one guest.
constexpr bool is_of_session(GuestWord word) {
  return word == GuestWord::kEnded || word == GuestWord::kOpen;
}
/// "editor", "commenter", "viewer", "out", "ended", "open".
const char* guest_word_name(GuestWord word);

struct GuestRecord {
  DocumentId document;
  GuestWord word = GuestWord::kEditor;
  DeviceId device;    ///< Of the bridge; zero where it is about the session.
  std::string guest;  ///< At most kGuestIdBytesMax; empty where it is about the session.

  bool operator==(const GuestRecord&) const = default;
};

void append_guest(Bytes& out, const GuestRecord& guest);
/// From after the kind to the end. Errors: kMalformed, kLimitExceeded (kGuestIdBytesMax).
Result<GuestRecord> read_guest(ByteReader& in);

}  // namespace coterie::node
