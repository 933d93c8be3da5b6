// What a node remembers of how it was last run: settings.json in its data directory.
//
//     { "coterie_settings": 1, "advertise": ["tcp://192.0.2.7:7430"],
//       "peers": [{ "device": "anna", "address": "tcp://anna.example:7430" }],
//       "relay_quota": 10737418240 }
//
// So that an invite made while the node does not run names the addresses where it will be, peers
// that were named once are known from then on, and a relay keeps its quota.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "crdt/base/result.hpp"
#include "node/core/limits.hpp"
#include "node/identity/data_dir.hpp"

namespace coterie::node {

/// Where a member is, as people said.
struct PeerAddress {
  std::string device;   ///< Its name, or the beginning of its id in hexadecimal.
  std::string address;  ///< "tcp://HOST:PORT".
  bool operator==(const PeerAddress&) const = default;
};

/// Of "DEVICE@tcp://HOST:PORT". Errors: kMalformed.
Result<PeerAddress> parse_peer(std::string_view text);

struct Settings {
  std::vector<std::string> advertise;  ///< "tcp://HOST:PORT"; empty: has never listened.
  std::vector<PeerAddress> peers;
  std::uint64_t relay_quota = kRelayQuotaBytes;  ///< Of each workspace, in bytes.

  bool operator==(const Settings&) const = default;
};

/// Largest settings.json, in bytes.
inline constexpr std::size_t kSettingsBytesMax = 64u << 10;

/// Defaults if there is no file. Errors: kCorrupt, kUnauthorized (open to others), kIo.
Result<Settings> load_settings(const DataDir& dir);

/// Durable when it returns; writes only if something changed. Errors: kIo, kNoSpace.
Status save_settings(const DataDir& dir, const Settings& settings);

}  // namespace coterie::node
