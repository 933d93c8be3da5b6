#include "node/identity/data_dir.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "storage/files/files.hpp"
#include "transport/crypto/crypto.hpp"

namespace coterie::node {

namespace fs = std::filesystem;
using files::Descriptor;
using files::file_error;

namespace {

constexpr mode_t kOthersMask = S_IRWXG | S_IRWXO;
constexpr off_t kOverwrittenBytesMax = 1 << 20;

Result<std::string> read_all(int descriptor, std::size_t bytes_max) {
  std::string content;
  char chunk[4096];
  for (;;) {
    const ssize_t got = ::read(descriptor, chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return file_error("cannot read the file");
    if (got == 0) return content;
    content.append(chunk, static_cast<std::size_t>(got));
    if (content.size() > bytes_max) {
      return Error{ErrorCode::kLimitExceeded, "the file is larger than it can be"};
    }
  }
}

/// What an interrupted init may leave behind: not a reason to refuse the next one.
bool is_leftover_of_init(const fs::path& name) {
  return name == "lock" || name == "device.json.new";
}

Status check_empty(const fs::path& root) {
  std::error_code failure;
  if (fs::exists(root / "device.json", failure)) {
    return Error{ErrorCode::kConflict,
                 "the directory already holds a device; use it, or choose another with --data"};
  }
  for (fs::directory_iterator at(root, failure), end; !failure && at != end;
       at.increment(failure)) {
    const fs::path name = at->path().filename();
    if (!is_leftover_of_init(name)) {
      return Error{ErrorCode::kConflict,
                   "the directory holds other files; choose an empty or new one with --data"};
    }
  }
  if (failure) {
    return Error{ErrorCode::kIo, "cannot list the data directory",
                 static_cast<std::uint64_t>(failure.value())};
  }
  return {};
}

Status check_owner(const struct stat& info) {
  if (info.st_uid != ::geteuid()) {
    return Error{ErrorCode::kUnauthorized,
                 "the data directory belongs to another user; run as that user, or choose another "
                 "with --data"};
  }
  return {};
}

}  // namespace

Status create_data_dir(const DataDir& dir) {
  std::error_code failure;
  const fs::path parent = fs::absolute(dir.root, failure).parent_path();
  if (!failure) fs::create_directories(parent, failure);
  if (failure) {
    return Error{ErrorCode::kIo, "cannot make the parent of the data directory",
                 static_cast<std::uint64_t>(failure.value())};
  }
  if (::mkdir(dir.root.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
    return file_error("cannot make the data directory");
  }
  struct stat info {};
  if (::stat(dir.root.c_str(), &info) != 0) return file_error("cannot read the data directory");
  if (!S_ISDIR(info.st_mode)) {
    return Error{ErrorCode::kConflict,
                 "there is a file where the data directory should be; "
                 "choose another place with --data"};
  }
  COTERIE_CHECK(check_owner(info));
  COTERIE_CHECK(check_empty(dir.root));
  if (::chmod(dir.root.c_str(), S_IRWXU) != 0) return file_error("cannot set the directory's mode");
  return files::sync_directory(parent);
}

Status check_data_dir(const DataDir& dir) {
  struct stat info {};
  if (::stat(dir.root.c_str(), &info) != 0) {
    if (errno != ENOENT && errno != ENOTDIR) return file_error("cannot read the data directory");
    return Error{ErrorCode::kNotFound,
                 "there is no such data directory; make it with "
                 "`coterie init`, or name another with --data"};
  }
  if (!S_ISDIR(info.st_mode)) {
    return Error{ErrorCode::kNotFound, "this is no directory; name another with --data"};
  }
  COTERIE_CHECK(check_owner(info));
  if ((info.st_mode & kOthersMask) != 0) {
    return Error{ErrorCode::kUnauthorized,
                 "other users can enter the data directory; close it with `chmod 700`"};
  }
  return {};
}

Result<DataDirLock> DataDirLock::acquire(const DataDir& dir) {
  COTERIE_TRY(files::Descriptor lock, files::take_lock(dir.lock_file()));
  return DataDirLock(std::move(lock));
}

Status write_private_file(const fs::path& path, std::string_view content) {
  const fs::path temporary = path.string() + ".new";
  if (::unlink(temporary.c_str()) != 0 && errno != ENOENT) {
    return file_error("cannot remove an old temporary file");
  }
  {
    const Descriptor file = files::create_file(temporary);
    if (!file.valid()) return file_error("cannot make the file");
    COTERIE_CHECK(files::write_all(file.get(), as_bytes(content)));
    COTERIE_CHECK(files::sync_file(file.get()));
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return file_error("cannot rename the file");
  return files::sync_directory(path.parent_path());
}

Status replace_secret_file(const fs::path& path, std::string_view content) {
  const Descriptor old(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  COTERIE_CHECK(write_private_file(path, content));
  struct stat info {};
  if (!old.valid() || ::fstat(old.get(), &info) != 0 || !S_ISREG(info.st_mode)) return {};
  // A second name for the old file is somebody's backup.
  if (info.st_nlink > 0 || info.st_size > kOverwrittenBytesMax) return {};
  if (files::write_all(old.get(), Bytes(static_cast<std::size_t>(info.st_size), 0)))
    (void)::fsync(old.get());
  return {};
}

Result<std::string> read_private_file(const fs::path& path, std::size_t bytes_max) {
  // O_NONBLOCK: a FIFO in the place of the file must not hang us before fstat() refuses it.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file.valid()) {
    if (errno == ENOENT) return Error{ErrorCode::kNotFound, "there is no such file"};
    if (errno == ELOOP) return Error{ErrorCode::kMalformed, "the file is a symbolic link"};
    return file_error("cannot open the file");
  }
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return file_error("cannot read the file");
  if (!S_ISREG(info.st_mode)) return Error{ErrorCode::kMalformed, "it is no regular file"};
  if (info.st_uid != ::geteuid()) {
    return Error{ErrorCode::kUnauthorized, "the file belongs to another user"};
  }
  if ((info.st_mode & kOthersMask) != 0) {
    return Error{ErrorCode::kUnauthorized,
                 "other users can read the file; close it with `chmod 600`"};
  }
  return read_all(file.get(), bytes_max);
}

namespace {

constexpr std::size_t kPlaceBytes = 32;
constexpr std::string_view kPlaceDomain = "coterie place v1";

/// What stays the same as long as nobody moves or copies the file; empty parts where unknown.
Bytes where_is(const struct stat& info) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing here sets it.
  const char* test = std::getenv("COTERIE_TEST_PLACE");
  if (test != nullptr) return Bytes(test, test + std::strlen(test));
  Bytes where;
  const Descriptor machine(::open("/etc/machine-id", O_RDONLY | O_CLOEXEC));
  if (machine.valid()) {
    if (const auto id = read_all(machine.get(), 4096)) where.assign(id->begin(), id->end());
  }
  for (const std::uint64_t number :
       {static_cast<std::uint64_t>(info.st_dev), static_cast<std::uint64_t>(info.st_ino)}) {
    for (int shift = 0; shift < 64; shift += 8) {
      where.push_back(static_cast<std::uint8_t>(number >> shift));
    }
  }
  return where;
}

Bytes fingerprint(ByteView where, ByteView content) {
  const auto hash = crypto::hash({as_bytes(kPlaceDomain), where, content});
  return Bytes(hash.view().begin(), hash.view().end());
}

}  // namespace

Result<Place> take_place(const DataDir& dir, SecureRandom& random) {
  const fs::path path = dir.place_file();
  const Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK,
                               S_IRUSR | S_IWUSR));
  if (!file.valid()) return file_error("cannot open the file that tells the place");
  struct stat info {};
  if (::fstat(file.get(), &info) != 0)
    return file_error("cannot read the file that tells the place");
  if (!S_ISREG(info.st_mode)) {
    return Error{ErrorCode::kUnauthorized, "what should tell the place is not a regular file"};
  }
  COTERIE_CHECK(check_owner(info));
  COTERIE_TRY(const std::string held, read_all(file.get(), 4096));
  const Bytes where = where_is(info);
  Place place;
  if (held.size() == kPlaceBytes) place.found = fingerprint(where, as_bytes(held));
  std::string fresh(kPlaceBytes, '\0');
  for (std::size_t i = 0; i < kPlaceBytes; i += 8) {
    const std::uint64_t drawn = random.next_u64();
    std::memcpy(fresh.data() + i, &drawn, sizeof drawn);
  }
  // In place: the inode is part of what is told. Half written, it tells of doubt, which is safe.
  COTERIE_CHECK(files::overwrite(file.get(), as_bytes(fresh)));
  COTERIE_CHECK(files::sync_file(file.get()));
  place.now = fingerprint(where, as_bytes(fresh));
  return place;
}

}  // namespace coterie::node
