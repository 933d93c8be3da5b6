// One client of server-sent events: what a client of the events WebSocket is told, for who has
// none.
//
//     id: 7
//     data: {"type":"chat_message",...}
//
// Chunked, with a comment every kHeartbeat so that proxies and both ends know that the other is
// there. What it wants to say it says by REST. Source: HTML, "Server-sent events"; RFC 9112, 7.1.

#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "node/bridge/internal/client.hpp"
#include "node/bridge/internal/connection.hpp"
#include "node/bridge/server.hpp"

namespace coterie::node::bridge::internal {

inline constexpr std::chrono::seconds kHeartbeat{15};

class StreamConnection final : public Connection, public Client {
 public:
  /// Asks the handler in begin().
  StreamConnection(ServerState& state, Line line, ClientRequest wanted);

  void accept() override;
  void refuse(const CallError& error) override;
  void send_message(std::shared_ptr<const Bytes> message) override;
  /// Says so in an event "close", and ends.
  void close(std::uint16_t code, std::string_view reason) override;
  /// It sends nothing.
  void processed(std::size_t bytes) override { static_cast<void>(bytes); }

  void shut_down() override;

 private:
  enum class Phase : std::uint8_t { kAsking, kOpen, kEnding };

  void begin() override;
  void on_read(ByteView bytes) override { static_cast<void>(bytes); }
  void on_flushed() override;
  void on_counted(std::size_t counted) override;
  void on_end() override;
  void timed_out() override;

  void send_chunk(std::string_view text, std::size_t counted = 0);
  void send_last_chunk();

  ClientHandle id_;
  ClientRequest wanted_;
  std::uint64_t events_ = 0;
  bool took_something_ = true;  ///< Since the last heartbeat.
  Phase phase_ = Phase::kAsking;
};

}  // namespace coterie::node::bridge::internal
