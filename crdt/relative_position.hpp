// Relative positions: places in a list that stay where they are while others edit (cursors,
// selections, comments).
//
// A position is a gap between two elements, held by the id of the one after it, or, with a negative
// association, of the one before it; at an end by the list itself. It goes with that element
// through all edits, and stands in its place once it is deleted. Yjs:
// src/utils/RelativePosition.js.
//
//     position := (0 client:varuint clock:varuint | 1 root:varstring | 2 client:varuint
//     clock:varuint)
//                 association:varint?
//
//     auto position = relative_position(text, 10);
//     ... edits by anybody ...
//     auto place = absolute_position(doc, *position);   // place->index

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "crdt/any.hpp"
#include "crdt/base/bytes.hpp"
#include "crdt/base/result.hpp"
#include "crdt/id_set.hpp"
#include "crdt/shared_type.hpp"

namespace coterie::crdt {

class Doc;

/// Which neighbour holds a position. Yjs has any number here; its sign is what counts.
inline constexpr std::int64_t kAssociateRight = 0;
inline constexpr std::int64_t kAssociateLeft = -1;

/// A value, meaningful in every replica that has what it names. Equal as Yjs's
/// compareRelativePositions has it: all members.
struct RelativePosition {
  /// The list, if it is nested: the id of the item that holds it.
  std::optional<Id> type;
  /// The list, if it is a root. Neither survives encoding where there is an `item`, which says
  /// more.
  std::optional<std::string> root;
  /// The element; none at the end of the list (at its start, for a negative association).
  std::optional<Id> item;
  std::int64_t association = kAssociateRight;

  bool operator==(const RelativePosition&) const = default;

  Bytes encode() const;
  /// Errors: kMalformed (truncated, no such form, root not UTF-8, bytes after it).
  static Result<RelativePosition> decode(ByteView input);

  /// {"type"?, "tname"?, "item"?, "assoc"} with ids as {"client", "clock"}.
  Any to_json() const;
  /// Absent and null members are the same. Errors: kMalformed.
  static Result<RelativePosition> from_json(const Any& json);
};

/// Where a relative position is now.
struct AbsolutePosition {
  SharedType type;
  std::uint64_t index = 0;  ///< UTF-16 units for text.
  std::int64_t association = kAssociateRight;

  bool operator==(const AbsolutePosition&) const = default;
};

/// The position at `index` of a text, array or XML type; past the end it is the end. O(log items).
///
/// Errors: kNotFound (stale handle), kMalformed (inside a surrogate pair).
Result<RelativePosition> relative_position(const SharedType& type, std::uint64_t index,
                                           std::int64_t association = kAssociateRight);

/// What is redone by an UndoManager of this replica is followed to where it came back, or not. Only
/// the replica that undid knows: positions that several replicas must agree on ask for kIgnore.
enum class UndoneDeletions { kFollow, kIgnore };

/// Nothing if what the position names has not arrived here, or was collected. In a list that was
/// deleted the index is 0. Never inside a surrogate pair, unless the id named is that of its second
/// half. O(log items).
std::optional<AbsolutePosition> absolute_position(
    const Doc& doc, const RelativePosition& position,
    UndoneDeletions undone = UndoneDeletions::kFollow);

}  // namespace coterie::crdt
