// Messages for tests: fixed ones, whose bytes are the golden vectors, and random ones.

#pragma once

#include <map>
#include <string>

#include "tests/support/choices.hpp"
#include "transport/wire/messages.hpp"

namespace coterie::testing {

/// An id that sorts as `number` does and is recognisable in a dump.
template <typename Id>
Id patterned_id(std::uint64_t number) {
  Id id;
  id.bytes.fill(0xee);
  for (std::size_t i = 0; i < 8; ++i) {
    id.bytes[i] = static_cast<std::uint8_t>(number >> (56 - 8 * i));
  }
  return id;
}

/// One of each kind by name, and one for each branch in its encoding.
inline std::map<std::string, transport::Message> wire_samples() {
  using namespace transport;
  const auto device = [](std::uint64_t n) { return patterned_id<DeviceId>(n); };
  const auto hash = [](std::uint64_t n) { return patterned_id<Hash>(0xa0 + n); };
  const WorkspaceId workspace = patterned_id<WorkspaceId>(0x77);
  const LogId log{device(1), 0x0123456789abcdef};
  const std::vector<WorkspaceState> states = {
      {workspace, hash(1)},
      {patterned_id<WorkspaceId>(0x78), hash(2)},
  };
  const LogRange range{{0, 0}, {0, 0, 0, 0, 0, 0, 0, 1, 0xff}};
  return {
      {"hello", Hello{kFrameVersion, device(1), false, states}},
      {"hello_answer", Hello{kFrameVersion, device(1), true, {}}},
      {"heartbeat", Heartbeat{1'000'000, 0, 0, states}},
      {"heartbeat_echo", Heartbeat{3'000'000, 2'500'000, 1'234, {}}},
      {"goodbye", Goodbye{}},
      {"frontier",
       FrontierReport{
           workspace, true, {{log, {300, hash(3)}}, {{device(2), 1}, {70'000, hash(4)}}}}},
      {"frontier_empty", FrontierReport{workspace, false, {}}},
      {"frontier_range", FrontierReport{workspace, true, {{log, {300, hash(3)}}}, range}},
      {"neighbours", Neighbours{workspace, {device(2), device(3)}, {device(4)}}},
      {"summary", Summary{workspace,
                          {{{{}, {0x40}}, patterned_id<Fingerprint>(1)},
                           {range, patterned_id<Fingerprint>(2)}}}},
      {"pull", Pull{workspace, log, 301, kPullBytesMax}},
      {"entries_pushed",
       Entries{workspace, log, 301, EntriesMode::kPushed, 302, {{1, 2, 3}, {4, 5}}}},
      {"entries_pulled", Entries{workspace, log, 1, EntriesMode::kPulled, 302, {{6}}}},
      {"entries_end", Entries{workspace, log, 303, EntriesMode::kPulledEnd, 302, {}}},
      {"announce", Announce{workspace, log, 303}},
      {"awareness", Awareness{workspace, device(3), 9, 41, {0xde, 0xad}}},
      {"awareness_told", Awareness{workspace, device(3), 9, 41, {0xde, 0xad}, 14'000}},
      {"application", Application{{0xbe, 0xef}}},
  };
}

inline Bytes make_bytes(Choices& choices, std::size_t size_min, std::size_t size_max) {
  Bytes bytes(size_min + choices.below(size_max - size_min + 1));
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(choices.below(256));
  return bytes;
}

inline std::vector<transport::WorkspaceState> make_workspaces(Choices& choices) {
  std::vector<transport::WorkspaceState> states;
  for (std::uint64_t i = choices.below(4); i > 0; --i) {
    states.push_back({patterned_id<WorkspaceId>(100 - i), patterned_id<Hash>(choices.below(1000))});
  }
  return states;
}

/// A message of any kind that keeps the limits.
inline transport::Message make_message(Choices& choices) {
  using namespace transport;
  const auto number = [&] { return choices.below(std::uint64_t{1} << choices.below(64)); };
  const auto seq = [&] { return 1 + choices.below(std::uint64_t{1} << choices.below(50)); };
  const WorkspaceId workspace = patterned_id<WorkspaceId>(choices.below(3));
  const LogId log{patterned_id<DeviceId>(choices.below(5)), number()};
  const auto some_devices = [&] {
    std::vector<DeviceId> devices;
    for (std::uint64_t k = choices.below(5); k > 0; --k) {
      devices.push_back(patterned_id<DeviceId>(100 - k));
    }
    return devices;
  };
  switch (choices.below(11)) {
    case 0:
      return Hello{1 + number(), log.device, choices.chance(50), make_workspaces(choices)};
    case 1:
      return Heartbeat{number(), number(), number(), make_workspaces(choices)};
    case 2:
      return Goodbye{};
    case 3: {
      FrontierReport report{workspace, choices.chance(50), {}};
      for (std::uint64_t i = choices.below(6); i > 0; --i) {
        report.heads[{patterned_id<DeviceId>(choices.below(5)), number()}] = {
            seq(), patterned_id<Hash>(number())};
      }
      return report;
    }
    case 4:
      return Pull{workspace, log, seq(), 1 + choices.below(kPullBytesMax)};
    case 5: {
      Entries entries{workspace, log, seq(), static_cast<EntriesMode>(choices.below(3)), 0, {}};
      const bool may_be_empty = entries.mode == EntriesMode::kPulledEnd;
      for (std::uint64_t i = choices.below(5) + (may_be_empty ? 0 : 1); i > 0; --i) {
        entries.entries.push_back(make_bytes(choices, 1, 40));
      }
      entries.head = entries.first + entries.entries.size() - 1 + choices.below(1000);
      return entries;
    }
    case 6:
      return Announce{workspace, log, seq()};
    case 7:
      return Awareness{workspace,
                       log.device,
                       number(),
                       number(),
                       make_bytes(choices, 1, 100),
                       choices.below(30'001)};
    case 8:
      return Neighbours{workspace, some_devices(), some_devices()};
    case 9: {
      Summary summary{workspace, {}};
      for (std::uint64_t i = 1 + choices.below(5); i > 0; --i) {
        // Bounds that end in other bytes than 0 and share no first byte are in order.
        Bytes lower = make_bytes(choices, 1, 40);
        Bytes upper = make_bytes(choices, 1, 40);
        lower[0] &= 0x7f;
        upper[0] |= 0x80;
        summary.parts.push_back(
            {{choices.chance(50) ? lower : Bytes{}, upper}, patterned_id<Fingerprint>(number())});
      }
      return summary;
    }
    default:
      return Application{make_bytes(choices, 1, 100)};
  }
}

}  // namespace coterie::testing
