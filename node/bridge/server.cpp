#include "node/bridge/server.hpp"

#include <cerrno>
#include <charconv>
#include <future>
#include <optional>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/system/error_code.hpp>

#include "node/bridge/internal/server_state.hpp"

namespace coterie::node::bridge {

namespace asio = boost::asio;
using boost::system::error_code;
using internal::ServerState;
using tcp = asio::ip::tcp;

struct Server::State : ServerState {
  using ServerState::ServerState;
};

namespace {

/// Pause before accepting again when the process has run out of descriptors.
constexpr std::chrono::milliseconds kAcceptPause{100};

Result<tcp::endpoint> parse_bind(std::string_view text) {
  const Error bad{ErrorCode::kMalformed, "the bridge address must look like 127.0.0.1:7420"};
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad;
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) return bad;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return bad;
  }
  error_code failure;
  const auto address = host == "localhost" ? asio::ip::make_address("127.0.0.1")
                                           : asio::ip::make_address(std::string(host), failure);
  if (failure) return bad;
  if (!address.is_loopback()) {
    return Error{ErrorCode::kUnauthorized,
                 "the bridge has no logins yet and so serves this machine only: bind 127.0.0.1 or "
                 "[::1]"};
  }
  return tcp::endpoint(address, port);
}

Status listen(ServerState& state, const tcp::endpoint& endpoint) {
  error_code failure;
  const auto step = [&failure](auto action) {
    if (!failure) action();
  };
  tcp::acceptor& acceptor = state.acceptor;
  step([&] { acceptor.open(endpoint.protocol(), failure); });
  step([&] { acceptor.set_option(tcp::acceptor::reuse_address(true), failure); });
  step([&] { acceptor.bind(endpoint, failure); });
  step([&] { acceptor.listen(asio::socket_base::max_listen_connections, failure); });
  step([&] { state.endpoint = acceptor.local_endpoint(failure); });
  if (!failure) return {};
  if (failure == asio::error::address_in_use) {
    return Error{ErrorCode::kConflict, "the port of the bridge is in use; choose another",
                 static_cast<std::uint64_t>(failure.value())};
  }
  return Error{ErrorCode::kIo, "cannot listen for the bridge",
               static_cast<std::uint64_t>(failure.value())};
}

void refuse_connection(tcp::socket socket) {
  // Best effort, without waiting: a fresh socket's buffer has room for it.
  constexpr std::string_view kBusy =
      "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(kBusy.data(), kBusy.size()), ignored);
  socket.shutdown(tcp::socket::shutdown_send, ignored);
}

void accept_next(const std::shared_ptr<ServerState>& state) {
  state->acceptor.async_accept([state](error_code failure, tcp::socket socket) {
    if (state->stopping) return;
    if (failure) {
      state->pause.expires_after(kAcceptPause);
      state->pause.async_wait([state](error_code) {
        if (!state->stopping) accept_next(state);
      });
      return;
    }
    if (state->connections.size() >= state->options.limits.connections) {
      refuse_connection(std::move(socket));
    } else {
      error_code ignored;
      socket.set_option(tcp::no_delay(true), ignored);
      internal::serve_http(state, std::move(socket));
    }
    accept_next(state);
  });
}

/// Runs `action` on the client, on the I/O thread, if it is still there.
template <typename Action>
void on_client(const std::shared_ptr<ServerState>& state, ClientHandle client, Action action) {
  asio::post(state->io, [state, client, action = std::move(action)]() mutable {
    const auto found = state->clients.find(client);
    if (found == state->clients.end()) return;
    const std::shared_ptr<internal::Client> kept = found->second;
    action(*kept);
  });
}

/// Calls `action` on a copy of the list, because connections leave it when they end.
template <typename Action>
void on_connections(ServerState& state, Action action) {
  const auto copy = state.connections;
  for (const auto& [key, weak] : copy) {
    if (const auto connection = weak.lock()) action(*connection);
  }
}

void begin_stop(const std::shared_ptr<ServerState>& state, std::function<void()> done) {
  state->stopping = true;
  error_code ignored;
  state->acceptor.close(ignored);
  state->when_empty = [state, done = std::move(done)] {
    // Later, because a connection is being destroyed right now.
    asio::post(state->io, [state, done] {
      if (!state->when_empty) return;
      state->when_empty = nullptr;
      state->pause.cancel();
      done();
    });
  };
  state->pause.expires_after(state->options.limits.closing);
  state->pause.async_wait([state](error_code failure) {
    if (!failure) on_connections(*state, [](internal::Connection& one) { one.abort(); });
  });
  on_connections(*state, [](internal::Connection& one) { one.shut_down(); });
  if (state->connections.empty()) state->when_empty();
}

}  // namespace

Server::Server(std::shared_ptr<State> state) : state_(std::move(state)) {}

Server::~Server() { stop(); }

Result<std::unique_ptr<Server>> Server::start(asio::io_context& io, Options options,
                                              Handler& handler) {
  COTERIE_TRY(const tcp::endpoint endpoint, parse_bind(options.bind));
  auto state = std::make_shared<State>(io, std::move(options), handler);
  COTERIE_CHECK(listen(*state, endpoint));
  state->names = LocalNames(state->endpoint.port());
  asio::post(io, [state] { accept_next(state); });
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

std::uint16_t Server::port() const { return state_->endpoint.port(); }

std::string Server::url() const {
  const auto address = state_->endpoint.address();
  const std::string host = address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
  return "http://" + host + ":" + std::to_string(port());
}

void Server::accept_client(ClientHandle client) {
  on_client(state_, client, [](internal::Client& one) { one.accept(); });
}

void Server::refuse_client(ClientHandle client, CallError error) {
  on_client(state_, client,
            [error = std::move(error)](internal::Client& one) { one.refuse(error); });
}

void Server::send(ClientHandle client, std::shared_ptr<const Bytes> message) {
  on_client(state_, client, [message = std::move(message)](internal::Client& one) mutable {
    one.send(std::move(message));
  });
}

void Server::close_client(ClientHandle client, std::uint16_t code, std::string reason) {
  on_client(state_, client,
            [code, reason = std::move(reason)](internal::Client& one) { one.close(code, reason); });
}

void Server::message_processed(ClientHandle client, std::size_t bytes) {
  on_client(state_, client, [bytes](internal::Client& one) { one.processed(bytes); });
}

void Server::stop() {
  std::promise<void> stopped;
  asio::post(state_->io, [state = state_, &stopped] {
    if (state->handler == nullptr) {
      stopped.set_value();
      return;
    }
    begin_stop(state, [state, &stopped] {
      state->handler = nullptr;
      stopped.set_value();
    });
  });
  stopped.get_future().wait();
}

}  // namespace coterie::node::bridge
