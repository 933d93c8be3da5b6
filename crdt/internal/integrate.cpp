// Taking in structs and deletes: Yjs's integrateStructs, Item.getMissing, Item.integrate,
// Item.delete and readAndApplyDeleteSet.

#include <algorithm>
#include <unordered_map>

#include "crdt/base/utf16.hpp"
#include "crdt/internal/comparer.hpp"
#include "crdt/internal/store.hpp"
#include "crdt/internal/update_tools.hpp"

namespace coterie::crdt::internal {
namespace {

/// Up to this many bytes, pending structs are merged as they come.
constexpr std::size_t kPendingMergeMax = 64u << 10;

/// From so many structs on, setting up the tables of a bulk load pays.
constexpr std::uint64_t kBulkStructsMin = 16;

}  // namespace

// --- Integration of one item --------------------------------------------------------------------

void Store::touch(ClientIndex index) {
  Client& client = clients_[index];
  if (client.touched == transaction_.number) return;
  client.touched = transaction_.number;
  client.before = client.state;
  transaction_.clients.push_back({.client = index, .before = client.state});
}

void Store::note_change(BranchIndex index, KeyIndex key) {
  Branch& branch = branches[index];
  if (transaction_.tracked && key != kNone) {
    if (transaction_.changed_keys.count(std::uint64_t{index} << 32 | key) > 0) return;
  } else if (branch.changed || (!branch.is_text() && !transaction_.tracked)) {
    return;
  }
  if (branch.item != kNone) {
    const Item& item = items[branch.item];
    if (item.deleted || item.clock >= before_state(clients_[item.client])) return;
  }
  if (transaction_.tracked && key != kNone) {
    transaction_.changed_keys.insert(std::uint64_t{index} << 32 | key);
  } else {
    branch.changed = true;
  }
  transaction_.changes.push_back({index, key});
}

void Store::note_delete(const Item& item) {
  transaction_.deletes.push_back({item.client, item.clock, item.length});
}

/// An item that would be squashed into its left neighbour when the transaction ends goes there at
/// once: typing costs no item.
bool Store::extend_left(const NewItem& item) {
  if (item.left == kNone || item.key != kNone) return false;
  if (item.kind != ContentKind::kString && item.kind != ContentKind::kAny) return false;
  Item& left = items[item.left];
  if (left.client != item.client || left.end() != item.clock || left.right != item.right ||
      left.kind != item.kind || left.deleted || left.redone || left.keep || left.in_map ||
      !(left.right_origin == item.right_origin)) {
    return false;
  }
  const Branch& parent = branches[left.parent];
  if (parent.item != kNone && items[parent.item].deleted) return false;
  Client& client = clients_[item.client];
  if (client.scattered && (!left.ascii || left.content + left.length != client.content.size())) {
    return false;
  }
  touch(item.client);
  client.tail_clock = item.clock;
  client.tail_byte = append_content(client, item.content);
  left.length += item.length;
  left.ascii = left.ascii && item.ascii;
  client.state += item.length;
  branches[left.parent].length += item.length;
  if (parent.index_root != kNone) positions_.set_length(item.left, left.length);
  if (cursor_.branch == left.parent && cursor_.item != item.left) cursor_ = {};
  note_change(left.parent, kNone);
  return true;
}

/// Yjs's conflict resolution (YATA). Walks from the left neighbour as the author saw it to the
/// right one, over items that were inserted there concurrently, and returns the item that the new
/// one goes after.
///
/// Invariant: an item passed is "before the origin" of what follows if it was passed in this scan
/// (mark >= scan), and "conflicting" if it was passed since the place was last moved right
/// (mark >= conflict). Marks are numbers of a clock that never goes back, so no sets are kept.
ItemIndex Store::resolve_conflicts(const NewItem& item) {
  const ClientId client = clients_[item.client].id;
  ItemIndex left = item.left;
  ItemIndex at = kNone;
  if (left != kNone) {
    at = items[left].right;
  } else if (item.key != kNone) {
    const MapEntry* const entry = branches[item.parent].entries.find(item.key);
    at = entry == nullptr ? kNone : entry->first;
  } else {
    at = branches[item.parent].start;
  }
  const std::uint32_t scan = marks_.begin_scan();
  std::uint32_t conflict = scan;
  std::uint64_t steps = 0;
  for (; at != kNone && at != item.right; at = items[at].right) {
    if (++steps > conflict_patience.steps && is_out_of_patience(steps)) {
      return conflicts_->resolve(item);
    }
    const Item& other = items[at];
    const std::uint32_t now = marks_.pass(at);
    if (item.origin == other.origin) {
      if (clients_[other.client].id < client) {
        left = at;
        conflict = now + 1;
      } else if (item.right_origin == other.right_origin) {
        break;  // Same place for both: the ids decide, and this one is first.
      }
    } else if (other.origin.exists()) {
      const std::uint32_t mark = marks_.of(item_at(other.origin));
      if (mark < scan) break;
      if (mark < conflict) {
        left = at;
        conflict = now + 1;
      }
    } else {
      break;
    }
  }
  conflict_steps_ += steps;
  return left;
}

/// Whether the walks for this update have become so long that it pays to index the list.
bool Store::is_out_of_patience(std::uint64_t steps) {
  if (conflicts_ != nullptr) return true;
  if (!integrating_) return false;
  if (conflict_steps_ + steps < conflict_patience.total + conflict_patience.rounds * items.size()) {
    return false;
  }
  conflicts_ = std::make_unique<ConflictIndex>(*this, conflict_patience.block_max);
  return true;
}

/// Puts the item between `left` and what is right of it.
void Store::link(ItemIndex index, ItemIndex left) {
  Item& item = items[index];
  Branch& parent = branches[item.parent];
  item.left = left;
  MapEntry* const entry = item.in_map ? &parent.entries.add(item.place) : nullptr;
  ItemIndex& first = entry != nullptr ? entry->first : parent.start;
  ItemIndex& last = entry != nullptr ? entry->last : parent.end;
  if (left != kNone) {
    item.right = items[left].right;
    items[left].right = index;
  } else {
    item.right = first;
    first = index;
  }
  if (item.right != kNone) {
    items[item.right].left = index;
  } else {
    last = index;
  }
  if (conflicts_ != nullptr) conflicts_->inserted(index);
}

void Store::store_content(const NewItem& source, ItemIndex index) {
  Item& item = items[index];
  switch (source.kind) {
    case ContentKind::kType: {
      const BranchIndex branch = new_branch(source.type);
      branches[branch].item = index;
      if (source.type == TypeKind::kXmlElement || source.type == TypeKind::kXmlHook) {
        branches[branch].name = intern(source.node_name);
      }
      item.content = branch;
      return;
    }
    case ContentKind::kDeleted:
      note_delete(item);
      item.deleted = true;
      return;
    case ContentKind::kFormat:
      branches[item.parent].has_formatting = true;
      branches[item.parent].has_marks = true;
      [[fallthrough]];
    default:
      item.content = append_content(clients_[item.client], source.content);
      if (source.kind == ContentKind::kDoc) add_subdoc(item);
      return;
  }
}

void Store::integrate_gc(ClientIndex client, std::uint32_t clock, std::uint32_t length) {
  touch(client);
  transaction_.tidy = false;
  const ItemIndex index = new_item();
  Item& item = items[index];
  item.set_client(client);
  item.clock = clock;
  item.length = length;
  item.deleted = true;
  clients_[client].blocks.push_back(clock, index);
  clients_[client].state = clock + length;
}

ItemIndex Store::integrate(const NewItem& source) {
  return extend_left(source) ? source.left : integrate_apart(source);
}

ItemIndex Store::integrate_apart(const NewItem& source) {
  ItemIndex left = source.left;
  const bool neighbours = left == kNone ? source.right != kNone && items[source.right].left == kNone
                                        : items[left].right == source.right;
  if (!neighbours) left = resolve_conflicts(source);

  touch(source.client);
  // The only struct that it could be squashed into is the one before it by clock.
  if (source.kind == ContentKind::kDeleted ||
      (left != kNone && items[left].client == source.client && items[left].end() == source.clock)) {
    transaction_.tidy = false;
  }
  if (cursor_.branch == source.parent) cursor_ = {};
  const ItemIndex index = new_item();
  Item& item = items[index];
  item.set_client(source.client);
  item.clock = source.clock;
  item.length = source.length;
  item.origin = source.origin;
  item.right_origin = source.right_origin;
  item.parent = source.parent;
  item.kind = source.kind;
  item.ascii = source.ascii;
  item.in_map = source.key != kNone;
  item.place = source.key;
  link(index, left);
  auto& splits = transaction_.splits;
  // What lies between the halves of a split keeps them apart.
  if (!splits.empty() && item.right != kNone && splits.back() == items[item.right].id()) {
    splits.pop_back();
  }
  clients_[source.client].blocks.push_back(source.clock, index);
  clients_[source.client].state = source.clock + source.length;
  if (item.in_map && item.right == kNone && item.left != kNone) delete_item(item.left);
  store_content(source, index);
  Branch& parent = branches[source.parent];
  if (!item.in_map) {
    parent.length += item.visible_length();
    if (parent.index_root != kNone) positions_.insert(parent, source.parent, item.left, index);
  }
  note_change(source.parent, source.key);
  const bool parent_deleted = parent.item != kNone && items[parent.item].deleted;
  const bool superseded = item.in_map && item.right != kNone;
  if (parent_deleted || superseded) delete_item(index);
  return index;
}

ItemIndex Store::insert_local(BranchIndex parent, KeyIndex key, ItemIndex left, ItemIndex right,
                              ContentKind kind, std::uint32_t length, ByteView content, bool ascii,
                              TypeKind type, std::string_view node_name) {
  NewItem item;
  item.client = client_index(client_id);
  item.clock = clients_[item.client].state;
  item.length = length;
  item.left = left;
  item.right = right;
  if (left != kNone) item.origin = items[left].last_id();
  if (right != kNone) item.right_origin = items[right].id();
  item.parent = parent;
  item.key = key;
  item.kind = kind;
  item.ascii = ascii;
  item.type = type;
  item.node_name = node_name;
  item.content = content;
  return integrate(item);
}

// --- Deletion
// -------------------------------------------------------------------------------------

void Store::mark_deleted(ItemIndex index) {
  Item& item = items[index];
  Branch& parent = branches[item.parent];
  if (!item.in_map) {
    parent.length -= item.visible_length();
    if (parent.index_root != kNone) positions_.set_length(index, 0);
  }
  item.deleted = true;
  transaction_.tidy = false;
  transaction_.garbage = true;
  if (cursor_.branch == item.parent) cursor_ = {};
  if (item.kind == ContentKind::kDoc) delete_subdoc(item);
  note_delete(item);
  note_change(item.parent, item.key());
}

void Store::delete_item(ItemIndex index) {
  if (items[index].deleted) return;
  mark_deleted(index);
  if (items[index].kind != ContentKind::kType) return;
  // All below goes too, in Yjs's order, which decides in what order an undo brings it back. A list
  // of where the walk is on each level, because depth is the sender's choice.
  struct Level {
    BranchIndex branch;
    ItemIndex next;     ///< Of the list.
    std::size_t entry;  ///< Of the map, after that.
  };
  const BranchIndex below = items[index].content;
  std::vector<Level> levels{{below, branches[below].start, 0}};
  while (!levels.empty()) {
    Level& level = levels.back();
    const std::vector<MapEntry>& entries = branches[level.branch].entries.all();
    ItemIndex child = level.next;
    if (child != kNone) {
      level.next = items[child].right;
    } else if (level.entry < entries.size()) {
      child = entries[level.entry++].last;
    } else {
      levels.pop_back();
      continue;
    }
    Item& item = items[child];
    if (!item.deleted) {
      mark_deleted(child);
      if (item.kind == ContentKind::kType) {
        levels.push_back({item.content, branches[item.content].start, 0});
      }
    } else if (item.clock < before_state(clients_[item.client])) {
      // Deleted earlier, collected now: to be squashed, though no delete of this transaction
      // says so.
      transaction_.splits.push_back(item.id());
    }
  }
}

void Store::apply_delete(ClientIndex client, std::uint32_t clock, std::uint32_t end) {
  const BlockList& blocks = clients_[client].blocks;
  BlockList::Cursor at = blocks.find(clock);
  // A state names all that was ever deleted, which usually came deleted.
  if (const Item& first = items[blocks.item(at)]; first.deleted && first.end() >= end) return;
  if (const ItemIndex index = blocks.item(at); items[index].end() == end &&
                                               items[index].clock < clock &&
                                               give_to_deleted_right(index, end - clock)) {
    return;
  }
  if (const ItemIndex index = blocks.item(at);
      items[index].clock < clock && end < items[index].end() &&
      cut_out(index, clock - items[index].clock, end - clock)) {
    return;
  }
  if (const ItemIndex index = blocks.item(at);
      items[index].clock == clock && give_to_deleted_left(index, end - clock)) {
    return;
  }
  if (const Item& first = items[blocks.item(at)]; !first.deleted && first.clock < clock) {
    split(at, blocks.item(at), clock - first.clock);
    at = blocks.next(blocks.find(clock - 1));
  }
  for (; !blocks.is_end(at); at = blocks.next(at)) {
    const ItemIndex index = blocks.item(at);
    const Item& item = items[index];
    if (item.clock >= end) break;
    if (item.deleted) continue;
    if (end < item.end()) {
      split(at, index, end - item.clock);
      at = blocks.find(item.clock);
    }
    delete_item(index);
  }
}

namespace {

/// Whether no range is looked at twice: clients descend and ranges ascend, as every Yjs writes
/// them.
bool is_disjoint(ByteView delete_set) {
  bool disjoint = true;
  bool first = true;
  ClientId client = 0;
  std::uint64_t from = 0;
  for_each_delete(delete_set, [&](ClientId id, std::uint32_t clock, std::uint32_t length) {
    const bool next = first || id < client;
    disjoint = disjoint && (next || (id == client && clock >= from));
    first = false;
    client = id;
    from = std::uint64_t{clock} + length;
  });
  return disjoint;
}

/// The same deletes without overlaps; clients in the order in which they first appear.
std::vector<DeleteRange<ClientId>> disjoint_deletes(ByteView delete_set) {
  std::vector<DeleteRange<ClientId>> ranges;
  std::unordered_map<ClientId, std::size_t> rank;
  for_each_delete(delete_set, [&](ClientId id, std::uint32_t clock, std::uint32_t length) {
    rank.emplace(id, rank.size());
    ranges.push_back({id, clock, length});
  });
  std::stable_sort(ranges.begin(), ranges.end(), [&](const auto& a, const auto& b) {
    return a.client != b.client ? rank[a.client] < rank[b.client] : a.clock < b.clock;
  });
  std::size_t kept = 0;
  for (const auto& range : ranges) {
    std::uint32_t clock = range.clock;
    const std::uint32_t end = range.clock + range.length;
    if (kept > 0 && ranges[kept - 1].client == range.client) {
      clock = std::max(clock, ranges[kept - 1].clock + ranges[kept - 1].length);
    }
    if (clock < end) ranges[kept++] = {range.client, clock, end - clock};
  }
  ranges.resize(kept);
  return ranges;
}

}  // namespace

void Store::apply_delete_set(ByteView delete_set) {
  const auto apply_range = [&](ClientId id, std::uint32_t clock, std::uint32_t length) {
    const std::uint32_t end = clock + length;
    const std::uint32_t state = state_of(id);
    if (clock < state) apply_delete(find_client(id), clock, std::min(end, state));
    if (end > state) {
      const std::uint32_t from = std::max(clock, state);
      add_pending_delete(id, from, end - from);
    }
  };
  if (is_disjoint(delete_set)) {
    for_each_delete(delete_set, apply_range);
    return;
  }
  // Deleting is idempotent, but walking over the same items again and again would be quadratic.
  for (const auto& range : disjoint_deletes(delete_set)) {
    apply_range(range.client, range.clock, range.length);
  }
}

void Store::add_pending_delete(ClientId client, std::uint32_t clock, std::uint32_t length) {
  if (pending_delete_count_ >= kPendingDeletesMax) return;
  auto& ranges = pending_deletes_[client];
  std::uint32_t end = clock + length;
  auto at = ranges.upper_bound(clock);
  if (at != ranges.begin() && std::prev(at)->second >= clock) --at;
  while (at != ranges.end() && at->first <= end) {
    clock = std::min(clock, at->first);
    end = std::max(end, at->second);
    at = ranges.erase(at);
    --pending_delete_count_;
  }
  ranges.emplace(clock, end);
  ++pending_delete_count_;
}

void Store::retry_pending_deletes() {
  if (pending_deletes_.empty()) return;
  for (std::size_t i = 0; i < transaction_.clients.size(); ++i) {
    const ClientIndex index = transaction_.clients[i].client;
    const auto found = pending_deletes_.find(clients_[index].id);
    if (found == pending_deletes_.end()) continue;
    auto& ranges = found->second;
    const std::uint32_t state = clients_[index].state;
    while (!ranges.empty() && ranges.begin()->first < state) {
      const auto [clock, end] = *ranges.begin();
      ranges.erase(ranges.begin());
      apply_delete(index, clock, std::min(end, state));
      if (end > state) {
        ranges.emplace(state, end);
        break;
      }
      --pending_delete_count_;
    }
    if (ranges.empty()) pending_deletes_.erase(found);
  }
}

// --- Structs of an update
// -------------------------------------------------------------------------

/// One run over the sections of an update, as Yjs does it: the highest client first, and whenever a
/// struct builds on one not held, that one's section first (a stack). What cannot be placed is kept
/// as an update of its own.
struct Store::Integrator {
  struct Section {
    WireSection source;
    StructReader reader;
    bool dead = false;
    // What is left of a dead one: from a struct on.
    const std::uint8_t* rest = nullptr;
    std::uint64_t rest_count = 0;
    std::uint32_t rest_clock = 0;
  };
  struct Head {
    WireStruct read;
    std::uint32_t section = 0;
    const std::uint8_t* begin = nullptr;  ///< Where it starts.
    std::uint64_t count = 0;              ///< It and those after it in its section.
    WireId missing;                       ///< On the stack: what it waits for.
  };

