// The CRDT engine on the workloads of dmonad/crdt-benchmarks B4 and relatives: claims are the
// ratios to stock Yjs that run.mjs prints from one run on one machine.
//
//     crdt_bench OPS UPDATES [REPEATS [NAME]]
//     crdt_bench --concurrent UPDATES REPEATS
//     crdt_bench --memory STATE
//
// The files are what run.mjs writes: the edits of a trace, the updates that stock Yjs makes of them
// (client id 1), those of a trace of several writers, a document's state. Prints one JSON object a
// workload: median user CPU in ms, or resident memory in kB.

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "crdt/doc.hpp"
#include "crdt/update.hpp"

namespace {

using namespace coterie;        // NOLINT: a program of one file.
using namespace coterie::crdt;  // NOLINT

double cpu_ms() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec) * 1e3 +
         static_cast<double>(usage.ru_utime.tv_usec) / 1e3;
}

long resident_kb() {
  std::ifstream statm("/proc/self/statm");
  long pages = 0;
  long resident = 0;
  statm >> pages >> resident;
  return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

[[noreturn]] void die(const char* why) {
  std::fprintf(stderr, "crdt_bench: %s\n", why);
  std::exit(1);
}

Bytes read_file(const char* path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) die("cannot read an input file");
  return Bytes(std::istreambuf_iterator<char>(in), {});
}

struct Op {
  std::uint64_t index;
  std::uint64_t removed;
  std::string_view inserted;
};

std::vector<Op> read_ops(ByteView file) {
  std::vector<Op> ops;
  for (ByteReader in(file); !in.at_end();) {
    Op op{*in.read_varuint(), *in.read_varuint(), *in.read_varstring()};
    ops.push_back(op);
  }
  return ops;
}

std::vector<ByteView> read_updates(ByteView file) {
  std::vector<ByteView> updates;
  for (ByteReader in(file); !in.at_end();) updates.push_back(*in.read_varbytes());
  return updates;
}

int repeats = 5;
std::string only;  ///< Run workloads whose name holds this; empty: all.

/// Runs `body` `repeats` times, each after `prepare`, and prints the median.
void measure(const char* name, const std::function<void()>& body, std::uint64_t bytes = 0,
             int inner = 1) {
  if (std::string(name).find(only) == std::string::npos) return;
  std::vector<double> times;
  for (int i = 0; i < repeats; ++i) {
    const double start = cpu_ms();
    for (int k = 0; k < inner; ++k) body();
    times.push_back((cpu_ms() - start) / inner);
  }
  std::sort(times.begin(), times.end());
  std::printf("{\"name\":\"%s\",\"ms\":%.4f,\"best\":%.4f,\"bytes\":%llu}\n", name,
              times[times.size() / 2], times[0], static_cast<unsigned long long>(bytes));
  std::fflush(stdout);
}

void replay(Doc& doc, const std::vector<Op>& ops) {
  Text text = doc.text("text");
  for (const Op& op : ops) {
    doc.transact([&] {
      if (op.removed > 0) (void)text.remove(op.index, op.removed);
      if (!op.inserted.empty()) (void)text.insert(op.index, op.inserted);
    });
  }
}

void edit_at_random(const char* name, std::size_t size) {
  Doc doc({.client_id = 1});
  Text text = doc.text("text");
  (void)text.insert(0, std::string(size, 'x'));
  std::uint64_t state = 1;
  const auto below = [&](std::uint64_t bound) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % bound;
  };
  if (std::string(name).find(only) == std::string::npos) return;
  constexpr int kEdits = 100'000;
  double start = cpu_ms();
  for (int i = 0; i < kEdits; ++i) (void)text.insert(below(text.size() + 1), "y");
  std::printf("{\"name\":\"%s inserts\",\"ms\":%.3f}\n", name, cpu_ms() - start);
  start = cpu_ms();
  for (int i = 0; i < kEdits; ++i) (void)text.remove(below(text.size()), 1);
  std::printf("{\"name\":\"%s deletes\",\"ms\":%.3f}\n", name, cpu_ms() - start);
}

