#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <memory>

#include "crdt/doc.hpp"
#include "crdt/event.hpp"
#include "tests/support/event_script.hpp"

namespace coterie::crdt {
namespace {

std::string to_string(const Value& value) {
  if (const auto* any = std::get_if<Any>(&value)) return any->to_json();
  return std::get<SharedType>(value).to_json().to_json();
}

/// As JavaScript would print it, near enough.
std::string to_string(const Delta& delta) {
  std::string out;
  for (const DeltaOp& op : delta) {
    if (!out.empty()) out += " ";
    if (op.retain > 0) out += "=" + std::to_string(op.retain);
    if (op.remove > 0) out += "-" + std::to_string(op.remove);
    if (const auto* text = std::get_if<std::string>(&op.insert)) out += "+" + *text;
    if (const auto* any = std::get_if<Any>(&op.insert)) out += "+" + any->to_json();
    if (const auto* values = std::get_if<std::vector<Value>>(&op.insert)) {
      out += "+[";
      for (const Value& value : *values) out += to_string(value) + ",";
      out += "]";
    }
    if (!op.attributes.empty()) out += Any(op.attributes).to_json();
  }
  return out;
}

std::string to_string(const std::vector<KeyChange>& keys) {
  std::string out;
  for (const KeyChange& change : keys) {
    out += change.key;
    out += change.action == KeyAction::kAdd      ? " added; "
           : change.action == KeyAction::kUpdate ? " was " + to_string(change.old_value) + "; "
                                                 : " removed " + to_string(change.old_value) + "; ";
  }
  return out;
}

std::string to_string(const Path& path) {
  std::string out;
  for (const auto& step : path) {
    out += "/";
    if (const auto* key = std::get_if<std::string>(&step)) out += *key;
    if (const auto* index = std::get_if<std::uint64_t>(&step)) out += std::to_string(*index);
  }
  return out;
}

TEST(Event, TellsOfTextInParts) {
  Doc doc({.client_id = 1});
  Text text = doc.text("t");
  std::string seen;
  const Subscription watching = text.observe([&](const Event& event, const Transaction&) {
    EXPECT_EQ(event.target(), text);
    EXPECT_TRUE(event.path().empty());
    seen = to_string(event.delta());
  });
  ASSERT_TRUE(text.insert(0, "hello"));
  EXPECT_EQ(seen, "+hello");
  ASSERT_TRUE(text.insert(5, " world"));
  EXPECT_EQ(seen, "=5 + world") << "one item by now, part of it new";
  ASSERT_TRUE(text.remove(4, 3));
  EXPECT_EQ(seen, "=4 -3");
  ASSERT_TRUE(text.remove(3, 1));
  EXPECT_EQ(seen, "=3 -1") << "beside what was deleted before";
  ASSERT_TRUE(text.format(0, 2, {{"bold", true}}));
  EXPECT_EQ(seen, R"(=2{"bold":true})");
  ASSERT_TRUE(text.insert_embed(1, Any(Any::Object{{"image", "x"}}), {{"bold", true}}));
  EXPECT_EQ(seen, R"(=1 +{"image":"x"}{"bold":true})");
  ASSERT_TRUE(text.format(0, 3, {{"bold", Any::Null()}}));
  EXPECT_EQ(seen, R"(=8{"bold":null})") << "as Yjs has it";
  (void)doc.transact([&] {
    ASSERT_TRUE(text.insert(0, "gone"));
    ASSERT_TRUE(text.remove(0, 4));
  });
  EXPECT_EQ(seen, "");
}

TEST(Event, TellsOfKeysAndElements) {
  Doc doc({.client_id = 1});
  Map map = doc.map("m");
  Array array = doc.array("a");
  std::string seen;
  const Subscription on_map =
      map.observe([&](const Event& event, const Transaction&) { seen += to_string(event.keys()); });
  const Subscription on_array = array.observe([&](const Event& event, const Transaction&) {
    seen += to_string(event.delta());
    EXPECT_EQ(event.changes().added.empty() && event.changes().deleted.empty(), false);
  });
  const auto take = [&] { return std::exchange(seen, {}); };
  ASSERT_TRUE(map.set("k", 1));
  EXPECT_EQ(take(), "k added; ");
  (void)doc.transact([&] {
    ASSERT_TRUE(map.set("k", 2));
    ASSERT_TRUE(map.set("k", 3));
    ASSERT_TRUE(map.set("came and went", 3));
    ASSERT_TRUE(map.remove("came and went"));
  });
  EXPECT_EQ(take(), "k was 1; ");
  ASSERT_TRUE(map.set_text("type")->insert(0, "what it held"));
  EXPECT_EQ(take(), "type added; ");
  ASSERT_TRUE(map.remove("type"));
  EXPECT_EQ(take(), "type removed \"\"; ");
  const Any values[] = {1, "two", 3};
  ASSERT_TRUE(array.insert(0, values));
  EXPECT_EQ(take(), "+[1,\"two\",3,]");
  ASSERT_TRUE(array.push(4));
  EXPECT_EQ(take(), "=3 +[4,]");
  ASSERT_TRUE(array.remove(1, 2));
  EXPECT_EQ(take(), "=1 -2");
}

TEST(Event, DeepObserversSeeAllBelowNearestFirst) {
  Doc doc({.client_id = 1});
  Map map = doc.map("m");
  Array list = *map.set_array("list");
  Text text = *list.insert_text(0);
  std::vector<std::string> seen;
  const auto watch = [&](const SharedType& type) {
    return type.observe_deep([&](std::span<const Event> events, const Transaction&) {
      std::string line;
      for (const Event& event : events) line += to_string(event.path()) + " ";
      seen.push_back(line);
    });
  };
  const Subscription on_map = watch(map);
  const Subscription on_list = watch(list);
  (void)doc.transact([&] {
    ASSERT_TRUE(text.insert(0, "x"));
    ASSERT_TRUE(list.insert_map(0));
    ASSERT_TRUE(map.set("k", 1));
  });
  EXPECT_EQ(seen, (std::vector<std::string>{" /1 ", " /list /list/1 "}));
  seen.clear();
  (void)doc.transact([&] {
    ASSERT_TRUE(text.insert(0, "y"));
    ASSERT_TRUE(map.remove("list"));
  });
  EXPECT_EQ(seen, (std::vector<std::string>{" "})) << "what was deleted is not told of";
  EXPECT_FALSE(on_list.active()) << "collected";
  EXPECT_TRUE(on_map.active());
}

/// With the members of objects by name.
Any sorted(const Any& value) {
  if (const auto* values = value.get_if<Any::Array>()) {
    Any::Array out;
    for (const Any& element : *values) out.push_back(sorted(element));
    return Any(std::move(out));
  }
  if (const auto* members = value.get_if<Any::Object>()) {
    Any::Object out;
    for (const auto& [name, member] : *members) out.emplace_back(name, sorted(member));
    std::sort(out.begin(), out.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    return Any(std::move(out));
  }
  return value;
}

// Goal: observers are told what Yjs tells them, in its order: hooks, updates, events of all types,
// subdocuments. Method: recorded sessions of several stock Yjs documents, edits and updates.
TEST(Event, SessionsRecordedFromStockYjs) {
  std::ifstream in(COTERIE_SOURCE_DIR "/tests/golden/yjs/events.txt");
  ASSERT_TRUE(in);
  coterie::testing::EventScript script;
  int compared = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    const auto tab = line.find('\t');
    const std::string command = line.substr(0, tab);
    std::string answer = script.run(command);
    ASSERT_EQ(answer.substr(0, 2), "ok") << answer << " to " << command;
    if (tab == std::string::npos) continue;
    answer.erase(0, 3);
    if (command.starts_with("do ") || command.starts_with("apply ")) {
      answer.erase(0, answer.find(' ') + 1);
    }
    if (command.starts_with("state ")) answer = '"' + answer + '"';
    const auto ours = Any::from_json(answer);
    const auto theirs = Any::from_json(line.substr(tab + 1));
    ASSERT_TRUE(ours && theirs) << command;
    ASSERT_EQ(sorted(*ours).to_json(), sorted(*theirs).to_json()) << command;
    ++compared;
  }
  EXPECT_GT(compared, 50);
}

TEST(Event, AnObserverMayEditWhatItWatches) {
  Doc doc({.client_id = 1});
  Text text = doc.text("t");
  std::vector<std::string> seen;
  const Subscription watching = text.observe([&](const Event& event, const Transaction&) {
    seen.push_back(to_string(event.delta()));
    if (text.size() < 3) (void)text.insert(text.size(), ".");
  });
  ASSERT_TRUE(text.insert(0, "a"));
  EXPECT_EQ(seen, (std::vector<std::string>{"+a", "=1 +.", "=2 +."}));
  EXPECT_EQ(text.to_string(), "a..");
  EXPECT_EQ(inspect_update(doc.encode_state_as_update())->struct_count, 1u);
}

// Goal: an update observer that asks what changed is told of its own transaction each time.
TEST(Events, UpdateObserversAskAnewWhatChanged) {
  Doc doc({.client_id = 1});
  Text first = doc.text("first");
  Text second = doc.text("second");
  std::vector<std::vector<SharedType>> seen;
  auto watching = doc.on_update([&](ByteView, const Transaction& transaction) {
    seen.push_back(transaction.changed_types());
  });
  ASSERT_TRUE(first.insert(0, "a"));
  ASSERT_TRUE(second.insert(0, "b"));
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0], std::vector<SharedType>{first});
  EXPECT_EQ(seen[1], std::vector<SharedType>{second});
}

// Goal: a function that is freed with its type may own subscriptions, to the same type too.
TEST(Events, AnObserverOfATypeThatGoesOwnsOthers) {
  Doc doc({.client_id = 1});
  Array array = doc.array("array");
  Array inner = *array.insert_array(0);
  auto owned = std::make_shared<std::vector<Subscription>>();
  inner.observe([owned](const Event&, const Transaction&) {}).release();
  for (int i = 0; i < 40; ++i) {
    owned->push_back(inner.observe([](const Event&, const Transaction&) {}));
  }
  const std::weak_ptr<std::vector<Subscription>> left = owned;
  owned.reset();
  ASSERT_TRUE(array.remove(0, 1));
  EXPECT_TRUE(left.expired());
}

}  // namespace
}  // namespace coterie::crdt
