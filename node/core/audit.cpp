#include "node/core/audit.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace coterie::node {

namespace {

/// What each kind of operation is about.
struct Describe {
  AuditItem& item;

  void operator()(const CreateOperation& create) const { item.name = create.name; }
  void operator()(const InviteOperation& invite) const {
    item.subject = invite.invite;
    item.role = invite.role;
    item.document = invite.document;
  }
  void operator()(const AdmitOperation& admit) const {
    item.subject = admit.device;
    item.name = admit.name;
    item.role = admit.role;
    item.invite = admit.invite;
  }
  void operator()(const RequestOperation& request) const {
    item.subject = request.device;
    item.name = request.name;
    item.invite = request.invite;
  }
  void operator()(const RevokeOperation& revoke) const { item.subject = revoke.invite; }
  void operator()(const RoleOperation& role) const {
    item.subject = role.device;
    item.role = role.role;
  }
  void operator()(const RemoveOperation& remove) const { item.subject = remove.device; }
  void operator()(const AcknowledgeOperation&) const {}
  void operator()(const RekeyOperation&) const {}
  void operator()(const DocumentRoleOperation& role) const {
    item.subject = role.device;
    item.role = role.role;
    item.document = role.document;
  }
  void operator()(const UnknownOperation&) const {}
};

class Walk {
 public:
  Walk(const Ledger& ledger, const AuditQuery& query, const AuditSources& sources)
      : ledger_(ledger), query_(query), sources_(sources) {
    for (const OperationView& one : ledger.membership().history()) {
      operations_.emplace(one.hash, one);
    }
  }

  Result<AuditPage> run() {
    const Frontier logs = ledger_.held();
    auto at = logs.begin();
    LogHead after;
    if (query_.cursor) {
      at = logs.lower_bound(query_.cursor->log);
      if (at != logs.end() && at->first == query_.cursor->log) after = query_.cursor->after;
    }
    for (; at != logs.end(); ++at, after = {}) {
      if (query_.device && at->first.device != *query_.device) continue;
      segment_ = at->first;
      if (after.seq == 0) {
        // A fork is told of on the page of the first entry after it.
        if (seen_ == query_.entries_max) {
          page_.next = {segment_, {}};
          break;
        }
        COTERIE_CHECK(look_at_fork());
      }
      COTERIE_CHECK(ledger_.visit(segment_, after, [this](const HashedEntry& entry) {
        if (seen_ == query_.entries_max) {
          // The walk goes on with this entry: the cursor is what it chains to.
          const EntryPosition& position = entry.entry.position;
          page_.next = {segment_, {position.seq - 1, position.previous}};
          return false;
        }
        ++seen_;
        if (HybridClock::millis(entry.entry.time) >= query_.since) look_at(entry);
        return true;
      }));
      open_.clear();  // Groups do not reach over logs.
      if (page_.next) break;
    }
    return std::move(page_);
  }

 private:
  /// If the segment is the last of the branches of a fork: they are told of once, before it.
  Status look_at_fork() {
    const auto& segments = ledger_.segments();
    const Segment& segment = *segments.find(segment_);
    if (!segment.parent) return {};
    const auto& branches = segments.find(*segment.parent)->children;
    if (*std::max_element(branches.begin(), branches.end()) != segment_) return {};
    AuditItem item;
    item.kind = AuditItem::Kind::kFork;
    item.device = segment.chain.device;
    item.log = segment.chain;
    item.seq = segment.first;
    item.branches = item.entries = branches.size();
    for (const LogId& branch : branches) {
      COTERIE_CHECK(ledger_.visit(branch, {}, [&item](const HashedEntry& first) {
        const WallMillis time = HybridClock::millis(first.entry.time);
        item.time = item.time == 0 ? time : std::min(item.time, time);
        item.last = std::max(item.last, time);
        return false;
      }));
    }
    if (item.last >= query_.since) page_.items.push_back(std::move(item));
    return {};
  }

