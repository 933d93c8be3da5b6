// The load generator of bench/bridge/run.mjs: one scenario against one server, one thread, one JSON
// object on standard output.
//
//     bridge_load SCENARIO --port P --pid PID [--protocol y-websocket|hocuspocus] [--path /] ...
//
// What it measures. A delivery is one client's being handed one edit (or awareness state) of
// another, from just before the sender's send() to just after the receiver's recv(), also where the
// server put several into one message: each is found by its author and clock. Those who wrote it do
// not count. The server's CPU is that of process PID between the first counted edit and the last
// delivery. Every client must have had everything in the end, and a client that joins then must get
// exactly what was written; if not, it fails.

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <unordered_map>

#include "bench/bridge/client.hpp"
#include "bench/bridge/wire.hpp"
#include "crdt/doc.hpp"
#include "crdt/update.hpp"

namespace coterie::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr Nanos kPatience = 60 * kSecond;
constexpr std::size_t kVerifiedRooms = 25;

struct Options {
  Target target;
  pid_t pid = 0;
  std::string document = "bench";
  std::string state;  // File: the update that fills the document.
  std::size_t clients = 50;
  std::size_t documents = 1;
  std::size_t edits = 120;
  bool stalls = true;  // False: the same traffic with nobody stalled, to tell what is due to that.
  crdt::ClientId client = 0;
  std::string directory = ".";
  double rate = 5;
  double seconds = 10;
  double warm_up = 2;
  bool keeps = true;  // Whether the server keeps documents: a newcomer is to get them.
  std::uint64_t seed = 1;
  std::size_t in_flight = 200;  // Connections being made at once.
};

// --- The server's process ------------------------------------------------------------------------

struct Memory {
  double resident = 0;  ///< MB, as the kernel counts it: mapped files included.
  double anonymous = 0;
  double peak = 0;
};

class Process {
 public:
  explicit Process(pid_t pid) : pid_(pid) {
    if (pid != 0 && ::clock_getcpuclockid(pid, &clock_) != 0) fail("no such process");
  }

  /// User and system time of all threads so far.
  double cpu_seconds() const {
    timespec at{};
    if (pid_ == 0 || ::clock_gettime(clock_, &at) != 0) return 0;
    return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_nsec) / 1e9;
  }

  Memory memory() const {
    Memory out;
    std::ifstream in("/proc/" + std::to_string(pid_) + "/status");
    for (std::string word; in >> word;) {
      double* value = word == "VmRSS:"     ? &out.resident
                      : word == "RssAnon:" ? &out.anonymous
                      : word == "VmHWM:"   ? &out.peak
                                           : nullptr;
      if (value == nullptr) continue;
      in >> *value;
      *value /= 1000;
    }
    return out;
  }

 private:
  pid_t pid_;
  clockid_t clock_{};
};

double own_cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double in_ms(Nanos duration) { return static_cast<double>(duration) / 1e6; }

double rounded(double value, double unit = 0.001) { return std::round(value / unit) * unit; }

Json quantiles(std::vector<float>& samples) {
  if (samples.empty()) return nullptr;
  std::sort(samples.begin(), samples.end());
  const auto at = [&](double share) {
    const auto index = static_cast<std::size_t>(share * static_cast<double>(samples.size()));
    return rounded(static_cast<double>(samples[std::min(index, samples.size() - 1)]));
  };
  return {{"p50", at(0.5)}, {"p95", at(0.95)}, {"p99", at(0.99)}, {"max", at(1)}};
}

// --- Who writes what, and who has had it ---------------------------------------------------------

struct Sent {
  Nanos at = 0;
  std::uint32_t left = 0;  ///< Who has not had it.
};

/// What one client wrote (or showed), numbered from 0.
struct Series {
  crdt::ClientId id = 0;
  std::vector<Sent> sent;
};

class Tally {
 public:
  void begin() { from_ = now(); }
  bool counts(const Sent& sent) const { return from_ != 0 && sent.at >= from_; }

  void arrived(Sent& sent, Nanos at) {
    --sent.left;
    if (!counts(sent)) return;
    const auto ms = static_cast<float>(in_ms(at - sent.at));
    each_.push_back(ms);
    if (sent.left == 0) last_.push_back(ms);
  }

