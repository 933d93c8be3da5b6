// The structs of one client, by clock: a vector of sorted chunks.
//
// Finding is a search over chunks and one inside a chunk, with the last hit as a hint; inserting
// and erasing move at most one chunk. Neighbours by clock are a step of a cursor.

#pragma once

#include <cstdint>
#include <vector>

#include "crdt/base/assert.hpp"
#include "crdt/internal/item.hpp"

namespace coterie::crdt::internal {

class BlockList {
 public:
  struct Entry {
    std::uint32_t clock;
    ItemIndex item;
  };
  /// Valid until the list changes, but for the ones the changing functions return.
  struct Cursor {
    std::uint32_t chunk = 0;
    std::uint32_t slot = 0;
    bool operator==(const Cursor&) const = default;
  };

  bool empty() const { return chunks_.empty(); }
  std::size_t size() const { return size_; }
  ItemIndex last() const { return chunks_.back().back().item; }

  const Entry& at(Cursor cursor) const { return chunks_[cursor.chunk][cursor.slot]; }
  ItemIndex item(Cursor cursor) const { return at(cursor).item; }

  Cursor begin() const { return {0, 0}; }
  Cursor back() const {
    return {static_cast<std::uint32_t>(chunks_.size() - 1),
            static_cast<std::uint32_t>(chunks_.back().size() - 1)};
  }
  bool is_begin(Cursor cursor) const { return cursor.chunk == 0 && cursor.slot == 0; }
  bool is_end(Cursor cursor) const { return cursor.chunk >= chunks_.size(); }
  Cursor next(Cursor cursor) const {
    if (++cursor.slot == chunks_[cursor.chunk].size()) return {cursor.chunk + 1, 0};
    return cursor;
  }
  /// Precondition: !is_begin(cursor).
  Cursor previous(Cursor cursor) const {
    if (cursor.slot > 0) return {cursor.chunk, cursor.slot - 1};
    return {cursor.chunk - 1, static_cast<std::uint32_t>(chunks_[cursor.chunk - 1].size() - 1)};
  }

  /// Look-ups of one kind come in runs of their own: each kind has its hint.
  enum Purpose { kLeft, kRight, kRange };

  /// The entry that holds `clock`. Precondition: some entry starts at or before it, and the caller
  /// knows that the clock is below the client's state.
  Cursor find(std::uint32_t clock, Purpose purpose = kRange) const;

  /// Number of entries from `cursor` on. O(chunks).
  std::size_t count_from(Cursor cursor) const {
    std::size_t count = chunks_[cursor.chunk].size() - cursor.slot;
    for (std::size_t i = cursor.chunk + 1; i < chunks_.size(); ++i) count += chunks_[i].size();
    return count;
  }

  /// Appends; `clock` is above all others.
  void push_back(std::uint32_t clock, ItemIndex item) {
    if (chunks_.empty() || chunks_.back().size() == kChunkMax) add_chunk(clock);
    chunks_.back().push_back({clock, item});
    ++size_;
  }

  /// So many entries are about to be appended: chunks are made as large as they will be.
  void expect(std::size_t count) { expected_ = count; }

  /// Inserts after `cursor` and returns the new entry's cursor.
  Cursor insert_after(Cursor cursor, std::uint32_t clock, ItemIndex item);

  /// The entry now starts at `clock`, still after the one before it.
  void set_clock(Cursor cursor, std::uint32_t clock) {
    chunks_[cursor.chunk][cursor.slot].clock = clock;
    if (cursor.slot == 0) firsts_[cursor.chunk] = clock;
  }

  /// Erases the entry and returns the one before it. Precondition: !is_begin(cursor).
  Cursor erase(Cursor cursor);

 private:
  using Chunk = std::vector<Entry>;
  static constexpr std::uint32_t kChunkMax = 128;

  void add_chunk(std::uint32_t clock);

  std::vector<Chunk> chunks_;
  std::vector<std::uint32_t> firsts_;  ///< The first clock of each chunk, close together.
  std::size_t size_ = 0;
  std::size_t expected_ = 0;  ///< See expect().
  mutable Cursor hints_[3];
};

}  // namespace coterie::crdt::internal
