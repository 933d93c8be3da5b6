// Yjs updates as bytes: merge, diff, state vector, inspection, all without building a document.
//
//     update     := sections:varuint section* delete_set
//     section    := structs:varuint client:varuint clock:varuint struct*
//     delete_set := clients:varuint (client:varuint ranges:varuint (clock:varuint
//     length:varuint)*)*
//
// A struct is an item (with content), a GC (content collected) or a Skip (a known gap); its id is
// (client, clock), the clock running on through the section. This is "update v1".
//
// "Update v2" says the same in columns compressed by runs (crdt/internal/encoder.hpp): smaller for
// whole documents, larger for single edits. Nothing in the bytes tells which of the two they are.
// As in Yjs each function has a twin for v2, whose name ends in _v2: it reads and writes v2 only.
//
// Source: yjs src/utils/updates.js, src/utils/UpdateEncoder.js, src/structs/*.js.
//
// Everything here is a pure function of its input, thread-safe, and treats each byte as hostile:
// memory and time are linear in the input (merge: n log of the number of updates), nothing recurses
// on it. Errors: kMalformed (`detail` is the byte offset), kLimitExceeded (a limit below).

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <vector>

#include "crdt/base/bytes.hpp"
#include "crdt/base/result.hpp"
#include "crdt/state_vector.hpp"

namespace coterie::crdt {

/// Largest clock, exclusive end of all ids: four billion elements inserted by one client. Yjs
/// itself would go to 2^53; a struct that claims more is an attack or damage.
inline constexpr Clock kClockMax = 0xffff'fffe;

/// Most clients an update or a document may name (in structs, or in deletes).
inline constexpr std::uint64_t kClientsMax = kStateVectorClientsMax;

/// Most structs of an update v2, beside one for each of its bytes. A run claims any number of them
/// in a few bytes, and honestly so where much was deleted, but each one costs the reader memory: no
/// update of 30 bytes is worth a gigabyte. (In v1 a struct takes two bytes, so nothing is to
/// limit.)
inline constexpr std::uint64_t kUpdateStructsMax = 1u << 20;

/// Most bytes an update v2 may take once written out in v1: this many, and so many for each byte.
/// What Yjs writes takes up to about 12; a key that is named once and used often takes any number.
inline constexpr std::uint64_t kUpdateExpansionMax = 64u << 20;
inline constexpr std::uint64_t kUpdateExpansionFactor = 64;

/// Which ids the structs of an update span, per client: `from` the first clock, `to` one past the
/// last, gaps (Skips) inside included. As Yjs's parseUpdateMeta.
struct UpdateMeta {
  std::map<ClientId, Clock> from;
  std::map<ClientId, Clock> to;

  bool operator==(const UpdateMeta&) const = default;
};

/// A run of ids of one client.
struct IdRange {
  ClientId client = 0;
  Clock clock = 0;
  Clock length = 0;

  bool operator==(const IdRange&) const = default;
};

/// What an update carries, by ids only.
struct UpdateListing {
  /// Maximal runs of ids with structs (items and GCs, no Skips), in the order of the update.
  std::vector<IdRange> structs;
  /// Deleted ranges, in the order of the update.
  std::vector<IdRange> deletes;
  /// Number of structs, Skips not counted.
  std::uint64_t struct_count = 0;

  /// An update that says nothing: what Yjs sends when the other side lacks nothing.
  bool empty() const { return structs.empty() && deletes.empty(); }
};

/// One update equal to all of `updates` applied together; byte for byte what Yjs's mergeUpdates
/// gives. Merging none gives the empty update; merging one gives it back.
Result<Bytes> merge_updates(std::span<const ByteView> updates);
Result<Bytes> merge_updates(std::span<const Bytes> updates);
Result<Bytes> merge_updates_v2(std::span<const ByteView> updates);
Result<Bytes> merge_updates_v2(std::span<const Bytes> updates);

/// The part of `update` that a replica at `since` lacks. Delete sets are kept whole, as Yjs does.
Result<Bytes> diff_update(ByteView update, const StateVector& since);
Result<Bytes> diff_update_v2(ByteView update, const StateVector& since);

/// The structs of those clients only. All deletes are kept: they are of others' elements as a rule.
Result<Bytes> select_clients(ByteView update, const std::function<bool(ClientId)>& keep);

/// Without structs of which the content is gone (GCs, deleted items): gaps where they were.
Result<Bytes> without_collected(ByteView update);

/// The same with all that comes as deleted items named among the deletes, too, as every honest
/// update has it. One that does not would delete where it comes first, and nothing where the items
/// are held already. Gives `update` back where nothing is to be added.
Result<Bytes> state_deletes(ByteView update);

/// `update` as several, to be applied one after the other: each depends only on those before it,
/// and takes about `part_bytes`, or one struct if that is larger. (Structs that depend on each
/// other in circles, as no editor makes them, come in any order.) All deletes come with the last.
/// One part where it is not larger.
Result<std::vector<Bytes>> split_update(ByteView update, std::size_t part_bytes);

/// The same update in the other format. Values of embeds and formatting that JSON cannot say
/// (undefined, NaN, binary) become in v1 what JSON.stringify makes of them.
Result<Bytes> convert_update_v1_to_v2(ByteView update_v1);
Result<Bytes> convert_update_v2_to_v1(ByteView update_v2);

/// What a replica that starts empty holds after `update`: per client, the clocks contiguous from 0.
Result<StateVector> state_vector_from_update(ByteView update);
Result<StateVector> state_vector_from_update_v2(ByteView update);

Result<UpdateMeta> parse_update_meta(ByteView update);
Result<UpdateMeta> parse_update_meta_v2(ByteView update);

/// Checks the whole of `update` as Doc::apply_update would, and lists its ids. No allocation per
/// struct. An update that passes here is refused by apply_update only for a limit of the document.
Result<UpdateListing> inspect_update(ByteView update);
Result<UpdateListing> inspect_update_v2(ByteView update);

/// As inspect_update(), without the listing.
Status validate_update(ByteView update);
Status validate_update_v2(ByteView update);

}  // namespace coterie::crdt
