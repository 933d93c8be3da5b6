// What is done to a store as a file, beside the Store that reads and writes its rows: copies,
// compaction, checks. `directory` is always DIR/NAME, where data.mdb is.
//
// Copies and compaction exclude each other (flock on the directory): a copy may go on while a node
// opens, uses and closes the store, but the file must not be replaced under it.

#pragma once

#include <cstdint>
#include <string>

#include "crdt/base/result.hpp"

namespace coterie::storage {

/// Bytes of the data file. Errors: kCorrupt (it is missing), kIo.
Result<std::uint64_t> store_bytes(const std::string& directory);

/// Writes the store as one moment shows it to `fd`, from its position on, without free pages.
/// Another process may be writing meanwhile, and is not held up; its file grows by what it changes.
/// The result is a data.mdb. Errors: kConflict (it is being compacted), kCorrupt, kNoSpace, kIo.
Status copy_store(const std::string& directory, int fd);

/// Whether `data_file` hangs together and is of a schema that this build opens. Nobody may be
/// writing to it. Nothing is changed. Errors: kCorrupt, kIo.
Status check_store_file(const std::string& data_file);

/// The schema version that the store says. Precondition: check_store_file(). Errors: kCorrupt, kIo.
Result<std::uint32_t> store_schema(const std::string& directory);

struct Compacted {
  std::uint64_t bytes_before = 0;
  std::uint64_t bytes_after = 0;
};
/// Replaces the data file by a copy without free pages: after a crash there is the old or the new
/// one. Nobody else may have the store open (hold the lock of the data directory). Needs room for
/// the copy. Errors: kConflict (a copy is being made), kCorrupt, kNoSpace, kIo.
Result<Compacted> compact_store(const std::string& directory);

}  // namespace coterie::storage
