#include "node/core/rooms/directory.hpp"

#include <algorithm>

namespace coterie::node {
namespace {

/// Where the number of a name goes: before the ending of its last segment.
std::size_t number_place(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  const std::size_t begin = slash == std::string_view::npos ? 0 : slash + 1;
  const std::size_t dot = path.rfind('.');
  return dot == std::string_view::npos || dot <= begin ? path.size() : dot;
}

}  // namespace

std::string Directory::numbered(std::string_view path, std::size_t n) {
  const std::size_t place = number_place(path);
  std::string name(path.substr(0, place));
  name += " (" + std::to_string(n) + ")";
  name += path.substr(place);
  return name;
}

std::optional<std::string> Directory::unnumbered(std::string_view name) {
  const std::size_t place = number_place(name);
  const std::string_view stem = name.substr(0, place);
  const std::size_t open = stem.rfind(" (");
  if (open == std::string_view::npos || open == 0 || stem.back() != ')') return std::nullopt;
  const std::string_view digits = stem.substr(open + 2, stem.size() - open - 3);
  const bool number = !digits.empty() && digits.size() <= 9 && digits[0] != '0' && digits != "1" &&
                      digits.find_first_not_of("0123456789") == std::string_view::npos;
  if (!number) return std::nullopt;
  std::string path(stem.substr(0, open));
  path += name.substr(place);
  // What was cut off may have been what made it a name with an ending, or a segment.
  if (numbered(path, std::stoul(std::string(digits))) != name) return std::nullopt;
  return path;
}

void Directory::set(const DocumentId& document, std::optional<Claim> claim) {
  const auto known = documents_.find(document);
  const bool had = known != documents_.end();
  if (had ? claim == known->second.claim : !claim) return;
  std::set<std::string> touched;
  const auto touch = [&](const std::string& path) {
    touched.insert(path);
    // Others of a shared path may have had that name, or may have it now.
    if (const auto base = unnumbered(path); base && claims_.contains(*base)) touched.insert(*base);
  };
  if (had) {
    const Claim old = known->second.claim;
    touch(old.path);
    names_.erase(known->second.name);
    auto& claimants = claims_.at(old.path);
    claimants.erase({old.since, document});
    if (claimants.empty()) claims_.erase(old.path);
    documents_.erase(known);
  }
  if (claim) {
    claims_[claim->path].emplace(claim->since, document);
    touch(claim->path);
    documents_[document].claim = *std::move(claim);
  }
  name_anew(touched);
}

void Directory::name_anew(const std::set<std::string>& paths) {
  for (const std::string& path : paths) {
    const auto claimants = claims_.find(path);
    if (claimants == claims_.end()) continue;
    for (const auto& [since, document] : claimants->second) {
      names_.erase(documents_.at(document).name);
    }
  }
  for (const std::string& path : paths) {
    const auto claimants = claims_.find(path);
    if (claimants == claims_.end()) continue;
    std::size_t n = 1;
    for (const auto& [since, document] : claimants->second) {
      std::string name = path;
      while (n > 1 && claims_.contains(name = numbered(path, n))) ++n;
      ++n;
      names_.insert_or_assign(name, document);
      documents_.at(document).name = std::move(name);
    }
  }
}

std::optional<DocumentId> Directory::find(std::string_view name) const {
  const auto found = names_.find(name);
  return found == names_.end() ? std::nullopt : std::optional(found->second);
}

const std::string* Directory::name_of(const DocumentId& document) const {
  const auto found = documents_.find(document);
  return found == documents_.end() ? nullptr : &found->second.name;
}

}  // namespace coterie::node
