#include "crdt/internal/conflict_index.hpp"

#include <algorithm>
#include <limits>

#include "crdt/internal/store.hpp"

namespace coterie::crdt::internal {
namespace {

constexpr std::uint64_t kNoEnd = std::numeric_limits<std::uint64_t>::max();

std::uint64_t number(const LocalId& id) { return (std::uint64_t{id.client} << 32) | id.clock; }

}  // namespace

bool ConflictIndex::sibling_before(const Sibling& a, const Sibling& b) {
  if (a.origin != b.origin) return number(a.origin) < number(b.origin);
  if (a.right_origin != b.right_origin) return number(a.right_origin) < number(b.right_origin);
  return a.client < b.client;
}

bool ConflictIndex::family_before(const Family& a, const LocalId& origin) {
  return number(a.origin) < number(origin);
}

/// One new item, and the walk for it: block by block, and item by item where need be.
struct ConflictIndex::Query {
  ConflictIndex& owner;
  const Store& store;
  List& list;
  const NewItem& item;
  ClientId client;
  Spot origin;
  std::uint64_t right = kNoEnd;
  // Where the item goes, so far: after this one.
  ItemIndex place;
  std::uint64_t place_order;

  Query(ConflictIndex& index, List& where, const NewItem& what)
      : owner(index),
        store(index.store_),
        list(where),
        item(what),
        client(index.store_.client(what.client).id),
        place(what.left) {
    if (item.left != kNone) origin = {owner.order_of(item.left), item.origin.clock};
    place_order = origin.item;
    if (item.right != kNone && item.right < owner.places_.size()) {
      const Place& at = owner.places_[item.right];
      // One that is elsewhere, or left of the origin, is never come by.
      if (at.block != nullptr && at.block->list == &list && origin.item < order(at)) {
        right = order(at);
      }
    }
  }

  /// Whether the walk might end in a block that lies right of the origin.
  bool may_end_in(const Block& block) const {
    const Sibling wanted{item.origin, item.right_origin, client};
    const auto found =
        std::lower_bound(block.siblings.begin(), block.siblings.end(), wanted, sibling_before);
    if (found != block.siblings.end() && found->origin == item.origin &&
        found->right_origin == item.right_origin) {
      return true;
    }
    Spot spot;
    return owner.leftmost_but(block, item.origin, spot) && spot < origin;
  }

  Family* family_in(Block& block) const {
    const auto found =
        std::lower_bound(block.families.begin(), block.families.end(), item.origin, family_before);
    return found != block.families.end() && found->origin == item.origin ? &*found : nullptr;
  }

  void move_to(ItemIndex index) {
    place = index;
    place_order = owner.order_of(index);
  }

  /// The walk as in Store::resolve_conflicts(), by order instead of marks. False: it ended.
  bool walk(const Block& block, std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) {
      const Item& other = store.items[block.items[i]];
      if (other.origin == item.origin) {
        if (store.client(other.client).id < client) {
          move_to(block.items[i]);
        } else if (other.right_origin == item.right_origin) {
          return false;
        }
        continue;
      }
      const Spot spot = owner.origin_spot(block.items[i]);
      if (spot < origin) return false;
      if (spot.item <= place_order) move_to(block.items[i]);
    }
    return true;
  }

  /// Goes over a whole block. False: the walk ended in it.
  bool pass(Block& block) {
    owner.sum_up(block);
    if (may_end_in(block)) return walk(block, 0, block.items.size());
    Family* const family = family_in(block);
    if (family == nullptr) {
      // Once the place is in here, it moves to the end.
      Spot spot;
      if (owner.leftmost_but(block, item.origin, spot) && spot.item <= place_order) {
        move_to(block.items.back());
      }
      return true;
    }
    if (family->version == block.version && family->client == client && family->from == place) {
      if (family->to != place) move_to(family->to);
      return true;
    }
    const ItemIndex from = place;
    const bool goes_on = walk(block, 0, block.items.size());
    *family = {item.origin, client, from, place, goes_on ? block.version : 0};
    return goes_on;
  }

  ItemIndex run() {
    std::size_t block = 0;
    std::size_t from = 0;
    if (item.left != kNone) {
      const Place& at = owner.places_[item.left];
      block = at.block->ordinal;
      from = at.at + 1;
    }
    for (; block < list.blocks.size(); ++block, from = 0) {
      Block& here = *list.blocks[block];
      const std::size_t size = here.items.size();
      if (right != kNoEnd && owner.places_[item.right].block == &here) {
        walk(here, from, owner.places_[item.right].at);
        break;
      }
      if (!(from == 0 ? pass(here) : walk(here, from, size))) break;
    }
    return place;
  }
};

std::uint64_t ConflictIndex::order(const Place& place) {
  return ((std::uint64_t{place.block->ordinal} + 1) << 32) | place.at;
}

ConflictIndex::Spot ConflictIndex::spot_of(const LocalId& origin) const {
  if (!origin.exists()) return {};
  return {order_of(store_.item_at(origin)), origin.clock};
}

