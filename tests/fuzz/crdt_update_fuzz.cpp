// Updates from strangers: any bytes, as one update or as several (each prefixed by its length),
// applied to an empty document and to one with content. Refused updates change nothing; accepted
// ones leave a document that encodes, loads elsewhere to the same, and takes them again in silence.

#include <cstdint>
#include <cstdlib>
#include <vector>

#include "crdt/doc.hpp"
#include "crdt/update.hpp"

namespace {

using namespace coterie;        // NOLINT: a program of one file.
using namespace coterie::crdt;  // NOLINT

void require(bool condition) {
  if (!condition) std::abort();
}

Doc with_content() {
  Doc doc({.client_id = 1});
  (void)doc.text("t").insert(0, "hello w\xc3\xb6rld \xf0\x9f\x98\x80");
  (void)doc.text("t").format(1, 3, {{"bold", Any(true)}});
  (void)doc.text("t").remove(2, 3);
  (void)doc.map("m").set("k", 1);
  (void)(*doc.map("m").set_array("a")).push("x");
  (void)doc.map("m").set("k", "again");
  return doc;
}

void use(Doc& doc) {
  for (const std::string& name : doc.root_names()) {
    const auto root = doc.root(name);
    (void)root->to_json();
    (void)root->as_text().to_delta();
    (void)root->as_array().values();
    (void)root->as_map().keys();
  }
  // Positions still hold together: edit at both ends and in the middle.
  Text text = doc.text("t");
  (void)text.insert(text.size() / 2, "mid");
  (void)text.insert(text.size(), "end");
  (void)text.remove(0, text.size() < 2 ? text.size() : 2);
  (void)doc.array("t").insert(0, Any::Array{Any(1)});
  (void)doc.map("m").set("k", 2);
}

void check(Doc doc, const std::vector<ByteView>& updates) {
  for (const ByteView update : updates) {
    const Bytes before = doc.encode_state_as_update();
    const auto applied = doc.apply_update(update);
    if (!applied) {
      require(doc.encode_state_as_update() == before);
      continue;
    }
    require(validate_update(update).has_value());
    require(applied->changed == !applied->update.empty());
    require(applied->pending == doc.has_pending());
    if (applied->changed) require(validate_update(applied->update).has_value());
    const auto again = doc.apply_update(update);
    require(again.has_value() && (!again->changed || applied->pending));
  }
  const Bytes state = doc.encode_state_as_update();
  require(validate_update(state).has_value());
  Doc copy({.client_id = 2});
  const auto loaded = copy.apply_update(state);
  require(loaded.has_value());
  require(copy.state_vector() == doc.state_vector() || doc.has_pending());
  use(doc);
  require(validate_update(doc.encode_state_as_update()).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  check(Doc({.client_id = 9}), {input});
  check(with_content(), {input});

  std::vector<ByteView> updates;
  for (ByteReader in(input); !in.at_end();) {
    const auto next = in.read_varbytes();
    if (!next) break;
    updates.push_back(*next);
  }
  if (updates.size() > 1 && updates.size() < 20) {
    check(with_content(), updates);
    const auto merged = merge_updates(std::span<const ByteView>(updates));
    if (merged) {
      require(validate_update(*merged).has_value());
      StateVector since;
      since.advance(1, 5);
      require(diff_update(*merged, since).has_value());
      require(state_vector_from_update(*merged).has_value());
    }
  }
  return 0;
}
