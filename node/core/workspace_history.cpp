// Workspace: versions of its documents.

#include <utility>

#include "node/core/history/history.hpp"
#include "node/core/history/restore.hpp"
#include "node/core/limits.hpp"
#include "node/core/workspace.hpp"

namespace coterie::node {

/// What clients wrote is in it, unless it waits for a key.
Result<History> Workspace::history(Now now, std::string_view path) {
  Document* document = documents_.find_path(path);
  if (document == nullptr || !document->recorded) {
    return Error{ErrorCode::kNotFound, "no document of that path"};
  }
  if (!edit_obstacle(document->id)) flush(now, *document);
  return History::load(now, views_, &authors_, document->id);
}

Result<VersionList> Workspace::versions(Now now, std::string_view path, std::size_t limit) {
  COTERIE_TRY(const History all, history(now, path));
  return all.versions(now.wall, limit);
}

Result<VersionContent> Workspace::version(Now now, std::string_view path,
                                          const VersionChoice& choice) {
  COTERIE_TRY(const History all, history(now, path));
  COTERIE_TRY(const History::Found found, all.find(choice));
  return all.read(found);
}

Result<VersionDiff> Workspace::diff(Now now, std::string_view path, const VersionChoice& from,
                                    const VersionChoice& to) {
  COTERIE_TRY(const History all, history(now, path));
  COTERIE_TRY(const History::Found first, all.find(from));
  COTERIE_TRY(const History::Found second, all.find(to));
  return all.diff(first, second);
}

Result<Blame> Workspace::blame(Now now, std::string_view path, const VersionChoice& at) {
  COTERIE_TRY(const History all, history(now, path));
  COTERIE_TRY(const History::Found found, all.find(at));
  return all.blame(found);
}

Result<CommandResult> Workspace::carry_out(Now now, const NameVersion& command) {
  if (const auto obstacle = edit_obstacle(document_of(command.path))) return *obstacle;
  if (const auto obstacle = record_obstacle()) return *obstacle;
  if (command.name) COTERIE_CHECK(check_name(*command.name));
  COTERIE_TRY(const History all, history(now, command.path));
  if (command.name && all.has_name(*command.name)) {
    return Error{ErrorCode::kConflict, "a version of this document has that name"};
  }
  if (all.names_of(context_.identity.id()) >= kNamedVersionsMax) {
    return Error{ErrorCode::kLimitExceeded, "this device has named 1,000 versions of it already"};
  }
  COTERIE_TRY(const History::Found found, all.find(command.version));
  // Of one that has a name, as it was signed: by that it is the same one.
  const Bytes snapshot = found.written.empty() ? found.snapshot.encode() : found.written;
  if (snapshot.size() > kVersionSnapshotBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "too much was deleted in it for a name to hold it",
                 snapshot.size()};
  }
  std::string before = all.name_of(found.version.time, snapshot);
  if (!command.name && before.empty()) {
    return Error{ErrorCode::kNotFound, "that version has no name"};
  }
  const std::string name = command.name.value_or("");
  const DocumentId document = documents_.find_path(command.path)->id;
  ledger_.append_record(now,
                        encode_record(VersionRecord{document, found.version.time, name, snapshot}));
  return CommandResult(
      VersionNamed{{found.version.id, name, found.version.time}, std::move(before)});
}

Result<CommandResult> Workspace::carry_out(Now now, const RestoreVersion& command) {
  if (const auto obstacle = edit_obstacle(document_of(command.path))) return *obstacle;
  if (!command.preview) {
    if (const auto obstacle = record_obstacle()) return *obstacle;
  }
  COTERIE_TRY(History all, history(now, command.path));
  COTERIE_TRY(const History::Found found, all.find(command.version));
  // A preview's edits are nobody's: they go nowhere.
  const crdt::ClientId client = command.preview ? kNativeClientsMin : authors_.native_client(now);
  Restored restored = restore(all.doc(), found.snapshot, client);
  Document& document = *documents_.find_path(command.path);
  VersionRestored done{
      found.version,
      {document.id, documents_.name_of(document), restored.edits.removed, restored.edits.restored,
       std::move(restored.edits.before), std::move(restored.edits.after)},
      command.preview};
  const Bytes& update = restored.edits.update;
  if (update.empty() || command.preview) return CommandResult(std::move(done));
  if (update.size() > kUpdateBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "too much changed since to be restored at once",
                 update.size()};
  }
  COTERIE_CHECK(documents_.load(now, document));
  COTERIE_CHECK(write_edit(now, document, update, &restored.put_back));
  return CommandResult(std::move(done));
}

/// An edit of this device's own. `put_back`: of what it inserts copies, if it takes anything back.
Status Workspace::write_edit(Now now, Document& document, ByteView update,
                             const crdt::IdSet* put_back) {
  COTERIE_TRY(const crdt::ApplyResult applied, document.doc->apply_update(update));
  if (!applied.changed) return {};
  broadcast(now, document, applied.update, nullptr);
  write_update(now, document, update);
  if (put_back != nullptr) write_put_back(now, document.id, *put_back);
  documents_.touch(document, now.wall);
  documents_.cut_if_long(document);
  return {};
}

}  // namespace coterie::node
