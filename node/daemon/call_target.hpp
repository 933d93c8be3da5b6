// Where the document of a call is.

#pragma once

#include "node/bridge/call.hpp"
#include "node/core/engine.hpp"

namespace coterie::node {

/// Puts "workspace" (its id) and "path" in the place of "document_id", an id in hexadecimal, where
/// a call has one: the path as it is now, or of one in the trash its id. With a "workspace" it must
/// be there. Errors: kNotFound, kMalformed (no id), kConflict (no such workspace, but several of
/// that name).
Status resolve_document(const Engine& engine, Call& call);

}  // namespace coterie::node
