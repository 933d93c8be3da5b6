// Whole nodes in this process: start and failure to start, fairness between clients, the end.

#include "node/daemon/node.hpp"

#include <filesystem>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "node/daemon/log.hpp"
#include "node/identity/device_key_file.hpp"
#include "tests/node/bridge/fixture.hpp"
#include "tests/node/identity/temp_dir.hpp"

namespace coterie::node {
namespace {

using bridge::RawClient;
using testing::TempDir;
using SteadyClock = std::chrono::steady_clock;
constexpr std::chrono::seconds kPatience{20};

/// A y-websocket message of type sync: kind 0 is step 1, 1 step 2, 2 an update.
std::string sync_message(std::uint8_t kind, ByteView payload) {
  Bytes message{0, kind};
  append_varbytes(message, payload);
  return std::string(as_text(message));
}

/// The update by which client `client` types `text` as its first edit into the root type "monaco".
Bytes typed(std::uint64_t client, std::string_view text) {
  Bytes update;
  append_varuint(update, 1);  // Clients.
  append_varuint(update, 1);  // Structs.
  append_varuint(update, client);
  append_varuint(update, 0);  // From this clock on.
  update.push_back(4);        // A string without origins,
  append_varuint(update, 1);  // whose parent is a root type,
  append_varstring(update, "monaco");
  append_varstring(update, text);
  append_varuint(update, 0);  // No deletions.
  return update;
}

class NodeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(crypto::initialise());
    set_log_level(Engine::Notice::Level::kError);
    init("red");
  }

  DataDir dir(const std::string& name) { return {temp_.path() / name}; }

  void init(const std::string& name) {
    ASSERT_TRUE(create_device(dir(name), name, crypto::system_random()));
  }

  std::unique_ptr<Node> start(Node::Options options) {
    CallError why{};
    auto node = Node::start(std::move(options), why);
    EXPECT_NE(node, nullptr) << why.message;
    return node;
  }

  /// A node with a bridge and the workspace "demo".
  std::unique_ptr<Node> start_with_bridge() {
    Node::Options options;
    options.dir = dir("red");
    options.bridge = "127.0.0.1:0";
    auto node = start(std::move(options));
    EXPECT_FALSE(node->call_and_wait({"workspace.create", {{"name", "demo"}}}, kPatience).error);
    return node;
  }

  static std::uint16_t port_of(const Node& node) {
    const std::string url = node.bridge_url();
    return static_cast<std::uint16_t>(std::stoul(url.substr(url.rfind(':') + 1)));
  }

  /// Why `options` do not start a node.
  CallError failure(Node::Options options) {
    CallError why{};
    EXPECT_EQ(Node::start(std::move(options), why), nullptr);
    return why;
  }

  TempDir temp_;
};

TEST_F(NodeTest, AFailedStartHoldsNothing) {
  Node::Options options;
  options.dir = dir("none");
  EXPECT_EQ(failure(options).code, ErrorCode::kNotFound);
  options.dir = dir("red");
  options.control = true;
  options.listen = "tcp://127.0.0.1:0";
  options.bridge = "0.0.0.0:0";
  EXPECT_EQ(failure(options).code, ErrorCode::kUnauthorized);
  options.bridge = "127.0.0.1:0";
  options.listen = "tcp://127.0.0.1:99999";
  EXPECT_EQ(failure(options).code, ErrorCode::kMalformed);
  options.listen = "tcp://127.0.0.1:0";
  const auto node = start(options);
  ASSERT_NE(node, nullptr);
  EXPECT_FALSE(node->listen_address().ends_with(":0"));
  const CallError second = failure(options);
  EXPECT_EQ(second.code, ErrorCode::kConflict);
  EXPECT_NE(second.message.find(std::to_string(::getpid())), std::string::npos);
  Node::Options other = options;
  init("blue");
  other.dir = dir("blue");
  other.listen = node->listen_address();
  const CallError taken = failure(other);
  EXPECT_EQ(taken.code, ErrorCode::kConflict);
  EXPECT_NE(taken.message.find("in use"), std::string::npos) << taken.message;
}

TEST_F(NodeTest, UnknownCallsAreTypedErrors) {
  const auto node = start_with_bridge();
  for (const Call& call :
       std::vector<Call>{{"frobnicate", {}}, {"doc.list", {{"workspace", "nope"}}}}) {
    EXPECT_EQ(node->call_and_wait(call, kPatience).error->code, ErrorCode::kNotFound);
  }
  for (const Call& call :
       std::vector<Call>{{"doc.list", {}},
                         {"doc.text", {{"workspace", "demo"}}},
                         {"join", {}},
                         {"join", {{"invite", "nonsense"}}},
                         {"invite", {{"workspace", "demo"}, {"role", "relay"}}},
                         {"invite", {{"workspace", "demo"}, {"uses", "0"}}},
                         {"invite", {{"workspace", "demo"}, {"uses", "10001"}}},
                         {"invite", {{"workspace", "demo"}, {"expires_seconds", "-1"}}},
                         {"doc.create", {{"workspace", "demo"}, {"path", "a\nb"}}}}) {
    const CallResult result = node->call_and_wait(call, kPatience);
    ASSERT_TRUE(result.error) << call.operation << result.json;
  }
  RawClient stranger(port_of(*node));
  EXPECT_EQ(stranger.upgrade("/sync/nope/x.md").status, 404);
}

