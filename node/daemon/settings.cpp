#include "node/daemon/settings.hpp"

#include <nlohmann/json.hpp>

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
  Settings settings;
  for (const json& address : *advertise) {
    if (!address.is_string()) return damaged;
    settings.advertise.push_back(address.get<std::string>());
  }
  return settings;
}

}  // namespace

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
  if (const auto held = load_settings(dir); held && held->advertise == settings.advertise) {
    return {};
  }
  const json object = {{"coterie_settings", kVersion}, {"advertise", settings.advertise}};
  return write_private_file(dir.settings_file(), object.dump(2) + "\n");
}

}  // namespace coterie::node
