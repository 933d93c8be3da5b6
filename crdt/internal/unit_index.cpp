#include "crdt/internal/unit_index.hpp"

#include <algorithm>

namespace coterie::crdt::internal {

Utf16Position UnitIndex::position(ByteView content, std::size_t from, std::uint64_t units) {
  if (before_.empty()) before_.push_back(0);
  while (before_.size() * kStep <= content.size()) {
    const ByteView step = content.subspan((before_.size() - 1) * kStep, kStep);
    before_.push_back(before_.back() + static_cast<std::uint32_t>(utf16_length(step)));
  }
  const std::size_t first = from / kStep;
  const std::uint32_t target =
      before_[first] + static_cast<std::uint32_t>(
                           utf16_length(content.subspan(first * kStep, from % kStep)) + units);
  const auto after =
      std::upper_bound(before_.begin() + static_cast<std::ptrdiff_t>(first), before_.end(), target);
  const auto step = static_cast<std::size_t>(after - before_.begin()) - 1;
  std::size_t at = from;
  if (step > first) {
    at = step * kStep;
    units = target - before_[step];
    // The step may begin inside a code point, all of which was counted before it.
    while (at < content.size() && (content[at] & 0xc0) == 0x80) ++at;
  }
  const Utf16Position found = utf16_position(content.subspan(at), units);
  return {.byte = at + found.byte, .inside_pair = found.inside_pair};
}

void UnitIndex::patched(ByteView content, std::size_t byte) {
  const std::size_t step = (byte + 3) / kStep;
  if (step == byte / kStep || step >= before_.size()) return;
  const ByteView previous = content.subspan((step - 1) * kStep, kStep);
  before_[step] = before_[step - 1] + static_cast<std::uint32_t>(utf16_length(previous));
}

}  // namespace coterie::crdt::internal
