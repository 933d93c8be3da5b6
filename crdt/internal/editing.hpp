// What the editing functions of all handles share.

#pragma once

#include "crdt/base/result.hpp"
#include "crdt/internal/store.hpp"

namespace coterie::crdt::internal {

inline constexpr Error kPastEnd{ErrorCode::kMalformed, "index past the end", 0};
inline constexpr Error kInsidePair{ErrorCode::kMalformed, "index inside a surrogate pair", 0};
inline constexpr Error kNotUtf8{ErrorCode::kMalformed, "string is not UTF-8", 0};
inline constexpr Error kStale{ErrorCode::kNotFound, "the type was deleted", 0};
inline constexpr Error kTooLarge{ErrorCode::kLimitExceeded, "document content too large", 0};
inline constexpr Error kTooDeep{ErrorCode::kLimitExceeded, "value nested too deep", 0};

/// One edit: joins the transaction that is open, or is one of its own.
class Edit {
 public:
  explicit Edit(Store& store) : store_(store) { store_.begin(true); }
  ~Edit() {
    (void)store_.commit(std::nullopt);
  }  // The observer, or the outer transaction, has the update.
  Edit(const Edit&) = delete;
  Edit& operator=(const Edit&) = delete;

 private:
  Store& store_;
};

/// Where text goes in at `index`: after all that is deleted there, as Yjs has it.
struct Gap {
  ItemIndex left = kNone;
  ItemIndex right = kNone;
};
Gap gap_at(Store& store, BranchIndex branch, std::uint64_t index);

/// The visible item that starts at `index` of a list, split off if need be; kNone at the end.
ItemIndex item_starting_at(Store& store, BranchIndex branch, std::uint64_t index);

/// Removes elements from a list without formatting marks. Precondition: they are there.
void remove_elements(Store& store, BranchIndex branch, std::uint64_t index, std::uint64_t length);

/// Whether `value` may be stored: UTF-8 throughout, not too deep.
Status check_value(const Any& value);

}  // namespace coterie::crdt::internal
