// The pure parts of the bridge: request targets, names of this machine, routes.

#include <gtest/gtest.h>

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

constexpr std::string_view kJson = "application/json";

std::variant<ApiRoute, HttpError> route(std::string_view method, std::string_view target,
                                        std::string_view body = "", std::string_view type = kJson) {
  const RequestTarget parsed = *parse_request_target(target);
  return find_api_route({method, parsed, body, type});
}

Call call(std::string_view method, std::string_view target, std::string_view body = "",
          std::string_view type = kJson) {
  const auto found = route(method, target, body, type);
  const auto* api = std::get_if<ApiRoute>(&found);
  return api != nullptr ? api->call : Call{"none", {}};
}

unsigned status(std::string_view method, std::string_view target, std::string_view body = "",
                std::string_view type = kJson) {
  const auto found = route(method, target, body, type);
  const auto* error = std::get_if<HttpError>(&found);
  return error != nullptr ? error->status : std::get<ApiRoute>(found).status_if_ok;
}

std::string message(std::string_view method, std::string_view target, std::string_view body = "") {
  const auto found = route(method, target, body);
  const auto* error = std::get_if<HttpError>(&found);
  return error != nullptr ? error->error.message : "";
}

using Arguments = std::map<std::string, std::string>;

TEST(Routes, LeadToCalls) {
  EXPECT_EQ(call("GET", "/healthz").operation, "health");
  EXPECT_EQ(call("GET", "/v1/status").operation, "status");
  EXPECT_EQ(call("HEAD", "/v1/status").operation, "status");
  const Call list = call("GET", "/v1/workspaces/my%20team/documents?trash=true&limit=5");
  EXPECT_EQ(list.operation, "doc.list");
  EXPECT_EQ(list.arguments,
            (Arguments{{"workspace", "my team"}, {"trash", "true"}, {"limit", "5"}}));
  EXPECT_TRUE(list.tagged);
  EXPECT_EQ(call("GET", "/v1/workspaces/a/peers").operation, "peers");
  EXPECT_EQ(call("GET", "/v1/workspaces/a/mesh").operation, "mesh");
  const Call create =
      call("POST", "/v1/workspaces/a/documents", R"({"path":"x/y","title":"T","meta":{"a":"b"}})");
  EXPECT_EQ(create.operation, "doc.create");
  EXPECT_FALSE(create.tagged);
  EXPECT_EQ(create.arguments,
            (Arguments{{"workspace", "a"}, {"path", "x/y"}, {"title", "T"}, {"meta.a", "b"}}));
  EXPECT_EQ(status("POST", "/v1/workspaces/a/documents", R"({"path":"x"})"), 201u);
}

TEST(Routes, OfDocumentsNameThemById) {
  EXPECT_EQ(call("DELETE", "/v1/documents/ab?workspace=w").arguments,
            (Arguments{{"document_id", "ab"}, {"workspace", "w"}}));
  EXPECT_EQ(call("PATCH", "/v1/documents/ab", R"({"path":"new"})").arguments,
            (Arguments{{"document_id", "ab"}, {"to", "new"}}));
  EXPECT_EQ(call("PUT", "/v1/documents/ab/messages/cd/reactions/%F0%9F%91%8D").arguments,
            (Arguments{{"document_id", "ab"}, {"id", "cd"}, {"text", "👍"}, {"change", "react"}}));
  EXPECT_EQ(
      call("POST", "/v1/documents/ab/comments", R"({"text":"t","lines":{"first":2,"last":3}})")
          .arguments,
      (Arguments{{"document_id", "ab"},
                 {"lane", "comments"},
                 {"text", "t"},
                 {"first", "2"},
                 {"last", "3"}}));
  EXPECT_EQ(call("POST", "/v1/documents/ab/comments",
                 R"({"text":"t","root":"default","range":{"start":"AA","end":"AB"},"quote":"she"})")
                .arguments,
            (Arguments{{"document_id", "ab"},
                       {"lane", "comments"},
                       {"text", "t"},
                       {"root", "default"},
                       {"start", "AA"},
                       {"end", "AB"},
                       {"quote", "she"}}));
  EXPECT_EQ(call("PUT", "/v1/documents/ab/state/k", R"({"value":{"a":[1]}})").arguments,
            (Arguments{{"document_id", "ab"}, {"key", "k"}, {"value", R"({"a":[1]})"}}));
  EXPECT_EQ(call("POST", "/v1/documents/ab/import", std::string_view("\x01\0", 2),
                 "application/octet-stream")
                .arguments,
            (Arguments{{"document_id", "ab"}, {"update", "0100"}}));
}

