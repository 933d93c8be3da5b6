// Variable-length integers in few steps. Where lengths vary, as those of differences do, guessing
// them byte by byte costs more than all the arithmetic: they are read without a branch per byte.
// Clocks of a large document are nearly all of one length: that is told by branches. Eight bytes
// may be read or written at a time, so there must be as many (kVarintSlack).

#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace coterie::crdt::internal {

/// Bytes that must be readable, or writable, from where a varint starts.
inline constexpr std::size_t kVarintSlack = 8;

/// Seven-bit groups of a varuint, joined: what lib0's readVarUint gives for one of at most eight
/// bytes. Returns where it ends, or null if it is longer than that.
inline const std::uint8_t* load_varuint(const std::uint8_t* at, std::uint64_t& value) {
  static_assert(std::endian::native == std::endian::little);
  std::uint32_t half;
  std::memcpy(&half, at, sizeof(half));
  if (const std::uint32_t stops = ~half & 0x8080'8080u; stops != 0) {
    half &= stops ^ (stops - 1);
    value = (half & 0x7f) | ((half >> 1) & 0x3f80) | ((half >> 2) & 0x1f'c000) |
            ((half >> 3) & 0xfe0'0000);
    return at + (static_cast<unsigned>(std::countr_zero(stops)) / 8 + 1);
  }
  std::uint64_t word;
  std::memcpy(&word, at, sizeof(word));
  const std::uint64_t stops = ~word & 0x8080'8080'8080'8080u;
  if (stops == 0) return nullptr;
  word &= stops ^ (stops - 1);
  word = (word & 0x007f'007f'007f'007fu) | ((word & 0x7f00'7f00'7f00'7f00u) >> 1);
  word = (word & 0x0000'3fff'0000'3fffu) | ((word & 0x3fff'0000'3fff'0000u) >> 2);
  value = (word & 0x0fff'ffffu) | ((word & 0x0fff'ffff'0000'0000u) >> 4);
  return at + (static_cast<unsigned>(std::countr_zero(stops)) / 8 + 1);
}

/// Writes a varuint; returns where it ends.
inline std::uint8_t* store_varuint(std::uint8_t* at, std::uint64_t value) {
  while (value >= (1u << 21)) {
    *at++ = static_cast<std::uint8_t>(value | 0x80);
    value >>= 7;
  }
  const auto rest = static_cast<std::uint32_t>(value);
  if (rest >= (1u << 14)) {
    const std::uint32_t three =
        (rest & 0x7f) | ((rest << 1) & 0x7f00) | ((rest << 2) & 0x7f'0000) | 0x8080;
    std::memcpy(at, &three, sizeof(three));
    return at + 3;
  }
  if (rest >= (1u << 7)) {
    at[0] = static_cast<std::uint8_t>(rest | 0x80);
    at[1] = static_cast<std::uint8_t>(rest >> 7);
    return at + 2;
  }
  at[0] = static_cast<std::uint8_t>(rest);
  return at + 1;
}

}  // namespace coterie::crdt::internal
