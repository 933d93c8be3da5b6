#include "node/daemon/peer_calls.hpp"

#include <algorithm>
#include <vector>

#include <nlohmann/json.hpp>

#include "node/daemon/gateway.hpp"

namespace coterie::node {

namespace {

using nlohmann::json;
using std::chrono::duration_cast;
using std::chrono::milliseconds;

/// Up to so many members each is a neighbour of each, so that one whom no neighbour names is away.
/// In a larger workspace it may be further off.
constexpr std::size_t kAllAreNeighbours = 32;

json millis(Duration time) { return duration_cast<milliseconds>(time).count(); }

struct Names {
  std::map<DeviceId, MemberInfo> members;

  std::string name(const DeviceId& device) const {
    const auto found = members.find(device);
    return found == members.end() ? std::string() : found->second.name;
  }
  bool is_relay(const DeviceId& device) const {
    const auto found = members.find(device);
    return found != members.end() && found->second.role == Role::kRelay;
  }
  json show(const DeviceId& device) const {
    return {{"device", device.hex()}, {"name", name(device)}};
  }
};

/// How what it writes gets here, and ours to it.
const char* path_of(const transport::PeerStatus& peer, const Names& names) {
  if (peer.linked) return "direct";
  const auto is_relay = [&](const DeviceId& device) { return names.is_relay(device); };
  if (peer.via.empty()) return names.members.size() <= kAllAreNeighbours ? "offline" : "unknown";
  return std::all_of(peer.via.begin(), peer.via.end(), is_relay) ? "relay" : "via";
}

json dial_json(Now now, const transport::PeerStatus& peer, const DialLog& dials) {
  if (peer.linked || !peer.dial) return nullptr;
  json next;
  if (peer.dial->next) next = millis(std::max(*peer.dial->next - now.steady, Duration::zero()));
  const DialLog::Failure* failure = dials.find(peer.device);
  return {{"address", peer.dial->address},
          {"dialling", peer.dial->dialling},
          {"next_ms", std::move(next)},
          {"failed_address", failure == nullptr ? json() : json(failure->address)},
          {"error", failure == nullptr ? json() : json(failure->reason)}};
}

json peer_json(Now now, const transport::PeerStatus& peer, const Names& names,
               const std::map<DeviceId, Instant>& arrivals, const DialLog& dials) {
  std::optional<Instant> heard = peer.last_heard;
  const char* heard_by = heard ? "link" : nullptr;
  const auto arrived = arrivals.find(peer.device);
  if (!peer.linked && arrived != arrivals.end() && (!heard || *heard < arrived->second)) {
    heard = arrived->second;
    heard_by = "others";
  }
  json heard_ago;
  if (heard) heard_ago = millis(now.steady - *heard);
  json round_trip;
  if (peer.linked && peer.round_trip) {
    round_trip = std::chrono::duration<double, std::milli>(*peer.round_trip).count();
  }
  json quarantine;
  if (peer.quarantined_until && *peer.quarantined_until > now.steady) {
    quarantine = millis(*peer.quarantined_until - now.steady);
  }
  json via = json::array();
  for (const DeviceId& one : peer.via) via.push_back(names.show(one));
  const auto member = names.members.find(peer.device);
  const bool known = member != names.members.end();
  // Of one that is not linked nothing is known but what it wrote.
  const auto if_linked = [&](auto value) { return peer.linked ? json(value) : json(); };
  return {{"device", peer.device.hex()},
          {"name", names.name(peer.device)},
          {"role", known ? json(role_name(member->second.role)) : json()},
          {"linked", peer.linked},
          {"in_step", if_linked(peer.in_step)},
          {"entries_behind", if_linked(peer.entries_behind)},
          {"entries_ahead", if_linked(peer.entries_ahead)},
          {"path", path_of(peer, names)},
          {"via", std::move(via)},
          {"last_heard_ms_ago", std::move(heard_ago)},
          {"heard_by", heard_by == nullptr ? json() : json(heard_by)},
          {"round_trip_ms", std::move(round_trip)},
          {"bytes_in", peer.bytes_in},
          {"bytes_out", peer.bytes_out},
          {"faults", peer.faults},
          {"throttled", peer.throttled},
          {"quarantine_ms", std::move(quarantine)},
          {"address", peer.address},
          {"dial", dial_json(now, peer, dials)}};
}

}  // namespace

void DialLog::failed(const DeviceId& device, const std::string& address, const char* reason) {
  if (failures_.size() >= kDialFailuresMax && !failures_.contains(device)) return;
  failures_[device] = {address, reason};
}

const DialLog::Failure* DialLog::find(const DeviceId& device) const {
  const auto found = failures_.find(device);
  return found == failures_.end() ? nullptr : &found->second;
}

Result<json> peers_json(Now now, const Engine& engine, const WorkspaceId& workspace,
                        const DialLog& dials) {
  COTERIE_TRY(const auto members, engine.members(workspace));
  COTERIE_TRY(const auto peers, engine.peers(workspace));
  COTERIE_TRY(const auto arrivals, engine.arrivals(workspace));
  Names names;
  for (const MemberInfo& one : members) names.members.emplace(one.device, one);
  json list = json::array();
  for (const auto& one : peers) list.push_back(peer_json(now, one, names, arrivals, dials));
  return json{{"peers", std::move(list)}};
}

const char* address_kind(std::string_view address) {
  address.remove_prefix(std::min(address.find("//") + 2, address.size()));
  std::string_view host = address.substr(0, address.rfind(':'));
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (const auto ipv4 = parse_ipv4(host)) {
    if (host.starts_with("127.")) return "loopback";
    return is_public(*ipv4) ? "internet" : "local";
  }
  if (host == "::1" || host == "localhost") return "loopback";
  if (!bracketed) return "name";
  const bool local = host.starts_with("fe8") || host.starts_with("fe9") ||
                     host.starts_with("fea") || host.starts_with("feb") || host.starts_with("fc") ||
                     host.starts_with("fd");
  return local ? "local" : "internet";
}

Result<json> mesh_json(Now now, Engine& engine, const WorkspaceId& workspace) {
  COTERIE_TRY(const auto members, engine.members(workspace));
  COTERIE_TRY(const auto peers, engine.peers(workspace));
  COTERIE_TRY(const MeshPicture picture, engine.mesh(now, workspace));
  Names names;
  for (const MemberInfo& one : members) names.members.emplace(one.device, one);
  std::map<DeviceId, const transport::PeerStatus*> linked;
  for (const auto& one : peers) {
    if (one.linked) linked.emplace(one.device, &one);
  }
  bool in_sync = true;
  json nodes = json::array();
  for (const MeshNode& node : picture.nodes) {
    const auto member = names.members.find(node.device);
    const auto own = linked.find(node.device);
    const transport::PeerStatus* peer = own == linked.end() ? nullptr : own->second;
    const bool dialled = peer != nullptr && !peer->address.empty();
    if (node.online) in_sync = in_sync && node.in_step == true;
    nodes.push_back(
        {{"device", node.device.hex()},
         {"name", names.name(node.device)},
         {"role", member == names.members.end() ? json() : json(role_name(member->second.role))},
         {"online", node.online},
         {"in_step", node.in_step ? json(*node.in_step) : json()},
         {"behind", peer == nullptr ? json() : json(peer->entries_ahead)},
         {"ahead", peer == nullptr ? json() : json(peer->entries_behind)},
         {"address_kind", dialled ? json(address_kind(peer->address)) : json()}});
  }
  json links = json::array();
  for (const MeshLink& link : picture.links) {
    json round_trip;
    if (link.round_trip) {
      round_trip = std::chrono::duration<double, std::milli>(*link.round_trip).count();
    }
    const bool relayed = names.is_relay(link.a) || names.is_relay(link.b);
    links.push_back({{"a", link.a.hex()},
                     {"b", link.b.hex()},
                     {"kind", relayed ? "relay" : "direct"},
                     {"round_trip_ms", std::move(round_trip)},
                     {"in_step", link.in_step ? json(*link.in_step) : json()},
                     {"confirmed", link.both}});
  }
  return json{{"self", engine.self().hex()},
              {"nodes", std::move(nodes)},
              {"links", std::move(links)},
              {"in_sync", in_sync}};
}

json sync_json(const json& peers) {
  std::size_t linked = 0;
  std::size_t in_step = 0;
  std::size_t holders = 0;
  std::size_t relays = 0;
  json away = json::array();
  for (const json& one : peers) {
    if (one.at("role") == "relay") ++relays;
    if (one.at("linked") == true) {
      ++linked;
      in_step += one.at("in_step") == true ? 1 : 0;
      holders += one.at("in_step") == true || one.at("entries_ahead") == 0 ? 1 : 0;
      continue;
    }
    away.push_back({{"device", one.at("device")},
                    {"name", one.at("name")},
                    {"path", one.at("path")},
                    {"last_heard_ms_ago", one.at("last_heard_ms_ago")}});
  }
  return {{"others", peers.size()}, {"relays", relays},   {"linked", linked},
          {"in_step", in_step},     {"holders", holders}, {"not_linked", std::move(away)}};
}

}  // namespace coterie::node