  std::uint64_t deliveries() const { return each_.size(); }
  std::vector<float>& each() { return each_; }
  std::vector<float>& last() { return last_; }

 private:
  Nanos from_ = 0;
  std::vector<float> each_;
  std::vector<float> last_;
};

/// One document and what was written to it.
struct Room {
  std::string name;
  std::vector<Series> series = {};
  std::unordered_map<crdt::ClientId, std::size_t> index = {};
  std::size_t members = 0;

  std::size_t add_writer(crdt::ClientId id) {
    index.emplace(id, series.size());
    series.push_back({.id = id, .sent = {}});
    return series.size() - 1;
  }
};

/// Ids of an update; that of the message before is remembered, for all get the same one.
const std::vector<crdt::IdRange>& ids_of(ByteView update) {
  static Bytes known;
  static std::vector<crdt::IdRange> ids;
  if (known.empty() || !equal(known, update)) {
    known.assign(update.begin(), update.end());
    const auto listing = crdt::inspect_update(update);
    if (!listing) fail("an update from the server: " + to_string(listing.error()));
    ids = listing->structs;
  }
  return ids;
}

class Member : public Client {
 public:
  Member(Loop& loop, const Target& target, Room& room, Tally& tally)
      : Client(loop, target, room.name), room_(room), tally_(tally) {
    room.members += 1;
  }

  void write_as(std::size_t series) { own_ = series; }
  Series& own() { return room_.series[*own_]; }
  const Room& room() const { return room_; }

  void type(std::string_view text = "x") {
    Series& series = own();
    const Bytes update = insertion(series.id, series.sent.size(), text);
    series.sent.push_back({.at = now(), .left = others()});
    for (std::size_t i = 1; i < text.size(); ++i)
      series.sent.push_back({.at = 0, .left = others()});
    send_update(update);
  }

  void show_cursor() {
    Series& series = own();
    series.sent.push_back({.at = now(), .left = others()});
    send_awareness(series.id, series.sent.size());
  }

  /// Whether all that others wrote has arrived.
  bool complete() const {
    for (std::size_t i = 0; i < room_.series.size(); ++i) {
      if (own_ == i) continue;
      if (next_of(i) != room_.series[i].sent.size()) return false;
    }
    return true;
  }

 protected:
  void on_message(const Message& message, Nanos at) override {
    using Kind = Message::Kind;
    if (message.kind == Kind::kUpdate || message.kind == Kind::kStep2) {
      for (const crdt::IdRange& ids : ids_of(message.payload)) {
        const auto found = room_.index.find(ids.client);
        if (found == room_.index.end() || own_ == found->second) continue;
        if (ids.clock > next_of(found->second)) fail("an edit is missing: " + document());
        advance(found->second, ids.clock + ids.length, at);
      }
    } else if (message.kind == Kind::kAwareness) {
      for (const AwarenessEntry& entry : awareness_entries(message.payload)) {
        const auto found = room_.index.find(entry.client);
        // What was overtaken counts as seen with what overtook it. The clock may be the server's
        // own.
        if (found != room_.index.end() && own_ != found->second && entry.moves) {
          advance(found->second, *entry.moves, at);
        }
      }
    }
  }

 private:
  std::uint32_t others() const { return static_cast<std::uint32_t>(room_.members - 1); }
  std::uint64_t next_of(std::size_t series) const {
    return series < next_.size() ? next_[series] : 0;
  }
  void advance(std::size_t series, std::uint64_t to, Nanos at) {
    if (next_.size() <= series) next_.resize(room_.series.size());
    auto& sent = room_.series[series].sent;
    if (to > sent.size()) fail("more came than was sent: " + document());
    for (; next_[series] < to; ++next_[series]) tally_.arrived(sent[next_[series]], at);
  }

  Room& room_;
  Tally& tally_;
  std::optional<std::size_t> own_;
  std::vector<std::uint32_t> next_;
};

/// Joins as somebody who holds nothing, and keeps what comes.
class Newcomer : public Client {
 public:
  using Client::Client;
  crdt::Doc doc{{.client_id = 1}};
  Nanos first = 0;  ///< When the first step 2 came.

 protected:
  void on_message(const Message& message, Nanos at) override {
    using Kind = Message::Kind;
    if (message.kind != Kind::kUpdate && message.kind != Kind::kStep2) return;
    if (message.kind == Kind::kStep2 && first == 0) first = at;
    if (!doc.load_update(message.payload)) fail("an update from the server does not apply");
  }
};

