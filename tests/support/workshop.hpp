// What modified nodes are made in: entries, operations, presence and frames of any kind, true or
// false, signed with the keys of one or more devices, from what was overheard.
//
//     Workshop shop({key}, seed, wall);
//     shop.enter(workspace);
//     shop.listen(frame);                       // Whatever arrives.
//     for (Bytes& frame : shop.forge_operations(shop.heads())) send(frame);
//
// It reads nothing but frames; honest nodes' memory and disks are out of its reach. What it cannot
// do is break cryptography: it holds the keys of its devices, and those of nobody else.

#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "crdt/doc.hpp"
#include "node/core/join.hpp"
#include "node/core/limits.hpp"
#include "node/core/log/entry.hpp"
#include "node/core/membership/membership.hpp"
#include "node/core/membership/operations.hpp"
#include "node/core/records.hpp"
#include "node/core/sync_protocol.hpp"
#include "tests/support/choices.hpp"
#include "tests/support/seeded_secure_random.hpp"
#include "transport/wire/limits.hpp"
#include "transport/wire/messages.hpp"

namespace coterie::testing {

class Workshop {
 public:
  using Frames = std::vector<Bytes>;

  struct Seen {
    Bytes stored;
    node::Entry entry;
    Hash hash;
  };
  /// A log that is being written, and by which of the devices: where it ends.
  struct Pen {
    std::size_t as = 0;
    LogId log;
    Seq seq = 0;
    Hash hash;
  };
  struct Made {
    Pen at;  ///< After it.
    Bytes stored;
  };

  Workshop(std::vector<crypto::SigningKey> identities, std::uint64_t seed,
           std::function<WallMillis()> wall)
      : choices_(seed),
        random_(seed ^ 0xadu),
        identities_(std::move(identities)),
        wall_(std::move(wall)) {}

  void enter(const WorkspaceId& workspace) {
    workspace_ = workspace;
    membership_.emplace(workspace);
  }
  const WorkspaceId& workspace() const { return workspace_; }
  const crypto::SigningKey& identity(std::size_t index) const { return identities_[index]; }
  std::size_t any() { return choices_.below(identities_.size()); }
  bool has(const DeviceId& device) const {
    return std::any_of(identities_.begin(), identities_.end(),
                       [&](const auto& one) { return one.id() == device; });
  }
  const std::map<LogId, std::vector<Seen>>& archive() const { return archive_; }
  const std::map<Hash, crypto::SecretKey>& keys() const { return keys_; }
  const node::Membership& membership() const { return *membership_; }
  /// Operations that admit `device`.
  std::size_t admissions(const DeviceId& device) const {
    const auto found = admissions_.find(device);
    return found == admissions_.end() ? 0 : found->second.size();
  }
  /// Whether one of them is in that past.
  bool was_admitted_in(const DeviceId& device, const std::vector<Hash>& past) const {
    const auto found = admissions_.find(device);
    return found != admissions_.end() &&
           std::any_of(found->second.begin(), found->second.end(),
                       [&](const Hash& one) { return membership_->in_past(one, past); });
  }
  /// Devices that were made up.
  const std::set<DeviceId>& puppets() const { return puppets_; }

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

  // Writing.

  /// A log of its own that nobody has seen yet.
  Pen fresh_log(std::size_t as) {
    // Without the top bit, which says that it is a branch of another log.
    return {as, {identity(as).id(), random_.next_u64() >> 1}, 0, {}};
  }
  /// The end of a log in the archive, whoever's it is.
  Pen end_of(std::size_t as, const LogId& log) const {
    const auto& seen = archive_.at(log);
    return {as, log, seen.size(), seen.empty() ? Hash{} : seen.back().hash};
  }

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

  Bytes frame_of(const LogId& log, Seq first, std::vector<Bytes> entries) const {
    transport::Entries frame;
    frame.workspace = workspace_;
    frame.log = log;
    frame.first = first;
    frame.head = first + entries.size() - 1;
    frame.entries = std::move(entries);
    return transport::encode(frame);
  }
  Bytes frame_of(const Made& made) const {
    return frame_of(made.at.log, made.at.seq, {made.stored});
  }

  // Deeds: the frames to send.

