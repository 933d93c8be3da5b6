// One mesh under test; the test itself speaks for its peers, in messages.

#pragma once

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <vector>

#include "tests/support/wire_samples.hpp"
#include "transport/core/mesh.hpp"
#include "transport/wire/messages.hpp"

namespace coterie::transport {

using namespace std::chrono_literals;

inline DeviceId device(std::uint64_t number) { return testing::patterned_id<DeviceId>(number); }
inline WorkspaceId space(std::uint64_t number) {
  return testing::patterned_id<WorkspaceId>(number);
}
inline LogId log_of(std::uint64_t number) { return {device(number), number}; }

/// Entries in memory, all of one workspace; the hash of an entry is its content, padded.
class FakeSource final : public EntrySource {
 public:
  const Frontier* frontier(const WorkspaceId&) const override { return &frontier_; }
  EntryRun read(const WorkspaceId&, const LogId& log, Seq first,
                std::size_t bytes_max) const override {
    EntryRun run{log, first, {}};
    const auto& entries = logs_.at(log);
    const auto pruned = pruned_.find(log);
    EXPECT_TRUE(pruned == pruned_.end() || first > pruned->second) << "asked for pruned entries";
    std::size_t bytes = 0;
    for (Seq seq = first; seq <= entries.size(); ++seq) {
      bytes += entries[seq - 1].size();
      if (!run.entries.empty() && bytes > bytes_max) break;
      run.entries.push_back(entries[seq - 1]);
    }
    return run;
  }
  /// Appends and returns the run.
  EntryRun add(const LogId& log, std::size_t count, std::size_t size = 100) {
    auto& entries = logs_[log];
    EntryRun run{log, entries.size() + 1, {}};
    for (std::size_t i = 0; i < count; ++i) {
      entries.push_back(Bytes(size, static_cast<std::uint8_t>(entries.size() + 1)));
      run.entries.push_back(entries.back());
    }
    frontier_[log] = {entries.size(), testing::patterned_id<Hash>(entries.size())};
    return run;
  }
  void add(const EntryRun& run) {
    auto& entries = logs_[run.log];
    ASSERT_EQ(run.first, entries.size() + 1);
    entries.insert(entries.end(), run.entries.begin(), run.entries.end());
    frontier_[run.log] = {entries.size(), testing::patterned_id<Hash>(entries.size())};
  }

  /// The log forked after `last`.
  void close(const LogId& log, Seq last) {
    logs_[log].resize(last);
    frontier_[log] = {last, testing::patterned_id<Hash>(last)};
    closed_.insert(log);
  }
  HeldLog held(const WorkspaceId&, const LogId& log) const override {
    const auto found = frontier_.find(log);
    const auto pruned = pruned_.find(log);
    return {found == frontier_.end() ? LogHead{} : found->second, closed_.contains(log),
            pruned == pruned_.end() ? 0 : pruned->second};
  }
  /// Drops the entries of `log` up to `last`; its head stays.
  void prune(const LogId& log, Seq last) { pruned_[log] = last; }
  /// Takes over a checkpoint that covers `log` up to `last`.
  void jump(const LogId& log, Seq last) {
    logs_[log].resize(last);
    frontier_[log] = {last, testing::patterned_id<Hash>(last)};
    pruned_[log] = last;
  }

 private:
  std::map<LogId, std::vector<Bytes>> logs_;
  Frontier frontier_;
  std::set<LogId> closed_;
  std::map<LogId, Seq> pruned_;
};

class MeshTest : public ::testing::Test {
 protected:
  /// We are device 5 and in workspace 1 with devices 1 to 9, of which 1 to 4 can be dialled.
  explicit MeshTest(Mesh::Options options = {}) {
    options.self = device(5);
    options.seed = 42;
    mesh_ = std::make_unique<Mesh>(at(), options, source_);
  }

  Now at() const { return {now_, wall_}; }
  void pass(Duration time) {
    now_ += time;
    wall_ += static_cast<WallMillis>(time / Duration(1ms));
  }
  /// Lets time pass as a driver would, collecting what is put out.
  void run_for(Duration time) {
    const Instant end = now_ + time;
    for (;;) {
      drain();
      const auto deadline = mesh_->next_deadline();
      if (!deadline || *deadline > end) break;
      pass(std::max(*deadline - now_, Duration(0)));
      mesh_->handle_timeout(at());
    }
    pass(end - now_);
  }

  void join(std::vector<std::uint64_t> numbers = {1, 2, 3, 4, 5, 6, 7, 8, 9},
            std::uint64_t workspace = 1) {
    std::vector<MemberAddress> members;
    for (const std::uint64_t number : numbers) {
      members.push_back({device(number), {}});
      if (number < 5) members.back().addresses = {"tcp://host:" + std::to_string(number)};
    }
    mesh_->set_workspace(at(), space(workspace), members);
  }

