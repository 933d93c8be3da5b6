// Workspace: what people do with documents as wholes: make, name, move, put away, find.

#include <algorithm>
#include <utility>

#include "crdt/base/utf16.hpp"
#include "crdt/text.hpp"
#include "node/core/codec.hpp"
#include "node/core/invert.hpp"
#include "node/core/limits.hpp"
#include "node/core/rooms/templates.hpp"
#include "node/core/rooms/text_search.hpp"
#include "node/core/workspace.hpp"

namespace coterie::node {
namespace {

constexpr std::size_t kIdDigits = 2 * DocumentId::kBytes;

bool is_settable(std::string_view key) {
  return key != property::kPath && key != property::kArchived && key != property::kTrashed;
}

Status check_settable(const PropertyValues& values) {
  if (values.size() > kPropertiesMax) {
    return Error{ErrorCode::kLimitExceeded, "too many properties at once", values.size()};
  }
  for (const auto& [key, value] : values) {
    if (!is_settable(key)) {
      return Error{ErrorCode::kMalformed, "path, archived and trashed have commands of their own"};
    }
    COTERIE_CHECK(check_property(key, value));
  }
  return {};
}

std::string value_of(const PropertyValues& values, std::string_view key) {
  const auto found = values.find(key);
  return found == values.end() ? std::string() : found->second;
}

Status check_first_text(const CreateDocument& command) {
  if (command.text->size() > kMergeTextBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "a text above 8 MiB", command.text->size()};
  }
  if (!is_utf8(*command.text)) return Error{ErrorCode::kMalformed, "the text is not UTF-8"};
  if (!command.from.empty() || value_of(command.properties, property::kKind) == property::kRich) {
    return Error{ErrorCode::kMalformed, "a text is put into plain documents without a template"};
  }
  return {};
}

/// `folder` with its slash; empty: everything.
std::string prefix_of(std::string folder) {
  if (!folder.empty() && folder.back() != '/') folder += '/';
  return folder;
}

/// "notes.md" of "work/notes.md".
std::string last_part(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));  // npos + 1 is 0.
}

/// Names that begin with `prefix`.
template <typename Each>
void for_each_under(const Directory::Names& names, const std::string& prefix, Each each) {
  for (auto it = names.lower_bound(prefix); it != names.end(); ++it) {
    if (!it->first.starts_with(prefix)) return;
    each(it->first, it->second);
  }
}

}  // namespace

// Views::Host.

void Workspace::properties_spoken(Now now, const LedgerRecord& record,
                                  const PropertiesRecord& decoded) {
  properties_.note(record, decoded);
  if (Document* document = documents_.find(decoded.document)) place(now, *document);
}

/// It may be somewhere else than before: nobody can look at what is in the trash.
void Workspace::place(Now now, Document& document) {
  if (!documents_.place_anew(document) || document.place.trashed == 0) return;
  flush(now, document);
  const Closing closing{kCloseTrashed, "the document was moved to the trash"};
  for (const Client* client : document.clients) closings_.emplace_back(client->handle, closing);
  for (const auto& [watcher, guest] : watchers_.of(document.id)) {
    closings_.emplace_back(watcher, closing);
  }
}

void Workspace::place_all(Now now) {
  for (const DocumentId& id : properties_.placed()) {
    if (Document* document = documents_.find(id)) place(now, *document);
  }
}

/// The rows are others than before.
void Workspace::reload_properties(Now now) {
  if (const Status loaded = properties_.load(); !loaded) {
    context_.report("properties of documents cannot be read: " + to_string(loaded.error()));
  }
  place_all(now);
}

// Writing.

void Workspace::record_document(Now now, Document& document) {
  const DocumentRecord record{document.id, document.path, now.wall, document.generation};
  ledger_.append_record(now, encode_record(record));
  documents_.record(document, record);
}

/// Precondition: within the limits.
void Workspace::write_properties(Now now, const DocumentId& document, PropertyValues values) {
  if (values.empty()) return;
  const PropertiesRecord record{document, std::move(values)};
  LedgerRecord written;
  ledger_.append_record(now, encode_record(record), &written);
  properties_spoken(now, written, record);
}

/// For a newcomer that reads nothing from before.
void Workspace::republish_properties(Now now, const DocumentId& document) {
  PropertyValues some;
  for (const auto& [key, word] : Properties::Words(properties_.of(document))) {
    if (word.value.empty()) continue;
    some.emplace(key, word.value);
    if (some.size() == kPropertiesMax) write_properties(now, document, std::exchange(some, {}));
  }
  write_properties(now, document, std::move(some));
}

