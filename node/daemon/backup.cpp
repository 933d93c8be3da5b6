#include "node/daemon/backup.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "node/identity/device_key_file.hpp"
#include "storage/files/files.hpp"
#include "storage/lmdb/lmdb_store.hpp"
#include "storage/lmdb/maintenance.hpp"
#include "storage/store.hpp"
#include "transport/crypto/crypto.hpp"

namespace coterie::node {

namespace fs = std::filesystem;
using files::Descriptor;
using files::file_error;
using nlohmann::json;

namespace {

constexpr int kVersion = 1;
constexpr const char* kManifestName = "backup.json";
constexpr const char* kDeviceName = "device.json";
constexpr const char* kSettingsName = "settings.json";
constexpr std::size_t kManifestBytesMax = 16u << 20;
constexpr std::size_t kSmallFileBytesMax = 64u << 10;
constexpr std::chrono::milliseconds kProgressStep{200};
constexpr std::size_t kBlockBytes = 512;  ///< Of a tar archive.

CallError explain(const std::string& where, const Error& error) {
  return {error.code, where + ": " + files::described(error)};
}

Result<std::uint64_t> file_bytes(int fd) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return file_error("cannot read the file");
  return static_cast<std::uint64_t>(info.st_size);
}

/// Directories with mode 0700.
Status make_directories(const fs::path& root, const fs::path& below) {
  fs::path at = root;
  for (const fs::path& part : below) {
    at /= part;
    if (::mkdir(at.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
      return file_error("cannot make a directory");
    }
  }
  return {};
}

/// Part of a file, mapped to read.
class Section {
 public:
  ~Section() {
    if (data_ != nullptr) ::munmap(data_, size_);
  }
  Section() = default;
  Section(const Section&) = delete;
  Section& operator=(const Section&) = delete;

  Status open(int fd, std::uint64_t offset, std::uint64_t bytes) {
    if (bytes == 0) return {};
    size_ = static_cast<std::size_t>(offset + bytes);
    void* mapped = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED) return file_error("cannot read the file");
    data_ = mapped;
    offset_ = static_cast<std::size_t>(offset);
    return {};
  }
  ByteView bytes() const {
    if (data_ == nullptr) return {};
    return ByteView(static_cast<const std::uint8_t*>(data_), size_).subspan(offset_);
  }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t offset_ = 0;
};

Result<std::string> hash_of(int fd, std::uint64_t offset, std::uint64_t bytes) {
  Section section;
  COTERIE_CHECK(section.open(fd, offset, bytes));
  return crypto::hash(section.bytes()).hex();
}

struct BackupFile {
  std::string name;
  std::uint64_t bytes = 0;
  std::string hash;
};

/// The id, if `name` is that of a workspace's data file.
std::optional<std::string> workspace_of(std::string_view name) {
  constexpr std::string_view kFolder = "workspaces/";
  constexpr std::string_view kFile = "/data.mdb";
  if (!name.starts_with(kFolder) || !name.ends_with(kFile) ||
      name.size() <= kFolder.size() + kFile.size()) {
    return std::nullopt;
  }
  std::string id(name.substr(kFolder.size(), name.size() - kFolder.size() - kFile.size()));
  if (!storage::is_store_name(id)) return std::nullopt;
  return id;
}

// Tar. Source of the layout: POSIX.1-2017, pax, "ustar Interchange Format".

struct TarHeader {
  std::array<char, kBlockBytes> block{};

  void text(std::size_t at, std::string_view value) {
    std::copy(value.begin(), value.end(), block.begin() + static_cast<std::ptrdiff_t>(at));
  }
  void octal(std::size_t at, std::size_t digits, std::uint64_t value) {
    for (std::size_t i = digits; i-- > 0; value /= 8) {
      block[at + i] = static_cast<char>('0' + value % 8);
    }
  }
  std::uint64_t checksum() const {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < kBlockBytes; ++i) {
      sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(block[i]);
    }
    return sum;
  }
};

