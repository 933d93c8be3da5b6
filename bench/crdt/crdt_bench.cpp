// The CRDT engine on the workloads of dmonad/crdt-benchmarks (B1 to B4) and relatives. run.mjs
// writes their inputs, runs each here and in stock Yjs (yjs_bench.mjs), and prints the table.
//
//     crdt_bench DIR WORKLOAD [REPEATS]
//
// WORKLOAD is NAME or NAME:INPUT; INPUT chooses the files of DIR:
//
//     INPUT.ops      edits: varuint kind, index, removed, then varstring (kind 0: text) or varuint
//                    count and that many varuints (kind 1: array)
//     INPUT.updates  updates that stock Yjs makes, each with its length before it
//     INPUT.state    a whole state
//     INPUT.*-v2     the same in format v2
//
// Workloads whose name ends in -v2 use that format wherever the others use v1.
//
// Prints a JSON object: user CPU in ms (median and least of REPEATS), the most memory the first run
// held above what was held before, in kB, and the bytes of the state that came out.

#include <malloc.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "crdt/doc.hpp"
#include "crdt/update.hpp"

namespace {

using namespace coterie;        // NOLINT: a program of one file.
using namespace coterie::crdt;  // NOLINT

/// CPU time of this process, exact to the microsecond.
double cpu_ms() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

/// The kernel knows how much of it was not its own by the tick: fit for whole runs only.
class UserShare {
 public:
  UserShare() { getrusage(RUSAGE_SELF, &start_); }
  double so_far() const {
    rusage now{};
    getrusage(RUSAGE_SELF, &now);
    const double user = seconds(now.ru_utime) - seconds(start_.ru_utime);
    const double system = seconds(now.ru_stime) - seconds(start_.ru_stime);
    return user + system > 0.05 ? user / (user + system) : 1;
  }

 private:
  static double seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  }
  rusage start_{};
};

/// A figure of /proc/self/status, in kB.
long memory_kb(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name)) return std::atol(line.c_str() + name.size() + 1);
  }
  return 0;
}

[[noreturn]] void die(const char* why) {
  std::fprintf(stderr, "crdt_bench: %s\n", why);
  std::exit(1);
}

void check(bool condition, const char* why) {
  if (!condition) die(why);
}

// --- Inputs -------------------------------------------------------------------------------------

struct Op {
  std::uint64_t index = 0;
  std::uint64_t removed = 0;
  std::string_view text;
  std::vector<Any> values;  ///< If there are any: an edit of the array.
};

std::string dir;
std::string input;  ///< Which files.
bool v2 = false;    ///< Which format.
int repeats = 5;

Bytes read_file(const std::string& name) {
  std::ifstream in(dir + "/" + name, std::ios::binary);
  if (!in) die("cannot read an input file");
  return Bytes(std::istreambuf_iterator<char>(in), {});
}

/// Both keep the file they point into.
const std::vector<Op>& ops() {
  static const Bytes file = read_file(input + ".ops");
  static std::vector<Op> list;
  if (!list.empty()) return list;
  for (ByteReader in(file); !in.at_end();) {
    Op op;
    const std::uint64_t kind = *in.read_varuint();
    op.index = *in.read_varuint();
    op.removed = *in.read_varuint();
    if (kind == 0) {
      op.text = *in.read_varstring();
    } else {
      for (std::uint64_t left = *in.read_varuint(); left > 0; --left) {
        op.values.emplace_back(static_cast<double>(*in.read_varuint()));
      }
    }
    list.push_back(std::move(op));
  }
  return list;
}

std::string in_format(const char* ending) { return input + ending + (v2 ? "-v2" : ""); }

const std::vector<ByteView>& updates() {
  static const Bytes file = read_file(in_format(".updates"));
  static std::vector<ByteView> list;
  if (!list.empty()) return list;
  for (ByteReader in(file); !in.at_end();) list.push_back(*in.read_varbytes());
  return list;
}

// --- Measuring ----------------------------------------------------------------------------------

struct Row {
  double ms = 0;
  double best = 0;
  long peak_kb = 0;
  std::uint64_t bytes = 0;
  std::uint64_t bytes_v2 = 0;
};

