// Goal: whatever the network does, once it heals, all nodes hold the same entries within bounded
// time; and no mesh ever hands its engine an entry that nobody wrote.
//
// Each seed draws a team of meshes on a network with faults of its own: loss, duplicates,
// reordering, one-way cuts, clogs, crashes, nodes that cannot be dialled, pairs that can never
// talk, nodes that prune logs, and now and then a member that alters what it passes on. Who asks
// for what was pruned is given all of it at once, or sometimes nothing: the bundles of node/core
// are tested there (tests/node/transfer_test.cpp). The engines are played by SimNode: they know an
// author only after they hold the host's entry that admits it (so runs get deferred), write with a
// delay, and lose what was not written when they crash.

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/support/choices.hpp"
#include "tests/support/sim_network.hpp"
#include "tests/support/wire_samples.hpp"
#include "transport/core/mesh.hpp"
#include "transport/crypto/crypto.hpp"
#include "transport/wire/limits.hpp"
#include "transport/wire/messages.hpp"

namespace coterie::transport {
namespace {

using namespace std::chrono_literals;
using testing::for_each_seed;
using testing::patterned_id;
using testing::SeededChoices;
using testing::SimNetwork;

Duration millis(std::uint64_t count) { return std::chrono::milliseconds(count); }

/// Everything that was ever written, by whom and in which order.
class World {
 public:
  void write(const LogId& log, Bytes entry) {
    auto& entries = logs_[log];
    entries.push_back(std::move(entry));
    auto& hashes = hashes_[log];
    const Hash previous = hashes.empty() ? Hash() : hashes.back();
    hashes.push_back(crypto::hash({previous.view(), entries.back()}));
  }
  bool wrote(const LogId& log, Seq seq, const Bytes& entry) const {
    const auto found = logs_.find(log);
    return found != logs_.end() && seq <= found->second.size() && found->second[seq - 1] == entry;
  }
  const Bytes& entry(const LogId& log, Seq seq) const { return logs_.at(log)[seq - 1]; }
  const Hash& hash(const LogId& log, Seq seq) const { return hashes_.at(log)[seq - 1]; }
  Seq length(const LogId& log) const {
    const auto found = logs_.find(log);
    return found == logs_.end() ? 0 : found->second.size();
  }

  std::set<std::pair<DeviceId, std::uint64_t>> awareness;  ///< (origin, counter) published.

 private:
  std::map<LogId, std::vector<Bytes>> logs_;
  std::map<LogId, std::vector<Hash>> hashes_;
};

/// A node's store: survives crashes.
class Disk final : public EntrySource {
 public:
  const Frontier* frontier(const WorkspaceId&) const override { return &frontier_; }

  EntryRun read(const WorkspaceId&, const LogId& log, Seq first,
                std::size_t bytes_max) const override {
    EntryRun run{log, first, {}};
    const auto found = logs_.find(log);
    if (found == logs_.end()) return run;
    EXPECT_GT(first, held({}, log).pruned);
    std::size_t bytes = 0;
    for (Seq seq = first; seq <= found->second.size(); ++seq) {
      const Bytes& entry = found->second[seq - 1];
      bytes += entry.size();
      if (!run.entries.empty() && bytes > bytes_max) break;
      run.entries.push_back(entry);
      if (liar_ && log.device != *liar_) run.entries.back().front() ^= 1;
    }
    return run;
  }

  HeldLog held(const WorkspaceId& workspace, const LogId& log) const override {
    HeldLog held = EntrySource::held(workspace, log);
    const auto found = pruned_.find(log);
    if (found != pruned_.end()) held.pruned = found->second;
    return held;
  }
  void prune(const LogId& log, Seq last) {
    Seq& pruned = pruned_[log];
    pruned = std::max(pruned, last);
    auto& entries = logs_[log];
    std::fill_n(entries.begin(), pruned, Bytes{});
  }
  const std::map<LogId, Seq>& pruned() const { return pruned_; }
  /// Takes over what a node has that pruned `log` up to `base`.
  void jump(const World& world, const LogId& log, Seq base) {
    logs_[log].resize(base);
    frontier_[log] = {base, world.hash(log, base)};
    prune(log, base);
  }

