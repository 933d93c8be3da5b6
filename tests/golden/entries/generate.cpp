// Writes entries_v1.json: the bytes of tests/support/entry_samples.hpp. Run it only for a new
// version of a format; the old file then stays, and must go on decoding.

#include <cstdio>

#include "node/core/codec.hpp"
#include "tests/support/entry_samples.hpp"

int main() {
  using namespace coterie;
  const auto samples = testing::entry_samples();
  const auto line = [](const char* name, const std::string& value) {
    std::printf("  \"%s\": \"%s\",\n", name, value.c_str());
  };
  const auto list = [](const char* name, const std::vector<Bytes>& items) {
    std::printf("  \"%s\": [", name);
    const char* separator = "\n";
    for (const Bytes& item : items) {
      std::printf("%s    \"%s\"", separator, to_hex(item).c_str());
      separator = ",\n";
    }
    std::printf("\n  ],\n");
  };
  std::printf("{\n");
  line("made_by", "tests/golden/entries/generate.cpp (bin/entry_golden)");
  line("founder_seed", to_hex(samples.founder_seed.view()));
  line("newcomer_seed", to_hex(samples.newcomer_seed.view()));
  line("invite_secret", samples.invite_secret);
  line("epoch_key", to_hex(samples.epoch_key.view()));
  line("incarnation", "0123456789abcdef");
  line("workspace", samples.workspace.hex());
  list("entries", samples.entries);
  line("head", samples.head.hash.hex());
  line("descriptor", to_hex(samples.descriptor));
  Bytes branch;
  node::append_u64(branch, samples.branch.incarnation);
  line("branch", to_hex(branch));
  list("records", samples.records);
  line("version", to_hex(samples.version));
  line("unnamed", to_hex(samples.unnamed));
  line("checkpoint", to_hex(samples.checkpoint));
  line("vouch", to_hex(samples.vouch));
  line("report", to_hex(samples.report));
  line("next_generation", to_hex(samples.next_generation));
  line("properties", to_hex(samples.properties));
  list("rooms", samples.rooms);
  line("document_role", to_hex(samples.document_role));
  line("document_invite", to_hex(samples.document_invite));
  line("guest", to_hex(samples.guest));
  line("session_end", to_hex(samples.session_end));
  line("invite", samples.invite);
  std::printf("  \"messages\": {");
  const char* separator = "\n";
  for (const auto& [name, message] : samples.messages) {
    std::printf("%s    \"%s\": \"%s\"", separator, name.c_str(), to_hex(message).c_str());
    separator = ",\n";
  }
  std::printf("\n  }\n}\n");
}