TarHeader tar_header(const std::string& name, std::uint64_t bytes, std::uint64_t seconds) {
  constexpr std::uint64_t kOctalMax = std::uint64_t{1} << 33;
  TarHeader header;
  header.text(0, name);
  header.octal(100, 7, 0600);
  header.octal(108, 7, 0);
  header.octal(116, 7, 0);
  if (bytes < kOctalMax) {
    header.octal(124, 11, bytes);
  } else {  // GNU's base 256, which every tar reads today.
    header.block[124] = static_cast<char>(0x80);
    for (std::size_t i = 0; i < 8; ++i) header.block[135 - i] = static_cast<char>(bytes >> (8 * i));
  }
  header.octal(136, 11, seconds);
  header.block[156] = '0';
  header.text(257, std::string_view("ustar\0"
                                    "00",
                                    8));
  header.octal(148, 6, header.checksum());
  header.block[154] = '\0';
  header.block[155] = ' ';
  return header;
}

/// Errors: kMalformed.
Result<BackupFile> read_tar_header(const TarHeader& header) {
  const Error bad{ErrorCode::kMalformed,
                  "this is no backup, or a damaged one: its archive makes no sense"};
  const auto octal = [&](std::size_t at, std::size_t digits) -> std::uint64_t {
    std::uint64_t value = 0;
    for (std::size_t i = at; i < at + digits && header.block[i] >= '0' && header.block[i] <= '7';
         ++i) {
      value = value * 8 + static_cast<std::uint64_t>(header.block[i] - '0');
    }
    return value;
  };
  if (std::string_view(&header.block[257], 5) != "ustar") return bad;
  if (octal(148, 7) != header.checksum()) return bad;
  BackupFile file;
  file.name.assign(header.block.data(), ::strnlen(header.block.data(), 100));
  if (static_cast<unsigned char>(header.block[124]) == 0x80) {
    for (std::size_t i = 128; i < 136; ++i) {
      file.bytes = file.bytes << 8 | static_cast<unsigned char>(header.block[i]);
    }
  } else {
    file.bytes = octal(124, 11);
  }
  return file;
}

/// What makes a backup. Beside its place, and moved there when it is whole.
class Writer {
 public:
  /// The file in front of which `fill` found the descriptor, and which it wrote.
  using Fill = std::function<Status(int fd)>;

  Writer(fs::path to, bool archive, std::uint64_t seconds)
      : to_(to.has_filename() ? std::move(to) : to.parent_path()),  // "name/"
        part_(to_.string() + ".part"),
        archive_(archive),
        seconds_(seconds) {}
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer() {
    if (!begun_) return;
    std::error_code ignored;
    fs::remove_all(part_, ignored);
  }

  Status begin() {
    std::error_code failure;
    if (fs::symlink_status(to_, failure).type() != fs::file_type::not_found) {
      return Error{ErrorCode::kConflict,
                   "there is something already: a backup never replaces anything; choose another "
                   "place, or move that away"};
    }
    fs::remove_all(part_, failure);  // Left behind by one that was killed.
    begun_ = true;
    if (archive_) {
      file_ = files::create_file(part_);
      if (!file_.valid()) return file_error("cannot make the file of the backup");
      return {};
    }
    if (::mkdir(part_.c_str(), S_IRWXU) != 0) {
      return file_error("cannot make the directory of the backup");
    }
    return {};
  }

  /// `progress` gets the bytes of the backup so far.
  Status add(const std::string& name, const Fill& fill,
             const std::function<void(std::uint64_t)>& progress = {}) {
    if (!archive_) {
      COTERIE_CHECK(make_directories(part_, fs::path(name).parent_path()));
      file_ = files::create_file(part_ / name);
      if (!file_.valid()) return file_error("cannot make a file of the backup");
    }
    const off_t start = archive_ ? ::lseek(file_.get(), 0, SEEK_END) : 0;
    const off_t body = archive_ ? start + static_cast<off_t>(kBlockBytes) : 0;
    if (start < 0 || ::lseek(file_.get(), body, SEEK_SET) != body) {
      return file_error("cannot write the backup");
    }
    COTERIE_CHECK(run(fill, static_cast<std::uint64_t>(body), progress));
    COTERIE_TRY(const std::uint64_t end, file_bytes(file_.get()));
    if (end < static_cast<std::uint64_t>(body)) return file_error("cannot write the backup", EIO);
    BackupFile file{name, end - static_cast<std::uint64_t>(body), ""};
    COTERIE_TRY(file.hash, hash_of(file_.get(), static_cast<std::uint64_t>(body), file.bytes));
    if (archive_) {
      const TarHeader header = tar_header(name, file.bytes, seconds_);
      if (::pwrite(file_.get(), header.block.data(), kBlockBytes, start) !=
          static_cast<ssize_t>(kBlockBytes)) {
        return file_error("cannot write the backup");
      }
      COTERIE_CHECK(pad((kBlockBytes - end % kBlockBytes) % kBlockBytes));
    } else {
      COTERIE_CHECK(files::sync_file(file_.get()));
    }
    bytes_ += file.bytes;
    files_.push_back(std::move(file));
    return {};
  }

