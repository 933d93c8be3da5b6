#include "crdt/internal/observers.hpp"

#include <algorithm>

#include "crdt/internal/comparer.hpp"
#include "crdt/internal/store.hpp"

namespace coterie::crdt {

void Subscription::cancel() {
  if (observation_ == nullptr) return;
  const auto observation = std::move(observation_);
  observation_.reset();
  if (observation->owner != nullptr) observation->owner->ended(*observation);
}

bool Subscription::active() const {
  return observation_ != nullptr && observation_->owner != nullptr;
}

namespace internal {

// --- Who observes -------------------------------------------------------------------------------

Observers::~Observers() { end_all(); }

void Observers::count(std::uint8_t watch, int change) {
  for (unsigned bit = 0; bit < 8; ++bit) {
    const auto mask = static_cast<std::uint8_t>(1u << bit);
    if ((watch & mask) == 0) continue;
    counts_[bit] += change;
    watch_ = static_cast<std::uint8_t>(counts_[bit] > 0 ? watch_ | mask : watch_ & ~mask);
  }
}

template <typename Each>
void Observers::for_each_list(Each each) {
  each(before_all);
  each(before);
  each(before_calls);
  each(after);
  each(after_cleanup);
  each(after_all);
  each(update);
  each(update_v2);
  each(subdocs);
  each(destroy);
  for (auto& [branch, observers] : types_) {
    each(observers.own);
    each(observers.deep);
  }
}

void Observers::end(Observation& observation) {
  if (observation.owner == nullptr) return;
  observation.owner = nullptr;
  count(observation.watch, -1);
  if (observation.running == 0) observation.forget();
  ++ended_;
}

void Observers::ended(Observation& observation) {
  end(observation);
  if (calls_ == 0) drop_ended();
}

void Observers::leave() {
  if (--calls_ == 0) drop_ended();
}

void Observers::drop_ended() {
  // Lists are walked once for many that ended.
  if (ended_ < kEndedMax) return;
  ended_ = 0;
  for_each_list([](auto& list) { list.drop_ended(); });
  std::erase_if(types_, [](const auto& entry) {
    return entry.second.own.empty() && entry.second.deep.empty();
  });
}

void Observers::end_all() {
  enter();  // A function that is freed may hold subscriptions, which end with it.
  for_each_list([&](auto& list) { list.for_each([&](auto& observer) { end(observer); }); });
  leave();
}

void Observers::end_type(BranchIndex branch) {
  const auto found = types_.find(branch);
  if (found == types_.end()) return;
  // Out of the table first: as in end_all(), more may end meanwhile.
  const TypeObservers ending = std::move(found->second);
  types_.erase(found);
  ending.own.for_each([&](auto& observer) { end(observer); });
  ending.deep.for_each([&](auto& observer) { end(observer); });
}

// --- Telling them -------------------------------------------------------------------------------

Store::~Store() { orphan_subdocs(); }

Observers& Store::observers() {
  if (observers_ == nullptr) observers_ = std::make_unique<Observers>(watch_);
  return *observers_;
}

namespace {

/// While it lives, lists of observers are walked.
class Calls {
 public:
  explicit Calls(Observers& observers) : observers_(observers) { observers_.enter(); }
  ~Calls() { observers_.leave(); }
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;

