// Event: what one transaction changed in one shared type. Yjs: YEvent (src/utils/YEvent.js),
// YTextEvent, YMapEvent, YArrayEvent, YXmlEvent.
//
//     Subscription watching = text.observe([](const Event& event, const Transaction&) {
//       for (const DeltaOp& op : event.delta()) ...
//     });

#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "crdt/any.hpp"
#include "crdt/content.hpp"
#include "crdt/shared_type.hpp"
#include "crdt/transaction.hpp"
#include "crdt/update.hpp"

namespace coterie::crdt {

/// How to get from one type to another inside it: keys of maps and indices of lists.
using Path = std::vector<std::variant<std::string, std::uint64_t>>;

enum class KeyAction : std::uint8_t { kAdd, kUpdate, kDelete };

/// What happened to one key of a map, or one attribute.
struct KeyChange {
  std::string key;
  KeyAction action = KeyAction::kAdd;
  /// What the key held before (undefined for kAdd). A type is empty by now, its handle goes stale.
  Value old_value;

  bool operator==(const KeyChange&) const = default;
};

/// Ids of the elements of a list that were inserted or deleted, in the order of the list.
struct ListChanges {
  std::vector<IdRange> added;
  std::vector<IdRange> deleted;
};

/// Valid while the observer runs that it was given to. Everything is worked out when it is asked
/// for, at the cost given; nothing is kept (Yjs keeps the first answer to delta() and changes() for
/// the observers after). Ask before editing: what later transactions deleted is not told of.
class Event {
 public:
  /// The type that changed, and the one that is observed: the same, or one that the target is in.
  const SharedType& target() const { return target_; }
  const SharedType& current_target() const { return current_target_; }

  /// From the current target to the target. O(depth log items).
  Path path() const;

  /// Keys that were set or removed and hold something else now, in the order of the edits. A key
  /// that was added and removed is not told of. O(keys and their versions in the transaction).
  std::vector<KeyChange> keys() const;

  /// Names of all keys that were touched, and whether the list was.
  std::vector<std::string> keys_changed() const;
  bool list_changed() const;

  /// What happened to the list, from its start; the end that stayed is left out. For texts an
  /// insert is a string or an embed, with attributes as Yjs gives them; else a list of values.
  /// O(items). As in Yjs, reading the delta of a text deletes marks in it that say nothing (in a
  /// transaction of its own).
  Delta delta() const;

  /// O(items).
  ListChanges changes() const;

  /// Whether the element at (client, clock) was inserted, or deleted, by this transaction (both, if
  /// it came and went).
  bool adds(ClientId client, Clock clock) const;
  bool deletes(ClientId client, Clock clock) const;

  const Transaction& transaction() const { return transaction_; }

 private:
  friend class internal::Store;
  Event(const Transaction& transaction, const SharedType& target, const SharedType& current_target)
      : transaction_(transaction), target_(target), current_target_(current_target) {}

  Delta list_delta() const;
  Delta text_delta() const;

  Transaction transaction_;
  SharedType target_;
  SharedType current_target_;
};

}  // namespace coterie::crdt
