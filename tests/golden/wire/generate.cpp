// Writes frames_v1.json: the bytes of every sample in tests/support/wire_samples.hpp.
// Run it only for a new frame version; the old file then stays, and must go on decoding.

#include <cstdio>

#include "tests/support/wire_samples.hpp"

int main() {
  using namespace coterie;
  std::printf("{\n  \"made_by\": \"tests/golden/wire/generate.cpp (bin/wire_golden)\",\n");
  std::printf("  \"frame_version\": %u,\n  \"frames\": {", unsigned{transport::kFrameVersion});
  const char* separator = "\n";
  for (const auto& [name, message] : testing::wire_samples()) {
    const std::string hex = to_hex(transport::encode(message));
    std::printf("%s    \"%s\": \"%s\"", separator, name.c_str(), hex.c_str());
    separator = ",\n";
  }
  std::printf("\n  }\n}\n");
}
