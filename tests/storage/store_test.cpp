// What every Store promises, checked on each implementation, and a random run against std::map.

#include <gtest/gtest.h>

#include <array>
#include <map>

#include "storage/store.hpp"
#include "tests/storage/store_fixtures.hpp"
#include "tests/support/choices.hpp"

namespace coterie::storage::testing {
namespace {

template <typename UnderTest>
class StoreTest : public ::testing::Test {
 protected:
  Store& store() { return under_test_.store(); }

  std::string value_of(Table table, std::string_view key) {
    const auto value = store().get(table, as_bytes(key));
    if (!value) return "error: " + to_string(value.error());
    return *value ? std::string(as_text(**value)) : "(none)";
  }

  /// "a=1 b=2"
  std::string scanned(Table table, std::string_view begin, std::string_view end,
                      std::size_t rows_max = 1000) {
    std::string text;
    const Status status =
        store().scan(table, as_bytes(begin), as_bytes(end), [&](ByteView key, ByteView value) {
          if (!text.empty()) text += ' ';
          text += as_text(key);
          text += '=';
          text += as_text(value);
          return --rows_max > 0;
        });
    return status ? text : "error: " + to_string(status.error());
  }

  std::string last_of(Table table, std::string_view begin, std::string_view end) {
    const auto row = store().last(table, as_bytes(begin), as_bytes(end));
    if (!row) return "error: " + to_string(row.error());
    if (!*row) return "(none)";
    return std::string(as_text((*row)->first)) + "=" + std::string(as_text((*row)->second));
  }

  UnderTest under_test_;
};

using Implementations = ::testing::Types<MemoryUnderTest, LmdbUnderTest>;
TYPED_TEST_SUITE(StoreTest, Implementations);

TYPED_TEST(StoreTest, HoldsWhatWasPutPerTable) {
  ASSERT_TRUE(commit(this->store(), put(Table::kMeta, "k", "meta")));
  ASSERT_TRUE(commit(this->store(), put(Table::kPeers, "k", "peers")));
  EXPECT_EQ(this->value_of(Table::kMeta, "k"), "meta");
  EXPECT_EQ(this->value_of(Table::kPeers, "k"), "peers");
  EXPECT_EQ(this->value_of(Table::kEntries, "k"), "(none)");
  ASSERT_TRUE(commit(this->store(), put(Table::kMeta, "k", "")));
  EXPECT_EQ(this->value_of(Table::kMeta, "k"), "");
}

TYPED_TEST(StoreTest, AppliesOperationsInOrderAcrossBatches) {
  std::vector<WriteBatch> batches(2);
  batches[0].put(Table::kTails, bytes("a"), bytes("1"));
  batches[0].put(Table::kTails, bytes("a"), bytes("2"));
  batches[0].put(Table::kTails, bytes("b"), bytes("1"));
  batches[0].erase(Table::kTails, bytes("b"));
  batches[0].put(Table::kTails, bytes("c"), bytes("1"));
  batches[0].put(Table::kTails, bytes("d"), bytes("1"));
  batches[1].erase_range(Table::kTails, bytes("c"), bytes("d"));
  batches[1].erase(Table::kTails, bytes("absent"));
  batches[1].put(Table::kTails, bytes("cc"), bytes("after"));
  ASSERT_TRUE(this->store().commit(batches));
  EXPECT_EQ(this->scanned(Table::kTails, "", ""), "a=2 cc=after d=1");
  ASSERT_TRUE(this->store().commit({}));
}

TYPED_TEST(StoreTest, ScansHalfOpenRangesInByteOrder) {
  WriteBatch batch;
  for (const char* key : {"b", "a", "c", "ab", "\xff"}) {
    batch.put(Table::kEntries, bytes(key), bytes("."));
  }
  ASSERT_TRUE(commit(this->store(), batch));
  EXPECT_EQ(this->scanned(Table::kEntries, "", ""), "a=. ab=. b=. c=. \xff=.");
  EXPECT_EQ(this->scanned(Table::kEntries, "ab", "c"), "ab=. b=.");
  EXPECT_EQ(this->scanned(Table::kEntries, "aa", "abc"), "ab=.");
  EXPECT_EQ(this->scanned(Table::kEntries, "b", "b"), "");
  EXPECT_EQ(this->scanned(Table::kEntries, "c", "a"), "");
  EXPECT_EQ(this->scanned(Table::kEntries, "d", ""), "\xff=.");
  EXPECT_EQ(this->scanned(Table::kEntries, "", "", 2), "a=. ab=.");
  EXPECT_EQ(this->scanned(Table::kKeys, "", ""), "");
}

TYPED_TEST(StoreTest, FindsTheLastKeyOfARange) {
  EXPECT_EQ(this->last_of(Table::kEntries, "", ""), "(none)");
  WriteBatch batch;
  for (const char* key : {"a1", "a2", "b1"}) batch.put(Table::kEntries, bytes(key), bytes(key));
  ASSERT_TRUE(commit(this->store(), batch));
  EXPECT_EQ(this->last_of(Table::kEntries, "", ""), "b1=b1");
  EXPECT_EQ(this->last_of(Table::kEntries, "a", "b"), "a2=a2");
  EXPECT_EQ(this->last_of(Table::kEntries, "a", "a2"), "a1=a1");
  EXPECT_EQ(this->last_of(Table::kEntries, "a", "a1"), "(none)");
  EXPECT_EQ(this->last_of(Table::kEntries, "b2", ""), "(none)");
  EXPECT_EQ(this->last_of(Table::kEntries, "b", "z"), "b1=b1");
  EXPECT_EQ(this->last_of(Table::kEntries, "b", "a"), "(none)");
}

TYPED_TEST(StoreTest, KeysAreLimited) {
  const std::string longest(kKeyBytesMax, 'k');
  ASSERT_TRUE(commit(this->store(), put(Table::kMeta, longest, "v")));
  EXPECT_EQ(this->value_of(Table::kMeta, longest), "v");
  for (const std::string& key : {std::string(), longest + "k"}) {
    std::vector<WriteBatch> batches = {put(Table::kMeta, "good", "v"), put(Table::kMeta, key, "v")};
    const Status refused = this->store().commit(batches);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kLimitExceeded);
    EXPECT_EQ(this->value_of(Table::kMeta, "good"), "(none)") << "half of a commit is visible";
    EXPECT_EQ(this->value_of(Table::kMeta, key), "(none)");
    WriteBatch erase;
    erase.erase(Table::kMeta, bytes(key));
    EXPECT_FALSE(commit(this->store(), erase));
  }
  EXPECT_EQ(this->scanned(Table::kMeta, longest + "k", ""), "");
  EXPECT_EQ(this->last_of(Table::kMeta, "", longest + "k"), longest + "=v");
}

TYPED_TEST(StoreTest, HoldsValuesOfEverySize) {
  for (const std::size_t size : {0u, 1u, 2000u, 4096u, 65536u, 5000000u}) {
    const std::string value(size, static_cast<char>('a' + size % 26));
    ASSERT_TRUE(commit(this->store(), put(Table::kSnapshots, "s", value))) << size;
    EXPECT_EQ(this->value_of(Table::kSnapshots, "s"), value) << size;
  }
}

TYPED_TEST(StoreTest, ScanVisitorMayRead) {
  ASSERT_TRUE(commit(this->store(), put(Table::kMeta, "a", "1")));
  ASSERT_TRUE(commit(this->store(), put(Table::kMeta, "b", "2")));
  std::string seen;
  ASSERT_TRUE(this->store().scan(Table::kMeta, {}, {}, [&](ByteView key, ByteView) {
    seen += this->value_of(Table::kMeta, as_text(key)) + this->scanned(Table::kMeta, "b", "");
    return true;
  }));
  EXPECT_EQ(seen, "1b=22b=2");
}

TYPED_TEST(StoreTest, StoresAreApartAndListed) {
  StoreProvider& provider = this->under_test_.provider();
  const std::string longest(kStoreNameMax, 'f');
  for (const std::string& name : {std::string("b2"), longest, std::string("0a")}) {
    const auto opened = provider.open(name);
    ASSERT_TRUE(opened) << to_string(opened.error());
    ASSERT_TRUE(commit(**opened, put(Table::kMeta, "name", name)));
  }
  const Store* again = *provider.open("b2");
  EXPECT_EQ(again, *provider.open("b2")) << "opening twice gives the same store";
  EXPECT_EQ(as_text(**again->get(Table::kMeta, as_bytes("name"))), "b2");
  EXPECT_EQ(*provider.list(), (std::vector<std::string>{"0a", "b2", longest}));
  for (const std::string& name : {std::string(), std::string("A1"), std::string("../a1"),
                                  std::string("a/b"), longest + "f"}) {
    const auto refused = provider.open(name);
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().code, ErrorCode::kMalformed);
  }
}

