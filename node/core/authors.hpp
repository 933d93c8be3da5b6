// Authors: whose Yjs client ids are whose, and which of two updates that contradict each other
// stands.
//
//     - Ids from 2^52 on are native: native_client_id() of a `clients` record in the log of one
//       device, and nobody else's. An update with structs of a native id that its author has not
//       declared is refused whole, by everybody. `carried` records hold nothing but such structs.
//     - Below are the ids that browsers draw. They may appear in several bridges' logs; an update
//       that says other bytes under an id that is held already (crdt/comparison.hpp) is refused as
//       far as it is about that client, by everybody: who passes on what another forged must not
//       lose its own text with it.
//     - Which of two that contradict each other was there first is decided by the canonical order:
//       carried last, then precedence of the device (Membership::precedes), then log, then number.
//
// As updates come, one that contradicts and is last in that order is refused at once; else the
// document is rebuilt. So is one where there was nothing left to compare with (it was deleted and
// forgotten), after it was applied; and, where anything was ever refused so, when an admission that
// arrives late puts those who wrote it into another order. Rebuilds
// are rare and far between (views.hpp), whoever causes them; a device that contradicts is reported
// once, and counted.
//
// Single-threaded owner.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "crdt/doc.hpp"
#include "node/core/admission.hpp"
#include "node/core/context.hpp"
#include "node/core/document_store.hpp"
#include "node/core/ledger.hpp"
#include "node/core/limits.hpp"

namespace coterie::node {

class Authors final : public UpdateGate {
 public:
  Authors(Ledger& ledger, DocumentStore& documents, const EntryJudge& judge, Context& context)
      : ledger_(ledger), documents_(documents), judge_(judge), context_(context) {}

  /// Errors: kCorrupt, kIo.
  Status load();

  Judgement judge(const DocumentId& document, const crdt::Doc& doc,
                  const Candidate& candidate) override;
  Judgement look(const crdt::Doc& doc, const Candidate& candidate) const override;
  bool contested(const DocumentId& document, const LogId& log, ByteView update) override;
  std::uint8_t rank(bool carried) const override { return carried ? 1 : 0; }
  void restart(const DocumentId& document, bool based) override;
  void order_moved() override;
  /// The base is another one: what contradicts it comes after it.
  void order_settled();
  using Writers = std::set<std::pair<crdt::ClientId, LogId>>;
  /// Which logs wrote structs of whom in a document, as far as that is remembered.
  Writers writers_of(const DocumentId& document) const;
  void note_writers(const DocumentId& document, const Writers& writers);
  void declared(const DeviceId& device, const ClientsRecord& record) override;

  /// Of what a client of ours sent, before it is applied. kRebuild: it contradicts, and in an entry
  /// of ours it would stand. kRefuse: some of it would not; `rest` is what would, if anything.
  Judgement judge_own(const DocumentId& document, const crdt::Doc& doc, ByteView update);

  /// An update that a client sent, as what may go into our records: structs of other devices'
  /// native ids apart. Empty: nothing of that kind.
  struct Split {
    Bytes own;
    Bytes carried;
  };
  /// Precondition: `update` is valid.
  Split split(ByteView update) const;

  /// The client id to edit under here: declares one the first time. Precondition: may write.
  crdt::ClientId native_client(Now now);

  /// Whether the device declared that native id. False for others.
  bool owns(const DeviceId& device, crdt::ClientId client) const;
  /// Who did; nothing for ids that are not native.
  std::optional<DeviceId> owner(crdt::ClientId client) const;

  /// Devices whose updates were refused for their client ids, ever.
  const std::set<DeviceId>& offenders() const { return offenders_; }

 private:
  using Key = std::pair<DocumentId, crdt::ClientId>;

  bool may_carry(const DeviceId& device, const std::vector<crdt::ClientId>& clients,
                 bool carried) const;
  /// Whether all that wrote anything is known.
  bool all_known() const { return writers_count_ < kClientWritersMax; }
  bool comes_last(const DocumentId& document, crdt::ClientId client,
                  const Candidate& candidate) const;
  bool before(const LogId& a, const LogId& b) const;
  bool would_stand(const DocumentId& document, crdt::ClientId client) const;
  void note(const DocumentId& document, const LogId& log, crdt::ClientId client);
  const std::set<LogId>& writers(const DocumentId& document, crdt::ClientId client) const;
  bool wrote_others(const DocumentId& document, crdt::ClientId client, const LogId& log) const;
  void contest(const DocumentId& document, crdt::ClientId client, const DeviceId& author);
  void add_rival(const DocumentId& document, const DeviceId& device);
  void report(const DeviceId& device);
  void wait_for_declaration(const DeviceId& device, const DocumentId& document);

  Ledger& ledger_;
  DocumentStore& documents_;
  const EntryJudge& judge_;
  Context& context_;

  std::map<crdt::ClientId, DeviceId> owners_;
  std::map<DeviceId, std::set<DocumentId>> undeclared_;  ///< Where such an id was refused.
  std::set<DeviceId> offenders_;
  /// Logs that wrote structs of a client in a document; ours, whichever, with kUnwritten.
  std::map<Key, std::set<LogId>> writers_;
  std::size_t writers_count_ = 0;
  /// Who wrote what contradicts: in the order by which that was decided.
  std::map<DocumentId, std::vector<DeviceId>> rivals_;
  std::optional<crdt::ClientId> own_;
};

}  // namespace coterie::node
