#include "node/core/history/merge_text.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "crdt/base/bytes.hpp"
#include "crdt/base/utf16.hpp"

namespace coterie::node {

namespace {

// Characters.

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t bytes = 1;
};

/// Precondition: UTF-8, and `at` begins a code point.
CodePoint code_point(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[at + i]); };
  const std::uint32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  std::uint32_t value = first & (0x7fu >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) value = (value << 6) | (byte(i) & 0x3fu);
  return {value, bytes};
}

bool starts_code_point(std::string_view text, std::size_t at) {
  return at == text.size() || (static_cast<std::uint8_t>(text[at]) & 0xc0) != 0x80;
}

/// Before each of these a character begins, whatever stands before it (but for a line feed). Others
/// may belong to what stands before them: marks, joiners, flags, signs of India.
bool begins_character(std::uint32_t c) {
  struct Range {
    std::uint32_t first, last;
  };
  static constexpr std::array<Range, 14> kRanges{{{0, 0x2ff},
                                                  {0x370, 0x482},
                                                  {0x48a, 0x58f},
                                                  {0x5d0, 0x5ea},
                                                  {0x620, 0x64a},
                                                  {0x1e00, 0x1fff},
                                                  {0x2000, 0x200a},
                                                  {0x2010, 0x2027},
                                                  {0x2030, 0x205e},
                                                  {0x3000, 0x3029},
                                                  {0x3041, 0x3096},
                                                  {0x309b, 0x9fff},
                                                  {0xac00, 0xd7a3},
                                                  {0x20000, 0x3ffff}}};
  return std::ranges::any_of(kRanges,
                             [c](Range range) { return c >= range.first && c <= range.last; });
}

/// Written without blanks between words.
bool is_ideograph(std::uint32_t c) { return c >= 0x3000 && !(c >= 0xac00 && c <= 0xd7a3); }

bool is_letter(std::uint32_t c) {
  if (c < 0x80) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
  }
  return !is_ideograph(c) && !(c >= 0x2000 && c <= 0x205e);
}

/// Whether text may be cut before `at`. Precondition: a code point begins there, or it is the end.
bool may_cut(std::string_view text, std::size_t at) {
  if (at == 0 || at == text.size()) return true;
  if (text[at] == '\n' && text[at - 1] == '\r') return false;
  return begins_character(code_point(text, at).value);
}

/// How far a difference is moved at most, in bytes, so that it begins where a word does.
constexpr std::size_t kSlideMax = 1000;

// Tokens.

using Tokens = std::vector<std::string_view>;

Tokens lines_of(std::string_view text) {
  Tokens out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    // What belongs to the line feed, if anybody writes such a thing, stays with it.
    std::size_t cut = end;
    while (!may_cut(text, cut)) cut += code_point(text, cut).bytes;
    out.push_back(text.substr(0, cut));
    text.remove_prefix(cut);
  }
  return out;
}

/// Words and what is between them, a character each.
Tokens tokens_of(std::string_view text) {
  Tokens out;
  std::size_t begin = 0;
  bool in_word = false;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point(text, at);
    const bool letter = is_letter(c.value);
    if (at > begin && may_cut(text, at) && !(in_word && letter)) {
      out.push_back(text.substr(begin, at - begin));
      begin = at;
    }
    if (begins_character(c.value)) in_word = letter;
    at += c.bytes;
  }
  if (begin < text.size()) out.push_back(text.substr(begin));
  return out;
}

/// Words with the blanks after them: so that no word is taken for another one because there are
/// blanks beside both.
Tokens words_of(std::string_view text) {
  Tokens out;
  for (const std::string_view token : tokens_of(text)) {
    if (!out.empty() && (token == " " || token == "\t")) {
      out.back() = {out.back().data(), out.back().size() + token.size()};
    } else {
      out.push_back(token);
    }
  }
  return out;
}

bool share_a_word(std::string_view a, std::string_view b) {
  Tokens known = tokens_of(b);
  std::sort(known.begin(), known.end());
  const Tokens tokens = tokens_of(a);
  return std::any_of(tokens.begin(), tokens.end(), [&](std::string_view token) {
    return is_letter(code_point(token, 0).value) &&
           std::binary_search(known.begin(), known.end(), token);
  });
}

// Differences.

/// [from, from_end) of the one is [to, to_end) of the other.
struct Hunk {
  std::size_t from, from_end;
  std::size_t to, to_end;
};

using Numbers = std::span<const std::uint32_t>;

