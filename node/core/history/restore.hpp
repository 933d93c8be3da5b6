// Restore: makes a document what it was, by edits of one's own.

#pragma once

#include "crdt/doc.hpp"
#include "crdt/id_set.hpp"
#include "crdt/snapshot.hpp"
#include "node/core/invert.hpp"

namespace coterie::node {

struct Restored {
  Inverse edits;
  crdt::IdSet put_back;  ///< Elements that had been deleted, of which there are copies now.
};

/// Deletes in `doc` what was not there at `snapshot`, and inserts anew, in its place, what was
/// there and is not. What was there then and is still stays as it is, so that edits others make
/// meanwhile to it hold, and those to the rest merge as with any edit. Nothing is edited if the
/// document reads as it did.
///
/// `doc` must not have collected what was deleted; it is changed accordingly, by `client`. Cost:
/// O(document).
Restored restore(crdt::Doc& doc, const crdt::Snapshot& snapshot, crdt::ClientId client);

}  // namespace coterie::node
