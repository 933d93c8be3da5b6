// WebSocket clients over real sockets: attaching, messages both ways, floods, slowness, the end.

#include <thread>

#include "node/bridge/websocket_deflate.hpp"
#include "tests/node/bridge/fixture.hpp"

namespace coterie::node::bridge {
namespace {

std::shared_ptr<const Bytes> message(std::string_view text) {
  return std::make_shared<const Bytes>(text.begin(), text.end());
}

class WebSocket : public BridgeTest {
 protected:
  /// Attaches the `nth` client of this test.
  void attach(RawClient& client, const std::string& target = "/sync/w/d") {
    ASSERT_EQ(client.upgrade(target).status, 101);
  }
};

TEST_F(WebSocket, AttachesByWorkspaceAndDocument) {
  start();
  RawClient one(server_->port());
  attach(one, "/sync/my%20team/notes/to%20do%2Fx.md?saved=1&token=t");
  RawClient two(server_->port());
  attach(two, "/sync/0123/a");
  const ClientRequest first = handler_.seen(1).request;
  EXPECT_EQ(first.workspace, "my team");
  EXPECT_EQ(first.document, "notes/to do/x.md");
  EXPECT_TRUE(first.saved_messages);
  EXPECT_FALSE(handler_.seen(2).request.saved_messages);
}

TEST_F(WebSocket, AttachesToTheEventsOfADocument) {
  start();
  RawClient one(server_->port());
  attach(one, "/v1/documents/0a1b/events?workspace=my%20team");
  RawClient two(server_->port());
  attach(two, "/v1/documents/0a1b/events");
  const ClientRequest first = handler_.seen(1).request;
  EXPECT_EQ(first.what, ClientRequest::What::kEvents);
  EXPECT_EQ(first.workspace, "my team");
  EXPECT_EQ(first.document, "0a1b");
  EXPECT_EQ(handler_.seen(2).request.workspace, "");
  for (const char* path : {"/v1/documents/0a1b", "/v1/documents/0a1b/events/x", "/v1/documents"}) {
    RawClient lost(server_->port());
    EXPECT_EQ(lost.upgrade(path).status, 404) << path;
  }
  RawClient plain(server_->port());
  EXPECT_EQ(plain.request("GET /v1/documents/0a1b/events").status, 426);
  RawClient foreign(server_->port());
  EXPECT_EQ(foreign
                .request("GET /v1/documents/0a1b/events",
                         "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                         "Origin: http://elsewhere.example\r\nSec-WebSocket-Version: 13\r\n"
                         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
                .status,
            403);
}

TEST_F(WebSocket, EventsAreTextOfLimitedLength) {
  limits_.event_bytes = 1000;
  start();
  RawClient one(server_->port());
  attach(one, "/v1/documents/0a/events");
  server_->send(1, message("{}"));
  const Frame event = one.read_frame();
  EXPECT_EQ(event.opcode, 1);
  EXPECT_EQ(event.payload, "{}");
  one.send(RawClient::frame(std::string(1000, 'x'), 1));
  ASSERT_TRUE(handler_.wait_for(1, [](const auto& seen) { return seen.messages.size() == 1; }));
  one.send(RawClient::frame(std::string(1001, 'x'), 1));
  EXPECT_EQ(one.read_frame().close_code(), 1009);
  RawClient binary(server_->port());
  attach(binary, "/v1/documents/0a/events");
  binary.send(RawClient::frame("{}", 2));
  EXPECT_EQ(binary.read_frame().close_code(), 1003);
}

TEST_F(WebSocket, IsRefusedWithTheStatusOfTheError) {
  handler_.refuse = CallError{ErrorCode::kNotFound, "no workspace \"w\" here"};
  start();
  RawClient one(server_->port());
  const Response refused = one.upgrade("/sync/w/d");
  EXPECT_EQ(refused.status, 404);
  EXPECT_EQ(refused.body, R"({"error":{"code":"not_found","message":"no workspace \"w\" here"}})");
  EXPECT_TRUE(one.at_end());
  EXPECT_EQ(handler_.seen(1).closed, 0);
  RawClient two(server_->port());
  EXPECT_EQ(two.upgrade("/sync/w").status, 404);  // No document: not even asked.
  EXPECT_EQ(handler_.seen(2).request.workspace, "");
}

TEST_F(WebSocket, WithoutADecisionIsRefusedInTime) {
  handler_.decide = false;
  limits_.call = std::chrono::milliseconds(50);
  start();
  RawClient one(server_->port());
  EXPECT_EQ(one.upgrade("/sync/w/d").status, 503);
  EXPECT_TRUE(handler_.wait_for(1, [](const auto& seen) { return seen.closed == 1; }));
  server_->accept_client(1);  // Too late; harmless.
}

TEST_F(WebSocket, BadHandshakesAreRefused) {
  start();
  RawClient old(server_->port());
  EXPECT_EQ(old.request("GET /sync/w/d",
                        "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                        "Sec-WebSocket-Version: 8\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
                .status,
            426);
  RawClient keyless(server_->port());
  EXPECT_EQ(keyless
                .request("GET /sync/w/d",
                         "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                         "Sec-WebSocket-Version: 13\r\n")
                .status,
            400);
  for (ClientHandle client = 1; client <= 2; ++client) {
    EXPECT_TRUE(handler_.seen(client).request.workspace.empty()) << "not even asked";
  }
}

TEST_F(WebSocket, CarriesMessagesBothWays) {
  start();
  RawClient one(server_->port());
  attach(one);
  one.send(RawClient::frame("first") + RawClient::frame("") + RawClient::frame("third"));
  ASSERT_TRUE(handler_.wait_for(1, [](const auto& seen) { return seen.messages.size() == 3; }));
  EXPECT_EQ(as_text(handler_.seen(1).messages[0]), "first");
  EXPECT_EQ(as_text(handler_.seen(1).messages[1]), "");
  const std::string large(200'000, 'x');
  server_->send(1, message("a"));
  server_->send(1, message(large));
  server_->send(1, message("c"));
  EXPECT_EQ(one.read_frame().payload, "a");
  const Frame second = one.read_frame();
  EXPECT_EQ(second.opcode, 2);
  EXPECT_EQ(second.payload, large);  // In one frame.
  EXPECT_EQ(one.read_frame().payload, "c");
  EXPECT_TRUE(handler_.wait_for(1, [](const auto& seen) { return seen.sent_bytes >= 200'000; }));
}

TEST_F(WebSocket, FragmentsBecomeOneMessageAndPingsAreAnswered) {
  start();
  RawClient one(server_->port());
  attach(one);
  std::string begin = RawClient::frame("be", 2);
  begin[0] = 0x02;  // Not final.
  one.send(begin + RawClient::frame("are you there", 9) + RawClient::frame("gin", 0));
  const Frame pong = one.read_frame();
  EXPECT_EQ(pong.opcode, 10);
  EXPECT_EQ(pong.payload, "are you there");
  ASSERT_TRUE(handler_.wait_for(1, [](const auto& seen) { return seen.messages.size() == 1; }));
  EXPECT_EQ(as_text(handler_.seen(1).messages[0]), "begin");
}

TEST_F(WebSocket, MessagesHaveALimit) {
  limits_.message_bytes = 100'000;
  start();
  RawClient one(server_->port());
  attach(one);
  one.send(RawClient::frame(std::string(100'000, 'x')));
  ASSERT_TRUE(handler_.wait_for(1, [](const auto& seen) { return seen.messages.size() == 1; }));
  one.send(RawClient::frame(std::string(100'001, 'x')));
  EXPECT_EQ(one.read_frame().close_code(), 1009);
  one.close();
  EXPECT_TRUE(handler_.wait_for(1, [](const auto& seen) { return seen.closed == 1; }));
  EXPECT_EQ(handler_.seen(1).messages.size(), 1u);
}

// Many clients may each send a large message, but not all at once for ever.
TEST_F(WebSocket, UnfinishedMessagesHaveALimitTogether) {
  limits_.unfinished_bytes = 500'000;
  start();
  const std::string large = RawClient::frame(std::string(400'000, 'x'));
  RawClient one(server_->port());
  attach(one);
  RawClient two(server_->port());
  attach(two);
  one.send(std::string_view(large).substr(0, 300'000));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  two.send(std::string_view(large).substr(0, 300'000));
  EXPECT_EQ(two.read_frame().close_code(), 1013);
  two.close();
  one.send(std::string_view(large).substr(300'000));
  EXPECT_TRUE(handler_.wait_for(1, [](const auto& seen) { return seen.messages.size() == 1; }));
  ASSERT_TRUE(handler_.wait_for(2, [](const auto& seen) { return seen.closed == 1; }));
  RawClient three(server_->port());
  attach(three);
  three.send(large);  // What was dropped counts no longer.
  EXPECT_TRUE(handler_.wait_for(3, [](const auto& seen) { return seen.messages.size() == 1; }));
}

TEST_F(WebSocket, AHugeLengthAllocatesNothing) {
  start();
  RawClient one(server_->port());
  attach(one);
  one.send(std::string("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 14));
  const Frame end = one.read_frame();
  EXPECT_TRUE(end.close_code() == 1009 || end.close_code() == 1002) << end.close_code();
}

TEST_F(WebSocket, TextAndBrokenFramesEndTheClient) {
  start();
  RawClient text(server_->port());
  attach(text);
  text.send(RawClient::frame("hello", 1));
  EXPECT_EQ(text.read_frame().close_code(), 1003);
  RawClient unmasked(server_->port());
  attach(unmasked);
  unmasked.send(RawClient::frame("hello", 2, false));
  EXPECT_EQ(unmasked.read_frame().close_code(), 1002);
  RawClient reserved(server_->port());
  attach(reserved);
  reserved.send(RawClient::frame("hello", 5));
  EXPECT_EQ(reserved.read_frame().close_code(), 1002);
  for (ClientHandle client = 1; client <= 3; ++client)
    EXPECT_TRUE(handler_.seen(client).messages.empty());
}

TEST_F(WebSocket, ItsEndIsToldOnceHoweverItComes) {
  start();
  RawClient polite(server_->port());
  attach(polite);
  RawClient rude(server_->port());
  attach(rude);
  polite.send(RawClient::frame(std::string("\x03\xe8", 2), 8));
  EXPECT_EQ(polite.read_frame().close_code(), 1000);
  polite.close();
  rude.close();
  for (ClientHandle client = 1; client <= 2; ++client) {
    EXPECT_TRUE(handler_.wait_for(client, [](const auto& seen) { return seen.closed == 1; }));
  }
  server_->send(1, message("to nobody"));
  server_->close_client(2, 1000, "");
  RawClient next(server_->port());
  attach(next);
  EXPECT_EQ(handler_.seen(1).closed, 1);
  EXPECT_EQ(handler_.seen(2).closed, 1);
}

TEST_F(WebSocket, IsClosedAfterWhatWasQueued) {
  start();
  RawClient one(server_->port());
  attach(one);
  server_->send(1, message("last words"));
  server_->close_client(1, 4404, "gone");
  server_->send(1, message("too late"));
  EXPECT_EQ(one.read_frame().payload, "last words");
  const Frame end = one.read_frame();
  EXPECT_EQ(end.close_code(), 4404);
  EXPECT_EQ(end.payload.substr(2), "gone");
  one.send(RawClient::frame(end.payload, 8));
  one.close();
  EXPECT_TRUE(handler_.wait_for(1, [](const auto& seen) { return seen.closed == 1; }));
}

TEST_F(WebSocket, APeerThatIgnoresTheCloseIsDropped) {
  limits_.closing = std::chrono::milliseconds(100);
  start();
  RawClient one(server_->port());
  attach(one);
  server_->close_client(1, 1000, "");
  EXPECT_TRUE(handler_.wait_for(1, [](const auto& seen) { return seen.closed == 1; }));
}

// A flood is left in the sender's own socket; others are served as before.
TEST_F(WebSocket, AFloodIsNotReadFasterThanProcessed) {
  handler_.process = false;
  limits_.inbox_messages = 8;
  start();
  RawClient flood(server_->port());
  attach(flood);
  for (int count = 0; count < 100; ++count) flood.send(RawClient::frame("flood"));
  ASSERT_TRUE(handler_.wait_for(1, [](const auto& seen) { return seen.messages.size() == 8; }));
  RawClient other(server_->port());
  attach(other);
  other.send(RawClient::frame("me"));
  EXPECT_TRUE(handler_.wait_for(2, [](const auto& seen) { return seen.messages.size() == 1; }));
  EXPECT_EQ(handler_.seen(1).messages.size(), 8u);
  for (int count = 0; count < 3; ++count) server_->message_processed(1, 5);
  EXPECT_TRUE(handler_.wait_for(1, [](const auto& seen) { return seen.messages.size() == 11; }));
  handler_.process = true;
  for (int count = 0; count < 8; ++count) server_->message_processed(1, 5);
  EXPECT_TRUE(handler_.wait_for(1, [](const auto& seen) { return seen.messages.size() == 100; }));
}

TEST_F(WebSocket, AFloodOfBytesIsNotReadFasterThanProcessed) {
  handler_.process = false;
  limits_.inbox_bytes = 100'000;
  start();
  RawClient flood(server_->port());
  attach(flood);
  const std::string large = RawClient::frame(std::string(60'000, 'x'));
  std::thread sender([&] {
    for (int count = 0; count < 200; ++count) {
      if (!flood.send(large, std::chrono::milliseconds(300))) return;
    }
  });
  ASSERT_TRUE(handler_.wait_for(1, [](const auto& seen) { return seen.messages.size() == 2; }));
  sender.join();  // It gave up: 200 messages do not fit into socket buffers.
  EXPECT_EQ(handler_.seen(1).messages.size(), 2u);
}

TEST_F(WebSocket, ASlowReaderGetsEverythingInTheEnd) {
  start();
  RawClient slow(server_->port(), 4096);
  attach(slow);
  const std::string payload(1'000'000, 'x');
  for (int count = 0; count < 20; ++count) server_->send(1, message(payload));
  RawClient other(server_->port());
  attach(other);
  server_->send(2, message("quick"));
  EXPECT_EQ(other.read_frame().payload, "quick");
  EXPECT_LT(handler_.seen(1).sent_bytes, 20'000'000u);
  for (int count = 0; count < 20; ++count) {
    ASSERT_EQ(slow.read_frame().payload.size(), payload.size()) << count;
  }
  EXPECT_TRUE(handler_.wait_for(
      1, [](const auto& seen) { return seen.sent_bytes > 20'000'000 - kUntoldBytesMax; }));
}

TEST_F(WebSocket, AReaderThatIsFarTooSlowIsClosed) {
  limits_.outbox_bytes = 30'000'000;
  limits_.closing = std::chrono::milliseconds(300);
  start();
  RawClient slow(server_->port(), 4096);
  attach(slow);
  // NOLINTNEXTLINE(bugprone-string-constructor): large on purpose.
  const auto payload = message(std::string(10'000'000, 'x'));
  for (int count = 0; count < 4; ++count) server_->send(1, payload);
  EXPECT_TRUE(handler_.wait_for(1, [](const auto& seen) { return seen.closed == 1; }));
}

TEST_F(WebSocket, SilenceIsPingedThenEnded) {
  limits_.idle = std::chrono::milliseconds(200);
  start();
  RawClient one(server_->port());
  attach(one);
  for (int count = 0; count < 3; ++count) {  // Answered pings keep it.
    const Frame ping = one.read_frame();
    ASSERT_EQ(ping.opcode, 9);
    one.send(RawClient::frame(ping.payload, 10));
  }
  EXPECT_EQ(handler_.seen(1).closed, 0);
  EXPECT_TRUE(handler_.wait_for(1, [](const auto& seen) { return seen.closed == 1; }));
}

TEST_F(WebSocket, CompressesForThoseWhoAskedForIt) {
  options_.compress_loopback = true;
  start();
  RawClient one(server_->port());
  const Response agreed = one.upgrade(
      "/sync/w/d", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n");
  EXPECT_EQ(agreed.header("Sec-WebSocket-Extensions"),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover");
  RawClient plain(server_->port());
  EXPECT_EQ(plain.upgrade("/sync/w/d").header("Sec-WebSocket-Extensions"), "");
  const auto large = message(std::string(50'000, 'x'));
  server_->send({{1, large}, {2, large}, {1, message("small")}});
  const Frame deflated = one.read_frame();
  EXPECT_EQ(deflated.opcode, 2);
  EXPECT_LT(deflated.payload.size(), 1'000u);
  EXPECT_EQ(one.read_frame().payload, "small");
  EXPECT_EQ(plain.read_frame().payload.size(), 50'000u);
  // The same bytes back, and then one that is none.
  std::string frame = RawClient::frame(deflated.payload);
  frame[0] = static_cast<char>(0xc2);
  one.send(frame);
  ASSERT_TRUE(handler_.wait_for(1, [](const auto& seen) { return seen.messages.size() == 1; }));
  EXPECT_EQ(handler_.seen(1).messages[0], *large);
  frame = RawClient::frame("no deflate");
  frame[0] = static_cast<char>(0xc2);
  one.send(frame);
  EXPECT_EQ(one.read_frame().close_code(), 1007);
  plain.send(frame);
  EXPECT_EQ(plain.read_frame().close_code(), 1002);
}

TEST_F(WebSocket, ABombIsRefused) {
  options_.compress_loopback = true;
  limits_.message_bytes = 1'000'000;
  start();
  websocket::Deflater deflater;
  const auto bomb = deflater.deflate(message(std::string(1'000'001, 'x')));
  RawClient one(server_->port());
  one.upgrade("/sync/w/d", "Sec-WebSocket-Extensions: permessage-deflate\r\n");
  std::string frame = RawClient::frame(as_text(*bomb));
  frame[0] = static_cast<char>(0xc2);
  one.send(frame);
  EXPECT_EQ(one.read_frame().close_code(), 1009);
}

TEST_F(WebSocket, IsNotCompressedOnThisMachine) {
  start();
  RawClient one(server_->port());
  const Response upgraded =
      one.upgrade("/sync/w/d", "Sec-WebSocket-Extensions: permessage-deflate\r\n");
  EXPECT_EQ(upgraded.status, 101);
  EXPECT_EQ(upgraded.header("Sec-WebSocket-Extensions"), "");
}

TEST_F(WebSocket, WhatIsSaidBeforeItIsAcceptedComesAfter) {
  handler_.decide = false;
  start();
  RawClient one(server_->port());
  one.send("GET /sync/w/d HTTP/1.1\r\nHost: " + one.host() +
           "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  ASSERT_TRUE(
      handler_.wait_for(1, [](const auto& seen) { return !seen.request.workspace.empty(); }));
  server_->send(1, message("early"));
  server_->accept_client(1);
  server_->send(1, message("late"));
  EXPECT_EQ(one.read_response().header("Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_EQ(one.read_frame().payload, "early");
  EXPECT_EQ(one.read_frame().payload, "late");
}

TEST_F(WebSocket, WhileStoppingEverybodyElseIsToldSo) {
  start();
  RawClient one(server_->port());
  attach(one);
  std::thread stopper([&] { server_->stop(); });
  EXPECT_EQ(one.read_frame().close_code(), 1001);
  RawClient late(server_->port());
  EXPECT_EQ(late.request("GET /readyz").status, 503);
  one.close();
  stopper.join();
}

TEST_F(WebSocket, StoppingSaysGoodbye) {
  start();
  RawClient one(server_->port());
  attach(one);
  server_->send(1, message("last"));
  std::thread reader([&] {
    EXPECT_EQ(one.read_frame().payload, "last");
    const Frame end = one.read_frame();
    EXPECT_EQ(end.close_code(), 1001);
    one.send(RawClient::frame(end.payload, 8));
    one.close();
  });
  server_->stop();
  reader.join();
  EXPECT_EQ(handler_.seen(1).closed, 1);
}

TEST_F(WebSocket, StoppingDoesNotWaitForTheStubborn) {
  limits_.closing = std::chrono::milliseconds(200);
  start();
  RawClient one(server_->port(), 4096);
  attach(one);
  handler_.decide = false;
  RawClient undecided(server_->port());
  undecided.send("GET /sync/w/d HTTP/1.1\r\nHost: " + undecided.host() +
                 "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  ASSERT_TRUE(
      handler_.wait_for(2, [](const auto& seen) { return !seen.request.workspace.empty(); }));
  // NOLINTNEXTLINE(bugprone-string-constructor): large on purpose.
  server_->send(1, message(std::string(10'000'000, 'x')));
  const auto begin = std::chrono::steady_clock::now();
  server_->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
  EXPECT_EQ(handler_.seen(1).closed, 1);
  EXPECT_EQ(handler_.seen(2).closed, 1);
}

}  // namespace
}  // namespace coterie::node::bridge
