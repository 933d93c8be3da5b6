#include "node/bridge/internal/stream_connection.hpp"

#include <array>
#include <charconv>
#include <utility>

#include <nlohmann/json.hpp>

#include "node/bridge/internal/http_response.hpp"
#include "node/bridge/internal/server_state.hpp"
#include "node/bridge/routes.hpp"
#include "node/bridge/websocket_codec.hpp"

namespace coterie::node::bridge::internal {

namespace http = boost::beast::http;

StreamConnection::StreamConnection(ServerState& server, Line line, ClientRequest wanted)
    : Connection(server, std::move(line)), id_(server.next_client++), wanted_(std::move(wanted)) {}

void StreamConnection::begin() {
  set_reading(true);  // That it goes is seen by reading.
  state().clients.emplace(id_, this);
  expect_by(state().now + state().options.limits.call);
  ++state().counts.joined;
  if (state().handler != nullptr) state().handler->client_opened(id_, std::move(wanted_));
}

void StreamConnection::accept() {
  if (phase_ != Phase::kAsking) return;
  phase_ = Phase::kOpen;
  http::response<http::empty_body> response(http::status::ok, 11);
  set_security_headers(response);
  response.set(http::field::content_type, "text/event-stream");
  response.set(http::field::cache_control, "no-store");
  response.set(http::field::transfer_encoding, "chunked");
  response.set("X-Accel-Buffering", "no");  // nginx passes it on at once.
  response.keep_alive(false);
  send(head_of(response.base()));
  send_chunk("retry: 2000\n\n");
  expect_by(state().now + kHeartbeat);
}

void StreamConnection::refuse(const CallError& error) {
  if (phase_ != Phase::kAsking) return;
  phase_ = Phase::kEnding;
  state().clients.erase(id_);
  auto response = json_response(http_status(error.code), error_json(error), false);
  send(head_of(response));
  send(Bytes(response.body().begin(), response.body().end()));
  expect_by(state().now + state().options.limits.closing);
}

void StreamConnection::send_message(std::shared_ptr<const Bytes> message) {
  if (phase_ != Phase::kOpen) return;
  if (wire().queued_bytes() + message->size() > state().options.limits.outbox_bytes) {
    ++state().counts.too_slow;
    return end();
  }
  ++state().counts.messages_out;
  std::string text = "id: " + std::to_string(++events_) + "\ndata: ";
  text += as_text(*message);  // JSON on one line.
  text += "\n\n";
  send_chunk(text, message->size());
}

void StreamConnection::close(std::uint16_t code, std::string_view reason) {
  if (phase_ == Phase::kAsking) return end();
  if (phase_ != Phase::kOpen) return;
  const nlohmann::json why = {{"code", code}, {"reason", reason}};
  send_chunk("event: close\ndata: " +
             why.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n\n");
  send_last_chunk();
}

void StreamConnection::shut_down() { close(websocket::kGoingAway, "the node is stopping"); }

void StreamConnection::send_chunk(std::string_view text, std::size_t counted) {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), text.size(), 16).ptr;
  std::string chunk(digits.data(), end);
  chunk += "\r\n";
  chunk += text;
  chunk += "\r\n";
  Piece piece = piece_of(Bytes(chunk.begin(), chunk.end()));
  piece.counted = counted;
  send(std::move(piece));
}

void StreamConnection::send_last_chunk() {
  phase_ = Phase::kEnding;
  constexpr std::string_view kLast = "0\r\n\r\n";
  send(Bytes(kLast.begin(), kLast.end()));
  expect_by(state().now + state().options.limits.closing);
}

void StreamConnection::on_flushed() {
  took_something_ = true;
  if (phase_ != Phase::kEnding) return;
  wire().shut_down();
  end();
}

void StreamConnection::on_counted(std::size_t counted) {
  took_something_ = true;
  state().sent.push_back({id_, counted});
}

void StreamConnection::on_end() {
  phase_ = Phase::kEnding;
  if (state().clients.erase(id_) != 0 && state().handler != nullptr) {
    state().handler->client_closed(id_);
  }
}

void StreamConnection::timed_out() {
  if (phase_ == Phase::kAsking) {
    refuse({ErrorCode::kUnavailable, "the node is too busy; try again"});
    if (state().handler != nullptr) state().handler->client_closed(id_);
    return;
  }
  // Between two heartbeats it took nothing of what waits for it, not even the first of them.
  if (phase_ == Phase::kEnding || !std::exchange(took_something_, false)) {
    ++state().counts.timed_out;
    return end();
  }
  send_chunk(":\n\n");
  expect_by(state().now + kHeartbeat);
}

}  // namespace coterie::node::bridge::internal
