#include "crdt/snapshot.hpp"

#include <algorithm>

#include "crdt/internal/access.hpp"
#include "crdt/internal/formatting.hpp"
#include "crdt/internal/reading.hpp"
#include "crdt/internal/stored_json.hpp"

namespace coterie::crdt {

using internal::Access;
using internal::Attribute;
using internal::AttributeMap;
using internal::Branch;
using internal::ContentKind;
using internal::Item;
using internal::ItemIndex;
using internal::kNone;
using internal::Store;

// --- The wire
// -------------------------------------------------------------------------------------

Bytes Snapshot::encode() const {
  Bytes out;
  deletes.encode_to(out);
  state.encode_to(out);
  return out;
}

Bytes Snapshot::encode_v2() const {
  Bytes out;
  deletes.encode_v2_to(out);
  state.encode_to(out);
  return out;
}

Result<Snapshot> Snapshot::decode(ByteView input) {
  ByteReader in(input);
  Snapshot snapshot;
  COTERIE_TRY(snapshot.deletes, IdSet::decode(in));
  COTERIE_TRY(snapshot.state, StateVector::decode(input.subspan(in.offset())));
  return snapshot;
}

Result<Snapshot> Snapshot::decode_v2(ByteView input) {
  ByteReader in(input);
  Snapshot snapshot;
  COTERIE_TRY(snapshot.deletes, IdSet::decode_v2(in));
  COTERIE_TRY(snapshot.state, StateVector::decode(input.subspan(in.offset())));
  return snapshot;
}

Snapshot take_snapshot(const Doc& doc) {
  const Store& store = Access::store(doc);
  return {store.delete_set(), store.state_vector()};
}

// --- Restoring
// ------------------------------------------------------------------------------------

Result<Bytes> snapshot_as_update(const Doc& doc, const Snapshot& snapshot) {
  const Store& store = Access::store(doc);
  if (store.gc) return Error{ErrorCode::kNotFound, "the document collects garbage", 0};
  for (const auto& [client, clock] : snapshot.state.clocks()) {
    if (clock > store.state_of(client)) {
      return Error{ErrorCode::kNotFound, "the document lacks elements of the snapshot", client};
    }
  }
  return store.encode_until(snapshot.state, snapshot.deletes);
}

Result<Doc> create_doc_from_snapshot(const Doc& doc, const Snapshot& snapshot,
                                     Doc::Options options) {
  COTERIE_TRY(const Bytes update, snapshot_as_update(doc, snapshot));
  Doc restored(options);
  COTERIE_CHECK(restored.load_update(update));
  return restored;
}

namespace {

bool contains(const Snapshot& snapshot, const UpdateListing& listing) {
  for (const IdRange& structs : listing.structs) {
    if (structs.clock + structs.length > snapshot.state.clock_of(structs.client)) return false;
  }
  IdSet deletes = snapshot.deletes;
  deletes.merge(IdSet(listing.deletes));
  return deletes == snapshot.deletes;
}

}  // namespace

Result<bool> snapshot_contains_update(const Snapshot& snapshot, ByteView update) {
  COTERIE_TRY(const UpdateListing listing, inspect_update(update));
  return contains(snapshot, listing);
}

Result<bool> snapshot_contains_update_v2(const Snapshot& snapshot, ByteView update_v2) {
  COTERIE_TRY(const UpdateListing listing, inspect_update_v2(update_v2));
  return contains(snapshot, listing);
}

// --- Reading
// --------------------------------------------------------------------------------------

namespace {

/// A run of elements of one item that snapshots treat alike.
struct Piece {
  std::uint32_t from = 0;
  std::uint32_t to = 0;
};

void add_cuts(const Snapshot& snapshot, ClientId client, std::uint32_t clock, std::uint32_t end,
              std::vector<std::uint32_t>& cuts) {
  const auto add = [&](Clock at) {
    if (at > clock && at < end) cuts.push_back(static_cast<std::uint32_t>(at) - clock);
  };
  add(snapshot.state.clock_of(client));
  const auto found = snapshot.deletes.ranges().find(client);
  if (found == snapshot.deletes.ranges().end()) return;
  auto at = std::partition_point(found->second.begin(), found->second.end(),
                                 [&](const IdSet::Range& range) { return range.end() <= clock; });
  for (; at != found->second.end() && at->clock < end; ++at) {
    add(at->clock);
    add(at->end());
  }
}

/// The pieces of an item, in order. What cannot be cut comes whole.
std::vector<Piece> pieces_of(const Store& store, const Item& item,
                             std::initializer_list<const Snapshot*> snapshots,
                             const CutPieces& cut = nullptr) {
  std::vector<std::uint32_t> cuts;
  if (item.length > 1) {
    if (cut) {
      std::vector<Clock> more;
      cut({store.client(item.client).id, item.clock, item.length}, more);
      for (const Clock at : more) {
        if (at > item.clock && at < item.end()) {
          cuts.push_back(static_cast<std::uint32_t>(at - item.clock));
        }
      }
    }
    for (const Snapshot* const snapshot : snapshots) {
      if (snapshot == nullptr) continue;
      add_cuts(*snapshot, store.client(item.client).id, item.clock, item.end(), cuts);
    }
    std::sort(cuts.begin(), cuts.end());
    cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
  }
  cuts.push_back(item.length);
  std::vector<Piece> pieces;
  std::uint32_t from = 0;
  for (const std::uint32_t to : cuts) {
    pieces.push_back({from, to});
    from = to;
  }
  return pieces;
}

Id id_at(const Store& store, const Item& item, std::uint32_t offset) {
  return {store.client(item.client).id, item.clock + offset};
}

/// Part of a text. A piece that ends inside a surrogate pair has half of it as U+FFFD, as Yjs.
std::string slice(const Store& store, const Item& item, const Piece& piece) {
  static constexpr std::string_view kReplacement = "\xef\xbf\xbd";
  constexpr std::size_t kPairBytes = 4;
  const std::string_view content = as_text(store.content_of(item));
  std::string out;
  std::size_t begin = 0;
  if (piece.from > 0) {
    const Utf16Position from = store.text_position(item, piece.from);
    begin = from.byte + (from.inside_pair ? kPairBytes : 0);
    if (from.inside_pair) out = kReplacement;
  }
  if (piece.to == item.length) return out.append(content.substr(begin));
  const Utf16Position to = store.text_position(item, piece.to);
  out.append(content.substr(begin, to.byte - begin));
  if (to.inside_pair) out += kReplacement;
  return out;
}

/// The newest value of a key that was there by then. Values that were deleted one after the other
/// may stand in one item.
std::optional<std::pair<Id, Value>> value_of(Store& store, ItemIndex last,
                                             const Snapshot& snapshot) {
  for (ItemIndex at = last; at != kNone; at = store.items[at].left) {
    const Item& item = store.items[at];
    const Clock known = snapshot.state.clock_of(store.client(item.client).id);
    if (known <= item.clock) continue;
    const auto offset =
        static_cast<std::uint32_t>(std::min<Clock>(known, item.end()) - item.clock) - 1;
    const Id id = id_at(store, item, offset);
    if (!snapshot.shows(id) || !item.countable()) return std::nullopt;
    return std::pair(id, internal::value_at(store, item, offset));
  }
  return std::nullopt;
}

}  // namespace

std::vector<Value> values_at(const SharedType& list, const Snapshot& snapshot) {
  Store& store = Access::store(list);
  const Branch* const branch = store.resolve(list);
  std::vector<Value> all;
  if (branch == nullptr) return all;
  for (ItemIndex at = branch->start; at != kNone; at = store.items[at].right) {
    const Item& item = store.items[at];
    if (!item.countable()) continue;
    std::vector<Value> values;
    for (const Piece& piece : pieces_of(store, item, {&snapshot})) {
      if (!snapshot.shows(id_at(store, item, piece.from))) continue;
      if (values.empty()) values = internal::values_of(store, item);
      std::move(values.begin() + piece.from, values.begin() + piece.to, std::back_inserter(all));
    }
  }
  return all;
}

std::optional<Value> value_at(const SharedType& map, std::string_view key,
                              const Snapshot& snapshot) {
  Store& store = Access::store(map);
  const Branch* const branch = store.resolve(map);
  const internal::KeyIndex index = store.find_key(key);
  if (branch == nullptr || index == kNone) return std::nullopt;
  const internal::MapEntry* const entry = branch->entries.find(index);
  if (entry == nullptr) return std::nullopt;
  auto found = value_of(store, entry->last, snapshot);
  if (!found) return std::nullopt;
  return std::move(found->second);
}

std::vector<std::pair<std::string, Value>> entries_at(const SharedType& map,
                                                      const Snapshot& snapshot) {
  Store& store = Access::store(map);
  const Branch* const branch = store.resolve(map);
  std::vector<std::pair<std::string, Value>> all;
  if (branch == nullptr) return all;
  for (const internal::MapEntry& entry : branch->entries.all()) {
    if (auto value = value_of(store, entry.last, snapshot)) {
      all.emplace_back(store.key_text(entry.key), std::move(value->second));
    }
  }
  return all;
}

std::vector<KeyedValue> keyed_values_at(const SharedType& map, const Snapshot& snapshot) {
  Store& store = Access::store(map);
  const Branch* const branch = store.resolve(map);
  std::vector<KeyedValue> all;
  if (branch == nullptr) return all;
  for (const internal::MapEntry& entry : branch->entries.all()) {
    if (auto value = value_of(store, entry.last, snapshot)) {
      all.push_back(
          {std::string(store.key_text(entry.key)), value->first, std::move(value->second)});
    }
  }
  return all;
}

std::vector<ListPiece> pieces_at(const SharedType& list, const Snapshot& before,
                                 const Snapshot& after, const CutPieces& cut) {
  Store& store = Access::store(list);
  const Branch* const branch = store.resolve(list);
  std::vector<ListPiece> all;
  if (branch == nullptr) return all;
  for (ItemIndex at = branch->start; at != kNone; at = store.items[at].right) {
    const Item& item = store.items[at];
    const bool mark = item.kind == ContentKind::kFormat;
    if (!item.countable() && !mark) continue;
    std::vector<Value> values;
    for (const Piece& piece : pieces_of(store, item, {&before, &after}, cut)) {
      const Id id = id_at(store, item, piece.from);
      if (!before.shows(id) && !after.shows(id)) continue;
      ListPiece one{{id.client, id.clock, piece.to - piece.from}, {}};
      if (mark) {
        const Attribute attribute = internal::attribute_of(store, at);
        one.content =
            TextMark{std::string(attribute.key), internal::value_of_stored(attribute.json)};
      } else if (item.kind == ContentKind::kString) {
        one.content = slice(store, item, piece);
      } else {
        if (values.empty()) values = internal::values_of(store, item);
        one.content = std::vector<Value>(values.begin() + piece.from, values.begin() + piece.to);
      }
      all.push_back(std::move(one));
    }
  }
  return all;
}

std::string text_at(const SharedType& text, const Snapshot& snapshot) {
  Store& store = Access::store(text);
  const Branch* const branch = store.resolve(text);
  std::string out;
  if (branch == nullptr) return out;
  for (ItemIndex at = branch->start; at != kNone; at = store.items[at].right) {
    const Item& item = store.items[at];
    if (item.kind != ContentKind::kString) continue;
    for (const Piece& piece : pieces_of(store, item, {&snapshot})) {
      if (snapshot.shows(id_at(store, item, piece.from))) out += slice(store, item, piece);
    }
  }
  return out;
}

// --- Deltas
// ---------------------------------------------------------------------------------------

namespace {

/// Yjs's toDelta() with snapshots.
class DeltaAt {
 public:
  DeltaAt(Store& store, const Snapshot* snapshot, const Snapshot* previous,
          const DescribeChange& describe)
      : store_(store), snapshot_(snapshot), previous_(previous), describe_(describe) {}

