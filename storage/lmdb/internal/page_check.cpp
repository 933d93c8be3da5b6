#include "storage/lmdb/internal/page_check.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <vector>

#include "storage/files/files.hpp"
#include "storage/store.hpp"

namespace coterie::storage::internal {
namespace {

using Page = std::uint64_t;  ///< Its number.

constexpr std::size_t kHeaderBytes = 16;
constexpr std::size_t kNodeBytes = 8;  ///< Of a node, before its key.
constexpr std::uint16_t kBranch = 0x01;
constexpr std::uint16_t kLeaf = 0x02;
constexpr std::uint16_t kOverflow = 0x04;
constexpr std::uint16_t kMeta = 0x08;
constexpr std::uint16_t kDirty = 0x10;  ///< Set while in memory, and written so.
constexpr std::uint16_t kBigData = 0x01;
constexpr std::uint16_t kSubData = 0x02;
constexpr Page kNoPage = ~Page{0};
constexpr std::uint32_t kMagic = 0xbeefc0de;
constexpr std::uint32_t kDataVersion = 1;
constexpr std::size_t kDepthMax = 32;
constexpr std::size_t kPageBytesMin = 4'096;
constexpr std::size_t kPageBytesMax = 32'768;
constexpr std::uint64_t kMapBytesMax = std::uint64_t{1} << 41;
constexpr std::uint16_t kIntegerKeys = 0x08;

/// MDB_db.
struct Tree {
  std::uint32_t pad;  ///< Of the free list's: the page size.
  std::uint16_t flags;
  std::uint16_t depth;
  std::uint64_t branch_pages;
  std::uint64_t leaf_pages;
  std::uint64_t overflow_pages;
  std::uint64_t entries;
  Page root;
};
static_assert(sizeof(Tree) == 48);

/// MDB_meta, behind a page header.
struct Meta {
  std::uint32_t magic;
  std::uint32_t version;
  std::uint64_t address;
  std::uint64_t map_bytes;
  Tree free_list;
  Tree main;
  Page last_page;
  std::uint64_t transaction;
};
static_assert(sizeof(Meta) == 136);

/// A file, mapped to read.
class Mapping {
 public:
  Mapping() = default;
  ~Mapping() {
    if (data_ != nullptr) ::munmap(data_, size_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  Status open(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return files::file_error("cannot open the data file");
    struct stat found {};
    int error = ::fstat(fd, &found) == 0 ? 0 : errno;
    if (error == 0 && found.st_size > 0) {
      size_ = static_cast<std::size_t>(found.st_size);
      void* mapped = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd, 0);
      if (mapped == MAP_FAILED) {
        error = errno;
      } else {
        data_ = mapped;
      }
    }
    ::close(fd);
    if (error != 0) return files::file_error("cannot read the data file", error);
    return {};
  }
  ByteView bytes() const { return {static_cast<const std::uint8_t*>(data_), data_ ? size_ : 0}; }
  /// Lets go of the memory behind it; what is read again is mapped again.
  void release() const { (void)::madvise(data_, size_, MADV_DONTNEED); }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

template <typename T>
T read(ByteView bytes, std::size_t at) {
  T value{};
  COTERIE_ASSERT(at + sizeof value <= bytes.size());
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

bool less(ByteView a, ByteView b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
}

class Checker {
 public:
  explicit Checker(const Mapping& file) : mapping_(file), file_(file.bytes()) {}

  Status check() {
    COTERIE_TRY(const Meta meta, find_meta());
    if (meta.last_page < 1 || meta.map_bytes > kMapBytesMax ||
        meta.last_page >= meta.map_bytes / page_bytes_) {
      return damaged(0);
    }
    last_page_ = meta.last_page;
    seen_.assign(last_page_ + 1, false);
    seen_[0] = seen_[1] = true;
    if ((meta.free_list.flags & ~kIntegerKeys) != 0) return damaged(0);
    if (meta.main.flags != 0) return foreign();
    COTERIE_CHECK(check_tree(meta.main, Kind::kMain));
    // Last, when everything in use is known.
    return check_tree(meta.free_list, Kind::kFreeList);
  }

 private:
  enum class Kind { kMain, kTable, kFreeList };
  struct Bounds {  ///< Of the keys in a page; empty is open.
    ByteView low;
    ByteView high;
  };
  struct Node {
    ByteView key;
    std::uint16_t flags;
    std::uint32_t size;  ///< Of a leaf's data.
    ByteView data;       ///< As far as it is in this page.
    Page child;
  };

  static Error damaged(Page page) { return {ErrorCode::kCorrupt, kDamaged, page}; }

  static Error foreign() { return {ErrorCode::kCorrupt, kForeign}; }

  /// The newer of the two meta pages.
  Result<Meta> find_meta() {
    if (file_.size() < kHeaderBytes + sizeof(Meta)) return foreign();
    const auto first = read<Meta>(file_, kHeaderBytes);
    if (first.magic != kMagic || first.version != kDataVersion) return foreign();
    page_bytes_ = first.free_list.pad;
    if (!std::has_single_bit(page_bytes_) || page_bytes_ < kPageBytesMin ||
        page_bytes_ > kPageBytesMax || file_.size() < 2 * page_bytes_) {
      return damaged(0);
    }
    for (const Page page : {Page{0}, Page{1}}) {
      if ((read<std::uint16_t>(file_, page * page_bytes_ + 10) & kMeta) == 0) return damaged(page);
    }
    const auto second = read<Meta>(file_, page_bytes_ + kHeaderBytes);
    if (second.magic != kMagic || second.version != kDataVersion ||
        second.free_list.pad != first.free_list.pad) {
      return damaged(1);
    }
    return second.transaction > first.transaction ? second : first;
  }

  /// Marks `count` pages from `page` on as in use; nobody else may use them.
  Status claim(Page page, std::uint64_t count) {
    if (page > last_page_ + 1 || count > last_page_ + 1 - page) return damaged(page);
    if (file_.size() / page_bytes_ < page + count) return damaged(page);
    for (Page next = page; next < page + count; ++next) {
      if (seen_[next]) return damaged(next);
      seen_[next] = true;
    }
    return {};
  }

  /// Claims them, and gives their bytes.
  Result<ByteView> take(Page page, std::uint64_t count) {
    COTERIE_CHECK(claim(page, count));
    const ByteView bytes = file_.subspan(page * page_bytes_, count * page_bytes_);
    if (read<Page>(bytes, 0) != page) return damaged(page);
    return bytes;
  }

  Status check_tree(const Tree& tree, Kind kind) {
    if (tree.root == kNoPage) return tree.depth == 0 ? Status() : Status(damaged(0));
    if (tree.depth == 0 || tree.depth > kDepthMax) return damaged(tree.root);
    return check_page(tree.root, tree.depth, {}, kind);
  }

  /// `levels` is the height of the tree below and including `page`: bounds the recursion.
  Status check_page(Page page, std::size_t levels, Bounds bounds, Kind kind) {
    // Or the whole file would count as this process's memory.
    if (++pages_read_ % kPagesHeld == 0) mapping_.release();
    COTERIE_TRY(const ByteView bytes, take(page, 1));
    const auto flags = static_cast<std::uint16_t>(read<std::uint16_t>(bytes, 10) & ~kDirty);
    const auto lower = read<std::uint16_t>(bytes, 12);
    const auto upper = read<std::uint16_t>(bytes, 14);
    if (flags != (levels == 1 ? kLeaf : kBranch)) return damaged(page);
    if (lower <= kHeaderBytes || lower % 2 != 0 || upper < lower || upper > page_bytes_) {
      return damaged(page);
    }
    const std::size_t count = (lower - kHeaderBytes) / 2;
    ByteView last_key = bounds.low;
    COTERIE_TRY(Node node, read_node(page, bytes, 0, upper, levels));
    for (std::size_t i = 0; i < count; ++i) {
      Node next{};
      if (i + 1 < count) {
        COTERIE_TRY(next, read_node(page, bytes, i + 1, upper, levels));
      }
      // A branch's first key stands for "everything below the second".
      const bool open_below = levels > 1 && i == 0;
      if (!open_below && !check_order(node.key, last_key, i == 0, bounds.high, kind)) {
        return damaged(page);
      }
      if (!open_below) last_key = node.key;
      const Bounds inner = {open_below ? bounds.low : node.key,
                            i + 1 < count ? next.key : bounds.high};
      COTERIE_CHECK(levels > 1 ? check_page(node.child, levels - 1, inner, kind)
                               : check_leaf(page, node, kind));
      node = next;
    }
    return {};
  }

  /// Whether `key` is of a size that is allowed, after `last` (or at it, when it is the bound from
  /// above) and before `high`.
  static bool check_order(ByteView key, ByteView last, bool first, ByteView high, Kind kind) {
    if (key.empty() || key.size() > kKeyBytesMax) return false;
    if (kind == Kind::kFreeList) {  // Numbers in the machine's byte order.
      if (key.size() != sizeof(std::uint64_t)) return false;
      const auto number = read<std::uint64_t>(key, 0);
      if (!last.empty() && number < read<std::uint64_t>(last, 0) + (first ? 0 : 1)) return false;
      return high.empty() || number < read<std::uint64_t>(high, 0);
    }
    if (!last.empty() && (first ? less(key, last) : !less(last, key))) return false;
    return high.empty() || less(key, high);
  }

  Result<Node> read_node(Page page, ByteView bytes, std::size_t index, std::size_t upper,
                         std::size_t levels) const {
    const std::size_t at = read<std::uint16_t>(bytes, kHeaderBytes + 2 * index);
    if (at < upper || at + kNodeBytes > page_bytes_) return damaged(page);
    const std::uint32_t low = read<std::uint16_t>(bytes, at);
    const std::uint32_t high = read<std::uint16_t>(bytes, at + 2);
    Node node{};
    node.flags = read<std::uint16_t>(bytes, at + 4);
    const std::size_t key_bytes = read<std::uint16_t>(bytes, at + 6);
    node.size = low | (high << 16);
    node.child = node.size | (Page{node.flags} << 32);
    if (at + kNodeBytes + key_bytes > page_bytes_) return damaged(page);
    node.key = bytes.subspan(at + kNodeBytes, key_bytes);
    if (levels > 1) return node;
    const std::size_t held = (node.flags & kBigData) != 0 ? sizeof(Page) : node.size;
    if (at + kNodeBytes + key_bytes + held > page_bytes_) return damaged(page);
    node.data = bytes.subspan(at + kNodeBytes + key_bytes, held);
    return node;
  }

  Status check_leaf(Page page, const Node& node, Kind kind) {
    if (kind == Kind::kMain) {
      // Ours holds tables of the plain kind, and no rows of its own.
      if (node.flags != kSubData || node.size != sizeof(Tree)) return foreign();
      const auto tree = read<Tree>(node.data, 0);
      if (tree.flags != 0) return foreign();
      return check_tree(tree, Kind::kTable);
    }
    ByteView data = node.data;
    if (node.flags == kBigData) {
      const auto first = read<Page>(node.data, 0);
      const std::uint64_t pages = (kHeaderBytes + node.size + page_bytes_ - 1) / page_bytes_;
      COTERIE_TRY(const ByteView bytes, take(first, pages));
      const auto flags = static_cast<std::uint16_t>(read<std::uint16_t>(bytes, 10) & ~kDirty);
      const std::uint64_t held = read<std::uint32_t>(bytes, 12);
      if (flags != kOverflow || held < pages) return damaged(first);
      // A value that shrank while its pages were in memory keeps all of them.
      COTERIE_CHECK(claim(first + pages, held - pages));
      data = bytes.subspan(kHeaderBytes, node.size);
    } else if (node.flags != 0) {
      return damaged(page);
    }
    return kind == Kind::kFreeList ? check_free(page, data) : Status();
  }

  /// A record of the free list: how many, then their numbers. They need not be in the file: LMDB
  /// does not write pages at its end that were freed in the transaction that took them.
  Status check_free(Page page, ByteView data) {
    if (data.size() < sizeof(Page)) return damaged(page);
    const auto count = read<std::uint64_t>(data, 0);
    if (count > data.size() / sizeof(Page) - 1) return damaged(page);
    for (std::size_t i = 1; i <= count; ++i) {
      const auto free = read<Page>(data, i * sizeof(Page));
      if (free > last_page_ || seen_[free]) return damaged(page);
      seen_[free] = true;
    }
    return {};
  }

  static constexpr std::size_t kPagesHeld = 4096;

  const Mapping& mapping_;
  const ByteView file_;
  std::size_t pages_read_ = 0;
  std::size_t page_bytes_ = 0;
  Page last_page_ = 0;
  std::vector<bool> seen_;
};

}  // namespace

Status check_pages(const std::string& path) {
  Mapping mapping;
  COTERIE_CHECK(mapping.open(path));
  // LMDB would take an empty file for a new database, and a node for one that knows nothing.
  if (mapping.bytes().empty()) return Error{ErrorCode::kCorrupt, kDamaged};
  return Checker(mapping).check();
}

}  // namespace coterie::storage::internal