  Store& store;
  std::vector<Section> sections;  ///< By client, ascending.
  std::vector<Head> stack;
  Head head;

  Integrator(Store& owner, const ParsedUpdate& update) : store(owner) {
    sections.reserve(update.sections.size());
    for (const WireSection& section : update.sections) {
      sections.push_back({.source = section, .reader = StructReader(section)});
    }
    std::sort(sections.begin(), sections.end(),
              [](const Section& a, const Section& b) { return a.source.client < b.source.client; });
  }

  /// For run_plainly().
  explicit Integrator(Store& owner) : store(owner) {}

  /// Places the structs of one client one after the other, as run() would where nothing is missing.
  /// False: something is; run() knows what was placed.
  bool run_plainly(const WireSection& section) {
    const ClientIndex client = store.client_index(section.client);
    for (StructReader reader(section); !reader.done();) {
      reader.next(head.read);
      if (head.read.kind == ContentKind::kSkip) continue;
      const std::uint32_t state = store.clients_[client].state;
      if (state < head.read.clock || find_missing(head.missing)) return false;
      if (head.read.end() <= state) {
        cut_pairs();
        continue;
      }
      integrate(client, state - head.read.clock);
    }
    return true;
  }

  /// Yjs looks up the neighbours of a struct that it knows, too, and so cuts items there. They are
  /// squashed again, but a surrogate pair that was cut is lost.
  void cut_pairs() {
    const WireStruct& read = head.read;
    if (read.has_origin && is_inside_pair(read.origin, 1)) {
      store.item_clean_end(local(read.origin));
    }
    if (read.has_right_origin && is_inside_pair(read.right_origin, 0)) {
      store.item_clean_start(local(read.right_origin));
    }
  }

