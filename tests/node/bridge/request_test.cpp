// The pure parts of the bridge: request targets, names of this machine, routes.

#include <gtest/gtest.h>

#include "node/bridge/local_names.hpp"
#include "node/bridge/request_target.hpp"
#include "node/bridge/routes.hpp"
#include "tests/support/choices.hpp"

namespace coterie::node::bridge {
namespace {

TEST(RequestTarget, IsTakenApart) {
  const auto target =
      parse_request_target("/sync/demo/notes/to%20do.md?saved=1&x&saved=2&y=%C3%A9");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/sync/demo/notes/to%20do.md");
  EXPECT_EQ(target->segments, (std::vector<std::string>{"sync", "demo", "notes", "to do.md"}));
  EXPECT_EQ(target->tail(2), "notes/to do.md");
  EXPECT_EQ(target->tail(4), "");
  EXPECT_EQ(target->query.at("saved"), "1");
  EXPECT_EQ(target->query.at("x"), "");
  EXPECT_EQ(target->query.at("y"), "é");
}

TEST(RequestTarget, KeepsEmptySegmentsAndDecodesOnce) {
  EXPECT_EQ(parse_request_target("/")->segments, std::vector<std::string>{""});
  EXPECT_EQ(parse_request_target("/a//b/")->segments, (std::vector<std::string>{"a", "", "b", ""}));
  EXPECT_EQ(parse_request_target("/%2541")->segments, std::vector<std::string>{"%41"});
  EXPECT_EQ(parse_request_target("/sync/w/a%2Fb")->tail(2), "a/b");
}

TEST(RequestTarget, RefusesWhatIsNone) {
  for (const char* bad : {"", "x", "http://localhost/", "*", "/%", "/%4", "/%zz", "/%00", "/a b",
                          "/a\tb", "/?x=%0", "/\x7f"}) {
    const auto target = parse_request_target(bad);
    ASSERT_FALSE(target) << bad;
    EXPECT_EQ(target.error().code, ErrorCode::kMalformed);
  }
}

TEST(RequestTarget, SurvivesAnything) {
  testing::for_each_seed(2000, [](std::uint64_t seed) {
    testing::SeededChoices choices(seed);
    constexpr std::string_view kAlphabet = "/%?&=0aF\xc3\x01";
    std::string text = "/";
    for (auto left = choices.below(40); left > 0; --left) {
      text += kAlphabet[choices.below(kAlphabet.size())];
    }
    const auto target = parse_request_target(text);
    if (target) {
      EXPECT_FALSE(target->segments.empty()) << "replay with COTERIE_SEED=" << seed;
    }
  });
}

TEST(LocalNames, AreOnlyThisMachineAndPort) {
  const LocalNames names(7420);
  for (const char* good : {"localhost:7420", "LOCALHOST:7420", "127.0.0.1:7420", "[::1]:7420"}) {
    EXPECT_TRUE(names.is_local_host(good)) << good;
    EXPECT_TRUE(names.is_local_origin(std::string("http://") + good)) << good;
    EXPECT_FALSE(names.is_local_origin(std::string("https://") + good)) << good;
    EXPECT_FALSE(names.is_local_origin(std::string("http://") + good + "/")) << good;
  }
  for (const char* bad :
       {"", "localhost", "localhost:7421", "localhost:74200", "127.0.0.1", "127.0.0.2:7420",
        "evil.example:7420", "localhost.evil.example:7420", "localhost:7420.evil.example",
        "0.0.0.0:7420", "::1:7420", "localhost:"}) {
    EXPECT_FALSE(names.is_local_host(bad)) << bad;
    EXPECT_FALSE(names.is_local_origin(std::string("http://") + bad)) << bad;
  }
  EXPECT_FALSE(names.is_local_origin("null"));
  EXPECT_FALSE(names.is_local_origin("file://"));
}

TEST(LocalNames, MayLeaveOutPort80) {
  EXPECT_TRUE(LocalNames(80).is_local_host("localhost"));
  EXPECT_TRUE(LocalNames(80).is_local_host("localhost:80"));
}

std::variant<ApiRoute, HttpError> route(std::string_view method, std::string_view target,
                                        std::string_view body = "", bool json = true) {
  return find_api_route(method, *parse_request_target(target), body, json);
}

Call call(std::string_view method, std::string_view target, std::string_view body = "") {
  const auto found = route(method, target, body);
  const auto* api = std::get_if<ApiRoute>(&found);
  return api != nullptr ? api->call : Call{"none", {}};
}

unsigned status(std::string_view method, std::string_view target, std::string_view body = "",
                bool json = true) {
  const auto found = route(method, target, body, json);
  const auto* error = std::get_if<HttpError>(&found);
  return error != nullptr ? error->status : std::get<ApiRoute>(found).status_if_ok;
}

TEST(Routes, LeadToCalls) {
  EXPECT_EQ(call("GET", "/healthz").operation, "health");
  EXPECT_EQ(call("GET", "/v1/status").operation, "status");
  EXPECT_EQ(call("HEAD", "/v1/status").operation, "status");
  const Call list = call("GET", "/v1/workspaces/my%20team/documents");
  EXPECT_EQ(list.operation, "doc.list");
  EXPECT_EQ(list.arguments.at("workspace"), "my team");
  EXPECT_EQ(call("GET", "/v1/workspaces/a/peers").operation, "peers");
  EXPECT_EQ(call("GET", "/v1/workspaces/a/members").operation, "members");
  const Call create = call("POST", "/v1/workspaces/a/documents", R"({"path":"x/y","more":1})");
  EXPECT_EQ(create.operation, "doc.create");
  EXPECT_EQ(create.arguments.at("workspace"), "a");
  EXPECT_EQ(create.arguments.at("path"), "x/y");
  EXPECT_EQ(status("POST", "/v1/workspaces/a/documents", R"({"path":"x"})"), 201u);
}

TEST(Routes, RefuseTheRest) {
  EXPECT_EQ(status("GET", "/v1"), 404u);
  EXPECT_EQ(status("GET", "/v1/workspaces/a/secrets"), 404u);
  EXPECT_EQ(status("GET", "/v1/workspaces/a/documents/b"), 404u);
  EXPECT_EQ(status("GET", "/v2/workspaces/a/documents"), 404u);
  EXPECT_EQ(status("POST", "/v1/status"), 405u);
  EXPECT_EQ(status("DELETE", "/v1/workspaces/a/documents"), 405u);
  EXPECT_EQ(status("POST", "/v1/workspaces/a/peers"), 405u);
  EXPECT_EQ(status("POST", "/v1/workspaces/a/documents", R"({"path":"x"})", false), 415u);
  for (const char* body : {"", "{", "[]", "7", "{}", R"({"path":7})", R"({"Path":"x"})", "\xff"}) {
    EXPECT_EQ(status("POST", "/v1/workspaces/a/documents", body), 400u) << body;
  }
}

TEST(Call, ErrorsBecomeJsonWhateverTheyQuote) {
  EXPECT_EQ(error_json({ErrorCode::kNotFound, "no \"x\""}),
            R"({"error":{"code":"not_found","message":"no \"x\""}})");
  EXPECT_NE(error_json({ErrorCode::kMalformed, "\xff"}).find("malformed"), std::string::npos);
}

}  // namespace
}  // namespace coterie::node::bridge
