#include <cctype>
#include <chrono>
#include <ctime>

#include "node/cli/commands.hpp"

namespace coterie::node::cli {

namespace {

constexpr std::size_t kDigitsMax = 6;

/// `count` digits at `at`, or -1.
int digits(const std::string& text, std::size_t at, std::size_t count) {
  if (at + count > text.size()) return -1;
  int value = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

/// "2026-11-21", then maybe "T10:30" or "T10:30:15" (or a space), then maybe "Z".
std::optional<std::int64_t> parse_iso(std::string text) {
  const bool utc = !text.empty() && (text.back() == 'Z' || text.back() == 'z');
  if (utc) text.pop_back();
  std::tm parts{};
  const bool shaped = text.size() >= 10 && text[4] == '-' && text[7] == '-';
  if (!shaped) return std::nullopt;
  const int year = digits(text, 0, 4);
  const int month = digits(text, 5, 2);
  const int day = digits(text, 8, 2);
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (text.size() > 10) {
    if ((text[10] != 'T' && text[10] != ' ') || text.size() < 16 || text[13] != ':') {
      return std::nullopt;
    }
    hour = digits(text, 11, 2);
    minute = digits(text, 14, 2);
    if (text.size() > 16) {
      if (text.size() != 19 || text[16] != ':') return std::nullopt;
      second = digits(text, 17, 2);
    }
  }
  if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || hour > 23 ||
      minute < 0 || minute > 59 || second < 0 || second > 60) {
    return std::nullopt;
  }
  parts.tm_year = year - 1900;
  parts.tm_mon = month - 1;
  parts.tm_mday = day;
  parts.tm_hour = hour;
  parts.tm_min = minute;
  parts.tm_sec = second;
  parts.tm_isdst = -1;
  const std::time_t seconds = utc ? ::timegm(&parts) : std::mktime(&parts);
  // They make March 3 of February 31; mktime may also move the hour, where the clocks are changed.
  if (seconds < 0 || parts.tm_mon != month - 1) return std::nullopt;
  return static_cast<std::int64_t>(seconds);
}

}  // namespace

std::optional<std::uint64_t> parse_seconds(const std::string& text) {
  std::size_t count = 0;
  while (count < text.size() && text[count] >= '0' && text[count] <= '9') ++count;
  const std::string unit = text.substr(count);
  const std::uint64_t factor = unit == "s"   ? 1
                               : unit == "m" ? 60
                               : unit == "h" ? 3600
                               : unit == "d" ? 86'400
                                             : 0;
  if (count == 0 || count > kDigitsMax || factor == 0) return std::nullopt;
  return std::stoull(text.substr(0, count)) * factor;
}

std::optional<std::uint64_t> parse_since(const std::string& text) {
  const auto now =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                     std::chrono::system_clock::now().time_since_epoch())
                                     .count());
  if (const auto seconds = parse_seconds(text)) {
    return *seconds * 1000 > now ? 0 : now - *seconds * 1000;
  }
  const auto at = parse_iso(text);
  if (!at) return std::nullopt;
  return static_cast<std::uint64_t>(*at) * 1000;
}

std::string time_text(std::uint64_t millis) {
  const auto seconds = static_cast<std::time_t>(millis / 1000);
  std::tm parts{};
  char text[32] = "-";
  if (millis != 0 && ::localtime_r(&seconds, &parts) != nullptr) {
    std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts);
  }
  return text;
}

std::string ago_text(std::uint64_t millis) {
  const std::uint64_t seconds = millis / 1000;
  if (seconds < 120) return std::to_string(seconds) + " s ago";
  if (seconds < 2 * 3600) return std::to_string(seconds / 60) + " min ago";
  if (seconds < 48 * 3600) return std::to_string(seconds / 3600) + " h ago";
  return std::to_string(seconds / 86'400) + " d ago";
}

}  // namespace coterie::node::cli
