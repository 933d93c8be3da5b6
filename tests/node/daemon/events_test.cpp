// The events WebSocket: whole nodes in this process, plain sockets; and, with a clock of the test's
// own, what limits one connection.

#include <thread>

#include <gtest/gtest.h>

#include "crdt/relative_position.hpp"
#include "crdt/xml.hpp"
#include "node/core/limits.hpp"
#include "node/daemon/event_sessions.hpp"
#include "node/daemon/log.hpp"
#include "node/daemon/node.hpp"
#include "node/identity/device_key_file.hpp"
#include "tests/node/bridge/fixture.hpp"
#include "tests/node/identity/temp_dir.hpp"
#include "tests/support/cluster_test.hpp"

namespace coterie::node {
namespace {

using namespace std::chrono_literals;
using bridge::RawClient;
using nlohmann::json;
constexpr std::chrono::seconds kPatience{20};

/// One client of the events of a document.
class Listener {
 public:
  Listener(std::uint16_t port, const std::string& document, const std::string& token = "")
      : client_(port) {
    const std::string query = token.empty() ? "" : "?token=" + token;
    status_ = client_.upgrade("/v1/documents/" + document + "/events" + query).status;
  }

  int status() const { return status_; }
  void say(const json& message) { client_.send(RawClient::frame(message.dump(), 1)); }
  /// The next message; null when there is none in time.
  json next() {
    if (!kept_.empty()) {
      json first = std::move(kept_.front());
      kept_.erase(kept_.begin());
      return first;
    }
    return receive();
  }
  /// The next message of that type; those before it are dropped.
  json wait_for(const std::string& type) {
    for (;;) {
      json message = next();
      if (message.is_null() || message.at("type") == type) return message;
    }
  }
  /// The answer to what is said; what comes before it is kept.
  json ask(json message) {
    message["id"] = std::to_string(++asked_);
    say(message);
    for (;;) {
      json answer = receive();
      if (answer.is_null() || answer.value("id", "") == message["id"]) return answer;
      kept_.push_back(std::move(answer));
    }
  }
  json join(const json& user) { return ask({{"type", "join_session"}, {"user", user}}); }
  void close() { client_.close(); }

 private:
  json receive() {
    const bridge::Frame frame = client_.read_frame();
    EXPECT_EQ(frame.opcode, 1);
    return frame.opcode == 1 ? json::parse(frame.payload) : json();
  }

  RawClient client_;
  int status_ = 0;
  int asked_ = 0;
  std::vector<json> kept_;
};

class EventsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(crypto::initialise());
    set_log_level(Engine::Notice::Level::kError);
    Node::Options options;
    options.dir = {temp_.path() / "red"};
    options.bridge = "127.0.0.1:0";
    ASSERT_TRUE(create_device(options.dir, "red", crypto::system_random()));
    CallError why{};
    node_ = Node::start(std::move(options), why);
    ASSERT_NE(node_, nullptr) << why.message;
    call("workspace.create", {{"name", "demo"}});
    document_ = call("doc.create", {{"workspace", "demo"}, {"path", "notes.md"}}).at("id");
    const std::string url = node_->bridge_url();
    port_ = static_cast<std::uint16_t>(std::stoul(url.substr(url.rfind(':') + 1)));
  }

  json call(const std::string& operation, std::map<std::string, std::string> arguments) {
    const CallResult result = node_->call_and_wait({operation, std::move(arguments)}, kPatience);
    EXPECT_FALSE(result.error) << operation << ": " << result.error->message;
    return json::parse(result.json, nullptr, false);
  }

  testing::TempDir temp_;
  std::unique_ptr<Node> node_;
  std::string document_;
  std::uint16_t port_ = 0;
};

TEST_F(EventsTest, AreThoseOfADocumentThatIsThere) {
  EXPECT_EQ(Listener(port_, document_).status(), 101);
  EXPECT_EQ(Listener(port_, std::string(32, '0')).status(), 404);
  EXPECT_EQ(Listener(port_, "notes.md").status(), 400);
  call("workspace.create", {{"name", "other"}});
  RawClient here(port_);
  EXPECT_EQ(here.upgrade("/v1/documents/" + document_ + "/events?workspace=demo").status, 101);
  RawClient elsewhere(port_);
  EXPECT_EQ(elsewhere.upgrade("/v1/documents/" + document_ + "/events?workspace=other").status,
            404);
}

