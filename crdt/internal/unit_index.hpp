// Finds UTF-16 units in a long UTF-8 buffer without reading it from the start: every so many bytes
// it knows how many units come before. Text that is ASCII needs none of this.

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "crdt/base/bytes.hpp"
#include "crdt/base/utf16.hpp"

namespace coterie::crdt::internal {

/// Over a buffer that only grows at its end, but for patched(). What is between texts in it counts
/// like text: only differences between positions in one text matter. Built as far as it is asked.
class UnitIndex {
 public:
  /// The place `units` after byte `from` of `content`; both in one text. O(log bytes).
  Utf16Position position(ByteView content, std::size_t from, std::uint64_t units);

  /// The four bytes at `byte` were replaced by others that count the same together.
  void patched(ByteView content, std::size_t byte);

  void clear() { before_.clear(); }

 private:
  static constexpr std::size_t kStep = 512;

  std::vector<std::uint32_t> before_;  ///< Units before byte kStep * i, modulo 2^32.
};

}  // namespace coterie::crdt::internal
