#include "node/bridge/server.hpp"

#include <cerrno>
#include <charconv>
#include <future>
#include <optional>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>

#include "node/bridge/internal/listener.hpp"
#include "node/bridge/internal/server_state.hpp"

namespace coterie::node::bridge {

namespace asio = boost::asio;
using boost::system::error_code;
using internal::Command;
using internal::ServerState;
using internal::TlsContext;
using tcp = asio::ip::tcp;

struct Server::State : ServerState {
  using ServerState::ServerState;
};

namespace {

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
  return tcp::endpoint(address, port);
}

/// Whether those who can reach the bridge may.
Status check_reach(const Server::Options& options, const tcp::endpoint& endpoint) {
  if (options.insecure) return {};
  const bool loopback = endpoint.address().is_loopback();
  const bool local = loopback && options.hosts.empty() && options.trusted_proxies.empty();
  if (!local && !options.require_token) {
    return Error{ErrorCode::kUnauthorized,
                 "others than this machine would reach the bridge without a login: bind 127.0.0.1, "
                 "or require tokens"};
  }
  if (!loopback && options.certificate_file.empty()) {
    return Error{
        ErrorCode::kUnauthorized,
        "tokens and documents would cross the network unencrypted: bind 127.0.0.1, or give "
        "a certificate and its key"};
  }
  return {};
}

Result<std::vector<asio::ip::address>> parse_addresses(const std::vector<std::string>& texts) {
  std::vector<asio::ip::address> addresses;
  for (const std::string& text : texts) {
    error_code failure;
    addresses.push_back(asio::ip::make_address(text, failure));
    if (failure) return Error{ErrorCode::kMalformed, "a trusted proxy is given by its address"};
  }
  return addresses;
}

/// The descriptor that listens.
Result<int> listen(ServerState& state, const tcp::endpoint& endpoint) {
  error_code failure;
  const auto step = [&failure](auto action) {
    if (!failure) action();
  };
  tcp::acceptor acceptor(state.io);
  int descriptor = -1;
  step([&] { acceptor.open(endpoint.protocol(), failure); });
  step([&] { acceptor.set_option(tcp::acceptor::reuse_address(true), failure); });
  step([&] { acceptor.bind(endpoint, failure); });
  step([&] { acceptor.listen(asio::socket_base::max_listen_connections, failure); });
  step([&] { acceptor.native_non_blocking(true, failure); });
  step([&] { state.endpoint = acceptor.local_endpoint(failure); });
  step([&] { descriptor = acceptor.release(failure); });
  if (!failure) return descriptor;
  if (failure == asio::error::address_in_use) {
    return Error{ErrorCode::kConflict, "the port of the bridge is in use; choose another",
                 static_cast<std::uint64_t>(failure.value())};
  }
  return Error{ErrorCode::kIo, "cannot listen for the bridge",
               static_cast<std::uint64_t>(failure.value())};
}

/// As it stands in a URL.
std::string host_of(const asio::ip::address& address) {
  return address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
}

/// Calls `action` on a copy of the list, because connections leave it when they end.
template <typename Action>
void on_connections(ServerState& state, Action action) {
  const auto copy = state.connections;
  for (const auto& connection : copy) action(*connection);
}

void begin_stop(const std::shared_ptr<ServerState>& state, std::function<void()> done) {
  state->stopping = true;
  const auto patience = std::make_shared<asio::steady_timer>(state->io);
  // Until then it is answered that the node is stopping.
  state->when_empty = [state, patience, done = std::move(done)] {
    patience->cancel();
    state->close();
    done();
  };
  patience->expires_after(state->options.limits.closing);
  patience->async_wait([state, patience](error_code failure) {
    if (failure) return;
    state->turn([&] {
      state->listener->end();
      on_connections(*state, [](internal::Connection& one) { one.end(); });
    });
  });
  on_connections(*state, [](internal::Connection& one) { one.shut_down(); });
}

}  // namespace

Server::Server(std::shared_ptr<State> state) : state_(std::move(state)) {}

Server::~Server() { stop(); }

Result<std::unique_ptr<Server>> Server::start(asio::io_context& io, Options options,
                                              Handler& handler) {
  COTERIE_TRY(const tcp::endpoint endpoint, parse_bind(options.bind));
  auto state = std::make_shared<State>(io, std::move(options), handler);
  if (state->options.certificate_file.empty() != state->options.key_file.empty()) {
    return Error{ErrorCode::kMalformed, "TLS takes both a certificate and its key"};
  }
  if (!state->options.certificate_file.empty()) {
    COTERIE_TRY(state->tls,
                TlsContext::load(state->options.certificate_file, state->options.key_file));
  }
  COTERIE_CHECK(check_reach(state->options, endpoint));
  COTERIE_TRY(state->trusted_proxies, parse_addresses(state->options.trusted_proxies));
  COTERIE_TRY(const int descriptor, listen(*state, endpoint));
  state->listener = std::make_unique<internal::Listener>(*state, descriptor);
  const Options& given = state->options;
  COTERIE_TRY(state->names, AllowedNames::of({.port = state->endpoint.port(),
                                              .secure = state->tls != nullptr,
                                              .address = host_of(endpoint.address()),
                                              .hosts = given.hosts,
                                              .origins = given.origins}));
  COTERIE_CHECK(state->poller.open());
  asio::post(io, [state] {
    state->poller.run([state](const std::function<void()>& batch) { state->turn(batch); });
    state->listener->begin();
  });
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

std::uint16_t Server::port() const { return state_->endpoint.port(); }

std::string Server::url() const {
  // Not state_->tls, which is the I/O thread's.
  const char* scheme = state_->options.certificate_file.empty() ? "http://" : "https://";
  return scheme + host_of(state_->endpoint.address()) + ":" + std::to_string(port());
}

Stats Server::stats() const { return state_->published(); }

Status Server::reload_certificate() {
  const Options& options = state_->options;
  if (options.certificate_file.empty()) return {};
  COTERIE_TRY(auto context, TlsContext::load(options.certificate_file, options.key_file));
  asio::post(state_->io, [state = state_, context = std::move(context)] { state->tls = context; });
  return {};
}

void Server::accept_client(ClientHandle client) { state_->ask({client, Command::Accept{}}); }

void Server::refuse_client(ClientHandle client, CallError error) {
  state_->ask({client, Command::Refuse{std::move(error)}});
}

void Server::send(ClientHandle client, std::shared_ptr<const Bytes> message) {
  state_->ask({client, Command::Send{std::move(message)}});
}

void Server::send(std::vector<Outgoing> messages) { state_->ask(std::move(messages)); }

void Server::close_client(ClientHandle client, std::uint16_t code, std::string reason) {
  state_->ask({client, Command::Close{code, std::move(reason)}});
}

void Server::message_processed(ClientHandle client, std::size_t bytes) {
  state_->ask({client, Command::Processed{bytes}});
}

void Server::stop() {
  std::promise<void> stopped;
  asio::post(state_->io, [state = state_, &stopped] {
    if (state->handler == nullptr) {
      stopped.set_value();
      return;
    }
    state->turn([&] {
      begin_stop(state, [state, &stopped] {
        state->handler = nullptr;
        stopped.set_value();
      });
    });
  });
  stopped.get_future().wait();
}

}  // namespace coterie::node::bridge
