#include "storage/lmdb/internal/environment.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "storage/files/files.hpp"
#include "storage/lmdb/internal/page_check.hpp"

namespace coterie::storage::internal {
namespace {

/// Persistent: names of the tables, in the order of `Table`.
constexpr const char* kTableNames[kTableCount] = {"meta",      "entries",   "frontier", "keys",
                                                  "documents", "snapshots", "tails",    "peers",
                                                  "index",     "bases",     "floors",   "rooms"};
constexpr const char* kSchemaTable = "schema";
constexpr std::string_view kSchemaKey = "coterie";

constexpr std::size_t kMapGrowthBytesMax = std::size_t{1} << 30;
constexpr std::size_t kMapBytesMax = std::size_t{1} << 40;
constexpr std::size_t kMapBytesMin = std::size_t{1} << 18;
constexpr unsigned kReadersMax = 512;

MDB_val to_val(ByteView view) {
  return {view.size(), const_cast<std::uint8_t*>(view.data())};  // LMDB takes, but keeps, const.
}

Bytes encode_version(std::uint32_t version) {
  Bytes out;
  append_varuint(out, version);
  return out;
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
      return files::file_error(what, code < 0 ? -code : code);
  }
}

Result<const Migration*> migration_from(const LmdbOptions& options, std::uint32_t version) {
  const auto& steps = options.migrations != nullptr ? *options.migrations : schema_migrations();
  for (const Migration& one : steps) {
    if (one.from == version) return &one;
  }
  return Error{
      ErrorCode::kCorrupt,
      "the data was written by a coterie that is too old for this one: open it with a version "
      "in between first",
      version};
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

Environment::~Environment() { close(); }

void Environment::close() {
  if (env_ != nullptr) mdb_env_close(env_);
  env_ = nullptr;
}

Status Environment::start(std::size_t map_bytes, unsigned flags) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  map_bytes_ = (std::max(map_bytes, kMapBytesMin) + page - 1) / page * page;
  int code = mdb_env_create(&env_);
  if (code == 0) code = mdb_env_set_maxdbs(env_, kTableCount + 1);
  if (code == 0) code = mdb_env_set_maxreaders(env_, kReadersMax);
  if (code == 0) code = mdb_env_set_mapsize(env_, map_bytes_);
  // MDB_NOTLS: a read belongs to its transaction, not to its thread, so that reads can nest.
  if (code == 0)
    code = mdb_env_open(env_, directory_.c_str(), MDB_NOTLS | flags, S_IRUSR | S_IWUSR);
  if (code != 0) return lmdb_error(code, "cannot open the database");
  // LMDB keeps a file's own map size when it is larger.
  MDB_envinfo info{};
  mdb_env_info(env_, &info);
  map_bytes_ = info.me_mapsize;
  return {};
}

int Environment::put_schema(MDB_txn* txn, std::uint32_t version) {
  MDB_dbi schema = 0;
  const int code = mdb_dbi_open(txn, kSchemaTable, MDB_CREATE, &schema);
  if (code != 0) return code;
  const Bytes encoded = encode_version(version);
  MDB_val key = to_val(as_bytes(kSchemaKey));
  MDB_val value = to_val(encoded);
  return mdb_put(txn, schema, &key, &value, 0);
}

Status Environment::open_tables(std::uint32_t create) {
  const unsigned flags = create == 0 ? 0 : MDB_CREATE;
  Transaction write(env_, flags == 0 ? MDB_RDONLY : 0);
  if (write.begin_code() != 0) return lmdb_error(write.begin_code(), "cannot read the database");
  for (std::size_t i = 0; i < kTableCount; ++i) {
    const int code = mdb_dbi_open(write.txn(), kTableNames[i], flags, &tables_[i]);
    if (code == MDB_NOTFOUND) return Error{ErrorCode::kCorrupt, kDamaged};
    if (code != 0) return lmdb_error(code, "cannot open a table");
  }
  if (create != 0) {
    const int code = put_schema(write.txn(), create);
    if (code != 0) return lmdb_error(code, "cannot make the database");
  }
  const int code = write.commit();  // Also what keeps the table handles open.
  if (code != 0) return lmdb_error(code, "cannot make the database");
  return {};
}

Status Environment::create(const std::string& directory, const LmdbOptions& options) {
  Environment made;
  made.directory_ = directory;
  COTERIE_CHECK(made.start(options.map_bytes_initial));
  return made.open_tables(options.schema);
}

Status Environment::open(const std::string& directory, const LmdbOptions& options) {
  const std::string data_path = directory + "/data.mdb";
  struct stat file {};
  if (::stat(data_path.c_str(), &file) != 0) {
    if (errno == ENOENT) return Error{ErrorCode::kCorrupt, kDamaged};
    return files::file_error("cannot read the data file");
  }
  COTERIE_CHECK(check_pages(data_path));
  const auto file_bytes = static_cast<std::size_t>(file.st_size);
  directory_ = directory;
  COTERIE_CHECK(start(std::max(options.map_bytes_initial, file_bytes * 2)));
  int dead = 0;
  const int code = mdb_reader_check(env_, &dead);
  if (code != 0) return lmdb_error(code, "cannot check for dead readers");
  COTERIE_CHECK(check_schema(options.schema));
  if (schema_ >= options.schema) return open_tables(0);
  // Before anything is changed.
  COTERIE_CHECK(migration_from(options, schema_));
  return open_tables(schema_);
}

Result<std::uint32_t> Environment::read_schema(const std::string& directory) {
  Environment read;
  read.directory_ = directory;
  COTERIE_CHECK(read.start(0, MDB_RDONLY));
  COTERIE_CHECK(read.check_schema(std::numeric_limits<std::uint32_t>::max()));
  return read.schema_;
}

Status Environment::check_schema(std::uint32_t newest) {
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
  if (!version || !reader.at_end() || *version == 0 ||
      *version > std::numeric_limits<std::uint32_t>::max()) {
    return Error{ErrorCode::kCorrupt, kForeign};
  }
  if (*version > newest) {
    return Error{ErrorCode::kCorrupt,
                 "the data was written by a newer coterie: update this one, or use another --data",
                 *version};
  }
  schema_ = static_cast<std::uint32_t>(*version);
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

bool Environment::has_failed() const {
  return Transaction(env_, MDB_RDONLY).begin_code() == MDB_PANIC;
}

Status Environment::reopen() {
  return gate_.alone([this]() -> Status {
    close();
    Status opened = start(map_bytes_);
    if (opened) opened = open_tables(0);
    if (!opened) close();
    return opened;
  });
}

}  // namespace coterie::storage::internal
