#include "node/bridge/call.hpp"

#include <nlohmann/json.hpp>

namespace coterie::node {

std::string error_json(const CallError& error) {
  using nlohmann::json;
  const json object = {
      {"error", {{"code", error_code_name(error.code)}, {"message", error.message}}}};
  // Replace, because a message may quote what somebody sent.
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace coterie::node
