// What a ledger takes from peers and what it does not: forks in any order, and what a member with
// modified software can send.

#include "node/core/ledger.hpp"

#include <gtest/gtest.h>

#include "node/core/limits.hpp"
#include "node/core/records.hpp"
#include "storage/memory/memory_store.hpp"
#include "tests/support/choices.hpp"
#include "tests/support/seeded_secure_random.hpp"
#include "transport/wire/limits.hpp"
#include "transport/wire/messages.hpp"

namespace coterie::node {
namespace {

using transport::EntryRun;
using transport::RunVerdict;

constexpr WallMillis kStart = 1'760'000'000'000;

/// A device that writes what it likes.
struct Writer {
  crypto::SigningKey key;
  LogId log;
  LogHead head;
  std::vector<Bytes> entries;
  std::vector<HashedEntry> made;

  Writer fork(Seq at) const {
    Writer copy{crypto::SigningKey::from_seed(key.seed()), log, {at, {}}, {}, {}};
    if (at > 0) copy.head.hash = made[at - 1].hash;
    copy.entries.assign(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(at));
    copy.made.assign(made.begin(), made.begin() + static_cast<std::ptrdiff_t>(at));
    return copy;
  }
  EntryRun run(Seq first = 1, Seq last = ~Seq{0}) const {
    last = std::min<Seq>(last, entries.size());
    EntryRun out{log, first, {}};
    for (Seq seq = first; seq <= last; ++seq) out.entries.push_back(entries[seq - 1]);
    return out;
  }
};

class LedgerTest : public ::testing::Test {
 protected:
  struct Node {
    crypto::SigningKey key;
    storage::MemoryStore store;
    std::unique_ptr<Ledger> ledger;
    Node(crypto::SigningKey with) : key(std::move(with)) {}
  };

  LedgerTest() : random_(7), founder_(crypto::SigningKey::generate(random_)) {
    genesis_ = Ledger::make_genesis(at(), "team", founder_.key, random_);
    open(founder_);
    founder_.ledger->found(genesis_);
    land(founder_);
  }

  static Now at() { return {Instant{}, kStart}; }

  void open(Node& node, Ledger::Origin origin = {}) {
    node.ledger = std::make_unique<Ledger>(
        genesis_.workspace, node.store, node.key, random_, [] { return false; }, std::move(origin));
    ASSERT_TRUE(node.ledger->load());
  }
  void land(Node& node) {
    while (!node.ledger->staged().empty()) {
      const storage::WriteBatch batch = node.ledger->launch();
      ASSERT_TRUE(node.store.commit(std::span(&batch, 1)));
      (void)node.ledger->landed();
    }
  }

  /// The founder lets a device in. What it writes may name the heads of then.
  Writer admit(Role role = Role::kEditor) {
    const auto invite = crypto::SigningKey::generate(random_);
    Writer writer{crypto::SigningKey::generate(random_), {}, {}, {}, {}};
    writer.log = {writer.key.id(), random_.next_u64() >> 1};
    Ledger& ledger = *founder_.ledger;
    InviteOperation terms;
    terms.invite = invite.id();
    terms.role = role;
    terms.expires = kStart + 1'000'000;
    ledger.append_operation(at(), terms);
    AdmitOperation admit;
    admit.device = writer.key.id();
    admit.name = "other";
    admit.role = role;
    admit.invite = invite.id();
    admit.proof = invite.sign(admission_proof(genesis_.workspace, writer.key.id()).view());
    ledger.append_operation(at(), admit);
    land(founder_);
    EXPECT_NE(ledger.membership().find(writer.key.id()), nullptr);
    return writer;
  }

  std::vector<Hash> heads() const { return founder_.ledger->membership().heads(); }

  void add(Writer& writer, HashedEntry made, bool spoil = false) {
    if (spoil) {
      made.entry.signature.bytes[3] ^= 1;
      made.hash = entry_hash(made.entry);
    }
    writer.head = {writer.head.seq + 1, made.hash};
    writer.entries.push_back(encode_stored(made.entry));
    writer.made.push_back(std::move(made));
  }
  void write(Writer& writer, std::vector<Hash> heads, bool spoil = false, std::size_t size = 20) {
    HashedEntry made;
    const Bytes record = encode_record(UpdateRecord{document_id(genesis_.workspace, "a.md"),
                                                    Bytes(size, static_cast<std::uint8_t>(spoil))});
    made.entry =
        seal_entry({genesis_.workspace, writer.log, writer.head.seq + 1, writer.head.hash},
                   kStart << 16, std::move(heads), genesis_.key,
                   crypto::key_commitment(genesis_.key), random_, writer.key, record, made.hash);
    add(writer, std::move(made), spoil);
  }
  void write(Writer& writer, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) write(writer, heads());
  }