TEST_F(NodeTest, ABridgeThatAsksForTokensServesNobodyElse) {
  Node::Options options;
  options.dir = dir("red");
  options.bridge = "127.0.0.1:0";
  options.bridge_options.hosts = {"team.example"};
  EXPECT_EQ(failure(options).code, ErrorCode::kUnauthorized) << "others could reach it";
  options.bridge_options.require_token = true;
  const auto node = start(std::move(options));
  ASSERT_FALSE(node->call_and_wait({"workspace.create", {{"name", "demo"}}}, kPatience).error);
  const CallResult made = node->call_and_wait({"token.create", {{"role", "editor"}}}, kPatience);
  ASSERT_FALSE(made.error);
  const std::string token = nlohmann::json::parse(made.json).at("token");
  RawClient stranger(port_of(*node));
  EXPECT_EQ(stranger.request("GET /v1/status").status, 401);
  // The files of the page tell nothing: it is they that ask for the token.
  for (const char* file : {"/", "/index.html", "/?token=none", "/v1/openapi.json"}) {
    EXPECT_EQ(stranger.request("GET " + std::string(file)).status, 200) << file;
  }
  for (const char* path :
       {"/v1/workspaces", "/v1/workspaces/demo/documents", "/v1/workspaces/demo/members",
        "/v1/workspaces/demo/mesh", "/v1/workspaces/demo/activity", "/metrics"}) {
    EXPECT_EQ(stranger.request("GET " + std::string(path)).status, 401) << path;
  }
  EXPECT_EQ(stranger.upgrade("/sync/demo/x.md").status, 401);
  RawClient forger(port_of(*node));
  std::string forged = token;
  forged[forged.size() - 20] = forged[forged.size() - 20] == 'A' ? 'B' : 'A';
  EXPECT_EQ(forger.upgrade("/sync/demo/x.md?token=" + forged).status, 401);
  RawClient member(port_of(*node));
  EXPECT_EQ(member.upgrade("/sync/demo/x.md?token=" + token).status, 101);
  RawClient named(port_of(*node));
  EXPECT_EQ(named.upgrade("/sync/demo/x.md", "Authorization: Bearer " + token + "\r\n").status,
            101);
}

TEST_F(NodeTest, WhatWasEchoedSurvivesTheEnd) {
  {
    const auto node = start_with_bridge();
    RawClient typist(port_of(*node));
    ASSERT_EQ(typist.upgrade("/sync/demo/x.md").status, 101);
    const std::string message = sync_message(2, typed(7, "hello"));
    typist.send(RawClient::frame(message));
    for (;;) {  // The echo to the sender comes after the fsync.
      const auto frame = typist.read_frame();
      ASSERT_EQ(frame.opcode, 2);
      if (frame.payload.find("hello") != std::string::npos) break;
    }
  }
  Node::Options options;
  options.dir = dir("red");
  const auto again = start(options);
  const Call read{"doc.text", {{"workspace", "demo"}, {"path", "x.md"}, {"root", "monaco"}}};
  EXPECT_EQ(again->call_and_wait(read, kPatience).json, R"({"text":"hello"})");
}

TEST_F(NodeTest, WhatCameInBeforeTheEndIsKept) {
  {
    const auto node = start_with_bridge();
    RawClient typist(port_of(*node));
    ASSERT_EQ(typist.upgrade("/sync/demo/x.md").status, 101);
    typist.send(RawClient::frame(sync_message(2, typed(7, "last words"))));
    while (
        node->call_and_wait({"doc.list", {{"workspace", "demo"}}}, kPatience).json.find("x.md") ==
        std::string::npos) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  Node::Options options;
  options.dir = dir("red");
  const auto again = start(options);
  const Call read{"doc.text", {{"workspace", "demo"}, {"path", "x.md"}, {"root", "monaco"}}};
  EXPECT_EQ(again->call_and_wait(read, kPatience).json, R"({"text":"last words"})");
}

// One client sends as fast as it can; another's question is answered as if it were alone.
TEST_F(NodeTest, AFloodOfOneClientDoesNotStarveOthers) {
  const auto node = start_with_bridge();
  std::atomic<bool> stop = false;
  std::atomic<std::size_t> flooded = 0;
  std::thread flood([&] {
    RawClient client(port_of(*node));
    EXPECT_EQ(client.upgrade("/sync/demo/flood.md").status, 101);
    const std::string ask = RawClient::frame(sync_message(0, Bytes{0}));
    std::string burst;
    for (int count = 0; count < 100; ++count) burst += ask;
    while (!stop && client.send(burst, std::chrono::milliseconds(100))) flooded += 100;
  });
  RawClient other(port_of(*node));
  ASSERT_EQ(other.upgrade("/sync/demo/quiet.md").status, 101);
  ASSERT_EQ(other.read_frame().opcode, 2);  // The node's own step 1.
  SteadyClock::duration slowest{};
  for (int count = 0; count < 50; ++count) {
    const auto begun = SteadyClock::now();
    other.send(RawClient::frame(sync_message(0, Bytes{0})));
    ASSERT_EQ(other.read_frame().opcode, 2);
    slowest = std::max(slowest, SteadyClock::now() - begun);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  stop = true;
  flood.join();
  EXPECT_GT(flooded, 1000u);
  EXPECT_LT(slowest, std::chrono::milliseconds(500));  // Some ms; a busy machine is not at fault.
}

TEST_F(NodeTest, StopsInTimeWhateverClientsDo) {
  auto node = start_with_bridge();
  RawClient silent(port_of(*node));
  ASSERT_EQ(silent.upgrade("/sync/demo/x.md").status, 101);
  RawClient half(port_of(*node));
  half.send("GET / HT");
  const auto begun = SteadyClock::now();
  node->stop();
  node->stop();
  EXPECT_LT(SteadyClock::now() - begun, std::chrono::seconds(9));
}

}  // namespace
}  // namespace coterie::node