TEST(Routes, RefuseTheRest) {
  EXPECT_EQ(status("GET", "/v1"), 404u);
  EXPECT_EQ(status("GET", "/v1/workspaces/a/secrets"), 404u);
  EXPECT_EQ(status("GET", "/v1/workspaces/a/documents/b"), 404u);
  EXPECT_EQ(status("GET", "/v1/workspaces//documents"), 404u);
  EXPECT_EQ(status("GET", "/v2/workspaces/a/documents"), 404u);
  EXPECT_EQ(status("POST", "/v1/status"), 405u);
  EXPECT_EQ(status("DELETE", "/v1/workspaces/a/documents"), 405u);
  EXPECT_EQ(status("POST", "/v1/workspaces/a/documents", R"({"path":"x"})", "text/plain"), 415u);
  for (const char* body : {"", "{", "[]", "7", "{}", R"({"path":7})", R"({"Path":"x"})", "\xff"}) {
    EXPECT_EQ(status("POST", "/v1/workspaces/a/documents", body), 400u) << body;
  }
  EXPECT_EQ(status("GET", "/v1/workspaces/a/documents?limit=-1"), 400u);
  EXPECT_EQ(status("GET", "/v1/workspaces/a/documents?trash=1"), 400u);
  EXPECT_EQ(status("GET", "/v1/status", "{\"a\":1}"), 400u);
  EXPECT_EQ(status("POST", "/v1/documents/a/archive", "{}"), 200u);
}

TEST(Routes, SayWhatIsWrong) {
  EXPECT_EQ(message("POST", "/v1/workspaces/a/documents", R"({"path":"x","more":1})"),
            "the body has the unknown member \"more\"");
  EXPECT_EQ(message("POST", "/v1/workspaces/a/documents", R"({"path":7})"),
            "the member \"path\" must be a string");
  EXPECT_EQ(message("POST", "/v1/documents/a/comments", R"({"text":"t","lines":[1]})"),
            "the member \"lines\" must be {\"first\",\"last\"} of whole numbers");
  for (const char* range : {R"({"start":"AA"})", R"({"start":"AA","end":5})",
                            R"({"start":"AA","end":"AB","from":1})"}) {
    EXPECT_EQ(message("POST", "/v1/documents/a/comments",
                      R"({"text":"t","range":)" + std::string(range) + "}"),
              "the member \"range\" must be {\"start\",\"end\"} of strings");
  }
  EXPECT_EQ(message("GET", "/v1/status?x=1"), "this path takes no parameter \"x\"");
  EXPECT_EQ(message("GET", "/v1/status?token=t"), "");
}

TEST(Routes, SayWhichMethodsThereAre) {
  const auto options = std::get<HttpError>(route("OPTIONS", "/v1/documents/a"));
  EXPECT_EQ(options.status, 204u);
  EXPECT_EQ(options.allow, "GET, HEAD, PATCH, DELETE, OPTIONS");
  EXPECT_EQ(std::get<HttpError>(route("POST", "/v1/documents/a")).allow, options.allow);
}

TEST(Routes, OfWritingNeedAVersion) {
  const RequestTarget target = *parse_request_target("/v1/documents/a/text");
  const auto put = [&](std::string_view if_match) {
    return find_api_route({"PUT", target, "x", "Text/Plain; charset=utf-8", "", if_match});
  };
  EXPECT_EQ(std::get<HttpError>(put("")).status, 428u);
  EXPECT_EQ(std::get<HttpError>(put("*")).status, 428u);
  EXPECT_EQ(std::get<HttpError>(put("\"a\", \"b\"")).status, 400u);
  const auto found = put(" \"abc.12\" ");
  const ApiRoute& good = std::get<ApiRoute>(found);
  EXPECT_EQ(good.call.arguments,
            (Arguments{{"document_id", "a"}, {"text", "x"}, {"base", "abc.12"}}));
  EXPECT_EQ(api_answer(good, {"", CallError{ErrorCode::kConflict, ""}}).status, 412u);
  EXPECT_EQ(call("PUT", "/v1/documents/a/text?base=abc.12", R"({"text":"x"})").arguments.at("base"),
            "abc.12");
}

