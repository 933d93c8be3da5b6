// Workspace: texts for clients that have only HTTP: read whole, and written whole.

#include <algorithm>
#include <utility>

#include "crdt/text.hpp"
#include "node/core/dependencies.hpp"
#include "node/core/history/history.hpp"
#include "node/core/history/merge_text.hpp"
#include "node/core/invert.hpp"
#include "node/core/limits.hpp"
#include "node/core/rooms/templates.hpp"
#include "node/core/workspace.hpp"

namespace coterie::node {

namespace {

/// What editors of text bind, or else the only root that there is.
std::string chosen_root(const crdt::Doc& doc) {
  const std::vector<std::string> names = doc.root_names();
  const bool usual = std::find(names.begin(), names.end(), kTextRoot) != names.end();
  return names.size() == 1 && !usual ? names.front() : std::string(kTextRoot);
}

Error no_text() {
  return {ErrorCode::kMalformed,
          "this is rich text or data, not plain text: edit it as a Yjs document"};
}

/// A text at two versions, in one order.
struct Merge {
  std::string base;
  std::vector<MergePiece> pieces;
};

/// Errors: kMalformed (there is more in it than characters).
Result<Merge> merge_of(const crdt::Doc& doc, const std::string& root, const crdt::Snapshot& base,
                       const crdt::Snapshot& now) {
  Merge out;
  const auto type = doc.root(root);
  if (!type) return out;
  const bool may_be =
      type->kind() == crdt::TypeKind::kText ||
      (type->kind() == crdt::TypeKind::kUnknown && crdt::entries_at(*type, now).empty());
  if (!may_be) return no_text();
  for (const crdt::ListPiece& piece : crdt::pieces_at(*type, base, now)) {
    if (std::holds_alternative<crdt::TextMark>(piece.content)) continue;
    const auto* text = std::get_if<std::string>(&piece.content);
    if (text == nullptr) return no_text();
    const crdt::Id id{piece.ids.client, piece.ids.clock};
    const bool in_base = base.shows(id);
    if (in_base) out.base += *text;
    out.pieces.push_back({piece.ids.length, in_base, now.shows(id)});
  }
  return out;
}

/// Whether everything that `base` shows is still there.
bool nothing_deleted(const crdt::Snapshot& base, const crdt::Snapshot& now) {
  const crdt::IdSet since = without(now.deletes, base.deletes);
  return std::all_of(since.ranges().begin(), since.ranges().end(), [&](const auto& client) {
    const auto& [id, ranges] = client;
    return ranges.empty() || ranges.front().clock >= base.state.clock_of(id);
  });
}

}  // namespace

Result<TextContent> Workspace::text(Now now, std::string_view name, const std::string& wanted) {
  COTERIE_TRY(Document * document, find_document(name, false));
  COTERIE_TRY(const crdt::Doc* doc, documents_.look_at(now, *document));
  // In the history it is then, if it is looked for there.
  if (!document->preview && !edit_obstacle(document->id)) flush(now, *document);
  COTERIE_TRY(const std::string root, text_root(*document, *doc, wanted));
  const crdt::Snapshot there = crdt::take_snapshot(*doc);
  COTERIE_TRY(Merge merge, merge_of(*doc, root, there, there));
  return TextContent{root, std::move(merge.base),
                     text_versions_.note(document->id, there, now.wall)};
}

/// Errors: kMalformed (nobody who edits rich text would see it).
Result<std::string> Workspace::text_root(const Document& document, const crdt::Doc& doc,
                                         const std::string& wanted) const {
  if (!wanted.empty()) return wanted;
  const PropertyValues properties = properties_.values(document.id);
  const auto kind = properties.find(property::kKind);
  if (kind != properties.end() && kind->second == property::kRich) return no_text();
  return chosen_root(doc);
}

Result<CommandResult> Workspace::carry_out(Now now, const MergeText& command) {
  COTERIE_TRY(Document * document, find_document(command.document, false));
  if (const auto obstacle = edit_obstacle(document->id)) return *obstacle;
  if (const auto obstacle = record_obstacle()) return *obstacle;
  if (command.text.size() > kMergeTextBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "a text above 8 MiB", command.text.size()};
  }
  if (!is_utf8(command.text)) return Error{ErrorCode::kMalformed, "the text is not UTF-8"};
  COTERIE_CHECK(documents_.load(now, *document));
  flush(now, *document);
  const crdt::Doc& doc = *document->doc;
  COTERIE_TRY(const std::string root, text_root(*document, doc, command.root));
  const crdt::Snapshot there = crdt::take_snapshot(doc);
  COTERIE_TRY(const std::vector<TextEdit> edits,
              edits_since(now, *document, root, there, command.base, command.text));
  COTERIE_CHECK(write_text(now, *document, root, edits));
  TextMerged done;
  done.content = {root, doc.root_text(root),
                  text_versions_.note(document->id, crdt::take_snapshot(doc), now.wall)};
  done.merged = done.content.text != command.text;
  return CommandResult(std::move(done));
}

/// Edits of this device's own. Precondition: it is loaded.
Status Workspace::write_text(Now now, Document& document, const std::string& root,
                             const std::vector<TextEdit>& edits) {
  if (edits.empty()) return {};
  crdt::Doc copy = documents_.blank();
  COTERIE_CHECK(copy.load_update(document.doc->encode_state_as_update()));
  Status edited;
  const Inverse made = tell_edits(copy, authors_.native_client(now), [&] {
    crdt::Text text = copy.text(root);
    (void)copy.transact([&] {
      for (auto edit = edits.rbegin(); edited && edit != edits.rend(); ++edit) {
        if (edit->length > 0) edited = text.remove(edit->at, edit->length);
        if (edited && !edit->insert.empty()) edited = text.insert(edit->at, edit->insert);
      }
    });
  });
  COTERIE_CHECK(edited);
  return write_edit(now, document, made.update);
}

/// What makes of the text, as it is `there`, what `text` makes of `version`. Errors: kConflict (no
/// such version), and those of history().
Result<std::vector<TextEdit>> Workspace::edits_since(Now now, const Document& document,
                                                     const std::string& root,
                                                     const crdt::Snapshot& there,
                                                     const std::string& version,
                                                     const std::string& text) {
  const Error unknown{ErrorCode::kConflict,
                      "this version of the document is not known here (any more): read it anew"};
  const auto name = TextVersions::parse(version);
  if (!name) return unknown;
  auto base = text_versions_.find(document.id, name->hash);
  if (!base && name->hash == TextVersions::hash_of(there)) base = there;
  const auto edits_in = [&](const crdt::Doc& doc) -> Result<std::vector<TextEdit>> {
    COTERIE_TRY(const Merge merge, merge_of(doc, root, *base, there));
    return carry_over(merge.pieces, diff_text(merge.base, text));
  };
  if (base && nothing_deleted(*base, there)) return edits_in(*document.doc);
  // What was deleted is in the history only.
  COTERIE_TRY(const History all, history(now, documents_.name_of(document)));
  if (!base) {
    base = all.find_around(name->millis, kTextVersionUpdates, [&](const crdt::Snapshot& one) {
      return TextVersions::hash_of(one) == name->hash;
    });
  }
  if (!base) return unknown;
  return edits_in(all.doc());
}

}  // namespace coterie::node
