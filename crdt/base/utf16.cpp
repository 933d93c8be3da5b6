#include "crdt/base/utf16.hpp"

#include <cstring>

namespace coterie {
namespace {

constexpr std::uint64_t kHighBits = 0x8080'8080'8080'8080u;

std::uint64_t load_word(const std::uint8_t* at) {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

/// Bytes of the code point that starts with `first`, which is not a continuation byte.
std::size_t code_point_bytes(std::uint8_t first) {
  if (first < 0x80) return 1;
  if (first < 0xe0) return 2;
  return first < 0xf0 ? 3 : 4;
}

/// Length of the well-formed multi-byte code point at `at`, or 0.
std::size_t checked_code_point(const std::uint8_t* at, const std::uint8_t* end) {
  const std::uint8_t first = *at;
  if (first < 0xc2 || first > 0xf4) return 0;
  const std::size_t length = code_point_bytes(first);
  if (static_cast<std::size_t>(end - at) < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((at[i] & 0xc0) != 0x80) return 0;
  }
  const std::uint8_t second = at[1];
  if (first == 0xe0 && second < 0xa0) return 0;  // Overlong.
  if (first == 0xed && second > 0x9f) return 0;  // A surrogate.
  if (first == 0xf0 && second < 0x90) return 0;  // Overlong.
  if (first == 0xf4 && second > 0x8f) return 0;  // Above U+10FFFF.
  return length;
}

}  // namespace

Utf16Scan scan_utf16(ByteView bytes) {
  const std::uint8_t* at = bytes.data();
  const std::uint8_t* const end = at + bytes.size();
  if (bytes.size() >= 8) {
    // Most text is ASCII throughout: words, the last of them over what was read before.
    while (end - at > 16 && ((load_word(at) | load_word(at + 8)) & kHighBits) == 0) at += 16;
    if (end - at <= 16 &&
        ((load_word(at <= end - 8 ? at : end - 8) | load_word(end - 8)) & kHighBits) == 0) {
      return {.valid = true, .ascii = true, .length = bytes.size()};
    }
  }
  Utf16Scan scan{
      .valid = true, .ascii = true, .length = static_cast<std::uint64_t>(at - bytes.data())};
  while (at < end) {
    if (end - at >= 8 && (load_word(at) & kHighBits) == 0) {
      at += 8;
      scan.length += 8;
      continue;
    }
    if (*at < 0x80) {
      ++at;
      ++scan.length;
      continue;
    }
    scan.ascii = false;
    const std::size_t length = checked_code_point(at, end);
    if (length == 0) return {};
    at += length;
    scan.length += length == 4 ? 2 : 1;
  }
  return scan;
}

std::uint64_t utf16_length(ByteView bytes) {
  // A unit for each byte that starts a code point, and a second one for the four-byte ones.
  std::uint64_t length = 0;
  for (const std::uint8_t byte : bytes) {
    length += ((byte & 0xc0) != 0x80 ? 1u : 0u) + (byte >= 0xf0 ? 1u : 0u);
  }
  return length;
}

Utf16Position utf16_position(ByteView bytes, std::uint64_t offset) {
  std::size_t at = 0;
  while (offset > 0) {
    if (offset >= 8 && bytes.size() - at >= 8 && (load_word(bytes.data() + at) & kHighBits) == 0) {
      at += 8;
      offset -= 8;
      continue;
    }
    const std::size_t length = code_point_bytes(bytes[at]);
    if (length == 4) {
      if (offset == 1) return {.byte = at, .inside_pair = true};
      --offset;
    }
    --offset;
    at += length;
  }
  return {.byte = at, .inside_pair = false};
}

}  // namespace coterie
