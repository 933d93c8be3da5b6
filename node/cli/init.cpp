// coterie init: makes a device.

#include <unistd.h>

#include <iostream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "node/cli/commands.hpp"
#include "node/identity/device_key_file.hpp"

namespace coterie::node::cli {

std::string host_name() {
  char name[kDeviceNameBytesMax + 1] = {};
  if (::gethostname(name, sizeof name - 1) != 0 || !check_device_name(name)) return "device";
  return name;
}

namespace {

CallError taken(const Context& context, const DeviceSummary& device) {
  return {ErrorCode::kConflict, context.dir.root.string() + " already holds a device (" +
                                    device.device.short_hex() +
                                    "), which is left as it is: use it (`coterie status`), or "
                                    "name another directory with --data"};
}

void init(Context& context, const std::string& name, bool lock) {
  crypto::SecretText passphrase;
  if (lock) {
    // Nobody types a passphrase twice for a directory that is taken.
    if (const auto there = inspect_device(context.dir)) return context.fail(taken(context, *there));
    auto typed = new_passphrase(context.passphrase_file);
    if (!typed) return context.fail(typed.error());
    passphrase = *std::move(typed);
  }
  const auto device = create_device(context.dir, name, crypto::system_random(), passphrase);
  if (!device) {
    const auto there = inspect_device(context.dir);
    if (there && device.error().code == ErrorCode::kConflict) {
      return context.fail(taken(context, *there));
    }
    return context.fail(device.error());
  }
  const std::string id = device->key.id().hex();
  if (context.print_json({{"device", id},
                          {"name", name},
                          {"data", context.dir.root.string()},
                          {"locked", device->locked}})) {
    return;
  }
  std::cout << "Made the device \"" << printable(name) << "\" (" << id.substr(0, 8) << ") in "
            << context.dir.root.string()
            << ".\nNext: `coterie workspace create NAME` for a new team, or `coterie join INVITE` "
               "to enter one.\n";
}

}  // namespace

void add_init(CLI::App& app, Context& context) {
  const auto name = std::make_shared<std::string>(host_name());
  CLI::App* command = app.add_subcommand("init", "Make a device: a key in a new data directory");
  command->add_option("--name", *name, "What other members call it")->capture_default_str();
  const auto lock = std::make_shared<bool>(false);
  command->add_flag("--passphrase", *lock,
                    "Lock it: ask for a passphrase, or take that of --passphrase-file");
  command->final_callback([&context, name, lock] { init(context, *name, *lock); });
}

}  // namespace coterie::node::cli
