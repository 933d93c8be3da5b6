#include "crdt/undo_manager.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "crdt/relative_position.hpp"
#include "tests/support/choices.hpp"

namespace coterie::crdt {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;

Bytes bytes_of(const Json& hex) { return *from_hex(hex.get<std::string>()); }
Any any_of(const Json& json) { return *Any::from_json(json.dump()); }

// --- Beside stock Yjs ----------------------------------------------------------------------------

Json delta_of(Doc& doc) {
  Json out = Json::array();
  for (const TextRun& run : doc.text("text").to_delta()) {
    Json op{{"insert", std::get<std::string>(run.insert)}};
    if (!run.attributes.empty()) op["attributes"] = Json::parse(Any(run.attributes).to_json());
    out.push_back(op);
  }
  return out;
}

Json state_of(Doc& doc) {
  return {delta_of(doc), Json::parse(doc.array("array").to_json().to_json()),
          Json::parse(doc.map("map").to_json().to_json())};
}

Status edit(Doc& doc, const Json& what) {
  const auto op = what.at(0).get<std::string>();
  Text text = doc.text("text");
  if (op == "insert") return text.insert(what.at(1), what.at(2).get<std::string>());
  if (op == "delete") return text.remove(what.at(1), what.at(2));
  if (op == "format") {
    const Any attributes = any_of(what.at(3));
    return text.format(what.at(1), what.at(2), *attributes.get_if<Any::Object>());
  }
  if (op == "push") return doc.array("array").push(any_of(what.at(1)));
  if (op == "remove") return doc.array("array").remove(what.at(1), 1);
  const auto key = what.at(1).get<std::string>();
  return op == "set" ? doc.map("map").set(key, any_of(what.at(2))) : doc.map("map").remove(key);
}

void replay(const Json& session) {
  Doc doc({.client_id = 7});
  Instant now;
  UndoManager undo(doc, {doc.text("text"), doc.array("array"), doc.map("map")},
                   {.clock = [&] { return now; },
                    .ignore_remote_map_changes = session.at("overwrite").get<bool>()});
  std::vector<std::string> updates;
  const Subscription watching = doc.on_update(
      [&](ByteView update, const Transaction&) { updates.push_back(to_hex(update)); });
  for (const Json& step : session.at("steps")) {
    SCOPED_TRACE(step.dump());
    now = Instant(milliseconds(step.at("at").get<int>()));
    updates.clear();
    if (step.contains("undo")) {
      EXPECT_EQ(undo.undo().has_value(), step.at("undo").get<bool>());
    }
    if (step.contains("redo")) {
      EXPECT_EQ(undo.redo().has_value(), step.at("redo").get<bool>());
    }
    if (step.contains("stop")) undo.stop_capturing();
    if (step.contains("edit")) {
      ASSERT_TRUE(edit(doc, step.at("edit")));
    }
    if (step.contains("remote")) {
      ASSERT_TRUE(doc.apply_update(bytes_of(step.at("remote")), Any("remote")));
    }
    ASSERT_EQ(Json(updates), step.at("update"));
    ASSERT_EQ(Json({undo.undo_stack().size(), undo.redo_stack().size()}), step.at("stacks"));
    ASSERT_EQ(state_of(doc), step.at("state"));
  }
  EXPECT_EQ(to_hex(doc.encode_state_as_update()), session.at("final").get<std::string>());
}

TEST(UndoManager, MakesTheUpdatesThatYjsMakes) {
  std::ifstream in(std::string(COTERIE_SOURCE_DIR) + "/tests/golden/yjs/undo.json");
  const Json golden = Json::parse(in);
  for (const Json& session : golden.at("sessions")) replay(session);
}

// --- What it promises ----------------------------------------------------------------------------

TEST(UndoManager, TakesBackOnesOwnChangesOnly) {
  Doc doc({.client_id = 1});
  Doc other({.client_id = 2});
  Text text = doc.text("text");
  UndoManager undo(doc, {text});
  ASSERT_TRUE(text.insert(0, "mine"));
  ASSERT_TRUE(other.apply_update(doc.encode_state_as_update()));
  ASSERT_TRUE(other.text("text").insert(2, "--"));
  ASSERT_TRUE(doc.apply_update(other.encode_state_as_update(), Any("remote")));
  EXPECT_EQ(text.to_string(), "mi--ne");
  EXPECT_TRUE(undo.undo());
  EXPECT_EQ(text.to_string(), "--");
  EXPECT_FALSE(undo.can_undo());
  EXPECT_TRUE(undo.redo());
  EXPECT_EQ(text.to_string(), "mi--ne");
  EXPECT_FALSE(undo.redo());
}

TEST(UndoManager, JoinsWhatComesQuickly) {
  Doc doc({.client_id = 1});
  Text text = doc.text("text");
  Instant now;
  UndoManager undo(doc, {text}, {.clock = [&] { return now; }});
  ASSERT_TRUE(text.insert(0, "a"));
  now += milliseconds(499);
  ASSERT_TRUE(text.insert(1, "b"));
  now += milliseconds(500);
  ASSERT_TRUE(text.insert(2, "c"));
  undo.stop_capturing();
  ASSERT_TRUE(text.insert(3, "d"));
  EXPECT_EQ(undo.undo_stack().size(), 3u);
  EXPECT_EQ(undo.undo_stack()[0].insertions(), IdSet({{1, 0, 2}}));
  undo.undo();
  EXPECT_EQ(text.to_string(), "abc");
  undo.undo();
  EXPECT_EQ(text.to_string(), "ab");
  undo.undo();
  EXPECT_EQ(text.to_string(), "");
}

TEST(UndoManager, WatchesItsScopeAndOrigins) {
  Doc doc({.client_id = 1});
  Text text = doc.text("text");
  Map map = doc.map("map");
  UndoManager undo(doc, {text}, {.tracked_origins = {Any("me")}});
  doc.transact(Any("me"), [&] { ASSERT_TRUE(map.set("a", Any(1))); });
  ASSERT_TRUE(text.insert(0, "x"));
  EXPECT_FALSE(undo.can_undo());
  doc.transact(Any("me"), [&] {
    ASSERT_TRUE(text.insert(1, "y"));
    ASSERT_TRUE(map.set("b", Any(2)));
  });
  EXPECT_TRUE(undo.undo());
  EXPECT_EQ(text.to_string(), "x");
  EXPECT_TRUE(map.has("b"));  // Out of scope.

  undo.add_to_scope(map);
  undo.add_tracked_origin(Any());
  ASSERT_TRUE(map.remove("a"));
  EXPECT_TRUE(undo.undo());
  EXPECT_EQ(map.get("a"), Value(Any(1)));
  undo.remove_tracked_origin(Any());
  undo.stop_capturing();
  ASSERT_TRUE(map.remove("a"));
  EXPECT_FALSE(undo.can_undo());
}

TEST(UndoManager, NestedTypesComeBackWithAllInThem) {
  Doc doc({.client_id = 1});
  Map map = doc.map("map");
  UndoManager undo(doc);
  Array array = *map.set_array("list");
  ASSERT_TRUE(array.push(Any(1)));
  Text text = *array.insert_text(1);
  ASSERT_TRUE(text.insert(0, "deep"));
  undo.stop_capturing();
  ASSERT_TRUE(map.remove("list"));
  const Any before = *Any::from_json(R"({"list":[1,"deep"]})");
  EXPECT_TRUE(undo.undo());
  EXPECT_EQ(map.to_json(), before);
  EXPECT_TRUE(undo.redo());
  EXPECT_EQ(map.size(), 0u);
  EXPECT_TRUE(undo.undo());
  EXPECT_EQ(map.to_json(), before);
  EXPECT_TRUE(undo.undo());
  EXPECT_EQ(map.size(), 0u);
}

TEST(UndoManager, ValuesThatOthersSetSinceStay) {
  for (const bool overwrite : {false, true}) {
    Doc doc({.client_id = 1});
    Doc other({.client_id = 2});
    Map map = doc.map("map");
    UndoManager undo(doc, {map}, {.ignore_remote_map_changes = overwrite});
    ASSERT_TRUE(map.set("a", Any("first")));
    undo.stop_capturing();
    ASSERT_TRUE(map.set("a", Any("second")));
    ASSERT_TRUE(other.apply_update(doc.encode_state_as_update()));
    ASSERT_TRUE(other.map("map").set("a", Any("theirs")));
    ASSERT_TRUE(doc.apply_update(other.encode_state_as_update(), Any("remote")));
    undo.undo();
    EXPECT_EQ(map.get("a"), Value(Any(overwrite ? "first" : "theirs")));
  }
}

TEST(UndoManager, TellsWhatHappensAndKeepsMeta) {
  Doc doc({.client_id = 1});
  Text text = doc.text("text");
  UndoManager undo(doc, {text});
  std::vector<std::string> told;
  const auto tell = [&](const char* name) {
    return [&told, name](const UndoEvent& event) {
      told.push_back(std::string(name) + (event.kind == UndoKind::kUndo ? " undo" : " redo"));
      EXPECT_EQ(event.changed_types.size(), 1u);
    };
  };
  const Subscription added = undo.on_stack_item_added([&](const UndoEvent& event) {
    tell("added")(event);
    event.item.meta["cursor"] = std::string("here");
  });
  const Subscription updated = undo.on_stack_item_updated(tell("updated"));
  const Subscription popped = undo.on_stack_item_popped(tell("popped"));
  const Subscription cleared = undo.on_stack_cleared(
      [&](bool, bool redo) { told.push_back(redo ? "cleared redo" : "cleared"); });
  ASSERT_TRUE(text.insert(0, "a"));
  ASSERT_TRUE(text.insert(1, "b"));
  const auto item = undo.undo();
  ASSERT_TRUE(item);
  EXPECT_EQ(std::any_cast<std::string>(item->meta.at("cursor")), "here");
  ASSERT_TRUE(text.insert(0, "c"));
  EXPECT_EQ(told, (std::vector<std::string>{"added undo", "updated undo", "added redo",
                                            "popped undo", "cleared redo", "added undo"}));
}

TEST(UndoManager, FiltersDecide) {
  Doc doc({.client_id = 1});
  Map map = doc.map("map");
  UndoManager::Options options;
  options.delete_filter = [](const UndoDeletion& deletion) { return deletion.key != "keep"; };
  options.capture_transaction = [](const Transaction& transaction) {
    return transaction.origin() != Any("not this");
  };
  options.tracked_origins.emplace_back("not this");
  UndoManager undo(doc, {map}, options);
  doc.transact(Any("not this"), [&] { ASSERT_TRUE(map.set("other", Any(0))); });
  EXPECT_FALSE(undo.can_undo());
  doc.transact([&] {
    ASSERT_TRUE(map.set("keep", Any(1)));
    ASSERT_TRUE(map.set("drop", Any(2)));
  });
  EXPECT_TRUE(undo.undo());
  EXPECT_EQ(map.keys(), (std::vector<std::string>{"other", "keep"}));
}

TEST(UndoManager, ClearingLetsGo) {
  Doc doc({.client_id = 1});
  Array array = doc.array("array");
  UndoManager undo(doc, {array});
  ASSERT_TRUE(array.insert_text(0)->insert(0, "some text that is kept"));
  undo.stop_capturing();
  ASSERT_TRUE(array.remove(0, 1));
  const std::size_t kept = doc.encode_state_as_update().size();
  undo.clear();
  EXPECT_FALSE(undo.can_undo());
  EXPECT_FALSE(undo.undo());
  EXPECT_EQ(doc.encode_state_as_update().size(), kept);  // As in Yjs, it is not looked for.
}

TEST(UndoManager, PositionsFollowWhatComesBack) {
  Doc doc({.client_id = 1});
  Text text = doc.text("text");
  UndoManager undo(doc, {text});
  ASSERT_TRUE(text.insert(0, "0123456789"));
  undo.stop_capturing();
  const auto position = relative_position(text, 6);
  ASSERT_TRUE(text.remove(2, 6));
  ASSERT_TRUE(text.insert(0, ">>"));
  EXPECT_EQ(absolute_position(doc, *position)->index, 4u);
  undo.undo();
  EXPECT_EQ(text.to_string(), "0123456789");
  EXPECT_EQ(absolute_position(doc, *position)->index, 6u);
  EXPECT_EQ(absolute_position(doc, *position, UndoneDeletions::kIgnore)->index, 8u);
  undo.redo();
  undo.undo();
  EXPECT_EQ(absolute_position(doc, *position)->index, 6u);  // Through two returns.
}

TEST(UndoManager, MayOutliveAndMove) {
  std::optional<Doc> doc(std::in_place, Doc::Options{.client_id = 1});
  Text text = doc->text("text");
  UndoManager first(*doc, {text});
  ASSERT_TRUE(text.insert(0, "a"));
  UndoManager undo = std::move(first);
  Doc moved = *std::move(doc);
  EXPECT_TRUE(undo.undo());
  EXPECT_TRUE(undo.redo());
  { const Doc gone = std::move(moved); }
  EXPECT_TRUE(undo.can_undo());
  EXPECT_FALSE(undo.undo());
  undo.clear();
  undo.stop_capturing();
}

TEST(UndoManager, TwoOfThemKeepApart) {
  Doc doc({.client_id = 1});
  Text text = doc.text("text");
  UndoManager a(doc, {text}, {.tracked_origins = {Any("a")}});
  UndoManager b(doc, {text}, {.tracked_origins = {Any("b")}});
  EXPECT_NE(a.origin(), b.origin());
  doc.transact(Any("a"), [&] { ASSERT_TRUE(text.insert(0, "a")); });
  doc.transact(Any("b"), [&] { ASSERT_TRUE(text.insert(1, "b")); });
  EXPECT_TRUE(a.undo());
  EXPECT_EQ(text.to_string(), "b");
  EXPECT_TRUE(b.undo());
  EXPECT_EQ(text.to_string(), "");
  EXPECT_TRUE(a.redo());
  EXPECT_EQ(text.to_string(), "a");
  EXPECT_FALSE(a.redo());
}

// Goal: depth is the sender's choice, and costs neither stack nor more than it is long.
TEST(UndoManager, DeepNestingIsBroughtBack) {
  constexpr int kDepth = 20'000;
  Doc doc({.client_id = 1});
  Array root = doc.array("array");
  UndoManager undo(doc, {root});
  Array at = root;
  doc.transact([&] {
    for (int i = 0; i < kDepth; ++i) at = *at.insert_array(0);
    ASSERT_TRUE(at.push(Any("bottom")));
  });
  undo.stop_capturing();
  ASSERT_TRUE(root.remove(0, 1));
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(undo.undo());
    at = root;
    for (int level = 0; level < kDepth; ++level) {
      at = std::get<SharedType>(*at.get(0)).as_array();
    }
    EXPECT_EQ(at.get(0), Value(Any("bottom")));
    ASSERT_TRUE(undo.redo());
    EXPECT_EQ(root.size(), 0u);
  }
}

