// A bridge on a free port, a handler that records, and a client of plain sockets: so that tests can
// send what no well-behaved library would.

#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "node/bridge/io_thread.hpp"
#include "node/bridge/server.hpp"

namespace coterie::node::bridge {

inline constexpr std::chrono::milliseconds kPatience{5000};

/// Records what the server says and answers as told. Thread-safe.
class RecordingHandler final : public Handler {
 public:
  Server* server = nullptr;
  std::optional<CallError> refuse;   ///< Answer to client_opened(); none: accept.
  std::atomic<bool> decide = true;   ///< Whether client_opened() is answered at all.
  std::atomic<bool> process = true;  ///< Whether messages are reported processed at once.
  std::atomic<bool> answer_calls = true;

  struct Seen {
    ClientRequest request;
    std::vector<Bytes> messages;
    std::size_t sent_bytes = 0;
    int closed = 0;
  };

  void client_opened(ClientHandle client, ClientRequest request) override {
    update([&] { seen_[client].request = std::move(request); });
    if (!decide) return;
    if (refuse) return server->refuse_client(client, *refuse);
    server->accept_client(client);
  }
  void client_message(ClientHandle client, Bytes message) override {
    const std::size_t bytes = message.size();
    update([&] { seen_[client].messages.push_back(std::move(message)); });
    if (process) server->message_processed(client, bytes);
  }
  void clients_sent(std::vector<Sent> sent) override {
    update([&] {
      for (const Sent& one : sent) seen_[one.client].sent_bytes += one.bytes;
    });
  }
  void client_closed(ClientHandle client) override {
    update([&] { ++seen_[client].closed; });
  }
  void call(Call call, CallReply reply) override {
    update([&] { calls_.push_back(std::move(call)); });
    if (answer_calls) return reply(current_answer());
    update([&] { pending_.push_back(std::move(reply)); });
  }

  void set_answer(CallResult next) {
    update([&] { answer_ = std::move(next); });
  }
  Seen seen(ClientHandle client) {
    const std::lock_guard lock(mutex_);
    return seen_[client];
  }
  std::vector<Call> calls() {
    const std::lock_guard lock(mutex_);
    return calls_;
  }
  /// Whether `condition(seen)` becomes true within kPatience.
  template <typename Condition>
  bool wait_for(ClientHandle client, Condition condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return condition(seen_[client]); });
  }

 private:
  template <typename Change>
  void update(Change change) {
    {
      const std::lock_guard lock(mutex_);
      change();
    }
    changed_.notify_all();
  }

  CallResult current_answer() {
    const std::lock_guard lock(mutex_);
    return answer_;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  CallResult answer_{R"({"ok":true})", std::nullopt};
  std::map<ClientHandle, Seen> seen_;
  std::vector<Call> calls_;
  std::vector<CallReply> pending_;
};

struct Response {
  int status = 0;  ///< 0: the connection ended, or kPatience did, before a response.
  std::string head;
  std::string body;

  /// The value of a header, or nothing.
  std::string header(const std::string& name) const {
    const std::size_t at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return {};
    const std::size_t begin = at + name.size() + 4;
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }
};

/// A frame as the server sent it.
struct Frame {
  int opcode = -1;  ///< -1: the connection ended, or kPatience did.
  std::string payload;

  /// Of a close frame.
  int close_code() const {
    if (opcode != 8 || payload.size() < 2) return -1;
    return static_cast<unsigned char>(payload[0]) * 256 + static_cast<unsigned char>(payload[1]);
  }
};

class RawClient {
 public:
  explicit RawClient(std::uint16_t port, int receive_buffer = 0) : port_(port) {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer != 0) {
      ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;
  virtual ~RawClient() { close(); }

  void close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }

