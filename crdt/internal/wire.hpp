// Update v1 on the wire: reading and writing structs and delete sets. See crdt/update.hpp for the
// grammar. Reading is two passes: parse_update() checks every byte of an update and finds its
// sections; after that a StructReader walks a section and cannot fail.

#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "crdt/base/bytes.hpp"
#include "crdt/base/result.hpp"
#include "crdt/base/utf16.hpp"
#include "crdt/internal/item.hpp"
#include "crdt/state_vector.hpp"
#include "crdt/update.hpp"

namespace coterie::crdt::internal {

enum class UpdateFormat : std::uint8_t { kV1, kV2 };

/// An id as the wire names it.
struct WireId {
  ClientId client = 0;
  std::uint32_t clock = 0;
};

/// One struct as read. Views point into the update.
struct WireStruct {
  ContentKind kind = ContentKind::kGc;
  bool has_origin = false;
  bool has_right_origin = false;
  bool has_parent_id = false;    ///< parent_id says where it belongs.
  bool has_parent_name = false;  ///< parent_name names the root where it belongs.
  bool has_key = false;          ///< `key` was written (the bit alone is `key_bit`).
  bool key_bit = false;
  bool ascii = false;         ///< kString.
  std::uint8_t type_ref = 0;  ///< kType.
  std::uint32_t clock = 0;
  std::uint32_t length = 0;
  ClientId client = 0;
  WireId origin;
  WireId right_origin;
  WireId parent_id;
  std::string_view parent_name;
  std::string_view key;
  std::string_view node_name;  ///< kType, XmlElement and XmlHook.
  /// As stored (item.hpp): without the length or count that leads it on the wire.
  ByteView content;

  std::uint32_t end() const { return clock + length; }
};

/// Reads a varuint of at most four bytes from as many; returns how many it takes, 0: more.
inline unsigned read_short_varuint(const std::uint8_t* at, std::uint32_t& value) {
  if constexpr (std::endian::native != std::endian::little) return 0;
  std::uint32_t word = 0;
  std::memcpy(&word, at, sizeof(word));
  const std::uint32_t stop = ~word & 0x8080'8080u;  // The bytes that end a varuint.
  if (stop == 0) return 0;
  const std::uint32_t kept = word & (stop ^ (stop - 1));
  value = (kept & 0x7f) | (kept >> 1 & 0x3f80) | (kept >> 2 & 0x1f'c000) | (kept >> 3 & 0xfe0'0000);
  return static_cast<unsigned>(std::countr_zero(stop)) / 8 + 1;
}

/// A forward reader with a sticky error, so that a struct is read without a test per field.
class WireReader {
 public:
  explicit WireReader(ByteView input)
      : begin_(input.data()), at_(input.data()), end_(input.data() + input.size()) {}
  WireReader(const std::uint8_t* at, const std::uint8_t* end) : begin_(at), at_(at), end_(end) {}

  const std::uint8_t* at() const { return at_; }
  const std::uint8_t* end() const { return end_; }
  /// Goes on at `at`, between here and the end.
  void skip_to(const std::uint8_t* at) { at_ = at; }
  std::size_t remaining() const { return static_cast<std::size_t>(end_ - at_); }
  bool at_end() const { return at_ == end_; }
  bool failed() const { return error_.what != nullptr; }
  Error error() const { return error_; }

  void fail(ErrorCode code, const char* what) {
    if (failed()) return;
    error_ = {code, what, static_cast<std::uint64_t>(at_ - begin_)};
    at_ = end_;
  }

  std::uint8_t u8() {
    if (at_ == end_) {
      fail(ErrorCode::kMalformed, "truncated byte");
      return 0;
    }
    return *at_++;
  }

  std::uint64_t varuint() {
    if (at_ < end_ && *at_ < 0x80) return *at_++;
    if (end_ - at_ >= 4) {
      std::uint32_t value = 0;
      const unsigned size = read_short_varuint(at_, value);
      at_ += size;
      if (size > 0) return value;
    }
    return long_varuint();
  }

  /// A clock or a length: at most kClockMax.
  std::uint32_t clock() {
    const std::uint64_t value = varuint();
    if (value > kClockMax) {
      fail(ErrorCode::kLimitExceeded, "clock above 2^32-2");
      return 0;
    }
    return static_cast<std::uint32_t>(value);
  }

  ByteView bytes(std::uint64_t count) {
    if (count > remaining()) {
      fail(ErrorCode::kMalformed, "truncated bytes");
      return {};
    }
    const ByteView view(at_, static_cast<std::size_t>(count));
    at_ += count;
    return view;
  }
  ByteView varbytes() { return bytes(varuint()); }

