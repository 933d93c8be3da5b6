#include "node/bridge/io_thread.hpp"

#include <signal.h>

#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

namespace coterie::node::bridge {

struct IoThread::State {
  boost::asio::io_context context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work =
      boost::asio::make_work_guard(context);
  std::thread thread;
};

IoThread::IoThread() : state_(std::make_unique<State>()) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  state_->thread = std::thread([context = &state_->context] { context->run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

IoThread::~IoThread() {
  state_->context.stop();
  state_->thread.join();
}

boost::asio::io_context& IoThread::context() { return state_->context; }

}  // namespace coterie::node::bridge
