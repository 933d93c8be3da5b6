#include "crdt/relative_position.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "crdt/doc.hpp"

namespace coterie::crdt {
namespace {

using Json = nlohmann::json;

Bytes bytes_of(const Json& hex) { return *from_hex(hex.get<std::string>()); }

// --- Beside stock Yjs ----------------------------------------------------------------------------

void check_positions(Doc& doc, const Json& step) {
  for (const Json& made : step.at("positions")) {
    SCOPED_TRACE(made.dump());
    const auto type = doc.root(made.at(0).get<std::string>());
    const auto position = relative_position(*type, made.at(1), made.at(2));
    ASSERT_TRUE(position) << to_string(position.error());
    EXPECT_EQ(to_hex(position->encode()), made.at(3).get<std::string>());
    EXPECT_EQ(position->to_json().to_json(), made.at(4).get<std::string>());
    EXPECT_EQ(*RelativePosition::from_json(position->to_json()), *position);
  }
  for (std::size_t i = 0; i < step.at("known").size(); ++i) {
    SCOPED_TRACE(step.at("known").at(i).dump());
    const auto position = RelativePosition::decode(bytes_of(step.at("known").at(i)));
    ASSERT_TRUE(position);
    const auto place = absolute_position(doc, *position);
    const Json& expected = step.at("places").at(i);
    ASSERT_EQ(place.has_value(), !expected.is_null());
    if (place) {
      EXPECT_EQ(place->index, expected.get<std::uint64_t>());
    }
  }
}

TEST(RelativePosition, IsWhatYjsMakesAndFindsWhatYjsFinds) {
  std::ifstream in(std::string(COTERIE_SOURCE_DIR) + "/tests/golden/yjs/history.json");
  const Json golden = Json::parse(in);
  for (const Json& session : golden.at("sessions")) {
    SCOPED_TRACE(session.at("name").get<std::string>());
    Doc doc({.client_id = 99, .gc = session.at("gc")});
    (void)doc.text("text");
    (void)doc.array("array");
    for (const Json& step : session.at("steps")) {
      ASSERT_TRUE(doc.apply_update(bytes_of(step.at("update"))));
      check_positions(doc, step);
    }
  }
}

// --- What it promises ----------------------------------------------------------------------------

TEST(RelativePosition, StaysAtItsElement) {
  Doc doc({.client_id = 1});
  Text text = doc.text("text");
  ASSERT_TRUE(text.insert(0, "abc"));
  const auto right = relative_position(text, 1);
  const auto left = relative_position(text, 1, kAssociateLeft);
  ASSERT_TRUE(text.insert(1, "--"));
  EXPECT_EQ(absolute_position(doc, *right)->index, 3u);  // Before the b.
  EXPECT_EQ(absolute_position(doc, *left)->index, 1u);   // After the a.
  ASSERT_TRUE(text.remove(0, 4));
  EXPECT_EQ(absolute_position(doc, *right)->index, 0u);
  EXPECT_EQ(absolute_position(doc, *left)->index, 0u);
  EXPECT_EQ(absolute_position(doc, *right)->type, text);
}

TEST(RelativePosition, EndsStayEnds) {
  Doc doc({.client_id = 1});
  Array array = doc.array("array");
  ASSERT_TRUE(array.push(Any(1)));
  const auto end = relative_position(array, 1);
  const auto start = relative_position(array, 0, kAssociateLeft);
  EXPECT_FALSE(end->item);
  EXPECT_EQ(end->root, "array");
  ASSERT_TRUE(array.insert(0, Any::Array{Any(0)}));
  ASSERT_TRUE(array.push(Any(2)));
  EXPECT_EQ(absolute_position(doc, *end)->index, 3u);
  EXPECT_EQ(absolute_position(doc, *start)->index, 0u);
}

TEST(RelativePosition, NestedTypesGoByTheirItem) {
  Doc doc({.client_id = 1});
  Text text = *doc.map("map").set_text("t");
  const auto position = relative_position(text, 0);
  EXPECT_EQ(position->type, (Id{1, 0}));
  ASSERT_TRUE(text.insert(0, "x"));
  const auto place = absolute_position(doc, *RelativePosition::decode(position->encode()));
  ASSERT_TRUE(place);
  EXPECT_EQ(place->type, text);
  EXPECT_EQ(place->index, 1u);
  const auto inside = relative_position(text, 0);
  ASSERT_TRUE(doc.map("map").remove("t"));
  EXPECT_EQ(absolute_position(doc, *position), std::nullopt);  // Collected.
  EXPECT_EQ(absolute_position(doc, *inside), std::nullopt);
  EXPECT_EQ(relative_position(text, 0).error().code, ErrorCode::kNotFound);
}

TEST(RelativePosition, InsideAPairIsRefused) {
  Doc doc({.client_id = 1});
  Text text = doc.text("text");
  ASSERT_TRUE(text.insert(0, "a😀b"));
  for (const std::int64_t association : {kAssociateLeft, kAssociateRight}) {
    EXPECT_EQ(relative_position(text, 2, association).error().code, ErrorCode::kMalformed);
    EXPECT_TRUE(relative_position(text, 1, association));
    EXPECT_TRUE(relative_position(text, 3, association));
  }
}

TEST(RelativePosition, WhatHasNotArrivedIsNowhere) {
  Doc doc({.client_id = 1});
  ASSERT_TRUE(doc.text("text").insert(0, "abc"));
  RelativePosition position;
  position.item = Id{1, 3};
  EXPECT_EQ(absolute_position(doc, position), std::nullopt);
  position.item = Id{2, 0};
  EXPECT_EQ(absolute_position(doc, position), std::nullopt);
  position.item = Id{1, kSafeIntegerMax};
  EXPECT_EQ(absolute_position(doc, position), std::nullopt);
  position.item.reset();
  position.type = Id{1, 0};  // Text is no type.
  EXPECT_EQ(absolute_position(doc, position), std::nullopt);
  position.type.reset();
  position.root = "other";
  EXPECT_EQ(absolute_position(doc, position), std::nullopt);
  EXPECT_EQ(doc.root("other"), std::nullopt);  // Looking makes nothing.
  EXPECT_EQ(absolute_position(doc, RelativePosition()), std::nullopt);
}

TEST(RelativePosition, RefusesWhatIsMalformed) {
  for (const char* const hex : {"", "00", "0001", "03", "0301010000", "0105616263", "0101ff00",
                                "000101000000", "0001018f", "000101ffffffffffffffffff01"}) {
    EXPECT_FALSE(RelativePosition::decode(*from_hex(hex))) << hex;
  }
  for (const char* const json :
       {"1", "{}", "{\"assoc\":0}", "{\"item\":1}", "{\"item\":{\"client\":1}}",
        "{\"item\":{\"client\":-1,\"clock\":0}}", "{\"item\":{\"client\":1.5,\"clock\":0}}",
        "{\"tname\":7}", "{\"tname\":\"a\",\"assoc\":\"b\"}"}) {
    EXPECT_FALSE(RelativePosition::from_json(*Any::from_json(json))) << json;
  }
  // Without association, as Yjs once wrote them.
  EXPECT_EQ(RelativePosition::decode(*from_hex("000102"))->association, 0);
  for (const std::int64_t association :
       {INT64_C(0), INT64_C(-1), INT64_C(63), INT64_C(64), INT64_C(-64), INT64_C(1) << 40}) {
    RelativePosition position;
    position.item = Id{3, 4};
    position.association = association;
    EXPECT_EQ(*RelativePosition::decode(position.encode()), position);
  }
}

}  // namespace
}  // namespace coterie::crdt
