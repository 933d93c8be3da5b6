// Telling whether two structs say the same of the ids that both have. See crdt/comparison.hpp.

#pragma once

#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

#include "crdt/internal/store.hpp"
#include "crdt/internal/wire.hpp"

namespace coterie::crdt::internal {

/// A place inside the content of a struct; moves forward only.
struct ContentCursor {
  std::uint32_t offset = 0;  ///< Elements before it.
  std::size_t byte = 0;      ///< Of the code point it is in, or of the element.
  bool inside_pair = false;  ///< kString: between the units of that code point.
};

/// Moves to element `offset`. Precondition: not behind it already. O(elements between).
void advance(ContentCursor& cursor, const WireStruct& in, std::uint32_t offset);

/// Whether both say the same of [clock, end), which both have. The cursors stand at `clock` and are
/// moved to `end` (only where both have content). Neither is a GC or a Skip.
bool say_the_same(const WireStruct& one, ContentCursor& one_at, const WireStruct& other,
                  ContentCursor& other_at, std::uint32_t clock, std::uint32_t end);

/// Where the structs of a document's pending updates are, by id. Where several have an id, the
/// first counts, as when they are merged.
class PendingIndex {
 public:
  /// Takes in the parts that came since; earlier ones are where they were.
  void extend(const std::vector<Bytes>& parts);

  /// Calls `each(struct, clock, end)` for what is known of [clock, end) of a client, ascending,
  /// until that returns false. O(log runs + structs met; up to a run's, or kRunBytes, before the
  /// first).
  template <typename Each>
  void for_each(ClientId client, std::uint32_t clock, std::uint32_t end, Each each) const {
    const auto runs = clients_.find(client);
    if (runs == clients_.end()) return;
    auto at = runs->second.upper_bound(clock);
    if (at != runs->second.begin()) --at;
    for (; at != runs->second.end() && at->first < end; ++at) {
      const std::uint32_t run_end = std::min(at->second.end, end);
      if (run_end <= clock) continue;
      const std::uint32_t from = std::max(clock, at->first);
      WireReader reader(at->second.begin, at->second.limit);
      WireStruct read;
      for (std::uint32_t here = at->second.clock; here < run_end; here = read.end()) {
        read_struct<false>(reader, client, here, read);
        if (read.end() <= from || read.kind == ContentKind::kSkip) continue;
        if (!each(read, std::max(from, read.clock), std::min(run_end, read.end()))) return;
      }
    }
  }

 private:
  /// Structs one after the other: from its key to `end`, of what starts with `clock` at `begin`.
  struct Run {
    std::uint32_t end = 0;
    std::uint32_t clock = 0;
    const std::uint8_t* begin = nullptr;
    const std::uint8_t* limit = nullptr;
  };
  using Runs = std::map<std::uint32_t, Run>;
  static constexpr std::uint32_t kRunStructs = 64;
  static constexpr std::size_t kRunBytes = 4096;

  static void add(Runs& runs, std::uint32_t clock, const Run& run);

  std::unordered_map<ClientId, Runs> clients_;
  std::size_t parts_ = 0;
};

}  // namespace coterie::crdt::internal
