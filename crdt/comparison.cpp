#include "crdt/comparison.hpp"

#include <algorithm>

#include "crdt/internal/access.hpp"
#include "crdt/internal/comparer.hpp"
#include "crdt/internal/update_tools.hpp"

namespace coterie::crdt {
namespace internal {
namespace {

class Comparison {
 public:
  Comparison(Store& store, std::uint64_t steps) : store_(store), steps_(steps) {}

  /// False: a contradiction was found.
  bool compare(const WireSection& section) {
    const ClientIndex client = store_.find_client(section.client);
    const std::uint32_t state = client == kNone ? 0 : store_.client(client).state;
    const PendingIndex* const pending = store_.pending_index();
    const bool held = section.clock < state;
    if (!held && pending == nullptr) return true;
    WireStruct read;
    for (StructReader reader(section); !reader.done() && steps_ > 0;) {
      if (pending == nullptr && reader.clock() >= state) break;
      reader.next(read);
      if (read.kind == ContentKind::kSkip || read.kind == ContentKind::kGc) continue;
      ContentCursor cursor;
      if (read.clock < state && !compare_held(client, read, cursor, state)) return false;
      if (pending != nullptr && read.end() > state &&
          !compare_pending(*pending, read, cursor, state)) {
        return false;
      }
    }
    return true;
  }

  UpdateComparison result;

 private:
  bool compare_held(ClientIndex client, const WireStruct& read, ContentCursor& cursor,
                    std::uint32_t state) {
    const BlockList& blocks = store_.client(client).blocks;
    const std::uint32_t last = std::min(read.end(), state);
    std::uint32_t clock = read.clock;
    for (auto at = blocks.find(clock); clock < last && steps_ > 0; at = blocks.next(at)) {
      --steps_;
      const Item& item = store_.items[blocks.item(at)];
      const std::uint32_t end = std::min(item.end(), last);
      const bool gone = item.is_gc() || item.kind == ContentKind::kDeleted;
      if (gone && has_content(read) && !result.forgotten) result.forgotten = Id{read.client, clock};
      if (item.is_gc()) {
        if (!result.hidden && is_hidden(read, clock)) result.hidden = Id{read.client, clock};
      } else {
        const WireStruct other = describe(item);
        ContentCursor place = place_in(item, clock - item.clock);
        if (has_content(read) && has_content(other)) advance(cursor, read, clock - read.clock);
        if (!say_the_same(read, cursor, other, place, clock, end)) {
          result.contradiction = Id{read.client, clock};
          return false;
        }
      }
      clock = end;
    }
    return true;
  }

  bool compare_pending(const PendingIndex& pending, const WireStruct& read, ContentCursor& cursor,
                       std::uint32_t state) {
    bool same = true;
    const std::uint32_t from = std::max(read.clock, state);
    pending.for_each(read.client, from, read.end(),
                     [&](const WireStruct& other, std::uint32_t clock, std::uint32_t end) {
                       if (steps_ > 0) --steps_;
                       const bool gone = other.kind == ContentKind::kGc || !has_content(other);
                       if (gone && has_content(read) && !result.forgotten) {
                         result.forgotten = Id{read.client, clock};
                       }
                       if (other.kind == ContentKind::kGc) return steps_ > 0;
                       ContentCursor place;
                       if (has_content(read) && has_content(other)) {
                         advance(cursor, read, clock - read.clock);
                         advance(place, other, clock - other.clock);
                       }
                       same = say_the_same(read, cursor, other, place, clock, end);
                       if (!same) result.contradiction = Id{read.client, clock};
                       return same && steps_ > 0;
                     });
    return same;
  }

  static bool has_content(const WireStruct& of) { return of.kind != ContentKind::kDeleted; }

  WireId wire_id(const LocalId& id) const { return {store_.client(id.client).id, id.clock}; }

  /// An item as it would be written.
  WireStruct describe(const Item& item) const {
    WireStruct out;
    out.kind = item.kind;
    out.client = store_.client(item.client).id;
    out.clock = item.clock;
    out.length = item.length;
    out.ascii = item.ascii;
    out.has_origin = item.origin.exists();
    if (out.has_origin) out.origin = wire_id(item.origin);
    out.has_right_origin = item.right_origin.exists();
    if (out.has_right_origin) out.right_origin = wire_id(item.right_origin);
    if (!out.has_origin && !out.has_right_origin) {
      const Branch& parent = store_.branches[item.parent];
      if (parent.item == kNone) {
        out.has_parent_name = true;
        out.parent_name = store_.key_text(parent.name);
      } else {
        out.has_parent_id = true;
        out.parent_id = wire_id(store_.items[parent.item].id());
      }
      out.has_key = item.in_map;
      if (item.in_map) out.key = store_.key_text(item.place);
    }
    if (item.kind == ContentKind::kType) {
      const Branch& branch = store_.branches[item.content];
      out.type_ref = static_cast<std::uint8_t>(branch.kind);
      if (branch.name != kNone) out.node_name = store_.key_text(branch.name);
    } else {
      out.content = store_.content_of(item);
    }
    return out;
  }

  ContentCursor place_in(const Item& item, std::uint32_t offset) const {
    ContentCursor place;
    place.offset = offset;
    if (offset == 0) return place;
    if (item.kind == ContentKind::kString) {
      const Utf16Position at = store_.text_position(item, offset);
      place.byte = at.byte;
      place.inside_pair = at.inside_pair;
    } else if (item.kind == ContentKind::kAny || item.kind == ContentKind::kJson) {
      place.byte = store_.byte_of(item, offset);
    }
    return place;
  }

  /// Whether what an element was put next to went with the type that both were in.
  bool is_gone(const WireId& neighbour) const {
    const Item* const item = find(neighbour);
    return item != nullptr && (item->is_gc() || store_.is_deleted(item->parent));
  }
  const Item* find(const WireId& id) const {
    const ClientIndex client = store_.find_client(id.client);
    if (client == kNone || id.clock >= store_.client(client).state) return nullptr;
    return &store_.items[store_.item_at({client, id.clock})];
  }

  /// Whether element `clock` of a struct, collected here, may be in a type that is there.
  bool is_hidden(const WireStruct& read, std::uint32_t clock) const {
    if (clock > read.clock) return !is_gone({read.client, clock - 1});
    if (read.has_parent_name) return true;
    if (read.has_parent_id) {
      const Item* const holder = find(read.parent_id);
      return holder == nullptr || (holder->kind == ContentKind::kType && !holder->deleted);
    }
    return !(read.has_origin && is_gone(read.origin)) &&
           !(read.has_right_origin && is_gone(read.right_origin));
  }

  Store& store_;
  std::uint64_t steps_;
};

}  // namespace
}  // namespace internal

Result<UpdateComparison> compare_update(const Doc& doc, ByteView update_v1) {
  constexpr std::uint64_t kStepsPerByte = 64;
  internal::Input input;
  COTERIE_CHECK(input.parse(update_v1, internal::UpdateFormat::kV1));
  internal::Comparison comparison(internal::Access::store(doc),
                                  kComparisonSteps + kStepsPerByte * update_v1.size());
  for (const internal::WireSection& section : input.sections()) {
    if (!comparison.compare(section)) break;
  }
  return comparison.result;
}

}  // namespace coterie::crdt