// --- Parts of scenarios --------------------------------------------------------------------------

using Members = std::vector<std::unique_ptr<Member>>;

class Bench {
 public:
  explicit Bench(const Options& given) : options(given), server(given.pid), random_(given.seed) {}

  const Options& options;
  Loop loop;
  Process server;
  Tally tally;

  crdt::ClientId fresh_id() { return 2 + random_() % 0xffff'fff0; }
  double fraction() { return std::uniform_real_distribution<double>(0, 1)(random_); }

  /// Connects and syncs all of `clients`.
  template <typename Some>
  void connect(const std::vector<std::unique_ptr<Some>>& clients, std::size_t in_flight) {
    std::size_t begun = 0;
    std::size_t done = 0;
    const auto step = [&] {
      while (done < begun && clients[done]->synced()) ++done;
      while (begun < clients.size() && begun < done + in_flight) clients[begun++]->connect();
      for (std::size_t i = done; i < begun; ++i) {
        if (clients[i]->closed()) fail("closed by the server: " + clients[i]->document());
      }
      return done == clients.size();
    };
    if (!loop.run(now() + kPatience, step)) fail("not all clients were synced");
  }

  /// Calls `act` for each of `writers`, `rate` times a second at irregular moments, until stopped.
  void keep_busy(const std::vector<Member*>& writers, double rate,
                 const std::function<void(Member&)>& act) {
    busy_ = true;
    const auto period = static_cast<double>(kSecond) / rate;
    for (Member* writer : writers) {
      schedule(writer, now() + static_cast<Nanos>(fraction() * period), period, act);
    }
  }

  /// Warms up, measures `options.seconds` of `act`, and waits until everybody has had everything.
  Json measure(const Members& members, const std::vector<Member*>& writers,
               const std::function<void(Member&)>& act) {
    keep_busy(writers, options.rate, act);
    loop.run_for(static_cast<Nanos>(options.warm_up * 1e9));
    tally.begin();
    late_.clear();
    const double server_before = server.cpu_seconds();
    const double own_before = own_cpu_seconds();
    const Nanos began = now();
    loop.run_for(static_cast<Nanos>(options.seconds * 1e9));
    busy_ = false;
    settle(members);
    const double cpu = server.cpu_seconds() - server_before;
    const double own = own_cpu_seconds() - own_before;
    const double wall = static_cast<double>(now() - began) / 1e9;
    const auto deliveries = static_cast<double>(tally.deliveries());
    const Memory memory = server.memory();
    return {
        {"deliveries", tally.deliveries()},
        {"us_per_delivery", rounded(cpu * 1e6 / deliveries)},
        {"ms", quantiles(tally.each())},
        {"last_reader_ms", quantiles(tally.last())},
        {"server_cpu_s", rounded(cpu)},
        {"server_cpu_share", rounded(cpu / wall)},
        {"rss_mb", rounded(memory.resident, 0.1)},
        {"rss_anon_mb", rounded(memory.anonymous, 0.1)},
        {"generator_cpu_share", rounded(own / wall)},
        {"generator_late_ms", quantiles(late_)},
    };
  }

  void settle(const Members& members) {
    std::size_t done = 0;
    const bool all = loop.run(now() + kPatience, [&] {
      while (done < members.size() && members[done]->complete()) ++done;
      return done == members.size();
    });
    if (!all) fail("not everything arrived: " + members[done]->document());
  }

  /// A client that joins `room` now gets what was written to it, and nothing else.
  void verify(const Room& room) {
    crdt::Doc expected({.client_id = 1});
    for (const Series& series : room.series) {
      const std::string text(series.sent.size(), 'x');
      if (!text.empty() && !expected.load_update(insertion(series.id, 0, text))) fail("verify");
    }
    Newcomer newcomer(loop, options.target, room.name);
    newcomer.connect();
    const bool same = loop.run(now() + kPatience, [&] {
      return newcomer.synced() && newcomer.doc.state_vector() == expected.state_vector();
    });
    if (!same || newcomer.doc.text(kTextRoot).to_string() != expected.text(kTextRoot).to_string()) {
      fail("a newcomer got something else than was written: " + room.name);
    }
  }

 private:
  void schedule(Member* writer, Nanos when, double period, std::function<void(Member&)> act) {
    loop.at(when, [this, writer, when, period, act = std::move(act)] {
      if (!busy_) return;
      late_.push_back(static_cast<float>(in_ms(now() - when)));
      act(*writer);
      schedule(writer, when + static_cast<Nanos>((0.5 + fraction()) * period), period, act);
    });
  }

  std::mt19937_64 random_;
  std::vector<float> late_;
  bool busy_ = false;
};

// --- Scenarios -----------------------------------------------------------------------------------

/// `clients` in one document, `writers` of them write.
Json crowd(const Options& options, std::size_t writers, const std::function<void(Member&)>& act,
           bool verified) {
  Bench bench(options);
  Room room{.name = options.document};
  Members members;
  std::vector<Member*> writing;
  for (std::size_t i = 0; i < options.clients; ++i) {
    members.push_back(std::make_unique<Member>(bench.loop, options.target, room, bench.tally));
    if (i >= writers) continue;
    members.back()->write_as(room.add_writer(bench.fresh_id()));
    writing.push_back(members.back().get());
  }
  bench.connect(members, options.in_flight);
  Json out = bench.measure(members, writing, act);
  if (verified && options.keeps) bench.verify(room);
  return out;
}

Json editors(const Options& options) {
  return crowd(
      options, options.clients, [](Member& one) { one.type(); }, true);
}

Json readers(const Options& options) {
  return crowd(
      options, 1, [](Member& one) { one.type(); }, true);
}

Json awareness(const Options& options) {
  return crowd(
      options, options.clients, [](Member& one) { one.show_cursor(); }, false);
}

/// `documents` documents of `clients` clients each, all of which write.
Json documents(const Options& options) {
  Bench bench(options);
  std::vector<std::unique_ptr<Room>> rooms;
  Members members;
  std::vector<Member*> writing;
  for (std::size_t i = 0; i < options.documents; ++i) {
    rooms.push_back(std::make_unique<Room>(Room{.name = options.document + std::to_string(i)}));
    for (std::size_t j = 0; j < options.clients; ++j) {
      members.push_back(
          std::make_unique<Member>(bench.loop, options.target, *rooms.back(), bench.tally));
      members.back()->write_as(rooms.back()->add_writer(bench.fresh_id()));
      writing.push_back(members.back().get());
    }
  }
  bench.connect(members, options.in_flight);
  Json out = bench.measure(members, writing, [](Member& one) { one.type(); });
  const auto edits = out["deliveries"].get<double>() / static_cast<double>(options.clients - 1);
  out["us_per_edit"] = rounded(out["server_cpu_s"].get<double>() * 1e6 / edits);
  if (!options.keeps) return out;
  for (std::size_t i = 0; i < std::min(rooms.size(), kVerifiedRooms); ++i) bench.verify(*rooms[i]);
  return out;
}

Bytes read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) fail("cannot read " + path);
  return Bytes(std::istreambuf_iterator<char>(in), {});
}

