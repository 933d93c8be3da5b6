// The bytes of one connection: a non-blocking socket, with TLS or without, and what waits to leave.
//
// What is sent is not copied: pieces share their content with whoever else gets it, and as many as
// there are go to the kernel in one call.

#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "crdt/base/bytes.hpp"
#include "node/bridge/websocket_codec.hpp"

struct ssl_st;

namespace coterie::node::bridge::internal {

/// A part of what is sent.
struct Piece {
  websocket::FrameHeader header{};    ///< Goes first; may be empty.
  std::shared_ptr<const void> owner;  ///< Of `content`; null where that lives for ever.
  ByteView content;
  std::size_t counted = 0;  ///< Told by Wire::flush() once all of it has left.
};
/// Of bytes as they are.
Piece piece_of(Bytes bytes);

class Wire {
 public:
  /// Owns both. `tls` may be null: no TLS.
  Wire(int descriptor, ssl_st* tls) : descriptor_(descriptor), tls_(tls) {}
  Wire(Wire&& other) noexcept;
  Wire& operator=(Wire&&) = delete;
  ~Wire();

  bool is_open() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }
  bool secure() const { return tls_ != nullptr; }
  /// Whether the TLS handshake is done, if there is one.
  bool established() const;

  enum class Outcome : std::uint8_t {
    kSome,     ///< Done, or some of it.
    kNothing,  ///< The socket must become readable, or writable, first.
    kEnd,      ///< The peer ended, or the connection broke.
  };
  struct Read {
    Outcome outcome;
    std::size_t bytes = 0;
  };
  Read read(std::span<std::uint8_t> into);
  /// Whether read() would give more although the socket is not readable.
  bool read_pending() const;

  void push(Piece piece);
  /// Drops what has not begun to leave; what has, stays, as the peer would misread the rest.
  void drop_unsent();
  struct Flushed {
    Outcome outcome;          ///< kSome: all has left.
    std::size_t bytes = 0;    ///< That left now, as the peer sees them (TLS aside).
    std::size_t counted = 0;  ///< Of pieces that have left whole.
    unsigned calls = 0;       ///< Of the kernel.
  };
  Flushed flush();
  bool empty() const { return pieces_.empty(); }
  /// Content that waits, without headers.
  std::size_t queued_bytes() const { return queued_; }
  /// Whether it waits for the socket to become writable.
  bool wants_write() const { return blocked_ || tls_wants_write_; }

  /// Says that nothing more will be sent.
  void shut_down();
  void close();

 private:
  Flushed flush_plain();
  ssize_t offer(std::size_t& offered) const;
  Flushed flush_tls();
  /// Takes `bytes` off the front.
  void advance(std::size_t bytes, Flushed& flushed);

  int descriptor_;
  bool blocked_ = false;
  bool tls_wants_write_ = false;
  ssl_st* tls_;
  std::vector<Piece> pieces_;
  std::size_t first_ = 0;  ///< In `pieces_`: the first that has not left.
  std::size_t gone_ = 0;   ///< Of it, with its header.
  std::size_t queued_ = 0;
  std::size_t in_record_ = 0;  ///< Of the queue's front: what OpenSSL holds, encrypted.
};

}  // namespace coterie::node::bridge::internal
