#include "node/daemon/settings.hpp"

#include <sys/stat.h>

#include <gtest/gtest.h>

#include "tests/node/identity/temp_dir.hpp"

namespace coterie::node {
namespace {

TEST(Settings, AreDefaultsThenWhatWasSaved) {
  const testing::TempDir temp;
  const DataDir dir{temp.path()};
  EXPECT_TRUE(load_settings(dir)->advertise.empty());
  EXPECT_EQ(load_settings(dir)->relay_quota, kRelayQuotaBytes);
  const Settings settings{{"tcp://a:1", "tcp://b:2"}, {{"anna", "tcp://c:3"}}, 4096};
  ASSERT_TRUE(save_settings(dir, settings));
  EXPECT_EQ(*load_settings(dir), settings);
}

TEST(Settings, DamageIsRefused) {
  const testing::TempDir temp;
  const DataDir dir{temp.path()};
  for (const char* bad :
       {"", "{}", "[]", "{\"coterie_settings\":2,\"advertise\":[]}", "{\"coterie_settings\":1}",
        "{\"coterie_settings\":1,\"advertise\":[7]}",
        "{\"coterie_settings\":1,\"advertise\":\"x\"}", "{\"coterie_settings\":1,\"advertise\":[]}",
        "{\"coterie_settings\":1,\"advertise\":[],\"peers\":[{}]}",
        "{\"coterie_settings\":1,\"advertise\":[],\"peers\":[],\"relay_quota\":-1}"}) {
    ASSERT_TRUE(write_private_file(dir.settings_file(), bad));
    EXPECT_EQ(load_settings(dir).error().code, ErrorCode::kCorrupt) << bad;
  }
  ASSERT_TRUE(write_private_file(dir.settings_file(), std::string(kSettingsBytesMax + 1, ' ')));
  EXPECT_EQ(load_settings(dir).error().code, ErrorCode::kCorrupt);
  ASSERT_TRUE(save_settings(dir, {}));  // Replaces it.
  EXPECT_TRUE(load_settings(dir));
  ::chmod(dir.settings_file().c_str(), 0644);
  EXPECT_EQ(load_settings(dir).error().code, ErrorCode::kUnauthorized);
}

}  // namespace
}  // namespace coterie::node
