// Sees, and can break, what a process does to LMDB data files: a library that stands in front of
// the C library's open, pwrite, writev, ftruncate, fsync and fdatasync.
//
// Two ways to use it. A test links it and calls what is below, for what happens in its own process.
// Or LD_PRELOAD puts it into a real node, and COTERIE_DISK_FAULTS names a file that holds a Control
// (tests/e2e/lib/disk.mjs writes it): faults can be switched on and off while the node runs.
//
// A call is one of these on a file called data.mdb. Thread-safe, except set_observer().

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

namespace coterie::testing::disk {

enum class Fault : std::uint32_t {
  kNone = 0,
  kFail = 1,  ///< Calls fail with `error`; of a write `part` percent are written first.
  kKill = 2,  ///< As SIGKILL, after `part` percent of a write.
};

/// In shared memory: fields of fixed size, in this order (tests/e2e/lib/disk.mjs).
struct Control {
  std::atomic<Fault> fault;
  std::atomic<std::uint32_t> error;  ///< An errno.
  std::atomic<std::uint32_t> part;   ///< 0 to 100.
  std::atomic<std::uint32_t> unused;
  std::atomic<std::int64_t> calls_left;   ///< That pass before the fault begins.
  std::atomic<std::int64_t> faults_left;  ///< Calls that fail then; later ones pass again.
  std::atomic<std::uint64_t> calls;       ///< So far.
  std::atomic<std::int64_t> clock_ms;     ///< How much the wall clock is wrong.
};
static_assert(sizeof(Control) == 48);

/// What is in force in this process.
Control& control();

struct Event {
  enum class Kind : std::uint8_t { kWrite, kTruncate, kSync };
  Kind kind;
  std::string path;                     ///< Of the file when it was opened.
  std::uint64_t offset = 0;             ///< kTruncate: the new size.
  std::span<const std::uint8_t> bytes;  ///< kWrite.
  bool durable = false;  ///< kWrite: on disk when the call returns (O_DSYNC, O_SYNC).
};

/// Called on the calling thread after each call that succeeded. Empty: nobody. No call may be under
/// way.
void set_observer(std::function<void(const Event&)> observer);

}  // namespace coterie::testing::disk