/// By Myers: the fewest differences, if they are at most kDiffsMax and found within `steps`;
/// otherwise one, of everything.
std::vector<Hunk> shortest(Numbers a, Numbers b, std::uint64_t& steps) {
  const Hunk whole{0, a.size(), 0, b.size()};
  if (a.empty() || b.empty())
    return a.empty() && b.empty() ? std::vector<Hunk>() : std::vector{whole};
  const auto n = static_cast<std::int64_t>(a.size());
  const auto m = static_cast<std::int64_t>(b.size());
  // reach[d][k]: how far along a one gets on diagonal k = x - y (from -d to d) with d differences.
  std::vector<std::vector<std::int64_t>> reach;
  const auto at = [&](std::size_t d, std::int64_t k) -> std::int64_t {
    const auto i = k + static_cast<std::int64_t>(d);
    if (i < 0 || i > 2 * static_cast<std::int64_t>(d)) return -1;
    return reach[d][static_cast<std::size_t>(i)];
  };
  /// Where one begins on diagonal k after the d-th difference, before what is equal.
  const auto begin = [&](std::size_t d, std::int64_t k) -> std::int64_t {
    if (d == 0) return k == 0 ? 0 : -1;
    const std::int64_t down = at(d - 1, k + 1);
    const std::int64_t right = at(d - 1, k - 1);
    return std::max(down, right < 0 ? -1 : right + 1);
  };
  const auto inside = [&](std::int64_t x, std::int64_t k) {
    return x >= 0 && x <= n && x - k >= 0 && x - k <= m;
  };
  bool done = false;
  for (std::size_t d = 0; d <= kDiffsMax && !done; ++d) {
    reach.emplace_back(2 * d + 1, -1);
    const auto range = static_cast<std::int64_t>(d);
    for (std::int64_t k = -range; k <= range && !done; k += 2) {
      std::int64_t x = begin(d, k);
      if (!inside(x, k)) continue;
      const std::int64_t from = x;
      while (x < n && x - k < m &&
             a[static_cast<std::size_t>(x)] == b[static_cast<std::size_t>(x - k)]) {
        ++x;
      }
      reach[d][static_cast<std::size_t>(k + range)] = x;
      const auto cost = static_cast<std::uint64_t>(x - from) + 1;
      if (cost > steps) return {whole};
      steps -= cost;
      done = x == n && x - k == m;
    }
  }
  if (!done) return {whole};
  // Back from the end, difference by difference.
  std::vector<Hunk> out;
  std::int64_t k = n - m;
  for (std::size_t d = reach.size() - 1; d > 0; --d) {
    const std::int64_t x = begin(d, k);
    const bool down = x == at(d - 1, k + 1);
    const auto from = static_cast<std::size_t>(down ? x : x - 1);
    const auto to = static_cast<std::size_t>(down ? x - k - 1 : x - k);
    const Hunk one{from, from + (down ? 0u : 1u), to, to + (down ? 1u : 0u)};
    if (!out.empty() && out.back().from == one.from_end && out.back().to == one.to_end) {
      out.back().from = one.from;
      out.back().to = one.to;
    } else {
      out.push_back(one);
    }
    k += down ? 1 : -1;
  }
  std::reverse(out.begin(), out.end());
  return out;
}

/// A part of base, in bytes, and what is in its place.
struct Change {
  std::size_t at = 0;
  std::string_view removed;
  std::string_view inserted;
};

class Differ {
 public:
  explicit Differ(std::string_view base) : base_(base) {}

  std::vector<Change> run(std::string_view text) {
    compare({0, base_, text}, lines_of, [this](const Change& lines) {
      compare(lines, words_of, [this](const Change& words) {
        if (!share_a_word(words.removed, words.inserted)) return add(words);
        compare(words, tokens_of, [this](const Change& tokens) { add(tokens); });
      });
    });
    for (std::size_t i = 0; i < changes_.size(); ++i) {
      const Change* before = i == 0 ? nullptr : &changes_[i - 1];
      const Change* after = i + 1 == changes_.size() ? nullptr : &changes_[i + 1];
      slide(changes_[i], before == nullptr ? 0 : before->at + before->removed.size(),
            after == nullptr ? base_.size() : after->at, text);
    }
    return std::move(changes_);
  }

