// One HTTP connection: a request, its answer, the next request; or the start of a WebSocket.

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/span_body.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include "node/bridge/internal/client_connection.hpp"
#include "node/bridge/internal/http_response.hpp"
#include "node/bridge/internal/listener.hpp"
#include "node/bridge/internal/server_state.hpp"
#include "node/bridge/internal/stream_connection.hpp"
#include "node/bridge/routes.hpp"

namespace coterie::node::bridge::internal {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::string_view kNotBuiltPage =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Coterie</title>"
    "<body style=\"font-family: system-ui; max-width: 40rem; margin: 4rem auto\">"
    "<h1>The node is running</h1><p>This binary was built without the web client. "
    "Build it with <code>npm ci &amp;&amp; npm run build</code> in <code>node/web</code>, then "
    "build <code>coterie</code> again.</p>"
    "<p>Yjs clients attach at <code>/sync/{workspace}/{document}</code>; the REST interface is "
    "described in <a href=\"/v1/openapi.json\">/v1/openapi.json</a>.</p></body></html>";

/// Vite names everything below /assets/ after its content.
constexpr std::string_view kHashedPrefix = "/assets/";

constexpr const char* kStrictTransport = "max-age=31536000";

/// For how long what still comes after the last answer is read and thrown away.
constexpr std::chrono::seconds kDrainTime{2};

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

class HttpConnection final : public Connection {
 public:
  HttpConnection(ServerState& server, Line line, asio::ip::address peer)
      : Connection(server, std::move(line)), peer_(std::move(peer)) {
    parser_.emplace();
  }

  void shut_down() override {
    last_ = true;
    if (phase_ == Phase::kReading) end();
  }

 private:
  void begin() override {
    last_ = state().stopping;
    const bool shakes_hands = wire().secure();
    next_request();
    if (shakes_hands) expect_by(state().now + limits().handshake);
    if (!shakes_hands) read();  // Most have sent their request already.
  }

  enum class Phase : std::uint8_t { kReading, kCalling, kAnswering, kDraining };

  const Limits& limits() const { return state().options.limits; }

  void next_request() {
    phase_ = Phase::kReading;
    parser_.emplace();
    parser_->header_limit(limits().header_bytes);
    parser_->body_limit(limits().body_bytes);
    expect_by(state().now + limits().request);
    set_reading(true);
  }

  void on_read(ByteView bytes) override {
    if (phase_ != Phase::kReading) return;  // Nobody asked: it is drained.
    if (wire().secure() && !std::exchange(shook_hands_, true)) {
      expect_by(state().now + limits().request);
    }
    append(in_, bytes);
    parse();
  }

  void parse() {
    while (!in_.empty() && phase_ == Phase::kReading) {
      error_code failure;
      const std::size_t used = parser_->put(asio::buffer(in_.data(), in_.size()), failure);
      in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(used));
      count_unfinished();
      if (failure == http::error::need_more) break;
      if (failure) return on_malformed(failure);
      if (parser_->is_done()) {
        set_reading(false);
        handle(parser_->release());
        count_unfinished();
        return;
      }
      if (parser_->eager()) {
        if (used == 0) break;
        continue;
      }
      // The header is there. Once: the parser counts what comes in chunks down from it.
      if (!limit_body()) return on_malformed(http::error::body_limit);
      parser_->eager(true);
    }
    if (state().unfinished_bytes > limits().unfinished_bytes && phase_ == Phase::kReading) {
      ++state().counts.refused;
      refuse(503, {ErrorCode::kUnavailable, "too many large requests at once; try again"});
    }
  }

  /// How large it may be depends on what it is for.
  bool limit_body() {
    const auto& request = parser_->get();
    const auto target = parse_request_target(view(request.target()));
    const std::uint64_t most =
        target ? std::min<std::uint64_t>(body_bytes_max(view(request.method_string()), *target),
                                         limits().body_bytes)
               : 0;
    parser_->body_limit(most);  // Of one that comes in chunks.
    return parser_->content_length().value_or(0) <= most;
  }

  void count_unfinished() {
    const std::size_t now =
        has_ended() ? 0
                    : in_.size() + (phase_ == Phase::kReading ? parser_->get().body().size() : 0);
    state().unfinished_bytes += now - unfinished_bytes_;
    unfinished_bytes_ = now;
  }

  void on_end() override { count_unfinished(); }

