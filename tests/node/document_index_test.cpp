// The index of documents says what a scan of all logs says, whatever came in what order, and
// wherever the process ended.

#include "node/core/document_index.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "node/core/records.hpp"
#include "storage/memory/memory_store.hpp"
#include "tests/support/choices.hpp"
#include "tests/support/replica.hpp"

namespace coterie::node {
namespace {

using storage::MemoryStore;
using storage::Table;
using storage::WriteBatch;
using testing::Replica;
using testing::SeededChoices;
using testing::Team;

using Entries = std::map<LogId, std::set<Seq>>;

DocumentId document_of(std::uint8_t number) {
  DocumentId id;
  id.bytes.fill(number);
  return id;
}

LogId strand_of(std::uint8_t number) {
  LogId log;
  log.device.bytes.fill(number);
  log.incarnation = 1000u + number;
  return log;
}

Entries entries_in(const DocumentIndex& index, const DocumentId& document) {
  Entries all;
  const Status read = index.for_each(document, [&](const LogId& strand, const SeqRange& range) {
    for (Seq seq = range.first; seq <= range.last; ++seq) {
      EXPECT_TRUE(all[strand].insert(seq).second) << "each entry once";
    }
  });
  EXPECT_TRUE(read) << (read ? "" : read.error().what);
  return all;
}

std::size_t rows_of(const MemoryStore& store) {
  std::size_t rows = 0;
  EXPECT_TRUE(store.scan(Table::kIndex, {}, {}, [&](ByteView, ByteView) { return ++rows > 0; }));
  return rows;
}

struct Disk {
  MemoryStore store;
  std::unique_ptr<DocumentIndex> index;

