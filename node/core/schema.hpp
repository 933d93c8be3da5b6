// How node/core lays out a workspace's store (storage/store.hpp), one store a workspace.
//
//     kMeta       "workspace"      -> workspace:32
//                 "incarnation"    -> incarnation:u64          of the log this device writes
//                 "epoch"          -> operation:32 seen_ms:u64 entries:u64   key epoch written
//                                     under, when it was first seen, entries held then
//                 "contact"        -> sealed contact           who let us in, until it is a member
//                                                              known with addresses
//                 "place"          -> where this data directory was last used (engine.hpp)
//                 "aside" device   -> count:u64                stored entries of a device whose
//                                                              right to write them is disputed
//                 "h" position     -> hash:32                  every kAnchorDistance-th entry
//                 "joining"        -> sealed invite            a join that waits for approval
//                 "m" position     -> hash:32 previous:32      each membership entry
//                 "base", "floor"  -> checkpoint:32 time:u64 frontier   where documents are what
//                                     kBases and kFloors say (ledger.hpp, records.hpp)
//                 "K" position     -> hash:32 previous:32      content entries that are kept below
//                                     what is pruned of their log
//                 "P" hash:32      -> sealed row               checkpoints, and what others say of
//                                     them (checkpoints.hpp)
//                 "w" position     -> previous:32 time:u64     content entries whose key is missing
//                 "s" position     -> sealed row           disputed entries (admission.hpp)
//                 "j" device:32    -> hash:32              restrictions that its entries were
//                                                          judged by
//                 "r" document:16  -> nothing              documents to be made anew
//                 "N" client:u64   -> device:32            who declared a native client id
//                 "U" device:32 document:16 -> nothing   where native ids that it had not
//                                                        declared were refused
//                 "C" document:16 client:u64 log -> nothing   which logs wrote structs of whom
//                 "X" document:16 device:32 -> nothing   who wrote what contradicts in it
//                 "O" device:32    -> nothing              refused for its client ids, and reported
//                 "L" number:u16   -> log                  strands of the index
//                 (document_index.hpp) "indexed"        -> version:u8           the index is whole
//     kEntries    position         -> stored entry             (log/entry.hpp); sealed unless it is
//                                                              content (closed_store.hpp)
//     kFrontier   segment          -> incarnation:u64 strand:u64 first:u64 last:u64 before:32
//                                     head:32 head_previous:32 [pruned:u64 pruned_head:32]
//                                     (log/segments.hpp)
//     kKeys       commitment:32    -> sealed epoch key
//     kDocuments  document:16      -> sealed row               (document.hpp)
//     kSnapshots  document:16      -> sealed zstd frame        the update of all up to the first
//                                                              tail row
//     kTails      document:16 counter:u64 -> position previous:32 count:varuint
//                                                              entries newer than the snapshot, as
//                                                              they came; of those that follow each
//                                                              other in a strand the first
//     kPeers      device:32        -> sealed (1 card | 2 name)  where a member is; what a former
//                                                              one was called
//     kBases      document:16      -> sealed zstd frame        what the entries up to "base" make
//                                                              of it
//     kFloors     document:16      -> sealed zstd frame        and those up to "floor"
//     kIndex      document:16 number:u16 seq:u64 -> ranges     all entries (document_index.hpp)
//
//     kRooms                            (rooms/rooms.hpp, rooms/properties.hpp)
//
//     segment := log := device:32 incarnation:u64      position := strand seq:u64
//
// A strand is a log as it came: when a log forks, the entries of the other branch go to a strand
// named after the branch, and those that are here stay where they are.
//
// "Sealed" is seal_with_nonce() under a key derived from the device's seed, bound to its place.

#pragma once

#include <string_view>

#include "crdt/base/bytes.hpp"
#include "node/core/log/segments.hpp"
#include "storage/store.hpp"
#include "transport/crypto/crypto.hpp"
#include "transport/wire/ids.hpp"

namespace coterie::node {

/// The hash of every entry whose number this divides has a row of its own.
inline constexpr Seq kAnchorDistance = 256;

/// Of a replica's snapshot. Written here only: it guards against damage.
inline constexpr std::size_t kSnapshotBytesMax = std::size_t{2} << 30;

/// Where an entry is, and what is needed to read it. Stays valid when its log forks.
struct EntryRef {
  LogId log;  ///< Its strand: the device and incarnation it is signed for, unless the log forked.
  Seq seq = 0;
  Hash previous;
};

Bytes meta_key(std::string_view name);
Bytes log_key(const LogId& log);
Bytes position_key(const LogId& log, Seq seq);
Bytes prefixed_position(char prefix, const LogId& log, Seq seq);
Bytes tail_key(const DocumentId& document, std::uint64_t counter);

// Errors of the readers: kCorrupt, because only this node writes here.
Result<EntryRef> read_position(ByteView key);  ///< `previous` is left zero.
Bytes encode_segment(const Segment& segment);
/// Of the log `name`; its place in the tree is left out.
Result<Segment> decode_segment(const LogId& name, ByteView value);
/// Entries that follow each other in a strand: a row of a tail.
struct TailRun {
  EntryRef first;
  std::uint64_t count = 0;
};
Bytes encode_tail_row(const TailRun& run);
Result<TailRun> decode_tail_row(ByteView value);
Result<std::uint64_t> tail_counter(ByteView key);

/// The smallest key above all that begin with `prefix`; empty when there is none.
Bytes end_of_prefix(ByteView prefix);

/// Seals and opens rows of one workspace.
class RowSealer {
 public:
  RowSealer(const WorkspaceId& workspace, const crypto::SigningKey& identity, SecureRandom& random);

  Bytes seal(storage::Table table, ByteView key, ByteView row) const;
  /// Errors: kCorrupt.
  Result<Bytes> open(storage::Table table, ByteView key, ByteView sealed) const;

 private:
  Bytes associated(storage::Table table, ByteView key) const;

  WorkspaceId workspace_;
  crypto::SecretKey key_;
  SecureRandom* random_;
};

}  // namespace coterie::node
