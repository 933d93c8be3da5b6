#include "storage/files/files.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "tests/storage/store_fixtures.hpp"

namespace coterie::files {
namespace {

namespace fs = std::filesystem;

class FilesTest : public ::testing::Test {
 protected:
  fs::path at(const std::string& name) const { return fs::path(directory_ / name); }
  static std::string read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::size_t count() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(at("")), fs::directory_iterator()));
  }

  const storage::testing::TemporaryDirectory directory_;
};

TEST_F(FilesTest, ADescriptorHasOneOwner) {
  int fd = -1;
  {
    Descriptor file = create_file(at("a"));
    ASSERT_TRUE(file.valid());
    fd = file.get();
    Descriptor other = std::move(file);
    EXPECT_FALSE(file.valid());  // NOLINT(bugprone-use-after-move): what it says of itself.
    EXPECT_EQ(other.get(), fd);
    EXPECT_TRUE(write_all(fd, as_bytes("text")));
  }
  EXPECT_FALSE(write_all(fd, as_bytes("more")));
  EXPECT_EQ(read(at("a")), "text");
  EXPECT_FALSE(create_file(at("a")).valid()) << "it replaces nothing";
}

TEST_F(FilesTest, AFileIsReplacedWholeOrNotAtAll) {
  ASSERT_TRUE(replace_file(at("a"), as_bytes("old")));
  {
    NewFile file(at("a"));
    ASSERT_TRUE(file.write(as_bytes("never moved")));
    EXPECT_EQ(read(at("a")), "old");
  }
  EXPECT_EQ(count(), 1u) << "nothing stays beside it";
  ASSERT_TRUE(replace_file(at("a"), as_bytes("new")));
  EXPECT_EQ(read(at("a")), "new");
  const Status missing = replace_file(at("none") / "a", as_bytes("x"));
  EXPECT_EQ(missing.error().code, ErrorCode::kIo);
  EXPECT_EQ(described(missing.error()), "cannot be written (No such file or directory)");
  fs::create_directory(at("d"));
  EXPECT_EQ(replace_file(at("d"), as_bytes("x")).error().code, ErrorCode::kConflict);
  EXPECT_EQ(count(), 2u);
}

TEST_F(FilesTest, LinksStayAndPipesAreWrittenTo) {
  ASSERT_TRUE(replace_file(at("a"), as_bytes("old")));
  fs::create_symlink("a", at("link"));
  ASSERT_TRUE(replace_file(at("link"), as_bytes("new")));
  EXPECT_TRUE(fs::is_symlink(at("link")));
  EXPECT_EQ(read(at("a")), "new");
  ASSERT_EQ(::mkfifo(at("pipe").c_str(), 0600), 0);
  std::string got;
  std::thread reader([&] { got = read(at("pipe")); });
  EXPECT_TRUE(replace_file(at("pipe"), as_bytes("through")));
  reader.join();
  EXPECT_EQ(got, "through");
  EXPECT_TRUE(fs::is_fifo(at("pipe")));
}

TEST_F(FilesTest, OverwritingLeavesNothingOfBefore) {
  const Descriptor file = create_file(at("f"));
  ASSERT_TRUE(file.valid());
  for (const char* content : {"first", "the second", "third", ""}) {
    ASSERT_TRUE(overwrite(file.get(), as_bytes(content)));
    EXPECT_EQ(read(at("f")), content);
  }
  EXPECT_FALSE(overwrite(-1, as_bytes("x")));
}

TEST_F(FilesTest, ALockNamesItsHolderAndGoesWithIt) {
  {
    const auto lock = take_lock(at("lock"));
    ASSERT_TRUE(lock);
    const auto second = take_lock(at("lock"));
    EXPECT_EQ(second.error().code, ErrorCode::kConflict);
    EXPECT_EQ(second.error().detail, static_cast<std::uint64_t>(::getpid()));
  }
  EXPECT_TRUE(take_lock(at("lock")));
  EXPECT_FALSE(take_lock(at("none") / "lock"));
}

TEST_F(FilesTest, DirectoriesAreMadeForTheirOwnerOnly) {
  ASSERT_TRUE(make_directory(at("x") / "y"));
  struct stat info {};
  ASSERT_EQ(::stat((at("x") / "y").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777u, 0700u);
  EXPECT_TRUE(make_directory(at("x") / "y")) << "one that is there is left as it is";
  ASSERT_TRUE(replace_file(at("file"), as_bytes("x")));
  EXPECT_FALSE(make_directory(at("file")));
}

}  // namespace
}  // namespace coterie::files
