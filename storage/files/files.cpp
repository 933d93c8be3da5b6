#include "storage/files/files.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <system_error>
#include <utility>

namespace coterie::files {

namespace fs = std::filesystem;

Descriptor::Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(value_, other.value_);
  return *this;
}

Descriptor::~Descriptor() {
  if (value_ >= 0) ::close(value_);
}

Error file_error(const char* what, int code) {
  const bool full = code == ENOSPC || code == EDQUOT || code == EFBIG;
  return {full ? ErrorCode::kNoSpace : ErrorCode::kIo,
          full ? "the disk is full: free some space there" : what,
          static_cast<std::uint64_t>(code)};
}

Status make_directory(const fs::path& path) {
  const fs::path parent = path.parent_path();
  if (!parent.empty()) {
    std::error_code error;
    fs::create_directories(parent, error);
    if (error) return file_error("cannot make the parent of a directory", error.value());
  }
  if (::mkdir(path.c_str(), S_IRWXU) == 0) return sync_directory(parent);
  if (errno != EEXIST) return file_error("cannot make a directory");
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return file_error("cannot read a directory");
  if (!S_ISDIR(found.st_mode)) return file_error("there is a file in place of a directory", EEXIST);
  return {};
}

Descriptor create_file(const fs::path& path) {
  return Descriptor(
      ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
}

Status write_all(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return file_error("cannot write the file");
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

Status sync_file(int fd) {
  if (::fsync(fd) != 0) return file_error("cannot make the file durable");
  return {};
}

Status sync_directory(const fs::path& path) {
  const fs::path named = path.empty() ? "." : path;
  const Descriptor directory(::open(named.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid() || ::fsync(directory.get()) != 0) {
    return file_error("cannot make the directory durable");
  }
  return {};
}

Status overwrite(int fd, ByteView content) {
  if (::lseek(fd, 0, SEEK_SET) != 0) return file_error("cannot be overwritten");
  COTERIE_CHECK(write_all(fd, content));
  if (::ftruncate(fd, static_cast<off_t>(content.size())) != 0) {
    return file_error("cannot be cut");
  }
  return {};
}

Result<Descriptor> take_lock(const fs::path& path) {
  Descriptor file(
      ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
  if (!file.valid()) return file_error("cannot open the lock file of the data directory");
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return file_error("cannot lock the data directory");
    char text[24] = {};
    const ssize_t size = ::read(file.get(), text, sizeof text - 1);
    return Error{ErrorCode::kConflict, "another process uses this data directory",
                 size > 0 ? std::strtoull(text, nullptr, 10) : 0};
  }
  // Only a hint for people: the lock counts, not the number. So a full disk does not matter here.
  (void)overwrite(file.get(), as_bytes(std::to_string(::getpid()) + "\n"));
  return file;
}

bool disk_is_full(const fs::path& directory, std::size_t bytes) {
  const fs::path path = directory / "probe";
  const auto is_full = [](int code) { return file_error("", code).code == ErrorCode::kNoSpace; };
  const Descriptor file(
      ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!file.valid()) return is_full(errno);
  const int error = ::posix_fallocate(file.get(), 0, static_cast<off_t>(bytes));
  ::unlink(path.c_str());
  return is_full(error);
}

NewFile::NewFile(fs::path path) : target_(std::move(path)) {
  std::error_code none;
  // /dev/stdout may lead to a file that others hold open.
  if (fs::is_other(fs::status(target_, none)) || target_.string().starts_with("/dev/")) return;
  const fs::path real = fs::weakly_canonical(target_, none);
  if (!real.empty()) target_ = real;
  beside_ = target_.string() + ".new-" + std::to_string(::getpid());
}

NewFile::~NewFile() {
  if (written_) ::unlink(beside_.c_str());
}

Status NewFile::write(ByteView content) {
  std::error_code none;
  if (fs::is_directory(target_, none)) return Error{ErrorCode::kConflict, "is a directory"};
  if (beside_.empty()) {
    const Descriptor device(::open(target_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    if (!device.valid()) return file_error("cannot be written");
    return write_all(device.get(), content);
  }
  const Descriptor file(::open(beside_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                               S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH));
  if (!file.valid()) return file_error("cannot be written");
  written_ = true;
  COTERIE_CHECK(write_all(file.get(), content));
  return sync_file(file.get());
}

Status NewFile::move_into_place() {
  if (beside_.empty()) return {};
  if (::rename(beside_.c_str(), target_.c_str()) != 0) return file_error("cannot be replaced");
  written_ = false;
  return sync_directory(target_.parent_path());
}

Status replace_file(const fs::path& path, ByteView content) {
  NewFile file(path);
  COTERIE_CHECK(file.write(content));
  return file.move_into_place();
}

std::string described(const Error& error) {
  std::string text = error.what;
  if (error.code == ErrorCode::kIo && error.detail != 0) {
    text += " (" + std::system_category().message(static_cast<int>(error.detail)) + ")";
  }
  return text;
}

}  // namespace coterie::files
