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

namespace {

std::string host_name() {
  char name[kDeviceNameBytesMax + 1] = {};
  if (::gethostname(name, sizeof name - 1) != 0 || !check_device_name(name)) return "device";
  return name;
}

void init(Context& context, const std::string& name) {
  const auto device = create_device(context.dir, name, crypto::system_random());
  if (!device) return context.fail(device.error());
  const std::string id = device->key.id().hex();
  if (context.print_json({{"device", id}, {"name", name}, {"data", context.dir.root.string()}})) {
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
  command->final_callback([&context, name] { init(context, *name); });
}

}  // namespace coterie::node::cli