  Status finish() {
    if (archive_) {
      COTERIE_CHECK(pad(2 * kBlockBytes));
      COTERIE_CHECK(files::sync_file(file_.get()));
    } else {
      std::error_code failure;
      for (fs::recursive_directory_iterator at(part_, failure), end; !failure && at != end;
           at.increment(failure)) {
        if (at->is_directory()) COTERIE_CHECK(files::sync_directory(at->path()));
      }
      COTERIE_CHECK(files::sync_directory(part_));
    }
    if (::rename(part_.c_str(), to_.c_str()) != 0) {
      return file_error("cannot put the backup in its place");
    }
    begun_ = false;
    const fs::path parent = fs::absolute(to_).parent_path();
    return files::sync_directory(parent);
  }

  const std::vector<BackupFile>& files() const { return files_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  /// Runs `fill` aside, so that progress can be told.
  Status run(const Fill& fill, std::uint64_t body,
             const std::function<void(std::uint64_t)>& progress) const {
    if (!progress) return fill(file_.get());
    auto running = std::async(std::launch::async, [&] { return fill(file_.get()); });
    while (running.wait_for(kProgressStep) != std::future_status::ready) {
      const auto at = file_bytes(file_.get());
      if (at && *at > body) progress(bytes_ + *at - body);
    }
    return running.get();
  }

  Status pad(std::size_t count) const {
    const Bytes zeros(count, 0);
    if (::lseek(file_.get(), 0, SEEK_END) < 0) return file_error("cannot write the backup");
    return files::write_all(file_.get(), zeros);
  }

  const fs::path to_;
  const fs::path part_;
  const bool archive_;
  const std::uint64_t seconds_;
  bool begun_ = false;
  Descriptor file_;  ///< The archive, or the newest file.
  std::vector<BackupFile> files_;
  std::uint64_t bytes_ = 0;
};

std::uint64_t wall_millis() {
  using std::chrono::duration_cast;
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(duration_cast<std::chrono::milliseconds>(since).count());
}

Result<std::vector<std::string>> store_names(const DataDir& dir) {
  std::vector<std::string> names;
  std::error_code failure;
  if (!fs::exists(dir.workspaces(), failure)) return names;
  fs::directory_iterator at(dir.workspaces(), failure);
  for (; !failure && at != fs::directory_iterator(); at.increment(failure)) {
    const std::string name = at->path().filename().string();
    std::error_code unreadable;
    if (storage::is_store_name(name) && at->is_directory(unreadable)) names.push_back(name);
  }
  if (failure) return file_error("cannot list the workspaces", failure.value());
  std::sort(names.begin(), names.end());
  return names;
}

/// Before LMDB touches the files: a damaged one could end this process. While a node runs it has
/// checked them, and writes to them.
std::optional<CallError> check_if_stopped(const DataDir& dir,
                                          const std::vector<std::string>& names) {
  const auto held = DataDirLock::acquire(dir);
  if (!held) {
    if (held.error().code == ErrorCode::kConflict) return std::nullopt;
    return explain(dir.root.string(), held.error());
  }
  for (const std::string& name : names) {
    const fs::path store = dir.workspaces() / name;
    const Status whole = storage::check_store_file((store / "data.mdb").string());
    if (!whole) return explain(store.string(), whole.error());
  }
  return std::nullopt;
}

std::string manifest(const BackupSummary& summary, const std::vector<BackupFile>& files) {
  json list = json::array();
  for (const BackupFile& one : files) {
    list.push_back({{"name", one.name}, {"bytes", one.bytes}, {"hash", one.hash}});
  }
  const json object = {{"coterie_backup", kVersion},
                       {"made", summary.made},
                       {"version", COTERIE_VERSION},
                       {"device", summary.device.hex()},
                       {"files", std::move(list)}};
  return object.dump(1) + "\n";
}

/// What lies in the data directory is lost with it, and could pass for a part of it.
Status check_apart(const DataDir& dir, const fs::path& to) {
  std::error_code failure;
  const fs::path root = fs::weakly_canonical(dir.root, failure);
  const fs::path place = fs::weakly_canonical(fs::absolute(to, failure), failure);
  const auto parted = std::mismatch(root.begin(), root.end(), place.begin(), place.end());
  if (failure || parted.first != root.end()) return {};
  return Error{ErrorCode::kConflict, "lies in the data directory itself: choose another place"};
}

Status add_text(Writer& writer, const char* name, const std::string& text) {
  return writer.add(name, [&](int fd) { return files::write_all(fd, as_bytes(text)); });
}

}  // namespace

