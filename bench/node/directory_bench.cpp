// Fills the workspaces of a real data directory as a node would, in less than a second a million
// keystrokes' time: through the engine, with a clock that runs ahead, so that each edit is an entry
// of its own and nothing is merged as it is when somebody types quickly. What the directory then
// weighs, and how the real binary starts on it, is measured by bench/storage/run.mjs.
//
//   directory_bench DIR WORKSPACE type UPDATES PATH     each update of the file becomes one entry
//   directory_bench DIR WORKSPACE fill ENTRIES DOCUMENTS
//                 and one document more, kScattered, written now and then between the others
//   directory_bench DIR WORKSPACE history PATH RUNS
//                 what reading one document's entries costs by the index of documents, beside
//                 looking through all logs for them; and what is made of them
//
// DIR is a data directory made by `coterie init` and `coterie workspace create`, best in memory:
// every edit is committed and synced. UPDATES: Yjs updates (v1), each after its length (varuint).

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "crdt/base/bytes.hpp"
#include "crdt/doc.hpp"
#include "node/core/engine.hpp"
#include "node/core/history/history.hpp"
#include "node/core/ledger.hpp"
#include "node/core/records.hpp"
#include "node/core/replay.hpp"
#include "node/identity/data_dir.hpp"
#include "node/identity/device_key_file.hpp"
#include "storage/lmdb/lmdb_store.hpp"
#include "transport/crypto/crypto.hpp"

namespace {

using namespace coterie;
using namespace coterie::node;

constexpr std::chrono::milliseconds kBetweenKeystrokes{150};
constexpr const char* kScattered = "notes/scattered.md";
constexpr std::uint64_t kScatteredEdits = 25;  ///< And an entry that names it.

class DataDirectory {
 public:
  explicit DataDirectory(const std::string& root)
      : dir_{root},
        stores_(*storage::LmdbStoreProvider::open_directory(dir_.workspaces().string())) {
    auto device = load_device(dir_);
    if (!device) std::abort();
    // It ends about now, or the node would find entries of the future.
    const auto wall = std::chrono::system_clock::now().time_since_epoch();
    now_.wall = static_cast<WallMillis>(
                    std::chrono::duration_cast<std::chrono::milliseconds>(wall).count()) -
                std::chrono::milliseconds(std::chrono::hours(24 * 7)).count();
    auto place = take_place(dir_, crypto::system_random());
    if (!place) std::abort();
    Engine::Options options;
    options.device_name = "bench";
    options.place_found = place->found;
    options.place = place->now;
    options.rotate_after = std::chrono::hours(24 * 365);
    auto engine = Engine::open(now_, std::move(options), std::move(device->key), *stores_,
                               crypto::system_random());
    if (!engine) std::abort();
    engine_ = *std::move(engine);
    carry_out();
  }

  void open(const std::string& workspace, const std::string& path) {
    if (client_ != 0) engine_->handle_client_closed(now_, client_);
    if (!engine_->handle_client_open(now_, ++client_, workspace, path, {})) std::abort();
    carry_out();
  }

  void edit(ByteView update) {
    Bytes message{0, 2};
    append_varbytes(message, update);
    engine_->handle_client_message(now_, client_, message);
    carry_out();
    pass(kBetweenKeystrokes);
    ++edits_;
  }

  void finish() {
    pass(std::chrono::seconds(5));
    engine_->shut_down(now_);
    carry_out();
    for (const WorkspaceInfo& one : engine_->workspaces()) {
      std::printf("{\"edits\": %llu, \"entries\": %llu, \"documents\": %zu}\n",
                  static_cast<unsigned long long>(edits_),
                  static_cast<unsigned long long>(one.entries), one.documents);
    }
  }

 private:
  void pass(std::chrono::milliseconds time) {
    const Instant end = now_.steady + time;
    while (const auto due = engine_->next_deadline()) {
      if (*due > end) break;
      advance(std::max(*due, now_.steady));
      engine_->handle_timeout(now_);
      carry_out();
    }
    advance(end);
  }

  void advance(Instant to) {
    const auto steps = std::chrono::duration_cast<std::chrono::microseconds>(to - now_.steady);
    micros_ += steps.count();
    now_.steady = to;
    now_.wall += static_cast<WallMillis>(micros_ / 1000);
    micros_ %= 1000;
  }

