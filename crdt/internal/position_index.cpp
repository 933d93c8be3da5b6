#include "crdt/internal/position_index.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace coterie::crdt::internal {

// Branch::index_root is the id of the root node, or of the only leaf with kRootBit set.

std::uint32_t PositionIndex::slot_of(const std::uint32_t* list, std::uint32_t count,
                                     std::uint32_t what) {
  for (std::uint32_t i = 0; i < count; ++i) {
    if (list[i] == what) return i;
  }
  COTERIE_ASSERT(false && "not in its node");
  return 0;
}

std::uint32_t PositionIndex::new_leaf() {
  if (free_leaf_ == kNone) return leaves_.emplace_back();
  const std::uint32_t id = free_leaf_;
  free_leaf_ = leaves_[id].parent;
  leaves_[id].count = 0;
  return id;
}

std::uint32_t PositionIndex::new_node() {
  if (free_node_ == kNone) return nodes_.emplace_back();
  const std::uint32_t id = free_node_;
  free_node_ = nodes_[id].parent;
  nodes_[id].count = 0;
  return id;
}

std::uint32_t PositionIndex::height(const Branch& branch) const {
  return (branch.index_root & kRootBit) != 0 ? 0 : nodes_[branch.index_root].height;
}

void PositionIndex::set_child_parent(std::uint32_t child, std::uint32_t height,
                                     std::uint32_t parent) {
  (height == 0 ? leaves_[child].parent : nodes_[child].parent) = parent;
}

void PositionIndex::build(Branch& branch, BranchIndex index) {
  // Leaves are filled to three quarters, so that edits anywhere do not split at once.
  constexpr std::uint32_t kLeafFill = kLeafMax * 3 / 4;
  constexpr std::uint32_t kNodeFill = kNodeMax * 3 / 4;
  std::vector<std::uint32_t> level{new_leaf()};
  std::vector<std::uint32_t> sums{0};
  for (ItemIndex at = branch.start; at != kNone; at = items_[at].right) {
    if (leaves_[level.back()].count == kLeafFill) {
      level.push_back(new_leaf());
      sums.push_back(0);
    }
    Leaf& leaf = leaves_[level.back()];
    leaf.items[leaf.count] = at;
    leaf.lengths[leaf.count] = items_[at].visible_length();
    sums.back() += leaf.lengths[leaf.count++];
    items_[at].place = level.back();
  }
  std::uint32_t height = 0;
  while (level.size() > 1) {
    ++height;
    std::vector<std::uint32_t> above;
    std::vector<std::uint32_t> above_sums;
    for (std::size_t i = 0; i < level.size(); ++i) {
      if (above.empty() || nodes_[above.back()].count == kNodeFill) {
        above.push_back(new_node());
        above_sums.push_back(0);
        nodes_[above.back()].height = height;
      }
      Node& node = nodes_[above.back()];
      node.children[node.count] = level[i];
      node.lengths[node.count++] = sums[i];
      above_sums.back() += sums[i];
      set_child_parent(level[i], height - 1, above.back());
    }
    level = std::move(above);
    sums = std::move(above_sums);
  }
  set_child_parent(level[0], height, index | kRootBit);
  branch.index_root = height == 0 ? level[0] | kRootBit : level[0];
}

void PositionIndex::free_subtree(std::uint32_t id, std::uint32_t height) {
  if (height == 0) {
    leaves_[id].parent = free_leaf_;
    free_leaf_ = id;
    return;
  }
  // The height is logarithmic: recursion is bounded.
  for (std::uint32_t i = 0; i < nodes_[id].count; ++i) {
    free_subtree(nodes_[id].children[i], height - 1);
  }
  nodes_[id].parent = free_node_;
  free_node_ = id;
}

void PositionIndex::drop(Branch& branch) {
  if (branch.index_root == kNone) return;
  settle();
  free_subtree(branch.index_root & ~kRootBit, height(branch));
  branch.index_root = kNone;
}

PositionIndex::Found PositionIndex::find(const Branch& branch, std::uint32_t position) {
  if (position >= branch.length) return {};
  settle();
  std::uint32_t id = branch.index_root & ~kRootBit;
  for (std::uint32_t level = height(branch); level > 0; --level) {
    const Node& node = nodes_[id];
    std::uint32_t slot = 0;
    while (position >= node.lengths[slot]) position -= node.lengths[slot++];
    id = node.children[slot];
  }
  const Leaf& leaf = leaves_[id];
  std::uint32_t slot = 0;
  while (position >= leaf.lengths[slot]) position -= leaf.lengths[slot++];
  last_slot_ = slot;
  return {leaf.items[slot], position};
}

