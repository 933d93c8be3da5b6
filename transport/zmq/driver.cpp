#include "transport/zmq/driver.hpp"

#include <utility>

#include "transport/zmq/internal/loop.hpp"
#include "transport/zmq/internal/mailbox.hpp"

namespace coterie::transport {

struct ZmqDriver::State {
  explicit State(std::function<void()> on_ready) : mailbox(std::move(on_ready)) {}

  internal::Mailbox mailbox;
  std::optional<internal::Loop> loop;
  std::vector<std::string> endpoints;
  std::thread thread;
};

Result<std::unique_ptr<ZmqDriver>> ZmqDriver::start(const Options& options,
                                                    const crypto::SigningKey& identity,
                                                    std::function<void()> on_ready) {
  auto state = std::make_unique<State>(std::move(on_ready));
  try {
    state->loop.emplace(options, identity, state->mailbox);
    COTERIE_CHECK(state->loop->listen(options.listen));
  } catch (const zmq::error_t& error) {
    return Error{ErrorCode::kIo, "ZeroMQ did not start", static_cast<std::uint64_t>(error.num())};
  }
  state->endpoints = state->loop->endpoints();
  state->thread = std::thread([loop = &*state->loop] { loop->run(); });
  return std::unique_ptr<ZmqDriver>(new ZmqDriver(std::move(state)));
}

ZmqDriver::ZmqDriver(std::unique_ptr<State> state) : state_(std::move(state)) {}

ZmqDriver::~ZmqDriver() { stop(Duration::zero()); }

const std::vector<std::string>& ZmqDriver::endpoints() const { return state_->endpoints; }

void ZmqDriver::dial(const DeviceId& device, const std::string& address,
                     std::shared_ptr<const crypto::SigningKey> invite_key) {
  state_->mailbox.post(internal::DialCommand{device, address, std::move(invite_key)});
}

void ZmqDriver::send(LinkId link, TrafficClass traffic_class, Bytes frame) {
  state_->mailbox.post(internal::SendCommand{link, traffic_class, std::move(frame)});
}

void ZmqDriver::close(LinkId link) { state_->mailbox.post(internal::CloseCommand{link}); }

void ZmqDriver::allow_peers(std::vector<DeviceId> members, std::vector<DeviceId> guests) {
  state_->mailbox.post(internal::AllowCommand{std::move(members), std::move(guests)});
}

void ZmqDriver::stop(Duration flush) {
  if (!state_->thread.joinable()) return;
  state_->mailbox.post(internal::StopCommand{flush});
  state_->thread.join();
}

std::optional<ZmqDriver::Event> ZmqDriver::poll_event() { return state_->mailbox.poll_event(); }

ZmqDriver::Stats ZmqDriver::stats() const { return state_->loop ? state_->loop->stats() : Stats{}; }

}  // namespace coterie::transport