TEST_F(EventsTest, BeginWithJoining) {
  Listener listener(port_, document_);
  const json early = listener.ask({{"type", "chat_message"}, {"text", "hello"}});
  EXPECT_EQ(early.at("code"), "MALFORMED");
  EXPECT_EQ(listener.ask({{"type", "dance"}}).at("code"), "MALFORMED");
  const json session = listener.join({{"name", "Ada"}});
  EXPECT_EQ(session.at("type"), "session");
  EXPECT_EQ(session.at("role"), "host");
  EXPECT_FALSE(session.at("self").contains("guest"));
  EXPECT_EQ(session.at("self").at("name"), "red");
  EXPECT_EQ(session.at("limits").at("message_bytes"), kMessageBytesMax);
  EXPECT_EQ(listener.join({{"name", "Ada"}}).at("type"), "session");
  EXPECT_EQ(listener.join({{"id", "b"}}).at("code"), "CONFLICT");
}

TEST_F(EventsTest, ChatReachesEverybodyAndOnlyItsAuthorChangesIt) {
  Listener ada(port_, document_);
  Listener alan(port_, document_);
  ada.join({{"id", "a"}, {"name", "Ada"}});
  alan.join({{"id", "b"}, {"name", "Alan"}});
  const json posted = ada.ask({{"type", "chat_message"}, {"text", "hello"}});
  ASSERT_EQ(posted.at("type"), "ok");
  for (Listener* one : {&ada, &alan}) {
    const json heard = one->wait_for("chat_message").at("message");
    EXPECT_EQ(heard.at("id"), posted.at("message"));
    EXPECT_EQ(heard.at("author").at("guest"), "a");
    EXPECT_EQ(heard.at("author").at("name"), "Ada");
    EXPECT_EQ(heard.at("text"), "hello");
  }
  json change = {{"type", "message_update"}, {"message", posted.at("message")}};
  change["change"] = "delete";
  EXPECT_EQ(alan.ask(change).at("code"), "PERMISSION_DENIED");
  change["change"] = "react";
  change["text"] = "\U0001f44d";
  EXPECT_EQ(alan.ask(change).at("type"), "ok");
  for (Listener* one : {&ada, &alan}) {
    const json reactions = one->wait_for("message_update").at("message").at("reactions");
    ASSERT_EQ(reactions.at(0).at("by").size(), 1u);
    EXPECT_EQ(reactions.at(0).at("by").at(0).at("name"), "Alan");
  }
  EXPECT_EQ(alan.join({{"id", "b"}}).at("unread").at("chat"), 1);
  const json seen = {{"type", "mark_read"}, {"lane", "chat"}, {"moment", posted.at("moment")}};
  EXPECT_EQ(alan.ask(seen).at("type"), "ok");
  EXPECT_EQ(alan.join({{"id", "b"}}).at("unread").at("chat"), 0);
  change["change"] = "delete";
  change.erase("text");
  EXPECT_EQ(ada.ask(change).at("type"), "ok");
  EXPECT_EQ(alan.wait_for("message_update").at("message").at("deleted"), true);
  const json page = alan.ask({{"type", "room_page"}, {"lane", "chat"}});
  EXPECT_EQ(page.at("type"), "room_page");
  ASSERT_EQ(page.at("messages").size(), 1u);
  EXPECT_EQ(page.at("messages").at(0).at("deleted"), true);
  change["message"] = std::string(64, '0');
  EXPECT_EQ(ada.ask(change).at("code"), "NOT_FOUND");
}

