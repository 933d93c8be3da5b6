// Taking in many structs at once: a whole state, or a long time offline.
//
// The order, and what comes out, are those of Integrator (integrate.cpp), which finishes what this
// leaves. What is saved is the search. The structs of an update are staged in the arena first, one
// run of items per client in the order of their clocks; a table over the clocks then finds the item
// that an origin names in a step or two, and the blocks, content buffers and lists are filled by
// appending.

#include <algorithm>
#include <cstring>

#include "crdt/internal/short_struct.hpp"
#include "crdt/internal/store.hpp"

namespace coterie::crdt::internal {

struct Store::BulkLoader {
  /// The structs of one client.
  struct Run {
    ClientIndex client = kNone;
    ItemIndex first = kNone;  ///< In the arena: `count` items, of which `done` are integrated.
    std::uint32_t count = 0;
    std::uint32_t done = 0;
    std::uint32_t resolved = 0;
    std::uint32_t clock = 0;  ///< Of the first.
    std::uint32_t end = 0;    ///< After the last.
    bool waiting = false;     ///< On the stack.
    bool complete = false;    ///< It is all of its section.
    /// The clocks where its items start, close together, and kWindow that are never reached.
    std::vector<std::uint32_t> starts;
    /// By clock: the last of `starts` at or before the first clock of each bucket.
    std::vector<std::uint32_t> buckets;
    unsigned shift = 0;
  };

  Store& store;
  bool formats = false;                ///< A formatting mark was staged.
  bool note_deletes = true;            ///< Somebody asks what came deleted.
  const std::uint8_t* base = nullptr;  ///< Where offsets into the update count from.
  const std::uint8_t* end = nullptr;
  std::vector<Run> runs;              ///< By client, ascending.
  std::vector<std::uint32_t> run_of;  ///< By client index; kNone: none.
  std::vector<std::uint32_t> stack;   ///< Runs that wait for the one after them.
  BranchIndex branch = kNone;         ///< The one of the last element.
  Branch* parent = nullptr;           ///< And where it is.
  BranchIndex noted = kNone;          ///< The branch whose change was noted last.

  explicit BulkLoader(Store& owner) : store(owner) {}

  // --- Staging -------------------------------------------------------------------------------
  //
  // Until it is integrated, a staged item holds in `content` where its content starts and in `left`
  // how many bytes that takes; in `right` where the struct starts, for what has to be read again;
  // these count from `base`. In `place` and `parent` it holds the staged items that its origin and
  // its right origin are in (resolve()). Nothing refers to it but the run.

  void stage(const ParsedUpdate& update) {
    std::vector<const WireSection*> sections;
    sections.reserve(update.sections.size());
    for (const WireSection& section : update.sections) sections.push_back(&section);
    std::sort(sections.begin(), sections.end(),
              [](const WireSection* a, const WireSection* b) { return a->client < b->client; });
    base = sections.front()->begin;
    end = sections.front()->end;
    for (const WireSection* const section : sections) {
      base = std::min(base, section->begin);
      end = std::max(end, section->end);
      store.client_index(section->client);
    }
    run_of.assign(store.clients_.size(), kNone);
    runs.resize(sections.size());
    for (std::uint32_t i = 0; i < runs.size(); ++i) {
      stage(*sections[i], runs[i]);
      run_of[runs[i].client] = i;
    }
  }

  std::uint32_t offset_of(const std::uint8_t* at) const {
    return static_cast<std::uint32_t>(at - base);
  }

