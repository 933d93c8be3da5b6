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

/// The string member `name`, or an empty one. Points into `object`.
std::string_view text_member(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string()
             ? std::string_view(found->get_ref<const std::string&>())
             : std::string_view();
}

constexpr std::string_view kSealedDomain = "coterie device v1";

void append_number(Bytes& out, std::uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::uint8_t>(number >> shift));
  }
}

struct Lock {
  crypto::Salt salt;
  crypto::StretchCost cost;
};

Bytes associated_data(const DeviceId& device, const Lock& lock) {
  Bytes out;
  append(out, as_bytes(kSealedDomain));
  append(out, device.view());
  append(out, lock.salt.view());
  append_number(out, lock.cost.passes);
  append_number(out, lock.cost.memory_kib);
  return out;
}

/// Overwrites the strings of `object`, because one of them is secret.
void wipe(json& object) {
  for (json& one : object) {
    if (one.is_string()) crypto::wipe(one.get_ref<std::string&>());
  }
}

/// The bytes are secret while this lives.
class WipedBytes {
 public:
  explicit WipedBytes(Bytes bytes) : bytes_(std::move(bytes)) {}
  WipedBytes(const WipedBytes&) = delete;
  WipedBytes& operator=(const WipedBytes&) = delete;
  ~WipedBytes() { crypto::wipe(bytes_); }
  ByteView view() const { return bytes_; }

 private:
  Bytes bytes_;
};

/// Errors: kCorrupt.
Result<json> parse_object(std::string_view content) {
  json object = json::parse(content, nullptr, false);
  if (!object.is_object()) return damaged(kForeign);
  const auto version = object.find("coterie_device");
  if (version == object.end() || !version->is_number_unsigned()) return damaged(kForeign);
  if (version->get<std::uint64_t>() != kVersion) {
    return damaged("device.json was written by a newer coterie; run that version");
  }
  return object;
}

Result<DeviceId> read_device_id(const json& object) {
  const auto bytes = from_hex(text_member(object, "device"));
  const auto id = bytes ? DeviceId::from(*bytes) : Result<DeviceId>(damaged(kForeign));
  if (!id) return damaged(kForeign);
  return *id;
}

Result<DeviceKeyFile> make_device(const DeviceId& expected, std::string name, ByteView seed_bytes) {
  const auto seed = crypto::SecretKey::from(seed_bytes);
  if (!seed || !check_device_name(name)) return damaged(kForeign);
  auto key = crypto::SigningKey::from_seed(*seed);
  if (key.id() != expected) return damaged(kForeign);
  return DeviceKeyFile{std::move(name), std::move(key), false};
}

Result<Lock> read_lock(const json& object) {
  const auto stretch = object.find("stretch");
  if (stretch == object.end() || !stretch->is_object()) return damaged(kForeign);
  if (text_member(*stretch, "name") != "argon2id") {
    return damaged("device.json is locked in a way this version does not know; run a newer one");
  }
  const auto passes = stretch->find("passes");
  const auto memory = stretch->find("memory_kib");
  const auto salt_bytes = from_hex(text_member(*stretch, "salt"));
  if (!salt_bytes || passes == stretch->end() || memory == stretch->end() ||
      !passes->is_number_unsigned() || !memory->is_number_unsigned()) {
    return damaged(kForeign);
  }
  const auto salt = crypto::Salt::from(*salt_bytes);
  if (!salt) return damaged(kForeign);
  return Lock{*salt, {passes->get<std::uint64_t>(), memory->get<std::uint64_t>()}};
}

Result<DeviceKeyFile> unlock(const json& object, const DeviceId& id, const AskPassphrase& ask) {
  COTERIE_TRY(const Lock lock, read_lock(object));
  const auto sealed = from_hex(text_member(object, "sealed"));
  if (!sealed) return damaged(kForeign);
  if (!ask) {
    return Error{ErrorCode::kUnavailable,
                 "the device is locked with a passphrase; give it with --passphrase-file FILE, "
                 "or run this in a terminal"};
  }
  COTERIE_TRY(const crypto::SecretText passphrase, ask());
  COTERIE_TRY(const crypto::SecretKey key, crypto::stretch(passphrase, lock.salt, lock.cost));
  auto opened = crypto::open_with_nonce(key, associated_data(id, lock), *sealed);
  if (!opened) {
    return Error{ErrorCode::kUnauthenticated,
                 "the passphrase is wrong (or device.json was changed): try again"};
  }
  const WipedBytes clear(*std::move(opened));
  if (clear.view().size() < crypto::SecretKey::kBytes) return damaged(kForeign);
  const ByteView name = clear.view().subspan(crypto::SecretKey::kBytes);
  auto device =
      make_device(id, std::string(as_text(name)), clear.view().first(crypto::SecretKey::kBytes));
  if (device) device->locked = true;
  return device;
}