  std::vector<TextRun> run(const Branch& branch) {
    for (ItemIndex at = branch.start; at != kNone; at = store_.items[at].right) {
      const Item& item = store_.items[at];
      switch (item.kind) {
        case ContentKind::kString:
          for (const Piece& piece : pieces_of(store_, item, {snapshot_, previous_})) {
            add_text(item, piece);
          }
          break;
        case ContentKind::kType:
        case ContentKind::kEmbed:
          if (now(item, 0) || before(item, 0)) add_embed(item);
          break;
        case ContentKind::kFormat:
          if (!now(item, 0)) break;
          flush();
          attributes_.apply(internal::attribute_of(store_, at));
          break;
        default:
          break;
      }
    }
    flush();
    return std::move(runs_);
  }

 private:
  bool now(const Item& item, std::uint32_t offset) const {
    return snapshot_ == nullptr ? !item.deleted : snapshot_->shows(id_at(store_, item, offset));
  }
  bool before(const Item& item, std::uint32_t offset) const {
    return previous_ != nullptr && previous_->shows(id_at(store_, item, offset));
  }

  void add_text(const Item& item, const Piece& piece) {
    const bool shown = now(item, piece.from);
    if (!shown && !before(item, piece.from)) return;
    if (!shown && snapshot_ != nullptr) {
      mark(TextChange::kRemoved, id_at(store_, item, piece.from));
    } else if (previous_ != nullptr && !before(item, piece.from)) {
      mark(TextChange::kAdded, id_at(store_, item, piece.from));
    } else if (change_) {
      flush();
      change_.reset();
    }
    text_ += slice(store_, item, piece);
  }

