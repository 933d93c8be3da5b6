// State vectors: how much of a document a replica has seen.
//
// The wire form is Yjs's encodeStateVector (lib0 encoding):
//
//     state_vector := count:varuint (client:varuint clock:varuint){count}
//
// with clients in strictly descending order. Yjs itself accepts any order; we write the
// canonical one, so that equal vectors have equal bytes, and accept any.
// Source: yjs src/utils/encoding.js, writeStateVector and readStateVector.

#pragma once

#include <cstdint>
#include <functional>
#include <map>

#include "crdt/base/bytes.hpp"
#include "crdt/base/result.hpp"

namespace coterie::crdt {

/// Identifies one replica in one document. Drawn at random, below 2^53 (Yjs draws 32 bits).
using ClientId = std::uint64_t;

/// Count of elements (UTF-16 code units for text) a client has inserted so far. Below 2^53.
using Clock = std::uint64_t;

/// The most clients a decoded vector may name. Two 53-bit varuints are at most 16 bytes, so the
/// largest vector is 1 MiB.
inline constexpr std::uint64_t kStateVectorClientsMax = 65'536;

/// For each client, the clock of the first element not yet seen. Absent means 0.
///
/// A value type: copying is deep, moving is cheap. Not thread-safe; distinct objects are
/// independent. Merging is a join: commutative, associative and idempotent.
class StateVector {
 public:
  using Clocks = std::map<ClientId, Clock, std::greater<>>;

  /// Parses `input`, which must hold exactly one vector. O(n log n).
  ///
  /// Errors: kMalformed (truncated, above kSafeIntegerMax, repeated client, trailing bytes;
  /// `detail` is the offset), kLimitExceeded (more than kStateVectorClientsMax clients).
  /// Never allocates more than O(input.size()).
  static Result<StateVector> decode(ByteView input);

  /// Appends the canonical encoding to `out`.
  void encode_to(Bytes& out) const;
  Bytes encode() const;

  Clock clock_of(ClientId client) const;

  /// Raises `client` to at least `clock`. Lower values are ignored: a vector never goes back.
  void advance(ClientId client, Clock clock);

  /// Joins `other` into this one: the pointwise maximum.
  void merge(const StateVector& other);

  /// Descending by client; no clock is 0.
  const Clocks& clocks() const { return clocks_; }

  bool operator==(const StateVector&) const = default;

 private:
  Clocks clocks_;
};

}  // namespace coterie::crdt