/// Waits for all of a known state, which it finds by its ids.
class Joiner : public Client {
 public:
  Joiner(Loop& loop, const Target& target, const std::string& document,
         const crdt::StateVector& expected)
      : Client(loop, target, document), expected_(expected) {}

  Nanos first = 0;
  Nanos complete = 0;

 protected:
  void on_message(const Message& message, Nanos at) override {
    using Kind = Message::Kind;
    if (message.kind != Kind::kUpdate && message.kind != Kind::kStep2) return;
    if (message.kind == Kind::kStep2 && first == 0) first = at;
    for (const crdt::IdRange& ids : ids_of(message.payload)) {
      if (ids.clock == held_.clock_of(ids.client))
        held_.advance(ids.client, ids.clock + ids.length);
    }
    if (complete == 0 && held_ == expected_) complete = at;
  }

 private:
  const crdt::StateVector& expected_;
  crdt::StateVector held_;
};

struct Filled {
  Bytes state;
  crdt::StateVector vector;
  std::unique_ptr<Newcomer> holder;  ///< Stays connected: some forget what nobody has open.
};

/// Writes the update in the file `state` to the document.
Filled fill(Bench& bench) {
  Filled out;
  out.state = read_file(bench.options.state);
  const auto expected = crdt::state_vector_from_update(out.state);
  if (!expected) fail("not an update: " + bench.options.state);
  out.vector = *expected;
  out.holder = std::make_unique<Newcomer>(bench.loop, bench.options.target, bench.options.document);
  Newcomer& writer = *out.holder;
  writer.connect();
  if (!bench.loop.run(now() + kPatience, [&] { return writer.synced(); })) fail("not synced");
  writer.send_update(out.state);
  bench.loop.run(now() + kPatience, [&] { return writer.bytes_unsent() == 0; });
  Joiner reader(bench.loop, bench.options.target, bench.options.document, out.vector);
  reader.connect();
  if (!bench.loop.run(now() + kPatience, [&] { return reader.complete != 0; })) fail("not filled");
  return out;
}

