#include "crdt/transaction.hpp"

#include <algorithm>

#include "crdt/internal/store.hpp"

namespace coterie::crdt {

using internal::ChangedType;
using internal::kNone;
using internal::Told;

bool Transaction::local() const { return transaction_->local; }
const Any& Transaction::origin() const { return transaction_->origin; }
std::uint64_t Transaction::number() const { return transaction_->number; }

StateVector Transaction::before_state() const { return store_->before_state(*transaction_); }
StateVector Transaction::after_state() const { return store_->after_state(*transaction_); }

std::vector<IdRange> Transaction::inserted() const {
  std::vector<IdRange> ranges;
  for (const internal::Growth& growth : transaction_->clients) {
    const internal::Client& client = store_->client(growth.client);
    const std::uint32_t end = growth.after == 0 ? client.state : growth.after;
    ranges.push_back({client.id, growth.before, end - growth.before});
  }
  return ranges;
}

std::vector<IdRange> Transaction::deleted() const {
  std::vector<IdRange> ranges;
  for (const auto& range : transaction_->deletes) {
    ranges.push_back({store_->client(range.client).id, range.clock, range.length});
  }
  return ranges;
}

namespace {

const ChangedType* find(const Told& told, internal::BranchIndex branch) {
  const auto found = told.lookup.find(branch);
  return found == told.lookup.end() ? nullptr : &told.types[found->second];
}

}  // namespace

bool Transaction::changed(const SharedType& type) const {
  return store_->resolve(type) != nullptr &&
         find(store_->told_of(*transaction_), internal::Store::slot_of(type)) != nullptr;
}

bool Transaction::changed_within(const SharedType& type) const {
  return store_->resolve(type) != nullptr &&
         store_->told_of(*transaction_).within.count(internal::Store::slot_of(type)) > 0;
}

std::vector<SharedType> Transaction::changed_types() const {
  std::vector<SharedType> types;
  for (const ChangedType& type : store_->told_of(*transaction_).types) {
    if (store_->is_deleted(type.branch)) continue;
    types.push_back(store_->handle(type.branch));
  }
  return types;
}

std::vector<std::string> Transaction::changed_keys(const SharedType& type) const {
  std::vector<std::string> keys;
  if (store_->resolve(type) == nullptr) return keys;
  const ChangedType* const found =
      find(store_->told_of(*transaction_), internal::Store::slot_of(type));
  if (found == nullptr) return keys;
  for (const internal::KeyIndex key : found->keys) keys.push_back(store_->key_text(key));
  return keys;
}

bool Transaction::list_changed(const SharedType& type) const {
  if (store_->resolve(type) == nullptr) return false;
  const ChangedType* const found =
      find(store_->told_of(*transaction_), internal::Store::slot_of(type));
  return found != nullptr && found->list;
}

}  // namespace coterie::crdt