  /// False when the peer closed or does not take it within `patience`.
  bool send(std::string_view bytes, std::chrono::milliseconds patience = kPatience) {
    while (!bytes.empty()) {
      pollfd ready{socket_, POLLOUT, 0};
      if (::poll(&ready, 1, static_cast<int>(patience.count())) <= 0) return false;
      const ssize_t sent = write_some(bytes);
      if (sent < 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  std::string host() const { return "127.0.0.1:" + std::to_string(port_); }

  /// Sends a request with a Host header and returns the response.
  Response request(const std::string& line, const std::string& headers = {},
                   const std::string& body = {}) {
    send(line + " HTTP/1.1\r\nHost: " + host() + "\r\n" + headers + "\r\n" + body);
    return read_response(line.starts_with("HEAD"));
  }

  Response read_response(bool head_only = false) {
    Response response;
    std::size_t end;
    while ((end = received_.find("\r\n\r\n")) == std::string::npos) {
      if (!receive()) return response;
    }
    response.head = received_.substr(0, end + 2);
    received_.erase(0, end + 4);
    response.status = std::atoi(response.head.c_str() + 9);
    const std::string length = response.header("Content-Length");
    if (head_only || length.empty()) return response;
    const std::size_t bytes = std::stoul(length);
    while (received_.size() < bytes) {
      if (!receive()) break;
    }
    response.body = received_.substr(0, bytes);
    received_.erase(0, bytes);
    return response;
  }

  /// Upgrades; the status is 101 when it worked.
  Response upgrade(const std::string& target, const std::string& more = {}) {
    return request("GET " + target,
                   "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
                       more);
  }

  /// A frame of one message, masked as clients must.
  static std::string frame(std::string_view payload, int opcode = 2, bool masked = true) {
    std::string out(1, static_cast<char>(0x80 | opcode));
    const auto mask_bit = static_cast<unsigned>(masked ? 0x80 : 0);
    const std::size_t size = payload.size();
    const unsigned length_bytes = size < 126 ? 0 : size < 65536 ? 2 : 8;
    out += static_cast<char>(mask_bit | (length_bytes == 0 ? size : length_bytes == 2 ? 126 : 127));
    for (unsigned left = length_bytes; left > 0; --left) {
      out += static_cast<char>(size >> (8 * (left - 1)));
    }
    if (masked) out += std::string(4, '\0');  // The zero mask leaves the payload as it is.
    out += payload;
    return out;
  }

  Frame read_frame() {
    if (!receive_at_least(2)) return {};
    const int opcode = received_[0] & 0x0f;
    std::size_t size = received_[1] & 0x7f;
    std::size_t header = 2;
    if (size >= 126) {
      const std::size_t length_bytes = size == 126 ? 2 : 8;
      header += length_bytes;
      if (!receive_at_least(header)) return {};
      size = 0;
      for (std::size_t at = 2; at < header; ++at) {
        size = size * 256 + static_cast<unsigned char>(received_[at]);
      }
    }
    if (!receive_at_least(header + size)) return {};
    Frame out{opcode, received_.substr(header, size)};
    received_.erase(0, header + size);
    return out;
  }

  /// Whether the peer closes, rather than sends, within kPatience.
  bool at_end() { return received_.empty() && !receive() && ended_; }

 protected:
  int socket() const { return socket_; }
  virtual ssize_t write_some(std::string_view bytes) {
    return ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  virtual ssize_t read_some(char* into, std::size_t size) { return ::recv(socket_, into, size, 0); }
  virtual bool wait_readable() {
    pollfd ready{socket_, POLLIN, 0};
    return ::poll(&ready, 1, static_cast<int>(kPatience.count())) > 0;
  }

 private:
  bool receive_at_least(std::size_t bytes) {
    while (received_.size() < bytes) {
      if (!receive()) return false;
    }
    return true;
  }

  bool receive() {
    if (!wait_readable()) return false;
    char chunk[65536];
    const ssize_t got = read_some(chunk, sizeof chunk);
    if (got <= 0) {
      ended_ = true;
      return false;
    }
    received_.append(chunk, static_cast<std::size_t>(got));
    return true;
  }

  int socket_ = -1;
  std::uint16_t port_;
  std::string received_;
  bool ended_ = false;
};

class BridgeTest : public ::testing::Test {
 protected:
  /// Starts with `limits_`, `assets_` and `options_`.
  void start() {
    options_.limits = limits_;
    options_.assets = assets_;
    auto started = Server::start(io_.context(), options_, handler_);
    ASSERT_TRUE(started) << to_string(started.error());
    server_ = *std::move(started);
    handler_.server = server_.get();
  }
  RawClient client() { return RawClient(server_->port()); }

  Limits limits_;
  std::span<const WebAsset> assets_;
  Server::Options options_;
  RecordingHandler handler_;
  IoThread io_;
  std::unique_ptr<Server> server_;
};

}  // namespace coterie::node::bridge