  Ledger::Received receive(Node& node, const EntryRun& run) {
    auto received = node.ledger->receive(at(), run, 1);
    land(node);
    return received;
  }
  /// A replica that holds what the founder wrote.
  std::unique_ptr<Node> follower() {
    auto node = std::make_unique<Node>(crypto::SigningKey::generate(random_));
    open(*node);
    node->ledger->keys().add(genesis_.key.clone());
    const LogId log{founder_.key.id(), genesis_.incarnation};
    EXPECT_EQ(receive(*node, founder_.ledger->read(log, 1, 1 << 20)).verdict, RunVerdict::kStored);
    return node;
  }
  /// Gives `to` all that `from` serves, as the mesh would in the end.
  void sync(const Node& from, Node& to, std::size_t bytes = 1000) {
    for (int round = 0; round < 50; ++round) {
      for (const auto& [log, head] : Frontier(from.ledger->frontier())) {
        const auto held = to.ledger->held(log);
        if (held.head.seq >= head.seq) continue;
        const EntryRun run = from.ledger->read(log, held.head.seq + 1, bytes);
        if (!run.entries.empty()) receive(to, run);
      }
      if (from.ledger->frontier() == to.ledger->frontier()) return;
    }
  }
  static Hash digest(const Node& node) {
    return transport::frontier_digest(node.ledger->frontier());
  }

