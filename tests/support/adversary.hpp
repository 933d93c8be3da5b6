// Members that run modified code: real engines whose frames pass through the adversary's hands, and
// a workshop that signs and sends whatever it likes in their names.
//
//     Adversary gang(cluster, {evil}, seed);   // Before the node joins: it listens from the start.
//     gang.enter(workspace);
//     gang.forge_in_others_logs("FORGED");
//
// The gang shares what its nodes see: every entry, every operation, every key that one of them can
// open. It reads nothing but frames; honest nodes' memory and disks are out of its reach. What it
// may not do is break cryptography: it holds its own keys, and those of nobody else.

#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "node/core/join.hpp"
#include "node/core/limits.hpp"
#include "node/core/log/entry.hpp"
#include "node/core/membership/operations.hpp"
#include "node/core/records.hpp"
#include "node/core/sync_protocol.hpp"
#include "tests/support/choices.hpp"
#include "tests/support/cluster.hpp"
#include "transport/wire/limits.hpp"
#include "transport/wire/messages.hpp"

namespace coterie::testing {

class Adversary {
 public:
  using Node = Cluster::Node;

  struct Seen {
    Bytes stored;
    node::Entry entry;
    Hash hash;
  };
  /// A log that the gang writes: where it ends.
  struct Pen {
    Node as = 0;
    LogId log;
    Seq seq = 0;
    Hash hash;
  };
  struct Made {
    Pen at;  ///< After it.
    Bytes stored;
  };

  Adversary(Cluster& cluster, std::vector<Node> nodes, std::uint64_t seed)
      : cluster_(cluster), nodes_(std::move(nodes)), choices_(seed), random_(seed ^ 0xadu) {
    for (const Node node : nodes_) {
      Cluster::Tap tap;
      tap.outgoing = [this](const DeviceId& peer, Bytes frame) {
        return pass_outgoing(peer, std::move(frame));
      };
      tap.incoming = [this](const DeviceId&, Bytes frame) {
        listen(frame);
        keep_frame(frame);
        return std::optional<Bytes>(std::move(frame));
      };
      tap.raw_link = [this, node](const DeviceId& peer) { greet(node, peer); };
      cluster_.set_tap(node, std::move(tap));
      identities_.push_back(cluster_.identity(node));
    }
  }

  void enter(const WorkspaceId& workspace) { workspace_ = workspace; }
  const std::vector<Node>& nodes() const { return nodes_; }
  bool has(Node node) const {
    return std::find(nodes_.begin(), nodes_.end(), node) != nodes_.end();
  }
  bool has(const DeviceId& device) const {
    return std::any_of(identities_.begin(), identities_.end(),
                       [&](const auto& one) { return one.id() == device; });
  }
  Node any() { return nodes_[choices_.below(nodes_.size())]; }
  const std::map<LogId, std::vector<Seen>>& archive() const { return archive_; }
  const std::map<Hash, crypto::SecretKey>& keys() const { return keys_; }
  /// Devices that the gang made up.
  const std::set<DeviceId>& puppets() const { return puppets_; }

  // How its engines' own frames fare.
  std::uint64_t withhold_percent = 0;  ///< Of frames with entries of others; they relay nothing.
  std::uint64_t lie_percent = 0;       ///< Of frontiers, hellos, heartbeats and announcements.
  std::size_t withheld = 0;
  std::size_t lies = 0;

  // Knowledge.

