// Snapshots: what a document was at some time, as two small sets of ids.
//
// A snapshot says which elements were there; the elements themselves stay in the document. So
// reading one back wants a document that forgets nothing: Doc::Options::gc = false. In one that
// collects, what was deleted since is missing from what is read. Yjs: src/utils/Snapshot.js.
//
//     snapshot v1 := delete_set state_vector      (id_set.hpp, state_vector.hpp)
//     snapshot v2 := the same with the v2 form of the delete set
//
//     const Snapshot before = take_snapshot(doc);
//     ... edits ...
//     auto old = create_doc_from_snapshot(doc, before, {.client_id = 8});
//     auto changes = to_delta(text, take_snapshot(doc), before);   // marked as added and removed

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "crdt/base/bytes.hpp"
#include "crdt/base/result.hpp"
#include "crdt/doc.hpp"
#include "crdt/id_set.hpp"
#include "crdt/state_vector.hpp"

namespace coterie::crdt {

/// A value. Default: the snapshot of an empty document. Equal if the same elements were there.
struct Snapshot {
  IdSet deletes;
  StateVector state;

  bool operator==(const Snapshot&) const = default;

  /// Whether an element was there and not deleted. O(log ranges).
  bool shows(const Id& id) const {
    return id.clock < state.clock_of(id.client) && !deletes.contains(id);
  }

  Bytes encode() const;
  Bytes encode_v2() const;
  /// Errors: kMalformed, kLimitExceeded.
  static Result<Snapshot> decode(ByteView input);
  static Result<Snapshot> decode_v2(ByteView input);
};

/// What the document is now. O(items).
Snapshot take_snapshot(const Doc& doc);

/// The document as it was, as an update (v1) for another one. O(items).
///
/// Errors: kNotFound (the document collects garbage, so that what was deleted is not there to
/// restore; or it lacks elements of the snapshot), kMalformed (the snapshot ends inside a surrogate
/// pair).
Result<Bytes> snapshot_as_update(const Doc& doc, const Snapshot& snapshot);

/// A new document that is what `doc` was. Errors: as snapshot_as_update().
Result<Doc> create_doc_from_snapshot(const Doc& doc, const Snapshot& snapshot,
                                     Doc::Options options);

/// Whether a document at the snapshot would learn nothing from `update`. Errors: kMalformed,
/// kLimitExceeded.
Result<bool> snapshot_contains_update(const Snapshot& snapshot, ByteView update);
Result<bool> snapshot_contains_update_v2(const Snapshot& snapshot, ByteView update_v2);

// Reading at a snapshot: types of a document that gave the snapshot, or was brought to it by
// updates. What was not there yet or deleted by then is left out, element by element. (Yjs's typed
// reads go by its internal items, and so may show elements that came right after the snapshot.)
// Nothing is read from a stale handle.

/// Elements of an array, or children of an XML type. O(items).
std::vector<Value> values_at(const SharedType& list, const Snapshot& snapshot);

/// Value of a key of a map, or an attribute of an XML element. O(values the key has had).
std::optional<Value> value_at(const SharedType& map, std::string_view key,
                              const Snapshot& snapshot);

/// All of them, in the order the keys first appeared here. O(values the map has had).
std::vector<std::pair<std::string, Value>> entries_at(const SharedType& map,
                                                      const Snapshot& snapshot);

/// The characters of a text. O(items).
std::string text_at(const SharedType& text, const Snapshot& snapshot);

/// A change of formatting that stands in a text: from there on, `name` is `value`.
struct TextMark {
  std::string name;
  Any value;
};

/// Consecutive elements of a list that stand in one item, and that is it: text (UTF-8; half a
/// surrogate pair is U+FFFD), one value for each element, or a mark (which takes no room in the
/// list).
struct ListPiece {
  IdRange ids;
  std::variant<std::string, std::vector<Value>, TextMark> content;
};

/// Adds the clocks inside of `ids` where a piece is to end and the next one to begin.
using CutPieces = std::function<void(const IdRange& ids, std::vector<Clock>& cuts)>;

/// What a text, array or XML type holds at `before` or at `after`, or both, in order; each piece is
/// wholly there or not in each of the two, and cut where `cut` says. O(items log ranges).
std::vector<ListPiece> pieces_at(const SharedType& list, const Snapshot& before,
                                 const Snapshot& after, const CutPieces& cut = nullptr);

/// As entries_at(), with the element that holds each value.
struct KeyedValue {
  std::string key;
  Id id;
  Value value;
};
std::vector<KeyedValue> keyed_values_at(const SharedType& map, const Snapshot& snapshot);

/// Whether text was added or removed between two snapshots.
enum class TextChange { kAdded, kRemoved };

/// Value of the attribute "ychange" on changed text; `id` is the first character's.
using DescribeChange = std::function<Any(TextChange change, const Id& id)>;

/// A text as it was at `snapshot` (now, if there is none), as Yjs's toDelta(). With `previous`,
/// what was there at that time and is not at `snapshot` is included, and all that differs carries
/// the attribute "ychange": {"type": "added" | "removed"}, or what `describe` gives. As in Yjs,
/// runs of one kind of change stay apart by the items they are in, unless `describe` gives an
/// object with the client as "user" and the kind as "type". O(items log ranges).
std::vector<TextRun> to_delta(const SharedType& text, const std::optional<Snapshot>& snapshot,
                              const std::optional<Snapshot>& previous = std::nullopt,
                              const DescribeChange& describe = nullptr);

}  // namespace coterie::crdt
