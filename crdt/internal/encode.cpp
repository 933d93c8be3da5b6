// Writing what the store holds: Yjs's writeClientsStructs, Item.write, encodeStateAsUpdate.

#include <algorithm>
#include <cstring>
#include <numeric>
#include <type_traits>

#include "crdt/internal/encoder.hpp"
#include "crdt/internal/store.hpp"
#include "crdt/internal/update_tools.hpp"

namespace coterie::crdt::internal {

template <typename Encoder>
void Store::write_item(Encoder& out, const Item& item, std::uint32_t offset) const {
  if (item.is_gc()) {
    out.room(0);
    out.info(0);
    out.length(item.length - offset);
    return;
  }
  const ByteView content = content_of(item);
  out.room(content.size());
  const bool has_origin = offset > 0 || item.origin.exists();
  const bool has_right_origin = item.right_origin.exists();
  out.info(static_cast<std::uint8_t>(static_cast<unsigned>(item.kind) | (has_origin ? 0x80u : 0u) |
                                     (has_right_origin ? 0x40u : 0u) | (item.in_map ? 0x20u : 0u)));
  if (offset > 0) {
    out.left_id(clients_[item.client].id, item.clock + offset - 1);
  } else if (has_origin) {
    out.left_id(clients_[item.origin.client].id, item.origin.clock);
  }
  if (has_right_origin) {
    out.right_id(clients_[item.right_origin.client].id, item.right_origin.clock);
  }
  if (!has_origin && !has_right_origin) {
    const Branch& parent = branches[item.parent];
    if (parent.item == kNone) {
      const std::string& name = key_text(parent.name);
      out.room(name.size() + content.size());
      out.parent_info(true);
      out.name(name);
    } else {
      const Item& holder = items[parent.item];
      out.parent_info(false);
      out.left_id(clients_[holder.client].id, holder.clock);
    }
    if (item.in_map) {
      const std::string& key = key_text(item.place);
      out.room(key.size() + content.size());
      out.name(key);
    }
  }
  switch (item.kind) {
    case ContentKind::kType: {
      const Branch& branch = branches[item.content];
      out.type_ref(static_cast<std::uint8_t>(branch.kind));
      if (branch.name != kNone) {
        const std::string& name = key_text(branch.name);
        out.room(name.size());
        out.key(as_bytes(name));
      }
      return;
    }
    case ContentKind::kString:
      out.text(content, text_position(item, offset), item.length - offset);
      return;
    default:
      // What was deleted has a length and no content to skip in.
      write_content(
          out, item.kind,
          offset == 0 || content.empty() ? content : content.subspan(byte_of(item, offset)),
          item.length - offset);
      return;
  }
}

namespace {

/// What most of a text consists of: ASCII text and deleted structs that have an origin of their own
/// client or no other client's.
bool is_short(const Item& item) {
  const bool text = item.kind == ContentKind::kString && item.ascii;
  if ((!text && item.kind != ContentKind::kDeleted) || item.in_map) return false;
  const bool has_origin = item.origin.exists();
  const bool has_right_origin = item.right_origin.exists();
  return (has_origin || has_right_origin) && (!has_origin || item.origin.client == item.client) &&
         (!has_right_origin || item.right_origin.client == item.client);
}

/// Writes those.
template <typename Encoder>
class ShortWriter;

template <>
class ShortWriter<EncoderV1> {
 public:
  explicit ShortWriter(ClientId client) {
    std::uint8_t* at = bytes_;
    for (ClientId rest = client;; rest >>= 7) {
      *at++ = static_cast<std::uint8_t>((rest > 0x7f ? 0x80 : 0) | (rest & 0x7f));
      if (rest <= 0x7f) break;
    }
    size_ = static_cast<std::size_t>(at - bytes_);
  }

  /// False: not one of these. `content` is the buffer of the item's client.
  bool write(EncoderV1& out, const Item& item, const Bytes& content) const {
    if (!is_short(item)) return false;
    const bool text = item.kind == ContentKind::kString;
    const bool has_origin = item.origin.exists();
    const bool has_right_origin = item.right_origin.exists();
    out.reserve(kHeadMax + (text ? item.length : 0) + kBlock);
    std::uint8_t* at = out.end();
    *at++ = static_cast<std::uint8_t>(static_cast<unsigned>(item.kind) | (has_origin ? 0x80u : 0u) |
                                      (has_right_origin ? 0x40u : 0u));
    if (has_origin) at = put_id(at, item.origin.clock);
    if (has_right_origin) at = put_id(at, item.right_origin.clock);
    at = put(at, item.length);
    if (text) {
      // Short text as a block that may reach beyond its end, where there is room.
      const std::uint8_t* const from = content.data() + item.content;
      if (item.length <= kBlock && content.size() - item.content >= kBlock) {
        std::memcpy(at, from, kBlock);
      } else {
        std::memcpy(at, from, item.length);
      }
      at += item.length;
    }
    out.set_end(at);
    return true;
  }

