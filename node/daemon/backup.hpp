// Backups of a data directory, and what becomes of them.
//
//     backup := device.json [settings.json] workspaces/ID/data.mdb ... backup.json
//
// as a directory, or as one file that is these files in one POSIX tar archive (ustar), in this
// order. backup.json comes last: what has none is no whole backup. It is
//
//     { "coterie_backup": 1, "made": ms, "version": "...", "device": "<64 hex>",
//       "files": [ { "name", "bytes", "hash" } ... ] }
//
// where `hash` is BLAKE2b-256 in hexadecimal (`b2sum -l 256`). Each workspace is as one moment
// shows it, without free pages; a later one may show a later moment, which is as if it had been
// away for less long.
//
// DIR/place is not in it: so a restored device finds itself elsewhere and begins a new log
// (core/ledger.hpp, "Own log"), and never writes a second branch of one that others hold.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "node/bridge/call.hpp"
#include "node/identity/data_dir.hpp"
#include "transport/wire/ids.hpp"

namespace coterie::node {

/// Called now and then on the caller's thread: bytes done, and at most how many in all.
using BytesProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

struct BackupSummary {
  std::string where;
  DeviceId device;
  std::uint64_t made = 0;  ///< Milliseconds since 1970.
  std::uint64_t bytes = 0;
  std::size_t workspaces = 0;
};

/// Copies `dir` to `to`, which must not exist: a directory, or one file if `archive`. A node may be
/// running on `dir`; it is not held up. `to` appears whole and durable, or not at all. On failure
/// nothing, with what happened and what to do in `why`. Blocks on disk.
std::optional<BackupSummary> back_up(const DataDir& dir, const std::string& to, bool archive,
                                     const BytesProgress& progress, CallError& why);

/// Makes the data directory `dir`, which must be new or empty, of the backup at `from`, after
/// checking every file of it. A failed one leaves no device behind. Two data directories of one
/// device must never run. As back_up() otherwise.
std::optional<BackupSummary> restore_backup(const std::string& from, const DataDir& dir,
                                            const BytesProgress& progress, CallError& why);

}  // namespace coterie::node