  void write(const World& world, const EntryRun& run) {
    auto& entries = logs_[run.log];
    ASSERT_EQ(run.first, entries.size() + 1);
    entries.insert(entries.end(), run.entries.begin(), run.entries.end());
    frontier_[run.log] = {entries.size(), world.hash(run.log, entries.size())};
  }
  Seq length(const LogId& log) const {
    const auto found = frontier_.find(log);
    return found == frontier_.end() ? 0 : found->second.seq;
  }

  /// From now on alters every entry that it passes on and that is not `self`'s own.
  void lie(const DeviceId& self) { liar_ = self; }
  const Frontier& frontier() const { return frontier_; }

 private:
  std::map<LogId, std::vector<Bytes>> logs_;
  std::map<LogId, Seq> pruned_;
  Frontier frontier_;
  std::optional<DeviceId> liar_;
};

/// One node: a mesh, and an engine reduced to what the mesh sees of it.
struct SimNode {
  struct Writing {
    std::optional<std::uint64_t> run_id;  ///< Empty for own entries.
    std::optional<LinkId> link;
    EntryRun run;
  };

  DeviceId device;
  LogId log;
  std::string address;
  bool up = false;
  bool honest = true;
  Disk disk;
  std::unique_ptr<Mesh> mesh;
  std::optional<Instant> deadline;          ///< The mesh's, as of the last drain.
  std::multimap<Instant, Writing> writing;  ///< By when each is durable; in order per node.
  Instant last_commit{};
  std::map<LogId, Seq> pending;          ///< Verified, not durable yet.
  std::map<LinkId, std::size_t> unsent;  ///< Bytes handed to the network.
  std::map<LinkId, DeviceId> peers;
  std::uint64_t counter = 0;
};

struct Sum {
  MeshCounters counters;
  SimNetwork::Probes network;
  std::uint64_t seeds_with_liar = 0;
  std::uint64_t jumps = 0;
  std::uint64_t awareness_received = 0;
  Duration slowest{};
};

class MeshSim {
 public:
  MeshSim(std::uint64_t seed, Sum& sum)
      : choices_(seed), network_(seed + 1'000'000, draw_faults()), sum_(sum) {
    const std::size_t count = 3 + choices_.below(4);
    for (std::size_t i = 0; i < count; ++i) add_node(i);
    // A member that alters what it passes on. Two others can always be dialled, so that the rest
    // do not depend on it.
    if (choices_.chance(15)) {
      nodes_.back().honest = false;
      nodes_.back().disk.lie(nodes_.back().device);
      lied_ = true;
      ++sum_.seeds_with_liar;
    }
    prunes_ = choices_.chance(40);
    // Some pairs never talk; all can talk to the first node.
    for (std::size_t a = 1; a < count; ++a) {
      for (std::size_t b = a + 1; b < count; ++b) {
        if (choices_.chance(20)) severed_.insert({a, b});
      }
    }
    for (const auto& [a, b] : severed_) {
      network_.cut(a, b);
      network_.cut(b, a);
    }
    // The host admits everybody in its first entries.
    EntryRun admissions{nodes_[0].log, 1, {}};
    for (std::size_t i = 0; i < count; ++i) {
      admissions.entries.push_back(random_entry(64));
      world_.write(admissions.log, admissions.entries.back());
    }
    nodes_[0].disk.write(world_, admissions);
    for (std::size_t i = 0; i < count; ++i) start(i);
  }

  void run() {
    end_of_faults_ = now_ + 15s + millis(1000 * choices_.below(15));
    while (now_ < end_of_faults_ && !::testing::Test::HasFatalFailure()) {
      author();
      hurt();
      advance(now_ + 10ms + millis(choices_.below(400)));
    }
    heal();
    const Instant healed = now_;
    // A link that looks alive (8 s), then backoff (10 s), then the longest pause between exchanges
    // (16 s) and after a deferred run (30 s), or until one that pruned is asked again (15 s).
    // Refused runs are asked of others at once.
    while (!converged() && now_ < healed + 80s && !::testing::Test::HasFatalFailure()) {
      advance(now_ + 100ms);
    }
    EXPECT_TRUE(converged()) << difference();
    sum_.slowest = std::max(sum_.slowest, now_ - healed);
    settled();
    for (const SimNode& node : nodes_) collect(node.mesh->counters());
    collect(network_.probes());
  }

