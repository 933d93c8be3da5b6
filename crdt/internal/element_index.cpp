#include "crdt/internal/element_index.hpp"

#include <algorithm>
#include <iterator>

#include "crdt/internal/wire.hpp"

namespace coterie::crdt::internal {

std::uint32_t ElementIndex::position(ByteView content, const Item& item, std::uint32_t offset) {
  const std::uint32_t target = item.clock + offset;
  std::uint32_t clock = item.clock;
  std::uint32_t byte = item.content;
  if (offset >= kStep) {
    const auto after = bytes_.upper_bound(target);
    if (after != bytes_.begin() && std::prev(after)->first > clock) {
      clock = std::prev(after)->first;
      byte = std::prev(after)->second;
    }
  }
  while (clock < target) {
    const std::uint32_t count = std::min(target - clock, kStep);
    const std::uint8_t* const end = content.data() + content.size();
    byte += static_cast<std::uint32_t>(
        content_bytes(item.kind, item.ascii, count, content.data() + byte, end));
    clock += count;
    if (count == kStep && clock < item.end()) bytes_.emplace(clock, byte);
  }
  return byte;
}

}  // namespace coterie::crdt::internal
