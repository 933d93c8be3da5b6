// Document index: which entries speak of which document, so that what is asked of one document is
// read from its entries and not from all logs.
//
//     kIndex  document:16 number:u16 first:u64 -> run*       entries of one strand from `first` on
//             run := gap:varuint [length:varuint]            2 * (entries skipped) + (2 or more);
//                                                            then how many more than 2
//     kMeta   "L" number:u16 -> log                          which strand a number stands for
//             "indexed" -> version:u8                        the index is whole
//
// Of what is kept of a log exactly those content entries are in it that can be decrypted here and
// whose record names a document, whether they count or not: forks, carried records and what is set
// aside included. An entry whose key comes later is put when that comes. So it follows from logs
// and keys, and is made anew of them where it is missing or damaged (Ledger::entries_of).
//
// Rows change in the batch that stores the entry. A row grows to 256 bytes, then another begins; so
// an entry costs the rewriting of one small row. At rest, measured in a workspace of 1,000,000
// entries and 10,000 documents (bench/node/directory_bench.cpp): 0.28 bytes an entry, 0.59 with
// what the tree of pages adds. What stands alone among others takes 1 to 4 bytes, and a document in
// a strand 36 once.
//
// Document ids and numbers are in clear, as in kTails.
//
// Single-threaded owner. Memory: the strands, and the rows that wait for the disk.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "node/core/schema.hpp"
#include "storage/store.hpp"
#include "transport/wire/ids.hpp"

namespace coterie::node {

/// Entries [first, last] of a strand.
struct SeqRange {
  Seq first = 0;
  Seq last = 0;

  bool operator==(const SeqRange&) const = default;
};

/// Sorts, and joins those that touch or overlap. O(n log n).
void join_ranges(std::vector<SeqRange>& ranges);

class DocumentIndex {
 public:
  /// `store` must outlive it.
  explicit DocumentIndex(const storage::Store& store) : store_(store) {}

  /// Reads which strands there are; sets ready() if the store has a whole index. Errors: kIo,
  /// kCorrupt (of the store itself).
  Status load();
  /// Whether all that is stored is in it. Once it is not, it has to be cleared and filled again.
  bool ready() const { return ready_; }
  /// Has whoever loads the index after `batch` make it anew.
  static void forget(storage::WriteBatch& batch);
  /// Empties it, in `batch` too, which is the one that is launched next. Ready from here on.
  void clear(storage::WriteBatch& batch);

  /// Takes note that entry `seq` of `strand` speaks of `document`. In any order, and twice is
  /// harmless; ascending is cheapest: a look at one row. Not ready any more if that is damaged.
  void put(const DocumentId& document, const LogId& strand, Seq seq);

  /// Visits the entries of `document`, those that wait for the disk included: by strand, ascending.
  /// Cost: O(its rows). Errors: kCorrupt (a row is damaged), kIo.
  using Visit = std::function<void(const LogId& strand, const SeqRange& range)>;
  Status for_each(const DocumentId& document, const Visit& visit) const;
  /// Visits all. O(rows). Errors: as for_each().
  Status for_all(const std::function<void(const DocumentId& document, const LogId& strand,
                                          const SeqRange& range)>& visit) const;

  /// Forgets what is before entry `seq` of `strand`, for the log is not kept further back. Cost:
  /// reads all rows, writes those that change. Errors: as for_each(); nothing is changed then.
  Status drop_below(const LogId& strand, Seq seq);

  /// Adds what changed since the last launch to `batch`, which is written next.
  void launch(storage::WriteBatch& batch);
  /// What was launched is durable.
  void landed();

 private:
  /// Rows that the store does not show yet; nothing: it is erased.
  struct Layer {
    bool cleared = false;  ///< The store's rows are erased before.
    std::map<Bytes, std::optional<Bytes>> rows;
  };
  struct Row {
    Bytes key;
    Bytes value;
  };
  using Visited = std::function<Status(ByteView key, ByteView value)>;

  Status visit_rows(ByteView begin, ByteView end, const Visited& visit) const;
  Status decode(ByteView key, ByteView value, LogId& strand, std::vector<SeqRange>& ranges) const;
  Status add(const DocumentId& document, const LogId& strand, Seq seq);
  Result<std::optional<Row>> row_before(ByteView begin, Bytes end) const;
  std::optional<std::uint16_t> number_of(const LogId& strand);

  const storage::Store& store_;
  bool ready_ = false;
  std::vector<LogId> strands_;
  std::map<LogId, std::uint16_t> numbers_;
  std::size_t strands_launched_ = 0;  ///< How many have a row, or will when the batch has landed.
  Layer staged_;
  Layer flying_;
};

}  // namespace coterie::node
