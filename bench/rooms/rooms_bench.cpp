// What chat costs in a room of many messages, through the engine and LMDB: posting, the newest page
// first of all, a page in the middle, memory. A rival beside it: chat.mjs.
//
//   rooms_bench DIR [MESSAGES]
//
// DIR is empty; in memory the disk's syncs do not count. The clock runs ahead, ten messages a
// second.

#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "node/core/engine.hpp"
#include "storage/lmdb/lmdb_store.hpp"
#include "transport/crypto/crypto.hpp"

namespace {

using namespace coterie;
using namespace coterie::node;

double now_ms() {
  const auto time = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double, std::milli>(time).count();
}

/// In MiB: resident, with mapped pages of the store; and allocated.
std::pair<double, double> memory() {
  std::ifstream status("/proc/self/status");
  double all = 0;
  for (std::string word; status >> word;) {
    if (word == "VmRSS:") status >> all;
  }
  const auto heap = ::mallinfo2();
  return {all / 1024, static_cast<double>(heap.uordblks + heap.hblkhd) / (1 << 20)};
}

class Bench {
 public:
  explicit Bench(const std::string& directory)
      : stores_(*storage::LmdbStoreProvider::open_directory(directory)),
        seed_(crypto::SecretKey::generate(crypto::system_random())) {
    open();
  }

  void open() {
    engine_.reset();
    Engine::Options options;
    options.device_name = "bench";
    options.rotate_after = std::chrono::hours(24 * 365);
    auto engine = Engine::open(now_, std::move(options), crypto::SigningKey::from_seed(seed_),
                               *stores_, crypto::system_random());
    if (!engine) std::abort();
    engine_ = *std::move(engine);
    carry_out();
  }

  CommandResult command(Command command) {
    replied_.reset();
    engine_->handle_command(now_, ++request_, std::move(command));
    carry_out();
    if (!replied_ || !*replied_) {
      std::fprintf(stderr, "%s\n", replied_ ? replied_->error().what : "no answer");
      std::abort();
    }
    return **replied_;
  }

  void pass(Duration time) {
    now_.steady += time;
    now_.wall += static_cast<WallMillis>(
        std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
    while (engine_->next_deadline() && *engine_->next_deadline() <= now_.steady) {
      engine_->handle_timeout(now_);
      carry_out();
    }
  }

  Engine& engine() { return *engine_; }
  Now now() const { return now_; }

 private:
  void carry_out() {
    while (auto output = engine_->poll_output()) {
      if (auto* commit = std::get_if<Engine::CommitBatch>(&*output)) {
        storage::Store& store = **stores_->open(commit->workspace.hex());
        if (!store.commit({&commit->batch, 1})) std::abort();
        engine_->handle_committed(now_, commit->token);
      } else if (auto* reply = std::get_if<Engine::Reply>(&*output)) {
        replied_ = std::move(reply->result);
      }
    }
  }

  std::unique_ptr<storage::LmdbStoreProvider> stores_;
  crypto::SecretKey seed_;
  std::unique_ptr<Engine> engine_;
  Now now_{Instant(std::chrono::hours(1)), 1'760'000'000'000};
  RequestId request_ = 0;
  std::optional<Result<CommandResult>> replied_;
};

/// Median and most of `runs`, in ms, of a page of 50.
void time_page(Bench& bench, const WorkspaceId& workspace, const char* what,
               std::optional<RoomMoment> before, int runs) {
  std::vector<double> times;
  std::size_t items = 0;
  for (int run = 0; run < runs; ++run) {
    const double start = now_ms();
    const auto view = bench.engine().room(
        bench.now(), {workspace, "chat.md", RoomLane::Kind::kChat, {}, "", before, 50});
    times.push_back(now_ms() - start);
    if (!view) std::abort();
    items = view->items.size();
  }
  std::sort(times.begin(), times.end());
  std::printf("%-34s %8.2f ms median, %.2f most (%zu messages)\n", what, times[times.size() / 2],
              times.back(), items);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || !crypto::initialise()) return 2;
  const std::size_t messages = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 100'000;
  Bench bench(argv[1]);
  const WorkspaceId workspace =
      std::get<WorkspaceReady>(bench.command(CreateWorkspace{"team"})).workspace;
  CreateDocument create;
  create.workspace = workspace;
  create.path = "chat.md";
  bench.command(std::move(create));
  RoomMoment middle;
  double started = now_ms();
  const std::size_t block = std::max<std::size_t>(messages / 10, 1);
  for (std::size_t i = 0; i < messages; ++i) {
    PostMessage post;
    post.workspace = workspace;
    post.path = "chat.md";
    post.message.text = "message " + std::to_string(i) + ", as long as people write them in a chat";
    const auto posted = std::get<MessagePosted>(bench.command(std::move(post)));
    if (i == messages / 2) middle = posted.moment;
    bench.pass(std::chrono::milliseconds(100));
    if ((i + 1) % block != 0) continue;
    const auto [all, own] = memory();
    std::printf("posted %7zu   %8.3f ms each   %6.1f MiB resident, %.1f allocated\n", i + 1,
                (now_ms() - started) / static_cast<double>(block), all, own);
    started = now_ms();
  }
  time_page(bench, workspace, "newest page, again and again", std::nullopt, 100);
  bench.open();
  time_page(bench, workspace, "newest page after a restart", std::nullopt, 1);
  time_page(bench, workspace, "page in the middle", middle, 100);
  const auto [all, own] = memory();
  std::printf("memory after a restart             %8.1f MiB resident, %.1f allocated\n", all, own);
  return 0;
}