std::optional<BackupSummary> back_up(const DataDir& dir, const std::string& to, bool archive,
                                     const BytesProgress& progress, CallError& why) {
  const auto failed = [&](const std::string& where, const Error& error) {
    why = explain(where, error);
    return std::nullopt;
  };
  const std::string root = dir.root.string();
  const auto device = inspect_device(dir);
  if (!device) return failed(root, device.error());
  if (const Status apart = check_apart(dir, to); !apart) return failed(to, apart.error());
  BackupSummary summary;
  summary.where = to;
  summary.device = device->device;
  summary.made = wall_millis();
  const auto names = store_names(dir);
  if (!names) return failed(root, names.error());
  if (auto damaged = check_if_stopped(dir, *names)) {
    why = *std::move(damaged);
    return std::nullopt;
  }
  std::uint64_t total = 0;
  for (const std::string& name : *names) {
    const auto bytes = storage::store_bytes((dir.workspaces() / name).string());
    if (!bytes) return failed((dir.workspaces() / name).string(), bytes.error());
    total += *bytes;
  }

  Writer writer(to, archive, summary.made / 1000);
  if (const Status begun = writer.begin(); !begun) return failed(to, begun.error());
  const auto key = read_private_file(dir.device_file(), kSmallFileBytesMax);
  if (!key) return failed(dir.device_file().string(), key.error());
  Status written = add_text(writer, kDeviceName, *key);
  const auto settings = read_private_file(dir.settings_file(), kSmallFileBytesMax);
  if (settings && written) written = add_text(writer, kSettingsName, *settings);
  if (!settings && settings.error().code != ErrorCode::kNotFound) {
    return failed(dir.settings_file().string(), settings.error());
  }
  if (!written) return failed(to, written.error());
  for (const std::string& name : *names) {
    const std::string store = (dir.workspaces() / name).string();
    const Status copied = writer.add(
        "workspaces/" + name + "/data.mdb", [&](int fd) { return storage::copy_store(store, fd); },
        [&](std::uint64_t done) {
          if (progress) progress(std::min(done, total), total);
        });
    if (!copied) return failed(store, copied.error());
    ++summary.workspaces;
  }
  summary.bytes = writer.bytes();
  written = add_text(writer, kManifestName, manifest(summary, writer.files()));
  if (written) written = writer.finish();
  if (!written) return failed(to, written.error());
  if (progress) progress(total, total);
  return summary;
}

namespace {

/// A backup that is read.
class Reader {
 public:
  explicit Reader(fs::path from) : from_(std::move(from)) {}

