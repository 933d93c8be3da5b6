// Convergence, exhaustively: every small session, delivered in every way.
//
// A session is a base that all know, and then edits by two or three clients, each drawn from a
// list; between its edits a client may or may not have heard the others. AllChoices visits every
// session. Each is then delivered in every order, causal or not, with every duplicate, merged in
// every way, and cut by every state vector that occurs. All replicas must end alike: same vector,
// same values, same bytes of state. The number of cases is asserted, so that none can be skipped in
// silence.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "crdt/base/utf16.hpp"
#include "crdt/doc.hpp"
#include "crdt/update.hpp"
#include "tests/support/choices.hpp"

namespace coterie::crdt {
namespace {

using testing::AllChoices;

using Edit = void (*)(Doc&);

/// What a family of sessions is made of.
struct Family {
  const char* name;
  /// What all clients hold before the session.
  Edit base;
  /// What one edit may be.
  std::vector<Edit> edits;
  bool has_formatting = false;
};

Doc fresh(ClientId client) { return Doc({.client_id = client}); }

void deliver(Doc& doc, ByteView update) {
  const auto applied = doc.apply_update(update);
  ASSERT_TRUE(applied.has_value()) << to_string(applied.error());
}

// --- Families
// -------------------------------------------------------------------------------------

std::uint64_t clamp(std::uint64_t index, std::uint64_t size) { return std::min(index, size); }

/// The index, or the end if it is past that, or the one after it if it is inside a pair.
std::uint64_t clamp(std::uint64_t index, const Text& text) {
  const std::uint64_t at = clamp(index, text.size());
  const std::string content = text.to_string();
  return utf16_position(as_bytes(content), static_cast<std::uint32_t>(at)).inside_pair ? at + 1
                                                                                       : at;
}

void text_insert(Doc& doc, std::uint64_t index, std::string_view word) {
  Text text = doc.text("t");
  ASSERT_TRUE(text.insert(clamp(index, text), word).has_value());
}
void text_remove(Doc& doc, std::uint64_t index, std::uint64_t count) {
  Text text = doc.text("t");
  const std::uint64_t at = clamp(index, text);
  ASSERT_TRUE(text.remove(at, clamp(at + count, text) - at).has_value());
}
void text_format(Doc& doc, std::uint64_t index, std::uint64_t count, const char* name, Any value) {
  Text text = doc.text("t");
  const std::uint64_t at = clamp(index, text);
  const std::uint64_t end = clamp(at + count, text);
  ASSERT_TRUE(text.format(at, end - at, {{name, std::move(value)}}).has_value());
}

Family plain_text() {
  return {"PlainText",
          [](Doc& doc) { text_insert(doc, 0, "abcd"); },
          {
              [](Doc& doc) { text_insert(doc, 2, "xy"); },
              [](Doc& doc) { text_remove(doc, 1, 2); },
              [](Doc& doc) { text_insert(doc, 99, "\xf0\x9f\x98\x80"); },
              [](Doc& doc) { text_insert(doc, 0, "12"); },
              [](Doc& doc) { text_remove(doc, 0, 99); },
          }};
}

Family formatted_text() {
  return {"FormattedText",
          [](Doc& doc) {
            text_insert(doc, 0, "abcd");
            text_format(doc, 1, 2, "bold", true);
          },
          {
              [](Doc& doc) { text_format(doc, 0, 3, "bold", true); },
              [](Doc& doc) { text_format(doc, 1, 2, "bold", Any::Null{}); },
              [](Doc& doc) { text_format(doc, 1, 99, "color", "red"); },
              [](Doc& doc) { text_insert(doc, 2, "x"); },
              [](Doc& doc) { text_remove(doc, 1, 2); },
          },
          true};
}

Family map() {
  return {"Map",
          [](Doc& doc) { ASSERT_TRUE(doc.map("m").set("k", 1).has_value()); },
          {
              [](Doc& doc) { ASSERT_TRUE(doc.map("m").set("k", "two").has_value()); },
              [](Doc& doc) { ASSERT_TRUE(doc.map("m").set("other", 3).has_value()); },
              [](Doc& doc) { ASSERT_TRUE(doc.map("m").remove("k").has_value()); },
              [](Doc& doc) {
                auto array = doc.map("m").set_array("k");
                ASSERT_TRUE(array.has_value());
                ASSERT_TRUE(array->push("inside").has_value());
              },
          }};
}

Family array() {
  return {
      "Array",
      [](Doc& doc) {
        ASSERT_TRUE(doc.array("a").insert(0, Any::Array{Any(1), Any("b"), Any(true)}).has_value());
      },
      {
          [](Doc& doc) {
            ASSERT_TRUE(doc.array("a").insert(0, Any::Array{Any(0), Any(0.5)}).has_value());
          },
          [](Doc& doc) { ASSERT_TRUE(doc.array("a").push("end").has_value()); },
          [](Doc& doc) {
            Array array = doc.array("a");
            const std::uint64_t at = clamp(1, array.size());
            ASSERT_TRUE(
                array.remove(at, std::min<std::uint64_t>(2, array.size() - at)).has_value());
          },
          [](Doc& doc) {
            auto text = doc.array("a").insert_text(clamp(2, doc.array("a").size()));
            ASSERT_TRUE(text.has_value());
            ASSERT_TRUE(text->insert(0, "in").has_value());
          },
      }};
}

/// The types that the base of nested() made, as this replica sees them; stale ones do nothing.
void in_inner_text(Doc& doc, const std::function<void(Text&)>& edit) {
  const auto value = doc.map("m").get("inner");
  if (!value) return;
  const auto* type = std::get_if<SharedType>(&*value);
  if (type == nullptr || type->kind() != TypeKind::kText) return;
  Text text = type->as_text();
  edit(text);
}

Family nested() {
  return {"NestedTypes",
          [](Doc& doc) {
            auto text = doc.map("m").set_text("inner");
            ASSERT_TRUE(text.has_value());
            ASSERT_TRUE(text->insert(0, "abc").has_value());
            auto list = doc.array("a").insert_map(0);
            ASSERT_TRUE(list.has_value());
            ASSERT_TRUE(list->set_array("deep").has_value());
          },
          {
              [](Doc& doc) {
                in_inner_text(doc,
                              [](Text& text) { ASSERT_TRUE(text.insert(1, "+").has_value()); });
              },
              [](Doc& doc) {
                in_inner_text(doc, [](Text& text) {
                  ASSERT_TRUE(text.remove(0, std::min<std::uint64_t>(1, text.size())).has_value());
                });
              },
              [](Doc& doc) { ASSERT_TRUE(doc.map("m").remove("inner").has_value()); },
              [](Doc& doc) {
                auto text = doc.map("m").set_text("inner");
                ASSERT_TRUE(text.has_value());
                ASSERT_TRUE(text->insert(0, "new").has_value());
              },
              [](Doc& doc) {
                Array outer = doc.array("a");
                const std::uint64_t count = std::min<std::uint64_t>(1, outer.size());
                ASSERT_TRUE(outer.remove(0, count).has_value());
              },
          }};
}

// --- Sessions
// -------------------------------------------------------------------------------------

/// A replica on the way: what it held, as its state.
struct Halt {
  StateVector vector;
  Bytes state;
};

struct Session {
  /// The base, then the edits that changed something, in a causal order.
  std::vector<Bytes> updates;
  std::vector<Halt> halts;
  std::string story;
};

Halt halt(const Doc& doc) { return {doc.state_vector(), doc.encode_state_as_update()}; }

/// How many of the edits a round draws from: after the first one three, to bound the cases.
std::uint64_t choices_in(const Family& family, int round) {
  return round == 0 ? family.edits.size() : 3;
}

/// Each of `clients` makes `rounds` edits; before every one but its first it hears all or nothing.
Session play(AllChoices& choices, const Family& family, std::size_t clients, int rounds) {
  Session session;
  Doc base = fresh(1);
  session.updates.push_back(base.transact([&] { family.base(base); }));
  session.halts = {halt(fresh(1)), halt(base)};
  std::vector<Doc> docs;
  for (std::size_t i = 0; i < clients; ++i) {
    docs.push_back(fresh(10 + i));
    deliver(docs.back(), session.updates[0]);
  }
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < clients; ++i) {
      Doc& doc = docs[i];
      if (round > 0 && choices.below(2) == 1) {
        // A new document, whose roots are not known while it hears: formatting cleaned up on
        // hearing would be an edit that the session does not tell.
        doc = fresh(10 + i);
        for (const Bytes& update : session.updates) deliver(doc, update);
        session.story += " hears";
      }
      const std::uint64_t which = choices.below(choices_in(family, round));
      session.story += " " + std::to_string(i) + ":" + std::to_string(which);
      Bytes update = doc.transact([&] { family.edits[which](doc); });
      if (!update.empty()) session.updates.push_back(std::move(update));
      session.halts.push_back(halt(doc));
    }
  }
  return session;
}

