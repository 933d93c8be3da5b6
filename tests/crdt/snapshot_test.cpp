#include "crdt/snapshot.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "crdt/attribution.hpp"

namespace coterie::crdt {
namespace {

using Json = nlohmann::json;

Bytes bytes_of(const Json& hex) { return *from_hex(hex.get<std::string>()); }

Json json_of(const std::vector<TextRun>& runs) {
  Json out = Json::array();
  for (const TextRun& run : runs) {
    Json op;
    if (const auto* text = std::get_if<std::string>(&run.insert)) {
      op["insert"] = *text;
    } else {
      op["insert"] = Json::parse(std::get<Any>(run.insert).to_json());
    }
    if (!run.attributes.empty()) op["attributes"] = Json::parse(Any(run.attributes).to_json());
    out.push_back(op);
  }
  return out;
}

// --- Beside stock Yjs ----------------------------------------------------------------------------

TEST(Snapshot, IsWhatYjsTakesAndRestores) {
  std::ifstream in(std::string(COTERIE_SOURCE_DIR) + "/tests/golden/yjs/history.json");
  const Json golden = Json::parse(in);
  for (const Json& session : golden.at("sessions")) {
    SCOPED_TRACE(session.at("name").get<std::string>());
    Doc doc({.client_id = 99, .gc = session.at("gc")});
    (void)doc.text("text");
    std::vector<Snapshot> snapshots{Snapshot()};
    for (const Json& step : session.at("steps")) {
      ASSERT_TRUE(doc.apply_update(bytes_of(step.at("update"))));
      snapshots.push_back(take_snapshot(doc));
    }
    for (const Json& look : session.at("snapshots")) {
      const Snapshot& snapshot = snapshots.at(look.at("step"));
      EXPECT_EQ(to_hex(snapshot.encode()), look.at("v1").get<std::string>());
      EXPECT_EQ(to_hex(snapshot.encode_v2()), look.at("v2").get<std::string>());
      EXPECT_EQ(*Snapshot::decode(snapshot.encode()), snapshot);
      EXPECT_EQ(*Snapshot::decode_v2(snapshot.encode_v2()), snapshot);
      for (std::size_t i = 0; i < snapshots.size(); ++i) {
        EXPECT_EQ(json_of(to_delta(doc.text("text"), snapshot, snapshots[i])),
                  Json::parse(look.at("deltas").at(i).get<std::string>()));
      }
      const auto restored = create_doc_from_snapshot(doc, snapshot, {.client_id = 98});
      ASSERT_EQ(restored.has_value(), !look.at("restored").is_null());
      if (!restored) continue;
      EXPECT_EQ(to_hex(restored->encode_state_as_update()), look.at("restored").get<std::string>());
      EXPECT_EQ(text_at(doc.text("text"), snapshot), look.at("text").get<std::string>());
      Any::Array values;
      for (const Value& value : values_at(doc.array("array"), snapshot)) {
        values.push_back(std::get<Any>(value));
      }
      EXPECT_EQ(Any(values).to_json(), look.at("array").get<std::string>());
    }
  }
}

// --- What it promises ----------------------------------------------------------------------------

TEST(Snapshot, ADocumentThatCollectsCannotGoBack) {
  Doc doc({.client_id = 1});
  ASSERT_TRUE(doc.text("text").insert(0, "abc"));
  const auto restored = create_doc_from_snapshot(doc, take_snapshot(doc), {.client_id = 2});
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().code, ErrorCode::kNotFound);
}

TEST(Snapshot, OfAnotherDocumentIsRefused) {
  Doc doc({.client_id = 1, .gc = false});
  ASSERT_TRUE(doc.text("text").insert(0, "a😀"));
  Snapshot snapshot = take_snapshot(doc);
  snapshot.state.advance(1, 4);
  EXPECT_EQ(snapshot_as_update(doc, snapshot).error().code, ErrorCode::kNotFound);
  Snapshot stranger;
  stranger.state.advance(7, 1);
  EXPECT_EQ(snapshot_as_update(doc, stranger).error().code, ErrorCode::kNotFound);
  Snapshot half;
  half.state.advance(1, 2);
  EXPECT_EQ(snapshot_as_update(doc, half).error().code, ErrorCode::kMalformed);
  EXPECT_EQ(doc.text("text").to_string(), "a😀");  // Looking splits nothing.
  EXPECT_EQ(text_at(doc.text("text"), half), "a\xef\xbf\xbd");
}

TEST(Snapshot, TypedReadsGoElementByElement) {
  Doc doc({.client_id = 1, .gc = false});
  Array array = doc.array("array");
  Map map = doc.map("map");
  ASSERT_TRUE(array.push(Any(1)));
  ASSERT_TRUE(map.set("a", Any("old")));
  const Snapshot before = take_snapshot(doc);
  ASSERT_TRUE(array.push(Any(2)));  // Joins the item of the one before.
  ASSERT_TRUE(map.set("a", Any("new")));
  ASSERT_TRUE(map.set("b", Any(true)));
  const Snapshot after = take_snapshot(doc);
  ASSERT_TRUE(array.remove(0, 1));
  ASSERT_TRUE(map.remove("a"));

  EXPECT_EQ(values_at(array, before), (std::vector<Value>{Any(1)}));
  EXPECT_EQ(values_at(array, after), (std::vector<Value>{Any(1), Any(2)}));
  EXPECT_EQ(values_at(array, take_snapshot(doc)), (std::vector<Value>{Any(2)}));
  EXPECT_EQ(values_at(array, Snapshot()), std::vector<Value>());
  EXPECT_EQ(value_at(map, "a", before), Value(Any("old")));
  EXPECT_EQ(value_at(map, "a", after), Value(Any("new")));
  EXPECT_EQ(value_at(map, "a", take_snapshot(doc)), std::nullopt);
  EXPECT_EQ(value_at(map, "b", before), std::nullopt);
  EXPECT_EQ(entries_at(map, before).size(), 1u);
  EXPECT_EQ(entries_at(map, after).size(), 2u);
}

TEST(Snapshot, ValuesOfAKeyAreToldApartInOneItem) {
  Doc doc({.client_id = 1, .gc = false});
  Map map = doc.map("m");
  std::vector<Snapshot> snapshots;
  for (int i = 0; i < 3; ++i) {
    (void)map.set("k", i);
    snapshots.push_back(take_snapshot(doc));
  }
  (void)map.remove("k");  // All three are deleted now, and one item.
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(value_at(map, "k", snapshots[static_cast<std::size_t>(i)]), Value(Any(i)));
    const auto keyed = keyed_values_at(map, snapshots[static_cast<std::size_t>(i)]);
    ASSERT_EQ(keyed.size(), 1u);
    EXPECT_EQ(keyed[0].id, (Id{1, static_cast<Clock>(i)}));
    EXPECT_EQ(keyed[0].value, Value(Any(i)));
  }
  EXPECT_FALSE(value_at(map, "k", take_snapshot(doc)));
}

