// Answers commands on standard input, one a line (tests/support/event_script.hpp): used by
// events_fuzz.mjs to hold our events, XML and subdocuments against stock Yjs.

#include <iostream>
#include <string>

#include "tests/support/event_script.hpp"

int main() {
  std::ios::sync_with_stdio(false);
  coterie::testing::EventScript script;
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << script.run(line) << std::endl;
  }
}