// Goal: observers may do anything to the manager that calls them, its end included.
TEST(UndoManager, ObserversClearItAndOthersAreStillTold) {
  Doc doc({.client_id = 1});
  Text text = doc.text("text");
  UndoManager undo(doc, {text});
  auto first = undo.on_stack_item_added([&](const UndoEvent&) { undo.clear(); });
  auto second = undo.on_stack_item_added([&](const UndoEvent& event) {
    event.item.meta["seen"] = 1;
    EXPECT_FALSE(event.item.insertions().empty());
  });
  ASSERT_TRUE(text.insert(0, "a"));
  EXPECT_FALSE(undo.can_undo());
}

TEST(UndoManager, AnObserverEndsItselfAndAddsAnother) {
  Doc doc({.client_id = 1});
  Text text = doc.text("text");
  UndoManager undo(doc, {text});
  const std::string held(100, 'h');
  std::size_t seen = 0;
  Subscription watching;
  watching = undo.on_stack_item_added([&, held](const UndoEvent&) {
    watching.cancel();
    watching = undo.on_stack_item_added([](const UndoEvent&) {});
    seen += held.size();
  });
  ASSERT_TRUE(text.insert(0, "a"));
  EXPECT_EQ(seen, 100u);
}

TEST(UndoManager, AnObserverEndsTheManager) {
  Doc doc({.client_id = 1});
  Text text = doc.text("text");
  auto undo = std::make_unique<UndoManager>(doc, std::vector<SharedType>{text});
  auto added = undo->on_stack_item_added([&](const UndoEvent&) { undo.reset(); });
  ASSERT_TRUE(text.insert(0, "a"));
  EXPECT_EQ(undo, nullptr);
  EXPECT_FALSE(added.active());
  undo = std::make_unique<UndoManager>(doc, std::vector<SharedType>{text});
  auto popped = undo->on_stack_item_popped([&](const UndoEvent&) { undo.reset(); });
  ASSERT_TRUE(text.insert(1, "b"));
  EXPECT_TRUE(undo->undo().has_value());
  EXPECT_EQ(undo, nullptr);
  EXPECT_EQ(text.to_string(), "a");
}

