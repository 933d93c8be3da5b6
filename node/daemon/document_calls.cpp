#include "node/daemon/document_calls.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <nlohmann/json.hpp>

#include "node/core/limits.hpp"
#include "node/core/rooms/templates.hpp"
#include "node/daemon/call_json.hpp"

namespace coterie::node {

namespace {

using nlohmann::json;

PropertyValues properties_of(const Call& call) {
  PropertyValues values;
  for (const auto& [name, value] : call.arguments) {
    const bool is_property = name == property::kTitle || name == property::kKind ||
                             name == property::kLanguage || name.starts_with(property::kMeta);
    if (is_property) values.emplace(name, value);
  }
  return values;
}

json document_json(const DocumentInfo& one) {
  json meta = json::object();
  for (const auto& [key, value] : one.properties) {
    if (key.starts_with(property::kMeta)) meta[key.substr(property::kMeta.size())] = value;
  }
  const auto said = [&](std::string_view key) {
    const auto found = one.properties.find(key);
    return found == one.properties.end() ? std::string() : found->second;
  };
  return {{"id", one.id.hex()},
          {"path", one.path},
          {"created", one.created},
          {"changed", one.changed},
          {"clients", one.clients},
          {"preview", one.preview},
          {"archived", one.archived},
          {"trashed", one.trashed > 0 ? json(one.trashed) : json()},
          {"title", said(property::kTitle)},
          {"kind", said(property::kKind)},
          {"language", said(property::kLanguage)},
          {"meta", std::move(meta)}};
}

const char* where_name(SearchHit::Where where) {
  switch (where) {
    case SearchHit::Where::kTitle:
      return "title";
    case SearchHit::Where::kPath:
      return "path";
    case SearchHit::Where::kContent:
      break;
  }
  return "content";
}

Result<std::string> search_answer(Engine& engine, Now now, const WorkspaceId& workspace,
                                  const Call& call) {
  SearchQuery query;
  query.workspace = workspace;
  COTERIE_TRY(query.text, needed(call, "text"));
  query.folder = text_of(call, "folder");
  if (const std::string after = text_of(call, "after"); !after.empty()) {
    COTERIE_TRY(const Bytes bytes, from_hex(after));
    COTERIE_TRY(query.after, DocumentId::from(bytes));
  }
  COTERIE_TRY(query.limit, number_of(call, "limit", query.limit));
  COTERIE_TRY(const SearchPage page, engine.search(now, query));
  json hits = json::array();
  for (const SearchHit& hit : page.hits) {
    hits.push_back({{"id", hit.document.hex()},
                    {"path", hit.path},
                    {"title", hit.title},
                    {"where", where_name(hit.where)},
                    {"root", hit.root},
                    {"position", hit.position},
                    {"line", hit.line},
                    {"snippet", hit.snippet}});
  }
  return dump_json({{"hits", std::move(hits)},
                    {"after", page.after ? json(page.after->hex()) : json()},
                    {"documents", page.documents},
                    {"bytes", page.bytes}});
}

/// One page: of a cursor, which is the path and id of the last one before, in hexadecimal.
Result<std::string> list_answer(Engine& engine, const WorkspaceId& workspace, const Call& call) {
  const DocumentQuery query{text_of(call, "folder"), text_of(call, "trash") == "true"};
  COTERIE_TRY(const std::vector<DocumentInfo> documents, engine.documents(workspace, query));
  const auto place = [](const DocumentInfo& one) { return one.path + '\0' + one.id.hex(); };
  COTERIE_TRY(const Bytes cursor, from_hex(text_of(call, "cursor")));
  const auto first = std::partition_point(
      documents.begin(), documents.end(),
      [&](const DocumentInfo& one) { return !cursor.empty() && place(one) <= as_text(cursor); });
  COTERIE_TRY(const std::uint64_t limit, number_of(call, "limit", documents.size()));
  if (limit == 0 && !documents.empty()) {
    return Error{ErrorCode::kMalformed, "a page has one document at least"};
  }
  const auto left = static_cast<std::uint64_t>(documents.end() - first);
  const auto end = first + static_cast<std::ptrdiff_t>(std::min(left, limit));
  json list = json::array();
  for (auto one = first; one != end; ++one) list.push_back(document_json(*one));
  json out{{"documents", std::move(list)}};
  if (end != documents.end()) out["next"] = to_hex(as_bytes(place(*std::prev(end))));
  return dump_json(out);
}

const std::map<std::string, PutAway::How>& ways() {
  static const std::map<std::string, PutAway::How> all{{"doc.archive", PutAway::How::kArchive},
                                                       {"doc.unarchive", PutAway::How::kUnarchive},
                                                       {"doc.trash", PutAway::How::kTrash},
                                                       {"doc.untrash", PutAway::How::kRestore}};
  return all;
}

Result<Command> make_command(const Engine& engine, const Call& call) {
  COTERIE_TRY(const std::string name, needed(call, "workspace"));
  COTERIE_TRY(const WorkspaceId workspace, engine.find_workspace(name));
  COTERIE_TRY(std::string path, needed(call, "path"));
  if (call.operation == "doc.create") {
    CreateDocument command{workspace, std::move(path), text_of(call, "template"),
                           properties_of(call)};
    if (call.arguments.contains("text")) command.text = text_of(call, "text");
    return Command{std::move(command)};
  }
  if (call.operation == "doc.set") {
    return Command{
        SetProperties{workspace, std::move(path), properties_of(call), text_of(call, "to")}};
  }
  if (call.operation == "doc.move") {
    COTERIE_TRY(std::string to, needed(call, "to"));
    return Command{MoveDocuments{workspace, std::move(path), std::move(to)}};
  }
  return Command{PutAway{workspace, std::move(path), ways().at(call.operation)}};
}

Result<std::string> make_answer(Engine& engine, Now now, const Call& call) {
  if (call.operation == "doc.templates") {
    json list = json::array();
    for (const Template& one : templates()) {
      list.push_back({{"name", one.name},
                      {"title", one.title},
                      {"kind", one.kind},
                      {"language", one.language}});
    }
    return dump_json({{"templates", std::move(list)}});
  }
  COTERIE_TRY(const std::string name, needed(call, "workspace"));
  COTERIE_TRY(const WorkspaceId workspace, engine.find_workspace(name));
  if (call.operation == "doc.search") return search_answer(engine, now, workspace, call);
  if (call.operation == "doc.info") {
    COTERIE_TRY(const std::string path, needed(call, "path"));
    COTERIE_TRY(const DocumentInfo info, engine.document(workspace, path));
    return dump_json(document_json(info));
  }
  return list_answer(engine, workspace, call);
}

}  // namespace

bool is_document_command(const std::string& operation) {
  return operation == "doc.create" || operation == "doc.set" || operation == "doc.move" ||
         ways().contains(operation);
}

bool is_document_question(const std::string& operation) {
  return operation == "doc.templates" || operation == "doc.list" || operation == "doc.info" ||
         operation == "doc.search";
}

std::variant<Command, CallError> document_command(const Engine& engine, const Call& call) {
  auto made = make_command(engine, call);
  if (!made) return CallError{made.error().code, made.error().what};
  return *std::move(made);
}

std::variant<std::string, CallError> document_answer(Engine& engine, Now now, const Call& call) {
  auto said = make_answer(engine, now, call);
  if (!said) return CallError{said.error().code, said.error().what};
  return *std::move(said);
}

std::optional<std::string> document_result(const CommandResult& result, const std::string& path) {
  if (const auto* made = std::get_if<DocumentCreated>(&result)) {
    return dump_json({{"id", made->document.hex()}, {"path", path}});
  }
  const auto* changed = std::get_if<DocumentsChanged>(&result);
  if (changed == nullptr) return std::nullopt;
  json list = json::array();
  for (const auto& one : changed->documents) {
    list.push_back({{"id", one.id.hex()}, {"path", one.path}});
  }
  return dump_json({{"documents", std::move(list)}});
}

}  // namespace coterie::node
