// The engine thread's dealings with the ZeroMQ driver.

#include "node/daemon/engine_thread.hpp"

namespace coterie::node {

using transport::ZmqDriver;

bool EngineThread::take_network() {
  for (int turn = 0; turn < kTurn; ++turn) {
    const auto event = parts_.driver->poll_event();
    if (!event) return false;
    const Now now = read_clock();
    std::visit([this, now](const auto& one) { handle(now, one); }, *event);
    drain();
  }
  return true;
}

void EngineThread::handle(Now now, const ZmqDriver::LinkUp& event) {
  service_.dials().linked(event.peer);
  parts_.engine->handle_link_up(now, event.link, event.peer, event.outgoing);
}

void EngineThread::handle(Now now, const ZmqDriver::LinkDown& event) {
  parts_.engine->handle_link_down(now, event.link);
}

void EngineThread::handle(Now now, const ZmqDriver::DialFailed& event) {
  service_.dials().failed(event.device, event.address, event.reason);
  parts_.engine->handle_dial_failed(now, event.device, event.address);
}

void EngineThread::handle(Now now, const ZmqDriver::Frame& event) {
  // A bad frame is the engine's to count: it closes the link after several.
  (void)parts_.engine->handle_frame(now, event.link, event.bytes);
}

void EngineThread::handle(Now now, const ZmqDriver::Sent& event) {
  parts_.engine->handle_sent(now, event.link, event.bytes);
}

void EngineThread::carry_out(Engine::SendFrame& output) {
  parts_.driver->send(output.link, output.traffic_class, std::move(output.frame));
}

void EngineThread::carry_out(Engine::CloseLink& output) { parts_.driver->close(output.link); }

void EngineThread::carry_out(Engine::Dial& output) {
  parts_.driver->dial(output.device, output.address, output.invite_key);
}

void EngineThread::carry_out(Engine::AllowPeers& output) {
  parts_.driver->allow_peers(std::move(output.members), std::move(output.guests));
}

}  // namespace coterie::node
