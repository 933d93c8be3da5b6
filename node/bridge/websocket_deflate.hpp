// permessage-deflate without context takeover: every message stands for itself, so that one
// compressed message serves all clients, and a connection holds no window.
//
// Source: RFC 7692.

#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "crdt/base/bytes.hpp"

struct z_stream_s;

namespace coterie::node::bridge::websocket {

/// Shorter messages gain less than the time they take.
inline constexpr std::size_t kCompressBytesMin = 1024;
/// Longer ones would hold up everybody else of the thread: about 30 ms at 1 MiB.
inline constexpr std::size_t kCompressBytesMax = 1u << 20;

/// The extension that answers what a client offers in Sec-WebSocket-Extensions; empty: none.
/// Without context takeover on either side; of several offers the first that can be met.
std::string agree_on_deflate(std::string_view offers);

/// Not thread-safe; one serves all connections of a thread. About 40 KB.
class Inflater {
 public:
  enum class Outcome { kDone, kTooLong, kBad };

  Inflater();
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Appends what `message` stands for to `out`; stops beyond `bytes_max` (kTooLong). What `out`
  /// holds grows with what was found, not with what was announced.
  Outcome inflate(ByteView message, std::size_t bytes_max, Bytes& out);

 private:
  std::unique_ptr<z_stream_s> stream_;
};

/// Not thread-safe; one serves all connections of a thread. About 270 KB.
class Deflater {
 public:
  Deflater();
  ~Deflater();
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  /// `message` compressed; null where that is not worth it: its length is out of bounds, or it does
  /// not become shorter. Asked again for the same, gives the same: a broadcast is compressed once.
  std::shared_ptr<const Bytes> deflate(const std::shared_ptr<const Bytes>& message);
  /// Lets go of the last message.
  void forget();

 private:
  std::unique_ptr<z_stream_s> stream_;
  std::shared_ptr<const Bytes> last_;
  std::shared_ptr<const Bytes> last_deflated_;
};

}  // namespace coterie::node::bridge::websocket
