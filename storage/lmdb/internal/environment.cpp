#include "storage/lmdb/internal/environment.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <vector>

#include "storage/lmdb/internal/files.hpp"

namespace coterie::storage::internal {
namespace {

/// Persistent: names of the tables, in the order of `Table`.
constexpr const char* kTableNames[kTableCount] = {"meta",      "entries",   "frontier", "keys",
                                                  "documents", "snapshots", "tails",    "peers"};
constexpr const char* kSchemaTable = "schema";
constexpr std::string_view kSchemaKey = "coterie";

constexpr std::size_t kMapGrowthBytesMax = std::size_t{1} << 30;
constexpr std::size_t kMapBytesMax = std::size_t{1} << 40;
constexpr std::size_t kMapBytesMin = std::size_t{1} << 18;
constexpr unsigned kReadersMax = 512;
constexpr MDB_dbi kFreeListDbi = 0;  // LMDB's own two databases, by number.
constexpr MDB_dbi kMainDbi = 1;

constexpr char kDamaged[] =
    "the data file is damaged: restore this workspace from a backup, or move its directory away "
    "and join again";
constexpr char kForeign[] = "the data file was not made by coterie: choose another data directory";

MDB_val to_val(ByteView view) {
  return {view.size(), const_cast<std::uint8_t*>(view.data())};  // LMDB takes, but keeps, const.
}

Bytes encode_version(std::uint32_t version) {
  Bytes out;
  append_varuint(out, version);
  return out;
}

/// Where in the file the bytes at `view` (in the map) end. Every page begins with its number
/// (MDB_page.mp_p.p_pgno in LMDB's mdb.c); number 0 is a meta page, so it marks an unwritten one.
std::uint64_t file_end(ByteView view, std::size_t page_bytes) {
  const auto address = reinterpret_cast<std::uintptr_t>(view.data());
  const std::uintptr_t offset = address % page_bytes;
  std::uint64_t page = 0;
  std::memcpy(&page, view.data() - offset, sizeof page);
  if (page == 0) return std::numeric_limits<std::uint64_t>::max();
  return page * page_bytes + offset + view.size();
}

}  // namespace

Error lmdb_error(int code, const char* what) {
  switch (code) {
    case MDB_MAP_FULL:
      return {ErrorCode::kNoSpace, "the database cannot grow further: free some space"};
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
      return {ErrorCode::kCorrupt, kDamaged};
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
      return {ErrorCode::kCorrupt, kForeign};
    case MDB_BAD_VALSIZE:
    case MDB_TXN_FULL:
      return {ErrorCode::kLimitExceeded, "more than one commit can hold"};
    case MDB_PANIC:
      return {ErrorCode::kIo, "writing stopped after a disk error: check the disk, then restart"};
    default:
      // Negative codes are LMDB's, positive ones errno.
      return file_error(code < 0 ? -code : code, what);
  }
}

int Cursor::seek(ByteView at) {
  if (at.empty()) return move(MDB_FIRST);
  const ByteView reachable = at.first(std::min(at.size(), kKeyBytesMax));
  key_ = to_val(reachable);
  const int code = move(MDB_SET_RANGE);
  // A key equal to the part that fits is before `at` itself.
  if (code == 0 && reachable.size() < at.size() && equal(key(), reachable)) return move(MDB_NEXT);
  return code;
}

Environment::~Environment() {
  if (env_ != nullptr) mdb_env_close(env_);
}

Status Environment::start(const std::string& directory, std::size_t map_bytes) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  map_bytes_ = (std::max(map_bytes, kMapBytesMin) + page - 1) / page * page;
  int code = mdb_env_create(&env_);
  if (code == 0) code = mdb_env_set_maxdbs(env_, kTableCount + 1);
  if (code == 0) code = mdb_env_set_maxreaders(env_, kReadersMax);
  if (code == 0) code = mdb_env_set_mapsize(env_, map_bytes_);
  // MDB_NOTLS: a read belongs to its transaction, not to its thread, so that reads can nest.
  if (code == 0) code = mdb_env_open(env_, directory.c_str(), MDB_NOTLS, S_IRUSR | S_IWUSR);
  if (code != 0) return lmdb_error(code, "cannot open the database");
  // LMDB keeps a file's own map size when it is larger.
  MDB_envinfo info{};
  mdb_env_info(env_, &info);
  map_bytes_ = info.me_mapsize;
  return {};
}

Status Environment::open_tables(unsigned flags) {
  Transaction write(env_, flags == 0 ? MDB_RDONLY : 0);
  if (write.begin_code() != 0) return lmdb_error(write.begin_code(), "cannot read the database");
  for (std::size_t i = 0; i < kTableCount; ++i) {
    const int code = mdb_dbi_open(write.txn(), kTableNames[i], flags, &tables_[i]);
    if (code == MDB_NOTFOUND) return Error{ErrorCode::kCorrupt, kDamaged};
    if (code != 0) return lmdb_error(code, "cannot open a table");
  }
  if (flags != 0) {
    MDB_dbi schema = 0;
    int code = mdb_dbi_open(write.txn(), kSchemaTable, flags, &schema);
    const Bytes version = encode_version(kSchemaVersion);
    MDB_val key = to_val(as_bytes(kSchemaKey));
    MDB_val value = to_val(version);
    if (code == 0) code = mdb_put(write.txn(), schema, &key, &value, 0);
    if (code != 0) return lmdb_error(code, "cannot make the database");
  }
  const int code = write.commit();  // Also what keeps the table handles open.
  if (code != 0) return lmdb_error(code, "cannot make the database");
  return {};
}

