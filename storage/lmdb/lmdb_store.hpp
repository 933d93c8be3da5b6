// Stores on disk: one LMDB environment per workspace.
//
//     DIR/lock            held (flock) by the process that uses DIR; holds its process id
//     DIR/NAME/data.mdb   tables of the store NAME; one more named database, "schema", says that
//                         the file is ours and of which version
//     DIR/NAME/lock.mdb   LMDB's reader table
//     DIR/NAME.new/       a store that was being made when the process died: removed at next open
//
// Directories have mode 0700, files 0600. Commits are followed by a real fsync. The map grows by
// itself: a commit that fills it waits until no read is under way, remaps, and runs again. Where
// LMDB gives up because the disk failed under its last write, the file is opened again as the disk
// has it.
//
// What is refused at open, with kCorrupt and nothing changed: a data.mdb that is missing, empty,
// cut short, with a damaged page (internal/page_check.hpp), or not LMDB's; a database that Coterie
// did not make; one of a newer schema. Opening therefore reads every page in use once. LMDB keeps
// no checksums: a flipped bit inside a value is found by whoever checks signatures and seals.
//
// One of an older schema is migrated at open, a version at a time, each in one transaction with the
// version it leads to: after a crash it is of the one or of the other. What is done to a store as a
// file (copies, compaction): maintenance.hpp.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "storage/files/files.hpp"
#include "storage/store.hpp"

namespace coterie::storage {

/// Persistent: raise it with every change of what tables hold, together with a migration
/// (schema_migrations()) and a golden directory (tests/golden/data).
inline constexpr std::uint32_t kSchemaVersion = 1;

/// From one schema version to the next. Tables that are new are there already, and empty.
struct Migration {
  std::uint32_t from = 0;
  /// Puts into `changes` what has to be changed of `before`. Whoever holds the keys migrates what
  /// is sealed: here it can be erased, moved, or marked to be made anew. Errors: kCorrupt, kIo.
  std::function<Status(const Store& before, WriteBatch& changes)> run;
};
/// Of this build: from every version that it opens up to kSchemaVersion.
const std::vector<Migration>& schema_migrations();

struct LmdbOptions {
  /// What stores are made as and migrated to; others than these are for tests.
  std::uint32_t schema = kSchemaVersion;
  const std::vector<Migration>* migrations = nullptr;  ///< Null: schema_migrations().
  /// Address space to begin with, in bytes; doubled (by at most 1 GiB) whenever it is full.
  std::size_t map_bytes_initial = std::size_t{16} << 20;
};

/// Thread-safe.
class LmdbStoreProvider final : public StoreProvider {
 public:
  /// Takes `directory` for this process, making it if absent. Holds it until destroyed; stores live
  /// as long. Errors: kConflict (another process holds it: `detail` is its process id), kNoSpace,
  /// kIo. Blocks on disk.
  static Result<std::unique_ptr<LmdbStoreProvider>> open_directory(const std::string& directory,
                                                                   LmdbOptions options = {});

  Result<std::vector<std::string>> list() override;
  Result<Store*> open(const std::string& name) override;

 private:
  LmdbStoreProvider(std::string directory, LmdbOptions options, files::Descriptor lock);

  const std::string directory_;
  const LmdbOptions options_;
  const files::Descriptor lock_;  ///< Goes last: nobody else may open the stores before.
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Store>> stores_;
};

}  // namespace coterie::storage
