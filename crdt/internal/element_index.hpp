// Finds elements of long kAny and kJson content, whose values have different sizes, without reading
// from the start: every so many clocks it knows the byte.

#pragma once

#include <cstdint>
#include <map>

#include "crdt/base/bytes.hpp"
#include "crdt/internal/item.hpp"

namespace coterie::crdt::internal {

/// Over the content buffer of one client, where a clock stands for one element at one place until
/// the buffer is rewritten (clear() then). Built as far as it is asked.
class ElementIndex {
 public:
  /// The byte of `content` where element `offset` of an item starts (or ends, for its length).
  std::uint32_t position(ByteView content, const Item& item, std::uint32_t offset);

  void clear() { bytes_.clear(); }

 private:
  static constexpr std::uint32_t kStep = 256;

  std::map<std::uint32_t, std::uint32_t> bytes_;  ///< By clock.
};

}  // namespace coterie::crdt::internal