TEST(Snapshot, PiecesAreOfOneKindEach) {
  Doc doc({.client_id = 1, .gc = false});
  Text text = doc.text("t");
  (void)text.insert(0, "abcdef");
  const Snapshot before = take_snapshot(doc);
  (void)text.remove(1, 2);
  (void)text.insert(1, "XY", {{"b", true}});
  const Snapshot after = take_snapshot(doc);
  (void)text.insert(0, "later");
  std::string told;
  const auto cut = [](const IdRange& ids, std::vector<Clock>& cuts) {
    cuts.push_back(ids.clock);  // Not inside: no cut.
    cuts.push_back(4);
    cuts.push_back(999);
  };
  for (const ListPiece& piece : pieces_at(text, before, after, cut)) {
    const Id id{piece.ids.client, piece.ids.clock};
    told += (before.shows(id) ? "" : "+");
    told += (after.shows(id) ? "" : "-");
    if (const auto* words = std::get_if<std::string>(&piece.content)) {
      EXPECT_EQ(words->size(), piece.ids.length);
      told += *words + " ";
    } else {
      const auto& mark = std::get<TextMark>(piece.content);
      told += mark.name + "=" + mark.value.to_json() + " ";
    }
  }
  EXPECT_EQ(told, "a -bc +b=true +XY +b=null d ef ");
  EXPECT_TRUE(pieces_at(text, {}, {}).empty());
}

