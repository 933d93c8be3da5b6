// One workspace of one device below the engine: ledger, documents and views on a disk in memory,
// driven by hand. Entries travel by deliver(), as few or many as the test likes.

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "node/core/context.hpp"
#include "node/core/document_store.hpp"
#include "node/core/ledger.hpp"
#include "node/core/rooms/properties.hpp"
#include "node/core/views.hpp"
#include "storage/memory/memory_store.hpp"
#include "tests/support/seeded_secure_random.hpp"

namespace coterie::testing {

class Replica : private node::Views::Host {
 public:
  explicit Replica(std::uint64_t seed)
      : random_(seed),
        seed_(crypto::SecretKey::generate(random_)),
        context_{{}, crypto::SigningKey::from_seed(seed_), random_, {}},
        next_client_(seed * 1000 + 1) {}

  /// A copy of the machine, disk and all, whose later life is another one.
  std::unique_ptr<Replica> clone(std::uint64_t seed) const {
    auto copy = std::make_unique<Replica>(seed);
    copy->seed_ = seed_.clone();
    copy->context_.identity = crypto::SigningKey::from_seed(seed_);
    copy->disk_ = disk_->clone_durable();
    copy->open(ledger_->workspace());
    return copy;
  }

  DeviceId id() const { return context_.identity.id(); }
  node::Ledger& ledger() { return *ledger_; }
  node::DocumentStore& documents() { return *documents_; }
  node::Views& views() { return *views_; }
  node::Properties& properties() { return *properties_; }
  const node::Membership& membership() const { return ledger_->membership(); }
  storage::MemoryStore& disk() { return *disk_; }
  Now now() const { return now_; }

  node::Ledger::Genesis found() {
    auto genesis = node::Ledger::make_genesis(now_, "team", context_.identity, random_);
    open(genesis.workspace);
    ledger_->found(genesis);
    settle();
    return genesis;
  }
  void adopt(const WorkspaceId& workspace) {
    open(workspace);
    ledger_->adopt();
    settle();
  }

  /// Forgets everything that is not on disk.
  void crash() { open(ledger_->workspace()); }

