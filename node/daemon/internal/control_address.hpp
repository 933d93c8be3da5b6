// A name for the control socket that always fits.
//
// A Unix socket's path has at most 107 bytes. Through an open descriptor of its directory
// (/proc/self/fd/N/control.sock) every data directory is short enough.

#pragma once

#include <string>
#include <utility>

#include "crdt/base/result.hpp"
#include "node/identity/data_dir.hpp"

namespace coterie::node::internal {

class ControlAddress {
 public:
  /// Errors: kNotFound (no such directory), kIo.
  static Result<ControlAddress> of(const DataDir& dir);

  ControlAddress(ControlAddress&& other) noexcept
      : directory_(std::exchange(other.directory_, -1)) {}
  ControlAddress& operator=(ControlAddress&&) = delete;
  ControlAddress(const ControlAddress&) = delete;
  ControlAddress& operator=(const ControlAddress&) = delete;
  ~ControlAddress();

  /// Valid while this object lives. At most 40 bytes.
  std::string path() const {
    return "/proc/self/fd/" + std::to_string(directory_) + "/control.sock";
  }

 private:
  explicit ControlAddress(int directory) : directory_(directory) {}
  int directory_;
};

}  // namespace coterie::node::internal
