#include "node/bridge/internal/connection.hpp"

#include <utility>

#include "node/bridge/internal/server_state.hpp"

namespace coterie::node::bridge::internal {

namespace {

/// Reads of one connection before the others have their turn.
constexpr int kReadsPerTurn = 4;

}  // namespace

Connection::Connection(ServerState& state, Line line) : state_(state), line_(std::move(line)) {}

Connection::~Connection() { state_.deadlines.clear(*this); }

std::size_t Connection::read_size() const { return kShortReadBytes; }

void Connection::start() {
  state_.poller.add(wire().descriptor(), *this, polled_read_, polled_write_);
  begin();
}

void Connection::end() {
  if (std::exchange(ended_, true)) return;
  // Before the descriptor's number is somebody else's.
  if (!handed_over_) {
    state_.poller.remove(wire().descriptor());
    wire().close();
  }
  expect_nothing();
  on_end();
  state_.remove(*this);
}

Line Connection::hand_over() {
  state_.poller.remove(wire().descriptor());
  handed_over_ = true;
  return std::move(line_);
}

void Connection::send(Piece piece) {
  wire().push(std::move(piece));
  if (!std::exchange(to_flush_, true)) state_.to_flush.push_back(this);
}

void Connection::flush() {
  to_flush_ = false;
  if (ended_) return;
  const auto flushed = wire().flush();
  state_.counts.bytes_out += flushed.bytes;
  state_.counts.sends += flushed.calls;
  if (flushed.counted != 0) on_counted(flushed.counted);
  if (flushed.outcome == Wire::Outcome::kEnd) return end();
  if (flushed.outcome == Wire::Outcome::kSome) on_flushed();
  if (!ended_) watch();
}

void Connection::watch() {
  if (handed_over_ || (hung_up_ && !reading_)) return;
  if (std::exchange(hung_up_, false)) {
    polled_read_ = true;
    polled_write_ = false;
    return state_.poller.add(wire().descriptor(), *this, true, false);
  }
  if (polled_read_ == reading_ && polled_write_ == wire().wants_write()) return;
  polled_read_ = reading_;
  polled_write_ = wire().wants_write();
  state_.poller.change(wire().descriptor(), *this, polled_read_, polled_write_);
}

void Connection::set_reading(bool reading) {
  reading_ = reading;
  if (!ended_) watch();
}

void Connection::expect_by(TimePoint deadline) { state_.deadlines.set(*this, deadline); }

void Connection::expect_nothing() { state_.deadlines.clear(*this); }

void Connection::on_ready(bool readable, bool writable, bool hung_up) {
  if (ended_) return;
  if (hung_up && !reading_) {
    // It would be told again and again. What came before it is read when it is its turn.
    hung_up_ = true;
    state_.poller.remove(wire().descriptor());
    return;
  }
  if (writable) flush();
  if (!ended_ && (readable || hung_up || wire().secure())) read();
}

void Connection::read() {
  const std::shared_ptr<Connection> self = shared_from_this();
  for (int reads = 0; reads < kReadsPerTurn || wire().read_pending(); ++reads) {
    if (ended_ || handed_over_ || !reading_) return;
    const std::span<std::uint8_t> buffer = std::span(state_.read_buffer).first(read_size());
    const auto got = wire().read(buffer);
    if (got.outcome == Wire::Outcome::kEnd) return on_end_of_input();
    if (got.outcome == Wire::Outcome::kNothing) return watch();
    state_.counts.bytes_in += got.bytes;
    on_read(ByteView(buffer).first(got.bytes));
    // Less than asked for: that was all. TLS may give a record at a time.
    if (!ended_ && !handed_over_ && got.bytes < buffer.size() && !wire().secure()) {
      return;
    }
  }
}

}  // namespace coterie::node::bridge::internal