  void timed_out() override {
    if (phase_ != Phase::kCalling) {
      ++state().counts.timed_out;
      return end();
    }
    on_called(
        call_number_, {},
        {"", CallError{ErrorCode::kUnavailable, "the node is too busy to answer; try again"}});
  }

  void on_malformed(error_code failure) {
    if (failure == http::error::header_limit) {
      refuse(431, {ErrorCode::kLimitExceeded, "the request headers are too long"});
    } else if (failure == http::error::body_limit) {
      refuse(413, {ErrorCode::kLimitExceeded, "the request body is too long"});
    } else {
      refuse(400, {ErrorCode::kMalformed, "this is no HTTP request: " + failure.message()});
    }
  }

  void handle(http::request<http::string_body> request) {
    ++state().counts.requests;
    head_ = request.method() == http::verb::head;
    last_ = last_ || !request.keep_alive();
    if (auto error = check_names(request)) return refuse(error->status, error->error);
    if (auto error = check_address(request)) return refuse(error->status, error->error);
    if (state().stopping) {
      return refuse(503, {ErrorCode::kUnavailable, "the node is stopping"});
    }
    auto target = parse_request_target(view(request.target()));
    if (!target) return answer_error(400, {ErrorCode::kMalformed, target.error().what});
    const bool upgrade = beast::websocket::is_upgrade(request);
    auto client = find_client_route(*target);
    std::string token = token_of(request, *target);
    if (client) client->token = token;
    if (client && client->what == ClientRequest::What::kStream) {
      return stream(request, *std::move(client));
    }
    if (client && upgrade) return attach(request, *std::move(client));
    if (client) {
      return answer_error(426, {ErrorCode::kMalformed, "attach to this path with a WebSocket"});
    }
    if (upgrade || target->segments.front() == "sync") {
      return answer_error(404, {ErrorCode::kNotFound,
                                "WebSockets attach at /sync/{workspace}/{document} and "
                                "/v1/documents/{id}/events"});
    }
    if (answer_asset(request, target->path)) return;
    const auto field = [&](http::field name) { return view(request[name]); };
    auto route = find_api_route({view(request.method_string()), *target, request.body(),
                                 field(http::field::content_type), field(http::field::accept),
                                 field(http::field::if_match), field(http::field::if_none_match)});
    if (auto* error = std::get_if<HttpError>(&route)) {
      return answer_error(error->status, error->error, error->allow);
    }
    auto& asked = std::get<ApiRoute>(route);
    asked.call.token = std::move(token);
    call(std::move(asked));
  }

  /// Browsers cannot give a WebSocket a header, so it may be in the query.
  static std::string token_of(const http::request<http::string_body>& request,
                              const RequestTarget& target) {
    constexpr std::string_view kBearer = "Bearer ";
    // An empty credential, or one of another kind, is none that is valid: who shows it is not taken
    // for the owner, who shows nothing.
    constexpr const char* kNone = "-";
    const auto header = request.find(http::field::authorization);
    if (header != request.end()) {
      const std::string_view said = view(header->value());
      const bool bearer = said.size() > kBearer.size() &&
                          beast::iequals(beast::string_view(said.data(), kBearer.size()),
                                         beast::string_view(kBearer.data(), kBearer.size()));
      return bearer ? std::string(said.substr(kBearer.size())) : kNone;
    }
    const auto found = target.query.find("token");
    if (found == target.query.end()) return "";
    return found->second.empty() ? kNone : found->second;
  }

  /// Host must be there once and local; Origin, if there, too.
  std::optional<HttpError> check_names(const http::request<http::string_body>& request) {
    if (request.count(http::field::host) != 1) {
      return HttpError{400, {ErrorCode::kMalformed, "a request needs one Host header"}, ""};
    }
    if (!state().names.allows_host(view(request[http::field::host]))) {
      return HttpError{
          403,
          {ErrorCode::kUnauthorized,
           "the bridge answers to localhost, 127.0.0.1, [::1] and the names it was given"},
          ""};
    }
    const auto origins = request.equal_range(http::field::origin);
    const bool foreign = std::any_of(origins.first, origins.second, [&](const auto& field) {
      return !state().names.allows_origin(view(field.value()), view(request[http::field::host]));
    });
    if (foreign) {
      return HttpError{
          403, {ErrorCode::kUnauthorized, "pages of other origins may not use the bridge"}, ""};
    }
    return std::nullopt;
  }