Result<DeviceKeyFile> parse(std::string_view content, const AskPassphrase& ask) {
  COTERIE_TRY(json object, parse_object(content));
  COTERIE_TRY(const DeviceId id, read_device_id(object));
  if (object.contains("sealed")) return unlock(object, id, ask);
  auto bytes = from_hex(text_member(object, "seed"));
  if (!bytes) return damaged(kForeign);
  const WipedBytes seed(*std::move(bytes));
  auto device = make_device(id, std::string(text_member(object, "name")), seed.view());
  wipe(object);
  return device;
}

/// The file's content; secret unless it is locked.
Result<crypto::SecretText> format(const DeviceKeyFile& device, const crypto::SecretText& passphrase,
                                  SecureRandom& random, crypto::StretchCost cost) {
  json object = {{"coterie_device", kVersion}, {"device", device.key.id().hex()}};
  if (passphrase.empty()) {
    object["name"] = device.name;
    object["seed"] = to_hex(device.key.seed().view());
  } else {
    Lock lock{{}, cost};
    random.fill(lock.salt.bytes);
    COTERIE_TRY(const crypto::SecretKey key, crypto::stretch(passphrase, lock.salt, lock.cost));
    Bytes clear(device.key.seed().view().begin(), device.key.seed().view().end());
    append(clear, as_bytes(device.name));
    object["stretch"] = {{"name", "argon2id"},
                         {"passes", cost.passes},
                         {"memory_kib", cost.memory_kib},
                         {"salt", lock.salt.hex()}};
    object["sealed"] =
        to_hex(crypto::seal_with_nonce(key, random, associated_data(device.key.id(), lock), clear));
    crypto::wipe(clear);
  }
  crypto::SecretText content(object.dump(2) + "\n");
  wipe(object);
  return content;
}

/// Errors: as load_device() before anything is parsed.
Result<crypto::SecretText> read_device_file(const DataDir& dir) {
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
  if (content) return crypto::SecretText(*std::move(content));
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

Result<DeviceKeyFile> create_device(const DataDir& dir, std::string_view name, SecureRandom& random,
                                    const crypto::SecretText& passphrase,
                                    crypto::StretchCost cost) {
  COTERIE_CHECK(check_device_name(name));
  COTERIE_CHECK(create_data_dir(dir));
  COTERIE_TRY(const auto lock, DataDirLock::acquire(dir));
  COTERIE_CHECK(create_data_dir(dir));  // Again under the lock: another init may have been faster.

  DeviceKeyFile device{std::string(name), crypto::SigningKey::generate(random),
                       !passphrase.empty()};
  COTERIE_TRY(const auto content, format(device, passphrase, random, cost));
  COTERIE_CHECK(write_private_file(dir.device_file(), content.view()));
  return device;
}

Result<DeviceKeyFile> load_device(const DataDir& dir, const AskPassphrase& ask) {
  COTERIE_TRY(const auto content, read_device_file(dir));
  return parse(content.view(), ask);
}

Result<DeviceSummary> inspect_device(const DataDir& dir) {
  COTERIE_TRY(const auto content, read_device_file(dir));
  COTERIE_TRY(json object, parse_object(content.view()));
  const auto id = read_device_id(object);
  const bool locked = object.contains("sealed");
  wipe(object);
  if (!id) return id.error();
  return DeviceSummary{*id, locked};
}

Status protect_device(const DataDir& dir, const DeviceKeyFile& device,
                      const crypto::SecretText& passphrase, SecureRandom& random,
                      crypto::StretchCost cost) {
  COTERIE_TRY(const auto content, format(device, passphrase, random, cost));
  return replace_secret_file(dir.device_file(), content.view());
}

}  // namespace coterie::node
