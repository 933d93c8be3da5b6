// HTTPS and WSS: what is spoken, what is refused, new certificates; and who may reach a bridge
// without.

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "tests/node/bridge/fixture.hpp"

namespace coterie::node::bridge {
namespace {

namespace fs = std::filesystem;

/// Writes a certificate for `name`, signed by its own key, and the key.
void write_certificate(const fs::path& certificate, const fs::path& key, const char* name) {
  EVP_PKEY* pair = EVP_EC_gen("P-256");
  X509* made = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
  X509_gmtime_adj(X509_getm_notBefore(made), -60);
  X509_gmtime_adj(X509_getm_notAfter(made), 3600);
  X509_set_pubkey(made, pair);
  X509_NAME* subject = X509_get_subject_name(made);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509_set_issuer_name(made, subject);
  X509_sign(made, pair, EVP_sha256());
  FILE* out = std::fopen(certificate.c_str(), "w");
  PEM_write_X509(out, made);
  std::fclose(out);
  out = std::fopen(key.c_str(), "w");
  PEM_write_PrivateKey(out, pair, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(out);
  X509_free(made);
  EVP_PKEY_free(pair);
}

/// Speaks TLS of at most `version`.
class TlsClient final : public RawClient {
 public:
  explicit TlsClient(std::uint16_t port, int version = TLS1_3_VERSION)
      : RawClient(port), context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_min_proto_version(context_, 0);
    SSL_CTX_set_max_proto_version(context_, version);
    SSL_CTX_set_security_level(context_, 0);
    session_ = SSL_new(context_);
    SSL_set_fd(session_, socket());
    connected_ = SSL_connect(session_) == 1;
    ERR_clear_error();
  }
  ~TlsClient() override {
    SSL_free(session_);
    SSL_CTX_free(context_);
  }

  bool connected() const { return connected_; }
  /// The common name of the server's certificate.
  std::string peer() const {
    X509* certificate = SSL_get1_peer_certificate(session_);
    if (certificate == nullptr) return {};
    char name[64] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
                              sizeof name);
    X509_free(certificate);
    return name;
  }

 private:
  ssize_t write_some(std::string_view bytes) override {
    return SSL_write(session_, bytes.data(), static_cast<int>(bytes.size()));
  }
  ssize_t read_some(char* into, std::size_t size) override {
    return SSL_read(session_, into, static_cast<int>(size));
  }
  bool wait_readable() override { return SSL_pending(session_) > 0 || RawClient::wait_readable(); }

