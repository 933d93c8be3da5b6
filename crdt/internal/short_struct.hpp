// The structs that most of a text consists of, read without the generality of read_struct(): text
// or deleted, with an origin or a right origin, ids in few bytes. What is not one of these, or not
// surely inside the input, or not in the form that every Yjs writes, is left to read_struct().

#pragma once

#include <cstdint>
#include <cstring>

#include "crdt/base/bytes.hpp"
#include "crdt/base/utf16.hpp"
#include "crdt/internal/item.hpp"
#include "crdt/internal/wire.hpp"

namespace coterie::crdt::internal {

struct ShortStruct {
  ContentKind kind = ContentKind::kDeleted;
  bool has_origin = false;
  bool has_right_origin = false;
  bool ascii = false;
  std::uint32_t length = 0;
  WireId origin;
  WireId right_origin;
  ByteView content;
};

/// Reads short structs of one client. O(1) and few branches each.
class ShortReader {
 public:
  explicit ShortReader(ClientId client) : client_(client) {
    std::uint8_t bytes[8] = {};
    unsigned size = 0;
    for (ClientId rest = client; size < 8; rest >>= 7) {
      bytes[size++] = static_cast<std::uint8_t>((rest > 0x7f ? 0x80 : 0) | (rest & 0x7f));
      if (rest <= 0x7f) break;
    }
    size_ = size;
    std::memcpy(&bytes_, bytes, 8);
    std::uint8_t ones[8] = {};
    std::memset(ones, 0xff, size);
    std::memcpy(&mask_, ones, 8);
  }

  /// Reads the struct at `at`, whose clock is `clock`. Returns where it ends, or null: not read.
  /// What is read is right: within `end`, valid UTF-8, not empty, no reference to itself or later.
  const std::uint8_t* read(const std::uint8_t* at, const std::uint8_t* end, std::uint32_t clock,
                           ShortStruct& out) const {
    if (end - at < kHeadMax) return nullptr;
    const std::uint8_t info = *at++;
    const unsigned kind = info & 0x1fu;
    if ((info & 0xc0) == 0 || (info & 0x20) != 0) return nullptr;
    out.has_origin = (info & 0x80) != 0;
    out.has_right_origin = (info & 0x40) != 0;
    if (out.has_origin && !read_id(at, clock, out.origin)) return nullptr;
    if (out.has_right_origin && !read_id(at, clock, out.right_origin)) return nullptr;
    std::uint32_t length = 0;
    if (!read_varuint(at, length) || length == 0 || length > kClockMax - clock) return nullptr;
    out.length = length;
    if (kind == static_cast<unsigned>(ContentKind::kDeleted)) {
      out.kind = ContentKind::kDeleted;
      out.content = {};
      return at;
    }
    if (kind != static_cast<unsigned>(ContentKind::kString) ||
        static_cast<std::uint64_t>(end - at) < length) {
      return nullptr;
    }
    out.kind = ContentKind::kString;
    out.content = {at, length};
    out.ascii = true;
    if (!is_short_ascii(at, length)) {
      const Utf16Scan scan = scan_utf16(out.content);
      if (!scan.valid) return nullptr;
      out.ascii = scan.ascii;
      out.length = static_cast<std::uint32_t>(scan.length);
    }
    return at + length;
  }

 private:
  /// More than the head of a short struct takes, and words read beyond it.
  static constexpr std::ptrdiff_t kHeadMax = 48;

  template <typename Word>
  static Word load(const std::uint8_t* at) {
    Word word;
    std::memcpy(&word, at, sizeof(word));
    return word;
  }

  /// At most four bytes, in the shortest form.
  static bool read_varuint(const std::uint8_t*& at, std::uint32_t& value) {
    if (*at < 0x80) {
      value = *at++;
      return true;
    }
    const unsigned size = read_short_varuint(at, value);
    at += size;
    return size > 1 && value >> (7 * (size - 1)) != 0;
  }

  bool read_id(const std::uint8_t*& at, std::uint32_t clock, WireId& id) const {
    if ((load<std::uint64_t>(at) & mask_) == bytes_) {
      at += size_;
      id.client = client_;
      return read_varuint(at, id.clock) && id.clock < clock;
    }
    std::uint64_t client = 0;
    unsigned shift = 0;
    std::uint8_t byte = 0x80;
    for (; (byte & 0x80) != 0 && shift < 49; shift += 7) {
      byte = *at++;
      client |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    }
    if ((byte & 0x80) != 0 || (byte == 0 && shift > 7)) return false;
    id.client = client;
    return read_varuint(at, id.clock);
  }

  static bool is_short_ascii(const std::uint8_t* at, std::uint32_t size) {
    if (size > 16) return false;
    if (size >= 8) {
      return ((load<std::uint64_t>(at) | load<std::uint64_t>(at + size - 8)) &
              0x8080'8080'8080'8080u) == 0;
    }
    if (size >= 4) {
      return ((load<std::uint32_t>(at) | load<std::uint32_t>(at + size - 4)) & 0x8080'8080u) == 0;
    }
    return ((at[0] | at[size / 2] | at[size - 1]) & 0x80) == 0;
  }

  ClientId client_;
  unsigned size_ = 0;
  std::uint64_t bytes_ = 0;  ///< The client as it is written.
  std::uint64_t mask_ = 0;   ///< And the bytes that takes.
};

}  // namespace coterie::crdt::internal
