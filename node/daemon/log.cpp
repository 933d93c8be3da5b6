#include "node/daemon/log.hpp"

#include <atomic>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

namespace coterie::node {

namespace {

std::atomic<bool> as_json = false;

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> kLogger = [] {
    auto made = std::make_shared<spdlog::logger>("coterie",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%Y-%m-%d %H:%M:%S.%e %l %v");
    made->flush_on(spdlog::level::info);
    return made;
  }();
  return *kLogger;
}

spdlog::level::level_enum spdlog_level(Engine::Notice::Level level) {
  switch (level) {
    case Engine::Notice::Level::kInfo:
      return spdlog::level::info;
    case Engine::Notice::Level::kWarning:
      return spdlog::level::warn;
    case Engine::Notice::Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

}  // namespace

void log_line(Engine::Notice::Level level, std::string_view text) {
  if (!as_json) return logger().log(spdlog_level(level), "{}", text);
  using nlohmann::json;
  logger().log(spdlog_level(level), "{}",
               json(text).dump(-1, ' ', false, json::error_handler_t::replace));
}

void set_log_json() {
  as_json = true;
  logger().set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","message":%v})",
                       spdlog::pattern_time_type::utc);
}

void set_log_level(Engine::Notice::Level level) { logger().set_level(spdlog_level(level)); }

}  // namespace coterie::node