  /// Finds its files. Errors: kNotFound, kMalformed, kIo.
  Status open() {
    std::error_code failure;
    const auto kind = fs::status(from_, failure).type();
    if (kind == fs::file_type::not_found) {
      return Error{ErrorCode::kNotFound, "there is no such backup"};
    }
    directory_ = kind == fs::file_type::directory;
    if (directory_) return {};
    archive_ = Descriptor(::open(from_.c_str(), O_RDONLY | O_CLOEXEC));
    if (!archive_.valid()) return file_error("cannot open the backup");
    COTERIE_TRY(const std::uint64_t size, file_bytes(archive_.get()));
    std::uint64_t at = 0;
    while (at + kBlockBytes <= size) {
      TarHeader header;
      if (::pread(archive_.get(), header.block.data(), kBlockBytes, static_cast<off_t>(at)) !=
          static_cast<ssize_t>(kBlockBytes)) {
        return file_error("cannot read the backup", EIO);
      }
      if (std::all_of(header.block.begin(), header.block.end(), [](char c) { return c == 0; })) {
        break;
      }
      COTERIE_TRY(const BackupFile file, read_tar_header(header));
      at += kBlockBytes;
      if (file.bytes > size - at) {
        return Error{ErrorCode::kMalformed, "the backup is not whole: its end is missing"};
      }
      places_[file.name] = {at, file.bytes};
      at += (file.bytes + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
      at = std::min(at, size);
    }
    return {};
  }

  /// Calls `use` with a descriptor, and where in it the file is. Errors: kMalformed (it is
  /// missing), kIo, those of `use`.
  Status with(
      const std::string& name,
      const std::function<Status(int fd, std::uint64_t offset, std::uint64_t bytes)>& use) const {
    const Error missing{ErrorCode::kMalformed,
                        "this is no backup, or one that is not whole: a file of it is missing"};
    if (!directory_) {
      const auto place = places_.find(name);
      if (place == places_.end()) return missing;
      return use(archive_.get(), place->second.first, place->second.second);
    }
    const Descriptor file(::open((from_ / name).c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.valid()) {
      if (errno == ENOENT || errno == ENOTDIR) return missing;
      return file_error("cannot open a file of the backup");
    }
    COTERIE_TRY(const std::uint64_t bytes, file_bytes(file.get()));
    return use(file.get(), 0, bytes);
  }

 private:
  const fs::path from_;
  bool directory_ = false;
  Descriptor archive_;
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> places_;  ///< Offset, bytes.
};

struct Manifest {
  BackupSummary summary;
  std::vector<BackupFile> files;
};

Result<Manifest> read_manifest(const Reader& reader) {
  std::string text;
  const auto take = [&](int fd, std::uint64_t offset, std::uint64_t bytes) -> Status {
    if (bytes > kManifestBytesMax) {
      return Error{ErrorCode::kLimitExceeded, "backup.json is too large"};
    }
    Section section;
    COTERIE_CHECK(section.open(fd, offset, bytes));
    text = as_text(section.bytes());
    return {};
  };
  COTERIE_CHECK(reader.with(kManifestName, take));
  const Error bad{ErrorCode::kMalformed, "backup.json makes no sense: the backup is damaged"};
  const json object = json::parse(text, nullptr, false);
  if (!object.is_object()) return bad;
  const json version = object.value("coterie_backup", json());
  if (!version.is_number_unsigned()) return bad;
  if (version.get<std::uint64_t>() > kVersion) {
    return Error{ErrorCode::kMalformed,
                 "the backup was made by a newer coterie: update this one, then restore"};
  }
  Manifest manifest;
  const json device = object.value("device", json());
  const json made = object.value("made", json());
  const json files = object.value("files", json());
  if (!device.is_string() || !made.is_number_unsigned() || !files.is_array()) return bad;
  const auto id = from_hex(device.get<std::string>());
  if (!id || id->size() != DeviceId::kBytes) return bad;
  manifest.summary.device = *DeviceId::from(*id);
  manifest.summary.made = made.get<std::uint64_t>();
  for (const json& one : files) {
    if (!one.is_object()) return bad;
    const json name = one.value("name", json());
    const json bytes = one.value("bytes", json());
    const json hash = one.value("hash", json());
    if (!name.is_string() || !bytes.is_number_unsigned() || !hash.is_string()) return bad;
    BackupFile file{name.get<std::string>(), bytes.get<std::uint64_t>(), hash.get<std::string>()};
    // Nothing else is ever written: a name cannot lead out of the data directory.
    const bool workspace = workspace_of(file.name).has_value();
    if (!workspace && file.name != kDeviceName && file.name != kSettingsName) return bad;
    manifest.summary.workspaces += workspace ? 1 : 0;
    manifest.summary.bytes += file.bytes;
    manifest.files.push_back(std::move(file));
  }
  return manifest;
}

/// Copies one file of the backup to `path` and checks that it is the one that was backed up.
Status bring_back(const Reader& reader, const BackupFile& file, const fs::path& path,
                  const std::function<void(std::uint64_t)>& progress) {
  return reader.with(file.name, [&](int fd, std::uint64_t offset, std::uint64_t bytes) -> Status {
    const Error other{ErrorCode::kCorrupt,
                      "a file of the backup is not what was backed up: use another backup"};
    if (bytes != file.bytes) return other;
    const Descriptor out = files::create_file(path);
    if (!out.valid()) return file_error("cannot make the file");
    Bytes chunk(std::size_t{1} << 20);
    for (std::uint64_t at = 0; at < bytes;) {
      const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(chunk.size(), bytes - at));
      const ssize_t got = ::pread(fd, chunk.data(), want, static_cast<off_t>(offset + at));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return file_error("cannot read the backup", got < 0 ? errno : EIO);
      COTERIE_CHECK(
          files::write_all(out.get(), ByteView(chunk).first(static_cast<std::size_t>(got))));
      at += static_cast<std::uint64_t>(got);
      if (progress) progress(at);
    }
    COTERIE_CHECK(files::sync_file(out.get()));
    COTERIE_TRY(const std::string hash, hash_of(out.get(), 0, bytes));
    if (hash != file.hash) return other;
    return {};
  });
}

/// What restore_backup() makes, until it is whole.
class Restoring {
 public:
  explicit Restoring(const DataDir& dir) : dir_(dir) {}
  Restoring(const Restoring&) = delete;
  Restoring& operator=(const Restoring&) = delete;
  ~Restoring() {
    if (done_) return;
    std::error_code ignored;
    fs::remove_all(dir_.workspaces(), ignored);
    fs::remove(dir_.settings_file(), ignored);
    fs::remove(device_beside(), ignored);
  }
  fs::path device_beside() const { return dir_.device_file().string() + ".new"; }
  void done() { done_ = true; }

