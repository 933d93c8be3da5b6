// Workspace: where members are. Cards are stored as they are, each in a row of its own; of members
// that are none any more the name is kept, for `audit`, and nothing else.

#include <algorithm>

#include "node/core/codec.hpp"
#include "node/core/limits.hpp"
#include "node/core/records.hpp"
#include "node/core/workspace.hpp"

namespace coterie::node {

using storage::Table;

namespace {

enum class Row : std::uint8_t { kCard = 1, kName = 2 };

Bytes start(Row row) { return {static_cast<std::uint8_t>(row)}; }

}  // namespace

Status Workspace::load_cards() {
  Status status;
  COTERIE_CHECK(ledger_.store().scan(Table::kPeers, {}, {}, [&](ByteView key, ByteView value) {
    const auto device = DeviceId::from(key);
    const auto row = ledger_.sealer().open(Table::kPeers, key, value);
    if (device && row && !row->empty()) {
      const ByteView rest = ByteView(*row).subspan(1);
      if (row->front() == static_cast<std::uint8_t>(Row::kName)) {
        former_names_[*device] = std::string(as_text(rest));
        return true;
      }
      if (auto card = decode_card(rest); card && card->device == *device) {
        cards_.restore(std::move(*card));
        return true;
      }
    }
    status = Error{ErrorCode::kCorrupt, "a stored address card is damaged"};
    return false;
  }));
  return status;
}

void Workspace::announce_card(Now now) {
  if (membership().find(context_.identity.id()) == nullptr && !newcomer()) return;
  cards_.announce(now, context_.options.device_name, context_.options.addresses);
}

/// What whoever let us in says.
void Workspace::take_welcome(Now now, const Welcome& welcome) {
  ledger_.keys().take(welcome.keys);
  wanted_ = welcome.frontier;
  cards_.take_vouched(now, welcome.cards);
  announce_card(now);
}

bool Workspace::keeps_card_of(const DeviceId& device) const {
  return membership().find(device) != nullptr ||
         (newcomer() && (device == context_.identity.id() || cards_.find(device) != nullptr));
}

bool Workspace::shows_cards_to(const DeviceId& peer) const {
  return membership().find(peer) != nullptr || asks(peer);
}

void Workspace::card_changed(const Card& card) {
  Bytes row = start(Row::kCard);
  append(row, encode_card(card));
  const Bytes key(card.device.view().begin(), card.device.view().end());
  ledger_.staged().put(Table::kPeers, key, ledger_.sealer().seal(Table::kPeers, key, row));
  former_names_.erase(card.device);
  ledger_.staged().after.push_back([this](Now) { members_changed = true; });
}

/// Nobody dials those who are not members any more.
void Workspace::forget_departed_cards() {
  for (auto& [device, name] : cards_.drop_strangers()) {
    Bytes row = start(Row::kName);
    append(row, as_bytes(name));
    const Bytes key(device.view().begin(), device.view().end());
    ledger_.staged().put(Table::kPeers, key, ledger_.sealer().seal(Table::kPeers, key, row));
    former_names_[device] = std::move(name);
  }
}

Status Workspace::handle_cards(Now now, const DeviceId& peer, CardMessage message) {
  if (!hears(peer)) return {};
  return cards_.handle_message(now, peer, std::move(message));
}

void Workspace::handle_link_down(Now now, transport::LinkId link) {
  transfer_.handle_link_down(now, link);
  previews_given_.handle_link_down(link);
  // Another link to the same device may be left.
  for (const auto& [device, used] : card_links_) {
    if (used == link) cards_.handle_lost(now, device);
  }
}

void Workspace::send_cards(Now now) {
  while (auto output = cards_.poll_output()) {
    const auto link = context_.link_to(output->to);
    const bool sent =
        link && mesh_.send_application(now, *link, output->payload, output->traffic_class);
    if (sent) {
      card_links_[output->to] = *link;
    } else {
      cards_.handle_lost(now, output->to);
    }
  }
}

}  // namespace coterie::node
