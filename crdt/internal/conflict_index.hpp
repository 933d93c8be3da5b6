// Finding the place of an item among concurrent ones without walking over all of them.
//
// Yjs walks from where the author saw the left neighbour to the right one, and so does
// Store::resolve_conflicts(). That is a few steps among people. An attacker makes it the whole list
// for each item: 1 MB of update, 150 s. When the walks of one update have become that long, the
// list is cut into blocks that know enough about their items to be stepped over: 7 s for that 1 MB.
//
// The order is that of Yjs for any input, honest or not. Let O be the origin of the new item, C its
// client; q(y) the place of the origin of y. The walk (integrate.cpp) goes over the items y between
// O and the right neighbour and ends before the first that is
//
//     (1) of an origin left of O, or
//     (2) of origin O ("sibling"), of a client not less than C, with the same right origin.
//
// The place moves right to y if y is a sibling of a client less than C, or no sibling and q(y) is
// at or left of the place. So once it moved to y it moves on with every item up to the next
// sibling, because q is left of an item always. Hence a block that the walk cannot end in, by the
// least q and the siblings in it, and that holds no sibling, moves the place to its end or not at
// all; which, the least q tells. One that holds siblings is walked through, and remembers per
// family of siblings from where to where it moved the place for the last client: an attacker who
// comes with another client each time runs out of clients (kClientsMax).
//
// Source: our own; the rules are those of Item.integrate in yjs src/structs/Item.js.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "crdt/internal/item.hpp"
#include "crdt/state_vector.hpp"

namespace coterie::crdt::internal {

class Store;
struct NewItem;

/// Lives while one update is integrated: only insertions and splits happen then. Memory and
/// building are linear in the lists it covers.
class ConflictIndex {
 public:
  /// Most items of a block; tests choose small ones.
  explicit ConflictIndex(const Store& store, std::size_t block_max = 1024)
      : store_(store), block_max_(block_max) {}

  /// The item that the new one goes after (kNone: first of its list). O(blocks log block_max +
  /// block_max), and block_max for each block with siblings that it remembers nothing of.
  ItemIndex resolve(const NewItem& item);

  /// Tells of an item that is linked now. O(block_max).
  void inserted(ItemIndex index);

 private:
  struct List;

  struct Sibling {
    LocalId origin;
    LocalId right_origin;
    ClientId client = 0;
  };
  /// Siblings in one block, and what the last walk over them did.
  struct Family {
    LocalId origin;
    ClientId client = 0;
    ItemIndex from = kNone;
    ItemIndex to = kNone;
    std::uint64_t version = 0;  ///< Of the block then; 0: not remembered.
  };
  struct Block {
    List* list = nullptr;
    std::uint32_t ordinal = 0;
    std::vector<ItemIndex> items;
    std::uint64_t version = 1;  ///< Of `items`.
    // What its items are like, kept once it was asked for.
    bool summed = false;
    std::vector<Sibling> siblings;  ///< By origin, right origin, client.
    std::vector<Family> families;   ///< By origin.
    /// The two origins (kNoId: the start of the list) that are furthest to the left.
    LocalId leftmost[2];
    std::size_t leftmost_count = 0;
  };
  struct List {
    std::vector<std::unique_ptr<Block>> blocks;
  };
  struct Place {
    Block* block = nullptr;
    std::uint32_t at = 0;
  };
  /// Where an element is; kStart (all zero) is left of all.
  struct Spot {
    std::uint64_t item = 0;   ///< Ordinal of the block plus one, and the index in it.
    std::uint32_t clock = 0;  ///< Inside the item.
    bool operator<(const Spot& other) const {
      return item != other.item ? item < other.item : clock < other.clock;
    }
  };
  struct Query;

  List& list_of(BranchIndex branch, KeyIndex key);
  static std::uint64_t order(const Place& place);
  std::uint64_t order_of(ItemIndex item) const { return order(places_[item]); }
  Spot spot_of(const LocalId& origin) const;
  Spot origin_spot(ItemIndex item) const;
  /// The leftmost origin among those of the block, that one left out; false if there is none.
  bool leftmost_but(const Block& block, const LocalId& origin, Spot& spot) const;
  static bool sibling_before(const Sibling& a, const Sibling& b);
  static bool family_before(const Family& a, const LocalId& origin);
  void sum_up(Block& block);
  void add_to_sum(Block& block, ItemIndex item);
  void renumber(List& list, std::size_t from);
  void set_places(Block& block, std::size_t from);

  const Store& store_;
  std::size_t block_max_;
  std::unordered_map<std::uint64_t, std::unique_ptr<List>> lists_;  ///< By branch and key.
  std::vector<Place> places_;                                       ///< By item.
};

}  // namespace coterie::crdt::internal
