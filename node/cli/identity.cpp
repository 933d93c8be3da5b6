// coterie identity: this device's key, and what guards it.

#include <iostream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "node/cli/commands.hpp"
#include "node/identity/device_key_file.hpp"

namespace coterie::node::cli {

namespace {

void show(Context& context) {
  const auto device = inspect_device(context.dir);
  if (!device) return context.fail(device.error());
  nlohmann::json answer = {{"device", device->device.hex()},
                           {"locked", device->locked},
                           {"data", context.dir.root.string()}};
  if (context.print_json(answer)) return;
  std::cout << "Device      " << device->device.hex() << "\nPassphrase  "
            << (device->locked ? "yes" : "no: `coterie identity passphrase set` sets one")
            << "\nData        " << context.dir.root.string() << '\n';
}

void export_id(Context& context) {
  const auto device = inspect_device(context.dir);
  if (!device) return context.fail(device.error());
  if (context.print_json({{"device", device->device.hex()}})) return;
  std::cout << device->device.hex() << '\n';
}

/// Writes the key file anew, with the passphrase of `new_file`, or an asked one, or none.
void protect(Context& context, bool lock, const std::string& new_file) {
  const auto device = load_device(context.dir, context.ask_passphrase());
  if (!device) return context.fail(device.error());
  crypto::SecretText passphrase;
  if (lock) {
    auto typed = new_passphrase(new_file);
    if (!typed) return context.fail(typed.error());
    passphrase = *std::move(typed);
  }
  const auto done = protect_device(context.dir, *device, passphrase, crypto::system_random());
  if (!done) return context.fail(done.error());
  if (context.print_json({{"device", device->key.id().hex()}, {"locked", lock}})) return;
  if (lock) {
    std::cout << "The device is locked. Nobody can open it without the passphrase, you included: "
                 "there is no other way in.\nCopies made before (backups, snapshots of the file "
                 "system) are as open as they were.\n";
  } else {
    std::cout << "The device is open: whoever can read " << context.dir.root.string()
              << " can act as it.\n";
  }
}

}  // namespace

void add_identity(CLI::App& app, Context& context) {
  CLI::App* identity = app.add_subcommand("identity", "This device's key, and what guards it");
  identity->require_subcommand(1);
  identity->add_subcommand("show", "Which device this is, and whether a passphrase guards it")
      ->final_callback([&context] { show(context); });
  identity->add_subcommand("export", "Print the public id, for others to compare")
      ->final_callback([&context] { export_id(context); });
  add_link(identity, context);
  CLI::App* passphrase = identity->add_subcommand("passphrase", "Lock the key, or open it");
  passphrase->require_subcommand(1);
  const auto new_file = std::make_shared<std::string>();
  CLI::App* set = passphrase->add_subcommand("set", "Set or change the passphrase");
  set->add_option("--new-passphrase-file", *new_file,
                  "Where the new one is, instead of asking for it twice");
  set->final_callback([&context, new_file] { protect(context, true, *new_file); });
  passphrase->add_subcommand("clear", "Go without a passphrase")->final_callback([&context] {
    protect(context, false, "");
  });
}

}  // namespace coterie::node::cli
