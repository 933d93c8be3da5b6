// One WebSocket client: its upgrade, its messages in both directions, its end.

#include "node/bridge/internal/client_connection.hpp"

#include <deque>
#include <optional>
#include <utility>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "node/bridge/internal/http_response.hpp"
#include "node/bridge/routes.hpp"

namespace coterie::node::bridge::internal {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;
using tcp = asio::ip::tcp;

/// Sent bytes are reported when the queue is empty, or in steps of this.
constexpr std::size_t kSentReportBytes = 64u << 10;
/// A buffer that one large message made larger than this is given back.
constexpr std::size_t kBufferKeptBytes = 64u << 10;

class ClientConnection final : public Connection,
                               public Client,
                               public std::enable_shared_from_this<ClientConnection> {
 public:
  ClientConnection(std::shared_ptr<ServerState> state, beast::tcp_stream stream,
                   http::request<http::string_body> upgrade)
      : state_(std::move(state)),
        id_(state_->next_client++),
        socket_(std::move(stream)),
        upgrade_(std::move(upgrade)),
        timer_(state_->io) {}
  ~ClientConnection() override { state_->remove(this); }

  ClientHandle id() const { return id_; }

  void ask(ClientRequest wanted) {
    if (state_->handler == nullptr) return;
    text_ = wanted.what == ClientRequest::What::kEvents;
    beast::get_lowest_layer(socket_).expires_never();
    timer_.expires_after(limits().call);
    timer_.async_wait([self = shared_from_this()](error_code failure) {
      if (failure || self->phase_ != Phase::kAsking) return;
      self->tell_closed();
      self->answer_refusal({ErrorCode::kUnavailable, "the node is too busy; try again"});
    });
    state_->handler->client_opened(id_, std::move(wanted));
  }

  // Client.

  void accept() override {
    if (phase_ != Phase::kAsking) return;
    phase_ = Phase::kOpening;
    timer_.cancel();
    websocket::stream_base::timeout timeout{};
    // Also its time for closing; ours ends first and closes the socket (Beast 1.74 asserts when its
    // own ends while a read is suspended).
    timeout.handshake_timeout = 2 * limits().closing;
    timeout.idle_timeout = limits().idle;
    timeout.keep_alive_pings = true;
    socket_.set_option(timeout);
    socket_.read_message_max(text_ ? limits().event_bytes : limits().message_bytes);
    socket_.auto_fragment(false);
    socket_.text(text_);
    socket_.async_accept(upgrade_, [self = shared_from_this()](error_code failure) {
      if (failure) return self->finish();
      if (self->phase_ != Phase::kOpening) return;
      self->phase_ = Phase::kOpen;
      self->upgrade_ = {};
      self->read();
      self->write();
    });
  }

  void refuse(CallError error) override {
    if (phase_ != Phase::kAsking) return;
    timer_.cancel();
    state_->clients.erase(id_);
    answer_refusal(error);
  }

  void send(std::shared_ptr<const Bytes> message) override {
    if (phase_ == Phase::kClosed || closing_) return;
    outbox_bytes_ += message->size();
    outbox_.push_back(std::move(message));
    if (outbox_bytes_ > limits().outbox_bytes) {
      outbox_.resize(writing_ ? 1 : 0);
      outbox_bytes_ = writing_ ? outbox_.front()->size() : 0;
      return close(websocket::close_code::try_again_later, "client too slow");
    }
    write();
  }

  void close(std::uint16_t code, std::string reason) override {
    if (phase_ == Phase::kClosed || closing_) return;
    closing_.emplace(static_cast<websocket::close_code>(code), reason);
    timer_.expires_after(limits().closing);
    timer_.async_wait([self = shared_from_this()](error_code failure) {
      if (!failure) self->finish();
    });
    write();
  }

  void processed(std::size_t bytes) override {
    --inbox_messages_;
    inbox_bytes_ -= bytes;
    if (paused_) read();
  }

  // Connection.

  void shut_down() override {
    if (phase_ == Phase::kAsking) return finish();
    close(websocket::close_code::going_away, "the node is stopping");
  }
  void abort() override { finish(); }

 private:
  enum class Phase { kAsking, kOpening, kOpen, kClosed };

  const Limits& limits() const { return state_->options.limits; }

  void read() {
    paused_ = inbox_messages_ >= limits().inbox_messages || inbox_bytes_ >= limits().inbox_bytes;
    if (paused_ || phase_ != Phase::kOpen) return;
    socket_.async_read_some(buffer_, 0,
                            [self = shared_from_this()](error_code failure, std::size_t bytes) {
                              if (failure) return self->finish();
                              self->on_part(bytes);
                            });
  }

  void on_part(std::size_t bytes) {
    if (phase_ != Phase::kOpen) return;
    unfinished_bytes_ += bytes;
    state_->unfinished_bytes += bytes;
    if (socket_.is_message_done()) {
      forget_unfinished();
      return on_message();
    }
    if (state_->unfinished_bytes > limits().unfinished_bytes) {
      close(websocket::close_code::try_again_later, "too many large messages at once");
    }
    if (closing_) {
      forget_unfinished();
      buffer_.clear();
    }
    read();
  }

  void forget_unfinished() { state_->unfinished_bytes -= std::exchange(unfinished_bytes_, 0); }

  void on_message() {
    if (phase_ != Phase::kOpen) return;
    if (socket_.got_text() != text_) {
      buffer_.clear();
      close(websocket::close_code::unknown_data,
            text_ ? "text messages only" : "binary messages only");
    } else if (!closing_ && state_->handler != nullptr) {
      const auto* bytes = static_cast<const std::uint8_t*>(buffer_.data().data());
      Bytes message(bytes, bytes + buffer_.size());
      ++inbox_messages_;
      inbox_bytes_ += message.size();
      state_->handler->client_message(id_, std::move(message));
    }
    buffer_.clear();
    if (buffer_.capacity() > kBufferKeptBytes) buffer_ = beast::flat_buffer();
    read();
  }

  void write() {
    if (phase_ != Phase::kOpen || writing_) return;
    if (outbox_.empty()) {
      if (closing_) begin_close();
      return;
    }
    writing_ = true;
    const Bytes& message = *outbox_.front();
    socket_.async_write(asio::buffer(message.data(), message.size()),
                        [self = shared_from_this()](error_code failure, std::size_t) {
                          self->writing_ = false;
                          if (failure) return self->finish();
                          self->on_written();
                        });
  }

  void on_written() {
    if (phase_ != Phase::kOpen) return;
    const std::size_t bytes = outbox_.front()->size();
    outbox_.pop_front();
    outbox_bytes_ -= bytes;
    sent_bytes_ += bytes;
    if (state_->handler != nullptr && (outbox_.empty() || sent_bytes_ >= kSentReportBytes)) {
      state_->handler->client_sent(id_, std::exchange(sent_bytes_, 0));
    }
    write();
  }

  void begin_close() {
    if (std::exchange(close_begun_, true)) return;
    socket_.async_close(*closing_, [self = shared_from_this()](error_code) { self->finish(); });
  }

  void tell_closed() {
    state_->clients.erase(id_);
    if (state_->handler != nullptr) state_->handler->client_closed(id_);
  }

  /// Idempotent. Everything pending on the socket then fails, and the last handler frees us.
  void finish() {
    if (std::exchange(phase_, Phase::kClosed) == Phase::kClosed) return;
    timer_.cancel();
    forget_unfinished();
    tell_closed();
    beast::get_lowest_layer(socket_).close();
  }

  void answer_refusal(const CallError& error) {
    phase_ = Phase::kClosed;
    auto response = std::make_shared<http::response<http::string_body>>(
        json_response(http_status(error.code), error_json(error), false));
    beast::tcp_stream& stream = socket_.next_layer();
    stream.expires_after(limits().closing);
    http::async_write(
        stream, *response, [self = shared_from_this(), response](error_code, std::size_t) {
          error_code ignored;
          self->socket_.next_layer().socket().shutdown(tcp::socket::shutdown_both, ignored);
        });
  }

  std::shared_ptr<ServerState> state_;
  ClientHandle id_;
  websocket::stream<beast::tcp_stream> socket_;
  http::request<http::string_body> upgrade_;
  asio::steady_timer timer_;  ///< For the handler's decision; later, for closing.
  Phase phase_ = Phase::kAsking;
  bool text_ = false;  ///< Its messages are text, both ways.

  beast::flat_buffer buffer_;
  bool paused_ = false;               ///< Not reading until messages are processed.
  std::size_t unfinished_bytes_ = 0;  ///< In `buffer_`, of a message that goes on.
  std::size_t inbox_messages_ = 0;
  std::size_t inbox_bytes_ = 0;

  std::deque<std::shared_ptr<const Bytes>> outbox_;  ///< The front is being written.
  bool writing_ = false;
  std::size_t outbox_bytes_ = 0;
  std::size_t sent_bytes_ = 0;  ///< Sent and not yet reported.
  std::optional<websocket::close_reason> closing_;
  bool close_begun_ = false;
};

}  // namespace

void serve_client(const std::shared_ptr<ServerState>& state, beast::tcp_stream stream,
                  http::request<http::string_body> upgrade, ClientRequest wanted) {
  auto client = std::make_shared<ClientConnection>(state, std::move(stream), std::move(upgrade));
  state->add(client);
  state->clients.emplace(client->id(), client);
  client->ask(std::move(wanted));
}

}  // namespace coterie::node::bridge::internal
