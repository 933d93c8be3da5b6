#include "node/identity/device_key_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/node/identity/temp_dir.hpp"

namespace coterie::node {
namespace {

using testing::read_file;
using testing::TempDir;
using testing::write_file;

class DeviceKeyFileTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(crypto::initialise()); }

  Result<DeviceKeyFile> create(std::string_view name = "red") {
    return create_device(dir_, name, crypto::system_random());
  }
  /// Replaces the first `from` in the file by `to`.
  void edit(const std::string& from, const std::string& to) {
    std::string content = read_file(dir_.device_file());
    const auto at = content.find(from);
    ASSERT_NE(at, std::string::npos) << content;
    write_file(dir_.device_file(), content.replace(at, from.size(), to));
  }
  ErrorCode load_code() {
    const auto loaded = load_device(dir_);
    EXPECT_FALSE(loaded);
    return loaded ? ErrorCode{} : loaded.error().code;
  }

  TempDir temp_;
  DataDir dir_{temp_.path() / "node"};
};

TEST_F(DeviceKeyFileTest, IsReadBackAsItWasMade) {
  const auto made = create("Zoë's laptop");
  ASSERT_TRUE(made) << to_string(made.error());
  const auto loaded = load_device(dir_);
  ASSERT_TRUE(loaded) << to_string(loaded.error());
  EXPECT_EQ(loaded->name, "Zoë's laptop");
  EXPECT_EQ(loaded->key.id(), made->key.id());
  EXPECT_TRUE(equal(loaded->key.seed().view(), made->key.seed().view()));
  struct stat info {};
  ASSERT_EQ(::stat(dir_.device_file().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
}

TEST_F(DeviceKeyFileTest, TwoDevicesDiffer) {
  const auto one = create();
  const auto other = create_device({temp_.path() / "other"}, "red", crypto::system_random());
  ASSERT_TRUE(one);
  ASSERT_TRUE(other);
  EXPECT_NE(one->key.id(), other->key.id());
}

TEST_F(DeviceKeyFileTest, IsNeverReplaced) {
  ASSERT_TRUE(create());
  const std::string before = read_file(dir_.device_file());
  const auto again = create("blue");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kConflict);
  EXPECT_EQ(read_file(dir_.device_file()), before);
}

TEST_F(DeviceKeyFileTest, AnInterruptedInitCanBeRepeated) {
  ASSERT_TRUE(create_data_dir(dir_));
  write_file(dir_.root / "device.json.new", "{\"coterie_dev");
  write_file(dir_.lock_file(), "1\n");
  EXPECT_TRUE(create());
}

TEST_F(DeviceKeyFileTest, WhileTheDirectoryIsInUseNoneIsMade) {
  ASSERT_TRUE(create_data_dir(dir_));
  const auto lock = DataDirLock::acquire(dir_);
  ASSERT_TRUE(lock);
  EXPECT_EQ(create().error().code, ErrorCode::kConflict);
}

TEST_F(DeviceKeyFileTest, NamesHaveLimits) {
  EXPECT_TRUE(check_device_name(std::string(kDeviceNameBytesMax, 'x')));
  EXPECT_FALSE(check_device_name(std::string(kDeviceNameBytesMax + 1, 'x')));
  EXPECT_FALSE(check_device_name(""));
  EXPECT_FALSE(check_device_name("a\nb"));
  EXPECT_FALSE(check_device_name("a\x7f"));
  EXPECT_FALSE(check_device_name("\xff"));
  EXPECT_EQ(create("").error().code, ErrorCode::kMalformed);
  EXPECT_FALSE(std::filesystem::exists(dir_.root));
}

TEST_F(DeviceKeyFileTest, AnEmptyDirectoryHoldsNoDevice) {
  EXPECT_EQ(load_code(), ErrorCode::kNotFound);
  ASSERT_TRUE(create_data_dir(dir_));
  EXPECT_EQ(load_code(), ErrorCode::kNotFound);
}

TEST_F(DeviceKeyFileTest, OneThatOthersCanReadIsNotUsed) {
  ASSERT_TRUE(create());
  for (const mode_t mode : {0640u, 0604u, 0620u}) {
    ::chmod(dir_.device_file().c_str(), mode);
    EXPECT_EQ(load_code(), ErrorCode::kUnauthorized);
  }
  ::chmod(dir_.device_file().c_str(), 0600);
  ::chmod(dir_.root.c_str(), 0755);
  EXPECT_EQ(load_code(), ErrorCode::kUnauthorized);
}

TEST_F(DeviceKeyFileTest, DamageAndForeignContentAreRefused) {
  ASSERT_TRUE(create());
  const std::string good = read_file(dir_.device_file());
  const std::string foreign[] = {"",
                                 "{}",
                                 "[]",
                                 "null",
                                 "\xff\xfe",
                                 "{\"coterie_device\":\"1\"}",
                                 "{\"coterie_device\":-1}",
                                 "{\"coterie_device\":1,\"name\":7,\"seed\":[],\"device\":{}}",
                                 std::string(1000, '['),
                                 std::string(kDeviceFileBytesMax + 1, ' ')};
  for (const std::string& content : foreign) {
    write_file(dir_.device_file(), content);
    EXPECT_EQ(load_code(), ErrorCode::kCorrupt) << content;
  }
  for (std::size_t length = 0; length < good.size() - 2; ++length) {  // The last two are "}\n".
    write_file(dir_.device_file(), good.substr(0, length));
    EXPECT_EQ(load_code(), ErrorCode::kCorrupt) << "cut to " << length;
  }
  write_file(dir_.device_file(), good);
  EXPECT_TRUE(load_device(dir_));
}

TEST_F(DeviceKeyFileTest, AChangedDigitIsNoticed) {
  ASSERT_TRUE(create());
  const std::string good = read_file(dir_.device_file());
  for (const char* member : {"\"seed\": \"", "\"device\": \""}) {
    const std::size_t at = good.find(member) + std::string(member).size() + 10;
    std::string changed = good;
    changed[at] = changed[at] == '0' ? '1' : '0';
    write_file(dir_.device_file(), changed);
    EXPECT_EQ(load_code(), ErrorCode::kCorrupt) << member;
  }
}

TEST_F(DeviceKeyFileTest, ANewerVersionIsRefusedAndUnknownMembersAreNot) {
  ASSERT_TRUE(create());
  edit("\"coterie_device\": 1", "\"coterie_device\": 1, \"colour\": \"red\"");
  EXPECT_TRUE(load_device(dir_));
  edit("\"coterie_device\": 1", "\"coterie_device\": 2");
  EXPECT_EQ(load_code(), ErrorCode::kCorrupt);
}

// With a passphrase.

constexpr crypto::StretchCost kCheap{1, crypto::kStretchMemoryKibMin};

class LockedDeviceTest : public DeviceKeyFileTest {
 protected:
  static crypto::SecretText text(const char* words) {
    return crypto::SecretText(std::string(words));
  }
  AskPassphrase answer(const char* words) {
    return [this, words]() -> Result<crypto::SecretText> {
      ++asked_;
      return text(words);
    };
  }
  void create_locked(const char* words = "open sesame") {
    const auto made =
        create_device(dir_, "Zoë's laptop", crypto::system_random(), text(words), kCheap);
    ASSERT_TRUE(made) << to_string(made.error());
    id_ = made->key.id();
    seed_ = to_hex(made->key.seed().view());
  }
  ErrorCode unlock_code(const char* words) {
    const auto loaded = load_device(dir_, answer(words));
    EXPECT_FALSE(loaded);
    return loaded ? ErrorCode{} : loaded.error().code;
  }

  DeviceId id_;
  std::string seed_;
  int asked_ = 0;
};

TEST_F(LockedDeviceTest, OpensWithItsPassphraseOnly) {
  create_locked();
  const auto loaded = load_device(dir_, answer("open sesame"));
  ASSERT_TRUE(loaded) << to_string(loaded.error());
  EXPECT_EQ(asked_, 1);
  EXPECT_EQ(loaded->name, "Zoë's laptop");
  EXPECT_EQ(loaded->key.id(), id_);
  EXPECT_TRUE(loaded->locked);
  EXPECT_EQ(unlock_code("open sesame "), ErrorCode::kUnauthenticated);
  EXPECT_EQ(unlock_code("Open sesame"), ErrorCode::kUnauthenticated);
  EXPECT_EQ(unlock_code(""), ErrorCode::kLimitExceeded);
  EXPECT_EQ(load_code(), ErrorCode::kUnavailable) << "nobody to ask";
  const auto gone = load_device(dir_, []() -> Result<crypto::SecretText> {
    return Error{ErrorCode::kIo, "no terminal"};
  });
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, ErrorCode::kIo);
}