  /// Content and operations in the logs of others, signed with its own key.
  Frames forge_in_others_logs(const std::string& text) {
    Frames out;
    const auto key = any_key();
    if (!key) return out;
    for (const auto& [log, seen] : archive_) {
      if (has(log.device) || seen.empty() || !choices_.chance(50)) continue;
      Pen pen = end_of(any(), log);
      if (choices_.chance(30)) pen = {pen.as, {log.device, random_.next_u64() >> 1}, 0, {}};
      out.push_back(frame_of(
          choices_.chance(60) ? write(pen, heads(), *key, typed("notes.md", fresh_client(), text))
                              : operate(pen, heads(), puppet_invite(node::Role::kHost, nullptr))));
    }
    return out;
  }

  /// Content in the name of one of its devices, naming as its past what it likes.
  enum class Past { kCurrent, kNone, kUnknown };
  Frames write_content(Past past, const std::string& text, bool own_log,
                       std::optional<Hash> key = {}) {
    if (!key) key = any_key();
    if (!key) return {};
    const std::size_t as = any();
    Pen pen = fresh_log(as);
    if (own_log) {
      for (const auto& [log, seen] : archive_) {
        if (log.device == identity(as).id()) pen = end_of(as, log);
      }
    }
    return {frame_of(write(pen, past_of(past), *key, typed("notes.md", fresh_client(), text)))};
  }

  /// Two entries at one place; the caller sends them to different peers. The frames before the last
  /// two are what both stand on.
  Frames equivocate(const std::string& text) {
    Frames out;
    const auto key = any_key();
    if (!key) return out;
    Pen pen = fresh_log(any());
    for (std::uint64_t common = choices_.below(3); common > 0; --common) {
      const Made made = write(pen, heads(), *key, typed("notes.md", fresh_client(), text));
      out.push_back(frame_of(made));
      pen = made.at;
    }
    for (int i = 0; i < 2; ++i) {
      out.push_back(frame_of(write(pen, heads(), *key, typed("notes.md", fresh_client(), text))));
    }
    return out;
  }

