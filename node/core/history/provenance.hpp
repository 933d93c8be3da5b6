// Provenance: which update brought an element of a document first, or deleted it first.
//
// A value. Single-threaded owner.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "crdt/id_set.hpp"

namespace coterie::node {

/// Ids, each claimed by one update: whoever claims it first.
class Claims {
 public:
  /// Takes what of `ids` nobody has. Returns how much that was. O(log claims + claims inside).
  crdt::Clock claim(const crdt::IdRange& ids, std::uint32_t update);

  /// Who has it. O(log claims).
  std::optional<std::uint32_t> find(const crdt::Id& id) const;

  /// Adds where, inside of `ids`, one claim ends and another begins.
  void cut(const crdt::IdRange& ids, std::vector<crdt::Clock>& cuts) const;

 private:
  struct Claim {
    crdt::Clock end = 0;
    std::uint32_t update = 0;
  };
  using Ranges = std::map<crdt::Clock, Claim>;
  std::unordered_map<crdt::ClientId, Ranges> clients_;
};

}  // namespace coterie::node
