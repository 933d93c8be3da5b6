// The two update formats as one vocabulary: what writes structs is a template over an encoder, so
// that a document, a transaction or a merge goes straight to the bytes of either format.
//
// Format v1 writes the fields of a struct one after the other. Format v2 keeps a column per field,
// each compressed by runs; what does not compress goes to a last column, the rest:
//
//     update := flags:varuint (0)  column{9}  rest        column := varuint length, bytes
//     columns: key clocks, clients, left clocks, right clocks, infos, strings, parent infos,
//              type refs, lengths
//     rest := sections:varuint (structs:varuint clock:varuint ...)*  delete_set
//
// Source: yjs src/utils/UpdateEncoder.js, lib0 src/encoding.js (RleEncoder, UintOptRleEncoder,
// IntDiffOptRleEncoder, StringEncoder).

#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "crdt/base/bytes.hpp"
#include "crdt/base/utf16.hpp"
#include "crdt/internal/item.hpp"
#include "crdt/internal/stored_json.hpp"
#include "crdt/internal/varint.hpp"
#include "crdt/internal/wire.hpp"

namespace coterie::crdt::internal {

/// Format v1. Room for a struct is ensured by room(); only json() sees to itself.
class EncoderV1 : public WireWriter {
 public:
  static constexpr bool kDeletesAscend = false;
  static constexpr bool kColumns = false;
  using WireWriter::WireWriter;

  WireWriter& rest() { return *this; }

  /// The head of the structs of one client.
  void section(std::uint64_t count, ClientId client, std::uint32_t clock) {
    reserve(32);
    varuint(count);
    id(client, clock);
  }
  /// As section(), for those who learn the count later. Call section_client() at once; later write
  /// the count, and then section_start(), before the structs.
  void section_client(ClientId /*client*/) {}
  static void section_start(WireWriter& out, ClientId client, std::uint32_t clock) {
    out.id(client, clock);
  }

  /// Makes room for one struct that holds `bytes` bytes of names and content.
  void room(std::size_t bytes) { reserve(kStructHeadBytesMax + bytes + 16); }

  void info(std::uint8_t value) { u8(value); }
  void left_id(ClientId client, std::uint32_t clock) { id(client, clock); }
  void right_id(ClientId client, std::uint32_t clock) { id(client, clock); }
  void parent_info(bool is_name) { u8(is_name ? 1 : 0); }
  void name(std::string_view text) { varbytes(as_bytes(text)); }
  void type_ref(std::uint8_t ref) { u8(ref); }
  void length(std::uint32_t value) { varuint(value); }
  void skip_length(std::uint32_t value) { varuint(value); }
  void text(ByteView content, Utf16Position cut, std::uint32_t /*units*/) {
    write_text(*this, content, cut);
  }
  void json_strings(ByteView content, std::uint32_t /*count*/) { bytes(content); }
  void json(ByteView stored) { write_stored_as_json(*this, as_text(stored)); }
  void key(ByteView text) { varbytes(text); }

  /// `last` is the end of the range before it of that client, at first 0, and moves along.
  static void delete_range(WireWriter& out, std::uint32_t clock, std::uint32_t length,
                           std::uint32_t& /*last*/) {
    out.id(clock, length);
  }

  /// The update; valid until the next write or clear().
  ByteView finish() { return view(); }
  /// The update with another rest than rest(), for those who put that together from parts.
  Bytes finish_with(WireWriter rest) { return rest.take(); }
};

/// Format v1 with values in their stored form (stored_json.hpp): for updates that stay in here.
class EncoderStored : public EncoderV1 {
 public:
  using EncoderV1::EncoderV1;

  void json(ByteView stored) { varbytes(stored); }
};

namespace columns {

/// lib0's writeVarInt (sign and magnitude), and the count of a run if it is one.
inline void write_run(WireWriter& out, bool negative, std::uint64_t magnitude,
                      std::uint64_t count) {
  out.reserve(20 + kVarintSlack);
  std::uint8_t* at = out.end();
  *at++ = static_cast<std::uint8_t>((magnitude > 0x3f ? 0x80u : 0u) | (negative ? 0x40u : 0u) |
                                    (magnitude & 0x3f));
  if (magnitude > 0x3f) at = store_varuint(at, magnitude >> 6);
  if (count > 1) at = store_varuint(at, count - 2);
  out.set_end(at);
}

/// RleEncoder of bytes: each value, then how many more of it; the last run goes on forever.
class Rle {
 public:
  void write(std::uint8_t value) {
    if (value == value_) {
      ++count_;
    } else {
      start(value);
    }
  }
  ByteView finish() { return out_.view(); }
  void clear() {
    out_.clear();
    value_ = kNothing;
    count_ = 0;
  }

