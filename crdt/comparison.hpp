// Whether an update says the same of what a document holds already.
//
// An id (client, clock) names one element for ever, so whoever says it again says the same: who
// inserted it where, and what it is. Yjs takes the first it hears and never looks at the second;
// two that differ leave replicas apart for good, each with what came first. Where members may lie,
// that must be seen before an update is applied.
//
// What a stock client sends again, whole or cut, merged, diffed or collected, never contradicts:
//
//   - how elements are cut into structs says nothing;
//   - what was deleted and collected may have been anything of its length, and what lies in a
//     collected type may have been anywhere;
//   - values count as JavaScript has them: order of members apart, and for embeds and formatting as
//     JSON (see convert_update_v2_to_v1);
//   - half a surrogate pair, which a cut made U+FFFD, may have been any half.
//
// Nothing of this is in Yjs.

#pragma once

#include <optional>

#include "crdt/base/bytes.hpp"
#include "crdt/base/result.hpp"
#include "crdt/doc.hpp"
#include "crdt/id_set.hpp"

namespace coterie::crdt {

struct UpdateComparison {
  /// The first element that the update has otherwise than the document, which holds it or keeps it
  /// pending: other content, another place. No stock client sends such a thing.
  std::optional<Id> contradiction;
  /// The first element that the update has and the document holds as collected with a type it was
  /// in (GC), though the type that the update puts it into is not deleted here. Either its deletion
  /// (or it) is still on its way, or somebody lied. Not proof of anything; but a replica that hears
  /// the other first holds the element.
  std::optional<Id> hidden;
  /// The first element whose content the update has and the document forgot: there is nothing to
  /// compare. A document that does not collect forgets nothing.
  std::optional<Id> forgotten;
};

/// Nothing is changed. Cost: reading the update (as inspect_update()), and for clients of whom
/// something is held twice O(structs held and said again, log of those held). At most
/// kComparisonSteps structs that are held are looked at, and 64 more for each byte of the update:
/// what lies beyond counts as equal (an honest update has about as many structs as are held).
///
/// Errors: as inspect_update().
Result<UpdateComparison> compare_update(const Doc& doc, ByteView update_v1);

inline constexpr std::uint64_t kComparisonSteps = 1u << 20;

}  // namespace coterie::crdt