  /// Whether a cut `after` elements from `id` on parts a pair.
  bool is_inside_pair(const WireId& id, std::uint32_t after) const {
    const LocalId at = local(id);
    if (at.client == kNone || at.clock >= store.clients_[at.client].state) return false;
    const Item& item = store.items[store.item_at(at)];
    if (item.kind != ContentKind::kString || item.ascii) return false;
    const std::uint32_t offset = at.clock - item.clock + after;
    return offset > 0 && offset < item.length && store.text_position(item, offset).inside_pair;
  }

  void take(std::uint32_t section) {
    StructReader& reader = sections[section].reader;
    head.section = section;
    head.begin = reader.at();
    head.count = reader.remaining();
    reader.next(head.read);
  }

  void run() {
    for (auto target = static_cast<std::uint32_t>(sections.size()); target-- > 0;) {
      while (!sections[target].dead && !sections[target].reader.done()) {
        take(target);
        place();
      }
    }
    keep_rest();
  }

  /// Places the head and all it was waiting for, or gives up on them.
  void place() {
    while (true) {
      const bool waits = head.read.kind != ContentKind::kSkip && !try_place();
      if (waits) continue;  // The head is now what it waits for.
      if (stack.empty()) return;
      head = stack.back();
      stack.pop_back();
    }
  }