 private:
  static constexpr std::uint32_t kNothing = 0x100;

  void start(std::uint8_t value) {
    out_.reserve(16);
    if (count_ > 0) out_.varuint(count_ - 1);
    out_.u8(value);
    value_ = value;
    count_ = 1;
  }

  WireWriter out_;
  std::uint32_t value_ = kNothing;
  std::uint64_t count_ = 0;
};

/// UintOptRleEncoder: a single value as it is; for a run it is negative and the count follows.
class UintOptRle {
 public:
  void write(std::uint64_t value) {
    if (value == value_) {
      ++count_;
      return;
    }
    flush();
    value_ = value;
    count_ = 1;
  }
  ByteView finish() {
    flush();
    count_ = 0;
    return out_.view();
  }
  void clear() {
    out_.clear();
    value_ = 0;
    count_ = 0;
  }

 private:
  void flush() {
    if (count_ == 0) return;
    write_run(out_, count_ > 1, value_, count_);
  }

  WireWriter out_;
  std::uint64_t value_ = 0;
  std::uint64_t count_ = 0;
};

/// IntDiffOptRleEncoder: differences, doubled; odd ones have a count after them.
class IntDiffOptRle {
 public:
  void write(std::uint32_t value) {
    const std::int64_t diff = std::int64_t{value} - last_;
    last_ = value;
    if (diff == diff_) {
      ++count_;
      return;
    }
    flush();
    diff_ = diff;
    count_ = 1;
  }
  ByteView finish() {
    flush();
    count_ = 0;
    return out_.view();
  }
  void clear() {
    out_.clear();
    last_ = 0;
    diff_ = 0;
    count_ = 0;
  }

 private:
  void flush() {
    if (count_ == 0) return;
    const std::int64_t encoded = diff_ * 2 + (count_ > 1 ? 1 : 0);
    write_run(out_, encoded < 0, static_cast<std::uint64_t>(encoded < 0 ? -encoded : encoded),
              count_);
  }

  WireWriter out_;
  std::int64_t last_ = 0;
  std::int64_t diff_ = 0;
  std::uint64_t count_ = 0;
};

}  // namespace columns

/// Format v2. Kept and cleared for small updates: its columns keep their room.
class EncoderV2 {
 public:
  /// A delete set is written in differences: the ranges of a client must not go back.
  static constexpr bool kDeletesAscend = true;
  static constexpr bool kColumns = true;

  explicit EncoderV2(std::size_t expected = 64) : rest_(expected) {}

  WireWriter& rest() { return rest_; }

  void section(std::uint64_t count, ClientId client, std::uint32_t clock) {
    rest_.reserve(32);
    rest_.varuint(count);
    clients_.write(client);
    rest_.varuint(clock);
  }
  void section_client(ClientId client) { clients_.write(client); }
  static void section_start(WireWriter& out, ClientId /*client*/, std::uint32_t clock) {
    out.varuint(clock);
  }

  void room(std::size_t bytes) {
    strings_.reserve(bytes + 16);
    rest_.reserve(bytes + 16);
  }

