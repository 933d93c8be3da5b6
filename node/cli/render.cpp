#include "node/cli/render.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string_view>
#include <utility>
#include <variant>

#include "crdt/decoded_update.hpp"

namespace coterie::node::cli {

namespace {

using crdt::Any;
using crdt::Doc;
using crdt::SharedType;
using crdt::TypeKind;

// --- What a document says, whatever editor wrote it ------------------------------------------

struct Run {
  std::string text;
  bool bold = false;
  bool italic = false;
  bool strike = false;
  bool underline = false;
  bool code = false;
  std::string link = {};
  std::string image = {};  ///< Its address; then `text` is what is shown instead.

  bool operator==(const Run&) const = default;
};

struct Block {
  enum class Kind : std::uint8_t { kParagraph, kHeading, kBullet, kNumber, kQuote, kCode, kRule };
  Kind kind = Kind::kParagraph;
  int level = 0;  ///< Of a heading; of a list item its depth, from 0.
  std::vector<Run> runs;
};

bool is_set(const Any& value) {
  if (const auto* flag = value.get_if<bool>()) return *flag;
  return !value.is_null() && !value.is_undefined();
}

std::string text_in(const Any& value, std::string_view member) {
  if (const auto* text = value.get_if<std::string>()) return *text;
  if (const auto* object = value.get_if<Any::Object>()) {
    for (const auto& [name, held] : *object) {
      if (name != member) continue;
      if (const auto* text = held.get_if<std::string>()) return *text;
    }
  }
  return "";
}

/// The number in `value`, or 0.
int number_in(const Any& value) {
  if (const auto* number = value.get_if<double>()) {
    return *number >= 1 && *number <= 100 ? static_cast<int>(*number) : 0;
  }
  if (const auto* text = value.get_if<std::string>()) {
    return !text->empty() && (*text)[0] >= '1' && (*text)[0] <= '9' ? (*text)[0] - '0' : 0;
  }
  return 0;
}

Run marked(std::string text, const crdt::Attributes& attributes) {
  Run run{.text = std::move(text)};
  for (const auto& [name, value] : attributes) {
    if (!is_set(value)) continue;
    if (name == "bold" || name == "strong") run.bold = true;
    if (name == "italic" || name == "em") run.italic = true;
    if (name == "strike" || name == "strikethrough" || name == "s") run.strike = true;
    if (name == "underline" || name == "u") run.underline = true;
    if (name == "code") run.code = true;
    if (name == "link" || name == "a") run.link = text_in(value, "href");
  }
  return run;
}

std::vector<Run> runs_of(const crdt::Text& text) {
  std::vector<Run> runs;
  for (const crdt::TextRun& one : text.to_delta()) {
    if (const auto* string = std::get_if<std::string>(&one.insert)) {
      runs.push_back(marked(*string, one.attributes));
    } else if (const auto* embed = std::get_if<Any>(&one.insert)) {
      Run run{.text = embed->to_json()};
      if (const auto* object = embed->get_if<Any::Object>()) {
        for (const auto& [name, value] : *object) {
          if (name == "image") run = Run{.text = "image", .image = text_in(value, "src")};
        }
      }
      runs.push_back(std::move(run));
    }
  }
  return runs;
}

/// Quill: the attributes of a line are those of its line break.
std::vector<Block> blocks_of_text(const crdt::Text& text) {
  std::vector<Block> blocks;
  Block line;
  const auto end_line = [&](const crdt::Attributes& attributes) {
    for (const auto& [name, value] : attributes) {
      if (!is_set(value)) continue;
      if (name == "header") line.kind = Block::Kind::kHeading, line.level = number_in(value);
      if (name == "blockquote") line.kind = Block::Kind::kQuote;
      if (name == "code-block") line.kind = Block::Kind::kCode;
      if (name == "list") {
        const bool ordered = text_in(value, "") == "ordered";
        line.kind = ordered ? Block::Kind::kNumber : Block::Kind::kBullet;
      }
    }
    for (const auto& [name, value] : attributes) {
      if (name == "indent" && line.kind != Block::Kind::kHeading) line.level = number_in(value);
    }
    blocks.push_back(std::exchange(line, {}));
  };
  for (const crdt::TextRun& one : text.to_delta()) {
    const auto* string = std::get_if<std::string>(&one.insert);
    if (string == nullptr) {
      if (const auto* embed = std::get_if<Any>(&one.insert)) {
        line.runs.push_back({.text = embed->to_json()});
      }
      continue;
    }
    std::size_t at = 0;
    for (;;) {
      const std::size_t end = string->find('\n', at);
      const std::string part = string->substr(at, end - at);
      if (!part.empty()) line.runs.push_back(marked(part, one.attributes));
      if (end == std::string::npos) break;
      end_line(one.attributes);
      at = end + 1;
    }
  }
  if (!line.runs.empty()) blocks.push_back(std::move(line));
  return blocks;
}

std::string lower_letters(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c >= 'A' && c <= 'Z') out += static_cast<char>(c - 'A' + 'a');
    if (c >= 'a' && c <= 'z') out += c;
  }
  return out;
}

