// What a Yjs update brings, and what it stands on: ids only, no rights.
//
// An element stands on the one its client inserted before it, on its neighbours at insertion
// (origins) and on what contains it (parent). An update whose foundations are missing waits, in Yjs
// as here. Deletes stand on nothing: of what is not there nothing remains to be deleted.

#pragma once

#include <vector>

#include "crdt/base/bytes.hpp"
#include "crdt/doc.hpp"
#include "crdt/id_set.hpp"

namespace coterie::node {

/// Ids of the elements in `update`; empty when it does not parse. O(update).
crdt::IdSet provided_ids(ByteView update);

/// Ids outside of `update` that its elements stand on directly, each once; empty when it does not
/// parse. Takes a small multiple of the update's memory.
std::vector<crdt::Id> foundations(ByteView update);

/// What the waiting part of `doc` stands on and nobody brought: neither placed nor waiting itself.
/// Empty at once unless has_pending(), else O(what waits + deletes of the document).
std::vector<crdt::Id> missing_foundations(const crdt::Doc& doc);

/// Ids of elements that wait in `doc`. Cost: as missing_foundations().
crdt::IdSet waiting_ids(const crdt::Doc& doc);

bool overlap(const crdt::IdSet& a, const crdt::IdSet& b);
/// `ids` less those in `others`. O(ranges of both).
crdt::IdSet without(const crdt::IdSet& ids, const crdt::IdSet& others);
/// `ids` without those that a replica at `held` has placed.
crdt::IdSet beyond(const crdt::IdSet& ids, const crdt::StateVector& held);

}  // namespace coterie::node
