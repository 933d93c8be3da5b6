#include "node/daemon/doctor.hpp"

#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <utility>

#include "crdt/doc.hpp"
#include "node/core/engine.hpp"
#include "node/daemon/engine_thread.hpp"
#include "storage/files/files.hpp"
#include "storage/lmdb/lmdb_store.hpp"
#include "storage/lmdb/maintenance.hpp"

namespace coterie::node {

namespace fs = std::filesystem;
using storage::Store;
using storage::Table;

namespace {

/// An engine waits so long before it makes documents anew (core/views.cpp), and a little more.
constexpr Duration kRebuildPatience = std::chrono::seconds(30);
constexpr Duration kRebuildPatiencePerEntry = std::chrono::microseconds(40);
/// Documents compared before those that were read are unloaded.
constexpr std::size_t kLoadedMax = 64;
constexpr Duration kUnloadStep = std::chrono::seconds(10);

bool less(ByteView a, ByteView b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
}

/// Another store with what is written to it, which stays in memory. For one thread.
class Overlay final : public Store {
 public:
  explicit Overlay(const Store& base) : base_(base) {}

  Status commit(std::span<const storage::WriteBatch> batches) override {
    for (const auto& batch : batches) {
      COTERIE_CHECK(check_keys(batch));
      for (const auto& operation : batch.operations) COTERIE_CHECK(apply(operation));
    }
    return {};
  }
  Result<std::optional<Bytes>> get(Table table, ByteView key) const override {
    const Rows& mine = rows(table);
    const auto found = mine.find(Bytes(key.begin(), key.end()));
    if (found != mine.end()) return found->second;
    return base_.get(table, key);
  }
  Status scan(Table table, ByteView begin, ByteView end,
              const std::function<bool(ByteView, ByteView)>& visit) const override {
    const Rows& mine = rows(table);
    auto next = mine.lower_bound(Bytes(begin.begin(), begin.end()));
    const auto in_range = [&] {
      return next != mine.end() && (end.empty() || less(next->first, end));
    };
    bool more = true;
    const auto show = [&] {
      if (next->second) more = visit(next->first, *next->second);
      ++next;
      return more;
    };
    COTERIE_CHECK(base_.scan(table, begin, end, [&](ByteView key, ByteView value) {
      while (in_range() && less(next->first, key)) {
        if (!show()) return false;
      }
      if (in_range() && equal(next->first, key)) return show();
      more = visit(key, value);
      return more;
    }));
    while (more && in_range()) show();
    return {};
  }
  Result<std::optional<std::pair<Bytes, Bytes>>> last(Table table, ByteView begin,
                                                      ByteView end) const override {
    // Few rows lie behind what is asked for here.
    std::optional<std::pair<Bytes, Bytes>> newest;
    COTERIE_CHECK(scan(table, begin, end, [&](ByteView key, ByteView value) {
      newest.emplace(Bytes(key.begin(), key.end()), Bytes(value.begin(), value.end()));
      return true;
    }));
    return newest;
  }

 private:
  using Rows = std::map<Bytes, std::optional<Bytes>>;

  Rows& rows(Table table) { return tables_[static_cast<std::size_t>(table)]; }
  const Rows& rows(Table table) const { return tables_[static_cast<std::size_t>(table)]; }

  Status apply(const storage::WriteBatch::Operation& operation) {
    if (const auto* put = std::get_if<storage::WriteBatch::Put>(&operation)) {
      rows(put->table)[put->key] = put->value;
    } else if (const auto* erase = std::get_if<storage::WriteBatch::Erase>(&operation)) {
      rows(erase->table)[erase->key] = std::nullopt;
    } else {
      const auto& range = std::get<storage::WriteBatch::EraseRange>(operation);
      std::vector<Bytes> keys;
      COTERIE_CHECK(scan(range.table, range.begin, range.end, [&](ByteView key, ByteView) {
        keys.emplace_back(key.begin(), key.end());
        return true;
      }));
      for (Bytes& key : keys) rows(range.table)[std::move(key)] = std::nullopt;
    }
    return {};
  }

  const Store& base_;
  Rows tables_[storage::kTableCount];
};

/// One store, as if it were the only one.
class OneStore final : public storage::StoreProvider {
 public:
  OneStore(std::string name, Store& store) : name_(std::move(name)), store_(store) {}
  Result<std::vector<std::string>> list() override { return std::vector<std::string>{name_}; }
  Result<Store*> open(const std::string& name) override {
    if (name == name_) return &store_;
    return Error{ErrorCode::kNotFound, "no such store"};
  }