Any attribute_of(const crdt::XmlElement& element, std::string_view name) {
  const auto value = element.get_attribute(name);
  if (!value) return {};
  const auto* any = std::get_if<Any>(&*value);
  return any == nullptr ? Any() : *any;
}

class XmlBlocks {
 public:
  std::vector<Block> take(const crdt::XmlFragment& fragment) {
    walk(fragment, Block::Kind::kParagraph, 0, 0);
    flush({});
    return std::move(blocks_);
  }

 private:
  void flush(Block next) {
    if (open_) blocks_.push_back(std::move(current_));
    current_ = std::move(next);
    open_ = false;
  }

  void begin(Block::Kind kind, int level) {
    flush({kind, level, {}});
    open_ = true;
  }

  /// `kind` is what a paragraph in here is: an item of a list, a quote.
  void walk(const crdt::XmlFragment& fragment, Block::Kind kind, int level, int depth) {
    if (depth > static_cast<int>(crdt::kAnyDepthMax)) return;
    for (const SharedType& child : fragment.children()) {
      if (child.kind() == TypeKind::kXmlText) {
        if (!open_) begin(kind, level);
        for (Run& run : runs_of(child.as_text())) current_.runs.push_back(std::move(run));
      } else if (child.kind() == TypeKind::kXmlElement) {
        element(child.as_xml_element(), kind, level, depth + 1);
      }
    }
  }

  void element(const crdt::XmlElement& one, Block::Kind kind, int level, int depth) {
    const std::string name = lower_letters(one.node_name());
    const bool in_list = kind == Block::Kind::kBullet || kind == Block::Kind::kNumber;
    if (name == "hardbreak" || name == "br") {
      if (!open_) begin(kind, level);
      current_.runs.push_back({.text = "\n"});
    } else if (name == "image" || name == "img") {
      if (!open_) begin(kind, level);
      const std::string alt = text_in(attribute_of(one, "alt"), "");
      current_.runs.push_back(
          {.text = alt.empty() ? "image" : alt, .image = text_in(attribute_of(one, "src"), "")});
    } else if (name == "horizontalrule" || name == "hr") {
      begin(Block::Kind::kRule, 0);
      flush({});
    } else if (name == "heading" || (name == "h" && one.node_name().size() == 2)) {
      const int said =
          name == "h" ? one.node_name()[1] - '0' : number_in(attribute_of(one, "level"));
      begin(Block::Kind::kHeading, std::clamp(said, 1, 6));
      walk(one, kind, level, depth);
      flush({});
    } else if (name == "bulletlist" || name == "ul" || name == "tasklist") {
      walk(one, Block::Kind::kBullet, in_list ? level + 1 : 0, depth);
    } else if (name == "orderedlist" || name == "ol") {
      walk(one, Block::Kind::kNumber, in_list ? level + 1 : 0, depth);
    } else if (name == "blockquote") {
      walk(one, Block::Kind::kQuote, level, depth);
    } else if (name == "codeblock" || name == "pre") {
      begin(Block::Kind::kCode, 0);
      walk(one, kind, level, depth);
      flush({});
    } else if (name == "listitem" || name == "li" || name == "taskitem") {
      begin(kind, level);
      first_in_item_ = true;
      walk(one, kind, level, depth);
      flush({});
    } else if (name == "paragraph" || name == "p") {
      // The first paragraph of a list item is the item itself.
      if (!(open_ && first_in_item_ && current_.runs.empty())) begin(kind, level);
      first_in_item_ = false;
      walk(one, kind, level, depth);
      flush({});
    } else {
      walk(one, kind, level, depth);
    }
  }

