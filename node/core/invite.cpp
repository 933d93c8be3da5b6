#include "node/core/invite.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "node/core/codec.hpp"
#include "node/core/limits.hpp"
#include "node/core/records.hpp"

namespace coterie::node {
namespace {

constexpr std::string_view kPrefix = "coterie1";
constexpr std::string_view kDomain = "coterie invite v1";
constexpr std::string_view kKeyDomain = "coterie invite key v1";
constexpr std::string_view kScheme = "tcp://";
constexpr std::string_view kAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr std::size_t kChecksumBytes = 4;

// Of an address.
constexpr std::uint8_t kHostMask = 3;
constexpr std::uint8_t kNoHost = 0;
constexpr std::uint8_t kIpv4 = 1;
constexpr std::uint8_t kNamed = 2;
constexpr std::uint8_t kMoreAddresses = 4;
constexpr std::uint8_t kMoreContacts = 8;
constexpr std::uint8_t kAllFlags = kHostMask | kMoreAddresses | kMoreContacts;

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

bool has_prefix(std::string_view text) {
  if (text.size() < kPrefix.size()) return false;
  for (std::size_t i = 0; i < kPrefix.size(); ++i) {
    const char c =
        text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] - 'A' + 'a') : text[i];
    if (c != kPrefix[i]) return false;
  }
  return true;
}

/// The four bytes of "192.0.2.7", if `host` is spelled just so.
std::optional<Bytes> ipv4_bytes(std::string_view host) {
  Bytes bytes;
  std::uint32_t value = 0;
  std::size_t digits = 0;
  for (std::size_t i = 0; i <= host.size(); ++i) {
    if (i == host.size() || host[i] == '.') {
      if (digits == 0 || value > 255 || bytes.size() == 4) return std::nullopt;
      bytes.push_back(static_cast<std::uint8_t>(value));
      value = 0;
      digits = 0;
      continue;
    }
    const bool leading_zero = digits > 0 && value == 0;
    if (host[i] < '0' || host[i] > '9' || digits == 3 || leading_zero) return std::nullopt;
    value = value * 10 + static_cast<std::uint32_t>(host[i] - '0');
    ++digits;
  }
  if (bytes.size() != 4) return std::nullopt;
  return bytes;
}

void append_address(Bytes& out, const std::string& address, std::uint8_t more) {
  const std::size_t colon = address.rfind(':');
  const std::string_view host =
      std::string_view(address).substr(kScheme.size(), colon - kScheme.size());
  std::uint32_t port = 0;
  for (const char c : std::string_view(address).substr(colon + 1)) {
    port = port * 10 + static_cast<std::uint32_t>(c - '0');
  }
  if (const auto bytes = ipv4_bytes(host)) {
    out.push_back(kIpv4 | more);
    append(out, *bytes);
  } else {
    out.push_back(kNamed | more);
    append_varstring(out, host);
  }
  out.push_back(static_cast<std::uint8_t>(port >> 8));
  out.push_back(static_cast<std::uint8_t>(port));
}

Result<std::string> read_address(ByteReader& in, std::uint8_t kind) {
  std::string address(kScheme);
  if (kind == kIpv4) {
    COTERIE_TRY(const ByteView bytes, in.read_bytes(4));
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      address += (i > 0 ? "." : "") + std::to_string(bytes[i]);
    }
  } else {
    COTERIE_TRY(const std::string host, read_text(in, kAddressBytesMax));
    if (ipv4_bytes(host)) return malformed("address not in its shortest form", in.offset());
    address += host;
  }
  COTERIE_TRY(const ByteView port, in.read_bytes(2));
  address += ":" + std::to_string((port[0] << 8) | port[1]);
  COTERIE_CHECK(check_address(address));
  return address;
}