Row row;

/// User CPU, of samples of all CPU.
void note_times(std::vector<double> times, const UserShare& share) {
  std::sort(times.begin(), times.end());
  const double user = share.so_far();
  row.ms = times[times.size() / 2] * user;
  row.best = times[0] * user;
}

/// Runs `body` once, noting its memory, and then in samples of at least 20 ms.
void measure(const std::function<void()>& body) {
  malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << "5";  // The peak starts anew.
  const long before = memory_kb("VmRSS:");
  double start = cpu_ms();
  body();
  const double first = cpu_ms() - start;
  row.peak_kb = memory_kb("VmHWM:") - before;
  const int inner = std::clamp(static_cast<int>(20 / std::max(first, 1e-3)), 1, 10'000);
  const UserShare share;
  std::vector<double> times;
  for (int i = 0; i < repeats; ++i) {
    start = cpu_ms();
    for (int k = 0; k < inner; ++k) body();
    times.push_back((cpu_ms() - start) / inner);
  }
  note_times(std::move(times), share);
}

void note_state(const Doc& doc) {
  row.bytes = doc.encode_state_as_update().size();
  row.bytes_v2 = doc.encode_state_as_update_v2().size();
}

// --- Workloads ----------------------------------------------------------------------------------

void edit(Doc& doc, Text& text, Array& array, const Op& op) {
  if (!op.values.empty()) {
    (void)array.insert(op.index, op.values);
  } else if (op.removed > 0 && !op.text.empty()) {
    doc.transact([&] {
      (void)text.remove(op.index, op.removed);
      (void)text.insert(op.index, op.text);
    });
  } else if (op.removed > 0) {
    (void)text.remove(op.index, op.removed);
  } else {
    (void)text.insert(op.index, op.text);
  }
}

void edit_all(Doc& doc) {
  Text text = doc.text("text");
  Array array = doc.array("array");
  for (const Op& op : ops()) edit(doc, text, array, op);
}

/// Our updates must be those of stock Yjs, byte for byte.
void check_updates(const std::vector<ByteView>& expected) {
  Doc doc({.client_id = 1});
  std::size_t made = 0;
  const Subscription observing = doc.on_update([&](ByteView update, const Transaction&) {
    check(made < expected.size() && equal(update, expected[made++]), "an update unlike Yjs's");
  });
  edit_all(doc);
  check(made == expected.size(), "fewer updates than Yjs makes");
}

void replay_with_events() {
  check_updates(updates());
  (void)ops();
  measure([&] {
    Doc doc({.client_id = 1});
    std::uint64_t bytes = 0;
    const Subscription observing =
        doc.on_update([&](ByteView update, const Transaction&) { bytes += update.size(); });
    edit_all(doc);
  });
  for (const ByteView update : updates()) row.bytes += update.size();
}

void replay() {
  (void)ops();
  measure([&] {
    Doc doc({.client_id = 1});
    edit_all(doc);
  });
  Doc doc({.client_id = 1});
  edit_all(doc);
  note_state(doc);
}

/// The trace 100 times over; its state goes to a file for parse_many.
void replay_many() {
  constexpr int kTimes = 100;
  (void)ops();
  const auto edit_often = [&](Doc& doc) {
    for (int i = 0; i < kTimes; ++i) edit_all(doc);
  };
  repeats = std::min(repeats, 3);
  measure([&] {
    Doc doc({.client_id = 1});
    edit_often(doc);
  });
  Doc doc({.client_id = 1});
  edit_often(doc);
  const Bytes state = doc.encode_state_as_update();
  note_state(doc);
  std::ofstream(dir + "/many.state", std::ios::binary)
      .write(reinterpret_cast<const char*>(state.data()),
             static_cast<std::streamsize>(state.size()));
}

void take_in(Doc& doc, ByteView update) {
  check((v2 ? doc.apply_update_v2(update) : doc.apply_update(update)).has_value(), "refused");
}

Bytes state_of(const Doc& doc) {
  return v2 ? doc.encode_state_as_update_v2() : doc.encode_state_as_update();
}

void apply_updates() {
  const std::vector<ByteView>& all = updates();
  const auto apply_all = [&](Doc& doc) {
    for (const ByteView update : all) take_in(doc, update);
  };
  measure([&] {
    Doc doc({.client_id = 0xffff'ffff});
    apply_all(doc);
    check(!doc.has_pending(), "not all arrived");
  });
  Doc doc({.client_id = 0xffff'ffff});
  apply_all(doc);
  note_state(doc);
}

Doc load(ByteView state) {
  Doc doc({.client_id = 0xffff'ffff});
  check((v2 ? doc.load_update_v2(state) : doc.load_update(state)).has_value(), "refused");
  return doc;
}

void parse() {
  const Bytes state = read_file(in_format(".state"));
  const auto read = [](const Doc& doc) {
    for (const std::string& name : doc.root_names()) {
      const SharedType root = *doc.root(name);
      if (name == "text") {
        (void)root.as_text().to_string();
      } else if (name == "array") {
        (void)root.as_array().values();
      } else {
        (void)root.as_map().get("v");
      }
    }
  };
  measure([&] { read(load(state)); });
  note_state(load(state));
}

/// Resident memory of a loaded document. A small one comes and goes first, so that the pages of
/// code that loading runs (the process's, not the document's) are there before; else the first
/// large thing this process makes.
void memory() {
  const Bytes state = read_file(in_format(".state"));
  {
    Doc small({.client_id = 1});
    for (int i = 0; i < 64; ++i) {
      (void)small.text("text").insert(0, "x");
      if (i % 4 == 3) (void)small.text("text").remove(1, 1);
    }
    (void)load(small.encode_state_as_update());
  }
  malloc_trim(0);
  const long before = memory_kb("VmRSS:");
  const Doc doc = load(state);
  row.peak_kb = memory_kb("VmRSS:") - before;
  note_state(doc);
}

void encode() {
  const Doc doc = load(read_file(in_format(".state")));
  measure([&] { (void)state_of(doc); });
  note_state(doc);
}

void merge() {
  Bytes merged;
  measure([&] { merged = *merge_updates(std::span<const ByteView>(updates())); });
  row.bytes = merged.size();
}

void diff() {
  const Bytes state = read_file(in_format(".state"));
  StateVector half;
  half.advance(1, load(state).state_vector().clock_of(1) / 2);
  measure([&] { row.bytes = diff_update(state, half)->size(); });
}

void state_vector() {
  const Bytes state = read_file(in_format(".state"));
  measure([&] { row.bytes = state_vector_from_update(state)->encode().size(); });
}

Subscription keep_updates(Doc& doc, std::vector<Bytes>& made) {
  const auto keep = [&made](ByteView update, const Transaction&) {
    made.emplace_back(update.begin(), update.end());
  };
  return v2 ? doc.on_update_v2(keep) : doc.on_update(keep);
}

/// B1: the edits, an update event each, and those updates into another replica.
void no_conflicts() {
  (void)ops();
  std::vector<Bytes> made;
  const auto run = [&](Doc& doc) {
    made.clear();
    const Subscription observing = keep_updates(doc, made);
    edit_all(doc);
    Doc other({.client_id = 2});
    for (const Bytes& update : made) take_in(other, update);
  };
  measure([&] {
    Doc doc({.client_id = 1});
    run(doc);
  });
  Doc doc({.client_id = 1});
  run(doc);
  note_state(doc);
}

/// B2: the first half of the edits by one of two replicas of a text, in one transaction, which goes
/// to the other; then the second half by the other. The first edit of all is the text both have.
void two_writers() {
  const std::vector<Op>& all = ops();
  const std::size_t half = all[0].removed;  // How many are the first one's.
  const auto write = [&](Doc& doc, std::size_t from, std::size_t to) {
    Text text = doc.text("text");
    Array array = doc.array("array");
    std::vector<Bytes> made;
    const Subscription observing = keep_updates(doc, made);
    (void)doc.transact([&] {
      for (std::size_t i = from; i < to; ++i) edit(doc, text, array, all[i]);
    });
    return made.at(0);
  };
  const auto run = [&](Doc& one, Doc& two) {
    (void)one.text("text").insert(0, all[0].text);
    take_in(two, state_of(one));
    take_in(two, write(one, 1, 1 + half));
    take_in(one, write(two, 1 + half, all.size()));
  };
  measure([&] {
    Doc one({.client_id = 1});
    Doc two({.client_id = 2});
    run(one, two);
  });
  Doc one({.client_id = 1});
  Doc two({.client_id = 2});
  run(one, two);
  check(one.root_text("text") == two.root_text("text"), "two texts");
  note_state(one);
}

/// Edits of one character at random places.
struct Places {
  std::uint64_t state = 1;
  std::uint64_t below(std::uint64_t bound) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % bound;
  }
};

/// A document of 1 M characters in one string; its deletes come after the inserts.
void random_access(bool deletes) {
  constexpr int kEdits = 100'000;
  const UserShare share;
  std::vector<double> times;
  for (int i = 0; i < repeats; ++i) {
    Doc doc({.client_id = 1});
    Text text = doc.text("text");
    (void)text.insert(0, std::string(1'000'000, 'x'));
    Places places;
    double start = cpu_ms();
    for (int k = 0; k < kEdits; ++k) (void)text.insert(places.below(text.size() + 1), "y");
    if (deletes) {
      start = cpu_ms();
      for (int k = 0; k < kEdits; ++k) (void)text.remove(places.below(text.size()), 1);
    }
    times.push_back(cpu_ms() - start);
    note_state(doc);
    row.peak_kb = memory_kb("VmHWM:");
  }
  note_times(std::move(times), share);
}

/// 1,000 random edits in a document of `input` characters, pasted in pieces of 1,000.
void growth() {
  const std::uint64_t size = std::strtoull(input.c_str(), nullptr, 10);
  const std::string piece(1000, 'x');
  std::vector<double> times;
  // What the edits cost is the same each time, and little: small documents are made often.
  const int runs = size > 10'000'000 ? 3 : 200;
  const UserShare share;
  for (int i = 0; i < runs; ++i) {
    Doc doc({.client_id = 1});
    Text text = doc.text("text");
    Places places;
    // At random places: strings that follow each other would be one item.
    while (text.size() < size) (void)text.insert(places.below(text.size() + 1), piece);
    const double start = cpu_ms();
    for (int k = 0; k < 500; ++k) {
      (void)text.insert(places.below(text.size() + 1), "y");
      (void)text.remove(places.below(text.size()), 1);
    }
    times.push_back(cpu_ms() - start);
  }
  note_times(std::move(times), share);
  row.peak_kb = memory_kb("VmHWM:");
}

const std::map<std::string, std::function<void()>> kWorkloads{
    {"replay-events", replay_with_events},
    {"replay", replay},
    {"replay-many", replay_many},
    {"apply", apply_updates},
    {"parse", parse},
    {"memory", memory},
    {"encode", encode},
    {"merge", merge},
    {"diff", diff},
    {"state-vector", state_vector},
    {"no-conflicts", no_conflicts},
    {"two-writers", two_writers},
    {"random-inserts", [] { random_access(false); }},
    {"random-deletes", [] { random_access(true); }},
    {"growth", growth},
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) die("usage: crdt_bench DIR WORKLOAD[:INPUT] [REPEATS]");
  dir = argv[1];
  std::string name = argv[2];
  if (argc > 3) repeats = std::max(1, std::atoi(argv[3]));
  if (const auto colon = name.find(':'); colon != std::string::npos) {
    input = name.substr(colon + 1);
    name.resize(colon);
  }
  if (name.ends_with("-v2")) {
    v2 = true;
    name.resize(name.size() - 3);
  }
  const auto workload = kWorkloads.find(name);
  if (workload == kWorkloads.end()) die("no such workload");
  workload->second();
  std::printf("{\"ms\":%.5f,\"best\":%.5f,\"peak\":%ld,\"bytes\":%llu,\"bytesV2\":%llu}\n", row.ms,
              row.best, row.peak_kb, static_cast<unsigned long long>(row.bytes),
              static_cast<unsigned long long>(row.bytes_v2));
}
