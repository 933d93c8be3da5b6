// Update format v2: what stock Yjs makes of the same bytes (tests/golden/yjs/updates_v2.json), and
// what a hostile one may cost.

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "crdt/decoded_update.hpp"
#include "crdt/doc.hpp"
#include "crdt/update.hpp"

namespace coterie::crdt {
namespace {

using Json = nlohmann::json;

Bytes bytes_of(const Json& hex) { return *from_hex(hex.get<std::string>()); }

const Json& cases() {
  static const Json loaded = [] {
    std::ifstream in(std::string(COTERIE_SOURCE_DIR) + "/tests/golden/yjs/updates_v2.json");
    return Json::parse(in).at("cases");
  }();
  return loaded;
}

std::vector<Bytes> updates_of(const Json& one) {
  std::vector<Bytes> updates;
  for (const Json& update : one.at("updates")) updates.push_back(bytes_of(update));
  return updates;
}

std::string hex_or_error(const Result<Bytes>& bytes) {
  return bytes ? to_hex(*bytes) : to_string(bytes.error());
}

StateVector since() {
  StateVector vector;
  vector.advance(1, 2);
  return vector;
}

TEST(UpdateV2, DocumentsReadAndWriteWhatYjsDoes) {
  for (const Json& one : cases()) {
    SCOPED_TRACE(one.at("name").get<std::string>());
    Doc doc({.client_id = 99, .gc = one.at("gc").get<bool>()});
    std::vector<std::string> effective;
    std::vector<std::string> observed;
    const Subscription subscription = doc.on_update_v2(
        [&](ByteView update, const Transaction&) { observed.push_back(to_hex(update)); });
    for (const Bytes& update : updates_of(one)) {
      const auto applied = doc.apply_update_v2(update);
      ASSERT_TRUE(applied) << to_string(applied.error());
      if (applied->changed) effective.push_back(to_hex(applied->update));
    }
    EXPECT_EQ(Json(effective), one.at("effective"));
    EXPECT_EQ(effective, observed);
    EXPECT_EQ(to_hex(doc.encode_state_as_update_v2()), one.at("state").get<std::string>());
    EXPECT_EQ(to_hex(doc.encode_state_as_update()), one.at("stateV1").get<std::string>());
    EXPECT_EQ(to_hex(doc.encode_state_as_update_v2(since())),
              one.at("stateSince").get<std::string>());
    EXPECT_EQ(to_hex(doc.state_vector().encode()), one.at("stateVector").get<std::string>());
    EXPECT_EQ(doc.has_pending(), one.at("pending").get<bool>());
  }
}

TEST(UpdateV2, ToolsGiveTheBytesOfYjs) {
  for (const Json& one : cases()) {
    SCOPED_TRACE(one.at("name").get<std::string>());
    const std::vector<Bytes> updates = updates_of(one);
    const Bytes merged = bytes_of(one.at("merged"));
    const Bytes merged_v1 = bytes_of(one.at("mergedV1"));
    EXPECT_EQ(hex_or_error(merge_updates_v2(std::span<const Bytes>(updates))), to_hex(merged));
    for (std::size_t i = 0; i < updates.size(); ++i) {
      EXPECT_EQ(hex_or_error(convert_update_v2_to_v1(updates[i])),
                one.at("v1").at(i).get<std::string>());
    }
    EXPECT_EQ(hex_or_error(convert_update_v2_to_v1(merged)), to_hex(merged_v1));
    EXPECT_EQ(hex_or_error(diff_update_v2(merged, since())), one.at("diff").get<std::string>());
    EXPECT_EQ(to_hex(state_vector_from_update_v2(merged)->encode()),
              one.at("mergedStateVector").get<std::string>());
    EXPECT_EQ(hex_or_error(obfuscate_update_v2(merged)), one.at("obfuscated").get<std::string>());
    EXPECT_EQ(hex_or_error(obfuscate_update(merged_v1)), one.at("obfuscatedV1").get<std::string>());
    EXPECT_EQ(hex_or_error(obfuscate_update_v2(
                  merged, {.formatting = false, .subdocs = false, .yxml = false})),
              one.at("obfuscatedLess").get<std::string>());
  }
}

TEST(UpdateV2, BothFormatsSayTheSame) {
  for (const Json& one : cases()) {
    SCOPED_TRACE(one.at("name").get<std::string>());
    const Bytes v2 = bytes_of(one.at("merged"));
    const Bytes v1 = bytes_of(one.at("mergedV1"));
    EXPECT_EQ(*parse_update_meta_v2(v2), *parse_update_meta(v1));
    const auto listing = inspect_update_v2(v2);
    EXPECT_EQ(listing->structs, inspect_update(v1)->structs);
    EXPECT_EQ(listing->deletes, inspect_update(v1)->deletes);
    const Bytes there = *convert_update_v1_to_v2(v1);
    EXPECT_EQ(to_hex(*convert_update_v2_to_v1(there)), to_hex(v1));
    EXPECT_EQ(*decode_update_v2(there), *decode_update(v1));
  }
}

TEST(UpdateV2, DecodedListing) {
  Doc doc({.client_id = 5});
  ASSERT_TRUE(doc.text("t").insert(0, "hi", {{"bold", Any(true)}}));
  ASSERT_TRUE(doc.map("m").set("k", Any(Any::Array{Any(1), Any()})));
  const DecodedUpdate decoded = *decode_update_v2(doc.encode_state_as_update_v2());
  ASSERT_EQ(decoded.structs.size(), 4u);
  const DecodedStruct& mark = decoded.structs[0];
  EXPECT_EQ(mark.kind, StructKind::kFormat);
  EXPECT_EQ(mark.id, (Id{5, 0}));
  EXPECT_EQ(mark.text, "bold");
  EXPECT_EQ(mark.values, Any::Array{Any(true)});
  EXPECT_EQ(std::get<std::string>(mark.parent), "t");
  EXPECT_EQ(decoded.structs[1].text, "hi");
  EXPECT_EQ(decoded.structs[1].length, 2u);
  EXPECT_EQ(decoded.structs[1].origin, (Id{5, 0}));
  EXPECT_EQ(decoded.structs[3].key, "k");
  EXPECT_EQ(decoded.structs[3].values, (Any::Array{Any(Any::Array{Any(1), Any()})}));
  EXPECT_TRUE(decoded.deletes.empty());
  EXPECT_STREQ(struct_kind_name(mark.kind), "ContentFormat");
}

TEST(UpdateV2, KeepsValuesThatJsonHasNot) {
  Doc doc({.client_id = 1});
  const Any embed = Any::Object{{"bytes", Any(Bytes{1, 2})}, {"big", Any::big_int(7)}};
  ASSERT_TRUE(doc.text("t").insert_embed(0, embed));
  Doc other({.client_id = 2});
  ASSERT_TRUE(other.apply_update_v2(doc.encode_state_as_update_v2()));
  EXPECT_EQ(std::get<Any>(other.text("t").to_delta().front().insert), embed);
  // In v1 there is what JSON.stringify makes of it, and null for a bigint.
  Doc third({.client_id = 3});
  ASSERT_TRUE(third.apply_update(doc.encode_state_as_update()));
  EXPECT_EQ(std::get<Any>(third.text("t").to_delta().front().insert).to_json(),
            R"({"bytes":{"0":1,"1":2},"big":null})");
}

TEST(UpdateV2, WaitsForWhatIsMissingInEitherFormat) {
  Doc author({.client_id = 1});
  std::vector<Bytes> v1;
  std::vector<Bytes> v2;
  const Subscription one = author.on_update(
      [&](ByteView u, const Transaction&) { v1.emplace_back(u.begin(), u.end()); });
  const Subscription two = author.on_update_v2(
      [&](ByteView u, const Transaction&) { v2.emplace_back(u.begin(), u.end()); });
  for (const char* word : {"a", "b", "c", "d"}) ASSERT_TRUE(author.text("t").insert(0, word));
  Doc reader({.client_id = 2});
  ASSERT_TRUE(reader.apply_update_v2(v2[3]));
  ASSERT_TRUE(reader.apply_update(v1[2]));
  EXPECT_TRUE(reader.has_pending());
  Doc relay({.client_id = 3});  // What waits is passed on, in either format.
  ASSERT_TRUE(relay.apply_update_v2(reader.encode_state_as_update_v2()));
  ASSERT_TRUE(relay.apply_update(reader.encode_state_as_update()));
  for (Doc* doc : {&reader, &relay}) {
    ASSERT_TRUE(doc->apply_update(v1[0]));
    ASSERT_TRUE(doc->apply_update_v2(v2[1]));
    EXPECT_FALSE(doc->has_pending());
    EXPECT_EQ(doc->root_text("t"), "dcba");
  }
}

// --- Hostile input -------------------------------------------------------------------------------

/// An update put together from its columns.
struct Columns {
  Bytes key_clocks;
  Bytes clients;
  Bytes left_clocks;
  Bytes right_clocks;
  Bytes infos;
  std::string text;
  Bytes text_lengths;
  Bytes parent_infos;
  Bytes type_refs;
  Bytes lengths;
  Bytes rest;

