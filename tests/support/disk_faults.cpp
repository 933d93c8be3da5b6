#include "tests/support/disk_faults.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <mutex>
#include <string_view>
#include <vector>

namespace coterie::testing::disk {
namespace {

constexpr int kDescriptorsMax = 1 << 16;

struct File {
  bool watched = false;
  bool durable = false;
  std::string path;
};

std::mutex& files_mutex() {
  static std::mutex mutex;
  return mutex;
}

/// Never freed: files are closed after static objects are gone.
std::vector<File>& files() {
  static auto* list = new std::vector<File>(kDescriptorsMax);
  return *list;
}

std::function<void(const Event&)>& observer() {
  static auto* function = new std::function<void(const Event&)>();
  return *function;
}

/// The C library's function of that name.
template <typename Function>
Function real(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

ssize_t real_pwrite(int fd, const void* data, std::size_t size, off_t offset) {
  static const auto function = real<ssize_t (*)(int, const void*, std::size_t, off_t)>("pwrite");
  return function(fd, data, size, offset);
}

void remember(int fd, const char* path, int flags) {
  if (fd < 0 || fd >= kDescriptorsMax) return;
  const std::lock_guard lock(files_mutex());
  File& file = files()[static_cast<std::size_t>(fd)];
  file.watched = std::string_view(path).ends_with("/data.mdb");
  if (!file.watched) return;
  file.path = path;
  file.durable = (flags & (O_DSYNC | O_SYNC)) != 0;
}

bool find(int fd, File& out) {
  if (fd < 0 || fd >= kDescriptorsMax) return false;
  const std::lock_guard lock(files_mutex());
  const File& file = files()[static_cast<std::size_t>(fd)];
  if (!file.watched) return false;
  out = file;
  return true;
}

/// Whether this call is to go wrong.
bool counts_as_fault(Control& state) {
  ++state.calls;
  if (state.fault == Fault::kNone) return false;
  if (state.calls_left-- > 0) return false;
  return state.faults_left-- > 0;
}

/// Writes a part if it is a write, then fails or dies. -1 with errno set.
int fail(Control& state, int fd, std::span<const std::uint8_t> bytes, off_t offset) {
  const std::size_t part = bytes.size() * state.part / 100;
  ssize_t written = 0;
  if (part > 0) written = real_pwrite(fd, bytes.data(), part, offset);
  if (state.fault == Fault::kKill) ::raise(SIGKILL);
  errno = static_cast<int>(state.error.load());
  // As the kernel does where only the sync that a write implies has failed.
  if (part == bytes.size()) return -1;
  return written > 0 ? static_cast<int>(written) : -1;
}

void observe(const Event& event) {
  if (observer()) observer()(event);
}

ssize_t write_at(int fd, const File& file, std::span<const std::uint8_t> bytes, off_t offset) {
  Control& state = control();
  if (counts_as_fault(state)) return fail(state, fd, bytes, offset);
  const ssize_t written = real_pwrite(fd, bytes.data(), bytes.size(), offset);
  if (written > 0) {
    observe({Event::Kind::kWrite, file.path, static_cast<std::uint64_t>(offset),
             bytes.first(static_cast<std::size_t>(written)), file.durable});
  }
  return written;
}

int sync(int fd, const char* name) {
  const auto function = real<int (*)(int)>(name);
  File file;
  if (!find(fd, file)) return function(fd);
  Control& state = control();
  if (counts_as_fault(state)) return fail(state, fd, {}, 0);
  const int result = function(fd);
  if (result == 0) observe({Event::Kind::kSync, file.path, 0, {}, false});
  return result;
}

int open_as(const char* name, const char* path, int flags, mode_t mode) {
  const int fd = real<int (*)(const char*, int, ...)>(name)(path, flags, mode);
  remember(fd, path, flags);
  return fd;
}

}  // namespace

Control& control() {
  static Control* state = [] {
    void* at = MAP_FAILED;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): read once, at the first call.
    if (const char* name = std::getenv("COTERIE_DISK_FAULTS")) {
      const int fd = real<int (*)(const char*, int, ...)>("open")(name, O_RDWR | O_CLOEXEC);
      if (fd < 0) ::abort();
      at = ::mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
      ::close(fd);
    } else {
      // Shared, so that a test sees what its child did.
      at = ::mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                  0);
    }
    if (at == MAP_FAILED) ::abort();
    return static_cast<Control*>(at);
  }();
  return *state;
}

void set_observer(std::function<void(const Event&)> function) { observer() = std::move(function); }

}  // namespace coterie::testing::disk

namespace disk = coterie::testing::disk;

// Names of the C library, as the linker must find them.
extern "C" {

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return disk::open_as("open", path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return disk::open_as("open64", path, flags, mode);
}

int close(int fd) {
  // Forgotten first: the number may be given out again at once.
  if (fd >= 0 && fd < disk::kDescriptorsMax) {
    const std::lock_guard lock(disk::files_mutex());
    disk::files()[static_cast<std::size_t>(fd)].watched = false;
  }
  static const auto function = disk::real<int (*)(int)>("close");
  return function(fd);
}

ssize_t pwrite(int fd, const void* data, std::size_t size, off_t offset) {
  disk::File file;
  if (!disk::find(fd, file)) return disk::real_pwrite(fd, data, size, offset);
  return disk::write_at(fd, file, {static_cast<const std::uint8_t*>(data), size}, offset);
}

ssize_t writev(int fd, const iovec* parts, int count) {
  disk::File file;
  if (!disk::find(fd, file)) {
    static const auto function = disk::real<ssize_t (*)(int, const iovec*, int)>("writev");
    return function(fd, parts, count);
  }
  std::vector<std::uint8_t> bytes;
  for (int i = 0; i < count; ++i) {
    const auto* data = static_cast<const std::uint8_t*>(parts[i].iov_base);
    bytes.insert(bytes.end(), data, data + parts[i].iov_len);
  }
  const off_t offset = ::lseek(fd, 0, SEEK_CUR);
  const ssize_t written = disk::write_at(fd, file, bytes, offset);
  if (written > 0) ::lseek(fd, offset + written, SEEK_SET);
  return written;
}

int ftruncate(int fd, off_t size) noexcept {
  const auto function = disk::real<int (*)(int, off_t)>("ftruncate");
  disk::File file;
  if (!disk::find(fd, file)) return function(fd, size);
  disk::Control& state = disk::control();
  if (disk::counts_as_fault(state)) return disk::fail(state, fd, {}, 0);
  const int result = function(fd, size);
  if (result == 0) {
    disk::observe(
        {disk::Event::Kind::kTruncate, file.path, static_cast<std::uint64_t>(size), {}, false});
  }
  return result;
}

int fdatasync(int fd) { return disk::sync(fd, "fdatasync"); }

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  static const auto function = disk::real<int (*)(clockid_t, timespec*)>("clock_gettime");
  const int result = function(clock, time);
  if (result == 0 && clock == CLOCK_REALTIME) time->tv_sec += disk::control().clock_ms / 1000;
  return result;
}

int fsync(int fd) { return disk::sync(fd, "fsync"); }

}  // extern "C"