 private:
  SimNetwork::Faults draw_faults() {
    SimNetwork::Faults faults;
    const bool datagrams = choices_.chance(40);
    faults.manner = datagrams ? SimNetwork::Manner::kDatagram : SimNetwork::Manner::kStream;
    faults.latency_max = millis(1 + choices_.below(150));
    faults.latency_min = std::min<Duration>(1ms, faults.latency_max);
    if (choices_.chance(30)) faults.bytes_per_second = std::uint64_t{20'000} << choices_.below(8);
    faults.lost = choices_.below(datagrams ? 100 : 10);
    faults.duplicated = choices_.below(50);
    faults.delayed = choices_.below(100);
    return faults;
  }

  void add_node(std::size_t index) {
    SimNode node;
    node.device = patterned_id<DeviceId>(1 + index);
    node.log = {node.device, index};
    // The first two can always be dialled.
    if (index < 2 || choices_.chance(60)) node.address = "tcp://node:" + std::to_string(index);
    network_.add_node(node.device, node.address);
    nodes_.push_back(std::move(node));
  }

  void start(std::size_t index) {
    SimNode& node = nodes_[index];
    node.up = true;
    node.writing.clear();
    node.unsent.clear();
    node.peers.clear();
    node.pending.clear();
    node.last_commit = now_;
    for (const auto& [log, head] : node.disk.frontier()) node.pending[log] = head.seq;
    Mesh::Options options;
    options.self = node.device;
    options.seed = choices_.below(1'000'000);
    options.link_window_bytes = std::size_t{16 * 1024} << choices_.below(5);
    options.outbox_bytes_max = std::size_t{8 * 1024} << choices_.below(8);
    if (node.mesh) collect(node.mesh->counters());
    node.mesh = std::make_unique<Mesh>(at(), options, node.disk);
    node.mesh->set_workspace(at(), workspace_, members());
    drain(index);
  }

  std::vector<MemberAddress> members() const {
    std::vector<MemberAddress> members;
    for (const SimNode& node : nodes_) {
      members.push_back({node.device, {}});
      if (!node.address.empty()) members.back().addresses.push_back(node.address);
    }
    return members;
  }

  Now at() const {
    return {now_, static_cast<WallMillis>(now_.time_since_epoch() / Duration(1ms))};
  }

  // What nodes do.

  Bytes random_entry(std::size_t size) {
    Bytes entry(size);
    for (std::size_t i = 0; i < std::min<std::size_t>(size, 8); ++i) {
      entry[i] = static_cast<std::uint8_t>(choices_.below(256));
    }
    return entry;
  }

  void author() {
    const std::size_t index = choices_.below(nodes_.size());
    SimNode& node = nodes_[index];
    if (!node.up) return;
    if (choices_.chance(40)) {
      const std::uint64_t counter = ++node.counter;
      world_.awareness.insert({node.device, counter});
      node.mesh->publish_awareness(at(), workspace_, choices_.below(3), counter,
                                   random_entry(8 + choices_.below(200)));
    }
    // A crash may have taken entries that were never durable: those were never written.
    std::size_t count = choices_.chance(2) ? 200 + choices_.below(1000) : 1 + choices_.below(3);
    if (choices_.chance(30)) count = 0;
    Seq& pending = node.pending[node.log];
    EntryRun run{node.log, pending + 1, {}};
    const std::size_t size_max = choices_.chance(10) ? 5'000 : 300;
    for (std::size_t i = 0; i < count; ++i) {
      run.entries.push_back(random_entry(50 + choices_.below(size_max)));
    }
    pending += count;
    if (count > 0) commit(node, {std::nullopt, std::nullopt, std::move(run)});
    drain(index);
  }

  void commit(SimNode& node, SimNode::Writing writing) {
    node.last_commit = std::max(node.last_commit, now_ + millis(choices_.below(30)));
    node.writing.emplace(node.last_commit, std::move(writing));
  }

  void committed(std::size_t index, SimNode::Writing writing) {
    SimNode& node = nodes_[index];
    if (!writing.run_id) {
      for (const Bytes& own : writing.run.entries) world_.write(node.log, own);
    }
    // A jump may have passed it.
    const Seq held = node.disk.length(writing.run.log);
    auto& entries = writing.run.entries;
    const std::size_t passed = std::min<std::size_t>(held + 1 - writing.run.first, entries.size());
    entries.erase(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(passed));
    writing.run.first += passed;
    if (!entries.empty()) node.disk.write(world_, writing.run);
    const bool verdict_first = choices_.chance(50);
    if (writing.run_id && verdict_first) {
      node.mesh->handle_run_verdict(at(), *writing.run_id, RunVerdict::kStored);
    }
    node.mesh->entries_stored(at(), workspace_, writing.run, writing.link);
    if (writing.run_id && !verdict_first) {
      node.mesh->handle_run_verdict(at(), *writing.run_id, RunVerdict::kStored);
    }
    if (writing.run.log == nodes_[0].log && writing.run.first <= nodes_.size()) {
      node.mesh->set_workspace(at(), workspace_, members());  // Somebody was admitted.
    }
    drain(index);
  }

  /// As node/core does: verify, write with a delay, tell.
  void receive(std::size_t index, const Mesh::RunReceived& received) {
    SimNode& node = nodes_[index];
    const EntryRun& run = received.run;
    ASSERT_GT(run.first, 0u);
    ASSERT_FALSE(run.entries.empty());
    for (std::size_t i = 0; i < run.entries.size(); ++i) {
      if (world_.wrote(run.log, run.first + i, run.entries[i])) continue;
      ASSERT_TRUE(lied_) << "an entry that nobody wrote, though nobody lies";
      return node.mesh->handle_run_verdict(at(), received.run_id, RunVerdict::kRefused);
    }
    const std::size_t author = static_cast<std::size_t>(run.log.incarnation);
    Seq& pending = node.pending[run.log];
    const bool known = node.pending[nodes_[0].log] > author || author == 0;
    const Seq last = run.first + run.entries.size() - 1;
    if (!known || run.first > pending + 1) {
      return node.mesh->handle_run_verdict(at(), received.run_id, RunVerdict::kDeferred);
    }
    if (last <= pending) {
      return node.mesh->handle_run_verdict(at(), received.run_id, RunVerdict::kStored);
    }
    SimNode::Writing writing{received.run_id, received.link, run};
    const auto held = static_cast<std::ptrdiff_t>(pending + 1 - run.first);
    writing.run.entries.erase(writing.run.entries.begin(), writing.run.entries.begin() + held);
    writing.run.first = pending + 1;
    pending = last;
    commit(node, std::move(writing));
  }

  /// Some of the logs of others, but that of the admissions.
  void prune(SimNode& node) {
    for (const auto& [log, head] : Frontier(node.disk.frontier())) {
      if (log != nodes_[0].log && choices_.chance(50)) {
        node.disk.prune(log, choices_.below(head.seq + 1));
      }
    }
  }

  /// `server` was asked by `peer` for what it pruned.
  void below_base(const SimNode& server, const DeviceId& peer) {
    if (now_ < end_of_faults_ && choices_.chance(30)) return;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      SimNode& node = nodes_[i];
      if (node.device != peer || !node.up) continue;
      for (const auto& [log, base] : server.disk.pruned()) {
        if (node.disk.length(log) >= base) continue;
        node.disk.jump(world_, log, base);
        node.pending[log] = std::max(node.pending[log], base);
        ++sum_.jumps;
      }
      node.mesh->frontier_moved(at(), workspace_);
      jumped_.insert(i);
    }
  }

