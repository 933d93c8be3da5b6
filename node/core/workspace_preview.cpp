// Workspace: what a newcomer is shown while it fetches and checks the entries (preview.hpp).

#include <algorithm>
#include <utility>

#include "node/core/limits.hpp"
#include "node/core/workspace.hpp"

namespace coterie::node {

using transport::LinkId;

// The member's side.

std::vector<DocumentId> Workspace::newest_documents(std::size_t most) const {
  std::vector<const Document*> list;
  for (const auto& [id, document] : documents_.all()) {
    if (document->recorded && document->place.trashed == 0) list.push_back(document.get());
  }
  const std::size_t count = std::min(most, list.size());
  std::partial_sort(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(count), list.end(),
                    [](const Document* a, const Document* b) { return a->changed > b->changed; });
  std::vector<DocumentId> newest;
  for (std::size_t i = 0; i < count; ++i) newest.push_back(list[i]->id);
  return newest;
}

std::optional<DocumentPreview> Workspace::show(Now now, const DocumentId& id) {
  Document* document = documents_.find(id);
  if (document == nullptr || !document->recorded) return std::nullopt;
  const bool used = document->doc != nullptr;
  if (!documents_.load(now, *document)) return std::nullopt;
  DocumentPreview shown{id, documents_.name_of(*document), document->doc->encode_state_as_update()};
  // All of them in memory would be too much.
  if (!used && document->written_in <= ledger_.landed_number()) {
    documents_.forget_replica(*document);
  }
  return shown;
}

void Workspace::send_previews(Now now) {
  const auto takes_bulk = [this](LinkId link) { return mesh_.takes_bulk(link); };
  while (auto output = previews_given_.poll_output(now, takes_bulk)) {
    (void)mesh_.send_application(now, output->link, output->payload,
                                 transport::TrafficClass::kBulk);
  }
}

// The newcomer's side.

/// Once: what is kept of it has a limit.
void Workspace::ask_for_preview(Now now) {
  const auto link = context_.link_to(contact_->device);
  if (!link || preview_taker_) return;
  preview_taker_.emplace();
  (void)mesh_.send_application(now, *link, encode_preview_message(PreviewWant{id()}));
}

Status Workspace::handle_preview(Now now, LinkId link, const DeviceId& peer,
                                 PreviewMessage message) {
  if (std::holds_alternative<PreviewWant>(message)) {
    const Member* member = membership().find(peer);
    if (member == nullptr) return Error{ErrorCode::kUnauthorized, "previews are for members"};
    // A newcomer does not know yet that it is a relay.
    const auto role = ledger_.role();
    const bool may = role && *role != Role::kRelay && member->role != Role::kRelay;
    if (may) previews_given_.handle_want(now, link, peer);
    return {};
  }
  if (!preview_taker_ || !contact_ || contact_->device != peer) {
    return Error{ErrorCode::kUnauthorized, "a preview that nobody asked for"};
  }
  if (synced()) return {};
  auto& part = std::get<PreviewPart>(message);
  COTERIE_TRY(auto whole, preview_taker_->take(std::move(part)));
  if (!whole) return {};
  return documents_.set_preview(whole->document, whole->path, std::move(whole->state));
}

/// Whether it holds what whoever let it in held then; or what somebody else holds, if that one has
/// gone with what nobody else has, or said that it held what there is not.
bool Workspace::synced() const {
  if (!ledger_.role()) return false;
  // Their keys have come: they are about to be read.
  if (ledger_.has_news_of_waiting()) return false;
  const Frontier& held = ledger_.frontier();
  const bool all = std::all_of(wanted_.begin(), wanted_.end(), [&](const auto& wanted) {
    // What forked since goes on in other logs, which were asked for, too.
    const Segment* segment = ledger_.segments().find(wanted.first);
    if (segment != nullptr && segment->closed()) return true;
    const auto mine = held.find(wanted.first);
    return mine != held.end() && mine->second.seq >= wanted.second.seq;
  });
  return all || mesh_.in_step(id());
}

void Workspace::tend_previews(Now now) {
  if (!has_previews() || !synced()) return;
  for (const DocumentId& id : std::set<DocumentId>(documents_.previewed())) {
    Document& document = *documents_.find(id);
    const auto shown = documents_.end_preview(document);
    if (document.clients.empty()) {
      documents_.release(document);
      continue;
    }
    const Status loaded = documents_.load(now, document);
    const auto grown = loaded ? shown->apply_update(document.doc->encode_state_as_update())
                              : Result<crdt::ApplyResult>(loaded.error());
    const bool named = document.recorded;
    if (named && grown &&
        shown->encode_state_as_update() == document.doc->encode_state_as_update()) {
      if (grown->changed) broadcast(now, document, grown->update, nullptr);
      continue;
    }
    for (const Client* client : document.clients) {
      closings_.emplace_back(client->handle,
                             Closing{kCloseReplaced,
                                     "what was shown while the workspace was being fetched is not "
                                     "what its entries say: reload the document"});
    }
  }
}

}  // namespace coterie::node
