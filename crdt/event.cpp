#include "crdt/event.hpp"

#include <algorithm>

#include "crdt/internal/formatting.hpp"
#include "crdt/internal/reading.hpp"
#include "crdt/internal/store.hpp"
#include "crdt/internal/stored_json.hpp"

namespace coterie::crdt {

using internal::Attribute;
using internal::AttributeMap;
using internal::Branch;
using internal::BranchIndex;
using internal::ContentKind;
using internal::Item;
using internal::ItemIndex;
using internal::kNone;
using internal::Store;

namespace {

/// What a transaction did to the elements of items. An item may be older and newer than it in
/// parts, because neighbours are squashed as they come.
class Lens {
 public:
  Lens(const Store& store, const internal::Transaction& transaction)
      : store_(store), transaction_(transaction) {}

  bool adds(const Item& item) const {
    return item.clock >= store_.before_of(transaction_, item.client);
  }
  bool deletes(const Item& item) const { return deletes(item.client, item.clock); }
  bool deletes(internal::ClientIndex client, std::uint32_t clock) const {
    const auto range = first_from(client, clock);
    return range != transaction_.deletes.end() && range->client == client && range->clock <= clock;
  }

  /// Calls each(added, deleted, offset, length) for the parts of an item that are told apart.
  template <typename Each>
  void for_each_part(const Item& item, Each each) const {
    const std::uint32_t before =
        std::clamp(store_.before_of(transaction_, item.client), item.clock, item.end());
    for_each_deleted(item, item.clock, before,
                     [&](bool deleted, std::uint32_t from, std::uint32_t to) {
                       each(false, deleted, from - item.clock, to - from);
                     });
    for_each_deleted(item, before, item.end(),
                     [&](bool deleted, std::uint32_t from, std::uint32_t to) {
                       each(true, deleted, from - item.clock, to - from);
                     });
  }

 private:
  using Ranges = std::vector<internal::DeleteRange<internal::ClientIndex>>;

  /// The first deleted range that ends after `clock`.
  Ranges::const_iterator first_from(internal::ClientIndex client, std::uint32_t clock) const {
    return std::lower_bound(transaction_.deletes.begin(), transaction_.deletes.end(), clock,
                            [&](const auto& range, std::uint32_t wanted) {
                              if (range.client != client)
                                return range.client > client;  // As sort_and_merge() has it.
                              return range.clock + range.length <= wanted;
                            });
  }

  template <typename Each>
  void for_each_deleted(const Item& item, std::uint32_t from, std::uint32_t end, Each each) const {
    if (!item.deleted) {
      if (from < end) each(false, from, end);
      return;
    }
    for (auto range = first_from(item.client, from); from < end; ++range) {
      const bool more =
          range != transaction_.deletes.end() && range->client == item.client && range->clock < end;
      const std::uint32_t start = more ? std::max(range->clock, from) : end;
      if (from < start) each(false, from, start);
      if (!more) return;
      from = std::min(range->clock + range->length, end);
      each(true, start, from);
    }
  }

  const Store& store_;
  const internal::Transaction& transaction_;
};

void append_range(std::vector<IdRange>& ranges, ClientId client, Clock clock, Clock length) {
  if (!ranges.empty()) {
    IdRange& last = ranges.back();
    if (last.client == client && last.clock + last.length == clock) {
      last.length += length;
      return;
    }
  }
  ranges.push_back({client, clock, length});
}

const internal::ChangedType* changes_of(const internal::Told& told, BranchIndex branch) {
  const auto found = told.lookup.find(branch);
  return found == told.lookup.end() ? nullptr : &told.types[found->second];
}

/// Yjs's YTextEvent.delta.
class TextDelta {
 public:
  TextDelta(Store& store, const internal::Transaction& transaction)
      : store_(store), lens_(store, transaction) {}
  ~TextDelta() {
    if (editing_) (void)store_.commit(std::nullopt);
  }
  TextDelta(const TextDelta&) = delete;
  TextDelta& operator=(const TextDelta&) = delete;

  Delta read(const Branch& branch) {
    for (ItemIndex at = branch.start; at != kNone; at = store_.items[at].right) {
      const Item& item = store_.items[at];
      switch (item.kind) {
        case ContentKind::kFormat:
          mark(at);
          break;
        case ContentKind::kType:
        case ContentKind::kEmbed:
        case ContentKind::kString:
        case ContentKind::kDeleted:
          content(item);
          break;
        default:
          break;  // Not of a text.
      }
    }
    flush();
    while (!delta_.empty() && delta_.back().retain > 0 && delta_.back().attributes.empty()) {
      delta_.pop_back();
    }
    return std::move(delta_);
  }

 private:
  enum class Action { kNone, kInsert, kRetain, kDelete };