Result<Document*> Workspace::find_document(std::string_view name, bool trash) const {
  const auto fits = [trash](const Document* document) {
    return document != nullptr && (document->place.trashed > 0) == trash;
  };
  Document* found = trash ? nullptr : documents_.find_path(name);
  if (trash) {
    for (const DocumentId& id : properties_.placed()) {
      Document* one = documents_.find(id);
      if (!fits(one) || !one->recorded || documents_.name_of(*one) != name) continue;
      // Of several the last that was thrown away.
      if (found == nullptr || one->place.trashed > found->place.trashed) found = one;
    }
  }
  if (found == nullptr && name.size() == kIdDigits) {
    const auto bytes = from_hex(name);
    Document* one = bytes ? documents_.find(*DocumentId::from(*bytes)) : nullptr;
    if (fits(one) && (one->recorded || one->preview)) found = one;
  }
  if (found == nullptr) {
    return Error{ErrorCode::kNotFound, trash ? "no document of that path or id in the trash"
                                             : "no document of that path"};
  }
  return found;
}

// Commands.

Result<CommandResult> Workspace::carry_out(Now now, const CreateDocument& command) {
  if (const auto obstacle = edit_obstacle(document_of(command.path))) return *obstacle;
  if (const auto obstacle = record_obstacle()) return *obstacle;
  COTERIE_CHECK(check_settable(command.properties));
  PropertyValues properties = command.properties;
  std::erase_if(properties, [](const auto& one) { return one.second.empty(); });
  if (command.text) COTERIE_CHECK(check_first_text(command));
  const Template* from = command.text ? nullptr
                         : command.from.empty()
                             ? language_template(value_of(properties, property::kLanguage))
                             : find_template(command.from);
  if (from == nullptr && !command.from.empty()) {
    return Error{ErrorCode::kNotFound, "no template of that name"};
  }
  std::optional<Bytes> seed;
  COTERIE_TRY(Document * document, documents_.open_path(command.path));
  if (document->recorded || document->preview) {
    return Error{ErrorCode::kConflict, "a document of that path exists"};
  }
  if (from != nullptr) {
    const auto say = [&](std::string_view key, std::string_view value) {
      if (!value.empty()) properties.try_emplace(std::string(key), value);
    };
    say(property::kKind, from->kind);
    say(property::kLanguage, from->language);
    if (!from->kind.empty() && value_of(properties, property::kKind) != from->kind) {
      documents_.release(*document);
      return Error{ErrorCode::kMalformed, "that template makes a document of another kind"};
    }
    const std::string title = value_of(properties, property::kTitle);
    seed = seed_update(document->id, *from, title.empty() ? last_part(command.path) : title);
  }
  if (seed) {
    if (const Status done = import_into(now, *document, *seed, *seed); !done) {
      documents_.release(*document);
      return done.error();
    }
  } else {
    record_document(now, *document);
  }
  write_properties(now, document->id, std::move(properties));
  if (command.text && !command.text->empty()) {
    COTERIE_CHECK(documents_.load(now, *document));
    COTERIE_CHECK(write_text(now, *document, std::string(kTextRoot), {{0, 0, *command.text}}));
  }
  return CommandResult(DocumentCreated{document->id});
}

Result<CommandResult> Workspace::carry_out(Now now, const SetProperties& command) {
  if (const auto obstacle = record_obstacle()) return *obstacle;
  COTERIE_CHECK(check_settable(command.properties));
  COTERIE_TRY(Document * document, find_document(command.document, false));
  if (const auto obstacle = edit_obstacle(document->id)) return *obstacle;
  PropertyValues after = properties_.values(document->id);
  const std::string language = value_of(after, property::kLanguage);
  PropertyValues news;
  for (const auto& [key, value] : command.properties) {
    if (value_of(after, key) == value) continue;
    news.emplace(key, value);
    after[key] = value;
  }
  const auto notes = std::count_if(after.begin(), after.end(), [](const auto& one) {
    return one.first.starts_with(property::kMeta) && !one.second.empty();
  });
  if (static_cast<std::size_t>(notes) > kMetaMax) {
    return Error{ErrorCode::kLimitExceeded, "too many notes on one document",
                 static_cast<std::uint64_t>(notes)};
  }
  if (!command.to.empty() && command.to != documents_.name_of(*document)) {
    if (news.size() == kPropertiesMax) {
      return Error{ErrorCode::kLimitExceeded, "too many properties at once", news.size()};
    }
    COTERIE_CHECK(check_document_path(command.to));
    if (documents_.names().contains(command.to)) {
      return Error{ErrorCode::kConflict, "a document of that path exists"};
    }
    news.emplace(property::kPath, command.to);
  }
  if (const auto changed = news.find(property::kLanguage); changed != news.end()) {
    COTERIE_CHECK(swap_template(now, *document, language, changed->second));
  }
  write_properties(now, document->id, std::move(news));
  return CommandResult(DocumentsChanged{{{document->id, documents_.name_of(*document)}}});
}

