#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>
#include <utility>

#include "node/cli/commands.hpp"

namespace coterie::node::cli {

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kOnTerminal{100};
constexpr std::chrono::seconds kElsewhere{10};

}  // namespace

Progress::Progress(const Context& context, std::string what)
    : what_(std::move(what)), terminal_(::isatty(STDERR_FILENO) == 1), quiet_(context.json) {
  next_ = Clock::now() + (terminal_ ? Clock::duration(kOnTerminal) : Clock::duration(kElsewhere));
}

Progress::~Progress() { end(); }

void Progress::at(std::uint64_t done, std::uint64_t total) {
  const auto now = Clock::now();
  if (quiet_ || now < next_) return;
  next_ = now + (terminal_ ? Clock::duration(kOnTerminal) : Clock::duration(kElsewhere));
  // Where the end is not known: how much is done.
  const std::string far =
      total == 0 ? std::to_string(done) : std::to_string(done * 100 / total) + "%";
  std::fprintf(stderr, terminal_ ? "\r\033[K%s: %s" : "%s: %s\n", what_.c_str(), far.c_str());
  shown_ = true;
}

void Progress::end() {
  if (terminal_ && std::exchange(shown_, false)) std::fprintf(stderr, "\r\033[K");
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB"};
  if (bytes < 1024) return std::to_string(bytes) + " bytes";
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) value /= 1024, ++unit;
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %s", value, kUnits[unit]);
  return text;
}

}  // namespace coterie::node::cli
