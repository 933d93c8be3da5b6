#include "crdt/internal/block_list.hpp"

#include <algorithm>

namespace coterie::crdt::internal {
namespace {

/// The last entry at or before `clock`. Precondition: the first one is.
template <typename Vector, typename ClockOf>
std::uint32_t last_at_or_before(const Vector& sorted, std::uint32_t clock, ClockOf clock_of) {
  std::uint32_t low = 0;
  std::uint32_t count = static_cast<std::uint32_t>(sorted.size());
  while (count > 1) {
    const std::uint32_t half = count / 2;
    low = clock_of(sorted[low + half]) <= clock ? low + half : low;
    count -= half;
  }
  return low;
}

}  // namespace

BlockList::Cursor BlockList::find(std::uint32_t clock, Purpose purpose) const {
  COTERIE_DCHECK(!chunks_.empty());
  const Chunk& last = chunks_.back();
  const auto last_chunk = static_cast<std::uint32_t>(chunks_.size() - 1);
  // Authors build on what they have just made, or go on where they were.
  constexpr std::uint32_t kSteps = 6;
  if (clock >= firsts_.back()) {
    auto slot = static_cast<std::uint32_t>(last.size() - 1);
    for (std::uint32_t i = 0; i < kSteps; ++i, --slot) {
      if (last[slot].clock <= clock) return {last_chunk, slot};
    }
  }
  Cursor& hint = hints_[purpose];
  if (hint.chunk < chunks_.size()) {
    const Chunk& chunk = chunks_[hint.chunk];
    std::uint32_t slot = hint.slot;
    if (slot < chunk.size() && chunk[slot].clock <= clock) {
      for (std::uint32_t i = 0; i < kSteps && slot + 1 < chunk.size(); ++i, ++slot) {
        if (clock < chunk[slot + 1].clock) return hint = {hint.chunk, slot};
      }
    }
  }
  const std::uint32_t chunk =
      last_at_or_before(firsts_, clock, [](std::uint32_t first) { return first; });
  const std::uint32_t slot =
      last_at_or_before(chunks_[chunk], clock, [](const Entry& entry) { return entry.clock; });
  return hint = {chunk, slot};
}

void BlockList::add_chunk(std::uint32_t clock) {
  chunks_.emplace_back();
  firsts_.push_back(clock);
  const std::size_t size = std::min<std::size_t>(expected_, kChunkMax);
  chunks_.back().reserve(size);
  expected_ -= size;
}

BlockList::Cursor BlockList::insert_after(Cursor cursor, std::uint32_t clock, ItemIndex item) {
  ++size_;
  if (chunks_[cursor.chunk].size() == kChunkMax) {
    Chunk upper;
    upper.reserve(kChunkMax);
    upper.assign(chunks_[cursor.chunk].begin() + kChunkMax / 2, chunks_[cursor.chunk].end());
    chunks_[cursor.chunk].resize(kChunkMax / 2);
    firsts_.insert(firsts_.begin() + cursor.chunk + 1, upper.front().clock);
    chunks_.insert(chunks_.begin() + cursor.chunk + 1, std::move(upper));
    if (cursor.slot >= kChunkMax / 2) cursor = {cursor.chunk + 1, cursor.slot - kChunkMax / 2};
  }
  Chunk& chunk = chunks_[cursor.chunk];
  chunk.insert(chunk.begin() + cursor.slot + 1, Entry{clock, item});
  return {cursor.chunk, cursor.slot + 1};
}

BlockList::Cursor BlockList::erase(Cursor cursor) {
  COTERIE_DCHECK(!is_begin(cursor));
  --size_;
  Cursor before = previous(cursor);
  Chunk& chunk = chunks_[cursor.chunk];
  chunk.erase(chunk.begin() + cursor.slot);
  if (cursor.slot == 0 && !chunk.empty()) firsts_[cursor.chunk] = chunk.front().clock;
  if (chunk.size() < kChunkMax / 4 && cursor.chunk > 0) {
    // Sparse chunks are folded into the one before, or left when that one is well filled.
    Chunk& target = chunks_[cursor.chunk - 1];
    if (chunk.empty() || target.size() + chunk.size() <= kChunkMax / 2) {
      if (before.chunk == cursor.chunk) {
        before = {cursor.chunk - 1, static_cast<std::uint32_t>(target.size() + before.slot)};
      }
      target.insert(target.end(), chunk.begin(), chunk.end());
      chunks_.erase(chunks_.begin() + cursor.chunk);
      firsts_.erase(firsts_.begin() + cursor.chunk);
    }
  }
  return before;
}

}  // namespace coterie::crdt::internal
