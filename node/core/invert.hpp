// Inverse: takes back what somebody inserted and deleted in a document, as an edit of one's own.

#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "crdt/doc.hpp"
#include "crdt/id_set.hpp"

namespace coterie::node {

/// What to do to a document, and what it looks like.
struct Inverse {
  Bytes update;                ///< Yjs v1; empty: nothing is left to take back.
  std::uint64_t removed = 0;   ///< Elements that it deletes; a character of text is one.
  std::uint64_t restored = 0;  ///< Elements that it inserts anew.
  /// Where the text of the roots changes: from the first difference to the last, before and after;
  /// at most kInverseTextBytesMax each, cut at a character.
  std::string before;
  std::string after;
};

inline constexpr std::size_t kInverseTextBytesMax = 400;

/// What undoes `inserted` and `deleted` in `doc`, by the rules of UndoManager: what was inserted
/// and is still there is deleted, what was deleted and came not back is inserted anew. A type with
/// something in it that others put there stays, and so does whatever others did around.
///
/// `doc` must not have collected what was deleted; it is changed accordingly, by `client`. Cost:
/// O(document).
Inverse invert(crdt::Doc& doc, const crdt::IdSet& inserted, const crdt::IdSet& deleted,
               crdt::ClientId client);

/// Runs `edits` on `doc` as `client`, and tells what they did. Cost: that, and O(document).
Inverse tell_edits(crdt::Doc& doc, crdt::ClientId client, const std::function<void()>& edits);

}  // namespace coterie::node