  /// What a proxy says of whom it asks for, if it is believed.
  std::optional<HttpError> check_address(const http::request<http::string_body>& request) {
    const auto& trusted = state().trusted_proxies;
    if (std::find(trusted.begin(), trusted.end(), peer_) == trusted.end()) return std::nullopt;
    // The last one is what the proxy itself saw.
    std::string_view said = view(request["X-Forwarded-For"]);
    if (said.empty()) return std::nullopt;
    if (const auto comma = said.rfind(','); comma != std::string_view::npos) {
      said.remove_prefix(comma + 1);
    }
    said.remove_prefix(std::min(said.find_first_not_of(' '), said.size()));
    error_code failure;
    const auto address = asio::ip::make_address(std::string(said), failure);
    if (failure) {
      return HttpError{400, {ErrorCode::kMalformed, "X-Forwarded-For holds no address"}, ""};
    }
    if (address == forwarded_for_) return std::nullopt;
    auto taken = state().addresses.take(address, state().instant());
    if (!taken) {
      ++state().counts.refused;
      return HttpError{
          429, {ErrorCode::kLimitExceeded, "too many connections from your address"}, ""};
    }
    place() = *std::move(taken);
    forwarded_for_ = address;
    return std::nullopt;
  }

  void attach(const http::request<http::string_body>& request, ClientRequest wanted) {
    if (!in_.empty()) {
      // Data before our answer would have to be kept; no client sends any.
      return refuse(400, {ErrorCode::kMalformed, "wait for the answer to the upgrade"});
    }
    if (const unsigned status = upgrade_status(request); status != 0) {
      return refuse(status, {ErrorCode::kMalformed, "this is no WebSocket handshake"});
    }
    if (!place().take_join(state().instant())) {
      ++state().counts.refused;
      return refuse(429, {ErrorCode::kLimitExceeded, "too many WebSockets at once; try again"});
    }
    Line line = hand_over();
    end();
    state().add(
        std::make_shared<ClientConnection>(state(), std::move(line), request, std::move(wanted)));
  }

  void stream(const http::request<http::string_body>& request, ClientRequest wanted) {
    if (request.method() != http::verb::get) {
      return answer_error(405, {ErrorCode::kMalformed, "this path answers GET"}, "GET");
    }
    if (!place().take_join(state().instant())) {
      ++state().counts.refused;
      return refuse(429, {ErrorCode::kLimitExceeded, "too many clients at once; try again"});
    }
    wanted.resumed = request.count("Last-Event-ID") > 0;
    Line line = hand_over();
    end();
    state().add(std::make_shared<StreamConnection>(state(), std::move(line), std::move(wanted)));
  }

  bool answer_asset(const http::request<http::string_body>& request, std::string_view path) {
    const bool index = path == "/" || path == "/index.html";
    const std::string_view wanted = index ? "/index.html" : path;
    const auto assets = state().options.assets;
    const auto found = std::ranges::find(assets, wanted, &WebAsset::path);
    WebAsset asset{"/index.html", "text/html; charset=utf-8", "", as_bytes(kNotBuiltPage)};
    if (found != assets.end()) {
      asset = *found;
    } else if (!index) {
      return false;
    }
    if (request.method() != http::verb::get && request.method() != http::verb::head) {
      answer_error(405, {ErrorCode::kMalformed, "this path answers GET, HEAD"}, "GET, HEAD");
      return true;
    }
    const bool packed =
        !asset.gzip.empty() && accepts_gzip(view(request[http::field::accept_encoding]));
    const std::string etag = packed ? asset.gzip_etag() : std::string(asset.etag);
    const bool known = names_tag(view(request[http::field::if_none_match]), etag);
    http::response<http::span_body<const char>> response(
        known ? http::status::not_modified : http::status::ok, 11);
    set_security_headers(response, view(request[http::field::host]));
    if (!etag.empty()) response.set(http::field::etag, etag);
    if (!asset.gzip.empty()) response.set(http::field::vary, "Accept-Encoding");
    response.set(http::field::cache_control, asset.path.starts_with(kHashedPrefix)
                                                 ? "public, max-age=31536000, immutable"
                                                 : "no-cache");
    if (!known) {
      response.set(http::field::content_type, std::string(asset.content_type));
      if (packed) response.set(http::field::content_encoding, "gzip");
      const std::string_view text = as_text(packed ? asset.gzip : asset.content);
      response.content_length(text.size());
      if (!head_) response.body() = beast::span<const char>(text.data(), text.size());
    }
    write(std::move(response));
    return true;
  }