/// Puts the template of one language in the place of another's, if that is all there is.
Status Workspace::swap_template(Now now, Document& document, const std::string& from,
                                const std::string& to) {
  const Template* old = language_template(from);
  if (old == nullptr) return {};
  COTERIE_CHECK(documents_.load(now, document));
  flush(now, document);
  if (document.doc->root_text(kTextRoot) != old->text) return {};
  const std::uint64_t length = utf16_length(as_bytes(old->text));
  COTERIE_CHECK(write_text(now, document, std::string(kTextRoot), {{0, length, ""}}));
  const Template* next = language_template(to);
  const auto seed =
      next == nullptr ? std::nullopt : seed_update(document.id, *next, {}, document.doc.get());
  return seed ? write_edit(now, document, *seed) : Status();
}

Result<CommandResult> Workspace::carry_out(Now now, const MoveDocuments& command) {
  if (const auto obstacle = record_obstacle()) return *obstacle;
  std::vector<std::pair<DocumentId, std::string>> moves;
  std::string to = command.to;
  if (const auto one = find_document(command.from, false)) {
    const std::string& name = documents_.name_of(**one);
    if (!to.empty() && to.back() == '/') to += last_part(name);
    moves.emplace_back((*one)->id, to);
  } else {
    const std::string prefix = prefix_of(command.from);
    if (prefix.empty()) return one.error();
    if (!to.empty() && to.back() == '/') {
      const std::string folder = prefix.substr(0, prefix.size() - 1);
      to += last_part(folder);
    }
    for_each_under(documents_.names(), prefix, [&](const std::string& name, const DocumentId& id) {
      moves.emplace_back(id, prefix_of(to) + name.substr(prefix.size()));
    });
    if (moves.empty()) return Error{ErrorCode::kNotFound, "no document or folder of that path"};
  }
  if (moves.size() > kDocumentsMovedMax) {
    return Error{ErrorCode::kLimitExceeded, "more documents than can be moved at once",
                 moves.size()};
  }
  std::set<DocumentId> moving;
  for (const auto& [id, path] : moves) moving.insert(id);
  for (const auto& [id, path] : moves) {
    if (const auto obstacle = edit_obstacle(id)) return *obstacle;
    COTERIE_CHECK(check_document_path(path));
    const auto there = documents_.names().find(path);
    if (there != documents_.names().end() && !moving.contains(there->second)) {
      return Error{ErrorCode::kConflict, "a document of that path exists"};
    }
  }
  for (const auto& [id, path] : moves) {
    write_properties(now, id, {{std::string(property::kPath), path}});
  }
  DocumentsChanged done;
  for (const auto& [id, path] : moves) {
    done.documents.push_back({id, documents_.name_of(*documents_.find(id))});
  }
  return CommandResult(std::move(done));
}

Result<CommandResult> Workspace::carry_out(Now now, const PutAway& command) {
  if (const auto obstacle = record_obstacle()) return *obstacle;
  using How = PutAway::How;
  COTERIE_TRY(Document * document, find_document(command.document, command.how == How::kRestore));
  if (const auto obstacle = edit_obstacle(document->id)) return *obstacle;
  PropertyValues values;
  const auto say = [&](std::string_view key, std::string_view value) {
    values.emplace(std::string(key), value);
  };
  switch (command.how) {
    case How::kArchive:
    case How::kUnarchive:
      if (document->place.archived == (command.how == How::kArchive)) break;
      say(property::kArchived, command.how == How::kArchive ? property::kYes : "");
      break;
    case How::kTrash:
      say(property::kTrashed, property::kYes);
      break;
    case How::kRestore:
      // It claims its path anew: whoever took it meanwhile keeps it.
      say(property::kTrashed, "");
      say(property::kPath, documents_.name_of(*document));
      break;
  }
  write_properties(now, document->id, std::move(values));
  return CommandResult(DocumentsChanged{{{document->id, documents_.name_of(*document)}}});
}

// Questions.