  Bytes update() const {
    Bytes strings;
    append_varstring(strings, text);
    append(strings, text_lengths);
    Bytes out{0};
    for (const Bytes* column :
         {&key_clocks, &clients, &left_clocks, &right_clocks, &infos,
          static_cast<const Bytes*>(&strings), &parent_infos, &type_refs, &lengths}) {
      append_varbytes(out, *column);
    }
    append(out, rest);
    return out;
  }
};

Bytes varuints(std::initializer_list<std::uint64_t> values) {
  Bytes out;
  for (const std::uint64_t value : values) append_varuint(out, value);
  return out;
}

/// A run of a value below 64, as UintOptRleEncoder writes it.
Bytes run_of(std::uint8_t value, std::uint64_t count) {
  Bytes out{static_cast<std::uint8_t>(0x40 | value)};
  append_varuint(out, count - 2);
  return out;
}

/// `count` collected structs of length one, in some thirty bytes.
Bytes collected(std::uint64_t count) {
  Columns columns;
  columns.clients = {1};
  columns.infos = {0};
  columns.lengths = run_of(1, count);
  columns.rest = varuints({1, count, 0, 0});
  return columns.update();
}

TEST(UpdateV2Hostile, RunsOfStructsEndAtTheLimit) {
  const std::uint64_t bytes = collected(kUpdateStructsMax).size();
  const Bytes most = collected(kUpdateStructsMax + bytes);
  ASSERT_EQ(most.size(), bytes);
  EXPECT_EQ(inspect_update_v2(most)->struct_count, kUpdateStructsMax + bytes);
  Doc doc({.client_id = 1});
  EXPECT_TRUE(doc.apply_update_v2(most));
  EXPECT_EQ(doc.state_vector().clock_of(1), kUpdateStructsMax + bytes);

  const Bytes more = collected(kUpdateStructsMax + bytes + 1);
  ASSERT_EQ(more.size(), bytes);
  EXPECT_EQ(validate_update_v2(more).error().code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(validate_update_v2(collected(std::uint64_t{1} << 50)).error().code,
            ErrorCode::kLimitExceeded);
}

/// `count` marks of one long name, which is written once.
Bytes marks(std::size_t name_size, std::uint64_t count) {
  Columns columns;
  columns.key_clocks = varuints({1});  // Difference 0, and a count:
  append_varuint(columns.key_clocks, count - 2);
  columns.clients = {1};
  append(columns.clients, run_of(2, count));
  columns.left_clocks = columns.key_clocks;
  columns.infos = {6};
  columns.text.assign(name_size, 'n');
  columns.text_lengths = {static_cast<std::uint8_t>(0x80 | (name_size & 0x3f))};
  append_varuint(columns.text_lengths, name_size >> 6);
  columns.parent_infos = {0};
  columns.rest = varuints({1, count, 0});
  columns.rest.resize(columns.rest.size() + count, 126);
  columns.rest.push_back(0);
  return columns.update();
}

TEST(UpdateV2Hostile, ExpansionEndsAtTheLimit) {
  constexpr std::size_t kName = 1u << 20;
  const std::uint64_t size = marks(kName, 128).size();
  const std::uint64_t most = (kUpdateExpansionMax + kUpdateExpansionFactor * size) / (kName + 20);
  EXPECT_TRUE(validate_update_v2(marks(kName, most - 1)));
  EXPECT_EQ(validate_update_v2(marks(kName, most + 2)).error().code, ErrorCode::kLimitExceeded);
  EXPECT_TRUE(validate_update_v2(marks(3, 100)));
}

/// One collected struct.
Bytes one_collected(std::uint64_t clock, std::uint64_t length) {
  Columns columns;
  columns.clients = {1};
  columns.infos = {0};
  columns.lengths = {static_cast<std::uint8_t>(0x80 | (length & 0x3f))};
  append_varuint(columns.lengths, length >> 6);
  columns.rest = varuints({1, 1, clock, 0});
  return columns.update();
}

TEST(UpdateV2Hostile, ClocksAndLengthsStayInRange) {
  EXPECT_EQ(inspect_update_v2(one_collected(0, kClockMax))->structs.front().length, kClockMax);
  EXPECT_TRUE(validate_update_v2(one_collected(kClockMax - 64, 64)));
  EXPECT_FALSE(validate_update_v2(one_collected(kClockMax - 64, 65)));
  EXPECT_FALSE(validate_update_v2(one_collected(0, kClockMax + 1)));
  EXPECT_FALSE(validate_update_v2(one_collected(0, kSafeIntegerMax)));
  EXPECT_FALSE(validate_update_v2(one_collected(kSafeIntegerMax, 1)));
  EXPECT_FALSE(validate_update_v2(one_collected(0, 0)));

  Columns columns;  // Deletes are in differences.
  columns.rest = varuints({0, 1, 7, 2, kClockMax - 3, 0, 1, 0});
  const auto listing = inspect_update_v2(columns.update());
  ASSERT_TRUE(listing);
  EXPECT_EQ(listing->deletes, (std::vector<IdRange>{{7, kClockMax - 3, 1}, {7, kClockMax - 1, 1}}));
  columns.rest = varuints({0, 1, 7, 2, kClockMax - 3, 0, 1, 1});
  EXPECT_FALSE(validate_update_v2(columns.update()));
}

TEST(UpdateV2Hostile, EveryByteMatters) {
  for (const Json& one : cases()) {
    const Bytes update = bytes_of(one.at("merged"));
    if (update.size() > 600) continue;
    for (std::size_t size = 0; size < update.size(); ++size) {
      const ByteView cut = ByteView(update).first(size);
      EXPECT_FALSE(validate_update_v2(cut)) << one.at("name") << " cut to " << size;
    }
    Bytes longer = update;
    longer.push_back(0);
    EXPECT_FALSE(validate_update_v2(longer));
    for (std::size_t at = 0; at < update.size(); ++at) {
      for (const int change : {0x01, 0x40, 0x80, 0xff}) {
        Bytes changed = update;
        changed[at] = static_cast<std::uint8_t>(changed[at] ^ change);
        Doc doc({.client_id = 9});
        const auto listing = inspect_update_v2(changed);
        if (listing && listing->struct_count > 1000) continue;
        const auto applied = doc.apply_update_v2(changed);
        EXPECT_EQ(applied.has_value(), listing.has_value());
        if (!applied) {
          EXPECT_EQ(doc.encode_state_as_update_v2(), Doc({}).encode_state_as_update_v2());
        }
      }
    }
  }
}

TEST(UpdateTools, MergeTakesClientsInAnyOrder) {
  // Client 1 writes "a", then client 2 "b", both in the root "t": ascending, as Yjs does not.
  const Bytes ascending = {2, 1, 1, 0, 4, 1, 1, 't', 1, 'a', 1, 2, 0, 4, 1, 1, 't', 1, 'b', 0};
  const Bytes other = {1, 1, 1, 1, 0x84, 1, 0, 1, 'c', 0};
  ASSERT_TRUE(validate_update(ascending));
  ASSERT_TRUE(validate_update(other));
  const Bytes both[] = {ascending, other};
  const auto merged = merge_updates(std::span<const Bytes>(both));
  ASSERT_TRUE(merged);
  ASSERT_TRUE(validate_update(*merged));
  const Bytes both_v2[] = {*convert_update_v1_to_v2(ascending), *convert_update_v1_to_v2(other)};
  const auto merged_v2 = merge_updates_v2(std::span<const Bytes>(both_v2));
  ASSERT_TRUE(merged_v2);
  EXPECT_TRUE(validate_update_v2(*merged_v2));
  Doc one({.client_id = 9});
  Doc two({.client_id = 9});
  ASSERT_TRUE(one.apply_update(*merged));
  ASSERT_TRUE(two.apply_update(ascending));
  ASSERT_TRUE(two.apply_update(other));
  EXPECT_EQ(one.encode_state_as_update(), two.encode_state_as_update());
}

}  // namespace
}  // namespace coterie::crdt