  /// False: the head went onto the stack and another one took its place.
  bool try_place() {
    const WireStruct& read = head.read;
    const ClientIndex client = store.client_index(read.client);
    const std::uint32_t state = store.clients_[client].state;
    if (state < read.clock) {
      head.missing = {read.client, read.clock - 1};
      stack.push_back(head);
      give_up();
      return true;
    }
    if (read.end() <= state) {
      if (!find_missing(head.missing)) cut_pairs();
      return true;
    }
    if (find_missing(head.missing)) {
      stack.push_back(head);
      const std::uint32_t section = find_section(head.missing.client);
      if (section == kNone || sections[section].dead || sections[section].reader.done()) {
        give_up();
        return true;
      }
      take(section);
      return false;
    }
    integrate(client, state - read.clock);
    return true;
  }

  bool is_missing(bool has, const WireId& id, WireId& missing) const {
    if (!has || id.client == head.read.client || id.clock < store.state_of(id.client)) return false;
    missing = id;
    return true;
  }
  bool find_missing(WireId& missing) const {
    const WireStruct& read = head.read;
    return is_missing(read.has_origin, read.origin, missing) ||
           is_missing(read.has_right_origin, read.right_origin, missing) ||
           is_missing(read.has_parent_id, read.parent_id, missing);
  }

