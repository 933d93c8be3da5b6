// What a store holds, as a plain map: to be compared with what it should hold.

#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>

#include "storage/store.hpp"
#include "tests/storage/store_fixtures.hpp"
#include "tests/support/choices.hpp"

namespace coterie::storage::testing {

/// All tables, by table and key.
using Content = std::map<std::pair<Table, Bytes>, Bytes>;

inline void apply(Content& content, const WriteBatch& batch) {
  for (const auto& operation : batch.operations) {
    if (const auto* put = std::get_if<WriteBatch::Put>(&operation)) {
      content[{put->table, put->key}] = put->value;
    } else if (const auto* erase = std::get_if<WriteBatch::Erase>(&operation)) {
      content.erase({erase->table, erase->key});
    } else {
      const auto& range = std::get<WriteBatch::EraseRange>(operation);
      const auto begin = content.lower_bound({range.table, range.begin});
      auto end = content.lower_bound(
          {static_cast<Table>(static_cast<std::size_t>(range.table) + 1), Bytes()});
      if (!range.end.empty()) end = content.lower_bound({range.table, range.end});
      content.erase(begin, end);
    }
  }
}

inline Content read_all(const Store& store) {
  Content content;
  for (std::size_t i = 0; i < kTableCount; ++i) {
    const auto table = static_cast<Table>(i);
    EXPECT_TRUE(store.scan(table, {}, {}, [&](ByteView key, ByteView value) {
      content[{table, Bytes(key.begin(), key.end())}] = Bytes(value.begin(), value.end());
      return true;
    }));
  }
  return content;
}

/// Rows as the node writes them, and now and then large ones and removals.
inline WriteBatch some_batch(coterie::testing::Choices& choices) {
  WriteBatch batch;
  for (std::uint64_t n = 1 + choices.below(12); n > 0; --n) {
    const auto table = static_cast<Table>(choices.below(kTableCount));
    const std::string number = std::to_string(choices.below(300));
    const std::size_t size = choices.chance(8) ? choices.below(20'000) : choices.below(600);
    if (choices.chance(75)) {
      batch.put(table, bytes(number), Bytes(size, static_cast<std::uint8_t>(choices.below(256))));
    } else if (choices.chance(85)) {
      batch.erase(table, bytes(number));
    } else {
      batch.erase_range(table, bytes(number), bytes(number + "5"));
    }
  }
  return batch;
}

}  // namespace coterie::storage::testing