  Disk() {
    open();
    WriteBatch batch;
    index->clear(batch);
    land(batch);
  }
  void open() {
    index = std::make_unique<DocumentIndex>(store);
    ASSERT_TRUE(index->load());
  }
  void land(WriteBatch& batch) {
    index->launch(batch);
    ASSERT_TRUE(store.commit(std::span(&batch, 1)));
    index->landed();
  }
  void land() {
    WriteBatch batch;
    land(batch);
  }
};

TEST(DocumentIndexTest, AStoreWithoutOneIsNotReady) {
  MemoryStore store;
  DocumentIndex index(store);
  ASSERT_TRUE(index.load());
  EXPECT_FALSE(index.ready());
  Disk disk;
  disk.open();
  EXPECT_TRUE(disk.index->ready());
  WriteBatch batch;
  DocumentIndex::forget(batch);
  ASSERT_TRUE(disk.store.commit(std::span(&batch, 1)));
  disk.open();
  EXPECT_FALSE(disk.index->ready());
}

TEST(DocumentIndexTest, TypingInOneDocumentTakesOneRow) {
  Disk disk;
  for (Seq seq = 1; seq <= 10'000; ++seq) {
    disk.index->put(document_of(1), strand_of(1), seq);
    if (seq % 100 == 0) disk.land();
  }
  EXPECT_EQ(rows_of(disk.store), 1u);
  EXPECT_EQ(entries_in(*disk.index, document_of(1))[strand_of(1)].size(), 10'000u);
  EXPECT_TRUE(entries_in(*disk.index, document_of(2)).empty());
}

TEST(DocumentIndexTest, ScatteredEntriesTakeFewBytes) {
  Disk disk;
  constexpr Seq kEach = 5000;
  for (Seq i = 0; i < kEach; ++i) {
    disk.index->put(document_of(static_cast<std::uint8_t>(i % 2)), strand_of(1), 1 + i * 100);
    if (i % 10 == 0) disk.land();
  }
  disk.land();
  std::size_t bytes = 0;
  ASSERT_TRUE(disk.store.scan(Table::kIndex, {}, {}, [&](ByteView key, ByteView value) {
    bytes += key.size() + value.size();
    EXPECT_LE(value.size(), 256u);
    return true;
  }));
  EXPECT_LT(bytes, kEach * 5 / 2);
}

TEST(DocumentIndexTest, WhatIsBelowIsDroppedAndNoMore) {
  Disk disk;
  for (Seq seq = 1; seq <= 3000; seq += 3) {
    for (std::uint8_t strand = 1; strand <= 2; ++strand) {
      disk.index->put(document_of(strand), strand_of(1), seq + strand);
      disk.index->put(document_of(1), strand_of(2), seq);
    }
  }
  disk.land();
  ASSERT_TRUE(disk.index->drop_below(strand_of(1), 1501));
  for (const bool landed : {false, true}) {
    if (landed) disk.land();
    if (landed) disk.open();
    for (std::uint8_t document = 1; document <= 2; ++document) {
      const auto left = entries_in(*disk.index, document_of(document))[strand_of(1)];
      EXPECT_GE(*left.begin(), 1501u);
      EXPECT_LE(*left.begin(), 1503u);
      EXPECT_EQ(left.size(), 500u);
    }
    EXPECT_EQ(entries_in(*disk.index, document_of(1))[strand_of(2)].size(), 1000u);
  }
  const std::size_t rows = rows_of(disk.store);
  ASSERT_TRUE(disk.index->drop_below(strand_of(1), 10'000));
  disk.land();
  EXPECT_TRUE(entries_in(*disk.index, document_of(2)).empty());
  EXPECT_LT(rows_of(disk.store), rows);
  // It goes on.
  disk.index->put(document_of(2), strand_of(1), 10'000);
  disk.land();
  EXPECT_EQ(entries_in(*disk.index, document_of(2)), (Entries{{strand_of(1), {10'000}}}));
}

TEST(DocumentIndexTest, DamageIsNotWrittenOver) {
  for (const Bytes& damage : {Bytes{}, Bytes{0x80}, Bytes{1}, Bytes(20, 0xff)}) {
    Disk disk;
    for (Seq seq = 1; seq <= 20; seq += 2) disk.index->put(document_of(1), strand_of(1), seq);
    disk.land();
    WriteBatch batch;
    ASSERT_TRUE(disk.store.scan(Table::kIndex, {}, {}, [&](ByteView key, ByteView) {
      batch.put(Table::kIndex, Bytes(key.begin(), key.end()), damage);
      return true;
    }));
    ASSERT_TRUE(disk.store.commit(std::span(&batch, 1)));
    disk.open();
    ASSERT_TRUE(disk.index->ready()) << "nobody looked yet";
    const Status read = disk.index->for_each(document_of(1), [](const LogId&, const SeqRange&) {});
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
    disk.index->put(document_of(1), strand_of(1), 30);
    EXPECT_FALSE(disk.index->ready());
    disk.land();
    disk.open();
    EXPECT_FALSE(disk.index->ready()) << "to be made anew after a restart, too";
  }
}

TEST(DocumentIndexTest, ADamagedStrandMakesItNotReady) {
  Disk disk;
  for (std::uint8_t strand = 0; strand < 3; ++strand) {
    disk.index->put(document_of(1), strand_of(strand), 1);
  }
  disk.land();
  WriteBatch batch;
  batch.erase(Table::kMeta, {'L', 0, 1});
  ASSERT_TRUE(disk.store.commit(std::span(&batch, 1)));
  disk.open();
  EXPECT_FALSE(disk.index->ready());
}

/// Random writing, in and out of order, with ends of the process at any place.
void random_index(std::uint64_t seed) {
  SCOPED_TRACE("COTERIE_SEED=" + std::to_string(seed) +
               " ctest --preset release -R node.document_index_test");
  SeededChoices choices(seed);
  using Model = std::map<DocumentId, Entries>;
  Disk disk;
  Model durable;
  Model flying;
  Model now;
  std::optional<WriteBatch> in_flight;
  const std::uint64_t reach = choices.chance(50) ? 500 : 20'000;
  std::map<LogId, Seq> newest;
  const auto check = [&] {
    for (std::uint8_t i = 0; i < 4; ++i) {
      ASSERT_EQ(entries_in(*disk.index, document_of(i)), now[document_of(i)]);
    }
    Model all;
    ASSERT_TRUE(disk.index->for_all(
        [&](const DocumentId& document, const LogId& strand, const SeqRange& range) {
          for (Seq seq = range.first; seq <= range.last; ++seq) all[document][strand].insert(seq);
        }));
    std::erase_if(now, [](const auto& one) { return one.second.empty(); });
    ASSERT_EQ(all, now);
  };
  for (int step = 0; step < 400 && !::testing::Test::HasFatalFailure(); ++step) {
    const std::uint64_t kind = choices.below(100);
    if (kind < 60) {
      const DocumentId document = document_of(static_cast<std::uint8_t>(choices.below(4)));
      const LogId strand = strand_of(static_cast<std::uint8_t>(choices.below(3)));
      Seq& last = newest[strand];
      const std::uint64_t count = 1 + choices.below(choices.chance(10) ? 300 : 5);
      const bool scattered = choices.chance(40);
      for (std::uint64_t i = 0; i < count; ++i) {
        last += 1 + (scattered ? choices.below(30) : 0);
        const Seq seq = choices.chance(20) ? 1 + choices.below(reach) : last;
        disk.index->put(document, strand, seq);
        now[document][strand].insert(seq);
      }
    } else if (kind < 75) {
      if (in_flight) continue;
      in_flight.emplace();
      disk.index->launch(*in_flight);
      flying = now;
    } else if (kind < 87) {
      if (!in_flight) continue;
      ASSERT_TRUE(disk.store.commit(std::span(&*in_flight, 1)));
      durable = flying;
      in_flight.reset();
      if (choices.chance(80)) {
        disk.index->landed();
      } else {
        disk.open();
        now = durable;
      }
    } else if (kind < 92) {
      disk.open();
      now = durable;
      in_flight.reset();
    } else if (kind < 95) {
      const LogId strand = strand_of(static_cast<std::uint8_t>(choices.below(3)));
      const Seq base = 1 + choices.below(newest[strand] + 2);
      ASSERT_TRUE(disk.index->drop_below(strand, base));
      for (auto& [document, entries] : now) {
        auto& seqs = entries[strand];
        seqs.erase(seqs.begin(), seqs.lower_bound(base));
        if (seqs.empty()) entries.erase(strand);
      }
    } else if (kind < 96) {
      if (in_flight) continue;
      WriteBatch batch;
      disk.index->clear(batch);
      now.clear();
      check();
      disk.land(batch);
      durable.clear();
    } else {
      check();
    }
    ASSERT_TRUE(disk.index->ready());
  }
  check();
}

void for_seeds(std::uint64_t count, void (*test)(std::uint64_t)) {
  if (const char* seed = std::getenv("COTERIE_SEED")) return test(std::strtoull(seed, nullptr, 10));
  const char* many = std::getenv("COTERIE_SEEDS");
  if (many != nullptr) count = std::strtoull(many, nullptr, 10);
  for (std::uint64_t seed = 1; seed <= count && !::testing::Test::HasFatalFailure(); ++seed) {
    test(seed);
  }
}

TEST(DocumentIndexTest, ItHoldsWhatWasPut) { for_seeds(200, random_index); }

// Under a ledger.

const std::vector<std::string> kPaths{"a.md", "b.md", "c.md"};

struct Met {
  std::size_t sealed = 0;
  std::size_t forks = 0;
} met;

/// The index against all logs.
void compare(Replica& replica) {
  Ledger& ledger = replica.ledger();
  std::map<DocumentId, std::map<LogId, std::vector<std::pair<Seq, Hash>>>> expected;
  std::uint64_t sealed = 0;
  for (const auto& [log, segment] : ledger.segments().all()) {
    if (segment.empty()) continue;
    if (segment.closed()) ++met.forks;
    const LogId name = log;
    ASSERT_TRUE(ledger.visit(name, {}, [&](const HashedEntry& one) {
      if (one.entry.entry_class != EntryClass::kContent) return true;
      const auto record = ledger.open_record(one.entry);
      if (!record) {
        ++sealed;
        return true;
      }
      if (const auto document = indexed_document(*record)) {
        expected[*document][name].emplace_back(one.entry.position.seq, one.hash);
      }
      return true;
    }));
  }
  met.sealed += sealed;
  ASSERT_EQ(ledger.sealed_entries().count, sealed);
  std::set<DocumentId> documents;
  for (const auto& [document, entries] : expected) documents.insert(document);
  for (const auto& [document, entries] : expected) {
    const auto ranges = ledger.entries_of({document});
    ASSERT_TRUE(ranges);
    std::map<LogId, std::vector<std::pair<Seq, Hash>>> found;
    for (const auto& [log, segment] : ledger.segments().all()) {
      const auto here = ranges->find(segment.strand);
      if (segment.empty() || here == ranges->end()) continue;
      const LogId name = log;
      ASSERT_TRUE(ledger.visit_ranges(name, here->second, [&](const HashedEntry& one) {
        found[name].emplace_back(one.entry.position.seq, one.hash);
        return true;
      }));
    }
    ASSERT_EQ(found, entries);
  }
  std::size_t in_all = 0;
  ASSERT_TRUE(
      ledger.index().for_all([&](const DocumentId& document, const LogId&, const SeqRange&) {
        in_all += documents.count(document);
      }));
  ASSERT_GE(in_all, documents.size());
}

void random_team(std::uint64_t seed) {
  SCOPED_TRACE("COTERIE_SEED=" + std::to_string(seed) +
               " ctest --preset release -R node.document_index_test");
  SeededChoices choices(seed);
  Team team(seed);
  for (const Role role : {Role::kHost, Role::kEditor, Role::kEditor}) team.join(role);
  for (const std::string& path : kPaths) team.host().name(path);
  team.exchange();
  std::vector<std::unique_ptr<Replica>> copies;
  const auto some = [&]() -> Replica& {
    const std::uint64_t which = choices.below(team.size() + copies.size());
    return which < team.size() ? team[which] : *copies[which - team.size()];
  };
  for (int step = 0; step < 120 && !::testing::Test::HasFatalFailure(); ++step) {
    const std::uint64_t kind = choices.below(100);
    Replica& one = some();
    if (kind < 45) {
      if (!one.can_edit()) continue;
      const std::uint64_t count = choices.chance(5) ? 300 : 1 + choices.below(4);
      for (std::uint64_t i = 0; i < count; ++i) one.type(kPaths[choices.below(3)], "x", 0);
      if (choices.chance(60)) one.settle();
    } else if (kind < 80) {
      Replica& other = some();
      if (&other == &one || other.id() == one.id()) continue;
      one.settle();
      if (choices.chance(20)) {
        one.deliver_whole_to(other);  // What forks shows so only.
        continue;
      }
      const auto& frontier = one.ledger().frontier();
      auto log = frontier.begin();
      std::advance(log, static_cast<std::ptrdiff_t>(choices.below(frontier.size())));
      one.deliver_to(other, LogId(log->first), 1 + choices.below(200));
      if (choices.chance(60)) other.settle();
    } else if (kind < 84) {
      one.settle();
      if (copies.size() < 3) copies.push_back(one.clone(seed * 50 + copies.size() + 7));
    } else if (kind < 88) {
      Replica& host = team[choices.below(2)];
      const Member* self = host.membership().find(host.id());
      if (self == nullptr || self->role != Role::kHost || &host == &one) continue;
      host.operate(RemoveOperation{one.id(), false, host.marks(one.id())});
      host.heal();
      if (choices.chance(50)) host.settle();
    } else if (kind < 94) {
      one.settle(choices.below(3));
      one.crash();
    } else {
      compare(one);
    }
  }
  for (std::size_t i = 0; i < team.size(); ++i) {
    compare(team[i]);
    team[i].settle();
    compare(team[i]);
    team[i].crash();
    compare(team[i]);
  }
}

TEST(DocumentIndexTest, ItSaysWhatTheLogsSay) {
  met = {};
  for_seeds(40, random_team);
  if (std::getenv("COTERIE_SEED") != nullptr) return;
  EXPECT_GT(met.sealed, 0u);
  EXPECT_GT(met.forks, 0u);
}

TEST(DocumentIndexTest, WhatIsMissingOrDamagedIsMadeAnew) {
  Team team(3);
  Replica& host = team.host();
  for (const std::string& path : kPaths) {
    host.name(path);
    for (int i = 0; i < 5; ++i) host.type(path, "word ");
  }
  host.settle();
  const DocumentId document = document_id(host.ledger().workspace(), kPaths[0]);
  const auto whole = host.ledger().entries_of({document});
  ASSERT_TRUE(whole);
  ASSERT_EQ(whole->size(), 1u);
  for (const bool missing : {true, false}) {
    WriteBatch batch;
    if (missing) {
      DocumentIndex::forget(batch);
      batch.erase_range(Table::kIndex, {}, {});
    } else {
      ASSERT_TRUE(host.disk().scan(Table::kIndex, {}, {}, [&](ByteView key, ByteView) {
        batch.put(Table::kIndex, Bytes(key.begin(), key.end()), Bytes{0x80});
        return true;
      }));
    }
    ASSERT_TRUE(host.disk().commit(std::span(&batch, 1)));
    if (missing) host.crash();
    const auto again = host.ledger().entries_of({document});
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, *whole);
    compare(host);
    host.settle();
    host.crash();
    EXPECT_TRUE(host.ledger().staged().empty()) << "it was written";
    compare(host);
  }
}

}  // namespace
}  // namespace coterie::node
