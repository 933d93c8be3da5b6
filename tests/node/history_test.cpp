// Version history of one document: where versions are, what they hold, how they differ, who wrote
// what, and that restoring one gives it back.

#include "node/core/history/history.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "crdt/base/utf16.hpp"
#include "node/core/history/provenance.hpp"
#include "node/core/history/restore.hpp"
#include "node/core/history/timeline.hpp"
#include "node/core/limits.hpp"
#include "tests/support/choices.hpp"
#include "tests/support/crdt_sessions.hpp"

namespace coterie::node {
namespace {

constexpr WallMillis kSecond = 1000;
constexpr WallMillis kMinute = 60 * kSecond;
constexpr WallMillis kHour = 60 * kMinute;
constexpr WallMillis kDay = 24 * kHour;

// Where versions are.

std::vector<WallMillis> ends(const std::vector<Stretch>& stretches,
                             const std::vector<WallMillis>& times) {
  std::vector<WallMillis> out;
  std::size_t next = 0;
  for (const Stretch& one : stretches) {
    EXPECT_EQ(one.first, next) << "nothing is left out";
    EXPECT_LT(one.first, one.end);
    next = one.end;
    out.push_back(times[one.end - 1]);
  }
  EXPECT_EQ(next, times.size());
  return out;
}

TEST(TimelineTest, APauseOfFiveMinutesEndsAVersion) {
  const std::vector<WallMillis> times{0, 5 * kMinute - 1, 10 * kMinute - 1};
  EXPECT_EQ(ends(cut_at_pauses(times), times),
            (std::vector<WallMillis>{5 * kMinute - 1, 10 * kMinute - 1}));
  const std::vector<WallMillis> close{0, 5 * kMinute - 1};
  EXPECT_EQ(cut_at_pauses(close).size(), 1u);
  EXPECT_TRUE(cut_at_pauses({}).empty());
}

TEST(TimelineTest, AVersionIsOfTenMinutesAtMost) {
  std::vector<WallMillis> times;
  for (WallMillis at = 0; at <= 20 * kMinute; at += kMinute) times.push_back(at);
  EXPECT_EQ(ends(cut_at_pauses(times), times),
            (std::vector<WallMillis>{9 * kMinute, 19 * kMinute, 20 * kMinute}));
}

TEST(TimelineTest, OldOnesThinOut) {
  const WallMillis now = 100 * kDay;
  std::vector<WallMillis> times;
  for (WallMillis at = now - 9 * kDay; at < now; at += 15 * kMinute) times.push_back(at);
  const auto all = cut_at_pauses(times);
  EXPECT_EQ(all.size(), times.size());
  const auto kept = ends(thin_out(all, times, now), times);
  const auto between = [&](WallMillis from, WallMillis to) {
    return std::count_if(kept.begin(), kept.end(),
                         [&](WallMillis at) { return at >= from && at < to; });
  };
  EXPECT_EQ(between(now - kDay, now), 96) << "all of the last day";
  EXPECT_EQ(between(now - 2 * kDay, now - kDay), 24) << "one an hour";
  EXPECT_EQ(between(now - 7 * kDay, now - 6 * kDay), 24);
  EXPECT_EQ(between(now - 8 * kDay, now - 7 * kDay), 1) << "one a day";
  EXPECT_EQ(between(now - 9 * kDay, now - 8 * kDay), 1);
  // The last one of each stays.
  EXPECT_EQ(kept.front(), now - 8 * kDay - 15 * kMinute);
}

TEST(TimelineTest, ClocksThatLieBreakNothing) {
  const std::vector<WallMillis> times{0, 1, kDay, ~WallMillis{0} >> 16, ~WallMillis{0}};
  for (const WallMillis now : {WallMillis{0}, WallMillis{5}, 10 * kDay, ~WallMillis{0}}) {
    const auto kept = ends(thin_out(cut_at_pauses(times), times, now), times);
    EXPECT_EQ(kept.back(), times.back());
  }
}

TEST(ClaimsTest, TheFirstHasIt) {
  Claims claims;
  EXPECT_EQ(claims.claim({7, 10, 5}, 0), 5u);
  EXPECT_EQ(claims.claim({7, 8, 10}, 1), 5u) << "8, 9 and 15 to 17";
  EXPECT_EQ(claims.claim({7, 0, 100}, 2), 90u);
  EXPECT_EQ(claims.claim({7, 12, 1}, 3), 0u);
  EXPECT_EQ(claims.claim({8, 12, 1}, 3), 1u);
  const std::vector<std::uint32_t> wanted{2, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 2};
  for (std::uint32_t i = 0; i < wanted.size(); ++i) EXPECT_EQ(claims.find({7, 7 + i}), wanted[i]);
  EXPECT_FALSE(claims.find({7, 100}));
  EXPECT_FALSE(claims.find({9, 0}));
  std::vector<crdt::Clock> cuts;
  claims.cut({7, 9, 7}, cuts);
  std::sort(cuts.begin(), cuts.end());
  cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
  EXPECT_EQ(cuts, (std::vector<crdt::Clock>{10, 15}));
}

// One document.

DeviceId device(std::uint8_t number) {
  DeviceId id;
  id.bytes.fill(number);
  return id;
}

/// Updates as entries: by whom, when.
class Writing {
 public:
  void write(std::uint8_t by, WallMillis at, Bytes update, bool carried = false) {
    Views::CountedUpdate one;
    one.ref.log = {device(by), 1};
    one.ref.seq = ++seqs_[by];
    one.hash.bytes.fill(static_cast<std::uint8_t>(updates_.size() + 1));
    one.hash.bytes[0] = static_cast<std::uint8_t>(updates_.size() >> 8);
    one.time = at << 16;
    one.carried = carried;
    bytes_.push_back(std::move(update));
    updates_.push_back(one);
  }
  void name(std::uint8_t by, WallMillis at, const std::string& name, Bytes snapshot,
            std::optional<WallMillis> moment = {}) {
    Views::NamedVersion one;
    one.ref.log = {device(by), 1};
    one.ref.seq = ++seqs_[by];
    one.hash.bytes.fill(0xee);
    one.hash.bytes[1] = static_cast<std::uint8_t>(names_.size());
    one.time = at << 16;
    one.record.name = name;
    one.record.moment = moment.value_or(at);
    one.snapshot = std::move(snapshot);
    names_.push_back(std::move(one));
  }
  History history() const {
    auto made =
        History::make(nullptr, [this](const History::Visit& visit) -> Result<Views::HistoryNotes> {
          for (std::size_t i = 0; i < updates_.size(); ++i) {
            Views::CountedUpdate one = updates_[i];
            one.update = bytes_[i];
            COTERIE_CHECK(visit(one));
          }
          return Views::HistoryNotes{names_, 0, 0};
        });
    EXPECT_TRUE(made);
    return *std::move(made);
  }

