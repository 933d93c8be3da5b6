// How the members of a workspace are reached and how well they are in step: `peers`, the picture of
// the whole mesh, and the line of `status` that sums it up. The shapes are in
// docs/API/openapi.json.
//
// Not thread-safe: for the thread that owns the engine.

#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json_fwd.hpp>

#include "node/core/engine.hpp"

namespace coterie::node {

/// What came of dials, by device: the driver knows why one failed, the engine does not.
class DialLog {
 public:
  void failed(const DeviceId& device, const std::string& address, const char* reason);
  void linked(const DeviceId& device) { failures_.erase(device); }

  struct Failure {
    std::string address;
    const char* reason;
  };
  /// Null if the last dial did not fail.
  const Failure* find(const DeviceId& device) const;

 private:
  std::map<DeviceId, Failure> failures_;  ///< At most kDialFailuresMax.
};
inline constexpr std::size_t kDialFailuresMax = 1024;

/// {"peers":[...]}. Errors: kNotFound.
Result<nlohmann::json> peers_json(Now now, const Engine& engine, const WorkspaceId& workspace,
                                  const DialLog& dials);
/// Who is linked with whom: {"self","nodes":[...],"links":[...],"in_sync"}. Errors: kNotFound.
Result<nlohmann::json> mesh_json(Now now, Engine& engine, const WorkspaceId& workspace);
/// Where an address is, "tcp://HOST:PORT": "loopback", "local", "internet"; "name" of a host's
/// name.
const char* address_kind(std::string_view address);
/// Of a workspace in `status`: how many members there are and how they are doing.
nlohmann::json sync_json(const nlohmann::json& peers);

}  // namespace coterie::node
