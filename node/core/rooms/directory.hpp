// Directory: which document has which name.
//
// A document claims the path where it was made, or that it was moved to. Where several claim one,
// the first keeps it: by when they did, then by id. The others are called "notes (2).md",
// "notes (3).md" in that order, past what is claimed by itself. So names follow from the claims
// alone, the same on each replica, and each document that claims one has one of its own.
//
// Pure and single-threaded. Memory: some 300 bytes and two paths for each document.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "transport/wire/ids.hpp"

namespace coterie::node {

class Directory {
 public:
  struct Claim {
    std::string path;
    std::uint64_t since = 0;

    bool operator==(const Claim&) const = default;
  };

  /// Nothing: it claims none. Cost: O(log documents) and those that claim the same.
  void set(const DocumentId& document, std::optional<Claim> claim);

  std::optional<DocumentId> find(std::string_view name) const;
  /// Null: it has none. Valid until the next set().
  const std::string* name_of(const DocumentId& document) const;
  using Names = std::map<std::string, DocumentId, std::less<>>;
  const Names& names() const { return names_; }

  /// The n-th of a name: "notes (2).md" of "notes.md".
  static std::string numbered(std::string_view path, std::size_t n);
  /// Of what path `name` is the n-th, if of any.
  static std::optional<std::string> unnumbered(std::string_view name);

 private:
  struct Named {
    Claim claim;
    std::string name;
  };
  using Claimants = std::set<std::pair<std::uint64_t, DocumentId>>;

  void name_anew(const std::set<std::string>& paths);

  std::map<DocumentId, Named> documents_;
  std::map<std::string, Claimants, std::less<>> claims_;
  Names names_;
};

}  // namespace coterie::node
