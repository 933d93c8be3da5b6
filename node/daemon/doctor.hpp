// Doctor: whether a stopped node's data directory is whole, and making it whole again.
//
//     1. every workspace's store, page by page, as at each start (storage/lmdb)
//     2. every row against the logs (core/doctor.hpp)
//     3. every document: made anew of the logs by an engine that writes nothing, and compared
//
// Repair writes what 2 found in one transaction, after keeping the store as it was beside it
// (data.mdb.before-repair), and has an engine make anew what 2 and 3 say. Entries that were lost
// come back from members; a device whose own log was cut goes on with a new one.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "node/core/doctor.hpp"
#include "node/daemon/backup.hpp"
#include "node/identity/device_key_file.hpp"

namespace coterie::node {

struct WorkspaceReport {
  std::string id;
  Checkup checkup;
  std::uint64_t documents_compared = 0;
  std::string kept;  ///< Where the store is as it was before its repair.
};
struct DoctorReport {
  std::vector<WorkspaceReport> workspaces;
  bool healthy = false;   ///< Before any repair.
  bool repaired = false;  ///< All that was found.
};

/// Takes the data directory. `progress` as in back_up(), in entries and documents. On failure
/// nothing, with the reason in `why`. Blocks on disk.
std::optional<DoctorReport> examine(const DataDir& dir, bool repair, const AskPassphrase& ask,
                                    const BytesProgress& progress, CallError& why);

}  // namespace coterie::node