  /// Steps over a lib0 value that is an integer, by far the most common; false: it is not, or not
  /// plainly so, and nothing was read.
  bool skip_integer() {
    constexpr std::uint8_t kTagInteger = 125;
    std::uint64_t word = 0;
    if (remaining() <= sizeof(word) || *at_ != kTagInteger) return false;
    std::memcpy(&word, at_ + 1, sizeof(word));
    if constexpr (std::endian::native == std::endian::big) return false;
    const std::uint64_t last = ~word & 0x8080'8080'8080'8080;  // Bytes that end the number.
    if (last == 0) return false;
    at_ += 1 + (std::countr_zero(last) + 1) / 8;
    return true;
  }

  /// The same, telling the number.
  bool read_integer(double& value) {
    const std::uint8_t* at = at_ + 1;
    if (!skip_integer()) return false;
    std::uint64_t magnitude = *at & 0x3f;
    const bool negative = (*at & 0x40) != 0;
    for (unsigned shift = 6; ++at != at_; shift += 7) {
      magnitude |= static_cast<std::uint64_t>(*at & 0x7f) << shift;
    }
    value = negative ? -static_cast<double>(magnitude) : static_cast<double>(magnitude);
    return true;
  }

  WireId id() {
    WireId id;
    id.client = varuint();
    id.clock = clock();
    return id;
  }

 private:
  std::uint64_t long_varuint();

  const std::uint8_t* begin_;
  const std::uint8_t* at_;
  const std::uint8_t* end_;
  Error error_{ErrorCode::kMalformed, nullptr, 0};
};

/// Reads the struct at `reader` into `out`; the clock is the caller's. With `kCheck` every byte is
/// checked; without, the input is known to have passed.
template <bool kCheck>
void read_struct(WireReader& reader, ClientId client, std::uint32_t clock, WireStruct& out);

/// The structs of one client in one update.
struct WireSection {
  ClientId client = 0;
  std::uint32_t clock = 0;
  std::uint64_t count = 0;
  const std::uint8_t* begin = nullptr;  ///< The first struct.
  const std::uint8_t* end = nullptr;
  std::uint32_t clock_end = 0;   ///< After the last struct.
  std::uint32_t clock_skip = 0;  ///< Of the first Skip; `clock_end` if there is none.
  /// From here on, all are short structs (short_struct.hpp); null if that is not known.
  const std::uint8_t* all_short = nullptr;
};

/// An update that has been checked whole. Points into its bytes.
struct ParsedUpdate {
  std::vector<WireSection> sections;  ///< In the order of the update; no client twice.
  ByteView delete_set;
  /// Its clients descend and no range is empty: it is as it would be written. May be false anyway.
  bool deletes_in_order = false;
  std::size_t content_bytes = 0;  ///< Upper bound of what its structs need in content buffers.

  void clear() {
    sections.clear();
    delete_set = {};
    deletes_in_order = false;
    content_bytes = 0;
  }
};

/// Checks all of `update` (v1). Errors: kMalformed, kLimitExceeded.
Status parse_update(ByteView update, ParsedUpdate& out);

/// Finds the sections of an update written by EncoderStored.
void parse_stored(ByteView update, ParsedUpdate& out);

/// Error: kMalformed, if two sections are of one client.
Status check_no_client_twice(const std::vector<WireSection>& sections);

/// Walks the structs of a checked section.
class StructReader {
 public:
  explicit StructReader(const WireSection& section)
      : reader_(section.begin, section.end),
        client_(section.client),
        clock_(section.clock),
        remaining_(section.count) {}

  bool done() const { return remaining_ == 0; }
  std::uint64_t remaining() const { return remaining_; }
  const std::uint8_t* at() const { return reader_.at(); }
  std::uint32_t clock() const { return clock_; }
  /// Precondition: !done().
  bool at_skip() const { return (*reader_.at() & 0x1f) == 10; }

  /// Precondition: !done().
  void next(WireStruct& out) {
    read_struct<false>(reader_, client_, clock_, out);
    clock_ += out.length;
    --remaining_;
  }

