// Answers calls (node/bridge/call.hpp) from the engine: the one place behind REST and the CLI.
//
//     operation         arguments                        answer
//     health                                             {"status":"ok"}
//     status                                             {"device","name","version","workspaces",
//                                                        "waiting","disk","port_mapping"}
//     ready                                              {"status":"ready"}; kUnavailable where
//                                                        something cannot be written now
//     capabilities                                       {"version","protocols","features",
//                                                        "limits","workspaces"}
//     metrics                                            text for Prometheus (metrics.hpp)
//     workspace.list                                     {"workspaces":[{"id","name","role",...}]}
//     workspace.create  name                             {"id","name"}
//     join              invite                           {"id","name","waiting"}: waiting is true,
//                                                        and the name empty, until a host approves
//     doc.text          workspace, path, root?           {"text"}
//     doc.state         workspace, path                  {"state_vector"}: hexadecimal
//     doc.update        workspace, path                  {"update"}: all of it, Yjs v1, hexadecimal
//     doc.import        workspace, path, update, fresh?  {"id","path"}: applies a Yjs update (v1,
//                                                        hexadecimal), to a new document if fresh
//     peers             workspace                        {"peers":[...]}
//     mesh              workspace                        {"self","nodes","links","in_sync"}
//
// Documents as wholes: document_calls.hpp. Their versions: history_calls.hpp. Their texts, read and
// written whole: text_calls.hpp. For "workspace" and "path" a call may have "document_id"
// (call_target.hpp).
//
// People (people_calls.hpp). `who` is a name, or the beginning of an id; flags are "true".
//
//     members           workspace                        {"members","persons","requests",
//                                                        "set_aside","forks"}
//     members.approve   workspace, who                   {"done":true}
//     members.deny      workspace, who                   {"done":true}
//     invite.create     workspace, role?, uses?,         {"invite","id"}
//                       expires_seconds?, approval?,
//                       from_now?, own_device?,
//                       document?: a path
//     invite.list       workspace                        {"invites":[...]}
//     invite.revoke     workspace, invite: its id or     {"done":true}
//                       the string
//     role              workspace, who, role,            {"done":true}
//                       device_only?
//     doc.role          workspace, path?, who, role      {"done":true}; without a path: in all of
//                                                        which nothing is said
//     doc.roles         workspace, path                  {"document","session","members",
//                                                        "guests"}
//     doc.guest         workspace, path, who, guest,     {"done":true}
//                       standing
//     doc.end_session, doc.open_session
//                       workspace, path                  {"done":true}
//     remove            workspace, who, device_only?     {"done":true}
//     leave, rotate     workspace                        {"done":true}
//     readmit           workspace, who                   {"done":true}
//     revert            workspace, who, since, yes?,     {"documents":[...],"preview"}
//                       device_only?
//     audit             workspace, device?, since?,      {"items":[...],"names","next"}: one page;
//                       cursor?: the last page's `next`  null when it is the last
//
// Rooms: room_calls.hpp.
//
// `workspace` is an id in hexadecimal, or a name if only one workspace has it. The shapes are
// described in docs/API/openapi.json.

#pragma once

#include <functional>
#include <map>
#include <string>

#include "node/bridge/call.hpp"
#include "node/core/engine.hpp"
#include "node/daemon/metrics.hpp"
#include "node/daemon/peer_calls.hpp"
#include "node/daemon/port_mapping.hpp"
#include "storage/commit_queue.hpp"

namespace coterie::node {

/// Largest answer to doc.text, in bytes of UTF-8.
inline constexpr std::size_t kTextBytesMax = 64u << 20;
/// Largest update that one request over HTTP brings (node/bridge/route_table.cpp).
inline constexpr std::size_t kUpdateRequestBytesMax = 16u << 20;
/// Largest document that doc.update answers, in bytes: the control socket carries twice as many.
inline constexpr std::size_t kExportBytesMax = 240u << 20;

/// Single-threaded: all calls from the thread that owns the engine.
class Service {
 public:
  /// How the writing to disk goes.
  using DiskStats = std::function<storage::CommitQueue::Stats()>;
  /// Whether a port of the router leads here.
  using MappingStatus = std::function<PortMapping::Status()>;

  /// `engine` must outlive the service.
  Service(Engine& engine, std::string device_name, DiskStats disk_stats,
          MappingStatus mapping_status);

  /// Answers `reply` now, or, for what is written to disk, when handle_reply() tells its end.
  void handle(Now now, Call call, CallReply reply);
  using CommandDone = std::function<void(Result<CommandResult>)>;
  /// `done` is called by handle_reply().
  void carry_out(Now now, Command command, CommandDone done);
  void handle_reply(Engine::Reply reply);
  /// For who says what came of dials.
  DialLog& dials() { return dials_; }
  /// For who says how long messages of clients took.
  Histogram& client_messages() { return client_messages_; }
  /// What a bridge counts; without one, nothing.
  void set_bridge_stats(std::function<bridge::Stats()> stats) { bridge_stats_ = std::move(stats); }

 private:
  Result<std::string> answer(Now now, const Call& call);
  Result<Command> command(const Call& call);
  CallResult metrics(Now now) const;
  void start(Now now, const Call& call, Command command, CallReply reply);

  Engine& engine_;
  std::string device_name_;
  DiskStats disk_stats_;
  MappingStatus mapping_status_;
  DialLog dials_;
  Histogram client_messages_;
  std::function<bridge::Stats()> bridge_stats_;
  RequestId next_request_ = 1;
  std::map<RequestId, CommandDone> pending_;
};

}  // namespace coterie::node
