#include "node/core/replay.hpp"

#include <algorithm>
#include <utility>

#include "crdt/update.hpp"

namespace coterie::node {

Replay::Replay(UpdateGate* gate, const DocumentId& id, const std::optional<Bytes>& base)
    : gate_(gate), id_(id), doc_({.client_id = 0, .gc = false}) {
  if (gate_ != nullptr) gate_->restart(id_, base.has_value());
  if (base) begin(*base);
}

Replay::Replay(const UpdateGate* gate, const std::optional<Bytes>& base)
    : asked_(gate), doc_({.client_id = 0, .gc = false}) {
  if (base) begin(*base);
}

void Replay::begin(ByteView base) {
  const auto contents = crdt::without_collected(base);
  if (!contents || !doc_.load_update(*contents)) return;  // We encoded it.
  if (!equal(*contents, base)) incomplete_.emplace_back(0, Bytes(base.begin(), base.end()));
}

UpdateGate::Judgement Replay::judge(const UpdateGate::Candidate& candidate) {
  if (asked_ != nullptr) return asked_->look(doc_, candidate);
  return gate_ != nullptr ? gate_->judge(id_, doc_, candidate) : UpdateGate::Judgement{};
}

std::optional<ByteView> Replay::take(const EntryRef& ref, ByteView update, bool carried,
                                     std::uint64_t time) {
  const UpdateGate::Judgement judged = judge({ref, update, carried, true});
  if (judged.verdict != UpdateGate::Verdict::kApply) return std::nullopt;
  auto told = crdt::state_deletes(judged.rest ? ByteView(*judged.rest) : update);
  auto contents = told ? crdt::without_collected(*told) : Result<Bytes>(told.error());
  if (!contents || !doc_.load_update(*contents)) return std::nullopt;
  if (*contents != *told) incomplete_.emplace_back(time, *told);
  taken_ = *std::move(told);
  return taken_;
}

void Replay::complete() {
  std::stable_sort(incomplete_.begin(), incomplete_.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [time, update] : std::exchange(incomplete_, {})) {
    (void)doc_.load_update(update);
  }
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
