// Claim: catching up on one peer's log costs hashes, not a signature check an entry.
//
// A member's log of one-character edits to 100 documents comes in frames as the mesh cuts them.
// Each frame is verified, judged by membership, decrypted, staged, applied to the replicas and, by
// the MiB, committed to LMDB. Beside it, in the same run, the same with every signature checked.
// Making the log is not measured. Prints one line of JSON a situation. Usage: catch_up_bench
// DIRECTORY [entries], default 1,000,000.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "crdt/doc.hpp"
#include "node/core/ledger.hpp"
#include "node/core/records.hpp"
#include "storage/lmdb/lmdb_store.hpp"
#include "tests/support/seeded_secure_random.hpp"
#include "transport/wire/limits.hpp"

namespace {

using namespace coterie;
using namespace coterie::node;
using Clock = std::chrono::steady_clock;

constexpr WallMillis kStart = 1'760'000'000'000;
constexpr std::size_t kDocuments = 100;
constexpr std::size_t kCommitBytes = 1u << 20;

Now at() { return {Instant{}, kStart}; }

struct Author {
  crypto::SigningKey key;
  LogId log;
  LogHead head;
  std::vector<crdt::Doc> documents;
  std::size_t written = 0;
};

class CatchUp {
 public:
  CatchUp(const std::string& directory, const char* name)
      : random_(1),
        founder_(crypto::SigningKey::generate(random_)),
        stores_(*storage::LmdbStoreProvider::open_directory(directory + "/" + name)),
        genesis_(Ledger::make_genesis(at(), "team", founder_, random_)),
        ledger_(genesis_.workspace, **stores_->open(genesis_.workspace.hex()), founder_, random_,
                [] { return true; }) {
    COTERIE_ASSERT(ledger_.load().has_value());
    ledger_.found(genesis_);
    admit();
    commit();
    for (std::size_t i = 0; i < kDocuments; ++i) {
      author_.documents.emplace_back(crdt::Doc::Options{7, true});
      replicas_.emplace_back(crdt::Doc::Options{8, true});
      ids_.push_back(document_id(genesis_.workspace, "d" + std::to_string(i)));
      by_id_[ids_.back()] = i;
    }
  }

  void run(const char* situation, std::size_t entries, bool every_signature) {
    const std::vector<Hash> heads = ledger_.membership().heads();
    Clock::duration took{};
    std::size_t taken = 0;
    std::size_t bytes = 0;
    while (taken < entries) {
      transport::EntryRun run{author_.log, author_.head.seq + 1, {}};
      const LogHead before = author_.head;
      std::size_t frame = 0;
      while (frame < transport::kBulkFrameBytes && taken + run.entries.size() < entries) {
        run.entries.push_back(write(heads));
        frame += run.entries.back().size();
      }
      bytes += frame;
      const auto start = Clock::now();
      if (every_signature) {
        const auto hashed = hash_run(genesis_.workspace, author_.log, before, run.entries);
        for (const HashedEntry& one : *hashed) COTERIE_ASSERT(verify_signature(one));
      }
      const auto received = ledger_.receive(at(), run, 1);
      COTERIE_ASSERT(received.verdict == transport::RunVerdict::kStored);
      for (const LedgerRecord& one : received.records) {
        const auto record = decode_record(genesis_.workspace, one.record);
        const auto& update = std::get<UpdateRecord>(*record);
        COTERIE_ASSERT(
            replicas_[by_id_.at(update.document)].apply_update(update.update).has_value());
      }
      if (ledger_.staged().bytes >= kCommitBytes) commit();
      took += Clock::now() - start;
      taken += run.entries.size();
    }
    const auto start = Clock::now();
    commit();
    took += Clock::now() - start;
    for (std::size_t i = 0; i < kDocuments; ++i) {
      COTERIE_ASSERT(replicas_[i].state_vector() == author_.documents[i].state_vector());
    }
    const double seconds = std::chrono::duration<double>(took).count();
    std::printf(
        "{\"bench\": \"catch_up\", \"situation\": \"%s\", \"entries\": %zu, \"mib\": %.0f, "
        "\"seconds\": %.2f, \"entries_per_second\": %.0f}\n",
        situation, taken, static_cast<double>(bytes) / (1 << 20), seconds,
        static_cast<double>(taken) / seconds);
  }

 private:
  void admit() {
    const auto invite = crypto::SigningKey::generate(random_);
    author_.key = crypto::SigningKey::generate(random_);
    author_.log = {author_.key.id(), 42};
    InviteOperation terms;
    terms.invite = invite.id();
    terms.expires = kStart + 1'000'000;
    ledger_.append_operation(at(), terms);
    AdmitOperation admit;
    admit.device = author_.key.id();
    admit.name = "author";
    admit.role = terms.role;
    admit.invite = invite.id();
    admit.proof = invite.sign(admission_proof(genesis_.workspace, author_.key.id()).view());
    ledger_.append_operation(at(), admit);
  }

  Bytes write(const std::vector<Hash>& heads) {
    const std::size_t i = author_.written++ % kDocuments;
    crdt::Doc& doc = author_.documents[i];
    const Bytes update = doc.transact([&] {
      auto text = doc.text("monaco");
      (void)text.insert(text.size(), "x");
    });
    Hash hash;
    const Entry entry =
        seal_entry({genesis_.workspace, author_.log, author_.head.seq + 1, author_.head.hash},
                   kStart << 16, heads, genesis_.key, crypto::key_commitment(genesis_.key), random_,
                   author_.key, encode_record(UpdateRecord{ids_[i], update}), hash);
    author_.head = {author_.head.seq + 1, hash};
    return encode_stored(entry);
  }

  void commit() {
    if (ledger_.staged().empty()) return;
    const storage::WriteBatch batch = ledger_.launch();
    storage::Store& store = **stores_->open(genesis_.workspace.hex());
    COTERIE_ASSERT(store.commit(std::span(&batch, 1)).has_value());
    (void)ledger_.landed();
  }

  testing::SeededSecureRandom random_;
  crypto::SigningKey founder_;
  std::unique_ptr<storage::LmdbStoreProvider> stores_;
  Ledger::Genesis genesis_;
  Ledger ledger_;
  Author author_{crypto::SigningKey::generate(random_), {}, {}, {}, 0};
  std::vector<crdt::Doc> replicas_;
  std::vector<DocumentId> ids_;
  std::map<DocumentId, std::size_t> by_id_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: catch_up_bench DIRECTORY [entries]\n");
    return 2;
  }
  const std::size_t entries = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1'000'000;
  const std::string directory = argv[1];
  std::filesystem::create_directories(directory);
  CatchUp(directory, "chain").run("one signature a frame", entries, false);
  CatchUp(directory, "each").run("every signature", std::max<std::size_t>(entries / 20, 1), true);
}
