// A stock Yjs client, simulated: what y-websocket's WebsocketProvider and y-protocols' Awareness
// do, over messages that the simulation carries. It also does what stock clients do wrong: it sends
// what it hears about others' presence back to its server.

#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "crdt/doc.hpp"
#include "node/core/sync_protocol.hpp"

namespace coterie::testing {

class SimClient {
 public:
  SimClient(std::uint64_t client_id, std::string name)
      : doc_({client_id, true}), id_(client_id), name_(std::move(name)) {
    next_state();
  }

  crdt::Doc& doc() { return doc_; }
  std::uint64_t id() const { return id_; }
  bool synced() const { return synced_; }

  /// A new connection: the messages a provider sends at once.
  void connect() {
    synced_ = false;
    sent_ = saved_ = 0;
    unsaved_.clear();
    outbox_.clear();
    others_.clear();
    push(node::step1_message(doc_.state_vector()));
    push(node::awareness_message({{id_, clock_, state_}}));
  }

  /// Messages to the server since the last call, in order.
  std::vector<Bytes> take_outbox() { return std::exchange(outbox_, {}); }

  void insert(std::uint64_t index, const std::string& text) {
    send_update(doc_.transact([&] { (void)doc_.text("monaco").insert(index, text); }));
  }
  void remove(std::uint64_t index, std::uint64_t length) {
    send_update(doc_.transact([&] { (void)doc_.text("monaco").remove(index, length); }));
  }
  std::uint64_t length() { return doc_.text("monaco").size(); }
  std::string text() const { return doc_.root_text("monaco"); }

  void move_cursor() {
    ++moves_;
    next_state();
    push(node::awareness_message({{id_, clock_, state_}}));
  }
  void renew() {
    ++clock_;
    push(node::awareness_message({{id_, clock_, state_}}));
  }

  /// Sends an update that was made elsewhere, as if by this client.
  void submit(const Bytes& update) { send(2, update); }

  /// A message of the server. False when it is none that a client understands.
  bool receive(ByteView message) {
    ByteReader in(message);
    const auto type = in.read_varuint();
    if (!type) return false;
    if (*type == 100) {
      const auto count = in.read_varuint();
      if (!count || *count > sent_ || *count < saved_) return false;
      saved_ = *count;
      return in.at_end();
    }
    if (*type == 1) {
      const auto payload = in.read_varbytes();
      if (!payload || !in.at_end()) return false;
      return receive_awareness(*payload);
    }
    if (*type == 2) {
      const auto denied = in.read_varuint();
      const auto why = in.read_varstring();
      if (!denied || *denied != 0 || !why || !in.at_end()) return false;
      refusals_.emplace_back(*why);
      return true;
    }
    if (*type != 0) return false;
    const auto kind = in.read_varuint();
    const auto body = in.read_varbytes();
    if (!kind || !body || !in.at_end()) return false;
    if (*kind == 0) {
      const auto have = crdt::StateVector::decode(*body);
      if (!have) return false;
      send(1, doc_.encode_state_as_update(*have));
      return true;
    }
    const auto applied = doc_.apply_update(*body);
    if (!applied) return false;
    if (*kind == 1) synced_ = true;
    return true;
  }

  /// Updates of this connection that the server said are durable, not returned before.
  std::vector<Bytes> take_saved() {
    std::vector<Bytes> saved;
    while (!unsaved_.empty() && unsaved_.begin()->first <= saved_) {
      saved.push_back(std::move(unsaved_.begin()->second));
      unsaved_.erase(unsaved_.begin());
    }
    return saved;
  }
  /// Why messages were refused.
  const std::vector<std::string>& refusals() const { return refusals_; }
  bool all_saved() const { return synced_ && saved_ == sent_; }

  /// Others present, as this client sees them: id to state.
  std::map<std::uint64_t, std::string> others() const {
    std::map<std::uint64_t, std::string> present;
    for (const auto& [id, one] : others_) {
      if (id != id_ && !one.state.empty()) present[id] = one.state;
    }
    return present;
  }
  const std::string& state() const { return state_; }
  /// Whether the server ever replaced this client's own presence by something else.
  bool replaced() const { return replaced_; }

 private:
  void next_state() {
    ++clock_;
    state_ = "{\"user\":{\"name\":\"" + name_ + "\"},\"move\":" + std::to_string(moves_) + "}";
  }
  void push(const node::Message& message) { outbox_.push_back(*message); }
  void send_update(const Bytes& update) {
    if (!update.empty()) send(2, update);
  }
  void send(std::uint64_t kind, const Bytes& update) {
    Bytes message;
    append_varuint(message, 0);
    append_varuint(message, kind);
    append_varbytes(message, update);
    outbox_.push_back(std::move(message));
    unsaved_[++sent_] = update;
  }

  // y-protocols, applyAwarenessUpdate.
  bool receive_awareness(ByteView payload) {
    const auto states = node::decode_awareness(payload);
    if (!states) return false;
    std::vector<node::AwarenessState> changed;
    for (const node::AwarenessState& one : *states) {
      if (one.client == id_) {
        if (one.state.empty() && one.clock >= clock_) {
          clock_ = one.clock + 1;  // "I am still here."
          changed.push_back({id_, clock_, state_});
        } else if (one.clock > clock_) {
          // What y-protocols does; it means that somebody's copy of us replaced ourselves.
          clock_ = one.clock;
          state_ = one.state;
          replaced_ = true;
        }
        continue;
      }
      const std::uint64_t known = clocks_[one.client];
      const bool gone = one.state.empty() && known == one.clock && others_.count(one.client) > 0;
      if (one.clock <= known && !gone) continue;
      clocks_[one.client] = one.clock;
      if (one.state.empty()) {
        others_.erase(one.client);
      } else {
        others_[one.client] = one;
      }
      changed.push_back(one);
    }
    // WebsocketProvider sends every change on, whoever made it.
    if (!changed.empty()) push(node::awareness_message(changed));
    return true;
  }

  crdt::Doc doc_;
  std::uint64_t id_;
  std::string name_;
  std::uint64_t clock_ = 0;
  std::uint64_t moves_ = 0;
  std::string state_;
  bool replaced_ = false;
  bool synced_ = false;
  std::uint64_t sent_ = 0;
  std::uint64_t saved_ = 0;
  std::map<std::uint64_t, Bytes> unsaved_;
  std::vector<Bytes> outbox_;
  std::vector<std::string> refusals_;
  std::map<std::uint64_t, node::AwarenessState> others_;
  std::map<std::uint64_t, std::uint64_t> clocks_;  ///< Survive reconnects, as in a browser.
};

}  // namespace coterie::testing
