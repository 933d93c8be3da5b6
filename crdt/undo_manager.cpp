#include "crdt/undo_manager.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "crdt/internal/access.hpp"
#include "crdt/internal/redo.hpp"

namespace coterie::crdt {

namespace internal {

using TransactionData = Transaction;

/// What an UndoManager is: it is observed by address, so it does not move.
class UndoState : public std::enable_shared_from_this<UndoState> {
 public:
  UndoState(Doc& doc, std::vector<SharedType> scope, bool document, UndoManager::Options options)
      : store_(Access::store(doc)),
        scope_(std::move(scope)),
        document_(document),
        options_(std::move(options)),
        hub_(unused_watch_) {
    Any::Object name;
    name.emplace_back("undo_manager", Any(static_cast<double>(store_.next_undo_manager())));
    origin_ = Any(std::move(name));
    options_.tracked_origins.push_back(origin_);
    watching_ = doc.on_after_transaction([this](const TransactionView& view) { capture(view); });
  }
  UndoState(const UndoState&) = delete;
  UndoState& operator=(const UndoState&) = delete;

  std::optional<UndoItem> pop(UndoKind kind);
  void clear(bool undo_stack, bool redo_stack);
  void destroy() {
    watching_.cancel();
    const auto end_all = [&](auto& list) {
      list.for_each([&](auto& observer) { hub_.ended(observer); });
    };
    end_all(added);
    end_all(updated);
    end_all(popped);
    end_all(cleared);
  }
  void stop_capturing() { last_change_.reset(); }
  void push(const IdSet& insertions, const IdSet& deletions);

  void add_to_scope(const SharedType& type) {
    if (std::find(scope_.begin(), scope_.end(), type) == scope_.end()) scope_.push_back(type);
  }
  void add_document_to_scope() { document_ = true; }

  template <typename... Args>
  Subscription observe(ObserverList<Args...>& list, std::function<void(Args...)> function) {
    if (telling_ == 0) list.drop_ended();
    return hub_.add(list, std::move(function), 0);
  }

  static IdSet set_of(const UndoItem::Ranges& ranges) {
    std::vector<IdRange> all;
    for (const auto& client : ranges) {
      for (const auto& range : client.ranges) {
        all.push_back({client.client, range.clock, range.length});
      }
    }
    return IdSet(all);
  }

  std::vector<UndoItem> undo_stack;
  std::vector<UndoItem> redo_stack;
  ObserverList<const UndoEvent&> added;
  ObserverList<const UndoEvent&> updated;
  ObserverList<const UndoEvent&> popped;
  ObserverList<bool, bool> cleared;

  UndoManager::Options& options() { return options_; }
  const Any& origin() const { return origin_; }

 private:
  using Ranges = UndoItem::Ranges;
  /// Whether a type is in scope, as far as known. Holds while nothing is collected.
  using ScopeMemo = std::unordered_map<BranchIndex, bool>;

  void capture(const TransactionView& view);
  bool is_tracked(const Any& origin) const {
    const auto& tracked = options_.tracked_origins;
    return std::find(tracked.begin(), tracked.end(), origin) != tracked.end();
  }
  bool changed_in_scope(const TransactionData& transaction, const Told& told) const;
  Ranges held(const IdSet& ids) const;
  Ranges insertions_of(const TransactionData& transaction) const;
  Ranges deletions_of(const TransactionData& transaction) const;
  static void merge(Ranges& into, const Ranges& from);
  static bool contains(const Ranges& ranges, ClientId client, std::uint32_t clock);
  bool in_scope(ItemIndex item, ScopeMemo& memo) const;
  void keep_all(const Ranges& ranges, bool keep, bool cut);
  /// One step. Whether it changed anything.
  bool perform(const UndoItem& item);
  ItemIndex what_came_of(ItemIndex at);
  std::vector<ItemIndex> to_delete(const Ranges& insertions, ScopeMemo& memo);
  std::vector<ItemIndex> to_redo(const UndoItem& item, ScopeMemo& memo);
  bool may_delete(ItemIndex item) const;
  std::vector<SharedType> changed_types(const Told& told) const;
  template <typename... Args, typename... Given>
  void tell(ObserverList<Args...>& list, Given&&... args) {
    ++telling_;
    hub_.enter();
    list.template call<false>(args...);
    hub_.leave();
    if (--telling_ == 0) left_.clear();
  }
  /// Before steps of a stack go: what observers are being told of stays where it is meanwhile.
  void leave_told(std::vector<UndoItem>& stack) {
    if (telling_ == 0 || stack.empty()) return;
    auto copy = stack;
    left_.push_back(std::move(stack));
    stack = std::move(copy);
  }

