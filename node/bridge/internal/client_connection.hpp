// One WebSocket client: its upgrade, its messages in both directions, its end.

#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include "node/bridge/internal/client.hpp"
#include "node/bridge/internal/connection.hpp"
#include "node/bridge/server.hpp"
#include "node/bridge/websocket_codec.hpp"

namespace coterie::node::bridge::internal {

using HttpRequest = boost::beast::http::request<boost::beast::http::string_body>;

/// What is wrong with `upgrade` as the beginning of a WebSocket: the HTTP status; 0: nothing.
unsigned upgrade_status(const HttpRequest& upgrade);

class ClientConnection final : public Connection, public Client {
 public:
  /// Asks the handler in begin(). Precondition: upgrade_status(upgrade) is 0.
  ClientConnection(ServerState& state, Line line, const HttpRequest& upgrade, ClientRequest wanted);

  void accept() override;
  void refuse(const CallError& error) override;
  void send_message(std::shared_ptr<const Bytes> message) override;
  void close(std::uint16_t code, std::string_view reason) override;
  void processed(std::size_t bytes) override;

  void shut_down() override;

 private:
  enum class Phase : std::uint8_t {
    kAsking,  ///< The handler.
    kOpen,
    kClosing,  ///< Our close frame is queued: for the peer's, nothing else counts.
    kEnding,   ///< When what is queued has left.
  };

  void begin() override;
  void on_read(ByteView bytes) override;
  void on_flushed() override;
  void on_counted(std::size_t counted) override;
  void on_end() override;
  void timed_out() override;
  std::size_t read_size() const override;

  const Limits& limits() const;
  /// Takes `bytes` apart, up to where no more messages may wait; that which is left over.
  ByteView take(ByteView bytes);
  void take_message();
  void take_close();
  void count_unfinished();
  void begin_closing(std::uint16_t code, std::string_view reason);
  bool inbox_full() const;

  /// Until it is decided on; a client that is open has no use for it.
  struct Upgrade {
    std::string key;
    std::string extension;  ///< That was agreed on.
    ClientRequest wanted;
    std::vector<std::shared_ptr<const Bytes>> waiting = {};  ///< To be sent once it is open.
  };
  std::unique_ptr<Upgrade> upgrade_;
  ClientHandle id_;
  websocket::Reader reader_;
  Bytes left_over_;  ///< Read, but not taken apart: the inbox is full.
  TimePoint heard_{};
  std::size_t unfinished_bytes_ = 0;  ///< Counted in ServerState.
  std::size_t untold_bytes_ = 0;      ///< That have left.
  std::size_t inbox_messages_ = 0;
  std::size_t inbox_bytes_ = 0;
  Phase phase_ = Phase::kAsking;
  bool text_;
  bool compresses_;
  bool pinged_ = false;
};

}  // namespace coterie::node::bridge::internal
