// Records, and the names and addresses in them.

#include "node/core/records.hpp"

#include <gtest/gtest.h>

#include <string>

#include "node/core/limits.hpp"
#include "tests/support/choices.hpp"

namespace coterie::node {
namespace {

WorkspaceId workspace() {
  WorkspaceId id;
  id.bytes.fill(3);
  return id;
}

TEST(RecordsTest, EveryKindSurvivesTheRoundTrip) {
  const DocumentId document = document_id(workspace(), "notes/today.md");
  const Bytes update{1, 2, 3};
  const Bytes update_record = encode_record(UpdateRecord{document, update});
  const auto decoded = decode_record(workspace(), update_record);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(std::get<UpdateRecord>(*decoded).document, document);
  EXPECT_TRUE(equal(std::get<UpdateRecord>(*decoded).update, update));

  const Bytes created = encode_record(DocumentRecord{document, "notes/today.md", 1234});
  const auto document_record = decode_record(workspace(), created);
  ASSERT_TRUE(document_record);
  EXPECT_EQ(std::get<DocumentRecord>(*document_record).path, "notes/today.md");
  EXPECT_EQ(std::get<DocumentRecord>(*document_record).created, 1234u);
  EXPECT_FALSE(decode_record({}, created)) << "its id belongs to another workspace";

  const auto carried =
      decode_record(workspace(), encode_record(UpdateRecord{document, update, true}));
  ASSERT_TRUE(carried);
  EXPECT_TRUE(std::get<UpdateRecord>(*carried).carried);
  EXPECT_FALSE(std::get<UpdateRecord>(*decoded).carried);

  const Bytes put_back = encode_record(RevertedRecord{document, update});
  const auto reverted = decode_record(workspace(), put_back);
  ASSERT_TRUE(reverted);
  EXPECT_EQ(std::get<RevertedRecord>(*reverted).document, document);
  EXPECT_TRUE(equal(std::get<RevertedRecord>(*reverted).ids, update));

  const Bytes naming = encode_record(VersionRecord{document, 1234, "draft", update});
  const auto named = decode_record(workspace(), naming);
  ASSERT_TRUE(named);
  EXPECT_EQ(std::get<VersionRecord>(*named).document, document);
  EXPECT_EQ(std::get<VersionRecord>(*named).moment, 1234u);
  EXPECT_EQ(std::get<VersionRecord>(*named).name, "draft");
  EXPECT_TRUE(equal(std::get<VersionRecord>(*named).snapshot, update));
  EXPECT_TRUE(decode_record(workspace(), encode_record(VersionRecord{document, 1, "", update})));
  EXPECT_FALSE(decode_record(workspace(), encode_record(VersionRecord{document, 1, "\n", update})));

  ClientsRecord clients;
  clients.salt.fill(7);
  const Bytes declaration = encode_record(clients);
  const auto declared = decode_record(workspace(), declaration);
  ASSERT_TRUE(declared);
  EXPECT_EQ(std::get<ClientsRecord>(*declared).salt, clients.salt);
  for (const Bytes& wrong :
       {Bytes(declaration.begin(), declaration.end() - 1), Bytes(declaration.size() + 1, 5)}) {
    EXPECT_FALSE(decode_record(workspace(), wrong));
  }
  EXPECT_GE(native_client_id(workspace(), {}, clients), kNativeClientsMin);
  EXPECT_LE(native_client_id(workspace(), {}, clients), 2 * kNativeClientsMin - 1);

  const auto unknown = decode_record(workspace(), Bytes{99, 1, 2});
  ASSERT_TRUE(unknown);
  EXPECT_EQ(std::get<UnknownRecord>(*unknown).kind, 99u);
  EXPECT_FALSE(decode_record(workspace(), {}));
}

TEST(RecordsTest, NamesOfVersionsHaveLimits) {
  const auto document = document_id(workspace(), "d");
  const auto decodes = [&](std::size_t name, std::size_t snapshot) {
    return decode_record(workspace(), encode_record(VersionRecord{
                                          document, 1, std::string(name, 'n'), Bytes(snapshot)}))
        .has_value();
  };
  EXPECT_TRUE(decodes(kNameBytesMax, kVersionSnapshotBytesMax));
  EXPECT_FALSE(decodes(kNameBytesMax + 1, 2));
  EXPECT_FALSE(decodes(1, kVersionSnapshotBytesMax + 1));
  EXPECT_TRUE(decodes(0, 2)) << "which takes it away";
}

TEST(RecordsTest, LargeUpdatesAreSplitAndWhole) {
  for (const std::size_t size : {kRecordPartBytes, kRecordPartBytes + 1, kUpdateBytesMax}) {
    const Bytes update(size, 9);
    const auto records = encode_update({}, update);
    EXPECT_EQ(records.size(), (size + kRecordPartBytes - 1) / kRecordPartBytes);
    std::size_t total = 0;
    for (std::size_t i = 0; i < records.size(); ++i) {
      EXPECT_LE(records[i].size(), kRecordPartBytes + 64);
      const auto record = decode_record(workspace(), records[i]);
      ASSERT_TRUE(record);
      if (records.size() == 1) {
        total += std::get<UpdateRecord>(*record).update.size();
      } else {
        EXPECT_EQ(std::get<PartRecord>(*record).index, i);
        EXPECT_EQ(std::get<PartRecord>(*record).count, records.size());
        total += std::get<PartRecord>(*record).bytes.size();
      }
    }
    EXPECT_EQ(total, size);
  }
}

TEST(RecordsTest, PartsOutOfRangeAreRefused) {
  const Bytes bytes{1};
  EXPECT_TRUE(decode_record({}, encode_record(PartRecord{{}, 1, 2, bytes})));
  EXPECT_FALSE(decode_record({}, encode_record(PartRecord{{}, 2, 2, bytes})));
  EXPECT_FALSE(decode_record({}, encode_record(PartRecord{{}, 0, 1, bytes})));
  EXPECT_TRUE(decode_record({}, encode_record(PartRecord{{}, 0, kRecordPartsMax, bytes})));
  EXPECT_FALSE(decode_record({}, encode_record(PartRecord{{}, 0, kRecordPartsMax + 1, bytes})));
  const Bytes large(kRecordPartBytes + 1);
  EXPECT_FALSE(decode_record({}, encode_record(PartRecord{{}, 0, 2, large})));
}

TEST(RecordsTest, DocumentPaths) {
  for (const char* good : {"a", "notes/today.md", "ein Wort/\xc3\xa4.md", "...", "a/.b"}) {
    EXPECT_TRUE(check_document_path(good)) << good;
  }
  for (const char* bad : {"", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", "a\nb", "a\\b",
                          "\x7f", "\xc2\x85", "\xff", "\xed\xa0\x80"}) {
    EXPECT_FALSE(check_document_path(bad)) << bad;
  }
  EXPECT_TRUE(check_document_path(std::string(kPathBytesMax, 'x')));
  EXPECT_EQ(check_document_path(std::string(kPathBytesMax + 1, 'x')).error().code,
            ErrorCode::kLimitExceeded);
}

TEST(RecordsTest, NamesAndAddresses) {
  EXPECT_TRUE(check_name(std::string(kNameBytesMax, 'x')));
  EXPECT_FALSE(check_name(std::string(kNameBytesMax + 1, 'x')));
  EXPECT_FALSE(check_name(""));
  EXPECT_FALSE(check_name("a\tb"));
  for (const char* good : {"tcp://127.0.0.1:7400", "tcp://[::1]:1", "tcp://red.local:65535"}) {
    EXPECT_TRUE(check_address(good)) << good;
  }
  for (const char* bad : {"", "tcp://", "tcp://:1", "tcp://a:", "tcp://a:0", "tcp://a:65536",
                          "tcp://a b:1", "ipc://a:1", "tcp://a", "tcp://a:1x", "tcp://a:000001"}) {
    EXPECT_FALSE(check_address(bad)) << bad;
  }
  EXPECT_FALSE(check_address("tcp://" + std::string(kAddressBytesMax, 'a') + ":1"));
}

TEST(RecordsTest, RandomBytesNeverCrash) {
  testing::for_each_seed(5000, [](std::uint64_t seed) {
    Random random(seed);
    Bytes bytes(1 + random.below(120));
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random.next());
    bytes[0] = static_cast<std::uint8_t>(1 + random.below(5));
    (void)decode_record(workspace(), bytes);  // Whatever it is, it must not crash.
  });
}

}  // namespace
}  // namespace coterie::node
