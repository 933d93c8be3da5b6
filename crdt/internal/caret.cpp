// The short ways of editing: what typing, backspace and forward delete do again and again at one
// place comes down to moving the border between two items.
//
// They give exactly what splitting, collecting and squashing would: the element deleted is split
// off, loses its content, and is squashed into the deleted neighbour that continues it by clock. No
// other pair of structs that Yjs would try could be squashed, because it was tried when its last
// member came to be.

#include "crdt/base/utf16.hpp"
#include "crdt/internal/encoder.hpp"
#include "crdt/internal/store.hpp"

namespace coterie::crdt::internal {
namespace {

bool may_shrink(const Item& item) {
  return !item.deleted && !item.in_map && !item.keep && !item.redone &&
         (item.kind == ContentKind::kString || item.kind == ContentKind::kAny);
}

/// `left` and `right`, one of them deleted, are next to each other by clock and in their list, and
/// nothing but the deletion tells them apart.
bool is_one_run(const Item& left, const Item& right, const Item& deleted) {
  return deleted.kind == ContentKind::kDeleted && !deleted.keep && !deleted.redone &&
         left.client == right.client && left.end() == right.clock &&
         right.origin == left.last_id() && left.right_origin == right.right_origin;
}

}  // namespace

bool Store::is_rest(const Item& left, const Item& deleted) const {
  return gc && !gc_filter && may_shrink(left) && is_one_run(left, deleted, deleted);
}

bool Store::is_continued(const Item& deleted, const Item& right) const {
  return gc && !gc_filter && may_shrink(right) && is_one_run(deleted, right, deleted);
}

bool Store::give_to_deleted_right(ItemIndex index, std::uint32_t count) {
  Item& item = items[index];
  // Observers may ask for what was deleted.
  if (transaction_.tracked || count >= item.length || item.right == kNone) return false;
  Item& rest = items[item.right];
  if (!is_rest(item, rest)) return false;
  Client& client = clients_[item.client];
  const std::uint32_t kept = item.length - count;
  const std::size_t bytes = content_of(item).size();
  if (item.kind == ContentKind::kString) {
    const Utf16Position cut = text_position(item, kept);
    if (cut.inside_pair) return false;
    client.dead_bytes += bytes - cut.byte;
  } else {
    client.dead_bytes += bytes - byte_of(item, kept);
  }
  client.blocks.set_clock(client.blocks.find(rest.clock), rest.clock - count);
  item.length = kept;
  rest.clock -= count;
  rest.length += count;
  rest.origin = item.last_id();
  Branch& parent = branches[item.parent];
  parent.length -= count;
  if (parent.index_root != kNone) positions_.set_length(index, kept);
  if (cursor_.branch == item.parent && cursor_.item != index) cursor_ = {};
  transaction_.deletes.push_back({item.client, rest.clock, count});
  note_change(item.parent, kNone);
  return true;
}

bool Store::give_to_deleted_left(ItemIndex index, std::uint32_t count) {
  Item& item = items[index];
  if (transaction_.tracked || count >= item.length || item.left == kNone) return false;
  Item& rest = items[item.left];
  if (!is_continued(rest, item)) return false;
  std::uint32_t bytes = 0;
  if (item.kind == ContentKind::kString) {
    const Utf16Position cut = text_position(item, count);
    if (cut.inside_pair) return false;
    bytes = static_cast<std::uint32_t>(cut.byte);
  } else {
    bytes = byte_of(item, count);
  }
  Client& client = clients_[item.client];
  client.dead_bytes += bytes;
  client.blocks.set_clock(client.blocks.find(item.clock), item.clock + count);
  transaction_.deletes.push_back({item.client, item.clock, count});
  rest.length += count;
  item.content += bytes;
  item.clock += count;
  item.length -= count;
  item.origin = rest.last_id();
  Branch& parent = branches[item.parent];
  parent.length -= count;
  if (parent.index_root != kNone) positions_.set_length(index, item.length);
  if (cursor_.branch == item.parent && cursor_.item != index) cursor_ = {};
  note_change(item.parent, kNone);
  return true;
}

bool Store::cut_out(ItemIndex index, std::uint32_t offset, std::uint32_t count) {
  Item& item = items[index];
  if (transaction_.tracked || !gc || !may_shrink(item) || offset == 0 ||
      std::uint64_t{offset} + count >= item.length) {
    return false;
  }
  std::uint32_t from = offset;
  std::uint32_t to = offset + count;
  if (item.kind != ContentKind::kString) {
    from = byte_of(item, offset);
    to = byte_of(item, offset + count);
  } else if (!item.ascii) {
    const Utf16Position first = text_position(item, offset);
    const Utf16Position last = text_position(item, offset + count);
    if (first.inside_pair || last.inside_pair) return false;
    from = static_cast<std::uint32_t>(first.byte);
    to = static_cast<std::uint32_t>(last.byte);
  }
  const ItemIndex gone_index = new_item();
  const ItemIndex rest_index = new_item();
  Item& gone = items[gone_index];
  Item& rest = items[rest_index];
  gone = rest = item;
  item.length = offset;
  item.right = gone_index;
  gone.clock = item.end();
  gone.length = count;
  gone.origin = item.last_id();
  gone.left = index;
  gone.right = rest_index;
  gone.kind = ContentKind::kDeleted;
  gone.deleted = true;
  rest.clock = gone.end();
  rest.length -= offset + count;
  rest.origin = gone.last_id();
  rest.left = gone_index;
  rest.content += to;
  Branch& parent = branches[item.parent];
  (rest.right == kNone ? parent.end : items[rest.right].left) = rest_index;
  Client& client = clients_[item.client];
  BlockList::Cursor at = client.blocks.find(item.clock);
  at = client.blocks.insert_after(at, gone.clock, gone_index);
  client.blocks.insert_after(at, rest.clock, rest_index);
  client.dead_bytes += to - from;
  parent.length -= count;
  if (parent.index_root != kNone) {
    positions_.cut_out(parent, item.parent, index, gone_index, rest_index);
  }
  if (cursor_.branch == item.parent && cursor_.item != index) cursor_ = {};
  transaction_.deletes.push_back({item.client, gone.clock, count});
  note_change(item.parent, kNone);
  return true;
}

void Store::take_caret(BranchIndex index, std::uint64_t position) {
  if (!is_quiet() || cursor_.branch != index) return;
  const Branch& branch = branches[index];
  if (branch.has_marks || !branch.live || (branch.item != kNone && items[branch.item].deleted)) {
    return;
  }
  Item& at = items[cursor_.item];
  if (at.deleted || at.kind != ContentKind::kString) return;
  caret_ = {};
  if (position == std::uint64_t{cursor_.start} + at.length) {
    Item* const right = at.right == kNone ? nullptr : &items[at.right];
    caret_.client = &clients_[at.client];
    const bool last = caret_.client->id == client_id && at.end() == caret_.client->state;
    if (right == nullptr || right->visible_length() > 0) {
      if (!last || at.redone || caret_.client->scattered ||
          !(at.right_origin == (right == nullptr ? kNoId : right->id()))) {
        return;
      }
      caret_.typed = &at;
      caret_.typed_index = cursor_.item;
    } else if (at.ascii && is_rest(at, *right)) {
      caret_.gone = right;
      caret_.before = &at;
      caret_.before_index = cursor_.item;
      if (right->right != kNone && items[right->right].ascii &&
          items[right->right].kind == ContentKind::kString &&
          is_continued(*right, items[right->right])) {
        caret_.after = &items[right->right];
        caret_.after_index = right->right;
      }
    } else {
      return;
    }
  } else if (position == cursor_.start && at.left != kNone && at.ascii &&
             is_continued(items[at.left], at)) {
    caret_.client = &clients_[at.client];
    caret_.gone = &items[at.left];
    caret_.after = &at;
    caret_.after_index = cursor_.item;
    const ItemIndex before = caret_.gone->left;
    if (before != kNone && items[before].ascii && items[before].kind == ContentKind::kString &&
        is_rest(items[before], *caret_.gone)) {
      caret_.before = &items[before];
      caret_.before_index = before;
    }
  } else {
    return;
  }
  if (caret_.gone != nullptr) caret_.block = caret_.client->blocks.find(caret_.gone->clock);
  caret_.position = position;
  caret_.generation = branch.generation;
  caret_.branch = index;
}

bool Store::insert_at_caret(const SharedType& handle, std::uint64_t index, ByteView text,
                            std::uint64_t length, bool ascii) {
  Caret& caret = caret_;
  if (caret.branch != handle.branch_ || caret.position != index ||
      caret.generation != handle.generation_ || caret.typed == nullptr || watch_ != 0 ||
      length > kClockMax || !may_edit(text.size() * 2)) {
    return false;
  }
  const auto units = static_cast<std::uint32_t>(length);
  Item& item = *caret.typed;
  cursor_ = {caret.branch, caret.typed_index, static_cast<std::uint32_t>(index) - item.length};
  Bytes& content = caret.client->content;
  caret.client->tail_clock = caret.client->state;
  caret.client->tail_byte = static_cast<std::uint32_t>(content.size());
  if (text.size() == 1) {
    content.push_back(text[0]);
  } else {
    content.insert(content.end(), text.begin(), text.end());
  }
  content_bytes_ += text.size();
  item.length += units;
  if (!ascii) item.ascii = false;
  caret.client->state += units;
  caret.position += units;
  Branch& branch = branches[caret.branch];
  branch.length += units;
  if (branch.index_root != kNone) positions_.set_length(caret.typed_index, item.length);
  return true;
}

bool Store::remove_at_caret(const SharedType& handle, std::uint64_t index, std::uint64_t length) {
  Caret& caret = caret_;
  if (caret.branch != handle.branch_ || caret.generation != handle.generation_ ||
      caret.gone == nullptr || watch_ != 0) {
    return false;
  }
  const auto count = static_cast<std::uint32_t>(length);
  Item& gone = *caret.gone;
  Branch& branch = branches[caret.branch];
  if (index + length == caret.position && caret.before != nullptr &&
      length < caret.before->length) {
    Item& item = *caret.before;
    caret.position = index;
    item.length -= count;
    gone.clock -= count;
    gone.length += count;
    gone.origin.clock -= count;
    caret.client->blocks.set_clock(caret.block, gone.clock);
    if (branch.index_root != kNone) positions_.set_length(caret.before_index, item.length);
    cursor_ = {caret.branch, caret.before_index, static_cast<std::uint32_t>(index) - item.length};
  } else if (index == caret.position && caret.after != nullptr && length < caret.after->length) {
    Item& item = *caret.after;
    gone.length += count;
    item.clock += count;
    item.length -= count;
    item.content += count;
    item.origin.clock += count;
    caret.client->blocks.set_clock(caret.client->blocks.next(caret.block), item.clock);
    if (branch.index_root != kNone) positions_.set_length(caret.after_index, item.length);
    cursor_ = {caret.branch, caret.after_index, static_cast<std::uint32_t>(index)};
  } else {
    return false;
  }
  branch.length -= count;
  caret.client->dead_bytes += count;
  compact_content(*caret.client);
  return true;
}

/// The update of a transaction that did no more than add what is past `offset` of its client's last
/// item.
template <typename Encoder>
void Store::encode_tail(Encoder& out, const Item& item, std::uint32_t offset) const {
  out.clear();
  out.rest().reserve(16);
  out.rest().varuint(1);
  out.section(1, clients_[item.client].id, item.clock + offset);
  write_item(out, item, offset);
  out.rest().varuint(0);  // No deletes.
}

bool Store::apply_at_end(const ParsedUpdate& update, std::optional<UpdateFormat> wanted,
                         ApplyResult& result) {
  if (!is_quiet() || has_pending() || update.sections.size() != 1 ||
      update.sections[0].count != 1 || update.delete_set.size() != 1) {
    return false;
  }
  const WireSection& section = update.sections[0];
  const ClientIndex client_index = find_client(section.client);
  if (client_index == kNone || client_index == own_) return false;
  Client& client = clients_[client_index];
  if (client.state != section.clock || client.blocks.empty() || client.scattered) return false;
  const ItemIndex index = client.blocks.last();
  Item& item = items[index];
  const bool grows = item.kind == ContentKind::kString || item.kind == ContentKind::kAny;
  if (!grows || item.deleted || item.redone || item.in_map) return false;
  WireStruct read;
  StructReader(section).next(read);
  if (read.kind != item.kind || !read.has_origin || read.origin.client != section.client ||
      read.origin.clock + 1 != section.clock || read.has_right_origin != (item.right != kNone)) {
    return false;
  }
  if (read.has_right_origin) {
    const Item& right = items[item.right];
    if (right.clock != read.right_origin.clock || !(item.right_origin == right.id()) ||
        clients_[right.client].id != read.right_origin.client) {
      return false;
    }
  } else if (item.right_origin.exists()) {
    return false;
  }
  Branch& parent = branches[item.parent];
  if (parent.has_formatting || (parent.item != kNone && items[parent.item].deleted)) return false;

  caret_.branch = kNone;
  if (cursor_.branch == item.parent && cursor_.item != index) cursor_ = {};
  const std::uint32_t offset = item.length;
  client.tail_clock = client.state;
  client.tail_byte = append_content(client, read.content);
  client.state += read.length;
  item.length += read.length;
  item.ascii = item.ascii && read.ascii;
  parent.length += read.length;
  if (parent.index_root != kNone) positions_.set_length(index, item.length);
  result.changed = true;
  if (wanted == UpdateFormat::kV1) {
    encode_tail(scratch_, item, offset);
    const ByteView v1 = scratch_.finish();
    result.update.assign(v1.begin(), v1.end());
  } else if (wanted == UpdateFormat::kV2) {
    encode_tail(scratch_v2_, item, offset);
    result.update = scratch_v2_.take();
  }
  return true;
}

}  // namespace coterie::crdt::internal
