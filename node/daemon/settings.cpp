#include "node/daemon/settings.hpp"

#include <nlohmann/json.hpp>

#include "node/daemon/advertise.hpp"

namespace coterie::node {

namespace {

using nlohmann::json;

constexpr std::uint64_t kVersion = 1;

Result<Settings> parse(const std::string& content) {
  const Error damaged{ErrorCode::kCorrupt,
                      "settings.json is damaged; remove it, then start with `coterie run`"};
  const json object = json::parse(content, nullptr, false);
  if (!object.is_object()) return damaged;
  const auto version = object.find("coterie_settings");
  const auto advertise = object.find("advertise");
  if (version == object.end() || *version != kVersion) return damaged;
  if (advertise == object.end() || !advertise->is_array()) return damaged;
  const auto peers = object.find("peers");
  if (peers == object.end() || !peers->is_array()) return damaged;
  Settings settings;
  for (const json& one : *peers) {
    if (!one.is_object() || !one.contains("device") || !one["device"].is_string() ||
        !one.contains("address") || !one["address"].is_string()) {
      return damaged;
    }
    settings.peers.push_back({one["device"].get<std::string>(), one["address"].get<std::string>()});
  }
  for (const json& address : *advertise) {
    if (!address.is_string()) return damaged;
    settings.advertise.push_back(address.get<std::string>());
  }
  if (const auto quota = object.find("relay_quota"); quota != object.end()) {
    if (!quota->is_number_unsigned()) return damaged;
    settings.relay_quota = quota->get<std::uint64_t>();
  }
  return settings;
}

}  // namespace

Result<PeerAddress> parse_peer(std::string_view text) {
  const std::size_t at = text.rfind("@tcp://");
  const Error bad{ErrorCode::kMalformed, "must look like anna@tcp://192.0.2.7:7430"};
  if (at == std::string_view::npos || at == 0) return bad;
  PeerAddress peer{std::string(text.substr(0, at)), std::string(text.substr(at + 1))};
  const auto address = parse_mesh_address(peer.address);
  if (!address || address->port == 0) return bad;
  return peer;
}

Result<Settings> load_settings(const DataDir& dir) {
  const auto content = read_private_file(dir.settings_file(), kSettingsBytesMax);
  if (content) return parse(*content);
  switch (content.error().code) {
    case ErrorCode::kNotFound:
      return Settings{};
    case ErrorCode::kIo:
      return content.error();
    case ErrorCode::kUnauthorized:
      return Error{ErrorCode::kUnauthorized,
                   "other users can read settings.json; close it with `chmod 600`"};
    default:
      return parse("");
  }
}

Status save_settings(const DataDir& dir, const Settings& settings) {
  if (const auto held = load_settings(dir); held && *held == settings) return {};
  json object = {{"coterie_settings", kVersion},
                 {"advertise", settings.advertise},
                 {"peers", json::array()},
                 {"relay_quota", settings.relay_quota}};
  for (const PeerAddress& one : settings.peers) {
    object["peers"].push_back({{"device", one.device}, {"address", one.address}});
  }
  return write_private_file(dir.settings_file(), object.dump(2) + "\n");
}

}  // namespace coterie::node
