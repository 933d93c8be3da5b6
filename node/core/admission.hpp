// Which content entries count.
//
// The rule, a pure function of the entries held (docs/PROTOCOL.md, "Which entries count"):
//
//     - A record counts when membership says that its author had the right to it (EntryJudge).
//     - Where a restriction (removal, lowered role, void admission) that the author had not seen
//       takes the right away, the entry is *disputed*: it counts when each such restriction has an
//       acknowledged mark that reaches it. Otherwise it is set aside,
//     - unless it is *stood upon*: an update that counts stands on an element that no undisputed
//       update brings. Then the first disputed update (by log, then sequence number) that brings it
//       counts, and all that is disputed before it in its log. The least fixed point of that.
//
// Undisputed entries alone decide what needs to be brought, so the fixed point does not depend on
// the order in which things came. Why only the first that brings it: else a removed device that has
// honest text standing on its last words could write for ever, by repeating them.
//
// Each disputed entry is a kMeta 's' row, written in the batch that stores the entry or that makes
// it disputed; so what is materialised and what the rows say never part company.
//
// Single-threaded owner.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "crdt/base/bytes.hpp"
#include "crdt/doc.hpp"
#include "crdt/id_set.hpp"
#include "node/core/ledger.hpp"
#include "node/core/records.hpp"
#include "node/core/schema.hpp"
#include "transport/wire/ids.hpp"

namespace coterie::node {

/// Where the rule of Yjs client ids plugs in: an update that counts may still be refused, because
/// it carries client ids that another's log declares, or in part, because it says otherwise what
/// others said of a client. Which of two that contradict each other is refused must not depend on
/// which came first; so a gate may ask for a rebuild, which applies all that counts in one
/// canonical order: rank() of the update, then precedence of the device, then log, then sequence
/// number.
class UpdateGate {
 public:
  enum class Verdict : std::uint8_t {
    kApply,
    kRefuse,   ///< Not applied, whatever came first: it is wrong by itself, or by rank.
    kRebuild,  ///< Not applied now: the order of arrival decided.
  };
  struct Judgement {
    Verdict verdict = Verdict::kApply;
    std::optional<Bytes> rest;  ///< What stands of it, where that is not all.
  };
  /// A whole update (parts joined) that counts.
  struct Candidate {
    EntryRef ref;  ///< Of its entry, or the last one of its parts.
    ByteView update;
    bool carried = false;   ///< Its record says that it is.
    bool in_order = false;  ///< Asked by a rebuild.
  };

  virtual ~UpdateGate() = default;

  /// Before it is applied to `doc`, which holds what was applied before. Called again for the same
  /// update when a document is loaded from its tail: must then say the same.
  virtual Judgement judge(const DocumentId& document, const crdt::Doc& doc,
                          const Candidate& candidate) = 0;

  /// What judge() says in canonical order. Takes note of nothing.
  virtual Judgement look(const crdt::Doc& doc, const Candidate& candidate) const = 0;

  /// Of an update of a document that is not loaded: whether what it says may contradict what others
  /// said, so that it is to be judged now.
  virtual bool contested(const DocumentId& document, const LogId& log, ByteView update) = 0;

  /// Its place in the canonical order before precedence; smaller comes first.
  virtual std::uint8_t rank(bool carried) const = 0;

  /// A rebuild of `document` begins: judge() is asked for all its updates anew, in canonical order;
  /// `based`: for all but those in its base.
  virtual void restart(const DocumentId& document, bool based) = 0;

  /// Membership is another one, and with it, perhaps, the canonical order. Marks the documents
  /// where that decides otherwise than before.
  virtual void order_moved() = 0;

  /// A device declared a client id. Asked whether the entry counts or not.
  virtual void declared(const DeviceId& device, const ClientsRecord& record) = 0;
};

/// Says what membership says.
class EntryJudge {
 public:
  enum class Verdict : std::uint8_t {
    kCounts,
    kDisputed,  ///< A restriction that its author had not seen, and no mark that reaches it.
    kRefused,   ///< It had no such right in its own past; for ever.
    kUnknown,   ///< Its past is not here (which the ledger does not store): disputed until it is.
  };
  /// What disputes the entries of one device: each restriction, and whether it counts itself (see
  /// Restriction), with the marks that answer it. While they are the same, so are the verdicts;
  /// with more marks or fewer restrictions nothing is disputed that was not.
  /// The values: whether the marked entry is held, without which a mark reaches nothing.
  using Marks = std::map<std::tuple<LogId, Seq, Hash, DocumentScope>, bool>;
  using Disputes = std::map<std::pair<Hash, bool>, Marks>;

