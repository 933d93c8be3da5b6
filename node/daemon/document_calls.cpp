#include "node/daemon/document_calls.hpp"

#include <charconv>
#include <map>
#include <utility>

#include <nlohmann/json.hpp>

#include "node/core/limits.hpp"
#include "node/core/rooms/templates.hpp"

namespace coterie::node {

namespace {

using nlohmann::json;

/// Text of others may hold anything: what is no UTF-8 is replaced.
std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string text_of(const Call& call, const std::string& name) {
  const auto found = call.arguments.find(name);
  return found == call.arguments.end() ? std::string() : found->second;
}

/// Errors: kMalformed.
Result<std::string> needed(const Call& call, const char* name) {
  const auto found = call.arguments.find(name);
  if (found == call.arguments.end()) {
    return Error{ErrorCode::kMalformed, "an argument of the call is missing"};
  }
  return found->second;
}

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
  if (const std::string limit = text_of(call, "limit"); !limit.empty()) {
    const auto parsed = std::from_chars(limit.data(), limit.data() + limit.size(), query.limit);
    if (parsed.ec != std::errc() || parsed.ptr != limit.data() + limit.size()) {
      return Error{ErrorCode::kMalformed, "an argument is no number"};
    }
  }
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
  return dump({{"hits", std::move(hits)},
               {"after", page.after ? json(page.after->hex()) : json()},
               {"documents", page.documents},
               {"bytes", page.bytes}});
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
    return Command{
        CreateDocument{workspace, std::move(path), text_of(call, "template"), properties_of(call)}};
  }
  if (call.operation == "doc.set") {
    return Command{SetProperties{workspace, std::move(path), properties_of(call)}};
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
    return dump({{"templates", std::move(list)}});
  }
  COTERIE_TRY(const std::string name, needed(call, "workspace"));
  COTERIE_TRY(const WorkspaceId workspace, engine.find_workspace(name));
  if (call.operation == "doc.search") return search_answer(engine, now, workspace, call);
  if (call.operation == "doc.info") {
    COTERIE_TRY(const std::string path, needed(call, "path"));
    COTERIE_TRY(const DocumentInfo info, engine.document(workspace, path));
    return dump(document_json(info));
  }
  const DocumentQuery query{text_of(call, "folder"), text_of(call, "trash") == "true"};
  COTERIE_TRY(const auto documents, engine.documents(workspace, query));
  json list = json::array();
  for (const DocumentInfo& one : documents) list.push_back(document_json(one));
  return dump({{"documents", std::move(list)}});
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
    return dump({{"id", made->document.hex()}, {"path", path}});
  }
  const auto* changed = std::get_if<DocumentsChanged>(&result);
  if (changed == nullptr) return std::nullopt;
  json list = json::array();
  for (const auto& one : changed->documents) {
    list.push_back({{"id", one.id.hex()}, {"path", one.path}});
  }
  return dump({{"documents", std::move(list)}});
}

}  // namespace coterie::node
