#include "node/identity/data_dir.hpp"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/node/identity/temp_dir.hpp"
#include "tests/support/seeded_secure_random.hpp"

namespace coterie::node {
namespace {

namespace fs = std::filesystem;
using testing::TempDir;
using testing::write_file;

mode_t mode_of(const fs::path& path) {
  struct stat info {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777;
}

TEST(DataDir, IsMadeWithItsParentsAndClosedToOthers) {
  const TempDir temp;
  const DataDir dir{temp.path() / "a" / "b"};
  ASSERT_TRUE(create_data_dir(dir));
  EXPECT_EQ(mode_of(dir.root), 0700u);
  EXPECT_TRUE(check_data_dir(dir));
}

TEST(DataDir, AnEmptyOneIsTakenAndTightened) {
  const TempDir temp;
  const DataDir dir{temp.path() / "d"};
  fs::create_directory(dir.root);
  ::chmod(dir.root.c_str(), 0755);
  ASSERT_TRUE(create_data_dir(dir));
  EXPECT_EQ(mode_of(dir.root), 0700u);
}

TEST(DataDir, ForeignFilesAreRefusedAndLeftAlone) {
  const TempDir temp;
  const DataDir dir{temp.path() / "d"};
  fs::create_directory(dir.root);
  ::chmod(dir.root.c_str(), 0755);
  write_file(dir.root / "thesis.tex", "x");
  EXPECT_EQ(create_data_dir(dir).error().code, ErrorCode::kConflict);
  EXPECT_EQ(mode_of(dir.root), 0755u);
  EXPECT_EQ(testing::read_file(dir.root / "thesis.tex"), "x");
}

TEST(DataDir, AFileInItsPlaceIsRefused) {
  const TempDir temp;
  write_file(temp.path() / "file", "x");
  EXPECT_EQ(create_data_dir({temp.path() / "file"}).error().code, ErrorCode::kConflict);
  EXPECT_EQ(check_data_dir({temp.path() / "file"}).error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(create_data_dir({temp.path() / "file" / "below"}));
}

TEST(DataDir, AMissingOrOpenOneIsNotUsed) {
  const TempDir temp;
  EXPECT_EQ(check_data_dir({temp.path() / "none"}).error().code, ErrorCode::kNotFound);
  const DataDir dir{temp.path() / "d"};
  ASSERT_TRUE(create_data_dir(dir));
  ::chmod(dir.root.c_str(), 0750);
  EXPECT_EQ(check_data_dir(dir).error().code, ErrorCode::kUnauthorized);
}

TEST(DataDirLock, KeepsASecondHolderOutAndNamesTheFirst) {
  const TempDir temp;
  const DataDir dir{temp.path() / "d"};
  ASSERT_TRUE(create_data_dir(dir));
  {
    auto first = DataDirLock::acquire(dir);
    ASSERT_TRUE(first);
    const auto second = DataDirLock::acquire(dir);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::kConflict);
    EXPECT_EQ(second.error().detail, static_cast<std::uint64_t>(::getpid()));
    const DataDirLock moved = *std::move(first);
    EXPECT_FALSE(DataDirLock::acquire(dir));
  }
  EXPECT_TRUE(DataDirLock::acquire(dir));
}

TEST(DataDirLock, EndsWithItsProcess) {
  const TempDir temp;
  const DataDir dir{temp.path() / "d"};
  ASSERT_TRUE(create_data_dir(dir));
  const pid_t child = ::fork();
  if (child == 0) {
    const auto lock = DataDirLock::acquire(dir);
    ::_exit(lock ? 0 : 1);  // Without destructors, as if killed.
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(DataDirLock::acquire(dir));
}

TEST(PrivateFile, ReplacesWholeAndReadsBack) {
  const TempDir temp;
  const fs::path path = temp.path() / "f";
  ASSERT_TRUE(write_private_file(path, "first, longer"));
  ASSERT_TRUE(write_private_file(path, "second"));
  EXPECT_EQ(mode_of(path), 0600u);
  EXPECT_EQ(*read_private_file(path, 6), "second");
  EXPECT_EQ(read_private_file(path, 5).error().code, ErrorCode::kLimitExceeded);
  EXPECT_FALSE(fs::exists(path.string() + ".new"));
}

TEST(PrivateFile, SurvivesALeftoverOfACrash) {
  const TempDir temp;
  const fs::path path = temp.path() / "f";
  write_file(path.string() + ".new", "half of someth");
  ASSERT_TRUE(write_private_file(path, "whole"));
  EXPECT_EQ(*read_private_file(path, 100), "whole");
}

TEST(PrivateFile, RefusesWhatIsNotAPrivateRegularFile) {
  const TempDir temp;
  const fs::path path = temp.path() / "f";
  EXPECT_EQ(read_private_file(path, 9).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(write_private_file(path, "secret"));
  fs::create_symlink(path, temp.path() / "link");
  EXPECT_EQ(read_private_file(temp.path() / "link", 9).error().code, ErrorCode::kMalformed);
  EXPECT_EQ(read_private_file(temp.path(), 9).error().code, ErrorCode::kMalformed);
  ASSERT_EQ(::mkfifo((temp.path() / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(read_private_file(temp.path() / "pipe", 9).error().code, ErrorCode::kMalformed);
  ::chmod(path.c_str(), 0640);
  EXPECT_EQ(read_private_file(path, 9).error().code, ErrorCode::kUnauthorized);
  EXPECT_EQ(write_private_file(temp.path() / "no" / "f", "x").error().code, ErrorCode::kIo);
}

TEST(Place, IsFoundAgainByTheNextStartAndOnlyOnce) {
  const TempDir temp;
  const DataDir dir{temp.path() / "d"};
  ASSERT_TRUE(create_data_dir(dir));
  testing::SeededSecureRandom random(1);
  const auto first = take_place(dir, random);
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->found.empty()) << "nobody was here";
  EXPECT_EQ(mode_of(dir.place_file()), 0600u);
  const auto second = take_place(dir, random);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->found, first->now);
  EXPECT_NE(second->now, first->now) << "what was noted before the last start is old";
}

TEST(Place, IsAnotherForACopyAndForADamagedFile) {
  const TempDir temp;
  const DataDir dir{temp.path() / "d"};
  ASSERT_TRUE(create_data_dir(dir));
  testing::SeededSecureRandom random(1);
  const auto here = take_place(dir, random);
  ASSERT_TRUE(here);
  const DataDir copy{temp.path() / "copy"};
  fs::copy(dir.root, copy.root);
  const auto there = take_place(copy, random);
  ASSERT_TRUE(there);
  EXPECT_NE(there->found, here->now);
  // Renaming keeps it: the files are the same.
  fs::rename(dir.root, temp.path() / "moved");
  const auto moved = take_place({temp.path() / "moved"}, random);
  ASSERT_TRUE(moved);
  EXPECT_EQ(moved->found, here->now);
  write_file(temp.path() / "moved" / "place", "half");
  EXPECT_TRUE(take_place({temp.path() / "moved"}, random)->found.empty());
  fs::remove(temp.path() / "moved" / "place");
  fs::create_symlink("device.json", temp.path() / "moved" / "place");
  EXPECT_FALSE(take_place({temp.path() / "moved"}, random));
}

}  // namespace
}  // namespace coterie::node