  static Attributes values_of(const AttributeMap& map) {
    Attributes out;
    map.for_each([&](const Attribute& attribute) {
      out.emplace_back(attribute.key, internal::value_of_stored(attribute.json));
    });
    return out;
  }

  void flush() {
    switch (std::exchange(action_, Action::kNone)) {
      case Action::kDelete:
        delta_.push_back(DeltaOp::removed(length_));
        break;
      case Action::kInsert:
        delta_.push_back(DeltaOp::inserted(std::move(text_), values_of(current_)));
        text_.clear();
        break;
      case Action::kRetain:
        delta_.push_back(DeltaOp::retained(length_, values_of(changed_)));
        break;
      case Action::kNone:
        break;
    }
    length_ = 0;
  }

  void act(Action action) {
    if (action_ == action) return;
    flush();
    action_ = action;
  }

  void content(const Item& item) {
    lens_.for_each_part(item,
                        [&](bool added, bool deleted, std::uint32_t offset, std::uint32_t length) {
                          if (added && !deleted) {
                            if (item.kind != ContentKind::kDeleted) insert(item, offset, length);
                          } else if (!added && (deleted || !item.deleted)) {
                            act(deleted ? Action::kDelete : Action::kRetain);
                            length_ += length;
                          }
                        });
  }

  void insert(const Item& item, std::uint32_t offset, std::uint32_t length) {
    if (item.kind == ContentKind::kString) {
      act(Action::kInsert);
      const std::uint32_t from = store_.byte_of(item, offset);
      const std::uint32_t to = store_.byte_of(item, offset + length);
      text_ += as_text(store_.content_of(item).subspan(from, to - from));
      return;
    }
    flush();
    DeltaOp op = DeltaOp::inserted({}, values_of(current_));
    Value value = internal::values_of(store_, item).front();
    if (auto* any = std::get_if<Any>(&value)) op.insert = std::move(*any);
    if (const auto* type = std::get_if<SharedType>(&value)) op.insert = *type;
    delta_.push_back(std::move(op));
  }

  void split_retain() {
    if (action_ == Action::kRetain) flush();
  }

  /// A mark that says what holds anyway.
  void drop(ItemIndex at) {
    if (!editing_) {
      editing_ = true;
      store_.begin(true);
    }
    store_.delete_item(at);
  }

  void mark(ItemIndex at) {
    const Item& item = store_.items[at];
    const Attribute attribute = attribute_of(store_, at);
    const std::string& key = attribute.key;
    if (lens_.adds(item)) {
      if (!lens_.deletes(item)) {
        if (!equal_attributes(current_.find(key), &attribute)) {
          split_retain();
          if (equal_attributes(&attribute, old_.find(key))) {
            changed_.erase(key);
          } else {
            changed_.set(attribute);
          }
        } else if (!attribute.is_null()) {
          drop(at);
        }
      }
    } else if (lens_.deletes(item)) {
      old_.set(attribute);
      const Attribute* const current = current_.find(key);
      if (!equal_attributes(current, &attribute)) {
        split_retain();
        changed_.set(current != nullptr ? *current : Attribute{key, "null", kNone});
      }
    } else if (!item.deleted) {
      old_.set(attribute);
      const Attribute* const changed = changed_.find(key);
      if (changed != nullptr) {
        if (!equal_attributes(changed, &attribute)) {
          split_retain();
          if (attribute.is_null()) {
            changed_.erase(key);
          } else {
            changed_.set(attribute);
          }
        } else if (!changed->is_null()) {
          drop(at);
        }
      }
    }
    if (!item.deleted) {
      if (action_ == Action::kInsert) flush();
      current_.apply(attribute);
    }
  }

