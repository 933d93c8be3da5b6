#include "node/daemon/engine_thread.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "node/daemon/log.hpp"

namespace coterie::node {

namespace {

using SteadyClock = std::chrono::steady_clock;
using Level = Engine::Notice::Level;

std::size_t bytes_of(const storage::WriteBatch& batch) {
  std::size_t bytes = 0;
  for (const auto& operation : batch.operations) {
    if (const auto* put = std::get_if<storage::WriteBatch::Put>(&operation)) {
      bytes += put->key.size() + put->value.size();
    }
  }
  return bytes;
}

}  // namespace

Now read_clock() {
  using std::chrono::duration_cast;
  const auto steady = SteadyClock::now().time_since_epoch();
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  const auto millis = duration_cast<std::chrono::milliseconds>(wall).count();
  return {Instant(duration_cast<Duration>(steady)),
          millis > 0 ? static_cast<WallMillis>(millis) : 0};
}

EngineThread::EngineThread(Parts parts)
    : parts_(std::move(parts)),
      service_(
          *parts_.engine, parts_.device_name, [this] { return commit_queue_.stats(); },
          parts_.port_mapping),
      access_(*parts_.engine, std::move(parts_.tokens), parts_.access),
      clients_(*parts_.engine, service_, access_,
               {.send =
                    [this](bridge::ClientHandle client, std::shared_ptr<const Bytes> message) {
                      messages_.push_back({client, std::move(message)});
                    },
                .close =
                    [this](bridge::ClientHandle client, std::uint16_t code, std::string reason) {
                      send_messages();
                      if (server_ != nullptr) {
                        server_->close_client(client, code, std::move(reason));
                      }
                    }}),
      commit_queue_([waker = parts_.waker] { waker->wake(); }) {}

EngineThread::~EngineThread() { stop(); }

void EngineThread::start(bridge::Server* server) {
  server_ = server;
  if (server != nullptr) service_.set_bridge_stats([server] { return server->stats(); });
  thread_ = std::thread([this] { run(); });
}

void EngineThread::stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  parts_.waker->wake();
  thread_.join();
}

void EngineThread::post(std::deque<Input>& queue, Input input) {
  {
    const std::lock_guard lock(mutex_);
    queue.push_back(std::move(input));
  }
  parts_.waker->wake();
}

// What other threads say.

void EngineThread::client_opened(bridge::ClientHandle client, bridge::ClientRequest request) {
  said_.emplace_back([this, client, request = std::move(request)](Now now) {
    const Status taken = clients_.opened(now, client, request);
    if (!taken) {
      return server_->refuse_client(client, CallError{taken.error().code, taken.error().what});
    }
    server_->accept_client(client);
    clients_.accepted(now, client, request);
  });
}

void EngineThread::client_message(bridge::ClientHandle client, Bytes message) {
  said_.emplace_back(
      [this, client, message = std::move(message), come = SteadyClock::now()](Now now) {
        if (!clients_.message(now, client, message)) drain();
        server_->message_processed(client, message.size());
        service_.client_messages().observe(
            std::chrono::duration_cast<Duration>(SteadyClock::now() - come));
      });
}

void EngineThread::clients_sent(std::vector<bridge::Sent> sent) {
  said_.emplace_back([this, sent = std::move(sent)](Now now) {
    for (const bridge::Sent& one : sent) clients_.sent(now, one.client, one.bytes);
  });
}

void EngineThread::client_closed(bridge::ClientHandle client) {
  said_.emplace_back([this, client](Now now) { clients_.closed(now, client); });
}

void EngineThread::turn_ended() {
  if (said_.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    std::move(said_.begin(), said_.end(), std::back_inserter(from_clients_));
  }
  said_.clear();
  parts_.waker->wake();
}

void EngineThread::call(Call call, CallReply reply) {
  post(calls_, [this, call = std::move(call), reply = std::move(reply)](Now now) mutable {
    const Status admitted = access_.admit(now, call);
    if (!admitted) {
      return reply({"", CallError{admitted.error().code, admitted.error().what}});
    }
    if (call.operation == "token.create") {
      auto made = access_.create_token(now, call);
      if (!made) return reply({"", CallError{made.error().code, made.error().what}});
      return reply({*std::move(made), std::nullopt});
    }
    if (call.operation == "room.post" && !access_.may_post(now, call)) {
      return reply({"", CallError{ErrorCode::kLimitExceeded,
                                  "too much said within a minute: wait a little", 60}});
    }
    if (call.operation == "presence.show") return reply(clients_.say(now, call));
    service_.handle(now, call, reply);
  });
}

void EngineThread::addresses_changed(std::vector<std::string> addresses) {
  post(calls_, [this, addresses = std::move(addresses)](Now now) {
    parts_.engine->handle_addresses(now, addresses);
  });
}

void EngineThread::beacon_heard(std::string source, Bytes datagram) {
  {
    const std::lock_guard lock(mutex_);
    if (beacons_.size() >= kBeaconsWaitingMax) return;
  }
  post(beacons_, [this, source = std::move(source), datagram = std::move(datagram)](Now now) {
    parts_.engine->handle_beacon(now, source, datagram);
  });
}

