// Ordered byte-to-byte tables with atomic, durable batches.
//
// Knows no CRDT and no keys. Implementations: lmdb/lmdb_store.hpp (production),
// memory/memory_store.hpp (tests and simulations, can lose everything since the last durable
// commit). commit_queue.hpp groups many batches into one fsync on one writer thread.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "crdt/base/bytes.hpp"
#include "crdt/base/result.hpp"

namespace coterie::storage {

/// Persistent format: never renumber, never reuse.
enum class Table : std::uint8_t {
  kMeta = 0,       ///< Workspace id, name, own incarnation: the small facts.
  kEntries = 1,    ///< Log entries, by (device, incarnation, seq).
  kFrontier = 2,   ///< Head of each log, by (device, incarnation).
  kKeys = 3,       ///< Epoch keys, sealed under the device's storage key.
  kDocuments = 4,  ///< Document records, by document id.
  kSnapshots = 5,  ///< Materialised document states, sealed under the device's storage key.
  kTails = 6,      ///< Entries newer than a document's snapshot, by (document id, counter).
  kPeers = 7,      ///< Where devices were last reached.
  kIndex = 8,      ///< Which entries speak of a document, by (document id, log, seq).
  kBases = 9,      ///< Document states at a checkpoint, sealed under the device's storage key.
  kFloors = 10,    ///< Document states where the logs begin that are kept, sealed so, too.
  kRooms = 11,     ///< Where the entries are that people said something by, by room and time.
};
inline constexpr std::size_t kTableCount = 12;

/// Largest key, in bytes (LMDB's default limit is 511). A key is never empty.
inline constexpr std::size_t kKeyBytesMax = 511;

/// Writes that take effect together. Value type.
struct WriteBatch {
  struct Put {
    Table table;
    Bytes key;
    Bytes value;
  };
  struct Erase {
    Table table;
    Bytes key;
  };
  struct EraseRange {  ///< All keys in [begin, end); an empty `end` is the end of the table.
    Table table;
    Bytes begin;
    Bytes end;
  };
  using Operation = std::variant<Put, Erase, EraseRange>;

  std::vector<Operation> operations;  ///< Applied in this order.

  void put(Table table, Bytes key, Bytes value) {
    operations.emplace_back(Put{table, std::move(key), std::move(value)});
  }
  void erase(Table table, Bytes key) { operations.emplace_back(Erase{table, std::move(key)}); }
  void erase_range(Table table, Bytes begin, Bytes end) {
    operations.emplace_back(EraseRange{table, std::move(begin), std::move(end)});
  }
  bool empty() const { return operations.empty(); }
};

/// Whether every key to be put or erased has a length that is allowed; the ends of a range are
/// free. For implementations. Errors: kLimitExceeded.
Status check_keys(const WriteBatch& batch);

/// Bytes of the keys and values to be put.
std::size_t payload_bytes(const WriteBatch& batch);

/// Thread-safe: reads run concurrently with one commit and never wait for it.
class Store {
 public:
  virtual ~Store() = default;

  /// Applies all of `batches`, in order, as one transaction. When this returns success they
  /// survive power loss (fsync done); when it returns an error, none of them is visible.
  /// Errors: kNoSpace, kIo, kCorrupt, kLimitExceeded (key empty or above kKeyBytesMax). After
  /// kNoSpace the store can be read, and written again as soon as there is room.
  /// Blocks for one fsync (0.1-20 ms): never call from a core, nor from within a scan.
  virtual Status commit(std::span<const WriteBatch> batches) = 0;

  /// Absent keys give an empty optional, not an error. Errors: kIo, kCorrupt.
  virtual Result<std::optional<Bytes>> get(Table table, ByteView key) const = 0;

  /// Calls `visit` for keys in [begin, end), ascending bytewise, until it returns false. An empty
  /// `end` means "to the end of the table". The views are valid only during the call, and all
  /// show one moment. `visit` may read this store, but not commit to it. Errors: kIo, kCorrupt.
  virtual Status scan(Table table, ByteView begin, ByteView end,
                      const std::function<bool(ByteView key, ByteView value)>& visit) const = 0;

  /// The greatest key in [begin, end) with its value, or nothing; an empty `end` is the end of the
  /// table. Errors: kIo, kCorrupt.
  virtual Result<std::optional<std::pair<Bytes, Bytes>>> last(Table table, ByteView begin,
                                                              ByteView end) const = 0;
};

/// Largest store name, in characters (a workspace id has 64).
inline constexpr std::size_t kStoreNameMax = 128;

/// Whether `name` is 1 to kStoreNameMax lower-case hexadecimal digits: safe as a file name.
inline bool is_store_name(std::string_view name) {
  return !name.empty() && name.size() <= kStoreNameMax &&
         name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// Where a node keeps one Store per workspace. Thread-safe.
class StoreProvider {
 public:
  virtual ~StoreProvider() = default;

  /// Names of the stores that exist, sorted.
  virtual Result<std::vector<std::string>> list() = 0;

  /// Opens the store `name` (see is_store_name()), making it if absent. The Store lives as long as
  /// the provider; opening it again gives the same one. Errors: kMalformed (the name), kIo,
  /// kNoSpace, kCorrupt (damaged, foreign, or of a newer schema), kConflict (another process holds
  /// it). Blocks on disk.
  virtual Result<Store*> open(const std::string& name) = 0;
};

}  // namespace coterie::storage