  // What peers do.

  Status receive(LinkId link, const Message& message) {
    const Status status = mesh_->handle_frame(at(), link, encode(message));
    drain();
    return status;
  }
  Hash our_digest() const { return frontier_digest(*source_.frontier(space(1))); }
  WorkspaceState state(Hash digest, std::uint64_t workspace = 1) {
    return {space(workspace), digest};
  }
  /// A link from or to `number` that is up and greeted, in step with us, and quiet.
  void link_with(LinkId link, std::uint64_t number, bool outgoing = false,
                 std::vector<DeviceId> neighbours = {}) {
    mesh_->handle_link_up(at(), link, device(number), outgoing, false);
    greet(link, number, std::move(neighbours));
  }
  void greet(LinkId link, std::uint64_t number, std::vector<DeviceId> neighbours = {}) {
    ASSERT_TRUE(receive(link, Hello{kFrameVersion, device(number), false, {state(our_digest())}}));
    if (!neighbours.empty()) {
      ASSERT_TRUE(receive(link, Neighbours{space(1), std::move(neighbours), {}}));
    }
    forget();
  }
  /// The peer claims to hold `log` up to `seq`.
  void claim(LinkId link, const LogId& log, Seq seq) {
    ASSERT_TRUE(receive(link, Announce{space(1), log, seq}));
  }
  Entries entries(const LogId& log, Seq first, std::size_t count, EntriesMode mode,
                  std::size_t size = 100) const {
    Entries message{space(1), log, first, mode, first + count - 1, {}};
    for (std::size_t i = 0; i < count; ++i) {
      message.entries.push_back(Bytes(size, static_cast<std::uint8_t>(first + i)));
    }
    return message;
  }
  /// The engine writes what it was given and says so.
  void store(const Mesh::RunReceived& received) {
    source_.add(received.run);
    mesh_->entries_stored(at(), received.workspace, received.run, received.link);
    mesh_->handle_run_verdict(at(), received.run_id, RunVerdict::kStored);
    drain();
  }
  void write_own(std::size_t count, std::size_t size = 100) {
    mesh_->entries_stored(at(), space(1), source_.add(log_of(5), count, size), std::nullopt);
    drain();
  }
  /// So many runs of 100 entries of 1,000 bytes, at a pace that peers hear.
  void write_much(std::size_t runs) {
    for (; runs > 0; --runs) {
      write_own(100, 1000);
      pass(1s);
    }
  }

  // What the mesh puts out.

  void drain() {
    while (auto output = mesh_->poll_output()) {
      if (auto* send = std::get_if<Mesh::SendFrame>(&*output)) {
        if (sends_leave_) {
          mesh_->handle_sent(at(), send->link, send->frame.size());
        } else {
          unsent_[send->link] += send->frame.size();
        }
        auto decoded = decode(send->frame);
        ASSERT_TRUE(decoded) << to_string(decoded.error());
        sent_.push_back({send->link, send->traffic_class, *decoded, send->frame.size()});
      } else {
        outputs_.push_back(std::move(*output));
      }
    }
  }
  void forget() {
    drain();
    sent_.clear();
    outputs_.clear();
  }
  struct Sent {
    LinkId link;
    TrafficClass traffic_class;
    Message message;
    std::size_t bytes;
  };
  template <typename Kind>
  std::vector<Kind> sent(std::optional<LinkId> link = {}) {
    drain();
    std::vector<Kind> found;
    for (const Sent& item : sent_) {
      if (link && item.link != *link) continue;
      if (const auto* message = std::get_if<Kind>(&item.message)) found.push_back(*message);
    }
    return found;
  }
  template <typename Kind>
  std::vector<Kind> outputs() {
    drain();
    std::vector<Kind> found;
    for (const auto& output : outputs_) {
      if (const auto* kind = std::get_if<Kind>(&output)) found.push_back(*kind);
    }
    return found;
  }
  PeerStatus status_of(std::uint64_t number) {
    for (const PeerStatus& peer : mesh_->peers(space(1))) {
      if (peer.device == device(number)) return peer;
    }
    ADD_FAILURE() << "no member " << number;
    return {};
  }

  Instant now_{1h};
  WallMillis wall_ = 1'800'000'000'000;
  FakeSource source_;
  std::unique_ptr<Mesh> mesh_;
  std::vector<Sent> sent_;
  std::vector<Mesh::Output> outputs_;
  bool sends_leave_ = true;  ///< Whether the driver's queue empties at once.
  std::map<LinkId, std::size_t> unsent_;
};

}  // namespace coterie::transport