 private:
  static constexpr std::size_t kHeadMax = 64;
  static constexpr std::size_t kBlock = 32;

  static std::uint8_t* put(std::uint8_t* at, std::uint32_t value) {
    while (value > 0x7f) {
      *at++ = static_cast<std::uint8_t>(0x80 | (value & 0x7f));
      value >>= 7;
    }
    *at++ = static_cast<std::uint8_t>(value);
    return at;
  }
  std::uint8_t* put_id(std::uint8_t* at, std::uint32_t clock) const {
    std::memcpy(at, bytes_, sizeof(bytes_));
    return put(at + size_, clock);
  }

  std::uint8_t bytes_[8] = {};  ///< The client as it is written.
  std::size_t size_ = 0;
};

template <>
class ShortWriter<EncoderV2> {
 public:
  explicit ShortWriter(ClientId client) : client_(client) {}

  /// As above.
  bool write(EncoderV2& out, const Item& item, const Bytes& content) const {
    if (!is_short(item)) return false;
    const bool text = item.kind == ContentKind::kString;
    const bool has_origin = item.origin.exists();
    const bool has_right_origin = item.right_origin.exists();
    out.info(static_cast<std::uint8_t>(static_cast<unsigned>(item.kind) |
                                       (has_origin ? 0x80u : 0u) |
                                       (has_right_origin ? 0x40u : 0u)));
    if (has_origin) out.left_id(client_, item.origin.clock);
    if (has_right_origin) out.right_id(client_, item.right_origin.clock);
    if (text) {
      out.ascii({content.data() + item.content, content.size() - item.content}, item.length);
    } else {
      out.length(item.length);
    }
    return true;
  }