  /// Writes what is staged, batch by batch. `batches_max`: then the disk stops.
  void settle(std::size_t batches_max = ~std::size_t{0}) {
    views_->pump(now_);
    while (!ledger_->staged().empty() && batches_max-- > 0) {
      const storage::WriteBatch batch = ledger_->launch();
      COTERIE_ASSERT(disk_->commit(std::span(&batch, 1)));
      land();
      views_->pump(now_);
    }
  }
  void take_waiting() {
    do {
      views_->take(now_, ledger_->take_waiting(2));
    } while (ledger_->has_news_of_waiting());
  }
  void land() {
    const auto done = ledger_->landed();
    for (const auto& action : done.after) action(now_);
    take_waiting();
  }
  void wait(Duration duration) {
    now_.steady += duration;
    now_.wall += static_cast<WallMillis>(
        std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
    views_->pump(now_);
    views_->handle_timeout(now_);
    documents_->sweep(now_);
  }
  /// Until nothing is to be rebuilt.
  void rest() {
    settle();
    for (int i = 0; i < 20 && !documents_->to_rebuild().empty(); ++i) {
      wait(std::chrono::seconds(60));
      settle();
    }
  }

  void operate(const node::Operation& operation) {
    ledger_->append_operation(now_, operation);
    views_->pump(now_);
  }
  /// How far this replica holds the logs of `device`.
  std::vector<node::LogMark> marks(const DeviceId& device) const {
    std::vector<node::LogMark> marks;
    for (const auto& [log, head] : ledger_->held()) {
      if (log.device == device) marks.push_back({log, head.seq, head.hash});
    }
    return marks;
  }
  /// Acknowledges what is held, once per restriction, as an honest editor does.
  void acknowledge() {
    const node::Member* self = membership().find(id());
    if (self == nullptr || !node::may_edit(self->role)) return;
    std::set<DeviceId> devices;
    for (const auto& [log, head] : ledger_->held()) devices.insert(log.device);
    for (const DeviceId& device : devices) {
      auto restrictions = membership().restrictions_of(device);
      for (auto& limit : membership().limits_of(device)) restrictions.push_back(std::move(limit));
      for (const node::Restriction& restriction : restrictions) {
        if (!acknowledged_.insert(restriction.operation).second) continue;
        const auto held = marks(device);
        const bool news = std::any_of(held.begin(), held.end(), [&](const node::LogMark& mark) {
          return std::none_of(restriction.acknowledged.begin(), restriction.acknowledged.end(),
                              [&](const node::LogMark& known) { return known == mark; });
        });
        if (news) {
          operate(node::AcknowledgeOperation{restriction.operation, held});
          break;  // `restriction` belongs to the membership before.
        }
      }
    }
  }

  /// A new epoch, if what there is does not fit the members.
  void heal() {
    const node::Member* self = membership().find(id());
    if (self == nullptr || !node::may_edit(self->role)) return;
    heal_keys();
  }

  std::vector<node::SealedKey> keys_for(const DeviceId& newcomer) const {
    return *ledger_->keys().keys_for_newcomer(membership(), newcomer, false);
  }

  /// Whether it holds the keys of all entries it holds.
  bool reads_all() const {
    bool all = true;
    for (const auto& [log, head] : ledger_->held()) {
      (void)ledger_->visit(log, {}, [&](const node::HashedEntry& one) {
        all = all && (one.entry.entry_class != node::EntryClass::kContent ||
                      ledger_->open_record(one.entry).has_value());
        return all;
      });
    }
    return all;
  }

  bool can_edit() const {
    const node::Member* self = membership().find(id());
    return self != nullptr && node::may_edit(self->role) && ledger_->can_write();
  }
  bool can_edit(const std::string& path) const {
    const auto role = membership().role_in(id(), node::document_id(ledger_->workspace(), path));
    return can_edit() && role && node::may_edit(*role);
  }
  /// Writes a document record, as the first edit of a document does.
  void name(const std::string& path) {
    node::Document* document = *documents_->open_path(path);
    const node::DocumentRecord record{document->id, path, 7, document->generation};
    ledger_->append_record(now_, node::encode_record(record));
    documents_->record(*document, record);
  }
  /// Says something of a document, whether it may or not.
  void say(const DocumentId& document, node::PropertyValues values) {
    const node::PropertiesRecord record{document, std::move(values)};
    node::LedgerRecord written;
    ledger_->append_record(now_, node::encode_record(record), &written);
    properties_spoken(now_, written, record);
  }
  /// A client here types `text` at `index` (or at the end).
  void type(const std::string& path, const std::string& text, std::uint64_t index = ~0ull) {
    node::Document* document = *documents_->open_path(path);
    COTERIE_ASSERT(documents_->load(now_, *document));
    auto& client = clients_[path];
    if (!client) {
      client = std::make_unique<crdt::Doc>(crdt::Doc::Options{next_client_++, true});
    }
    (void)client->apply_update(document->doc->encode_state_as_update());
    crdt::Text shared = client->text("t");
    const Bytes update = client->transact(
        [&] { (void)shared.insert(std::min<std::uint64_t>(index, shared.size()), text); });
    write(path, update);
  }
  void erase(const std::string& path, std::uint64_t index, std::uint64_t length) {
    node::Document* document = *documents_->open_path(path);
    COTERIE_ASSERT(documents_->load(now_, *document));
    crdt::Doc client({next_client_++, true});
    (void)client.apply_update(document->doc->encode_state_as_update());
    crdt::Text shared = client.text("t");
    write(path, client.transact([&] { (void)shared.remove(index, length); }));
  }
  /// An update, however it was made, as an edit of this device; honest or not.
  void write(const std::string& path, const Bytes& update) {
    node::Document* document = *documents_->open_path(path);
    COTERIE_ASSERT(documents_->load(now_, *document));
    if (!document->doc->apply_update(update)) return;
    views_->note_written(now_, document->id, update);
    for (const Bytes& record : node::encode_update(document->id, update)) {
      documents_->extend_tail(*document, ledger_->append_record(now_, record));
    }
    documents_->touch(*document, now_.wall);
  }
  std::string text(const std::string& path) {
    const crdt::Doc* doc = replica(path);
    return doc == nullptr ? std::string("?") : doc->root_text("t");
  }
  Bytes state(const std::string& path) {
    const crdt::Doc* doc = replica(path);
    return doc == nullptr ? Bytes() : doc->encode_state_as_update();
  }
  const crdt::Doc* replica(const std::string& path) {
    node::Document* document = *documents_->open_path(path);
    COTERIE_ASSERT(documents_->load(now_, *document));
    return document->doc.get();
  }

  /// Hands over at most `most` entries of one log. Whether anything was taken.
  bool deliver_to(Replica& other, const LogId& log, std::size_t most = ~std::size_t{0}) {
    const Frontier theirs = other.ledger_->held();
    const auto known = theirs.find(log);
    const Seq first = known == theirs.end() ? 1 : known->second.seq + 1;
    auto run = ledger_->read(log, first, 16u << 20);
    if (run.entries.size() > most) run.entries.resize(most);
    if (run.entries.empty()) return false;
    const auto received = other.ledger_->receive(other.now_, run, 1);
    other.views_->take(other.now_, received.records);
    other.take_waiting();
    other.views_->pump(other.now_);
    return received.verdict == transport::RunVerdict::kStored;
  }
  /// All logs from their beginnings, as to somebody with other branches of them.
  void deliver_whole_to(Replica& other) {
    settle();
    for (int round = 0; round < 3; ++round) {
      for (const auto& [log, head] : Frontier(ledger_->frontier())) {
        const auto received =
            other.ledger_->receive(other.now_, ledger_->read(log, 1, 16u << 20), 1);
        other.views_->take(other.now_, received.records);
        other.take_waiting();
        other.views_->pump(other.now_);
      }
    }
    other.settle();
  }
  /// Everything; this side's writes are settled before.
  void deliver_all_to(Replica& other) {
    settle();
    for (bool more = true; more;) {
      more = false;
      for (const auto& [log, head] : ledger_->frontier()) {
        if (deliver_to(other, log)) more = true;
      }
    }
    other.settle();
  }

  std::size_t grown = 0;
  std::size_t replaced = 0;
  std::function<void(Now, const node::LedgerRecord&, const node::Record&)> on_checkpoint;

  node::Context& context() { return context_; }
  const node::EntryJudge& judge() const { return *judge_; }

 private:
  void open(const WorkspaceId& workspace) {
    views_.reset();
    documents_.reset();
    ledger_ = std::make_unique<node::Ledger>(workspace, *disk_, context_.identity, random_,
                                             [] { return true; });
    documents_ = std::make_unique<node::DocumentStore>(*ledger_, context_);
    judge_ = std::make_unique<node::MembershipJudge>(*ledger_);
    properties_ = std::make_unique<node::Properties>(*ledger_, *judge_);
    documents_->set_places(properties_.get());
    views_ = std::unique_ptr<node::Views>(
        new node::Views(*ledger_, *documents_, *judge_, context_, *this));
    COTERIE_ASSERT(ledger_->load());
    ledger_->keys().absorb(membership());
    COTERIE_ASSERT(properties_->load());
    COTERIE_ASSERT(documents_->load_rows());
    COTERIE_ASSERT(views_->load());
    clients_.clear();
    views_->pump(now_);
  }

  /// A new epoch, if some member could not read everything.
  void heal_keys() {
    node::KeyRing& ring = ledger_->keys();
    if (ring.fit(membership())) return;
    auto made = ring.make_rekey(membership(), false);
    if (!made) return;
    ring.add(std::move(made->key));
    operate(std::move(made->operation));
  }

  void document_grew(Now, node::Document&, ByteView) override { ++grown; }
  void document_replaced(Now, node::Document& document) override {
    ++replaced;
    clients_.erase(document.path);
  }
  void membership_moved(Now) override {
    for (const DocumentId& id : properties_->placed()) {
      if (node::Document* document = documents_->find(id)) (void)documents_->place_anew(*document);
    }
  }
  void properties_spoken(Now, const node::LedgerRecord& record,
                         const node::PropertiesRecord& decoded) override {
    properties_->note(record, decoded);
    node::Document* document = documents_->find(decoded.document);
    if (document != nullptr) (void)documents_->place_anew(*document);
  }
  void reported(Now, const node::LedgerRecord&, const node::ReportRecord&) override {}
  void room_spoken(Now, const node::LedgerRecord&, const node::Record&) override {}
  void checkpoint_spoken(Now now, const node::LedgerRecord& record,
                         const node::Record& decoded) override {
    if (on_checkpoint) on_checkpoint(now, record, decoded);
  }
  void flush_queue(Now, node::Document&) override {}

  SeededSecureRandom random_;
  crypto::SecretKey seed_;
  node::Context context_;
  std::unique_ptr<storage::MemoryStore> disk_ = std::make_unique<storage::MemoryStore>();
  Now now_{Instant(std::chrono::seconds(1)), 1'760'000'000'000};
  std::unique_ptr<node::Ledger> ledger_;
  std::unique_ptr<node::DocumentStore> documents_;
  std::unique_ptr<node::MembershipJudge> judge_;
  std::unique_ptr<node::Properties> properties_;
  std::unique_ptr<node::Views> views_;
  std::map<std::string, std::unique_ptr<crdt::Doc>> clients_;
  crdt::ClientId next_client_;
  std::set<Hash> acknowledged_;
};

/// A founder and members it admitted, all in step.
class Team {
 public:
  explicit Team(std::uint64_t seed) : random_(seed ^ 0x7ea) {
    add_replica(seed * 100);
    workspace_ = replicas_[0]->found().workspace;
  }
  Replica& operator[](std::size_t index) { return *replicas_[index]; }
  Replica& host() { return *replicas_[0]; }
  std::size_t size() const { return replicas_.size(); }