  std::uint32_t find_section(ClientId client) const {
    const auto found = std::lower_bound(
        sections.begin(), sections.end(), client,
        [](const Section& section, ClientId id) { return section.source.client < id; });
    if (found == sections.end() || found->source.client != client) return kNone;
    return static_cast<std::uint32_t>(found - sections.begin());
  }

  /// A dead end: all on the stack wait for something that is not here, and all after them too.
  /// Each one's own need is noted (Yjs notes the last one's only, and may so leave what could be
  /// placed until more arrives).
  void give_up() {
    for (const Head& waiting : stack) {
      store.note_missing(waiting.missing.client, waiting.missing.clock);
      Section& section = sections[waiting.section];
      if (section.dead && section.rest_count >= waiting.count) continue;
      section.dead = true;
      section.rest = waiting.begin;
      section.rest_count = waiting.count;
      section.rest_clock = waiting.read.clock;
    }
    stack.clear();
  }

  void keep_rest() {
    std::size_t dead = 0;
    std::size_t bytes = 32;
    for (const Section& section : sections) {
      if (!section.dead) continue;
      ++dead;
      bytes += 32 + static_cast<std::size_t>(section.source.end - section.rest);
    }
    if (dead == 0) return;
    WireWriter out(bytes);
    out.varuint(dead);
    for (auto section = sections.rbegin(); section != sections.rend(); ++section) {
      if (!section->dead) continue;
      out.varuint(section->rest_count);
      out.id(section->source.client, section->rest_clock);
      out.bytes({section->rest, section->source.end});
    }
    out.varuint(0);  // No deletes.
    store.keep_pending(out.take());
  }

