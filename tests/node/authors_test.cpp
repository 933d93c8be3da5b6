// Client ids: forged ones change nothing, honest ones lose nothing, and all replicas agree whatever
// came first. The forging member signs with its own key (tests/support/adversary.hpp).

#include "node/core/authors.hpp"

#include <gtest/gtest.h>

#include "node/core/context.hpp"
#include "node/core/engine.hpp"
#include "tests/support/adversary.hpp"
#include "tests/support/cluster.hpp"

namespace coterie::node {
namespace {

using namespace std::chrono_literals;
using testing::Adversary;
using testing::Cluster;

class AuthorsTest : public ::testing::Test {
 protected:
  void begin(std::uint64_t seed) {
    cluster_ = std::make_unique<Cluster>(seed, testing::SimNetwork::Faults{});
    for (const char* name : {"red", "blue", "evil"}) cluster_->add_node(name);
    gang_ = std::make_unique<Adversary>(*cluster_, std::vector<Cluster::Node>{kEvil}, seed);
    workspace_ = std::get<WorkspaceReady>(await(kRed, CreateWorkspace{"team"})).workspace;
    gang_->enter(workspace_);
    for (const Cluster::Node node : {kBlue, kEvil}) {
      const auto invite = await(kRed, CreateInvite{workspace_, Role::kEditor, 1h, 1});
      await(node, JoinWorkspace{std::get<InviteCreated>(invite).invite});
    }
    cluster_->run_for(5s);
  }
  AuthorsTest() { begin(7); }

  CommandResult await(Cluster::Node node, Command command) {
    const RequestId request = cluster_->command(node, std::move(command));
    EXPECT_TRUE(cluster_->run_until(15min, [&] { return cluster_->reply(request) != nullptr; }));
    const auto& result = *cluster_->reply(request);
    EXPECT_TRUE(result) << (result ? "" : result.error().what);
    return result ? *result : CommandResult{};
  }
  Cluster::ClientIndex client(Cluster::Node node, std::uint64_t id) {
    const auto index = cluster_->add_client(id, "c" + std::to_string(id));
    EXPECT_TRUE(cluster_->connect(index, node, "team", "notes.md"));
    cluster_->run_for(300ms);
    return index;
  }
  void type(Cluster::ClientIndex index, const std::string& words) {
    cluster_->client(index).insert(cluster_->client(index).length(), words);
    cluster_->deliver_to_server(index);
  }
  std::string text(Cluster::Node node) {
    const auto text = cluster_->engine(node).document_text(workspace_, "notes.md", "monaco");
    return text ? *text : std::string("?");
  }
  Bytes state(Cluster::Node node) {
    auto doc = cluster_->probe(node, workspace_.hex(), "notes.md");
    return doc ? doc->encode_state_as_update() : Bytes();
  }
  /// The same bytes at both that are honest; the text.
  std::string agreed() {
    EXPECT_EQ(to_hex(state(kBlue)), to_hex(state(kRed)));
    EXPECT_EQ(*cluster_->engine(kBlue).frontier_digest(workspace_),
              *cluster_->engine(kRed).frontier_digest(workspace_));
    return text(kRed);
  }
  /// A root log: one whose name says so.
  Adversary::Pen fresh_log() {
    auto pen = gang_->fresh_log(0);
    while (is_branch(pen.log)) pen = gang_->fresh_log(0);
    return pen;
  }
  /// Bytes of evil's own under ids that another client has used, or will.
  void forge(std::uint64_t client, std::uint64_t skip, const std::string& words) {
    crdt::Doc doc({.client_id = client});
    if (skip > 0) (void)doc.text("monaco").insert(0, std::string(skip, '.'));
    auto pen = fresh_log();
    write(pen, update_record(doc.transact([&] { (void)doc.text("monaco").insert(skip, words); })));
  }
  /// Records of evil's own log, one after the other.
  void write(Adversary::Pen& pen, const Bytes& record) {
    const auto made = gang_->write(pen, gang_->heads(), *gang_->any_key(), record);
    gang_->send(gang_->frame_of(made));
    pen = made.at;
  }
  Bytes update_record(const Bytes& update, bool carried = false) {
    return encode_record(UpdateRecord{document_id(workspace_, "notes.md"), update, carried});
  }
  static Bytes typed_by(std::uint64_t id, const std::string& words) {
    crdt::Doc doc({.client_id = id});
    return doc.transact([&] { (void)doc.text("monaco").insert(0, words); });
  }
  /// Red hears nothing of the others, nor they of it.
  void apart() {
    for (const Cluster::Node other : {kBlue, kEvil}) {
      cluster_->network().cut(kRed, other);
      cluster_->network().cut(other, kRed);
    }
  }
  bool offends(Cluster::Node at) {
    const auto offenders = cluster_->engine(at).offenders(workspace_);
    return offenders && std::count(offenders->begin(), offenders->end(), cluster_->id(kEvil)) == 1;
  }

