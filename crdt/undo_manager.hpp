// UndoManager: takes back, and does again, what was changed here and not what others changed.
//
// It watches transactions with certain origins, keeps by ids what they inserted and deleted, and
// undoes the last such change by an edit of its own: deletes what was inserted, inserts anew what
// was deleted. Whose change it is the origin alone says (see Options::tracked_origins). Changes in
// quick succession are one. Yjs 13.6.33: src/utils/UndoManager.js, and the updates that come of it
// are the same bytes.
//
//     UndoManager undo(doc, {text}, {.clock = now});
//     (void)text.insert(0, "hello");
//     undo.undo();                        // text is empty
//     undo.redo();                        // and "hello" again
//
// What it may have to insert anew is kept from being collected, until its stacks are cleared.

#pragma once

#include <any>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crdt/any.hpp"
#include "crdt/base/clock.hpp"
#include "crdt/doc.hpp"
#include "crdt/id_set.hpp"
#include "crdt/shared_type.hpp"
#include "crdt/subscription.hpp"
#include "crdt/transaction.hpp"

namespace coterie::crdt {

namespace internal {
class UndoState;
}  // namespace internal

/// One step of undo or redo. A value.
class UndoItem {
 public:
  /// Whatever the application wants to find again when the step is popped: a selection, a title.
  std::map<std::string, std::any> meta;

  /// What the step inserted and deleted.
  IdSet insertions() const;
  IdSet deletions() const;

 private:
  friend class internal::UndoState;
  /// Ranges of one client, sorted and disjoint. Clients stand in the order Yjs has them in, which
  /// decides in which order things come back.
  struct ClientRanges {
    ClientId client = 0;
    std::vector<IdSet::Range> ranges;
  };
  using Ranges = std::vector<ClientRanges>;

  Ranges insertions_;
  Ranges deletions_;
};

enum class UndoKind { kUndo, kRedo };

/// What observers of an UndoManager are told. Valid in the call.
struct UndoEvent {
  UndoItem& item;
  /// Popped: by which of the two. Added or updated: which of them will take it back.
  UndoKind kind;
  /// Of the transaction that was captured; the manager's own when popped.
  const Any& origin;
  /// Types that the transaction changed, and the types they are in.
  const std::vector<SharedType>& changed_types;
};

/// What an undo is about to delete.
struct UndoDeletion {
  IdRange ids;
  SharedType parent;
  std::optional<std::string> key;  ///< Value of a map, or attribute.
  std::optional<SharedType> type;  ///< The type it holds, if it holds one.
};

/// Single-threaded, with its document's owner. Movable. May outlive the document, and then does
/// nothing. Its observers may do anything to it, its end included. Do not call inside
/// on_before_transaction() and its like.
class UndoManager {
 public:
  struct Options {
    /// Changes that come sooner than this after the one before join its step.
    Duration capture_timeout = std::chrono::milliseconds(500);
    /// Tells the time. Without one no time passes: steps end by stop_capturing() only.
    std::function<Instant()> clock = nullptr;
    /// Origins of the transactions that are watched, besides undo and redo themselves. The default
    /// is those that have none, and as in Yjs that goes for updates applied, too: give
    /// Doc::apply_update() an origin, or what others did is undone with what was done here.
    std::vector<Any> tracked_origins = {Any()};
    /// False: that transaction is not watched.
    std::function<bool(const Transaction&)> capture_transaction = nullptr;
    /// False: that is not deleted, though it is to be undone. Asked inside the undo: must not edit.
    std::function<bool(const UndoDeletion&)> delete_filter = nullptr;
    /// Let undo overwrite values of maps that others have set since.
    bool ignore_remote_map_changes = false;
  };

  /// Watches the whole document.
  explicit UndoManager(Doc& doc) : UndoManager(doc, Options()) {}
  UndoManager(Doc& doc, Options options);
  /// Watches these types of `doc`, and all inside them.
  UndoManager(Doc& doc, std::vector<SharedType> scope) : UndoManager(doc, scope, Options()) {}
  UndoManager(Doc& doc, std::vector<SharedType> scope, Options options);
  UndoManager(UndoManager&& other) noexcept;
  UndoManager& operator=(UndoManager&& other) noexcept;
  ~UndoManager();

  /// Undoes, or redoes, the last step that still has an effect, and gives it back; nothing if there
  /// is none. Steps without effect go. What does not fit into the document any more stays deleted.
  /// O(items concerned log items).
  std::optional<UndoItem> undo();
  std::optional<UndoItem> redo();
  bool can_undo() const { return !undo_stack().empty(); }
  bool can_redo() const { return !redo_stack().empty(); }

  /// Puts a step on the undo stack that was not watched: these ids are what it inserted and what it
  /// deleted. What the document does not hold is left out, and what it has collected cannot come
  /// back. So can be undone what others did. Nothing of this is in Yjs.
  void push(const IdSet& insertions, const IdSet& deletions);

  /// The next change begins a step of its own.
  void stop_capturing();

  /// Forgets steps, and lets what they kept be collected when its surroundings are deleted.
  void clear() { clear(true, true); }
  void clear(bool undo_stack, bool redo_stack);

  /// The last one is next.
  const std::vector<UndoItem>& undo_stack() const;
  const std::vector<UndoItem>& redo_stack() const;

  void add_to_scope(const SharedType& type);
  /// From now on the whole document.
  void add_document_to_scope();
  void add_tracked_origin(Any origin);
  void remove_tracked_origin(const Any& origin);

  /// Origin of the transactions by undo() and redo(): differs by manager of the document.
  const Any& origin() const;

  using Observer = std::function<void(const UndoEvent&)>;
  /// A step came, or grew. Called in the transaction's on_after_transaction().
  Subscription on_stack_item_added(Observer observer);
  Subscription on_stack_item_updated(Observer observer);
  /// After the undo or redo.
  Subscription on_stack_item_popped(Observer observer);
  /// Which stacks.
  Subscription on_stack_cleared(std::function<void(bool undo_stack, bool redo_stack)> observer);

  /// Watches no more.
  void destroy();

 private:
  std::shared_ptr<internal::UndoState> state_;
};

}  // namespace coterie::crdt
