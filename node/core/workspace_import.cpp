// Documents that come from somewhere else, and go there.

#include <utility>

#include "crdt/update.hpp"
#include "node/core/limits.hpp"
#include "node/core/workspace.hpp"

namespace coterie::node {

Result<DocumentId> Workspace::import_document(Now now, const std::string& path, ByteView update,
                                              bool fresh) {
  if (const auto obstacle = edit_obstacle(document_of(path))) return *obstacle;
  if (const auto obstacle = record_obstacle()) return *obstacle;
  if (update.size() > kUpdateBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "update above 64 MiB", update.size()};
  }
  COTERIE_TRY(const Bytes told, crdt::state_deletes(update));
  COTERIE_TRY(Document * document, documents_.open_path(path));
  if (fresh && document->recorded) {
    return Error{ErrorCode::kConflict, "a document of that path exists"};
  }
  const Status done = import_into(now, *document, update, told);
  if (!done) {
    documents_.release(*document);
    return done.error();
  }
  return document->id;
}

Status Workspace::import_into(Now now, Document& document, ByteView update, ByteView told) {
  COTERIE_CHECK(documents_.load(now, document));
  flush(now, document);
  if (authors_.judge_own(document.id, *document.doc, update).verdict !=
      UpdateGate::Verdict::kApply) {
    return Error{ErrorCode::kConflict,
                 "the document says otherwise what is in the update: they do not belong together"};
  }
  const bool had_pending = document.doc->has_pending();
  const crdt::StateVector before = had_pending ? document.doc->state_vector() : crdt::StateVector();
  COTERIE_TRY(const crdt::ApplyResult applied, document.doc->apply_update(told));
  if (!document.recorded) {
    // Also where the update says nothing: an empty document is one.
    record_document(now, document);
  }
  if (!applied.changed && !applied.pending) return {};
  if (applied.changed) broadcast(now, document, applied.update, nullptr);
  if (applied.pending || applied.update.size() > kUpdateBytesMax) {
    write_update(now, document, update);  // Part of it waits for what is not here: as it came.
  } else if (had_pending) {
    // What waited for it is in somebody's log already.
    COTERIE_TRY(const Bytes news, crdt::diff_update(told, before));
    write_update(now, document, news);
  } else {
    write_update(now, document, applied.update);
  }
  documents_.touch(document, now.wall);
  documents_.cut_if_long(document);
  return {};
}

}  // namespace coterie::node