 private:
  template <typename Cut, typename Each>
  void compare(const Change& part, Cut cut, Each each) {
    const Tokens from = cut(part.removed);
    const Tokens to = cut(part.inserted);
    std::size_t head = 0;
    while (head < from.size() && head < to.size() && from[head] == to[head]) ++head;
    std::size_t tail = 0;
    while (tail < from.size() - head && tail < to.size() - head &&
           from[from.size() - 1 - tail] == to[to.size() - 1 - tail]) {
      ++tail;
    }
    const std::span<const std::string_view> a(from.data() + head, from.size() - head - tail);
    const std::span<const std::string_view> b(to.data() + head, to.size() - head - tail);
    const auto [first, second] = numbered(a, b);
    for (const Hunk& hunk : shortest(first, second, steps_)) {
      const std::string_view removed =
          span_of(part.removed, from, head + hunk.from, head + hunk.from_end);
      const std::string_view inserted =
          span_of(part.inserted, to, head + hunk.to, head + hunk.to_end);
      each(Change{part.at + static_cast<std::size_t>(removed.data() - part.removed.data()), removed,
                  inserted});
    }
  }

  /// Equal tokens have equal numbers. Sorted, because a hash of what strangers choose may be slow.
  static std::pair<std::vector<std::uint32_t>, std::vector<std::uint32_t>> numbered(
      std::span<const std::string_view> from, std::span<const std::string_view> to) {
    Tokens known(from.begin(), from.end());
    known.insert(known.end(), to.begin(), to.end());
    std::sort(known.begin(), known.end());
    known.erase(std::unique(known.begin(), known.end()), known.end());
    const auto number = [&](std::span<const std::string_view> tokens) {
      std::vector<std::uint32_t> out;
      out.reserve(tokens.size());
      for (const std::string_view token : tokens) {
        const auto found = std::lower_bound(known.begin(), known.end(), token);
        out.push_back(static_cast<std::uint32_t>(found - known.begin()));
      }
      return out;
    };
    return {number(from), number(to)};
  }

  static std::string_view span_of(std::string_view whole, const Tokens& tokens, std::size_t first,
                                  std::size_t end) {
    const auto offset = [&](std::size_t i) {
      return i == tokens.size() ? whole.size()
                                : static_cast<std::size_t>(tokens[i].data() - whole.data());
    };
    return whole.substr(offset(first), offset(end) - offset(first));
  }

  /// Words that are alike are one that was changed: only what differs is. Others are two words, and
  /// whole: so that, where somebody deletes the one meanwhile, nothing is missing from the other.
  void add(Change change) {
    std::string_view& from = change.removed;
    std::string_view& to = change.inserted;
    const auto may_cut_both = [&](std::size_t a, std::size_t b) {
      return starts_code_point(from, a) && starts_code_point(to, b) && may_cut(from, a) &&
             may_cut(to, b);
    };
    const auto first = std::mismatch(from.begin(), from.end(), to.begin(), to.end()).first;
    auto head = static_cast<std::size_t>(first - from.begin());
    while (!may_cut_both(head, head)) --head;
    const auto from_rest = from.substr(head);
    const auto to_rest = to.substr(head);
    const auto last =
        std::mismatch(from_rest.rbegin(), from_rest.rend(), to_rest.rbegin(), to_rest.rend()).first;
    auto tail = static_cast<std::size_t>(last - from_rest.rbegin());
    while (!may_cut_both(from.size() - tail, to.size() - tail)) --tail;
    if (2 * (head + tail) >= std::max(from.size(), to.size())) {
      change.at += head;
      from = from.substr(head, from.size() - head - tail);
      to = to.substr(head, to.size() - head - tail);
    }
    if (!from.empty() || !to.empty()) changes_.push_back(change);
  }

