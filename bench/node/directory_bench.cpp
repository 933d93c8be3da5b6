// Fills the workspaces of a real data directory as a node would, in less than a second a million
// keystrokes' time: through the engine, with a clock that runs ahead, so that each edit is an entry
// of its own and nothing is merged as it is when somebody types quickly. What the directory then
// weighs, and how the real binary starts on it, is measured by bench/storage/run.mjs.
//
//   directory_bench DIR WORKSPACE type UPDATES PATH     each update of the file becomes one entry
//   directory_bench DIR WORKSPACE fill ENTRIES DOCUMENTS
//
// DIR is a data directory made by `coterie init` and `coterie workspace create`, best in memory:
// every edit is committed and synced. UPDATES: Yjs updates (v1), each after its length (varuint).

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "crdt/base/bytes.hpp"
#include "crdt/doc.hpp"
#include "node/core/engine.hpp"
#include "node/identity/data_dir.hpp"
#include "node/identity/device_key_file.hpp"
#include "storage/lmdb/lmdb_store.hpp"
#include "transport/crypto/crypto.hpp"

namespace {

using namespace coterie;
using namespace coterie::node;

constexpr std::chrono::milliseconds kBetweenKeystrokes{150};

class Directory {
 public:
  explicit Directory(const std::string& root)
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

int type(Directory& directory, const std::string& workspace, const std::string& updates,
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

int fill(Directory& directory, const std::string& workspace, std::uint64_t entries,
         std::uint64_t documents) {
  for (std::uint64_t i = 0; i < documents; ++i) {
    directory.open(workspace, "notes/" + std::to_string(i / 100) + "/" + std::to_string(i) + ".md");
    crdt::Doc doc({1'000'000 + i, true});
    // One entry more says what the document is called.
    for (std::uint64_t edit = 1; edit < entries / documents; ++edit) {
      directory.edit(doc.transact([&] {
        auto text = doc.text("monaco");
        (void)text.insert(text.size(), "word ");
      }));
    }
  }
  directory.finish();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6 || !crypto::initialise()) return 2;
  Directory directory(argv[1]);
  if (std::string(argv[3]) == "type") return type(directory, argv[2], argv[4], argv[5]);
  return fill(directory, argv[2], std::strtoull(argv[4], nullptr, 10),
              std::strtoull(argv[5], nullptr, 10));
}
