// The formats of node/core stay what they were: our bytes equal the golden file's, and the golden
// file's are read as what they are.

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "node/core/codec.hpp"
#include "node/core/membership/membership.hpp"
#include "tests/support/entry_samples.hpp"

namespace coterie::node {
namespace {

nlohmann::json golden() {
  std::ifstream in(std::string(COTERIE_SOURCE_DIR) + "/tests/golden/entries/entries_v1.json");
  return nlohmann::json::parse(in);
}

Bytes bytes_of(const nlohmann::json& value) {
  auto bytes = from_hex(value.get<std::string>());
  EXPECT_TRUE(bytes);
  return bytes ? *bytes : Bytes{};
}

TEST(GoldenTest, WeWriteWhatWeWrote) {
  const auto samples = testing::entry_samples();
  const auto file = golden();
  EXPECT_EQ(file.at("workspace"), samples.workspace.hex());
  EXPECT_EQ(file.at("head"), samples.head.hash.hex());
  EXPECT_EQ(file.at("descriptor"), to_hex(samples.descriptor));
  EXPECT_EQ(file.at("invite"), samples.invite);
  ASSERT_EQ(file.at("entries").size(), samples.entries.size());
  for (std::size_t i = 0; i < samples.entries.size(); ++i) {
    EXPECT_EQ(file.at("entries")[i], to_hex(samples.entries[i])) << "entry " << i;
  }
  for (std::size_t i = 0; i < samples.records.size(); ++i) {
    EXPECT_EQ(file.at("records")[i], to_hex(samples.records[i])) << "record " << i;
  }
  EXPECT_EQ(file.at("version"), to_hex(samples.version));
  EXPECT_EQ(file.at("unnamed"), to_hex(samples.unnamed));
  EXPECT_EQ(file.at("checkpoint"), to_hex(samples.checkpoint));
  EXPECT_EQ(file.at("vouch"), to_hex(samples.vouch));
  EXPECT_EQ(file.at("report"), to_hex(samples.report));
  EXPECT_EQ(file.at("next_generation"), to_hex(samples.next_generation));
  EXPECT_EQ(file.at("properties"), to_hex(samples.properties));
  ASSERT_EQ(file.at("rooms").size(), samples.rooms.size());
  for (std::size_t i = 0; i < samples.rooms.size(); ++i) {
    EXPECT_EQ(file.at("rooms")[i], to_hex(samples.rooms[i])) << "of a room " << i;
  }
  EXPECT_EQ(file.at("document_role"), to_hex(samples.document_role));
  EXPECT_EQ(file.at("document_invite"), to_hex(samples.document_invite));
  EXPECT_EQ(file.at("guest"), to_hex(samples.guest));
  EXPECT_EQ(file.at("session_end"), to_hex(samples.session_end));
  ASSERT_EQ(file.at("messages").size(), samples.messages.size());
  for (const auto& [name, message] : samples.messages) {
    EXPECT_EQ(file.at("messages").at(name), to_hex(message)) << name;
  }
}

TEST(GoldenTest, WeReadWhatWasWritten) {
  const auto file = golden();
  const auto workspace = *WorkspaceId::from(bytes_of(file.at("workspace")));
  const auto founder =
      crypto::SigningKey::from_seed(*crypto::SecretKey::from(bytes_of(file.at("founder_seed"))));
  const auto newcomer =
      crypto::SigningKey::from_seed(*crypto::SecretKey::from(bytes_of(file.at("newcomer_seed"))));
  const LogId log{founder.id(), 0x0123456789abcdef};
  std::vector<Bytes> stored;
  for (const auto& entry : file.at("entries")) stored.push_back(bytes_of(entry));
  const auto run = verify_run(workspace, log, {}, stored);
  ASSERT_TRUE(run);
  EXPECT_EQ(run->back().hash.hex(), file.at("head"));
  EXPECT_TRUE(equal(run->front().hash.view(), workspace.view()));
  const auto descriptor = decode_descriptor(bytes_of(file.at("descriptor")));
  ASSERT_TRUE(descriptor);
  EXPECT_EQ(*descriptor, (BranchDescriptor{log.incarnation, 4, (*run)[2].hash}));
  Bytes branch;
  append_u64(branch, branch_name(log, (*run)[3].hash).incarnation);
  EXPECT_EQ(file.at("branch"), to_hex(branch));

  const Bytes version_bytes = bytes_of(file.at("version"));
  const auto version = decode_record(workspace, version_bytes);
  ASSERT_TRUE(version);
  EXPECT_EQ(std::get<VersionRecord>(*version).name, "draft");
  EXPECT_EQ(std::get<VersionRecord>(*version).moment, 1'760'000'000'005u);
  EXPECT_EQ(to_hex(std::get<VersionRecord>(*version).snapshot), "00010702");
  const Bytes checkpoint_bytes = bytes_of(file.at("checkpoint"));
  const auto checkpoint = decode_record(workspace, checkpoint_bytes);
  ASSERT_TRUE(checkpoint);
  EXPECT_EQ(std::get<CheckpointRecord>(*checkpoint).frontier.size(), 2u);
  EXPECT_EQ(std::get<CheckpointRecord>(*checkpoint).frontier.begin()->second.seq, 300u);
  const Bytes report_bytes = bytes_of(file.at("report"));
  const auto report = decode_record(workspace, report_bytes);
  ASSERT_TRUE(report);
  EXPECT_EQ(std::get<ReportRecord>(*report).device.bytes[31], 0x22);
  EXPECT_EQ(std::get<ReportRecord>(*report).reason, 1);
  const Bytes next_bytes = bytes_of(file.at("next_generation"));
  const auto next = decode_record(workspace, next_bytes);
  ASSERT_TRUE(next);
  EXPECT_EQ(std::get<DocumentRecord>(*next).generation, 300u);
  const Bytes properties_bytes = bytes_of(file.at("properties"));
  const auto properties = decode_record(workspace, properties_bytes);
  ASSERT_TRUE(properties);
  EXPECT_EQ(std::get<PropertiesRecord>(*properties).document,
            std::get<DocumentRecord>(*next).document);
  EXPECT_EQ(std::get<PropertiesRecord>(*properties).values.at("path"), "notes/b.md");
  for (const auto& one : file.at("rooms")) {
    const Bytes bytes = bytes_of(one);
    const auto record = decode_record(workspace, bytes);
    ASSERT_TRUE(record);
    EXPECT_EQ(encode_record(*record), bytes);
  }
  const auto limit = decode_operation(bytes_of(file.at("document_role")));
  ASSERT_TRUE(limit);
  EXPECT_EQ(std::get<DocumentRoleOperation>(*limit).role, Role::kViewer);
  EXPECT_EQ(std::get<DocumentRoleOperation>(*limit).seen.at(0).seq, 300u);
  const auto to_document = decode_operation(bytes_of(file.at("document_invite")));
  ASSERT_TRUE(to_document);
  EXPECT_EQ(std::get<InviteOperation>(*to_document).document,
            std::get<DocumentRoleOperation>(*limit).document);
  const Bytes guest_bytes = bytes_of(file.at("guest"));
  const auto guest = decode_record(workspace, guest_bytes);
  ASSERT_TRUE(guest);
  EXPECT_EQ(std::get<GuestRecord>(*guest).word, GuestWord::kOut);
  EXPECT_EQ(std::get<GuestRecord>(*guest).guest, "g1");
  const Bytes vouch_bytes = bytes_of(file.at("vouch"));
  const auto vouch = decode_record(workspace, vouch_bytes);
  ASSERT_TRUE(vouch);
  EXPECT_TRUE(std::get<VouchRecord>(*vouch).same);
  EXPECT_EQ(std::get<VouchRecord>(*vouch).waived.size(), 1u);
  const Bytes unnamed_bytes = bytes_of(file.at("unnamed"));
  const auto unnamed = decode_record(workspace, unnamed_bytes);
  ASSERT_TRUE(unnamed);
  EXPECT_EQ(std::get<VersionRecord>(*unnamed).name, "");
  EXPECT_EQ(std::get<VersionRecord>(*unnamed).moment, 1'760'000'000'005u);
  EXPECT_EQ(to_hex(std::get<VersionRecord>(*unnamed).snapshot), "00010702");

  Membership membership(workspace);
  crypto::SecretKey key;
  std::size_t record = 0;
  for (const auto& [entry, hash] : *run) {
    if (entry.entry_class == EntryClass::kContent) {
      const auto clear = open_entry(entry, key);
      ASSERT_TRUE(clear);
      EXPECT_EQ(to_hex(*clear), file.at("records")[record++]);
      EXPECT_TRUE(decode_record(workspace, *clear));
      continue;
    }
    ASSERT_TRUE(membership.add({hash, log, entry.position.seq, entry.time, entry.heads,
                                entry.payload, entry.entry_class == EntryClass::kGenesis}));
    const auto operation = decode_operation(entry.payload);
    ASSERT_TRUE(operation);
    if (const auto* admit = std::get_if<AdmitOperation>(&*operation)) {
      const auto opened = crypto::open_sealed(newcomer, admit->keys.at(0).sealed);
      ASSERT_TRUE(opened);
      key = *crypto::SecretKey::from(*opened);
    }
  }
  EXPECT_EQ(record, 3u);
  EXPECT_EQ(membership.name(), "team");
  // Every kind of operation is in it, and each counts.
  std::set<std::uint64_t> kinds;
  for (const auto& one : membership.history()) {
    EXPECT_TRUE(one.counts) << operation_name(operation_kind(*one.operation)) << one.reason;
    kinds.insert(operation_kind(*one.operation));
    if (std::holds_alternative<AdmitOperation>(*one.operation)) {
      const auto roster = membership.at(std::span(&one.hash, 1));
      ASSERT_NE(roster->find(newcomer.id()), nullptr);
      EXPECT_EQ(roster->find(newcomer.id())->role, Role::kEditor);
    }
    if (const auto* rekey = std::get_if<RekeyOperation>(one.operation)) {
      const std::size_t place = newcomer.id() < founder.id() ? 0 : 1;
      const auto second = crypto::open_key(newcomer, rekey->ephemeral, rekey->boxes.at(place));
      ASSERT_TRUE(second);
      EXPECT_EQ(crypto::key_commitment(*second), rekey->key);
      const auto& older = rekey->previous.at(0);
      EXPECT_TRUE(crypto::unchain_key(*second, older.commitment, older.box));
    }
  }
  EXPECT_EQ(kinds, (std::set<std::uint64_t>{1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(membership.find(newcomer.id()), nullptr);

  const auto invite = parse_invite(file.at("invite").get<std::string>());
  ASSERT_TRUE(invite);
  EXPECT_EQ(to_hex(invite->secret.view().first(kInviteSecretBytes)), file.at("invite_secret"));
  EXPECT_EQ(invite->workspace, tag_of(workspace));
  EXPECT_EQ(membership.invites().count(invite_key(*invite).id()), 1u);
  for (const auto& [name, message] : file.at("messages").items()) {
    const Bytes bytes = bytes_of(message);
    if (is_transfer_message(bytes)) {
      EXPECT_TRUE(decode_transfer_message(bytes)) << name;
      continue;
    }
    if (is_card_message(bytes)) {
      EXPECT_TRUE(decode_card_message(bytes)) << name;
      continue;
    }
    if (is_preview_message(bytes)) {
      EXPECT_TRUE(decode_preview_message(bytes)) << name;
      continue;
    }
    const auto decoded = decode_join_message(bytes);
    ASSERT_TRUE(decoded) << name;
    if (const auto* welcome = std::get_if<Welcome>(&*decoded)) {
      ASSERT_EQ(welcome->cards.size(), 1u);
      EXPECT_TRUE(verify_card(workspace, welcome->cards[0]));
    }
    const auto* redeem = std::get_if<Redeem>(&*decoded);
    EXPECT_TRUE(redeem == nullptr || verify_redeem(*redeem));
  }
}

}  // namespace
}  // namespace coterie::node