TEST(Snapshot, KnowsWhatItContains) {
  Doc doc({.client_id = 1, .gc = false});
  Text text = doc.text("text");
  const Bytes first = doc.transact([&] { ASSERT_TRUE(text.insert(0, "abc")); });
  const Snapshot snapshot = take_snapshot(doc);
  const Bytes more = doc.transact([&] { ASSERT_TRUE(text.insert(1, "x")); });
  const Bytes removal = doc.transact([&] { ASSERT_TRUE(text.remove(0, 1)); });
  EXPECT_TRUE(*snapshot_contains_update(snapshot, first));
  EXPECT_FALSE(*snapshot_contains_update(snapshot, more));
  EXPECT_FALSE(*snapshot_contains_update(snapshot, removal));
  EXPECT_TRUE(*snapshot_contains_update(take_snapshot(doc), doc.encode_state_as_update()));
  EXPECT_FALSE(snapshot_contains_update(snapshot, Bytes{1}));
  EXPECT_TRUE(*snapshot_contains_update_v2(snapshot, *convert_update_v1_to_v2(first)));
  EXPECT_FALSE(*snapshot_contains_update_v2(snapshot, *convert_update_v1_to_v2(removal)));
}

TEST(Snapshot, DescribedChangesJoinByAuthor) {
  Doc doc({.client_id = 1, .gc = false});
  Doc other({.client_id = 2});
  Text text = doc.text("text");
  ASSERT_TRUE(text.insert(0, "ab"));
  const Snapshot before = take_snapshot(doc);
  ASSERT_TRUE(other.apply_update(doc.encode_state_as_update()));
  ASSERT_TRUE(text.insert(2, "c"));
  ASSERT_TRUE(other.text("text").insert(0, "d"));
  ASSERT_TRUE(text.remove(0, 1));
  ASSERT_TRUE(doc.apply_update(other.encode_state_as_update()));
  const auto describe = [](TextChange change, const Id& id) {
    Any::Object object;
    object.emplace_back("user", Any(static_cast<double>(id.client)));
    object.emplace_back("type", Any(change == TextChange::kAdded ? "added" : "removed"));
    return Any(std::move(object));
  };
  EXPECT_EQ(json_of(to_delta(text, take_snapshot(doc), before, describe)), Json::parse(R"([
    {"insert": "d", "attributes": {"ychange": {"user": 2, "type": "added"}}},
    {"insert": "a", "attributes": {"ychange": {"user": 1, "type": "removed"}}},
    {"insert": "b"},
    {"insert": "c", "attributes": {"ychange": {"user": 1, "type": "added"}}}])"));
}

// --- Id sets -------------------------------------------------------------------------------------

TEST(IdSet, KeepsRangesInOneForm) {
  IdSet set;
  for (const IdRange& range :
       {IdRange{1, 10, 2}, IdRange{1, 0, 3}, IdRange{1, 3, 1}, IdRange{9, 5, 1}, IdRange{1, 12, 4},
        IdRange{1, 11, 2}, IdRange{2, 0, 0}}) {
    set.add(range);
  }
  const IdSet same({{9, 5, 1}, {1, 0, 4}, {1, 10, 6}});
  EXPECT_EQ(set, same);
  EXPECT_TRUE(set.contains({1, 15}));
  EXPECT_FALSE(set.contains({1, 16}));
  EXPECT_FALSE(set.contains({1, 4}));
  EXPECT_FALSE(set.contains({2, 0}));
  IdSet merged({{1, 4, 6}});
  merged.merge(set);
  EXPECT_EQ(merged, IdSet({{1, 0, 16}, {9, 5, 1}}));
  Bytes bytes;
  set.encode_to(bytes);
  ByteReader in(bytes);
  EXPECT_EQ(*IdSet::decode(in), set);
  EXPECT_TRUE(in.at_end());
}

