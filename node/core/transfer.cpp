#include "node/core/transfer.hpp"

#include <algorithm>
#include <tuple>

#include "node/core/limits.hpp"
#include "transport/crypto/crypto.hpp"

namespace coterie::node {

using transport::LinkId;
using transport::TrafficClass;

namespace {

/// Pauses and stints double with each failure, this often.
constexpr std::uint32_t kDoublingsMax = 6;

Duration doubled(Duration once, std::uint32_t failures) {
  return once * (1 << std::min(failures, kDoublingsMax));
}

std::size_t part_bytes(const CheckpointOffer& offer, std::uint64_t offset) {
  return static_cast<std::size_t>(
      std::min<std::uint64_t>(offer.bytes - offset, kTransferPartBytes));
}

}  // namespace

// Serving.

void CheckpointTransfer::handle_pull_below_base(LinkId link) {
  const auto offer = source_.offer();
  if (!offer) return;
  outputs_.push_back({link, TrafficClass::kControl, encode_transfer_message(*offer)});
}

void CheckpointTransfer::handle(LinkId id, const CheckpointFetch& fetch) {
  Link& link = links_[id];
  if (link.asked_hash != fetch.hash) link.asked.clear();
  link.asked_hash = fetch.hash;
  if (std::find(link.asked.begin(), link.asked.end(), fetch.offset) != link.asked.end()) return;
  // Whoever has more out than that gave the oldest up.
  if (link.asked.size() == kTransferPartsInFlight) link.asked.pop_front();
  link.asked.push_back(fetch.offset);
  asking_.insert(id);
}

Bytes CheckpointTransfer::next_part(Link& link) const {
  CheckpointPart part{workspace_, link.asked_hash, link.asked.front(), {}};
  link.asked.pop_front();
  auto bytes = source_.read(part.hash, part.offset, kTransferPartBytes);
  if (bytes) part.bytes = std::move(*bytes);
  COTERIE_ASSERT(part.bytes.size() <= kTransferPartBytes);
  if (part.bytes.empty()) link.asked.clear();  // It is answered once.
  return encode_transfer_message(part);
}

std::optional<CheckpointTransfer::Output> CheckpointTransfer::poll_output(
    const std::function<bool(LinkId)>& takes_bulk) {
  if (!outputs_.empty()) {
    Output output = std::move(outputs_.front());
    outputs_.pop_front();
    return output;
  }
  const auto ready = std::find_if(asking_.begin(), asking_.end(), takes_bulk);
  if (ready == asking_.end()) return std::nullopt;
  const LinkId id = *ready;
  Link& link = links_.at(id);
  Output output{id, TrafficClass::kBulk, next_part(link)};
  if (link.asked.empty()) asking_.erase(ready);
  return output;
}

// Inputs.

Status CheckpointTransfer::handle_message(Now now, LinkId link, const DeviceId& peer,
                                          TransferMessage message) {
  if (const auto* offer = std::get_if<CheckpointOffer>(&message)) {
    handle(now, link, peer, *offer);
  } else if (const auto* fetch = std::get_if<CheckpointFetch>(&message)) {
    handle(link, *fetch);
  } else {
    return handle(now, link, std::move(std::get<CheckpointPart>(message)));
  }
  return {};
}

void CheckpointTransfer::handle_link_down(Now now, LinkId link) {
  asking_.erase(link);
  if (links_.erase(link) == 0) return;
  if (!download_ || !download_->active || download_->active->link != link) return;
  detach(now, false);
  choose(now);
}

void CheckpointTransfer::handle_timeout(Now now) {
  if (!download_) return;
  Download& download = *download_;
  if (download.active) {
    Active& active = *download.active;
    if (now.steady >= active.silent_at) {
      fail(now, false);
    } else if (now.steady >= active.stint_ends) {
      // A peer that gives us little, for long, must not keep us from the others.
      const auto other = best_link(now);
      if (other && links_.at(*other).peer != active.peer) return fail(now, true);
      active.stint_ends = now.steady + doubled(kTransferStint, failures(active.peer));
    }
    return;
  }
  if (now.steady >= download.kept_until) {
    forget_download();
    choose(now);
  } else if (download.take_at && now.steady >= *download.take_at) {
    hand_over(now);
  }
}

std::optional<Instant> CheckpointTransfer::next_deadline() const {
  if (!download_) return std::nullopt;
  if (download_->active) {
    return std::min(download_->active->silent_at, download_->active->stint_ends);
  }
  return std::min(download_->kept_until, download_->take_at.value_or(download_->kept_until));
}

// Fetching: from whom.

bool CheckpointTransfer::wanted(Now now, const DeviceId& peer, const CheckpointOffer& offer) const {
  const auto known = peers_.find(peer);
  if (known != peers_.end() && now.steady < known->second.not_before) return false;
  const bool barred = std::any_of(barred_.begin(), barred_.end(), [&](const auto& one) {
    return one.second == offer.hash && (!one.first || *one.first == peer);
  });
  return !barred && sink_.wants(offer);
}

std::uint32_t CheckpointTransfer::failures(const DeviceId& peer) const {
  const auto found = peers_.find(peer);
  return found == peers_.end() ? 0 : found->second.failures;
}

CheckpointTransfer::Peer& CheckpointTransfer::record(const DeviceId& peer) {
  if (peers_.size() == kTransferPeersMax && !peers_.contains(peer)) {
    peers_.erase(std::min_element(peers_.begin(), peers_.end(), [](const auto& a, const auto& b) {
      return a.second.failures < b.second.failures;
    }));
  }
  return peers_[peer];
}

void CheckpointTransfer::handle(Now now, LinkId id, const DeviceId& peer,
                                const CheckpointOffer& offer) {
  Link& link = links_[id];
  link.peer = peer;
  if (now.steady < link.offer_due) return;
  link.offer_due = now.steady + kTransferOfferPause;
  link.offer.reset();
  if (wanted(now, peer, offer)) link.offer = offer;
  choose(now);
}

/// Who let us down least; then whoever has what was begun; then the link that came first.
std::optional<LinkId> CheckpointTransfer::best_link(Now now) {
  std::optional<std::tuple<std::uint32_t, bool, LinkId>> best;
  for (auto& [id, link] : links_) {
    if (!link.offer) continue;
    const bool active = download_ && download_->active && download_->active->link == id;
    if (!active && !wanted(now, link.peer, *link.offer)) {
      link.offer.reset();
      continue;
    }
    const bool begins_anew = !download_ || *link.offer != download_->offer;
    // (The active one has had its turn.)
    const std::tuple rank{failures(link.peer) + (active ? 1 : 0), begins_anew, id};
    if (!best || rank < *best) best = rank;
  }
  if (!best) return std::nullopt;
  return std::get<LinkId>(*best);
}

/// Begins or goes on, if nothing is under way and there is an offer.
void CheckpointTransfer::choose(Now now) {
  if (download_ && (download_->active || download_->take_at)) return;
  if (download_ && !sink_.wants(download_->offer)) download_.reset();
  const auto id = best_link(now);
  if (!id) return;
  const Link& link = links_.at(*id);
  if (!download_ || *link.offer != download_->offer) {
    download_.emplace(*link.offer);
    download_->data.reserve(link.offer->bytes);
  }
  Active active{*id, link.peer, {}, {}, download_->data.size(), {}, {}};
  active.silent_at = now.steady + kTransferSilence;
  active.stint_ends = now.steady + doubled(kTransferStint, failures(link.peer));
  download_->active = std::move(active);
  ask();
}

void CheckpointTransfer::ask() {
  const CheckpointOffer& offer = download_->offer;
  Active& active = *download_->active;
  while (active.asked.size() + active.early.size() < kTransferPartsInFlight &&
         active.next < offer.bytes) {
    outputs_.push_back(
        {active.link, TrafficClass::kControl,
         encode_transfer_message(CheckpointFetch{workspace_, offer.hash, active.next})});
    active.asked.insert(active.next);
    active.next += kTransferPartBytes;
  }
}

/// Asks there no more; what came is kept for a while.
void CheckpointTransfer::detach(Now now, bool keep_offer) {
  const auto link = links_.find(download_->active->link);
  if (link != links_.end() && !keep_offer) link->second.offer.reset();
  download_->active.reset();
  download_->kept_until = now.steady + kTransferKept;
}

void CheckpointTransfer::fail(Now now, bool keep_offer) {
  ++record(download_->active->peer).failures;
  detach(now, keep_offer);
  choose(now);
}

// Fetching: what comes.

Status CheckpointTransfer::handle(Now now, LinkId id, CheckpointPart part) {
  if (!download_ || !download_->active) return {};
  Download& download = *download_;
  Active& active = *download.active;
  // Late ones are of no use, and no fault.
  if (active.link != id || part.hash != download.offer.hash) return {};
  if (active.asked.erase(part.offset) == 0) return {};
  if (part.bytes.empty()) {
    detach(now, false);  // It is gone there: they will offer what they have now.
    choose(now);
    return {};
  }
  if (part.bytes.size() != part_bytes(download.offer, part.offset)) {
    fail(now, false);
    return Error{ErrorCode::kMalformed, "part of another size", part.offset};
  }
  if (!sink_.wants(download.offer)) {
    download_.reset();  // It came another way meanwhile.
    choose(now);
    return {};
  }
  bytes_received_ += part.bytes.size();
  download.givers.insert(active.peer);
  active.silent_at = now.steady + kTransferSilence;
  active.early.emplace(part.offset, std::move(part.bytes));
  for (auto next = active.early.begin();
       next != active.early.end() && next->first == download.data.size();
       next = active.early.erase(next)) {
    append(download.data, next->second);
  }
  if (download.data.size() == download.offer.bytes) {
    check(now);
  } else {
    ask();
  }
  return {};
}

/// All is here: is it what was offered?
void CheckpointTransfer::check(Now now) {
  Download& download = *download_;
  if (crypto::hash(download.data) == download.offer.hash) {
    download.active.reset();
    download.kept_until = now.steady + kTransferKept;
    return hand_over(now);
  }
  if (download.givers.size() == 1) {
    bar(*download.givers.begin());
    blame(now, *download.givers.begin());
  } else {
    // One of them lied: from the start, from one alone.
    for (const DeviceId& giver : download.givers) ++record(giver).failures;
  }
  download_.reset();
  choose(now);
}

/// What was fetched is not fetched again from `peer`, or from anybody.
void CheckpointTransfer::bar(std::optional<DeviceId> peer) {
  if (barred_.size() == kTransferBarredMax) barred_.pop_front();
  barred_.emplace_back(peer, download_->offer.hash);
}

/// It gave a bad bundle: nothing is taken from it for a while.
void CheckpointTransfer::blame(Now now, const DeviceId& peer) {
  Peer& known = record(peer);
  known.not_before = now.steady + doubled(kTransferBadPause, known.failures);
  ++known.failures;
}

void CheckpointTransfer::hand_over(Now now) {
  Download& download = *download_;
  download.take_at.reset();
  if (sink_.wants(download.offer)) {
    switch (sink_.take(now, download.offer, download.data)) {
      case Verdict::kNotNow:
        download.take_at = now.steady + kTransferTakeRetry;
        return;
      case Verdict::kTaken:
        peers_.clear();
        break;
      case Verdict::kRefused:
        bar(std::nullopt);
        for (const DeviceId& giver : download.givers) blame(now, giver);
        break;
    }
  }
  forget_download();
  choose(now);
}

/// It begins anew only with another offer.
void CheckpointTransfer::forget_download() {
  for (auto& [id, link] : links_) {
    if (link.offer == download_->offer) link.offer.reset();
  }
  download_.reset();
}

}  // namespace coterie::node