  /// Operations that nothing seen names as its past.
  std::vector<Hash> heads() const {
    return {heads_.begin(),
            std::next(heads_.begin(),
                      std::min<std::ptrdiff_t>(node::kEntryHeadsMax, std::ssize(heads_)))};
  }
  /// Takes in all that a frame tells, whoever it was meant for.
  void listen(ByteView frame) {
    const auto message = transport::decode(frame);
    if (!message) return;
    if (const auto* entries = std::get_if<transport::Entries>(&*message)) {
      if (entries->workspace == workspace_) learn(entries->log, entries->first, entries->entries);
    } else if (const auto* application = std::get_if<transport::Application>(&*message)) {
      const auto join = node::decode_join_message(application->payload);
      if (!join) return;
      if (const auto* welcome = std::get_if<node::Welcome>(&*join)) try_keys(welcome->keys);
    }
  }
  void learn(const LogId& log, Seq first, const std::vector<Bytes>& entries) {
    auto& seen = archive_[log];
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const Seq seq = first + i;
      if (seq == 0 || seq > seen.size() + 1) return;
      if (seq <= seen.size()) continue;
      const Hash previous = seen.empty() ? Hash{} : seen.back().hash;
      auto entry = node::decode_stored({workspace_, log, seq, previous}, entries[i]);
      if (!entry) return;
      const Hash hash = node::entry_hash(*entry);
      seen.push_back({entries[i], std::move(*entry), hash});
      note_operation(seen.back());
    }
  }

  // Writing.

  /// A log of its own that nobody has seen yet.
  Pen fresh_log(Node as) { return {as, {identity(as).id(), random_.next_u64()}, 0, {}}; }
  /// The end of a log in the archive, whoever's it is.
  Pen end_of(Node as, const LogId& log) const {
    const auto& seen = archive_.at(log);
    return {as, log, seen.size(), seen.empty() ? Hash{} : seen.back().hash};
  }
  std::uint64_t time() const { return cluster_.at().wall << 16; }

