// HTTP over real sockets: who is answered, with what, and what a hostile peer gets.

#include <thread>

#include "tests/node/bridge/fixture.hpp"

namespace coterie::node::bridge {
namespace {

using Http = BridgeTest;

const Bytes kIndex{'<', 'p', '>'};
const Bytes kScript{'l', 'e', 't'};
const WebAsset kAssets[] = {
    {"/assets/index-1a2b3c4d.js", "text/javascript; charset=utf-8", "\"j1\"", kScript},
    {"/index.html", "text/html; charset=utf-8", "\"h1\"", kIndex},
};

TEST_F(Http, ServesTheWebClient) {
  assets_ = kAssets;
  start();
  RawClient one(server_->port());
  const Response page = one.request("GET /");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.body, "<p>");
  EXPECT_EQ(page.header("Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ(page.header("Cache-Control"), "no-cache");
  EXPECT_EQ(page.header("ETag"), "\"h1\"");
  EXPECT_EQ(page.header("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(page.header("Referrer-Policy"), "no-referrer");
  EXPECT_EQ(page.header("X-Frame-Options"), "DENY");
  EXPECT_NE(page.header("Permissions-Policy").find("camera=()"), std::string::npos);
  EXPECT_EQ(page.header("Strict-Transport-Security"), "") << "not over TLS";
  EXPECT_NE(page.header("Content-Security-Policy").find("frame-ancestors 'none'"),
            std::string::npos);
  EXPECT_EQ(page.header("Access-Control-Allow-Origin"), "");

  const Response script = one.request("GET /assets/index-1a2b3c4d.js?x=1");
  EXPECT_EQ(script.body, "let");
  EXPECT_EQ(script.header("Content-Type"), "text/javascript; charset=utf-8");
  EXPECT_NE(script.header("Cache-Control").find("immutable"), std::string::npos);
}

TEST_F(Http, ServesWhatAnAppNeedsToWorkOffline) {
  const Bytes worker{'s', 'w'};
  const Bytes manifest{'{', '}'};
  const WebAsset assets[] = {
      {"/index.html", "text/html; charset=utf-8", "\"h1\"", kIndex},
      {"/manifest.webmanifest", "application/manifest+json", "\"m1\"", manifest},
      {"/sw.js", "text/javascript; charset=utf-8", "\"s1\"", worker},
  };
  assets_ = assets;
  start();
  RawClient one(server_->port());
  const Response sw = one.request("GET /sw.js");
  EXPECT_EQ(sw.status, 200);
  EXPECT_EQ(sw.body, "sw");
  EXPECT_EQ(sw.header("Content-Type"), "text/javascript; charset=utf-8");
  EXPECT_EQ(sw.header("Cache-Control"), "no-cache") << "a new one must be found";
  const Response app = one.request("GET /manifest.webmanifest");
  EXPECT_EQ(app.header("Content-Type"), "application/manifest+json");
  EXPECT_EQ(app.header("Cache-Control"), "no-cache");
  EXPECT_EQ(one.request("GET /sw.js", "If-None-Match: \"s1\"\r\n").status, 304);
}

TEST_F(Http, PagesSpeakToTheirOwnNodeOnly) {
  assets_ = kAssets;
  start();
  RawClient one(server_->port());
  const std::string policy = one.request("GET /").header("Content-Security-Policy");
  const auto says = [&](const std::string& directive) {
    return ("; " + policy + ";").find("; " + directive + ";") != std::string::npos;
  };
  const std::string host = "127.0.0.1:" + std::to_string(server_->port());
  EXPECT_TRUE(says("default-src 'self'")) << policy;
  EXPECT_TRUE(says("worker-src 'self' blob:")) << policy;
  EXPECT_TRUE(says("img-src 'self' data: blob:")) << policy;
  EXPECT_TRUE(says("manifest-src 'self'")) << policy;
  EXPECT_TRUE(says("connect-src 'self' ws://" + host + " wss://" + host)) << policy;
  EXPECT_EQ(policy.find("unsafe-eval"), std::string::npos);
  const std::string other = one.request("GET /v1/status").header("Content-Security-Policy");
  EXPECT_NE(other.find("connect-src 'self';"), std::string::npos) << other;
}

TEST_F(Http, SendsWhatIsCompressedToWhoTakesIt) {
  const Bytes packed{0x1f, 0x8b};
  const WebAsset assets[] = {
      {"/assets/a.js", "text/javascript; charset=utf-8", "\"j1\"", kScript, packed},
      {"/assets/b.png", "image/png", "\"p1\"", kIndex},
  };
  assets_ = assets;
  start();
  RawClient one(server_->port());
  const Response plain = one.request("GET /assets/a.js");
  EXPECT_EQ(plain.body, "let");
  EXPECT_EQ(plain.header("Content-Encoding"), "");
  EXPECT_EQ(plain.header("ETag"), "\"j1\"");
  EXPECT_EQ(plain.header("Vary"), "Accept-Encoding");
  const Response small = one.request("GET /assets/a.js", "Accept-Encoding: br, gzip\r\n");
  EXPECT_EQ(small.body, "\x1f\x8b");
  EXPECT_EQ(small.header("Content-Encoding"), "gzip");
  EXPECT_EQ(small.header("Content-Length"), "2");
  EXPECT_EQ(small.header("ETag"), "\"j1-gzip\"");
  EXPECT_EQ(small.header("Vary"), "Accept-Encoding");
  EXPECT_EQ(small.header("Content-Type"), "text/javascript; charset=utf-8");
  EXPECT_NE(small.header("Cache-Control").find("immutable"), std::string::npos);
  const Response known =
      one.request("GET /assets/a.js", "Accept-Encoding: gzip\r\nIf-None-Match: W/\"j1-gzip\"\r\n");
  EXPECT_EQ(known.status, 304);
  EXPECT_EQ(known.header("Vary"), "Accept-Encoding");
  EXPECT_EQ(one.request("GET /assets/a.js", "If-None-Match: \"j1-gzip\"\r\n").status, 200)
      << "another form";
  const Response head = one.request("HEAD /assets/a.js", "Accept-Encoding: gzip\r\n");
  EXPECT_EQ(head.header("Content-Length"), "2");
  const Response picture = one.request("GET /assets/b.png", "Accept-Encoding: gzip\r\n");
  EXPECT_EQ(picture.header("Content-Encoding"), "");
  EXPECT_EQ(picture.header("Vary"), "");
}

TEST(WebAssets, WhoTakesGzipSaysSo) {
  for (const char* yes : {"gzip", "GZip", "br, gzip", "gzip;q=0.5", "deflate,gzip ; q=1"}) {
    EXPECT_TRUE(accepts_gzip(yes)) << yes;
  }
  for (const char* no : {"", "*", "br", "gzip;q=0", "gzip; q=0.000", "x-gzip", "gzip2", ","}) {
    EXPECT_FALSE(accepts_gzip(no)) << no;
  }
  EXPECT_TRUE(names_tag("\"a\", W/\"b\"", "\"b\""));
  EXPECT_TRUE(names_tag("*", "\"b\""));
  EXPECT_FALSE(names_tag("\"a\"", "\"b\""));
  EXPECT_FALSE(names_tag("*", ""));
  EXPECT_FALSE(names_tag("", "\"b\""));
}

TEST_F(Http, KnowsWhatTheBrowserHas) {
  assets_ = kAssets;
  start();
  RawClient one(server_->port());
  const Response known = one.request("GET /", "If-None-Match: \"h1\"\r\n");
  EXPECT_EQ(known.status, 304);
  EXPECT_EQ(known.body, "");
  EXPECT_EQ(one.request("GET /", "If-None-Match: \"old\"\r\n").status, 200);
  const Response head = one.request("HEAD /");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("Content-Length"), "3");
  EXPECT_EQ(one.request("GET /index.html").body, "<p>");
  EXPECT_EQ(one.request("DELETE /").status, 405);
}

TEST_F(Http, WithoutAWebClientSaysSo) {
  start();
  RawClient one(server_->port());
  const Response page = one.request("GET /");
  EXPECT_EQ(page.status, 200);
  EXPECT_NE(page.body.find("built without the web client"), std::string::npos);
}

TEST_F(Http, CarriesItsDescription) {
  assets_ = embedded_web_assets();
  start();
  RawClient one(server_->port());
  const Response description = one.request("GET /v1/openapi.json");
  EXPECT_EQ(description.status, 200);
  EXPECT_EQ(description.header("Content-Type"), "application/json");
  EXPECT_NE(description.body.find("\"openapi\": \"3.1.0\""), std::string::npos);
  EXPECT_EQ(description.body.back(), '\n');
  const Response packed = one.request("GET /v1/openapi.json", "Accept-Encoding: gzip\r\n");
  EXPECT_EQ(packed.header("Content-Encoding"), "gzip");
  EXPECT_LT(packed.body.size(), description.body.size() / 2);
  EXPECT_EQ(packed.body.substr(0, 2), "\x1f\x8b");
}

TEST_F(Http, UnknownPathsAreTypedErrors) {
  start();
  RawClient one(server_->port());
  const Response missing = one.request("GET /no/such/thing");
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.header("Content-Type"), "application/json");
  EXPECT_NE(missing.body.find(R"("code":"not_found")"), std::string::npos);
  EXPECT_EQ(one.request("GET /../../etc/passwd").status, 404);
  EXPECT_EQ(one.request("GET /%zz").status, 400);
  EXPECT_EQ(one.request("GET /sync/demo/doc").status, 426);
  EXPECT_EQ(one.upgrade("/chat").status, 404);
}

// DNS rebinding: a foreign name that resolves to 127.0.0.1.
TEST_F(Http, AnswersOnlyToItsOwnName) {
  start();
  const std::string port = std::to_string(server_->port());
  const auto status_for = [&](const std::string& headers) {
    RawClient one(server_->port());
    one.send("GET /v1/status HTTP/1.1\r\n" + headers + "\r\n");
    return one.read_response().status;
  };
  EXPECT_EQ(status_for("Host: localhost:" + port + "\r\n"), 200);
  EXPECT_EQ(status_for("Host: [::1]:" + port + "\r\n"), 200);
  EXPECT_EQ(status_for("Host: evil.example:" + port + "\r\n"), 403);
  EXPECT_EQ(status_for("Host: evil.example\r\n"), 403);
  EXPECT_EQ(status_for("Host: localhost\r\n"), 403);
  EXPECT_EQ(status_for(""), 400);
  EXPECT_EQ(status_for("Host: localhost:" + port + "\r\nHost: evil.example\r\n"), 400);
  EXPECT_EQ(handler_.calls().size(), 2u);
}

TEST_F(Http, ForeignPagesAreRefused) {
  start();
  const std::string own = "Origin: http://127.0.0.1:" + std::to_string(server_->port()) + "\r\n";
  const std::string post = "Content-Type: application/json\r\nContent-Length: 12\r\n";
  for (const char* foreign : {"http://evil.example", "null", "http://localhost:1", "",
                              "http://localhost", "https://127.0.0.1"}) {
    const std::string origin = "Origin: " + std::string(foreign) + "\r\n";
    RawClient one(server_->port());
    EXPECT_EQ(one.request("GET /v1/status", origin).status, 403) << foreign;
    RawClient two(server_->port());
    EXPECT_EQ(
        two.request("POST /v1/workspaces/w/documents", origin + post, R"({"path":"x"})").status,
        403)
        << foreign;
    RawClient three(server_->port());
    EXPECT_EQ(three.upgrade("/sync/w/d", origin).status, 403) << foreign;
    RawClient four(server_->port());
    EXPECT_EQ(four.upgrade("/sync/w/d", own + origin).status, 403) << foreign;
  }
  EXPECT_TRUE(handler_.calls().empty());
  RawClient one(server_->port());
  EXPECT_EQ(one.request("POST /v1/workspaces/w/documents", own + post, R"({"path":"x"})").status,
            201);
  EXPECT_EQ(one.upgrade("/sync/w/d", own).status, 101);
}

TEST_F(Http, PassesCallsOnAndAnswersBack) {
  start();
  RawClient one(server_->port());
  const Response ok = one.request("GET /v1/workspaces/my%20team/documents");
  EXPECT_EQ(ok.status, 200);
  EXPECT_EQ(ok.body, R"({"next":null,"ok":true})");
  EXPECT_EQ(ok.header("Cache-Control"), "no-store");
  ASSERT_EQ(handler_.calls().size(), 1u);
  EXPECT_EQ(handler_.calls()[0].arguments.at("workspace"), "my team");

  handler_.set_answer({"", CallError{ErrorCode::kConflict, "two have that name"}});
  const Response error = one.request("GET /v1/status");
  EXPECT_EQ(error.status, 409);
  EXPECT_EQ(error.body, R"({"error":{"code":"conflict","message":"two have that name"}})");
  const Response head = one.request("HEAD /v1/status");
  EXPECT_EQ(head.status, 409);
  EXPECT_EQ(one.request("PUT /v1/status").header("Allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(one.request("POST /v1/workspaces/w/documents",
                        "Content-Type: text/plain\r\nContent-Length: 12\r\n", R"({"path":"x"})")
                .status,
            415);
}

TEST_F(Http, ANodeThatDoesNotAnswerIsReportedBusy) {
  handler_.answer_calls = false;
  limits_.call = std::chrono::milliseconds(50);
  start();
  RawClient one(server_->port());
  EXPECT_EQ(one.request("GET /healthz").status, 503);
  EXPECT_EQ(one.request("GET /").status, 200);  // The connection lives on.
}

TEST_F(Http, KeepsConnectionsAndTakesPipelinedRequests) {
  start();
  RawClient one(server_->port());
  const std::string request = "GET /v1/status HTTP/1.1\r\nHost: " + one.host() + "\r\n\r\n";
  one.send(request + request + request);
  for (int left = 3; left > 0; --left) EXPECT_EQ(one.read_response().status, 200);
  EXPECT_EQ(one.request("GET /v1/status", "Connection: close\r\n").status, 200);
  EXPECT_TRUE(one.at_end());
}

TEST_F(Http, HeadersHaveALimit) {
  limits_.header_bytes = 1000;
  start();
  RawClient one(server_->port());
  const std::string line = "GET /v1/status HTTP/1.1\r\n";
  const std::string headers = "Host: " + one.host() + "\r\nX: ";
  one.send(line + headers + std::string(1000 - headers.size() - 4, 'x') + "\r\n\r\n");
  EXPECT_EQ(one.read_response().status, 200);
  one.send(line + headers + std::string(1000 - headers.size() - 3, 'x') + "\r\n\r\n");
  EXPECT_EQ(one.read_response().status, 431);
  EXPECT_TRUE(one.at_end());

  RawClient endless(server_->port());
  endless.send("GET /" + std::string(5000, 'x'));
  EXPECT_EQ(endless.read_response().status, 431);
}

TEST_F(Http, BodiesHaveALimit) {
  limits_.body_bytes = 100'000;
  start();
  const auto post = [&](std::size_t bytes) {
    RawClient one(server_->port());
    std::string body = R"({"path":"x"})";
    body.resize(bytes, ' ');
    return one
        .request(
            "POST /v1/workspaces/w/documents",
            "Content-Type: application/json\r\nContent-Length: " + std::to_string(bytes) + "\r\n",
            body)
        .status;
  };
  EXPECT_EQ(post(100'000), 201);
  EXPECT_EQ(post(100'001), 413);
  EXPECT_EQ(post(1'000'000), 413);

  RawClient chunked(server_->port());
  std::string body = "186a1\r\n" + std::string(100'001, ' ') + "\r\n0\r\n\r\n";
  EXPECT_EQ(chunked
                .request("POST /v1/workspaces/w/documents",
                         "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n", body)
                .status,
            413);
  // The same in small pieces, and no more than fits.
  const std::string piece = "2710\r\n" + std::string(10'000, ' ') + "\r\n";
  const auto pieces = [&](int count) {
    std::string all = "c\r\n{\"path\":\"x\"}\r\n";
    for (int left = count; left > 0; --left) all += piece;
    RawClient one(server_->port());
    return one
        .request("POST /v1/workspaces/w/documents",
                 "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n",
                 all + "0\r\n\r\n")
        .status;
  };
  EXPECT_EQ(pieces(9), 201);
  EXPECT_EQ(pieces(10), 413);
}

TEST_F(Http, WhatIsNoHttpIsRefused) {
  start();
  for (const char* bad :
       {"\r\n\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\x16\x03\x01\x02garbage\r\n\r\n",
        "GET / HTTP/1.1\r\nHost 127\r\n\r\n", "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    RawClient one(server_->port());
    one.send(bad);
    EXPECT_EQ(one.read_response().status, 400) << bad;
    EXPECT_TRUE(one.at_end()) << bad;
  }
  EXPECT_TRUE(handler_.calls().empty());
}

TEST_F(Http, ARequestThatNeverEndsIsCutOff) {
  limits_.request = std::chrono::milliseconds(150);
  start();
  RawClient slow(server_->port());
  slow.send("GET / HTTP/1.1\r\nHost: ");
  EXPECT_TRUE(slow.at_end());
  RawClient silent(server_->port());
  EXPECT_TRUE(silent.at_end());
}

TEST_F(Http, ConnectionsHaveALimit) {
  limits_.connections = 3;
  start();
  auto one = std::make_unique<RawClient>(server_->port());
  RawClient two(server_->port());
  RawClient three(server_->port());
  EXPECT_EQ(one->request("GET /v1/status").status, 200);
  EXPECT_EQ(two.upgrade("/sync/w/d").status, 101);
  EXPECT_EQ(three.request("GET /v1/status").status, 200);
  RawClient four(server_->port());
  EXPECT_EQ(four.read_response().status, 503);
  EXPECT_TRUE(four.at_end());
  one.reset();
  // The place becomes free as soon as the server has noticed.
  int status = 0;
  for (int tries = 0; tries < 100 && status != 200; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    RawClient again(server_->port());
    status = again.request("GET /v1/status").status;
  }
  EXPECT_EQ(status, 200);
}

TEST_F(Http, StopsWithConnectionsOpen) {
  start();
  RawClient idle(server_->port());
  RawClient half(server_->port());
  half.send("GET / HTT");
  EXPECT_EQ(idle.request("GET /v1/status").status, 200);
  server_->stop();
  EXPECT_TRUE(idle.at_end());
  EXPECT_TRUE(half.at_end());
  server_->stop();  // Again is harmless.
}

ErrorCode start_code(IoThread& io, Handler& handler, const std::string& bind) {
  const auto started =
      Server::start(io.context(), {.bind = bind, .limits = {}, .assets = {}}, handler);
  EXPECT_FALSE(started) << bind;
  return started ? ErrorCode{} : started.error().code;
}

TEST_F(Http, AnswersToTheNamesItWasGiven) {
  options_.hosts = {"team.example"};
  options_.origins = {"https://wiki.example"};
  options_.require_token = true;
  start();
  const auto status_for = [&](const std::string& headers) {
    RawClient one(server_->port());
    one.send("GET /v1/status HTTP/1.1\r\n" + headers + "\r\n");
    return one.read_response().status;
  };
  EXPECT_EQ(status_for("Host: team.example\r\n"), 200);
  EXPECT_EQ(status_for("Host: team.example\r\nOrigin: https://team.example\r\n"), 200);
  EXPECT_EQ(status_for("Host: team.example\r\nOrigin: https://wiki.example\r\n"), 200);
  EXPECT_EQ(status_for("Host: team.example\r\nOrigin: https://evil.example\r\n"), 403);
  EXPECT_EQ(status_for("Host: evil.example\r\nOrigin: https://evil.example\r\n"), 403);
  RawClient hijack(server_->port());
  EXPECT_EQ(hijack.upgrade("/sync/w/d", "Origin: https://evil.example\r\n").status, 403);
}

TEST_F(Http, BindsLoopbackOnly) {
  for (const char* open : {"0.0.0.0:0", "[::]:0", "192.0.2.1:0", "10.0.0.1:80"}) {
    EXPECT_EQ(start_code(io_, handler_, open), ErrorCode::kUnauthorized) << open;
  }
  for (const char* bad : {"", "7420", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", ":7420",
                          "::1:7420", "127.0.0.1:-1", "127.0.0.1:80x", "example.com:80", "[]:1"}) {
    EXPECT_EQ(start_code(io_, handler_, bad), ErrorCode::kMalformed) << bad;
  }
  start();
  EXPECT_EQ(start_code(io_, handler_, "127.0.0.1:" + std::to_string(server_->port())),
            ErrorCode::kConflict);
  EXPECT_EQ(server_->url(), "http://127.0.0.1:" + std::to_string(server_->port()));
}

}  // namespace
}  // namespace coterie::node::bridge