  SSL_CTX* context_;
  SSL* session_ = nullptr;
  bool connected_ = false;
};

class Tls : public BridgeTest {
 protected:
  Tls() {
    std::string name = (fs::temp_directory_path() / "coterie-tls-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
    certificate_ = directory_ / "certificate.pem";
    key_ = directory_ / "key.pem";
    write_certificate(certificate_, key_, "first");
    options_.certificate_file = certificate_;
    options_.key_file = key_;
  }
  ~Tls() override { fs::remove_all(directory_); }

  fs::path directory_;
  fs::path certificate_;
  fs::path key_;
};

TEST_F(Tls, CarriesRequestsAndWebSockets) {
  start();
  EXPECT_EQ(server_->url(), "https://127.0.0.1:" + std::to_string(server_->port()));
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient one(server_->port(), version);
    ASSERT_TRUE(one.connected());
    const Response status = one.request("GET /v1/status");
    EXPECT_EQ(status.status, 200);
    EXPECT_EQ(status.header("Strict-Transport-Security"), "max-age=31536000");
    EXPECT_EQ(one.request("GET /v1/status", "Origin: https://" + one.host() + "\r\n").status, 200);
    EXPECT_EQ(one.upgrade("/sync/w/d").status, 101);
    const ClientHandle client = version == TLS1_2_VERSION ? 1 : 2;
    const std::string large(300'000, 'x');
    one.send(RawClient::frame(large) + RawClient::frame("second"));
    ASSERT_TRUE(
        handler_.wait_for(client, [](const auto& seen) { return seen.messages.size() == 2; }));
    EXPECT_EQ(as_text(handler_.seen(client).messages[0]), large);
    server_->send(client, std::make_shared<const Bytes>(large.begin(), large.end()));
    server_->send(client, std::make_shared<const Bytes>(Bytes{'b'}));
    EXPECT_EQ(one.read_frame().payload, large);
    EXPECT_EQ(one.read_frame().payload, "b");
    server_->close_client(client, 4404, "gone");
    EXPECT_EQ(one.read_frame().close_code(), 4404);
  }
  TlsClient foreign(server_->port());
  EXPECT_EQ(foreign.request("GET /v1/status", "Origin: http://" + foreign.host() + "\r\n").status,
            403);
}

TEST_F(Tls, ASlowReaderGetsEverythingInTheEnd) {
  start();
  TlsClient slow(server_->port());
  ASSERT_EQ(slow.upgrade("/sync/w/d").status, 101);
  for (int count = 0; count < 200; ++count) {
    server_->send(1, std::make_shared<const Bytes>(100'000, static_cast<std::uint8_t>(count)));
  }
  for (int count = 0; count < 200; ++count) {
    const Frame frame = slow.read_frame();
    ASSERT_EQ(frame.payload.size(), 100'000u) << count;
    ASSERT_EQ(static_cast<std::uint8_t>(frame.payload.back()), count);
  }
}

TEST_F(Tls, AReaderThatIsFarTooSlowIsTold) {
  limits_.outbox_bytes = 20'000'000;
  start();
  TlsClient slow(server_->port());
  ASSERT_EQ(slow.upgrade("/sync/w/d").status, 101);
  for (int count = 0; count < 300; ++count) {
    server_->send(1, std::make_shared<const Bytes>(100'000, std::uint8_t{'x'}));
  }
  Frame frame = slow.read_frame();
  while (frame.opcode == 2 && frame.payload.size() == 100'000) frame = slow.read_frame();
  EXPECT_EQ(frame.close_code(), 1013);
}

TEST_F(Tls, OldVersionsAndPlainTextAreRefused) {
  start();
  EXPECT_FALSE(TlsClient(server_->port(), TLS1_1_VERSION).connected());
  RawClient plain(server_->port());
  plain.request("GET /v1/status");
  EXPECT_TRUE(handler_.calls().empty());
}

TEST_F(Tls, AHandshakeThatNeverEndsIsCutOff) {
  limits_.handshake = std::chrono::milliseconds(100);
  start();
  RawClient silent(server_->port());
  EXPECT_TRUE(silent.at_end());
  RawClient half(server_->port());
  half.send(std::string("\x16\x03\x01\x02\x00\x01", 6));
  EXPECT_TRUE(half.at_end());
}

TEST_F(Tls, ANewCertificateIsForNewConnections) {
  start();
  TlsClient before(server_->port());
  ASSERT_EQ(before.upgrade("/sync/w/d").status, 101);
  EXPECT_EQ(before.peer(), "first");
  write_certificate(certificate_, key_, "second");
  ASSERT_TRUE(server_->reload_certificate());
  TlsClient after(server_->port());
  EXPECT_EQ(after.request("GET /v1/status").status, 200);
  EXPECT_EQ(after.peer(), "second");
  before.send(RawClient::frame("still here"));
  EXPECT_TRUE(handler_.wait_for(1, [](const auto& seen) { return seen.messages.size() == 1; }));

  std::ofstream(certificate_) << "no certificate";
  EXPECT_EQ(server_->reload_certificate().error().code, ErrorCode::kMalformed);
  fs::remove(certificate_);
  EXPECT_EQ(server_->reload_certificate().error().code, ErrorCode::kNotFound);
  TlsClient still(server_->port());
  EXPECT_EQ(still.peer(), "second");
}

TEST_F(Tls, WhatIsNoCertificateIsRefused) {
  const auto code = [&](const fs::path& certificate, const fs::path& key) {
    options_.certificate_file = certificate;
    options_.key_file = key;
    const auto started = Server::start(io_.context(), options_, handler_);
    return started ? ErrorCode{} : started.error().code;
  };
  EXPECT_EQ(code(certificate_, directory_ / "nowhere"), ErrorCode::kNotFound);
  EXPECT_EQ(code(directory_ / "nowhere", key_), ErrorCode::kNotFound);
  EXPECT_EQ(code(key_, key_), ErrorCode::kMalformed);
  EXPECT_EQ(code(certificate_, ""), ErrorCode::kMalformed);
  const fs::path other_key = directory_ / "other.pem";
  write_certificate(directory_ / "other-certificate.pem", other_key, "other");
  EXPECT_EQ(code(certificate_, other_key), ErrorCode::kMalformed);
}

TEST_F(Tls, OthersReachItOnlyWithTokensAndTls) {
  const auto code = [&](const char* bind) {
    options_.bind = bind;
    const auto started = Server::start(io_.context(), options_, handler_);
    return started ? ErrorCode{} : started.error().code;
  };
  EXPECT_EQ(code("0.0.0.0:0"), ErrorCode::kUnauthorized) << "no tokens";
  options_.require_token = true;
  EXPECT_EQ(code("0.0.0.0:0"), ErrorCode{});
  options_.certificate_file = options_.key_file = "";
  EXPECT_EQ(code("0.0.0.0:0"), ErrorCode::kUnauthorized) << "no TLS";
  EXPECT_EQ(code("[::]:0"), ErrorCode::kUnauthorized);
  EXPECT_EQ(code("127.0.0.1:0"), ErrorCode{});
  // What only a proxy can use.
  options_.require_token = false;
  options_.hosts = {"team.example"};
  EXPECT_EQ(code("127.0.0.1:0"), ErrorCode::kUnauthorized);
  options_.hosts = {};
  options_.trusted_proxies = {"127.0.0.1"};
  EXPECT_EQ(code("127.0.0.1:0"), ErrorCode::kUnauthorized);
  options_.insecure = true;
  EXPECT_EQ(code("127.0.0.1:0"), ErrorCode{});
  EXPECT_EQ(code("0.0.0.0:0"), ErrorCode{});
  options_.trusted_proxies = {"localhost"};
  EXPECT_EQ(code("127.0.0.1:0"), ErrorCode::kMalformed);
}

}  // namespace
}  // namespace coterie::node::bridge
