coterie_library(wire
  SOURCES wire/messages.cpp
  DEPENDS coterie::base
  PRIVATE_DEPENDS coterie::crypto)
