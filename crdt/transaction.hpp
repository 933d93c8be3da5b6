// Transaction: what happened in one, as observers see it. Yjs: src/utils/Transaction.js.
//
// The life of a transaction, in Yjs's order:
//
//     before_all_transactions   (unless it was made by an observer)
//     before_transaction
//     ... the edits ...
//     before_observer_calls
//     observers of each changed type, then deep observers
//     after_transaction
//     content of what was deleted is collected, neighbours are squashed
//     after_transaction_cleanup
//     update
//     subdocs
//     after_all_transactions    (once those that observers made meanwhile have gone the same way)
//
// An observer may edit: that is a transaction of its own, told of after the running one. What is
// still open then (Doc::transact(), a handle's edit) joins no other. Observers must not throw, must
// not destroy the document, and in the two "before" hooks must not edit.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "crdt/any.hpp"
#include "crdt/shared_type.hpp"
#include "crdt/state_vector.hpp"
#include "crdt/update.hpp"

namespace coterie::crdt {

namespace internal {
struct Access;
struct Transaction;
}  // namespace internal

/// A view, valid while the observer runs that it was given to.
class Transaction {
 public:
  /// Made here, not applied from elsewhere.
  bool local() const;

  /// What the caller of Doc::transact() or apply_update() said; undefined by default (null in Yjs).
  const Any& origin() const;

  /// Counts up with each transaction of the document.
  std::uint64_t number() const;

  /// The document's state vector when it began, and when its edits were done. O(clients).
  StateVector before_state() const;
  StateVector after_state() const;

  /// Ids of what was inserted, and of what was deleted, by client. O(their number).
  std::vector<IdRange> inserted() const;
  std::vector<IdRange> deleted() const;

  /// Whether a type that was there before was edited itself, and whether it or anything inside it
  /// was. Types that the transaction made or deleted do not count.
  bool changed(const SharedType& type) const;
  bool changed_within(const SharedType& type) const;

  /// Those types, in the order of their first edit. For a document that only its updates are
  /// observed of, and where the first observer came during the transaction: by client and clock.
  std::vector<SharedType> changed_types() const;

  /// Keys of a map, or names of attributes, that were set or removed; whether its list was edited.
  std::vector<std::string> changed_keys(const SharedType& type) const;
  bool list_changed(const SharedType& type) const;

 private:
  friend struct internal::Access;
  friend class internal::Store;
  friend class Event;
  Transaction(internal::Store& store, internal::Transaction& transaction)
      : store_(&store), transaction_(&transaction) {}

  internal::Store* store_;
  internal::Transaction* transaction_;
};

}  // namespace coterie::crdt
