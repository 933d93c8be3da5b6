// Writing what the store holds: Yjs's writeClientsStructs, Item.write, encodeStateAsUpdate.

#include <algorithm>

#include "crdt/internal/store.hpp"

namespace coterie::crdt::internal {

void Store::write_item(WireWriter& out, const Item& item, std::uint32_t offset) const {
  if (item.is_gc()) {
    out.reserve(16);
    out.u8(0);
    out.varuint(item.length - offset);
    return;
  }
  const ByteView content = content_of(item);
  out.reserve(kStructHeadBytesMax + content.size() + 8);
  const bool has_origin = offset > 0 || item.origin.exists();
  const bool has_right_origin = item.right_origin.exists();
  out.u8(static_cast<std::uint8_t>(static_cast<unsigned>(item.kind) | (has_origin ? 0x80u : 0u) |
                                   (has_right_origin ? 0x40u : 0u) | (item.in_map ? 0x20u : 0u)));
  if (offset > 0) {
    out.id(clients_[item.client].id, item.clock + offset - 1);
  } else if (has_origin) {
    out.id(clients_[item.origin.client].id, item.origin.clock);
  }
  if (has_right_origin) out.id(clients_[item.right_origin.client].id, item.right_origin.clock);
  if (!has_origin && !has_right_origin) {
    const Branch& parent = branches[item.parent];
    if (parent.item == kNone) {
      const std::string& name = key_text(parent.name);
      out.reserve(kStructHeadBytesMax + name.size() + content.size());
      out.u8(1);
      out.varbytes(as_bytes(name));
    } else {
      const Item& holder = items[parent.item];
      out.u8(0);
      out.id(clients_[holder.client].id, holder.clock);
    }
    if (item.in_map) {
      const std::string& key = key_text(item.place);
      out.reserve(kStructHeadBytesMax + key.size() + content.size());
      out.varbytes(as_bytes(key));
    }
  }
  switch (item.kind) {
    case ContentKind::kDeleted:
      out.varuint(item.length - offset);
      return;
    case ContentKind::kType: {
      const Branch& branch = branches[item.content];
      out.u8(static_cast<std::uint8_t>(branch.kind));
      if (branch.name != kNone) {
        const std::string& name = key_text(branch.name);
        out.reserve(name.size() + 8);
        out.varbytes(as_bytes(name));
      }
      return;
    }
    case ContentKind::kString:
      write_text(out, content, text_position(item, offset));
      return;
    case ContentKind::kJson:
    case ContentKind::kAny:
      out.varuint(item.length - offset);
      out.bytes(content.subspan(byte_of(item, offset)));
      return;
    default:
      out.bytes(content);
      return;
  }
}

void Store::write_section(WireWriter& out, const Client& client, std::uint32_t clock) const {
  const BlockList& blocks = client.blocks;
  clock = std::max(clock, blocks.at(blocks.begin()).clock);
  BlockList::Cursor at = blocks.find(clock);
  out.reserve(32);
  out.varuint(blocks.count_from(at));
  out.id(client.id, clock);
  std::uint32_t offset = clock - blocks.at(at).clock;
  for (; !blocks.is_end(at); at = blocks.next(at)) {
    write_item(out, items[blocks.item(at)], offset);
    offset = 0;
  }
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

Bytes Store::encode(const StateVector& since) const {
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
  WireWriter out;
  out.varuint(wanted.size());
  for (const ClientIndex index : wanted) {
    const Clock known = since.clock_of(clients_[index].id);
    write_section(out, clients_[index], static_cast<std::uint32_t>(known));
  }
  write_delete_set(out, all_deletes(all));
  Bytes update = out.take();
  if (!has_pending()) return update;
  return with_pending(std::move(update), since);
}

/// Yjs sends along what it cannot place itself: the receiver may have what is missing.
Bytes Store::with_pending(Bytes update, const StateVector& since) const {
  std::vector<Bytes> parts;
  parts.push_back(std::move(update));
  if (!pending_deletes_.empty()) {
    std::vector<DeleteRange<ClientId>> ranges;
    for (const auto& [client, waiting] : pending_deletes_) {
      for (const auto& [clock, end] : waiting) ranges.push_back({client, clock, end - clock});
    }
    sort_and_merge(ranges);
    WireWriter out;
    out.varuint(0);
    write_delete_set(out, ranges);
    parts.push_back(out.take());
  }
  if (!pending_structs_.empty()) {
    auto merged = merge_updates(std::span<const Bytes>(pending_structs_));
    COTERIE_ASSERT(merged.has_value());
    auto lacking = diff_update(*merged, since);
    COTERIE_ASSERT(lacking.has_value());
    parts.push_back(*std::move(lacking));
  }
  auto merged = merge_updates(std::span<const Bytes>(parts));
  COTERIE_ASSERT(merged.has_value());
  return *std::move(merged);
}

}  // namespace coterie::crdt::internal
