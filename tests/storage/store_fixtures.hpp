// The stores under test, behind one shape: `store()`, and `restart()` as after kill -9.

#pragma once

#include <memory>
#include <string>

#include "storage/memory/memory_store.hpp"
#include "storage/store.hpp"

namespace coterie::storage::testing {

class MemoryUnderTest {
 public:
  Store& store() { return **provider_.open("a1"); }
  StoreProvider& provider() { return provider_; }
  void restart() { provider_.crash(); }

 private:
  MemoryStoreProvider provider_;
};

inline Bytes bytes(std::string_view text) { return {text.begin(), text.end()}; }

inline WriteBatch put(Table table, std::string_view key, std::string_view value) {
  WriteBatch batch;
  batch.put(table, bytes(key), bytes(value));
  return batch;
}

inline Status commit(Store& store, const WriteBatch& batch) { return store.commit({&batch, 1}); }

}  // namespace coterie::storage::testing