 private:
  const DataDir& dir_;
  bool done_ = false;
};

Status restore_store(const Reader& reader, const BackupFile& file, const DataDir& dir,
                     const std::function<void(std::uint64_t)>& progress) {
  const fs::path path = dir.root / file.name;
  COTERIE_CHECK(make_directories(dir.root, fs::path(file.name).parent_path()));
  COTERIE_CHECK(bring_back(reader, file, path, progress));
  COTERIE_CHECK(storage::check_store_file(path.string()));
  COTERIE_TRY(const std::uint32_t schema, storage::store_schema(path.parent_path().string()));
  if (schema > storage::kSchemaVersion) {
    return Error{ErrorCode::kCorrupt,
                 "the backup was made by a newer coterie: update this one, then restore"};
  }
  return files::sync_directory(path.parent_path());
}

}  // namespace

std::optional<BackupSummary> restore_backup(const std::string& from, const DataDir& dir,
                                            const BytesProgress& progress, CallError& why) {
  const auto failed = [&](const std::string& where, const Error& error) {
    why = explain(where, error);
    return std::nullopt;
  };
  Reader reader(from);
  if (const Status opened = reader.open(); !opened) return failed(from, opened.error());
  const auto manifest = read_manifest(reader);
  if (!manifest) return failed(from, manifest.error());
  const std::string root = dir.root.string();
  if (const Status made = create_data_dir(dir); !made) return failed(root, made.error());
  const auto lock = DataDirLock::acquire(dir);
  if (!lock) return failed(root, lock.error());

  Restoring restoring(dir);
  const BackupFile* device = nullptr;
  std::uint64_t done = 0;
  for (const BackupFile& file : manifest->files) {
    const auto told = [&](std::uint64_t at) {
      if (progress) progress(done + at, manifest->summary.bytes);
    };
    Status status;
    if (file.name == kDeviceName) {
      device = &file;  // Last: with it the directory is a device's.
      continue;
    }
    if (file.name == kSettingsName) {
      status = bring_back(reader, file, dir.settings_file(), told);
    } else {
      status = restore_store(reader, file, dir, told);
    }
    if (!status) return failed(from + ": " + file.name, status.error());
    done += file.bytes;
  }
  if (device == nullptr) {
    return failed(from, {ErrorCode::kMalformed, "the backup holds no device key"});
  }
  if (::mkdir(dir.workspaces().c_str(), S_IRWXU) != 0 && errno != EEXIST) {
    return failed(root, file_error("cannot make a directory"));
  }
  Status status = bring_back(reader, *device, restoring.device_beside(), {});
  if (!status) return failed(from + ": " + device->name, status.error());
  status = files::sync_directory(dir.workspaces());
  if (status && ::rename(restoring.device_beside().c_str(), dir.device_file().c_str()) != 0) {
    status = file_error("cannot put the device key in its place");
  }
  if (status) status = files::sync_directory(dir.root);
  if (!status) return failed(root, status.error());
  const auto found = inspect_device(dir);
  if (!found || found->device != manifest->summary.device) {
    std::error_code ignored;
    fs::remove(dir.device_file(), ignored);
    if (!found) return failed(root, found.error());
    return failed(from, {ErrorCode::kCorrupt, "its device key is another device's"});
  }
  restoring.done();
  BackupSummary summary = manifest->summary;
  summary.where = root;
  return summary;
}

}  // namespace coterie::node
