// The target of an HTTP request ("/sync/demo/notes/to%20do.md?saved=1"), taken apart.

#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/base/result.hpp"

namespace coterie::node::bridge {

struct RequestTarget {
  std::string path;                          ///< As sent, without the query.
  std::vector<std::string> segments;         ///< Between the slashes, percent-decoded.
  std::map<std::string, std::string> query;  ///< Percent-decoded; of repeated names, the first.

  /// Segments from `first` on, joined with '/': a document path.
  std::string tail(std::size_t first) const;
};

/// Errors: kMalformed (does not begin with '/', holds control characters, a bad percent escape, a
/// NUL).
Result<RequestTarget> parse_request_target(std::string_view target);

}  // namespace coterie::node::bridge