  static constexpr Cluster::Node kRed = 0;
  static constexpr Cluster::Node kBlue = 1;
  static constexpr Cluster::Node kEvil = 2;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<Adversary> gang_;
  WorkspaceId workspace_;
};

TEST_F(AuthorsTest, ForgedTextUnderAHeldIdIsNowhere) {
  type(client(kRed, 77), "honest words");
  cluster_->run_for(2s);
  ASSERT_EQ(agreed(), "honest words");
  forge(77, 0, "FORGED");
  cluster_->run_for(10s);
  EXPECT_EQ(text(kRed), "honest words");
  EXPECT_EQ(text(kBlue), "honest words");
  EXPECT_TRUE(offends(kRed));
  EXPECT_TRUE(offends(kBlue));
  // Once more: refused without another word.
  const auto warnings = [&] {
    const auto& notices = cluster_->notices(kRed);
    return std::count_if(notices.begin(), notices.end(), [](const auto& notice) {
      return notice.text.find("are refused") != std::string::npos;
    });
  };
  EXPECT_EQ(warnings(), 1);
  forge(77, 0, "AGAIN");
  cluster_->run_for(10s);
  EXPECT_EQ(warnings(), 1);
  EXPECT_EQ(agreed(), "honest words");
}

/// Else a member could have its forgery win by getting the honest writer removed.
TEST_F(AuthorsTest, ARemovalDoesNotChangeWhichOfTwoStands) {
  type(client(kBlue, 77), "honest words");
  cluster_->run_for(2s);
  // Either of the two comes first, by chance.
  forge(77, 0, "FORGED");
  cluster_->run_for(10s);
  const std::string before = agreed();
  const Cluster::Node winner = before == "honest words" ? kBlue : kEvil;
  await(kRed, RemoveMember{workspace_, cluster_->id(winner), false});
  cluster_->run_for(10s);
  EXPECT_EQ(text(kRed), before);
  cluster_->crash(kRed);
  cluster_->restart(kRed);
  cluster_->run_for(10s);
  EXPECT_EQ(text(kRed), before);
}

TEST_F(AuthorsTest, WhatTheSeniorDeviceWroteStandsThoughItCameLast) {
  // Its ids were taken before it wrote.
  const auto writer = client(kRed, 77);
  apart();
  cluster_->run_for(10s);
  forge(77, 0, "FORGED");
  cluster_->run_for(2s);
  EXPECT_FALSE(state(kBlue).empty());  // Nothing tells it yet.
  type(writer, "honest words");
  cluster_->run_for(2s);
  cluster_->network().heal_all(cluster_->now());
  cluster_->run_for(30s);
  EXPECT_EQ(agreed(), "honest words");
  EXPECT_TRUE(offends(kBlue));
}

/// Else what waits, and is completed by an honest update, would be in the honest log.
TEST_F(AuthorsTest, WhatAnotherForgedAheadIsNotLoggedAsOurs) {
  const auto writer = client(kRed, 77);
  forge(77, 1, "FORGED");  // Waits for the first element of 77.
  cluster_->run_for(2s);
  type(writer, "h");
  type(writer, "onest words");
  cluster_->run_for(20s);
  EXPECT_EQ(agreed(), "honest words");
  EXPECT_TRUE(offends(kBlue));
}

/// An honest browser sends on what it holds, forged or not, in one update with its own text.
TEST_F(AuthorsTest, WhoPassesOnWhatIsForgedLosesNothingOfItsOwn) {
  const auto red = client(kRed, 77);
  const auto blue = client(kBlue, 78);
  apart();
  cluster_->run_for(10s);
  forge(77, 0, "FORGED");
  cluster_->run_for(2s);
  ASSERT_FALSE(state(kBlue).empty());
  type(red, "honest words");
  crdt::Doc offline({.client_id = 78});
  const Bytes own = offline.transact([&] { (void)offline.text("monaco").insert(0, "my own, "); });
  const Bytes both[] = {typed_by(77, "FORGED"), own};
  cluster_->client(blue).submit(*crdt::merge_updates(std::span<const Bytes>(both)));
  cluster_->deliver_to_server(blue);
  cluster_->run_for(2s);
  cluster_->network().heal_all(cluster_->now());
  cluster_->run_for(30s);
  const std::string after = agreed();
  EXPECT_NE(after.find("honest words"), std::string::npos) << after;
  EXPECT_NE(after.find("my own, "), std::string::npos) << after;
  EXPECT_EQ(after.find("FORGED"), std::string::npos) << after;
  // Once the truth is known, too.
  const auto green = client(kBlue, 79);
  crdt::Doc later({.client_id = 79});
  const Bytes more[] = {typed_by(77, "FORGED"),
                        later.transact([&] { (void)later.text("monaco").insert(0, "more, "); })};
  cluster_->client(green).submit(*crdt::merge_updates(std::span<const Bytes>(more)));
  cluster_->deliver_to_server(green);
  cluster_->run_for(5s);
  EXPECT_FALSE(cluster_->connected(green)) << "it holds what is not so";
  EXPECT_NE(agreed().find("more, "), std::string::npos);
}

/// Each client id that is left out costs a look at the update.
TEST_F(AuthorsTest, OnlySoManyClientsAreLeftOutOfOneUpdate) {
  const auto forge_many = [&](std::size_t count, const std::string& own) {
    const auto writer = client(kRed, 1000 + count);
    std::vector<Bytes> honest;
    std::vector<Bytes> forged{typed_by(5000 + count, own)};
    for (std::size_t i = 0; i < count; ++i) {
      honest.push_back(typed_by(10'000 * count + i, "h"));
      forged.push_back(typed_by(10'000 * count + i, "F"));
    }
    cluster_->client(writer).submit(*crdt::merge_updates(std::span<const Bytes>(honest)));
    cluster_->deliver_to_server(writer);
    cluster_->run_for(2s);
    auto pen = fresh_log();
    write(pen, update_record(*crdt::merge_updates(std::span<const Bytes>(forged))));
    cluster_->run_for(10s);
    return agreed().find(own) != std::string::npos;
  };
  EXPECT_TRUE(forge_many(kRefusedClientsMax, "kept"));
  EXPECT_FALSE(forge_many(kRefusedClientsMax + 1, "gone"));
  EXPECT_EQ(agreed().find("F"), std::string::npos);
}

TEST_F(AuthorsTest, ForgingWhatWasDeletedAndForgottenEndsAlike) {
  const auto writer = client(kRed, 77);
  type(writer, "secret");
  cluster_->run_for(1s);
  apart();
  cluster_->client(writer).remove(0, 6);
  cluster_->deliver_to_server(writer);
  type(writer, "kept");
  cluster_->run_for(10s);
  // Red has forgotten what was there, blue has not.
  forge(77, 0, "FORGED");
  cluster_->run_for(1s);
  cluster_->network().heal_all(cluster_->now());
  cluster_->run_for(30s);
  EXPECT_EQ(agreed(), "kept");
}

TEST_F(AuthorsTest, CollectedStructsHideNothing) {
  const auto writer = client(kRed, 77);
  apart();
  cluster_->run_for(10s);
  auto pen = fresh_log();
  write(pen, update_record(Bytes{1, 1, 77, 0, 0, 6, 0}));  // Six elements, collected.
  cluster_->run_for(1s);
  type(writer, "honest words");
  cluster_->run_for(1s);
  cluster_->network().heal_all(cluster_->now());
  cluster_->run_for(30s);
  EXPECT_EQ(agreed(), "honest words");
}

TEST_F(AuthorsTest, NativeIdsAreTheirOwners) {
  type(client(kRed, 77), "a");
  cluster_->run_for(1s);
  auto pen = fresh_log();
  // Of nobody.
  write(pen, update_record(typed_by(kNativeClientsMin + 5, "NOBODY")));
  cluster_->run_for(5s);
  EXPECT_EQ(text(kRed), "a");
  EXPECT_TRUE(offends(kRed));
  // Its own, once it is declared; what came before that, too.
  ClientsRecord record;
  record.salt.fill(9);
  const auto own = native_client_id(workspace_, cluster_->id(kEvil), record);
  EXPECT_GE(own, kNativeClientsMin);
  EXPECT_NE(own, native_client_id(workspace_, cluster_->id(kRed), record));
  write(pen, update_record(typed_by(own, "b")));
  cluster_->run_for(5s);
  EXPECT_EQ(text(kRed), "a");
  write(pen, encode_record(record));
  cluster_->run_for(20s);
  const std::string both = agreed();
  EXPECT_TRUE(both == "ab" || both == "ba") << both;
}

TEST_F(AuthorsTest, CarriedStructsGiveWayToTheirAuthorsLog) {
  ClientsRecord record;
  record.salt.fill(9);
  const auto native = native_client_id(workspace_, cluster_->id(kEvil), record);
  // A browser brings them to blue, from somewhere.
  const auto browser = client(kBlue, 88);
  cluster_->client(browser).submit(typed_by(native, "carried"));
  cluster_->deliver_to_server(browser);
  type(browser, "own");
  cluster_->run_for(5s);
  const std::string all = agreed();
  EXPECT_NE(all.find("carried"), std::string::npos) << all;
  EXPECT_NE(all.find("own"), std::string::npos) << all;
  // Their author wrote something else.
  auto pen = fresh_log();
  write(pen, encode_record(record));
  write(pen, update_record(typed_by(native, "written")));
  cluster_->run_for(20s);
  const std::string after = agreed();
  EXPECT_NE(after.find("written"), std::string::npos) << after;
  EXPECT_EQ(after.find("carried"), std::string::npos) << after;
  EXPECT_FALSE(offends(kRed));
}

TEST_F(AuthorsTest, ABrowserThatRoamsIsNoForger) {
  const auto browser = client(kRed, 77);
  type(browser, "one ");
  cluster_->run_for(300ms);
  apart();
  type(browser, "two ");
  cluster_->run_for(100ms);
  cluster_->disconnect(browser);
  ASSERT_TRUE(cluster_->connect(browser, kBlue, "team", "notes.md"));
  cluster_->run_for(1s);
  type(browser, "three");
  cluster_->run_for(1s);
  cluster_->network().heal_all(cluster_->now());
  cluster_->run_for(30s);
  EXPECT_EQ(agreed(), "one two three");
  for (const Cluster::Node node : {kRed, kBlue}) {
    EXPECT_TRUE(cluster_->engine(node).offenders(workspace_)->empty());
  }
}

TEST_F(AuthorsTest, RandomOrdersEndAlike) {
  testing::for_each_seed(12, [&](std::uint64_t seed) {
    begin(seed);
    testing::SeededChoices choices(seed);
    std::vector<Cluster::ClientIndex> clients{client(kRed, 70), client(kBlue, 71),
                                              client(kRed, 72)};
    for (int step = 0; step < 25; ++step) {
      const auto who = clients[choices.below(clients.size())];
      auto& at = cluster_->client(who);
      switch (choices.below(8)) {
        case 0:
          apart();
          break;
        case 1:
          cluster_->network().heal_all(cluster_->now());
          break;
        case 2:
        case 3:
          forge(70 + choices.below(3), choices.below(20), "F");
          break;
        case 4:
          if (cluster_->connected(who) && at.length() > 3) {
            at.remove(choices.below(at.length() - 2), 1 + choices.below(2));
            cluster_->deliver_to_server(who);
          }
          break;
        default:
          if (cluster_->connected(who)) type(who, std::string(1 + choices.below(4), 'a'));
      }
      cluster_->run_for(std::chrono::milliseconds(choices.below(3000)));
    }
    cluster_->network().heal_all(cluster_->now());
    cluster_->run_for(60s);
    (void)agreed();
    ASSERT_FALSE(::testing::Test::HasFailure()) << "COTERIE_SEED=" << seed;
  });
}

// Below the engine: the order of devices, and what is remembered.

/// Orders devices as it is told.
struct OrderJudge final : EntryJudge {
  std::vector<DeviceId> order;

  bool is_limited(const DeviceId&) const override { return false; }
  Verdict judge(const EntryRef&, const Hash&, std::span<const Hash>, Right,
                const std::optional<DocumentId>&) const override {
    return Verdict::kCounts;
  }
  std::map<DeviceId, Disputes> disputes(const std::set<DeviceId>&) const override { return {}; }
  Epoch epoch() const override { return {}; }
  bool precedes(const DeviceId& a, const DeviceId& b) const override {
    return std::find(order.begin(), order.end(), a) < std::find(order.begin(), order.end(), b);
  }
};

class AuthorsOrderTest : public ::testing::Test {
 protected:
  AuthorsOrderTest() {
    for (std::uint8_t i = 1; i <= 3; ++i) {
      DeviceId device;
      device.bytes.fill(i);
      judge_.order.push_back(device);
    }
  }
  /// What becomes of an update by a device, before anything else moves.
  UpdateGate::Verdict take(std::size_t device, const Bytes& update) {
    const EntryRef ref{{judge_.order[device], 1}, ++seq_, {}};
    const auto judged = authors_.judge(document_, doc_, {ref, update});
    if (judged.verdict == UpdateGate::Verdict::kApply) {
      EXPECT_TRUE(doc_.apply_update(judged.rest ? *judged.rest : update));
    }
    return judged.verdict;
  }
  static Bytes typed_by(std::uint64_t id, const std::string& words) {
    crdt::Doc doc({.client_id = id});
    return doc.transact([&] { (void)doc.text("monaco").insert(0, words); });
  }
  /// An update that only names clients, with an empty struct of each.
  static Bytes of_clients(std::uint64_t first, std::size_t count) {
    Bytes update;
    append_varuint(update, count);
    for (std::size_t i = 0; i < count; ++i) {
      append_varuint(update, 1);
      append_varuint(update, first + count - i);
      append(update, Bytes{0, 0, 1});  // From clock 0: one element, collected.
    }
    update.push_back(0);
    return update;
  }
  bool marked() const { return documents_.to_rebuild().contains(document_); }

  testing::SeededSecureRandom random_{1};
  Context context_{{}, crypto::SigningKey::generate(random_), random_, {}};
  storage::MemoryStore store_;
  Ledger ledger_{{}, store_, context_.identity, random_, [] { return true; }};
  DocumentStore documents_{ledger_, context_};
  OrderJudge judge_;
  Authors authors_{ledger_, documents_, judge_, context_};
  const DocumentId document_ = document_id({}, "notes.md");
  crdt::Doc doc_{{.client_id = 1}};
  Seq seq_ = 0;
};

TEST_F(AuthorsOrderTest, DocumentsAreRebuiltWhereTheOrderOfRivalsIsAnother) {
  ASSERT_EQ(take(0, typed_by(77, "first")), UpdateGate::Verdict::kApply);
  ASSERT_EQ(take(2, typed_by(78, "no rival")), UpdateGate::Verdict::kApply);
  ASSERT_EQ(take(1, typed_by(77, "second")), UpdateGate::Verdict::kRefuse);
  authors_.order_moved();
  EXPECT_FALSE(marked()) << "membership moved, their order did not";
  std::swap(judge_.order[1], judge_.order[2]);
  authors_.order_moved();
  EXPECT_FALSE(marked()) << "nor by the place of somebody who contradicted nobody";
  std::swap(judge_.order[0], judge_.order[2]);
  authors_.order_moved();
  EXPECT_TRUE(marked());
  documents_.clear_rebuild_marks();
  authors_.order_moved();
  EXPECT_FALSE(marked()) << "once";
}

TEST_F(AuthorsOrderTest, TheOrderOfRivalsIsKeptOverARestart) {
  ASSERT_EQ(take(0, typed_by(77, "first")), UpdateGate::Verdict::kApply);
  ASSERT_EQ(take(1, typed_by(77, "second")), UpdateGate::Verdict::kRefuse);
  const storage::WriteBatch batch = ledger_.launch();
  ASSERT_TRUE(store_.commit(std::span(&batch, 1)));
  (void)ledger_.landed();
  Authors again(ledger_, documents_, judge_, context_);
  ASSERT_TRUE(again.load());
  again.order_moved();
  EXPECT_FALSE(marked());
  std::swap(judge_.order[0], judge_.order[1]);
  again.order_moved();
  EXPECT_TRUE(marked());
}

TEST_F(AuthorsOrderTest, PastTheLimitOfWhatIsRememberedEveryUpdateMayContradict) {
  constexpr std::size_t kStep = 1u << 14;
  const LogId log{judge_.order[0], 1};
  const LogId other{judge_.order[1], 1};
  const auto contested = [&](std::uint64_t client) {
    return authors_.contested(document_, other, of_clients(client, 1));
  };
  for (std::size_t count = 0; count < kClientWritersMax - kStep; count += kStep) {
    ASSERT_FALSE(authors_.contested(document_, log, of_clients(1000 + count, kStep)));
  }
  EXPECT_FALSE(authors_.contested(document_, log, of_clients(1'000'000, kStep - 1)));
  EXPECT_FALSE(contested(2'000'000)) << "the last one that is remembered";
  EXPECT_TRUE(contested(3'000'000));
  // Who wrote what contradicts is not all known any more: order decides in a rebuild.
  EXPECT_EQ(take(0, typed_by(77, "first")), UpdateGate::Verdict::kApply);
  EXPECT_EQ(take(1, typed_by(77, "second")), UpdateGate::Verdict::kRebuild);
  authors_.order_moved();
  EXPECT_TRUE(marked());
}

}  // namespace
}  // namespace coterie::node