/// `clients` join a filled document at once.
Json join(const Options& options) {
  Bench bench(options);
  const Filled filled = fill(bench);
  std::vector<std::unique_ptr<Joiner>> joiners;
  for (std::size_t i = 0; i < options.clients; ++i) {
    joiners.push_back(
        std::make_unique<Joiner>(bench.loop, options.target, options.document, filled.vector));
  }
  const double server_before = bench.server.cpu_seconds();
  const double own_before = own_cpu_seconds();
  const Nanos began = now();
  for (const auto& one : joiners) one->connect();
  std::size_t done = 0;
  const bool all = bench.loop.run(now() + kPatience, [&] {
    while (done < joiners.size() && joiners[done]->complete != 0) ++done;
    return done == joiners.size();
  });
  if (!all) fail("not all joined");
  const double wall = in_ms(now() - began);
  const double cpu = bench.server.cpu_seconds() - server_before;
  const double own = own_cpu_seconds() - own_before;
  std::vector<float> first;
  std::vector<float> complete;
  for (const auto& one : joiners) {
    first.push_back(static_cast<float>(in_ms(one->first - began)));
    complete.push_back(static_cast<float>(in_ms(one->complete - began)));
  }
  const Memory memory = bench.server.memory();
  return {{"all_ms", rounded(wall)},
          {"cpu_ms_per_join", rounded(cpu * 1e3 / static_cast<double>(options.clients))},
          {"first_ms", quantiles(first)},
          {"complete_ms", quantiles(complete)},
          {"rss_mb", rounded(memory.resident, 0.1)},
          {"rss_peak_mb", rounded(memory.peak, 0.1)},
          {"generator_cpu_share", rounded(own * 1e3 / wall)}};
}

/// `documents` documents with a client each that does nothing, then without.
Json idle(const Options& options) {
  constexpr std::size_t kBefore = 50;
  constexpr Nanos kSettling = 5 * kSecond;
  Bench bench(options);
  const auto connect = [&](std::size_t count, const std::string& name) {
    std::vector<std::unique_ptr<Client>> out;
    for (std::size_t i = 0; i < count; ++i) {
      out.push_back(std::make_unique<Client>(bench.loop, options.target, name + std::to_string(i)));
    }
    bench.connect(out, options.in_flight);
    return out;
  };
  connect(kBefore, options.document + "-before").clear();  // What the first clients cost once.
  bench.loop.run_for(kSettling);
  const Memory before = bench.server.memory();
  const double server_before = bench.server.cpu_seconds();
  const Nanos began = now();
  auto clients = connect(options.documents, options.document);
  const double connecting = in_ms(now() - began);
  const double cpu = bench.server.cpu_seconds() - server_before;
  bench.loop.run_for(kSettling);
  const Memory with = bench.server.memory();
  const double server_idle = bench.server.cpu_seconds();
  bench.loop.run_for(kSettling);
  const double idle_share = (bench.server.cpu_seconds() - server_idle) / 5;
  for (const auto& one : clients) {
    if (one->closed()) fail("closed by the server while idle");
  }
  clients.clear();
  bench.loop.run_for(static_cast<Nanos>(options.seconds * 1e9));
  const Memory after = bench.server.memory();
  const auto each = [&](double Memory::*what, const Memory& then) {
    return rounded((then.*what - before.*what) * 1e3 / static_cast<double>(options.documents),
                   0.01);
  };
  return {{"kb_each", each(&Memory::resident, with)},
          {"kb_each_anon", each(&Memory::anonymous, with)},
          {"kb_each_left", each(&Memory::resident, after)},
          {"kb_each_left_anon", each(&Memory::anonymous, after)},
          {"cpu_ms_per_connect", rounded(cpu * 1e3 / static_cast<double>(options.documents))},
          {"all_ms", rounded(connecting)},
          {"idle_cpu_share", rounded(idle_share)},
          {"rss_before_mb", rounded(before.resident, 0.1)},
          {"rss_mb", rounded(with.resident, 0.1)},
          {"rss_left_mb", rounded(after.resident, 0.1)}};
}