  Replica& join(node::Role role) {
    add_replica(replicas_.size() + 1);
    Replica& made = *replicas_.back();
    made.adopt(workspace_);
    admit(made, role);
    exchange();
    return made;
  }
  /// By the founder, of a device that may have been a member before.
  void admit(Replica& newcomer, node::Role role) {
    const auto key = crypto::SigningKey::generate(random_);
    node::InviteOperation invite;
    invite.invite = key.id();
    invite.role = role;
    invite.expires = host().now().wall + 100'000'000;
    host().operate(invite);
    node::AdmitOperation admit;
    admit.device = newcomer.id();
    admit.name = "m";
    admit.role = role;
    admit.invite = key.id();
    admit.proof = key.sign(node::admission_proof(workspace_, newcomer.id()).view());
    admit.keys = host().keys_for(newcomer.id());
    host().operate(admit);
    host().settle();
  }
  /// Until everybody holds everything.
  void exchange() {
    for (int round = 0; round < 3; ++round) {
      for (auto& from : replicas_) {
        for (auto& to : replicas_) {
          if (from != to) from->deliver_all_to(*to);
        }
      }
    }
  }
  void rest() {
    for (auto& one : replicas_) one->rest();
  }

 private:
  void add_replica(std::uint64_t seed) { replicas_.push_back(std::make_unique<Replica>(seed + 1)); }

  SeededSecureRandom random_;
  WorkspaceId workspace_;
  std::vector<std::unique_ptr<Replica>> replicas_;
};

}  // namespace coterie::testing