 private:
  std::map<std::uint8_t, Seq> seqs_;
  std::vector<Views::CountedUpdate> updates_;
  std::vector<Bytes> bytes_;
  std::vector<Views::NamedVersion> names_;
};

VersionChoice at(WallMillis time) { return {"", time}; }

std::string text_of(const History& history, const VersionChoice& choice) {
  const auto found = history.find(choice);
  if (!found) return "? " + to_string(found.error());
  const auto content = history.read(*found);
  return content ? content->text : "? " + to_string(content.error());
}

TEST(HistoryTest, AutomaticVersionsSayWhoDidWhat) {
  crdt::Doc anna({.client_id = 5});
  crdt::Doc ben({.client_id = 6});
  Writing writing;
  const Bytes first = anna.transact([&] { (void)anna.text("t").insert(0, "Hello world"); });
  (void)ben.apply_update(first);
  const Bytes second = ben.transact([&] { (void)ben.text("t").remove(5, 6); });
  (void)anna.apply_update(second);
  const Bytes third = anna.transact([&] { (void)anna.text("t").insert(5, "!"); });
  writing.write(1, kDay, first);
  writing.write(2, kDay + kMinute, second);
  writing.write(1, kDay + kHour, third);
  const History history = writing.history();
  const VersionList list = history.versions(kDay + 2 * kHour, 100);
  ASSERT_EQ(list.versions.size(), 2u);
  const VersionInfo& newest = list.versions[0];
  const VersionInfo& oldest = list.versions[1];
  EXPECT_TRUE(newest.current);
  EXPECT_EQ(newest.elements, 6u);
  EXPECT_EQ(newest.inserted, 1u);
  EXPECT_EQ(oldest.elements, 5u);
  EXPECT_EQ(oldest.updates, 2u);
  ASSERT_EQ(oldest.authors.size(), 2u);
  EXPECT_EQ(oldest.authors[0].device, device(1)) << "11 elements";
  EXPECT_EQ(oldest.authors[0].inserted, 11u);
  EXPECT_EQ(oldest.authors[1].deleted, 6u);
  EXPECT_EQ(oldest.time, kDay + kMinute);
  EXPECT_EQ(text_of(history, {oldest.id.hex().substr(0, 8), std::nullopt}), "Hello");
  EXPECT_EQ(text_of(history, {}), "Hello!");
  EXPECT_EQ(text_of(history, at(kDay)), "Hello world");
  EXPECT_EQ(text_of(history, at(0)), "");

  const auto diff = history.diff(*history.find(at(kDay)), *history.find({}));
  ASSERT_TRUE(diff);
  ASSERT_EQ(diff->changes.size(), 2u);
  // What came in stands where it is; whatever the order of the two, both are there.
  for (const Change& change : diff->changes) {
    if (change.kind == Change::Kind::kInserted) {
      EXPECT_EQ(change.content, "!");
      EXPECT_EQ(change.to, 5u);
      ASSERT_TRUE(change.by);
      EXPECT_EQ(change.by->device, device(1));
      EXPECT_EQ(change.by->first, kDay + kHour);
    } else {
      EXPECT_EQ(change.content, " world");
      EXPECT_EQ(change.from, 5u);
      ASSERT_TRUE(change.by);
      EXPECT_EQ(change.by->device, device(2)) << "who deleted it";
    }
  }
  const auto back = history.diff(*history.find({}), *history.find(at(kDay)));
  ASSERT_TRUE(back);
  ASSERT_EQ(back->changes.size(), 2u);
  for (const Change& change : back->changes) {
    ASSERT_TRUE(change.by);
    const bool inserted = change.kind == Change::Kind::kInserted;
    EXPECT_EQ(change.content, inserted ? " world" : "!");
    EXPECT_EQ(change.by->device, device(inserted ? 2 : 1)) << "who made the difference";
  }
}

TEST(HistoryTest, BlameIsByWhoWroteItFirst) {
  crdt::Doc anna({.client_id = 5});
  Writing writing;
  const Bytes first = anna.transact([&] { (void)anna.text("t").insert(0, "one "); });
  const Bytes second = anna.transact([&] { (void)anna.text("t").insert(4, "two "); });
  const Bytes third = anna.transact([&] { (void)anna.text("t").insert(8, "three"); });
  const Bytes all = anna.encode_state_as_update();
  writing.write(1, kDay, first);
  writing.write(1, kDay + kMinute, second);
  writing.write(2, kDay + kHour, all);  // The browser goes on at another's bridge.
  writing.write(1, kDay + 2 * kHour, third);
  const History history = writing.history();
  const auto blame = history.blame(*history.find({}));
  ASSERT_TRUE(blame);
  ASSERT_EQ(blame->ranges.size(), 2u);
  EXPECT_EQ(blame->ranges[0].text, "one two ");
  EXPECT_EQ(blame->ranges[0].by->device, device(1));
  EXPECT_EQ(blame->ranges[0].by->first, kDay);
  EXPECT_EQ(blame->ranges[0].by->last, kDay + kMinute);
  EXPECT_EQ(blame->ranges[1].text, "three");
  EXPECT_EQ(blame->ranges[1].index, 8u);
  EXPECT_EQ(blame->ranges[1].by->device, device(2));
}

TEST(HistoryTest, WhatIsCarriedIsNobodysWord) {
  crdt::Doc anna({.client_id = kNativeClientsMin + 5});
  Writing writing;
  const Bytes first = anna.transact([&] { (void)anna.text("t").insert(0, "one "); });
  const Bytes second = anna.transact([&] { (void)anna.text("t").insert(4, "two"); });
  // A browser brought it to another bridge, before its author was heard of.
  writing.write(2, kDay, anna.encode_state_as_update(), true);
  writing.write(1, kDay + kHour, first);
  const History history = writing.history();
  const auto blame = history.blame(*history.find({}));
  ASSERT_TRUE(blame);
  ASSERT_EQ(blame->ranges.size(), 2u);
  EXPECT_EQ(blame->ranges[0].by->device, device(1)) << "its own word goes before";
  EXPECT_FALSE(blame->ranges[0].by->carried);
  EXPECT_EQ(blame->ranges[1].text, "two");
  EXPECT_TRUE(blame->ranges[1].by->carried);
}

TEST(HistoryTest, NamesAreFoundAndTwoOfThemAreNot) {
  crdt::Doc doc({.client_id = 5, .gc = false});
  Writing writing;
  writing.write(1, kDay, doc.transact([&] { (void)doc.text("t").insert(0, "draft"); }));
  const Bytes snapshot = crdt::take_snapshot(doc).encode();
  writing.write(1, kDay + 1, doc.transact([&] { (void)doc.text("t").remove(0, 3); }));
  writing.name(1, kDay + 2, "v1", snapshot);
  writing.name(2, kDay + 3, "mine", snapshot);
  writing.name(3, kDay + 4, "mine", snapshot);
  writing.name(4, kDay + 5, "broken", Bytes{1, 2, 3});
  // What this replica does not have (yet, or any more), it leaves out.
  crdt::Snapshot ahead = crdt::take_snapshot(doc);
  ahead.state.advance(5, 1000);
  ahead.state.advance(77, 3);
  ahead.deletes.add({99, 0, 1u << 30});
  writing.name(4, kDay + 6, "ahead", ahead.encode());
  const History history = writing.history();
  EXPECT_EQ(text_of(history, {"v1", std::nullopt}), "draft");
  EXPECT_EQ(text_of(history, {"ahead", std::nullopt}), "ft");
  EXPECT_EQ(history.find({"mine", std::nullopt}).error().code, ErrorCode::kConflict);
  EXPECT_EQ(history.find({"eeee", std::nullopt}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(text_of(history, {"EE01EE", std::nullopt}), "draft") << "by the id of a name";
  EXPECT_FALSE(history.find({"broken", std::nullopt}));
  EXPECT_EQ(history.find({"v2", std::nullopt}).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(history.has_name("v1"));
  EXPECT_EQ(history.names_of(device(4)), 2u);
  const auto list = history.versions(2 * kDay, 100);
  EXPECT_EQ(list.versions.size(), 6u);
  EXPECT_EQ(history.versions(2 * kDay, 2).versions.size(), 2u);
  EXPECT_EQ(history.versions(2 * kDay, 2).more, 4u);
}

TEST(HistoryTest, TheNewestNameOfAVersionStands) {
  Writing writing;
  const Bytes one = crdt::Snapshot().encode();
  crdt::Snapshot later;
  later.deletes.add({9, 0, 1});
  const Bytes two = later.encode();
  const WallMillis moment = kDay;
  // In no order: only clocks count, then devices.
  writing.name(2, kDay + 5, "third", one, moment);
  writing.name(1, kDay + 2, "first", one, moment);
  writing.name(1, kDay + 2, "other snapshot", two, moment);
  writing.name(1, kDay + 2, "other moment", one, moment + 1);
  writing.name(3, kDay + 5, "fourth", one, moment);
  writing.name(2, kDay + 4, "", one, moment);
  const auto names = [&] {
    std::set<std::string> out;
    for (const VersionInfo& version : writing.history().versions(2 * kDay, 100).versions) {
      out.insert(version.name);
    }
    return out;
  };
  EXPECT_EQ(names(), (std::set<std::string>{"fourth", "other snapshot", "other moment"}));
  EXPECT_FALSE(writing.history().has_name("first"));
  EXPECT_EQ(writing.history().name_of(moment, one), "fourth");
  EXPECT_EQ(writing.history().name_of(moment + 2, one), "");
  EXPECT_EQ(writing.history().names_of(device(1)), 3u) << "each record counts for the limit";
  writing.name(1, kDay + 6, "", one, moment);
  EXPECT_EQ(names(), (std::set<std::string>{"other snapshot", "other moment"}));
  writing.name(1, kDay + 7, "first", one, moment);
  EXPECT_TRUE(writing.history().has_name("first")) << "a name comes back";
}

TEST(HistoryTest, ADeviceHasSoManyNames) {
  Writing writing;
  const Bytes snapshot = crdt::Snapshot().encode();
  for (std::size_t i = 0; i <= kNamedVersionsMax; ++i) {
    writing.name(1, kDay + i, "n" + std::to_string(i), snapshot);
  }
  writing.name(2, 2 * kDay, "another", snapshot);
  const History history = writing.history();
  EXPECT_EQ(history.names_of(device(1)), kNamedVersionsMax);
  EXPECT_TRUE(history.has_name("n" + std::to_string(kNamedVersionsMax - 1)));
  EXPECT_FALSE(history.has_name("n" + std::to_string(kNamedVersionsMax)));
  EXPECT_TRUE(history.has_name("another")) << "others' names are not crowded out";
}

TEST(HistoryTest, TheListHasSoManyVersions) {
  crdt::Doc doc({.client_id = 5});
  Writing writing;
  for (std::size_t i = 0; i <= kVersionsListedMax; ++i) {
    writing.write(1, kDay + i * kHour, doc.transact([&] { (void)doc.text("t").insert(i, "x"); }));
  }
  // What lies ahead is not thinned out: a clock that lies must not make the answer grow.
  const History history = writing.history();
  const VersionList list = history.versions(0, ~std::size_t{0});
  EXPECT_EQ(list.versions.size(), kVersionsListedMax);
  EXPECT_EQ(list.more, 1u);
  EXPECT_TRUE(list.versions.front().current);
}

TEST(HistoryTest, TheAnswerHasSoMuchText) {
  for (const std::size_t more : {0u, 1u}) {
    crdt::Doc doc({.client_id = 5});
    Writing writing;
    writing.write(1, kDay, doc.transact([&] {
      (void)doc.text("t").insert(0, std::string(kHistoryAnswerBytesMax + more, 'x'));
    }));
    const History history = writing.history();
    const auto found = history.find({});
    ASSERT_TRUE(found);
    const auto content = history.read(*found);
    const auto blame = history.blame(*found);
    EXPECT_EQ(content.has_value(), more == 0);
    EXPECT_EQ(blame.has_value(), more == 0);
    if (more > 0) {
      EXPECT_EQ(content.error().code, ErrorCode::kLimitExceeded);
      EXPECT_EQ(blame.error().code, ErrorCode::kLimitExceeded);
    }
  }
}

TEST(HistoryTest, TheAnswerHasSoManyRanges) {
  const auto blames = [](std::size_t ranges) {
    crdt::Doc docs[] = {crdt::Doc({.client_id = 5}), crdt::Doc({.client_id = 6})};
    crdt::Doc all({.client_id = 7});
    // Every second character is another's.
    Bytes first = docs[0].transact(
        [&] { (void)docs[0].text("t").insert(0, std::string((ranges + 1) / 2, 'a')); });
    (void)docs[1].apply_update(first);
    Bytes second = docs[1].transact([&] {
      for (std::size_t i = 0; i < ranges / 2; ++i) {
        (void)docs[1].text("t").insert(2 * i + 1, "b");
      }
    });
    Writing writing;
    writing.write(1, kDay, std::move(first));
    writing.write(2, kDay, std::move(second));
    const History history = writing.history();
    return history.blame(*history.find({}));
  };
  const auto most = blames(kHistoryRangesMax);
  ASSERT_TRUE(most);
  EXPECT_EQ(most->ranges.size(), kHistoryRangesMax);
  EXPECT_EQ(blames(kHistoryRangesMax + 1).error().code, ErrorCode::kLimitExceeded);
}

TEST(HistoryTest, WhatNeedsSomethingWrittenLaterIsThereWhenThatIs) {
  crdt::Doc anna({.client_id = 5});
  crdt::Doc ben({.client_id = 6});
  Writing writing;
  const Bytes first = anna.transact([&] { (void)anna.text("t").insert(0, "base"); });
  (void)ben.apply_update(first);
  const Bytes second = ben.transact([&] { (void)ben.text("t").insert(2, "--"); });
  writing.write(1, kDay, first);
  writing.write(2, kHour, second);  // A clock that is wrong.
  const History history = writing.history();
  EXPECT_EQ(text_of(history, at(2 * kHour)), "");
  EXPECT_EQ(text_of(history, at(kDay)), "ba--se");
}

TEST(HistoryTest, XmlIsRestoredAndMapsToo) {
  crdt::Doc doc({.client_id = 5});
  Writing writing;
  crdt::NewType paragraph = crdt::NewType::xml_element("p");
  paragraph.list.push_back(crdt::NewType::xml_text("some words"));
  writing.write(1, kDay, doc.transact([&] {
    (void)doc.xml_fragment("page").insert(0, paragraph);
    (void)doc.map("meta").set("title", "One");
    (void)doc.map("meta").set("kept", true);
  }));
  writing.write(2, kDay + kHour, doc.transact([&] {
    (void)doc.xml_fragment("page").remove(0, 1);
    (void)doc.xml_fragment("page").insert_element(0, "h1");
    (void)doc.map("meta").set("title", "Two");
    (void)doc.map("meta").set("more", 1);
  }));
  History history = writing.history();
  const auto found = history.find(at(kDay));
  ASSERT_TRUE(found);
  const auto content = history.read(*found);
  ASSERT_TRUE(content);
  EXPECT_EQ(content->json, R"({"page":"<p>some words</p>","meta":{"title":"One","kept":true}})");
  const auto diff = history.diff(*found, *history.find({}));
  ASSERT_TRUE(diff);
  std::string told;
  for (const Change& change : diff->changes) {
    told += change.kind == Change::Kind::kInserted ? "+" : "-";
    for (const auto& step : change.path) {
      const auto* name = std::get_if<std::string>(&step);
      told += "/" + (name != nullptr ? *name : std::to_string(std::get<1>(step)));
    }
    told += " " + change.content + "; ";
  }
  EXPECT_EQ(told,
            "+/meta/more 1; -/meta/title \"One\"; +/meta/title \"Two\"; "
            "+/page <h1>; -/page <p>; -/page/0 \"\"; -/page/0/0 some words; ");

  const Restored restored = restore(history.doc(), found->snapshot, 77);
  ASSERT_TRUE(doc.apply_update(restored.edits.update));
  EXPECT_EQ(doc.xml_fragment("page").to_string(), "<p>some words</p>");
  EXPECT_EQ(doc.map("meta").to_json().to_json(), R"({"title":"One","kept":true})");
  EXPECT_FALSE(restored.put_back.empty());
}

TEST(HistoryTest, RestoringWhatIsChangesNothing) {
  crdt::Doc doc({.client_id = 5});
  Writing writing;
  writing.write(1, kDay, doc.transact([&] { (void)doc.text("t").insert(0, "same"); }));
  History history = writing.history();
  const auto found = history.find({});
  EXPECT_TRUE(restore(history.doc(), found->snapshot, 77).edits.update.empty());
}

/// Beside stock Yjs: what it took as snapshots, and made of them.
TEST(HistoryTest, VersionsAreTheSnapshotsThatYjsTakes) {
  std::ifstream in(std::string(COTERIE_SOURCE_DIR) + "/tests/golden/yjs/history.json");
  const auto golden = nlohmann::json::parse(in);
  std::size_t compared = 0;
  for (const auto& session : golden.at("sessions")) {
    if (session.at("gc").get<bool>()) continue;  // What Yjs forgot is in our logs.
    Writing writing;
    WallMillis time = kDay;
    for (const auto& step : session.at("steps")) {
      writing.write(1, ++time, *from_hex(step.at("update").get<std::string>()));
    }
    for (const auto& look : session.at("snapshots")) {
      const std::string snapshot = look.at("v1").get<std::string>();
      writing.name(2, ++time, "step " + look.at("step").dump(), *from_hex(snapshot));
    }
    const History history = writing.history();
    for (const auto& look : session.at("snapshots")) {
      const auto by_time = history.find(at(kDay + look.at("step").get<WallMillis>()));
      const auto by_name = history.find({"step " + look.at("step").dump(), std::nullopt});
      for (const auto* found : {&by_time, &by_name}) {
        ASSERT_TRUE(*found);
        EXPECT_EQ(to_hex((*found)->snapshot.encode()), look.at("v1").get<std::string>());
        const auto content = history.read(**found);
        ASSERT_TRUE(content);
        const auto json = nlohmann::json::parse(content->json);
        EXPECT_EQ(json.value("text", ""), look.at("text").get<std::string>());
        ++compared;
      }
    }
  }
  EXPECT_GT(compared, 5u);
}

// Properties.

/// Of a session of several documents: one update a second.
struct Session {
  explicit Session(testing::Choices& choices) : session(choices, 40) {
    for (std::size_t i = 0; i < session.updates().size(); ++i) {
      writing.write(static_cast<std::uint8_t>(1 + choices.below(3)), kDay + i * kSecond,
                    session.updates()[i]);
    }
  }
  testing::CrdtSession session;
  Writing writing;
};

/// As stock Yjs would be, had it heard nothing more.
crdt::Doc prefix(const testing::CrdtSession& session, std::size_t updates) {
  crdt::Doc doc({.client_id = 1, .gc = false});
  for (std::size_t i = 0; i < updates; ++i) {
    EXPECT_TRUE(doc.apply_update(session.updates()[i]));
  }
  return doc;
}

std::string shown(const crdt::Doc& doc) { return rendering(doc, crdt::take_snapshot(doc)); }

/// Reads alike: marks that say nothing apart.
std::string read_out(crdt::Doc& doc) {
  std::string out;
  for (const crdt::TextRun& run : doc.text("t").to_delta()) {
    const auto* text = std::get_if<std::string>(&run.insert);
    out += text != nullptr ? *text : "<embed>";
    std::map<std::string, std::string> attributes;
    for (const auto& [name, value] : run.attributes) attributes[name] = value.to_json();
    for (const auto& [name, value] : attributes) out += "[" + name + "=" + value + "]";
  }
  return out + testing::by_name(doc.map("m").to_json()).to_json() +
         testing::by_name(doc.array("a").to_json()).to_json();
}

template <typename Body>
void for_each_session(std::uint64_t count, Body body) {
  testing::for_each_seed(count, [&](std::uint64_t seed) {
    if (::testing::Test::HasFailure()) return;
    SCOPED_TRACE("replay: COTERIE_SEED=" + std::to_string(seed) + " ctest -R node.history_test");
    testing::SeededChoices choices(seed);
    Session session(choices);
    body(session, choices);
  });
}

TEST(HistoryPropertyTest, AVersionIsWhatWasHeardByThen) {
  for_each_session(150, [](Session& one, testing::Choices& choices) {
    const History history = one.writing.history();
    const std::size_t count = choices.below(one.session.updates().size() + 1);
    const crdt::Doc wanted = prefix(one.session, count);
    const auto found = history.find(at(kDay + count * kSecond - 1));
    ASSERT_TRUE(found);
    EXPECT_EQ(rendering(history.doc(), found->snapshot), shown(wanted));
    // And as a snapshot, it is Yjs's.
    EXPECT_EQ(found->snapshot.state, wanted.state_vector());
    EXPECT_EQ(found->snapshot, crdt::take_snapshot(wanted));
    const auto doc = crdt::create_doc_from_snapshot(history.doc(), found->snapshot, {.gc = false});
    ASSERT_TRUE(doc);
    EXPECT_EQ(shown(*doc), shown(wanted));
    EXPECT_TRUE(history.read(*found));
  });
}

TEST(HistoryPropertyTest, RestoringGivesTheVersionBack) {
  for_each_session(150, [](Session& one, testing::Choices& choices) {
    History history = one.writing.history();
    const std::size_t count = choices.below(one.session.updates().size() + 1);
    const auto found = history.find(at(kDay + count * kSecond - 1));
    ASSERT_TRUE(found);
    crdt::Doc wanted = prefix(one.session, count);
    const Restored restored = restore(history.doc(), found->snapshot, 77);
    // A stock replica, which collects, takes it as any edit.
    crdt::Doc replica({.client_id = 3});
    for (const Bytes& update : one.session.updates()) ASSERT_TRUE(replica.apply_update(update));
    if (!restored.edits.update.empty()) {
      ASSERT_TRUE(replica.apply_update(restored.edits.update));
    }
    EXPECT_FALSE(replica.has_pending());
    EXPECT_EQ(read_out(replica), read_out(wanted));
    EXPECT_EQ(read_out(history.doc()), read_out(wanted));
  });
}

/// UTF-16, one unit for each element.
std::u16string units_of(const crdt::Doc& doc) {
  std::u16string out;
  const auto now = crdt::take_snapshot(doc);
  const auto root = doc.root("t");
  if (!root) return out;
  for (const auto& piece : crdt::pieces_at(*root, now, now)) {
    if (const auto* text = std::get_if<std::string>(&piece.content)) {
      for (std::size_t i = 0; i < text->size();) {
        const auto byte = static_cast<unsigned char>((*text)[i]);
        const std::size_t bytes = byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
        out += std::u16string(bytes == 4 ? 2 : 1, static_cast<char16_t>(0x100 + byte));
        i += bytes;
      }
    } else if (!std::holds_alternative<crdt::TextMark>(piece.content)) {
      out += u'*';
    }
  }
  return out;
}

TEST(HistoryPropertyTest, ADiffLeadsFromOneToTheOther) {
  for_each_session(150, [](Session& one, testing::Choices& choices) {
    const History history = one.writing.history();
    const std::size_t counts[] = {choices.below(one.session.updates().size() + 1),
                                  choices.below(one.session.updates().size() + 1)};
    const auto from = history.find(at(kDay + counts[0] * kSecond - 1));
    const auto to = history.find(at(kDay + counts[1] * kSecond - 1));
    ASSERT_TRUE(from && to);
    const auto diff = history.diff(*from, *to);
    ASSERT_TRUE(diff);
    std::u16string text = units_of(prefix(one.session, counts[0]));
    const std::u16string wanted = units_of(prefix(one.session, counts[1]));
    const auto of_text = [](const Change& change) {
      return change.path == TypePath{"t"} && change.what != Change::What::kFormat &&
             change.what != Change::What::kEntry;
    };
    for (auto it = diff->changes.rbegin(); it != diff->changes.rend(); ++it) {
      if (of_text(*it) && it->kind == Change::Kind::kDeleted) text.erase(it->from, it->length);
    }
    for (const Change& change : diff->changes) {
      if (!of_text(change) || change.kind != Change::Kind::kInserted) continue;
      ASSERT_LE(change.to, text.size());
      text.insert(change.to, wanted.substr(change.to, change.length));
    }
    EXPECT_EQ(text, wanted);
    for (const Change& change : diff->changes) {
      if (change.what == Change::What::kText) {
        EXPECT_EQ(utf16_length(as_bytes(change.content)), change.length);
      }
    }
    // Nothing differs from itself.
    EXPECT_TRUE(history.diff(*to, *to)->changes.empty());
  });
}

TEST(HistoryPropertyTest, BlameIsTheWholeText) {
  for_each_session(100, [](Session& one, testing::Choices&) {
    const History history = one.writing.history();
    const auto blame = history.blame(*history.find({}));
    ASSERT_TRUE(blame);
    std::string text;
    for (const BlameRange& range : blame->ranges) {
      if (range.path == TypePath{"t"}) text += range.text;
      EXPECT_TRUE(range.by);
    }
    crdt::Doc all = prefix(one.session, one.session.updates().size());
    EXPECT_EQ(text, all.text("t").to_string());
  });
}

TEST(HistoryPropertyTest, TheOrderInWhichEntriesCameDoesNotMatter) {
  for_each_session(50, [](Session& one, testing::Choices& choices) {
    Writing shuffled;
    std::vector<std::size_t> order(one.session.updates().size());
    std::iota(order.begin(), order.end(), 0);
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[choices.below(i)]);
    Writing straight;
    for (std::size_t i = 0; i < order.size(); ++i) {
      straight.write(1, kDay + i * kSecond, one.session.updates()[i]);
    }
    for (const std::size_t i : order) {
      shuffled.write(1, kDay + i * kSecond, one.session.updates()[i]);
    }
    const History a = straight.history();
    const History b = shuffled.history();
    const std::size_t count = choices.below(order.size() + 1);
    const auto x = a.find(at(kDay + count * kSecond - 1));
    const auto y = b.find(at(kDay + count * kSecond - 1));
    ASSERT_TRUE(x && y);
    EXPECT_EQ(x->snapshot, y->snapshot);
    EXPECT_EQ(rendering(a.doc(), x->snapshot), rendering(b.doc(), y->snapshot));
  });
}

}  // namespace
}  // namespace coterie::node
