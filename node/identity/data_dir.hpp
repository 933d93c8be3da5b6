// The data directory of a node, and the lock that keeps a second process out of it.
//
//     DIR/                0700, owned by the user who runs the node
//       device.json       0600, the device key (device_key_file.hpp): who this node is
//       place             0600, tells whether the directory was copied, moved or restored
//       lock              held (flock) by the process that uses the directory; names its pid
//       settings.json     0600, what the last `coterie run` announced (daemon/settings.hpp)
//       control.sock      0600, commands reach a running node here (daemon/control_server.hpp)
//       workspaces/       one store per workspace, named by the workspace's id (storage/lmdb)
//
// A directory is made by `coterie init`. Everything else refuses one that lacks device.json, that
// other users can enter, or that holds somebody else's files.

#pragma once

#include <filesystem>
#include <utility>

#include "crdt/base/bytes.hpp"
#include "crdt/base/random.hpp"
#include "crdt/base/result.hpp"
#include "storage/files/files.hpp"

namespace coterie::node {

/// Where things are in a data directory. Value type.
struct DataDir {
  std::filesystem::path root;

  std::filesystem::path device_file() const { return root / "device.json"; }
  std::filesystem::path place_file() const { return root / "place"; }
  std::filesystem::path lock_file() const { return root / "lock"; }
  std::filesystem::path settings_file() const { return root / "settings.json"; }
  std::filesystem::path control_socket() const { return root / "control.sock"; }
  std::filesystem::path workspaces() const { return root / "workspaces"; }
};

/// Makes `dir.root` (and missing parents) with mode 0700. A directory that exists must be empty and
/// ours; its mode is then tightened. Durable when it returns.
/// Errors: kConflict (it holds a device, or other files), kUnauthorized (another user's), kIo.
Status create_data_dir(const DataDir& dir);

/// Checks that `dir.root` is a directory of this user that nobody else can enter.
/// Errors: kNotFound (run `coterie init`), kUnauthorized (owner or mode), kIo.
Status check_data_dir(const DataDir& dir);

/// Exclusive use of a data directory, until destruction or the end of the process. Movable.
class DataDirLock {
 public:
  /// Does not wait. Errors: kConflict (a running process holds it; `detail` is its pid, or 0 when
  /// that is unknown), kIo.
  static Result<DataDirLock> acquire(const DataDir& dir);

 private:
  explicit DataDirLock(files::Descriptor lock) : lock_(std::move(lock)) {}
  files::Descriptor lock_;
};

/// Names one stay of a data directory in one place: hashes over the machine's id, the file system
/// and inode of DIR/place, and what that file holds, which is random and new at every start.
struct Place {
  Bytes found;  ///< Before this start. Empty if DIR/place was missing or not whole.
  Bytes now;    ///< From now on.
};

/// To be called once by the process that holds the lock, before anything is written. A copy of the
/// directory, a restored backup of it, or stores that were restored beside a newer DIR/place have
/// not the place that the stores noted. (What no program can tell by itself is a virtual machine
/// that was set back or cloned as a whole; peers can.) For tests, COTERIE_TEST_PLACE stands for
/// machine, file system and inode. Errors: kIo, kNoSpace, kUnauthorized (another user's, or not a
/// regular file).
Result<Place> take_place(const DataDir& dir, SecureRandom& random);

/// Replaces `path` by `content` with mode 0600 so that after a crash there is the old file or the
/// new one, never a part: temporary file, fsync, rename, fsync of the directory. Errors: kIo,
/// kNoSpace.
Status write_private_file(const std::filesystem::path& path, std::string_view content);

/// As write_private_file(), and then overwrites what the old file held, because it was secret. That
/// is best effort: file systems and disks keep copies where nobody can reach them.
Status replace_secret_file(const std::filesystem::path& path, std::string_view content);

/// The content of a regular file of this user that nobody else can read. Errors: kNotFound,
/// kUnauthorized (owner or mode), kLimitExceeded (above `bytes_max`), kMalformed (no regular file),
/// kIo.
Result<std::string> read_private_file(const std::filesystem::path& path, std::size_t bytes_max);

}  // namespace coterie::node