  Store& store_;
  Lens lens_;
  Delta delta_;
  Action action_ = Action::kNone;
  std::string text_;
  std::uint64_t length_ = 0;
  AttributeMap current_;  ///< In force now.
  AttributeMap old_;      ///< As the marks had it before.
  AttributeMap changed_;  ///< Set or taken away on what is kept.
  bool editing_ = false;
};

}  // namespace

Path Event::path() const {
  Path path;
  Store& store = *transaction_.store_;
  const BranchIndex from = Store::slot_of(current_target_);
  for (BranchIndex at = Store::slot_of(target_); at != from && store.branches[at].item != kNone;) {
    const ItemIndex holder = store.branches[at].item;
    const Item& item = store.items[holder];
    if (item.in_map) {
      path.emplace_back(store.key_text(item.place));
    } else {
      path.emplace_back(std::uint64_t{store.position_of(holder)});
    }
    at = item.parent;
  }
  std::reverse(path.begin(), path.end());
  return path;
}

std::vector<KeyChange> Event::keys() const {
  Store& store = *transaction_.store_;
  const Branch* const branch = store.resolve(target_);
  const BranchIndex slot = Store::slot_of(target_);
  std::vector<KeyChange> keys;
  const auto* const changes = changes_of(store.told_of(*transaction_.transaction_), slot);
  if (branch == nullptr || changes == nullptr) return keys;
  const Lens lens(store, *transaction_.transaction_);
  const auto last_value = [&](const Item& item) {
    const auto values = internal::values_of(store, item);
    return values.empty() ? Value() : values.back();
  };
  for (const internal::KeyIndex key : changes->keys) {
    const internal::MapEntry* const entry = branch->entries.find(key);
    if (entry == nullptr) continue;
    const Item& item = store.items[entry->last];
    KeyChange change{.key = store.key_text(key), .action = KeyAction::kDelete, .old_value = {}};
    if (lens.adds(item)) {
      ItemIndex previous = item.left;
      while (previous != kNone && lens.adds(store.items[previous])) {
        previous = store.items[previous].left;
      }
      const bool had = previous != kNone && lens.deletes(store.items[previous]);
      if (had) change.old_value = last_value(store.items[previous]);
      if (!lens.deletes(item)) {
        change.action = had ? KeyAction::kUpdate : KeyAction::kAdd;
      } else if (!had) {
        continue;
      }
    } else if (lens.deletes(item)) {
      change.old_value = last_value(item);
    } else {
      continue;
    }
    keys.push_back(std::move(change));
  }
  return keys;
}

std::vector<std::string> Event::keys_changed() const { return transaction_.changed_keys(target_); }
bool Event::list_changed() const { return transaction_.list_changed(target_); }

Delta Event::delta() const {
  Store& store = *transaction_.store_;
  const Branch* const branch = store.resolve(target_);
  if (branch == nullptr) return {};
  if (branch->is_text()) return TextDelta(store, *transaction_.transaction_).read(*branch);
  return list_changed() ? list_delta() : Delta();
}

Delta Event::list_delta() const {
  Store& store = *transaction_.store_;
  const Branch& branch = store.branches[Store::slot_of(target_)];
  const Lens lens(store, *transaction_.transaction_);
  Delta delta;
  for (ItemIndex at = branch.start; at != kNone; at = store.items[at].right) {
    const Item& item = store.items[at];
    lens.for_each_part(
        item, [&](bool added, bool deleted, std::uint32_t offset, std::uint32_t length) {
          if (item.deleted) {
            if (added || !deleted) return;
            if (delta.empty() || delta.back().remove == 0) delta.push_back(DeltaOp::removed(0));
            delta.back().remove += length;
          } else if (added) {
            if (delta.empty() || !std::holds_alternative<std::vector<Value>>(delta.back().insert)) {
              delta.push_back(DeltaOp::inserted(std::vector<Value>()));
            }
            if (!item.countable()) return;
            auto values = internal::values_of(store, item);
            auto& inserted = std::get<std::vector<Value>>(delta.back().insert);
            const auto from = values.begin() + offset;
            inserted.insert(inserted.end(), std::make_move_iterator(from),
                            std::make_move_iterator(from + length));
          } else {
            if (delta.empty() || delta.back().retain == 0) delta.push_back(DeltaOp::retained(0));
            delta.back().retain += length;
          }
        });
  }
  if (!delta.empty() && delta.back().retain > 0) delta.pop_back();
  return delta;
}

ListChanges Event::changes() const {
  Store& store = *transaction_.store_;
  const Branch* const branch = store.resolve(target_);
  ListChanges changes;
  if (branch == nullptr || !list_changed()) return changes;
  const Lens lens(store, *transaction_.transaction_);
  for (ItemIndex at = branch->start; at != kNone; at = store.items[at].right) {
    const Item& item = store.items[at];
    const ClientId client = store.client(item.client).id;
    lens.for_each_part(item,
                       [&](bool added, bool deleted, std::uint32_t offset, std::uint32_t length) {
                         if (added && !item.deleted)
                           append_range(changes.added, client, item.clock + offset, length);
                         if (!added && deleted)
                           append_range(changes.deleted, client, item.clock + offset, length);
                       });
  }
  return changes;
}

bool Event::adds(ClientId client, Clock clock) const {
  const Store& store = *transaction_.store_;
  const internal::ClientIndex index = store.find_client(client);
  return index != kNone && clock >= store.before_of(*transaction_.transaction_, index);
}

bool Event::deletes(ClientId client, Clock clock) const {
  const Store& store = *transaction_.store_;
  const internal::ClientIndex index = store.find_client(client);
  return index != kNone && clock <= kClockMax &&
         Lens(store, *transaction_.transaction_).deletes(index, static_cast<std::uint32_t>(clock));
}

}  // namespace coterie::crdt
