// Every decoder of small things: values, JSON, state vectors, relative positions, snapshots,
// awareness. The first byte says which. What is taken encodes to what is taken again as the same.

#include <cstdint>
#include <cstdlib>
#include <vector>

#include "crdt/any.hpp"
#include "crdt/awareness.hpp"
#include "crdt/doc.hpp"
#include "crdt/relative_position.hpp"
#include "crdt/snapshot.hpp"
#include "crdt/state_vector.hpp"

namespace {

using namespace coterie;        // NOLINT: a program of one file.
using namespace coterie::crdt;  // NOLINT

void require(bool condition) {
  if (!condition) std::abort();
}

/// Compared as bytes: a value that holds NaN is not equal to itself.
Bytes encoded(const Any& value) {
  Bytes bytes;
  value.encode_to(bytes);
  return bytes;
}

void value(ByteView input) {
  ByteReader reader(input);
  const auto read = Any::decode(reader);
  if (!read) return;
  const Bytes bytes = encoded(*read);
  ByteReader again(bytes);
  const auto reread = Any::decode(again);
  require(reread.has_value() && again.at_end() && encoded(*reread) == bytes);
  const std::string json = read->to_json();
  const auto parsed = Any::from_json(json);
  require(parsed.has_value() && parsed->to_json() == json);
}

void json(ByteView input) {
  const auto read = Any::from_json(as_text(input));
  if (!read) return;
  const std::string text = read->to_json();
  const auto again = Any::from_json(text);
  require(again.has_value() && again->to_json() == text);
  const auto position = RelativePosition::from_json(*read);
  if (!position) return;
  const auto reread = RelativePosition::from_json(position->to_json());
  require(reread.has_value() && *reread == *position);
}

void state_vector(ByteView input) {
  const auto read = StateVector::decode(input);
  if (!read) return;
  const auto again = StateVector::decode(read->encode());
  require(again.has_value() && *again == *read);
}

/// Documents to look positions and snapshots up in: one that collects and one that does not.
Doc with_content(bool gc) {
  Doc doc({.client_id = 1, .gc = gc});
  (void)doc.text("t").insert(0, "hello w\xc3\xb6rld \xf0\x9f\x98\x80");
  (void)doc.text("t").format(1, 3, {{"bold", Any(true)}});
  (void)doc.text("t").remove(2, 3);
  (void)doc.map("m").set("k", 1);
  (void)(*doc.map("m").set_array("a")).push("x");
  (void)doc.map("m").set("k", "again");
  (void)doc.map("m").remove("a");
  return doc;
}

void relative_position(ByteView input) {
  const auto read = RelativePosition::decode(input);
  if (!read) return;
  const auto again = RelativePosition::decode(read->encode());
  require(again.has_value() && again->encode() == read->encode());
  for (const bool gc : {true, false}) {
    const Doc doc = with_content(gc);
    for (const auto undone : {UndoneDeletions::kFollow, UndoneDeletions::kIgnore}) {
      const auto found = absolute_position(doc, *read, undone);
      if (found) (void)crdt::relative_position(found->type, found->index, found->association);
    }
  }
}

void snapshot(ByteView input, bool v2) {
  const auto read = v2 ? Snapshot::decode_v2(input) : Snapshot::decode(input);
  if (!read) return;
  const auto v1_again = Snapshot::decode(read->encode());
  require(v1_again.has_value() && *v1_again == *read);
  const auto v2_again = Snapshot::decode_v2(read->encode_v2());
  require(v2_again.has_value() && *v2_again == *read);
  for (const bool gc : {true, false}) {
    Doc doc = with_content(gc);
    (void)to_delta(doc.text("t"), *read, take_snapshot(doc));
    (void)to_delta(doc.text("t"), take_snapshot(doc), *read);
    (void)text_at(doc.text("t"), *read);
    (void)entries_at(doc.map("m"), *read);
    const auto update = snapshot_as_update(doc, *read);
    if (update) require(validate_update(*update).has_value());
    require(snapshot_contains_update(*read, doc.encode_state_as_update()).has_value());
  }
}

void awareness(ByteView input) {
  const auto entries = decode_awareness_update(input);
  if (!entries) return;
  const auto again = decode_awareness_update(encode_awareness_update(*entries));
  require(again.has_value() && *again == *entries);
  Awareness aware(7, Instant());
  const auto heard = aware.apply_update(Instant(), input);
  if (!heard) return;
  require(decode_awareness_update(aware.encode_update()).has_value());
  const auto twice = aware.apply_update(Instant(), input);
  require(twice.has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView input(data + 1, size - 1);
  switch (data[0] % 7) {
    case 0:
      value(input);
      break;
    case 1:
      json(input);
      break;
    case 2:
      state_vector(input);
      break;
    case 3:
      relative_position(input);
      break;
    case 4:
      snapshot(input, false);
      break;
    case 5:
      snapshot(input, true);
      break;
    default:
      awareness(input);
      break;
  }
  return 0;
}
