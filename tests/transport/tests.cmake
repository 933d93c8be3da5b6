# Tests of transport; see coterie_test() and coterie_fuzz() in cmake/coterie.cmake.
find_package(nlohmann_json REQUIRED)

coterie_test(transport.crypto_test SOURCES transport/crypto_test.cpp
             DEPENDS coterie::crypto nlohmann_json::nlohmann_json)
include(transport/mesh.cmake)

# The tests play peers that break the rules, so they use ZeroMQ themselves.
pkg_check_modules(ZMQ_TEST REQUIRED IMPORTED_TARGET libzmq)
coterie_test(transport.zmq_driver_test SOURCES transport/zmq_driver_test.cpp
             DEPENDS coterie::transport_zmq PkgConfig::ZMQ_TEST)
coterie_test(transport.zmq_gate_test SOURCES transport/zmq_gate_test.cpp
             DEPENDS coterie::transport_zmq)
pkg_check_modules(SODIUM_TEST REQUIRED IMPORTED_TARGET libsodium)
coterie_test(transport.zmq_hostile_test SOURCES transport/zmq_hostile_test.cpp
             DEPENDS coterie::transport_zmq PkgConfig::SODIUM_TEST)