  void carry_out() {
    while (auto output = engine_->poll_output()) {
      if (auto* commit = std::get_if<Engine::CommitBatch>(&*output)) {
        storage::Store& store = **stores_->open(commit->workspace.hex());
        if (!store.commit({&commit->batch, 1})) std::abort();
        engine_->handle_committed(now_, commit->token);
      } else if (auto* send = std::get_if<Engine::SendToClient>(&*output)) {
        engine_->handle_client_sent(now_, send->client, send->message->size());
      } else if (auto* closing = std::get_if<Engine::CloseClient>(&*output)) {
        std::fprintf(stderr, "closed: %s\n", closing->reason.c_str());
        std::abort();
      }
    }
  }

  DataDir dir_;
  std::unique_ptr<storage::LmdbStoreProvider> stores_;
  std::unique_ptr<Engine> engine_;
  Now now_;
  std::int64_t micros_ = 0;
  ClientHandle client_ = 0;
  std::uint64_t edits_ = 0;
};

Bytes append_word(crdt::Doc& doc) {
  return doc.transact([&] {
    auto text = doc.text("monaco");
    (void)text.insert(text.size(), "word ");
  });
}

int type(DataDirectory& directory, const std::string& workspace, const std::string& updates,
         const std::string& path) {
  std::ifstream file(updates, std::ios::binary);
  const std::vector<char> content{std::istreambuf_iterator<char>(file), {}};
  ByteReader in({reinterpret_cast<const std::uint8_t*>(content.data()), content.size()});
  directory.open(workspace, path);
  while (!in.at_end()) {
    const auto update = in.read_varbytes();
    if (!update) return 1;
    directory.edit(*update);
  }
  directory.finish();
  return 0;
}

int fill(DataDirectory& directory, const std::string& workspace, std::uint64_t entries,
         std::uint64_t documents) {
  crdt::Doc scattered({999'999, true});
  std::uint64_t scattered_edits = 0;
  for (std::uint64_t i = 0; i < documents; ++i) {
    if (scattered_edits < kScatteredEdits && i * kScatteredEdits >= scattered_edits * documents) {
      directory.open(workspace, kScattered);
      directory.edit(append_word(scattered));
      ++scattered_edits;
    }
    directory.open(workspace, "notes/" + std::to_string(i / 100) + "/" + std::to_string(i) + ".md");
    crdt::Doc doc({1'000'000 + i, true});
    // One entry more says what the document is called.
    for (std::uint64_t edit = 1; edit < entries / documents; ++edit) {
      directory.edit(append_word(doc));
    }
  }
  directory.finish();
  return 0;
}

/// One document's history, below the engine: nobody else writes here, so all entries count, and
/// their order is that of the log.
class Reader {
 public:
  Reader(const std::string& root, const std::string& path)
      : dir_{root},
        stores_(*storage::LmdbStoreProvider::open_directory(dir_.workspaces().string())) {
    auto device = load_device(dir_);
    const auto names = stores_->list();
    if (!device || !names || names->empty()) std::abort();
    key_.emplace(std::move(device->key));
    const auto id = WorkspaceId::from(*from_hex(names->front()));
    ledger_.emplace(*id, **stores_->open(names->front()), *key_, crypto::system_random(),
                    [] { return true; });
    if (!ledger_->load()) std::abort();
    document_ = document_id(*id, path);
  }

  using Read = std::vector<std::pair<HashedEntry, Bytes>>;  ///< With their records.

  Read by_scan() const {
    Read found;
    for (const auto& [log, segment] : ledger_->segments().all()) {
      const Status read = ledger_->visit(log, {}, [&](const HashedEntry& one) {
        if (one.entry.entry_class == EntryClass::kContent) take(one, found);
        return true;
      });
      if (!read) std::abort();
    }
    return found;
  }
  Read by_index() {
    Read found;
    const auto entries = ledger_->entries_of({document_});
    if (!entries) std::abort();
    for (const auto& [log, segment] : ledger_->segments().all()) {
      const auto ranges = entries->find(segment.strand);
      if (ranges == entries->end()) continue;
      const Status read = ledger_->visit_ranges(log, ranges->second, [&](const HashedEntry& one) {
        take(one, found);
        return true;
      });
      if (!read) std::abort();
    }
    return found;
  }

  static History history(const Read& read) {
    auto made = History::make(nullptr, [&](const History::Visit& visit) {
      for_each_update(read, [&](const HashedEntry& one, const UpdateRecord& update) {
        const auto& at = one.entry.position;
        const EntryRef ref{at.log, at.seq, at.previous};
        if (!visit({ref, one.hash, one.entry.time, false, false, update.update})) std::abort();
      });
      return Result<Views::HistoryNotes>(Views::HistoryNotes{});
    });
    if (!made) std::abort();
    return *std::move(made);
  }
  static void rebuild(const Read& read) {
    Replay replay(nullptr);
    for_each_update(read, [&](const HashedEntry& one, const UpdateRecord& update) {
      const auto& at = one.entry.position;
      (void)replay.take({at.log, at.seq, at.previous}, update.update, false);
    });
    crdt::Doc doc({.client_id = 1});
    replay.finish(doc);
  }

  std::uint64_t entries() const { return ledger_->entries(); }

  /// Bytes in all rows of the index, without what the tree of pages adds.
  std::size_t index_bytes() const { return bytes_of(storage::Table::kIndex); }
  std::size_t tail_bytes() const { return bytes_of(storage::Table::kTails); }

 private:
  void take(const HashedEntry& one, Read& found) const {
    auto bytes = ledger_->open_record(one.entry);
    if (!bytes) return;
    const auto record = decode_record(ledger_->workspace(), *bytes);
    if (record && indexed_document(*bytes) == document_) found.emplace_back(one, *std::move(bytes));
  }
  template <typename Each>
  static void for_each_update(const Read& read, Each each) {
    for (const auto& [one, bytes] : read) {
      const auto record = decode_record(one.entry.position.workspace, bytes);
      if (const auto* update = std::get_if<UpdateRecord>(&*record)) each(one, *update);
    }
  }
  std::size_t bytes_of(storage::Table table) const {
    std::size_t bytes = 0;
    (void)ledger_->store().scan(table, {}, {}, [&](ByteView key, ByteView value) {
      bytes += key.size() + value.size();
      return true;
    });
    return bytes;
  }

  DataDir dir_;
  std::unique_ptr<storage::LmdbStoreProvider> stores_;
  std::optional<crypto::SigningKey> key_;
  std::optional<Ledger> ledger_;
  DocumentId document_;
};

/// In turns, so that both ways see the same machine: medians, in ms.
int history(const std::string& root, const std::string& path, int runs) {
  Reader reader(root, path);
  struct Way {
    std::vector<double> read, versions, blame, rebuild;
  } scan, index;
  std::size_t entries = 0;
  const auto measure = [](std::vector<double>& into, auto action) {
    const auto start = std::chrono::steady_clock::now();
    auto result = action();
    into.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
            .count());
    return result;
  };
  for (int run = 0; run < runs; ++run) {
    for (Way* way : {&scan, &index}) {
      const auto read = [&] { return way == &scan ? reader.by_scan() : reader.by_index(); };
      const auto found = measure(way->read, read);
      entries = found.size();
      measure(way->versions, [&] {
        return Reader::history(read()).versions(4'000'000'000'000, 10'000).versions.size();
      });
      measure(way->blame, [&] {
        const History all = Reader::history(read());
        const auto now = all.find({"now", {}});
        return now ? all.blame(*now)->ranges.size() : 0;
      });
      measure(way->rebuild, [&] {
        Reader::rebuild(read());
        return 0;
      });
    }
  }
  const auto median = [](std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
  };
  const auto print = [&](const char* name, const Way& way) {
    std::printf(
        "\"%s\": {\"read\": %.3f, \"versions\": %.3f, \"blame\": %.3f, \"rebuild\": %.3f}, ", name,
        median(way.read), median(way.versions), median(way.blame), median(way.rebuild));
  };
  std::printf("{");
  print("scan", scan);
  print("index", index);
  std::printf("\"entries\": %zu, \"all\": %llu, \"indexBytes\": %zu, \"tailBytes\": %zu}\n",
              entries, static_cast<unsigned long long>(reader.entries()), reader.index_bytes(),
              reader.tail_bytes());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6 || !crypto::initialise()) return 2;
  if (std::string(argv[3]) == "history") return history(argv[1], argv[4], std::atoi(argv[5]));
  DataDirectory directory(argv[1]);
  if (std::string(argv[3]) == "type") return type(directory, argv[2], argv[4], argv[5]);
  return fill(directory, argv[2], std::strtoull(argv[4], nullptr, 10),
              std::strtoull(argv[5], nullptr, 10));
}
