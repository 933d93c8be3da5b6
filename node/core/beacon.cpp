#include "node/core/beacon.hpp"

#include <algorithm>
#include <array>

#include "node/core/codec.hpp"
#include "node/core/limits.hpp"
#include "transport/crypto/crypto.hpp"

namespace coterie::node {
namespace {

constexpr std::string_view kMagic = "CoB1";
constexpr std::string_view kKeyDomain = "coterie beacon v1";
constexpr std::string_view kMaskDomain = "coterie beacon mask v1";
constexpr std::string_view kTagDomain = "coterie beacon tag v1";
constexpr std::size_t kNonceBytes = 16;
constexpr std::size_t kTagBytes = 16;
constexpr std::size_t kBeginningBytes = 8;
constexpr std::size_t kMaskedBytes = kBeginningBytes + 2;
static_assert(kBeaconBytes ==
              kMagic.size() + kNonceBytes + kBeaconSlots * (kTagBytes + kMaskedBytes));
constexpr WallMillis kPeriodMs = 600'000;

/// After a start or a change of addresses; then each kPause, less a random part of kPauseSpread.
/// Where many are heard, each of them lets kPausePerHeard pass, so that all together wake nobody
/// more often than that; the first alone goes out at once in any case.
constexpr std::array<std::chrono::milliseconds, 3> kQuick{
    std::chrono::milliseconds(0), std::chrono::milliseconds(250), std::chrono::milliseconds(1000)};
constexpr Duration kPause = std::chrono::seconds(10);
constexpr std::uint64_t kPauseSpreadMs = 2000;
constexpr Duration kPausePerHeard = std::chrono::milliseconds(300);
constexpr Duration kPauseMax = std::chrono::seconds(60);
static_assert(kSightingKept >= 2 * kPauseMax, "one may be lost");
constexpr std::size_t kCrowd = kPause / kPausePerHeard;

crypto::SecretKey key_of(const WorkspaceId& workspace) {
  const Hash hash = crypto::hash({as_bytes(kKeyDomain), workspace.view()});
  return *crypto::SecretKey::from(hash.view());
}

Bytes context(std::string_view domain, std::uint64_t period, ByteView nonce) {
  Bytes out;
  append(out, as_bytes(domain));
  append_u64(out, period);
  append(out, nonce);
  return out;
}

std::array<std::uint8_t, kMaskedBytes> masked(const crypto::SecretKey& key, std::uint64_t period,
                                              ByteView nonce, ByteView clear) {
  const crypto::SecretKey mask =
      crypto::derive_key(key, as_text(context(kMaskDomain, period, nonce)));
  std::array<std::uint8_t, kMaskedBytes> out{};
  for (std::size_t i = 0; i < kMaskedBytes; ++i) out[i] = clear[i] ^ mask.view()[i];
  return out;
}

std::array<std::uint8_t, kTagBytes> tag(const crypto::SecretKey& key, std::uint64_t period,
                                        ByteView nonce, const DeviceId& device,
                                        std::uint16_t port) {
  Bytes text = context(kTagDomain, period, nonce);
  append(text, device.view());
  text.push_back(static_cast<std::uint8_t>(port >> 8));
  text.push_back(static_cast<std::uint8_t>(port));
  const crypto::SecretKey made = crypto::derive_key(key, as_text(text));
  std::array<std::uint8_t, kTagBytes> out{};
  std::copy_n(made.view().begin(), kTagBytes, out.begin());
  return out;
}

std::uint16_t port_at(ByteView clear) {
  return static_cast<std::uint16_t>(clear[kBeginningBytes] << 8 | clear[kBeginningBytes + 1]);
}

}  // namespace

Beacon::Beacon(Now now, const DeviceId& self, std::uint16_t port, SecureRandom& random)
    : self_(self), port_(port), random_(random) {
  hurry(now);
}

void Beacon::hurry(Now now) {
  if (port_ == 0) return;
  quick_ = 0;
  due_ = now.steady;
}

std::optional<Bytes> Beacon::take_due(Now now, const std::vector<WorkspaceId>& workspaces) {
  if (!due_ || *due_ > now.steady) return std::nullopt;
  ++quick_;
  if (quick_ < kQuick.size() && heard_ <= kCrowd) {
    due_ = now.steady + kQuick[quick_] - kQuick[quick_ - 1];
  } else {
    const auto heard = static_cast<Duration::rep>(heard_);
    due_ = now.steady + std::clamp(kPausePerHeard * heard, kPause, kPauseMax) -
           std::chrono::milliseconds(random_.next_u64() % kPauseSpreadMs);
    quick_ = kQuick.size();
    heard_ = 0;
  }
  if (workspaces.empty()) return std::nullopt;
  Bytes datagram(kBeaconBytes);
  random_.fill(datagram);
  std::copy(kMagic.begin(), kMagic.end(), datagram.begin());
  const ByteView nonce = ByteView(datagram).subspan(kMagic.size(), kNonceBytes);
  Bytes clear(self_.view().begin(), self_.view().begin() + kBeginningBytes);
  clear.push_back(static_cast<std::uint8_t>(port_ >> 8));
  clear.push_back(static_cast<std::uint8_t>(port_));
  const std::uint64_t period = now.wall / kPeriodMs;
  auto at = datagram.begin() + static_cast<std::ptrdiff_t>(kMagic.size() + kNonceBytes);
  for (std::size_t i = 0; i < std::min(kBeaconSlots, workspaces.size()); ++i) {
    next_ = (next_ + 1) % workspaces.size();
    const crypto::SecretKey key = key_of(workspaces[next_]);
    const auto own_tag = tag(key, period, nonce, self_, port_);
    const auto own_place = masked(key, period, nonce, clear);
    at = std::copy(own_tag.begin(), own_tag.end(), at);
    at = std::copy(own_place.begin(), own_place.end(), at);
  }
  return datagram;
}

std::vector<Beacon::Sighting> Beacon::receive(Now now, const std::string& source, ByteView datagram,
                                              const Membership& membership) {
  std::vector<Sighting> seen;
  const bool shaped =
      datagram.size() == kBeaconBytes && std::equal(kMagic.begin(), kMagic.end(), datagram.begin());
  if (!shaped) return seen;
  if (sources_.size() >= kBeaconSourcesMax && !sources_.contains(source)) {
    std::erase_if(sources_, [&](const auto& item) { return item.second.rate.full(now.steady); });
    if (sources_.size() >= kBeaconSourcesMax) return seen;
  }
  const ByteView nonce = datagram.subspan(kMagic.size(), kNonceBytes);
  Source& from = sources_[source];
  // By multicast and by broadcast.
  if (std::equal(nonce.begin(), nonce.end(), from.last_nonce.begin(), from.last_nonce.end())) {
    return seen;
  }
  if (!from.rate.take(now.steady)) return seen;
  if (!rate_.take(now.steady)) return seen;
  from.last_nonce.assign(nonce.begin(), nonce.end());
  ++heard_;
  const ByteView slots = datagram.subspan(kMagic.size() + kNonceBytes);
  const std::uint64_t present = now.wall / kPeriodMs;
  for (const WorkspaceId& workspace : membership.workspaces) {
    const crypto::SecretKey key = key_of(workspace);
    // Clocks differ, and it may have been sent just before the period ended.
    for (std::uint64_t period = present - std::min<std::uint64_t>(present, 1);
         period <= present + 1; ++period) {
      const Bytes zeros(kMaskedBytes);
      const auto mask = masked(key, period, nonce, zeros);
      for (std::size_t i = 0; i < kBeaconSlots; ++i) {
        const ByteView slot =
            slots.subspan(i * (kTagBytes + kMaskedBytes), kTagBytes + kMaskedBytes);
        std::array<std::uint8_t, kMaskedBytes> clear{};
        for (std::size_t j = 0; j < kMaskedBytes; ++j) clear[j] = slot[kTagBytes + j] ^ mask[j];
        const DeviceId* device = membership.find(workspace, ByteView(clear).first(kBeginningBytes));
        const std::uint16_t port = port_at(clear);
        if (device == nullptr || *device == self_ || port == 0) continue;
        const auto right = tag(key, period, nonce, *device, port);
        if (!std::equal(right.begin(), right.end(), slot.begin())) continue;
        seen.push_back({*device, port});
      }
    }
  }
  return seen;
}

}  // namespace coterie::node
