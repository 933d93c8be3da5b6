// The few file system calls that a store directory needs, with their errors.

#pragma once

#include <string>

#include "crdt/base/result.hpp"

namespace coterie::storage::internal {

/// kNoSpace for a full disk, quota or file size limit, else kIo; `detail` holds `error`.
Error file_error(int error, const char* what);

/// Makes `path` with mode 0700, parents included; an existing directory is left as it is.
Status make_directory(const std::string& path);

/// Makes what was created or renamed in `path` durable.
Status sync_directory(const std::string& path);

/// Opens DIR/lock and takes it. Returns the descriptor; closing it lets go.
/// Errors: kConflict (`detail`: the holder's process id), kNoSpace, kIo.
Result<int> take_lock(const std::string& directory);

/// Whether the disk under `directory` refuses `bytes` more. Leaves nothing behind.
bool disk_is_full(const std::string& directory, std::size_t bytes);

}  // namespace coterie::storage::internal
