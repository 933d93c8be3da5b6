// Small readers and writers that the formats of node/core share.

#pragma once

#include "crdt/base/bytes.hpp"
#include "transport/wire/ids.hpp"

namespace coterie::node {

inline Error malformed(const char* what, std::uint64_t offset) {
  return {ErrorCode::kMalformed, what, offset};
}

/// Big-endian, so that keys sort by number.
inline void append_u64(Bytes& out, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::uint8_t>(value >> shift));
  }
}

inline Result<std::uint64_t> read_u64(ByteReader& in) {
  COTERIE_TRY(const ByteView bytes, in.read_bytes(8));
  std::uint64_t value = 0;
  for (const std::uint8_t byte : bytes) value = (value << 8) | byte;
  return value;
}

template <typename Id>
Result<Id> read_id(ByteReader& in) {
  COTERIE_TRY(const ByteView bytes, in.read_bytes(Id::kBytes));
  Id id;
  std::memcpy(id.bytes.data(), bytes.data(), Id::kBytes);
  return id;
}

/// A varuint in its shortest form: signed bytes must not have two spellings.
inline Result<std::uint64_t> read_number(ByteReader& in) {
  const std::size_t start = in.offset();
  COTERIE_TRY(const std::uint64_t value, in.read_varuint());
  std::size_t shortest = 1;
  for (std::uint64_t rest = value >> 7; rest != 0; rest >>= 7) ++shortest;
  if (in.offset() - start != shortest) return malformed("number not in its shortest form", start);
  return value;
}

/// Length-prefixed bytes; the view points into the input.
inline Result<ByteView> read_blob(ByteReader& in) {
  COTERIE_TRY(const std::uint64_t length, read_number(in));
  return in.read_bytes(length);
}

/// Errors: kMalformed (not UTF-8), kLimitExceeded (above `bytes_max`).
inline Result<std::string> read_text(ByteReader& in, std::size_t bytes_max) {
  const std::size_t offset = in.offset();
  COTERIE_TRY(const ByteView bytes, read_blob(in));
  const std::string_view text = as_text(bytes);
  if (text.size() > bytes_max) return Error{ErrorCode::kLimitExceeded, "text too long", offset};
  if (!is_utf8(text)) return malformed("text is not UTF-8", offset);
  return std::string(text);
}

inline Status expect_end(const ByteReader& in) {
  if (!in.at_end()) return malformed("trailing bytes", in.offset());
  return {};
}

}  // namespace coterie::node
