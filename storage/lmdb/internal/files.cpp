#include "storage/lmdb/internal/files.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

namespace coterie::storage::internal {

Error file_error(int error, const char* what) {
  const auto detail = static_cast<std::uint64_t>(error);
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
    return {ErrorCode::kNoSpace, "the disk is full: free some space, nothing was lost", detail};
  }
  return {ErrorCode::kIo, what, detail};
}

Status make_directory(const std::string& path) {
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  if (!parent.empty()) {
    std::error_code error;
    std::filesystem::create_directories(parent, error);
    if (error) return file_error(error.value(), "cannot make the data directory's parent");
  }
  if (::mkdir(path.c_str(), S_IRWXU) == 0) {
    return sync_directory(parent.empty() ? "." : parent.string());
  }
  if (errno != EEXIST) return file_error(errno, "cannot make the data directory");
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return file_error(errno, "cannot read the data directory");
  if (!S_ISDIR(found.st_mode)) return file_error(ENOTDIR, "the data path is not a directory");
  return {};
}

Status sync_directory(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return file_error(errno, "cannot open a directory");
  const int error = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  if (error != 0) return file_error(error, "cannot fsync a directory");
  return {};
}

Result<int> take_lock(const std::string& directory) {
  const std::string path = directory + "/lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (fd < 0) return file_error(errno, "cannot open the data directory's lock file");
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    char text[24] = {};
    const ssize_t size = ::read(fd, text, sizeof text - 1);
    ::close(fd);
    if (error != EWOULDBLOCK) return file_error(error, "cannot lock the data directory");
    return Error{ErrorCode::kConflict,
                 "another process uses this data directory: stop it, or choose another directory "
                 "(its process id follows)",
                 size > 0 ? std::strtoull(text, nullptr, 10) : 0};
  }
  // Only a hint for people: the lock counts, not the number. So a full disk does not matter here.
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd, 0) == 0 && ::pwrite(fd, pid.data(), pid.size(), 0) < 0) errno = 0;
  return fd;
}

bool disk_is_full(const std::string& directory, std::size_t bytes) {
  const std::string path = directory + "/probe";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (fd < 0) return errno == ENOSPC || errno == EDQUOT;
  const int error = ::posix_fallocate(fd, 0, static_cast<off_t>(bytes));
  ::close(fd);
  ::unlink(path.c_str());
  return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

}  // namespace coterie::storage::internal
