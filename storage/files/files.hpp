// The few calls to the file system that stores, data directories and what commands write need, with
// their errors. Thread-safe: no state of its own.

#pragma once

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <string>

#include "crdt/base/bytes.hpp"
#include "crdt/base/result.hpp"

namespace coterie::files {

/// Owns a file descriptor, or none. Movable; closes on destruction.
class Descriptor {
 public:
  explicit Descriptor(int value = -1) : value_(value) {}
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor();
  bool valid() const { return value_ >= 0; }
  int get() const { return value_; }

 private:
  int value_;
};

/// kNoSpace for a full disk, quota or file size limit, else kIo with `what`; `detail` holds `code`.
Error file_error(const char* what, int code = errno);

/// Makes `path` with mode 0700, parents included; an existing directory is left as it is.
/// Errors of all below: kNoSpace, kIo.
Status make_directory(const std::filesystem::path& path);

/// A file of mode 0600 that was not there before; invalid, with errno, if it cannot be made.
Descriptor create_file(const std::filesystem::path& path);

Status write_all(int fd, ByteView bytes);

/// Replaces what the file holds, in place; not durable. A crash may leave a mixture. What is no
/// shorter than before needs no space, and frees none: on a file system that discards what is freed
/// (mount option `discard`) that waits for the device.
Status overwrite(int fd, ByteView content);

/// Makes what was written to the file durable.
Status sync_file(int fd);

/// Makes what was created or renamed in `path` durable; the working directory if it is empty.
Status sync_directory(const std::filesystem::path& path);

/// Opens `path`, makes it if need be, and takes it until the descriptor is closed or the process
/// ends; does not wait. It stays when let go: else two processes could lock two files of that name.
/// Errors: kConflict (`detail`: the holder's process id, 0 if unknown), kNoSpace, kIo.
Result<Descriptor> take_lock(const std::filesystem::path& path);

/// Whether the disk under `directory` refuses `bytes` more. Leaves nothing behind.
bool disk_is_full(const std::filesystem::path& directory, std::size_t bytes);

/// A file that is at `path` whole and durably, or not at all: written beside, then moved there. A
/// symbolic link stays one; a device or a pipe is written to, since moving a file there would
/// destroy it. Mode 0666 less the umask. What was not moved is removed on destruction.
class NewFile {
 public:
  explicit NewFile(std::filesystem::path path);
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile();
  /// Call once. Errors: kConflict (there is a directory), kNoSpace, kIo.
  Status write(ByteView content);
  /// After write().
  Status move_into_place();

 private:
  std::filesystem::path target_;
  std::filesystem::path beside_;  ///< Empty if `target_` is written to.
  bool written_ = false;
};

/// NewFile in one go.
Status replace_file(const std::filesystem::path& path, ByteView content);

/// `error.what`, and for kIo the system's words for `error.detail`.
std::string described(const Error& error);

}  // namespace coterie::files
