#include "node/core/history/text_versions.hpp"

#include <array>
#include <charconv>

#include "transport/crypto/crypto.hpp"

namespace coterie::node {

namespace {

/// What a version costs beside its bytes: its key, its place in the map and in the queue.
constexpr std::size_t kKeptBytes = 192;

constexpr std::size_t kHashDigits = 32;

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

std::string TextVersions::hash_of(const crdt::Snapshot& snapshot) {
  return crypto::hash(snapshot.encode()).hex().substr(0, kHashDigits);
}

std::string TextVersions::note(const DocumentId& document, const crdt::Snapshot& snapshot,
                               std::uint64_t millis) {
  const std::string hash = hash_of(snapshot);
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), millis, 16).ptr;
  const std::string version = hash + "." + std::string(digits.data(), end);
  Key key{document, hash};
  Bytes encoded = snapshot.encode();
  const std::size_t bytes = encoded.size() + kKeptBytes;
  if (bytes > kTextVersionsBytesMax || !kept_.emplace(key, std::move(encoded)).second) {
    return version;
  }
  order_.push_back(std::move(key));
  bytes_ += bytes;
  while (bytes_ > kTextVersionsBytesMax) {
    const auto oldest = kept_.find(order_.front());
    bytes_ -= oldest->second.size() + kKeptBytes;
    kept_.erase(oldest);
    order_.pop_front();
  }
  return version;
}

std::optional<TextVersions::Name> TextVersions::parse(std::string_view version) {
  const std::size_t dot = version.find('.');
  if (dot != kHashDigits || !is_hex(version.substr(0, dot))) return std::nullopt;
  const std::string_view digits = version.substr(dot + 1);
  Name name{std::string(version.substr(0, dot)), 0};
  const auto parsed =
      std::from_chars(digits.data(), digits.data() + digits.size(), name.millis, 16);
  if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) return std::nullopt;
  return name;
}

std::optional<crdt::Snapshot> TextVersions::find(const DocumentId& document,
                                                 const std::string& hash) const {
  const auto found = kept_.find({document, hash});
  if (found == kept_.end()) return std::nullopt;
  const auto snapshot = crdt::Snapshot::decode(found->second);
  return snapshot ? std::optional(*snapshot) : std::nullopt;
}

}  // namespace coterie::node
