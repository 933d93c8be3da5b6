// Decoders of node/core that meet bytes of strangers: entries, records, operations, invites,
// joining, checkpoint transfer. What decodes must encode to the same bytes: what is signed has one
// spelling.

#include <cstdint>

#include "node/core/invite.hpp"
#include "node/core/join.hpp"
#include "node/core/log/entry.hpp"
#include "node/core/preview.hpp"
#include "node/core/records.hpp"
#include "node/core/transfer_messages.hpp"

namespace coterie::node {
namespace {

void check_entry(ByteView input) {
  const EntryPosition position{{}, {}, 1, {}};
  const auto entry = decode_stored(position, input);
  if (!entry) return;
  COTERIE_ASSERT(equal(encode_stored(*entry), input));
  (void)entry_hash(*entry);
  const std::vector<Bytes> run{Bytes(input.begin(), input.end())};
  COTERIE_ASSERT(!verify_run({}, {}, {}, run));  // Nobody signs for the zero key.
}

void check_record(ByteView input) {
  const auto record = decode_record({}, input);
  if (!record || std::holds_alternative<UnknownRecord>(*record)) return;
  COTERIE_ASSERT(equal(encode_record(*record), input));
}

void check_operation(ByteView input) {
  const auto operation = decode_operation(input);
  if (!operation || std::holds_alternative<UnknownOperation>(*operation)) return;
  COTERIE_ASSERT(equal(encode_operation(*operation), input));
}

void check_join(ByteView input) {
  const auto message = decode_join_message(input);
  if (message) (void)encode_join_message(*message);
}

void check_transfer(ByteView input) {
  const auto message = decode_transfer_message(input);
  if (!message) return;
  COTERIE_ASSERT(is_transfer_message(input));
  COTERIE_ASSERT(equal(encode_transfer_message(*message), input));
}

void check_cards(ByteView input) {
  const auto message = decode_card_message(input);
  if (!message) return;
  COTERIE_ASSERT(is_card_message(input));
  COTERIE_ASSERT(equal(encode_card_message(*message), input));
}

void check_previews(ByteView input) {
  const auto message = decode_preview_message(input);
  if (!message) return;
  COTERIE_ASSERT(is_preview_message(input));
  COTERIE_ASSERT(equal(encode_preview_message(*message), input));
  if (const auto* part = std::get_if<PreviewPart>(&*message)) (void)PreviewTaker().take(*part);
}

}  // namespace
}  // namespace coterie::node

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace coterie;
  static const bool ready = crypto::initialise().has_value();
  COTERIE_ASSERT(ready);
  if (size == 0) return 0;
  const ByteView input(data + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      node::check_entry(input);
      break;
    case 1:
      node::check_record(input);
      break;
    case 2:
      node::check_operation(input);
      break;
    case 3:
      node::check_join(input);
      node::check_transfer(input);
      node::check_cards(input);
      node::check_previews(input);
      break;
    default:
      (void)node::parse_invite(as_text(input));
      break;
  }
  return 0;
}
