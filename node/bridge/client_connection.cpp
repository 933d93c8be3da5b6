#include "node/bridge/internal/client_connection.hpp"

#include <array>
#include <utility>

#include <openssl/evp.h>
#include <boost/beast/http/rfc7230.hpp>

#include "node/bridge/internal/http_response.hpp"
#include "node/bridge/internal/server_state.hpp"
#include "node/bridge/routes.hpp"
#include "node/bridge/websocket_deflate.hpp"

namespace coterie::node::bridge::internal {

namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using websocket::Opcode;
using websocket::Reader;

/// While more waits to leave, pings are not answered.
constexpr std::size_t kPongQueueBytes = 64u << 10;
/// 16 bytes in base64.
constexpr std::size_t kKeyBytes = 24;

std::string to_string(beast::string_view text) { return {text.data(), text.size()}; }

/// The value of Sec-WebSocket-Accept that answers `key`.
std::string accept_key(const std::string& key) {
  const std::string text = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned bytes = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &bytes, EVP_sha1(), nullptr);
  std::array<unsigned char, 4 * ((EVP_MAX_MD_SIZE + 2) / 3) + 1> encoded{};
  const int length = EVP_EncodeBlock(encoded.data(), digest.data(), static_cast<int>(bytes));
  return {encoded.begin(), encoded.begin() + length};
}

}  // namespace

unsigned upgrade_status(const HttpRequest& upgrade) {
  if (upgrade.method() != http::verb::get || upgrade.version() != 11) return 400;
  if (upgrade[http::field::sec_websocket_version] != "13") return 426;
  const bool good = upgrade.count(http::field::sec_websocket_key) == 1 &&
                    upgrade[http::field::sec_websocket_key].size() == kKeyBytes &&
                    upgrade.body().empty();
  return good ? 0 : 400;
}

ClientConnection::ClientConnection(ServerState& server, Line line, const HttpRequest& upgrade,
                                   ClientRequest wanted)
    : Connection(server, std::move(line)),
      upgrade_(std::make_unique<Upgrade>()),
      id_(server.next_client++),
      reader_({}),
      text_(wanted.what == ClientRequest::What::kEvents),
      compresses_(!place().is_loopback() || server.options.compress_loopback) {
  upgrade_->key = to_string(upgrade[http::field::sec_websocket_key]);
  if (compresses_) {
    const auto offers = to_string(upgrade[http::field::sec_websocket_extensions]);
    upgrade_->extension = websocket::agree_on_deflate(offers);
    compresses_ = !upgrade_->extension.empty();
  }
  upgrade_->wanted = std::move(wanted);
}

const Limits& ClientConnection::limits() const { return state().options.limits; }

void ClientConnection::begin() {
  set_reading(false);  // Nothing is to come before our answer.
  state().clients.emplace(id_, this);
  expect_by(state().now + limits().call);
  ++state().counts.joined;
  if (state().handler != nullptr) state().handler->client_opened(id_, std::move(upgrade_->wanted));
}

void ClientConnection::accept() {
  if (phase_ != Phase::kAsking) return;
  std::string head =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: " +
      accept_key(upgrade_->key) + "\r\n";
  if (compresses_) {
    head += "Sec-WebSocket-Extensions: " + upgrade_->extension + "\r\n";
    auto& inflater = state().inflater;
    if (inflater == nullptr) inflater = std::make_unique<websocket::Inflater>();
  }
  head += "\r\n";
  const auto waiting = std::move(upgrade_->waiting);
  upgrade_ = nullptr;
  reader_ = Reader({.text = text_,
                    .message_bytes_max = text_ ? limits().event_bytes : limits().message_bytes,
                    .inflater = compresses_ ? state().inflater.get() : nullptr});
  phase_ = Phase::kOpen;
  send(Bytes(head.begin(), head.end()));
  heard_ = state().now;
  expect_by(heard_ + limits().idle / 2);
  set_reading(true);
  for (const auto& message : waiting) send_message(message);
}

void ClientConnection::refuse(const CallError& error) {
  if (phase_ != Phase::kAsking) return;
  phase_ = Phase::kEnding;
  state().clients.erase(id_);
  auto response = json_response(http_status(error.code), error_json(error), false);
  send(head_of(response));
  send(Bytes(response.body().begin(), response.body().end()));
  expect_by(state().now + limits().closing);
}

void ClientConnection::send_message(std::shared_ptr<const Bytes> message) {
  if (phase_ == Phase::kAsking) return upgrade_->waiting.push_back(std::move(message));
  if (phase_ != Phase::kOpen) return;
  const std::size_t bytes = message->size();
  if (wire().queued_bytes() + bytes > limits().outbox_bytes) {
    wire().drop_unsent();
    ++state().counts.too_slow;
    return begin_closing(websocket::kTryAgainLater, "client too slow");
  }
  std::shared_ptr<const Bytes> shorter;
  if (compresses_ && bytes >= websocket::kCompressBytesMin) {
    auto& deflater = state().deflater;
    if (deflater == nullptr) deflater = std::make_unique<websocket::Deflater>();
    shorter = deflater->deflate(message);
  }
  const bool compressed = shorter != nullptr;
  if (compressed) message = std::move(shorter);
  ++state().counts.messages_out;
  state().counts.compressed_out += compressed ? 1 : 0;
  const ByteView content = *message;
  send(Piece{.header = websocket::frame_header(text_ ? Opcode::kText : Opcode::kBinary,
                                               content.size(), compressed),
             .owner = std::move(message),
             .content = content,
             .counted = bytes});
}

