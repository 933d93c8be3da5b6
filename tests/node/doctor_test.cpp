// The doctor against damage of every row of a store, flipped and lost: what it calls healthy opens,
// what it repairs opens and is healthy, and what was cut comes back from members.

#include "node/core/doctor.hpp"

#include <gtest/gtest.h>

#include "node/core/engine.hpp"
#include "node/core/schema.hpp"
#include "tests/support/cluster.hpp"

namespace coterie::node {
namespace {

using namespace std::chrono_literals;
using storage::MemoryStore;
using storage::MemoryStoreProvider;
using storage::Table;
using storage::WriteBatch;
using testing::Cluster;

struct Row {
  Table table;
  Bytes key;
  Bytes value;
};

std::vector<Row> rows_of(const storage::Store& store) {
  std::vector<Row> rows;
  for (std::size_t i = 0; i < storage::kTableCount; ++i) {
    const auto table = static_cast<Table>(i);
    EXPECT_TRUE(store.scan(table, {}, {}, [&](ByteView key, ByteView value) {
      rows.push_back({table, Bytes(key.begin(), key.end()), Bytes(value.begin(), value.end())});
      return true;
    }));
  }
  return rows;
}

class DoctorTest : public ::testing::Test {
 protected:
  DoctorTest() : cluster_(11, {}) {
    red_ = cluster_.add_node("red");
    workspace_ = std::get<WorkspaceReady>(await(red_, CreateWorkspace{"team"})).workspace;
    blue_ = cluster_.add_node("blue");
    const auto invite = std::get<InviteCreated>(
        await(red_, CreateInvite{workspace_, Role::kEditor, std::chrono::hours(1), 1}));
    await(blue_, JoinWorkspace{invite.invite});
    for (int i = 0; i < 3; ++i) {
      write(red_, "red.md", 100 + static_cast<crdt::ClientId>(i));
      write(blue_, "blue.md", 200 + static_cast<crdt::ClientId>(i));
    }
    cluster_.run_for(5s);
  }

  CommandResult await(Cluster::Node node, Command command) {
    const RequestId request = cluster_.command(node, std::move(command));
    EXPECT_TRUE(cluster_.run_until(15min, [&] { return cluster_.reply(request) != nullptr; }));
    const auto result = *cluster_.reply(request);
    EXPECT_TRUE(result) << (result ? "" : result.error().what);
    return result ? *result : CommandResult{};
  }
  void write(Cluster::Node node, const std::string& path, crdt::ClientId client) {
    crdt::Doc doc({.client_id = client});
    const Bytes update = doc.transact([&] { (void)doc.text("monaco").insert(0, "word "); });
    await(node, ImportDocument{workspace_, path, update, false});
  }
  std::string texts(Cluster::Node node) {
    std::string all;
    for (const char* path : {"red.md", "blue.md"}) {
      const auto text = cluster_.engine(node).document_text(workspace_, path, "monaco");
      all += text ? *text : std::string("?");
    }
    return all;
  }

  Checkup examine(const storage::Store& store, Cluster::Node node) {
    crypto::SigningKey key = cluster_.identity(node);
    auto checkup = check_up(workspace_, store, key, random_);
    EXPECT_TRUE(checkup);
    return checkup ? *std::move(checkup) : Checkup{};
  }
  Status opens(MemoryStoreProvider& disk, Cluster::Node node) {
    Engine::Options options;
    options.device_name = "x";
    auto opened = Engine::open({}, std::move(options), cluster_.identity(node), disk, random_);
    if (!opened) return opened.error();
    return {};
  }

  /// Opens it and writes what that stages.
  void settle(MemoryStoreProvider& disk, Cluster::Node node) {
    constexpr Duration kTick = std::chrono::milliseconds(10);
    Engine::Options options;
    options.device_name = "x";
    auto engine = Engine::open({}, std::move(options), cluster_.identity(node), disk, random_);
    ASSERT_TRUE(engine);
    // A second: one batch may wait for another to be some milliseconds old.
    for (Now now; now.steady < Instant(std::chrono::seconds(1)); now.steady += kTick) {
      (*engine)->handle_timeout(now);
      while (auto output = (*engine)->poll_output()) {
        const auto* batch = std::get_if<Engine::CommitBatch>(&*output);
        if (batch == nullptr) continue;
        ASSERT_TRUE(disk.store(workspace_.hex())->commit(std::span(&batch->batch, 1)));
        (*engine)->handle_committed(now, batch->token);
      }
    }
  }

