// One HTTP connection: a request, its answer, the next request; or the start of a WebSocket.

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/span_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include "node/bridge/internal/client_connection.hpp"
#include "node/bridge/internal/http_response.hpp"
#include "node/bridge/internal/server_state.hpp"
#include "node/bridge/routes.hpp"

namespace coterie::node::bridge::internal {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using tcp = asio::ip::tcp;

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

/// For how long what still comes after the last answer is read and thrown away.
constexpr std::chrono::seconds kDrainTime{2};

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

class HttpConnection final : public Connection,
                             public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(std::shared_ptr<ServerState> state, tcp::socket socket)
      : state_(std::move(state)), stream_(std::move(socket)), timer_(state_->io) {}
  ~HttpConnection() override { state_->remove(this); }

  void read() {
    parser_.emplace();
    parser_->header_limit(state_->options.limits.header_bytes);
    parser_->body_limit(state_->options.limits.body_bytes);
    stream_.expires_after(state_->options.limits.request);
    reading_ = true;
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](error_code failure, std::size_t) {
                       self->reading_ = false;
                       self->on_read(failure);
                     });
  }

  void shut_down() override {
    last_ = true;
    if (reading_) stream_.close();
  }
  void abort() override {
    timer_.cancel();
    stream_.close();
  }

 private:
  void on_read(error_code failure) {
    if (!failure) {
      handle(parser_->release());
    } else if (failure == http::error::header_limit) {
      refuse(431, {ErrorCode::kLimitExceeded, "the request headers are too long"});
    } else if (failure == http::error::body_limit) {
      refuse(413, {ErrorCode::kLimitExceeded, "the request body is too long"});
    } else if (failure == http::error::end_of_stream || failure == http::error::partial_message) {
      stream_.close();
    } else if (failure.category() == make_error_code(http::error::bad_method).category()) {
      refuse(400, {ErrorCode::kMalformed, "this is no HTTP request: " + failure.message()});
    }
  }

  void handle(http::request<http::string_body> request) {
    head_ = request.method() == http::verb::head;
    last_ = last_ || !request.keep_alive();
    if (auto error = check_names(request)) return refuse(error->status, error->error);
    auto target = parse_request_target(view(request.target()));
    if (!target) return answer_error(400, {ErrorCode::kMalformed, target.error().what});
    const bool upgrade = beast::websocket::is_upgrade(request);
    auto client = find_client_route(*target);
    if (client && upgrade) return attach(std::move(request), *std::move(client));
    if (client) {
      return answer_error(426, {ErrorCode::kMalformed, "attach to this path with a WebSocket"});
    }
    if (upgrade || target->segments.front() == "sync") {
      return answer_error(404, {ErrorCode::kNotFound,
                                "WebSockets attach at /sync/{workspace}/{document} and "
                                "/v1/documents/{id}/events"});
    }
    if (answer_asset(request, target->path)) return;
    auto route =
        find_api_route(view(request.method_string()), *target, request.body(), is_json(request));
    if (auto* error = std::get_if<HttpError>(&route)) {
      return answer_error(error->status, error->error, error->allow);
    }
    call(std::move(std::get<ApiRoute>(route)));
  }

  /// Host must be there once and local; Origin, if there, too.
  std::optional<HttpError> check_names(const http::request<http::string_body>& request) {
    if (request.count(http::field::host) != 1) {
      return HttpError{400, {ErrorCode::kMalformed, "a request needs one Host header"}, ""};
    }
    if (!state_->names.is_local_host(view(request[http::field::host]))) {
      return HttpError{
          403,
          {ErrorCode::kUnauthorized, "the bridge answers only to localhost, 127.0.0.1 and [::1]"},
          ""};
    }
    const auto origins = request.equal_range(http::field::origin);
    const bool foreign = std::any_of(origins.first, origins.second, [&](const auto& field) {
      return !state_->names.is_local_origin(view(field.value()));
    });
    if (foreign) {
      return HttpError{
          403, {ErrorCode::kUnauthorized, "pages of other origins may not use the bridge"}, ""};
    }
    return std::nullopt;
  }

  static bool is_json(const http::request<http::string_body>& request) {
    constexpr std::string_view kJson = "application/json";
    const std::string_view type = view(request[http::field::content_type]);
    return beast::iequals(beast::string_view(type.data(), std::min(type.size(), kJson.size())),
                          beast::string_view(kJson.data(), kJson.size())) &&
           (type.size() == kJson.size() || type[kJson.size()] == ';' || type[kJson.size()] == ' ');
  }

  void attach(http::request<http::string_body> request, ClientRequest wanted) {
    if (state_->stopping || buffer_.size() != 0) {
      // Data before our answer would be lost with this buffer; no client sends any.
      return refuse(400, {ErrorCode::kMalformed, "wait for the answer to the upgrade"});
    }
    serve_client(state_, std::move(stream_), std::move(request), std::move(wanted));
  }

  bool answer_asset(const http::request<http::string_body>& request, std::string_view path) {
    const bool index = path == "/" || path == "/index.html";
    const std::string_view wanted = index ? "/index.html" : path;
    const auto assets = state_->options.assets;
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
    const bool known =
        !asset.etag.empty() && view(request[http::field::if_none_match]) == asset.etag;
    http::response<http::span_body<const char>> response(
        known ? http::status::not_modified : http::status::ok, 11);
    set_security_headers(response);
    if (!asset.etag.empty()) response.set(http::field::etag, std::string(asset.etag));
    response.set(http::field::cache_control, asset.path.starts_with(kHashedPrefix)
                                                 ? "public, max-age=31536000, immutable"
                                                 : "no-cache");
    if (!known) {
      response.set(http::field::content_type, std::string(asset.content_type));
      response.content_length(asset.content.size());
      const std::string_view text = as_text(asset.content);
      if (!head_) response.body() = beast::span<const char>(text.data(), text.size());
    }
    write(std::move(response));
    return true;
  }

  void call(ApiRoute route) {
    if (state_->handler == nullptr) return stream_.close();
    stream_.expires_never();
    const std::uint64_t number = ++call_number_;
    timer_.expires_after(state_->options.limits.call);
    timer_.async_wait([self = shared_from_this(), number](error_code failure) {
      if (failure) return;
      self->on_called(
          number, 200,
          {"", CallError{ErrorCode::kUnavailable, "the node is too busy to answer; try again"}});
    });
    // Weak, and on our thread: the answer may come late, or never, and outlive the server.
    CallReply reply = [weak = weak_from_this(), executor = state_->io.get_executor(), number,
                       status = route.status_if_ok](CallResult result) {
      asio::post(executor, [weak, number, status, result = std::move(result)]() mutable {
        if (const auto self = weak.lock()) self->on_called(number, status, std::move(result));
      });
    };
    state_->handler->call(std::move(route.call), std::move(reply));
  }

  void on_called(std::uint64_t number, unsigned status, CallResult result) {
    if (number != call_number_) return;  // Answered already.
    ++call_number_;
    timer_.cancel();
    if (result.error) return answer_error(http_status(result.error->code), *result.error);
    answer_json(status, std::move(result.json));
  }

  void answer_error(unsigned status, const CallError& error, const std::string& allow = {}) {
    answer_json(status, error_json(error), allow);
  }

  /// Answers and closes: what else the peer sent is not worth reading.
  void refuse(unsigned status, const CallError& error) {
    last_ = true;
    answer_error(status, error);
  }

  void answer_json(unsigned status, std::string body, const std::string& allow = {}) {
    auto response = json_response(status, std::move(body), true);
    if (!allow.empty()) response.set(http::field::allow, allow);
    if (head_) response.body().clear();  // content_length is set already.
    write(std::move(response));
  }

  template <typename Body>
  void write(http::response<Body> response) {
    response.keep_alive(!last_);
    auto kept = std::make_shared<http::response<Body>>(std::move(response));
    stream_.expires_after(state_->options.limits.request);
    http::async_write(stream_, *kept,
                      [self = shared_from_this(), kept](error_code failure, std::size_t) {
                        if (failure) return;
                        if (!self->last_) return self->read();
                        error_code ignored;
                        self->stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
                        self->stream_.expires_after(kDrainTime);
                        self->buffer_.clear();
                        self->drain();
                      });
  }

  /// Closing with unread data would make the kernel reset the connection, and the peer might never
  /// see the answer.
  void drain() {
    buffer_.clear();
    stream_.async_read_some(buffer_.prepare(16u << 10),
                            [self = shared_from_this()](error_code failure, std::size_t bytes) {
                              if (failure) return;
                              self->buffer_.commit(bytes);
                              self->drain();
                            });
  }

  std::shared_ptr<ServerState> state_;
  beast::tcp_stream stream_;
  asio::steady_timer timer_;  ///< For the answer to a call.
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  bool reading_ = false;
  bool head_ = false;
  bool last_ = false;  ///< Close after the next answer.
  std::uint64_t call_number_ = 0;
};

}  // namespace

void serve_http(const std::shared_ptr<ServerState>& state, tcp::socket socket) {
  auto connection = std::make_shared<HttpConnection>(state, std::move(socket));
  state->add(connection);
  connection->read();
}

}  // namespace coterie::node::bridge::internal