std::uint32_t PositionIndex::position_of(ItemIndex item) {
  settle();
  std::uint32_t child = items_[item].place;
  const Leaf& leaf = leaves_[child];
  std::uint32_t slot = item_slot(leaf, item);
  std::uint32_t position = std::accumulate(leaf.lengths, leaf.lengths + slot, std::uint32_t{0});
  std::uint32_t parent = leaf.parent;
  while ((parent & kRootBit) == 0) {
    const Node& node = nodes_[parent];
    slot = slot_of(node.children, node.count, child);
    position = std::accumulate(node.lengths, node.lengths + slot, position);
    child = parent;
    parent = node.parent;
  }
  return position;
}

void PositionIndex::add_above(std::uint32_t child, std::uint32_t parent, std::uint32_t delta) {
  while ((parent & kRootBit) == 0) {
    Node& node = nodes_[parent];
    node.lengths[slot_of(node.children, node.count, child)] += delta;
    child = parent;
    parent = node.parent;
  }
}

void PositionIndex::settle() {
  if (held_item_ == kNone) return;
  const std::uint32_t id = items_[held_item_].place;
  Leaf& leaf = leaves_[id];
  const std::uint32_t slot = item_slot(leaf, held_item_);
  const std::uint32_t delta = held_length_ - leaf.lengths[slot];
  leaf.lengths[slot] = held_length_;
  held_item_ = kNone;
  if (delta != 0) add_above(id, leaf.parent, delta);
}

void PositionIndex::insert(Branch& branch, BranchIndex index, ItemIndex left, ItemIndex item) {
  settle();
  std::uint32_t id = 0;
  if (left != kNone) {
    id = items_[left].place;
  } else {
    id = branch.index_root & ~kRootBit;
    for (std::uint32_t level = height(branch); level > 0; --level) id = nodes_[id].children[0];
  }
  if (leaves_[id].count == kLeafMax) {
    split_leaf(branch, index, id);
    if (left != kNone) id = items_[left].place;
  }
  Leaf& leaf = leaves_[id];
  const std::uint32_t slot = left == kNone ? 0 : item_slot(leaf, left) + 1;
  put(leaf, id, slot, item);
  if (leaf.lengths[slot] != 0) add_above(id, leaf.parent, leaf.lengths[slot]);
}

void PositionIndex::split(Branch& branch, BranchIndex index, ItemIndex left, ItemIndex right) {
  settle();
  if (leaves_[items_[left].place].count == kLeafMax) split_leaf(branch, index, items_[left].place);
  const std::uint32_t id = items_[left].place;
  Leaf& leaf = leaves_[id];
  const std::uint32_t slot = item_slot(leaf, left);
  // The sums above stay what they were.
  leaf.lengths[slot] = items_[left].visible_length();
  put(leaf, id, slot + 1, right);
}

void PositionIndex::cut_out(Branch& branch, BranchIndex index, ItemIndex left, ItemIndex gone,
                            ItemIndex rest) {
  settle();
  if (leaves_[items_[left].place].count + 2 > kLeafMax) {
    split_leaf(branch, index, items_[left].place);
  }
  const std::uint32_t id = items_[left].place;
  Leaf& leaf = leaves_[id];
  const std::uint32_t slot = item_slot(leaf, left);
  leaf.lengths[slot] = items_[left].visible_length();
  put(leaf, id, slot + 1, gone);
  put(leaf, id, slot + 2, rest);
  add_above(id, leaf.parent, 0u - items_[gone].length);
}

void PositionIndex::put(Leaf& leaf, std::uint32_t id, std::uint32_t slot, ItemIndex item) {
  std::copy_backward(leaf.items + slot, leaf.items + leaf.count, leaf.items + leaf.count + 1);
  std::copy_backward(leaf.lengths + slot, leaf.lengths + leaf.count, leaf.lengths + leaf.count + 1);
  ++leaf.count;
  leaf.items[slot] = item;
  leaf.lengths[slot] = items_[item].visible_length();
  items_[item].place = id;
  last_slot_ = slot;
}

std::uint32_t PositionIndex::item_slot(const Leaf& leaf, ItemIndex item) {
  if (last_slot_ < leaf.count && leaf.items[last_slot_] == item) return last_slot_;
  if (last_slot_ > 0 && last_slot_ <= leaf.count && leaf.items[last_slot_ - 1] == item) {
    return --last_slot_;
  }
  return last_slot_ = slot_of(leaf.items, leaf.count, item);
}

