pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)

coterie_library(crypto
  SOURCES crypto/crypto.cpp
  DEPENDS coterie::base
  PRIVATE_DEPENDS PkgConfig::SODIUM)
