// Audit: who did what, when, read from the logs themselves.
//
// Each page walks on where the last one ended, log by log (segment by segment, where one forked)
// from its first entry, because the hash of an entry covers the one before: so what is shown is
// what the chain of hashes vouches for, up to the newest entry, whose signature was verified when
// it came and when the store was opened.

#pragma once

#include <functional>
#include <string>

#include "node/core/ledger.hpp"
#include "node/core/people.hpp"
#include "node/core/records.hpp"

namespace coterie::node {

/// What the walk asks about a content entry.
struct AuditSources {
  /// Path of a document; empty when it is not known.
  std::function<std::string(const DocumentId&)> path;
  /// Whether a content entry is set aside.
  std::function<bool(const EntryRef&)> set_aside;
};

/// Edits of one device and document that are closer together than this are shown as one.
inline constexpr WallMillis kAuditGapMs = 600'000;

/// What `item` says of an operation.
void describe(AuditItem& item, const OperationView& operation);

/// Errors: kCorrupt, kIo, kNotFound (the cursor is of no log here).
Result<AuditPage> audit_page(const Ledger& ledger, const AuditQuery& query,
                             const AuditSources& sources);

}  // namespace coterie::node