  void look_at(const HashedEntry& entry) {
    AuditItem item;
    item.device = entry.entry.position.log.device;
    item.log = entry.entry.position.log;
    item.seq = entry.entry.position.seq;
    item.time = item.last = HybridClock::millis(entry.entry.time);
    item.hash = entry.hash;
    if (entry.entry.entry_class != EntryClass::kContent) return look_at_operation(std::move(item));
    const auto clear = ledger_.open_record(entry.entry);
    item.bytes = clear ? clear->size() : entry.entry.payload.size();
    item.kind = clear ? AuditItem::Kind::kOther : AuditItem::Kind::kSealed;
    const auto record =
        clear ? decode_record(ledger_.workspace(), *clear) : Result<Record>(clear.error());
    if (record) {
      item.set_aside = sources_.set_aside(ledger_.ref_of(segment_, entry.entry)) ? 1 : 0;
      if (const auto* update = std::get_if<UpdateRecord>(&*record)) {
        item.kind = AuditItem::Kind::kEdits;
        item.document = update->document;
      } else if (const auto* part = std::get_if<PartRecord>(&*record)) {
        item.kind = AuditItem::Kind::kEdits;
        item.document = part->document;
      } else if (const auto* made = std::get_if<DocumentRecord>(&*record)) {
        item.kind = AuditItem::Kind::kDocument;
        item.document = made->document;
        item.path = made->path;
      } else if (const auto* reverted = std::get_if<RevertedRecord>(&*record)) {
        item.kind = AuditItem::Kind::kReverted;
        item.document = reverted->document;
      } else if (const auto* report = std::get_if<ReportRecord>(&*record)) {
        item.kind = AuditItem::Kind::kReport;
        item.subject = report->device;
      } else if (const auto* version = std::get_if<VersionRecord>(&*record)) {
        item.kind = AuditItem::Kind::kVersion;
        item.document = version->document;
        item.name = version->name;
      } else if (const auto* guest = std::get_if<GuestRecord>(&*record)) {
        item.kind = AuditItem::Kind::kGuest;
        item.document = guest->document;
        item.operation = guest_word_name(guest->word);
        item.name = guest->guest;
        if (!is_of_session(guest->word)) item.subject = guest->device;
      }
    }
    add_or_join(std::move(item));
  }

  void look_at_operation(AuditItem item) {
    item.kind = AuditItem::Kind::kOperation;
    const auto found = operations_.find(item.hash);
    if (found == operations_.end()) {
      item.operation = "unknown";
      item.counts = false;
      item.reason = "what it stands on is not here";
      return page_.items.push_back(std::move(item));
    }
    describe(item, found->second);
    if (!item.document.is_zero()) item.path = sources_.path(item.document);
    page_.items.push_back(std::move(item));
  }

  void add_or_join(AuditItem item) {
    item.hash = {};
    const auto key = std::make_pair(item.kind, item.document);
    const auto open = open_.find(key);
    const bool alone =
        item.kind == AuditItem::Kind::kDocument || item.kind == AuditItem::Kind::kVersion ||
        item.kind == AuditItem::Kind::kGuest || item.kind == AuditItem::Kind::kReport;
    if (!alone && open != open_.end()) {
      AuditItem& group = page_.items[open->second];
      const WallMillis gap =
          item.time > group.last ? item.time - group.last : group.last - item.time;
      if (gap <= kAuditGapMs) {
        group.time = std::min(group.time, item.time);
        group.last = std::max(group.last, item.last);
        ++group.entries;
        group.bytes += item.bytes;
        group.set_aside += item.set_aside;
        return;
      }
    }
    if (item.path.empty() && !item.document.is_zero()) {
      item.path = sources_.path(item.document);
    }
    open_[key] = page_.items.size();
    page_.items.push_back(std::move(item));
  }

  const Ledger& ledger_;
  const AuditQuery& query_;
  const AuditSources& sources_;
  std::map<Hash, OperationView> operations_;
  AuditPage page_;
  /// The newest group of each kind and document, as an index into the items.
  std::map<std::pair<AuditItem::Kind, DocumentId>, std::size_t> open_;
  LogId segment_;
  std::size_t seen_ = 0;
};

}  // namespace

void describe(AuditItem& item, const OperationView& operation) {
  item.operation = operation_name(operation_kind(*operation.operation));
  item.counts = operation.counts;
  std::visit(Describe{item}, *operation.operation);
  if (operation.reason != nullptr) item.reason = operation.reason;
}

Result<AuditPage> audit_page(const Ledger& ledger, const AuditQuery& query,
                             const AuditSources& sources) {
  return Walk(ledger, query, sources).run();
}

}  // namespace coterie::node