DocumentInfo Workspace::info_of(const Document& document) const {
  DocumentInfo info;
  info.id = document.id;
  info.path = documents_.name_of(document);
  info.created = document.created;
  info.changed = document.changed;
  info.clients = document.clients.size();
  info.preview = document.preview.has_value();
  info.archived = document.place.archived;
  info.trashed = document.place.trashed;
  info.properties = properties_.values(document.id);
  return info;
}

std::vector<DocumentInfo> Workspace::documents(const DocumentQuery& query) const {
  std::vector<DocumentInfo> list;
  const std::string prefix = prefix_of(query.folder);
  if (!query.trash) {
    for_each_under(documents_.names(), prefix, [&](const std::string&, const DocumentId& id) {
      list.push_back(info_of(*documents_.find(id)));
    });
    return list;
  }
  for (const DocumentId& id : properties_.placed()) {
    const Document* document = documents_.find(id);
    const bool there = document != nullptr && document->recorded && document->place.trashed > 0 &&
                       documents_.name_of(*document).starts_with(prefix);
    if (there) list.push_back(info_of(*document));
  }
  std::sort(list.begin(), list.end(), [](const DocumentInfo& a, const DocumentInfo& b) {
    return std::tie(a.path, a.id) < std::tie(b.path, b.id);
  });
  return list;
}

Result<DocumentInfo> Workspace::document(std::string_view name) const {
  const auto found = find_document(name, false);
  if (found) return info_of(**found);
  const auto trashed = find_document(name, true);
  if (!trashed) return found.error();
  return info_of(**trashed);
}

Result<SearchPage> Workspace::search(Now now, const SearchQuery& query) {
  if (query.text.empty() || query.limit == 0) {
    return Error{ErrorCode::kMalformed, "nothing to look for"};
  }
  if (query.text.size() > kSearchTextBytesMax || query.limit > kSearchHitsMax) {
    return Error{ErrorCode::kLimitExceeded, "too much to look for", query.text.size()};
  }
  const std::string wanted = folded(query.text);
  const std::string prefix = prefix_of(query.folder);
  SearchPage page;
  const auto& all = documents_.all();
  for (auto it = query.after ? all.upper_bound(*query.after) : all.begin(); it != all.end(); ++it) {
    Document& document = *it->second;
    const bool listed = (document.recorded || document.preview) && document.place.trashed == 0;
    if (!listed || !documents_.name_of(document).starts_with(prefix)) continue;
    const bool done = page.hits.size() == query.limit || page.documents == kSearchDocumentsMax ||
                      page.bytes >= kSearchBytesMax;
    if (done) {
      page.after = it == all.begin() ? query.after : std::optional(std::prev(it)->first);
      return page;
    }
    ++page.documents;
    if (auto hit = look_in(now, document, wanted, page.bytes)) {
      page.hits.push_back(*std::move(hit));
    }
  }
  return page;
}

/// The first place where it stands; `bytes` grows by what was looked at.
std::optional<SearchHit> Workspace::look_in(Now now, Document& document, const std::string& wanted,
                                            std::uint64_t& bytes) {
  SearchHit hit;
  hit.document = document.id;
  hit.path = documents_.name_of(document);
  hit.title = value_of(properties_.values(document.id), property::kTitle);
  for (const bool title : {true, false}) {
    const std::string& text = title ? hit.title : hit.path;
    const std::size_t at = folded(text).find(wanted);
    if (at == std::string::npos) continue;
    hit.where = title ? SearchHit::Where::kTitle : SearchHit::Where::kPath;
    hit.snippet = snippet_at(text, at, wanted.size());
    return hit;
  }
  const bool used = document.doc != nullptr || document.preview;
  const auto doc = documents_.look_at(now, document);
  if (!doc) return std::nullopt;
  std::optional<SearchHit> found;
  for (const auto& [root, text] : texts_of_roots(**doc)) {
    bytes += text.size();
    const std::size_t at = folded(text).find(wanted);
    if (at == std::string::npos) continue;
    hit.root = root;
    const std::string_view before = std::string_view(text).substr(0, at);
    hit.position = utf16_length(as_bytes(before));
    hit.line = 1 + static_cast<std::uint64_t>(std::count(before.begin(), before.end(), '\n'));
    hit.snippet = snippet_at(text, at, wanted.size());
    found = std::move(hit);
    break;
  }
  // All of them in memory would be too much.
  if (!used && document.written_in <= ledger_.landed_number()) {
    documents_.forget_replica(document);
  }
  return found;
}

}  // namespace coterie::node
