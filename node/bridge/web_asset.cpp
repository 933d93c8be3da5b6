#include "node/bridge/web_asset.hpp"

#include <algorithm>

namespace coterie::node::bridge {

namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Whether `is` is true of a part of a list with commas.
template <typename Is>
bool any_part(std::string_view list, Is is) {
  for (;;) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (is(trimmed(list.substr(0, comma)))) return true;
    if (comma == list.size()) return false;
    list.remove_prefix(comma + 1);
  }
}

bool same_word(std::string_view a, std::string_view lower) {
  return std::ranges::equal(a, lower, [](char one, char other) {
    return (one >= 'A' && one <= 'Z' ? static_cast<char>(one - 'A' + 'a') : one) == other;
  });
}

/// ";q=0", ";q=0.000"
bool is_refused(std::string_view parameters) {
  std::string plain(parameters);
  std::erase_if(plain, [](char one) { return one == ' ' || one == '\t'; });
  return (plain.starts_with(";q=0") || plain.starts_with(";Q=0")) &&
         plain.find_first_not_of("0.", 3) == std::string::npos;
}

}  // namespace

std::string WebAsset::gzip_etag() const {
  if (etag.size() < 2) return {};
  return std::string(etag.substr(0, etag.size() - 1)) + "-gzip\"";
}

bool accepts_gzip(std::string_view accept_encoding) {
  return any_part(accept_encoding, [](std::string_view part) {
    const std::size_t end = std::min(part.find(';'), part.size());
    const std::string_view coding = trimmed(part.substr(0, end));
    return same_word(coding, "gzip") && !is_refused(part.substr(end));
  });
}

bool names_tag(std::string_view if_none_match, std::string_view etag) {
  if (etag.empty()) return false;
  return any_part(if_none_match, [&](std::string_view tag) {
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    return tag == "*" || tag == etag;
  });
}

}  // namespace coterie::node::bridge