  void info(std::uint8_t value) { infos_.write(value); }
  void left_id(ClientId client, std::uint32_t clock) {
    clients_.write(client);
    left_clocks_.write(clock);
  }
  void right_id(ClientId client, std::uint32_t clock) {
    clients_.write(client);
    right_clocks_.write(clock);
  }
  void parent_info(bool is_name) { parent_infos_.write(is_name ? 1 : 0); }
  void name(std::string_view text) {
    strings_.bytes(as_bytes(text));
    string_lengths_.write(utf16_length(as_bytes(text)));
  }
  void type_ref(std::uint8_t ref) { type_refs_.write(ref); }
  void length(std::uint32_t value) { lengths_.write(value); }
  void skip_length(std::uint32_t value) { rest_.varuint(value); }
  /// Half a surrogate pair goes out as U+FFFD: one unit, as the half was.
  void text(ByteView content, Utf16Position cut, std::uint32_t units) {
    if (cut.inside_pair) strings_.bytes(as_bytes("\xef\xbf\xbd"));
    strings_.bytes(content.subspan(cut.byte + (cut.inside_pair ? 4 : 0)));
    string_lengths_.write(units);
  }
  /// As text(), of the first `length` bytes of `from`, which are ASCII. Ensures its own room.
  void ascii(ByteView from, std::uint32_t length) {
    constexpr std::size_t kBlock = 32;
    strings_.reserve(length + kBlock);
    // Short text as a block that may reach beyond its end, where there is room.
    if (length <= kBlock && from.size() >= kBlock) {
      std::memcpy(strings_.end(), from.data(), kBlock);
    } else {
      std::memcpy(strings_.end(), from.data(), length);
    }
    strings_.set_end(strings_.end() + length);
    string_lengths_.write(length);
  }
  void json_strings(ByteView content, std::uint32_t count) {
    WireReader reader(content);
    for (std::uint32_t i = 0; i < count; ++i) name(as_text(reader.varbytes()));
  }
  void json(ByteView stored) { write_stored_as_any(rest_, as_text(stored)); }
  /// Yjs looks keys up but never remembers one, so each use of a key writes it again.
  void key(ByteView text) {
    key_clocks_.write(next_key_++);
    name(as_text(text));
  }
  void bytes(ByteView view) { rest_.bytes(view); }

  static void delete_range(WireWriter& out, std::uint32_t clock, std::uint32_t length,
                           std::uint32_t& last) {
    out.varuint(clock - last);
    out.varuint(length - 1);
    last = clock + length;
  }

  /// As of EncoderV1. After it nothing but clear() is allowed.
  ByteView finish() {
    assemble(rest_.view());
    return whole_.view();
  }
  Bytes finish_with(const WireWriter& rest) {
    assemble(rest.view());
    return whole_.take();
  }
  Bytes take() {
    assemble(rest_.view());
    return whole_.take();
  }
  void clear();

 private:
  void assemble(ByteView rest);

  columns::IntDiffOptRle key_clocks_;
  columns::UintOptRle clients_;
  columns::IntDiffOptRle left_clocks_;
  columns::IntDiffOptRle right_clocks_;
  columns::Rle infos_;
  WireWriter strings_;
  columns::UintOptRle string_lengths_;
  columns::Rle parent_infos_;
  columns::UintOptRle type_refs_;
  columns::UintOptRle lengths_;
  WireWriter rest_;
  WireWriter whole_;
  std::uint32_t next_key_ = 0;
};

/// Writes content that is cut before its first element, if at all: `content` holds the remaining
/// `count` elements. Not for kString and kType. Precondition: room for the content.
template <typename Encoder>
void write_content(Encoder& out, ContentKind kind, ByteView content, std::uint32_t count) {
  switch (kind) {
    case ContentKind::kDeleted:
      out.length(count);
      return;
    case ContentKind::kJson:
      out.length(count);
      out.json_strings(content, count);
      return;
    case ContentKind::kAny:
      out.length(count);
      out.bytes(content);
      return;
    case ContentKind::kEmbed:
      out.json(WireReader(content).varbytes());
      return;
    case ContentKind::kFormat: {
      WireReader reader(content);
      out.key(reader.varbytes());
      out.json(reader.varbytes());
      return;
    }
    case ContentKind::kDoc: {
      WireReader reader(content);
      out.name(as_text(reader.varbytes()));
      out.bytes({reader.at(), reader.remaining()});
      return;
    }
    default:
      out.bytes(content);
      return;
  }
}

/// Writes a struct read from the wire from element `offset` on. Precondition: offset < length.
template <typename Encoder>
void write_struct(Encoder& out, const WireStruct& source, std::uint32_t offset);

/// Writes a delete set. Precondition: ranges of one client stand together, none is empty; for v2,
/// those of a client do not go back.
template <typename Encoder>
void write_delete_set(WireWriter& out, const std::vector<DeleteRange<ClientId>>& ranges);

}  // namespace coterie::crdt::internal