  testing::SeededSecureRandom random_;
  Node founder_;
  Ledger::Genesis genesis_;
};

TEST_F(LedgerTest, AForkIsKeptWhateverComesFirst) {
  Writer one = admit();
  write(one, 5);
  Writer two = one.fork(2);
  write(two, 4);
  Writer three = one.fork(0);
  write(three, 2);
  Writer four = two.fork(4);
  write(four, 1);
  const std::vector<EntryRun> runs{one.run(), two.run(), three.run(), four.run()};
  std::vector<std::size_t> order{0, 1, 2, 3};
  std::optional<Hash> expected;
  do {
    auto node = follower();
    std::size_t records = 0;
    for (const std::size_t i : order) {
      const auto received = receive(*node, runs[i]);
      EXPECT_EQ(received.verdict, RunVerdict::kStored);
      records += received.records.size();
      for (const LedgerRecord& record : received.records) {
        EXPECT_TRUE(node->ledger->read_record(record.ref)) << "durable, and found by its reference";
      }
      // Twice is harmless.
      EXPECT_EQ(receive(*node, runs[i]).stored, 0u);
    }
    EXPECT_EQ(records, 5u + 4u + 2u + 1u) << "each entry once";
    if (!expected) expected = digest(*node);
    EXPECT_EQ(digest(*node), *expected);
    // A node that hears of it by segments, and one that was restarted.
    auto other = follower();
    sync(*node, *other, 300);
    EXPECT_EQ(digest(*other), *expected);
    open(*other);
    EXPECT_EQ(digest(*other), *expected);
    const auto forks = other->ledger->forks();
    ASSERT_TRUE(forks);
    ASSERT_EQ(forks->size(), 3u);
    EXPECT_EQ((*forks)[0].entries.size(), 2u);
    std::size_t visited = 0;
    for (const auto& [log, head] : other->ledger->held()) {
      if (log.device != one.key.id()) continue;
      ASSERT_TRUE(other->ledger->visit(log, {}, [&, &log = log](const HashedEntry& entry) {
        EXPECT_TRUE(other->ledger->read_record(other->ledger->ref_of(log, entry.entry)));
        ++visited;
        return true;
      }));
    }
    EXPECT_EQ(visited, 12u);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_F(LedgerTest, ALongForkedLogIsHashedFromAnchors) {
  Writer one = admit();
  write(one, 700);
  Writer two = one.fork(613);
  write(two, 40);
  auto node = follower();
  for (Seq seq = 1; seq <= 700; seq += 100) {
    ASSERT_EQ(receive(*node, one.run(seq, seq + 99)).verdict, RunVerdict::kStored);
  }
  // From the middle: nothing of before is needed but the hash there.
  EXPECT_EQ(receive(*node, two.run(620)).verdict, RunVerdict::kApart) << "it parted before";
  EXPECT_EQ(receive(*node, two.run(600, 640)).verdict, RunVerdict::kStored);
  auto other = follower();
  ASSERT_EQ(receive(*other, two.run()).verdict, RunVerdict::kStored);
  ASSERT_EQ(receive(*other, one.run()).verdict, RunVerdict::kStored);
  sync(*other, *node);
  EXPECT_EQ(digest(*node), digest(*other));
}

TEST_F(LedgerTest, AMarkReachesItsOwnBranchOnly) {
  Writer one = admit();
  write(one, 5);
  Writer two = one.fork(2);
  write(two, 3);
  const LogId log = one.log;
  auto node = follower();
  auto refs = receive(*node, one.run()).records;
  const LogMark mine{log, 5, one.made[4].hash};
  const LogMark theirs{log, 5, two.made[4].hash};
  EXPECT_TRUE(node->ledger->reaches(mine, refs[4].ref));
  EXPECT_FALSE(node->ledger->reaches(theirs, refs[0].ref)) << "what it names may never be";
  const auto more = receive(*node, two.run()).records;
  refs.insert(refs.end(), more.begin(), more.end());
  ASSERT_EQ(refs.size(), 8u);
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(node->ledger->reaches(mine, refs[i].ref), i < 5) << i;
    EXPECT_EQ(node->ledger->reaches(theirs, refs[i].ref), i < 2 || i >= 5) << i;
  }
  EXPECT_FALSE(node->ledger->reaches({log, 4, one.made[3].hash}, refs[4].ref));
  EXPECT_FALSE(node->ledger->reaches({{log.device, 1}, 9, {}}, refs[0].ref));
  const LogMark unknown{log, 9, one.made[0].hash};
  EXPECT_FALSE(node->ledger->reaches(unknown, refs[1].ref));
}

TEST_F(LedgerTest, ARunIsCutWhereItCannotBeJudged) {
  Writer writer = admit();
  write(writer, 2);
  Hash unknown;
  unknown.bytes.fill(9);
  write(writer, {unknown});
  write(writer, 1);
  auto node = follower();
  const auto received = receive(*node, writer.run());
  EXPECT_EQ(received.verdict, RunVerdict::kDeferred);
  EXPECT_EQ(received.stored, 2u);
  EXPECT_EQ(received.records.size(), 2u);
  EXPECT_EQ(node->ledger->frontier().at(writer.log).seq, 2u);
  EXPECT_EQ(receive(*node, writer.run(3)).stored, 0u);
}

TEST_F(LedgerTest, ACutNeverEndsWithAWrongSignature) {
  Writer writer = admit();
  write(writer, 2);
  for (int i = 0; i < 3; ++i) write(writer, heads(), true);
  write(writer, {genesis_.hash});  // Refused: its author was no member there.
  write(writer, 1);                // Signs for all before.
  auto node = follower();
  const auto received = receive(*node, writer.run());
  EXPECT_EQ(received.verdict, RunVerdict::kRefused);
  EXPECT_EQ(received.stored, 2u) << "the next who gets them must be able to verify them";
}

TEST_F(LedgerTest, OnlySoManySignaturesAreTriedForAPartOfARun) {
  for (const std::size_t wrong : {kCutChecksMax - 1, kCutChecksMax}) {
    Writer writer = admit();
    write(writer, 2);
    for (std::size_t i = 0; i < wrong; ++i) write(writer, heads(), true);
    write(writer, {genesis_.hash});  // Refused: its author was no member there.
    write(writer, 1);
    auto node = follower();
    EXPECT_EQ(receive(*node, writer.run()).stored, wrong < kCutChecksMax ? 2u : 0u);
  }
}

TEST_F(LedgerTest, AnswersEndWithARightSignature) {
  Writer writer = admit();
  write(writer, 2);
  for (int i = 0; i < 3; ++i) write(writer, heads(), true);
  write(writer, 2);
  auto node = follower();
  ASSERT_EQ(receive(*node, writer.run()).verdict, RunVerdict::kStored);
  const std::size_t each = writer.entries[0].size();
  EXPECT_EQ(node->ledger->read(writer.log, 1, 2 * each).entries.size(), 2u);
  EXPECT_EQ(node->ledger->read(writer.log, 1, 4 * each).entries.size(), 6u);
  EXPECT_EQ(node->ledger->read(writer.log, 3, 1).entries.size(), 4u);
  auto other = follower();
  sync(*node, *other, 4 * each);
  EXPECT_EQ(digest(*node), digest(*other));
  // What cannot be vouched for in one frame is not begun.
  Writer heavy = admit();
  write(heavy, 1);
  write(heavy, heads(), true, 500'000);
  write(heavy, heads(), false, 500'000);
  node = follower();
  ASSERT_EQ(receive(*node, heavy.run()).verdict, RunVerdict::kStored);
  EXPECT_EQ(node->ledger->read(heavy.log, 1, 100).entries.size(), 1u);
  EXPECT_EQ(node->ledger->read(heavy.log, 1, 600'000).entries.size(), 3u);
}

TEST_F(LedgerTest, AWrongSignatureOfAnOperationIsNotVouchedFor) {
  Writer writer = admit();
  write(writer, 1);
  HashedEntry made;
  made.entry =
      sign_entry({genesis_.workspace, writer.log, 2, writer.head.hash}, EntryClass::kMembership,
                 kStart << 16, heads(), writer.key, encode_operation(RevokeOperation{}), made.hash);
  add(writer, std::move(made), true);
  write(writer, 1);
  auto node = follower();
  const auto received = receive(*node, writer.run());
  EXPECT_EQ(received.verdict, RunVerdict::kRefused);
  EXPECT_EQ(received.stored, 1u);
}

TEST_F(LedgerTest, ContentFromBeforeTheAdmissionIsRefused) {
  Writer writer = admit();
  write(writer, {genesis_.hash});
  auto node = follower();
  EXPECT_EQ(receive(*node, writer.run()).verdict, RunVerdict::kRefused);
  Writer stranger{crypto::SigningKey::generate(random_), {}, {}, {}, {}};
  stranger.log = {stranger.key.id(), 1};
  write(stranger, 1);
  EXPECT_EQ(receive(*node, stranger.run()).verdict, RunVerdict::kDeferred);
  Writer viewer = admit(Role::kViewer);
  write(viewer, 1);
  node = follower();
  EXPECT_EQ(receive(*node, viewer.run()).verdict, RunVerdict::kRefused);
  EXPECT_FALSE(node->ledger->frontier().contains(viewer.log));
}

TEST_F(LedgerTest, HeadsAtAndPastTheLimit) {
  auto node = follower();
  for (const std::size_t count : {kEntryHeadsMax, kEntryHeadsMax + 1}) {
    Writer writer = admit();
    node = follower();
    std::vector<Hash> unknown(kEntryHeadsMax);
    for (std::size_t i = 0; i < unknown.size(); ++i) {
      unknown[i].bytes[0] = static_cast<std::uint8_t>(i + 1);
    }
    write(writer, unknown);
    if (count > kEntryHeadsMax) {
      // version class time, then the count.
      writer.entries[0][10] = static_cast<std::uint8_t>(count);
    }
    EXPECT_EQ(receive(*node, writer.run()).verdict,
              count > kEntryHeadsMax ? RunVerdict::kRefused : RunVerdict::kDeferred);
    EXPECT_FALSE(node->ledger->frontier().contains(writer.log));
  }
}

TEST_F(LedgerTest, DescriptorsThatLieAreRefused) {
  Writer one = admit();
  write(one, 4);
  Writer two = one.fork(2);
  write(two, 2);
  auto node = follower();
  ASSERT_EQ(receive(*node, one.run()).verdict, RunVerdict::kStored);
  const BranchDescriptor truth{one.log.incarnation, 3, one.made[1].hash};
  const LogId name = branch_name(one.log, two.made[2].hash);
  const auto offer = [&](const LogId& log, const BranchDescriptor& descriptor) {
    EntryRun run{log, 1, {encode_descriptor(descriptor)}};
    run.entries.push_back(two.entries[2]);
    run.entries.push_back(two.entries[3]);
    return run;
  };
  const Hash before = digest(*node);
  std::vector<EntryRun> lies;
  lies.push_back(offer(name, {truth.incarnation, 4, one.made[2].hash}));    // Another place,
  lies.push_back(offer(name, {truth.incarnation, 3, one.made[2].hash}));    // no place,
  lies.push_back(offer(name, {truth.incarnation, 2, truth.previous}));      // another number,
  lies.push_back(offer(name, {truth.incarnation + 1, 3, truth.previous}));  // another log,
  lies.push_back(offer(name, {truth.incarnation, 1, {}}));                  // the beginning,
  lies.push_back(offer({name.device, name.incarnation ^ 1}, truth));        // another name,
  lies.push_back(offer({name.device, one.log.incarnation}, truth));         // that of the log,
  lies.push_back(offer(name, truth));
  lies.back().entries.resize(1);  // alone.
  for (std::size_t i = 0; i < lies.size(); ++i) {
    EXPECT_NE(receive(*node, lies[i]).verdict, RunVerdict::kStored) << i;
    EXPECT_EQ(digest(*node), before) << i;
  }
  // Entries without a descriptor under a name that is only a branch's.
  EXPECT_NE(receive(*node, {name, 1, two.run().entries}).verdict, RunVerdict::kStored);
  EXPECT_EQ(receive(*node, offer(name, truth)).verdict, RunVerdict::kStored);
  EXPECT_NE(digest(*node), before);
}

TEST_F(LedgerTest, ABranchThatIsNoneHereIsFollowedUnderItsName) {
  Writer one = admit();
  write(one, 600);
  Writer two = one.fork(300);
  write(two, 1);
  auto split = follower();
  ASSERT_EQ(receive(*split, one.run()).verdict, RunVerdict::kStored);
  ASSERT_EQ(receive(*split, two.run()).verdict, RunVerdict::kStored);
  auto node = follower();
  ASSERT_EQ(receive(*node, one.run(1, 400)).verdict, RunVerdict::kStored);
  const LogId tail = branch_name(one.log, one.made[300].hash);
  // What it has of it counts as held, and what continues it is taken.
  while (node->ledger->held(tail).head.seq < 301) {
    const Seq before = node->ledger->held(tail).head.seq;
    const EntryRun run = split->ledger->read(tail, before + 1, 5000);
    ASSERT_EQ(receive(*node, run).verdict, RunVerdict::kStored);
    ASSERT_GT(node->ledger->held(tail).head.seq, before);
  }
  EXPECT_EQ(node->ledger->frontier().at(one.log).seq, 600u);
  sync(*split, *node);
  EXPECT_EQ(digest(*node), digest(*split));
}

TEST_F(LedgerTest, BranchesThatAreNoneHereAreBounded) {
  Writer one = admit();
  write(one, kAliasesMax + 2);
  auto node = follower();
  ASSERT_EQ(receive(*node, one.run()).verdict, RunVerdict::kStored);
  // Each entry but the first, as if its log had forked before it.
  const auto name = [&](std::size_t index) { return branch_name(one.log, one.made[index].hash); };
  const auto offer = [&](std::size_t index) {
    const BranchDescriptor descriptor{one.log.incarnation, index + 1, one.made[index - 1].hash};
    EXPECT_EQ(receive(*node, {name(index), 1, {encode_descriptor(descriptor), one.entries[index]}})
                  .verdict,
              RunVerdict::kStored);
  };
  const auto known = [&](std::size_t index) {
    return node->ledger->held(name(index)).head.seq > 0;
  };
  for (std::size_t i = 1; i <= kAliasesMax; ++i) offer(i);
  EXPECT_TRUE(known(1));
  EXPECT_TRUE(known(kAliasesMax));
  offer(kAliasesMax + 1);
  EXPECT_FALSE(known(1)) << "those before are forgotten";
  EXPECT_TRUE(known(kAliasesMax + 1));
  offer(1);
  EXPECT_TRUE(known(1)) << "and told again";
}

TEST_F(LedgerTest, LogsOfADeviceAreBounded) {
  Writer writer = admit();
  write(writer, kLogsPerDeviceMax + 1);
  auto node = follower();
  for (std::size_t i = 0; i < kLogsPerDeviceMax + 1; ++i) {
    Writer log = writer.fork(0);
    log.log.incarnation = i + 1;
    write(log, 1);
    EXPECT_EQ(receive(*node, log.run()).verdict,
              i < kLogsPerDeviceMax ? RunVerdict::kStored : RunVerdict::kRefused)
        << i;
  }
  // Forks count.
  node = follower();
  ASSERT_EQ(receive(*node, writer.run()).verdict, RunVerdict::kStored);
  for (Seq seq = 1; seq < 200; ++seq) {
    Writer fork = writer.fork(seq);
    write(fork, 1);
    const auto verdict = receive(*node, fork.run()).verdict;
    EXPECT_EQ(verdict,
              1 + 2 * seq <= kLogsPerDeviceMax ? RunVerdict::kStored : RunVerdict::kRefused)
        << seq;
  }
}

TEST_F(LedgerTest, WhatNobodyAcknowledgedIsBounded) {
  Writer writer = admit();
  const std::vector<Hash> before = heads();
  write(writer, 3);
  RemoveOperation remove;
  remove.device = writer.key.id();
  remove.seen.push_back({writer.log, 3, writer.made[2].hash});
  founder_.ledger->append_operation(at(), remove);
  land(founder_);
  auto node = follower();
  // What was seen takes no room.
  EXPECT_EQ(receive(*node, writer.run()).verdict, RunVerdict::kStored);
  Writer later = writer.fork(0);
  later.log.incarnation ^= 1;
  for (std::size_t i = 0; i < kSetAsideEntriesMax + 1; ++i) write(later, before);
  for (Seq seq = 1; seq <= kSetAsideEntriesMax; seq += 1024) {
    EXPECT_EQ(receive(*node, later.run(seq, seq + 1023)).verdict, RunVerdict::kStored);
  }
  open(*node);  // Counted on.
  EXPECT_EQ(receive(*node, later.run(kSetAsideEntriesMax + 1)).verdict, RunVerdict::kDeferred);
  EXPECT_EQ(node->ledger->frontier().at(later.log).seq, kSetAsideEntriesMax);
  // What it wrote knowing better is refused at once.
  Writer knowing = writer.fork(0);
  knowing.log.incarnation ^= 2;
  write(knowing, 1);
  EXPECT_EQ(receive(*node, knowing.run()).verdict, RunVerdict::kRefused);
}

TEST_F(LedgerTest, AnOwnLogThatIsLongerElsewhereIsLeft) {
  const LogId own{founder_.key.id(), genesis_.incarnation};
  admit();
  Writer elsewhere{crypto::SigningKey::from_seed(founder_.key.seed()), own, {}, {}, {}};
  const EntryRun all = founder_.ledger->read(own, 1, 1 << 20);
  auto hashed = hash_run(genesis_.workspace, own, {}, all.entries);
  for (std::size_t i = 0; i < hashed->size(); ++i) {
    elsewhere.entries.push_back(all.entries[i]);
    elsewhere.made.push_back(std::move((*hashed)[i]));
  }
  elsewhere = elsewhere.fork(all.entries.size());
  write(elsewhere, 2);
  const auto received = receive(founder_, elsewhere.run(all.entries.size() + 1));
  EXPECT_EQ(received.verdict, RunVerdict::kStored);
  EXPECT_FALSE(received.warning.empty());
  const EntryRef ref = founder_.ledger->append_record(at(), encode_record(ClientsRecord{}));
  EXPECT_NE(ref.log, own);
  land(founder_);
  // And a fork of the new one.
  Writer fork{crypto::SigningKey::from_seed(founder_.key.seed()), ref.log, {}, {}, {}};
  write(fork, 1);
  EXPECT_EQ(receive(founder_, fork.run()).verdict, RunVerdict::kStored);
  EXPECT_NE(founder_.ledger->append_record(at(), encode_record(ClientsRecord{})).log, ref.log);
  land(founder_);
  EXPECT_EQ(founder_.ledger->forks()->size(), 1u);
}

TEST_F(LedgerTest, ThePlaceDecidesWhetherALogIsContinued) {
  admit();
  const Bytes a{1};
  const Bytes b{2};
  const Bytes c{3};
  const auto write_one = [&] {
    const LogId log = founder_.ledger->append_record(at(), encode_record(ClientsRecord{})).log;
    land(founder_);
    return log;
  };
  open(founder_, {{}, a});  // Seen for the first time.
  const LogId first = write_one();
  EXPECT_NE(first.incarnation, genesis_.incarnation);
  open(founder_, {a, b});
  land(founder_);
  EXPECT_EQ(write_one(), first);
  open(founder_, {b, c});  // Noted, though nothing is written.
  land(founder_);
  open(founder_, {c, a});
  EXPECT_EQ(write_one(), first) << "no peer is needed";
  open(founder_, {b, c});  // An older copy of it, or the stores of one.
  const LogId second = write_one();
  EXPECT_NE(second, first);
  open(founder_, {c, a});
  EXPECT_EQ(write_one(), second);
  open(founder_, {{}, b});  // Missing.
  EXPECT_NE(write_one(), second);
}

TEST_F(LedgerTest, ADeviceInDoubtOpensOnlySoManyLogs) {
  admit();
  LogId log{founder_.key.id(), genesis_.incarnation};
  const auto start_in_doubt = [&](std::size_t number) {
    open(founder_, {{}, Bytes{static_cast<std::uint8_t>(number)}});
    const LogId before = log;
    log = founder_.ledger->append_record(at(), encode_record(ClientsRecord{})).log;
    land(founder_);
    return log != before;
  };
  for (std::size_t logs = 1; logs < kOwnIncarnationsMax; ++logs) {
    ASSERT_TRUE(start_in_doubt(logs)) << logs;
  }
  EXPECT_FALSE(start_in_doubt(kOwnIncarnationsMax)) << "it goes on with the last one";
}

// What a key opens was once taken only after the batch of the entry had landed: a crash in between,
// and nothing would ever have read it.
TEST_F(LedgerTest, WhatAKeyOpensIsTakenInTheBatchThatBringsIt) {
  Writer writer = admit();
  write(writer, 3);
  for (const bool in_flight : {false, true}) {
    Node node(crypto::SigningKey::generate(random_));
    open(node);
    const LogId log{founder_.key.id(), genesis_.incarnation};
    ASSERT_EQ(receive(node, founder_.ledger->read(log, 1, 1 << 20)).verdict, RunVerdict::kStored);
    Ledger& ledger = *node.ledger;
    ASSERT_EQ(ledger.receive(at(), writer.run(), 1).stored, 3u);
    EXPECT_EQ(ledger.sealed_entries().count, 3u);
    EXPECT_EQ(ledger.sealed_entries().newest, kStart << 16);
    EXPECT_TRUE(ledger.take_waiting(100).empty());
    std::optional<storage::WriteBatch> first;
    if (in_flight) first = ledger.launch();
    ledger.keys().add(genesis_.key.clone());
    auto records = ledger.take_waiting(2);
    ASSERT_EQ(records.size(), 2u);
    EXPECT_TRUE(ledger.has_news_of_waiting());
    for (auto& one : ledger.take_waiting(2)) records.push_back(std::move(one));
    EXPECT_FALSE(ledger.has_news_of_waiting());
    ASSERT_EQ(records.size(), 3u);
    EXPECT_EQ(records.back().hash, writer.head.hash);
    if (first) {
      ASSERT_TRUE(node.store.commit(std::span(&*first, 1)));
      (void)ledger.landed();
    }
    land(node);
    open(node);
    EXPECT_EQ(node.ledger->sealed_entries().count, 0u);
    const auto found = node.ledger->entries_of({document_id(genesis_.workspace, "a.md")});
    ASSERT_TRUE(found);
    EXPECT_EQ((found->at(writer.log)), (Ledger::Ranges{{1, 3}}));
  }
}

TEST_F(LedgerTest, ScatteredEntriesAreReadFromTheAnchorBefore) {
  Writer writer = admit();
  write(writer, 3 * kAnchorDistance + 10);
  auto node = follower();
  for (Seq first = 1; first <= writer.entries.size(); first += 200) {
    receive(*node, writer.run(first, first + 199));
  }
  const Seq d = kAnchorDistance;
  const std::vector<Ledger::Ranges> choices{
      {{1, 1}},
      {{d, d}},
      {{d + 1, d + 1}},
      {{2, 3}, {5, 5}, {d - 1, d + 1}, {2 * d, 2 * d}},
      {{d, d}, {2 * d + 1, 2 * d + 1}, {3 * d + 10, 3 * d + 99}},
      {{3, 3 * d + 5}}};
  for (const Ledger::Ranges& ranges : choices) {
    std::vector<Hash> expected;
    for (const SeqRange& range : ranges) {
      for (Seq seq = range.first; seq <= range.last && seq <= writer.made.size(); ++seq) {
        expected.push_back(writer.made[seq - 1].hash);
      }
    }
    std::vector<Hash> found;
    ASSERT_TRUE(node->ledger->visit_ranges(writer.log, ranges, [&](const HashedEntry& one) {
      found.push_back(one.hash);
      return true;
    }));
    EXPECT_EQ(found, expected);
  }
}

}  // namespace
}  // namespace coterie::node
