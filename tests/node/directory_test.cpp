// What of documents needs no node: names, records, templates, and looking for text.

#include "node/core/rooms/directory.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "node/core/limits.hpp"
#include "node/core/records.hpp"
#include "node/core/rooms/templates.hpp"
#include "node/core/rooms/text_search.hpp"
#include "tests/support/choices.hpp"

namespace coterie::node {
namespace {

using testing::SeededChoices;

DocumentId id_of(std::uint8_t number) {
  DocumentId id;
  id.bytes[0] = number;
  return id;
}

std::string listing(const Directory& directory) {
  std::string all;
  for (const auto& [name, id] : directory.names()) {
    all += name + "=" + std::to_string(id.bytes[0]) + "\n";
    EXPECT_EQ(*directory.name_of(id), name);
  }
  return all;
}

TEST(DirectoryTest, LaterOnesHaveANumber) {
  Directory directory;
  directory.set(id_of(1), {{"a/notes.md", 10}});
  directory.set(id_of(2), {{"a/notes.md", 5}});
  directory.set(id_of(3), {{"a/notes.md", 20}});
  EXPECT_EQ(listing(directory), "a/notes (2).md=1\na/notes (3).md=3\na/notes.md=2\n");
  // What is claimed by itself is nobody's number.
  directory.set(id_of(4), {{"a/notes (2).md", 30}});
  EXPECT_EQ(listing(directory),
            "a/notes (2).md=4\na/notes (3).md=1\na/notes (4).md=3\na/notes.md=2\n");
  directory.set(id_of(2), std::nullopt);
  EXPECT_EQ(listing(directory), "a/notes (2).md=4\na/notes (3).md=3\na/notes.md=1\n");
  directory.set(id_of(4), {{"b", 1}});
  EXPECT_EQ(listing(directory), "a/notes (2).md=3\na/notes.md=1\nb=4\n");
}

TEST(DirectoryTest, NumbersGoBeforeTheEnding) {
  const std::pair<const char*, const char*> names[] = {
      {"notes.md", "notes (2).md"}, {"a.b/notes", "a.b/notes (2)"},
      {".hidden", ".hidden (2)"},   {"a/.hidden.txt", "a/.hidden (2).txt"},
      {"x.tar.gz", "x.tar (2).gz"}, {"notes (2).md", "notes (2) (2).md"},
      {"dot.", "dot (2)."},         {"a/b c", "a/b c (2)"}};
  for (const auto& [path, name] : names) {
    EXPECT_EQ(Directory::numbered(path, 2), name);
    EXPECT_EQ(Directory::unnumbered(name), path);
  }
  for (const char* name : {"notes", "notes (1).md", "notes (02).md", "(2).md", " (2)", "a/ (2)"}) {
    const auto path = Directory::unnumbered(name);
    EXPECT_TRUE(!path || Directory::numbered(*path, 2) == name) << name;
  }
  EXPECT_FALSE(Directory::unnumbered("notes (1).md"));
  EXPECT_FALSE(Directory::unnumbered("notes (02).md"));
}

// Names follow from the claims alone.
TEST(DirectoryTest, TheOrderOfClaimsDoesNotMatter) {
  const std::vector<std::string> paths = {"n.md",     "n (2).md",       "n (3).md", "n (2) (2).md",
                                          "n (4).md", "f/n (2) (3).md", "m"};
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SeededChoices choices(seed);
    std::map<std::uint8_t, Directory::Claim> claims;
    Directory grown;
    for (int step = 0; step < 60; ++step) {
      const auto number = static_cast<std::uint8_t>(1 + choices.below(12));
      if (choices.below(4) == 0) {
        claims.erase(number);
        grown.set(id_of(number), std::nullopt);
        continue;
      }
      const Directory::Claim claim{paths[choices.below(paths.size())], choices.below(5)};
      claims[number] = claim;
      grown.set(id_of(number), claim);
    }
    Directory made;
    for (const auto& [number, claim] : claims) made.set(id_of(number), claim);
    ASSERT_EQ(listing(grown), listing(made)) << "seed " << seed;
    ASSERT_EQ(grown.names().size(), claims.size()) << "seed " << seed;
  }
}

// Records.

std::optional<PropertiesRecord> round_trip(const PropertiesRecord& record) {
  const auto read = decode_record({}, encode_record(record));
  if (!read) return std::nullopt;
  return std::get<PropertiesRecord>(*read);
}
bool fits(PropertyValues values) {
  const PropertiesRecord record{id_of(3), std::move(values)};
  return round_trip(record) == record;
}

TEST(PropertyRecords, AreReadAsTheyWereWritten) {
  EXPECT_TRUE(fits({{"title", "A title"}, {"kind", "code"}, {"language", "c++"}}));
  EXPECT_TRUE(fits({{"path", "a/b.md"}, {"archived", "1"}, {"trashed", ""}}));
  EXPECT_TRUE(fits({{"meta.status", "draft\nof two lines"}, {"meta.x", ""}, {"title", ""}}));
}

TEST(PropertyRecords, LimitsHoldAtAndPastThem) {
  const auto many = [](std::size_t count) {
    PropertyValues values;
    for (std::size_t i = 0; i < count; ++i) values["meta." + std::to_string(i)] = "x";
    return values;
  };
  EXPECT_TRUE(fits(many(kPropertiesMax)));
  EXPECT_FALSE(fits(many(kPropertiesMax + 1)));
  EXPECT_FALSE(fits({}));
  const auto key = [](std::size_t bytes) { return "meta." + std::string(bytes - 5, 'k'); };
  EXPECT_TRUE(fits({{key(kPropertyKeyBytesMax), "x"}}));
  EXPECT_FALSE(fits({{key(kPropertyKeyBytesMax + 1), "x"}}));
  EXPECT_TRUE(fits({{"meta.x", std::string(kPropertyValueBytesMax, 'v')}}));
  EXPECT_FALSE(fits({{"meta.x", std::string(kPropertyValueBytesMax + 1, 'v')}}));
  EXPECT_TRUE(fits({{"title", std::string(kNameBytesMax, 't')}}));
  EXPECT_FALSE(fits({{"title", std::string(kNameBytesMax + 1, 't')}}));
  EXPECT_TRUE(fits({{"path", std::string(kPathBytesMax, 'p')}}));
  EXPECT_FALSE(fits({{"path", std::string(kPathBytesMax + 1, 'p')}}));
  EXPECT_TRUE(fits({{"language", std::string(kLanguageBytesMax, 'l')}}));
  EXPECT_FALSE(fits({{"language", std::string(kLanguageBytesMax + 1, 'l')}}));
}

TEST(PropertyRecords, WhatIsNoneIsMalformed) {
  EXPECT_FALSE(fits({{"colour", "red"}}));
  EXPECT_FALSE(fits({{"meta.", "x"}}));
  EXPECT_FALSE(fits({{"meta.a\nb", "x"}}));
  EXPECT_FALSE(fits({{"meta.x", "\xff"}}));
  EXPECT_FALSE(fits({{"kind", "picture"}}));
  EXPECT_FALSE(fits({{"language", "C++"}}));
  EXPECT_FALSE(fits({{"path", "../x"}}));
  EXPECT_FALSE(fits({{"trashed", "0"}}));
  EXPECT_FALSE(fits({{"title", "two\nlines"}}));
  // Keys twice, or out of order; bytes after the end.
  const PropertiesRecord record{id_of(3), {{"meta.a", "1"}, {"meta.b", "2"}}};
  const Bytes good = encode_record(record);
  Bytes swapped = good;
  for (std::size_t i = 0; i < swapped.size(); ++i) {
    if (i > 0 && swapped[i - 1] == '.' && swapped[i] == 'b') swapped[i] = 'A';
  }
  EXPECT_FALSE(decode_record({}, swapped));
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_FALSE(decode_record({}, longer));
}

TEST(DocumentRecords, GenerationsMakeOtherDocuments) {
  WorkspaceId workspace;
  workspace.bytes.fill(9);
  const auto read = [&](std::uint64_t generation) {
    const DocumentRecord record{document_id(workspace, "a", generation), "a", 7, generation};
    const auto decoded = decode_record(workspace, encode_record(record));
    return decoded ? std::optional(std::get<DocumentRecord>(*decoded).generation) : std::nullopt;
  };
  EXPECT_EQ(read(0), 0u);
  EXPECT_EQ(read(1), 1u);
  EXPECT_EQ(read(kGenerationMax), kGenerationMax);
  EXPECT_FALSE(read(kGenerationMax + 1));
  EXPECT_NE(document_id(workspace, "a", 0), document_id(workspace, "a", 1));
  // An id of another generation, and none where there is one.
  EXPECT_FALSE(decode_record(
      workspace, encode_record(DocumentRecord{document_id(workspace, "a", 1), "a", 7, 2})));
  Bytes zero = encode_record(DocumentRecord{document_id(workspace, "a"), "a", 7, 0});
  EXPECT_TRUE(decode_record(workspace, zero));
  zero.push_back(0);
  EXPECT_FALSE(decode_record(workspace, zero));
}

// Templates.

TEST(TemplateTest, SeedsAreTheSameWhereverTheyAreMade) {
  for (const Template& one : templates()) {
    EXPECT_EQ(find_template(one.name), &one);
    const auto seed = seed_update(id_of(1), one);
    EXPECT_EQ(seed, seed_update(id_of(1), one));
    EXPECT_EQ(seed.has_value(), !one.text.empty());
    if (!seed) continue;
    EXPECT_NE(seed, seed_update(id_of(2), one));
    crdt::Doc doc({.client_id = 1});
    ASSERT_TRUE(doc.apply_update(*seed));
    ASSERT_TRUE(doc.apply_update(*seed));
    const crdt::StateVector have = doc.state_vector();
    for (const auto& [client, clock] : have.clocks()) {
      EXPECT_GE(client, kNativeClientsMin / 2);
      EXPECT_LT(client, kNativeClientsMin);
    }
    const auto texts = texts_of_roots(doc);
    ASSERT_EQ(texts.size(), 1u) << one.name;
    if (one.kind == property::kRich) {
      EXPECT_EQ(texts[0].first, "default");
    } else {
      EXPECT_EQ(texts[0], std::make_pair(std::string("monaco"), std::string(one.text)));
    }
    // Put in once more, it is another copy.
    const auto again = seed_update(id_of(1), one, {}, &doc);
    EXPECT_NE(again, seed);
  }
  EXPECT_EQ(language_template("python")->name, "python");
  EXPECT_EQ(language_template("cobol"), nullptr);
  EXPECT_EQ(language_template(""), nullptr);
}

TEST(TemplateTest, RichTextIsWhatEditorsKeep) {
  crdt::Doc doc({.client_id = 1});
  ASSERT_TRUE(doc.apply_update(*seed_update(id_of(1), *find_template("notes"))));
  const crdt::XmlFragment root = doc.xml_fragment("default");
  EXPECT_EQ(root.to_string(),  // Which has small letters, as Yjs's.
            "<heading level=\"1\">Notes</heading><heading level=\"2\">Ideas</heading>"
            "<bulletlist><listitem><paragraph></paragraph></listitem></bulletlist>"
            "<heading level=\"2\">Open questions</heading>"
            "<bulletlist><listitem><paragraph></paragraph></listitem></bulletlist>");
  EXPECT_EQ(root.get(2)->node_name(), "bulletList");
  // Its empty paragraphs have a text for two who begin to write in them while apart.
  const auto paragraph = root.query_selector("paragraph");
  ASSERT_TRUE(paragraph);
  ASSERT_EQ(paragraph->size(), 1u);
  EXPECT_EQ(paragraph->get(0)->kind(), crdt::TypeKind::kXmlText);
}

TEST(TemplateTest, RichTextIsHeadedByItsName) {
  const auto headings = [](const char* name, std::string_view heading) {
    crdt::Doc doc({.client_id = 1});
    EXPECT_TRUE(doc.apply_update(*seed_update(id_of(1), *find_template(name), heading)));
    return doc.xml_fragment("default").to_string().substr(0, 44);
  };
  EXPECT_EQ(headings("notes", "Monday"), "<heading level=\"1\">Monday</heading><heading ");
  EXPECT_EQ(headings("notes", ""), "<heading level=\"1\">Notes</heading><heading l");
  // Another heading is another text, and none of the same ids.
  const Template& notes = *find_template("notes");
  const auto named = seed_update(id_of(1), notes, "Monday");
  EXPECT_EQ(named, seed_update(id_of(1), notes, "Monday"));
  crdt::Doc both({.client_id = 1});
  ASSERT_TRUE(both.apply_update(*named));
  ASSERT_TRUE(both.apply_update(*seed_update(id_of(1), notes, "Tuesday")));
  EXPECT_EQ(both.state_vector().clocks().size(), 2u);
  // Of code nothing is a heading.
  const Template& python = *find_template("python");
  EXPECT_EQ(seed_update(id_of(1), python, "Monday"), seed_update(id_of(1), python));
}

// Looking for text.

TEST(TextSearchTest, TheCaseOfLettersDoesNotMatter) {
  const std::pair<const char*, const char*> pairs[] = {
      {"Hello World 12", "hello world 12"}, {"ÄÖÜß Éà×", "äöüß éà×"},
      {"ŁÓDŹ Žž Ÿ", "łódź žž ÿ"},           {"ΑΒΓ ΩΣ", "αβγ ωσ"},
      {"ПРИВЕТ Ёж", "привет ёж"},           {"日本語 😀", "日本語 😀"}};
  for (const auto& [text, small] : pairs) {
    EXPECT_EQ(folded(text), small);
    EXPECT_EQ(folded(small), small);
  }
  EXPECT_EQ(folded("\xc3"), "\xc3");
}

TEST(TextSearchTest, SnippetsAreOfOneLineAndWholeCharacters) {
  EXPECT_EQ(snippet_at("one\ntwo three\nfour", 8, 5), "two three");
  EXPECT_EQ(snippet_at("word", 0, 4), "word");
  const std::string umlauts = [] {
    std::string text;
    for (int i = 0; i < 100; ++i) text += "ä";
    return text;
  }();
  for (std::size_t at = 80; at < 90; at += 2) {
    const std::string snippet = snippet_at(umlauts, at, 2);
    EXPECT_EQ(snippet.size() % 2, 0u);
    EXPECT_LE(snippet.size(), 84u);
    EXPECT_TRUE(is_utf8(snippet));
  }
}

}  // namespace
}  // namespace coterie::node
