#include "node/core/replay.hpp"

#include <utility>

#include "crdt/update.hpp"

namespace coterie::node {

Replay::Replay(UpdateGate* gate, const DocumentId& id)
    : gate_(gate), id_(id), doc_({.client_id = 0, .gc = false}) {
  if (gate_ != nullptr) gate_->restart(id_);
}

bool Replay::take(const EntryRef& ref, ByteView update, bool carried) {
  auto told = crdt::state_deletes(update);
  if (!told) return false;
  if (gate_ != nullptr &&
      gate_->judge(id_, doc_, {ref, update, carried, true}) != UpdateGate::Verdict::kApply) {
    return false;
  }
  auto contents = crdt::without_collected(*told);
  if (!contents || !doc_.load_update(*contents)) return false;
  if (contents->size() != told->size() || *contents != *told) {
    incomplete_.push_back(*std::move(told));
  }
  return true;
}

void Replay::complete() {
  for (const Bytes& update : std::exchange(incomplete_, {})) (void)doc_.load_update(update);
}

void Replay::finish(crdt::Doc& into) {
  complete();
  (void)into.load_update(doc_.encode_state_as_update());  // We encoded it.
}

crdt::Doc& Replay::uncollected() {
  complete();
  return doc_;
}

}  // namespace coterie::node
