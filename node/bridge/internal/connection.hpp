// One open socket, whatever it speaks.

#pragma once

#include <memory>

#include "node/bridge/internal/addresses.hpp"
#include "node/bridge/internal/deadlines.hpp"
#include "node/bridge/internal/poller.hpp"
#include "node/bridge/internal/wire.hpp"

namespace coterie::node::bridge::internal {

struct ServerState;

/// Who it is with, and over what: handed on when a connection begins to speak something else.
struct Line {
  Wire wire;
  AddressBook::Place place;
};

/// Owned by ServerState, from add() to the end of the turn in which it ended.
class Connection : public Pollable, public Timed, public std::enable_shared_from_this<Connection> {
 public:
  Connection(ServerState& state, Line line);
  virtual ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Ends politely: what is under way may finish.
  virtual void shut_down() = 0;
  /// Ends now. Idempotent.
  void end();
  bool has_ended() const { return ended_; }

  /// Called once, by ServerState::add().
  void start();
  /// Sends what is queued as far as the socket takes it. Called by ServerState at the end of a turn
  /// in which send() was, and when the socket has become writable.
  void flush();

  void on_ready(bool readable, bool writable, bool hung_up) final;

 protected:
  // What a kind of connection does.
  /// Before anything else.
  virtual void begin() = 0;
  /// Some bytes have come; there may be more. They are the thread's: what is kept is copied.
  virtual void on_read(ByteView bytes) = 0;
  /// The peer sends no more, or the connection broke: as end(), unless something else is to be
  /// done.
  virtual void on_end_of_input() { end(); }
  /// Everything queued has left.
  virtual void on_flushed() {}
  /// `counted` of what was queued with a count has left.
  virtual void on_counted(std::size_t counted) { static_cast<void>(counted); }
  /// Once, in end().
  virtual void on_end() {}
  /// How much to read at once.
  virtual std::size_t read_size() const;

  ServerState& state() { return state_; }
  const ServerState& state() const { return state_; }
  Wire& wire() { return line_.wire; }
  const Wire& wire() const { return line_.wire; }
  AddressBook::Place& place() { return line_.place; }

  /// Queues it; it leaves at the end of the turn.
  void send(Piece piece);
  void send(Bytes bytes) { send(piece_of(std::move(bytes))); }
  /// Whether to read; as it was, in the beginning.
  void set_reading(bool reading);
  bool is_reading() const { return reading_; }
  void expect_by(TimePoint deadline);
  void expect_nothing();
  /// Reads what is there. To be called after set_reading(true) where TLS may hold some already.
  void read();
  /// Gives the line to another connection; this one ends without closing it.
  Line hand_over();

 private:
  void watch();

  ServerState& state_;
  Line line_;
  bool ended_ = false;
  bool reading_ = true;
  bool to_flush_ = false;  ///< In ServerState::to_flush.
  bool handed_over_ = false;
  bool hung_up_ = false;  ///< No longer polled.
  bool polled_read_ = true;
  bool polled_write_ = false;
};

}  // namespace coterie::node::bridge::internal
