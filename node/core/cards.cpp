#include "node/core/cards.hpp"

#include <algorithm>

#include "node/core/codec.hpp"
#include "node/core/limits.hpp"

namespace coterie::node {

using transport::TrafficClass;

namespace {

constexpr std::string_view kDigestDomain = "coterie cards v1";

/// How long others have to pass a card on before we do.
constexpr Duration kPassOnMin = std::chrono::milliseconds(100);
constexpr std::uint64_t kPassOnSpreadMs = 300;
/// After a frame that was lost, or cards that could not be taken.
constexpr Duration kAskAgain = std::chrono::seconds(2);
constexpr Duration kAskAgainMax = std::chrono::minutes(5);

}  // namespace

bool Cards::Rate::ready(Instant now, Duration pause, std::size_t burst) const {
  return at - now <= pause * static_cast<Duration::rep>(burst - 1);
}

void Cards::Rate::count(Instant now, Duration pause) { at = std::max(at, now) + pause; }

Cards::Cards(const WorkspaceId& workspace, const crypto::SigningKey& identity, std::uint64_t seed,
             Host& host)
    : workspace_(workspace), identity_(identity), host_(host), random_(seed) {}

const Card* Cards::find(const DeviceId& device) const {
  const auto found = cards_.find(device);
  return found == cards_.end() ? nullptr : &found->second;
}

Hash Cards::digest() const {
  Bytes all;
  for (const auto& [device, card] : cards_) {
    append(all, device.view());
    append_u64(all, card.serial);
  }
  return crypto::hash({as_bytes(kDigestDomain), all});
}

void Cards::restore(Card card) {
  const DeviceId device = card.device;
  cards_.insert_or_assign(device, std::move(card));
}

void Cards::keep(Card card) {
  const DeviceId device = card.device;
  host_.card_changed(cards_.insert_or_assign(device, std::move(card)).first->second);
}

void Cards::announce(Now now, const std::string& name, const std::vector<std::string>& addresses) {
  const Card* own = find(identity_.id());
  if (own != nullptr && own->name == name && own->addresses == addresses) return;
  std::uint64_t serial = now.wall;
  if (own != nullptr) serial = std::max(serial, own->serial + 1);
  keep(make_card(workspace_, identity_, serial, name, addresses));
  for (const auto& [peer, state] : peers_) {
    if (host_.shows_cards_to(peer)) send_cards(peer, {identity_.id()}, TrafficClass::kControl);
  }
}

void Cards::take_vouched(Now now, std::vector<Card> cards) {
  for (Card& card : cards) {
    const Card* known = find(card.device);
    const bool newer = known == nullptr || known->serial < card.serial;
    if (!newer || !verify_card(workspace_, card)) continue;
    if (card.device == identity_.id()) {
      answer_own(now, card);
    } else {
      keep(std::move(card));
    }
  }
}

std::vector<std::pair<DeviceId, std::string>> Cards::drop_strangers() {
  std::vector<std::pair<DeviceId, std::string>> dropped;
  std::erase_if(cards_, [&](const auto& item) {
    if (host_.keeps_card_of(item.first)) return false;
    dropped.emplace_back(item.first, item.second.name);
    changes_.erase(item.first);
    pending_.erase(item.first);
    return true;
  });
  return dropped;
}

std::vector<Card> Cards::some(const std::vector<DeviceId>& first, std::size_t bytes_max) const {
  std::vector<DeviceId> order;
  for (const DeviceId& device : first) {
    if (cards_.contains(device)) order.push_back(device);
  }
  for (const auto& [device, card] : cards_) {
    if (std::find(first.begin(), first.end(), device) == first.end()) order.push_back(device);
  }
  std::vector<Card> cards;
  for (const DeviceId& device : order) {
    const Card& card = cards_.at(device);
    const std::size_t bytes = encode_card(card).size() + 2;
    if (bytes > bytes_max) break;
    bytes_max -= bytes;
    cards.push_back(card);
  }
  return cards;
}

// Links.

void Cards::handle_linked(Now now, const DeviceId& peer) {
  Peer& state = peers_[peer];
  state.digest_due = now.steady;
  state.list_pause = kAskAgain;
}

void Cards::handle_unlinked(const DeviceId& peer) { peers_.erase(peer); }

void Cards::handle_lost(Now now, const DeviceId& peer) {
  const auto found = peers_.find(peer);
  if (found != peers_.end()) found->second.digest_due = now.steady + kAskAgain;
}

// Messages.

Status Cards::handle_message(Now now, const DeviceId& peer, CardMessage message) {
  return std::visit([&](auto& one) { return handle(now, peer, std::move(one)); }, message);
}

Status Cards::handle(Now now, const DeviceId& peer, const CardDigest& digest) {
  const auto state = peers_.find(peer);
  if (state == peers_.end() || !host_.shows_cards_to(peer)) return {};
  if (!state->second.digests.ready(now.steady, kCardListPause, kCardListBurst)) return {};
  state->second.digests.count(now.steady, kCardListPause);
  if (digest.digest != this->digest()) send_list(peer);
  return {};
}

Status Cards::handle(Now now, const DeviceId& peer, const CardList& list) {
  const auto state = peers_.find(peer);
  if (state == peers_.end() || !host_.shows_cards_to(peer)) return {};
  if (!state->second.lists.ready(now.steady, kCardListPause, kCardListBurst)) return {};
  state->second.lists.count(now.steady, kCardListPause);
  std::vector<DeviceId> newer;
  for (const auto& [device, card] : cards_) {
    const auto theirs = list.serials.find(device);
    if (theirs == list.serials.end() || theirs->second < card.serial) newer.push_back(device);
  }
  send_cards(peer, newer, TrafficClass::kBulk);
  return {};
}

Status Cards::handle(Now now, const DeviceId& peer, CardBatch batch) {
  for (Card& card : batch.cards) COTERIE_CHECK(take(now, peer, std::move(card)));
  return {};
}

Status Cards::take(Now now, const DeviceId& peer, Card card) {
  if (!host_.keeps_card_of(card.device)) {
    // A member, perhaps, of which we have not heard yet.
    const auto state = peers_.find(peer);
    if (state == peers_.end() || state->second.list_due) return {};
    ask_later(now, peer, state->second.list_pause);
    state->second.list_pause = std::min(state->second.list_pause * 2, kAskAgainMax);
    return {};
  }
  const Card* known = find(card.device);
  if (known != nullptr && known->serial >= card.serial) {
    const auto waiting = pending_.find(card.device);
    if (waiting != pending_.end() && known->serial == card.serial) waiting->second.insert(peer);
    return {};
  }
  Rate& changes = changes_[card.device];
  if (!changes.ready(now.steady, kCardChangePause, kCardChangeBurst)) {
    ask_later(now, peer, kCardChangePause);
    return {};
  }
  if (!verify_card(workspace_, card)) {
    return Error{ErrorCode::kUnauthenticated, "a card that its device did not sign"};
  }
  changes.count(now.steady, kCardChangePause);
  if (card.device == identity_.id()) {
    answer_own(now, card);
    return {};
  }
  pending_[card.device] = {peer, card.device};
  if (!pass_on_at_) {
    pass_on_at_ =
        now.steady + kPassOnMin + std::chrono::milliseconds(random_.below(kPassOnSpreadMs));
  }
  keep(std::move(card));
  return {};
}

/// A card of this device that it does not know: its directory was restored, or copied.
void Cards::answer_own(Now now, const Card& card) {
  const Card* own = find(identity_.id());
  const bool same = own != nullptr && own->name == card.name && own->addresses == card.addresses;
  if (own == nullptr || same) return keep(card);
  const Card mine = *own;
  cards_.insert_or_assign(card.device, card);
  announce(now, mine.name, mine.addresses);
}

void Cards::ask_later(Now now, const DeviceId& peer, Duration pause) {
  const auto state = peers_.find(peer);
  if (state == peers_.end()) return;
  auto& due = state->second.list_due;
  due = std::min(due.value_or(Instant::max()), now.steady + pause);
}

void Cards::send_list(const DeviceId& peer) {
  CardList list;
  list.workspace = workspace_;
  for (const auto& [device, card] : cards_) list.serials.emplace(device, card.serial);
  outputs_.push_back({peer, encode_card_message(list), TrafficClass::kBulk});
}

void Cards::send_cards(const DeviceId& peer, const std::vector<DeviceId>& devices,
                       TrafficClass traffic_class) {
  CardBatch batch;
  batch.workspace = workspace_;
  std::size_t bytes = 0;
  const auto flush = [&] {
    if (batch.cards.empty()) return;
    outputs_.push_back({peer, encode_card_message(batch), traffic_class});
    batch.cards.clear();
    bytes = 0;
  };
  for (const DeviceId& device : devices) {
    const Card& card = cards_.at(device);
    const std::size_t more = encode_card(card).size() + 2;
    if (bytes + more > kCardBatchBytes) flush();
    batch.cards.push_back(card);
    bytes += more;
  }
  flush();
}

void Cards::pass_on() {
  for (const auto& [peer, state] : peers_) {
    if (!host_.shows_cards_to(peer)) continue;
    std::vector<DeviceId> devices;
    for (const auto& [device, known_by] : pending_) {
      if (!known_by.contains(peer)) devices.push_back(device);
    }
    send_cards(peer, devices, TrafficClass::kControl);
  }
  pending_.clear();
}

// Time.

void Cards::handle_timeout(Now now) {
  if (pass_on_at_ && *pass_on_at_ <= now.steady) {
    pass_on_at_.reset();
    pass_on();
  }
  for (auto& [peer, state] : peers_) {
    const bool shown = host_.shows_cards_to(peer);
    if (state.digest_due && *state.digest_due <= now.steady) {
      state.digest_due.reset();
      const Bytes digest = encode_card_message(CardDigest{workspace_, this->digest()});
      if (shown) outputs_.push_back({peer, digest, TrafficClass::kControl});
    }
    if (state.list_due && *state.list_due <= now.steady) {
      state.list_due.reset();
      if (shown) send_list(peer);
    }
  }
}

std::optional<Cards::Output> Cards::poll_output() {
  if (outputs_.empty()) return std::nullopt;
  Output output = std::move(outputs_.front());
  outputs_.pop_front();
  return output;
}

std::optional<Instant> Cards::next_deadline() const {
  std::optional<Instant> next = pass_on_at_;
  const auto consider = [&](const std::optional<Instant>& due) {
    if (due && (!next || *due < *next)) next = due;
  };
  for (const auto& [peer, state] : peers_) {
    consider(state.digest_due);
    consider(state.list_due);
  }
  return next;
}

}  // namespace coterie::node
