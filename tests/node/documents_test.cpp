// Documents as people handle them: made, named, moved, put away and found, on every replica the
// same.

#include <gtest/gtest.h>

#include <algorithm>

#include "node/core/limits.hpp"
#include "node/core/rooms/templates.hpp"
#include "tests/support/choices.hpp"
#include "tests/support/cluster_test.hpp"
#include "tests/support/replica.hpp"

namespace coterie::node {
namespace {

using namespace std::chrono_literals;
using testing::Cluster;
using testing::Replica;
using testing::SeededChoices;
using testing::Team;

class DocumentsTest : public testing::ClusterTest {
 protected:
  DocumentsTest() : ClusterTest(1507) {
    red_ = cluster_.add_node("red");
    green_ = cluster_.add_node("green");
    blue_ = cluster_.add_node("blue");
    found(red_);
    join(green_, red_);
    join(blue_, red_);
    cluster_.run_for(3s);
  }

  void part_all() {
    part(red_, green_);
    part(green_, blue_);
    part(red_, blue_);
  }
  void heal() {
    cluster_.network().heal_all(cluster_.now());
    cluster_.run_for(30s);
  }
  Result<CommandResult> make(Cluster::Node node, const std::string& path,
                             const std::string& from = "", PropertyValues properties = {}) {
    return try_await(node, CreateDocument{workspace_, path, from, std::move(properties)});
  }
  Result<CommandResult> move(Cluster::Node node, const std::string& from, const std::string& to) {
    return try_await(node, MoveDocuments{workspace_, from, to});
  }
  Result<CommandResult> put(Cluster::Node node, const std::string& document, PutAway::How how) {
    return try_await(node, PutAway{workspace_, document, how});
  }
  Result<CommandResult> set(Cluster::Node node, const std::string& document,
                            PropertyValues properties) {
    return try_await(node, SetProperties{workspace_, document, std::move(properties)});
  }
  std::vector<DocumentInfo> documents(Cluster::Node node, const DocumentQuery& query = {}) {
    return *cluster_.engine(node).documents(workspace_, query);
  }
  DocumentInfo document(Cluster::Node node, const std::string& name) {
    const auto info = cluster_.engine(node).document(workspace_, name);
    EXPECT_TRUE(info) << name;
    return info ? *info : DocumentInfo{};
  }
  std::string paths(Cluster::Node node, const DocumentQuery& query = {}) {
    std::string all;
    for (const DocumentInfo& one : documents(node, query)) {
      all += (all.empty() ? "" : " | ") + one.path;
    }
    return all;
  }
  /// All that is known of documents, their text included.
  std::string everything(Cluster::Node node) {
    std::string all;
    for (const bool trash : {false, true}) {
      for (const DocumentInfo& one : documents(node, {"", trash})) {
        all += one.id.hex() + " " + one.path + (one.archived ? " archived" : "") +
               std::to_string(one.trashed) + " " + std::to_string(one.created);
        for (const auto& [key, value] : one.properties) all += " " + key + "=" + value;
        if (!trash) all += ": " + text(node, one.path);
        all += "\n";
      }
    }
    return all;
  }
  void expect_same() {
    EXPECT_EQ(everything(red_), everything(green_));
    EXPECT_EQ(everything(red_), everything(blue_));
  }

