// One of each thing that node/core signs, seals or stores for others to read, with fixed keys: what
// the golden file tests/golden/entries/entries_v1.json holds the bytes of.

#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "node/core/invite.hpp"
#include "node/core/join.hpp"
#include "node/core/log/entry.hpp"
#include "node/core/log/segments.hpp"
#include "node/core/membership/operations.hpp"
#include "node/core/preview.hpp"
#include "node/core/records.hpp"
#include "node/core/transfer_messages.hpp"
#include "tests/support/seeded_secure_random.hpp"

namespace coterie::testing {

inline crypto::SecretKey patterned_secret(std::uint8_t byte) {
  const Bytes bytes(crypto::SecretKey::kBytes, byte);
  return *crypto::SecretKey::from(bytes);
}

struct EntrySamples {
  crypto::SecretKey founder_seed = patterned_secret(1);
  crypto::SecretKey newcomer_seed = patterned_secret(2);
  std::string invite_secret;  ///< 16 bytes, in hexadecimal.
  crypto::SecretKey epoch_key = patterned_secret(4);
  crypto::SecretKey second_invite_seed = patterned_secret(5);
  crypto::SecretKey guest_seed = patterned_secret(6);
  crypto::SecretKey second_epoch_key = patterned_secret(7);
  WorkspaceId workspace;
  LogId log;
  /// The founder's log: genesis, invite, admit, document, update, clients; then one of each other
  /// operation, all of which count: rekey, invite with approval, request, revoke, role,
  /// acknowledge, remove.
  std::vector<Bytes> entries;
  LogHead head;
  /// What begins a branch after the third entry, if the document entry were a fork; its name.
  Bytes descriptor;
  LogId branch;
  /// The records in entries 4 to 6, in clear.
  std::vector<Bytes> records;
  /// A record that names the document of the sample update. In no entry.
  Bytes version;
  Bytes unnamed;
  Bytes checkpoint;
  Bytes vouch;
  Bytes report;
  Bytes properties;
  Bytes document_role;
  Bytes document_invite;
  Bytes guest;
  Bytes session_end;
  Bytes next_generation;  ///< Of a document.
  /// Chat of a guest, a comment with a suggestion, an answer, an amendment, words of the session's
  /// state, attendance.
  std::vector<Bytes> rooms;
  std::string invite;
  std::map<std::string, Bytes> messages;
};

inline EntrySamples entry_samples() {
  using namespace coterie::node;
  EntrySamples out;
  SeededSecureRandom random(1);
  const auto founder = crypto::SigningKey::from_seed(out.founder_seed);
  const auto newcomer = crypto::SigningKey::from_seed(out.newcomer_seed);
  const Hash commitment = crypto::key_commitment(out.epoch_key);
  constexpr std::uint64_t kStart = 1'760'000'000'000;
  out.log = {founder.id(), 0x0123456789abcdef};

  std::vector<Hash> heads;
  const auto time = [&] { return (kStart + out.head.seq) << 16; };
  const auto operate = [&](EntryClass entry_class, const Operation& operation) {
    Hash hash;
    const Entry entry =
        sign_entry({out.workspace, out.log, out.head.seq + 1, out.head.hash}, entry_class, time(),
                   heads, founder, encode_operation(operation), hash);
    out.entries.push_back(encode_stored(entry));
    out.head = {out.head.seq + 1, hash};
    heads = {hash};
  };
  const auto write = [&](const Record& record) {
    Hash hash;
    out.records.push_back(encode_record(record));
    const Entry entry =
        seal_entry({out.workspace, out.log, out.head.seq + 1, out.head.hash}, time(), heads,
                   out.epoch_key, commitment, random, founder, out.records.back(), hash);
    out.entries.push_back(encode_stored(entry));
    out.head = {out.head.seq + 1, hash};
  };

  operate(EntryClass::kGenesis, CreateOperation{"team", commitment});
  out.workspace.bytes = out.head.hash.bytes;
  InviteSecret secret;
  secret.workspace = tag_of(out.workspace);
  Bytes secret_bytes(kInviteSecretBytes, 3);
  out.invite_secret = to_hex(secret_bytes);
  secret_bytes.resize(crypto::SecretKey::kBytes);
  secret.secret = *crypto::SecretKey::from(secret_bytes);
  secret.contacts.push_back({founder.id(), {"tcp://192.168.1.20:7400", "tcp://red.example:7400"}});
  const auto invite = invite_key(secret);
  operate(EntryClass::kMembership,
          InviteOperation{invite.id(), Role::kEditor, kStart + 86'400'000, 1});
  AdmitOperation admit;
  admit.device = newcomer.id();
  admit.name = "green";
  admit.role = Role::kEditor;
  admit.invite = invite.id();
  admit.proof = invite.sign(admission_proof(out.workspace, newcomer.id()).view());
  admit.keys.push_back({commitment, *crypto::seal_to(newcomer.id(), random, out.epoch_key.view())});
  operate(EntryClass::kMembership, admit);
  const LogHead fork = out.head;
  const std::string path = "notes/today.md";
  const DocumentId document = document_id(out.workspace, path);
  write(DocumentRecord{document, path, kStart});
  out.descriptor = encode_descriptor({out.log.incarnation, fork.seq + 1, fork.hash});
  out.branch = branch_name(out.log, out.head.hash);
  // insert(0, "hi") into the text "monaco" by Yjs client 7.
  const Bytes update{1, 1, 7, 0, 4, 1, 6, 'm', 'o', 'n', 'a', 'c', 'o', 2, 'h', 'i', 0};
  write(UpdateRecord{document, update});
  const Bytes snapshot{0, 1, 7, 2};  // Nothing deleted; two elements of client 7.
  out.version = encode_record(VersionRecord{document, kStart + 5, "draft", snapshot});
  out.unnamed = encode_record(VersionRecord{document, kStart + 5, "", snapshot});
  CheckpointRecord checkpoint;
  checkpoint.root.bytes.fill(0x5a);
  LogId first;
  first.device.bytes.fill(0x11);
  first.incarnation = 0x0102030405060708;
  LogHead head{300, {}};
  head.hash.bytes.fill(0xc3);
  checkpoint.frontier.emplace(first, head);
  LogId second = first;
  second.device.bytes.fill(0x22);
  head.seq = 1;
  checkpoint.frontier.emplace(second, head);
  out.checkpoint = encode_record(checkpoint);
  VouchRecord vouch;
  vouch.checkpoint.bytes.fill(0xc3);
  vouch.same = true;
  vouch.waived = {second.device};
  out.vouch = encode_record(vouch);
  out.report = encode_record(ReportRecord{second.device});
  const DocumentId next = document_id(out.workspace, "notes/a.md", 300);
  out.next_generation = encode_record(DocumentRecord{next, "notes/a.md", kStart, 300});
  out.properties = encode_record(PropertiesRecord{next,
                                                  {{"archived", "1"},
                                                   {"kind", "code"},
                                                   {"language", "c++"},
                                                   {"meta.status", "draft"},
                                                   {"path", "notes/b.md"},
                                                   {"title", "N\u00f6tes"},
                                                   {"trashed", ""}}});
  MessageRecord said;
  said.document = document;
  said.text = "h\u00e9llo @green";
  said.guest = "guest-1";
  said.mentions = {second.device};
  Hash before;
  before.bytes.fill(0x44);
  said.reply = before;
  MessageRecord comment;
  comment.document = document;
  comment.anchor = Anchor{"hi", RangeAnchor{"monaco", {1, 2, 3}, {4, 5}}};
  comment.suggestion = "ho";
  MessageRecord answer;
  answer.document = document;
  answer.thread = before;
  answer.text = "yes";
  MessageRecord lines;
  lines.document = document;
  lines.anchor = Anchor{"", LineAnchor{3, 300}};
  lines.text = "these";
  for (const Record& record : {Record(said), Record(comment), Record(answer), Record(lines),
                               Record(AmendRecord{document, before, Amendment::kEdit, "", "new"}),
                               Record(AmendRecord{document, before, Amendment::kAccept, "", ""}),
                               Record(StateWord{document, StateWord::What::kSet, "health", "{}"}),
                               Record(StateWord{document, StateWord::What::kCount, "runs", "-7"}),
                               Record(AttendRecord{document, true, "guest-1", "Ann"})}) {
    out.rooms.push_back(encode_record(record));
  }
  DocumentRoleOperation limit;
  limit.device = second.device;
  limit.document.bytes.fill(0x44);
  limit.role = Role::kViewer;
  limit.seen.push_back({first, 300, checkpoint.root});
  limit.seen.back().hash.bytes.fill(0xc3);
  out.document_role = encode_operation(limit);
  InviteOperation to_document;
  to_document.invite.bytes.fill(0x33);
  to_document.role = Role::kCommenter;
  to_document.expires = kStart + 86'400'000;
  to_document.uses = 5;
  to_document.document = limit.document;
  out.document_invite = encode_operation(to_document);
  out.guest = encode_record(GuestRecord{limit.document, GuestWord::kOut, second.device, "g1"});
  out.session_end = encode_record(GuestRecord{limit.document, GuestWord::kEnded, {}, {}});
  ClientsRecord clients;
  clients.salt.fill(0x77);
  write(clients);

  const auto second_invite = crypto::SigningKey::from_seed(out.second_invite_seed);
  const auto guest = crypto::SigningKey::from_seed(out.guest_seed);
  RekeyOperation rekey;
  rekey.key = crypto::key_commitment(out.second_epoch_key);
  std::vector<DeviceId> to{founder.id(), newcomer.id()};
  std::sort(to.begin(), to.end());
  const auto boxes = crypto::seal_key(to, random, out.second_epoch_key);
  rekey.ephemeral = boxes.ephemeral;
  rekey.boxes = boxes.boxes;
  rekey.previous.push_back({commitment, crypto::chain_key(out.second_epoch_key, out.epoch_key)});
  operate(EntryClass::kMembership, rekey);
  InviteOperation approval{second_invite.id(), Role::kViewer, kStart + 86'400'000, 3};
  approval.approval = true;
  approval.from_now = true;
  operate(EntryClass::kMembership, approval);
  RequestOperation request;
  request.device = guest.id();
  request.name = "guest";
  request.invite = second_invite.id();
  request.proof = second_invite.sign(admission_proof(out.workspace, guest.id()).view());
  operate(EntryClass::kMembership, request);
  operate(EntryClass::kMembership, RevokeOperation{second_invite.id()});
  const LogMark mark{{newcomer.id(), 0x1111222233334444}, 300, commitment};
  operate(EntryClass::kMembership, RoleOperation{newcomer.id(), Role::kCommenter, {mark}});
  operate(EntryClass::kMembership, AcknowledgeOperation{heads[0], {mark}});
  operate(EntryClass::kMembership, RemoveOperation{newcomer.id(), true, {mark}});

  out.invite = format_invite(secret);

  out.messages["redeem"] =
      encode_join_message(make_redeem(secret.workspace, newcomer, "green", invite));
  Welcome welcome;
  welcome.workspace = out.workspace;
  welcome.keys = admit.keys;
  welcome.frontier[out.log] = out.head;
  const Card card = make_card(out.workspace, founder, kStart, "red",
                              {"tcp://192.168.1.20:7400", "tcp://red.example:7400"});
  welcome.cards.push_back(card);
  out.messages["welcome"] = encode_join_message(welcome);
  out.messages["waiting"] = encode_join_message(Waiting{out.workspace});
  out.messages["refused"] = encode_join_message(Refused{RefusalReason::kUsedUp});
  const Hash bundle = crypto::hash(as_bytes("a bundle"));
  out.messages["checkpoint_offer"] =
      encode_transfer_message(CheckpointOffer{out.workspace, out.head.hash, 300'000, bundle});
  out.messages["checkpoint_fetch"] =
      encode_transfer_message(CheckpointFetch{out.workspace, bundle, 262'144});
  out.messages["checkpoint_part"] =
      encode_transfer_message(CheckpointPart{out.workspace, bundle, 262'144, Bytes{0xbe, 0xef}});
  out.messages["card_digest"] = encode_card_message(CardDigest{out.workspace, bundle});
  out.messages["card_list"] =
      encode_card_message(CardList{out.workspace, {{founder.id(), kStart}}});
  out.messages["cards"] = encode_card_message(CardBatch{out.workspace, {card}});
  out.messages["preview_want"] = encode_preview_message(PreviewWant{out.workspace});
  out.messages["preview_part"] =
      encode_preview_message(PreviewPart{out.workspace, document_id(out.workspace, "notes/a.md"),
                                         "notes/a.md", 300, Bytes{0xbe, 0xef}});
  return out;
}

}  // namespace coterie::testing