 private:
  Observers& observers_;
};

}  // namespace

void Store::tell_begin() {
  quiet_ = true;
  const Calls calls(*observers_);
  if (!cleaning_) observers_->before_all.call<false>();
  observers_->before.call<false>(TransactionView(*this, transaction_));
  quiet_ = false;
  begin_tracking();
}

void Store::tell_changes(Transaction& transaction) {
  const TransactionView view(*this, transaction);
  const Calls calls(*observers_);
  observers_->before_calls.call<false>(view);
  const std::vector<BranchIndex> told = tell_types(transaction);
  if (observers_->observes_types()) tell_deep(transaction, told);
  observers_->after.call<false>(view);
}

/// Calls the observers of each changed type. Returns the types that were not deleted by then.
std::vector<BranchIndex> Store::tell_types(Transaction& transaction) {
  const TransactionView view(*this, transaction);
  const Told& told = told_of(transaction);
  std::vector<BranchIndex> called;
  transaction.clean_formatting = false;
  for (const ChangedType& type : told.types) {
    if (is_deleted(type.branch)) continue;
    called.push_back(type.branch);
    if (TypeObservers* const observers = observers_->find_type(type.branch)) {
      const SharedType target = handle(type.branch);
      observers->own.call<true>(Event(view, target, target), view);
    }
    const Branch& branch = branches[type.branch];
    if (!transaction.local && branch.is_text() && branch.has_formatting) {
      transaction.clean_formatting = true;
    }
  }
  return called;
}

/// Calls deep observers: for each type that has them, in the order in which the first change below
/// it was told, with all changes below it, those nearest to it first.
void Store::tell_deep(Transaction& transaction, const std::vector<BranchIndex>& changed) {
  // The nearest type that is observed deeply, from each type up, and how deep each type is.
  struct Above {
    BranchIndex observed = kNone;
    std::uint32_t depth = 0;
  };
  std::unordered_map<BranchIndex, Above> known;
  const auto parent_of = [&](BranchIndex branch) {
    return branches[branch].item == kNone ? kNone : items[branches[branch].item].parent;
  };
  std::vector<BranchIndex> open;
  const auto above = [&](BranchIndex branch) {
    BranchIndex at = branch;
    for (; at != kNone && known.count(at) == 0; at = parent_of(at)) open.push_back(at);
    Above from = at == kNone ? Above() : known[at];
    for (; !open.empty(); open.pop_back()) {
      const TypeObservers* const observers = observers_->find_type(open.back());
      if (observers != nullptr && observers->deep.observed()) from.observed = open.back();
      ++from.depth;
      known.emplace(open.back(), from);
    }
    return known[branch];
  };
  std::vector<BranchIndex> order;
  std::unordered_map<BranchIndex, std::vector<BranchIndex>> below;
  for (const BranchIndex branch : changed) {
    for (BranchIndex at = above(branch).observed; at != kNone;) {
      auto& targets = below[at];
      if (targets.empty()) order.push_back(at);
      targets.push_back(branch);
      const BranchIndex parent = parent_of(at);
      at = parent == kNone ? kNone : above(parent).observed;
    }
  }
  const TransactionView view(*this, transaction);
  for (const BranchIndex branch : order) {
    std::vector<BranchIndex>& targets = below[branch];
    std::erase_if(targets, [&](BranchIndex target) { return is_deleted(target); });
    TypeObservers* const observers = observers_->find_type(branch);
    if (observers == nullptr || targets.empty() || is_deleted(branch)) continue;
    std::stable_sort(targets.begin(), targets.end(),
                     [&](BranchIndex a, BranchIndex b) { return known[a].depth < known[b].depth; });
    std::vector<Event> events;
    events.reserve(targets.size());
    for (const BranchIndex target : targets) {
      events.push_back(Event(view, handle(target), handle(branch)));
    }
    observers->deep.call<true>(std::span<const Event>(events), view);
  }
}

void Store::tell_cleaned_up(Transaction& transaction) {
  const Calls calls(*observers_);
  observers_->after_cleanup.call<false>(TransactionView(*this, transaction));
}

/// `v1`: the update if it is written already.
void Store::tell_updates(Transaction& transaction, ByteView v1) {
  TransactionView view(*this, transaction);
  const bool in_place = &transaction == &transaction_;
  if (in_place) {
    in_place_ = &view;
    cleaning_ = true;
  }
  const Calls calls(*observers_);
  if (!observers_->update.empty()) {
    if (v1.empty()) {
      encode_transaction(scratch_, transaction);
      v1 = scratch_.finish();
    }
    observers_->update.call<false>(v1, view);
  }
  if (!observers_->update_v2.empty()) {
    const bool stepped_aside = in_place && in_place_ == nullptr;
    encode_transaction(scratch_v2_, stepped_aside ? *aside_ : transaction);
    observers_->update_v2.call<false>(scratch_v2_.finish(), view);
  }
  if (in_place) {
    in_place_ = nullptr;
    cleaning_ = false;
    aside_.reset();
  }
}

/// An update observer begins another transaction, while others are still to be told of this one.
void Store::step_aside() {
  prepare(transaction_);
  aside_ = std::make_unique<Transaction>(std::move(transaction_));
  *in_place_ = TransactionView(*this, *aside_);
  in_place_ = nullptr;
}

void Store::tell_destroyed() {
  if (observers_ == nullptr) return;
  const Calls calls(*observers_);
  observers_->destroy.call<false>();
  observers_->end_all();
}

// --- What they are told -------------------------------------------------------------------------

template <typename Each>
void Store::for_each_touched(const Transaction& transaction, Each each) const {
  const auto walk = [&](ClientIndex client, std::uint32_t clock, std::uint32_t end) {
    const BlockList& blocks = clients_[client].blocks;
    for (auto at = blocks.find(clock); !blocks.is_end(at) && blocks.at(at).clock < end;
         at = blocks.next(at)) {
      const Item& item = items[blocks.item(at)];
      if (!item.is_gc()) each(item);
    }
  };
  for (const Growth& growth : transaction.clients) {
    const std::uint32_t open_end = clients_[growth.client].state;
    walk(growth.client, growth.before, growth.after == 0 ? open_end : growth.after);
  }
  for (const auto& range : transaction.deletes) {
    walk(range.client, range.clock, range.clock + range.length);
  }
}

/// The first observer of changes came while a transaction is open: what it did so far is noted.
void Store::begin_tracking() {
  if (depth_ == 0 || transaction_.tracked || (watch_ & kWatchChanges) == 0) return;
  for (const Change& change : transaction_.changes) branches[change.branch].changed = false;
  transaction_.changes.clear();
  transaction_.tracked = true;
  for_each_touched(transaction_, [&](const Item& item) { note_change(item.parent, item.key()); });
}

std::uint32_t Store::before_of(const Transaction& transaction, ClientIndex client) const {
  const Client& held = clients_[client];
  if (held.touched == transaction.number) return held.before;
  if (transactions_ == transaction.number) return held.state;
  const auto in = [&](const Transaction& one) -> const Growth* {
    for (const Growth& growth : one.clients) {
      if (growth.client == client) return &growth;
    }
    return nullptr;
  };
  const auto sorted = [&](const Transaction& one) -> const Growth* {
    const auto found = std::lower_bound(
        one.clients.begin(), one.clients.end(), client,
        [](const Growth& growth, ClientIndex wanted) { return growth.client < wanted; });
    return found == one.clients.end() || found->client != client ? nullptr : &*found;
  };
  if (const Growth* growth = sorted(transaction)) return growth->before;
  for (const auto& later : queue_) {
    if (later->number <= transaction.number) continue;
    if (const Growth* growth = in(*later)) return growth->before;
  }
  if (depth_ > 0 && transaction_.number > transaction.number) return before_state(held);
  return held.state;
}

/// The state when the transaction `number` began, or, with `its_edits`, when they were done.
StateVector Store::state_before(std::uint64_t number, bool its_edits) const {
  StateVector vector;
  std::unordered_map<ClientIndex, std::uint32_t> earlier;
  const auto take = [&](const Transaction& one) {
    if (one.number < number || (its_edits && one.number == number)) return;
    for (const Growth& growth : one.clients) {
      const auto [found, added] = earlier.emplace(growth.client, growth.before);
      if (!added) found->second = std::min(found->second, growth.before);
    }
  };
  for (const auto& queued : queue_) take(*queued);
  if (aside_ != nullptr) take(*aside_);
  if (depth_ > 0 || in_place_ != nullptr) take(transaction_);
  for (ClientIndex index = 0; index < clients_.size(); ++index) {
    const auto found = earlier.find(index);
    const std::uint32_t state = found == earlier.end() ? clients_[index].state : found->second;
    if (state > 0) vector.advance(clients_[index].id, state);
  }
  return vector;
}

StateVector Store::before_state(const Transaction& transaction) const {
  return state_before(transaction.number, false);
}
StateVector Store::after_state(const Transaction& transaction) const {
  return state_before(transaction.number, true);
}

/// Before observers are called: sorts what they look up.
void Store::prepare(Transaction& transaction) {
  if (transaction.clean_formatting || transaction.tracked) {
    for (const auto& range : transaction.deletes) {
      if (transaction.delete_order.empty() || transaction.delete_order.back() != range.client) {
        transaction.delete_order.push_back(range.client);
      }
    }
  }
  sort_and_merge(transaction.deletes);
  std::sort(transaction.clients.begin(), transaction.clients.end(),
            [](const Growth& a, const Growth& b) { return a.client < b.client; });
}

const Told& Store::told_of(Transaction& transaction) {
  if (transaction.told != nullptr) return *transaction.told;
  auto told = std::make_unique<Told>();
  const auto note = [&](BranchIndex branch, KeyIndex key) {
    const auto [found, added] = told->lookup.emplace(branch, told->types.size());
    if (added) told->types.push_back({.branch = branch, .list = false, .keys = {}});
    ChangedType& type = told->types[found->second];
    if (key == kNone) {
      type.list = true;
    } else {
      type.keys.push_back(key);
    }
  };
  if (transaction.tracked) {
    for (const Change& change : transaction.changes) note(change.branch, change.key);
  } else {
    std::unordered_set<std::uint64_t> seen;
    for_each_touched(transaction, [&](const Item& item) {
      const Branch& branch = branches[item.parent];
      if (branch.item != kNone) {
        const Item& holder = items[branch.item];
        if (holder.clock >= before_of(transaction, holder.client)) return;
      }
      if (seen.insert(std::uint64_t{item.parent} << 32 | item.key()).second) {
        note(item.parent, item.key());
      }
    });
  }
  for (const ChangedType& type : told->types) {
    const Branch& branch = branches[type.branch];
    if (branch.item != kNone && items[branch.item].deleted) continue;
    for (BranchIndex at = type.branch; told->within.insert(at).second;) {
      if (branches[at].item == kNone) break;
      at = items[branches[at].item].parent;
    }
  }
  if (in_transaction() && transaction.number == transaction_.number) {
    open_told_ = std::move(told);  // It may change yet.
    return *open_told_;
  }
  transaction.told = std::move(told);
  return *transaction.told;
}

}  // namespace internal
}  // namespace coterie::crdt