  /// What is only put in, or only cut out, may often be seen as beginning at several places ("the "
  /// in "the the end"): at the beginning of a line or a word it is what people did.
  void slide(Change& change, std::size_t least, std::size_t most, std::string_view text) {
    const bool inserts = change.removed.empty();
    if (!inserts && !change.inserted.empty()) return;
    // `part` is a stretch of `whole`: of text, or of base.
    const std::string_view whole = inserts ? text : base_;
    const std::string_view part = inserts ? change.inserted : change.removed;
    const auto begin = static_cast<std::int64_t>(part.data() - whole.data());
    const auto length = static_cast<std::int64_t>(part.size());
    const auto at = [&](std::int64_t i) { return whole[static_cast<std::size_t>(i)]; };
    const auto far = static_cast<std::int64_t>(kSlideMax);
    std::int64_t low = 0;
    while (low > -far &&
           static_cast<std::int64_t>(change.at) + low > static_cast<std::int64_t>(least) &&
           at(begin + low - 1) == at(begin + low + length - 1)) {
      --low;
    }
    std::int64_t high = 0;
    const auto room = static_cast<std::int64_t>(most) -
                      static_cast<std::int64_t>(change.at + change.removed.size());
    while (high < far && high < room && at(begin + high) == at(begin + high + length)) ++high;
    std::int64_t best = 0;
    int best_score = -1;
    for (std::int64_t step = high; step >= low; --step) {
      const auto first = static_cast<std::size_t>(begin + step);
      const std::size_t end = first + part.size();
      if (!starts_code_point(whole, first) || !starts_code_point(whole, end)) continue;
      if (!may_cut(whole, first) || !may_cut(whole, end)) continue;
      const char before = first == 0 ? '\n' : whole[first - 1];
      const int score = before == '\n' ? 2 : before == ' ' || before == '\t' ? 1 : 0;
      if (score > best_score || (score == best_score && step == 0)) {
        best = step;
        best_score = score;
      }
    }
    if (best_score < 0) return;
    change.at = static_cast<std::size_t>(static_cast<std::int64_t>(change.at) + best);
    (inserts ? change.inserted : change.removed) =
        whole.substr(static_cast<std::size_t>(begin + best), part.size());
  }

  std::string_view base_;
  std::uint64_t steps_ = kDiffSteps;
  std::vector<Change> changes_;
};

bool is_whole_line(std::string_view text) {
  return text.starts_with('\n') || text.starts_with("\r\n") || text.ends_with('\n');
}

/// Goes through the pieces, at a place in base and in what is now.
class Cursor {
 public:
  explicit Cursor(const std::vector<MergePiece>& pieces) : pieces_(pieces) {}

  std::uint64_t now() const { return now_; }

  /// To right behind the unit of base before `at`.
  void to_base(std::uint64_t at) {
    while (base_ < at) (void)step(at - base_);
  }
  /// Past what is not in base.
  void skip_foreign() {
    while (next_ < pieces_.size() && !pieces_[next_].in_base) (void)step(0);
  }

  struct Step {
    std::uint64_t at = 0;      ///< In what is now.
    std::uint64_t length = 0;  ///< Units that are there in both.
  };
  /// Over at most `most` units of one piece, or all of one that is not in base.
  Step step(std::uint64_t most) {
    const MergePiece& piece = pieces_[next_];
    const std::uint64_t units = piece.in_base ? std::min(most, piece.length - done_) : piece.length;
    const Step out{now_, piece.in_base && piece.now ? units : 0};
    if (piece.in_base) base_ += units;
    if (piece.now) now_ += units;
    done_ += units;
    if (done_ == piece.length) {
      ++next_;
      done_ = 0;
    }
    return out;
  }
  std::uint64_t base() const { return base_; }

 private:
  const std::vector<MergePiece>& pieces_;
  std::size_t next_ = 0;
  std::uint64_t done_ = 0;  ///< Of the next piece.
  std::uint64_t base_ = 0;
  std::uint64_t now_ = 0;
};

}  // namespace

std::vector<TextEdit> diff_text(std::string_view base, std::string_view text) {
  std::vector<TextEdit> out;
  std::size_t byte = 0;
  std::uint64_t unit = 0;
  for (const Change& change : Differ(base).run(text)) {
    unit += utf16_length(as_bytes(base.substr(byte, change.at - byte)));
    const std::uint64_t length = utf16_length(as_bytes(change.removed));
    out.push_back({unit, length, std::string(change.inserted)});
    byte = change.at + change.removed.size();
    unit += length;
  }
  return out;
}

std::vector<TextEdit> carry_over(const std::vector<MergePiece>& pieces,
                                 const std::vector<TextEdit>& edits) {
  std::vector<TextEdit> out;
  Cursor cursor(pieces);
  for (const TextEdit& edit : edits) {
    cursor.to_base(edit.at);
    if (edit.length == 0 && is_whole_line(edit.insert)) cursor.skip_foreign();
    if (!edit.insert.empty()) out.push_back({cursor.now(), 0, edit.insert});
    const std::uint64_t end = edit.at + edit.length;
    while (cursor.base() < end) {
      const Cursor::Step step = cursor.step(end - cursor.base());
      if (step.length == 0) continue;
      if (!out.empty() && out.back().at + out.back().length == step.at) {
        out.back().length += step.length;
      } else {
        out.push_back({step.at, step.length, ""});
      }
    }
  }
  return out;
}

}  // namespace coterie::node
