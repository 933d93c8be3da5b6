#include "node/daemon/metrics.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>

#include <nlohmann/json.hpp>

namespace coterie::node {

namespace {

using nlohmann::json;

std::string number(double value) {
  std::array<char, 40> digits{};
  const int length = std::snprintf(digits.data(), digits.size(), "%.9g", value);
  return {digits.data(), static_cast<std::size_t>(length)};
}

double seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

class Text {
 public:
  void counter(std::string_view name, std::string_view help, std::uint64_t value) {
    family(name, "counter", help);
    line(name, "", std::to_string(value));
  }
  void gauge(std::string_view name, std::string_view help, double value) {
    family(name, "gauge", help);
    line(name, "", number(value));
  }
  void family(std::string_view name, std::string_view type, std::string_view help) {
    out_ += "# HELP " + std::string(name) + " " + std::string(help) + "\n# TYPE " +
            std::string(name) + " " + std::string(type) + "\n";
  }
  void line(std::string_view name, const std::string& labels, const std::string& value) {
    out_ += std::string(name) + (labels.empty() ? "" : "{" + labels + "}") + " " + value + "\n";
  }
  void add(const std::string& text) { out_ += text; }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

void tell_bridge(Text& out, const bridge::Stats& stats) {
  out.gauge("coterie_bridge_connections", "Open connections of any kind.",
            static_cast<double>(stats.connections));
  out.gauge("coterie_bridge_clients", "Attached clients.", static_cast<double>(stats.clients));
  out.counter("coterie_bridge_accepted_total", "Connections.", stats.accepted);
  out.counter("coterie_bridge_refused_total", "Refused for being too many.", stats.refused);
  out.counter("coterie_bridge_requests_total", "Requests of HTTP.", stats.requests);
  out.counter("coterie_bridge_joined_total", "Clients that attached.", stats.joined);
  out.counter("coterie_bridge_received_bytes_total", "Bytes from clients.", stats.bytes_in);
  out.counter("coterie_bridge_sent_bytes_total", "Bytes to clients.", stats.bytes_out);
  out.counter("coterie_bridge_messages_received_total", "Messages of clients.", stats.messages_in);
  out.counter("coterie_bridge_messages_sent_total", "Messages to clients.", stats.messages_out);
  out.counter("coterie_bridge_messages_compressed_total", "Of those.", stats.compressed_out);
  out.counter("coterie_bridge_sends_total", "Calls of the kernel to send.", stats.sends);
  out.family("coterie_bridge_errors_total", "counter", "Connections that were ended, by why.");
  out.line("coterie_bridge_errors_total", "why=\"too_slow\"", std::to_string(stats.too_slow));
  out.line("coterie_bridge_errors_total", "why=\"violation\"", std::to_string(stats.violations));
  out.line("coterie_bridge_errors_total", "why=\"timed_out\"", std::to_string(stats.timed_out));
}

void tell_engine(Text& out, const Counters& counters) {
  out.counter("coterie_updates_received_total", "Updates of documents from clients.",
              counters.updates_received);
  out.counter("coterie_awareness_received_total", "Presence from clients.",
              counters.awareness_received);
  out.counter("coterie_updates_stored_total", "Updates of documents written by this device.",
              counters.updates_stored);
  out.counter("coterie_compactions_total", "Snapshots that took the place of updates.",
              counters.compactions);
  out.gauge("coterie_documents_open", "Documents in memory.",
            static_cast<double>(counters.documents_open));
  out.gauge("coterie_documents_active", "Documents with clients.",
            static_cast<double>(counters.documents_active));
  out.gauge("coterie_participants", "Clients in documents.", static_cast<double>(counters.clients));
}

void tell_disk(Text& out, const storage::CommitQueue::Stats& disk) {
  out.counter("coterie_commits_total", "Transactions that were written.", disk.transactions);
  out.counter("coterie_commit_failures_total", "Transactions that were not.", disk.failed);
  out.counter("coterie_commit_bytes_total", "Bytes in them.", disk.bytes);
  out.gauge("coterie_commits_waiting", "Batches that wait for the disk.",
            static_cast<double>(disk.waiting));
  const auto quantiles = [&](std::string_view name, std::string_view help, Duration median,
                             Duration p99) {
    out.family(name, "gauge", help);
    out.line(name, "quantile=\"0.5\"", number(seconds(median)));
    out.line(name, "quantile=\"0.99\"", number(seconds(p99)));
  };
  quantiles("coterie_commit_seconds", "A transaction with its fsync, lately.", disk.commit_median,
            disk.commit_p99);
  quantiles("coterie_saved_seconds", "From an edit to its being on disk, lately.", disk.wait_median,
            disk.wait_p99);
}

/// What a number in an answer of `peers` says; 0: nothing is known.
double known(const json& value) { return value.is_number() ? value.get<double>() : 0; }

void tell_workspaces(Text& out, Now now, const Engine& engine, const DialLog& dials) {
  struct Sample {
    std::string labels;
    WorkspaceInfo info;
    bool writable = false;
    double linked = 0, in_step = 0, behind = 0, silent = 0;
  };
  std::vector<Sample> all;
  for (WorkspaceInfo& one : engine.workspaces()) {
    Sample sample;
    sample.labels = "workspace=\"" + one.id.short_hex() + "\"";
    const auto obstacle = engine.disk_obstacle(one.id);
    sample.writable = obstacle && !*obstacle;
    if (const auto peers = peers_json(now, engine, one.id, dials)) {
      for (const json& peer : peers->at("peers")) {
        sample.linked += peer.at("linked") == true ? 1 : 0;
        sample.in_step += peer.at("in_step") == true ? 1 : 0;
        sample.behind = std::max(sample.behind, known(peer.at("entries_behind")));
        if (peer.at("linked") == true) {
          sample.silent = std::max(sample.silent, known(peer.at("last_heard_ms_ago")) / 1000);
        }
      }
    }
    sample.info = std::move(one);
    all.push_back(std::move(sample));
  }
  const auto tell = [&](std::string_view name, std::string_view help, auto value) {
    out.family(name, "gauge", help);
    for (const Sample& one : all)
      out.line(name, one.labels, number(static_cast<double>(value(one))));
  };
  tell("coterie_workspace_writable", "Whether it can be written: 1 or 0.",
       [](const Sample& one) { return one.writable ? 1 : 0; });
  tell("coterie_workspace_documents", "Documents.",
       [](const Sample& one) { return one.info.documents; });
  tell("coterie_workspace_members", "Devices.", [](const Sample& one) { return one.info.members; });
  tell("coterie_workspace_entries", "Entries that are held.",
       [](const Sample& one) { return one.info.entries; });
  tell("coterie_peers_linked", "Other devices that there is a link to.",
       [](const Sample& one) { return one.linked; });
  tell("coterie_peers_in_step", "Of those, which hold the same entries.",
       [](const Sample& one) { return one.in_step; });
  tell("coterie_sync_lag_entries",
       "Entries that a linked device holds and this one lacks, at most.",
       [](const Sample& one) { return one.behind; });
  tell("coterie_sync_lag_seconds", "Since a linked device was last heard, at most.",
       [](const Sample& one) { return one.silent; });
}

void tell_process(Text& out) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto time = [](const timeval& one) {
    return static_cast<double>(one.tv_sec) + static_cast<double>(one.tv_usec) * 1e-6;
  };
  out.family("process_cpu_seconds_total", "counter", "CPU time.");
  out.line("process_cpu_seconds_total", "", number(time(usage.ru_utime) + time(usage.ru_stime)));
  std::ifstream statm("/proc/self/statm");
  double pages = 0;
  double resident = 0;
  statm >> pages >> resident;
  out.gauge("process_resident_memory_bytes", "Memory.",
            resident * static_cast<double>(sysconf(_SC_PAGESIZE)));
}

}  // namespace

void Histogram::observe(Duration took) {
  const auto micros = static_cast<std::uint64_t>(std::max<std::int64_t>(
      0, std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
  const auto bucket = std::lower_bound(kBuckets.begin(), kBuckets.end(), micros);
  ++counts_[static_cast<std::size_t>(bucket - kBuckets.begin())];
  sum_ += micros;
}

std::string Histogram::text(std::string_view name, std::string_view help) const {
  Text out;
  out.family(name, "histogram", help);
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < kBuckets.size(); ++i) {
    count += counts_[i];
    out.line(std::string(name) + "_bucket",
             "le=\"" + number(static_cast<double>(kBuckets[i]) * 1e-6) + "\"",
             std::to_string(count));
  }
  count += counts_.back();
  out.line(std::string(name) + "_bucket", "le=\"+Inf\"", std::to_string(count));
  out.line(std::string(name) + "_sum", "", number(static_cast<double>(sum_) * 1e-6));
  out.line(std::string(name) + "_count", "", std::to_string(count));
  return out.take();
}

std::string metrics_text(Now now, const MetricsSources& sources) {
  Text out;
  out.family("coterie_build_info", "gauge", "Which version this is.");
  out.line("coterie_build_info", "version=\"" COTERIE_VERSION "\"", "1");
  tell_bridge(out, sources.bridge);
  tell_engine(out, sources.engine.counters());
  out.add(sources.client_messages.text("coterie_client_message_seconds",
                                       "From a client's message to its being handed on."));
  tell_disk(out, sources.disk);
  tell_workspaces(out, now, sources.engine, sources.dials);
  tell_process(out);
  return out.take();
}

}  // namespace coterie::node