// The loop.

void EngineThread::run() {
  drain();  // What opening the engine has to say.
  while (!stopping_) {
    wait_for_work();
    while (take_turns()) {
    }
    const Now now = read_clock();
    const auto deadline = next_deadline();
    if (deadline && *deadline <= now.steady) {
      clients_.handle_timeout(now);
      parts_.engine->handle_timeout(now);
      drain();
    }
    heap_.tend(now.steady);
  }
  finish();
}

std::optional<Instant> EngineThread::next_deadline() const {
  const auto engine = parts_.engine->next_deadline();
  const auto clients = clients_.next_deadline();
  return engine && clients ? std::min(engine, clients) : (engine ? engine : clients);
}

void EngineThread::wait_for_work() {
  const auto deadline = next_deadline();
  if (!deadline) return parts_.waker->wait();
  parts_.waker->wait_until(SteadyClock::time_point(deadline->time_since_epoch()));
}

/// Whether there may be more.
bool EngineThread::take_turns() {
  bool more = take_commits();
  more = take(calls_) || more;
  if (commit_bytes_ > kCommitBytesMax) return more;  // The next commit wakes us.
  more = take_network() || more;
  more = take(beacons_) || more;
  return take(from_clients_) || more;
}

bool EngineThread::take_commits() {
  for (int turn = 0; turn < kTurn; ++turn) {
    const auto done = commit_queue_.poll_completion();
    if (!done) return false;
    const auto found = commits_.find(done->token);
    if (found != commits_.end()) {
      commit_bytes_ -= found->second;
      commits_.erase(found);
    }
    if (done->status) {
      parts_.engine->handle_committed(read_clock(), done->token);
    } else {
      parts_.engine->handle_commit_failed(read_clock(), done->token, done->status.error());
    }
    drain();
  }
  return true;
}

bool EngineThread::take(std::deque<Input>& queue) {
  // What many clients say at once is answered at once.
  const bool together = &queue == &from_clients_;
  int turn = 0;
  for (; turn < kTurn; ++turn) {
    Input input;
    {
      const std::lock_guard lock(mutex_);
      if (queue.empty()) break;
      input = std::move(queue.front());
      queue.pop_front();
    }
    input(read_clock());
    if (!together) drain();
  }
  if (together && turn > 0) drain();
  return turn == kTurn;
}

void EngineThread::finish() {
  // What clients said before they were closed is taken in; then the engine writes out the rest.
  const auto patience_ends = SteadyClock::now() + kStopPatience;
  while (take(calls_) || take(from_clients_)) {
  }
  parts_.engine->prepare_to_stop(read_clock());
  drain();
  // Goodbye ends the links, so first the others get it, and say so.
  while (SteadyClock::now() < patience_ends) {
    while (take_commits() || take_network()) {
    }
    const Now now = read_clock();
    if (commits_.empty() && parts_.engine->delivered(now)) break;
    parts_.engine->handle_timeout(now);
    drain();
    auto until = patience_ends;
    if (const auto deadline = parts_.engine->next_deadline()) {
      until = std::min(until, SteadyClock::time_point(deadline->time_since_epoch()));
    }
    parts_.waker->wait_until(until);
  }
  parts_.engine->shut_down(read_clock());
  drain();
  if (!commits_.empty()) log_line(Level::kWarning, "stopped before everything was on disk");
}

// What the engine decided.

void EngineThread::drain() {
  while (auto output = parts_.engine->poll_output()) {
    std::visit([this](auto& one) { carry_out(one); }, *output);
  }
  send_messages();
}

void EngineThread::send_messages() {
  if (server_ != nullptr) server_->send(std::exchange(messages_, {}));
  messages_.clear();
}

void EngineThread::carry_out(Engine::CommitBatch& output) {
  // Opens the store only for its first batch; later the provider has it at hand.
  const auto store = parts_.stores->open(output.workspace.hex());
  if (!store) {
    log_line(Level::kError, std::string("cannot open a workspace's store: ") + store.error().what);
    return parts_.engine->handle_commit_failed(read_clock(), output.token, store.error());
  }
  const std::size_t bytes = bytes_of(output.batch);
  commits_[output.token] = bytes;
  commit_bytes_ += bytes;
  commit_queue_.enqueue(**store, std::move(output.batch), output.token);
}

void EngineThread::carry_out(Engine::SendToClient& output) { clients_.tell(output); }

void EngineThread::carry_out(Engine::CloseClient& output) { clients_.tell(read_clock(), output); }

void EngineThread::carry_out(Engine::ClientRole& output) { clients_.tell(output); }

void EngineThread::carry_out(Engine::SendEvent& output) { clients_.tell(output); }

void EngineThread::carry_out(Engine::SendBeacon& output) {
  if (parts_.send_beacon) parts_.send_beacon(std::move(output.datagram));
}

void EngineThread::carry_out(Engine::Reply& output) { service_.handle_reply(std::move(output)); }

void EngineThread::carry_out(Engine::Notice& output) { log_line(output.level, output.text); }

}  // namespace coterie::node
