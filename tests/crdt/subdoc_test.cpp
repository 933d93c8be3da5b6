#include "crdt/subdoc.hpp"

#include <gtest/gtest.h>

#include <optional>

#include "crdt/doc.hpp"

namespace coterie::crdt {
namespace {

std::string names(const std::vector<Subdoc>& subdocs) {
  std::string out;
  for (const Subdoc& subdoc : subdocs) out += subdoc.guid() + " ";
  return out;
}

/// Notes what each event says: +added -removed *loaded.
struct Watch {
  explicit Watch(Doc& doc)
      : kept(doc.on_subdocs([this](const SubdocsEvent& event, const Transaction&) {
          seen += "[+" + names(event.added) + "-" + names(event.removed) + "*" +
                  names(event.loaded) + "]";
        })) {}
  std::string take() { return std::exchange(seen, {}); }

  std::string seen;
  Subscription kept;
};

TEST(Subdoc, IsAddedLoadedAndRemovedAsInYjs) {
  Doc a({.client_id = 1, .collection_id = "papers"});
  Doc b({.client_id = 2});
  Watch on_a(a);
  Watch on_b(b);
  Map map = a.map("m");
  Subdoc mine = *map.set("doc", NewDoc{.guid = "one", .meta = Any(Any::Object{{"t", 1}})});
  EXPECT_EQ(on_a.take(), "[+one -*one ]");
  EXPECT_TRUE(mine.should_load());
  EXPECT_EQ(mine.collection_id(), "papers");
  EXPECT_EQ(std::get<Subdoc>(*map.get("doc")), mine);
  ASSERT_TRUE(b.apply_update(a.encode_state_as_update()));
  EXPECT_EQ(on_b.take(), "[+one -*]") << "peers load when they want to";
  Subdoc theirs = std::get<Subdoc>(*b.map("m").get("doc"));
  EXPECT_EQ(theirs.meta().to_json(), R"({"t":1})");
  EXPECT_FALSE(theirs.should_load());
  theirs.load();
  theirs.load();
  EXPECT_EQ(on_b.take(), "[+-*one ]");
  EXPECT_EQ(b.subdoc_guids(), std::vector<std::string>{"one"});

  ASSERT_TRUE(mine.doc().text("t").insert(0, "inside"));
  EXPECT_EQ(mine.doc().client_id(), 1u);
  ASSERT_TRUE(theirs.doc().apply_update(mine.doc().encode_state_as_update()));
  EXPECT_EQ(theirs.doc().root_text("t"), "inside");

  int destroyed = 0;
  theirs.doc().on_destroy([&] { ++destroyed; }).release();
  ASSERT_TRUE(map.remove("doc"));
  ASSERT_TRUE(b.apply_update(a.encode_state_as_update()));
  EXPECT_EQ(on_b.take(), "[+-one *][+-one *]");
  EXPECT_EQ(destroyed, 1);
  EXPECT_TRUE(theirs.destroyed());
  EXPECT_TRUE(b.subdocs().empty());
  EXPECT_EQ(theirs.guid(), "one") << "the handle stays";
  EXPECT_EQ(theirs.doc().root_text("t"), "inside");
}

TEST(Subdoc, IsReplacedWhenDestroyed) {
  Doc doc({.client_id = 1});
  Watch watch(doc);
  Array array = doc.array("a");
  Subdoc old = *array.insert(0, NewDoc{.guid = "one", .auto_load = true});
  EXPECT_EQ(watch.take(), "[+one -*one ]");
  old.destroy();
  EXPECT_EQ(watch.take(), "[+one -one *]");
  const Subdoc fresh = std::get<Subdoc>(*array.get(0));
  EXPECT_FALSE(fresh == old);
  EXPECT_FALSE(fresh.should_load());
  EXPECT_EQ(doc.subdocs(), std::vector<Subdoc>{fresh});
  (void)doc.transact([&] {
    ASSERT_TRUE(array.insert(0, NewDoc{.guid = "gone", .should_load = false}));
    ASSERT_TRUE(array.remove(0));
  });
  EXPECT_EQ(watch.take(), "") << "it came and went";
}

TEST(Subdoc, WritesWhatYjsWrites) {
  Doc doc({.client_id = 1});
  Map map = doc.map("map");
  ASSERT_TRUE(map.set(
      "doc",
      NewDoc{.guid = "a-guid", .meta = Any(Any::Object{{"title", "x"}}), .auto_load = true}));
  ASSERT_TRUE(map.set("other", NewDoc{.guid = "b-guid", .gc = false}));
  // new Y.Doc({ guid: 'a-guid', meta: { title: 'x' }, autoLoad: true }) and { gc: false }.
  EXPECT_EQ(to_hex(doc.encode_state_as_update()),
            "010201002901036d617003646f6306612d677569647602086175746f4c6f616478046d6574617601"
            "057469746c657701782901036d6170056f7468657206622d6775696476010267637900");
}

TEST(Subdoc, OutlivesItsParent) {
  std::optional<Subdoc> kept;
  {
    Doc doc({.client_id = 1});
    kept = *doc.map("m").set("doc", NewDoc{.guid = "one"});
    ASSERT_TRUE(kept->doc().text("t").insert(0, "x"));
  }
  EXPECT_EQ(kept->doc().root_text("t"), "x");
  kept->load();
  kept->destroy();
  EXPECT_TRUE(kept->destroyed());
}

TEST(Subdoc, ManyAtOnceStayLinear) {
  Doc doc({.client_id = 1});
  Array array = doc.array("a");
  (void)doc.transact([&] {
    for (int i = 0; i < 20'000; ++i) {
      ASSERT_TRUE(array.insert(0, NewDoc{.guid = "d", .should_load = false}));
    }
    ASSERT_TRUE(array.remove(0, 20'000));
  });
  EXPECT_TRUE(doc.subdocs().empty());
}

// Goal: a handle to a subdocument that came and went in one transaction outlives the document.
TEST(Subdoc, OneThatCameAndWentIsLeftBehindSafely) {
  std::optional<Subdoc> kept;
  {
    Doc doc({.client_id = 1});
    Array array = doc.array("a");
    doc.transact([&] {
      kept = *array.insert(0, NewDoc{.guid = "g"});
      ASSERT_TRUE(array.remove(0, 1));
    });
  }
  kept->load();
  kept->destroy();
  EXPECT_TRUE(kept->destroyed());
}

}  // namespace
}  // namespace coterie::crdt