  std::vector<Block> blocks_;
  Block current_;
  bool open_ = false;
  bool first_in_item_ = false;
};

bool is_plain(const crdt::Text& text) {
  for (const crdt::TextRun& one : text.to_delta()) {
    if (!one.attributes.empty() || !std::holds_alternative<std::string>(one.insert)) return false;
  }
  return true;
}

// --- Roots -----------------------------------------------------------------------------------

struct Votes {
  bool text = false;
  bool xml = false;
  bool keys = false;
  bool values = false;
};

void vote(const crdt::DecodedStruct& one, Votes& votes) {
  if (one.key) {
    votes.keys = true;
    return;
  }
  switch (one.kind) {
    case crdt::StructKind::kString:
    case crdt::StructKind::kFormat:
    case crdt::StructKind::kEmbed:
      votes.text = true;
      break;
    case crdt::StructKind::kType:
      (one.type == TypeKind::kXmlElement || one.type == TypeKind::kXmlText ||
               one.type == TypeKind::kXmlHook
           ? votes.xml
           : votes.values) = true;
      break;
    case crdt::StructKind::kJson:
    case crdt::StructKind::kAny:
    case crdt::StructKind::kBinary:
    case crdt::StructKind::kDoc:
      votes.values = true;
      break;
    case crdt::StructKind::kGc:
    case crdt::StructKind::kDeleted:
    case crdt::StructKind::kSkip:
      break;
  }
}

// --- Out -------------------------------------------------------------------------------------

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

/// Whether a browser may follow it: no scripts.
bool is_safe_link(const std::string& link) {
  const std::size_t colon = link.find_first_of(":/?#");
  if (colon == std::string::npos || link[colon] != ':') return true;
  std::string scheme = lower_letters(link.substr(0, colon));
  return scheme == "http" || scheme == "https" || scheme == "mailto";
}

std::string html_run(const Run& run) {
  if (!run.image.empty()) {
    if (!is_safe_link(run.image)) return escaped(run.text);
    return "<img src=\"" + escaped(run.image) + "\" alt=\"" + escaped(run.text) + "\">";
  }
  std::string out = escaped(run.text);
  for (std::size_t at = 0; (at = out.find('\n', at)) != std::string::npos; at += 5) {
    out.replace(at, 1, "<br>\n");
  }
  const auto wrap = [&](bool wanted, const char* tag) {
    if (wanted) out = std::string("<") + tag + ">" + out + "</" + tag + ">";
  };
  wrap(run.code, "code");
  wrap(run.strike, "s");
  wrap(run.underline, "u");
  wrap(run.italic, "em");
  wrap(run.bold, "strong");
  if (!run.link.empty() && is_safe_link(run.link)) {
    out = "<a href=\"" + escaped(run.link) + "\">" + out + "</a>";
  }
  return out;
}

std::string plain(const Block& block) {
  std::string out;
  for (const Run& run : block.runs) out += run.text;
  return out;
}

