#include "storage/lmdb/maintenance.hpp"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "storage/files/files.hpp"
#include "storage/lmdb/internal/environment.hpp"
#include "storage/lmdb/internal/page_check.hpp"

namespace coterie::storage {
namespace {

using files::Descriptor;
using internal::Environment;
using internal::lmdb_error;

constexpr const char* kDataName = "/data.mdb";
constexpr const char* kCompactName = "/data.mdb.compact";
constexpr int kResizedTriesMax = 16;

/// Holds the directory against replacement of its file (`kind` LOCK_SH), or against copies
/// (LOCK_EX), while the descriptor is open.
Status hold(const Descriptor& directory, int kind) {
  if (!directory.valid()) return files::file_error("cannot open the store's directory");
  if (::flock(directory.get(), kind | LOCK_NB) == 0) return {};
  if (errno != EWOULDBLOCK) return files::file_error("cannot lock the store's directory");
  return Error{ErrorCode::kConflict,
               kind == LOCK_SH ? "the store is being compacted: try again when that is done"
                               : "a backup of the store is being made: try again later"};
}

int open_directory(const std::string& path) {
  return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/// Only for reading: LMDB's lock file is used, the data file is not written.
class ReadOnly {
 public:
  ~ReadOnly() {
    if (env_ != nullptr) mdb_env_close(env_);
  }
  Status open(const std::string& directory) {
    COTERIE_TRY(const std::uint64_t bytes, store_bytes(directory));
    int code = mdb_env_create(&env_);
    if (code == 0) code = mdb_env_set_maxdbs(env_, static_cast<MDB_dbi>(kTableCount + 1));
    // Room for what a writer adds until the copy begins.
    if (code == 0) code = mdb_env_set_mapsize(env_, static_cast<std::size_t>(bytes) * 2);
    if (code == 0) {
      code = mdb_env_open(env_, directory.c_str(), MDB_RDONLY | MDB_NOTLS, S_IRUSR | S_IWUSR);
    }
    if (code != 0) return lmdb_error(code, "cannot open the database");
    return {};
  }
  MDB_env* env() const { return env_; }

 private:
  MDB_env* env_ = nullptr;
};

Status copy_to(MDB_env* env, int fd) {
  const off_t start = ::lseek(fd, 0, SEEK_CUR);
  int code = 0;
  for (int tries = 0; tries < kResizedTriesMax; ++tries) {
    code = mdb_env_copyfd2(env, fd, MDB_CP_COMPACT);
    if (code != MDB_MAP_RESIZED) break;
    code = mdb_env_set_mapsize(env, 0);  // To what the writer has made of it.
    if (code != 0) break;
    code = MDB_MAP_RESIZED;
  }
  // The list of free pages does not add up: as LMDB's own tool does, copied as it is.
  if (code == MDB_INCOMPATIBLE && start >= 0 && ::lseek(fd, start, SEEK_SET) == start &&
      ::ftruncate(fd, start) == 0) {
    code = mdb_env_copyfd2(env, fd, 0);
  }
  if (code != 0) return lmdb_error(code, "cannot copy the database");
  return {};
}

}  // namespace

Result<std::uint64_t> store_bytes(const std::string& directory) {
  struct stat found {};
  if (::stat((directory + kDataName).c_str(), &found) == 0) {
    return static_cast<std::uint64_t>(found.st_size);
  }
  if (errno == ENOENT) return Error{ErrorCode::kCorrupt, internal::kDamaged};
  return files::file_error("cannot read the data file");
}

Status copy_store(const std::string& directory, int fd) {
  const Descriptor held(open_directory(directory));
  COTERIE_CHECK(hold(held, LOCK_SH));
  ReadOnly source;
  COTERIE_CHECK(source.open(directory));
  return copy_to(source.env(), fd);
}

Status check_store_file(const std::string& data_file) { return internal::check_pages(data_file); }

Result<std::uint32_t> store_schema(const std::string& directory) {
  return Environment::read_schema(directory);
}

Result<Compacted> compact_store(const std::string& directory) {
  const Descriptor held(open_directory(directory));
  COTERIE_CHECK(hold(held, LOCK_EX));
  const std::string data = directory + kDataName;
  const std::string fresh = directory + kCompactName;
  Compacted done;
  COTERIE_TRY(done.bytes_before, store_bytes(directory));
  COTERIE_CHECK(internal::check_pages(data));
  const auto discard = [&fresh](Error error) {
    ::unlink(fresh.c_str());
    return error;
  };
  {
    ::unlink(fresh.c_str());  // Left behind by one that was killed.
    const Descriptor out = files::create_file(fresh);
    if (!out.valid()) return files::file_error("cannot make the compacted file");
    ReadOnly source;
    Status copied = source.open(directory);
    if (copied) copied = copy_to(source.env(), out.get());
    if (copied) copied = files::sync_file(out.get());
    if (!copied) return discard(copied.error());
  }
  if (const Status whole = internal::check_pages(fresh); !whole) return discard(whole.error());
  if (::rename(fresh.c_str(), data.c_str()) != 0) {
    return discard(files::file_error("cannot put the compacted file in its place"));
  }
  COTERIE_CHECK(files::sync_directory(directory));
  COTERIE_TRY(done.bytes_after, store_bytes(directory));
  return done;
}

}  // namespace coterie::storage
