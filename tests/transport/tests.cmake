# Tests of transport; see coterie_test() and coterie_fuzz() in cmake/coterie.cmake.
find_package(nlohmann_json REQUIRED)

coterie_test(transport.crypto_test SOURCES transport/crypto_test.cpp
             DEPENDS coterie::crypto nlohmann_json::nlohmann_json)
include(transport/mesh.cmake)
