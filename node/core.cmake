# Entries, membership, invites: needs signatures and hashes only.
coterie_library(node_log
  SOURCES core/invite.cpp core/join.cpp core/log/entry.cpp core/membership/membership.cpp
          core/membership/operations.cpp core/records.cpp
  DEPENDS coterie::base coterie::crypto)
