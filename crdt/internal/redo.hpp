// Inserting anew what was deleted: Yjs's redoItem, and the walks over ranges of structs around it.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "crdt/internal/store.hpp"

namespace coterie::crdt::internal {

/// Keeps an item and all it is in from being collected, or does so no longer.
void keep_item(Store& store, ItemIndex item, bool keep);

/// Calls `each(item)` for the structs that hold [clock, end) of a client, cut at both ends. In a
/// transaction. Stops at what is held.
template <typename Each>
void for_each_struct(Store& store, ClientIndex client, std::uint32_t clock, std::uint32_t end,
                     Each each) {
  while (clock < end && clock < store.client(client).state) {
    const ItemIndex at = store.item_clean_start({client, clock});
    if (end < store.items[at].end() && !store.items[at].is_gc()) {
      store.item_clean_start({client, end});
    }
    clock = store.items[at].end();
    each(at);
  }
}

/// The items of one step that are to come back, in one transaction.
class Redo {
 public:
  /// Whether an element was inserted by this step, or deleted by one that is still on a stack: then
  /// it may be replaced.
  using Replaceable = std::function<bool(LocalId)>;

  Redo(Store& store, std::vector<ItemIndex> items, bool overwrite, Replaceable replaceable);

  /// Brings all back that can be. Whether anything came.
  bool run();

 private:
  enum class Direction { kLeft, kRight };
  /// A deleted list whose holder came back: its items by rank, and those that are back in the list
  /// of `parent_item`. Holds while nothing is split.
  struct Order {
    ItemIndex parent_item = kNone;
    std::size_t splits = 0;
    std::unordered_map<ItemIndex, std::uint32_t> ranks;
    std::map<std::uint32_t, ItemIndex> back;
  };

  ItemIndex neighbour(ItemIndex item, ItemIndex parent_item, Direction direction);
  const Order& order_of(BranchIndex branch, ItemIndex parent_item);
  ItemIndex redo(ItemIndex item);
  ItemIndex redo_below_parent(ItemIndex item);
  bool find_map_place(ItemIndex index, ItemIndex parent_item, BranchIndex parent, ItemIndex& left);
  ItemIndex trace(ItemIndex item, ItemIndex parent_item);
  ItemIndex last_value(BranchIndex parent, KeyIndex key) const;
  ItemIndex insert_copy(ItemIndex item, BranchIndex parent, ItemIndex left, ItemIndex right);
  ItemIndex item_of(BranchIndex branch) const { return store_.branches[branch].item; }

  Store& store_;
  std::vector<ItemIndex> items_;
  std::unordered_set<ItemIndex> wanted_;
  bool overwrite_;
  Replaceable replaceable_;
  /// What could not come back, and how many had come by then: no need to ask again before more do.
  std::unordered_map<ItemIndex, std::size_t> failed_;
  std::size_t come_ = 0;
  std::unordered_map<BranchIndex, Order> orders_;
};

}  // namespace coterie::crdt::internal