void ClientConnection::close(std::uint16_t code, std::string_view reason) {
  if (phase_ == Phase::kOpen) begin_closing(code, reason);
  if (phase_ == Phase::kAsking) end();
}

void ClientConnection::begin_closing(std::uint16_t code, std::string_view reason) {
  phase_ = Phase::kClosing;
  left_over_ = {};
  reader_.skip_messages();
  count_unfinished();
  send(websocket::close_frame(code, reason));
  expect_by(state().now + limits().closing);
  set_reading(true);  // For the peer's.
}

void ClientConnection::shut_down() {
  if (phase_ == Phase::kAsking) return end();
  close(websocket::kGoingAway, "the node is stopping");
}

void ClientConnection::processed(std::size_t bytes) {
  --inbox_messages_;
  inbox_bytes_ -= bytes;
  if (is_reading() || inbox_full() || phase_ != Phase::kOpen) return;
  const Bytes more = std::exchange(left_over_, {});
  const ByteView left = take(more);
  left_over_.assign(left.begin(), left.end());
  count_unfinished();
  if (phase_ != Phase::kOpen || inbox_full()) return;
  heard_ = state().now;
  set_reading(true);
  if (wire().read_pending()) read();
}

bool ClientConnection::inbox_full() const {
  return inbox_messages_ >= limits().inbox_messages || inbox_bytes_ >= limits().inbox_bytes;
}

std::size_t ClientConnection::read_size() const {
  return reader_.frame_bytes_left() > kShortReadBytes ? kReadBytes : kShortReadBytes;
}

void ClientConnection::on_read(ByteView bytes) {
  heard_ = state().now;
  pinged_ = false;
  const ByteView left = take(bytes);
  if (has_ended()) return;
  if (!left.empty()) left_over_.assign(left.begin(), left.end());
  count_unfinished();
  if (phase_ == Phase::kOpen && state().unfinished_bytes > limits().unfinished_bytes) {
    ++state().counts.refused;
    begin_closing(websocket::kTryAgainLater, "too many large messages at once");
  }
}

ByteView ClientConnection::take(ByteView bytes) {
  while (!has_ended() && phase_ != Phase::kEnding) {
    if (phase_ == Phase::kOpen && inbox_full()) {
      set_reading(false);
      return bytes;
    }
    switch (reader_.next(bytes)) {
      case Reader::Event::kNeedMore:
        return {};
      case Reader::Event::kMessage:
        take_message();
        break;
      case Reader::Event::kPing: {
        const Bytes payload = reader_.take_payload();
        // Who does not read what was sent gets no pongs either, or they would pile up.
        if (phase_ == Phase::kOpen && wire().queued_bytes() < kPongQueueBytes) {
          send(websocket::control_frame(Opcode::kPong, payload));
        }
        break;
      }
      case Reader::Event::kPong:
        reader_.take_payload();
        break;
      case Reader::Event::kClose:
        take_close();
        break;
      case Reader::Event::kError:
        // What follows has no meaning; only the end is waited for.
        if (phase_ == Phase::kOpen) {
          ++state().counts.violations;
          begin_closing(reader_.close_code(), reader_.error());
        }
        return {};
    }
  }
  return {};
}

void ClientConnection::take_message() {
  Bytes message = reader_.take_payload();
  if (phase_ != Phase::kOpen || state().handler == nullptr) return;
  ++inbox_messages_;
  inbox_bytes_ += message.size();
  ++state().counts.messages_in;
  state().handler->client_message(id_, std::move(message));
}

void ClientConnection::take_close() {
  // The answer to ours ends it; its own is answered with the same code.
  if (phase_ == Phase::kOpen) {
    begin_closing(reader_.close_code(), {});
  }
  phase_ = Phase::kEnding;
  if (wire().empty()) end();
}

void ClientConnection::count_unfinished() {
  const std::size_t now =
      phase_ == Phase::kOpen && !has_ended() ? reader_.unfinished_bytes() + left_over_.size() : 0;
  state().unfinished_bytes += now - unfinished_bytes_;
  unfinished_bytes_ = now;
}

void ClientConnection::on_flushed() {
  if (phase_ != Phase::kClosing && phase_ != Phase::kEnding) return;
  wire().shut_down();  // Whoever does not answer a close sees at least the end of ours.
  if (phase_ == Phase::kEnding) end();
}

void ClientConnection::on_counted(std::size_t counted) {
  untold_bytes_ += counted;
  if (untold_bytes_ < kUntoldBytesMax) return;
  state().sent.push_back({id_, std::exchange(untold_bytes_, 0)});
}

void ClientConnection::on_end() {
  phase_ = Phase::kEnding;
  count_unfinished();
  if (state().clients.erase(id_) != 0 && state().handler != nullptr) {
    state().handler->client_closed(id_);
  }
}

void ClientConnection::timed_out() {
  if (phase_ == Phase::kAsking) {
    refuse({ErrorCode::kUnavailable, "the node is too busy; try again"});
    if (state().handler != nullptr) state().handler->client_closed(id_);
    return;
  }
  const TimePoint half = heard_ + limits().idle / 2;
  const bool waits_for_us = !is_reading();
  if (phase_ == Phase::kOpen && (waits_for_us || state().now < half)) {
    return expect_by((waits_for_us ? state().now : heard_) + limits().idle / 2);
  }
  if (phase_ == Phase::kOpen && !std::exchange(pinged_, true)) {
    send(websocket::control_frame(Opcode::kPing, {}));
    return expect_by(heard_ + limits().idle);
  }
  ++state().counts.timed_out;
  end();
}

}  // namespace coterie::node::bridge::internal