  virtual ~EntryJudge() = default;

  /// `document`: that the entry is about; zero where it is about none in particular; nothing to
  /// leave out what is said of documents.
  virtual Verdict judge(const EntryRef& ref, const Hash& hash, std::span<const Hash> heads,
                        Right right, const std::optional<DocumentId>& document) const = 0;
  /// Whether judge() ever depends on the document for `device`.
  virtual bool is_limited(const DeviceId& device) const = 0;
  /// Devices with restrictions, of those in `devices`.
  virtual std::map<DeviceId, Disputes> disputes(const std::set<DeviceId>& devices) const = 0;
  /// Another one whenever judge() may say something else than before.
  using Epoch = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>;
  virtual Epoch epoch() const = 0;
  /// As Membership::precedes(), for the canonical order of updates.
  virtual bool precedes(const DeviceId& a, const DeviceId& b) const = 0;
};

/// By membership operations and marks. A mark whose entry is not held reaches nothing: whoever
/// leaves, or conspires with somebody who was removed, could name an entry that will never be, and
/// all that is numbered below it would count for ever.
class MembershipJudge final : public EntryJudge {
 public:
  explicit MembershipJudge(const Ledger& ledger) : ledger_(ledger) {}

  Verdict judge(const EntryRef& ref, const Hash& hash, std::span<const Hash> heads, Right right,
                const std::optional<DocumentId>& document) const override;
  bool is_limited(const DeviceId& device) const override {
    return ledger_.membership().is_limited(device);
  }
  std::map<DeviceId, Disputes> disputes(const std::set<DeviceId>& devices) const override;
  Epoch epoch() const override;
  bool precedes(const DeviceId& a, const DeviceId& b) const override;

 private:
  const Ledger& ledger_;
  mutable bool awaits_ = false;  ///< Some mark is of an entry that is not held (yet).
};

/// Whether some log of `device` is known to have forked.
bool has_forked(const Ledger& ledger, const DeviceId& device);

/// The right that a record of this kind takes.
Right right_for(const Record& record);
/// What it is about, for EntryJudge::judge(). Who vouches for what is stored says nothing of
/// documents, and a host is one in all of them.
std::optional<DocumentId> judged_document(const Record& record);

/// A disputed entry.
struct Disputed {
  EntryRef ref;
  Hash hash;
  std::uint64_t time = 0;
  std::shared_ptr<const std::vector<Hash>> heads;
  RecordKind kind = RecordKind::kUpdate;
  DocumentId document;
  std::uint64_t part_index = 0;  ///< Of kPart.
  std::uint64_t part_count = 0;  ///< Of kPart.
  bool stood_upon = false;       ///< Counts all the same.

  /// Whether an update ends here: one that is no part, or the last of its parts.
  bool ends_update() const {
    return kind == RecordKind::kUpdate ||
           (kind == RecordKind::kPart && part_index + 1 == part_count);
  }
};

/// The disputed entries of one workspace, and their rows.
class Admission {
 public:
  using Position = std::pair<LogId, Seq>;
  using All = std::map<Position, Disputed>;

  explicit Admission(Ledger& ledger) : ledger_(ledger) {}

  /// Errors: kCorrupt, kIo.
  Status load();

  const All& all() const { return disputed_; }
  const Disputed* find(const EntryRef& ref) const;
  /// Of one document, by log and sequence number.
  const std::set<Position>& of(const DocumentId& document) const;
  const std::map<DocumentId, std::set<Position>>& documents() const { return by_document_; }
  /// How many are stood upon.
  std::size_t stood_upon() const { return stood_upon_; }

  const Disputed& add(const LedgerRecord& record, const Record& decoded);
  void stand_upon(const Position& position, bool yes);
  void remove(const Position& position);

 private:
  void store_row(const Disputed& disputed);
  void index(Disputed disputed);

  Ledger& ledger_;
  All disputed_;
  std::map<DocumentId, std::set<Position>> by_document_;
  std::size_t stood_upon_ = 0;
  std::shared_ptr<const std::vector<Hash>> last_heads_;  ///< Most entries name the same.
};

}  // namespace coterie::node