  Made write(Pen pen, std::vector<Hash> past, const Hash& commitment, ByteView record,
             std::optional<std::uint64_t> when = {}) {
    node::Entry entry;
    entry.heads = std::move(past);
    entry.time = when.value_or(time());
    entry.key = commitment;
    entry.nonce = crypto::random_nonce(random_);
    return finish(pen, std::move(entry), record, &keys_.at(commitment));
  }
  Made operate(Pen pen, std::vector<Hash> past, const node::Operation& operation,
               std::optional<std::uint64_t> when = {}) {
    node::Entry entry;
    entry.entry_class = node::EntryClass::kMembership;
    entry.heads = std::move(past);
    entry.time = when.value_or(time());
    return finish(pen, std::move(entry), node::encode_operation(operation), nullptr);
  }
  /// The commitment of any key held.
  std::optional<Hash> any_key() {
    if (keys_.empty()) return std::nullopt;
    return std::next(keys_.begin(), std::ssize(keys_) - 1 -
                                        static_cast<std::ptrdiff_t>(choices_.below(keys_.size())))
        ->first;
  }
  /// A record that inserts `text` at the beginning of a document, by a Yjs client of that id.
  Bytes typed(const std::string& path, std::uint64_t client, const std::string& text) const {
    crdt::Doc doc({.client_id = client});
    const Bytes update = doc.transact([&] { (void)doc.text("monaco").insert(0, text); });
    return node::encode_record(node::UpdateRecord{node::document_id(workspace_, path), update});
  }
  std::uint64_t fresh_client() { return 1'000'000 + choices_.below(1'000'000'000); }

  // Sending.

  Bytes frame_of(const LogId& log, Seq first, std::vector<Bytes> entries) const {
    transport::Entries frame;
    frame.workspace = workspace_;
    frame.log = log;
    frame.first = first;
    frame.head = first + entries.size() - 1;
    frame.entries = std::move(entries);
    return transport::encode(frame);
  }
  /// To one node, over whichever link of the gang there is; whether there was one.
  bool send_to(Node to, const Bytes& frame) {
    for (const Node from : nodes_) {
      if (cluster_.up(from) && cluster_.inject(from, to, frame)) return true;
    }
    return false;
  }
  /// To every other node, or to some of them; how many.
  std::size_t send(const Bytes& frame, std::uint64_t percent = 100) {
    std::size_t sent = 0;
    for (Node to = 0; to < cluster_.size(); ++to) {
      if (has(to) || !cluster_.up(to) || !choices_.chance(percent)) continue;
      if (send_to(to, frame)) ++sent;
    }
    return sent;
  }
  std::size_t send(const Made& made, std::uint64_t percent = 100) {
    return send(frame_of(made.at.log, made.at.seq, {made.stored}), percent);
  }

  // Deeds. Each returns how many frames left.

  /// Content and operations in the logs of others, signed with its own key.
  std::size_t forge_in_others_logs(const std::string& text) {
    const auto key = any_key();
    if (!key) return 0;
    std::size_t sent = 0;
    for (const auto& [log, seen] : archive_) {
      if (has(log.device) || seen.empty() || !choices_.chance(50)) continue;
      Pen pen = end_of(any(), log);
      if (choices_.chance(30)) pen = {pen.as, {log.device, random_.next_u64()}, 0, {}};
      const Made made = choices_.chance(60)
                            ? write(pen, heads(), *key, typed("notes.md", fresh_client(), text))
                            : operate(pen, heads(), puppet_invite(node::Role::kHost, nullptr));
      sent += send(made);
    }
    return sent;
  }

  /// Content in its own name, naming as its past what it likes.
  enum class Past { kCurrent, kNone, kUnknown };
  std::size_t write_content(Past past, const std::string& text, bool own_log) {
    const auto key = any_key();
    if (!key) return 0;
    const Node as = any();
    Pen pen = fresh_log(as);
    if (own_log) {
      for (const auto& [log, seen] : archive_) {
        if (log.device == identity(as).id()) pen = end_of(as, log);
      }
    }
    return send(write(pen, past_of(past), *key, typed("notes.md", fresh_client(), text)));
  }
  /// Two entries at one place, to different peers.
  std::size_t equivocate(const std::string& text) {
    const auto key = any_key();
    if (!key) return 0;
    Pen pen = fresh_log(any());
    std::size_t sent = 0;
    for (std::uint64_t common = choices_.below(3); common > 0; --common) {
      const Made made = write(pen, heads(), *key, typed("notes.md", fresh_client(), text));
      sent += send(made);
      pen = made.at;
    }
    std::vector<Made> branches;
    for (int i = 0; i < 2; ++i) {
      branches.push_back(write(pen, heads(), *key, typed("notes.md", fresh_client(), text)));
    }
    for (Node to = 0; to < cluster_.size(); ++to) {
      if (has(to) || !cluster_.up(to)) continue;
      const Made& made = branches[choices_.below(2)];
      if (send_to(to, frame_of(made.at.log, made.at.seq, {made.stored}))) ++sent;
    }
    return sent;
  }

  /// Entries of others and frames of long ago, once more.
  std::size_t replay() {
    std::size_t sent = 0;
    for (const auto& [log, seen] : archive_) {
      if (seen.empty() || !choices_.chance(30)) continue;
      const std::size_t first = choices_.below(seen.size());
      std::vector<Bytes> run;
      for (std::size_t i = first; i < seen.size() && run.size() < 8; ++i) {
        run.push_back(seen[i].stored);
      }
      // Sometimes at another place, or as another's.
      LogId as = log;
      Seq at = first + 1;
      if (choices_.chance(20)) at += choices_.below(3);
      if (choices_.chance(20)) as = {identity(any()).id(), random_.next_u64()};
      sent += send(frame_of(as, at, std::move(run)), 60);
    }
    for (int i = 0; i < 5 && !frames_.empty(); ++i) {
      sent += send(frames_[choices_.below(frames_.size())], 60);
    }
    return sent;
  }
  /// Real frames with bytes changed.
  std::size_t mangle() {
    std::size_t sent = 0;
    for (int i = 0; i < 4 && !frames_.empty(); ++i) {
      Bytes frame = frames_[choices_.below(frames_.size())];
      if (frame.empty()) continue;
      for (std::uint64_t n = 1 + choices_.below(4); n > 0; --n) {
        frame[choices_.below(frame.size())] = static_cast<std::uint8_t>(choices_.below(256));
      }
      if (choices_.chance(20)) frame.resize(choices_.below(frame.size()));
      sent += send(frame, 30);
    }
    return sent;
  }

  /// Bytes of its own under ids that another Yjs client has used, or will.
  std::size_t reuse_client(std::uint64_t client, std::uint64_t skip, const std::string& text) {
    const auto key = any_key();
    if (!key) return 0;
    crdt::Doc doc({.client_id = client});
    if (skip > 0) {
      (void)doc.transact([&] { (void)doc.text("monaco").insert(0, std::string(skip, '.')); });
    }
    const Bytes update = doc.transact([&] { (void)doc.text("monaco").insert(skip, text); });
    const Bytes record =
        node::encode_record(node::UpdateRecord{node::document_id(workspace_, "notes.md"), update});
    return send(write(fresh_log(any()), heads(), *key, record));
  }

  /// Presence under its own name for other people's client ids, under others' names, and rubbish.
  std::size_t forge_presence(const std::string& path, const std::set<std::uint64_t>& clients,
                             const std::string& state) {
    const auto key = any_key();
    if (!key) return 0;
    std::vector<node::AwarenessState> states;
    for (const std::uint64_t client : clients) {
      states.push_back({client, cluster_.at().wall + 1000 + choices_.below(60'000), state});
    }
    const Node as = any();
    std::size_t sent = send(presence(identity(as).id(), identity(as), *key, path, states));
    for (Node victim = 0; victim < cluster_.size(); ++victim) {
      // In another's name: to say something else, or that nobody is there.
      if (has(victim)) continue;
      const bool clear = choices_.chance(50);
      sent += send(presence(cluster_.id(victim), identity(as), *key, path,
                            clear ? std::vector<node::AwarenessState>{} : states),
                   60);
    }
    transport::Awareness rubbish{workspace_, identity(as).id(), choices_.below(1000),
                                 cluster_.at().wall << 22, Bytes(choices_.below(300), 0x5a)};
    return sent + send(transport::encode(rubbish), 30);
  }

  /// Membership operations, each naming `past`. Without a right to them none may have an effect.
  std::size_t forge_operations(const std::vector<Hash>& past) {
    Pen pen = fresh_log(any());
    std::size_t sent = 0;
    const auto put = [&](const node::Operation& operation) {
      const Made made = operate(pen, past, operation);
      pen = made.at;
      sent += send(made);
      return made.at.hash;
    };
    std::optional<crypto::SigningKey> key;
    const Hash invited = put(puppet_invite(node::Role::kHost, &key));
    node::AdmitOperation admit;
    admit.device = new_puppet();
    admit.name = "FORGED";
    admit.role = node::Role::kHost;
    admit.invite = key->id();
    admit.proof = key->sign(node::admission_proof(workspace_, admit.device).view());
    put(admit);
    const Made second = operate(pen, {invited}, admit);
    pen = second.at;
    sent += send(second);
    // Through an invite that is somebody else's, without its key.
    for (const auto& [invite, role] : invites_) {
      admit.invite = invite;
      admit.role = role;
      admit.device = new_puppet();
      put(admit);
      break;
    }
    return sent;
  }

  /// Runs, announcements and frontiers of what does not exist.
  std::size_t lie() {
    std::size_t sent = 0;
    transport::FrontierReport report{workspace_, choices_.chance(50), {}};
    for (const auto& [log, seen] : archive_) {
      report.heads[log] = {seen.size() + choices_.below(1000), random_id<Hash>()};
      if (report.heads[log].seq == 0) report.heads.erase(log);
    }
    for (std::uint64_t i = choices_.below(200); i > 0; --i) {
      report.heads[{random_id<DeviceId>(), choices_.below(5)}] = {1 + choices_.below(100),
                                                                  random_id<Hash>()};
    }
    sent += send(transport::encode(report), 60);
    for (const auto& [log, seen] : archive_) {
      if (!choices_.chance(30)) continue;
      sent += send(transport::encode(transport::Announce{workspace_, log,
                                                         seen.size() + 1 + choices_.below(1000)}),
                   60);
    }
    transport::Heartbeat beat;
    beat.sent_us = choices_.below(1'000'000);
    beat.workspaces.push_back({workspace_, random_id<Hash>(), all_devices()});
    return sent + send(transport::encode(beat), 60);
  }

  /// Much of everything, small and worthless.
  std::size_t flood(std::size_t count) {
    std::size_t sent = 0;
    const auto key = any_key();
    const std::uint64_t kind = choices_.below(5);
    Pen pen = fresh_log(any());
    for (std::size_t i = 0; i < count; ++i) {
      if (kind == 0 && key) {  // Content.
        const Made made = write(pen, heads(), *key, typed("flood.md", 77, "FLOOD"));
        pen = made.at;
        sent += send(made, 40);
      } else if (kind == 1 && key) {  // Logs.
        sent += send(write(fresh_log(pen.as), heads(), *key, Bytes{9}), 40);
      } else if (kind == 2) {  // Operations.
        const Made made = operate(pen, heads(), puppet_invite(node::Role::kEditor, nullptr));
        pen = made.at;
        sent += send(made, 40);
      } else if (kind == 3 && key) {
        sent += send(presence(identity(pen.as).id(), identity(pen.as), *key,
                              "flood" + std::to_string(i) + ".md", {}),
                     40);
      } else {
        sent += send(Bytes(choices_.below(200), static_cast<std::uint8_t>(choices_.below(256))), 5);
      }
    }
    return sent;
  }

  /// Things at their limits, and one past them.
  std::size_t oversize(const std::string& text) {
    const auto key = any_key();
    if (!key) return 0;
    const Node as = any();
    std::vector<Hash> many;
    const std::size_t count = node::kEntryHeadsMax + choices_.below(2);
    while (many.size() < count) many.push_back(random_id<Hash>());
    std::sort(many.begin(), many.end());
    switch (choices_.below(5)) {
      case 0:
        return send(write(fresh_log(as), many, *key, typed("notes.md", fresh_client(), text)), 50);
      case 1: {
        const std::size_t size = node::kEntryBytesMax - 300 + choices_.below(2) * 400;
        return send(write(fresh_log(as), {}, *key, Bytes(size, 9)), 30);
      }
      case 2:
        return send(Bytes(transport::kFrameBytesMax + choices_.below(2), 0x91), 30);
      case 3:
        return send(transport::encode(transport::Pull{
                        workspace_, {random_id<DeviceId>(), 1}, 1, transport::kPullBytesMax}),
                    60);
      default: {
        node::AdmitOperation admit;
        admit.device = new_puppet();
        admit.name = std::string(node::kNameBytesMax + choices_.below(2), 'F');
        for (std::size_t i = 0; i < node::kSealedKeysMax + choices_.below(2); ++i) {
          admit.keys.push_back({random_id<Hash>(), Bytes(80, 1)});
        }
        return send(operate(fresh_log(as), heads(), admit), 60);
      }
    }
  }

  /// Comes to the door again, with its own key or an invite's, and pushes what it has at once.
  void knock(Node to, std::vector<Bytes> push) {
    const Node from = any();
    if (!cluster_.up(from) || !cluster_.up(to)) return;
    pushes_[cluster_.id(to)] = std::move(push);
    cluster_.dial_raw(from, to,
                      choices_.chance(70) || invites_.empty() ? identity(from).id() : any_invite());
  }
  /// Knocks that were answered by a link.
  std::size_t let_in = 0;

  const crypto::SigningKey& identity(Node node) const {
    const auto at = std::find(nodes_.begin(), nodes_.end(), node);
    COTERIE_ASSERT(at != nodes_.end());
    return identities_[static_cast<std::size_t>(at - nodes_.begin())];
  }

 private:
  static constexpr std::size_t kFramesKept = 128;

  template <typename Id>
  Id random_id() {
    Id id;
    random_.fill(id.bytes);
    return id;
  }

  /// Signed by whoever holds the pen, whosever log it is: the product's own functions would refuse.
  Made finish(Pen pen, node::Entry entry, ByteView payload, const crypto::SecretKey* key) {
    entry.position = {workspace_, pen.log, pen.seq + 1, pen.hash};
    entry.payload = key == nullptr
                        ? Bytes(payload.begin(), payload.end())
                        : crypto::seal(*key, entry.nonce, node::encode_header(entry), payload);
    entry.signature = identity(pen.as).sign(node::entry_digest(entry).view());
    pen.hash = node::entry_hash(entry);
    ++pen.seq;
    return {pen, node::encode_stored(entry)};
  }

  std::vector<Hash> past_of(Past past) {
    switch (past) {
      case Past::kCurrent:
        return heads();
      case Past::kNone:
        return {};
      case Past::kUnknown:
        return {random_id<Hash>()};
    }
    return {};
  }

  DeviceId new_puppet() {
    const DeviceId id = crypto::SigningKey::generate(random_).id();
    puppets_.insert(id);
    return id;
  }
  node::InviteOperation puppet_invite(node::Role role, std::optional<crypto::SigningKey>* key) {
    auto made = crypto::SigningKey::generate(random_);
    node::InviteOperation invite;
    invite.invite = made.id();
    invite.role = role;
    invite.expires = cluster_.at().wall + 3'600'000;
    invite.uses = 1;
    if (key != nullptr) *key = std::move(made);
    return invite;
  }

  std::vector<DeviceId> all_devices() const {
    std::set<DeviceId> all;
    for (Node node = 0; node < cluster_.size(); ++node) all.insert(cluster_.id(node));
    return {all.begin(), all.end()};
  }

  DeviceId any_invite() {
    return std::next(invites_.begin(), static_cast<std::ptrdiff_t>(choices_.below(invites_.size())))
        ->first;
  }

  /// The first words on a link that no engine of ours knows of.
  void greet(Node from, const DeviceId& peer) {
    ++let_in;
    transport::Hello hello;
    hello.device = identity(from).id();
    hello.workspaces.push_back({workspace_, random_id<Hash>(), {}});
    for (Node to = 0; to < cluster_.size(); ++to) {
      if (cluster_.id(to) != peer) continue;
      (void)cluster_.inject(from, to, transport::encode(hello));
      (void)cluster_.inject(from, to,
                            transport::encode(transport::FrontierReport{workspace_, true, {}}));
      for (const auto& [log, seen] : archive_) {
        (void)cluster_.inject(from, to,
                              transport::encode(transport::Pull{workspace_, log, 1, 65536}));
      }
      for (Bytes& frame : pushes_[peer]) (void)cluster_.inject(from, to, std::move(frame));
      pushes_.erase(peer);
    }
  }

  void note_operation(const Seen& seen) {
    if (seen.entry.entry_class == node::EntryClass::kContent) return;
    if (!operations_.insert(seen.hash).second) return;
    for (const Hash& head : seen.entry.heads) {
      named_.insert(head);
      heads_.erase(head);
    }
    if (!named_.contains(seen.hash)) heads_.insert(seen.hash);
    const auto operation = node::decode_operation(seen.entry.payload);
    if (!operation) return;
    if (const auto* admit = std::get_if<node::AdmitOperation>(&*operation)) {
      if (has(admit->device)) try_keys(admit->keys);
    } else if (const auto* invite = std::get_if<node::InviteOperation>(&*operation)) {
      invites_[invite->invite] = invite->role;
    }
  }
  void try_keys(const std::vector<node::SealedKey>& keys) {
    for (const node::SealedKey& sealed : keys) {
      if (keys_.contains(sealed.commitment)) continue;
      for (const auto& identity : identities_) {
        const auto opened = crypto::open_sealed(identity, sealed.sealed);
        if (!opened) continue;
        auto key = crypto::SecretKey::from(*opened);
        if (key) keys_.emplace(crypto::key_commitment(*key), std::move(*key));
      }
    }
  }

  Bytes presence(const DeviceId& origin, const crypto::SigningKey& signer, const Hash& commitment,
                 const std::string& path, const std::vector<node::AwarenessState>& states) {
    const DocumentId document = node::document_id(workspace_, path);
    Bytes bundle(8, 0);
    const Hash named =
        crypto::hash({as_bytes("coterie topic v1"), workspace_.view(), document.view(), bundle});
    std::uint64_t topic = 0;
    for (int i = 0; i < 8; ++i) topic = topic << 8 | named.bytes[static_cast<std::size_t>(i)];
    topic &= kSafeIntegerMax;
    Bytes clear(document.view().begin(), document.view().end());
    append_varuint(clear, 0);
    append(clear, node::encode_awareness(states));
    const std::uint64_t counter = (cluster_.at().wall << 21) + ++counter_;
    Bytes place;
    append(place, workspace_.view());
    append(place, origin.view());
    append_number(place, topic);
    append_number(place, counter);
    append(place, commitment.view());
    const crypto::Nonce nonce = crypto::random_nonce(random_);
    const Bytes sealed = crypto::seal(keys_.at(commitment), nonce, place, clear);
    const Hash hash = crypto::hash({as_bytes("coterie presence v1"), place, nonce.view(), sealed});
    Bytes message{1};
    append(message, commitment.view());
    append(message, nonce.view());
    append(message, sealed);
    append(message, signer.sign(hash.view()).view());
    return transport::encode(
        transport::Awareness{workspace_, origin, topic, counter, std::move(message)});
  }
  static void append_number(Bytes& out, std::uint64_t value) {
    for (int shift = 56; shift >= 0; shift -= 8) {
      out.push_back(static_cast<std::uint8_t>(value >> shift));
    }
  }

  void keep_frame(const Bytes& frame) {
    if (frame.size() > 8192) return;
    if (frames_.size() == kFramesKept) {
      frames_[choices_.below(kFramesKept)] = frame;
    } else {
      frames_.push_back(frame);
    }
  }

  /// What its engines say, before it leaves.
  std::optional<Bytes> pass_outgoing(const DeviceId&, Bytes frame) {
    listen(frame);
    const bool withholds = choices_.chance(withhold_percent);
    const bool lying = choices_.chance(lie_percent);
    if (!withholds && !lying) return frame;
    auto message = transport::decode(frame);
    if (!message) return frame;
    if (const auto* entries = std::get_if<transport::Entries>(&*message)) {
      if (!withholds || has(entries->log.device)) return frame;
      ++withheld;
      return std::nullopt;
    }
    if (!lying) return frame;
    if (auto* report = std::get_if<transport::FrontierReport>(&*message)) {
      for (auto& [log, head] : report->heads) {
        if (choices_.chance(30)) head.seq += choices_.below(5);
        if (choices_.chance(30)) head.hash = random_id<Hash>();
      }
    } else if (auto* hello = std::get_if<transport::Hello>(&*message)) {
      for (auto& state : hello->workspaces) state.digest = random_id<Hash>();
    } else if (auto* beat = std::get_if<transport::Heartbeat>(&*message)) {
      for (auto& state : beat->workspaces) {
        if (choices_.chance(50)) state.digest = random_id<Hash>();
        if (choices_.chance(50)) state.neighbours = all_devices();
      }
    } else if (auto* announce = std::get_if<transport::Announce>(&*message)) {
      announce->head += choices_.below(10);
    } else {
      return frame;
    }
    ++lies;
    return transport::encode(*message);
  }

  Cluster& cluster_;
  std::vector<Node> nodes_;
  SeededChoices choices_;
  SeededSecureRandom random_;
  std::vector<crypto::SigningKey> identities_;
  WorkspaceId workspace_;
  std::map<LogId, std::vector<Seen>> archive_;
  std::set<Hash> operations_;
  std::set<Hash> named_;
  std::set<Hash> heads_;
  std::map<DeviceId, node::Role> invites_;
  std::map<Hash, crypto::SecretKey> keys_;
  std::set<DeviceId> puppets_;
  std::vector<Bytes> frames_;
  std::map<DeviceId, std::vector<Bytes>> pushes_;
  std::uint64_t counter_ = 0;
};

}  // namespace coterie::testing