 private:
  std::string name_;
  Store& store_;
};

/// An engine without a network, in a time of its own.
class Patient {
 public:
  explicit Patient(Store& store) : store_(store) {}

  Status open(const std::string& name, const crypto::SigningKey& key, const Place& place) {
    provider_ = std::make_unique<OneStore>(name, store_);
    Engine::Options options;
    options.device_name = "doctor";
    options.place_found = place.found;
    options.place = place.now;
    options.unload_after = std::chrono::seconds(1);
    options.rotate_after = std::chrono::hours(24 * 3650);
    options.rotate_entries = UINT64_MAX;
    now_ = read_clock();
    COTERIE_TRY(engine_, Engine::open(now_, std::move(options), key.clone(), *provider_,
                                      crypto::system_random()));
    return drain();
  }
  Engine& engine() { return *engine_; }

  Status wait(Duration time) {
    const Instant until = now_.steady + time;
    while (const auto due = engine_->next_deadline()) {
      if (*due > until) break;
      now_.steady = std::max(now_.steady, *due);
      engine_->handle_timeout(now_);
      COTERIE_CHECK(drain());
    }
    now_.steady = until;
    return {};
  }
  Status stop() {
    engine_->shut_down(now_);
    return drain();
  }

 private:
  Status drain() {
    while (auto output = engine_->poll_output()) {
      const auto* batch = std::get_if<Engine::CommitBatch>(&*output);
      if (batch == nullptr) continue;
      COTERIE_CHECK(store_.commit(std::span(&batch->batch, 1)));
      engine_->handle_committed(now_, batch->token);
    }
    return {};
  }

  Store& store_;
  std::unique_ptr<OneStore> provider_;
  std::unique_ptr<Engine> engine_;
  Now now_{};
};

/// Whether two updates make the same document, whatever their bytes.
bool same_document(const Bytes& a, const Bytes& b) {
  if (a == b) return true;
  crdt::Doc one({.client_id = 0});
  crdt::Doc other({.client_id = 0});
  if (!one.load_update(a) || !other.load_update(b)) return false;
  if (one.state_vector().encode() != other.state_vector().encode()) return false;
  // What is known to be deleted there is so here: nothing changes by what the other has.
  const auto there = one.apply_update(b);
  const auto back = other.apply_update(a);
  return there && back && !there->changed && !back->changed;
}

Duration rebuild_time(const Checkup& checkup) {
  return kRebuildPatience + kRebuildPatiencePerEntry * static_cast<std::int64_t>(checkup.entries);
}

/// Makes every document anew of the logs, and compares. Nothing is written to `store`.
Status compare_documents(const Store& store, const crypto::SigningKey& key, WorkspaceReport& report,
                         const BytesProgress& progress) {
  Overlay as_it_is(store);
  Overlay made_anew(store);
  storage::WriteBatch marks;
  rebuild_all(store, marks);
  COTERIE_CHECK(made_anew.commit(std::span(&marks, 1)));
  Patient first(as_it_is);
  Patient second(made_anew);
  COTERIE_CHECK(first.open(report.id, key, {}));
  COTERIE_CHECK(second.open(report.id, key, {}));
  COTERIE_CHECK(second.wait(rebuild_time(report.checkup)));
  const auto workspaces = first.engine().workspaces();
  if (workspaces.empty()) return {};  // Nobody let this device in yet.
  const WorkspaceId id = workspaces.front().id;
  COTERIE_TRY(const auto documents, first.engine().documents(id));
  COTERIE_TRY(const auto others, second.engine().documents(id));
  std::uint64_t different = documents.size() == others.size() ? 0 : 1;
  for (const DocumentInfo& one : documents) {
    const auto here = first.engine().document_update(id, one.path);
    const auto there = second.engine().document_update(id, one.path);
    if (!here || !there || !same_document(*here, *there)) ++different;
    if (++report.documents_compared % kLoadedMax == 0) {
      if (progress) progress(report.documents_compared, documents.size());
      COTERIE_CHECK(first.wait(kUnloadStep));
      COTERIE_CHECK(second.wait(kUnloadStep));
    }
  }
  if (different > 0) {
    report.checkup.findings.push_back(
        {Finding::Kind::kRepairable,
         std::to_string(different) + " documents are not what the logs make of them: made anew"});
    rebuild_all(store, report.checkup.repair);
  }
  return {};
}

std::optional<WorkspaceId> workspace_named(const std::string& name) {
  const auto bytes = from_hex(name);
  if (!bytes || bytes->size() != WorkspaceId::kBytes) return std::nullopt;
  return *WorkspaceId::from(*bytes);
}

void add_damage(WorkspaceReport& report, const Error& error) {
  report.checkup.findings.push_back({Finding::Kind::kDamage, error.what});
}

class Doctor {
 public:
  Doctor(const DataDir& dir, const DeviceKeyFile& device, const BytesProgress& progress)
      : dir_(dir), device_(device), progress_(progress) {}

