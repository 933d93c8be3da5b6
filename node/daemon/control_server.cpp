#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <future>
#include <set>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <nlohmann/json.hpp>

#include "node/daemon/control.hpp"
#include "node/daemon/internal/control_address.hpp"

namespace coterie::node {

namespace asio = boost::asio;
using boost::system::error_code;
using nlohmann::json;
using Stream = asio::local::stream_protocol;

namespace {

class ControlConnection;

bool is_own_user(Stream::socket& socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  const int got = ::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size);
  return got == 0 && (peer.uid == ::geteuid() || peer.uid == 0);
}

Result<Call> parse_request(std::string_view line) {
  const Error bad{ErrorCode::kMalformed, "a request is {\"operation\":...,\"arguments\":{...}}"};
  const json object = json::parse(line, nullptr, false);
  if (!object.is_object()) return bad;
  const auto operation = object.find("operation");
  if (operation == object.end() || !operation->is_string()) return bad;
  Call call{operation->get<std::string>(), {}};
  const auto arguments = object.find("arguments");
  if (arguments == object.end()) return call;
  if (!arguments->is_object()) return bad;
  for (const auto& [name, value] : arguments->items()) {
    if (!value.is_string()) return bad;
    call.arguments.emplace(name, value.get<std::string>());
  }
  return call;
}

/// The result is put in as it is: it was made by json::dump().
std::string answer_line(const CallResult& result) {
  if (!result.error) return R"({"ok":true,"result":)" + result.json + "}\n";
  return R"({"ok":false,)" + error_json(*result.error).substr(1) + "\n";
}

}  // namespace

struct ControlServer::State {
  State(asio::io_context& context, Handler given)
      : io(context), handler(std::move(given)), acceptor(context) {}

  asio::io_context& io;
  Handler handler;  ///< Empty once stopped.
  Stream::acceptor acceptor;
  std::string path;
  std::set<std::shared_ptr<ControlConnection>> connections;

  static void accept_next(const std::shared_ptr<State>& state);
};

namespace {

class ControlConnection : public std::enable_shared_from_this<ControlConnection> {
 public:
  using Ended = std::function<void(const std::shared_ptr<ControlConnection>&)>;

  ControlConnection(Stream::socket socket, ControlServer::Handler handler, Ended ended)
      : socket_(std::move(socket)),
        handler_(std::move(handler)),
        ended_(std::move(ended)),
        buffer_(kControlLineBytesMax) {}

  void read() {
    asio::async_read_until(socket_, buffer_, '\n',
                           [self = shared_from_this()](error_code failure, std::size_t bytes) {
                             self->on_read(failure, bytes);
                           });
  }

  void close() {
    closed_ = true;
    error_code ignored;
    socket_.close(ignored);
  }

 private:
  void on_read(error_code failure, std::size_t bytes) {
    if (closed_) return;
    if (failure == asio::error::not_found) {
      last_ = true;
      return answer({"", CallError{ErrorCode::kLimitExceeded, "the request line is too long"}});
    }
    if (failure) return end();
    const auto* text = static_cast<const char*>(buffer_.data().data());
    auto call = parse_request(std::string_view(text, bytes - 1));
    buffer_.consume(bytes);
    if (!call) return answer({"", CallError{call.error().code, call.error().what}});
    handler_(*std::move(call),
             [weak = weak_from_this(), executor = socket_.get_executor()](CallResult result) {
               asio::post(executor, [weak, result = std::move(result)] {
                 if (const auto self = weak.lock()) self->answer(result);
               });
             });
  }

  void answer(const CallResult& result) {
    if (closed_) return;
    line_ = answer_line(result);
    asio::async_write(socket_, asio::buffer(line_),
                      [self = shared_from_this()](error_code failure, std::size_t) {
                        if (self->closed_) return;
                        if (failure || self->last_) return self->end();
                        self->read();
                      });
  }

  void end() {
    close();
    ended_(shared_from_this());
  }

  Stream::socket socket_;
  ControlServer::Handler handler_;
  Ended ended_;
  asio::streambuf buffer_;
  std::string line_;
  bool last_ = false;
  bool closed_ = false;
};

}  // namespace

void ControlServer::State::accept_next(const std::shared_ptr<State>& state) {
  state->acceptor.async_accept([state](error_code failure, Stream::socket socket) {
    if (!state->handler || failure == asio::error::operation_aborted) return;
    if (!failure && is_own_user(socket) && state->connections.size() < kControlConnectionsMax) {
      auto connection = std::make_shared<ControlConnection>(
          std::move(socket), state->handler,
          [weak = std::weak_ptr(state)](const std::shared_ptr<ControlConnection>& ended) {
            if (const auto kept = weak.lock()) kept->connections.erase(ended);
          });
      state->connections.insert(connection);
      connection->read();
    }
    accept_next(state);
  });
}

ControlServer::ControlServer(std::shared_ptr<State> state) : state_(std::move(state)) {}

ControlServer::~ControlServer() { stop(); }

Result<std::unique_ptr<ControlServer>> ControlServer::start(asio::io_context& io,
                                                            const DataDir& dir, Handler handler) {
  COTERIE_TRY(const internal::ControlAddress address, internal::ControlAddress::of(dir));
  auto state = std::make_shared<State>(io, std::move(handler));
  state->path = dir.control_socket().string();
  ::unlink(state->path.c_str());
  error_code failure;
  state->acceptor.open(Stream(), failure);
  if (!failure) state->acceptor.bind(Stream::endpoint(address.path()), failure);
  // Nobody can connect before listen(): the mode is set in time.
  if (!failure && ::chmod(state->path.c_str(), S_IRUSR | S_IWUSR) != 0) {
    failure = error_code(errno, boost::system::system_category());
  }
  if (!failure) state->acceptor.listen(asio::socket_base::max_listen_connections, failure);
  if (failure) {
    return Error{ErrorCode::kIo, "cannot make the control socket in the data directory",
                 static_cast<std::uint64_t>(failure.value())};
  }
  asio::post(io, [state] { State::accept_next(state); });
  return std::unique_ptr<ControlServer>(new ControlServer(std::move(state)));
}

void ControlServer::stop() {
  std::promise<void> stopped;
  asio::post(state_->io, [state = state_, &stopped] {
    if (state->handler) {
      state->handler = nullptr;
      ::unlink(state->path.c_str());
      error_code ignored;
      state->acceptor.close(ignored);
      for (const auto& connection : state->connections) connection->close();
      state->connections.clear();
    }
    stopped.set_value();
  });
  stopped.get_future().wait();
}

}  // namespace coterie::node
