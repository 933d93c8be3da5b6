#include "node/identity/device_key_file.hpp"

#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

namespace coterie::node {

namespace {

using nlohmann::json;

constexpr std::uint64_t kVersion = 1;

Error damaged(const char* what) { return {ErrorCode::kCorrupt, what}; }

constexpr const char* kForeign =
    "device.json is damaged or not ours; restore it from a backup, or make a new device with "
    "`coterie init` in another directory";

/// The string member `name`, or an empty one.
std::string text_member(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Result<DeviceKeyFile> parse(const std::string& content) {
  const json object = json::parse(content, nullptr, false);
  if (!object.is_object()) return damaged(kForeign);
  const auto version = object.find("coterie_device");
  if (version == object.end() || !version->is_number_unsigned()) return damaged(kForeign);
  if (version->get<std::uint64_t>() != kVersion) {
    return damaged("device.json was written by a newer coterie; run that version");
  }
  std::string name = text_member(object, "name");
  const auto seed_bytes = from_hex(text_member(object, "seed"));
  if (!seed_bytes || !check_device_name(name)) return damaged(kForeign);
  const auto seed = crypto::SecretKey::from(*seed_bytes);
  if (!seed) return damaged(kForeign);
  auto key = crypto::SigningKey::from_seed(*seed);
  if (key.id().hex() != text_member(object, "device")) return damaged(kForeign);
  return DeviceKeyFile{std::move(name), std::move(key)};
}

}  // namespace

Status check_device_name(std::string_view name) {
  if (name.empty() || name.size() > kDeviceNameBytesMax) {
    return Error{ErrorCode::kMalformed, "a device name has 1 to 64 bytes"};
  }
  if (!is_utf8(name)) return Error{ErrorCode::kMalformed, "a device name must be UTF-8"};
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      return Error{ErrorCode::kMalformed, "a device name must not hold control characters"};
    }
  }
  return {};
}

Result<DeviceKeyFile> create_device(const DataDir& dir, std::string_view name,
                                    SecureRandom& random) {
  COTERIE_CHECK(check_device_name(name));
  COTERIE_CHECK(create_data_dir(dir));
  COTERIE_TRY(const auto lock, DataDirLock::acquire(dir));
  COTERIE_CHECK(create_data_dir(dir));  // Again under the lock: another init may have been faster.

  DeviceKeyFile device{std::string(name), crypto::SigningKey::generate(random)};
  const json object = {{"coterie_device", kVersion},
                       {"name", device.name},
                       {"device", device.key.id().hex()},
                       {"seed", to_hex(device.key.seed().view())}};
  COTERIE_CHECK(write_private_file(dir.device_file(), object.dump(2) + "\n"));
  return device;
}

Result<DeviceKeyFile> load_device(const DataDir& dir) {
  // Somebody else's directory has no device: that matters more than its mode.
  const Error no_device{ErrorCode::kNotFound,
                        "the directory holds no device; make one with `coterie init`, or name "
                        "another directory with --data"};
  std::error_code failure;
  const auto root = std::filesystem::status(dir.root, failure);
  const auto file = std::filesystem::symlink_status(dir.device_file(), failure);
  const bool missing = file.type() == std::filesystem::file_type::not_found;
  if (std::filesystem::is_directory(root) && missing) return no_device;
  COTERIE_CHECK(check_data_dir(dir));
  auto content = read_private_file(dir.device_file(), kDeviceFileBytesMax);
  if (content) return parse(*content);
  switch (content.error().code) {
    case ErrorCode::kNotFound:
      return no_device;
    case ErrorCode::kUnauthorized:
      return Error{ErrorCode::kUnauthorized,
                   "other users may read device.json, or it belongs to one; if it was never "
                   "copied, `chown` it to you and close it with `chmod 600`"};
    case ErrorCode::kLimitExceeded:
    case ErrorCode::kMalformed:
      return damaged(kForeign);
    default:
      return content.error();
  }
}

}  // namespace coterie::node
