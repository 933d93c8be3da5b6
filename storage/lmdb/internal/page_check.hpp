// Whether an LMDB data file hangs together, before LMDB itself touches it.
//
// LMDB trusts its pages: a damaged one makes it abort the process, follow a wild pointer, or read
// beyond the end of the file (SIGBUS). So every page in use is checked once at open: that it is
// there, is what its parent takes it for, belongs to one parent only, and holds its keys in order
// and within bounds; and that the list of free pages names none that is in use. What a value says
// is not checked: LMDB keeps no checksums, and what is stored here is signed or sealed.
//
// Cost: one pass over the tree pages, about 1 GB/s once cached.
//
// Source: the structures MDB_page, MDB_node, MDB_db and MDB_meta in LMDB 0.9's mdb.c, 64 bit.

#pragma once

#include <string>

#include "crdt/base/result.hpp"

namespace coterie::storage::internal {

/// Messages for both who checks and who opens.
inline constexpr char kDamaged[] =
    "the data file is damaged: restore this workspace from a backup, or move its directory away "
    "and join again";
inline constexpr char kForeign[] =
    "the data file was not made by coterie: choose another data directory";

/// Nobody may be writing to `path`. Errors: kCorrupt (`detail`: a page at fault), kIo.
Status check_pages(const std::string& path);

}  // namespace coterie::storage::internal
