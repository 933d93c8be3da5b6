// The keeper below the engine: which bundles are believed, and which checkpoints count.

#include "node/core/checkpoint/keeper.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "node/core/limits.hpp"
#include "tests/support/replica.hpp"

namespace coterie::node {
namespace {

using namespace std::chrono_literals;
using testing::Replica;
using testing::Team;
using Verdict = CheckpointTransfer::Verdict;

/// A replica with a keeper.
class Seat : private Keeper::Host {
 public:
  explicit Seat(Replica& at)
      : replica(at),
        authors(at.ledger(), at.documents(), at.judge(), at.context()),
        keeper(at.ledger(), at.documents(), at.views(), authors, at.context(), *this) {
    at.on_checkpoint = [this](Now now, const LedgerRecord& record, const Record& decoded) {
      keeper.spoken(now, record, decoded);
    };
    EXPECT_TRUE(keeper.load());
  }
  ~Seat() { replica.on_checkpoint = {}; }

  /// What is due in the next minutes.
  void think() {
    for (int i = 0; i < 5; ++i) {
      replica.wait(1min);
      keeper.handle_timeout(replica.now(), true);
      replica.settle();
      keeper.landed(replica.now());
    }
  }
  Verdict take(const CheckpointOffer& offer, Bytes bundle) {
    const Verdict verdict = keeper.take(replica.now(), offer, bundle);
    replica.settle();
    return verdict;
  }

  Replica& replica;
  Authors authors;
  Keeper keeper;

 private:
  void base_installed(Now now, const Ledger::Received& received) override {
    replica.views().take(now, received.records);
    replica.views().rebuild_now(now);
  }
  void flush_all(Now) override {}
};

class KeeperTest : public ::testing::Test {
 protected:
  KeeperTest() : editor_(team_.join(Role::kEditor)), red_(team_.host()), green_(editor_) {}

  void type(int words) {
    for (int i = 0; i < words; ++i) team_.host().type("notes", "word ");
    team_.exchange();
  }
  /// The base of both.
  Hash agree() {
    const auto made = red_.keeper.make(red_.replica.now());
    EXPECT_TRUE(made) << (made ? "" : made.error().what);
    red_.replica.settle();
    for (int i = 0; i < 3; ++i) {
      team_.exchange();
      red_.think();
      green_.think();
    }
    EXPECT_EQ(red_.replica.ledger().base().checkpoint, *made);
    EXPECT_EQ(green_.replica.ledger().base().checkpoint, *made);
    return *made;
  }
  struct Given {
    CheckpointOffer offer;
    Bytes bytes;
  };
  Given given(Seat& by) {
    const auto offer = by.keeper.offer();
    EXPECT_TRUE(offer);
    return {*offer, *by.keeper.read(offer->hash, 0, offer->bytes)};
  }
  /// The same with something changed, sealed again as by a member.
  Bytes forged(const Given& given, const std::function<void(Bundle&)>& change) {
    Ledger& ledger = red_.replica.ledger();
    auto head = decode_bundle(given.bytes);
    EXPECT_TRUE(head);
    const Hash commitment = head->commitment;
    const crypto::SecretKey& key = *ledger.keys().find(commitment);
    auto bundle = open_bundle(ledger.workspace(), *std::move(head), key);
    EXPECT_TRUE(bundle);
    EXPECT_FALSE(bundle->states.empty());
    EXPECT_FALSE(bundle->vouches.empty());
    EXPECT_FALSE(bundle->kept.empty());
    EXPECT_FALSE(bundle->operations.empty());
    change(*bundle);
    return encode_bundle(ledger.workspace(), *bundle, key, commitment,
                         red_.replica.context().random);
  }