/// Fills the document, for a later `open`.
Json fill_only(const Options& options) {
  Bench bench(options);
  return {{"bytes", fill(bench).state.size()}};
}

/// How long until a client has a document that was filled before.
Json open(const Options& options) {
  Bench bench(options);
  const auto expected = crdt::state_vector_from_update(read_file(options.state));
  if (!expected) fail("not an update: " + options.state);
  Joiner joiner(bench.loop, options.target, options.document, *expected);
  const Nanos began = now();
  joiner.connect();
  if (!bench.loop.run(now() + kPatience, [&] { return joiner.complete != 0; })) fail("not whole");
  return {{"first_ms", rounded(in_ms(joiner.first - began))},
          {"complete_ms", rounded(in_ms(joiner.complete - began))}};
}

/// Learns which of its edits the server says it has: Hocuspocus counts them, the other protocol
/// sends them back.
class Author : public Client {
 public:
  Author(Loop& loop, const Target& target, const std::string& document, crdt::ClientId id)
      : Client(loop, target, document),
        id_(id),
        counts_(target.protocol == Protocol::kHocuspocus) {}

  void type() {
    sent_.push_back(now());
    send_update(insertion(id_, sent_.size() - 1, "x"));
  }
  std::size_t acknowledged() const { return ms_.size(); }
  std::vector<float>& ms() { return ms_; }

 protected:
  void on_message(const Message& message, Nanos at) override {
    using Kind = Message::Kind;
    if (message.kind == Kind::kSaved) {
      // One is of the step 2 with which it answered.
      if (!sent_.empty() && ms_.size() < sent_.size()) acknowledge(ms_.size() + 1, at);
    } else if (message.kind == Kind::kUpdate && !counts_) {
      for (const crdt::IdRange& ids : ids_of(message.payload)) {
        if (ids.client == id_) acknowledge(ids.clock + ids.length, at);
      }
    }
  }

 private:
  void acknowledge(std::size_t to, Nanos at) {
    for (; ms_.size() < to;) ms_.push_back(static_cast<float>(in_ms(at - sent_[ms_.size()])));
  }

  crdt::ClientId id_;
  bool counts_;  ///< Acknowledged by number: what comes back means nothing.
  std::vector<Nanos> sent_;
  std::vector<float> ms_;
};

/// What writing so much durably takes on the disk of `directory`, and nothing else.
std::vector<float> bare_writes(const std::string& directory) {
  constexpr std::size_t kWriteBytes = 400;
  const std::string path = directory + "/bare-writes";
  const int fd = ::open(path.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) fail("cannot write to " + directory);
  const Bytes bytes(kWriteBytes, 7);
  std::vector<float> out;
  for (int i = 0; i < 100; ++i) {
    const Nanos began = now();
    if (::write(fd, bytes.data(), bytes.size()) < 0 || ::fdatasync(fd) != 0) fail("fdatasync");
    out.push_back(static_cast<float>(in_ms(now() - began)));
  }
  ::close(fd);
  ::unlink(path.c_str());
  return out;
}

/// Types `edits` and kills the server 0.3 s later. `held` tells what became of them.
Json crash(const Options& options) {
  Bench bench(options);
  const crdt::ClientId id = bench.fresh_id();
  std::vector<float> disk = bare_writes(options.directory);
  Author author(bench.loop, options.target, options.document, id);
  author.connect();
  if (!bench.loop.run(now() + kPatience, [&] { return author.synced(); })) fail("not synced");
  bench.loop.run_for(kSecond / 2);  // Beyond the acknowledgement of the first exchange.
  for (std::size_t i = 0; i < options.edits; ++i) {
    author.type();
    bench.loop.run_for(static_cast<Nanos>(1e9 / options.rate));
  }
  bench.loop.run_for(300 * kMillisecond);
  const std::size_t acknowledged = author.acknowledged();
  if (::kill(options.pid, SIGKILL) != 0) fail("kill");
  return {{"client", id},
          {"edits", options.edits},
          {"acknowledged", acknowledged},
          {"acknowledged_ms", quantiles(author.ms())},
          {"bare_write_ms", quantiles(disk)}};
}