  /// Heads that were current when the device could still edit, or when it was a host.
  std::optional<std::vector<Hash>> old_heads(std::size_t as, bool host) const {
    std::optional<std::vector<Hash>> best;
    for (const auto& [log, seen] : archive_) {
      for (const Seen& one : seen) {
        const auto roster = membership_->at(one.entry.heads);
        const node::Member* self = roster ? roster->find(identity(as).id()) : nullptr;
        if (self == nullptr) continue;
        if (host ? self->role == node::Role::kHost : node::may_edit(self->role)) {
          best = one.entry.heads;
        }
      }
    }
    return best;
  }
  /// As if written long ago, when it still had the right to.
  Frames backdate(const std::string& text, std::size_t as) {
    const auto past = old_heads(as, false);
    const auto key = any_key();
    if (!past || !key) return {};
    return {frame_of(write(fresh_log(as), *past, *key, typed("notes.md", fresh_client(), text),
                           time() - (std::uint64_t{60'000} << 16)))};
  }

  /// Entries of others and frames of long ago, once more.
  Frames replay() {
    Frames out;
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
      if (choices_.chance(20)) as = {identity(any()).id(), random_.next_u64() >> 1};
      out.push_back(frame_of(as, at, std::move(run)));
    }
    for (int i = 0; i < 5 && !frames_.empty(); ++i) {
      out.push_back(frames_[choices_.below(frames_.size())]);
    }
    return out;
  }
  /// Real frames with bytes changed.
  Frames mangle() {
    Frames out;
    for (int i = 0; i < 4 && !frames_.empty(); ++i) {
      Bytes frame = frames_[choices_.below(frames_.size())];
      if (frame.empty()) continue;
      for (std::uint64_t n = 1 + choices_.below(4); n > 0; --n) {
        frame[choices_.below(frame.size())] = static_cast<std::uint8_t>(choices_.below(256));
      }
      if (choices_.chance(20)) frame.resize(choices_.below(frame.size()));
      out.push_back(std::move(frame));
    }
    return out;
  }

  /// Bytes of its own under ids that another Yjs client has used, or will.
  Frames reuse_client(std::uint64_t client, std::uint64_t skip, const std::string& text) {
    const auto key = any_key();
    if (!key) return {};
    crdt::Doc doc({.client_id = client});
    if (skip > 0) {
      (void)doc.transact([&] { (void)doc.text("monaco").insert(0, std::string(skip, '.')); });
    }
    const Bytes update = doc.transact([&] { (void)doc.text("monaco").insert(skip, text); });
    const Bytes record =
        node::encode_record(node::UpdateRecord{node::document_id(workspace_, "notes.md"), update});
    return {frame_of(write(fresh_log(any()), heads(), *key, record))};
  }

  /// Presence under its own name for other people's client ids, under others' names, and rubbish.
  Frames forge_presence(const std::string& path, const std::set<std::uint64_t>& clients,
                        const std::string& state) {
    const auto key = any_key();
    if (!key) return {};
    std::vector<node::AwarenessState> states;
    for (const std::uint64_t client : clients) {
      states.push_back({client, wall_() + 1000 + choices_.below(60'000), state});
    }
    const auto& as = identity(any());
    Frames out{presence(as.id(), as, *key, path, states)};
    for (const DeviceId& victim : all_devices()) {
      // In another's name: to say something else, or that nobody is there.
      if (has(victim)) continue;
      const bool clear = choices_.chance(50);
      out.push_back(
          presence(victim, as, *key, path, clear ? std::vector<node::AwarenessState>{} : states));
    }
    out.push_back(
        transport::encode(transport::Awareness{workspace_, as.id(), choices_.below(1000),
                                               wall_() << 22, Bytes(choices_.below(300), 0x5a)}));
    return out;
  }

  /// Membership operations, each naming `past`. Without a right to them none may have an effect.
  Frames forge_operations(const std::vector<Hash>& past) {
    Frames out;
    Pen pen = fresh_log(any());
    const auto put = [&](const std::vector<Hash>& named, const node::Operation& operation) {
      const Made made = operate(pen, named, operation);
      pen = made.at;
      out.push_back(frame_of(made));
      return made.at.hash;
    };
    std::optional<crypto::SigningKey> key;
    const Hash invited = put(past, puppet_invite(node::Role::kHost, &key));
    node::AdmitOperation admit;
    admit.device = new_puppet();
    admit.name = "FORGED";
    admit.role = node::Role::kHost;
    admit.invite = key->id();
    admit.proof = key->sign(node::admission_proof(workspace_, admit.device).view());
    put(past, admit);
    put({invited}, admit);
    // Through an invite that is somebody else's, without its key.
    if (!invites_.empty()) {
      admit.invite = any_invite();
      admit.role = invites_.at(admit.invite);
      admit.device = new_puppet();
      put(past, admit);
      put(past, node::RequestOperation{new_puppet(), "FORGED", admit.invite, admit.proof});
      put(past, node::RevokeOperation{any_invite()});
    }
    put(past, node::RoleOperation{identity(pen.as).id(), node::Role::kHost, {}});
    for (const auto& [device, member] : membership_->members()) {
      if (has(device)) continue;
      if (choices_.chance(50)) put(past, node::RoleOperation{device, node::Role::kViewer, {}});
      if (choices_.chance(50)) put(past, node::RemoveOperation{device, choices_.chance(50), {}});
    }
    if (const auto own = some_restriction()) {
      put(past, node::AcknowledgeOperation{*own, own_marks()});
    }
    if (choices_.chance(50)) put(past, garbage_rekey());
    return out;
  }

  /// A new epoch whose boxes hold nothing.
  Frames rekey_with_garbage() {
    return {frame_of(operate(fresh_log(any()), heads(), garbage_rekey()))};
  }

  /// Runs, announcements and frontiers of what does not exist.
  Frames lie() {
    Frames out;
    transport::FrontierReport report{workspace_, choices_.chance(50), {}};
    for (const auto& [log, seen] : archive_) {
      report.heads[log] = {1 + seen.size() + choices_.below(1000), random_id<Hash>()};
    }
    for (std::uint64_t i = choices_.below(200); i > 0; --i) {
      report.heads[{random_id<DeviceId>(), choices_.below(5)}] = {1 + choices_.below(100),
                                                                  random_id<Hash>()};
    }
    out.push_back(transport::encode(report));
    for (const auto& [log, seen] : archive_) {
      if (!choices_.chance(30)) continue;
      out.push_back(transport::encode(
          transport::Announce{workspace_, log, seen.size() + 1 + choices_.below(1000)}));
    }
    transport::Heartbeat beat;
    beat.sent_us = choices_.below(1'000'000);
    beat.workspaces.push_back({workspace_, random_id<Hash>()});
    out.push_back(transport::encode(beat));
    transport::Neighbours neighbours{workspace_, all_devices(), {}};
    if (choices_.chance(50)) std::swap(neighbours.added, neighbours.removed);
    out.push_back(transport::encode(neighbours));
    const auto bound = [&] { return Bytes(choices_.below(4), std::uint8_t(choices_.below(256))); };
    transport::Summary summary{workspace_, {}};
    for (std::uint64_t i = 1 + choices_.below(9); i > 0; --i) {
      summary.parts.push_back({{bound(), bound()}, random_id<Fingerprint>()});
    }
    out.push_back(transport::encode(summary));
    return out;
  }

  /// Much of something, small and worthless.
  Frames flood(std::size_t count) {
    Frames out;
    const auto key = any_key();
    const std::uint64_t kind = choices_.below(5);
    Pen pen = fresh_log(any());
    for (std::size_t i = 0; i < count; ++i) {
      if (kind == 0 && key) {  // Content.
        const Made made = write(pen, heads(), *key, typed("flood.md", 77, "FLOOD"));
        pen = made.at;
        out.push_back(frame_of(made));
      } else if (kind == 1 && key) {  // Logs.
        out.push_back(frame_of(write(fresh_log(pen.as), heads(), *key, Bytes{9})));
      } else if (kind == 2) {  // Operations.
        const Made made = operate(pen, heads(), puppet_invite(node::Role::kEditor, nullptr));
        pen = made.at;
        out.push_back(frame_of(made));
      } else if (kind == 3 && key) {
        out.push_back(presence(identity(pen.as).id(), identity(pen.as), *key,
                               "flood" + std::to_string(i) + ".md", {}));
      } else if (choices_.chance(10)) {
        out.push_back(Bytes(choices_.below(200), static_cast<std::uint8_t>(choices_.below(256))));
      }
    }
    return out;
  }

  /// Things at their limits, and one past them.
  Frames oversize(const std::string& text) {
    const auto key = any_key();
    if (!key) return {};
    const std::size_t as = any();
    switch (choices_.below(5)) {
      case 0: {
        std::vector<Hash> many;
        const std::size_t count = node::kEntryHeadsMax + choices_.below(2);
        while (many.size() < count) many.push_back(random_id<Hash>());
        std::sort(many.begin(), many.end());
        return {
            frame_of(write(fresh_log(as), many, *key, typed("notes.md", fresh_client(), text)))};
      }
      case 1: {
        const std::size_t size = node::kEntryBytesMax - 300 + choices_.below(2) * 400;
        return {frame_of(write(fresh_log(as), {}, *key, Bytes(size, 9)))};
      }
      case 2:
        return {Bytes(transport::kFrameBytesMax + choices_.below(2), 0x91)};
      case 3:
        return {transport::encode(
            transport::Pull{workspace_, {random_id<DeviceId>(), 1}, 1, transport::kPullBytesMax})};
      default: {
        node::AdmitOperation admit;
        admit.device = new_puppet();
        admit.name = std::string(node::kNameBytesMax + choices_.below(2), 'F');
        for (std::size_t i = 0; i < node::kSealedKeysMax + choices_.below(2); ++i) {
          admit.keys.push_back({random_id<Hash>(), Bytes(80, 1)});
        }
        return {frame_of(operate(fresh_log(as), heads(), admit))};
      }
    }
  }

  std::uint64_t time() const { return wall_() << 16; }

 protected:
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
    invite.expires = wall_() + 3'600'000;
    invite.uses = 1;
    if (key != nullptr) *key = std::move(made);
    return invite;
  }

  DeviceId any_invite() {
    return std::next(invites_.begin(), static_cast<std::ptrdiff_t>(choices_.below(invites_.size())))
        ->first;
  }

  std::vector<DeviceId> all_devices() const {
    std::set<DeviceId> all;
    for (const auto& [log, seen] : archive_) all.insert(log.device);
    return {all.begin(), all.end()};
  }

  void note_operation(const Seen& seen) {
    if (seen.entry.entry_class == node::EntryClass::kContent) return;
    if (!operations_.insert(seen.hash).second) return;
    for (const Hash& head : seen.entry.heads) {
      named_.insert(head);
      heads_.erase(head);
    }
    if (!named_.contains(seen.hash)) heads_.insert(seen.hash);
    if (membership_) {
      (void)membership_->add({seen.hash, seen.entry.position.log, seen.entry.position.seq,
                              seen.entry.time, seen.entry.heads, seen.entry.payload,
                              seen.entry.entry_class == node::EntryClass::kGenesis});
    }
    const auto operation = node::decode_operation(seen.entry.payload);
    if (!operation) return;
    if (const auto* admit = std::get_if<node::AdmitOperation>(&*operation)) {
      admissions_[admit->device].insert(seen.hash);
      if (has(admit->device)) try_keys(admit->keys);
    } else if (const auto* invite = std::get_if<node::InviteOperation>(&*operation)) {
      invites_[invite->invite] = invite->role;
    }
  }
  /// Whether a key that came opens others: chains lead from newer epochs to older ones, and from
  /// boxes into chains. Call when it matters; costs a walk over all epochs.
 public:
  void open_all_keys() {
    for (bool more = true; more;) {
      more = false;
      for (const node::Epoch& epoch : membership_->epochs()) {
        if (epoch.rekey == nullptr) continue;
        const auto held = keys_.find(epoch.commitment);
        if (held == keys_.end()) {
          for (const auto& identity : identities_) {
            for (const auto& box : epoch.rekey->boxes) {
              if (tried_.contains({epoch.operation, identity.id(), box})) continue;
              tried_.insert({epoch.operation, identity.id(), box});
              auto key = crypto::open_key(identity, epoch.rekey->ephemeral, box);
              if (!key) continue;
              more = keys_.emplace(crypto::key_commitment(*key), std::move(*key)).second || more;
            }
          }
          continue;
        }
        for (const auto& older : epoch.rekey->previous) {
          if (keys_.contains(older.commitment)) continue;
          auto key = crypto::unchain_key(held->second, older.commitment, older.box);
          if (key) more = keys_.emplace(older.commitment, std::move(*key)).second || more;
        }
      }
    }
  }

 protected:
  std::optional<Hash> some_restriction() const {
    for (const auto& one : identities_) {
      for (const auto& restriction : membership_->restrictions_of(one.id())) {
        return restriction.operation;
      }
    }
    return std::nullopt;
  }
  std::vector<node::LogMark> own_marks() const {
    std::vector<node::LogMark> marks;
    for (const auto& [log, seen] : archive_) {
      if (has(log.device) && !seen.empty()) marks.push_back({log, seen.size(), seen.back().hash});
    }
    return marks;
  }
  node::RekeyOperation garbage_rekey() {
    node::RekeyOperation rekey;
    rekey.key = random_id<Hash>();
    rekey.ephemeral = random_id<crypto::CurveKey>();
    for (const auto& [device, member] : membership_->members()) {
      if (member.role != node::Role::kRelay) rekey.boxes.push_back(random_id<crypto::KeyBox>());
    }
    return rekey;
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
    const std::uint64_t counter = (wall_() << 21) + ++counter_;
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

  SeededChoices choices_;
  SeededSecureRandom random_;

 private:
  std::vector<crypto::SigningKey> identities_;
  std::function<WallMillis()> wall_;
  WorkspaceId workspace_;
  std::optional<node::Membership> membership_;

 protected:
  std::map<LogId, std::vector<Seen>> archive_;
  std::set<Hash> operations_;
  std::set<Hash> named_;
  std::set<Hash> heads_;
  std::map<DeviceId, node::Role> invites_;
  std::map<Hash, crypto::SecretKey> keys_;
  std::set<DeviceId> puppets_;
  std::map<DeviceId, std::set<Hash>> admissions_;
  std::set<std::tuple<Hash, DeviceId, crypto::KeyBox>> tried_;
  Frames frames_;
  std::uint64_t counter_ = 0;
};

}  // namespace coterie::testing
