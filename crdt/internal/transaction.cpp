// A transaction from its begin to its end: Yjs's transact and cleanupTransactions. Content of what
// was deleted is collected, neighbours that fit are squashed, and the effective update is written.
// Which pairs of neighbours are tried decides how structs are cut, and so the bytes: exactly those
// that Yjs tries.

#include <algorithm>

#include "crdt/internal/store.hpp"

namespace coterie::crdt::internal {
void Store::begin(bool local, Any* origin) {
  if (depth_++ > 0) return;
  if (in_place_ != nullptr) step_aside();
  COTERIE_ASSERT(!quiet_);
  caret_.branch = kNone;
  transaction_.clear();
  transaction_.told.reset();
  transaction_.number = ++transactions_;
  transaction_.local = local;
  transaction_.tracked = (watch_ & kWatchChanges) != 0;
  if (origin != nullptr && !origin->is_undefined()) transaction_.origin = std::move(*origin);
  if ((watch_ & kWatchBegin) != 0) tell_begin();
}

Bytes Store::commit(std::optional<UpdateFormat> wanted) {
  COTERIE_ASSERT(depth_ > 0 && !quiet_);
  if (--depth_ > 0) return {};
  for (Growth& growth : transaction_.clients) growth.after = clients_[growth.client].state;
  for (const Change& change : transaction_.changes) {
    Branch& branch = branches[change.branch];
    branch.changed = false;
    if (!transaction_.local && branch.has_formatting && branch.is_text() &&
        (branch.item == kNone || !items[branch.item].deleted)) {
      transaction_.clean_formatting = true;
    }
  }
  if (!cleaning_ && !transaction_.tracked && !transaction_.clean_formatting &&
      transaction_.subdocs == nullptr) {
    Bytes update = finish(transaction_, wanted);
    return queue_.empty() ? update : clean_up(std::move(update), wanted);
  }
  queue_.push_back(std::make_unique<Transaction>(std::move(transaction_)));
  return cleaning_ ? Bytes() : clean_up({}, wanted);
}

/// Clean-up of one transaction after the other, those included that observers make meanwhile.
Bytes Store::clean_up(Bytes first, std::optional<UpdateFormat> wanted) {
  cleaning_ = true;
  std::vector<Bytes> updates;
  if (!first.empty()) updates.push_back(std::move(first));
  for (std::size_t i = 0; i < queue_.size(); ++i) {
    Transaction& transaction = *queue_[i];
    prepare(transaction);
    if (transaction.tracked) tell_changes(transaction);
    if (transaction.clean_formatting) {
      begin(true);
      clean_formatting(transaction);
      (void)commit(std::nullopt);
    }
    Bytes update = finish(transaction, wanted);
    if (!update.empty()) updates.push_back(std::move(update));
    if (transaction.subdocs != nullptr) tell_subdocs(transaction);
  }
  const auto done = std::move(queue_);
  queue_.clear();
  cleaning_ = false;
  if (observers_ != nullptr && !observers_->after_all.empty()) {
    std::vector<TransactionView> views;
    views.reserve(done.size());
    for (const auto& transaction : done) {
      views.push_back(TransactionView(*this, *transaction));
    }
    observers_->enter();
    observers_->after_all.call<false>(std::span<const TransactionView>(views));
    observers_->leave();
  }
  if (updates.empty()) return {};
  if (updates.size() == 1) return std::move(updates.front());
  auto merged = *wanted == UpdateFormat::kV1 ? merge_updates(std::span<const Bytes>(updates))
                                             : merge_updates_v2(std::span<const Bytes>(updates));
  COTERIE_ASSERT(merged.has_value());
  return *std::move(merged);
}

Bytes Store::finish(Transaction& transaction, std::optional<UpdateFormat> wanted) {
  if (!transaction.tidy || !transaction.splits.empty()) {
    sort_and_merge(transaction.deletes);
    if (gc && transaction.garbage) collect(transaction);
    squash(transaction);
  }
  for (const auto& range : transaction.deletes) compact_content(clients_[range.client]);
  if (transaction.tracked) tell_cleaned_up(transaction);
  const bool observed = (watch_ & kWatchUpdates) != 0;
  if (transaction.empty() || (!wanted && !observed)) return {};
  Bytes result;
  ByteView v1;
  if (wanted == UpdateFormat::kV1) {
    encode_transaction(scratch_, transaction);
    v1 = scratch_.finish();
    result.assign(v1.begin(), v1.end());
  } else if (wanted == UpdateFormat::kV2) {
    encode_transaction(scratch_v2_, transaction);
    result = scratch_v2_.take();
  }
  if (observed) tell_updates(transaction, v1);
  return result;
}

// --- Collection
// -----------------------------------------------------------------------------------

void Store::collect(const Transaction& transaction) {
  for (const auto& range : transaction.deletes) {
    const BlockList& blocks = clients_[range.client].blocks;
    const std::uint32_t end = range.clock + range.length;
    for (auto at = blocks.find(range.clock); !blocks.is_end(at) && blocks.at(at).clock < end;
         at = blocks.next(at)) {
      const Item& item = items[blocks.item(at)];
      if (item.deleted && item.kind > ContentKind::kDeleted && !item.keep &&
          (!gc_filter || gc_filter({clients_[item.client].id, item.clock, item.length}))) {
        collect_item(blocks.item(at));
      }
    }
  }
}

/// Forgets the content of a deleted item. What is inside a type becomes GCs: only ids are left.
void Store::collect_item(ItemIndex index) {
  Item& item = items[index];
  clients_[item.client].dead_bytes += content_of(item).size();
  if (item.kind == ContentKind::kDoc) forget_subdoc(item);
  if (item.kind == ContentKind::kFormat) forget_value_source(item);
  if (item.kind != ContentKind::kType) {
    item.kind = ContentKind::kDeleted;
    return;
  }
  std::vector<BranchIndex> open{item.content};
  item.kind = ContentKind::kDeleted;
  const auto to_gc = [&](ItemIndex child_index) {
    Item& child = items[child_index];
    clients_[child.client].dead_bytes += content_of(child).size();
    if (child.kind == ContentKind::kType) open.push_back(child.content);
    if (child.kind == ContentKind::kDoc) forget_subdoc(child);
    if (child.kind == ContentKind::kFormat) forget_value_source(child);
    const std::uint32_t clock = child.clock;
    const std::uint32_t length = child.length;
    const ClientIndex client = child.client;
    child = Item();
    child.clock = clock;
    child.length = length;
    child.set_client(client);
    child.deleted = true;
  };
  while (!open.empty()) {
    const BranchIndex branch = open.back();
    open.pop_back();
    positions_.drop(branches[branch]);
    if (cursor_.branch == branch) cursor_ = {};
    for (ItemIndex at = branches[branch].start; at != kNone;) {
      const ItemIndex next = items[at].right;
      to_gc(at);
      at = next;
    }
    for (const MapEntry& entry : branches[branch].entries.all()) {
      for (ItemIndex at = entry.last; at != kNone;) {
        const ItemIndex before = items[at].left;
        to_gc(at);
        at = before;
      }
    }
    free_branch(branch);
  }
}

// --- Squashing
// ------------------------------------------------------------------------------------

void Store::squash(const Transaction& transaction) {
  // From the last range of a client to its first, as in Yjs: what lies behind a range is tried when
  // the range before it has reached it.
  for (auto range = transaction.deletes.rbegin(); range != transaction.deletes.rend(); ++range) {
    // What is new is tried below, with both its neighbours.
    if (range->clock >= before_of(transaction, range->client)) continue;
    squash_deleted(clients_[range->client], range->clock, range->clock + range->length);
  }
  for (const Growth& growth : transaction.clients) {
    squash_new(clients_[growth.client], growth.before);
  }
  std::uint32_t merged = 0;
  for (auto id = transaction.splits.rbegin(); id != transaction.splits.rend(); ++id) {
    Client& client = clients_[id->client];
    const BlockList::Cursor at = client.blocks.find(id->clock);
    const BlockList::Cursor after = client.blocks.next(at);
    if (!client.blocks.is_end(after)) {
      squash_with_lefts(client, after, merged);
      if (merged > 1) continue;  // The one before `at` was tried, too.
    }
    const BlockList::Cursor again = client.blocks.find(id->clock);
    if (!client.blocks.is_begin(again)) squash_with_lefts(client, again, merged);
  }
}

/// Tries all pairs in the range, the one across its start and the one across its end.
void Store::squash_deleted(Client& client, std::uint32_t clock, std::uint32_t end) {
  std::uint32_t merged = 0;
  BlockList::Cursor at = client.blocks.find(end - 1);
  if (const auto after = client.blocks.next(at); !client.blocks.is_end(after)) at = after;
  while (!client.blocks.is_begin(at) && client.blocks.at(at).clock >= clock) {
    at = squash_with_lefts(client, at, merged);
    if (client.blocks.is_begin(at)) return;
    at = client.blocks.previous(at);
  }
}

/// Tries all pairs from the first new struct on.
void Store::squash_new(Client& client, std::uint32_t before) {
  std::uint32_t merged = 0;
  BlockList::Cursor at = client.blocks.back();
  while (!client.blocks.is_begin(at)) {
    // Most pairs are apart in their list, which is seen at once.
    const ItemIndex right_index = client.blocks.item(at);
    const Item& right = items[right_index];
    if (right.end() <= before) return;
    const BlockList::Cursor previous = client.blocks.previous(at);
    const Item& left = items[client.blocks.item(previous)];
    if (left.right == right_index || left.is_gc()) {
      at = squash_with_lefts(client, at, merged);
      if (client.blocks.is_begin(at)) return;
      at = client.blocks.previous(at);
    } else {
      at = previous;
    }
  }
}

BlockList::Cursor Store::squash_with_lefts(Client& client, BlockList::Cursor cursor,
                                           std::uint32_t& merged) {
  merged = 0;
  while (!client.blocks.is_begin(cursor)) {
    const ItemIndex right = client.blocks.item(cursor);
    const ItemIndex left = client.blocks.item(client.blocks.previous(cursor));
    if (!try_squash(left, right)) break;
    free_item(right);
    cursor = client.blocks.erase(cursor);
    ++merged;
  }
  return cursor;
}

/// Adds `right`, next by clock, to `left` if nothing tells them apart. `right` is then out of all
/// lists but the client's blocks.
bool Store::try_squash(ItemIndex left_index, ItemIndex right_index) {
  Item& left = items[left_index];
  const Item& right = items[right_index];
  if (left.kind != right.kind || left.deleted != right.deleted) return false;
  if (left.is_gc()) {
    left.length += right.length;
    return true;
  }
  const bool mergeable = left.kind == ContentKind::kDeleted || left.kind == ContentKind::kString ||
                         left.kind == ContentKind::kAny || left.kind == ContentKind::kJson;
  if (!mergeable || left.right != right_index || !(right.origin == left.last_id()) ||
      !(left.right_origin == right.right_origin) || left.redone || right.redone) {
    return false;
  }
  Client& client = clients_[left.client];
  if (client.scattered && left.kind != ContentKind::kDeleted) {
    const ByteView left_bytes = content_of(left);
    const ByteView right_bytes = content_of(right);
    if (left_bytes.data() + left_bytes.size() != right_bytes.data()) {
      Bytes joined(left_bytes.begin(), left_bytes.end());
      append(joined, right_bytes);
      client.dead_bytes += joined.size();
      left.content = append_content(client, joined);
      client.elements.clear();
    }
  }
  Branch& parent = branches[left.parent];
  if (left.in_map) {
    MapEntry* const entry = parent.entries.find(left.place);
    if (entry->last == right_index) entry->last = left_index;
  } else {
    if (parent.end == right_index) parent.end = left_index;
    if (cursor_.item == right_index) cursor_ = {};
    if (parent.index_root != kNone) positions_.remove(parent, left.parent, right_index);
  }
  left.keep = left.keep || right.keep;
  left.ascii = left.ascii && right.ascii;
  left.right = right.right;
  if (left.right != kNone) items[left.right].left = left_index;
  left.length += right.length;
  if (!left.in_map && parent.index_root != kNone) {
    positions_.set_length(left_index, left.visible_length());
  }
  return true;
}

// --- The effective update
// -------------------------------------------------------------------------

/// As in Yjs, the structs are all those since the transaction began: where an observer has edited
/// meanwhile, its structs too, which come again with the update of its own.
template <typename Encoder>
void Store::encode_transaction(Encoder& out, const Transaction& transaction) {
  const std::vector<Growth>* changed = &transaction.clients;
  if (transactions_ != transaction.number || changed->size() > 1) {
    encoded_clients_ = transaction.clients;
    for (const auto& later : queue_) {
      if (later->number <= transaction.number) continue;
      for (const Growth& growth : later->clients) {
        const auto same = [&](const Growth& known) { return known.client == growth.client; };
        if (std::none_of(encoded_clients_.begin(), encoded_clients_.end(), same)) {
          encoded_clients_.push_back(growth);
        }
      }
    }
    std::sort(encoded_clients_.begin(), encoded_clients_.end(),
              [&](const Growth& a, const Growth& b) {
                return clients_[a.client].id > clients_[b.client].id;
              });
    changed = &encoded_clients_;
  }
  out.clear();
  out.rest().reserve(16);
  out.rest().varuint(changed->size());
  for (const Growth& growth : *changed) {
    write_section(out, clients_[growth.client], growth.before);
  }
  encoded_deletes_.clear();
  for (const auto& range : transaction.deletes) {
    encoded_deletes_.push_back({clients_[range.client].id, range.clock, range.length});
  }
  sort_and_merge(encoded_deletes_);
  write_delete_set<Encoder>(out.rest(), encoded_deletes_);
}

template void Store::encode_transaction(EncoderV1&, const Transaction&);
template void Store::encode_transaction(EncoderV2&, const Transaction&);

}  // namespace coterie::crdt::internal
