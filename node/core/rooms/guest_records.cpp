#include "node/core/rooms/guest_records.hpp"

#include <string_view>

#include "node/core/codec.hpp"
#include "node/core/limits.hpp"

namespace coterie::node {

const char* guest_word_name(GuestWord word) {
  switch (word) {
    case GuestWord::kEditor:
      return "editor";
    case GuestWord::kCommenter:
      return "commenter";
    case GuestWord::kViewer:
      return "viewer";
    case GuestWord::kOut:
      return "out";
    case GuestWord::kEnded:
      return "ended";
    case GuestWord::kOpen:
      return "open";
  }
  return "unknown";
}

void append_guest(Bytes& out, const GuestRecord& guest) {
  append(out, guest.document.view());
  out.push_back(static_cast<std::uint8_t>(guest.word));
  if (is_of_session(guest.word)) return;
  append(out, guest.device.view());
  append_varstring(out, guest.guest);
}

Result<GuestRecord> read_guest(ByteReader& in) {
  GuestRecord guest;
  COTERIE_TRY(guest.document, read_id<DocumentId>(in));
  const std::size_t offset = in.offset();
  COTERIE_TRY(const std::uint8_t word, in.read_u8());
  guest.word = static_cast<GuestWord>(word);
  if (std::string_view(guest_word_name(guest.word)) == "unknown") {
    return malformed("no such word about guests", offset);
  }
  if (!is_of_session(guest.word)) {
    COTERIE_TRY(guest.device, read_id<DeviceId>(in));
    COTERIE_TRY(guest.guest, read_text(in, kGuestIdBytesMax));
    if (guest.guest.empty()) return malformed("a guest without an id", offset);
  }
  COTERIE_CHECK(expect_end(in));
  return guest;
}

}  // namespace coterie::node
