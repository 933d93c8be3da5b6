#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include <nlohmann/json.hpp>

#include "node/daemon/control.hpp"
#include "node/daemon/internal/control_address.hpp"

namespace coterie::node {

using nlohmann::json;
using SteadyClock = std::chrono::steady_clock;

namespace internal {

Result<ControlAddress> ControlAddress::of(const DataDir& dir) {
  const int directory = ::open(dir.root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (directory >= 0) return ControlAddress(directory);
  if (errno == ENOENT || errno == ENOTDIR) {
    return Error{ErrorCode::kNotFound, "there is no such data directory"};
  }
  return Error{ErrorCode::kIo, "cannot open the data directory", static_cast<std::uint64_t>(errno)};
}

ControlAddress::~ControlAddress() {
  if (directory_ >= 0) ::close(directory_);
}

}  // namespace internal

namespace {

class Connection {
 public:
  explicit Connection(SteadyClock::time_point deadline) : deadline_(deadline) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    if (socket_ >= 0) ::close(socket_);
  }

  /// Errors: kNotFound (nobody listens), kIo.
  Status open(const DataDir& dir) {
    COTERIE_TRY(const auto address, internal::ControlAddress::of(dir));
    socket_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (socket_ < 0) return io_error("cannot make a socket");
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::strncpy(name.sun_path, address.path().c_str(), sizeof name.sun_path - 1);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0) return {};
    if (errno == ENOENT || errno == ECONNREFUSED) {
      return Error{ErrorCode::kNotFound, "no node runs on this data directory"};
    }
    return io_error("cannot reach the node's control socket");
  }

  Status send(std::string_view bytes) {
    while (!bytes.empty()) {
      COTERIE_CHECK(wait(POLLOUT));
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (sent < 0) return io_error("the node closed the control socket");
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return {};
  }

  Result<std::string> receive_line() {
    std::string line;
    char chunk[64 * 1024];
    while (line.empty() || line.back() != '\n') {
      COTERIE_CHECK(wait(POLLIN));
      const ssize_t got = ::recv(socket_, chunk, sizeof chunk, MSG_DONTWAIT);
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (got < 0) return io_error("the node closed the control socket");
      if (got == 0) return Error{ErrorCode::kUnavailable, "the node stopped before it answered"};
      line.append(chunk, static_cast<std::size_t>(got));
      if (line.size() > kControlAnswerBytesMax) {
        return Error{ErrorCode::kLimitExceeded, "the node's answer is too long"};
      }
    }
    return line;
  }

 private:
  static Error io_error(const char* what) {
    return {ErrorCode::kIo, what, static_cast<std::uint64_t>(errno)};
  }

  Status wait(short events) {
    for (;;) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - SteadyClock::now());
      pollfd ready{socket_, events, 0};
      const int count = left.count() <= 0 ? 0 : ::poll(&ready, 1, static_cast<int>(left.count()));
      if (count > 0) return {};
      if (count == 0) return Error{ErrorCode::kUnavailable, "the node did not answer in time"};
      if (errno != EINTR) return io_error("cannot wait for the node");
    }
  }

  SteadyClock::time_point deadline_;
  int socket_ = -1;
};

std::optional<ErrorCode> code_named(std::string_view name) {
  for (std::uint16_t value = 1; value <= static_cast<std::uint16_t>(ErrorCode::kUnavailable);
       ++value) {
    if (name == error_code_name(static_cast<ErrorCode>(value)))
      return static_cast<ErrorCode>(value);
  }
  return std::nullopt;
}

Result<CallResult> parse_answer(const std::string& line) {
  const Error bad{ErrorCode::kMalformed,
                  "the node's answer makes no sense; it may be of another version"};
  const json object = json::parse(line, nullptr, false);
  if (!object.is_object()) return bad;
  if (const auto result = object.find("result"); result != object.end()) {
    return CallResult{result->dump(), std::nullopt};
  }
  const auto error = object.find("error");
  if (error == object.end() || !error->is_object()) return bad;
  const auto code = error->find("code");
  const auto message = error->find("message");
  if (code == error->end() || !code->is_string() || message == error->end() ||
      !message->is_string()) {
    return bad;
  }
  return CallResult{"", CallError{code_named(code->get<std::string>()).value_or(ErrorCode::kIo),
                                  message->get<std::string>()}};
}

}  // namespace

bool is_node_running(const DataDir& dir) {
  Connection connection(SteadyClock::now());
  return connection.open(dir).has_value();
}

Result<CallResult> ask_running_node(const DataDir& dir, const Call& call,
                                    std::chrono::milliseconds patience) {
  Connection connection(SteadyClock::now() + patience);
  COTERIE_CHECK(connection.open(dir));
  const json request = {{"operation", call.operation}, {"arguments", call.arguments}};
  COTERIE_CHECK(
      connection.send(request.dump(-1, ' ', false, json::error_handler_t::replace) + "\n"));
  COTERIE_TRY(const std::string line, connection.receive_line());
  return parse_answer(line);
}

}  // namespace coterie::node