/// How many edits of `client` the document has.
Json held(const Options& options) {
  Bench bench(options);
  Newcomer newcomer(bench.loop, options.target, options.document);
  newcomer.connect();
  if (!bench.loop.run(now() + kPatience, [&] { return newcomer.synced(); })) fail("not synced");
  bench.loop.run_for(2 * kSecond);  // Some load the document after the first answer.
  return {{"held", newcomer.doc.clock_of(options.client)}};
}

/// Long insertions, each of which removes the one before: much traffic, and a small document.
class Torrent {
 public:
  Torrent(crdt::ClientId author, std::size_t bytes) : id(author), text_(bytes, 'x') {}

  void write(Client& writer) {
    const crdt::Clock clock = sent.size() * text_.size();
    sent.push_back(now());
    writer.send_update(insertion(id, clock, text_));
    if (clock > 0) writer.send_update(deletion(id, clock - text_.size(), text_.size()));
  }
  std::size_t bytes() const { return text_.size(); }

  const crdt::ClientId id;
  std::vector<Nanos> sent;

 private:
  std::string text_;
};

/// A reader of a Torrent.
class Follower : public Client {
 public:
  Follower(Loop& loop, const Target& target, const std::string& document, const Torrent& torrent)
      : Client(loop, target, document), torrent_(torrent) {}

  std::size_t seen() const { return seen_; }
  std::vector<float> take_ms() { return std::exchange(ms_, {}); }

 protected:
  void on_message(const Message& message, Nanos at) override {
    using Kind = Message::Kind;
    if (message.kind != Kind::kUpdate && message.kind != Kind::kStep2) return;
    for (const crdt::IdRange& ids : ids_of(message.payload)) {
      if (ids.client != torrent_.id) continue;
      for (; (seen_ + 1) * torrent_.bytes() <= ids.clock + ids.length; ++seen_) {
        ms_.push_back(static_cast<float>(in_ms(at - torrent_.sent[seen_])));
      }
    }
  }

 private:
  const Torrent& torrent_;
  std::size_t seen_ = 0;
  std::vector<float> ms_;
};

