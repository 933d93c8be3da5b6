// Which hosts and origins are answered.

#include <gtest/gtest.h>

#include "node/bridge/allowed_names.hpp"

namespace coterie::node::bridge {
namespace {

AllowedNames names(const AllowedNames::Options& options) {
  auto made = AllowedNames::of(options);
  EXPECT_TRUE(made);
  return made ? *std::move(made) : AllowedNames();
}

TEST(AllowedNames, AreOnlyThisMachineAndPort) {
  const AllowedNames plain = names({.port = 7420});
  const AllowedNames secure = names({.port = 7420, .secure = true});
  for (const std::string good :
       {"localhost:7420", "LOCALHOST:7420", "127.0.0.1:7420", "[::1]:7420"}) {
    EXPECT_TRUE(plain.allows_host(good)) << good;
    EXPECT_TRUE(plain.allows_origin("http://" + good, good)) << good;
    EXPECT_TRUE(plain.allows_origin("http://" + good, "localhost:7420")) << good;
    EXPECT_FALSE(plain.allows_origin("https://" + good, good)) << good;
    EXPECT_FALSE(plain.allows_origin("http://" + good + "/", good)) << good;
    EXPECT_TRUE(secure.allows_origin("https://" + good, good)) << good;
    EXPECT_FALSE(secure.allows_origin("http://" + good, good)) << good;
  }
  for (const std::string bad :
       {"", "localhost", "localhost:7421", "localhost:74200", "127.0.0.1", "127.0.0.2:7420",
        "evil.example:7420", "localhost.evil.example:7420", "localhost:7420.evil.example",
        "0.0.0.0:7420", "::1:7420", "localhost:"}) {
    EXPECT_FALSE(plain.allows_host(bad)) << bad;
    EXPECT_FALSE(plain.allows_origin("http://" + bad, "localhost:7420")) << bad;
  }
  EXPECT_FALSE(plain.allows_origin("null", "localhost:7420"));
  EXPECT_FALSE(plain.allows_origin("file://", "localhost:7420"));
}

TEST(AllowedNames, MayLeaveOutTheUsualPort) {
  EXPECT_TRUE(names({.port = 80}).allows_host("localhost"));
  EXPECT_TRUE(names({.port = 80}).allows_host("localhost:80"));
  EXPECT_FALSE(names({.port = 443}).allows_host("localhost"));
  EXPECT_TRUE(names({.port = 443, .secure = true}).allows_host("localhost"));
}

TEST(AllowedNames, AddressesAndHostsThatWereGiven) {
  const AllowedNames given = names({.port = 7420,
                                    .secure = true,
                                    .address = "192.0.2.7",
                                    .hosts = {"team.example", "[2001:db8::1]"}});
  for (const std::string good : {"192.0.2.7:7420", "team.example", "Team.Example:443",
                                 "team.example:7420", "[2001:db8::1]:7420", "[2001:DB8::1]"}) {
    EXPECT_TRUE(given.allows_host(good)) << good;
    EXPECT_TRUE(given.allows_origin("https://" + good, good)) << good;
    EXPECT_FALSE(given.allows_origin("http://" + good, good)) << good;
  }
  for (const std::string bad :
       {"192.0.2.7", "192.0.2.8:7420", "eteam.example", "team.example.", "x.team.example",
        "team.example:x", "team.example:", "[2001:db8::2]"}) {
    EXPECT_FALSE(given.allows_host(bad)) << bad;
  }
  // Another port of the host is another's page.
  EXPECT_FALSE(given.allows_origin("https://team.example:8443", "team.example"));
  EXPECT_FALSE(given.allows_origin("https://team.example", "localhost:7420"));
  // Behind a proxy that speaks TLS for us.
  const AllowedNames plain = names({.port = 7420, .hosts = {"team.example"}});
  EXPECT_TRUE(plain.allows_origin("https://team.example", "team.example"));
  EXPECT_TRUE(plain.allows_origin("http://team.example", "team.example"));
}

TEST(AllowedNames, OriginsThatWereGiven) {
  const AllowedNames given =
      names({.port = 7420, .origins = {"https://wiki.example", "http://localhost:5173"}});
  EXPECT_TRUE(given.allows_origin("https://wiki.example", "localhost:7420"));
  EXPECT_TRUE(given.allows_origin("HTTPS://Wiki.example", "localhost:7420"));
  EXPECT_TRUE(given.allows_origin("http://localhost:5173", "localhost:7420"));
  for (const char* bad :
       {"http://wiki.example", "https://wiki.example:444", "https://localhost:5173",
        "https://wiki.example.evil.example", "https://wiki.example/"}) {
    EXPECT_FALSE(given.allows_origin(bad, "localhost:7420")) << bad;
  }
}

TEST(AllowedNames, WhatIsNoNameIsRefused) {
  for (const char* bad :
       {"", "a b", "team.example:443", "https://team.example", "a/b", "*", "[]"}) {
    EXPECT_FALSE(AllowedNames::of({.port = 1, .hosts = {bad}})) << bad;
  }
  for (const char* bad : {"", "*", "null", "wiki.example", "https://", "https://wiki.example/",
                          "ftp://wiki.example"}) {
    EXPECT_FALSE(AllowedNames::of({.port = 1, .origins = {bad}})) << bad;
  }
}

}  // namespace
}  // namespace coterie::node::bridge