  Cluster cluster_;
  Cluster::Node red_ = 0;
  Cluster::Node blue_ = 0;
  WorkspaceId workspace_;
  testing::SeededSecureRandom random_{5};
};

TEST_F(DoctorTest, AWholeStoreIsHealthy) {
  for (const Cluster::Node node : {red_, blue_}) {
    const auto disk = cluster_.disk(node).clone_durable();
    const Checkup found = examine(*disk->store(workspace_.hex()), node);
    for (const Finding& one : found.findings) ADD_FAILURE() << one.what;
    EXPECT_TRUE(found.healthy());
    EXPECT_TRUE(found.repair.empty());
    EXPECT_GE(found.entries, 10u);
    EXPECT_EQ(found.documents, 2u);
    EXPECT_GE(found.operations, 3u);
    EXPECT_GE(found.keys, 1u);
  }
}

TEST_F(DoctorTest, DamageOfAnyRowIsFoundOrHarmless) {
  const std::string name = workspace_.hex();
  const auto whole = cluster_.disk(red_).clone_durable();
  std::size_t found_count = 0;
  std::size_t repaired_count = 0;
  for (const Row& row : rows_of(*whole->store(name))) {
    for (const bool lost : {false, true}) {
      SCOPED_TRACE("table " + std::to_string(static_cast<int>(row.table)) + " key " +
                   to_hex(row.key) + (lost ? " lost" : " flipped"));
      const auto disk = whole->clone_durable();
      MemoryStore& store = *disk->store(name);
      WriteBatch damage;
      if (lost) {
        damage.erase(row.table, row.key);
      } else {
        Bytes value = row.value;
        if (value.empty()) continue;
        value[value.size() / 2] ^= 0x10;
        damage.put(row.table, row.key, value);
      }
      ASSERT_TRUE(store.commit(std::span(&damage, 1)));
      Checkup found = examine(store, red_);
      if (found.healthy()) {
        const Status opened = opens(*disk, red_);
        EXPECT_TRUE(opened) << opened.error().what;
        continue;
      }
      ++found_count;
      if (!found.repairable()) continue;
      ASSERT_TRUE(store.commit(std::span(&found.repair, 1)));
      const Checkup again = examine(store, red_);
      EXPECT_TRUE(again.healthy()) << found.findings[0].what << " then " << again.findings[0].what;
      const Status opened = opens(*disk, red_);
      EXPECT_TRUE(opened) << found.findings[0].what << " then " << opened.error().what;
      ++repaired_count;
    }
  }
  EXPECT_GT(found_count, 40u);
  EXPECT_GT(repaired_count, 40u);
}

TEST_F(DoctorTest, WhatWasCutComesBackFromMembers) {
  const std::string before = texts(red_);
  ASSERT_EQ(before, texts(blue_));
  const std::string name = workspace_.hex();
  for (const bool own : {false, true}) {
    SCOPED_TRACE(own ? "own log" : "another's log");
    const DeviceId author = cluster_.identity(own ? red_ : blue_).id();
    cluster_.crash(red_);
    MemoryStore& store = *cluster_.disk(red_).store(name);
    std::vector<Row> entries;
    for (Row& row : rows_of(store)) {
      const auto at = read_position(row.key);
      if (row.table == Table::kEntries && at && at->log.device == author && at->seq > 1) {
        entries.push_back(std::move(row));
      }
    }
    ASSERT_FALSE(entries.empty());
    WriteBatch damage;
    Row& row = entries[entries.size() / 2];
    row.value[row.value.size() / 2] ^= 1;
    damage.put(row.table, row.key, row.value);
    ASSERT_TRUE(store.commit(std::span(&damage, 1)));
    Checkup found = examine(store, red_);
    EXPECT_FALSE(found.healthy());
    ASSERT_TRUE(found.repairable());
    EXPECT_TRUE(found.logs_were_cut);
    ASSERT_TRUE(store.commit(std::span(&found.repair, 1)));
    cluster_.restart(red_);
    cluster_.run_for(2min);
    EXPECT_EQ(texts(red_), before);
    EXPECT_EQ(*cluster_.engine(red_).frontier_digest(workspace_),
              *cluster_.engine(blue_).frontier_digest(workspace_));
  }
  // It goes on writing, and nobody sees two entries of one number.
  write(red_, "red.md", 300);
  cluster_.run_for(10s);
  EXPECT_EQ(texts(red_), texts(blue_));
  EXPECT_NE(texts(red_), before);
  EXPECT_TRUE(cluster_.engine(blue_).forks(workspace_)->empty());
}

TEST_F(DoctorTest, AnIndexOfDocumentsThatLiesIsMadeAnew) {
  const std::string name = workspace_.hex();
  const auto whole = cluster_.disk(red_).clone_durable();
  std::vector<Row> index;
  for (Row& row : rows_of(*whole->store(name))) {
    if (row.table == Table::kIndex) index.push_back(std::move(row));
  }
  ASSERT_EQ(index.size(), 2u) << "two documents, each written by one";
  for (int kind = 0; kind < 5; ++kind) {
    SCOPED_TRACE("kind " + std::to_string(kind));
    const auto disk = whole->clone_durable();
    MemoryStore& store = *disk->store(name);
    WriteBatch damage;
    Row row = index.front();
    switch (kind) {
      case 0:  // An entry too many.
        row.value.push_back(0x04);
        damage.put(Table::kIndex, row.key, row.value);
        break;
      case 1:  // Fewer.
        damage.erase(Table::kIndex, row.key);
        break;
      case 2:  // No row at all.
        damage.put(Table::kIndex, {1, 2, 3}, {4});
        break;
      case 3:  // A strand that stands for another.
        damage.put(Table::kMeta, {'L', 0, 0}, log_key({DeviceId{}, 7}));
        break;
      default:
        damage.erase_range(Table::kIndex, {}, {});
    }
    ASSERT_TRUE(store.commit(std::span(&damage, 1)));
    const Checkup found = examine(store, red_);
    ASSERT_FALSE(found.healthy());
    ASSERT_TRUE(found.repairable());
    EXPECT_NE(found.findings[0].what.find("index of documents"), std::string::npos);
    ASSERT_TRUE(store.commit(std::span(&found.repair, 1)));
    settle(*disk, red_);
    const Checkup again = examine(store, red_);
    EXPECT_TRUE(again.findings.empty()) << again.findings[0].what;
  }
}

TEST_F(DoctorTest, RowsAboutClientIdsAreChecked) {
  // A restored version is an edit of this device's own: it declares an id.
  await(red_, RestoreVersion{workspace_, "red.md", VersionChoice{{}, 0}, false});
  cluster_.run_for(5s);
  const std::string name = workspace_.hex();
  const auto whole = cluster_.disk(red_).clone_durable();
  EXPECT_TRUE(examine(*whole->store(name), red_).findings.empty());
  std::optional<Row> owner;
  for (const Row& row : rows_of(*whole->store(name))) {
    if (row.table == Table::kMeta && row.key[0] == 'N') owner = row;
  }
  ASSERT_TRUE(owner);
  const auto meta = [](char prefix, std::size_t bytes) {
    Bytes key(bytes + 1, 9);
    key[0] = static_cast<std::uint8_t>(prefix);
    return key;
  };
  Bytes other = owner->value;
  other[0] ^= 1;
  std::vector<std::pair<Bytes, std::optional<Bytes>>> damages{
      {owner->key, std::nullopt},   {owner->key, other},     {owner->key, Bytes{1}},
      {meta('N', 8), owner->value}, {meta('N', 3), Bytes{}},
  };
  // Of a length that is none; and of a device that nobody knows.
  for (const char prefix : {'U', 'C', 'X', 'O'}) {
    const std::size_t bytes = prefix == 'O' ? 32 : prefix == 'C' ? 64 : 48;
    damages.emplace_back(meta(prefix, bytes), Bytes{});
    damages.emplace_back(meta(prefix, bytes - 1), Bytes{});
    damages.emplace_back(meta(prefix, 1), Bytes{});
  }
  for (const auto& [key, value] : damages) {
    SCOPED_TRACE(to_hex(key) + (value ? " put" : " lost"));
    const auto disk = whole->clone_durable();
    MemoryStore& store = *disk->store(name);
    WriteBatch damage;
    if (value) {
      damage.put(Table::kMeta, key, *value);
    } else {
      damage.erase(Table::kMeta, key);
    }
    ASSERT_TRUE(store.commit(std::span(&damage, 1)));
    const Checkup found = examine(store, red_);
    ASSERT_FALSE(found.healthy());
    ASSERT_TRUE(found.repairable());
    ASSERT_TRUE(store.commit(std::span(&found.repair, 1)));
    const Status opened = opens(*disk, red_);
    EXPECT_TRUE(opened) << opened.error().what;
    const Checkup again = examine(store, red_);
    EXPECT_TRUE(again.findings.empty()) << again.findings[0].what;
  }
}

}  // namespace
}  // namespace coterie::node
