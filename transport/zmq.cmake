pkg_check_modules(ZMQ REQUIRED IMPORTED_TARGET libzmq)

coterie_library(transport_zmq
  SOURCES zmq/driver.cpp zmq/internal/address.cpp zmq/internal/gate.cpp zmq/internal/loop.cpp
          zmq/internal/mailbox.cpp zmq/internal/resolver.cpp zmq/internal/sockets.cpp
  DEPENDS coterie::base coterie::crypto Threads::Threads
  PRIVATE_DEPENDS PkgConfig::ZMQ)