 private:
  ClientId client_;
};

/// Most bytes that a varuint up to `value` takes.
std::size_t varuint_bytes(std::uint64_t value) {
  std::size_t bytes = 1;
  for (; value > 0x7f; value >>= 7) ++bytes;
  return bytes;
}

}  // namespace

template <typename Encoder>
void Store::write_section(Encoder& out, const Client& client, std::uint32_t clock) const {
  const BlockList& blocks = client.blocks;
  clock = std::max(clock, blocks.at(blocks.begin()).clock);
  BlockList::Cursor at = blocks.find(clock);
  out.section(blocks.count_from(at), client.id, clock);
  if (const std::uint32_t offset = clock - blocks.at(at).clock; offset > 0) {
    write_item(out, items[blocks.item(at)], offset);
    at = blocks.next(at);
  }
  if constexpr (!std::is_same_v<Encoder, EncoderStored>) {
    const ShortWriter<Encoder> shorts(client.id);
    for (; !blocks.is_end(at); at = blocks.next(at)) {
      const Item& item = items[blocks.item(at)];
      if (!shorts.write(out, item, client.content)) write_item(out, item, 0);
    }
  } else {
    for (; !blocks.is_end(at); at = blocks.next(at)) write_item(out, items[blocks.item(at)], 0);
  }
}

template void Store::write_item(EncoderV1&, const Item&, std::uint32_t) const;
template void Store::write_item(EncoderV2&, const Item&, std::uint32_t) const;
template void Store::write_section(EncoderV1&, const Client&, std::uint32_t) const;
template void Store::write_section(EncoderStored&, const Client&, std::uint32_t) const;
template void Store::write_section(EncoderV2&, const Client&, std::uint32_t) const;

/// About how many bytes the structs of a client take from `clock` on. Usually a little too many.
std::size_t Store::expected_bytes(const Client& client, std::uint32_t clock) const {
  const BlockList& blocks = client.blocks;
  clock = std::max(clock, blocks.at(blocks.begin()).clock);
  const std::size_t structs = blocks.count_from(blocks.find(clock));
  const std::size_t id = varuint_bytes(client.id) + varuint_bytes(client.state);
  // Content is spread over the clocks more or less evenly.
  const double share = static_cast<double>(client.state - clock) / client.state;
  const auto content = static_cast<std::size_t>(share * static_cast<double>(client.content.size()));
  return content + structs * (2 + 2 * id) + 64;
}

std::vector<DeleteRange<ClientId>> Store::all_deletes(
    const std::vector<ClientIndex>& clients) const {
  std::vector<DeleteRange<ClientId>> ranges;
  for (const ClientIndex index : clients) {
    const BlockList& blocks = clients_[index].blocks;
    bool open = false;
    for (auto at = blocks.begin(); !blocks.is_end(at); at = blocks.next(at)) {
      const Item& item = items[blocks.item(at)];
      if (item.deleted && open) {
        ranges.back().length += item.length;
      } else if (item.deleted) {
        ranges.push_back({clients_[index].id, item.clock, item.length});
      }
      open = item.deleted;
    }
  }
  return ranges;
}

StateVector Store::state_vector() const {
  StateVector vector;
  for (const Client& client : clients_) vector.advance(client.id, client.state);
  return vector;
}

Bytes Store::encode(const StateVector& since, UpdateFormat format) const {
  // What waits is merged in as bytes, and that reads v1.
  if (has_pending()) return with_pending(encode_held<EncoderStored>(since), since, format);
  return format == UpdateFormat::kV1 ? encode_held<EncoderV1>(since)
                                     : encode_held<EncoderV2>(since);
}

template <typename Encoder>
Bytes Store::encode_held(const StateVector& since) const {
  std::vector<ClientIndex> all;
  for (ClientIndex i = 0; i < clients_.size(); ++i) {
    if (clients_[i].state > 0) all.push_back(i);
  }
  std::sort(all.begin(), all.end(),
            [&](ClientIndex a, ClientIndex b) { return clients_[a].id > clients_[b].id; });
  std::vector<ClientIndex> wanted;
  for (const ClientIndex index : all) {
    if (clients_[index].state > since.clock_of(clients_[index].id)) wanted.push_back(index);
  }
  const std::vector<DeleteRange<ClientId>> deletes = all_deletes(all);
  std::size_t expected = 64 + deletes.size() * 6;
  for (const ClientIndex index : wanted) {
    const Clock known = since.clock_of(clients_[index].id);
    expected += expected_bytes(clients_[index], static_cast<std::uint32_t>(known));
  }
  Encoder out(Encoder::kColumns ? 64 : expected);
  out.rest().varuint(wanted.size());
  for (const ClientIndex index : wanted) {
    const Clock known = since.clock_of(clients_[index].id);
    write_section(out, clients_[index], static_cast<std::uint32_t>(known));
  }
  write_delete_set<Encoder>(out.rest(), deletes);
  return out.take();
}

IdSet Store::delete_set() const {
  std::vector<ClientIndex> all(clients_.size());
  std::iota(all.begin(), all.end(), ClientIndex{0});
  std::vector<IdRange> ranges;
  for (const auto& range : all_deletes(all)) {
    ranges.push_back({range.client, range.clock, range.length});
  }
  return IdSet(ranges);
}

Result<Bytes> Store::encode_until(const StateVector& until, const IdSet& deletes) const {
  EncoderV1 out;
  out.varuint(until.clocks().size());
  for (const auto& [id, clock] : until.clocks()) {
    const Client& client = clients_[find_client(id)];
    const auto end = static_cast<std::uint32_t>(clock);
    const BlockList& blocks = client.blocks;
    const BlockList::Cursor last = blocks.find(end - 1);
    out.section(blocks.count_from(blocks.begin()) - blocks.count_from(last) + 1, id, 0);
    for (auto at = blocks.begin(); at != last; at = blocks.next(at)) {
      write_item(out, items[blocks.item(at)], 0);
    }
    Item part = items[blocks.item(last)];
    if (part.kind == ContentKind::kString && end < part.end() &&
        text_position(part, end - part.clock).inside_pair) {
      return Error{ErrorCode::kMalformed, "a snapshot that ends inside a surrogate pair", id};
    }
    part.length = end - part.clock;
    write_item(out, part, 0);
  }
  Bytes update = out.take();
  deletes.encode_to(update);
  return update;
}

/// Yjs sends along what it cannot place itself: the receiver may have what is missing.
Bytes Store::with_pending(Bytes held, const StateVector& since, UpdateFormat format) const {
  std::vector<Bytes> parts;
  parts.push_back(std::move(held));
  if (!pending_deletes_.empty()) {
    std::vector<DeleteRange<ClientId>> ranges;
    for (const auto& [client, waiting] : pending_deletes_) {
      for (const auto& [clock, end] : waiting) ranges.push_back({client, clock, end - clock});
    }
    sort_and_merge(ranges);
    EncoderV1 out;
    out.varuint(0);
    write_delete_set<EncoderV1>(out, ranges);
    parts.push_back(out.take());
  }
  if (!pending_structs_.empty()) {
    parts.push_back(diff_stored(merge_stored<EncoderStored>(pending_structs_), since));
  }
  return format == UpdateFormat::kV1 ? merge_stored<EncoderV1>(parts)
                                     : merge_stored<EncoderV2>(parts);
}

}  // namespace coterie::crdt::internal
