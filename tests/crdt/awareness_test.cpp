#include "crdt/awareness.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

namespace coterie::crdt {
namespace {

using Json = nlohmann::ordered_json;
using std::chrono::seconds;

constexpr Instant kStart{std::chrono::hours(1)};

Bytes bytes_of(const Json& hex) { return *from_hex(hex.get<std::string>()); }
Any any_of(const Json& json) { return *Any::from_json(json.dump()); }

Json json_of(const AwarenessEvent& event, ClientId peer) {
  Json out = Json::array();
  const auto put = [&](const char* name, const AwarenessChange& change) {
    if (change.empty()) return;
    out.push_back({{"peer", peer},
                   {"name", name},
                   {"added", change.added},
                   {"updated", change.updated},
                   {"removed", change.removed},
                   {"origin", Json::parse(event.origin.to_json())}});
  };
  put("change", event.change);
  put("update", event.update);
  return out;
}

// --- Beside y-protocols --------------------------------------------------------------------------

Json run_step(const Json& step, std::vector<Awareness>& peers, Instant& now) {
  Json events = Json::array();
  const auto note = [&](const AwarenessEvent& event, ClientId peer) {
    for (const Json& one : json_of(event, peer)) events.push_back(one);
  };
  if (step.contains("at")) {
    now = kStart + std::chrono::milliseconds(step.at("at").get<int>());
    for (Awareness& peer : peers) {
      for (const AwarenessEvent& event : peer.handle_timeout(now)) note(event, peer.client_id());
    }
    return events;
  }
  const auto id = step.at("peer").get<ClientId>();
  Awareness& peer = peers[id - 1];
  if (step.contains("set")) note(*peer.set_local_state(now, any_of(step.at("set"))), id);
  if (step.contains("field")) {
    const auto field = step.at("field").get<std::string>();
    note(*peer.set_local_state_field(now, field, any_of(step.at("value"))), id);
  }
  if (step.contains("encode")) {
    const auto clients = step.at("encode").get<std::vector<ClientId>>();
    EXPECT_EQ(clients, peer.clients());
    EXPECT_EQ(to_hex(*peer.encode_update(clients)), step.at("update").get<std::string>());
  }
  if (step.contains("apply")) {
    note(*peer.apply_update(now, bytes_of(step.at("apply")), Any("remote")), id);
  }
  if (step.contains("remove")) {
    const auto clients = step.at("remove").get<std::vector<ClientId>>();
    note(peer.remove_states(now, clients, Any("left")), id);
  }
  if (step.contains("modify")) {
    const auto modified = modify_awareness_update(bytes_of(step.at("modify")), [](Any state) {
      return state.is_null() ? state : Any(Any::Object{{"was", std::move(state)}});
    });
    EXPECT_EQ(to_hex(*modified), step.at("modified").get<std::string>());
  }
  return events;
}

TEST(Awareness, DoesWhatYProtocolsDoes) {
  std::ifstream in(std::string(COTERIE_SOURCE_DIR) + "/tests/golden/yjs/awareness.json");
  const Json golden = Json::parse(in);
  for (const Json& session : golden.at("sessions")) {
    Instant now = kStart;
    std::vector<Awareness> peers;
    for (const ClientId client : {1U, 2U, 3U}) peers.emplace_back(client, now);
    for (const Json& step : session) {
      SCOPED_TRACE(step.dump());
      ASSERT_EQ(run_step(step, peers, now), step.at("events"));
      for (std::size_t i = 0; i < peers.size(); ++i) {
        Json states = Json::array();
        for (const auto& [client, state] : peers[i].states()) {
          states.push_back({client, *peers[i].clock_of(client), state.to_json()});
        }
        ASSERT_EQ(states, step.at("states").at(i)) << "peer " << i + 1;
      }
    }
  }
}

// --- Time ----------------------------------------------------------------------------------------

TEST(Awareness, RenewsItselfAndForgetsTheSilent) {
  Awareness here(1, kStart);
  Awareness there(2, kStart);
  ASSERT_TRUE(there.set_local_state(kStart, Any::Object{{"name", "Ada"}}));
  ASSERT_TRUE(here.apply_update(kStart, there.encode_update()));
  EXPECT_EQ(here.next_deadline(), kStart + kAwarenessRenewal);
  EXPECT_TRUE(here.handle_timeout(kStart + kAwarenessRenewal - Duration(1)).empty());

  auto events = here.handle_timeout(kStart + kAwarenessRenewal);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_TRUE(events[0].change.empty());
  EXPECT_EQ(events[0].update.updated, std::vector<ClientId>{1});
  EXPECT_EQ(here.clock_of(1), 1u);

  EXPECT_EQ(here.next_deadline(), kStart + kAwarenessTimeout);
  events = here.handle_timeout(kStart + kAwarenessTimeout);
  ASSERT_EQ(events.size(), 2u);  // The next renewal is due then, too.
  EXPECT_EQ(events[1].change.removed, std::vector<ClientId>{2});
  EXPECT_EQ(events[1].origin, Any("timeout"));
  EXPECT_TRUE(here.state_of(2).is_null());
  EXPECT_EQ(here.clock_of(2), 1u);  // What it said before is no news.

  ASSERT_TRUE(here.set_local_state(kStart + kAwarenessTimeout, Any::Null()));
  EXPECT_EQ(here.next_deadline(), std::nullopt);
}

// --- What strangers send -------------------------------------------------------------------------

Bytes update_of(std::vector<AwarenessEntry> entries) { return encode_awareness_update(entries); }

ErrorCode refusal(Awareness& awareness, const Bytes& update) {
  const Bytes before = awareness.encode_update();
  const auto result = awareness.apply_update(kStart, update);
  EXPECT_FALSE(result);
  EXPECT_EQ(awareness.encode_update(), before);
  return result ? ErrorCode::kIo : result.error().code;
}

TEST(Awareness, LimitsHoldAtThemAndPastThem) {
  AwarenessLimits limits;
  limits.clients = 3;
  limits.state_bytes = 10;
  limits.total_bytes = 24;
  Awareness awareness(1, kStart, limits);

  const std::string largest = "\"12345678\"";
  ASSERT_TRUE(awareness.apply_update(kStart, update_of({{2, 1, largest}})));
  EXPECT_EQ(refusal(awareness, update_of({{2, 2, "\"123456789\""}})), ErrorCode::kLimitExceeded);
  // Ten bytes that JSON.stringify would write as twenty-one.
  EXPECT_EQ(refusal(awareness, update_of({{2, 2, "1e20      "}})), ErrorCode::kLimitExceeded);

  // 2 ("{}") + 10 + 10 + 2.
  ASSERT_TRUE(awareness.apply_update(kStart, update_of({{3, 1, largest}, {4, 1, "{}"}})));
  EXPECT_EQ(awareness.client_count(), 4u);  // Three others and the own one.
  EXPECT_EQ(refusal(awareness, update_of({{4, 2, "[1]"}})), ErrorCode::kLimitExceeded);
  EXPECT_FALSE(awareness.set_local_state(kStart, Any("1")));
  // What is replaced in the same update makes room.
  ASSERT_TRUE(awareness.apply_update(kStart, update_of({{3, 2, "{}"}, {4, 2, "[1]"}})));

  EXPECT_EQ(refusal(awareness, update_of({{5, 1, "1"}})), ErrorCode::kLimitExceeded);
  ASSERT_TRUE(awareness.apply_update(kStart, update_of({{4, 3, "null"}, {5, 1, "1"}})));
  EXPECT_EQ(refusal(awareness,
                    update_of({{6, 1, "null"}, {7, 1, "null"}, {8, 1, "null"}, {9, 1, "null"}})),
            ErrorCode::kLimitExceeded);  // Entries in one update.
}

TEST(Awareness, RemembersClocksOfAsManyWhoLeft) {
  AwarenessLimits limits;
  limits.clients = 3;
  Awareness awareness(1, kStart, limits);
  for (ClientId client = 10; client < 20; ++client) {
    const Instant now = kStart + seconds(client);
    ASSERT_TRUE(awareness.apply_update(now, update_of({{client, 5, "{}"}})));
    ASSERT_TRUE(awareness.apply_update(now, update_of({{client, 5, "null"}})));
  }
  EXPECT_EQ(awareness.clock_of(16), std::nullopt);
  EXPECT_EQ(awareness.clock_of(17), 5u);
  EXPECT_EQ(awareness.client_count(), 1u);
}

TEST(Awareness, RefusesWhatIsMalformed) {
  Awareness awareness(1, kStart);
  for (const char* const hex : {"", "01", "0102", "010201", "01020105", "01020102", "0102010161",
                                "0000", "010201027b", "010201027b7b", "01020102c328"}) {
    EXPECT_EQ(refusal(awareness, *from_hex(hex)), ErrorCode::kMalformed) << hex;
  }
  std::string deep(2 * kAnyDepthMax + 2, ']');
  std::fill_n(deep.begin(), kAnyDepthMax + 1, '[');
  EXPECT_EQ(refusal(awareness, update_of({{2, 1, deep}})), ErrorCode::kLimitExceeded);
  EXPECT_FALSE(awareness.set_local_state(kStart, Any("\xff")));
  EXPECT_FALSE(awareness.encode_update(std::vector<ClientId>{7}));
}

TEST(Awareness, NobodyElseSilencesUs) {
  Awareness awareness(1, kStart);
  const auto event = awareness.apply_update(kStart, update_of({{1, 41, "null"}}));
  ASSERT_TRUE(event);
  EXPECT_FALSE(awareness.local_state().is_null());
  EXPECT_EQ(awareness.clock_of(1), 42u);
  EXPECT_EQ(event->update.clients(), std::vector<ClientId>{1});  // So that the others hear of it.

  // A clock at the end of numbers stays there: what we send is still what others can read.
  ASSERT_TRUE(awareness.apply_update(kStart, update_of({{1, kSafeIntegerMax, "null"}})));
  ASSERT_TRUE(awareness.set_local_state(kStart, Any::Object{}));
  const auto sent = decode_awareness_update(awareness.encode_update());
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->at(0), (AwarenessEntry{1, kSafeIntegerMax, "{}"}));
}

}  // namespace
}  // namespace coterie::crdt
