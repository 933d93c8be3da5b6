#include "crdt/permanent_user_data.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "crdt/attribution.hpp"

namespace coterie::crdt {
namespace {

TEST(PermanentUserData, WritesWhatYjsWrites) {
  std::ifstream in(std::string(COTERIE_SOURCE_DIR) + "/tests/golden/yjs/users.json");
  const auto states = nlohmann::json::parse(in).at("states").get<std::vector<std::string>>();
  Doc doc({.client_id = 1});
  Text text = doc.text("text");
  PermanentUserData users(doc);
  ASSERT_TRUE(users.set_user_mapping(1, "Ada"));
  EXPECT_EQ(to_hex(doc.encode_state_as_update()), states[0]);
  ASSERT_TRUE(text.insert(0, "hello world"));
  ASSERT_TRUE(text.remove(2, 3));
  EXPECT_EQ(to_hex(doc.encode_state_as_update()), states[1]);
  ASSERT_TRUE(text.remove(0, 1));
  EXPECT_EQ(to_hex(doc.encode_state_as_update()), states[2]);
  ASSERT_TRUE(text.insert(1, "more"));
  EXPECT_EQ(to_hex(doc.encode_state_as_update()), states[3]);
}

TEST(PermanentUserData, KnowsPeopleAcrossSessionsAndReplicas) {
  Doc first({.client_id = 1});
  {
    PermanentUserData users(first);
    ASSERT_TRUE(users.set_user_mapping(1, "Ada"));
    ASSERT_TRUE(first.text("text").insert(0, "abc"));
    ASSERT_TRUE(first.text("text").remove(1, 1));
  }
  ASSERT_TRUE(first.text("text").remove(0, 1));  // Nobody records any more.

  Doc second({.client_id = 2});
  PermanentUserData early(second);  // Learns by events,
  ASSERT_TRUE(second.apply_update(first.encode_state_as_update()));
  PermanentUserData late(second);  // and by reading.
  ASSERT_TRUE(early.set_user_mapping(2, "Bob"));
  ASSERT_TRUE(second.text("text").insert(0, "x"));
  const auto authors = attribution(second.text("text"));
  for (const PermanentUserData* users : {&early, &late}) {
    EXPECT_EQ(users->user_by_client_id(authors[0].ids.client), "Bob");
    EXPECT_EQ(users->user_by_client_id(authors[1].ids.client), "Ada");
    EXPECT_EQ(users->user_by_client_id(3), std::nullopt);
    std::vector<IdRange> deleted;
    for (const auto& [client, ranges] : users->deletions().at("Ada").ranges()) {
      for (const auto& range : ranges) deleted.push_back({client, range.clock, range.length});
    }
    ASSERT_EQ(deleted.size(), 1u);
    EXPECT_EQ(users->user_by_deleted_id({1, deleted[0].clock}), "Ada");
    EXPECT_EQ(users->user_by_deleted_id({1, deleted[0].clock - 1}), std::nullopt);
  }
}

TEST(PermanentUserData, AUserThatWasOverwrittenIsPorted) {
  Doc doc({.client_id = 1});
  Doc other({.client_id = 2});
  PermanentUserData users(doc);
  PermanentUserData theirs(other);
  ASSERT_TRUE(users.set_user_mapping(1, "Ada"));
  ASSERT_TRUE(doc.text("text").insert(0, "ab"));
  ASSERT_TRUE(doc.text("text").remove(0, 1));
  const Clock deleted = users.deletions().at("Ada").ranges().at(1).front().clock;
  ASSERT_TRUE(theirs.set_user_mapping(2, "Ada"));  // Concurrently: the higher client stays.
  ASSERT_TRUE(doc.apply_update(other.encode_state_as_update()));
  ASSERT_TRUE(other.apply_update(doc.encode_state_as_update()));
  PermanentUserData fresh(other);
  EXPECT_EQ(fresh.user_by_client_id(1), "Ada");
  EXPECT_EQ(fresh.user_by_client_id(2), "Ada");
  EXPECT_EQ(fresh.user_by_deleted_id({1, deleted}), "Ada");
}

TEST(PermanentUserData, PassesOverWhatIsNoUser) {
  Doc doc({.client_id = 1});
  Map map = doc.map("users");
  ASSERT_TRUE(map.set("number", Any(7)));
  ASSERT_TRUE(map.set_text("text"));
  Map odd = *map.set_map("odd");
  Array ids = *odd.set_array("ids");
  for (const Any& value : {Any("x"), Any(-1), Any(1.5), Any(1e300), Any(Bytes{1})}) {
    ASSERT_TRUE(ids.push(value));
  }
  Array deletes = *odd.set_array("ds");
  for (const Any& value : {Any(7), Any(Bytes{9, 9}), Any(Bytes{})}) {
    ASSERT_TRUE(deletes.push(value));
  }
  PermanentUserData users(doc);
  EXPECT_TRUE(users.clients().empty());
  EXPECT_TRUE(users.deletions().empty());
  EXPECT_EQ(users.set_user_mapping(1, "number").error().code, ErrorCode::kConflict);
  EXPECT_EQ(users.set_user_mapping(1, "\xff").error().code, ErrorCode::kMalformed);
  ASSERT_TRUE(ids.push(Any(9)));
  EXPECT_EQ(users.user_by_client_id(9), "odd");
  ASSERT_TRUE(map.remove("odd"));
  EXPECT_EQ(users.user_by_client_id(9), "odd");  // For ever.
}

TEST(PermanentUserData, FiltersDecideAndItMayOutlive) {
  std::optional<PermanentUserData> users;
  {
    Doc doc({.client_id = 1});
    users.emplace(doc);
    ASSERT_TRUE(users->set_user_mapping(1, "Ada", [](const Transaction& transaction, const IdSet&) {
      return transaction.origin() != Any("quiet");
    }));
    ASSERT_TRUE(doc.text("text").insert(0, "abc"));
    doc.transact(Any("quiet"), [&] { ASSERT_TRUE(doc.text("text").remove(0, 1)); });
    EXPECT_TRUE(users->deletions().empty());
    ASSERT_TRUE(doc.text("text").remove(0, 1));
    EXPECT_EQ(users->deletions().size(), 1u);
  }
  EXPECT_EQ(users->user_by_client_id(1), "Ada");
}

}  // namespace
}  // namespace coterie::crdt