std::string html_blocks(const std::vector<Block>& blocks) {
  using Kind = Block::Kind;
  std::string out;
  std::vector<std::pair<Kind, int>> lists;  ///< Open, each in an item of the one before; its level.
  const auto close_list = [&] {
    out += lists.back().first == Kind::kBullet ? "</li>\n</ul>\n" : "</li>\n</ol>\n";
    lists.pop_back();
  };
  const auto begin_item = [&](const Block& block) {
    while (!lists.empty() && lists.back().second > block.level) close_list();
    const bool goes_on = !lists.empty() && lists.back().second == block.level;
    if (goes_on && lists.back().first == block.kind) {
      out += "</li>\n";
      return;
    }
    if (goes_on) close_list();
    if (!lists.empty() && out.back() != '\n') out += '\n';
    out += block.kind == Kind::kBullet ? "<ul>\n" : "<ol>\n";
    lists.emplace_back(block.kind, block.level);
  };
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const Block& block = blocks[i];
    std::string inside;
    for (const Run& run : block.runs) inside += html_run(run);
    const bool item = block.kind == Kind::kBullet || block.kind == Kind::kNumber;
    if (item) begin_item(block);
    while (!item && !lists.empty()) close_list();
    switch (block.kind) {
      case Kind::kParagraph:
        out += "<p>" + inside + "</p>\n";
        break;
      case Kind::kHeading: {
        const std::string tag = "h" + std::to_string(std::clamp(block.level, 1, 6));
        out += "<" + tag + ">" + inside + "</" + tag + ">\n";
        break;
      }
      case Kind::kBullet:
      case Kind::kNumber:
        out += "<li>" + inside;  // Lists further in stand in it.
        break;
      case Kind::kQuote:
        out += "<blockquote><p>" + inside + "</p></blockquote>\n";
        break;
      case Kind::kCode: {
        std::string code = plain(block);
        while (i + 1 < blocks.size() && blocks[i + 1].kind == Kind::kCode) {
          code += "\n" + plain(blocks[++i]);
        }
        out += "<pre><code>" + escaped(code) + "</code></pre>\n";
        break;
      }
      case Kind::kRule:
        out += "<hr>\n";
        break;
    }
  }
  while (!lists.empty()) close_list();
  return out;
}

/// What would mean something in Markdown gets a backslash.
std::string markdown_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\`*_[]<>").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string markdown_run(const Run& run) {
  if (!run.image.empty()) return "![" + markdown_escaped(run.text) + "](" + run.image + ")";
  if (run.text == "\n") return "\\\n";
  // Marks do not hold around spaces.
  const std::size_t first = run.text.find_first_not_of(' ');
  if (first == std::string::npos) return run.text;
  const std::size_t last = run.text.find_last_not_of(' ');
  const std::string core = run.text.substr(first, last - first + 1);
  std::string out = run.code ? "`" + core + "`" : markdown_escaped(core);
  if (run.strike) out = "~~" + out + "~~";
  if (run.italic) out = "*" + out + "*";
  if (run.bold) out = "**" + out + "**";
  if (!run.link.empty()) out = "[" + out + "](" + run.link + ")";
  return run.text.substr(0, first) + out + run.text.substr(last + 1);
}

std::string markdown_blocks(const std::vector<Block>& blocks) {
  using Kind = Block::Kind;
  std::string out;
  std::map<int, int> numbers;  ///< By depth: of the last item.
  const auto is_item = [](const Block& block) {
    return block.kind == Kind::kBullet || block.kind == Kind::kNumber;
  };
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const Block& block = blocks[i];
    const bool list_goes_on = i > 0 && is_item(block) && is_item(blocks[i - 1]);
    if (i > 0 && !list_goes_on) out += "\n";
    if (!is_item(block)) numbers.clear();
    numbers.erase(numbers.upper_bound(block.level), numbers.end());
    std::string inside;
    if (block.kind != Kind::kCode) {
      for (const Run& run : block.runs) inside += markdown_run(run);
    }
    const std::string indent(static_cast<std::size_t>(std::max(block.level, 0)) * 4, ' ');
    switch (block.kind) {
      case Kind::kParagraph:
        // What would be a heading, a list or a quote at the start of a line is none here.
        if (!inside.empty() && std::string_view("#-+>").find(inside[0]) != std::string_view::npos) {
          out += '\\';
        }
        out += inside + "\n";
        break;
      case Kind::kHeading:
        out += std::string(static_cast<std::size_t>(std::clamp(block.level, 1, 6)), '#') + " " +
               inside + "\n";
        break;
      case Kind::kBullet:
        out += indent + "- " + inside + "\n";
        break;
      case Kind::kNumber:
        out += indent + std::to_string(++numbers[block.level]) + ". " + inside + "\n";
        break;
      case Kind::kQuote:
        out += "> " + inside + "\n";
        break;
      case Kind::kCode:
        out += "```\n" + plain(block) + "\n";
        while (i + 1 < blocks.size() && blocks[i + 1].kind == Kind::kCode) {
          out += plain(blocks[++i]) + "\n";
        }
        out += "```\n";
        break;
      case Kind::kRule:
        out += "---\n";
        break;
    }
  }
  return out;
}

std::string text_blocks(const std::vector<Block>& blocks) {
  std::string out;
  for (const Block& block : blocks) out += plain(block) + "\n";
  return out;
}