void PositionIndex::split_leaf(Branch& branch, BranchIndex index, std::uint32_t id) {
  const std::uint32_t right_id = new_leaf();
  Leaf& left = leaves_[id];
  Leaf& right = leaves_[right_id];
  const std::uint32_t kept = left.count / 2;
  std::uint32_t moved = 0;
  for (std::uint32_t i = kept; i < left.count; ++i) {
    right.items[right.count] = left.items[i];
    right.lengths[right.count++] = left.lengths[i];
    moved += left.lengths[i];
    items_[left.items[i]].place = right_id;
  }
  left.count = kept;
  insert_child(branch, index, id, right_id, 0, moved);
}

void PositionIndex::insert_child(Branch& branch, BranchIndex index, std::uint32_t left,
                                 std::uint32_t right, std::uint32_t height,
                                 std::uint32_t right_length) {
  const std::uint32_t parent = height == 0 ? leaves_[left].parent : nodes_[left].parent;
  if ((parent & kRootBit) != 0) {
    // The root split: a new one above both.
    const std::uint32_t root = new_node();
    Node& node = nodes_[root];
    node.height = height + 1;
    node.parent = parent;
    node.count = 2;
    node.children[0] = left;
    node.children[1] = right;
    node.lengths[1] = right_length;
    set_child_parent(left, height, root);
    set_child_parent(right, height, root);
    branch.index_root = root;
    const std::uint32_t* lengths = height == 0 ? leaves_[left].lengths : nodes_[left].lengths;
    const std::uint32_t count = height == 0 ? leaves_[left].count : nodes_[left].count;
    node.lengths[0] = std::accumulate(lengths, lengths + count, std::uint32_t{0});
    return;
  }
  std::uint32_t target = parent;
  if (nodes_[parent].count == kNodeMax) {
    const std::uint32_t sibling = new_node();
    Node& full = nodes_[parent];
    Node& upper = nodes_[sibling];
    upper.height = full.height;
    const std::uint32_t kept = kNodeMax / 2;
    std::uint32_t moved = 0;
    for (std::uint32_t i = kept; i < kNodeMax; ++i) {
      upper.children[upper.count] = full.children[i];
      upper.lengths[upper.count++] = full.lengths[i];
      moved += full.lengths[i];
      set_child_parent(full.children[i], height, sibling);
    }
    full.count = kept;
    insert_child(branch, index, parent, sibling, height + 1, moved);
    target = height == 0 ? leaves_[left].parent : nodes_[left].parent;
  }
  Node& node = nodes_[target];
  const std::uint32_t slot = slot_of(node.children, node.count, left) + 1;
  std::copy_backward(node.children + slot, node.children + node.count,
                     node.children + node.count + 1);
  std::copy_backward(node.lengths + slot, node.lengths + node.count, node.lengths + node.count + 1);
  ++node.count;
  node.children[slot] = right;
  node.lengths[slot] = right_length;
  node.lengths[slot - 1] -= right_length;
  set_child_parent(right, height, target);
}

void PositionIndex::remove(Branch& branch, BranchIndex index, ItemIndex item) {
  settle();
  const std::uint32_t id = items_[item].place;
  Leaf& leaf = leaves_[id];
  const std::uint32_t slot = item_slot(leaf, item);
  const std::uint32_t length = leaf.lengths[slot];
  std::copy(leaf.items + slot + 1, leaf.items + leaf.count, leaf.items + slot);
  std::copy(leaf.lengths + slot + 1, leaf.lengths + leaf.count, leaf.lengths + slot);
  --leaf.count;
  if (length != 0) add_above(id, leaf.parent, 0u - length);
  items_[item].place = kNone;
  if (leaf.count > 0 || leaf.parent == (index | kRootBit)) return;
  const std::uint32_t parent = leaf.parent;
  leaf.parent = free_leaf_;
  free_leaf_ = id;
  remove_child(branch, id, parent);
}

void PositionIndex::remove_child(Branch& branch, std::uint32_t child, std::uint32_t parent) {
  Node& node = nodes_[parent];
  const std::uint32_t slot = slot_of(node.children, node.count, child);
  std::copy(node.children + slot + 1, node.children + node.count, node.children + slot);
  std::copy(node.lengths + slot + 1, node.lengths + node.count, node.lengths + slot);
  --node.count;
  if (node.count == 0) {
    // Some item is left (the one squashed into), and not below this node: it is not the root.
    const std::uint32_t above = node.parent;
    node.parent = free_node_;
    free_node_ = parent;
    remove_child(branch, parent, above);
    return;
  }
  if (node.count == 1 && (node.parent & kRootBit) != 0) {
    // A root with one child: the child is the root.
    const std::uint32_t only = node.children[0];
    const std::uint32_t height = node.height - 1;
    set_child_parent(only, height, node.parent);
    branch.index_root = height == 0 ? only | kRootBit : only;
    node.parent = free_node_;
    free_node_ = parent;
  }
}

}  // namespace coterie::crdt::internal
