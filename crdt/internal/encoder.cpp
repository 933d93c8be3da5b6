#include "crdt/internal/encoder.hpp"

namespace coterie::crdt::internal {
namespace {

// Bits of a struct's info byte, beside its kind.
constexpr std::uint8_t kHasOrigin = 0x80;
constexpr std::uint8_t kHasRightOrigin = 0x40;
constexpr std::uint8_t kHasKey = 0x20;

void put_column(WireWriter& out, ByteView column) {
  out.varuint(column.size());
  out.bytes(column);
}

}  // namespace

void EncoderV2::assemble(ByteView rest) {
  // The strings make a column of two parts: their text in one piece, and their lengths.
  WireWriter text_length;
  text_length.varuint(strings_.size());
  const ByteView string_lengths = string_lengths_.finish();
  const ByteView before[] = {key_clocks_.finish(), clients_.finish(), left_clocks_.finish(),
                             right_clocks_.finish(), infos_.finish()};
  const ByteView after[] = {parent_infos_.finish(), type_refs_.finish(), lengths_.finish()};
  std::size_t size = 128 + strings_.size() + string_lengths.size() + rest.size();
  for (const ByteView column : before) size += column.size();
  for (const ByteView column : after) size += column.size();

  whole_.clear();
  whole_.reserve(size);
  whole_.u8(0);  // Flags: none are in use.
  for (const ByteView column : before) put_column(whole_, column);
  whole_.varuint(text_length.size() + strings_.size() + string_lengths.size());
  whole_.bytes(text_length.view());
  whole_.bytes(strings_.view());
  whole_.bytes(string_lengths);
  for (const ByteView column : after) put_column(whole_, column);
  whole_.bytes(rest);
}

void EncoderV2::clear() {
  key_clocks_.clear();
  clients_.clear();
  left_clocks_.clear();
  right_clocks_.clear();
  infos_.clear();
  strings_.clear();
  string_lengths_.clear();
  parent_infos_.clear();
  type_refs_.clear();
  lengths_.clear();
  rest_.clear();
  next_key_ = 0;
}

template <typename Encoder>
void write_struct(Encoder& out, const WireStruct& source, std::uint32_t offset) {
  out.room(source.parent_name.size() + source.key.size() + source.node_name.size() +
           source.content.size());
  if (source.kind == ContentKind::kGc) {
    out.info(0);
    out.length(source.length - offset);
    return;
  }
  if (source.kind == ContentKind::kSkip) {
    out.info(static_cast<std::uint8_t>(ContentKind::kSkip));
    out.skip_length(source.length - offset);
    return;
  }
  const bool has_origin = source.has_origin || offset > 0;
  out.info(static_cast<std::uint8_t>(
      static_cast<std::uint8_t>(source.kind) | (has_origin ? kHasOrigin : 0) |
      (source.has_right_origin ? kHasRightOrigin : 0) | (source.has_key ? kHasKey : 0)));
  if (offset > 0) {
    out.left_id(source.client, source.clock + offset - 1);
  } else if (has_origin) {
    out.left_id(source.origin.client, source.origin.clock);
  }
  if (source.has_right_origin) out.right_id(source.right_origin.client, source.right_origin.clock);
  if (!has_origin && !source.has_right_origin) {
    out.parent_info(source.has_parent_name);
    if (source.has_parent_name) {
      out.name(source.parent_name);
    } else {
      out.left_id(source.parent_id.client, source.parent_id.clock);
    }
    if (source.has_key) out.name(source.key);
  }
  switch (source.kind) {
    case ContentKind::kType:
      out.type_ref(source.type_ref);
      if (source.type_ref == static_cast<std::uint8_t>(TypeKind::kXmlElement) ||
          source.type_ref == static_cast<std::uint8_t>(TypeKind::kXmlHook)) {
        out.key(as_bytes(source.node_name));
      }
      return;
    case ContentKind::kString:
      out.text(
          source.content,
          source.ascii ? Utf16Position{.byte = offset} : utf16_position(source.content, offset),
          source.length - offset);
      return;
    default: {
      const std::size_t cut =
          offset == 0 ? 0 : content_prefix_bytes(source.kind, source.ascii, source.content, offset);
      write_content(out, source.kind, source.content.subspan(cut), source.length - offset);
      return;
    }
  }
}

template void write_struct(EncoderV1&, const WireStruct&, std::uint32_t);
template void write_struct(EncoderStored&, const WireStruct&, std::uint32_t);
template void write_struct(EncoderV2&, const WireStruct&, std::uint32_t);

template <typename Encoder>
void write_delete_set(WireWriter& out, const std::vector<DeleteRange<ClientId>>& ranges) {
  std::size_t clients = 0;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    if (i == 0 || ranges[i].client != ranges[i - 1].client) ++clients;
  }
  out.reserve(10);
  out.varuint(clients);
  for (std::size_t i = 0; i < ranges.size();) {
    std::size_t end = i;
    while (end < ranges.size() && ranges[end].client == ranges[i].client) ++end;
    out.reserve(20 + 10 * (end - i));
    out.varuint(ranges[i].client);
    out.varuint(end - i);
    for (std::uint32_t last = 0; i < end; ++i) {
      Encoder::delete_range(out, ranges[i].clock, ranges[i].length, last);
    }
  }
}

template void write_delete_set<EncoderV1>(WireWriter&, const std::vector<DeleteRange<ClientId>>&);
template void write_delete_set<EncoderStored>(WireWriter&,
                                              const std::vector<DeleteRange<ClientId>>&);
template void write_delete_set<EncoderV2>(WireWriter&, const std::vector<DeleteRange<ClientId>>&);

}  // namespace coterie::crdt::internal
