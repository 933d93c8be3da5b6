#include "node/bridge/internal/server_state.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

#include "node/bridge/internal/client_connection.hpp"
#include "node/bridge/internal/listener.hpp"

namespace coterie::node::bridge::internal {

namespace asio = boost::asio;

ServerState::ServerState(asio::io_context& context, Server::Options given, Handler& answers)
    : io(context),
      options(std::move(given)),
      handler(&answers),
      poller(context),
      addresses(options.limits),
      read_buffer(kReadBytes),
      timer_(context) {}

ServerState::~ServerState() = default;

void ServerState::add(std::shared_ptr<Connection> connection) {
  Connection& one = *connection;
  connections.insert(std::move(connection));
  one.start();
}

void ServerState::remove(Connection& connection) {
  const auto found = connections.find(connection.shared_from_this());
  if (found == connections.end()) return;
  ended.push_back(*found);
  connections.erase(found);
}

void ServerState::close() {
  listener->end();
  poller.stop();
  timer_.cancel();
}

void ServerState::ask(Command command) {
  bool was_empty = false;
  {
    const std::lock_guard lock(mutex_);
    was_empty = asked_.empty();
    asked_.push_back(std::move(command));
  }
  wake(was_empty);
}

void ServerState::ask(std::vector<Outgoing> messages) {
  if (messages.empty()) return;
  bool was_empty = false;
  {
    const std::lock_guard lock(mutex_);
    was_empty = asked_.empty();
    for (Outgoing& one : messages) {
      asked_.push_back({one.client, Command::Send{std::move(one.message)}});
    }
  }
  wake(was_empty);
}

void ServerState::wake(bool was_empty) {
  if (!was_empty) return;  // Somebody has.
  asio::post(io, [self = shared_from_this()] { self->turn([&] { self->carry_out(); }); });
}

void ServerState::carry_out() {
  {
    const std::lock_guard lock(mutex_);
    carried_out_.swap(asked_);
  }
  for (Command& one : carried_out_) carry_out(one);
  // A burst's memory is given back; what is usual is used again.
  constexpr std::size_t kKept = 1024;
  if (carried_out_.capacity() > kKept) carried_out_ = {};
  carried_out_.clear();
}

void ServerState::carry_out(Command& command) {
  const auto found = clients.find(command.client);
  if (found == clients.end()) return;
  Client& client = *found->second;
  if (auto* send = std::get_if<Command::Send>(&command.what)) {
    client.send_message(std::move(send->message));
  } else if (auto* processed = std::get_if<Command::Processed>(&command.what)) {
    client.processed(processed->bytes);
  } else if (auto* close = std::get_if<Command::Close>(&command.what)) {
    client.close(close->code, std::move(close->reason));
  } else if (auto* refuse = std::get_if<Command::Refuse>(&command.what)) {
    client.refuse(refuse->error);
  } else {
    client.accept();
  }
}

void ServerState::end_turn() {
  // Sending may end connections, and let others say more.
  std::vector<Connection*> flushing;
  while (!to_flush.empty()) {
    flushing.swap(to_flush);
    for (Connection* one : flushing) one->flush();
    flushing.clear();
  }
  if (handler != nullptr) {
    if (!sent.empty()) handler->clients_sent(std::exchange(sent, {}));
    handler->turn_ended();
  }
  sent.clear();
  if (deflater != nullptr) deflater->forget();
  in_turn_ = false;
  ended.clear();
  set_timer();
  counts.connections = connections.size();
  counts.clients = clients.size();
  {
    const std::lock_guard lock(mutex_);
    published_ = counts;
  }
  if (connections.empty() && when_empty) std::exchange(when_empty, nullptr)();
}

void ServerState::set_timer() {
  if (deadlines.empty() || deadlines.first() >= timer_at_) return;
  timer_at_ = deadlines.first();
  timer_.expires_at(timer_at_);
  timer_.async_wait([self = shared_from_this()](boost::system::error_code failure) {
    if (failure) return;
    self->timer_at_ = TimePoint::max();
    self->turn([&] { self->deadlines.tell(self->now); });
  });
}

Stats ServerState::published() const {
  const std::lock_guard lock(mutex_);
  return published_;
}

}  // namespace coterie::node::bridge::internal