TEST(UndoManager, SubscriptionsOutliveIt) {
  Doc doc({.client_id = 1});
  Subscription watching;
  {
    UndoManager undo(doc);
    watching = undo.on_stack_cleared([](bool, bool) {});
    EXPECT_TRUE(watching.active());
  }
  EXPECT_FALSE(watching.active());
  watching.cancel();
}

// --- Steps that were not watched -----------------------------------------------------------------

/// A step given by its ids is undone as one that was watched.
TEST(UndoPush, IsAsIfItHadBeenWatched) {
  testing::for_each_seed(300, [](std::uint64_t seed) {
    testing::SeededChoices choices(seed);
    const auto edit_at_random = [&](Doc& doc) {
      Text text = doc.text("t");
      const std::uint64_t at = choices.below(text.size() + 1);
      switch (choices.below(6)) {
        case 0:
        case 1:
          return (void)text.insert(at, "word");
        case 2:
          return (void)text.remove(at, std::min<std::uint64_t>(3, text.size() - at));
        case 3:
          return (void)text.format(at, std::min<std::uint64_t>(3, text.size() - at), {{"b", true}});
        case 4:
          return (void)doc.map("m").set("k", static_cast<int>(choices.below(9)));
        default:
          return (void)doc.array("a").insert(0, std::vector<Any>{Any(1)});
      }
    };
    Doc doc({.client_id = 7, .gc = false});
    Doc other({.client_id = 9, .gc = false});
    const auto exchange = [&] {
      ASSERT_TRUE(doc.apply_update(other.encode_state_as_update(), Any("other")));
      ASSERT_TRUE(other.apply_update(doc.encode_state_as_update()));
    };
    for (int i = 0; i < 5; ++i) edit_at_random(other);
    for (int i = 0; i < 5; ++i) edit_at_random(doc);
    exchange();
    UndoManager watching(doc);
    for (std::uint64_t i = 1 + choices.below(5); i > 0; --i) edit_at_random(doc);
    exchange();
    for (std::uint64_t i = choices.below(4); i > 0; --i) edit_at_random(other);
    exchange();
    Doc copy({.client_id = 7, .gc = false});
    ASSERT_TRUE(copy.apply_update(doc.encode_state_as_update()));
    (void)copy.text("t");
    (void)copy.map("m");
    (void)copy.array("a");
    UndoManager given(copy, UndoManager::Options{.tracked_origins = {}});
    if (watching.undo_stack().empty()) return;
    ASSERT_EQ(watching.undo_stack().size(), 1u);
    const UndoItem& step = watching.undo_stack().back();
    given.push(step.insertions(), step.deletions());
    ASSERT_EQ(watching.undo().has_value(), given.undo().has_value()) << "COTERIE_SEED=" << seed;
    const auto values = [](Doc& of) {
      Any::Array runs;
      for (const TextRun& run : of.text("t").to_delta()) {
        runs.push_back(Any::Array{std::get<std::string>(run.insert), Any(run.attributes)});
      }
      return Any(Any::Array{runs, of.array("a").to_json(), of.map("m").to_json()});
    };
    ASSERT_EQ(values(copy).to_json(), values(doc).to_json()) << "COTERIE_SEED=" << seed;
  });
}

TEST(UndoPush, WhatIsNotHeldIsLeftOut) {
  Doc doc({.client_id = 7, .gc = false});
  (void)doc.text("t").insert(0, "abc");
  UndoManager undo(doc, UndoManager::Options{.tracked_origins = {}});
  undo.push(IdSet({{7, 1, 100}, {8, 0, 5}}), IdSet({{9, 3, 4}}));
  EXPECT_TRUE(undo.undo());
  EXPECT_EQ(doc.text("t").to_string(), "a");
  undo.push(IdSet({{8, 0, 5}}), {});
  EXPECT_FALSE(undo.undo());
}

}  // namespace
}  // namespace coterie::crdt