 private:
  WireReader reader_;
  ClientId client_;
  std::uint32_t clock_;
  std::uint64_t remaining_;
};

/// Calls `each(client, clock, length)` for the ranges of a checked delete set.
template <typename Each>
void for_each_delete(ByteView delete_set, Each each) {
  WireReader reader(delete_set);
  const std::uint64_t clients = reader.varuint();
  for (std::uint64_t i = 0; i < clients; ++i) {
    const ClientId client = reader.varuint();
    const std::uint64_t ranges = reader.varuint();
    for (std::uint64_t k = 0; k < ranges; ++k) {
      const std::uint32_t clock = reader.clock();
      const std::uint32_t length = reader.clock();
      if (length > 0) each(client, clock, length);
    }
  }
}

/// Bytes of the first `count` elements of checked content, for kinds that can be split between
/// elements (kString is measured in units). A kString must not be cut inside a pair.
std::size_t content_prefix_bytes(ContentKind kind, bool ascii, ByteView content,
                                 std::uint32_t count);

/// Bytes that `length` elements of checked content take, starting at `at`.
std::size_t content_bytes(ContentKind kind, bool ascii, std::uint32_t length,
                          const std::uint8_t* at, const std::uint8_t* end);

/// Steps over one lib0 value. Errors go to the reader.
template <bool kCheck>
void skip_any(WireReader& reader);

/// Whether `text` is JSON as JavaScript's JSON.parse takes it, nested at most kAnyDepthMax deep.
Status check_json(std::string_view text);

// --- Writing ---------------------------------------------------------------------------------

/// Appends to a buffer it owns; room is ensured once per struct, then bytes go in unchecked.
class WireWriter {
 public:
  explicit WireWriter(std::size_t expected = 64) { buffer_.resize(expected < 64 ? 64 : expected); }

  std::size_t size() const { return size_; }
  std::size_t capacity() const { return buffer_.size(); }
  ByteView view() const { return {buffer_.data(), size_}; }
  void clear() { size_ = 0; }

  /// Makes room for `count` more bytes.
  void reserve(std::size_t count) {
    if (buffer_.size() - size_ < count) grow(count);
  }

  void u8(std::uint8_t value) { buffer_[size_++] = value; }
  void varuint(std::uint64_t value) {
    while (value > 0x7f) {
      buffer_[size_++] = static_cast<std::uint8_t>(0x80 | (value & 0x7f));
      value >>= 7;
    }
    buffer_[size_++] = static_cast<std::uint8_t>(value);
  }
  void id(ClientId client, std::uint32_t clock) {
    varuint(client);
    varuint(clock);
  }
  void bytes(ByteView view) {
    if (!view.empty()) std::memcpy(buffer_.data() + size_, view.data(), view.size());
    size_ += view.size();
  }
  void varbytes(ByteView view) {
    varuint(view.size());
    bytes(view);
  }

  /// Where the next byte goes, for those who write there themselves what they have room for.
  std::uint8_t* end() { return buffer_.data() + size_; }
  void set_end(const std::uint8_t* end) { size_ = static_cast<std::size_t>(end - buffer_.data()); }

  /// The bytes written; the writer is empty after.
  Bytes take() {
    buffer_.resize(size_);
    size_ = 0;
    return std::move(buffer_);
  }

 private:
  void grow(std::size_t count);

  Bytes buffer_;
  std::size_t size_ = 0;
};

/// Most bytes that an item's head takes (info, two ids, parent info), names and content apart.
inline constexpr std::size_t kStructHeadBytesMax = 64;

/// Writes kString content from `cut` on. Half a surrogate pair goes out as U+FFFD, as Yjs writes
/// it. Precondition: room for the content and 16 bytes.
void write_text(WireWriter& out, ByteView content, Utf16Position cut);

/// A deleted range, by client index or by client id.
template <typename Client>
struct DeleteRange {
  Client client;
  std::uint32_t clock;
  std::uint32_t length;
};

/// Sorts by client descending and clock ascending, and joins ranges that touch or overlap.
template <typename Client>
void sort_and_merge(std::vector<DeleteRange<Client>>& ranges) {
  if (ranges.size() < 2) return;
  const auto before = [](const auto& a, const auto& b) {
    return a.client != b.client ? a.client > b.client : a.clock < b.clock;
  };
  if (!std::is_sorted(ranges.begin(), ranges.end(), before)) {
    std::sort(ranges.begin(), ranges.end(), before);
  }
  std::size_t kept = 0;
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    auto& left = ranges[kept];
    const auto& right = ranges[i];
    if (left.client == right.client && left.clock + left.length >= right.clock) {
      left.length = std::max(left.length, right.clock + right.length - left.clock);
    } else {
      ranges[++kept] = right;
    }
  }
  ranges.resize(kept + 1);
}

}  // namespace coterie::crdt::internal
