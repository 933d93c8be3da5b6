#include "node/core/invite.hpp"

#include "node/core/codec.hpp"
#include "node/core/limits.hpp"
#include "node/core/records.hpp"

namespace coterie::node {
namespace {

constexpr std::string_view kPrefix = "coterie1";
constexpr std::string_view kDomain = "coterie invite v1";
constexpr std::string_view kAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kChecksumBytes = 4;

std::string to_base32(ByteView bytes) {
  std::string out;
  std::uint32_t bits = 0;
  int held = 0;
  for (const std::uint8_t byte : bytes) {
    bits = (bits << 8) | byte;
    held += 8;
    while (held >= 5) {
      held -= 5;
      out.push_back(kAlphabet[(bits >> held) & 31]);
    }
    bits &= (1u << held) - 1;
  }
  if (held > 0) out.push_back(kAlphabet[(bits << (5 - held)) & 31]);
  return out;
}

int digit_of(char c) {
  if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (c == 'o') c = '0';
  if (c == 'i' || c == 'l') c = '1';
  const std::size_t at = kAlphabet.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

Result<Bytes> from_base32(std::string_view text, std::size_t offset) {
  Bytes out;
  std::uint32_t bits = 0;
  int held = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int digit = digit_of(text[i]);
    if (digit < 0) return malformed("invite has a character that no invite has", offset + i);
    bits = (bits << 5) | static_cast<std::uint32_t>(digit);
    held += 5;
    if (held >= 8) {
      held -= 8;
      out.push_back(static_cast<std::uint8_t>(bits >> held));
      bits &= (1u << held) - 1;
    }
  }
  if (held >= 5 || bits != 0) return malformed("invite is mistyped or cut off", text.size());
  return out;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

Result<InviteContact> read_contact(ByteReader& in) {
  InviteContact contact;
  COTERIE_TRY(contact.device, read_id<DeviceId>(in));
  COTERIE_TRY(const std::uint64_t count, read_number(in));
  if (count > kAddressesMax) {
    return Error{ErrorCode::kLimitExceeded, "invite with too many addresses", count};
  }
  for (std::uint64_t i = 0; i < count; ++i) {
    COTERIE_TRY(std::string address, read_text(in, kAddressBytesMax));
    COTERIE_CHECK(check_address(address));
    contact.addresses.push_back(std::move(address));
  }
  return contact;
}

}  // namespace

std::string format_invite(const InviteSecret& invite) {
  Bytes content;
  content.push_back(kVersion);
  append(content, invite.workspace.view());
  append(content, invite.seed.view());
  append_varuint(content, invite.contacts.size());
  for (const InviteContact& contact : invite.contacts) {
    append(content, contact.device.view());
    append_varuint(content, contact.addresses.size());
    for (const std::string& address : contact.addresses) append_varstring(content, address);
  }
  const Hash checksum = crypto::hash({as_bytes(kDomain), content});
  append(content, checksum.view().first(kChecksumBytes));
  return std::string(kPrefix) + to_base32(content);
}

Result<InviteSecret> parse_invite(std::string_view text) {
  text = trim(text);
  if (text.size() > kInviteTextBytesMax) {
    return Error{ErrorCode::kLimitExceeded, "too long for an invite", text.size()};
  }
  if (text.substr(0, kPrefix.size()) != kPrefix) {
    return malformed("not an invite: it begins with coterie1", 0);
  }
  COTERIE_TRY(const Bytes bytes, from_base32(text.substr(kPrefix.size()), kPrefix.size()));
  if (bytes.size() < kChecksumBytes + 1) return malformed("invite is cut off", bytes.size());
  const ByteView content = ByteView(bytes).first(bytes.size() - kChecksumBytes);
  const Hash checksum = crypto::hash({as_bytes(kDomain), content});
  if (!equal(checksum.view().first(kChecksumBytes), ByteView(bytes).last(kChecksumBytes))) {
    return malformed("invite is mistyped or cut off: copy it again", bytes.size());
  }

  ByteReader in(content);
  COTERIE_TRY(const std::uint8_t version, in.read_u8());
  if (version != kVersion) return malformed("invite of a newer version: update this node", 0);
  InviteSecret invite;
  COTERIE_TRY(invite.workspace, read_id<WorkspaceId>(in));
  COTERIE_TRY(const ByteView seed, in.read_bytes(crypto::SecretKey::kBytes));
  COTERIE_TRY(invite.seed, crypto::SecretKey::from(seed));
  COTERIE_TRY(const std::uint64_t count, read_number(in));
  if (count == 0) return malformed("invite names nobody to ask", in.offset());
  if (count > kInviteContactsMax) {
    return Error{ErrorCode::kLimitExceeded, "invite names too many devices", count};
  }
  for (std::uint64_t i = 0; i < count; ++i) {
    COTERIE_TRY(InviteContact contact, read_contact(in));
    invite.contacts.push_back(std::move(contact));
  }
  COTERIE_CHECK(expect_end(in));
  return invite;
}

}  // namespace coterie::node