  /// The next text is changed. It joins a run that is described as the same kind by that client.
  void mark(TextChange change, const Id& id) {
    const char* const type = change == TextChange::kAdded ? "added" : "removed";
    if (change_ && is_described(id.client, type)) return;
    flush();
    if (describe_) {
      change_ = describe_(change, id);
      return;
    }
    Any::Object plain;
    plain.emplace_back("type", Any(type));
    change_ = Any(std::move(plain));
  }

  bool is_described(ClientId client, std::string_view type) const {
    const auto* const members = change_->get_if<Any::Object>();
    if (members == nullptr) return false;
    bool same_user = false;
    bool same_type = false;
    for (const auto& [name, value] : *members) {
      const auto* const number = value.get_if<double>();
      const auto* const text = value.get_if<std::string>();
      if (name == "user") same_user = number != nullptr && *number == static_cast<double>(client);
      if (name == "type") same_type = text != nullptr && *text == type;
    }
    return same_user && same_type;
  }

  void add_embed(const Item& item) {
    flush();
    TextRun run{Any(), attributes()};
    auto value = internal::value_at(store_, item, 0);
    if (Any* const any = std::get_if<Any>(&value)) {
      run.insert = std::move(*any);
    } else {
      run.insert = std::get<SharedType>(value);
    }
    runs_.push_back(std::move(run));
  }

  Attributes attributes() const {
    Attributes out;
    attributes_.for_each([&](const Attribute& attribute) {
      out.emplace_back(attribute.key, internal::value_of_stored(attribute.json));
    });
    if (change_) out.emplace_back("ychange", *change_);
    return out;
  }

  void flush() {
    if (text_.empty()) return;
    runs_.push_back({std::move(text_), attributes()});
    text_.clear();
  }

  Store& store_;
  const Snapshot* snapshot_;
  const Snapshot* previous_;
  const DescribeChange& describe_;
  AttributeMap attributes_;
  std::optional<Any> change_;
  std::string text_;
  std::vector<TextRun> runs_;
};

}  // namespace

std::vector<TextRun> to_delta(const SharedType& text, const std::optional<Snapshot>& snapshot,
                              const std::optional<Snapshot>& previous,
                              const DescribeChange& describe) {
  Store& store = Access::store(text);
  const Branch* const branch = store.resolve(text);
  if (branch == nullptr) return {};
  return DeltaAt(store, snapshot ? &*snapshot : nullptr, previous ? &*previous : nullptr, describe)
      .run(*branch);
}

}  // namespace coterie::crdt