Any delta_of(const crdt::Text& text) {
  Any::Array ops;
  for (const crdt::TextRun& run : text.to_delta()) {
    Any::Object op;
    if (const auto* string = std::get_if<std::string>(&run.insert)) {
      op.emplace_back("insert", Any(*string));
    } else if (const auto* value = std::get_if<Any>(&run.insert)) {
      op.emplace_back("insert", *value);
    } else {
      op.emplace_back("insert", std::get<SharedType>(run.insert).to_json());
    }
    if (!run.attributes.empty()) op.emplace_back("attributes", Any(run.attributes));
    ops.emplace_back(std::move(op));
  }
  return Any(std::move(ops));
}

std::string json_of(Doc& doc, const DocumentRoot& root) {
  const SharedType type = doc.get(root.name, root.kind);
  return (root.kind == TypeKind::kText ? delta_of(type.as_text()) : type.to_json()).to_json();
}

/// Each root by `text`, `blocks` or as JSON, one after the other.
template <typename Plain, typename Rich, typename Data>
std::string each(Doc& doc, const std::vector<DocumentRoot>& roots, Plain as_plain, Rich as_rich,
                 Data as_data) {
  std::string out;
  for (const DocumentRoot& root : roots) {
    const SharedType type = doc.get(root.name, root.kind);
    if (root.kind == TypeKind::kXmlFragment) {
      out += as_rich(XmlBlocks().take(type.as_xml_fragment()));
    } else if (root.kind != TypeKind::kText) {
      out += as_data(json_of(doc, root));
    } else if (is_plain(type.as_text())) {
      out += as_plain(type.as_text().to_string());
    } else {
      out += as_rich(blocks_of_text(type.as_text()));
    }
  }
  return out;
}

}  // namespace

Result<std::vector<DocumentRoot>> roots_of(ByteView update, const std::string& only) {
  COTERIE_TRY(const auto decoded, crdt::decode_update(update));
  std::vector<std::pair<std::string, Votes>> found;
  for (const crdt::DecodedStruct& one : decoded.structs) {
    const auto* name = std::get_if<std::string>(&one.parent);
    if (name == nullptr || (!only.empty() && *name != only)) continue;
    auto at = std::find_if(found.begin(), found.end(),
                           [&](const auto& known) { return known.first == *name; });
    if (at == found.end()) at = found.insert(found.end(), {*name, {}});
    vote(one, at->second);
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<DocumentRoot> roots;
  for (const auto& [name, votes] : found) {
    TypeKind kind = TypeKind::kText;  // Also of one where all was deleted.
    if (votes.xml) {
      kind = TypeKind::kXmlFragment;
    } else if (!votes.text && votes.keys) {
      kind = TypeKind::kMap;
    } else if (!votes.text && votes.values) {
      kind = TypeKind::kArray;
    }
    roots.push_back({name, kind});
  }
  return roots;
}

std::string as_plain_text(Doc& doc, const std::vector<DocumentRoot>& roots) {
  for (const DocumentRoot& root : roots) (void)doc.get(root.name, root.kind);
  const auto line = [](const std::string& json) { return json + "\n"; };
  return each(
      doc, roots, [](std::string text) { return text; }, text_blocks, line);
}

std::string as_markdown(Doc& doc, const std::vector<DocumentRoot>& roots) {
  const auto fenced = [](const std::string& json) { return "```json\n" + json + "\n```\n"; };
  return each(
      doc, roots, [](std::string text) { return text; }, markdown_blocks, fenced);
}

std::string as_html(Doc& doc, const std::vector<DocumentRoot>& roots, const std::string& title) {
  const auto pre = [](const std::string& text) { return "<pre>" + escaped(text) + "</pre>\n"; };
  return "<!doctype html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n<title>" + escaped(title) +
         "</title>\n</head>\n<body>\n" + each(doc, roots, pre, html_blocks, pre) +
         "</body>\n</html>\n";
}

std::string as_json(Doc& doc, const std::vector<DocumentRoot>& roots) {
  std::string out = "{";
  for (const DocumentRoot& root : roots) {
    if (out.size() > 1) out += ',';
    out += Any(root.name).to_json() + ":" + json_of(doc, root);
  }
  return out + "}\n";
}

}  // namespace coterie::node::cli