TEST_F(EventsTest, CommentsAreByTextOrByLines) {
  Listener ada(port_, document_);
  ada.join({{"id", "a"}});
  const json lines = ada.ask({{"type", "code_comment"},
                              {"text", "why?"},
                              {"lines", {{"first", 7}, {"last", 9}}},
                              {"quote", "for (;;)"}});
  ASSERT_EQ(lines.at("type"), "ok");
  EXPECT_EQ(ada.wait_for("code_comment").at("message").at("anchor").at("lines").at("last"), 9);
  const json beyond = ada.ask({{"type", "add_comment"},
                               {"text", "?"},
                               {"range", {{"root", "monaco"}, {"from", 3}, {"to", 5}}}});
  EXPECT_EQ(beyond.at("code"), "MALFORMED");  // The text is empty.
  const std::string update = [] {
    crdt::Doc doc({.client_id = 7});
    auto paragraph = doc.xml_fragment("default").insert_element(0, "paragraph");
    EXPECT_TRUE(paragraph && paragraph->insert_text(0, "who is she?"));
    return to_hex(doc.encode_state_as_update());
  }();
  call("doc.import", {{"workspace", "demo"}, {"path", "notes.md"}, {"update", update}});
  // The characters are elements 2 to 12 of that client.
  const auto at = [](std::uint64_t clock) {
    return crypto::to_base64url(crdt::RelativePosition{{}, {}, crdt::Id{7, clock}, 0}.encode());
  };
  const json range = {{"root", "default"}, {"start", at(9)}, {"end", at(12)}};
  const json rich =
      ada.ask({{"type", "add_comment"}, {"text", "Ann"}, {"range", range}, {"quote", "she"}});
  ASSERT_EQ(rich.at("type"), "ok") << rich;
  const json anchor = ada.wait_for("add_comment").at("message").at("anchor");
  EXPECT_EQ(anchor, (json{{"quote", "she"},
                          {"root", "default"},
                          {"start", at(9)},
                          {"end", at(12)},
                          {"text_deleted", false}}));
  const json early = ada.ask({{"type", "add_comment"},
                              {"text", "?"},
                              {"range", {{"root", "default"}, {"start", at(9)}, {"end", at(99)}}}});
  EXPECT_EQ(early.at("code"), "CONFLICT");
  const json posted = call("room.post", {{"workspace", "demo"},
                                         {"path", "notes.md"},
                                         {"lane", "comments"},
                                         {"text", "by REST"},
                                         {"root", "default"},
                                         {"start", at(9)},
                                         {"end", at(12)}});
  EXPECT_TRUE(posted.contains("id"));
  EXPECT_EQ(ada.wait_for("add_comment").at("message").at("anchor").at("quote"), "she");
  const json answer =
      ada.ask({{"type", "reply"}, {"thread", lines.at("message")}, {"text", "because"}});
  ASSERT_EQ(answer.at("type"), "ok");
  EXPECT_EQ(ada.wait_for("reply").at("message").at("thread"), lines.at("message"));
  const json thread =
      ada.ask({{"type", "room_page"}, {"lane", "thread"}, {"thread", lines.at("message")}});
  EXPECT_EQ(thread.at("messages").size(), 1u);
}

TEST_F(EventsTest, ShowWhoIsThere) {
  Listener ada(port_, document_);
  ada.join({{"id", "a"}, {"name", "Ada"}, {"color", "#1d4ed8"}});
  auto alan = std::make_unique<Listener>(port_, document_);
  const json session = alan->join({{"id", "b"}, {"name", "Alan"}});
  EXPECT_GE(session.at("participants").size(), 1u);
  json joined = ada.wait_for("user_joined");
  while (!joined.is_null() && joined.at("participant").at("user") != "b") {
    joined = ada.wait_for("user_joined");  // Perhaps her own first.
  }
  ASSERT_FALSE(joined.is_null());
  EXPECT_EQ(joined.at("participant").at("name"), "Alan");
  EXPECT_EQ(joined.at("participant").at("device_name"), "red");
  alan->say({{"type", "presence_update"}, {"status", "away"}});
  json changed;
  do {
    changed = ada.wait_for("presence_update");
  } while (!changed.is_null() && changed.at("participant").at("status") != "away");
  ASSERT_FALSE(changed.is_null());
  alan.reset();
  EXPECT_EQ(ada.wait_for("user_left").at("user"), "b");
  EXPECT_EQ(
      call("participants", {{"workspace", "demo"}, {"path", "notes.md"}}).at("participants").size(),
      1u);
}

TEST_F(EventsTest, TellTheStateOfTheSession) {
  Listener ada(port_, document_);
  Listener alan(port_, document_);
  ada.join({{"id", "a"}, {"name", "Ada"}});
  alan.join({{"id", "b"}});
  EXPECT_EQ(
      ada.ask({{"type", "session_update"}, {"key", "build"}, {"value", {{"ok", true}}}}).at("type"),
      "ok");
  const json item = alan.wait_for("session_update").at("item");
  EXPECT_EQ(item.at("key"), "build");
  EXPECT_EQ(item.at("value"), (json{{"ok", true}}));
  EXPECT_EQ(item.at("author").at("guest"), "a");
  EXPECT_EQ(item.at("author").at("name"), "Ada");
  EXPECT_EQ(alan.join({{"id", "b"}}).at("state").size(), 1u);
  EXPECT_EQ(ada.ask({{"type", "session_update"}, {"key", "build"}}).at("type"), "ok");
  EXPECT_EQ(alan.wait_for("session_update").at("item").at("removed"), true);
}

