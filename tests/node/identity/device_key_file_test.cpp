#include "node/identity/device_key_file.hpp"

#include <sys/stat.h>

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

}  // namespace
}  // namespace coterie::node