  void stage(const WireSection& section, Run& run) {
    const ClientIndex client = store.client_index(section.client);
    run.client = client;
    run.first = store.items.size();
    run.clock = section.clock;
    // Else some of it is known, or something before it is not.
    if (store.clients_[client].state != section.clock) return;
    ClientId known_id = section.client;
    ClientIndex known = client;
    const auto local = [&](const WireId& id) {
      if (id.client != known_id) {
        known_id = id.client;
        known = store.find_client(known_id);
      }
      return LocalId{known, id.clock};
    };
    run.starts.resize(section.count + kWindow);
    std::uint32_t* start = run.starts.data();
    const ShortReader shorts(section.client);
    ShortStruct brief;
    WireStruct read;
    const std::uint8_t* at = section.begin;
    std::uint32_t clock = section.clock;
    for (std::uint64_t left = section.count; left > 0; --left) {
      const std::uint8_t* next = shorts.read(at, section.end, clock, brief);
      Item item;
      item.set_client(client);
      if (next != nullptr) {
        item.kind = brief.kind;
        item.ascii = brief.ascii;
        item.length = brief.length;
        if (brief.has_origin) item.origin = local(brief.origin);
        if (brief.has_right_origin) item.right_origin = local(brief.right_origin);
        // An origin that became none is of a client that nothing is known of.
        if (item.origin.exists() != brief.has_origin ||
            item.right_origin.exists() != brief.has_right_origin) {
          break;
        }
        item.left = static_cast<std::uint32_t>(brief.content.size());
        if (item.left > 0) item.content = offset_of(brief.content.data());
      } else {
        WireReader reader(at, section.end);
        read_struct<false>(reader, section.client, clock, read);
        next = reader.at();
        if (read.kind == ContentKind::kSkip) break;
        formats = formats || read.kind == ContentKind::kFormat;
        item.kind = read.kind;
        item.ascii = read.ascii;
        item.length = read.length;
        if (read.has_origin) item.origin = local(read.origin);
        if (read.has_right_origin) item.right_origin = local(read.right_origin);
        if (item.origin.exists() != read.has_origin ||
            item.right_origin.exists() != read.has_right_origin) {
          break;
        }
        item.left = static_cast<std::uint32_t>(read.content.size());
        if (!read.content.empty()) item.content = offset_of(read.content.data());
      }
      item.clock = clock;
      item.right = offset_of(at);
      store.items.push_back(item);
      *start++ = clock;
      clock += item.length;
      at = next;
    }
    run.count = store.items.size() - run.first;
    std::fill_n(start, kWindow, 0xffff'ffff);  // Never reached.
    run.complete = run.count == section.count;
    make_buckets(run);
  }

  void make_buckets(Run& run) const {
    if (run.count == 0) return;
    run.end = store.items[run.first + run.count - 1].end();
    const std::uint32_t clocks = run.end - run.clock;
    while ((clocks >> run.shift) > 2 * run.count) ++run.shift;
    run.buckets.reserve((clocks >> run.shift) + 2);
    std::uint64_t bucket = run.clock;
    const std::uint64_t step = std::uint64_t{1} << run.shift;
    for (std::uint32_t i = 0; i < run.count; ++i) {
      const std::uint64_t until = i + 1 < run.count ? run.starts[i + 1] : run.end;
      for (; bucket < until; bucket += step) run.buckets.push_back(i);
    }
    run.buckets.push_back(run.count - 1);
  }

  // --- Looking up ----------------------------------------------------------------------------

  static constexpr std::uint32_t kWindow = 4;

  /// The staged item that holds an integrated clock, or that held it before it was split.
  ItemIndex staged(const Run& run, std::uint32_t clock) const {
    const std::uint32_t bucket = (clock - run.clock) >> run.shift;
    std::uint32_t low = run.buckets[bucket];
    std::uint32_t count = run.buckets[bucket + 1] - low;
    const std::uint32_t* const starts = run.starts.data();
    while (count > kWindow) {
      const std::uint32_t half = count / 2;
      if (starts[low + half] <= clock) low += half;
      count -= half;
    }
    // Usually one or two in the bucket: no branch to guess.
    std::uint32_t beyond = 0;
    for (std::uint32_t i = 1; i <= kWindow; ++i) beyond += starts[low + i] <= clock ? 1 : 0;
    return run.first + low + beyond;
  }

  const Run* run_with(LocalId id) const {
    if (id.client >= run_of.size() || run_of[id.client] == kNone) return nullptr;
    const Run& run = runs[run_of[id.client]];
    return id.clock >= run.clock && id.clock < run.end ? &run : nullptr;
  }

  ItemIndex staged_at(LocalId id) const {
    const Run* const run = run_with(id);
    return run == nullptr ? kNone : staged(*run, id.clock);
  }

  /// Looks up the origins of the next items of a run: none depends on what is integrated before, so
  /// that the loads overlap.
  void resolve(Run& run) const {
    const std::uint32_t until = std::min(run.count, run.resolved + kBlock);
    for (; run.resolved < until; ++run.resolved) {
      Item& item = store.items[run.first + run.resolved];
      if (item.origin.exists()) item.place = staged_at(item.origin);
      if (item.right_origin.exists()) item.parent = staged_at(item.right_origin);
    }
  }
  static constexpr std::uint32_t kBlock = 32;

  /// An item by index and by address; kNone and null if there is none.
  struct Place {
    ItemIndex index = kNone;
    Item* item = nullptr;
  };
  Place place_of(ItemIndex index) const {
    return {index, index == kNone ? nullptr : &store.items[index]};
  }

  /// As Store::item_clean_end(); `guess` is the staged item that holds it, if any.
  Place clean_end(LocalId id, ItemIndex guess) const {
    if (guess != kNone) {
      Item& item = store.items[guess];
      if (item.client == id.client && item.end() == id.clock + 1) return {guess, &item};
    }
    return place_of(store.item_clean_end(id));
  }
  /// As Store::item_clean_start().
  Place clean_start(LocalId id, ItemIndex guess) const {
    if (guess != kNone) {
      Item& item = store.items[guess];
      if (item.client == id.client && item.clock == id.clock) return {guess, &item};
    }
    return place_of(store.item_clean_start(id));
  }

  // --- Integrating ---------------------------------------------------------------------------

  /// False: the next struct was not staged, or waits for one that was not.
  bool run() {
    for (const Run& run : runs) {
      if (run.count == 0) continue;
      Client& client = store.clients_[run.client];
      client.blocks.expect(run.count);
      if (client.content.empty()) {
        std::size_t bytes = 0;
        for (std::uint32_t i = 0; i < run.count; ++i) bytes += store.items[run.first + i].left;
        client.content.reserve(bytes);
      }
    }
    // Marks decide where formatting is cleaned up, beside what was deleted.
    note_deletes = store.deletes_asked_ || formats || !complete();
    for (auto target = static_cast<std::uint32_t>(runs.size()); target-- > 0;) {
      while (runs[target].done < runs[target].count) {
        if (!place(target)) return false;
      }
      if (!runs[target].complete) return false;
    }
    return true;
  }

  bool complete() const {
    return std::all_of(runs.begin(), runs.end(), [](const Run& run) { return run.complete; });
  }

  /// Places the next struct of a run and, before it, all that it waits for.
  bool place(std::uint32_t current) {
    while (true) {
      Run& run = runs[current];
      const ItemIndex index = run.first + run.done;
      if (run.done == run.resolved) resolve(run);
      LocalId missing;
      if (find_missing(index, missing)) {
        const std::uint32_t other = missing.client < run_of.size() ? run_of[missing.client] : kNone;
        run.waiting = true;
        stack.push_back(current);
        if (other == kNone || runs[other].waiting || runs[other].done == runs[other].count) {
          return false;
        }
        current = other;
        continue;
      }
      integrate(run, index);
      ++run.done;
      if (stack.empty()) return true;
      current = stack.back();
      stack.pop_back();
      runs[current].waiting = false;
    }
  }

  bool is_missing(ClientIndex own, LocalId id) const {
    return id.exists() && id.client != own && id.clock >= store.clients_[id.client].state;
  }
  bool find_missing(ItemIndex index, LocalId& missing) const {
    const Item& item = store.items[index];
    if (item.kind == ContentKind::kGc) return false;
    if (is_missing(item.client, item.origin)) {
      missing = item.origin;
      return true;
    }
    if (is_missing(item.client, item.right_origin)) {
      missing = item.right_origin;
      return true;
    }
    if (item.origin.exists() || item.right_origin.exists()) return false;
    WireStruct read;
    read_again(item, read);
    if (!read.has_parent_id) return false;
    // An unknown client is one that nothing is known of.
    missing = {store.find_client(read.parent_id.client), read.parent_id.clock};
    return !missing.exists() || is_missing(item.client, missing);
  }

  void read_again(const Item& item, WireStruct& read) const {
    WireReader reader(base + item.right, end);
    read_struct<false>(reader, store.clients_[item.client].id, item.clock, read);
  }

  ByteView content_of(const Item& staged_item) const {
    return {base + staged_item.content, staged_item.left};
  }

  void integrate(Run& run, ItemIndex index) {
    Item& item = store.items[index];
    if (item.kind == ContentKind::kGc) return to_gc(index);
    Place left;
    Place right;
    // In this order: see Integrator::resolve().
    if (item.right_origin.exists()) right = clean_start(item.right_origin, item.parent);
    if (item.origin.exists()) left = clean_end(item.origin, item.place);
    if ((left.item != nullptr && left.item->is_gc()) ||
        (right.item != nullptr && right.item->is_gc())) {
      return to_gc(index);
    }
    const Item* const neighbour = left.item != nullptr ? left.item : right.item;
    if (neighbour == nullptr || neighbour->in_map || item.kind == ContentKind::kType) {
      return integrate_again(run, index, left.index, right.index);
    }
    if (neighbour->parent != branch) {
      branch = neighbour->parent;
      parent = &store.branches[branch];
      if (store.cursor_.branch == branch) store.cursor_ = {};
    }
    if (parent->item != kNone && store.items[parent->item].deleted) {
      return integrate_again(run, index, left.index, right.index);
    }
    link(index, item, left, right);
  }

  /// Puts an element into the list of `branch`, which is not deleted.
  void link(ItemIndex index, Item& item, Place left, Place right) {
    const ByteView content = content_of(item);
    const bool neighbours =
        left.item == nullptr ? right.item->left == kNone : left.item->right == right.index;
    if (!neighbours) left = resolve_conflicts(item, left.index, right.index);
    Client& client = begin(item);
    item.parent = branch;
    item.place = kNone;
    item.left = left.index;
    ItemIndex& from = left.item != nullptr ? left.item->right : parent->start;
    if (from == kNone) {
      parent->end = index;
    } else {
      (from == right.index ? *right.item : store.items[from]).left = index;
    }
    item.right = from;
    from = index;
    if (store.conflicts_ != nullptr) store.conflicts_->inserted(index);
    client.blocks.push_back(item.clock, index);
    client.state = item.end();
    if (item.kind == ContentKind::kDeleted) {
      item.content = 0;
      item.deleted = true;
      if (note_deletes || parent->has_formatting) store.note_delete(item);
    } else {
      if (item.kind == ContentKind::kFormat) parent->has_formatting = parent->has_marks = true;
      item.content = store.append_content(client, content);
      parent->length += item.visible_length();
      if (item.kind == ContentKind::kDoc) store.add_subdoc(item);
    }
    if (parent->index_root != kNone) store.positions_.insert(*parent, branch, item.left, index);
    if (branch == noted) return;
    noted = branch;
    store.note_change(branch, kNone);
  }

  Place resolve_conflicts(const Item& item, ItemIndex left, ItemIndex right) const {
    NewItem source;
    source.client = item.client;
    source.origin = item.origin;
    source.right_origin = item.right_origin;
    source.left = left;
    source.right = right;
    source.parent = branch;
    return place_of(store.resolve_conflicts(source));
  }

  Client& begin(const Item& item) {
    Client& client = store.clients_[item.client];
    if (client.touched != store.transaction_.number) store.touch(item.client);
    store.transaction_.tidy = false;
    return client;
  }

  /// Only the ids are kept.
  void to_gc(ItemIndex index) {
    Item& item = store.items[index];
    Item collected;
    collected.clock = item.clock;
    collected.length = item.length;
    collected.set_client(item.client);
    collected.deleted = true;
    item = collected;
    Client& client = begin(item);
    client.blocks.push_back(item.clock, index);
    client.state = item.end();
  }

  /// All that is rarer. The staged item goes back to the arena, and is usually what comes out.
  void integrate_again(Run& run, ItemIndex index, ItemIndex left, ItemIndex right) {
    const Item& staged_item = store.items[index];
    WireStruct read;
    read_again(staged_item, read);
    NewItem item;
    item.client = run.client;
    item.clock = read.clock;
    item.length = read.length;
    item.origin = staged_item.origin;
    item.right_origin = staged_item.right_origin;
    item.left = left;
    item.right = right;
    item.kind = read.kind;
    item.ascii = read.ascii;
    item.type = static_cast<TypeKind>(read.type_ref);
    item.node_name = read.node_name;
    item.content = read.content;
    if (left != kNone || right != kNone) {
      const Item& neighbour = store.items[left != kNone ? left : right];
      item.parent = neighbour.parent;
      item.key = neighbour.key();
    } else if (read.has_parent_name) {
      item.parent = store.root(read.parent_name, TypeKind::kUnknown);
    } else {
      const LocalId id{store.find_client(read.parent_id.client), read.parent_id.clock};
      const Item& holder = store.items[store.item_at(id)];
      if (holder.kind != ContentKind::kType) return to_gc(index);
      item.parent = holder.content;
    }
    if (read.has_key) item.key = store.intern(read.key);
    store.free_item(index);
    store.integrate(item);
  }

  /// Gives what was staged and not integrated back to the arena.
  void give_back() {
    for (const Run& run : runs) {
      for (std::uint32_t i = run.done; i < run.count; ++i) store.free_item(run.first + i);
    }
  }
};

bool Store::bulk_load(const ParsedUpdate& update) {
  BulkLoader loader(*this);
  loader.stage(update);
  if (loader.run()) return true;
  loader.give_back();
  return false;
}

}  // namespace coterie::crdt::internal
