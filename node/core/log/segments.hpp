// Logs as trees: where a run of entries goes, and what the parts of a forked log are called.
//
// A device that was restored or cloned may write two entries with one number. Then its log is a
// tree, and both branches are kept. Each maximal stretch without a branch in it is a *segment*, and
// to the mesh every segment is a log of its own:
//
//     root      named (device, incarnation); item n is entry n
//     branch    named (device, branch_name()); item 1 is a descriptor (log/entry.hpp) that says
//               where it begins, item 2 its first entry
//
// When a second entry of one number comes, the segment it was found in is split there: it keeps its
// name and ends at the fork; what followed becomes a branch, and so does the new entry. So the set
// of segments is a pure function of the entries held, whatever order they came in, and replicas
// that hold the same entries have the same frontier. (A log forked at its first entry has an empty
// root, which is in no frontier.) Names of branches have the highest bit of the incarnation set,
// real incarnations have not, so that no device can pass one off for the other.
//
// Rows do not move in a split: an entry stays in the *strand* it was written to, under its number
// in its log, and a segment says which stretch of which strand it is. So a reference (strand,
// number) stays valid for ever, and a split costs two rows.
//
// Pure: hashes that are on disk are asked for. Single-threaded owner (Ledger).

#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "crdt/base/result.hpp"
#include "transport/wire/ids.hpp"

namespace coterie::node {

/// Set in the second half of a branch's name, clear in every real incarnation.
inline constexpr std::uint64_t kBranchBit = std::uint64_t{1} << 63;

inline bool is_branch(const LogId& log) { return (log.incarnation & kBranchBit) != 0; }

/// Name of the branch of `chain` (a device and a real incarnation) that begins with the entry of
/// hash `first`.
LogId branch_name(const LogId& chain, const Hash& first);

struct Segment {
  LogId chain;         ///< Device and incarnation, as its entries are signed.
  LogId strand;        ///< Where its rows are.
  Seq first = 1;       ///< Number of its first entry in the chain.
  Seq last = 0;        ///< Of its newest; first - 1 while it has none.
  Hash before;         ///< Hash of the entry before its first; zero at the start of a chain.
  Hash head;           ///< Hash of its newest entry; `before` while it has none.
  Hash head_previous;  ///< What its newest entry chains to.
  /// Number and hash of an entry up to which most are not kept any more (Ledger::prune()): the hash
  /// of none before it can be told. Zero while all are here; only of a root that never forked.
  LogHead pruned;
  std::optional<LogId> parent;  ///< The segment that ends where this one begins.
  /// Segments that begin where this one ends: two or more, or none. With any it is closed: nothing
  /// will ever be added to it.
  std::vector<LogId> children;

  bool empty() const { return last + 1 == first; }
  bool closed() const { return !children.empty(); }
};

class Segments {
 public:
  /// Hash of entry `seq` of a segment, for first <= seq < last.
  using HashAt = std::function<Result<Hash>(const Segment&, Seq)>;

  /// Where a run goes.
  struct Place {
    enum class Kind : std::uint8_t {
      kHeld,     ///< Nothing in it is new.
      kExtends,  ///< What is new continues `segment`.
      kForks,    ///< What is new is another branch after entry `at`, which `segment` ends with or
                 ///< holds.
    } kind = Kind::kHeld;
    LogId segment;
    std::size_t known = 0;  ///< Entries of the run that are held already.
    Seq at = 0;
  };

  const Segment* find(const LogId& name) const;
  const std::map<LogId, Segment>& all() const { return all_; }
  /// Segments of a device, all its incarnations together. O(their number).
  std::size_t count(const DeviceId& device) const;

  /// The device and incarnation that entries in `strand` (or segment) are signed for.
  LogId chain_of(const LogId& strand) const;
  /// The segment that entry `seq` of `strand` is in. Nothing if it is not held.
  std::optional<LogId> segment_of(const LogId& strand, Seq seq) const;
  /// The segment that holds entry `seq` of `chain` with that hash; for seq 0 the root, if it is
  /// known. Errors: those of `hash_at`.
  Result<std::optional<LogId>> find_entry(const LogId& chain, Seq seq, const Hash& hash,
                                          const HashAt& hash_at) const;
  /// Whether entry `seq` in `segment` is or follows entry `earlier` of `strand`.
  bool follows(const LogId& segment, Seq seq, const LogId& strand, Seq earlier) const;

  /// Where `run` (hashes of consecutive entries, verified, the first of number `first`) goes, whose
  /// predecessor is in `start` or is the entry before it. Errors: those of `hash_at`.
  Result<Place> locate(const LogId& start, Seq first, std::span<const Hash> run,
                       const HashAt& hash_at) const;

  /// The empty root of a chain, made if there is none.
  LogId root(const LogId& chain);
  /// Makes an empty branch after entry `at` of `segment` (0 with an empty root) that will begin
  /// with the entry of hash `first`, splitting the segment if it goes on after `at`. Segments other
  /// than the two returned and `segment` itself keep as they are. Errors: kConflict (another branch
  /// has that name; nothing is changed), those of `hash_at`.
  struct Forked {
    LogId branch;
    std::optional<LogId> tail;  ///< What followed `at` in `segment`, when that was split.
  };
  Result<Forked> fork(const LogId& segment, Seq at, const Hash& first, const HashAt& hash_at);
  /// Adds an entry to a segment that is not closed.
  void append(const LogId& segment, const Hash& hash);

  /// Items as the mesh counts them: a branch has its descriptor before its first entry.
  static Seq item_of(const LogId& name, const Segment& segment, Seq seq) {
    return is_branch(name) ? seq - segment.first + 2 : seq;
  }
  /// The entry that an item is; first - 1 for a descriptor.
  static Seq seq_of(const LogId& name, const Segment& segment, Seq item) {
    return is_branch(name) ? segment.first + item - 2 : item;
  }
  static LogHead head_of(const LogId& name, const Segment& segment);

  /// Reading a store back: put() every segment, then link(). Errors: kCorrupt (a segment whose
  /// beginning is nowhere, or is no fork).
  void put(const LogId& name, Segment segment) { all_[name] = std::move(segment); }
  Status link();

 private:
  std::map<LogId, Segment> all_;
};

}  // namespace coterie::node