// --- Endings
// --------------------------------------------------------------------------------------

/// How a replica ended.
struct Ending {
  Bytes state;
  StateVector vector;
  std::string values;

  bool operator==(const Ending&) const = default;
};

/// Members in the order of their names: the order of a map's keys differs by replica, as in Yjs.
Any sorted(const Any& value) {
  if (const auto* list = value.get_if<Any::Array>()) {
    Any::Array out;
    for (const Any& each : *list) out.push_back(sorted(each));
    return out;
  }
  if (const auto* object = value.get_if<Any::Object>()) {
    Any::Object out;
    for (const auto& [name, each] : *object) out.emplace_back(name, sorted(each));
    std::sort(out.begin(), out.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    return out;
  }
  return value;
}

std::string values_of(Doc& doc) {
  std::string out = sorted(doc.map("m").to_json()).to_json() + doc.array("a").to_json().to_json();
  for (const TextRun& run : doc.text("t").to_delta()) {
    if (const auto* text = std::get_if<std::string>(&run.insert)) out += "|" + *text;
    if (!run.attributes.empty()) out += sorted(run.attributes).to_json();
  }
  return out;
}

Ending ending_of(Doc& doc) {
  EXPECT_FALSE(doc.has_pending());
  // The bytes first: asking for a root makes it, and decides what it is.
  Ending ending{doc.encode_state_as_update(), doc.state_vector(), {}};
  ending.values = values_of(doc);
  return ending;
}

std::string told(const Ending& ending) {
  return ending.values + "\n" + to_hex(ending.state) + "\n";
}

/// What a replica is, which may decide how it ends.
struct Kind {
  const char* name;
  bool gc;
  /// Its roots are known before anything arrives: formatting is cleaned up.
  bool typed;
};
constexpr Kind kUntyped{"untyped", true, false};
constexpr Kind kTyped{"typed", true, true};
constexpr Kind kKeeping{"keeping", false, false};

Doc replica(const Kind& kind) {
  Doc doc({.client_id = 99, .gc = kind.gc});
  if (kind.typed) {
    (void)doc.text("t");
    (void)doc.map("m");
    (void)doc.array("a");
  }
  return doc;
}

/// The yardstick: delivery in the order in which things happened.
Ending in_order(const Session& session, const Kind& kind) {
  Doc doc = replica(kind);
  for (const Bytes& update : session.updates) deliver(doc, update);
  return ending_of(doc);
}

// --- Counting
// -------------------------------------------------------------------------------------

std::uint64_t factorial(std::size_t n) {
  std::uint64_t product = 1;
  for (std::size_t i = 2; i <= n; ++i) product *= i;
  return product;
}

/// Binary trees with n leaves.
std::uint64_t catalan(std::size_t n) {
  if (n < 2) return 1;
  std::uint64_t sum = 0;
  for (std::size_t left = 1; left < n; ++left) sum += catalan(left) * catalan(n - left);
  return sum;
}

struct Tally {
  std::uint64_t sessions = 0;
  std::uint64_t cases = 0;
  std::uint64_t expected = 0;
};

/// Calls `each(order)` for every order of the session's updates.
template <typename Each>
void for_every_order(const Session& session, Each each) {
  std::vector<std::size_t> order(session.updates.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  do {
    each(std::as_const(order));
  } while (std::next_permutation(order.begin(), order.end()));
}

std::string told(const std::vector<std::size_t>& order) {
  std::string text;
  for (const std::size_t i : order) text += " " + std::to_string(i);
  return text;
}

Bytes merged(std::span<const Bytes> updates) {
  auto all = merge_updates(updates);
  EXPECT_TRUE(all.has_value());
  return all ? *std::move(all) : Bytes();
}

// --- Ways of delivery
// -----------------------------------------------------------------------------

void every_order(const Session& session, const Kind& kind, Tally& tally) {
  const Ending expected = in_order(session, kind);
  tally.expected += factorial(session.updates.size());
  for_every_order(session, [&](const auto& order) {
    Doc doc = replica(kind);
    for (const std::size_t i : order) deliver(doc, session.updates[i]);
    const Ending ending = ending_of(doc);
    ++tally.cases;
    ASSERT_EQ(ending, expected) << kind.name << session.story << ", order" << told(order) << "\n"
                                << told(ending) << told(expected);
  });
}

/// Formatting clean-up is an edit that a replica makes by itself, and says so in the update that it
/// reports. It takes marks that nothing shows at that time, though what is yet to come may lie
/// between them: in stock Yjs, too, what is formatted in the end depends on the order of delivery.
/// Replicas are alike when each has heard what the others cleaned up.
void every_order_cleaning_up(const Session& session, Tally& tally) {
  tally.expected += factorial(session.updates.size());
  std::vector<Doc> docs;
  std::vector<Bytes> said;
  for_every_order(session, [&](const auto& order) {
    Doc& doc = docs.emplace_back(replica(kTyped));
    for (const std::size_t i : order) {
      auto applied = doc.apply_update(session.updates[i]);
      ASSERT_TRUE(applied.has_value());
      if (applied->changed) said.push_back(std::move(applied->update));
    }
    ++tally.cases;
  });
  const Bytes all = merged(said);
  deliver(docs.front(), all);
  const Ending first = ending_of(docs.front());
  for (Doc& doc : docs) {
    deliver(doc, all);
    const Ending ending = ending_of(doc);
    ASSERT_EQ(ending, first) << session.story << "\n" << told(ending) << told(first);
  }
}

/// In every order, one update comes again at every later place.
void every_duplicate(const Session& session, Tally& tally) {
  const Ending expected = in_order(session, kUntyped);
  const std::size_t count = session.updates.size();
  tally.expected += factorial(count) * count * (count + 1) / 2;
  for_every_order(session, [&](const auto& order) {
    for (std::size_t again = 0; again < count; ++again) {
      for (std::size_t after = again; after < count; ++after) {
        Doc doc = replica(kUntyped);
        for (std::size_t i = 0; i < count; ++i) {
          deliver(doc, session.updates[order[i]]);
          if (i == after) deliver(doc, session.updates[order[again]]);
        }
        ++tally.cases;
        const Ending ending = ending_of(doc);
        ASSERT_EQ(ending, expected) << session.story << ", order" << told(order) << ", " << again
                                    << " again after " << after << "\n"
                                    << told(ending) << told(expected);
      }
    }
  });
}

/// All merges of `updates`, in this order, as binary trees.
std::vector<Bytes> merge_trees(std::span<const Bytes> updates) {
  if (updates.size() == 1) return {updates[0]};
  std::vector<Bytes> all;
  for (std::size_t left = 1; left < updates.size(); ++left) {
    const std::vector<Bytes> rights = merge_trees(updates.subspan(left));
    for (const Bytes& a : merge_trees(updates.first(left))) {
      for (const Bytes& b : rights) {
        const Bytes pair[] = {a, b};
        all.push_back(merged(pair));
      }
    }
  }
  return all;
}

/// In every order, every way of bracketing the merge; and every way of merging runs of neighbours
/// and delivering what that gives one by one.
void every_merge(const Session& session, Tally& tally) {
  const Ending expected = in_order(session, kUntyped);
  const std::size_t count = session.updates.size();
  tally.expected += factorial(count) * (catalan(count) + (std::uint64_t{1} << (count - 1)));
  for_every_order(session, [&](const auto& order) {
    std::vector<Bytes> updates;
    for (const std::size_t i : order) updates.push_back(session.updates[i]);
    for (const Bytes& whole : merge_trees(updates)) {
      Doc doc = replica(kUntyped);
      deliver(doc, whole);
      ++tally.cases;
      ASSERT_EQ(ending_of(doc), expected) << session.story << ", order" << told(order);
      const auto vector = state_vector_from_update(whole);
      ASSERT_TRUE(vector.has_value());
      ASSERT_EQ(*vector, expected.vector) << session.story << ", order" << told(order);
    }
    for (std::size_t cuts = 0; cuts < (std::size_t{1} << (count - 1)); ++cuts) {
      Doc doc = replica(kUntyped);
      for (std::size_t from = 0; from < count;) {
        std::size_t to = from + 1;
        while (to < count && ((cuts >> (to - 1)) & 1) == 0) ++to;
        deliver(doc, merged(std::span(updates).subspan(from, to - from)));
        from = to;
      }
      ++tally.cases;
      ASSERT_EQ(ending_of(doc), expected)
          << session.story << ", order" << told(order) << ", cuts " << cuts;
    }
  });
}

/// Every replica on the way is brought up to date by a diff against its vector: of the whole as
/// merged bytes in every order, and of a document.
void every_diff(const Session& session, Tally& tally) {
  const Ending expected = in_order(session, kUntyped);
  tally.expected += session.halts.size() * (factorial(session.updates.size()) + 1);
  const auto catch_up = [&](const Halt& behind, ByteView diff) {
    Doc doc = replica(kUntyped);
    deliver(doc, behind.state);
    deliver(doc, diff);
    ++tally.cases;
    const Ending ending = ending_of(doc);
    ASSERT_EQ(ending, expected) << session.story << "\n" << told(ending) << told(expected);
  };
  Doc whole = replica(kUntyped);
  for (const Bytes& update : session.updates) deliver(whole, update);
  for (const Halt& behind : session.halts) {
    catch_up(behind, whole.encode_state_as_update(behind.vector));
  }
  for_every_order(session, [&](const auto& order) {
    std::vector<Bytes> updates;
    for (const std::size_t i : order) updates.push_back(session.updates[i]);
    const Bytes all = merged(updates);
    for (const Halt& behind : session.halts) {
      const auto diff = diff_update(all, behind.vector);
      ASSERT_TRUE(diff.has_value());
      catch_up(behind, *diff);
    }
  });
}

// --- The tests
// ------------------------------------------------------------------------------------

std::vector<Family> families() {
  return {plain_text(), formatted_text(), map(), array(), nested()};
}

class Convergence : public ::testing::TestWithParam<Family> {
 protected:
  /// Runs `check` on every session of that many clients and rounds of edits.
  template <typename Check>
  void for_every_session(std::size_t clients, int rounds, Check check) {
    AllChoices choices;
    Tally tally;
    while (choices.next()) {
      const Session session = play(choices, GetParam(), clients, rounds);
      ++tally.sessions;
      check(session, tally);
      if (HasFatalFailure() || HasNonfatalFailure()) return;
    }
    std::uint64_t sessions = 1;
    for (int round = 0; round < rounds; ++round) {
      for (std::size_t i = 0; i < clients; ++i) {
        sessions *= choices_in(GetParam(), round) * (round > 0 ? 2 : 1);
      }
    }
    EXPECT_EQ(tally.sessions, sessions);
    EXPECT_EQ(tally.cases, tally.expected);
    EXPECT_GT(tally.cases, tally.sessions);
    RecordProperty("sessions", std::to_string(tally.sessions));
    RecordProperty("cases", std::to_string(tally.cases));
  }
};

TEST_P(Convergence, TwoClientsOfTwoEditsInEveryOrder) {
  for_every_session(
      2, 2, [](const Session& session, Tally& tally) { every_order(session, kUntyped, tally); });
}

TEST_P(Convergence, ThreeClientsInEveryOrder) {
  for_every_session(3, 1, [](const Session& session, Tally& tally) {
    every_order(session, kUntyped, tally);
    every_order(session, kKeeping, tally);
  });
}

TEST_P(Convergence, FormattingCleanedUpInEveryOrder) {
  for_every_session(3, 1, every_order_cleaning_up);
  if (GetParam().has_formatting) for_every_session(2, 2, every_order_cleaning_up);
}

TEST_P(Convergence, ThreeClientsWithEveryDuplicate) { for_every_session(3, 1, every_duplicate); }

TEST_P(Convergence, ThreeClientsMergedInEveryWay) { for_every_session(3, 1, every_merge); }

TEST_P(Convergence, ThreeClientsBroughtUpToDateFromEveryVector) {
  for_every_session(3, 1, every_diff);
}

INSTANTIATE_TEST_SUITE_P(Families, Convergence, ::testing::ValuesIn(families()),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace coterie::crdt
