#include "crdt/xml.hpp"

#include <gtest/gtest.h>

#include "crdt/doc.hpp"

namespace coterie::crdt {
namespace {

/// All strings are what stock Yjs 13.6.33 gives for the same edits.
TEST(Xml, ReadsAsYjsWritesIt) {
  Doc doc({.client_id = 1});
  XmlFragment page = doc.xml_fragment("page");
  XmlElement p = *page.insert_element(0, "P");
  ASSERT_TRUE(p.set_attribute("z", "last"));
  ASSERT_TRUE(p.set_attribute("class", "intro"));
  ASSERT_TRUE(p.set_attribute("n", 1.5));
  ASSERT_TRUE(p.set_attribute("list", Any(Any::Array{1, Any::Null(), "x"})));
  XmlText text = *p.insert_text(0, "hello world");
  ASSERT_TRUE(text.format(0, 5, {{"strong", Any(Any::Object{})}}));
  ASSERT_TRUE(text.format(3, 5, {{"a", Any(Any::Object{{"href", "x"}, {"b", 1}})}}));
  ASSERT_TRUE(p.insert_hook(1, "hook"));
  EXPECT_EQ(page.to_string(),
            "<p class=\"intro\" list=\"1,,x\" n=\"1.5\" z=\"last\"><strong>hel</strong>"
            "<a b=\"1\" href=\"x\"><strong>lo</strong></a><a b=\"1\" href=\"x\"> wo</a>rld"
            "[object Object]</p>");
  EXPECT_EQ(text.to_string(), "hello world");
  EXPECT_EQ(doc.to_json().to_json(), Any(Any::Object{{"page", page.to_string()}}).to_json());
  ASSERT_TRUE(p.remove_attribute("n"));
  EXPECT_FALSE(p.has_attribute("n"));
  EXPECT_EQ(p.attributes().size(), 3u);
  EXPECT_EQ(std::get<Any>(*p.get_attribute("z")), Any("last"));
  EXPECT_EQ(doc.xml_element("root").to_string(), "<undefined></undefined>");
}

TEST(Xml, IsATree) {
  Doc doc({.client_id = 1});
  XmlFragment page = doc.xml_fragment("page");
  NewType list = NewType::xml_element("ul");
  for (const char* item : {"one", "two"}) {
    NewType li = NewType::xml_element("li");
    li.list.emplace_back(NewType::xml_text(item));
    list.list.emplace_back(std::move(li));
  }
  const XmlElement ul = page.insert(0, list)->as_xml_element();
  ASSERT_TRUE(page.insert_text(1, "after"));
  EXPECT_EQ(page.to_string(), "<ul><li>one</li><li>two</li></ul>after");
  EXPECT_EQ(page.first_child(), SharedType(ul));
  EXPECT_EQ(ul.next_sibling()->as_xml_text().to_string(), "after");
  EXPECT_FALSE(ul.prev_sibling());
  EXPECT_EQ(ul.parent(), SharedType(page));
  EXPECT_EQ(ul.get(1)->as_xml_element().prev_sibling(), ul.get(0));
  EXPECT_EQ(page.query_selector("LI")->to_string(), "<li>one</li>");
  EXPECT_EQ(page.query_selector_all("li").size(), 2u);
  EXPECT_FALSE(page.query_selector("p"));
  EXPECT_EQ(page.slice(-1).size(), 1u);
  XmlTreeWalker walker = page.create_tree_walker();
  std::vector<TypeKind> kinds;
  while (const auto node = walker.next()) kinds.push_back(node->kind());
  EXPECT_EQ(kinds,
            (std::vector<TypeKind>{TypeKind::kXmlElement, TypeKind::kXmlElement, TypeKind::kXmlText,
                                   TypeKind::kXmlElement, TypeKind::kXmlText, TypeKind::kXmlText}));
  const NewValue nodes[] = {NewType::xml_element("hr")};
  ASSERT_TRUE(page.insert_after(SharedType(ul), nodes));
  EXPECT_EQ(page.get(1)->node_name(), "hr");
  EXPECT_EQ(page.insert_after(ul.get(0), nodes).error().code, ErrorCode::kNotFound);
  XmlElement first = ul.get(0)->as_xml_element();
  ASSERT_TRUE(XmlFragment(ul).remove(0));
  EXPECT_FALSE(first.alive());
  EXPECT_EQ(first.set_attribute("a", 1).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(page.remove(2, 2).error().code, ErrorCode::kMalformed);
}

TEST(Xml, CopiesWithAllThatItHolds) {
  Doc doc({.client_id = 1});
  Doc other({.client_id = 2});
  XmlFragment page = doc.xml_fragment("page");
  XmlElement p = *page.insert_element(0, "p");
  ASSERT_TRUE(p.set_attribute("class", "x"));
  XmlText text = *p.insert_text(0, "bold");
  ASSERT_TRUE(text.format(0, 2, {{"b", Any(Any::Object{})}}));
  Array array = doc.array("a");
  const NewValue values[] = {1, NewType::map(), Any(Bytes{1, 2}), "x"};
  ASSERT_TRUE(array.insert(0, values));
  ASSERT_TRUE(std::get<SharedType>(*array.get(1)).as_map().set("deep", 1));
  ASSERT_TRUE(other.xml_fragment("page").insert(0, *p.clone()));
  EXPECT_EQ(other.xml_fragment("page").to_string(), page.to_string());
  ASSERT_TRUE(other.map("m").set("copy", *array.clone()));
  EXPECT_EQ(other.map("m").to_json().to_json(), R"({"copy":[1,{"deep":1},{"$bytes":[1,2]},"x"]})");
  ASSERT_TRUE(page.remove(0));
  EXPECT_EQ(p.clone().error().code, ErrorCode::kNotFound);
}

TEST(Doc, GivesRootsByKind) {
  Doc doc({.client_id = 1});
  EXPECT_EQ(doc.get("x").kind(), TypeKind::kUnknown);
  EXPECT_EQ(doc.get("x", TypeKind::kXmlText).kind(), TypeKind::kXmlText);
  EXPECT_EQ(doc.get("x", TypeKind::kMap).kind(), TypeKind::kXmlText);
  EXPECT_TRUE(doc.get("x").belongs_to(doc));
}

TEST(Text, AppliesDeltas) {
  Doc doc({.client_id = 1});
  Text text = doc.text("t");
  ASSERT_TRUE(text.apply_delta({DeltaOp::inserted("hello "), DeltaOp::inserted("world")}));
  EXPECT_EQ(text.to_string(), "hello world");
  ASSERT_TRUE(text.apply_delta({DeltaOp::retained(5), DeltaOp::removed(1), DeltaOp::inserted("-"),
                                DeltaOp::retained(2, {{"bold", true}}),
                                DeltaOp::inserted(Any(Any::Object{{"image", "x"}}))}));
  EXPECT_EQ(text.to_string(), "hello-world");
  EXPECT_EQ(text.to_delta().size(), 4u);
  Text copy = doc.text("copy");
  ASSERT_TRUE(copy.apply_delta(text.to_delta()));
  EXPECT_EQ(copy.to_delta().size(), 4u);
  ASSERT_TRUE(copy.apply_delta({DeltaOp::retained(14)}));
  EXPECT_EQ(copy.to_string(), "hello-world\n\n") << "past the end, as Yjs has it";
  EXPECT_EQ(
      copy.apply_delta({{.insert = std::string("x"), .retain = 1, .remove = 0, .attributes = {}}})
          .error()
          .code,
      ErrorCode::kMalformed);
  EXPECT_EQ(copy.apply_delta({DeltaOp::retained(std::uint64_t{1} << 40)}).error().code,
            ErrorCode::kLimitExceeded);
  ASSERT_TRUE(text.insert(0, "😀"));
  EXPECT_EQ(text.apply_delta({DeltaOp::removed(1)}).error().code, ErrorCode::kMalformed);
  ASSERT_TRUE(text.set_attribute("dir", "rtl"));
  EXPECT_EQ(std::get<Any>(*text.get_attribute("dir")), Any("rtl"));
  EXPECT_EQ(text.attributes().size(), 1u);
  ASSERT_TRUE(text.remove_attribute("dir"));
  EXPECT_FALSE(text.get_attribute("dir"));
}

TEST(Text, RefusesWhatIsNestedTooDeep) {
  Doc doc({.client_id = 1});
  NewType type = NewType::array();
  for (int i = 0; i < 300; ++i) {
    NewType outer = NewType::array();
    outer.list.emplace_back(std::move(type));
    type = std::move(outer);
  }
  EXPECT_EQ(doc.map("m").set("deep", type).error().code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(doc.map("m").size(), 0u);
}

TEST(Map, ClearsAndLists) {
  Doc doc({.client_id = 1});
  Map map = doc.map("m");
  ASSERT_TRUE(map.set("a", 1));
  ASSERT_TRUE(map.set("b", NewType::text("x")));
  EXPECT_EQ(map.values().size(), 2u);
  EXPECT_EQ(map.entries()[0].first, "a");
  std::string seen;
  map.for_each(
      [&](const Value& value, const std::string& key) { seen += key + to_json(value).to_json(); });
  EXPECT_EQ(seen, "a1b\"x\"");
  ASSERT_TRUE(map.clear());
  EXPECT_EQ(map.size(), 0u);
}

TEST(Array, Slices) {
  Doc doc({.client_id = 1});
  Array array = doc.array("a");
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(array.push(i));
  ASSERT_TRUE(array.remove(3));
  const auto slice = [&](std::int64_t start, std::int64_t end) {
    Any::Array values;
    for (const Value& value : array.slice(start, end)) values.push_back(to_json(value));
    return Any(values).to_json();
  };
  EXPECT_EQ(slice(2, 5), "[2,4,5]");
  EXPECT_EQ(slice(-2, INT64_MAX), "[8,9]");
  EXPECT_EQ(slice(1, -7), "[1]");
  EXPECT_EQ(slice(5, 2), "[]");
  EXPECT_EQ(slice(-100, 100), "[0,1,2,4,5,6,7,8,9]");
}

}  // namespace
}  // namespace coterie::crdt