  Result<DoctorReport> examine_all() {
    COTERIE_TRY(const auto provider,
                storage::LmdbStoreProvider::open_directory(dir_.workspaces().string()));
    COTERIE_TRY(const auto names, provider->list());
    DoctorReport report;
    report.healthy = true;
    for (const std::string& name : names) {
      const auto id = workspace_named(name);
      if (!id) continue;
      WorkspaceReport& one = report.workspaces.emplace_back();
      one.id = name;
      const auto store = provider->open(name);
      if (store) {
        examine_one(*id, **store, one);
      } else {
        add_damage(one, store.error());
      }
      report.healthy = report.healthy && one.checkup.healthy();
    }
    return report;
  }

  /// Of what examine_all() found. The provider is closed in between: what is kept is a file.
  Status repair(DoctorReport& report) {
    for (WorkspaceReport& one : report.workspaces) {
      if (!one.checkup.healthy() && one.checkup.repairable()) COTERIE_CHECK(keep(one));
    }
    COTERIE_TRY(const auto provider,
                storage::LmdbStoreProvider::open_directory(dir_.workspaces().string()));
    COTERIE_TRY(const Place place, take_place(dir_, crypto::system_random()));
    report.repaired = true;
    for (WorkspaceReport& one : report.workspaces) {
      if (one.checkup.healthy()) continue;
      if (!one.checkup.repairable()) {
        report.repaired = false;
        continue;
      }
      COTERIE_TRY(Store * store, provider->open(one.id));
      COTERIE_CHECK(store->commit(std::span(&one.checkup.repair, 1)));
      // Whoever opens it next finds documents, and no marks to make them.
      Patient patient(*store);
      COTERIE_CHECK(patient.open(one.id, device_.key, place));
      COTERIE_CHECK(patient.wait(rebuild_time(one.checkup)));
      COTERIE_CHECK(patient.stop());
    }
    return {};
  }

 private:
  void examine_one(const WorkspaceId& id, Store& store, WorkspaceReport& report) {
    auto found =
        check_up(id, store, device_.key, crypto::system_random(), [this](std::uint64_t done) {
          if (progress_) progress_(done, 0);
        });
    if (!found) return add_damage(report, found.error());
    report.checkup = *std::move(found);
    if (!report.checkup.repairable()) return;
    // What comes of the repair, too, has to open and to make sense.
    Overlay repaired(store);
    Status status = repaired.commit(std::span(&report.checkup.repair, 1));
    if (status) status = compare_documents(repaired, device_.key, report, progress_);
    if (!status) add_damage(report, status.error());
  }

  Status keep(WorkspaceReport& report) const {
    const std::string store = (dir_.workspaces() / report.id).string();
    const std::string kept = store + "/data.mdb.before-repair";
    ::unlink(kept.c_str());  // Of an earlier repair.
    const files::Descriptor file = files::create_file(kept);
    if (!file.valid()) return files::file_error("cannot keep the store as it is");
    COTERIE_CHECK(storage::copy_store(store, file.get()));
    report.kept = kept;
    return files::sync_file(file.get());
  }

  const DataDir& dir_;
  const DeviceKeyFile& device_;
  const BytesProgress& progress_;
};

}  // namespace

std::optional<DoctorReport> examine(const DataDir& dir, bool repair, const AskPassphrase& ask,
                                    const BytesProgress& progress, CallError& why) {
  const auto failed = [&](const Error& error) {
    why = {error.code, dir.root.string() + ": " + error.what};
    return std::nullopt;
  };
  const auto device = load_device(dir, ask);
  if (!device) return failed(device.error());
  const auto lock = DataDirLock::acquire(dir);
  if (!lock) {
    if (lock.error().code != ErrorCode::kConflict) return failed(lock.error());
    return failed({ErrorCode::kConflict,
                   "in use by another coterie process; stop it first: this works on a stopped node "
                   "only (or on what `coterie restore` made of a backup of it)"});
  }
  Doctor doctor(dir, *device, progress);
  auto report = doctor.examine_all();
  if (!report) return failed(report.error());
  if (repair && !report->healthy) {
    const Status repaired = doctor.repair(*report);
    if (!repaired) return failed(repaired.error());
  }
  return *std::move(report);
}

}  // namespace coterie::node