/// Sets `more` when another contact follows.
Result<InviteContact> read_contact(ByteReader& in, bool& more) {
  InviteContact contact;
  COTERIE_TRY(contact.device, read_id<DeviceId>(in));
  for (;;) {
    COTERIE_TRY(const std::uint8_t flags, in.read_u8());
    const std::uint8_t kind = flags & kHostMask;
    const bool last = (flags & kMoreAddresses) == 0;
    if ((flags & ~kAllFlags) != 0 || kind > kNamed ||
        (!last && (kind == kNoHost || (flags & kMoreContacts) != 0)) ||
        (kind == kNoHost && !contact.addresses.empty())) {
      return malformed("unknown kind of address: update this node", in.offset());
    }
    if (contact.addresses.size() == kInviteAddressesMax) {
      return Error{ErrorCode::kLimitExceeded, "invite with too many addresses", in.offset()};
    }
    if (kind != kNoHost) {
      COTERIE_TRY(std::string address, read_address(in, kind));
      contact.addresses.push_back(std::move(address));
    }
    if (!last) continue;
    more = (flags & kMoreContacts) != 0;
    return contact;
  }
}

}  // namespace

WorkspaceTag tag_of(const WorkspaceId& workspace) {
  return *WorkspaceTag::from(workspace.view().first(WorkspaceTag::kBytes));
}

InviteSecret make_invite(const WorkspaceId& workspace, SecureRandom& random) {
  InviteSecret invite;
  invite.workspace = tag_of(workspace);
  std::array<std::uint8_t, crypto::SecretKey::kBytes> bytes{};
  random.fill(std::span(bytes).first(kInviteSecretBytes));
  invite.secret = *crypto::SecretKey::from(bytes);
  return invite;
}

crypto::SigningKey invite_key(const InviteSecret& invite) {
  const Hash seed = crypto::hash({as_bytes(kKeyDomain), invite.workspace.view(),
                                  invite.secret.view().first(kInviteSecretBytes)});
  return crypto::SigningKey::from_seed(*crypto::SecretKey::from(seed.view()));
}

std::string format_invite(const InviteSecret& invite) {
  Bytes content;
  append(content, invite.workspace.view());
  append(content, invite.secret.view().first(kInviteSecretBytes));
  const std::size_t contacts = std::min(invite.contacts.size(), kInviteContactsMax);
  for (std::size_t i = 0; i < contacts; ++i) {
    const InviteContact& contact = invite.contacts[i];
    const std::uint8_t more = i + 1 < contacts ? kMoreContacts : 0;
    append(content, contact.device.view());
    const std::size_t addresses = std::min(contact.addresses.size(), kInviteAddressesMax);
    if (addresses == 0) content.push_back(kNoHost | more);
    for (std::size_t j = 0; j < addresses; ++j) {
      append_address(content, contact.addresses[j], j + 1 < addresses ? kMoreAddresses : more);
    }
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
  if (!has_prefix(text)) return malformed("not an invite: it begins with coterie1", 0);
  COTERIE_TRY(const Bytes bytes, from_base32(text.substr(kPrefix.size()), kPrefix.size()));
  if (bytes.size() < kChecksumBytes + 1) return malformed("invite is cut off", bytes.size());
  const ByteView content = ByteView(bytes).first(bytes.size() - kChecksumBytes);
  const Hash checksum = crypto::hash({as_bytes(kDomain), content});
  if (!equal(checksum.view().first(kChecksumBytes), ByteView(bytes).last(kChecksumBytes))) {
    return malformed("invite is mistyped or cut off: copy it again", bytes.size());
  }

  ByteReader in(content);
  InviteSecret invite;
  COTERIE_TRY(invite.workspace, read_id<WorkspaceTag>(in));
  COTERIE_TRY(const ByteView secret, in.read_bytes(kInviteSecretBytes));
  Bytes padded(secret.begin(), secret.end());
  padded.resize(crypto::SecretKey::kBytes);
  COTERIE_TRY(invite.secret, crypto::SecretKey::from(padded));
  for (bool more = true; more;) {
    if (invite.contacts.size() == kInviteContactsMax) {
      return Error{ErrorCode::kLimitExceeded, "invite names too many devices"};
    }
    COTERIE_TRY(InviteContact contact, read_contact(in, more));
    invite.contacts.push_back(std::move(contact));
  }
  COTERIE_CHECK(expect_end(in));
  return invite;
}

}  // namespace coterie::node
