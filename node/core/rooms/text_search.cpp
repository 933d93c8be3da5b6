#include "node/core/rooms/text_search.hpp"

#include <algorithm>
#include <cstdint>

#include "crdt/any.hpp"
#include "crdt/xml.hpp"

namespace coterie::node {
namespace {

constexpr std::size_t kAroundBytes = 40;

/// Of letters that take two bytes.
std::uint32_t small_letter(std::uint32_t c) {
  if (c >= 0xc0 && c <= 0xde && c != 0xd7) return c + 0x20;  // Latin-1
  const bool odd_pairs = (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e);
  if (odd_pairs) return c + (c & 1);
  const bool even_pairs =
      (c >= 0x100 && c <= 0x137 && c != 0x130 && c != 0x131) || (c >= 0x14a && c <= 0x177);
  if (even_pairs) return c | 1;
  if (c == 0x178) return 0xff;
  if (c >= 0x391 && c <= 0x3a9) return c + 0x20;  // Greek
  if (c >= 0x410 && c <= 0x42f) return c + 0x20;  // Cyrillic
  if (c >= 0x400 && c <= 0x40f) return c + 0x50;
  return c;
}

bool continues(char c) { return (static_cast<std::uint8_t>(c) & 0xc0) == 0x80; }

void append_xml(const crdt::XmlFragment& fragment, std::string& out, int depth) {
  if (depth > static_cast<int>(crdt::kAnyDepthMax)) return;
  for (const crdt::SharedType& child : fragment.children()) {
    if (child.kind() == crdt::TypeKind::kXmlText) {
      out += child.as_text().to_string();
    } else if (child.kind() == crdt::TypeKind::kXmlElement) {
      append_xml(child.as_xml_element(), out, depth + 1);
      if (!out.empty() && out.back() != '\n') out += '\n';
    }
  }
}

}  // namespace

std::string folded(std::string_view utf8) {
  std::string out(utf8);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto byte = static_cast<std::uint8_t>(out[i]);
    if (byte >= 'A' && byte <= 'Z') {
      out[i] = static_cast<char>(byte + 0x20);
    } else if (byte >= 0xc3 && byte <= 0xd1 && i + 1 < out.size()) {
      const std::uint32_t letter =
          (byte & 0x1fu) << 6 | (static_cast<std::uint8_t>(out[i + 1]) & 0x3fu);
      const std::uint32_t small = small_letter(letter);
      out[i] = static_cast<char>(0xc0 | small >> 6);
      out[++i] = static_cast<char>(0x80 | (small & 0x3f));
    }
  }
  return out;
}

std::string snippet_at(std::string_view text, std::size_t at, std::size_t length) {
  std::size_t begin = at > kAroundBytes ? at - kAroundBytes : 0;
  std::size_t end = std::min(text.size(), at + length + kAroundBytes);
  const std::size_t line = at == 0 ? std::string_view::npos : text.rfind('\n', at - 1);
  if (line != std::string_view::npos) begin = std::max(begin, line + 1);
  end = std::min(end, text.find('\n', at + length));
  while (begin < at && continues(text[begin])) ++begin;
  while (end < text.size() && continues(text[end])) --end;
  return std::string(text.substr(begin, end - begin));
}

std::vector<std::pair<std::string, std::string>> texts_of_roots(const crdt::Doc& doc) {
  std::vector<std::pair<std::string, std::string>> texts;
  for (const std::string& name : doc.root_names()) {
    std::string text = doc.root_text(name);
    if (text.empty()) append_xml(doc.root(name)->as_xml_fragment(), text, 0);
    if (!text.empty()) texts.emplace_back(name, std::move(text));
  }
  std::sort(texts.begin(), texts.end());
  return texts;
}

}  // namespace coterie::node
