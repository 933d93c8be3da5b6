#include "node/bridge/internal/wire.hpp"

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace coterie::node::bridge::internal {

namespace {

/// In one call of the kernel; each has at most a header and a content.
constexpr std::size_t kPiecesPerCall = 64;
/// What is copied together rather than gathered by the kernel: most messages are small, and one
/// buffer is cheaper for it than two.
constexpr std::size_t kCopiedBytesMax = 1024;
/// What one record of TLS holds.
constexpr std::size_t kRecordBytes = 16u << 10;
/// A queue that was longer is given back when it is empty.
constexpr std::size_t kPiecesKept = 8;

std::size_t size_of(const Piece& piece) { return piece.header.size + piece.content.size(); }

/// Calls `part` with what `pieces` hold beyond the first `skip` bytes, until it says no.
template <typename Part>
void for_each_part(std::span<const Piece> pieces, std::size_t skip, Part part) {
  for (const Piece& piece : pieces) {
    for (const ByteView whole :
         {ByteView(piece.header.bytes).first(piece.header.size), piece.content}) {
      const std::size_t skipped = std::min(skip, whole.size());
      skip -= skipped;
      if (skipped < whole.size() && !part(whole.subspan(skipped))) return;
    }
  }
}

}  // namespace

Piece piece_of(Bytes bytes) {
  const auto owner = std::make_shared<const Bytes>(std::move(bytes));
  return {.header = {}, .owner = owner, .content = *owner, .counted = 0};
}

Wire::Wire(Wire&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      blocked_(other.blocked_),
      tls_wants_write_(other.tls_wants_write_),
      tls_(std::exchange(other.tls_, nullptr)),
      pieces_(std::move(other.pieces_)),
      first_(other.first_),
      gone_(other.gone_),
      queued_(other.queued_),
      in_record_(other.in_record_) {}

Wire::~Wire() { close(); }

bool Wire::established() const { return tls_ == nullptr || SSL_is_init_finished(tls_) == 1; }

Wire::Read Wire::read(std::span<std::uint8_t> into) {
  if (descriptor_ < 0) return {Outcome::kEnd};
  if (tls_ == nullptr) {
    ssize_t got = 0;
    do {
      got = ::recv(descriptor_, into.data(), into.size(), MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got > 0) return {Outcome::kSome, static_cast<std::size_t>(got)};
    const bool wait = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    return {wait ? Outcome::kNothing : Outcome::kEnd};
  }
  ERR_clear_error();
  std::size_t got = 0;
  const int result = SSL_read_ex(tls_, into.data(), into.size(), &got);
  tls_wants_write_ = false;
  if (result == 1) return {Outcome::kSome, got};
  const int why = SSL_get_error(tls_, result);
  tls_wants_write_ = why == SSL_ERROR_WANT_WRITE;
  const bool wait = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
  return {wait ? Outcome::kNothing : Outcome::kEnd};
}

bool Wire::read_pending() const { return tls_ != nullptr && SSL_has_pending(tls_) == 1; }

void Wire::push(Piece piece) {
  queued_ += piece.content.size();
  pieces_.push_back(std::move(piece));
}

void Wire::drop_unsent() {
  std::size_t end = first_;
  for (std::size_t kept = 0; end < pieces_.size() && kept < gone_ + in_record_;) {
    kept += size_of(pieces_[end++]);
  }
  for (std::size_t at = end; at < pieces_.size(); ++at) queued_ -= pieces_[at].content.size();
  pieces_.resize(end);
  if (first_ == pieces_.size()) {
    pieces_.clear();
    first_ = 0;
  }
}

void Wire::advance(std::size_t bytes, Flushed& flushed) {
  flushed.bytes += bytes;
  gone_ += bytes;
  while (first_ < pieces_.size() && gone_ >= size_of(pieces_[first_])) {
    Piece& piece = pieces_[first_++];
    gone_ -= size_of(piece);
    queued_ -= piece.content.size();
    flushed.counted += piece.counted;
    piece.owner = nullptr;
  }
  if (first_ == pieces_.size()) {
    first_ = 0;
    pieces_.clear();
    if (pieces_.capacity() > kPiecesKept) pieces_ = {};
  } else if (first_ >= kPiecesPerCall) {
    // What is gone is taken out now and then, so that a queue that never ends does not grow.
    pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

Wire::Flushed Wire::flush() {
  if (descriptor_ < 0) return {Outcome::kEnd};
  if (pieces_.empty()) return {Outcome::kSome};
  const Flushed flushed = tls_ == nullptr ? flush_plain() : flush_tls();
  blocked_ = flushed.outcome == Outcome::kNothing;
  return flushed;
}

/// One call of the kernel, with as much as it takes.
ssize_t Wire::offer(std::size_t& offered) const {
  std::array<iovec, 2 * kPiecesPerCall> parts;
  std::size_t count = 0;
  for_each_part(std::span(pieces_).subspan(first_), gone_, [&](ByteView part) {
    // sendmsg() only reads.
    parts[count++] = {const_cast<std::uint8_t*>(part.data()), part.size()};
    offered += part.size();
    return count < parts.size();
  });
  if (offered <= kCopiedBytesMax) {
    std::array<std::uint8_t, kCopiedBytesMax> copy;
    std::uint8_t* end = copy.data();
    for (std::size_t at = 0; at < count; ++at) {
      end =
          std::copy_n(static_cast<const std::uint8_t*>(parts[at].iov_base), parts[at].iov_len, end);
    }
    return ::send(descriptor_, copy.data(), offered, MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = count;
  return ::sendmsg(descriptor_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

Wire::Flushed Wire::flush_plain() {
  Flushed flushed{Outcome::kSome};
  while (!pieces_.empty()) {
    std::size_t offered = 0;
    const ssize_t sent = offer(offered);
    ++flushed.calls;
    if (sent < 0) {
      if (errno == EINTR) continue;
      const bool wait = errno == EAGAIN || errno == EWOULDBLOCK;
      flushed.outcome = wait ? Outcome::kNothing : Outcome::kEnd;
      return flushed;
    }
    advance(static_cast<std::size_t>(sent), flushed);
    if (static_cast<std::size_t>(sent) < offered) {
      flushed.outcome = Outcome::kNothing;
      return flushed;
    }
  }
  return flushed;
}

Wire::Flushed Wire::flush_tls() {
  Flushed flushed{Outcome::kSome};
  while (!pieces_.empty()) {
    std::array<std::uint8_t, kRecordBytes> record;
    std::size_t filled = 0;
    for_each_part(std::span(pieces_).subspan(first_), gone_, [&](ByteView part) {
      const std::size_t take = std::min(part.size(), record.size() - filled);
      std::copy_n(part.begin(), take, record.begin() + static_cast<std::ptrdiff_t>(filled));
      filled += take;
      return filled < record.size();
    });
    ERR_clear_error();
    std::size_t sent = 0;
    // After a call that had to wait, OpenSSL has the record already and wants the same again: the
    // front of the queue is, and only more may have come behind it.
    const int result = SSL_write_ex(tls_, record.data(), filled, &sent);
    ++flushed.calls;
    in_record_ = result == 1 ? 0 : filled;
    if (result != 1) {
      const int why = SSL_get_error(tls_, result);
      const bool wait = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
      flushed.outcome = wait ? Outcome::kNothing : Outcome::kEnd;
      return flushed;
    }
    advance(sent, flushed);
  }
  return flushed;
}

void Wire::shut_down() {
  if (descriptor_ < 0) return;
  if (tls_ != nullptr && established()) SSL_shutdown(tls_);
  ::shutdown(descriptor_, SHUT_WR);
}

void Wire::close() {
  if (tls_ != nullptr) {
    if (descriptor_ >= 0 && established()) {
      ERR_clear_error();
      SSL_shutdown(tls_);
    }
    SSL_free(tls_);
    tls_ = nullptr;
  }
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

}  // namespace coterie::node::bridge::internal
