// Three-way merge of a text into edits: what somebody changed in an older version of it, done to it
// as it is now.
//
//     edits = diff_text(base, theirs);            // where base was cut and what was put in
//     carry_over(pieces, edits)                   // the same, where those characters are now
//
// Differences are looked for line by line, then word by word, and shortened by what the two sides
// of a changed word have in common; so what is put into a line beside somebody else's word leaves
// that alone. The work is bounded (kDiffSteps): what differs too much is one difference, from the
// first one to the last. That costs nobody a word, it only says less exactly which ones were kept:
// what was kept and another deletes may be back then, as what was moved always is.
//
// Source: Myers, "An O(ND) difference algorithm and its variations" (1986).

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace coterie::node {

/// Steps that diff_text() takes, about: half a second.
inline constexpr std::uint64_t kDiffSteps = 40'000'000;
/// Most differences that it looks for at once, in lines or in words.
inline constexpr std::size_t kDiffsMax = 1000;

/// `length` units from `at` on are cut out, and `insert` is put there. In UTF-16 units.
struct TextEdit {
  std::uint64_t at = 0;
  std::uint64_t length = 0;
  std::string insert;

  bool operator==(const TextEdit&) const = default;
};

/// What makes `text` of `base`: ascending, none within another. No character that people see as
/// one (a grapheme cluster) is cut apart. Precondition: both are UTF-8.
std::vector<TextEdit> diff_text(std::string_view base, std::string_view text);

/// Consecutive elements of a text in which base and what is now both are found.
struct MergePiece {
  std::uint64_t length = 0;  ///< UTF-16 units.
  bool in_base = false;
  bool now = false;
};

/// `edits` of base, as edits of what is now: ascending, to be done from the last to the first.
///
/// What is cut out is what is left of it; what others put in between stays. What is put in comes
/// after the character of base that it came after, which may be gone; a whole line comes after what
/// others put there. So what is put into text that somebody deleted stands where that was.
std::vector<TextEdit> carry_over(const std::vector<MergePiece>& pieces,
                                 const std::vector<TextEdit>& edits);

}  // namespace coterie::node