// Random operations in random groups, with restarts in between, against a std::map per table. Few
// keys, so that operations meet.
TYPED_TEST(StoreTest, BehavesAsAMapUnderRandomOperations) {
  coterie::testing::for_each_seed(20, [&](std::uint64_t seed) {
    SCOPED_TRACE("replay with COTERIE_SEED=" + std::to_string(seed));
    coterie::testing::SeededChoices choices(seed);
    TypeParam under_test;
    std::array<std::map<std::string, std::string>, kTableCount> model;
    const auto key = [&] { return std::to_string(choices.below(40) + 1); };
    for (int step = 0; step < 60; ++step) {
      std::vector<WriteBatch> batches(choices.below(4));
      for (WriteBatch& batch : batches) {
        for (std::uint64_t n = choices.below(6); n > 0; --n) {
          const auto index = choices.below(kTableCount);
          const auto table = static_cast<Table>(index);
          const std::string k = key();
          if (choices.chance(70)) {
            const std::string value(choices.below(3000), static_cast<char>('a' + step % 26));
            batch.put(table, bytes(k), bytes(value));
            model[index][k] = value;
          } else if (choices.chance(70)) {
            batch.erase(table, bytes(k));
            model[index].erase(k);
          } else {
            const std::string end = choices.chance(20) ? "" : key();
            batch.erase_range(table, bytes(k), bytes(end));
            std::erase_if(model[index], [&](const auto& row) {
              return row.first >= k && (end.empty() || row.first < end);
            });
          }
        }
      }
      ASSERT_TRUE(under_test.store().commit(batches));
      if (choices.chance(10)) under_test.restart();
      const auto index = choices.below(kTableCount);
      std::map<std::string, std::string> held;
      ASSERT_TRUE(
          under_test.store().scan(static_cast<Table>(index), {}, {}, [&](ByteView k, ByteView v) {
            held.emplace(as_text(k), as_text(v));
            return true;
          }));
      ASSERT_EQ(held, model[index]) << "step " << step;
    }
  });
}

}  // namespace
}  // namespace coterie::storage::testing