TEST_F(LockedDeviceTest, TheFileShowsNeitherSeedNorName) {
  create_locked();
  const std::string content = read_file(dir_.device_file());
  EXPECT_EQ(content.find(seed_), std::string::npos);
  EXPECT_EQ(content.find("laptop"), std::string::npos);
  EXPECT_NE(content.find(id_.hex()), std::string::npos);
  const auto summary = inspect_device(dir_);
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->device, id_);
  EXPECT_TRUE(summary->locked);
}

TEST_F(LockedDeviceTest, IsSetChangedAndCleared) {
  ASSERT_TRUE(create("red"));
  EXPECT_FALSE(inspect_device(dir_)->locked);
  auto device = load_device(dir_, answer("unused"));
  ASSERT_TRUE(device);
  EXPECT_EQ(asked_, 0) << "an open file asks nothing";
  EXPECT_FALSE(device->locked);
  const std::string seed = to_hex(device->key.seed().view());
  const auto protect = [&](const char* words) {
    const auto done = protect_device(dir_, *device, text(words), crypto::system_random(), kCheap);
    EXPECT_TRUE(done);
  };
  protect("one");
  EXPECT_EQ(read_file(dir_.device_file()).find(seed), std::string::npos);
  EXPECT_EQ(to_hex(load_device(dir_, answer("one"))->key.seed().view()), seed);
  protect("two");
  EXPECT_EQ(unlock_code("one"), ErrorCode::kUnauthenticated);
  EXPECT_EQ(to_hex(load_device(dir_, answer("two"))->key.seed().view()), seed);
  protect("");
  EXPECT_EQ(to_hex(load_device(dir_)->key.seed().view()), seed);
  struct stat info {};
  ASSERT_EQ(::stat(dir_.device_file().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
}

TEST_F(LockedDeviceTest, TheOldFileIsOverwritten) {
  ASSERT_TRUE(create("red"));
  const auto device = load_device(dir_);
  const int old = ::open(dir_.device_file().c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_GE(old, 0);
  ASSERT_TRUE(protect_device(dir_, *device, text("one"), crypto::system_random(), kCheap));
  char left[kDeviceFileBytesMax] = {};
  const ssize_t size = ::pread(old, left, sizeof left, 0);
  ::close(old);
  ASSERT_GT(size, 0);
  EXPECT_EQ(std::string(left, static_cast<std::size_t>(size)),
            std::string(static_cast<std::size_t>(size), '\0'));
}

TEST_F(LockedDeviceTest, ABackupUnderAnotherNameIsNotOverwritten) {
  ASSERT_TRUE(create("red"));
  const auto device = load_device(dir_);
  const auto backup = temp_.path() / "backup.json";
  std::filesystem::create_hard_link(dir_.device_file(), backup);
  const std::string before = read_file(backup);
  ASSERT_TRUE(protect_device(dir_, *device, text("one"), crypto::system_random(), kCheap));
  EXPECT_EQ(read_file(backup), before);
}

TEST_F(LockedDeviceTest, AWriteThatFailsLeavesTheOldFile) {
  create_locked();
  const std::string before = read_file(dir_.device_file());
  const auto device = load_device(dir_, answer("open sesame"));
  ASSERT_TRUE(device);
  // Where the new file would be written there is something that cannot be replaced.
  const auto in_the_way = dir_.root / "device.json.new";
  std::filesystem::create_directory(in_the_way);
  EXPECT_FALSE(protect_device(dir_, *device, text("two"), crypto::system_random(), kCheap));
  EXPECT_EQ(read_file(dir_.device_file()), before);
  std::filesystem::remove(in_the_way);
  // A crash in the middle leaves half a new file beside the whole old one.
  write_file(in_the_way, "{\"coterie_device\":1,");
  EXPECT_TRUE(load_device(dir_, answer("open sesame")));
  EXPECT_TRUE(protect_device(dir_, *device, text("two"), crypto::system_random(), kCheap));
  EXPECT_TRUE(load_device(dir_, answer("two")));
}

TEST_F(LockedDeviceTest, HostileCostsAreRefusedBeforeTheyAreSpent) {
  create_locked();
  const std::string good = read_file(dir_.device_file());
  const std::pair<const char*, const char*> changes[] = {
      {"\"memory_kib\": 8", "\"memory_kib\": 1048577"},
      {"\"memory_kib\": 8", "\"memory_kib\": 18446744073709551615"},
      {"\"memory_kib\": 8", "\"memory_kib\": 7"},
      {"\"memory_kib\": 8", "\"memory_kib\": 0"},
      {"\"passes\": 1", "\"passes\": 17"},
      {"\"passes\": 1", "\"passes\": 0"}};
  for (const auto& [from, to] : changes) {
    write_file(dir_.device_file(), good);
    edit(from, to);
    EXPECT_EQ(unlock_code("open sesame"), ErrorCode::kLimitExceeded) << to;
  }
  const std::pair<const char*, const char*> damages[] = {
      {"\"memory_kib\": 8", "\"memory_kib\": -8"},
      {"\"memory_kib\": 8", "\"memory_kib\": \"8\""},
      {"\"salt\"", "\"pepper\""},
      {"argon2id", "argon2d"},
      {"\"stretch\"", "\"stretched\""}};
  for (const auto& [from, to] : damages) {
    write_file(dir_.device_file(), good);
    edit(from, to);
    EXPECT_EQ(unlock_code("open sesame"), ErrorCode::kCorrupt) << to;
  }
}

TEST_F(LockedDeviceTest, EveryChangeIsNoticed) {
  create_locked();
  const std::string good = read_file(dir_.device_file());
  write_file(dir_.device_file(), good);
  edit("\"memory_kib\": 8", "\"memory_kib\": 9");
  EXPECT_EQ(unlock_code("open sesame"), ErrorCode::kUnauthenticated);
  for (const char* member : {"\"salt\": \"", "\"sealed\": \"", "\"device\": \""}) {
    std::string changed = good;
    char& digit = changed[good.find(member) + std::string(member).size() + 10];
    digit = digit == '0' ? '1' : '0';
    write_file(dir_.device_file(), changed);
    EXPECT_EQ(unlock_code("open sesame"), ErrorCode::kUnauthenticated) << member;
  }
  write_file(dir_.device_file(), good);
  edit("\"sealed\": \"", "\"sealed\": \"zz");
  EXPECT_EQ(unlock_code("open sesame"), ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace coterie::node
