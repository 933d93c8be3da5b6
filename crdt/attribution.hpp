// Attribution: who wrote what, for ever.
//
// Each element of a text or array carries the id its author gave it, through all merging and for as
// long as it is there. Nothing has to be recorded for that.

#pragma once

#include <cstdint>
#include <vector>

#include "crdt/id_set.hpp"
#include "crdt/shared_type.hpp"

namespace coterie::crdt {

/// Consecutive visible elements that one client inserted, with consecutive clocks.
struct AttributedRange {
  IdRange ids;              ///< Author, first clock and length.
  std::uint64_t index = 0;  ///< Where it starts in the list; UTF-16 units for text.

  bool operator==(const AttributedRange&) const = default;
};

/// Who wrote the visible elements of a text, array or XML type, from `index` on, in order: the
/// fewest ranges that say it. Past the end there are none. O(log items + items in the range).
std::vector<AttributedRange> attribution(const SharedType& list, std::uint64_t index = 0,
                                         std::uint64_t length = kSafeIntegerMax);

}  // namespace coterie::crdt