  void drain(std::size_t index) {
    drain_one(index);
    while (!jumped_.empty()) drain_one(jumped_.extract(jumped_.begin()).value());
  }

  void drain_one(std::size_t index) {
    SimNode& node = nodes_[index];
    while (auto output = node.mesh->poll_output()) {
      if (auto* send = std::get_if<Mesh::SendFrame>(&*output)) {
        ASSERT_LE(send->frame.size(), kFrameBytesMax);
        std::size_t& unsent = node.unsent[send->link];
        unsent += send->frame.size();
        ASSERT_LE(unsent, 256 * 1024 + kFrameBytesMax) << "the window is kept";
        network_.send(now_, index, send->link, std::move(send->frame));
      } else if (auto* close = std::get_if<Mesh::CloseLink>(&*output)) {
        node.unsent.erase(close->link);
        network_.close(now_, index, close->link);
      } else if (auto* dial = std::get_if<Mesh::Dial>(&*output)) {
        network_.dial(now_, index, node.device, dial->device, dial->address);
      } else if (auto* run = std::get_if<Mesh::RunReceived>(&*output)) {
        receive(index, *run);
      } else if (auto* awareness = std::get_if<Mesh::AwarenessReceived>(&*output)) {
        ++sum_.awareness_received;
        ASSERT_TRUE(world_.awareness.contains({awareness->origin, awareness->counter}));
        node.mesh->handle_awareness_verdict(at(), awareness->awareness_id,
                                            AwarenessVerdict::kGenuine);
      } else if (auto* below = std::get_if<Mesh::PullBelowBase>(&*output)) {
        below_base(node, node.peers.at(below->link));
      }
    }
    node.deadline = node.mesh->next_deadline();
  }

