// Goal: whole nodes, on a bad network and disks that lose what was not synced, never lose what they
// said is saved, and once the network heals all hold the same documents within bounded time.
//
// Each seed draws a team of five engines, joining during the run, with clients that type, delete,
// move about and vanish; loss, duplicates, reordering, cuts, clogs, resets; crashes in the middle
// of commits; machines that are set back to an older state of their disk, in half of the seeds
// without noticing, so that their logs fork; and now and then a member that forges entries in
// another's log. Checked on the way:
// what a node said is saved is there after each restart, and no engine reports an error. Checked at
// the end: equal frontiers, state vectors and texts on all nodes and clients; presence that shows
// exactly the clients that are there; nothing forged.

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>
#include <string>

#include "node/core/ledger.hpp"
#include "node/core/records.hpp"
#include "tests/support/choices.hpp"
#include "tests/support/cluster.hpp"
#include "tests/support/drawn_faults.hpp"
#include "transport/wire/messages.hpp"

namespace coterie::node {
namespace {

using namespace std::chrono_literals;
using testing::Choices;
using testing::Cluster;
using testing::draw_faults;
using testing::SimNetwork;

constexpr std::size_t kNodes = 5;
constexpr std::size_t kClients = 6;
const std::string kForged = "FORGED";

/// How often the interesting things happened, over all seeds: a simulation that never gets there
/// tests nothing.
struct Probes {
  std::size_t crashes = 0;
  std::size_t joins = 0;
  std::size_t forgeries = 0;
  std::size_t saved = 0;
  std::size_t checks = 0;
  std::size_t incarnations = 0;
  std::size_t set_back = 0;
  std::size_t forks = 0;
  std::size_t lost_frames = 0;
  std::size_t refused_dials = 0;
  std::size_t full_disks = 0;
  std::size_t snapshots = 0;
};

class TeamRun {
 public:
  TeamRun(std::uint64_t seed, Probes& probes)
      : choices_(seed), cluster_(seed, draw_faults(choices_, 60, 80)), probes_(probes) {
    cluster_.on_saved = [this](Cluster::ClientIndex client, const Bytes& update) {
      ++probes_.saved;
      EXPECT_TRUE(promise(cluster_.node_of(client), paths_[client]).apply_update(update));
    };
    const std::uint64_t tail = choices_.chance(50) ? 2 + choices_.below(20) : 1000;
    cluster_.commit_time_max = std::chrono::milliseconds(2 + choices_.below(30));
    // Sometimes faster than a commit, so that a replica could go before its entries are readable.
    const Duration unload =
        choices_.chance(10) ? 15ms : std::chrono::milliseconds(choices_.chance(50) ? 300 : 60'000);
    const bool unnoticed = choices_.chance(50);
    cluster_.set_engine_options([tail, unload, unnoticed](Cluster::Engine::Options& options) {
      options.tail_entries_max = tail;
      options.unload_after = unload;
      if (unnoticed) options.place_found = options.place = {1};
    });
    for (std::size_t i = 0; i < kNodes; ++i) cluster_.add_node("n" + std::to_string(i));
    found();
    for (std::size_t i = 0; i < kClients; ++i) {
      cluster_.add_client(1000 + i, "c" + std::to_string(i));
      paths_.push_back(choices_.chance(60) ? "notes.md" : "other.md");
    }
  }

  void chaos() {
    const std::size_t steps = 50 + choices_.below(50);
    for (std::size_t i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
      act();
      cluster_.run_for(std::chrono::milliseconds(5 + choices_.below(250)));
    }
  }

  void heal() {
    cluster_.network().heal_all(cluster_.now());
    SimNetwork::Faults calm;
    cluster_.network().set_faults(calm);
    for (Cluster::Node node = 0; node < kNodes; ++node) {
      if (!cluster_.up(node)) restart(node);
    }
    // An invite that was in flight when the founder crashed is asked for again.
    for (Cluster::Node node = 1; node < kNodes; ++node) {
      const bool in = cluster_.run_until(60s, [&] { return is_member(node) || join_tried(node); });
      if (in && is_member(node)) continue;
      // The founder's disk may be full for some seconds more.
      for (int tries = 0; tries < 5 && !start_join(node); ++tries) cluster_.run_for(3s);
      ASSERT_TRUE(cluster_.run_until(90s, [&] { return is_member(node); }))
          << "node " << node << " never got in";
    }
    for (std::size_t client = 0; client < kClients; ++client) {
      if (!cluster_.connected(client)) connect(client, choices_.below(kNodes));
    }
  }

  void converge() {
    const bool converged = cluster_.run_until(120s, [&] { return quiet() && agreed(); });
    EXPECT_TRUE(converged) << "no agreement within 120 s: " << disagreement();
    if (!converged) return;
    for (Cluster::Node node = 0; node < kNodes; ++node) {
      check_promises(node);
      for (const Engine::Notice& notice : cluster_.notices(node)) {
        EXPECT_NE(notice.level, Engine::Notice::Level::kError) << notice.text;
      }
      const auto members = cluster_.engine(node).members(workspace_);
      ASSERT_TRUE(members);
      EXPECT_EQ(members->size(), kNodes);
    }
    check_presence();
    probes_.crashes += cluster_.crashes;
    probes_.lost_frames += cluster_.network().probes().frames_lost;
    probes_.refused_dials += cluster_.network().probes().dials_refused;
    probes_.incarnations += incarnations();
    for (Cluster::Node node = 0; node < kNodes; ++node) {
      const auto* store = cluster_.disk(node).store(workspace_.hex());
      (void)store->scan(storage::Table::kSnapshots, {}, {}, [&](ByteView, ByteView) {
        ++probes_.snapshots;
        return true;
      });
    }
  }

 private:
  // Things that happen.

  void act() {
    switch (choices_.below(20)) {
      case 0:
        return crash();
      case 1:
        if (const auto node = down()) restart(*node);
        return;
      case 2:
        return cut();
      case 3:
        if (choices_.chance(60)) cluster_.network().heal_all(cluster_.now());
        return;
      case 4:
        cluster_.network().reset_link(cluster_.now(), choices_.below(kNodes),
                                      choices_.below(kNodes));
        return;
      case 5:
      case 6:
        (void)start_join(1 + choices_.below(kNodes - 1));  // May be impossible now.
        return;
      case 7:
        return choices_.chance(60) ? forge() : fill_disk();
      case 8:
      case 9:
        return move();
      case 10:
        if (const std::size_t client = choices_.below(kClients); cluster_.connected(client)) {
          cluster_.client(client).move_cursor();
          cluster_.deliver_to_server(client);
        }
        return;
      case 11:
        return set_back();
      default:
        return type();
    }
  }

  void found() {
    const RequestId request = cluster_.command(0, CreateWorkspace{"team"});
    ASSERT_TRUE(cluster_.run_until(1s, [&] { return cluster_.reply(request) != nullptr; }));
    workspace_ = std::get<WorkspaceReady>(**cluster_.reply(request)).workspace;
  }

  bool is_member(Cluster::Node node) {
    if (!cluster_.up(node)) return false;
    const auto members = cluster_.engine(node).members(workspace_);
    if (!members) return false;
    for (const MemberInfo& member : *members) {
      if (member.self) return true;
    }
    return false;
  }
  /// Whether the join that was begun is over, one way or the other.
  bool join_tried(Cluster::Node node) {
    const auto found = joins_.find(node);
    return found == joins_.end() || cluster_.reply(found->second) != nullptr;
  }

  bool start_join(Cluster::Node node) {
    if (!cluster_.up(0) || !cluster_.up(node) || is_member(node)) return false;
    const RequestId asked = cluster_.command(
        0, CreateInvite{workspace_, choices_.chance(20) ? Role::kHost : Role::kEditor, 1h, 1});
    cluster_.run_until(1s, [&] { return cluster_.reply(asked) != nullptr; });
    const auto* invite = cluster_.reply(asked);
    if (invite == nullptr || !*invite) return false;
    joins_[node] = cluster_.command(node, JoinWorkspace{std::get<InviteCreated>(**invite).invite});
    ++probes_.joins;
    return true;
  }

  void crash() {
    const Cluster::Node node = choices_.below(kNodes);
    if (!cluster_.up(node)) return;
    // Often in the middle of something: that is when an early "saved" would be a lie. One that has
    // just come writes before it is in sync: what it writes waits for what it wrote offline.
    for (std::size_t client = 0; client < kClients; ++client) {
      if (!cluster_.connected(client) && choices_.chance(30)) connect(client, node);
      if (!cluster_.connected(client) || cluster_.node_of(client) != node) continue;
      cluster_.client(client).insert(0, std::string(1, letter()));
      cluster_.deliver_to_server(client);
    }
    if (choices_.chance(80)) cluster_.run_for(std::chrono::microseconds(choices_.below(9000)));
    // Some of its users' browsers die with it: what only they had may be lost, what was reported
    // saved may not.
    for (std::size_t client = 0; client < kClients; ++client) {
      const bool here = cluster_.connected(client) && cluster_.node_of(client) == node;
      if (here && choices_.chance(50)) dead_.insert(client);
    }
    cluster_.crash(node);
    joins_.erase(node);
    for (const std::size_t client : dead_) {
      cluster_.replace_client(client, 2000 + next_client_++, "c" + std::to_string(client));
    }
    dead_.clear();
  }

  /// A machine goes on from what its disk was some time ago. What it said is saved since then it
  /// has to get from others, so it is done only when another node holds that.
  void set_back() {
    const auto backup = backups_.begin();
    if (backup == backups_.end() || choices_.chance(20)) {
      const Cluster::Node node = choices_.below(kNodes);
      if (!is_member(node)) return;
      std::set<DeviceId> members;  // As the disk has it: an admission may be under way to it.
      auto disk = cluster_.disk(node).clone_durable();
      testing::SeededSecureRandom random(1);
      const auto identity = cluster_.identity(node);
      Ledger ledger(workspace_, *disk->store(workspace_.hex()), identity, random,
                    [] { return false; });
      if (!ledger.load()) return;
      for (const auto& [device, member] : ledger.membership().members()) members.insert(device);
      backups_[node] = {std::move(disk), saved_at(node), std::move(members)};
      return;
    }
    const Cluster::Node node = backup->first;
    if (!is_member(node)) return;
    // (A frontier is of what is durable.) By two, for whoever it let in last is known to nobody
    // else then, and cannot bring it back.
    const Hash digest = *cluster_.engine(node).frontier_digest(workspace_);
    std::vector<Cluster::Node> keepers;
    for (Cluster::Node other = 0; other < kNodes; ++other) {
      const bool same = other != node && is_member(other) &&
                        *cluster_.engine(other).frontier_digest(workspace_) == digest;
      if (same) keepers.push_back(other);
    }
    const bool known = std::any_of(keepers.begin(), keepers.end(), [&](Cluster::Node other) {
      return backup->second.members.contains(cluster_.id(other));
    });
    if (!known) return;
    const Cluster::Node keeper = keepers[choices_.below(keepers.size())];
    for (const auto& [path, saved] : saved_at(node)) {
      auto held = cluster_.probe(keeper, workspace_.hex(), path);
      if (!held || !covers(held->encode_state_as_update(), saved)) return;
      const auto applied = held->apply_update(saved);
      if (!applied || applied->changed) return;
    }
    for (const auto& [path, saved] : saved_at(node)) {
      EXPECT_TRUE(promise(keeper, path).apply_update(saved));
    }
    if (cluster_.up(node)) cluster_.crash(node);
    joins_.erase(node);
    std::erase_if(promises_, [&](const auto& one) { return one.first.first == node; });
    for (const auto& [path, saved] : backup->second.saved) {
      EXPECT_TRUE(promise(node, path).apply_update(saved));
    }
    cluster_.replace_disk(node, std::move(backup->second.disk));
    backups_.erase(backup);
    ++probes_.set_back;
    // Often it writes before it hears of anybody.
    restart(node);
    for (std::size_t client = 0; client < kClients; ++client) {
      if (cluster_.connected(client) || choices_.chance(50)) continue;
      connect(client, node);
      if (!cluster_.connected(client)) continue;
      cluster_.client(client).insert(0, std::string(1, letter()));
      cluster_.deliver_to_server(client);
    }
  }

  std::map<std::string, Bytes> saved_at(Cluster::Node node) {
    std::map<std::string, Bytes> all;
    for (auto& [where, promised] : promises_) {
      if (where.first == node) all[where.second] = promised.encode_state_as_update();
    }
    return all;
  }

  /// Commits fail for want of room, for a while.
  void fill_disk() {
    const Cluster::Node node = choices_.below(kNodes);
    auto* store = cluster_.disk(node).store(workspace_.hex());
    if (!cluster_.up(node) || store == nullptr) return;
    store->fail_commits({ErrorCode::kNoSpace, "simulated"}, 1 + choices_.below(3));
    ++probes_.full_disks;
  }

  std::optional<Cluster::Node> down() {
    for (Cluster::Node node = 0; node < kNodes; ++node) {
      if (!cluster_.up(node)) return node;
    }
    return std::nullopt;
  }

  void restart(Cluster::Node node) {
    cluster_.restart(node);
    check_promises(node);
  }

  void cut() {
    const Cluster::Node a = choices_.below(kNodes);
    const Cluster::Node b = choices_.below(kNodes);
    if (a == b) return;
    if (choices_.chance(20)) {
      // A partition: a and b and whoever is with them.
      for (Cluster::Node x = 0; x < kNodes; ++x) {
        for (Cluster::Node y = 0; y < kNodes; ++y) {
          if ((x == a || x == b) != (y == a || y == b)) cluster_.network().cut(x, y);
        }
      }
      return;
    }
    if (choices_.chance(30)) return cluster_.network().clog(a, b);
    cluster_.network().cut(a, b);
    if (choices_.chance(60)) cluster_.network().cut(b, a);
  }

  void connect(std::size_t client, Cluster::Node node) {
    if (!cluster_.up(node) || !is_member(node)) return;
    const Status opened = cluster_.connect(client, node, workspace_.hex(), paths_[client]);
    EXPECT_TRUE(opened) << opened.error().what;
  }

  void move() {
    const std::size_t client = choices_.below(kClients);
    if (cluster_.connected(client) && choices_.chance(70)) {
      cluster_.disconnect(client);
      if (choices_.chance(50)) return;
    }
    if (!cluster_.connected(client)) connect(client, choices_.below(kNodes));
  }

  void type() {
    const std::size_t index = choices_.below(kClients);
    if (!cluster_.connected(index) && choices_.chance(80)) connect(index, choices_.below(kNodes));
    auto& client = cluster_.client(index);
    const std::size_t edits = 1 + choices_.below(6);
    for (std::size_t i = 0; i < edits; ++i) {
      const std::uint64_t length = client.length();
      if (length > 5 && choices_.chance(25)) {
        client.remove(choices_.below(length - 3), 1 + choices_.below(3));
      } else {
        client.insert(choices_.below(length + 1), std::string(1 + choices_.below(4), letter()));
      }
      // Offline edits pile up in the client and come with its next connection.
      if (cluster_.connected(index)) {
        cluster_.deliver_to_server(index);
        if (choices_.chance(30)) cluster_.run_for(std::chrono::milliseconds(choices_.below(15)));
      } else {
        (void)client.take_outbox();
      }
    }
  }

  char letter() { return static_cast<char>('a' + choices_.below(26)); }

  /// A member writes an entry into another's log, signed by itself, and offers it to everybody.
  void forge() {
    const Cluster::Node evil = 1 + choices_.below(kNodes - 1);
    if (!is_member(evil)) return;
    const auto identity = cluster_.identity(evil);
    testing::SeededSecureRandom random(choices_.below(1'000'000));
    Ledger ledger(workspace_, *cluster_.disk(evil).store(workspace_.hex()), identity, random,
                  [] { return false; });
    if (!ledger.load()) return;
    Hash commitment;
    const crypto::SecretKey* key = ledger.keys().write_key(ledger.membership(), commitment);
    if (key == nullptr) return;
    crdt::Doc doc({.client_id = 66});
    const Bytes update = doc.transact([&] { (void)doc.text("monaco").insert(0, kForged); });
    for (const auto& [log, head] : ledger.frontier()) {
      if (log.device == identity.id()) continue;
      Entry entry;
      entry.position = {workspace_, log, head.seq + 1, head.hash};
      entry.time = cluster_.at().wall << 16;
      entry.heads = ledger.membership().heads();
      entry.key = commitment;
      entry.nonce = crypto::random_nonce(random);
      const Bytes record = encode_record(UpdateRecord{document_id(workspace_, "notes.md"), update});
      entry.payload = crypto::seal(*key, entry.nonce, encode_header(entry), record);
      entry.signature = identity.sign(entry_digest(entry).view());
      transport::Entries forged;
      forged.workspace = workspace_;
      forged.log = log;
      forged.first = head.seq + 1;
      forged.head = head.seq + 1;
      forged.entries = {encode_stored(entry)};
      for (Cluster::Node node = 0; node < kNodes; ++node) {
        const bool sent = node != evil && cluster_.up(node) &&
                          cluster_.inject(evil, node, transport::encode(forged));
        if (sent) ++probes_.forgeries;
      }
    }
  }

  // Things that must hold.

  crdt::Doc& promise(Cluster::Node node, const std::string& path) {
    return promises_.try_emplace({node, path}, crdt::Doc::Options{.client_id = 1}).first->second;
  }

  /// What this node said is saved is in what it has.
  void check_promises(Cluster::Node node) {
    for (auto& [where, promised] : promises_) {
      if (where.first != node) continue;
      auto held = cluster_.probe(node, workspace_.hex(), where.second);
      ASSERT_TRUE(held) << "node " << node << " does not show " << where.second;
      // By ids too: what waits for others shows in no text.
      EXPECT_TRUE(covers(held->encode_state_as_update(), promised.encode_state_as_update()))
          << "node " << node << " lost what it said is saved";
      const auto applied = held->apply_update(promised.encode_state_as_update());
      ASSERT_TRUE(applied);
      EXPECT_FALSE(applied->changed) << "node " << node << " lost what it said is saved";
      ++probes_.checks;
    }
  }

  static std::set<std::pair<crdt::ClientId, crdt::Clock>> ids(ByteView update) {
    std::set<std::pair<crdt::ClientId, crdt::Clock>> all;
    const auto listing = crdt::inspect_update(update);
    EXPECT_TRUE(listing);
    if (!listing) return all;
    for (const crdt::IdRange& range : listing->structs) {
      for (crdt::Clock i = 0; i < range.length; ++i) all.emplace(range.client, range.clock + i);
    }
    return all;
  }
  static bool covers(ByteView held, ByteView promised) {
    const auto there = ids(held);
    const auto wanted = ids(promised);
    return std::includes(there.begin(), there.end(), wanted.begin(), wanted.end());
  }

  bool quiet() {
    for (std::size_t client = 0; client < kClients; ++client) {
      if (!cluster_.connected(client)) {
        connect(client, choices_.below(kNodes));
        return false;
      }
      if (!cluster_.client(client).all_saved()) return false;
    }
    return true;
  }

  bool agreed() { return disagreement().empty(); }

  std::string disagreement() {
    const auto digest = cluster_.engine(0).frontier_digest(workspace_);
    for (Cluster::Node node = 1; node < kNodes; ++node) {
      if (*cluster_.engine(node).frontier_digest(workspace_) != *digest) {
        return "frontier of node " + std::to_string(node);
      }
    }
    for (const char* path : {"notes.md", "other.md"}) {
      const auto text = cluster_.engine(0).document_text(workspace_, path, "monaco");
      const auto vector = cluster_.engine(0).document_state_vector(workspace_, path);
      for (Cluster::Node node = 1; node < kNodes; ++node) {
        const auto other = cluster_.engine(node).document_text(workspace_, path, "monaco");
        const auto other_vector = cluster_.engine(node).document_state_vector(workspace_, path);
        if (other.has_value() != text.has_value()) return std::string("existence of ") + path;
        if (!text) continue;
        if (*other != *text) return std::string("text of ") + path;
        if (*other_vector != *vector) return std::string("state vector of ") + path;
      }
      if (text && text->find(kForged) != std::string::npos) return "forged text";
      for (std::size_t client = 0; client < kClients; ++client) {
        if (paths_[client] != path) continue;
        const std::string expected = text ? *text : std::string();
        if (cluster_.client(client).text() != expected) {
          return "client " + std::to_string(client) + " on node " +
                 std::to_string(cluster_.node_of(client)) + " shows \"" +
                 cluster_.client(client).text() + "\", not \"" + expected + "\"";
        }
      }
    }
    return "";
  }

  /// Everybody sees exactly those who are on the same document.
  void check_presence() {
    for (int i = 0; i < 3; ++i) {
      for (std::size_t client = 0; client < kClients; ++client) {
        cluster_.client(client).renew();
        cluster_.deliver_to_server(client);
      }
      cluster_.run_for(15s);
    }
    for (std::size_t client = 0; client < kClients; ++client) {
      std::map<std::uint64_t, std::string> expected;
      for (std::size_t other = 0; other < kClients; ++other) {
        if (other == client || paths_[other] != paths_[client]) continue;
        expected[cluster_.client(other).id()] = cluster_.client(other).state();
      }
      EXPECT_EQ(cluster_.client(client).others(), expected) << "seen by client " << client;
      EXPECT_FALSE(cluster_.client(client).replaced());
    }
  }

  std::size_t incarnations() {
    std::set<LogId> chains;
    std::set<DeviceId> devices;
    testing::SeededSecureRandom random(1);
    const auto identity = cluster_.identity(0);
    Ledger ledger(workspace_, *cluster_.disk(0).store(workspace_.hex()), identity, random,
                  [] { return false; });
    if (!ledger.load()) return 0;
    for (const auto& [log, head] : ledger.frontier()) {
      devices.insert(log.device);
      chains.insert(ledger.segments().chain_of(log));
    }
    const auto forks = ledger.forks();
    EXPECT_TRUE(forks);
    if (forks) probes_.forks += forks->size();
    return chains.size() - devices.size();
  }

  testing::SeededChoices choices_;
  Cluster cluster_;
  Probes& probes_;
  WorkspaceId workspace_;
  std::vector<std::string> paths_;
  std::map<Cluster::Node, RequestId> joins_;
  std::map<std::pair<Cluster::Node, std::string>, crdt::Doc> promises_;
  struct Backup {
    std::unique_ptr<storage::MemoryStoreProvider> disk;
    std::map<std::string, Bytes> saved;
    std::set<DeviceId> members;  ///< That it knew.
  };
  std::map<Cluster::Node, Backup> backups_;
  std::set<std::size_t> dead_;
  std::uint64_t next_client_ = 0;
};

TEST(NodeSim, NothingSavedIsLostAndAllMeet) {
  Probes probes;
  std::size_t seeds = 0;
  testing::for_each_seed(200, [&](std::uint64_t seed) {
    if (::testing::Test::HasFailure()) return;
    SCOPED_TRACE("replay with COTERIE_SEED=" + std::to_string(seed) +
                 " ctest --preset dev -R sim.node_sim");
    TeamRun run(seed, probes);
    run.chaos();
    if (::testing::Test::HasFailure()) return;
    run.heal();
    if (::testing::Test::HasFailure()) return;
    run.converge();
    ++seeds;
  });
  std::printf(
      "%zu seeds: %zu crashes, %zu joins begun, %zu forged entries sent, %zu messages "
      "reported saved, %zu promises checked, %zu new incarnations, %zu frames lost, "
      "%zu dials refused, %zu full disks, %zu snapshots, %zu set back, %zu forks\n",
      seeds, probes.crashes, probes.joins, probes.forgeries, probes.saved, probes.checks,
      probes.incarnations, probes.lost_frames, probes.refused_dials, probes.full_disks,
      probes.snapshots, probes.set_back, probes.forks);
  if (seeds < 100) return;
  EXPECT_GT(probes.crashes, seeds);
  EXPECT_GT(probes.forgeries, seeds);
  EXPECT_GT(probes.saved, 10 * seeds);
  EXPECT_GT(probes.checks, seeds);
  EXPECT_GT(probes.incarnations, 0u);
  EXPECT_GT(probes.lost_frames, seeds);
  EXPECT_GT(probes.full_disks, seeds / 10);
  EXPECT_GT(probes.snapshots, seeds);
  EXPECT_GT(probes.set_back, seeds / 10);
  EXPECT_GT(probes.forks, seeds / 50);
}

}  // namespace
}  // namespace coterie::node
