#include "node/core/replay.hpp"

#include <utility>

#include "crdt/update.hpp"

namespace coterie::node {

Replay::Replay(UpdateGate* gate, const DocumentId& id)
    : gate_(gate), id_(id), doc_({.client_id = 0, .gc = false}) {
  if (gate_ != nullptr) gate_->restart(id_);
}

std::optional<ByteView> Replay::take(const EntryRef& ref, ByteView update, bool carried) {
  UpdateGate::Judgement judged;
  if (gate_ != nullptr) judged = gate_->judge(id_, doc_, {ref, update, carried, true});
  if (judged.verdict != UpdateGate::Verdict::kApply) return std::nullopt;
  auto told = crdt::state_deletes(judged.rest ? ByteView(*judged.rest) : update);
  auto contents = told ? crdt::without_collected(*told) : Result<Bytes>(told.error());
  if (!contents || !doc_.load_update(*contents)) return std::nullopt;
  if (*contents != *told) incomplete_.push_back(*told);
  taken_ = *std::move(told);
  return taken_;
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
