coterie_library(wire
  SOURCES wire/messages.cpp
  DEPENDS coterie::base
  PRIVATE_DEPENDS coterie::crypto)

# Pure: what it cannot link it cannot call.
coterie_library(transport_core
  SOURCES core/mesh.cpp core/internal/awareness.cpp core/internal/dialer.cpp
          core/internal/entries.cpp core/internal/links.cpp core/internal/outbox.cpp
          core/internal/overlay.cpp
  DEPENDS coterie::base coterie::wire)