  LocalId local(const WireId& id) const { return {store.find_client(id.client), id.clock}; }

  /// Precondition: nothing is missing, and the first `offset` elements are known.
  void integrate(ClientIndex client, std::uint32_t offset) {
    const WireStruct& read = head.read;
    const std::uint32_t clock = read.clock + offset;
    const std::uint32_t length = read.length - offset;
    NewItem item;
    if (read.kind == ContentKind::kGc || !resolve(item) ||
        (offset > 0 && !continue_known(item, client, clock))) {
      store.integrate_gc(client, clock, length);
      return;
    }
    item.client = client;
    item.clock = clock;
    item.length = length;
    item.kind = read.kind;
    item.ascii = read.ascii;
    item.type = static_cast<TypeKind>(read.type_ref);
    item.node_name = read.node_name;
    item.content = read.content;
    if (offset == 0 || read.kind != ContentKind::kString || read.ascii) {
      if (offset > 0) {
        item.content =
            item.content.subspan(content_prefix_bytes(read.kind, read.ascii, read.content, offset));
      }
      store.integrate(item);
      return;
    }
    const Utf16Position cut = utf16_position(read.content, offset);
    item.content = read.content.subspan(cut.byte + (cut.inside_pair ? 4 : 0));
    if (!cut.inside_pair) {
      store.integrate(item);
      return;
    }
    Bytes content{0xef, 0xbf, 0xbd};
    append(content, item.content);
    item.content = content;
    store.integrate(item);
  }

