// One attached client of the bridge, and what may be sent to it: the window.
//
// What was handed out and has not left for the network is counted. Beyond the window nothing but
// control messages is sent: a stalled client's updates are replaced by one diff when it drains, its
// answers by the newest one, its presence by the state of that moment. So a slow reader costs the
// window, whatever the others write.

#pragma once

#include <optional>
#include <set>

#include "crdt/doc.hpp"
#include "node/core/context.hpp"
#include "node/core/sync_protocol.hpp"
#include "node/core/visitor.hpp"

namespace coterie::node {

struct Document;
class Workspace;

struct Client {
  ClientHandle handle = 0;
  Workspace* workspace = nullptr;
  Document* document = nullptr;
  bool saved_messages = false;
  bool asks_back = false;  ///< As Engine::ClientOptions.
  Visitor visitor;
  Role role = Role::kViewer;  ///< What it may do in the document, as it was told.

  std::size_t unsent = 0;  ///< Bytes handed out that have not left.
  Instant last_sent;
  /// Set while updates are withheld: what the client had at that time.
  std::optional<crdt::StateVector> stalled;
  /// A step 1 that could not be answered yet.
  std::optional<crdt::StateVector> asked;
  bool presence_missed = false;

  std::uint64_t received = 0;  ///< Step 2 and update messages.
  std::uint64_t saved = 0;     ///< Of these: durable here.
  std::uint64_t saved_told = 0;

  /// Whether something is withheld until what was handed out has left.
  bool lacks_something() const {
    return stalled || asked || presence_missed || (saved_messages && saved != saved_told);
  }

  /// Yjs client ids it announced as its own: it is not shown these.
  std::set<crdt::ClientId> own_ids;
  /// Whether it was shown who is there. Not before it announced itself, or had time to: until then
  /// we do not know its own id.
  bool greeted = false;
  Instant greet_due;
  std::size_t awareness_tokens;
  Instant awareness_refilled;
  std::optional<Bytes> awareness_waiting;  ///< The newest message over its rate.
};

/// Sends to one client within its window. A short-lived view of it.
class ClientLink {
 public:
  ClientLink(Context& context, Now now, Client& client)
      : context_(context), now_(now), client_(client) {}

  /// Whatever the window says. For small messages that replace earlier ones.
  void send(const Message& message);
  /// An update that `doc` has applied already.
  void send_update(const Message& message, const crdt::Doc& doc);
  /// An update the client made itself, now durable: `update` is what `message` holds.
  void send_echo(const Message& message, ByteView update, const crdt::Doc& doc);
  void send_presence(const Message& message);
  /// What it asked for with a step 1. Large answers come in several updates, the step 2 last.
  void answer(const crdt::StateVector& have, Document& document);
  /// What it wrote is not taken in: why. A small message in the place of each that was refused.
  void refuse(const std::string& why);
  void tell_saved();
  /// After bytes left: makes up for what was withheld. Returns whether presence is to be resent.
  bool catch_up(Document& document);

 private:
  bool has_room() const { return client_.unsent < context_.options.client_window_bytes; }

  Context& context_;
  Now now_;
  Client& client_;
};

}  // namespace coterie::node
