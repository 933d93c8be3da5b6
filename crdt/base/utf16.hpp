// UTF-8 text measured in UTF-16 code units: the unit of Yjs's indices.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "crdt/base/bytes.hpp"

namespace coterie {

/// What one pass over a string tells.
struct Utf16Scan {
  bool valid = false;        ///< Well-formed UTF-8; the rest means nothing otherwise.
  bool ascii = false;        ///< One byte is one unit everywhere.
  std::uint64_t length = 0;  ///< UTF-16 code units.
};

/// Checks and measures `bytes` in one pass. O(n), eight bytes a step where it is ASCII.
Utf16Scan scan_utf16(ByteView bytes);

/// UTF-16 code units in `bytes`. Precondition: well-formed UTF-8.
std::uint64_t utf16_length(ByteView bytes);

/// Where the code point that holds a UTF-16 offset starts.
struct Utf16Position {
  std::size_t byte = 0;
  /// The offset points between the two units of the code point at `byte` (4 bytes long).
  bool inside_pair = false;
};

/// Preconditions: `bytes` is well-formed UTF-8, `offset` at most its length in units. O(offset).
Utf16Position utf16_position(ByteView bytes, std::uint64_t offset);

/// Bytes of the first `length` units. Precondition as above, and no pair is split.
inline std::size_t utf16_prefix_bytes(ByteView bytes, std::uint64_t length) {
  return utf16_position(bytes, length).byte;
}

}  // namespace coterie
