#include "crdt/attribution.hpp"

#include <algorithm>

#include "crdt/internal/access.hpp"

namespace coterie::crdt {

using internal::Item;
using internal::ItemIndex;
using internal::kNone;
using internal::Store;

std::vector<AttributedRange> attribution(const SharedType& list, std::uint64_t index,
                                         std::uint64_t length) {
  Store& store = internal::Access::store(list);
  const internal::Branch* const branch = store.resolve(list);
  std::vector<AttributedRange> ranges;
  if (branch == nullptr || index >= branch->length) return ranges;
  length = std::min(length, branch->length - index);
  const auto found = store.locate(Store::slot_of(list), static_cast<std::uint32_t>(index));
  std::uint32_t skipped = found.offset;
  for (ItemIndex at = found.item; at != kNone && length > 0; at = store.items[at].right) {
    const Item& item = store.items[at];
    if (item.visible_length() == 0) continue;
    const IdRange ids{store.client(item.client).id, Clock{item.clock} + skipped,
                      std::min<std::uint64_t>(item.length - skipped, length)};
    skipped = 0;
    if (!ranges.empty() && ranges.back().ids.client == ids.client &&
        ranges.back().ids.clock + ranges.back().ids.length == ids.clock) {
      ranges.back().ids.length += ids.length;
    } else {
      ranges.push_back({ids, index});
    }
    index += ids.length;
    length -= ids.length;
  }
  return ranges;
}

}  // namespace coterie::crdt
