#include "crdt/internal/redo.hpp"

#include <utility>

namespace coterie::crdt::internal {
namespace {

/// What fails below so many levels of failures is not tried again in the same step: depth is the
/// sender's choice.
constexpr std::size_t kLevelsMax = 64;
/// So many neighbours are looked at before their order is worked out.
constexpr int kStepsMax = 16;
constexpr std::size_t kForGood = ~std::size_t{0};

}  // namespace

void keep_item(Store& store, ItemIndex item, bool keep) {
  while (item != kNone && store.items[item].keep != keep) {
    store.items[item].keep = keep;
    item = store.branches[store.items[item].parent].item;
  }
}

Redo::Redo(Store& store, std::vector<ItemIndex> items, bool overwrite, Replaceable replaceable)
    : store_(store),
      items_(std::move(items)),
      wanted_(items_.begin(), items_.end()),
      overwrite_(overwrite),
      replaceable_(std::move(replaceable)) {}

bool Redo::run() {
  bool any = false;
  for (const ItemIndex item : items_) any = redo(item) != kNone || any;
  return any;
}

/// First all that the item is in, from the outside in. What came of it, or kNone.
ItemIndex Redo::redo(ItemIndex item) {
  std::vector<ItemIndex> chain{item};
  bool hopeless = false;
  while (true) {
    const ItemIndex at = chain.back();
    const auto failed = failed_.find(at);
    if (failed != failed_.end() && (failed->second == kForGood || failed->second == come_)) {
      hopeless = true;
      break;
    }
    if (store_.items[at].redone) break;
    const ItemIndex parent = item_of(store_.items[at].parent);
    if (parent == kNone || !store_.items[parent].deleted || store_.items[parent].redone) break;
    if (wanted_.count(parent) == 0) {
      hopeless = true;
      break;
    }
    chain.push_back(parent);
  }
  ItemIndex came = kNone;
  while (!hopeless && !chain.empty()) {
    came = redo_below_parent(chain.back());
    hopeless = came == kNone;
    if (!hopeless) chain.pop_back();
  }
  if (!hopeless) return came;
  for (const ItemIndex at : chain) failed_[at] = chain.size() > kLevelsMax ? kForGood : come_;
  return kNone;
}

/// Precondition: the parent is there, or came back.
ItemIndex Redo::redo_below_parent(ItemIndex index) {
  const Item& item = store_.items[index];
  if (item.redone) return store_.item_clean_start(store_.redone_of(item));
  ItemIndex parent_item = item_of(item.parent);
  BranchIndex parent = item.parent;
  if (parent_item != kNone && store_.items[parent_item].deleted) {
    while (store_.items[parent_item].redone) {
      parent_item = store_.item_clean_start(store_.redone_of(store_.items[parent_item]));
    }
    if (store_.items[parent_item].kind != ContentKind::kType) return kNone;  // Collected since.
    parent = store_.items[parent_item].content;
  }
  ItemIndex left = kNone;
  ItemIndex right = kNone;
  if (item.in_map) {
    if (!find_map_place(index, parent_item, parent, left)) return kNone;
  } else {
    left = neighbour(index, parent_item, Direction::kLeft);
    right = neighbour(index, parent_item, Direction::kRight);
  }
  return insert_copy(index, parent, left, right);
}

/// What an item became in the list of `parent_item`, if it is there.
ItemIndex Redo::trace(ItemIndex at, ItemIndex parent_item) {
  while (true) {
    const Item& item = store_.items[at];
    if (item.is_gc()) return kNone;
    if (item_of(item.parent) == parent_item) return at;
    if (!item.redone) return kNone;
    at = store_.item_clean_start(store_.redone_of(item));
  }
}

/// What came back into the list of `parent_item` of all that is left of an item, nearest; or of it
/// and all right of it.
ItemIndex Redo::neighbour(ItemIndex index, ItemIndex parent_item, Direction direction) {
  const bool leftwards = direction == Direction::kLeft;
  const auto step = [&](ItemIndex at) {
    return leftwards ? store_.items[at].left : store_.items[at].right;
  };
  ItemIndex at = leftwards ? step(index) : index;
  if (item_of(store_.items[index].parent) == parent_item) return at;
  for (int i = 0; i < kStepsMax; ++i, at = step(at)) {
    if (at == kNone) return kNone;
    if (const ItemIndex traced = trace(at, parent_item); traced != kNone) return traced;
  }
  // The list came back elsewhere, and little of it is there yet.
  const Order& order = order_of(store_.items[index].parent, parent_item);
  const auto after = order.back.lower_bound(order.ranks.at(index));
  if (leftwards) {
    return after == order.back.begin() ? kNone : trace(std::prev(after)->second, parent_item);
  }
  return after == order.back.end() ? kNone : trace(after->second, parent_item);
}

const Redo::Order& Redo::order_of(BranchIndex branch, ItemIndex parent_item) {
  Order& order = orders_[branch];
  if (order.parent_item == parent_item && order.splits == store_.split_count()) return order;
  order = {};
  order.parent_item = parent_item;
  std::uint32_t rank = 0;
  for (ItemIndex at = store_.branches[branch].start; at != kNone; at = store_.items[at].right) {
    order.ranks.emplace(at, rank);
    if (trace(at, parent_item) != kNone) order.back.emplace(rank, at);
    ++rank;
  }
  order.splits = store_.split_count();
  return order;
}

ItemIndex Redo::last_value(BranchIndex parent, KeyIndex key) const {
  const MapEntry* const entry = store_.branches[parent].entries.find(key);
  return entry == nullptr ? kNone : entry->last;
}

/// After which value of its key an item goes. False if somebody else set one since.
bool Redo::find_map_place(ItemIndex index, ItemIndex parent_item, BranchIndex parent,
                          ItemIndex& left) {
  const Item& item = store_.items[index];
  if (item.right != kNone && !overwrite_) {
    left = index;
    while (store_.items[left].right != kNone) {
      const Item& next = store_.items[store_.items[left].right];
      if (!next.redone && !replaceable_(next.id())) return false;
      left = store_.items[left].right;
      while (store_.items[left].redone) {
        left = store_.item_clean_start(store_.redone_of(store_.items[left]));
      }
    }
  } else {
    left = last_value(parent, item.place);
  }
  if (left != kNone &&
      (store_.items[left].is_gc() || item_of(store_.items[left].parent) != parent_item)) {
    left = last_value(parent, item.place);
  }
  return true;
}

ItemIndex Redo::insert_copy(ItemIndex index, BranchIndex parent, ItemIndex left, ItemIndex right) {
  Item& item = store_.items[index];
  const ByteView held = store_.content_of(item);
  if (!store_.has_room(held.size())) return kNone;
  const Bytes content(held.begin(), held.end());  // It is appended to the buffer that it is in.
  std::string node_name;
  NewItem copy;
  copy.client = store_.client_index(store_.client_id);
  copy.clock = store_.client(copy.client).state;
  copy.length = item.length;
  if (copy.length > kClockMax - copy.clock) return kNone;
  copy.left = left;
  copy.right = right;
  if (left != kNone) copy.origin = store_.items[left].last_id();
  if (right != kNone) copy.right_origin = store_.items[right].id();
  copy.parent = parent;
  copy.key = item.key();
  copy.kind = item.kind;
  copy.ascii = item.ascii;
  copy.content = content;
  if (item.kind == ContentKind::kType) {
    const Branch& type = store_.branches[item.content];
    copy.type = type.kind;
    if (type.name != kNone) node_name = store_.key_text(type.name);
    copy.node_name = node_name;
  }
  store_.set_redone(index, {copy.client, copy.clock});
  if (const auto order = orders_.find(item.parent); order != orders_.end()) {
    const auto rank = order->second.ranks.find(index);
    if (rank != order->second.ranks.end()) order->second.back.emplace(rank->second, index);
  }
  const ItemIndex came = store_.integrate_apart(copy);
  keep_item(store_, came, true);
  ++come_;
  return came;
}

}  // namespace coterie::crdt::internal