  // Time.

  void deliver(SimNetwork::Event& event) {
    SimNode& node = nodes_[event.node];
    if (auto* up = std::get_if<SimNetwork::LinkUp>(&event.what)) {
      node.peers[up->link] = up->peer;
      node.mesh->handle_link_up(at(), up->link, up->peer, up->outgoing, false);
    } else if (auto* failed = std::get_if<SimNetwork::DialFailed>(&event.what)) {
      node.mesh->handle_dial_failed(at(), failed->device, failed->address);
    } else if (auto* down = std::get_if<SimNetwork::LinkDown>(&event.what)) {
      node.unsent.erase(down->link);
      node.mesh->handle_link_down(at(), down->link);
    } else if (auto* arrived = std::get_if<SimNetwork::FrameArrived>(&event.what)) {
      const auto status = node.mesh->handle_frame(at(), arrived->link, arrived->frame);
      ASSERT_TRUE(status) << to_string(status.error());
    } else if (auto* sent = std::get_if<SimNetwork::Sent>(&event.what)) {
      if (node.unsent.contains(sent->link)) node.unsent[sent->link] -= sent->bytes;
      node.mesh->handle_sent(at(), sent->link, sent->bytes);
    }
    drain(event.node);
  }

  /// Everything that happens up to `until`, each at its time.
  void advance(Instant until) {
    while (!::testing::Test::HasFatalFailure()) {
      Instant next = until;
      if (const auto event = network_.next_event()) next = std::min(next, *event);
      for (const SimNode& node : nodes_) {
        if (!node.up) continue;
        if (node.deadline) next = std::min(next, *node.deadline);
        if (!node.writing.empty()) next = std::min(next, node.writing.begin()->first);
      }
      now_ = std::max(now_, next);
      if (auto event = network_.take_due(now_)) {
        deliver(*event);
        continue;
      }
      bool busy = false;
      for (std::size_t i = 0; i < nodes_.size(); ++i) {
        SimNode& node = nodes_[i];
        if (!node.up) continue;
        if (!node.writing.empty() && node.writing.begin()->first <= now_) {
          auto writing = std::move(node.writing.extract(node.writing.begin()).mapped());
          committed(i, std::move(writing));
          busy = true;
        }
        if (!node.deadline || *node.deadline > now_) continue;
        node.mesh->handle_timeout(at());
        drain(i);
        ASSERT_TRUE(!node.deadline || *node.deadline > now_) << "a deadline that does not pass";
        busy = true;
      }
      if (!busy && now_ >= until) return;
    }
  }