  /// Neighbours and parent as the author saw them. False: what it belongs to was collected (or was
  /// never a type), so only its ids are kept.
  bool resolve(NewItem& item) {
    const WireStruct& read = head.read;
    // The right one first: where a forged item names one that lies before its left one, cutting
    // there must not leave `left` ending short of the origin (as it does in Yjs, so that the order
    // depends on how what is held happens to be cut).
    if (read.has_right_origin) {
      item.right = store.item_clean_start(local(read.right_origin));
      item.right_origin = store.items[item.right].id();
    }
    if (read.has_origin) {
      item.left = store.item_clean_end(local(read.origin));
      item.origin = store.items[item.left].last_id();
    }
    const auto is_gc = [&](ItemIndex index) {
      return index != kNone && store.items[index].is_gc();
    };
    if (is_gc(item.left) || is_gc(item.right)) return false;
    if (read.has_parent_name) {
      item.parent = store.root(read.parent_name, TypeKind::kUnknown);
    } else if (read.has_parent_id) {
      const Item& parent = store.items[store.item_at(local(read.parent_id))];
      if (parent.kind != ContentKind::kType) return false;
      item.parent = parent.content;
    } else {
      const Item& neighbour = store.items[item.left != kNone ? item.left : item.right];
      item.parent = neighbour.parent;
      item.key = neighbour.key();
      return true;
    }
    if (read.has_key) item.key = store.intern(read.key);
    return true;
  }