/// One reader stops reading while 100 MB are written for each, then reads on.
Json stalled(const Options& options) {
  constexpr std::size_t kPieceBytes = 50'000;
  constexpr std::size_t kPieces = 2000;
  constexpr std::size_t kPiecesBefore = 300;
  Bench bench(options);
  Torrent torrent(bench.fresh_id(), kPieceBytes);
  std::vector<std::unique_ptr<Client>> all;
  std::vector<Follower*> readers;
  all.push_back(std::make_unique<Client>(bench.loop, options.target, options.document));
  Client& writer = *all.front();
  for (std::size_t i = 0; i < options.clients; ++i) {
    auto one = std::make_unique<Follower>(bench.loop, options.target, options.document, torrent);
    readers.push_back(one.get());
    all.push_back(std::move(one));
  }
  auto newcomer = std::make_unique<Newcomer>(bench.loop, options.target, options.document);
  Newcomer& victim = *newcomer;
  all.push_back(std::move(newcomer));
  bench.connect(all, options.in_flight);

  Memory most;
  const auto write = [&](std::size_t pieces) {
    most = {};
    const Nanos began = now();
    for (std::size_t i = 0; i < pieces; ++i) {
      torrent.write(writer);
      const Nanos next =
          began + static_cast<Nanos>(static_cast<double>(i + 1) * 1e9 / options.rate);
      bench.loop.run(next, [] { return false; });
      // A writer that goes faster than the server takes it measures its own queue.
      bench.loop.run(now() + kPatience, [&] { return writer.bytes_unsent() < 4 * kPieceBytes; });
      if (i % 20 != 0) continue;
      const Memory memory = bench.server.memory();
      most.resident = std::max(most.resident, memory.resident);
      most.anonymous = std::max(most.anonymous, memory.anonymous);
    }
    const bool arrived = bench.loop.run(now() + kPatience, [&] {
      return std::all_of(readers.begin(), readers.end(),
                         [&](Follower* one) { return one->seen() == torrent.sent.size(); });
    });
    if (!arrived) fail("not everything arrived");
    std::vector<float> ms;
    for (Follower* one : readers) {
      const auto some = one->take_ms();
      ms.insert(ms.end(), some.begin(), some.end());
    }
    return quantiles(ms);
  };

  write(kPiecesBefore);
  const Json before_ms = write(kPiecesBefore);
  const Memory before = most;
  victim.set_reading(!options.stalls);
  const std::uint64_t bytes_before = victim.bytes_received();
  const std::uint64_t messages_before = victim.messages_received();
  const Json stalled_ms = write(kPieces);
  const Memory peak = most;
  const std::size_t closed = victim.closed() ? 1 : 0;
  victim.set_reading(true);
  const Nanos resumed = now();
  const bool recovered = bench.loop.run(now() + 30 * kSecond, [&] {
    return victim.closed() ||
           (victim.doc.clock_of(torrent.id) == torrent.sent.size() * kPieceBytes &&
            victim.doc.text(kTextRoot).to_string().size() == kPieceBytes);
  }) && !victim.closed();
  const double recovering = in_ms(now() - resumed);
  bench.loop.run_for(5 * kSecond);
  const Memory after = bench.server.memory();
  return {{"traffic_mb", rounded(static_cast<double>(kPieces * kPieceBytes) / 1e6, 0.1)},
          {"rss_added_mb", rounded(peak.resident - before.resident, 0.1)},
          {"anon_added_mb", rounded(peak.anonymous - before.anonymous, 0.1)},
          {"rss_left_mb", rounded(after.resident - before.resident, 0.1)},
          {"anon_left_mb", rounded(after.anonymous - before.anonymous, 0.1)},
          {"others_before_ms", before_ms},
          {"others_ms", stalled_ms},
          {"closed", closed},
          {"recovered", recovered},
          {"recovered_ms", rounded(recovering)},
          {"messages_to_recover", victim.messages_received() - messages_before},
          {"mb_to_recover",
           rounded(static_cast<double>(victim.bytes_received() - bytes_before) / 1e6, 0.01)}};
}

int run(int argc, const char* const* argv) {
  const std::map<std::string, Json (*)(const Options&)> scenarios = {
      {"editors", editors},     {"readers", readers}, {"awareness", awareness},
      {"documents", documents}, {"join", join},       {"idle", idle},
      {"fill", fill_only},      {"open", open},       {"crash", crash},
      {"held", held},           {"stalled", stalled},
  };
  Options options;
  std::string scenario;
  CLI::App app("Load for servers of Yjs documents");
  app.add_option("scenario", scenario)->required()->check(CLI::IsMember(scenarios));
  app.add_option("--port", options.target.port)->required();
  app.add_option("--pid", options.pid, "The server's process");
  app.add_option("--protocol", options.target.protocol)
      ->transform(CLI::CheckedTransformer(std::map<std::string, Protocol>{
          {"y-websocket", Protocol::kYWebsocket}, {"hocuspocus", Protocol::kHocuspocus}}));
  app.add_option("--path", options.target.path, "Before the document's name")->default_str("/");
  app.add_option("--prefix", options.target.prefix, "Of documents' names");
  app.add_option("--document", options.document);
  app.add_option("--state", options.state, "File of the update that fills the document");
  app.add_option("--clients", options.clients, "In each document");
  app.add_option("--documents", options.documents);
  app.add_option("--edits", options.edits);
  app.add_option("--stalls", options.stalls, "Whether a reader stops reading");
  app.add_option("--client", options.client, "Whose edits are counted");
  app.add_option("--directory", options.directory, "On the disk that the server writes to");
  app.add_option("--rate", options.rate, "Per second and client");
  app.add_option("--seconds", options.seconds);
  app.add_option("--warm-up", options.warm_up, "Seconds");
  app.add_option("--keeps", options.keeps, "Whether the server keeps what was written");
  app.add_option("--seed", options.seed);
  CLI11_PARSE(app, argc, argv);
  std::cout << scenarios.at(scenario)(options) << '\n';
  return 0;
}

}  // namespace
}  // namespace coterie::bench

int main(int argc, char** argv) { return coterie::bench::run(argc, argv); }
