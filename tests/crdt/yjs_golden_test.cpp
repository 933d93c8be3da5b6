// Sessions recorded from stock Yjs (tests/golden/yjs): we report the same effective updates and end
// with the same bytes, whole or merged, on every way the updates can arrive.

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "crdt/doc.hpp"
#include "crdt/update.hpp"

namespace coterie::crdt {
namespace {

using Json = nlohmann::json;

Bytes bytes_of(const Json& hex) { return *from_hex(hex.get<std::string>()); }

const Json& cases() {
  static const Json loaded = [] {
    std::ifstream in(std::string(COTERIE_SOURCE_DIR) + "/tests/golden/yjs/documents.json");
    return Json::parse(in).at("cases");
  }();
  return loaded;
}

Doc empty_doc(const Json& one) {
  Doc doc({.client_id = 99, .gc = one.at("gc").get<bool>()});
  if (one.contains("typed")) (void)doc.text("text");
  return doc;
}

TEST(YjsGolden, EachUpdateHasTheEffectYjsReports) {
  for (const Json& one : cases()) {
    SCOPED_TRACE(one.at("name").get<std::string>());
    Doc doc = empty_doc(one);
    const bool pending = one.value("pending", false);
    std::vector<std::string> effective;
    for (const Json& update : one.at("updates")) {
      auto applied = doc.apply_update(bytes_of(update));
      ASSERT_TRUE(applied) << to_string(applied.error());
      EXPECT_TRUE(pending || !applied->pending);
      EXPECT_EQ(applied->changed, !applied->update.empty());
      if (applied->changed) effective.push_back(to_hex(applied->update));
    }
    EXPECT_EQ(Json(effective), one.at("effective"));
    EXPECT_EQ(to_hex(doc.encode_state_as_update()), one.at("state").get<std::string>());
    EXPECT_EQ(to_hex(doc.state_vector().encode()), one.at("stateVector").get<std::string>());
    EXPECT_EQ(doc.root_text("text"), one.at("text").get<std::string>());
    StateVector since;
    since.advance(1, 2);
    EXPECT_EQ(to_hex(doc.encode_state_as_update(since)), one.at("diff").get<std::string>());
  }
}

TEST(YjsGolden, OrderAndRepetitionDoNotMatter) {
  for (const Json& one : cases()) {
    SCOPED_TRACE(one.at("name").get<std::string>());
    Doc doc = empty_doc(one);
    const Json& updates = one.at("updates");
    for (auto update = updates.rbegin(); update != updates.rend(); ++update) {
      ASSERT_TRUE(doc.apply_update(bytes_of(*update)));
    }
    EXPECT_EQ(doc.has_pending(), one.value("pending", false));
    EXPECT_EQ(to_hex(doc.state_vector().encode()), one.at("stateVector").get<std::string>());
    EXPECT_EQ(doc.root_text("text"), one.at("text").get<std::string>());
    for (const Json& update : updates) {
      auto again = doc.apply_update(bytes_of(update));
      ASSERT_TRUE(again);
      EXPECT_FALSE(again->changed);
      EXPECT_TRUE(again->update.empty());
    }
  }
}

TEST(YjsGolden, TheWholeStateAndTheMergedUpdatesLoadToTheSame) {
  for (const Json& one : cases()) {
    if (one.contains("typed"))
      continue;  // Cleaned up after each update: the whole has no part in it.
    SCOPED_TRACE(one.at("name").get<std::string>());
    std::vector<Bytes> updates;
    for (const Json& update : one.at("updates")) updates.push_back(bytes_of(update));
    auto merged = merge_updates(std::span<const Bytes>(updates));
    ASSERT_TRUE(merged);
    EXPECT_EQ(to_hex(*merged), one.at("merged").get<std::string>());
    for (const Bytes& whole : {bytes_of(one.at("state")), *merged}) {
      Doc doc = empty_doc(one);
      ASSERT_TRUE(doc.apply_update(whole));
      EXPECT_EQ(to_hex(doc.encode_state_as_update()), one.at("state").get<std::string>());
      EXPECT_EQ(doc.root_text("text"), one.at("text").get<std::string>());
      auto vector = state_vector_from_update(whole);
      ASSERT_TRUE(vector);
      EXPECT_EQ(*vector, doc.state_vector());
    }
  }
}

TEST(YjsGolden, ReadsFormattedText) {
  for (const Json& one : cases()) {
    SCOPED_TRACE(one.at("name").get<std::string>());
    Doc doc = empty_doc(one);
    ASSERT_TRUE(doc.apply_update(bytes_of(one.at("state"))));
    Json delta = Json::array();
    for (const TextRun& run : doc.text("text").to_delta()) {
      Json op;
      if (const auto* text = std::get_if<std::string>(&run.insert)) {
        op["insert"] = *text;
      } else {
        op["insert"] = Json::parse(std::get<Any>(run.insert).to_json());
      }
      if (!run.attributes.empty()) op["attributes"] = Json::parse(Any(run.attributes).to_json());
      delta.push_back(op);
    }
    EXPECT_EQ(delta, Json::parse(one.at("delta").get<std::string>()));
  }
}

TEST(YjsGolden, ReadsValues) {
  const auto load = [](const std::string& name) {
    for (const Json& one : cases()) {
      if (one.at("name") != name) continue;
      Doc doc = empty_doc(one);
      EXPECT_TRUE(doc.apply_update(bytes_of(one.at("state"))));
      return doc;
    }
    ADD_FAILURE() << "no case " << name;
    return Doc({.client_id = 1});
  };
  EXPECT_EQ(load("map").map("map").to_json().to_json(),
            R"({"n":"b","big":{"$bigint":"1152921504606846976"},"bytes":{"$bytes":[1,2,3]},)"
            R"("deep":{"a":[null,true,-0.5,1e+300,2147483648,"😀"]}})");
  EXPECT_EQ(load("array").array("array").to_json().to_json(), R"([1,0.1,{"three":3},[4],6])");
  EXPECT_EQ(load("JSON content").array("array").to_json().to_json(), R"(["a",1,null])");
}

}  // namespace
}  // namespace coterie::crdt