  /// The first elements are known: the rest goes after them. False if those were collected.
  bool continue_known(NewItem& item, ClientIndex client, std::uint32_t clock) {
    item.left = store.item_clean_end({client, clock - 1});
    const Item& left = store.items[item.left];
    if (left.is_gc()) return false;
    item.origin = left.last_id();
    // The same unless the sender lies; a list must not hold items of another.
    item.parent = left.parent;
    item.key = left.key();
    return true;
  }
};

void Store::integrate_structs(const ParsedUpdate& update) {
  integrating_ = true;
  integrate_all(update);
  integrating_ = false;
  // Deletes and squashing change what the index has taken in.
  conflicts_.reset();
  conflict_steps_ = 0;
}

void Store::integrate_all(const ParsedUpdate& update) {
  std::uint64_t structs = 0;
  for (const WireSection& section : update.sections) structs += section.count;
  if (structs >= kBulkStructsMin && bulk_load(update)) return;
  if (structs == 0) return;
  if (update.sections.size() == 1 && Integrator(*this).run_plainly(update.sections[0])) return;
  Integrator(*this, update).run();
}

void Store::note_missing(ClientId client, std::uint32_t clock) {
  const auto [found, added] = missing_.emplace(client, clock);
  if (!added) found->second = std::min(found->second, clock);
}

void Store::keep_pending(Bytes update) {
  if (pending_bytes_ + update.size() > kPendingBytesMax) return;  // Fetched again later.
  if (!pending_structs_.empty() && pending_bytes_ + update.size() <= kPendingMergeMax) {
    // As Yjs does, who so keeps the earlier of two forms of a struct. Merging at each step is
    // quadratic, so larger heaps wait in parts.
    const Bytes parts[] = {std::move(pending_structs_.back()), std::move(update)};
    pending_structs_.pop_back();
    pending_index_.reset();
    pending_bytes_ -= parts[0].size();
    update = merge_stored<EncoderStored>(parts);
  }
  pending_bytes_ += update.size();
  pending_structs_.push_back(std::move(update));
}

const PendingIndex* Store::pending_index() const {
  if (pending_structs_.empty()) return nullptr;
  if (pending_index_ == nullptr) pending_index_ = std::make_unique<PendingIndex>();
  pending_index_->extend(pending_structs_);
  return pending_index_.get();
}

bool Store::pending_ready() const {
  if (pending_structs_.empty()) return false;
  return std::any_of(missing_.begin(), missing_.end(),
                     [&](const auto& wanted) { return wanted.second < state_of(wanted.first); });
}

void Store::retry_pending_structs() {
  while (pending_ready()) {
    const Bytes merged = merge_stored<EncoderStored>(pending_structs_);
    pending_structs_.clear();
    pending_index_.reset();
    pending_bytes_ = 0;
    missing_.clear();
    ParsedUpdate parsed;
    parse_stored(merged, parsed);
    if (clients_.size() + parsed.sections.size() > kClientsMax) return;
    integrate_structs(parsed);
    retry_pending_deletes();
  }
}

Result<ApplyResult> Store::apply(ByteView update, UpdateFormat format,
                                 std::optional<UpdateFormat> wanted, Any* origin) {
  COTERIE_ASSERT(!in_transaction());
  if (format == UpdateFormat::kV1) {
    COTERIE_CHECK(parse_update(update, parsed_));
  } else {
    COTERIE_CHECK(parse_update_v2(update, transcriber_, parsed_));
  }
  std::size_t clients = clients_.size();
  for (const WireSection& section : parsed_.sections) {
    if (find_client(section.client) == kNone) ++clients;
  }
  if (clients > kClientsMax) return Error{ErrorCode::kLimitExceeded, "too many clients"};
  if (!has_room(parsed_.content_bytes + 2 * pending_bytes_)) {
    return Error{ErrorCode::kLimitExceeded, "document content too large"};
  }
  ApplyResult result;
  if (apply_at_end(parsed_, wanted, result)) return result;
  begin(false, origin);
  deletes_asked_ = wanted.has_value() || watch_ != 0 || !pending_structs_.empty();
  integrate_structs(parsed_);
  deletes_asked_ = true;
  apply_delete_set(parsed_.delete_set);
  retry_pending_deletes();
  retry_pending_structs();
  transcriber_.clear();  // What of it waits has been copied.
  result.client_id_taken = own_ != kNone && clients_[own_].touched == transaction_.number;
  result.changed = !transaction_.empty();
  result.update = commit(wanted);
  result.pending = has_pending();
  return result;
}

}  // namespace coterie::crdt::internal
