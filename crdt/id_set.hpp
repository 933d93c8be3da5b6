// Ids of elements, and sets of them.
//
// A set is what Yjs calls a DeleteSet: ranges of clocks per client. Two encodings:
//
//     v1   := clients:varuint (client:varuint ranges:varuint (clock:varuint length:varuint)*)*
//     v2   := the same, each clock as the distance from the end of the range before it (of the same
//             client; from 0 for the first), each length less one
//
// Source: yjs src/utils/DeleteSet.js, src/utils/ID.js.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "crdt/base/bytes.hpp"
#include "crdt/base/result.hpp"
#include "crdt/state_vector.hpp"
#include "crdt/update.hpp"

namespace coterie::crdt {

/// Names one element for ever: the client that inserted it, and how many it had inserted before.
struct Id {
  ClientId client = 0;
  Clock clock = 0;

  bool operator==(const Id&) const = default;
};

/// A value type. Ranges are kept sorted, disjoint and as long as they go, so that equal sets are
/// equal in form and in bytes.
class IdSet {
 public:
  struct Range {
    Clock clock = 0;
    Clock length = 0;

    Clock end() const { return clock + length; }
    bool operator==(const Range&) const = default;
  };
  /// Clients descending, as they are encoded. No list is empty.
  using Ranges = std::map<ClientId, std::vector<Range>, std::greater<>>;

  IdSet() = default;
  explicit IdSet(const std::vector<IdRange>& ranges);

  /// O(log ranges) at the end of a client's ranges, else O(ranges).
  void add(const IdRange& range);
  /// O(ranges of both).
  void merge(const IdSet& other);
  void clear() { ranges_.clear(); }

  bool empty() const { return ranges_.empty(); }
  /// O(log ranges).
  bool contains(const Id& id) const;
  const Ranges& ranges() const { return ranges_; }

  bool operator==(const IdSet&) const = default;

  void encode_to(Bytes& out) const;
  void encode_v2_to(Bytes& out) const;

  /// Read one set and stop behind it. Ranges may come in any order; empty ones are dropped.
  /// O(bytes log bytes). Errors: kMalformed, kLimitExceeded (more than kClientsMax clients, a clock
  /// above kClockMax).
  static Result<IdSet> decode(ByteReader& in);
  static Result<IdSet> decode_v2(ByteReader& in);

 private:
  template <typename ReadRange>
  static Result<IdSet> decode_with(ByteReader& in, ReadRange read_range);

  Ranges ranges_;
};

}  // namespace coterie::crdt