  Store& store_;
  std::vector<SharedType> scope_;
  bool document_;
  UndoManager::Options options_;
  Any origin_;
  std::optional<Instant> last_change_;
  bool undoing_ = false;
  bool redoing_ = false;
  std::shared_ptr<UndoItem> current_;        ///< Popped just now.
  std::uint64_t popping_ = 0;                ///< Number of the transaction that pops.
  std::vector<SharedType> popped_types_;     ///< What that changed.
  int telling_ = 0;                          ///< Observers run.
  std::vector<std::vector<UndoItem>> left_;  ///< What the stacks were when they were told.
  std::uint8_t unused_watch_ = 0;
  Observers hub_;
  Subscription watching_;
};

// --- Ranges of ids ------------------------------------------------------------------------------

void UndoState::merge(Ranges& into, const Ranges& from) {
  for (const auto& [client, ranges] : from) {
    const auto same = [&, id = client](const auto& held) { return held.client == id; };
    const auto found = std::find_if(into.begin(), into.end(), same);
    if (found == into.end()) {
      into.push_back({client, ranges});
      continue;
    }
    auto& held = found->ranges;
    if (ranges.size() == 1 && held.back().end() == ranges.front().clock) {
      held.back().length += ranges.front().length;  // Typing.
      continue;
    }
    std::vector<IdSet::Range> merged;
    merged.reserve(held.size() + ranges.size());
    std::merge(held.begin(), held.end(), ranges.begin(), ranges.end(), std::back_inserter(merged),
               [](const auto& a, const auto& b) { return a.clock < b.clock; });
    held.clear();
    for (const IdSet::Range& range : merged) {
      if (!held.empty() && held.back().end() >= range.clock) {
        held.back().length = std::max(held.back().end(), range.end()) - held.back().clock;
      } else {
        held.push_back(range);
      }
    }
  }
}

bool UndoState::contains(const Ranges& ranges, ClientId client, std::uint32_t clock) {
  const auto found = std::find_if(ranges.begin(), ranges.end(),
                                  [&](const auto& held) { return held.client == client; });
  if (found == ranges.end()) return false;
  const auto& held = found->ranges;
  const auto after = std::upper_bound(
      held.begin(), held.end(), clock,
      [](std::uint32_t at, const IdSet::Range& range) { return at < range.clock; });
  return after != held.begin() && clock < std::prev(after)->end();
}

UndoItem::Ranges UndoState::insertions_of(const TransactionData& transaction) const {
  Ranges ranges;
  for (const Growth& growth : transaction.clients) {
    ranges.push_back(
        {store_.client(growth.client).id, {{growth.before, growth.after - growth.before}}});
  }
  return ranges;
}

UndoItem::Ranges UndoState::deletions_of(const TransactionData& transaction) const {
  Ranges ranges;
  std::unordered_map<ClientIndex, std::size_t> place;
  for (const ClientIndex client : transaction.delete_order) {
    if (place.emplace(client, ranges.size()).second) {
      ranges.push_back({store_.client(client).id, {}});
    }
  }
  for (const auto& range : transaction.deletes) {
    ranges[place.at(range.client)].ranges.push_back({range.clock, range.length});
  }
  return ranges;
}

// --- Scope --------------------------------------------------------------------------------------

bool UndoState::changed_in_scope(const TransactionData&, const Told& told) const {
  return document_ || std::any_of(scope_.begin(), scope_.end(), [&](const SharedType& type) {
           return store_.resolve(type) != nullptr && told.within.count(Store::slot_of(type)) > 0;
         });
}

bool UndoState::in_scope(ItemIndex item, ScopeMemo& memo) const {
  if (document_) return true;
  std::vector<BranchIndex> path;
  bool inside = false;
  for (BranchIndex at = store_.items[item].parent;;) {
    const auto known = memo.find(at);
    if (known != memo.end()) {
      inside = known->second;
      break;
    }
    path.push_back(at);
    inside = std::any_of(scope_.begin(), scope_.end(), [&](const SharedType& type) {
      return Store::slot_of(type) == at && store_.resolve(type) != nullptr;
    });
    const ItemIndex holder = store_.branches[at].item;
    if (inside || holder == kNone) break;
    at = store_.items[holder].parent;
  }
  for (const BranchIndex branch : path) memo.emplace(branch, inside);
  return inside;
}

// --- Capturing ----------------------------------------------------------------------------------

/// After each transaction, before what it deleted is collected.
void UndoState::capture(const TransactionView& view) {
  const auto self = shared_from_this();  // An observer may end the manager.
  TransactionData& transaction = Access::transaction(view);
  if (transaction.number == popping_ && !popped.empty()) {
    popped_types_ = changed_types(store_.told_of(transaction));
  }
  if (options_.capture_transaction && !options_.capture_transaction(view)) return;
  if (!is_tracked(transaction.origin)) return;
  const Told& told = store_.told_of(transaction);
  if (!changed_in_scope(transaction, told)) return;
  const bool undoing = undoing_;
  const bool redoing = redoing_;
  std::vector<UndoItem>& stack = undoing ? redo_stack : undo_stack;
  if (undoing) {
    stop_capturing();  // The next undo is a step of its own.
  } else if (!redoing) {
    clear(false, true);
  }
  const Ranges deletions = deletions_of(transaction);
  const Instant now = options_.clock ? options_.clock() : Instant();
  const bool joins = !undoing && !redoing && last_change_ && !stack.empty() &&
                     now - *last_change_ < options_.capture_timeout;
  if (!joins) stack.emplace_back();
  merge(stack.back().deletions_, deletions);
  merge(stack.back().insertions_, insertions_of(transaction));
  if (!undoing && !redoing) last_change_ = now;
  keep_all(deletions, true, false);
  auto& list = joins ? updated : added;
  if (list.empty()) return;
  const std::vector<SharedType> types = changed_types(told);
  const Any origin = transaction.origin;
  tell(list, UndoEvent{stack.back(), undoing ? UndoKind::kRedo : UndoKind::kUndo, origin, types});
}

std::vector<SharedType> UndoState::changed_types(const Told& told) const {
  std::vector<SharedType> types;
  for (const BranchIndex branch : told.within) types.push_back(store_.handle(branch));
  return types;
}

/// `cut`: items at the ends of ranges are cut there; in a transaction.
void UndoState::keep_all(const Ranges& ranges, bool keep, bool cut) {
  ScopeMemo memo;
  const auto mark = [&](ItemIndex at) {
    if (!store_.items[at].is_gc() && in_scope(at, memo)) keep_item(store_, at, keep);
  };
  for (const auto& [id, held] : ranges) {
    const ClientIndex client = store_.find_client(id);
    for (const IdSet::Range& range : held) {
      const auto clock = static_cast<std::uint32_t>(range.clock);
      const auto end = static_cast<std::uint32_t>(range.end());
      if (cut) {
        for_each_struct(store_, client, clock, end, mark);
        continue;
      }
      const BlockList& blocks = store_.client(client).blocks;
      for (auto at = blocks.find(clock); !blocks.is_end(at) && blocks.at(at).clock < end;
           at = blocks.next(at)) {
        mark(blocks.item(at));
      }
    }
  }
}

void UndoState::clear(bool undo, bool redo) {
  if (!watching_.active()) return;
  if ((!undo || undo_stack.empty()) && (!redo || redo_stack.empty())) return;
  const auto self = shared_from_this();
  store_.begin(true);
  const auto forget = [&](std::vector<UndoItem>& stack) {
    leave_told(stack);
    for (const UndoItem& item : stack) keep_all(item.deletions_, false, true);
    stack.clear();
  };
  if (undo) forget(undo_stack);
  if (redo) forget(redo_stack);
  tell(cleared, undo, redo);
  (void)store_.commit(std::nullopt);
}

UndoItem::Ranges UndoState::held(const IdSet& ids) const {
  Ranges all;
  for (const auto& [client, ranges] : ids.ranges()) {
    const Clock state = store_.state_of(client);
    std::vector<IdSet::Range> known;
    for (const IdSet::Range& range : ranges) {
      if (range.clock >= state) break;
      known.push_back({range.clock, std::min(range.end(), state) - range.clock});
    }
    if (!known.empty()) all.push_back({client, std::move(known)});
  }
  return all;
}

void UndoState::push(const IdSet& insertions, const IdSet& deletions) {
  if (!watching_.active()) return;
  UndoItem step;
  step.insertions_ = held(insertions);
  step.deletions_ = held(deletions);
  clear(false, true);
  stop_capturing();
  keep_all(step.deletions_, true, false);
  undo_stack.push_back(std::move(step));
}

// --- Undoing ------------------------------------------------------------------------------------

std::optional<UndoItem> UndoState::pop(UndoKind kind) {
  if (!watching_.active()) return std::nullopt;
  const auto self = shared_from_this();
  std::vector<UndoItem>& stack = kind == UndoKind::kUndo ? undo_stack : redo_stack;
  bool& flag = kind == UndoKind::kUndo ? undoing_ : redoing_;
  flag = true;
  Any origin = origin_;
  store_.begin(true, &origin);
  popping_ = store_.transaction_number();
  leave_told(stack);
  while (!stack.empty() && !current_) {
    UndoItem item = std::move(stack.back());
    stack.pop_back();
    if (perform(item)) current_ = std::make_shared<UndoItem>(std::move(item));
  }
  (void)store_.commit(std::nullopt);
  popping_ = 0;
  std::optional<UndoItem> result;
  if (const auto step = current_) {
    if (!popped.empty()) {
      const std::vector<SharedType> types = std::exchange(popped_types_, {});
      tell(popped, UndoEvent{*step, kind, origin_, types});
    }
    current_.reset();
    result = *step;  // One that undoes in the call is told of the same step.
  }
  flag = false;
  return result;
}

bool UndoState::perform(const UndoItem& item) {
  ScopeMemo memo;
  const std::vector<ItemIndex> deletions = to_delete(item.insertions_, memo);
  const auto replaceable = [&](LocalId id) {
    const ClientId client = store_.client(id.client).id;
    const auto deletes = [&](const UndoItem& held) {
      return contains(held.deletions_, client, id.clock);
    };
    return contains(item.insertions_, client, id.clock) ||
           std::any_of(undo_stack.begin(), undo_stack.end(), deletes) ||
           std::any_of(redo_stack.begin(), redo_stack.end(), deletes);
  };
  Redo redo(store_, to_redo(item, memo), options_.ignore_remote_map_changes, replaceable);
  bool changed = redo.run();
  // From the last one, so that children go before what they are in: the filter may look at them.
  for (auto at = deletions.rbegin(); at != deletions.rend(); ++at) {
    if (!may_delete(*at)) continue;
    store_.delete_item(*at);
    changed = true;
  }
  return changed;
}

/// Where what is gone is now, through all its returns: cut there, and nowhere on the way.
ItemIndex UndoState::what_came_of(ItemIndex at) {
  LocalId id = store_.items[at].id();
  while (store_.items[at].redone) {
    const LocalId to = store_.redone_of(store_.items[at]);
    id = {to.client, to.clock + (id.clock - store_.items[at].clock)};
    at = store_.item_at(id);
  }
  return store_.items[at].clock < id.clock ? store_.item_clean_start(id) : at;
}

/// What was inserted, or what came back for it.
std::vector<ItemIndex> UndoState::to_delete(const Ranges& insertions, ScopeMemo& memo) {
  std::vector<ItemIndex> found;
  for (const auto& [id, ranges] : insertions) {
    const ClientIndex client = store_.find_client(id);
    for (const IdSet::Range& range : ranges) {
      for_each_struct(store_, client, static_cast<std::uint32_t>(range.clock),
                      static_cast<std::uint32_t>(range.end()), [&](ItemIndex at) {
                        if (store_.items[at].redone) at = what_came_of(at);
                        const Item& item = store_.items[at];
                        if (!item.deleted && in_scope(at, memo)) found.push_back(at);
                      });
    }
  }
  return found;
}

std::vector<ItemIndex> UndoState::to_redo(const UndoItem& step, ScopeMemo& memo) {
  std::vector<ItemIndex> found;
  for (const auto& [id, ranges] : step.deletions_) {
    const ClientIndex client = store_.find_client(id);
    for (const IdSet::Range& range : ranges) {
      for_each_struct(store_, client, static_cast<std::uint32_t>(range.clock),
                      static_cast<std::uint32_t>(range.end()), [&, client_id = id](ItemIndex at) {
                        const Item& item = store_.items[at];
                        // What came and went within the step stays gone.
                        if (!item.is_gc() && in_scope(at, memo) &&
                            !contains(step.insertions_, client_id, item.clock)) {
                          found.push_back(at);
                        }
                      });
    }
  }
  return found;
}

bool UndoState::may_delete(ItemIndex index) const {
  if (!options_.delete_filter) return true;
  const Item& item = store_.items[index];
  UndoDeletion deletion{{store_.client(item.client).id, item.clock, item.length},
                        store_.handle(item.parent),
                        std::nullopt,
                        std::nullopt};
  if (item.in_map) deletion.key = store_.key_text(item.place);
  if (item.kind == ContentKind::kType) deletion.type = store_.handle(item.content);
  return options_.delete_filter(deletion);
}

}  // namespace internal

IdSet UndoItem::insertions() const { return internal::UndoState::set_of(insertions_); }
IdSet UndoItem::deletions() const { return internal::UndoState::set_of(deletions_); }

UndoManager::UndoManager(Doc& doc, Options options)
    : state_(std::make_shared<internal::UndoState>(doc, std::vector<SharedType>(), true,
                                                   std::move(options))) {}
UndoManager::UndoManager(Doc& doc, std::vector<SharedType> scope, Options options)
    : state_(std::make_shared<internal::UndoState>(doc, std::move(scope), false,
                                                   std::move(options))) {}
UndoManager::UndoManager(UndoManager&& other) noexcept = default;
UndoManager& UndoManager::operator=(UndoManager&& other) noexcept {
  if (this == &other) return *this;
  if (state_ != nullptr) state_->destroy();
  state_ = std::move(other.state_);
  return *this;
}
UndoManager::~UndoManager() {
  if (state_ != nullptr) state_->destroy();
}

std::optional<UndoItem> UndoManager::undo() { return state_->pop(UndoKind::kUndo); }
std::optional<UndoItem> UndoManager::redo() { return state_->pop(UndoKind::kRedo); }
void UndoManager::push(const IdSet& insertions, const IdSet& deletions) {
  state_->push(insertions, deletions);
}
void UndoManager::stop_capturing() { state_->stop_capturing(); }
void UndoManager::clear(bool undo_stack, bool redo_stack) { state_->clear(undo_stack, redo_stack); }
const std::vector<UndoItem>& UndoManager::undo_stack() const { return state_->undo_stack; }
const std::vector<UndoItem>& UndoManager::redo_stack() const { return state_->redo_stack; }
void UndoManager::add_to_scope(const SharedType& type) { state_->add_to_scope(type); }
void UndoManager::add_document_to_scope() { state_->add_document_to_scope(); }

void UndoManager::add_tracked_origin(Any origin) {
  state_->options().tracked_origins.push_back(std::move(origin));
}
void UndoManager::remove_tracked_origin(const Any& origin) {
  std::erase(state_->options().tracked_origins, origin);
}
const Any& UndoManager::origin() const { return state_->origin(); }

Subscription UndoManager::on_stack_item_added(Observer observer) {
  return state_->observe(state_->added, std::move(observer));
}
Subscription UndoManager::on_stack_item_updated(Observer observer) {
  return state_->observe(state_->updated, std::move(observer));
}
Subscription UndoManager::on_stack_item_popped(Observer observer) {
  return state_->observe(state_->popped, std::move(observer));
}
Subscription UndoManager::on_stack_cleared(
    std::function<void(bool undo_stack, bool redo_stack)> observer) {
  return state_->observe(state_->cleared, std::move(observer));
}
void UndoManager::destroy() { state_->destroy(); }

}  // namespace coterie::crdt
