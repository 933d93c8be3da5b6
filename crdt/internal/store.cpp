#include "crdt/internal/store.hpp"

#include <algorithm>

#include "crdt/base/utf16.hpp"
#include "crdt/internal/comparer.hpp"

namespace coterie::crdt::internal {
namespace {

/// Deleted content is dropped from a buffer once it is more than half of it and this much.
constexpr std::uint64_t kCompactBytesMin = 4096;

}  // namespace

Store::Store(Doc::Options options)
    : client_id(options.client_id),
      gc(options.gc),
      gc_filter(std::move(options.gc_filter)),
      guid(std::move(options.guid)),
      collection_id(std::move(options.collection_id)),
      meta(std::move(options.meta)),
      positions_(items) {
  recent_clients_.fill(kNone);
}

// --- Ids, keys, branches ------------------------------------------------------------------------

ClientIndex Store::find_client(ClientId id) const {
  ClientIndex& recent = recent_clients_[id % kRecentClients];
  if (recent != kNone && clients_[recent].id == id) return recent;
  const auto found = client_lookup_.find(id);
  if (found == client_lookup_.end()) return kNone;
  return recent = found->second;
}

ClientIndex Store::client_index(ClientId id) {
  const ClientIndex known = find_client(id);
  if (known != kNone) return known;
  const auto index = static_cast<ClientIndex>(clients_.size());
  clients_.emplace_back();
  clients_.back().id = id;
  client_lookup_.emplace(id, index);
  if (id == client_id) own_ = index;
  return recent_clients_[id % kRecentClients] = index;
}

std::uint32_t Store::state_of(ClientId id) const {
  const ClientIndex index = find_client(id);
  return index == kNone ? 0 : clients_[index].state;
}

KeyIndex Store::intern(std::string_view text) {
  const auto found = key_lookup_.find(text);
  if (found != key_lookup_.end()) return found->second;
  const auto index = static_cast<KeyIndex>(key_texts_.size());
  const auto added = key_lookup_.emplace(std::string(text), index).first;
  key_texts_.push_back(&added->first);
  return index;
}

BranchIndex Store::find_root(std::string_view name) const {
  const auto key = key_lookup_.find(name);
  if (key == key_lookup_.end()) return kNone;
  const auto found = root_lookup_.find(key->second);
  return found == root_lookup_.end() ? kNone : found->second;
}

BranchIndex Store::root(std::string_view name, TypeKind kind) {
  BranchIndex index = find_root(name);
  if (index == kNone) {
    index = new_branch(kind);
    branches[index].name = intern(name);
    root_lookup_.emplace(branches[index].name, index);
    roots_.push_back(index);
  } else if (branches[index].kind == TypeKind::kUnknown && kind != TypeKind::kUnknown) {
    // Yjs replaces the untyped root by a fresh one of the type, which has not seen formatting yet.
    branches[index].kind = kind;
    branches[index].has_formatting = false;
  }
  return index;
}

BranchIndex Store::new_branch(TypeKind kind) {
  BranchIndex index = kNone;
  if (free_branches_.empty()) {
    index = branches.emplace_back();
  } else {
    index = free_branches_.back();
    free_branches_.pop_back();
  }
  branches[index].kind = kind;
  branches[index].live = true;
  return index;
}

void Store::free_branch(BranchIndex index) {
  Branch& branch = branches[index];
  positions_.drop(branch);
  if (observers_ != nullptr) observers_->end_type(index);
  const std::uint32_t generation = branch.generation;
  branch = Branch();
  branch.generation = generation + 1;  // Handles to what it was go stale.
  free_branches_.push_back(index);
}

SharedType Store::handle(BranchIndex branch) {
  return SharedType(this, branch, branches[branch].generation);
}

Branch* Store::resolve(const SharedType& handle) {
  Branch& branch = branches[handle.branch_];
  return branch.live && branch.generation == handle.generation_ ? &branch : nullptr;
}

// --- Items and content
// ----------------------------------------------------------------------------

ItemIndex Store::new_item() {
  if (free_items_ == kNone) return items.emplace_back();
  const ItemIndex index = free_items_;
  free_items_ = items[index].right;
  items[index] = Item();
  return index;
}

void Store::free_item(ItemIndex index) {
  items[index] = Item();
  items[index].right = free_items_;
  free_items_ = index;
}

std::uint32_t Store::append_content(Client& client, ByteView bytes) {
  COTERIE_ASSERT(client.content.size() + bytes.size() <= 0xffff'ffff);
  const auto at = static_cast<std::uint32_t>(client.content.size());
  client.content.insert(client.content.end(), bytes.begin(), bytes.end());
  content_bytes_ += bytes.size();
  return at;
}

ByteView Store::content_of(const Item& item) const {
  if (item.kind == ContentKind::kGc || item.kind == ContentKind::kDeleted ||
      item.kind == ContentKind::kType) {
    return {};
  }
  const Bytes& content = clients_[item.client].content;
  const std::uint8_t* const at = content.data() + item.content;
  const bool elements = item.kind == ContentKind::kString || item.kind == ContentKind::kAny ||
                        item.kind == ContentKind::kJson;
  if (elements) return {at, byte_of(item, item.length)};
  return {at,
          content_bytes(item.kind, item.ascii, item.length, at, content.data() + content.size())};
}

/// What was written last is at the end of the buffer. kNone: that does not tell.
std::uint32_t Store::byte_near_end(const Client& client, const Item& item, std::uint32_t offset) {
  if (client.scattered) return kNone;
  const std::uint32_t clock = item.clock + offset;
  if (offset == item.length && clock == client.state) {
    return static_cast<std::uint32_t>(client.content.size()) - item.content;
  }
  return offset > 0 && clock == client.tail_clock ? client.tail_byte - item.content : kNone;
}

std::uint32_t Store::byte_of(const Item& item, std::uint32_t offset) const {
  if (item.kind == ContentKind::kString) {
    return static_cast<std::uint32_t>(text_position(item, offset).byte);
  }
  const Client& client = clients_[item.client];
  if (const std::uint32_t byte = byte_near_end(client, item, offset); byte != kNone) return byte;
  return client.elements.position(client.content, item, offset) - item.content;
}

Utf16Position Store::text_position(const Item& item, std::uint32_t offset) const {
  if (item.ascii) return {.byte = offset, .inside_pair = false};
  // Reading a little is cheaper than looking up where to read.
  constexpr std::uint32_t kReadMax = 64;
  const Client& client = clients_[item.client];
  if (const std::uint32_t byte = byte_near_end(client, item, offset); byte != kNone) {
    return {.byte = byte, .inside_pair = false};
  }
  const ByteView content(client.content);
  if (offset <= kReadMax) return utf16_position(content.subspan(item.content), offset);
  Utf16Position found = client.units.position(content, item.content, offset);
  found.byte -= item.content;
  return found;
}

void Store::compact_content(Client& client) {
  if (client.dead_bytes < kCompactBytesMin || client.dead_bytes <= client.content.size() / 2)
    return;
  Bytes kept;
  kept.reserve(client.content.size() - client.dead_bytes);
  for (auto at = client.blocks.begin(); !client.blocks.is_end(at); at = client.blocks.next(at)) {
    Item& item = items[client.blocks.item(at)];
    const ByteView content = content_of(item);
    if (content.empty()) continue;
    item.content = static_cast<std::uint32_t>(kept.size());
    append(kept, content);
  }
  content_bytes_ -= client.content.size() - kept.size();
  client.content = std::move(kept);
  client.dead_bytes = 0;
  client.scattered = false;
  client.tail_clock = kNone;
  client.units.clear();
  client.elements.clear();
}

// --- Finding and splitting
// ------------------------------------------------------------------------

ItemIndex Store::item_clean_start(LocalId id) {
  const BlockList& blocks = clients_[id.client].blocks;
  const BlockList::Cursor cursor = blocks.find(id.clock, BlockList::kRight);
  const ItemIndex index = blocks.item(cursor);
  const Item& item = items[index];
  if (item.clock == id.clock || item.is_gc()) return index;
  return split(cursor, index, id.clock - item.clock);
}

ItemIndex Store::item_clean_end(LocalId id) {
  const BlockList& blocks = clients_[id.client].blocks;
  const BlockList::Cursor cursor = blocks.find(id.clock, BlockList::kLeft);
  const ItemIndex index = blocks.item(cursor);
  const Item& item = items[index];
  if (item.end() != id.clock + 1 && !item.is_gc()) split(cursor, index, id.clock + 1 - item.clock);
  return index;
}

ItemIndex Store::split(BlockList::Cursor cursor, ItemIndex index, std::uint32_t diff) {
  const ItemIndex right_index = new_item();
  Item& left = items[index];
  Item& right = items[right_index];
  right = left;
  right.content = split_content(left, diff);
  right.clock = left.clock + diff;
  right.length = left.length - diff;
  right.origin = {left.client, right.clock - 1};
  right.left = index;
  left.right = right_index;
  left.length = diff;
  if (right.right != kNone) items[right.right].left = right_index;
  Branch& parent = branches[left.parent];
  if (left.in_map) {
    if (right.right == kNone) parent.entries.find(left.place)->last = right_index;
  } else {
    if (right.right == kNone) parent.end = right_index;
    if (parent.index_root != kNone) {
      positions_.split(parent, left.parent, index, right_index);
    }
  }
  clients_[left.client].blocks.insert_after(cursor, right.clock, right_index);
  if (conflicts_ != nullptr) conflicts_->inserted(right_index);
  // The halves are tried for squashing when the transaction ends.
  transaction_.splits.push_back(right.id());
  return right_index;
}

/// Where the content of the right half starts; may move that of the left.
std::uint32_t Store::split_content(Item& item, std::uint32_t diff) {
  if (item.kind == ContentKind::kDeleted) return item.content;
  if (item.kind != ContentKind::kString) return item.content + byte_of(item, diff);
  const Utf16Position cut = text_position(item, diff);
  const auto byte = static_cast<std::uint32_t>(cut.byte);
  if (!cut.inside_pair) return item.content + byte;
  return split_pair(clients_[item.client], item, byte,
                    static_cast<std::uint32_t>(content_of(item).size()));
}

/// Splits inside the four-byte code point at `byte`: each half becomes U+FFFD, as in Yjs
/// (ContentString.splice). Six bytes do not fit into four, so the smaller half moves.
std::uint32_t Store::split_pair(Client& client, Item& item, std::uint32_t byte,
                                std::uint32_t bytes) {
  static constexpr std::uint8_t kReplacement[] = {0xef, 0xbf, 0xbd};
  const std::uint32_t at = item.content;
  const std::uint32_t right_bytes = bytes - byte - 4;
  const bool keep_right = right_bytes >= byte;
  const auto pair = client.content.begin() + at + byte;
  Bytes moved;
  if (keep_right) {
    moved.assign(client.content.begin() + at, pair);
    append(moved, kReplacement);
  } else {
    append(moved, kReplacement);
    moved.insert(moved.end(), pair + 4, pair + 4 + right_bytes);
  }
  // The half that stays gets its U+FFFD in place; a space beside it keeps the count of units.
  std::copy(std::begin(kReplacement), std::end(kReplacement), keep_right ? pair + 1 : pair);
  *(keep_right ? pair : pair + 3) = ' ';
  client.units.patched(client.content, at + byte);
  client.scattered = true;
  client.dead_bytes += 1 + (keep_right ? byte : right_bytes);
  const std::uint32_t moved_to = append_content(client, moved);
  if (!keep_right) return moved_to;
  item.content = moved_to;
  return at + byte + 1;
}

PositionIndex::Found Store::find_position(BranchIndex index, std::uint32_t position) {
  Branch& branch = branches[index];
  if (position >= branch.length) return {};
  constexpr std::uint32_t kCursorReach = 256;
  if (cursor_.branch == index && position >= cursor_.start &&
      position - cursor_.start < items[cursor_.item].length + kCursorReach) {
    // Steps from the cursor to what is right of it, over deleted items, before the tree is asked.
    constexpr int kCursorSteps = 6;
    std::uint32_t start = cursor_.start;
    ItemIndex at = cursor_.item;
    for (int i = 0; i < kCursorSteps && at != kNone; ++i, at = items[at].right) {
      const std::uint32_t length = items[at].visible_length();
      if (position - start < length) {
        cursor_ = {index, at, start};
        return {at, position - start};
      }
      start += length;
    }
  }
  if (branch.index_root == kNone) positions_.build(branch, index);
  const PositionIndex::Found found = positions_.find(branch, position);
  cursor_ = {index, found.item, position - found.offset};
  return found;
}

PositionIndex::Found Store::locate(BranchIndex index, std::uint32_t position) {
  Branch& branch = branches[index];
  if (branch.index_root == kNone) positions_.build(branch, index);
  return positions_.find(branch, position);
}

std::uint32_t Store::position_of(ItemIndex index) {
  const Item& item = items[index];
  if (item.in_map) return 0;
  Branch& branch = branches[item.parent];
  if (branch.index_root == kNone) positions_.build(branch, item.parent);
  return positions_.position_of(index);
}

LocalId Store::redone_of(const Item& item) const {
  if (!item.redone) return kNoId;
  const auto after = redone_.upper_bound({item.client, item.clock});
  const auto& [from, to] = *std::prev(after);
  return {to.client, to.clock + (item.clock - from.second)};
}

void Store::set_redone(ItemIndex index, LocalId to) {
  items[index].redone = true;
  const LocalId id = items[index].id();
  redone_[{id.client, id.clock}] = to;
}

}  // namespace coterie::crdt::internal