Status Environment::create(const std::string& directory, LmdbOptions options) {
  Environment made;
  COTERIE_CHECK(made.start(directory, options.map_bytes_initial));
  return made.open_tables(MDB_CREATE);
}

Status Environment::open(const std::string& directory, LmdbOptions options) {
  const std::string data_path = directory + "/data.mdb";
  struct stat file {};
  if (::stat(data_path.c_str(), &file) != 0) {
    if (errno == ENOENT) return Error{ErrorCode::kCorrupt, kDamaged};
    return file_error(errno, "cannot read the data file");
  }
  // LMDB would take an empty file for a new database, and a node for one that knows nothing.
  if (file.st_size == 0) return Error{ErrorCode::kCorrupt, kDamaged};
  const auto file_bytes = static_cast<std::size_t>(file.st_size);
  COTERIE_CHECK(start(directory, std::max(options.map_bytes_initial, file_bytes * 2)));
  int dead = 0;
  const int code = mdb_reader_check(env_, &dead);
  if (code != 0) return lmdb_error(code, "cannot check for dead readers");
  COTERIE_CHECK(check_length(data_path));
  COTERIE_CHECK(check_schema());
  return open_tables(0);
}

Status Environment::check_schema() {
  Transaction read(env_, MDB_RDONLY);
  if (read.begin_code() != 0) return lmdb_error(read.begin_code(), "cannot read the database");
  MDB_dbi schema = 0;
  int code = mdb_dbi_open(read.txn(), kSchemaTable, 0, &schema);
  MDB_val key = to_val(as_bytes(kSchemaKey));
  MDB_val value{};
  if (code == 0) code = mdb_get(read.txn(), schema, &key, &value);
  if (code == MDB_NOTFOUND) return Error{ErrorCode::kCorrupt, kForeign};
  if (code != 0) return lmdb_error(code, "cannot read the schema version");
  ByteReader reader({static_cast<const std::uint8_t*>(value.mv_data), value.mv_size});
  const auto version = reader.read_varuint();
  if (!version || !reader.at_end() || *version == 0) return Error{ErrorCode::kCorrupt, kForeign};
  if (*version > kSchemaVersion) {
    return Error{ErrorCode::kCorrupt,
                 "the data was written by a newer coterie: update this node (schema version "
                 "follows)",
                 *version};
  }
  return {};
}

// Pages beyond the end of the file are mapped but cannot be read: SIGBUS. LMDB leaves pages at the
// end unwritten when they were freed in the transaction that took them, so a short file is not yet
// a damaged one: it is only if something stored lies beyond its end.
Status Environment::check_length(const std::string& data_path) {
  MDB_envinfo info{};
  MDB_stat pages{};
  struct stat file {};
  mdb_env_info(env_, &info);
  mdb_env_stat(env_, &pages);
  if (::stat(data_path.c_str(), &file) != 0) return file_error(errno, "cannot read the data file");
  const std::uint64_t needed = (std::uint64_t{info.me_last_pgno} + 1) * pages.ms_psize;
  const auto held = static_cast<std::uint64_t>(file.st_size);
  if (held >= needed) return {};
  if (::truncate(data_path.c_str(), static_cast<off_t>(needed)) != 0) {
    return file_error(errno, "cannot repair the data file's length");
  }
  const Status walked = walk_within(held);
  // Put back as found, so that the next start refuses it as well.
  if (!walked && ::truncate(data_path.c_str(), file.st_size) != 0) {
    return file_error(errno, "cannot restore the data file's length");
  }
  return walked;
}

/// Visits every row of every database, LMDB's own included; all must lie in the first `file_bytes`.
Status Environment::walk_within(std::uint64_t file_bytes) {
  Transaction read(env_, MDB_RDONLY);
  if (read.begin_code() != 0) return lmdb_error(read.begin_code(), "cannot read the database");
  MDB_stat pages{};
  mdb_env_stat(env_, &pages);
  std::vector<MDB_dbi> databases = {kFreeListDbi, kMainDbi};
  for (const char* name : kTableNames) {
    MDB_dbi table = 0;
    const int code = mdb_dbi_open(read.txn(), name, 0, &table);
    if (code != 0) return Error{ErrorCode::kCorrupt, kDamaged};
    databases.push_back(table);
  }
  for (const MDB_dbi database : databases) {
    Cursor cursor(read.txn(), database);
    int code = cursor.open_code();
    for (code = code != 0 ? code : cursor.move(MDB_FIRST); code == 0;
         code = cursor.move(MDB_NEXT)) {
      if (file_end(cursor.key(), pages.ms_psize) > file_bytes ||
          file_end(cursor.value(), pages.ms_psize) > file_bytes) {
        return Error{ErrorCode::kCorrupt, kDamaged};
      }
    }
    if (code != MDB_NOTFOUND) return Error{ErrorCode::kCorrupt, kDamaged};
  }
  return {};
}

Status Environment::grow() {
  return gate_.alone([this]() -> Status {
    if (map_bytes_ >= kMapBytesMax) return lmdb_error(MDB_MAP_FULL, "");
    const std::size_t larger = map_bytes_ + std::min(map_bytes_, kMapGrowthBytesMax);
    const int code = mdb_env_set_mapsize(env_, larger);
    if (code == 0) {
      map_bytes_ = larger;
      return {};
    }
    // LMDB has let go of the old map by now; without one nothing can be read.
    if (mdb_env_set_mapsize(env_, map_bytes_) != 0) {
      return Error{ErrorCode::kIo, "no address space left for the database: restart the node",
                   static_cast<std::uint64_t>(code)};
    }
    return Error{ErrorCode::kNoSpace, "no address space left for the database",
                 static_cast<std::uint64_t>(code)};
  });
}

}  // namespace coterie::storage::internal
