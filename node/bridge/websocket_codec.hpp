// WebSocket frames: what a client sends becomes messages, what it is sent becomes frames.
//
// Sans-I/O. Frames of a server are not masked, so one message is the same bytes for every client it
// goes to: the header (2 to 10 bytes) is written beside it, and nothing is copied.
//
// Reading is strict, as the standard asks of a server: unmasked frames, unknown opcodes, reserved
// bits, lengths that are not minimal, fragments out of order, control frames that are long or in
// fragments, and impossible close codes end the connection with 1002; text that is not UTF-8 with
// 1007; the wrong kind of message with 1003; one that is too long, compressed or not, with 1009.
//
// Source: RFC 6455 sections 5 to 8, RFC 7692 section 7.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "crdt/base/bytes.hpp"

namespace coterie::node::bridge::websocket {

class Inflater;

enum class Opcode : std::uint8_t {
  kContinuation = 0,
  kText = 1,
  kBinary = 2,
  kClose = 8,
  kPing = 9,
  kPong = 10,
};

// Why a connection ends, in close frames.
inline constexpr std::uint16_t kNormal = 1000;
inline constexpr std::uint16_t kGoingAway = 1001;
inline constexpr std::uint16_t kProtocolError = 1002;
inline constexpr std::uint16_t kUnknownData = 1003;
inline constexpr std::uint16_t kNoCode = 1005;  ///< Never sent: a close frame without a code.
inline constexpr std::uint16_t kBadPayload = 1007;
inline constexpr std::uint16_t kTooBig = 1009;
inline constexpr std::uint16_t kTryAgainLater = 1013;

/// Payload of a close, ping or pong frame; longer: 1002.
inline constexpr std::size_t kControlBytesMax = 125;
/// Of a close frame, beside its code.
inline constexpr std::size_t kCloseReasonBytesMax = kControlBytesMax - 2;

/// What precedes the payload of a whole, unmasked message.
struct FrameHeader {
  std::array<std::uint8_t, 10> bytes;
  std::uint8_t size;
};
FrameHeader frame_header(Opcode opcode, std::size_t payload_bytes, bool compressed = false);

/// A whole control frame. Precondition: at most kControlBytesMax.
Bytes control_frame(Opcode opcode, ByteView payload);
/// A whole close frame; of `reason` what fits, cut between characters. kNoCode: an empty one.
Bytes close_frame(std::uint16_t code, std::string_view reason);

/// Takes frames of one client apart. About 100 bytes, and what has come of a message that is not
/// complete: never more than has arrived, whatever length was announced.
class Reader {
 public:
  struct Options {
    bool text = false;                  ///< The only kind of message it takes; else binary.
    std::size_t message_bytes_max = 0;  ///< Decompressed.
    Inflater* inflater = nullptr;       ///< If compression was agreed on. Must outlive the reader.
  };
  enum class Event : std::uint8_t {
    kNeedMore,  ///< All input was consumed.
    kMessage,   ///< take_payload() is a whole message.
    kPing,      ///< take_payload() goes back in a pong.
    kPong,
    kClose,  ///< The client ends: close_code() and, as its reason, take_payload().
    kError,  ///< It must be ended with close_code(); every later call gives the same.
  };

  explicit Reader(const Options& options) : options_(options) {}

  /// Consumes `input` from its front until there is something to tell. Linear in what it consumes,
  /// and in what a compressed message becomes.
  Event next(ByteView& input);

  Bytes take_payload();
  /// From now on messages are skipped, and nothing is held of them: only the end is of interest.
  void skip_messages();
  /// Of kClose what the client said (kNoCode if nothing); of kError what to say.
  std::uint16_t close_code() const { return close_code_; }
  /// Of kError: what was wrong, for a close frame.
  std::string_view error() const { return error_; }
  /// Held of a message that is not complete.
  std::size_t unfinished_bytes() const { return message_.size(); }
  /// Of the frame under way, not yet consumed.
  std::uint64_t frame_bytes_left() const { return payload_left_; }

 private:
  Event fail(std::uint16_t code, const char* why);
  bool take_header(ByteView& input);
  Event check_header();
  void take_part(ByteView& input);
  Event finish_frame();
  Event finish_message();
  Event finish_close();
  bool is_control() const { return (header_[0] & 0x08) != 0; }
  Opcode opcode() const { return static_cast<Opcode>(header_[0] & 0x0f); }
  std::size_t header_size() const;

  Options options_;
  Bytes message_;  ///< Of a message, what has come of it.
  Bytes control_;  ///< The same, of a control frame, which may come between fragments.
  const char* error_ = "";
  std::uint64_t payload_left_ = 0;
  std::array<std::uint8_t, 14> header_{};
  std::uint8_t header_have_ = 0;
  std::uint8_t mask_at_ = 0;
  std::uint16_t close_code_ = kNoCode;
  bool in_payload_ = false;
  bool in_message_ = false;  ///< A fragment came, and the last one has not.
  bool compressed_ = false;  ///< The message under way.
  bool control_done_ = false;
  bool skipping_ = false;
  bool failed_ = false;
};

}  // namespace coterie::node::bridge::websocket
