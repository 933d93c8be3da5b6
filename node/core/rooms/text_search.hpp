// Looking for text whatever the case of its letters: ASCII, Latin-1, Latin Extended-A, Greek and
// Cyrillic, each of which has one small letter of the same length in UTF-8. Other letters are
// compared as they are.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/doc.hpp"

namespace coterie::node {

/// With small letters; as long as `utf8`.
std::string folded(std::string_view utf8);

/// What stands around [at, at + length) of `text`: of its line, some 40 characters on each side.
std::string snippet_at(std::string_view text, std::size_t at, std::size_t length);

/// The text of each root that has any, by the names of the roots: of XML what is in its elements,
/// one a line.
std::vector<std::pair<std::string, std::string>> texts_of_roots(const crdt::Doc& doc);

}  // namespace coterie::node
