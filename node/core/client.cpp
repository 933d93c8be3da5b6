#include "node/core/client.hpp"

#include <algorithm>

#include "node/core/document_store.hpp"
#include "node/core/limits.hpp"

namespace coterie::node {

void ClientLink::send(const Message& message) {
  client_.unsent += message->size();
  client_.last_sent = now_.steady;
  context_.emit(Engine::SendToClient{client_.handle, message});
}

void ClientLink::send_update(const Message& message, const crdt::Doc& doc) {
  if (client_.stalled) return;
  // The one that crosses the limit is still sent: what the client then has is what `doc` has.
  send(message);
  if (!has_room()) client_.stalled = doc.state_vector();
}

void ClientLink::send_echo(const Message& message, ByteView update, const crdt::Doc& doc) {
  if (!client_.stalled) return send_update(message, doc);
  // The diff that will be sent must hold the echo, because some clients take that as the
  // confirmation: so it starts before the echo's structs. Deletes are in every diff.
  const auto meta = crdt::parse_update_meta(update);
  if (!meta) return;
  crdt::StateVector lowered;
  for (const auto& [client, clock] : client_.stalled->clocks()) {
    const auto from = meta->from.find(client);
    const crdt::Clock start = from == meta->from.end() ? clock : std::min(clock, from->second);
    if (start > 0) lowered.advance(client, start);
  }
  client_.stalled = std::move(lowered);
}

void ClientLink::send_presence(const Message& message) {
  if (!has_room()) {
    client_.presence_missed = true;
    return;
  }
  send(message);
}

void ClientLink::answer(const crdt::StateVector& have, Document& document) {
  if (!has_room()) {
    client_.asked = have;
    return;
  }
  const crdt::Doc& doc = document.shown();
  if (client_.asks_back) send(step1_message(doc.state_vector()));
  for (const Message& part : document.answer(have)) send(part);
  if (!has_room() && !client_.stalled) client_.stalled = doc.state_vector();
}

void ClientLink::refuse(const std::string& why) {
  if (has_room()) send(refusal_message(why));
}

void ClientLink::tell_saved() {
  if (!client_.saved_messages || client_.saved == client_.saved_told || !has_room()) return;
  client_.saved_told = client_.saved;
  send(saved_message(client_.saved));
}

bool ClientLink::catch_up(Document& document) {
  const crdt::Doc& doc = document.shown();
  // With some hysteresis, so that a reader at its limit gets few large diffs, not many small ones.
  if (client_.unsent > context_.options.client_window_bytes / 2) return false;
  if (client_.asked) {
    const crdt::StateVector have = *std::exchange(client_.asked, std::nullopt);
    client_.stalled.reset();
    answer(have, document);
  } else if (client_.stalled) {
    const crdt::StateVector had = *std::exchange(client_.stalled, std::nullopt);
    send_update(update_message(doc.encode_state_as_update(had)), doc);
  }
  tell_saved();
  return std::exchange(client_.presence_missed, false);
}

}  // namespace coterie::node