  void call(ApiRoute route) {
    if (state().handler == nullptr) return end();
    phase_ = Phase::kCalling;
    const std::uint64_t number = ++call_number_;
    expect_by(state().now + limits().call);
    // Weak, and on our thread: the answer may come late, or never, and outlive the server.
    auto kept = std::make_shared<const ApiRoute>(std::move(route));
    CallReply reply = [weak = weak_from_this(), executor = state().io.get_executor(), number,
                       kept](CallResult result) {
      asio::post(executor, [weak, number, kept, result = std::move(result)]() mutable {
        const auto self = std::static_pointer_cast<HttpConnection>(weak.lock());
        if (!self || self->has_ended()) return;
        self->state().turn([&] { self->on_called(number, *kept, std::move(result)); });
      });
    };
    state().handler->call(kept->call, std::move(reply));
  }

  void on_called(std::uint64_t number, const ApiRoute& route, CallResult result) {
    if (number != call_number_) return;  // Answered already.
    ++call_number_;
    ApiAnswer answer = api_answer(route, std::move(result));
    auto response = json_response(answer.status, std::move(answer.body), true);
    response.set(http::field::content_type, answer.content_type);
    for (const auto& [name, value] : answer.headers) response.set(name, value);
    if (response.find(http::field::etag) != response.end()) {
      response.set(http::field::cache_control, "private, no-cache");
    }
    answer_with(std::move(response));
  }

  void answer_error(unsigned status, const CallError& error, const std::string& allow = {}) {
    auto response = json_response(status, status == 204 ? std::string() : error_json(error), true);
    if (!allow.empty()) response.set(http::field::allow, allow);
    answer_with(std::move(response));
  }

  /// Answers and closes: what else the peer sent is not worth reading.
  void refuse(unsigned status, const CallError& error) {
    last_ = true;
    answer_error(status, error);
  }

  void answer_with(http::response<http::string_body> response) {
    if (response.body().empty()) response.erase(http::field::content_type);
    if (head_) response.body().clear();  // content_length is set already.
    write(std::move(response));
  }

  template <typename Body>
  void write(http::response<Body> response) {
    phase_ = Phase::kAnswering;
    set_reading(false);
    response.keep_alive(!last_);
    if (wire().secure()) response.set(http::field::strict_transport_security, kStrictTransport);
    expect_by(state().now + limits().request);
    send(head_of(response.base()));
    send_body(std::move(response.body()));
  }

  void send_body(std::string body) {
    if (body.empty()) return;
    const auto owner = std::make_shared<const std::string>(std::move(body));
    send(Piece{.header = {}, .owner = owner, .content = as_bytes(*owner), .counted = 0});
  }
  /// Of what is in the program itself.
  void send_body(beast::span<const char> body) {
    if (body.empty()) return;
    send(Piece{.header = {},
               .owner = nullptr,
               .content = as_bytes({body.data(), body.size()}),
               .counted = 0});
  }

  void on_flushed() override {
    if (phase_ != Phase::kAnswering) return;
    if (!last_) {
      next_request();
      parse();
      if (wire().read_pending()) read();
      return;
    }
    // Closing with unread data would make the kernel reset the connection, and the peer might never
    // see the answer: what still comes is read and thrown away.
    phase_ = Phase::kDraining;
    wire().shut_down();
    in_ = {};
    count_unfinished();
    expect_by(state().now + kDrainTime);
    set_reading(true);
  }

  asio::ip::address peer_;
  asio::ip::address forwarded_for_;
  std::optional<http::request_parser<http::string_body>> parser_;
  Bytes in_;                          ///< What has come and is not parsed.
  std::size_t unfinished_bytes_ = 0;  ///< Counted in ServerState.
  Phase phase_ = Phase::kReading;
  bool shook_hands_ = false;
  bool head_ = false;
  bool last_ = false;  ///< Close after the next answer.
  std::uint64_t call_number_ = 0;
};

}  // namespace

void serve_http(ServerState& state, Line line, asio::ip::address peer) {
  state.add(std::make_shared<HttpConnection>(state, std::move(line), std::move(peer)));
}

}  // namespace coterie::node::bridge::internal