TEST(Routes, AnswerWithWhatIsAccepted) {
  const RequestTarget target = *parse_request_target("/v1/documents/a/text");
  const auto as = [&](std::string_view accept) -> std::string {
    const auto found = find_api_route({"GET", target, "", "", accept});
    if (const auto* error = std::get_if<HttpError>(&found)) return std::to_string(error->status);
    return std::get<ApiRoute>(found).call.arguments.at("as");
  };
  EXPECT_EQ(as(""), "application/json");
  EXPECT_EQ(as("*/*"), "application/json");
  EXPECT_EQ(as("text/*"), "text/plain");
  EXPECT_EQ(as("TEXT/plain;q=0.5, text/html"), "text/plain");
  EXPECT_EQ(as("application/json;q=0, text/plain"), "text/plain");
  EXPECT_EQ(as("text/plain; q=0.0"), "406");
  EXPECT_EQ(as("image/png"), "406");
}

TEST(Routes, TellWhatIsKnownAlready) {
  const RequestTarget target = *parse_request_target("/v1/status");
  const auto answer = [&](std::string_view known) {
    const auto found = find_api_route({"GET", target, "", "", "", "", known});
    CallResult result{"{}", std::nullopt};
    result.tag = "abc.2";
    return api_answer(std::get<ApiRoute>(found), std::move(result));
  };
  EXPECT_EQ(answer("").status, 200u);
  EXPECT_EQ(answer("").headers.at(0), std::pair(std::string("ETag"), std::string("\"abc.2\"")));
  EXPECT_EQ(answer("\"abd.2\"").status, 200u);
  for (const char* known : {"*", "\"abc.2\"", "\"x\" , W/\"abc.2\"", "\"abc.1\""}) {
    EXPECT_EQ(answer(known).status, 304u) << known;
    EXPECT_EQ(answer(known).body, "");
  }
}

TEST(Routes, PagesSayWhereTheNextIs) {
  const RequestTarget target =
      *parse_request_target("/v1/documents/a/messages?limit=2&cursor=old&workspace=a%20b");
  const auto found = find_api_route({"GET", target});
  const ApiRoute& page = std::get<ApiRoute>(found);
  EXPECT_EQ(page.call.arguments.at("before"), "old");
  const ApiAnswer more = api_answer(page, {R"({"older":"o/1","x":1})", std::nullopt});
  EXPECT_EQ(more.body, R"({"next":"o/1","x":1})");
  EXPECT_EQ(more.headers.at(0).second,
            "</v1/documents/a/messages?limit=2&workspace=a%20b&cursor=o%2F1>; rel=\"next\"");
  const ApiAnswer last = api_answer(page, {R"({"x":1})", std::nullopt});
  EXPECT_EQ(last.body, R"({"next":null,"x":1})");
  EXPECT_TRUE(last.headers.empty());
}

TEST(Routes, HaveTheirOwnLimits) {
  const auto most = [](std::string_view method, std::string_view target) {
    return body_bytes_max(method, *parse_request_target(target));
  };
  EXPECT_EQ(most("PUT", "/v1/documents/a/text"), 12u << 20);
  EXPECT_EQ(most("POST", "/v1/documents/a/messages"), 1u << 20);
  EXPECT_EQ(most("POST", "/nowhere"), 1u << 20);
}

TEST(Call, ErrorsBecomeJsonWhateverTheyQuote) {
  EXPECT_EQ(error_json({ErrorCode::kNotFound, "no \"x\""}),
            R"({"error":{"code":"not_found","message":"no \"x\""}})");
  EXPECT_NE(error_json({ErrorCode::kMalformed, "\xff"}).find("malformed"), std::string::npos);
}

}  // namespace
}  // namespace coterie::node::bridge
