// Rich documents as the common editors write them, as text, Markdown and HTML.

#include "node/cli/render.hpp"

#include <gtest/gtest.h>

namespace coterie::node::cli {
namespace {

using crdt::Any;
using crdt::Doc;

struct Rendered {
  std::string text;
  std::string markdown;
  std::string html;
  std::string json;
};

/// As a reader sees it that knows the update alone.
Rendered render(const Doc& written, const std::string& only = "") {
  const Bytes update = written.encode_state_as_update();
  const auto roots = roots_of(update, only);
  EXPECT_TRUE(roots);
  Doc doc({.client_id = 0});
  for (const DocumentRoot& root : *roots) (void)doc.get(root.name, root.kind);
  EXPECT_TRUE(doc.load_update(update));
  std::string html = as_html(doc, *roots, "<title>");
  html = html.substr(html.find("<body>\n") + 7);
  html = html.substr(0, html.find("</body>"));
  return {as_plain_text(doc, *roots), as_markdown(doc, *roots), html, as_json(doc, *roots)};
}

TEST(Render, WhatProseMirrorAndTiptapWrite) {
  Doc doc({.client_id = 1});
  crdt::XmlFragment page = doc.xml_fragment("prosemirror");
  crdt::XmlElement title = *page.insert_element(0, "heading");
  ASSERT_TRUE(title.set_attribute("level", Any(2)));
  ASSERT_TRUE(title.insert_text(0, "Plans & <such>"));
  crdt::XmlElement first = *page.insert_element(1, "paragraph");
  crdt::XmlText words = *first.insert_text(0);
  ASSERT_TRUE(words.insert(0, "plain "));
  ASSERT_TRUE(words.insert(6, "bold", {{"bold", Any(Any::Object{})}}));
  ASSERT_TRUE(words.insert(
      10, " link",
      {{"bold", Any::Null()}, {"link", Any(Any::Object{{"href", Any("https://x.y/")}})}}));
  crdt::XmlElement list = *page.insert_element(2, "bulletList");
  for (std::uint64_t i = 0; i < 2; ++i) {
    crdt::XmlElement item = *list.insert_element(i, "listItem");
    crdt::XmlElement line = *item.insert_element(0, "paragraph");
    ASSERT_TRUE(line.insert_text(0, "item " + std::to_string(i)));
    if (i == 0) continue;
    crdt::XmlElement inner = *item.insert_element(1, "orderedList");
    crdt::XmlElement deep = *inner.insert_element(0, "listItem");
    crdt::XmlElement deep_line = *deep.insert_element(0, "paragraph");
    ASSERT_TRUE(deep_line.insert_text(0, "deep"));
  }
  crdt::XmlElement code = *page.insert_element(3, "codeBlock");
  ASSERT_TRUE(code.insert_text(0, "a < b\n*c*"));
  ASSERT_TRUE(page.insert_element(4, "horizontalRule"));
  const Rendered out = render(doc);
  EXPECT_EQ(out.text, "Plans & <such>\nplain bold link\nitem 0\nitem 1\ndeep\na < b\n*c*\n\n");
  EXPECT_EQ(out.markdown,
            "## Plans & \\<such\\>\n\nplain **bold** [link](https://x.y/)\n\n- item 0\n- item 1\n"
            "    1. deep\n\n```\na < b\n*c*\n```\n\n---\n");
  EXPECT_EQ(out.html,
            "<h2>Plans &amp; &lt;such&gt;</h2>\n<p>plain <strong>bold</strong>"
            "<a href=\"https://x.y/\"> link</a></p>\n<ul>\n<li>item 0</li>\n<li>item 1\n<ol>\n"
            "<li>deep</li>\n</ol>\n</li>\n</ul>\n<pre><code>a &lt; b\n*c*</code></pre>\n<hr>\n");
}

TEST(Render, WhatQuillWrites) {
  Doc doc({.client_id = 1});
  crdt::Text text = doc.text("quill");
  ASSERT_TRUE(text.insert(0, "Title"));
  ASSERT_TRUE(text.insert(5, "\n", {{"header", Any(1)}}));
  ASSERT_TRUE(text.insert(6, "one", {{"header", Any::Null()}, {"italic", Any(true)}}));
  ASSERT_TRUE(text.insert(9, "\n", {{"italic", Any::Null()}, {"list", Any("ordered")}}));
  ASSERT_TRUE(text.insert(10, "two", {{"list", Any::Null()}}));
  ASSERT_TRUE(text.insert(13, "\n", {{"list", Any("ordered")}}));
  const Rendered out = render(doc);
  EXPECT_EQ(out.markdown, "# Title\n\n1. *one*\n2. two\n");
  EXPECT_EQ(out.html, "<h1>Title</h1>\n<ol>\n<li><em>one</em></li>\n<li>two</li>\n</ol>\n");
  EXPECT_EQ(out.text, "Title\none\ntwo\n");
}

/// A list stands in an item of the one around it: nothing else may be in a list but items.
TEST(Render, ListsInLists) {
  Doc doc({.client_id = 1});
  crdt::Text text = doc.text("quill");
  const auto item = [&](const char* words, const char* list, int indent) {
    crdt::Attributes line{{"list", *list == '\0' ? Any::Null() : Any(list)},
                          {"indent", indent == 0 ? Any::Null() : Any(indent)}};
    ASSERT_TRUE(text.insert(text.size(), words, {{"list", Any::Null()}, {"indent", Any::Null()}}));
    ASSERT_TRUE(text.insert(text.size(), "\n", line));
  };
  item("a", "bullet", 0);
  item("b", "bullet", 1);
  item("c", "bullet", 3);  // Two steps at once.
  item("d", "ordered", 1);
  item("e", "ordered", 1);
  item("f", "bullet", 0);
  item("text", "", 0);
  item("g", "ordered", 2);  // In nothing.
  EXPECT_EQ(render(doc).html,
            "<ul>\n<li>a\n"
            "<ul>\n<li>b\n"
            "<ul>\n<li>c</li>\n</ul>\n</li>\n</ul>\n"
            "<ol>\n<li>d</li>\n<li>e</li>\n</ol>\n</li>\n"
            "<li>f</li>\n</ul>\n"
            "<p>text</p>\n"
            "<ol>\n<li>g</li>\n</ol>\n");
}

TEST(Render, NothingInAPageRunsInABrowser) {
  Doc doc({.client_id = 1});
  crdt::Text text = doc.text("t");
  for (const char* link : {"javascript:alert(1)", "JaVaScRiPt:x", "java\tscript:x",
                           "data:text/html,x", "\"onclick=\"x", " vbscript:x"}) {
    ASSERT_TRUE(text.insert(0, "<script>\n", {{"link", Any(link)}, {"bold", Any(true)}}));
  }
  const std::string html = render(doc).html;
  EXPECT_EQ(html.find("<script"), std::string::npos);
  EXPECT_EQ(html.find("javascript:"), std::string::npos);
  EXPECT_EQ(html.find("script:x\""), std::string::npos) << html;
  EXPECT_EQ(html.find("data:"), std::string::npos);
  EXPECT_EQ(html.find("\"onclick"), std::string::npos) << html;
}

TEST(Render, DataIsJson) {
  Doc doc({.client_id = 1});
  ASSERT_TRUE(doc.map("settings").set("a", Any(1)));
  ASSERT_TRUE(doc.array("list").push(Any("x")));
  ASSERT_TRUE(doc.array("list").push(Any(2)));
  ASSERT_TRUE(doc.text("monaco").insert(0, "plain *text*\n"));
  const Rendered out = render(doc);
  EXPECT_EQ(out.json,
            "{\"list\":[\"x\",2],\"monaco\":[{\"insert\":\"plain *text*\\n\"}],"
            "\"settings\":{\"a\":1}}\n");
  EXPECT_EQ(out.text, "[\"x\",2]\nplain *text*\n{\"a\":1}\n");
  EXPECT_EQ(render(doc, "monaco").markdown, "plain *text*\n");
}

TEST(Render, WhatIsNoUpdateIsRefused) {
  EXPECT_EQ(roots_of(as_bytes("nonsense"), "").error().code, ErrorCode::kMalformed);
}

}  // namespace
}  // namespace coterie::node::cli
