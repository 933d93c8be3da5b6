#include "node/daemon/text_calls.hpp"

#include <utility>

#include "node/daemon/call_json.hpp"
#include "node/daemon/service.hpp"

namespace coterie::node {

namespace {

using nlohmann::json;

constexpr const char* kPlain = "text/plain";
constexpr const char* kPlainType = "text/plain; charset=utf-8";

Result<CallResult> read(Engine& engine, Now now, const WorkspaceId& workspace,
                        const std::string& path, const Call& call) {
  COTERIE_TRY(TextContent content, engine.text(now, workspace, path, text_of(call, "root")));
  if (content.text.size() > kTextBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "the text is too large to be shown"};
  }
  CallResult result{"", std::nullopt};
  result.tag = content.version;
  if (text_of(call, "as") == kPlain) {
    result.type = kPlainType;
    result.json = std::move(content.text);
  } else {
    result.json = dump_json({{"root", std::move(content.root)},
                             {"text", std::move(content.text)},
                             {"version", std::move(content.version)}});
  }
  return result;
}

Result<CallResult> export_all(Engine& engine, const WorkspaceId& workspace, const std::string& path,
                              const Call& call) {
  CallResult result{"", std::nullopt};
  if (text_of(call, "as") == kPlain) {
    COTERIE_TRY(result.json, engine.document_text(workspace, path, ""));
    result.type = kPlainType;
  } else {
    COTERIE_TRY(const Bytes update, engine.document_update(workspace, path));
    result.json = as_text(update);
    result.type = "application/octet-stream";
  }
  if (result.json.size() > kTextBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "the document is too large to be exported"};
  }
  return result;
}

Result<CallResult> answer(Engine& engine, Now now, const Call& call) {
  COTERIE_TRY(const std::string name, needed(call, "workspace"));
  COTERIE_TRY(const WorkspaceId workspace, engine.find_workspace(name));
  COTERIE_TRY(const std::string path, needed(call, "path"));
  return call.operation == "doc.read" ? read(engine, now, workspace, path, call)
                                      : export_all(engine, workspace, path, call);
}

Result<Command> command(const Engine& engine, const Call& call) {
  MergeText out;
  COTERIE_TRY(const std::string name, needed(call, "workspace"));
  COTERIE_TRY(out.workspace, engine.find_workspace(name));
  COTERIE_TRY(out.document, needed(call, "path"));
  COTERIE_TRY(out.base, needed(call, "base"));
  COTERIE_TRY(out.text, needed(call, "text"));
  out.root = text_of(call, "root");
  return Command{std::move(out)};
}

}  // namespace

bool is_text_question(const std::string& operation) {
  return operation == "doc.read" || operation == "doc.export";
}
bool is_text_command(const std::string& operation) { return operation == "doc.write"; }

CallResult text_answer(Engine& engine, Now now, const Call& call) {
  auto said = answer(engine, now, call);
  if (!said) return {"", CallError{said.error().code, said.error().what}};
  return *std::move(said);
}

std::variant<Command, CallError> text_command(const Engine& engine, const Call& call) {
  auto made = command(engine, call);
  if (!made) return CallError{made.error().code, made.error().what};
  return *std::move(made);
}

std::optional<CallResult> text_result(const CommandResult& result) {
  const auto* written = std::get_if<TextMerged>(&result);
  if (written == nullptr) return std::nullopt;
  const TextContent& content = written->content;
  json answer{{"root", content.root}, {"version", content.version}, {"merged", written->merged}};
  if (written->merged) answer["text"] = content.text;
  CallResult out{dump_json(answer), std::nullopt};
  out.tag = content.version;
  return out;
}

}  // namespace coterie::node
