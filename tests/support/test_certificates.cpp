// SPDX-License-Identifier: MIT
#include "support/test_certificates.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cstdio>
#include <stdexcept>

namespace bridge::test {
namespace {

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;

void require(bool good, const char* what) {
  if (!good) throw std::runtime_error(std::string("OpenSSL: ") + what);
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  require(extension != nullptr, value.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

Certificate make(EVP_PKEY* key, const std::string& name, long serial, long from_seconds,
                 long to_seconds) {
  Certificate certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), from_seconds);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), to_seconds);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return certificate;
}

template <class Write>
void write_file(const std::filesystem::path& path, Write write) {
  std::FILE* file = std::fopen(path.c_str(), "w");
  require(file != nullptr && write(file) == 1, path.c_str());
  std::fclose(file);
}

}  // namespace

struct TestAuthority::Keys {
  Key key;
  Certificate certificate;
};

TestAuthority::TestAuthority() : keys_(std::make_unique<Keys>()) {
  std::string pattern = (std::filesystem::temp_directory_path() / "bridge-ca-XXXXXX").string();
  require(::mkdtemp(pattern.data()) != nullptr, "temporary folder");
  folder_ = pattern;
  keys_->key.reset(EVP_EC_gen("P-256"));
  require(keys_->key != nullptr, "key");
  keys_->certificate = make(keys_->key.get(), "Test Authority", 1, -86400, 86400);
  X509* ca = keys_->certificate.get();
  X509_set_issuer_name(ca, X509_get_subject_name(ca));
  add_extension(ca, ca, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(ca, ca, NID_key_usage, "critical,keyCertSign,cRLSign");
  add_extension(ca, ca, NID_subject_key_identifier, "hash");
  require(X509_sign(ca, keys_->key.get(), EVP_sha256()) > 0, "sign");
  write_file(folder_ / "ca.pem", [&](std::FILE* f) { return PEM_write_X509(f, ca); });
}

TestAuthority::~TestAuthority() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string TestAuthority::ca_file() const { return (folder_ / "ca.pem").string(); }

TestAuthority::Pair TestAuthority::issue(const std::string& names, bool expired) {
  const Key key(EVP_EC_gen("P-256"));
  const std::string id = std::to_string(++issued_);
  const Certificate leaf = expired ? make(key.get(), "leaf " + id, issued_ + 1, -7200, -3600)
                                   : make(key.get(), "leaf " + id, issued_ + 1, -3600, 3600);
  X509* ca = keys_->certificate.get();
  X509_set_issuer_name(leaf.get(), X509_get_subject_name(ca));
  add_extension(leaf.get(), ca, NID_basic_constraints, "CA:FALSE");
  add_extension(leaf.get(), ca, NID_subject_alt_name, names);
  require(X509_sign(leaf.get(), keys_->key.get(), EVP_sha256()) > 0, "sign");
  const Pair pair{(folder_ / (id + ".pem")).string(), (folder_ / (id + ".key")).string()};
  write_file(pair.certificate_file, [&](std::FILE* f) { return PEM_write_X509(f, leaf.get()); });
  write_file(pair.key_file, [&](std::FILE* f) {
    return PEM_write_PrivateKey(f, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
  return pair;
}

}  // namespace bridge::test
