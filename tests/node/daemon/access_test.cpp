// Tokens, and what somebody with one may do: every operation beside every role.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "node/daemon/access.hpp"
#include "node/daemon/call_json.hpp"
#include "node/daemon/event_json.hpp"
#include "tests/support/cluster_test.hpp"

namespace coterie::node {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::Cluster;

constexpr WallMillis kNow = 1'700'000'000'000;
const Bytes kSecret(32, 's');

crypto::SigningKey key_of(std::uint8_t number) {
  return crypto::SigningKey::from_seed(*crypto::SecretKey::from(Bytes(32, number)));
}
TokenKeys keys(std::uint8_t number, Bytes secret = {}) {
  return *TokenKeys::make(key_of(number), std::move(secret));
}
TokenClaims claims_of_ann() {
  TokenClaims claims;
  claims.visitor = {"ann", Role::kEditor};
  claims.name = "Ann";
  claims.documents = {"notes/", "a.md"};
  claims.expires = kNow + 60'000;
  return claims;
}
std::string encode(const json& part) { return crypto::to_base64url(as_bytes(part.dump())); }

TEST(Tokens, AreReadAsTheyWereMade) {
  TokenClaims claims = claims_of_ann();
  const TokenKeys ours = keys(1);
  EXPECT_EQ(*ours.verify(ours.issue(claims, kNow), kNow), claims);
  claims.workspace.emplace();
  claims.workspace->bytes.fill(7);
  claims.visitor.guest.clear();
  claims.documents.clear();
  EXPECT_EQ(*ours.verify(ours.issue(claims, kNow), kNow), claims);
}

TEST(Tokens, AreRefused) {
  const TokenKeys ours = keys(1, kSecret);
  const std::string good = ours.issue(claims_of_ann(), kNow);
  const auto code = [&](const std::string& token, WallMillis at = kNow) {
    const auto read = ours.verify(token, at);
    return read ? std::optional<ErrorCode>() : std::optional(read.error().code);
  };
  EXPECT_EQ(code(good), std::nullopt);
  EXPECT_EQ(code(good, kNow + 60'000), ErrorCode::kUnauthenticated) << "expired";
  EXPECT_EQ(code(good, kNow - 61'000), ErrorCode::kUnauthenticated) << "of the future";
  EXPECT_EQ(code(keys(2).issue(claims_of_ann(), kNow)), ErrorCode::kUnauthenticated);
  for (std::size_t i = 0; i < good.size(); i += 3) {
    std::string bad = good;
    bad[i] = bad[i] == 'A' ? 'B' : 'A';
    EXPECT_TRUE(code(bad).has_value()) << i;
  }
  for (const char* bad :
       {"", ".", "..", "a.b", "a.b.c", "a.b.c.d", "eyJ9.e30.", "\xff.\xff.\xff"}) {
    EXPECT_EQ(code(bad), ErrorCode::kMalformed) << bad;
  }
  EXPECT_EQ(code(good + "."), ErrorCode::kMalformed);
  EXPECT_EQ(code(std::string(kTokenBytesMax + 1, 'a')), ErrorCode::kMalformed);
  // No signature at all, and ours said to be of another kind: the algorithm is not the token's
  // word.
  const std::string body = good.substr(good.find('.') + 1, good.rfind('.') - good.find('.') - 1);
  EXPECT_EQ(code(encode({{"alg", "none"}}) + "." + body + "."), ErrorCode::kUnauthenticated);
  EXPECT_EQ(code(encode({{"alg", "HS256"}}) + "." + body + good.substr(good.rfind('.'))),
            ErrorCode::kUnauthenticated);
}

/// HMAC-SHA-256 of RFC 7515, appendix A.1: others' tokens have it this way.
TEST(Tokens, OfASharedSecret) {
  const Bytes rfc = *crypto::from_base64url(
      "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");
  EXPECT_TRUE(crypto::verify_hmac_sha256(
      rfc,
      as_bytes("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
               "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb2"
               "90Ijp0cnVlfQ"),
      *crypto::from_base64url("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")));
  // Made by Python's hmac: claims aud (a list), sub, role, exp (with a fraction).
  const std::string token =
      "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhdWQiOlsib3RoZXIiLCJjb3RlcmllI"
      "l0sInN1YiI6ImFubiIsInJvbGUiOiJ2aWV3ZXIiLCJleHAiOjE3MDAwMDAwNjAuNX0.u2N"
      "vaJMPswMdnjADrPpXba6KhygqG6JRwWyI9Jy20cs";
  const auto read = keys(1, kSecret).verify(token, kNow);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->visitor, (Visitor{"ann", Role::kViewer}));
  EXPECT_EQ(keys(1).verify(token, kNow).error().code, ErrorCode::kUnauthenticated)
      << "no secret is configured";
  EXPECT_EQ(keys(1, Bytes(32, 't')).verify(token, kNow).error().code, ErrorCode::kUnauthenticated);
  EXPECT_FALSE(TokenKeys::make(key_of(1), Bytes(kSharedSecretBytesMin - 1, 's')));
  EXPECT_FALSE(TokenKeys::make(key_of(1), Bytes(kSharedSecretBytesMax + 1, 's')));
  EXPECT_TRUE(TokenKeys::make(key_of(1), Bytes(kSharedSecretBytesMax, 's')));
}

class AccessTest : public testing::ClusterTest {
 protected:
  AccessTest() : ClusterTest(17) {
    red_ = cluster_.add_node("red");
    found(red_);
    for (const char* path : {"a.md", "notes/b.md"}) await(red_, CreateDocument{workspace_, path});
  }
  Access access(bool token_needed = false) {
    return Access(cluster_.engine(red_), keys(1), {.token_needed = token_needed});
  }
  std::string token(Role role, std::vector<std::string> documents = {}, std::string guest = "ann") {
    TokenClaims claims;
    claims.visitor = {std::move(guest), role};
    claims.documents = std::move(documents);
    claims.expires = cluster_.at().wall + 60'000;
    return keys(1).issue(claims, cluster_.at().wall);
  }
  std::optional<ErrorCode> admit(const Access& access, const std::string& operation,
                                 const std::string& token, const std::string& path) {
    Call call{operation, {{"workspace", workspace_.hex()}}};
    call.token = token;
    if (!path.empty()) call.arguments["path"] = path;
    const Status done = access.admit(cluster_.at(), call);
    return done ? std::optional<ErrorCode>() : std::optional(done.error().code);
  }

  Cluster::Node red_;
};

TEST_F(AccessTest, EveryOperationBesideEveryRole) {
  const Access doors = access();
  struct Row {
    const char* operation;
    Role needed;
    bool of_document;
  };
  const Row rows[] = {
      {"doc.text", Role::kViewer, true},      {"doc.update", Role::kViewer, true},
      {"room.page", Role::kViewer, true},     {"participants", Role::kViewer, true},
      {"doc.versions", Role::kViewer, true},  {"doc.list", Role::kViewer, false},
      {"members", Role::kViewer, false},      {"mesh", Role::kViewer, false},
      {"room.post", Role::kCommenter, true},  {"room.amend", Role::kCommenter, true},
      {"state.set", Role::kCommenter, true},  {"doc.write", Role::kEditor, true},
      {"doc.create", Role::kEditor, true},    {"doc.set", Role::kEditor, true},
      {"doc.trash", Role::kEditor, true},     {"doc.restore", Role::kEditor, true},
      {"invite.create", Role::kHost, false},  {"role", Role::kHost, false},
      {"remove", Role::kHost, false},         {"doc.guest", Role::kHost, true},
      {"token.create", Role::kHost, false},   {"history.prune", Role::kHost, false},
      {"doc.end_session", Role::kHost, true}, {"what comes later", Role::kHost, false},
  };
  for (const Row& row : rows) {
    for (const Role role : {Role::kHost, Role::kEditor, Role::kCommenter, Role::kViewer}) {
      const auto refused = admit(doors, row.operation, token(role), row.of_document ? "a.md" : "");
      EXPECT_EQ(refused,
                role <= row.needed ? std::nullopt : std::optional(ErrorCode::kUnauthorized))
          << row.operation << " as " << role_name(role);
    }
  }
}

TEST_F(AccessTest, ATokenForSomeDocuments) {
  const Access doors = access();
  const std::string some = token(Role::kHost, {"notes/"});
  EXPECT_EQ(admit(doors, "doc.text", some, "notes/b.md"), std::nullopt);
  EXPECT_EQ(admit(doors, "doc.create", some, "notes/new.md"), std::nullopt);
  EXPECT_EQ(admit(doors, "room.amend", some, "notes/b.md"), std::nullopt);
  EXPECT_EQ(admit(doors, "room.amend", some, ""), ErrorCode::kUnauthorized);
  EXPECT_EQ(admit(doors, "doc.text", some, "a.md"), ErrorCode::kUnauthorized);
  EXPECT_EQ(admit(doors, "doc.list", some, ""), ErrorCode::kUnauthorized);
  EXPECT_EQ(admit(doors, "invite.create", some, ""), ErrorCode::kUnauthorized);
  const DocumentId id = cluster_.engine(red_).document(workspace_, "a.md")->id;
  const std::string by_id = token(Role::kViewer, {id.hex()});
  EXPECT_EQ(admit(doors, "doc.text", by_id, "a.md"), std::nullopt);
  EXPECT_EQ(admit(doors, "doc.text", by_id, id.hex()), std::nullopt);
  EXPECT_EQ(admit(doors, "doc.text", by_id, "notes/b.md"), ErrorCode::kUnauthorized);
  Call move{"doc.move",
            {{"workspace", workspace_.hex()}, {"path", "notes/b.md"}, {"to", "elsewhere.md"}}};
  move.token = some;
  EXPECT_FALSE(doors.admit(cluster_.at(), move));
  move.arguments["to"] = "notes/c.md";
  EXPECT_TRUE(doors.admit(cluster_.at(), move));
}

TEST_F(AccessTest, AGuestWhoIsOutDoesNotRead) {
  const Access doors = access();
  await(red_, SetGuestStanding{workspace_, "a.md", cluster_.id(red_), "ann", GuestWord::kOut});
  EXPECT_EQ(admit(doors, "doc.text", token(Role::kHost), "a.md"), ErrorCode::kUnauthorized);
  EXPECT_EQ(admit(doors, "doc.text", token(Role::kHost), "notes/b.md"), std::nullopt);
  EXPECT_EQ(admit(doors, "doc.text", token(Role::kHost, {}, "ben"), "a.md"), std::nullopt);
}

TEST_F(AccessTest, WithoutAToken) {
  EXPECT_EQ(admit(access(), "invite.create", "", ""), std::nullopt) << "the owner's own machine";
  EXPECT_EQ(admit(access(true), "health", "", ""), std::nullopt);
  EXPECT_EQ(admit(access(true), "doc.list", "", ""), ErrorCode::kUnauthenticated);
  EXPECT_EQ(admit(access(true), "doc.text", token(Role::kViewer), "a.md"), std::nullopt);
  Call own{"invite.create", {{"workspace", workspace_.hex()}}};
  EXPECT_TRUE(access(true).admit(cluster_.at(), own)) << "the control socket";
}

TEST_F(AccessTest, TokensAreMadeWithinTheirLimits) {
  const Access doors = access();
  const auto make = [&](std::map<std::string, std::string> arguments) {
    return doors.create_token(cluster_.at(), {"token.create", std::move(arguments)});
  };
  const auto made = make({{"role", "viewer"}, {"guest", "ann"}, {"documents", "[\"a.md\"]"}});
  ASSERT_TRUE(made);
  const auto who = doors.identify(cluster_.at(), json::parse(*made).at("token"));
  ASSERT_TRUE(who);
  EXPECT_EQ(who->visitor, (Visitor{"ann", Role::kViewer}));
  EXPECT_EQ(who->documents, std::vector<std::string>{"a.md"});
  EXPECT_EQ(who->expires / 1000, cluster_.at().wall / 1000 + 86'400);
  EXPECT_EQ(make({}).error().code, ErrorCode::kMalformed);
  EXPECT_EQ(make({{"role", "host"}, {"visitor", "ann"}}).error().code, ErrorCode::kUnauthorized)
      << "a guest would be the owner";
  EXPECT_TRUE(make({{"role", "host"}, {"visitor", "ann"}, {"guest", "ben"}}));
  EXPECT_EQ(make({{"role", "relay"}}).error().code, ErrorCode::kMalformed);
  EXPECT_TRUE(make({{"role", "host"}, {"guest", std::string(64, 'g')}}));
  EXPECT_EQ(make({{"role", "host"}, {"guest", std::string(65, 'g')}}).error().code,
            ErrorCode::kLimitExceeded);
  EXPECT_TRUE(make({{"role", "host"}, {"seconds", "34560000"}}));
  EXPECT_EQ(make({{"role", "host"}, {"seconds", "34560001"}}).error().code,
            ErrorCode::kLimitExceeded);
  EXPECT_EQ(make({{"role", "host"}, {"seconds", "0"}}).error().code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(make({{"role", "host"}, {"documents", "[]"}}).error().code, ErrorCode::kMalformed);
  EXPECT_EQ(make({{"role", "host"}, {"workspace", "nowhere"}}).error().code, ErrorCode::kNotFound);
}

TEST_F(AccessTest, OnePersonPostsSoOftenOverAllDoors) {
  Access doors = access();
  const Now now = cluster_.at();
  for (std::size_t i = 0; i < kPostsPerMinute; ++i)
    EXPECT_TRUE(doors.may_post(now, workspace_, "a"));
  EXPECT_FALSE(doors.may_post(now, workspace_, "a"));
  EXPECT_TRUE(doors.may_post(now, workspace_, "b"));
  EXPECT_TRUE(doors.may_post({now.steady + 1s, now.wall + 1000}, workspace_, "a"));
}

}  // namespace
}  // namespace coterie::node