TEST_F(EventsTest, MessagesOfOtherDocumentsAreNotTheirBusiness) {
  call("doc.create", {{"workspace", "demo"}, {"path", "other.md"}});
  const json elsewhere =
      call("room.post", {{"workspace", "demo"}, {"path", "other.md"}, {"text", "elsewhere"}});
  const json token = call("token.create", {{"workspace", "demo"},
                                           {"role", "editor"},
                                           {"guest", "ben"},
                                           {"documents", json::array({document_}).dump()}});
  Listener ben(port_, document_, token.at("token"));
  ben.join({{"name", "Ben"}});
  json change = {{"type", "message_update"}, {"message", elsewhere.at("id")}, {"change", "react"}};
  change["text"] = "\U0001f44d";
  EXPECT_EQ(ben.ask(change).at("code"), "NOT_FOUND");
}

TEST_F(EventsTest, WhoMayOnlyCommentAcceptsNoSuggestion) {
  const auto text = [&] {
    return call("doc.text", {{"workspace", "demo"}, {"path", "notes.md"}}).at("text");
  };
  const json empty = call("doc.read", {{"workspace", "demo"}, {"path", "notes.md"}});
  call("doc.write", {{"workspace", "demo"},
                     {"path", "notes.md"},
                     {"base", empty.at("version")},
                     {"text", "colour"}});
  for (const char* role : {"commenter", "editor"}) {
    const json token =
        call("token.create", {{"workspace", "demo"}, {"role", role}, {"guest", role}});
    Listener ben(port_, document_, token.at("token"));
    ben.join({{"name", "Ben"}});
    const json suggested = ben.ask({{"type", "add_comment"},
                                    {"text", "American"},
                                    {"suggestion", "color"},
                                    {"range", {{"root", "monaco"}, {"from", 0}, {"to", 6}}}});
    ASSERT_EQ(suggested.at("type"), "ok");
    const json answer = ben.ask(
        {{"type", "message_update"}, {"message", suggested.at("message")}, {"change", "accept"}});
    const bool edits = std::string(role) == "editor";
    EXPECT_EQ(edits ? answer.at("type") : answer.at("code"), edits ? "ok" : "PERMISSION_DENIED");
    EXPECT_EQ(text(), edits ? "color" : "colour");
  }
}

// One connection, with a clock of our own.

class EventSessionsTest : public ::testing::Test {
 protected:
  static constexpr bridge::ClientHandle kClient = 7;

  EventSessionsTest() {
    red_ = cluster_.add_node("red");
    cluster_.command(red_, CreateWorkspace{"demo"});
    cluster_.run_for(1s);
    const WorkspaceId workspace = engine().workspaces().at(0).id;
    cluster_.command(red_, CreateDocument{workspace, "notes.md"});
    cluster_.run_for(1s);
    document_ = (*engine().documents(workspace)).at(0).id;
    service_ = std::make_unique<Service>(engine(), "red", nullptr, nullptr);
    const auto seed = crypto::SecretKey::from(Bytes(32, 1));
    keys_.emplace(*TokenKeys::make(crypto::SigningKey::from_seed(*seed), {}));
    access_ = std::make_unique<Access>(
        engine(), *TokenKeys::make(crypto::SigningKey::from_seed(*seed), {}), Access::Options{});
    sessions_ = std::make_unique<EventSessions>(
        engine(), *service_, *access_,
        [this](bridge::ClientHandle, std::shared_ptr<const Bytes> message) {
          bytes_ += message->size();
          said_.push_back(json::parse(as_text(*message)));
        });
    EXPECT_TRUE(sessions_->open(kClient, {workspace, "notes.md"}, {}));
    say({{"type", "join_session"}, {"user", {{"id", "a"}, {"name", "Ada"}}}});
    EXPECT_EQ(said_.at(0).at("type"), "session");
    said_.clear();
  }

  Engine& engine() { return cluster_.engine(red_); }
  Now now() { return {Instant(elapsed_), 1'700'000'000'000}; }
  void say(const json& message) {
    const std::string text = message.dump();
    sessions_->message(now(), kClient, as_bytes(text));
  }
  std::size_t rate_limited() {
    return static_cast<std::size_t>(std::count_if(said_.begin(), said_.end(), [](const json& one) {
      return one.value("code", "") == "RATE_LIMITED";
    }));
  }

  testing::Cluster cluster_{1, {}};
  testing::Cluster::Node red_ = 0;
  DocumentId document_;
  std::unique_ptr<Service> service_;
  std::optional<TokenKeys> keys_;
  std::unique_ptr<Access> access_;
  std::unique_ptr<EventSessions> sessions_;
  Duration elapsed_ = std::chrono::hours(1);
  std::size_t bytes_ = 0;
  std::vector<json> said_;
};

