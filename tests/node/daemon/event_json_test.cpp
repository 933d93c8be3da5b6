// The messages of the events WebSocket: the examples in tests/golden/events, and what is refused.
// With COTERIE_REMAKE_GOLDEN=1 the examples of what the node says are written anew.

#include "node/daemon/event_json.hpp"
#include "node/daemon/token.hpp"

#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>

#include <gtest/gtest.h>

#include "node/core/limits.hpp"
#include "transport/crypto/crypto.hpp"

namespace coterie::node {
namespace {

using nlohmann::json;

const std::string kFolder = std::string(COTERIE_SOURCE_DIR) + "/tests/golden/events/";

template <typename Id>
Id id_of(std::uint8_t byte) {
  Id id;
  id.bytes.fill(byte);
  return id;
}

const Hash kHash = id_of<Hash>(0xab);
const DeviceId kDevice = id_of<DeviceId>(0xcd);
const DeviceId kOther = id_of<DeviceId>(0xef);
constexpr std::uint64_t kTime = 0x0190a5c4b2000000;

std::string file_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

json client_example(const std::string& type) {
  return json::parse(file_text(kFolder + "client/" + type + ".json"));
}

template <typename What>
What read_as(const json& message) {
  std::string id;
  auto request = read_event(message.dump(), id);
  EXPECT_TRUE(request) << message;
  if (!request) return {};
  EXPECT_EQ(request->type, message.at("type"));
  EXPECT_EQ(request->id, message.value("id", ""));
  EXPECT_EQ(id, request->id);
  EXPECT_TRUE(std::holds_alternative<What>(request->what)) << message;
  if (!std::holds_alternative<What>(request->what)) return {};
  return std::get<What>(std::move(request->what));
}

ErrorCode refusal(const json& message) {
  std::string id;
  const auto request = read_event(message.dump(), id);
  EXPECT_FALSE(request) << message;
  return request ? ErrorCode::kIo : request.error().code;
}

json with(json message, const json& changes) {
  message.merge_patch(changes);
  return message;
}

std::string long_text(std::size_t bytes) { return std::string(bytes, 'x'); }

/// `at` is accepted, one more is not.
void expect_limit(const std::string& type, const json::json_pointer& member, std::size_t at) {
  json message = client_example(type);
  std::string id;
  message[member] = long_text(at);
  EXPECT_TRUE(read_event(message.dump(), id)) << type << member;
  message[member] = long_text(at + 1);
  EXPECT_EQ(refusal(message), ErrorCode::kLimitExceeded) << type << member;
}

TEST(EventJson, ReadsWhatClientsSay) {
  const auto join = read_as<WatchOptions>(client_example("join_session"));
  EXPECT_EQ(join.id, "3f2a");
  EXPECT_EQ(join.name, "Ada");
  EXPECT_EQ(join.color, "#1d4ed8");
  EXPECT_TRUE(join.shown);

  const auto cursor = read_as<PresenceUpdate>(client_example("cursor_update"));
  EXPECT_EQ(cursor.cursor, R"({"anchor":3,"head":9})");
  const auto presence = read_as<PresenceUpdate>(client_example("presence_update"));
  EXPECT_EQ(presence.activeness, Activeness::kIdle);
  EXPECT_EQ(presence.typing, false);
  EXPECT_EQ(presence.file, "src/main.cpp");
  EXPECT_EQ(presence.viewport, (Participant::Lines{10, 52}));
  EXPECT_EQ(presence.following, "77c1");
  EXPECT_FALSE(presence.cursor);

  const auto chat = read_as<PostMessage>(client_example("chat_message"));
  EXPECT_EQ(chat.message.text, "hello @Alan");
  EXPECT_EQ(chat.message.mentions, std::vector<DeviceId>{kDevice});
  EXPECT_EQ(chat.message.reply, kHash);
  const auto comment = read_as<PostMessage>(client_example("add_comment"));
  ASSERT_TRUE(comment.range);
  EXPECT_EQ(comment.range->root, "monaco");
  EXPECT_EQ(comment.range->from, 18u);
  EXPECT_EQ(comment.range->to, 25u);
  EXPECT_EQ(comment.message.suggestion, "4");
  const auto lines = read_as<PostMessage>(client_example("code_comment"));
  EXPECT_EQ(lines.message.anchor, (Anchor{"for (;;)", LineAnchor{7, 9}}));
  EXPECT_FALSE(lines.range);
  EXPECT_EQ(read_as<PostMessage>(client_example("reply")).message.thread, kHash);

  const auto change = read_as<AmendMessage>(client_example("message_update")).change;
  EXPECT_EQ(change.target, kHash);
  EXPECT_EQ(change.what, Amendment::kReact);
  EXPECT_EQ(change.text, "\U0001f44d");
  const auto mark = read_as<MarkRead>(client_example("mark_read"));
  EXPECT_EQ(mark.kind, RoomLane::Kind::kChat);
  EXPECT_EQ(mark.seen, (RoomMoment{kTime, kHash}));
  const auto page = read_as<RoomQuery>(client_example("room_page"));
  EXPECT_EQ(page.kind, RoomLane::Kind::kThread);
  EXPECT_EQ(page.thread, kHash);
  EXPECT_EQ(page.before, (RoomMoment{kTime, kHash}));
  EXPECT_EQ(page.limit, 50u);
  const auto word = read_as<SetState>(client_example("session_update")).word;
  EXPECT_EQ(word.what, StateWord::What::kSet);
  EXPECT_EQ(word.key, "build");
  EXPECT_EQ(word.value, R"({"state":"green"})");
  EXPECT_EQ(read_as<TokenShown>(client_example("renew_token")).token.substr(0, 3), "eyJ");
}

TEST(EventJson, ReadsTheOtherFormsOfThem) {
  const json comment = client_example("add_comment");
  const auto by_line =
      read_as<PostMessage>(with(comment, {{"range", nullptr}, {"lines", {{"first", 3}}}}));
  EXPECT_EQ(by_line.message.anchor, (Anchor{"", LineAnchor{3, 3}}));
  const json selected = {{"root", "default"}, {"start", "AAcFAA"}, {"end", "AAcKfw"}};
  json rich = comment;
  rich["range"] = selected;
  const auto by_position = read_as<PostMessage>(rich);
  EXPECT_FALSE(by_position.range);
  ASSERT_TRUE(by_position.positions);
  EXPECT_EQ(by_position.positions->root, "default");
  EXPECT_EQ(by_position.positions->start, (Bytes{0, 7, 5, 0}));
  EXPECT_EQ(by_position.positions->end, (Bytes{0, 7, 10, 127}));
  EXPECT_FALSE(by_position.positions->quote);
  rich["quote"] = "she";
  EXPECT_EQ(read_as<PostMessage>(rich).positions->quote, "she");
  const json word = client_example("session_update");
  const auto count = read_as<SetState>(with(word, {{"value", nullptr}, {"count", -3}})).word;
  EXPECT_EQ(count.what, StateWord::What::kCount);
  EXPECT_EQ(count.value, "-3");
  const auto removed = read_as<SetState>(with(word, {{"value", nullptr}})).word;
  EXPECT_EQ(removed.what, StateWord::What::kRemove);
  json null = word;
  null["value"] = nullptr;
  EXPECT_EQ(read_as<SetState>(null).word.value, "null");
  json no_cursor = client_example("cursor_update");
  no_cursor["cursor"] = nullptr;
  EXPECT_EQ(read_as<PresenceUpdate>(no_cursor).cursor, "");
  EXPECT_EQ(read_as<WatchOptions>({{"type", "join_session"}, {"user", json::object()}}).id, "");
  // Members that nobody knows are ignored.
  read_as<PostMessage>(with(client_example("chat_message"), {{"colour", 5}}));
  // Each change there is.
  for (const char* change :
       {"edit", "delete", "react", "unreact", "resolve", "reopen", "accept", "dismiss"}) {
    const json message = with(client_example("message_update"), {{"change", change}});
    EXPECT_STREQ(amendment_name(read_as<AmendMessage>(message).change.what), change);
  }
}

TEST(EventJson, RefusesWhatIsMalformed) {
  std::string id;
  for (const char* text : {"", "x", "[]", "5", "\"join_session\"", "{", "{\"type\":5}", "{}",
                           "{\"type\":\"unknown\"}", "{\"type\":\"\"}"}) {
    const auto request = read_event(text, id);
    ASSERT_FALSE(request) << text;
    EXPECT_EQ(request.error().code, ErrorCode::kMalformed) << text;
  }
  const std::string deep = "{\"type\":\"cursor_update\",\"cursor\":" + std::string(100'000, '[') +
                           std::string(100'000, ']') + "}";
  EXPECT_FALSE(read_event(deep, id));

  const std::vector<std::pair<const char*, json>> changes{
      {"join_session", {{"user", nullptr}}},
      {"join_session", {{"user", {{"color", "red"}}}}},
      {"join_session", {{"user", {{"color", "#1d4ed"}}}}},
      {"join_session", {{"user", {{"name", 5}}}}},
      {"join_session", {{"shown", "yes"}}},
      {"join_session", {{"id", 5}}},
      {"cursor_update", {{"cursor", nullptr}}},  // merge_patch: taken away.
      {"presence_update", {{"status", "busy"}}},
      {"presence_update", {{"typing", 1}}},
      {"presence_update", {{"viewport", {{"first", 0}}}}},
      {"presence_update", {{"viewport", {{"first", 60}}}}},
      {"chat_message", {{"text", nullptr}}},
      {"chat_message", {{"mentions", {"abc"}}}},
      {"chat_message", {{"mentions", {{"a", 1}}}}},
      {"chat_message", {{"reply", "abcd"}}},
      {"add_comment", {{"range", nullptr}}},
      {"add_comment", {{"range", {{"from", 25}}}}},
      {"add_comment", {{"range", {{"from", -1}}}}},
      {"add_comment", {{"range", {{"from", 1.5}}}}},
      {"add_comment", {{"range", {{"start", "AAcFAA"}}}}},
      {"add_comment", {{"range", {{"end", "AAcFAA"}}}}},
      {"add_comment", {{"range", {{"start", "AAcFAA=="}, {"end", "AAcFAA"}}}}},
      {"add_comment", {{"range", {{"start", "AAcFAA"}, {"end", "a b"}}}}},
      {"add_comment", {{"range", {{"start", 5}, {"end", "AAcFAA"}}}}},
      {"add_comment", {{"range", {{"start", "AAcFAA"}, {"end", "AAcFAA"}}}, {"quote", 5}}},
      {"code_comment", {{"lines", {{"first", 0}}}}},
      {"code_comment", {{"lines", {{"last", 6}}}}},
      {"reply", {{"thread", nullptr}}},
      {"message_update", {{"change", "shout"}}},
      {"message_update", {{"text", nullptr}}},
      {"message_update", {{"message", "zz"}}},
      {"mark_read", {{"lane", "thread"}}},
      {"mark_read", {{"lane", "attic"}}},
      {"mark_read", {{"moment", "00"}}},
      {"room_page", {{"thread", nullptr}}},
      {"room_page", {{"limit", "many"}}},
      {"session_update", {{"key", ""}}},
      {"session_update", {{"count", 1.5}}},
  };
  for (const auto& [type, change] : changes) {
    EXPECT_EQ(refusal(with(client_example(type), change)), ErrorCode::kMalformed) << type << change;
  }
}

TEST(EventJson, EverySizeHasALimit) {
  using Pointer = json::json_pointer;
  expect_limit("chat_message", Pointer("/id"), kEventIdBytesMax);
  expect_limit("join_session", Pointer("/user/id"), kGuestIdBytesMax);
  expect_limit("renew_token", Pointer("/token"), kTokenBytesMax);
  expect_limit("join_session", Pointer("/user/name"), kParticipantNameBytesMax);
  expect_limit("presence_update", Pointer("/file"), kPresenceFileBytesMax);
  expect_limit("presence_update", Pointer("/following"), kGuestIdBytesMax);
  expect_limit("cursor_update", Pointer("/cursor"), kPresenceCursorBytesMax - 2);  // Quotes.
  expect_limit("chat_message", Pointer("/text"), kMessageBytesMax);
  expect_limit("add_comment", Pointer("/suggestion"), kSuggestionBytesMax);
  expect_limit("add_comment", Pointer("/range/root"), kAnchorBytesMax);
  expect_limit("code_comment", Pointer("/quote"), kQuoteBytesMax);
  expect_limit("message_update", Pointer("/text"), kReactionBytesMax);
  expect_limit("session_update", Pointer("/key"), kStateKeyBytesMax);
  expect_limit("session_update", Pointer("/value"), kStateValueBytesMax - 2);

  json selected = client_example("add_comment");
  selected["range"] = {{"root", "default"}, {"start", "AAcFAA"}, {"end", "AAcKfw"}};
  selected["quote"] = long_text(kQuoteBytesMax);
  selected["range"]["end"] = crypto::to_base64url(Bytes(kAnchorBytesMax, 1));
  read_as<PostMessage>(selected);
  selected["range"]["end"] = crypto::to_base64url(Bytes(kAnchorBytesMax + 1, 1));
  EXPECT_EQ(refusal(selected), ErrorCode::kLimitExceeded);
  selected["range"]["end"] = "AAcKfw";
  selected["quote"] = long_text(kQuoteBytesMax + 1);
  EXPECT_EQ(refusal(selected), ErrorCode::kLimitExceeded);

  json chat = client_example("chat_message");
  chat["mentions"] = std::vector<std::string>(kMentionsMax, kDevice.hex());
  EXPECT_EQ(read_as<PostMessage>(chat).message.mentions.size(), kMentionsMax);
  chat["mentions"].push_back(kDevice.hex());
  EXPECT_EQ(refusal(chat), ErrorCode::kLimitExceeded);
  json page = client_example("room_page");
  page["limit"] = kRoomPageMax;
  EXPECT_EQ(read_as<RoomQuery>(page).limit, kRoomPageMax);
  page["limit"] = kRoomPageMax + 1;
  EXPECT_EQ(refusal(page), ErrorCode::kLimitExceeded);
}

// Whatever bytes come, they are read or refused.
TEST(EventJson, NoBytesDoHarm) {
  const char* given = std::getenv("COTERIE_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
  SCOPED_TRACE("COTERIE_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  std::size_t accepted = 0;
  for (const char* type :
       {"join_session", "cursor_update", "presence_update", "chat_message", "add_comment",
        "code_comment", "reply", "message_update", "mark_read", "room_page", "session_update"}) {
    const std::string whole = client_example(type).dump();
    for (int round = 0; round < 2000; ++round) {
      std::string text = whole;
      for (std::uint64_t change = random() % 4; change > 0; --change) {
        const std::size_t at = random() % text.size();
        if (random() % 2 == 0) {
          text[at] = static_cast<char>(random());
        } else {
          text.erase(at, random() % 8 + 1);
        }
        if (text.empty()) text = " ";
      }
      std::string id;
      const auto request = read_event(text, id);
      if (request) {
        ++accepted;
      } else {
        EXPECT_TRUE(request.error().code == ErrorCode::kMalformed ||
                    request.error().code == ErrorCode::kLimitExceeded)
            << text;
      }
      EXPECT_LE(id.size(), kEventIdBytesMax);
    }
  }
  EXPECT_GT(accepted, 0u);
}

// What the node says.

AuthorNames names() {
  return [](const Author& author) -> std::string {
    if (!author.guest.empty()) return "";
    return author.device == kDevice ? "red" : "blue";
  };
}

RoomItem chat_item() {
  RoomItem item;
  item.message.moment = {kTime, kHash};
  item.message.document = id_of<DocumentId>(0x12);
  item.message.author = {kDevice, "3f2a"};
  item.message.text = "hello @blue";
  item.message.mentions = {kOther};
  item.message.reply = id_of<Hash>(0x34);
  item.message.reactions["\U0001f44d"] = {{kOther, ""}};
  return item;
}

RoomItem comment_item() {
  RoomItem item = chat_item();
  item.message.reply.reset();
  item.message.anchor = Anchor{"four", RangeAnchor{"monaco", {1}, {2}}};
  item.message.suggestion = "4";
  item.message.verdict = RoomMessage::Verdict::kAccepted;
  item.message.resolved = true;
  item.place = RoomPlace{20, 24};
  return item;
}

Participant participant() {
  Participant out;
  out.device = kDevice;
  out.id = "3f2a";
  out.name = "Ada";
  out.color = "#1d4ed8";
  out.activeness = Activeness::kActive;
  out.typing = true;
  out.file = "src/main.cpp";
  out.viewport = Participant::Lines{10, 52};
  out.cursor = R"({"anchor":3,"head":9})";
  out.following = "77c1";
  out.clients = {7, 9};
  return out;
}

std::map<std::string, json> server_examples() {
  RoomItem lines = comment_item();
  lines.place.reset();
  lines.message.anchor = Anchor{"for (;;)", LineAnchor{7, 9}};
  RoomItem answer = chat_item();
  answer.message.reply.reset();
  answer.message.thread = id_of<Hash>(0x34);
  RoomItem deleted = chat_item();
  deleted.message.text.clear();
  deleted.message.deleted = true;
  deleted.message.edited = kTime + (std::uint64_t{1000} << 16);
  const StateItem state{"build", R"({"state":"green"})", kOther, kTime};
  RoomView view;
  view.items = {chat_item()};
  view.older = RoomMoment{kTime - 1, kHash};
  view.unread = 3;
  crdt::StateVector holds;
  holds.advance(7, 12);
  const SessionStart start{{kDevice, "3f2a"}, "editor", {participant()}, 3, 1, {state}};
  const auto event = [](RoomEvent one) { return room_event(one, names()); };
  return {
      {"session", session_event("1", start, names())},
      {"user_joined", event(UserJoined{participant()})},
      {"user_left", event(UserLeft{kDevice, "3f2a"})},
      {"cursor_update", event(CursorMoved{kDevice, "3f2a", R"({"anchor":3,"head":9})"})},
      {"presence_update", event(PresenceChanged{participant()})},
      {"chat_message", event(MessageSaid{chat_item()})},
      {"add_comment", event(MessageSaid{comment_item()})},
      {"code_comment", event(MessageSaid{lines})},
      {"reply", event(MessageSaid{answer})},
      {"message_update", event(MessageChanged{deleted})},
      {"session_update", event(StateChanged{state})},
      {"saved", event(DocumentSaved{holds, 3, 5})},
      {"room_reset", event(RoomReset{})},
      {"room_page", page_event("8", view, names())},
      {"ok", ok_event("2", RoomMoment{kTime, kHash})},
      {"error", error_event("6", event_error_code(ErrorCode::kUnauthorized),
                            "only its author may change a message")},
  };
}

TEST(EventJson, WritesTheExamples) {
  const bool remake = std::getenv("COTERIE_REMAKE_GOLDEN") != nullptr;
  for (const auto& [type, message] : server_examples()) {
    EXPECT_EQ(message.at("type"), type);
    const std::string path = kFolder + "server/" + type + ".json";
    const std::string text = message.dump(2) + "\n";
    if (remake) std::ofstream(path, std::ios::binary) << text;
    EXPECT_EQ(file_text(path), text) << type;
  }
}

TEST(EventJson, TellsOfTextThatWasDeletedAndOfNonsense) {
  RoomItem gone = comment_item();
  RoomItem rich = comment_item();
  rich.place = RoomPlace{5, 9, true};
  json anchor = message_json(rich, names())["anchor"];
  EXPECT_FALSE(anchor.contains("range"));
  EXPECT_EQ(anchor["text_deleted"], false);
  EXPECT_EQ(anchor["start"], crypto::to_base64url(Bytes{1}));
  EXPECT_EQ(anchor["end"], crypto::to_base64url(Bytes{2}));
  gone.place = RoomPlace{5, 5};
  EXPECT_EQ(message_json(gone, names())["anchor"]["text_deleted"], true);
  gone.place.reset();
  EXPECT_FALSE(message_json(gone, names())["anchor"].contains("range"));
  RoomItem bad = chat_item();
  bad.message.text = "\xff";
  EXPECT_TRUE(json::accept(dump_json(message_json(bad, names()))));
  Participant odd = participant();
  odd.cursor = "no json";
  EXPECT_TRUE(participant_json(odd, names())["cursor"].is_null());
  const StateItem removed{"build", "", kOther, kTime};
  EXPECT_EQ(state_json(removed, names())["removed"], true);
}

TEST(EventJson, MomentsAreOrderedAsTheirTextsAre) {
  const RoomMoment first{kTime, id_of<Hash>(1)};
  const RoomMoment second{kTime, id_of<Hash>(2)};
  const RoomMoment third{kTime + 1, id_of<Hash>(0)};
  EXPECT_LT(moment_text(first), moment_text(second));
  EXPECT_LT(moment_text(second), moment_text(third));
  EXPECT_EQ(*parse_moment(moment_text(third)), third);
  EXPECT_FALSE(parse_moment(moment_text(third) + "0"));
  EXPECT_FALSE(parse_moment(std::string(80, 'z')));
}

}  // namespace
}  // namespace coterie::node
