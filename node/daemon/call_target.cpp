#include "node/daemon/call_target.hpp"

#include <utility>
#include <vector>

#include "node/daemon/call_json.hpp"
#include "node/daemon/room_json.hpp"

namespace coterie::node {

Status resolve_document(const Engine& engine, Call& call) {
  const auto named = call.arguments.find("document_id");
  if (named == call.arguments.end()) return {};
  COTERIE_TRY(const DocumentId document, parse_hex_id<DocumentId>(named->second));
  call.arguments.erase(named);
  std::vector<WorkspaceId> where;
  if (const std::string name = text_of(call, "workspace"); !name.empty()) {
    COTERIE_TRY(const WorkspaceId workspace, engine.find_workspace(name));
    where.push_back(workspace);
  } else {
    for (const WorkspaceInfo& one : engine.workspaces()) where.push_back(one.id);
  }
  for (const WorkspaceId& workspace : where) {
    const auto info = engine.document(workspace, document.hex());
    if (!info || info->id != document) continue;
    call.arguments["workspace"] = workspace.hex();
    call.arguments["path"] = info->trashed > 0 ? document.hex() : info->path;
    return {};
  }
  return Error{ErrorCode::kNotFound, "no document of that id"};
}

}  // namespace coterie::node
