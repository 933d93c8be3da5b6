// Any bytes as an update v2. What is refused changes nothing. What is taken says the same in v1:
// converted there and back, merged, cut and applied, both forms give the same.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <utility>
#include <vector>

#include "crdt/decoded_update.hpp"
#include "crdt/doc.hpp"
#include "crdt/update.hpp"

namespace {

using namespace coterie;        // NOLINT: a program of one file.
using namespace coterie::crdt;  // NOLINT

/// A run may claim a million structs in a few bytes. That is tested elsewhere; here it is slow.
constexpr std::uint64_t kStructsMax = 5000;

void require(bool condition) {
  if (!condition) std::abort();
}

Doc with_content() {
  Doc doc({.client_id = 1});
  (void)doc.text("t").insert(0, "hello w\xc3\xb6rld \xf0\x9f\x98\x80");
  (void)doc.text("t").format(1, 3, {{"bold", Any(true)}});
  (void)doc.text("t").remove(2, 3);
  (void)doc.map("m").set("k", 1);
  (void)doc.array("a").push(Any("x"));
  return doc;
}

/// In v1 once converted, whatever strange but legal way it was written before.
Bytes plain_v1(ByteView v2) {
  const auto v1 = convert_update_v2_to_v1(v2);
  require(v1.has_value() && validate_update(*v1).has_value());
  return *v1;
}

/// As the tools write it: they leave out the mark for a key that is not written, documents do not.
Bytes plain(ByteView v1) {
  const auto v2 = convert_update_v1_to_v2(v1);
  require(v2.has_value());
  return plain_v1(*v2);
}

void apply_both(Doc one, Doc two, ByteView v2, ByteView v1) {
  const auto applied = one.apply_update_v2(v2);
  const auto other = two.apply_update(v1);
  require(applied.has_value() == other.has_value());
  if (!applied) return;
  require(applied->changed == other->changed && applied->pending == other->pending);
  if (applied->changed) require(plain_v1(applied->update) == plain(other->update));
  require(one.encode_state_as_update() == two.encode_state_as_update());
  const Bytes state = one.encode_state_as_update_v2();
  require(plain_v1(state) == plain(one.encode_state_as_update()));
  Doc copy({.client_id = 2});
  require(copy.apply_update_v2(state).has_value());
  require(copy.state_vector() == one.state_vector() || one.has_pending());
}

bool disjoint(std::vector<IdRange> ranges) {
  const auto place = [](const IdRange& range) { return std::pair(range.client, range.clock); };
  std::ranges::sort(ranges, {}, place);
  return std::ranges::adjacent_find(ranges, [](const IdRange& a, const IdRange& b) {
           return a.client == b.client && a.clock + a.length > b.clock;
         }) == ranges.end();
}

void check(ByteView update) {
  const auto listing = inspect_update_v2(update);
  Doc refuses({.client_id = 9});
  if (!listing) {
    require(!refuses.apply_update_v2(update).has_value());
    require(refuses.encode_state_as_update_v2() ==
            Doc({.client_id = 9}).encode_state_as_update_v2());
    require(!convert_update_v2_to_v1(update).has_value());
    return;
  }
  if (listing->struct_count > kStructsMax) return;
  const Bytes v1 = plain_v1(update);
  apply_both(Doc({.client_id = 9}), Doc({.client_id = 9}), update, v1);
  apply_both(with_content(), with_content(), update, v1);
  // What says a delete twice is read, but v2 cannot write it: the tools write it once.
  if (!disjoint(listing->deletes)) return;
  const auto again = convert_update_v1_to_v2(v1);
  require(again.has_value() && plain_v1(*again) == v1);
  const DecodedUpdate decoded = *decode_update(v1);
  const bool has_nan = decoded != decoded;
  require(has_nan || *decode_update_v2(*again) == decoded);
  require(inspect_update(v1)->structs == listing->structs);
  require(*parse_update_meta_v2(update) == *parse_update_meta(v1));
  require(*state_vector_from_update_v2(update) == *state_vector_from_update(v1));
  require(validate_update_v2(*obfuscate_update_v2(update)).has_value());

  StateVector since;
  since.advance(1, 3);
  const auto diff = diff_update_v2(update, since);
  require(diff.has_value() && plain_v1(*diff) == *diff_update(v1, since));
  const Bytes other = with_content().encode_state_as_update();
  const ByteView pair_v1[] = {v1, other};
  const Bytes other_v2 = *convert_update_v1_to_v2(other);
  const ByteView pair_v2[] = {update, other_v2};
  require(plain_v1(*merge_updates_v2(pair_v2)) == *merge_updates(pair_v1));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  check(input);
  // As v1, converted: the other way round.
  if (const auto v2 = convert_update_v1_to_v2(input)) check(*v2);
  return 0;
}