  Cluster::Node red_ = 0;
  Cluster::Node green_ = 0;
  Cluster::Node blue_ = 0;
};

TEST_F(DocumentsTest, AreMadeFromTemplates) {
  ASSERT_TRUE(make(red_, "a/main.py", "", {{"language", "python"}, {"title", "Main"}}));
  ASSERT_TRUE(make(red_, "minutes", "meeting"));
  ASSERT_TRUE(make(red_, "empty", "blank"));
  ASSERT_TRUE(make(red_, "x.rb", "", {{"language", "ruby"}, {"kind", "code"}}));
  EXPECT_EQ(make(red_, "empty").error().code, ErrorCode::kConflict);
  EXPECT_EQ(make(red_, "y", "no such").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(make(red_, "y", "meeting", {{"kind", "code"}}).error().code, ErrorCode::kMalformed);
  EXPECT_EQ(make(red_, "y", "", {{"path", "z"}}).error().code, ErrorCode::kMalformed);
  EXPECT_EQ(make(red_, "../y").error().code, ErrorCode::kMalformed);
  cluster_.run_for(2s);
  expect_same();
  EXPECT_EQ(paths(blue_), "a/main.py | empty | minutes | x.rb");
  const PropertyValues python = {{"kind", "code"}, {"language", "python"}, {"title", "Main"}};
  EXPECT_EQ(document(blue_, "a/main.py").properties, python);
  EXPECT_EQ(text(blue_, "a/main.py"), find_template("python")->text);
  EXPECT_EQ(document(blue_, "minutes").properties, (PropertyValues{{"kind", "rich"}}));
  EXPECT_EQ(text(blue_, "x.rb"), "");
  EXPECT_EQ(document(blue_, document(red_, "minutes").id.hex()).path, "minutes");
}

TEST_F(DocumentsTest, TheSameSeedOfTwoIsThereOnce) {
  part_all();
  ASSERT_TRUE(make(red_, "main.py", "python"));
  ASSERT_TRUE(make(green_, "main.py", "python"));
  ASSERT_TRUE(make(blue_, "main.py", "python"));
  const auto writer = client(green_, 5, "main.py");
  insert(writer, 0, "# mine\n");
  heal();
  expect_same();
  EXPECT_EQ(text(red_, "main.py"), "# mine\n" + std::string(find_template("python")->text));
  for (const auto node : {red_, green_, blue_}) {
    EXPECT_TRUE(cluster_.engine(node).offenders(workspace_)->empty());
  }
}

TEST_F(DocumentsTest, SeedsAndWhatIsOnThemComeInAnyOrder) {
  const std::string python(find_template("python")->text);
  for (const auto first : {red_, green_}) {
    const std::string path = "main" + std::to_string(first);
    part_all();
    ASSERT_TRUE(make(red_, path, "python"));
    ASSERT_TRUE(make(green_, path, "python"));
    insert(client(red_, 50 + first, path), 0, "# red\n");
    insert(client(green_, 60 + first, path), python.size(), "# green\n");
    cluster_.network().heal(cluster_.now(), first, blue_);
    cluster_.network().heal(cluster_.now(), blue_, first);
    cluster_.run_for(30s);
    EXPECT_EQ(text(blue_, path), first == red_ ? "# red\n" + python : python + "# green\n");
    heal();
    expect_same();
    EXPECT_EQ(text(blue_, path), "# red\n" + python + "# green\n");
    for (const auto node : {red_, green_, blue_}) {
      EXPECT_TRUE(cluster_.engine(node).offenders(workspace_)->empty());
    }
  }
}

TEST_F(DocumentsTest, ALanguageChangesWithoutLossOfText) {
  const std::string python(find_template("python")->text);
  const std::string go(find_template("go")->text);
  ASSERT_TRUE(make(red_, "a", "python"));
  ASSERT_TRUE(make(red_, "b", "python"));
  ASSERT_TRUE(set(red_, "a", {{"language", "go"}}));
  EXPECT_EQ(text(red_, "a"), go);
  ASSERT_TRUE(set(red_, "a", {{"language", "python"}}));
  EXPECT_EQ(text(red_, "a"), python) << "and back: another copy";
  ASSERT_TRUE(set(red_, "a", {{"language", "cobol"}}));
  EXPECT_EQ(text(red_, "a"), "") << "nothing is known of that language";
  // What somebody wrote stays.
  const auto writer = client(red_, 5, "b");
  insert(writer, 0, "# mine\n");
  ASSERT_TRUE(set(red_, "b", {{"language", "go"}}));
  EXPECT_EQ(text(red_, "b"), "# mine\n" + python);
  EXPECT_EQ(document(red_, "b").properties.at("language"), "go");
  cluster_.run_for(2s);
  expect_same();
}

TEST_F(DocumentsTest, WhatOthersWriteWhileALanguageChangesStays) {
  ASSERT_TRUE(make(red_, "a", "python"));
  cluster_.run_for(2s);
  part_all();
  const auto writer = client(green_, 5, "a");
  insert(writer, 4, "MINE ");
  ASSERT_TRUE(set(red_, "a", {{"language", "go"}}));
  ASSERT_TRUE(set(blue_, "a", {{"language", "go"}}));
  heal();
  expect_same();
  const std::string merged = text(red_, "a");
  EXPECT_NE(merged.find("MINE "), std::string::npos);
  const std::string go(find_template("go")->text);
  const std::size_t first = merged.find(go.substr(0, 12));
  EXPECT_NE(first, std::string::npos);
  EXPECT_EQ(merged.find(go.substr(0, 12), first + 1), std::string::npos) << "once: " << merged;
}

TEST_F(DocumentsTest, MoveKeepsTheDocument) {
  ASSERT_TRUE(make(red_, "docs/a.md"));
  ASSERT_TRUE(make(red_, "docs/sub/b.md"));
  ASSERT_TRUE(make(red_, "c.md"));
  const DocumentId id = document(red_, "docs/a.md").id;
  const auto writer = client(green_, 5, "docs/a.md");
  ASSERT_TRUE(move(red_, "docs/a.md", "other/"));
  EXPECT_EQ(document(red_, "other/a.md").id, id);
  EXPECT_EQ(move(red_, "docs/a.md", "x").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(move(red_, "other/a.md", "c.md").error().code, ErrorCode::kConflict);
  EXPECT_EQ(move(red_, "other/a.md", "../c.md").error().code, ErrorCode::kMalformed);
  EXPECT_EQ(move(red_, "", "x").error().code, ErrorCode::kNotFound);
  cluster_.run_for(1s);
  insert(writer, 0, "still here");  // Whoever has it open goes on.
  EXPECT_EQ(text(blue_, "other/a.md"), "still here");
  // A folder, into itself.
  ASSERT_TRUE(move(green_, "docs", "docs/old"));
  ASSERT_TRUE(move(green_, "docs/", "kept"));
  cluster_.run_for(1s);
  EXPECT_EQ(paths(blue_), "c.md | kept/old/sub/b.md | other/a.md");
  EXPECT_EQ(paths(blue_, {"kept"}), "kept/old/sub/b.md");
  EXPECT_EQ(paths(blue_, {"kep"}), "");
  // Its path is another document's now.
  ASSERT_TRUE(make(blue_, "docs/a.md"));
  EXPECT_NE(document(blue_, "docs/a.md").id, id);
  cluster_.run_for(1s);
  expect_same();
  cluster_.crash(blue_);
  cluster_.restart(blue_);
  expect_same();
}

TEST_F(DocumentsTest, TheTrashKeepsWhatOthersWrite) {
  const auto writer = client(red_, 5, "a.md");
  insert(writer, 0, "first");
  const auto other = client(green_, 6, "a.md");
  const DocumentId id = document(red_, "a.md").id;
  part_all();
  ASSERT_TRUE(put(red_, "a.md", PutAway::How::kTrash));
  EXPECT_FALSE(cluster_.connected(writer));
  EXPECT_EQ(paths(red_), "");
  EXPECT_EQ(paths(red_, {"", true}), "a.md");
  EXPECT_EQ(text(red_, "a.md"), "?");
  insert(other, 5, " second");
  ASSERT_TRUE(make(red_, "a.md", "", {{"title", "New"}}));
  heal();
  expect_same();
  EXPECT_FALSE(cluster_.connected(other));
  EXPECT_EQ(paths(green_), "a.md");
  EXPECT_NE(document(green_, "a.md").id, id);
  EXPECT_EQ(put(green_, "b.md", PutAway::How::kRestore).error().code, ErrorCode::kNotFound);
  const auto restored = put(green_, "a.md", PutAway::How::kRestore);
  ASSERT_TRUE(restored);
  const auto& named = std::get<DocumentsChanged>(*restored).documents.at(0);
  EXPECT_EQ(named.id, id);
  EXPECT_EQ(named.path, "a (2).md") << "its path is taken";
  cluster_.run_for(1s);
  expect_same();
  EXPECT_EQ(text(blue_, "a (2).md"), "first second");
  EXPECT_EQ(paths(blue_, {"", true}), "");
}

TEST_F(DocumentsTest, TwoApartThatMakeAPathAnewMakeOneDocument) {
  ASSERT_TRUE(make(red_, "a.md"));
  ASSERT_TRUE(put(red_, "a.md", PutAway::How::kTrash));
  cluster_.run_for(1s);
  part_all();
  ASSERT_TRUE(make(red_, "a.md"));
  const auto writer = client(green_, 5, "a.md");
  insert(writer, 0, "of green");
  heal();
  expect_same();
  EXPECT_EQ(paths(blue_), "a.md");
  EXPECT_EQ(text(red_, "a.md"), "of green");
}

TEST_F(DocumentsTest, ArchivedOnesAreListedAsSuch) {
  ASSERT_TRUE(make(red_, "a.md"));
  ASSERT_TRUE(put(red_, "a.md", PutAway::How::kArchive));
  cluster_.run_for(1s);
  EXPECT_TRUE(document(green_, "a.md").archived);
  const auto writer = client(green_, 5, "a.md");
  insert(writer, 0, "late");
  EXPECT_EQ(text(red_, "a.md"), "late");
  ASSERT_TRUE(put(green_, "a.md", PutAway::How::kUnarchive));
  cluster_.run_for(1s);
  EXPECT_FALSE(document(red_, "a.md").archived);
}

TEST_F(DocumentsTest, PropertiesAreSetAndTakenAway) {
  ASSERT_TRUE(make(red_, "a.md"));
  ASSERT_TRUE(set(red_, "a.md", {{"title", "One"}, {"meta.status", "draft"}, {"kind", "plain"}}));
  ASSERT_TRUE(set(red_, "a.md", {{"meta.status", ""}, {"title", "Two"}}));
  EXPECT_EQ(document(red_, "a.md").properties,
            (PropertyValues{{"title", "Two"}, {"kind", "plain"}}));
  EXPECT_EQ(set(red_, "a.md", {{"trashed", "1"}}).error().code, ErrorCode::kMalformed);
  EXPECT_EQ(set(red_, "a.md", {{"colour", "1"}}).error().code, ErrorCode::kMalformed);
  EXPECT_EQ(set(red_, "b.md", {{"title", "x"}}).error().code, ErrorCode::kNotFound);
  for (std::size_t i = 0; i < kMetaMax; ++i) {
    ASSERT_TRUE(set(red_, "a.md", {{"meta." + std::to_string(i), "x"}})) << i;
  }
  EXPECT_EQ(set(red_, "a.md", {{"meta.more", "x"}}).error().code, ErrorCode::kLimitExceeded);
  EXPECT_TRUE(set(red_, "a.md", {{"meta.0", "y"}}));
  EXPECT_EQ(document(red_, "a.md").properties.size(), kMetaMax + 2);
  cluster_.run_for(2s);
  expect_same();
}

TEST_F(DocumentsTest, ThreeThatWereApartAgree) {
  for (const char* path : {"a.md", "b.md", "c.md", "f/x", "f/y"}) ASSERT_TRUE(make(red_, path));
  cluster_.run_for(2s);
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    SeededChoices choices(seed);
    part_all();
    const std::vector<std::string> places = {"a.md", "b.md", "c.md", "d.md", "f/x", "f/z", "g/x"};
    const auto any = [&] { return places[choices.below(places.size())]; };
    for (int step = 0; step < 30; ++step) {
      const Cluster::Node node = choices.below(3);
      switch (choices.below(7)) {
        case 0:
          (void)make(node, any(), choices.chance(50) ? "python" : "");
          break;
        case 1:
          (void)move(node, any(), any());
          break;
        case 2:
          (void)move(node, "f", choices.chance(50) ? "g" : "h");
          break;
        case 3:
          (void)put(node, any(), PutAway::How::kTrash);
          break;
        case 4:
          (void)put(node, any(), PutAway::How::kRestore);
          break;
        case 5:
          (void)put(node, any(),
                    choices.chance(50) ? PutAway::How::kArchive : PutAway::How::kUnarchive);
          break;
        default:
          (void)set(node, any(),
                    {{"title", std::to_string(choices.below(100))},
                     {"language", choices.chance(50) ? "python" : "go"},
                     {"meta.a", choices.chance(50) ? "" : "x"}});
      }
    }
    heal();
    expect_same();
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
  }
  EXPECT_GT(documents(red_).size() + documents(red_, {"", true}).size(), 5u);
}

TEST_F(DocumentsTest, AreFoundByTitlePathAndContent) {
  ASSERT_TRUE(make(red_, "x/Straße.md", "", {{"title", "Roads"}}));
  ASSERT_TRUE(make(red_, "code.py", "python"));
  ASSERT_TRUE(make(red_, "minutes", "meeting"));
  ASSERT_TRUE(make(red_, "gone", "python"));
  ASSERT_TRUE(put(red_, "gone", PutAway::How::kTrash));
  cluster_.run_for(1s);
  const auto search = [&](const std::string& text, const std::string& folder = "") {
    const auto page =
        cluster_.engine(blue_).search(cluster_.at(), SearchQuery{workspace_, text, folder, {}, 50});
    EXPECT_TRUE(page);
    EXPECT_FALSE(page->after);
    return page->hits;
  };
  ASSERT_EQ(search("ROAD").size(), 1u);
  EXPECT_EQ(search("ROAD")[0].where, SearchHit::Where::kTitle);
  EXPECT_EQ(search("straße")[0].where, SearchHit::Where::kPath);
  EXPECT_EQ(search("straße", "y").size(), 0u);
  const auto code = search("PRINT(");
  ASSERT_EQ(code.size(), 1u) << "and not what is in the trash";
  EXPECT_EQ(code[0].path, "code.py");
  EXPECT_EQ(code[0].root, "monaco");
  EXPECT_EQ(code[0].line, 2u);
  EXPECT_EQ(code[0].position, find_template("python")->text.find("print("));
  EXPECT_EQ(code[0].snippet, "    print(\"Hello\")");
  const auto rich = search("agenda");
  ASSERT_EQ(rich.size(), 1u);
  EXPECT_EQ(rich[0].root, "default");
  EXPECT_EQ(search("nowhere to be found").size(), 0u);
  Engine& engine = cluster_.engine(red_);
  const auto answers = [&](std::size_t bytes, std::size_t limit) {
    const SearchQuery query{workspace_, std::string(bytes, 'x'), "", {}, limit};
    return engine.search(cluster_.at(), query).has_value();
  };
  EXPECT_TRUE(answers(kSearchTextBytesMax, kSearchHitsMax));
  EXPECT_FALSE(answers(kSearchTextBytesMax + 1, 1));
  EXPECT_FALSE(answers(0, 1));
  EXPECT_FALSE(answers(1, kSearchHitsMax + 1));
  EXPECT_FALSE(answers(1, 0));
}

TEST_F(DocumentsTest, ASearchGoesOnWhereItEnded) {
  const std::size_t many = kSearchDocumentsMax + 20;
  for (std::size_t i = 0; i < many; ++i) {
    ASSERT_TRUE(make(red_, "d" + std::to_string(i), i % 2 == 0 ? "go" : ""));
  }
  std::set<DocumentId> found;
  std::size_t looked_at = 0;
  std::size_t pages = 0;
  SearchQuery query{workspace_, "fmt.println", "", {}, 10};
  do {
    const auto page = cluster_.engine(red_).search(cluster_.at(), query);
    ASSERT_TRUE(page);
    EXPECT_LE(page->hits.size(), 10u);
    EXPECT_LE(page->documents, kSearchDocumentsMax);
    for (const SearchHit& hit : page->hits) EXPECT_TRUE(found.insert(hit.document).second);
    looked_at += page->documents;
    query.after = page->after;
    ASSERT_LT(++pages, 100u);
  } while (query.after);
  EXPECT_EQ(looked_at, many);
  EXPECT_EQ(found.size(), many / 2);
  // Nothing found: still one page is bounded.
  const auto page =
      cluster_.engine(red_).search(cluster_.at(), SearchQuery{workspace_, "nothing", "", {}, 10});
  EXPECT_EQ(page->documents, kSearchDocumentsMax);
  EXPECT_TRUE(page->after);
}

// Rows that say where the words are follow from the logs.
TEST_F(DocumentsTest, PropertiesAreReadFromTheLogsAgain) {
  ASSERT_TRUE(make(red_, "a.py", "python", {{"title", "One"}}));
  ASSERT_TRUE(make(red_, "b.py", "python"));
  ASSERT_TRUE(move(red_, "a.py", "c.py"));
  ASSERT_TRUE(put(red_, "b.py", PutAway::How::kTrash));
  cluster_.run_for(1s);
  const std::string before = everything(red_);
  cluster_.crash(red_);
  storage::WriteBatch batch;
  DocumentIndex::forget(batch);
  storage::MemoryStore* store = cluster_.disk(red_).store(workspace_.hex());
  ASSERT_TRUE(store->commit(std::span(&batch, 1)));
  cluster_.restart(red_);
  cluster_.run_for(2s);
  EXPECT_EQ(everything(red_), before);
}

TEST_F(DocumentsTest, ANewcomerFromNowOnKnowsTheProperties) {
  ASSERT_TRUE(make(red_, "a.py", "python", {{"title", "One"}, {"meta.x", "y"}}));
  ASSERT_TRUE(move(red_, "a.py", "moved/a.py"));
  ASSERT_TRUE(make(red_, "a.py", "go"));
  CreateInvite terms{workspace_, Role::kEditor, std::chrono::hours(1), 1};
  terms.from_now = true;
  const auto invited = await(red_, terms);
  const auto grey = cluster_.add_node("grey");
  await(grey, JoinWorkspace{std::get<InviteCreated>(invited).invite});
  cluster_.run_for(5s);
  EXPECT_EQ(paths(grey), "a.py | moved/a.py");
  EXPECT_EQ(everything(grey), everything(red_));
}

TEST_F(DocumentsTest, ANewcomerIsShownDocumentsByTheirNames) {
  ASSERT_TRUE(make(red_, "a.py", "python"));
  ASSERT_TRUE(move(red_, "a.py", "b.py"));
  ASSERT_TRUE(make(red_, "a.py", "go"));
  ASSERT_TRUE(make(red_, "gone.py", "go"));
  ASSERT_TRUE(put(red_, "gone.py", PutAway::How::kTrash));
  cluster_.run_for(1s);
  const auto grey = cluster_.add_node("grey");
  std::set<std::string> seen;
  const auto request = cluster_.command(grey, JoinWorkspace{invite(red_)});
  cluster_.run_until(1min, [&] {
    const auto list = cluster_.engine(grey).documents(workspace_);
    for (const DocumentInfo& one : list ? *list : std::vector<DocumentInfo>{}) {
      seen.insert(one.path);
    }
    return cluster_.reply(request) != nullptr;
  });
  cluster_.run_for(5s);
  EXPECT_TRUE(seen.contains("b.py"));
  EXPECT_FALSE(seen.contains("gone.py"));
  EXPECT_EQ(everything(grey), everything(red_));
}

TEST_F(DocumentsTest, ViewersChangeNothing) {
  ASSERT_TRUE(make(red_, "a.md"));
  const auto grey = cluster_.add_node("grey");
  join(grey, red_, Role::kViewer);
  cluster_.run_for(3s);
  EXPECT_EQ(make(grey, "b.md").error().code, ErrorCode::kUnauthorized);
  EXPECT_EQ(set(grey, "a.md", {{"title", "x"}}).error().code, ErrorCode::kUnauthorized);
  EXPECT_EQ(move(grey, "a.md", "b.md").error().code, ErrorCode::kUnauthorized);
  EXPECT_EQ(put(grey, "a.md", PutAway::How::kTrash).error().code, ErrorCode::kUnauthorized);
}

// Below the engine: records as a modified client writes them.

constexpr const char* kPath = "notes.md";

std::string names(Replica& replica) {
  std::string all;
  for (const auto& [name, id] : replica.documents().names()) {
    all += name + "=" + id.short_hex();
    for (const auto& [key, value] : replica.properties().values(id)) all += " " + key + ":" + value;
    all += "\n";
  }
  return all;
}

// Entries of who has been a viewer all along are refused by the ledger, whatever is in them.
TEST(PropertiesTest, WhatAViewerSaysCountsNowhere) {
  Team team(3);
  Replica& host = team.host();
  Replica& viewer = team.join(Role::kEditor);
  Replica& commenter = team.join(Role::kCommenter);
  Replica& editor = team.join(Role::kEditor);
  host.name(kPath);
  team.exchange();
  const DocumentId id = host.documents().find_path(kPath)->id;
  const std::string before = names(host);
  host.operate(RoleOperation{viewer.id(), Role::kViewer, host.marks(viewer.id())});
  host.settle();
  for (Replica* one : {&viewer, &commenter}) {
    one->say(id, {{"title", "taken"}, {"path", "elsewhere"}});
    one->say(id, {{"trashed", "1"}});
  }
  team.exchange();
  for (std::size_t i = 0; i < team.size(); ++i) EXPECT_EQ(names(team[i]), before) << i;
  editor.say(id, {{"title", "good"}});
  team.exchange();
  for (std::size_t i = 0; i < team.size(); ++i) {
    EXPECT_EQ(team[i].properties().values(id), (PropertyValues{{"title", "good"}})) << i;
    team[i].crash();
    EXPECT_EQ(team[i].properties().values(id), (PropertyValues{{"title", "good"}})) << i;
  }
}

TEST(PropertiesTest, WhatIsDisputedIsJudgedAgain) {
  Team team(4);
  Replica& host = team.host();
  Replica& eve = team.join(Role::kEditor);
  Replica& editor = team.join(Role::kEditor);
  host.name(kPath);
  team.exchange();
  const DocumentId id = host.documents().find_path(kPath)->id;
  host.say(id, {{"path", "first"}});
  team.exchange();
  // Eve moves and throws away what she has no right to any more, and does not know.
  host.operate(RemoveOperation{eve.id(), false, host.marks(eve.id())});
  host.heal();
  host.settle();
  eve.wait(1s);
  eve.say(id, {{"path", "second"}});
  eve.say(id, {{"trashed", "1"}});
  eve.deliver_all_to(editor);
  EXPECT_FALSE(editor.documents().find_path("first")) << "the removal is not known there";
  team.exchange();
  team.rest();
  for (Replica* one : {&host, &editor}) {
    ASSERT_TRUE(one->documents().find_path("first"));
    EXPECT_EQ(one->documents().find_path("first")->id, id);
  }
  // And counts after all.
  const Hash removal = host.membership().restrictions_of(eve.id()).front().operation;
  host.operate(AcknowledgeOperation{removal, host.marks(eve.id())});
  team.exchange();
  team.rest();
  for (Replica* one : {&host, &editor}) {
    EXPECT_FALSE(one->documents().find_path("first"));
    EXPECT_GT(one->documents().find(id)->place.trashed, 0u);
    EXPECT_EQ(one->documents().name_of(*one->documents().find(id)), "second");
  }
}

TEST(PropertiesTest, TheOrderOfArrivalDoesNotMatter) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SeededChoices choices(seed);
    Team team(seed);
    for (int i = 0; i < 3; ++i) (void)team.join(i == 2 ? Role::kCommenter : Role::kEditor);
    const std::vector<std::string> paths = {"a", "b", "a (2)", "c.md"};
    std::vector<DocumentId> ids;
    for (int step = 0; step < 40; ++step) {
      Replica& one = team[choices.below(team.size())];
      if (choices.chance(20)) one.wait(std::chrono::milliseconds(choices.below(50)));
      if (ids.size() < 4 && choices.chance(30) && one.can_edit()) {
        const std::string path = paths[choices.below(paths.size())];
        if (one.documents().find_path(path) != nullptr) continue;
        one.name(path);
        ids.push_back(one.documents().find_path(path)->id);
      } else if (!ids.empty()) {
        const DocumentId id = ids[choices.below(ids.size())];
        switch (choices.below(3)) {
          case 0:
            one.say(id, {{"path", paths[choices.below(paths.size())]}});
            break;
          case 1:
            one.say(id, {{"trashed", choices.chance(50) ? "1" : ""}});
            break;
          default:
            one.say(id, {{"title", std::to_string(choices.below(9))},
                         {"meta.x", std::to_string(choices.below(9))}});
        }
      }
      if (choices.chance(30)) {
        Replica& from = team[choices.below(team.size())];
        Replica& to = team[choices.below(team.size())];
        if (&from != &to) from.deliver_all_to(to);
      }
    }
    team.exchange();
    team.rest();
    for (std::size_t i = 1; i < team.size(); ++i) {
      ASSERT_EQ(names(team[i]), names(team[0])) << "seed " << seed;
      team[i].crash();
      ASSERT_EQ(names(team[i]), names(team[0])) << "seed " << seed << ", from the disk";
    }
  }
}

// Of one device so many keys and words are looked at: on each replica the same ones, whether they
// are on its disk yet or not.
TEST(PropertiesTest, AFloodOfKeysHidesNothingOfOthers) {
  for (const std::size_t count : {kPropertyKeysMax, kPropertyKeysMax + 50}) {
    Team team(5);
    Replica& host = team.host();
    Replica& eve = team.join(Role::kEditor);
    host.name(kPath);
    const DocumentId id = host.documents().find_path(kPath)->id;
    host.say(id, {{"title", "good"}, {"meta.a", "kept"}});
    team.exchange();
    for (std::size_t i = 0; i < count; ++i) {
      eve.say(id, {{"meta.eve" + std::to_string(i), "x"}});
    }
    const PropertyValues values = eve.properties().values(id);
    EXPECT_EQ(values.size(), kPropertyKeysMax + 2);
    EXPECT_EQ(values.at("title"), "good");
    EXPECT_EQ(values.at("meta.a"), "kept");
    team.exchange();
    for (std::size_t i = 0; i < team.size(); ++i) {
      EXPECT_EQ(team[i].properties().values(id), values) << i;
      team[i].crash();
      EXPECT_EQ(team[i].properties().values(id), values) << i;
    }
  }
}

TEST(PropertiesTest, SoManyWordsOfOneDeviceAreLookedAt) {
  for (const bool past : {false, true}) {
    Team team(6);
    Replica& host = team.host();
    Replica& eve = team.join(Role::kEditor);
    host.name(kPath);
    const DocumentId id = host.documents().find_path(kPath)->id;
    team.exchange();
    eve.say(id, {{"title", "of eve"}});
    team.exchange();
    // What she says from here on she has no right to, and does not know.
    host.operate(RoleOperation{eve.id(), Role::kViewer, host.marks(eve.id())});
    host.settle();
    for (std::size_t i = 0; i + (past ? 0 : 1) < kPropertyWordsMax; ++i) {
      eve.say(id, {{"title", "void"}});
    }
    team.exchange();
    team.rest();
    for (std::size_t i = 0; i < team.size(); ++i) {
      EXPECT_EQ(team[i].properties().values(id).contains("title"), !past) << i;
      team[i].crash();
      EXPECT_EQ(team[i].properties().values(id).contains("title"), !past) << i;
    }
  }
}

}  // namespace
}  // namespace coterie::node
