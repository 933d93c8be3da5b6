// Byte strings, and the lib0 primitives that Yjs builds its encodings from.
//
//     varuint   := little-endian base 128, high bit = more follows; below 2^53
//     varstring := varuint byte length, then UTF-8
//     bytes     := varuint length, then raw
//
// Source: lib0 src/encoding.js and src/decoding.js.

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/base/result.hpp"

namespace coterie {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

/// JavaScript numbers hold integers exactly up to here; Yjs peers cannot tell larger ones apart.
inline constexpr std::uint64_t kSafeIntegerMax = (std::uint64_t{1} << 53) - 1;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline bool equal(ByteView a, ByteView b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

inline void append(Bytes& out, ByteView bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

inline void append_varuint(Bytes& out, std::uint64_t value) {
  while (value > 0x7f) {
    out.push_back(static_cast<std::uint8_t>(0x80 | (value & 0x7f)));
    value >>= 7;
  }
  out.push_back(static_cast<std::uint8_t>(value));
}

inline void append_varbytes(Bytes& out, ByteView bytes) {
  append_varuint(out, bytes.size());
  append(out, bytes);
}

inline void append_varstring(Bytes& out, std::string_view text) {
  append_varbytes(out, as_bytes(text));
}

/// Reads forward over a view it does not own. Every read checks its bounds; an error leaves the
/// position where it was. `Error::detail` is the offset of the failed read.
class ByteReader {
 public:
  explicit ByteReader(ByteView input) : input_(input) {}

  std::size_t offset() const { return offset_; }
  std::size_t remaining() const { return input_.size() - offset_; }
  bool at_end() const { return offset_ == input_.size(); }

  Result<std::uint8_t> read_u8() {
    if (at_end()) return fail("truncated byte");
    return input_[offset_++];
  }

  /// Errors: kMalformed when truncated or above kSafeIntegerMax.
  Result<std::uint64_t> read_varuint() {
    std::uint64_t value = 0;
    unsigned shift = 0;
    std::size_t at = offset_;
    while (at < input_.size()) {
      const std::uint8_t byte = input_[at++];
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) {
        if (value > kSafeIntegerMax) return fail("varuint above 2^53-1");
        offset_ = at;
        return value;
      }
      shift += 7;
      if (shift > 56) return fail("varuint above 2^53-1");
    }
    return fail("truncated varuint");
  }

  /// The view points into the input.
  Result<ByteView> read_bytes(std::uint64_t count) {
    if (count > remaining()) return fail("truncated bytes");
    const ByteView view = input_.subspan(offset_, static_cast<std::size_t>(count));
    offset_ += static_cast<std::size_t>(count);
    return view;
  }

  /// The view points into the input.
  Result<ByteView> read_varbytes() {
    const std::size_t start = offset_;
    auto length = read_varuint();
    if (!length) return length.error();
    auto view = read_bytes(*length);
    if (!view) offset_ = start;
    return view;
  }

  /// As read_varbytes(); does not check that the bytes are UTF-8.
  Result<std::string_view> read_varstring() {
    auto view = read_varbytes();
    if (!view) return view.error();
    return as_text(*view);
  }

 private:
  Error fail(const char* what) const { return {ErrorCode::kMalformed, what, offset_}; }

  ByteView input_;
  std::size_t offset_ = 0;
};

/// Lower-case hexadecimal.
std::string to_hex(ByteView bytes);

/// Errors: kMalformed (odd length, or a character that is no hexadecimal digit).
Result<Bytes> from_hex(std::string_view text);

/// Whether `text` is well-formed UTF-8 (no overlong forms, no surrogates, at most U+10FFFF).
bool is_utf8(std::string_view text);

}  // namespace coterie
