// Two people write one note while offline, and meet: the CRDT engine alone, no node, no network.

#include <cstdio>
#include <cstdlib>
#include <string>

#include "crdt/doc.hpp"

using coterie::Bytes;
using coterie::crdt::Any;
using coterie::crdt::Array;
using coterie::crdt::Doc;
using coterie::crdt::Text;

namespace {

void must(const coterie::Status& status) {
  if (status) return;
  std::fprintf(stderr, "%s\n", to_string(status.error()).c_str());
  std::exit(1);
}

/// Sends `to` what it lacks, as two nodes would: one state vector there, one update back.
void sync(const Doc& from, Doc& to) {
  const Bytes update = from.encode_state_as_update(to.state_vector());
  const auto applied = to.apply_update(update);
  must(applied ? coterie::Status() : applied.error());
}

}  // namespace

int main() {
  Doc ann({.client_id = 1});  // Client ids must differ; draw them at random.
  Doc bob({.client_id = 2});
  Text note = ann.text("note");
  must(note.insert(0, "Buy milk."));
  sync(ann, bob);

  // Offline: both edit the same sentence.
  (void)ann.transact([&] {
    must(note.format(4, 4, {{"bold", true}}));
    must(ann.array("done").push("called Eve"));
  });
  must(bob.text("note").insert(8, " and 2 lemons"));

  // Back online, in either order.
  sync(ann, bob);
  sync(bob, ann);
  std::printf("ann: %s\nbob: %s\n", note.to_string().c_str(), bob.root_text("note").c_str());
  std::printf("done: %s\n", bob.array("done").to_json().to_json().c_str());
  return note.to_string() == bob.root_text("note") && ann.state_vector() == bob.state_vector() ? 0
                                                                                               : 1;
}