TEST(IdSet, LimitsHoldAtThemAndPastThem) {
  const auto decode = [](const std::vector<std::uint64_t>& numbers, bool v2) {
    Bytes bytes;
    for (const std::uint64_t number : numbers) append_varuint(bytes, number);
    ByteReader in(bytes);
    const auto set = v2 ? IdSet::decode_v2(in) : IdSet::decode(in);
    return set ? std::nullopt : std::optional(set.error().code);
  };
  EXPECT_EQ(decode({1, 7, 1, kClockMax - 1, 1}, false), std::nullopt);
  EXPECT_EQ(decode({1, 7, 1, kClockMax, 1}, false), ErrorCode::kLimitExceeded);
  EXPECT_EQ(decode({1, 7, 2, 0, 9, kClockMax - 20, 9}, true), std::nullopt);
  EXPECT_EQ(decode({1, 7, 2, 0, 9, kClockMax - 19, 9}, true), ErrorCode::kLimitExceeded);
  EXPECT_EQ(decode({1, 7, 1, kSafeIntegerMax, kSafeIntegerMax}, true), ErrorCode::kLimitExceeded);
  EXPECT_EQ(decode({kClientsMax + 1}, false), ErrorCode::kLimitExceeded);
  EXPECT_EQ(decode({kClientsMax}, false), ErrorCode::kMalformed);  // Truncated.
  EXPECT_EQ(decode({1, 7, kSafeIntegerMax}, false), ErrorCode::kMalformed);
  EXPECT_FALSE(Snapshot::decode(Bytes{0}));
  EXPECT_FALSE(Snapshot::decode(Bytes{0, 0, 0}));
}

// --- Attribution ---------------------------------------------------------------------------------

TEST(Attribution, SaysWhoWroteWhat) {
  Doc doc({.client_id = 1});
  Doc other({.client_id = 2});
  Text text = doc.text("text");
  ASSERT_TRUE(text.insert(0, "hello"));
  ASSERT_TRUE(other.apply_update(doc.encode_state_as_update()));
  ASSERT_TRUE(other.text("text").insert(2, "XX"));
  ASSERT_TRUE(doc.apply_update(other.encode_state_as_update()));
  ASSERT_TRUE(text.format(1, 3, {{"bold", Any(true)}}));
  ASSERT_TRUE(text.remove(5, 1));
  // h e X X l o: marks and what was deleted do not show.
  EXPECT_EQ(attribution(text),
            (std::vector<AttributedRange>{
                {{1, 0, 2}, 0}, {{2, 0, 2}, 2}, {{1, 2, 1}, 4}, {{1, 4, 1}, 5}}));
  EXPECT_EQ(attribution(text, 1, 2),
            (std::vector<AttributedRange>{{{1, 1, 1}, 1}, {{2, 0, 1}, 2}}));
  EXPECT_EQ(attribution(text, 6), std::vector<AttributedRange>());
  EXPECT_EQ(attribution(doc.array("none")), std::vector<AttributedRange>());

  // For ever: also after the document went through other hands.
  Doc third({.client_id = 3});
  ASSERT_TRUE(third.apply_update(*merge_updates(
      std::vector<Bytes>{other.encode_state_as_update(), doc.encode_state_as_update()})));
  EXPECT_EQ(attribution(*third.root("text")), attribution(text));
}

}  // namespace
}  // namespace coterie::crdt
