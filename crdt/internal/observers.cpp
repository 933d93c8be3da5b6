#include "crdt/internal/observers.hpp"

#include <algorithm>

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

void Observers::ended(Observation& observation) {
  observation.owner = nullptr;
  count(observation.watch, -1);
  if (observation.running == 0) observation.forget();
  ++ended_;
  if (calls_ == 0) drop_ended();
}

void Observers::leave() {
  if (--calls_ == 0) drop_ended();
}

void Observers::drop_ended() {
  // Lists are walked once for many that ended.
  constexpr std::size_t kEndedMax = 16;
  if (ended_ < kEndedMax) return;
  ended_ = 0;
  before_all.drop_ended();
  before.drop_ended();
  before_calls.drop_ended();
  after.drop_ended();
  after_cleanup.drop_ended();
  after_all.drop_ended();
  update.drop_ended();
  update_v2.drop_ended();
  destroy.drop_ended();
}

void Observers::end_all() {
  before_all.end_all();
  before.end_all();
  before_calls.end_all();
  after.end_all();
  after_cleanup.end_all();
  after_all.end_all();
  update.end_all();
  update_v2.end_all();
  destroy.end_all();
  for (int& count : counts_) count = 0;
  watch_ = 0;
}

// --- Telling them -------------------------------------------------------------------------------

Store::~Store() = default;

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
  observers_->after.call<false>(view);
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