  // Faults.

  void hurt() {
    if (prunes_ && choices_.chance(5)) prune(nodes_[choices_.below(nodes_.size())]);
    if (!choices_.chance(10)) return;
    const std::size_t a = choices_.below(nodes_.size());
    const std::size_t b = choices_.below(nodes_.size());
    if (a == b) return;
    switch (choices_.below(6)) {
      case 0:
        network_.cut(a, b);
        break;
      case 1:
        network_.clog(a, b);
        break;
      case 2:
        network_.cut(a, b);
        network_.cut(b, a);
        break;
      case 3:
        if (!severed_.contains({a, b}) && !severed_.contains({b, a})) {
          network_.heal(now_, a, b);
          network_.heal(now_, b, a);
        }
        break;
      case 4:
        network_.reset_link(now_, a, b);
        break;
      default:
        if (nodes_[a].up) {
          nodes_[a].up = false;
          network_.crash(now_, a);
        } else {
          network_.restart(a);
          start(a);
        }
    }
  }

  void heal() {
    SimNetwork::Faults faults;
    faults.manner = SimNetwork::Manner::kStream;
    network_.set_faults(faults);
    for (std::size_t a = 0; a < nodes_.size(); ++a) {
      for (std::size_t b = 0; b < nodes_.size(); ++b) {
        if (!severed_.contains({a, b}) && !severed_.contains({b, a})) network_.heal(now_, a, b);
      }
    }
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (nodes_[i].up) continue;
      network_.restart(i);
      start(i);
    }
  }

  // Claims.

  bool converged() const {
    for (const SimNode& node : nodes_) {
      if (!node.writing.empty() || node.disk.frontier() != nodes_[0].disk.frontier()) return false;
    }
    return true;
  }

  std::string difference() const {
    std::string text;
    for (const SimNode& node : nodes_) {
      text += "\n" + std::to_string(node.log.incarnation) + (node.honest ? "" : " (lies)") + ":";
      for (const SimNode& author : nodes_) {
        text += " " + std::to_string(node.disk.length(author.log)) + "/" +
                std::to_string(world_.length(author.log));
      }
      for (const auto& peer : node.mesh->peers(workspace_)) {
        text += peer.linked ? (peer.in_step ? " =" : " !") : " .";
      }
    }
    return text;
  }

  /// Some time after convergence everybody says so.
  void settled() {
    advance(now_ + 20s);
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      for (const auto& peer : nodes_[i].mesh->peers(workspace_)) {
        if (!peer.linked) continue;
        EXPECT_TRUE(peer.in_step) << i << " about " << peer.device.short_hex();
        EXPECT_EQ(peer.entries_ahead, 0u);
        EXPECT_EQ(peer.entries_behind, 0u);
        EXPECT_TRUE(peer.round_trip.has_value());
      }
      // Everybody can talk to the first node, which can be dialled.
      if (i != 0) {
        EXPECT_TRUE(nodes_[i].mesh->peers(workspace_)[0].linked) << i;
      }
    }
  }

  void collect(const MeshCounters& counters) {
    MeshCounters& all = sum_.counters;
    all.runs_pushed += counters.runs_pushed;
    all.runs_forwarded += counters.runs_forwarded;
    all.pushes_dropped += counters.pushes_dropped;
    all.announces_sent += counters.announces_sent;
    all.pulls_sent += counters.pulls_sent;
    all.pulls_timed_out += counters.pulls_timed_out;
    all.pulls_below_base += counters.pulls_below_base;
    all.pulls_unserved += counters.pulls_unserved;
    all.frontiers_sent += counters.frontiers_sent;
    all.runs_duplicate += counters.runs_duplicate;
    all.runs_with_gap += counters.runs_with_gap;
    all.runs_deferred += counters.runs_deferred;
    all.runs_refused += counters.runs_refused;
    all.awareness_forwarded += counters.awareness_forwarded;
    all.awareness_dropped += counters.awareness_dropped;
    all.links_replaced += counters.links_replaced;
    all.links_timed_out += counters.links_timed_out;
    all.wakes += counters.wakes;
  }

