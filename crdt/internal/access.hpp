// The way from public values to the store behind them, for free functions of this library.

#pragma once

#include "crdt/doc.hpp"
#include "crdt/internal/store.hpp"
#include "crdt/shared_type.hpp"

namespace coterie::crdt::internal {

struct Access {
  static Store& store(const Doc& doc) { return *doc.store_; }
  static Store& store(const SharedType& type) { return *type.store_; }
  static Transaction& transaction(const TransactionView& view) { return *view.transaction_; }
};

}  // namespace coterie::crdt::internal
