// Two people write one note, offline and then connected: the CRDT engine alone, no node, no
// network.

#include <cstdio>
#include <cstdlib>
#include <string>

#include "crdt/doc.hpp"
#include "crdt/undo_manager.hpp"

using coterie::Bytes;
using coterie::ByteView;
using coterie::crdt::Doc;
using coterie::crdt::Subscription;
using coterie::crdt::Text;
using coterie::crdt::Transaction;
using coterie::crdt::UndoManager;

namespace {

void must(const coterie::Status& status) {
  if (status) return;
  std::fprintf(stderr, "%s\n", to_string(status.error()).c_str());
  std::exit(1);
}

/// What came from elsewhere has an origin, so that UndoManager tells it from what was done here.
void receive(Doc& doc, ByteView update) {
  const auto applied = doc.apply_update(update, "remote");
  must(applied ? coterie::Status() : applied.error());
}

/// Sends `to` what it lacks, as two nodes would: one state vector there, one update back.
void sync(const Doc& from, Doc& to) { receive(to, from.encode_state_as_update(to.state_vector())); }

/// From now on sends each local change as it happens, for as long as the subscription lives.
Subscription connect(Doc& from, Doc& to) {
  return from.on_update([&to](ByteView update, const Transaction& transaction) {
    if (transaction.local()) receive(to, update);
  });
}

}  // namespace

int main() {
  Doc ann({.client_id = 1});  // Client ids must differ; draw them at random.
  Doc bob({.client_id = 2});
  Text note = ann.text("note");
  Text same = bob.text("note");
  must(note.insert(0, "Buy milk."));
  sync(ann, bob);

  // Offline: both edit the same sentence.
  (void)ann.transact([&] {
    must(note.format(4, 4, {{"bold", true}}));
    must(ann.array("done").push("called Eve"));
  });
  must(same.insert(8, " and 2 lemons"));

  // Back online, in either order; then connected.
  sync(ann, bob);
  sync(bob, ann);
  const Subscription to_bob = connect(ann, bob);
  const Subscription to_ann = connect(bob, ann);

  // Ann writes, Bob writes into it, Ann takes hers back: Bob's words stay.
  UndoManager undo(ann, {note});
  must(note.insert(note.size(), " Call mother."));
  must(same.insert(same.size() - 1, " at six"));
  std::printf("both: %s\n", note.to_string().c_str());
  undo.undo();

  std::printf("ann:  %s\nbob:  %s\n", note.to_string().c_str(), same.to_string().c_str());
  std::printf("done: %s\n", bob.array("done").to_json().to_json().c_str());
  const bool equal =
      note.to_string() == same.to_string() && ann.state_vector() == bob.state_vector();
  return equal ? 0 : 1;
}