  Team team_{7};
  Replica& editor_;
  Seat red_;
  Seat green_;
};

TEST_F(KeeperTest, OnlyWhatMembersAgreedOnIsBelieved) {
  team_.host().name("notes");
  type(20);
  Replica fresh(99);
  team_.admit(fresh, Role::kEditor);
  team_.exchange();
  agree();
  const Given given = this->given(red_);
  fresh.adopt(red_.replica.ledger().workspace());
  fresh.ledger().keys().take(team_.host().keys_for(fresh.id()));
  fresh.settle();
  Seat newcomer(fresh);
  ASSERT_TRUE(newcomer.keeper.wants(given.offer));
  const auto refused = [&](const char* what, const std::function<void(Bundle&)>& change) {
    EXPECT_EQ(newcomer.take(given.offer, forged(given, change)), Verdict::kRefused) << what;
    EXPECT_TRUE(fresh.ledger().segments().all().empty()) << what;
  };
  refused("a document that is otherwise", [](Bundle& bundle) {
    crdt::Doc other({.client_id = 5});
    crdt::Text text = other.text("t");
    other.transact([&] { (void)text.insert(0, "never was"); });
    bundle.states.begin()->second = other.encode_state_as_update();
  });
  refused("one more document", [](Bundle& bundle) {
    DocumentId id;
    id.bytes.fill(0xab);
    bundle.states.emplace(id, bundle.states.begin()->second);
  });
  refused("one document fewer", [](Bundle& bundle) { bundle.states.clear(); });
  refused("no second device", [](Bundle& bundle) { bundle.vouches.clear(); });
  refused("a vouch that was changed", [](Bundle& bundle) {
    for (auto& one : bundle.vouches) one.stored.back() ^= 1;
  });
  refused("an entry that is kept left out", [](Bundle& bundle) { bundle.kept.pop_back(); });
  refused("one that was changed", [](Bundle& bundle) { bundle.kept[0].stored.back() ^= 1; });
  refused("an operation left out", [](Bundle& bundle) { bundle.operations.pop_back(); });
  refused("the founding left out",
          [](Bundle& bundle) { bundle.operations.erase(bundle.operations.begin()); });
  refused("an operation that was changed",
          [](Bundle& bundle) { bundle.operations.back().stored.back() ^= 1; });
  refused("a vouch for a checkpoint",
          [](Bundle& bundle) { bundle.checkpoint = bundle.vouches.front(); });
  refused("a checkpoint that was changed",
          [](Bundle& bundle) { bundle.checkpoint.stored.back() ^= 1; });
  CheckpointOffer other = given.offer;
  other.checkpoint.bytes[0] ^= 1;
  EXPECT_EQ(newcomer.take(other, given.bytes), Verdict::kRefused);
  EXPECT_EQ(newcomer.take(given.offer, Bytes(given.bytes.begin(), given.bytes.end() - 1)),
            Verdict::kRefused);
  EXPECT_EQ(newcomer.take(given.offer, {}), Verdict::kRefused);

  EXPECT_EQ(newcomer.take(given.offer, given.bytes), Verdict::kTaken);
  fresh.rest();
  EXPECT_EQ(fresh.text("notes"), team_.host().text("notes"));
  EXPECT_FALSE(newcomer.keeper.wants(given.offer));
}

TEST_F(KeeperTest, NobodyGoesBackToAnOlderOne) {
  type(10);
  agree();
  const Given old = given(red_);
  type(10);
  const Hash newer = agree();
  EXPECT_FALSE(green_.keeper.wants(old.offer));
  EXPECT_EQ(green_.take(old.offer, old.bytes), Verdict::kRefused);
  EXPECT_EQ(green_.replica.ledger().base().checkpoint, newer);
}

TEST_F(KeeperTest, ABundleNamesNoMoreClientsThanTheLimit) {
  type(5);
  agree();
  const Given given = this->given(red_);
  Ledger& ledger = red_.replica.ledger();
  const auto with = [&](std::size_t pairs) {
    const Bytes bytes = forged(given, [&](Bundle& bundle) {
      auto& writers = bundle.writers[bundle.states.begin()->first];
      writers.clear();
      for (std::size_t i = 0; i < pairs; ++i) writers.emplace(i + 1, LogId{editor_.id(), 1});
    });
    auto head = decode_bundle(bytes);
    const crypto::SecretKey& key = *ledger.keys().find(head->commitment);
    return open_bundle(ledger.workspace(), *std::move(head), key);
  };
  EXPECT_TRUE(with(kBundleWritersMax));
  const auto past = with(kBundleWritersMax + 1);
  ASSERT_FALSE(past);
  EXPECT_EQ(past.error().code, ErrorCode::kLimitExceeded);
}

TEST_F(KeeperTest, ACheckpointFromAClockFarAheadStandsInNobodysWay) {
  type(5);
  // The editor's clock is two hours ahead.
  green_.replica.wait(2h);
  green_.replica.type("notes", "early ");
  ASSERT_TRUE(green_.keeper.make(green_.replica.now()));
  green_.replica.settle();
  team_.exchange();
  red_.think();
  EXPECT_EQ(red_.replica.ledger().base().frontier.size(), 0u);
  EXPECT_EQ(red_.keeper.list().front().same.size(), 1u) << "it is not vouched for yet";
}

TEST(CheckpointRecords, LimitsAtAndPast) {
  const WorkspaceId workspace;
  CheckpointRecord checkpoint;
  for (std::size_t i = 1; i <= kCheckpointLogsMax; ++i) {
    checkpoint.frontier[LogId{DeviceId{}, i}] = {1, Hash{}};
  }
  EXPECT_TRUE(decode_record(workspace, encode_record(checkpoint)));
  EXPECT_LE(encode_record(checkpoint).size(), kRecordPartBytes) << "fits an entry";
  checkpoint.frontier[LogId{DeviceId{}, kCheckpointLogsMax + 1}] = {1, Hash{}};
  EXPECT_EQ(decode_record(workspace, encode_record(checkpoint)).error().code,
            ErrorCode::kLimitExceeded);
  VouchRecord vouch;
  for (std::size_t i = 0; i < kWaivedMax; ++i) {
    DeviceId device;
    device.bytes[0] = static_cast<std::uint8_t>(i >> 8);
    device.bytes[1] = static_cast<std::uint8_t>(i);
    vouch.waived.push_back(device);
  }
  EXPECT_TRUE(decode_record(workspace, encode_record(vouch)));
  vouch.waived.push_back(vouch.waived.back());
  vouch.waived.back().bytes[2] = 1;
  EXPECT_EQ(decode_record(workspace, encode_record(vouch)).error().code, ErrorCode::kLimitExceeded);
  std::swap(vouch.waived[0], vouch.waived[1]);
  vouch.waived.pop_back();
  EXPECT_EQ(decode_record(workspace, encode_record(vouch)).error().code, ErrorCode::kMalformed);
  checkpoint.frontier = {{LogId{DeviceId{}, 1}, {0, Hash{}}}};
  EXPECT_EQ(decode_record(workspace, encode_record(checkpoint)).error().code,
            ErrorCode::kMalformed);
}

}  // namespace
}  // namespace coterie::node
