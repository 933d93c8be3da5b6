// The Hocuspocus protocol: its bytes, and one socket with an engine behind it.

#include <gtest/gtest.h>

#include "node/core/codec.hpp"
#include "node/core/sync_protocol.hpp"
#include "node/daemon/hocuspocus.hpp"
#include "tests/support/cluster_test.hpp"

namespace coterie::node {
namespace {

using namespace std::chrono_literals;
using testing::Cluster;

Bytes message(std::string_view address, std::uint64_t type, ByteView body) {
  Bytes out;
  append_varstring(out, address);
  append_varuint(out, type);
  append(out, body);
  return out;
}
Bytes varstring(std::string_view value) {
  Bytes out;
  append_varstring(out, value);
  return out;
}
Bytes auth(std::string_view token = "") {
  Bytes body{0};
  append(body, varstring(token));
  append(body, varstring("4.7.0"));
  return body;
}

TEST(HocuspocusProtocol, IsReadAsProvidersWriteIt) {
  const Bytes sync = message("team/a.md", 0, Bytes{0, 1, 0});
  const auto read = read_hocuspocus(sync);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->address, "team/a.md");
  EXPECT_EQ(read->type, HocuspocusType::kSync);
  EXPECT_EQ(Bytes(read->yjs.begin(), read->yjs.end()), (Bytes{0, 0, 1, 0}));
  EXPECT_EQ(*read_hocuspocus_token(read_hocuspocus(message("d", 2, auth("t")))->body), "t");
  EXPECT_EQ(read_hocuspocus(Bytes{9})->type, HocuspocusType::kPing);
  EXPECT_EQ(read_hocuspocus(Bytes{10})->type, HocuspocusType::kPong);
  EXPECT_EQ(hocuspocus_document(std::string_view("doc\0session", 11)), "doc");
  EXPECT_EQ(*hocuspocus_wrap("d", Bytes{1, 2}), (Bytes{1, 'd', 1, 2}));
  EXPECT_EQ(*hocuspocus_status("d", true), (Bytes{1, 'd', 8, 1}));
  EXPECT_EQ(*hocuspocus_authenticated("d", false), message("d", 2, [] {
    Bytes body{2};
    append(body, varstring("readonly"));
    return body;
  }()));
}

TEST(HocuspocusProtocol, RefusesWhatItIsNot) {
  EXPECT_FALSE(read_hocuspocus({}));
  EXPECT_FALSE(read_hocuspocus(Bytes{5, 'a'}));
  EXPECT_FALSE(read_hocuspocus(message("", 0, {})));
  EXPECT_FALSE(read_hocuspocus(message(std::string_view("\0session", 8), 0, {})));
  EXPECT_FALSE(read_hocuspocus(message("d", 11, {})));
  EXPECT_TRUE(read_hocuspocus(message(std::string(kHocuspocusAddressBytesMax, 'a'), 0, {})));
  EXPECT_EQ(read_hocuspocus(message(std::string(kHocuspocusAddressBytesMax + 1, 'a'), 0, {}))
                .error()
                .code,
            ErrorCode::kLimitExceeded);
  EXPECT_FALSE(read_hocuspocus_token(Bytes{1}));
  EXPECT_FALSE(read_hocuspocus_token(Bytes{0, 9, 'a'}));
  EXPECT_FALSE(read_hocuspocus_text(Bytes{2, 'a'}));
}

class HocuspocusTest : public testing::ClusterTest {
 protected:
  static constexpr bridge::ClientHandle kSocket = 1'000'001;
  static constexpr const char* kName = "team/notes.md";

  HocuspocusTest() : ClusterTest(23) {
    red_ = cluster_.add_node("red");
    found(red_);
    await(red_, CreateDocument{workspace_, "notes.md"});
    service_ = std::make_unique<Service>(engine(), "red", nullptr, nullptr);
    access_ = std::make_unique<Access>(
        engine(),
        *TokenKeys::make(crypto::SigningKey::from_seed(*crypto::SecretKey::from(Bytes(32, 1))), {}),
        Access::Options{});
    events_ = std::make_unique<EventSessions>(
        engine(), *service_, *access_,
        [this](bridge::ClientHandle client, std::shared_ptr<const Bytes> said) {
          sockets_->tell_event(client, *said);
        });
    sockets_ = std::make_unique<Hocuspocus>(
        engine(), *access_, *events_,
        Hocuspocus::Door{[this](bridge::ClientHandle, SharedBytes bytes) { take(*bytes); },
                         [this](bridge::ClientHandle, std::uint16_t code, const std::string&) {
                           closed_ = code;
                         }});
    sockets_->open(now(), kSocket, {bridge::ClientRequest::What::kHocuspocus, "", "", false, ""});
  }

  Engine& engine() { return cluster_.engine(red_); }
  Now now() { return cluster_.at(); }
  void say(std::uint64_t type, const Bytes& body, std::string_view address = kName) {
    sockets_->message(now(), kSocket, message(address, type, body));
  }
  void take(const Bytes& bytes) {
    const auto read = read_hocuspocus(bytes);
    ASSERT_TRUE(read);
    heard_.push_back({read->type, Bytes(read->body.begin(), read->body.end())});
  }
  std::size_t count(HocuspocusType type) const {
    return static_cast<std::size_t>(std::count_if(
        heard_.begin(), heard_.end(), [&](const auto& one) { return one.first == type; }));
  }

  Cluster::Node red_ = 0;
  std::unique_ptr<Service> service_;
  std::unique_ptr<Access> access_;
  std::unique_ptr<EventSessions> events_;
  std::unique_ptr<Hocuspocus> sockets_;
  std::vector<std::pair<HocuspocusType, Bytes>> heard_;
  std::optional<std::uint16_t> closed_;
};

TEST_F(HocuspocusTest, SaysNothingOfADocumentBeforeItsToken) {
  say(0, {0, 1, 0});
  EXPECT_TRUE(heard_.empty());
  say(2, auth("nonsense"));
  ASSERT_EQ(heard_.size(), 1u);
  EXPECT_EQ(heard_[0].second[0], 1) << "denied";
  say(0, {0, 1, 0});
  EXPECT_EQ(heard_.size(), 1u);
  EXPECT_FALSE(closed_) << "it may try again";
}

TEST_F(HocuspocusTest, OneDocumentTooMany) {
  for (std::size_t i = 0; i <= kSocketDocumentsMax; ++i) {
    say(2, auth(), "team/" + std::to_string(i));
    EXPECT_EQ(heard_.back().second[0], i < kSocketDocumentsMax ? 2 : 1) << i;
  }
  EXPECT_FALSE(closed_);
}

TEST_F(HocuspocusTest, EndsWithNoDocument) {
  ASSERT_TRUE(sockets_->next_deadline());
  const Now later{now().steady + kSocketPatience, now().wall};
  sockets_->handle_timeout(later);
  EXPECT_EQ(closed_, 4408);
}

TEST_F(HocuspocusTest, WhatIsMalformedEndsIt) {
  sockets_->message(now(), kSocket, Bytes{7});
  EXPECT_EQ(closed_, 4205);
  closed_.reset();
  say(2, auth());
  say(6, varstring("to all"));
  EXPECT_EQ(closed_, 4403) << "that is the node's";
}

}  // namespace
}  // namespace coterie::node