TEST_F(EventSessionsTest, PostsAndChangesHaveBudgets) {
  for (std::size_t i = 0; i < kPostsPerMinute; ++i) {
    say({{"type", "chat_message"}, {"text", std::to_string(i)}});
  }
  EXPECT_EQ(rate_limited(), 0u);
  say({{"type", "chat_message"}, {"id", "x"}, {"text", "one more"}});
  EXPECT_EQ(rate_limited(), 1u);
  EXPECT_EQ(said_.back().at("id"), "x");
  const json change = {{"type", "session_update"}, {"key", "n"}, {"value", 1}};
  for (std::size_t i = 0; i < kChangesPerMinute; ++i) say(change);
  EXPECT_EQ(rate_limited(), 1u);
  say(change);
  EXPECT_EQ(rate_limited(), 2u);
  elapsed_ += 60s;
  say({{"type", "chat_message"}, {"text", "a minute later"}});
  say(change);
  EXPECT_EQ(rate_limited(), 2u);
}

TEST_F(EventSessionsTest, AnotherTokenIsOfTheSameGuest) {
  const auto show = [&](const std::string& guest) {
    TokenClaims claims;
    claims.visitor = {guest, Role::kViewer};
    claims.expires = now().wall + 60'000;
    said_.clear();
    say({{"type", "renew_token"}, {"token", keys_->issue(claims, now().wall)}});
    return said_.at(0);
  };
  EXPECT_EQ(show("ben").at("code"), "CONFLICT");
  EXPECT_EQ(sessions_->who(kClient)->expires, 0u);
  EXPECT_EQ(show("").at("type"), "ok") << "as a viewer, from here on";
  EXPECT_EQ(sessions_->who(kClient)->expires, now().wall + 60'000);
  say({{"type", "chat_message"}, {"text", "no"}});
  EXPECT_EQ(said_.back().at("code"), "PERMISSION_DENIED");
  say({{"type", "renew_token"}, {"token", "nonsense"}});
  EXPECT_EQ(said_.back().at("code"), "PERMISSION_DENIED");
}

TEST_F(EventSessionsTest, PresenceIsPassedOnThirtyTimesASecond) {
  const auto file = [&] {
    for (const Participant& one :
         *engine().participants(engine().workspaces().at(0).id, "notes.md")) {
      if (one.id == "a") return one.file;
    }
    return std::string("nobody");
  };
  say({{"type", "presence_update"}, {"file", "1"}});
  EXPECT_EQ(file(), "1");
  EXPECT_FALSE(sessions_->next_deadline());
  say({{"type", "presence_update"}, {"file", "2"}, {"typing", true}});
  say({{"type", "presence_update"}, {"file", "3"}});
  EXPECT_EQ(file(), "1");
  const auto due = sessions_->next_deadline();
  ASSERT_TRUE(due);
  EXPECT_LE(*due - now().steady, 34ms);
  elapsed_ = due->time_since_epoch();
  sessions_->handle_timeout(now());
  EXPECT_EQ(file(), "3");
  EXPECT_FALSE(sessions_->next_deadline());
  EXPECT_TRUE(said_.empty());
}

TEST_F(EventSessionsTest, WhoDoesNotReadGetsOneResetWhenItDoes) {
  RoomItem item;
  item.message.text = std::string(8000, 'x');
  const auto event = std::make_shared<const RoomEvent>(MessageSaid{item});
  bytes_ = 0;
  for (int i = 0; i < 1000; ++i) sessions_->tell({kClient, event});
  EXPECT_LE(bytes_, kEventWindowBytes + 20'000);
  EXPECT_GT(bytes_, kEventWindowBytes / 2);
  const std::size_t told = said_.size();
  say({{"type", "room_page"}, {"lane", "chat"}});  // Answers come.
  EXPECT_EQ(said_.back().at("type"), "room_page");
  sessions_->sent(kClient, bytes_ / 4);
  EXPECT_EQ(said_.size(), told + 1);
  sessions_->sent(kClient, bytes_ - bytes_ / 4);
  EXPECT_EQ(said_.size(), told + 2);
  EXPECT_EQ(said_.back().at("type"), "room_reset");
  sessions_->tell({kClient, event});
  EXPECT_EQ(said_.back().at("type"), "chat_message");
}

TEST_F(EventSessionsTest, TheDeparted) {
  sessions_->closed(now(), kClient);
  sessions_->closed(now(), kClient);
  said_.clear();
  say({{"type", "room_page"}, {"lane", "chat"}});
  sessions_->tell({kClient, std::make_shared<const RoomEvent>(RoomReset{})});
  sessions_->sent(kClient, 5);
  EXPECT_TRUE(said_.empty());
}

}  // namespace
}  // namespace coterie::node
