// The control socket, server and client, over a real socket in a directory of its own.

#include "node/daemon/control.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "node/bridge/io_thread.hpp"
#include "tests/node/identity/temp_dir.hpp"

namespace coterie::node {
namespace {

namespace fs = std::filesystem;
using testing::TempDir;
constexpr std::chrono::milliseconds kPatience{5000};
constexpr std::chrono::milliseconds kPause{10};

class ControlTest : public ::testing::Test {
 protected:
  void start() {
    auto started = ControlServer::start(io_.context(), dir_, [this](Call call, CallReply reply) {
      const std::lock_guard lock(mutex_);
      const Call& made = calls_.emplace_back(std::move(call));
      if (made.operation == "never") {
        kept_.push_back(std::move(reply));
      } else if (made.operation == "fail") {
        reply({"", CallError{ErrorCode::kConflict, "no \"such\" luck\n"}});
      } else {
        reply({R"({"answer":")" + made.operation + "\"}", std::nullopt});
      }
    });
    ASSERT_TRUE(started) << to_string(started.error());
    server_ = *std::move(started);
  }

  /// Sends `bytes` on a plain connection, and returns what comes back until its end.
  std::string raw(const std::string& bytes) {
    const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::strncpy(name.sun_path, dir_.control_socket().c_str(), sizeof name.sun_path - 1);
    EXPECT_EQ(::connect(socket, reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
    for (std::size_t at = 0; at < bytes.size();) {
      const ssize_t sent = ::send(socket, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
      if (sent <= 0) break;
      at += static_cast<std::size_t>(sent);
    }
    ::shutdown(socket, SHUT_WR);
    std::string answer;
    char chunk[4096];
    for (ssize_t got; (got = ::recv(socket, chunk, sizeof chunk, 0)) > 0;) {
      answer.append(chunk, static_cast<std::size_t>(got));
    }
    ::close(socket);
    return answer;
  }

  std::vector<Call> calls() {
    const std::lock_guard lock(mutex_);
    return calls_;
  }
  std::vector<CallReply> kept() {
    const std::lock_guard lock(mutex_);
    return kept_;
  }

  /// Until `count` calls of "never" have come in.
  void wait_for_kept(std::size_t count) {
    for (;;) {
      std::this_thread::sleep_for(kPause);
      const std::lock_guard lock(mutex_);
      if (kept_.size() == count) return;
    }
  }

  TempDir temp_;
  DataDir dir_{temp_.path()};
  bridge::IoThread io_;
  std::mutex mutex_;
  std::vector<Call> calls_;
  std::vector<CallReply> kept_;
  std::unique_ptr<ControlServer> server_;
};

TEST_F(ControlTest, CarriesCallsAndAnswers) {
  start();
  EXPECT_TRUE(is_node_running(dir_));
  const auto answer = ask_running_node(
      dir_, {"doc.list", {{"workspace", "d\xc3\xa9mo\n"}, {"bad", "\xff"}}}, kPatience);
  ASSERT_TRUE(answer) << to_string(answer.error());
  EXPECT_FALSE(answer->error);
  EXPECT_EQ(answer->json, R"({"answer":"doc.list"})");
  EXPECT_EQ(calls().at(0).arguments.at("workspace"), "d\xc3\xa9mo\n");
}

TEST_F(ControlTest, CarriesErrorsWithTheirCodes) {
  start();
  const auto answer = ask_running_node(dir_, {"fail", {}}, kPatience);
  ASSERT_TRUE(answer);
  ASSERT_TRUE(answer->error);
  EXPECT_EQ(answer->error->code, ErrorCode::kConflict);
  EXPECT_EQ(answer->error->message, "no \"such\" luck\n");
}

TEST_F(ControlTest, IsForItsUserOnly) {
  start();
  struct stat info {};
  ASSERT_EQ(::stat(dir_.control_socket().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
  ::chmod(dir_.root.c_str(), 0777);
  ::chmod(dir_.control_socket().c_str(), 0666);  // Even if the modes were wrong.
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setresuid(65534, 65534, 65534) != 0) ::_exit(2);
    ::_exit(raw("{\"operation\":\"x\"}\n").empty() ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(ControlTest, WithoutANodeThereIsNone) {
  EXPECT_FALSE(is_node_running(dir_));
  EXPECT_EQ(ask_running_node(dir_, {"x", {}}, kPatience).error().code, ErrorCode::kNotFound);
  const DataDir missing{temp_.path() / "no"};
  EXPECT_EQ(ask_running_node(missing, {"x", {}}, kPatience).error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(is_node_running(missing));
}

TEST_F(ControlTest, StoppingRemovesTheSocketAndASecondStartReplacesAStaleOne) {
  start();
  server_->stop();
  server_->stop();
  EXPECT_FALSE(fs::exists(dir_.control_socket()));
  testing::write_file(dir_.control_socket(), "stale");
  EXPECT_FALSE(is_node_running(dir_));
  start();
  EXPECT_TRUE(ask_running_node(dir_, {"x", {}}, kPatience));
}

TEST_F(ControlTest, PatienceEnds) {
  start();
  const auto answer = ask_running_node(dir_, {"never", {}}, std::chrono::milliseconds(50));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable);
  kept().at(0)({"{}", std::nullopt});  // To nobody.
  EXPECT_TRUE(ask_running_node(dir_, {"x", {}}, kPatience));
}

TEST_F(ControlTest, AStoppingNodeIsNoAnswer) {
  start();
  std::thread stopper([this] {
    wait_for_kept(1);
    server_->stop();
  });
  const auto answer = ask_running_node(dir_, {"never", {}}, kPatience);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable);
  stopper.join();
}

TEST_F(ControlTest, BadRequestsAreTypedErrors) {
  start();
  for (const char* bad : {"\n", "x\n", "[]\n", "{}\n", "{\"operation\":7}\n", "\xff\n",
                          "{\"operation\":\"x\",\"arguments\":[]}\n",
                          "{\"operation\":\"x\",\"arguments\":{\"a\":7}}\n"}) {
    EXPECT_NE(raw(bad).find("\"code\":\"malformed\""), std::string::npos) << bad;
  }
  EXPECT_EQ(raw("{\"operation\":\"unfinished\""), "");
  EXPECT_TRUE(calls().empty());
  const std::string two = raw("{\"operation\":\"a\"}\n{\"operation\":\"b\",\"more\":1}\n");
  EXPECT_EQ(two,
            "{\"ok\":true,\"result\":{\"answer\":\"a\"}}\n"
            "{\"ok\":true,\"result\":{\"answer\":\"b\"}}\n");
}

TEST_F(ControlTest, LinesHaveALimit) {
  start();
  const std::string begin = R"({"operation":"x","arguments":{"a":")";
  const std::string end = "\"}}\n";
  const std::string fits(kControlLineBytesMax - begin.size() - end.size(), 'x');
  EXPECT_NE(raw(begin + fits + end).find("\"ok\":true"), std::string::npos);
  EXPECT_NE(raw(begin + fits + "x" + end).find("limit_exceeded"), std::string::npos);
}

TEST_F(ControlTest, ConnectionsHaveALimit) {
  start();
  std::vector<std::thread> waiting;
  for (std::size_t count = 0; count < kControlConnectionsMax; ++count) {
    waiting.emplace_back([this] {
      EXPECT_FALSE(ask_running_node(dir_, {"never", {}}, kPatience));
    });
  }
  wait_for_kept(kControlConnectionsMax);
  EXPECT_FALSE(ask_running_node(dir_, {"x", {}}, kPatience));
  server_->stop();
  for (auto& one : waiting) one.join();
}

TEST_F(ControlTest, LongDirectoriesWork) {
  dir_.root = temp_.path() / std::string(150, 'd');
  fs::create_directory(dir_.root);
  start();
  EXPECT_TRUE(ask_running_node(dir_, {"x", {}}, kPatience));
}

}  // namespace
}  // namespace coterie::node