ConflictIndex::Spot ConflictIndex::origin_spot(ItemIndex index) const {
  const Item& item = store_.items[index];
  if (item.left != kNone && item.origin.exists()) {
    // Mostly it is what is left of it.
    const Item& left = store_.items[item.left];
    if (left.client == item.origin.client && left.clock <= item.origin.clock &&
        item.origin.clock < left.end()) {
      return {order_of(item.left), item.origin.clock};
    }
  }
  return spot_of(item.origin);
}

bool ConflictIndex::leftmost_but(const Block& block, const LocalId& origin, Spot& spot) const {
  for (std::size_t i = 0; i < block.leftmost_count; ++i) {
    if (block.leftmost[i] == origin) continue;
    spot = spot_of(block.leftmost[i]);
    return true;
  }
  return false;
}

void ConflictIndex::sum_up(Block& block) {
  if (block.summed) return;
  block.summed = true;
  block.siblings.clear();
  block.families.clear();
  block.leftmost_count = 0;
  for (const ItemIndex item : block.items) add_to_sum(block, item);
}

void ConflictIndex::add_to_sum(Block& block, ItemIndex index) {
  const Item& item = store_.items[index];
  const Sibling sibling{item.origin, item.right_origin, store_.client(item.client).id};
  block.siblings.insert(
      std::upper_bound(block.siblings.begin(), block.siblings.end(), sibling, sibling_before),
      sibling);
  const auto family =
      std::lower_bound(block.families.begin(), block.families.end(), item.origin, family_before);
  if (family != block.families.end() && family->origin == item.origin) return;
  block.families.insert(family, Family{.origin = item.origin});
  const Spot spot = origin_spot(index);
  LocalId* const leftmost = block.leftmost;
  std::size_t& count = block.leftmost_count;
  std::size_t at = 0;
  while (at < count && spot_of(leftmost[at]) < spot) ++at;
  if (at == 2) return;
  if (at == 0 && count > 0) leftmost[1] = leftmost[0];
  leftmost[at] = item.origin;
  count = std::min<std::size_t>(count + 1, 2);
}

void ConflictIndex::renumber(List& list, std::size_t from) {
  for (std::size_t i = from; i < list.blocks.size(); ++i) {
    list.blocks[i]->ordinal = static_cast<std::uint32_t>(i);
  }
}

void ConflictIndex::set_places(Block& block, std::size_t from) {
  for (std::size_t i = from; i < block.items.size(); ++i) {
    const ItemIndex item = block.items[i];
    if (item >= places_.size()) places_.resize(std::size_t{item} * 2 + 1024);
    places_[item] = {&block, static_cast<std::uint32_t>(i)};
  }
}

ConflictIndex::List& ConflictIndex::list_of(BranchIndex branch, KeyIndex key) {
  std::unique_ptr<List>& list = lists_[(std::uint64_t{branch} << 32) | key];
  if (list != nullptr) return *list;
  list = std::make_unique<List>();
  ItemIndex at = store_.branches[branch].start;
  if (key != kNone) {
    const MapEntry* const entry = store_.branches[branch].entries.find(key);
    at = entry == nullptr ? kNone : entry->first;
  }
  Block* block = nullptr;
  for (; at != kNone; at = store_.items[at].right) {
    if (block == nullptr || block->items.size() >= (block_max_ + 1) / 2) {
      list->blocks.push_back(std::make_unique<Block>());
      block = list->blocks.back().get();
      block->list = list.get();
    }
    block->items.push_back(at);
  }
  renumber(*list, 0);
  for (const auto& each : list->blocks) set_places(*each, 0);
  return *list;
}

ItemIndex ConflictIndex::resolve(const NewItem& item) {
  return Query(*this, list_of(item.parent, item.key), item).run();
}

void ConflictIndex::inserted(ItemIndex index) {
  const Item& item = store_.items[index];
  Block* block = nullptr;
  std::size_t at = 0;
  if (item.left != kNone) {
    if (item.left >= places_.size() || places_[item.left].block == nullptr) return;
    block = places_[item.left].block;
    at = places_[item.left].at + 1;
  } else {
    const auto found = lists_.find((std::uint64_t{item.parent} << 32) | item.key());
    if (found == lists_.end()) return;
    auto& blocks = found->second->blocks;
    if (blocks.empty()) {
      blocks.push_back(std::make_unique<Block>());
      blocks.back()->list = found->second.get();
    }
    block = blocks.front().get();
  }
  block->items.insert(block->items.begin() + static_cast<std::ptrdiff_t>(at), index);
  set_places(*block, at);
  ++block->version;
  if (block->items.size() <= block_max_) {
    if (block->summed) add_to_sum(*block, index);
    return;
  }
  List& list = *block->list;
  const std::size_t half = block->items.size() / 2;
  auto upper = std::make_unique<Block>();
  upper->list = &list;
  upper->items.assign(block->items.begin() + static_cast<std::ptrdiff_t>(half), block->items.end());
  block->items.resize(half);
  block->summed = false;
  const std::size_t ordinal = block->ordinal;
  list.blocks.insert(list.blocks.begin() + static_cast<std::ptrdiff_t>(ordinal) + 1,
                     std::move(upper));
  renumber(list, ordinal + 1);
  set_places(*list.blocks[ordinal + 1], 0);
}

}  // namespace coterie::crdt::internal