/// In a process of its own, so that no freed memory serves the document.
void report_memory(const char* path) {
  const Bytes state = read_file(path);
  const long before = resident_kb();
  Doc loaded({.client_id = 2});
  if (!loaded.load_update(state)) die("the state was refused");
  std::printf("{\"name\":\"memory of the loaded document\",\"kb\":%ld}\n", resident_kb() - before);
}

void run_concurrent(const char* path) {
  const Bytes file = read_file(path);
  const std::vector<ByteView> updates = read_updates(file);
  Doc all({.client_id = 99});
  for (const ByteView update : updates) (void)all.load_update(update);
  const Bytes state = all.encode_state_as_update();
  measure(
      "concurrent writers, updates one by one",
      [&] {
        Doc fresh({.client_id = 99});
        for (const ByteView update : updates) {
          if (!fresh.apply_update(update)) die("an update was refused");
        }
        if (fresh.has_pending()) die("not all arrived");
      },
      0, 5);
  measure(
      "concurrent writers, decode the whole state",
      [&] {
        Doc fresh({.client_id = 99});
        if (!fresh.load_update(state)) die("the state was refused");
      },
      state.size(), 5);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 3) repeats = std::max(1, std::atoi(argv[3]));
  if (argc > 2 && std::string(argv[1]) == "--memory") {
    report_memory(argv[2]);
    return 0;
  }
  if (argc > 2 && std::string(argv[1]) == "--concurrent") {
    run_concurrent(argv[2]);
    return 0;
  }
  if (argc < 3) die("usage: crdt_bench OPS UPDATES [REPEATS [NAME]]");
  if (argc > 4) only = argv[4];
  const Bytes ops_file = read_file(argv[1]);
  const Bytes updates_file = read_file(argv[2]);
  const std::vector<Op> ops = read_ops(ops_file);
  const std::vector<ByteView> updates = read_updates(updates_file);

  // Ours must be the updates of stock Yjs, byte for byte.
  Doc doc({.client_id = 1});
  std::size_t made = 0;
  std::uint64_t update_bytes = 0;
  doc.set_update_observer([&](ByteView update) {
    if (made >= updates.size() || !equal(update, updates[made]))
      die("an update differs from Yjs's");
    ++made;
    update_bytes += update.size();
  });
  replay(doc, ops);
  if (made != updates.size()) die("fewer updates than Yjs makes");
  const Bytes state = doc.encode_state_as_update();
  const std::string text = doc.text("text").to_string();

  measure(
      "replay, an update event per edit",
      [&] {
        Doc fresh({.client_id = 1});
        std::uint64_t bytes = 0;
        fresh.set_update_observer([&](ByteView update) { bytes += update.size(); });
        replay(fresh, ops);
        if (bytes != update_bytes) die("lost updates");
      },
      update_bytes);
  measure("replay, no observer", [&] {
    Doc fresh({.client_id = 1});
    Text fresh_text = fresh.text("text");
    for (const Op& op : ops) {
      if (op.removed > 0) (void)fresh_text.remove(op.index, op.removed);
      if (!op.inserted.empty()) (void)fresh_text.insert(op.index, op.inserted);
    }
  });
  measure("apply the updates one by one", [&] {
    Doc fresh({.client_id = 2});
    for (const ByteView update : updates) {
      if (!fresh.apply_update(update)) die("an update was refused");
    }
    if (fresh.state_vector() != doc.state_vector()) die("not all arrived");
  });
  measure(
      "decode the whole state and read the text",
      [&] {
        Doc fresh({.client_id = 2});
        (void)fresh.load_update(state);
        if (fresh.root_text("text") != text) die("another text");
      },
      state.size(), 10);
  measure(
      "encode the whole state",
      [&] {
        if (doc.encode_state_as_update().size() != state.size()) die("another state");
      },
      state.size(), 20);
  Bytes merged;
  measure("merge all updates",
          [&] { merged = *merge_updates(std::span<const ByteView>(updates)); });
  StateVector half;
  half.advance(1, doc.state_vector().clock_of(1) / 2);
  std::uint64_t diff_bytes = 0;
  measure(
      "diff the whole state against half", [&] { diff_bytes = diff_update(state, half)->size(); },
      diff_bytes, 20);
  measure(
      "state vector of the whole state", [&] { (void)state_vector_from_update(state); }, 0, 20);
  edit_at_random("1 M characters, 100,000 random", 1'000'000);
}
