// Order-statistics index of one list: which item holds the element at a position, and where an item
// is, both in O(log items).
//
// A B+tree whose leaves list items in document order with the length each contributes (0 for
// deleted or uncountable ones), and whose inner nodes sum them. Each item knows its leaf
// (Item::place). Trees of all lists of a document share one pool of nodes.

#pragma once

#include <cstdint>

#include "crdt/internal/item.hpp"
#include "crdt/internal/stable_vector.hpp"

namespace coterie::crdt::internal {

class PositionIndex {
 public:
  explicit PositionIndex(StableVector<Item>& items) : items_(items) {}

  /// Where a position falls. `item` is kNone at the end of the list.
  struct Found {
    ItemIndex item = kNone;
    std::uint32_t offset = 0;  ///< Elements into the item.
  };

  /// Indexes the whole list of `branch`. O(items).
  void build(Branch& branch, BranchIndex index);

  /// Forgets the tree of `branch`; its items' places are not touched.
  void drop(Branch& branch);

  /// The item that holds element `position`.
  Found find(const Branch& branch, std::uint32_t position);

  /// Number of elements before `item`.
  std::uint32_t position_of(ItemIndex item);

  /// Notes a new item right of `left` (kNone: at the start). The branch has a tree.
  void insert(Branch& branch, BranchIndex index, ItemIndex left, ItemIndex item);

  /// Notes that the end of `left` is an item of its own now, right of it.
  void split(Branch& branch, BranchIndex index, ItemIndex left, ItemIndex right);

  /// Notes that `gone`, deleted, and `rest` were parts of `left` and are right of it now.
  void cut_out(Branch& branch, BranchIndex index, ItemIndex left, ItemIndex gone, ItemIndex rest);

  /// Forgets an item that was squashed away. Its length must have been moved elsewhere before.
  void remove(Branch& branch, BranchIndex index, ItemIndex item);

  /// Notes that `item` now contributes `length` elements. O(1) while it is the same item again and
  /// again, as in typing: the tree is told when it is next used.
  void set_length(ItemIndex item, std::uint32_t length) {
    if (held_item_ != item) settle();
    held_item_ = item;
    held_length_ = length;
  }

 private:
  static constexpr std::uint32_t kLeafMax = 32;
  static constexpr std::uint32_t kNodeMax = 24;
  /// A parent with this bit is a branch: the node is a root.
  static constexpr std::uint32_t kRootBit = 0x8000'0000;

  struct Leaf {
    std::uint32_t parent = kNone;
    std::uint32_t count = 0;
    ItemIndex items[kLeafMax];
    std::uint32_t lengths[kLeafMax];
  };
  struct Node {
    std::uint32_t parent = kNone;
    std::uint32_t count = 0;
    std::uint32_t height = 1;  ///< 1: children are leaves.
    std::uint32_t children[kNodeMax];
    std::uint32_t lengths[kNodeMax];
  };

  static std::uint32_t slot_of(const std::uint32_t* list, std::uint32_t count, std::uint32_t what);
  /// The slot of an item in its leaf: mostly where one was found or put last, or next to it.
  std::uint32_t item_slot(const Leaf& leaf, ItemIndex item);
  void put(Leaf& leaf, std::uint32_t id, std::uint32_t slot, ItemIndex item);
  /// Tells the tree the length that set_length() holds back.
  void settle();
  std::uint32_t new_leaf();
  std::uint32_t new_node();
  void free_subtree(std::uint32_t id, std::uint32_t height);
  std::uint32_t height(const Branch& branch) const;
  void set_child_parent(std::uint32_t child, std::uint32_t height, std::uint32_t parent);
  /// Adds `delta` (modulo 2^32) to the sums above a leaf or node.
  void add_above(std::uint32_t child, std::uint32_t parent, std::uint32_t delta);
  void split_leaf(Branch& branch, BranchIndex index, std::uint32_t leaf);
  /// Puts `right` after `left` in left's parent, splitting upwards as needed.
  void insert_child(Branch& branch, BranchIndex index, std::uint32_t left, std::uint32_t right,
                    std::uint32_t height, std::uint32_t right_length);
  void remove_child(Branch& branch, std::uint32_t child, std::uint32_t parent);

  StableVector<Item>& items_;
  StableVector<Leaf> leaves_;
  StableVector<Node> nodes_;
  std::uint32_t last_slot_ = 0;
  ItemIndex held_item_ = kNone;
  std::uint32_t held_length_ = 0;
  std::uint32_t free_leaf_ = kNone;
  std::uint32_t free_node_ = kNone;
};

}  // namespace coterie::crdt::internal