  void collect(const SimNetwork::Probes& probes) {
    SimNetwork::Probes& all = sum_.network;
    all.frames_delivered += probes.frames_delivered;
    all.frames_lost += probes.frames_lost;
    all.frames_duplicated += probes.frames_duplicated;
    all.frames_held += probes.frames_held;
    all.links_made += probes.links_made;
    all.links_reset += probes.links_reset;
    all.dials_failed += probes.dials_failed;
  }

  SeededChoices choices_;
  SimNetwork network_;
  Sum& sum_;
  World world_;
  const WorkspaceId workspace_ = patterned_id<WorkspaceId>(7);
  std::vector<SimNode> nodes_;
  std::set<std::pair<std::size_t, std::size_t>> severed_;
  Instant now_{1s};
  Instant end_of_faults_{};
  bool lied_ = false;
  bool prunes_ = false;
  std::set<std::size_t> jumped_;  ///< Nodes whose mesh has outputs for that.
};

TEST(MeshSim, AllNodesHoldTheSameOnceTheNetworkHeals) {
  ASSERT_TRUE(crypto::initialise());
  Sum sum;
  std::uint64_t seeds = 0;
  for_each_seed(200, [&](std::uint64_t seed) {
    if (HasFailure()) return;  // The first failing seed says it all.
    ++seeds;
    SCOPED_TRACE("replay with COTERIE_SEED=" + std::to_string(seed));
    MeshSim(seed, sum).run();
  });
  const auto& c = sum.counters;
  const auto& n = sum.network;
  std::printf(
      "%llu seeds: %llu frames, %llu lost, %llu doubled, %llu held, %llu links, %llu resets\n",
      static_cast<unsigned long long>(seeds), static_cast<unsigned long long>(n.frames_delivered),
      static_cast<unsigned long long>(n.frames_lost),
      static_cast<unsigned long long>(n.frames_duplicated),
      static_cast<unsigned long long>(n.frames_held), static_cast<unsigned long long>(n.links_made),
      static_cast<unsigned long long>(n.links_reset));
  std::printf("slowest convergence after healing: %.1f s\n",
              std::chrono::duration<double>(sum.slowest).count());
  if (seeds < 100) return;
  // The interesting cases came up.
  EXPECT_GT(n.frames_lost, 0u);
  EXPECT_GT(n.frames_duplicated, 0u);
  EXPECT_GT(n.frames_held, 0u);
  EXPECT_GT(n.links_reset, 0u);
  EXPECT_GT(n.dials_failed, 0u);
  EXPECT_GT(c.runs_pushed, 0u);
  EXPECT_GT(c.runs_forwarded, 0u);
  EXPECT_GT(c.pushes_dropped, 0u);
  EXPECT_GT(c.announces_sent, 0u);
  EXPECT_GT(c.pulls_sent, 0u);
  EXPECT_GT(c.pulls_timed_out, 0u);
  EXPECT_GT(c.frontiers_sent, 0u);
  EXPECT_GT(c.runs_duplicate, 0u);
  EXPECT_GT(c.runs_with_gap, 0u);
  EXPECT_GT(c.runs_deferred, 0u);
  EXPECT_GT(c.runs_refused, 0u);
  EXPECT_GT(c.awareness_forwarded, 0u);
  EXPECT_GT(c.awareness_dropped, 0u);
  EXPECT_GT(c.links_replaced, 0u);
  EXPECT_GT(c.links_timed_out, 0u);
  EXPECT_GT(c.pulls_below_base, 0u);
  EXPECT_GT(c.pulls_unserved, 0u);
  EXPECT_GT(sum.jumps, 0u);
  EXPECT_GT(sum.seeds_with_liar, 0u);
  EXPECT_GT(sum.awareness_received, 0u);
}

}  // namespace
}  // namespace coterie::transport
