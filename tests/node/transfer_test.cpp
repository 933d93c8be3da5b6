// Checkpoint transfer: its messages, and both sides of it in deterministic time.

#include <gtest/gtest.h>

#include <algorithm>

#include "node/core/codec.hpp"
#include "node/core/limits.hpp"
#include "node/core/transfer.hpp"
#include "tests/support/choices.hpp"
#include "tests/support/wire_samples.hpp"
#include "transport/crypto/crypto.hpp"

namespace coterie::node {
namespace {

using namespace std::chrono_literals;
using testing::patterned_id;
using transport::LinkId;
using transport::TrafficClass;
using Verdict = CheckpointTransfer::Verdict;

const WorkspaceId kSpace = patterned_id<WorkspaceId>(1);

DeviceId device(std::uint64_t number) { return patterned_id<DeviceId>(number); }

Bytes pattern(std::size_t size, std::uint64_t seed) {
  Random random(seed);
  Bytes bytes;
  bytes.reserve(size + 8);
  while (bytes.size() < size) append_u64(bytes, random.next());
  bytes.resize(size);
  return bytes;
}

CheckpointOffer offer_of(const Bytes& bundle, std::uint64_t checkpoint = 7) {
  return {kSpace, patterned_id<Hash>(checkpoint), bundle.size(), crypto::hash(bundle)};
}

class FakeSource final : public CheckpointTransfer::Source {
 public:
  std::optional<CheckpointOffer> offer() const override { return offered; }
  Result<Bytes> read(const Hash& hash, std::uint64_t offset, std::size_t bytes_max) const override {
    ++reads;
    const auto found = bundles.find(hash);
    if (found == bundles.end()) return Error{ErrorCode::kNotFound, "no such bundle"};
    const Bytes& bundle = found->second;
    if (offset >= bundle.size()) return Bytes{};
    const auto from = bundle.begin() + static_cast<std::ptrdiff_t>(offset);
    const auto size = std::min<std::uint64_t>(bytes_max, bundle.size() - offset);
    return Bytes(from, from + static_cast<std::ptrdiff_t>(size));
  }
  void serve(const Bytes& bundle) {
    offered = offer_of(bundle);
    bundles[offered->hash] = bundle;
  }

  std::optional<CheckpointOffer> offered;
  std::map<Hash, Bytes> bundles;
  mutable std::size_t reads = 0;
};

class FakeSink final : public CheckpointTransfer::Sink {
 public:
  bool wants(const CheckpointOffer& offer) const override {
    return wanting && !taken.contains(offer.hash);
  }
  Verdict take(Now, const CheckpointOffer& offer, Bytes& bundle) override {
    ++asked;
    EXPECT_EQ(bundle.size(), offer.bytes);
    EXPECT_EQ(crypto::hash(bundle), offer.hash);
    if (verdict == Verdict::kTaken) taken[offer.hash] = std::move(bundle);
    return verdict;
  }

  bool wanting = true;
  Verdict verdict = Verdict::kTaken;
  std::map<Hash, Bytes> taken;
  std::size_t asked = 0;
};

/// One transfer under test; the test speaks for its peers. Link n leads to device n.
class TransferTest : public ::testing::Test {
 protected:
  TransferTest() : transfer_(kSpace, source_, sink_) {}
  void SetUp() override { ASSERT_TRUE(crypto::initialise()); }

  Now at() const { return {now_, 1'800'000'000'000}; }
  void run_for(Duration time) {
    const Instant end = now_ + time;
    for (;;) {
      const auto deadline = transfer_.next_deadline();
      if (!deadline || *deadline > end) break;
      now_ = std::max(now_, *deadline);
      transfer_.handle_timeout(at());
      ASSERT_LT(++timeouts_, 10'000u) << "a deadline that stands still";
    }
    now_ = end;
  }
  Status receive(LinkId link, const TransferMessage& message) {
    auto decoded = decode_transfer_message(encode_transfer_message(message));
    EXPECT_TRUE(decoded);
    return transfer_.handle_message(at(), link, device(link), std::move(*decoded));
  }
  void offer(LinkId link, const Bytes& bundle) { ASSERT_TRUE(receive(link, offer_of(bundle))); }

  struct Sent {
    LinkId link;
    TrafficClass traffic_class;
    TransferMessage message;
  };
  /// What is put out, where `room` are the links that have room for bulk; all when not given.
  std::vector<Sent> drain(std::optional<std::set<LinkId>> room = {}) {
    std::vector<Sent> sent;
    const auto takes_bulk = [&](LinkId link) { return !room || room->erase(link) > 0; };
    while (auto output = transfer_.poll_output(takes_bulk)) {
      auto message = decode_transfer_message(output->payload);
      EXPECT_TRUE(message);
      if (message) sent.push_back({output->link, output->traffic_class, std::move(*message)});
    }
    return sent;
  }
  /// The offsets that are fetched from `link`, which nobody else is asked for.
  std::vector<std::uint64_t> fetches(LinkId link, const Bytes& bundle) {
    std::vector<std::uint64_t> offsets;
    for (const Sent& item : drain()) {
      EXPECT_EQ(item.link, link);
      EXPECT_EQ(item.traffic_class, TrafficClass::kControl);
      const auto* fetch = std::get_if<CheckpointFetch>(&item.message);
      EXPECT_TRUE(fetch != nullptr && fetch->hash == crypto::hash(bundle));
      if (fetch != nullptr) offsets.push_back(fetch->offset);
    }
    return offsets;
  }
  CheckpointPart part(const Bytes& bundle, std::uint64_t offset) const {
    const auto from = bundle.begin() + static_cast<std::ptrdiff_t>(offset);
    const auto size = std::min<std::size_t>(kTransferPartBytes, bundle.size() - offset);
    return {kSpace, crypto::hash(bundle), offset,
            Bytes(from, from + static_cast<std::ptrdiff_t>(size))};
  }
  /// Peers answer `count` fetches, on whatever link they come, each as it answers in `gives`.
  /// Returns to how many they did.
  std::size_t answer(std::map<LinkId, Bytes> gives, std::size_t count = SIZE_MAX) {
    std::size_t answered = 0;
    while (answered < count) {
      for (Sent& item : drain()) waiting_.push_back(std::move(item));
      if (waiting_.empty()) break;
      const Sent item = std::move(waiting_.front());
      waiting_.pop_front();
      const auto* fetch = std::get_if<CheckpointFetch>(&item.message);
      if (fetch == nullptr || !gives.contains(item.link)) continue;
      CheckpointPart answer = part(gives.at(item.link), fetch->offset);
      answer.hash = fetch->hash;
      EXPECT_TRUE(receive(item.link, answer));
      ++answered;
    }
    return answered;
  }

  Instant now_{1h};
  std::size_t timeouts_ = 0;
  FakeSource source_;
  FakeSink sink_;
  CheckpointTransfer transfer_;
  std::deque<Sent> waiting_;
  const Bytes bundle_ = pattern(10 * kTransferPartBytes + 3, 1);
  const Bytes other_ = pattern(7 * kTransferPartBytes, 2);
};

// Messages.

TEST_F(TransferTest, MessagesAreReadAsWritten) {
  const std::vector<TransferMessage> all = {
      offer_of(bundle_), CheckpointFetch{kSpace, patterned_id<Hash>(3), 65'536},
      part(bundle_, 10 * kTransferPartBytes), CheckpointPart{kSpace, patterned_id<Hash>(3), 5, {}}};
  for (const TransferMessage& message : all) {
    const Bytes bytes = encode_transfer_message(message);
    EXPECT_TRUE(is_transfer_message(bytes));
    const auto again = decode_transfer_message(bytes);
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, message);
    EXPECT_EQ(workspace_of(*again), kSpace);
    const bool part = std::holds_alternative<CheckpointPart>(message);
    const std::size_t whole = std::min<std::size_t>(bytes.size(), 2 + 32 + 32 + 1);
    for (std::size_t length = 0; length < (part ? whole : bytes.size()); ++length) {
      EXPECT_FALSE(decode_transfer_message(ByteView(bytes).first(length))) << length;
    }
    Bytes longer = bytes;
    longer.push_back(0);
    EXPECT_EQ(part, decode_transfer_message(longer).has_value());
    Bytes later = bytes;
    later[0] = 2;
    EXPECT_FALSE(decode_transfer_message(later));
    EXPECT_TRUE(is_transfer_message(later)) << "not to be taken for a message of joining";
  }
  EXPECT_FALSE(is_transfer_message(Bytes{1}));
  EXPECT_FALSE(is_transfer_message(Bytes{1, 4, 0}));
  EXPECT_FALSE(is_transfer_message(Bytes{1, 8, 0}));
}

TEST_F(TransferTest, SizesInMessagesAreBounded) {
  const auto decode = [](const TransferMessage& message) {
    return decode_transfer_message(encode_transfer_message(message));
  };
  CheckpointOffer offer = offer_of(bundle_);
  offer.bytes = kCheckpointBytesMax;
  EXPECT_TRUE(decode(offer));
  offer.bytes = kCheckpointBytesMax + 1;
  EXPECT_EQ(decode(offer).error().code, ErrorCode::kLimitExceeded);
  offer.bytes = 0;
  EXPECT_EQ(decode(offer).error().code, ErrorCode::kMalformed);
  CheckpointFetch fetch{kSpace, offer.hash, kCheckpointBytesMax - 1};
  EXPECT_TRUE(decode(fetch));
  fetch.offset = kCheckpointBytesMax;
  EXPECT_EQ(decode(fetch).error().code, ErrorCode::kLimitExceeded);
  CheckpointPart part{kSpace, offer.hash, kCheckpointBytesMax - 1, Bytes(kTransferPartBytes, 1)};
  EXPECT_TRUE(decode(part));
  part.bytes.push_back(1);
  EXPECT_EQ(decode(part).error().code, ErrorCode::kLimitExceeded);
  part.bytes.clear();
  part.offset = kCheckpointBytesMax;
  EXPECT_EQ(decode(part).error().code, ErrorCode::kLimitExceeded);
}

// Serving.

TEST_F(TransferTest, WhoeverAsksBelowTheBaseIsOfferedTheBundle) {
  transfer_.handle_pull_below_base(3);
  EXPECT_TRUE(drain().empty()) << "there is none";
  source_.serve(bundle_);
  transfer_.handle_pull_below_base(3);
  const auto sent = drain(std::set<LinkId>{});
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].link, 3u);
  EXPECT_EQ(sent[0].traffic_class, TrafficClass::kControl);
  EXPECT_EQ(sent[0].message, TransferMessage(offer_of(bundle_)));
}

TEST_F(TransferTest, PartsGoOutAsBulkWhenThereIsRoom) {
  source_.serve(bundle_);
  const Hash hash = crypto::hash(bundle_);
  for (const LinkId link : {3u, 4u}) {
    for (std::uint64_t i = 0; i < kTransferPartsInFlight; ++i) {
      ASSERT_TRUE(receive(link, CheckpointFetch{kSpace, hash, i * kTransferPartBytes}));
    }
  }
  EXPECT_TRUE(drain(std::set<LinkId>{}).empty());
  EXPECT_EQ(source_.reads, 0u) << "nothing is read for a peer that does not drain";
  for (std::uint64_t i = 0; i < kTransferPartsInFlight; ++i) {
    const auto sent = drain(std::set<LinkId>{4});
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(sent[0].link, 4u);
    EXPECT_EQ(sent[0].traffic_class, TrafficClass::kBulk);
    EXPECT_EQ(sent[0].message, TransferMessage(part(bundle_, i * kTransferPartBytes)));
  }
  EXPECT_TRUE(drain(std::set<LinkId>{4}).empty());
  EXPECT_EQ(drain().size(), kTransferPartsInFlight) << "the other one's";
  ASSERT_TRUE(receive(3, CheckpointFetch{kSpace, hash, 10 * kTransferPartBytes}));
  EXPECT_EQ(std::get<CheckpointPart>(drain().at(0).message).bytes.size(), 3u) << "the last";
  ASSERT_TRUE(receive(3, CheckpointFetch{kSpace, hash, 0}));
  transfer_.handle_link_down(at(), 3);
  EXPECT_TRUE(drain().empty());
  EXPECT_FALSE(transfer_.next_deadline());
}

TEST_F(TransferTest, FetchesOfALinkAreBounded) {
  source_.serve(bundle_);
  const Hash hash = crypto::hash(bundle_);
  const auto fetch = [&](std::uint64_t number, const Hash& of) {
    ASSERT_TRUE(receive(3, CheckpointFetch{kSpace, of, number * kTransferPartBytes}));
  };
  const auto served = [&] {
    std::vector<std::uint64_t> numbers;
    for (const Sent& item : drain()) {
      numbers.push_back(std::get<CheckpointPart>(item.message).offset / kTransferPartBytes);
    }
    return numbers;
  };
  for (std::uint64_t i = 0; i < kTransferPartsInFlight; ++i) fetch(i, hash);
  for (std::uint64_t i = 0; i < kTransferPartsInFlight; ++i) fetch(i, hash);
  EXPECT_EQ(served(), (std::vector<std::uint64_t>{0, 1, 2, 3})) << "once each";
  for (std::uint64_t i = 0; i <= kTransferPartsInFlight; ++i) fetch(i, hash);
  EXPECT_EQ(served(), (std::vector<std::uint64_t>{1, 2, 3, 4})) << "the oldest was given up";
  // One transfer at a time.
  source_.bundles[crypto::hash(other_)] = other_;
  fetch(0, hash);
  fetch(1, hash);
  fetch(2, crypto::hash(other_));
  EXPECT_EQ(served(), (std::vector<std::uint64_t>{2}));
}

TEST_F(TransferTest, WhatIsNotHereIsAnsweredByAnEmptyPart) {
  source_.serve(bundle_);
  for (const CheckpointFetch& fetch :
       {CheckpointFetch{kSpace, patterned_id<Hash>(99), 0},
        CheckpointFetch{kSpace, crypto::hash(bundle_), bundle_.size()},
        CheckpointFetch{kSpace, crypto::hash(bundle_), kCheckpointBytesMax - 1}}) {
    ASSERT_TRUE(receive(3, fetch));
    const auto sent = drain();
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(sent[0].message,
              TransferMessage(CheckpointPart{kSpace, fetch.hash, fetch.offset, {}}));
  }
}

// Fetching.

TEST_F(TransferTest, BundlesOfEverySizeArrive) {
  for (const std::size_t size : {std::size_t{1}, kTransferPartBytes - 1, kTransferPartBytes,
                                 kTransferPartBytes + 1, 9 * kTransferPartBytes + 5}) {
    const Bytes bundle = pattern(size, size);
    run_for(kTransferOfferPause);
    offer(1, bundle);
    const std::size_t parts = (size + kTransferPartBytes - 1) / kTransferPartBytes;
    EXPECT_EQ(answer({{1, bundle}}), parts);
    EXPECT_EQ(sink_.taken[crypto::hash(bundle)], bundle) << size;
    EXPECT_FALSE(transfer_.next_deadline());
  }
}

TEST_F(TransferTest, TheLargestBundleArrives) {
  const Bytes bundle(kCheckpointBytesMax, 0x5a);
  CheckpointOffer whole = offer_of(bundle);
  ASSERT_TRUE(receive(1, whole));
  Bytes part_bytes(kTransferPartBytes, 0x5a);
  std::uint64_t parts = 0;
  for (auto sent = drain(); !sent.empty(); sent = drain()) {
    for (const Sent& item : sent) {
      const auto& fetch = std::get<CheckpointFetch>(item.message);
      ASSERT_TRUE(transfer_.handle_message(
          at(), 1, device(1), CheckpointPart{kSpace, fetch.hash, fetch.offset, part_bytes}));
      ++parts;
    }
  }
  EXPECT_EQ(parts, kCheckpointBytesMax / kTransferPartBytes);
  EXPECT_EQ(transfer_.bytes_received(), kCheckpointBytesMax);
  EXPECT_TRUE(sink_.taken[whole.hash] == bundle);
}

TEST_F(TransferTest, AFewPartsAreInFlight) {
  offer(1, bundle_);
  const auto first = fetches(1, bundle_);
  EXPECT_EQ(first, (std::vector<std::uint64_t>{0, kTransferPartBytes, 2 * kTransferPartBytes,
                                               3 * kTransferPartBytes}));
  ASSERT_TRUE(receive(1, part(bundle_, 0)));
  EXPECT_EQ(fetches(1, bundle_), (std::vector<std::uint64_t>{4 * kTransferPartBytes}));
  // Out of order: no more is asked for than fits the same bound.
  ASSERT_TRUE(receive(1, part(bundle_, 3 * kTransferPartBytes)));
  ASSERT_TRUE(receive(1, part(bundle_, 2 * kTransferPartBytes)));
  ASSERT_TRUE(receive(1, part(bundle_, 4 * kTransferPartBytes)));
  EXPECT_TRUE(fetches(1, bundle_).empty());
  ASSERT_TRUE(receive(1, part(bundle_, kTransferPartBytes)));
  EXPECT_EQ(fetches(1, bundle_).size(), kTransferPartsInFlight);
}

TEST_F(TransferTest, PartsMayComeInAnyOrderAndTwice) {
  offer(1, bundle_);
  std::vector<CheckpointPart> late;
  for (auto sent = drain(); !sent.empty(); sent = drain()) {
    std::reverse(sent.begin(), sent.end());
    for (const Sent& item : sent) {
      late.push_back(part(bundle_, std::get<CheckpointFetch>(item.message).offset));
      ASSERT_TRUE(receive(1, late.back()));
      ASSERT_TRUE(receive(1, late.front())) << "no fault";
      ASSERT_TRUE(receive(2, late.front())) << "nor of one who was not asked";
    }
  }
  EXPECT_EQ(sink_.taken[crypto::hash(bundle_)], bundle_);
  EXPECT_EQ(transfer_.bytes_received(), bundle_.size());
}

TEST_F(TransferTest, WhatIsNotWantedIsNotFetched) {
  sink_.wanting = false;
  offer(1, bundle_);
  EXPECT_TRUE(drain().empty());
  sink_.wanting = true;
  run_for(kTransferOfferPause - 1ms);
  offer(1, bundle_);
  EXPECT_TRUE(drain().empty()) << "offers that come that fast are not looked at";
  run_for(1ms);
  offer(1, bundle_);
  EXPECT_EQ(answer({{1, bundle_}}, 3), 3u);
  sink_.wanting = false;  // It came by pulls.
  (void)answer({{1, bundle_}}, 1);
  EXPECT_EQ(answer({{1, bundle_}}), 3u) << "those in flight";
  EXPECT_EQ(sink_.asked, 0u);
  EXPECT_FALSE(transfer_.next_deadline());
}

TEST_F(TransferTest, OneBundleIsFetchedAtATime) {
  offer(1, bundle_);
  offer(2, other_);
  offer(3, bundle_);
  EXPECT_EQ(fetches(1, bundle_).size(), kTransferPartsInFlight);
  for (std::uint64_t i = 0; i < kTransferPartsInFlight; ++i) {
    ASSERT_TRUE(receive(1, part(bundle_, i * kTransferPartBytes)));
  }
  EXPECT_EQ(answer({{1, bundle_}}), 7u);
  EXPECT_EQ(sink_.taken.size(), 1u) << "then the other, which is still wanted";
  waiting_.clear();
  transfer_.handle_link_down(at(), 2);
  EXPECT_TRUE(drain().empty()) << "link 3 has what was taken";
}

TEST_F(TransferTest, AnotherLinkGoesOnWhereALostOneStopped) {
  offer(1, bundle_);
  offer(2, other_);
  offer(3, bundle_);
  EXPECT_EQ(answer({{1, bundle_}}, 5), 5u);
  (void)drain();
  transfer_.handle_link_down(at(), 1);
  const auto rest = fetches(3, bundle_);
  ASSERT_EQ(rest.size(), kTransferPartsInFlight);
  EXPECT_EQ(rest[0], 5 * kTransferPartBytes);
  ASSERT_TRUE(receive(1, part(bundle_, 5 * kTransferPartBytes))) << "late, and of no use";
  for (const std::uint64_t offset : rest) ASSERT_TRUE(receive(3, part(bundle_, offset)));
  EXPECT_EQ(answer({{3, bundle_}}), 2u);
  EXPECT_EQ(sink_.taken[crypto::hash(bundle_)], bundle_);
}

TEST_F(TransferTest, AnotherBundleBeginsAnew) {
  offer(1, bundle_);
  offer(2, other_);
  EXPECT_EQ(answer({{1, bundle_}}, 5), 5u);
  (void)drain();
  waiting_.clear();
  transfer_.handle_link_down(at(), 1);
  EXPECT_EQ(answer({{2, other_}}), 7u);
  EXPECT_EQ(sink_.taken.size(), 1u);
  EXPECT_EQ(sink_.taken[crypto::hash(other_)], other_);
}

TEST_F(TransferTest, WhatWasFetchedWaitsForWhoeverHasTheRest) {
  offer(1, bundle_);
  EXPECT_EQ(answer({{1, bundle_}}, 5), 5u);
  (void)drain();
  waiting_.clear();
  transfer_.handle_link_down(at(), 1);
  EXPECT_TRUE(drain().empty());
  run_for(kTransferKept - 1ms);
  offer(2, bundle_);
  const auto rest = fetches(2, bundle_);
  ASSERT_FALSE(rest.empty());
  EXPECT_EQ(rest[0], 5 * kTransferPartBytes);
  transfer_.handle_link_down(at(), 2);
  run_for(kTransferKept);
  EXPECT_FALSE(transfer_.next_deadline());
  offer(3, bundle_);
  EXPECT_EQ(fetches(3, bundle_).at(0), 0u) << "not for ever";
}

TEST_F(TransferTest, ASilentPeerIsReplaced) {
  offer(1, bundle_);
  EXPECT_EQ(answer({{1, bundle_}}, 2), 2u);
  (void)drain();
  waiting_.clear();
  offer(2, bundle_);
  run_for(kTransferSilence - 1ms);
  EXPECT_TRUE(drain().empty());
  run_for(1ms);
  EXPECT_EQ(fetches(2, bundle_).at(0), 2 * kTransferPartBytes);
  // A part that is lost on the way is a silence, too; the one who was silent comes last now.
  offer(1, bundle_);
  offer(3, other_);
  ASSERT_TRUE(receive(2, part(bundle_, 3 * kTransferPartBytes)));
  run_for(kTransferSilence);
  EXPECT_EQ(fetches(3, other_).at(0), 0u) << "no worse than 1 and 2, and never silent";
  transfer_.handle_link_down(at(), 3);
  EXPECT_EQ(fetches(1, bundle_).at(0), 0u);
}

TEST_F(TransferTest, ASilentPeerAloneIsAskedAgainWhenItOffersAgain) {
  offer(1, bundle_);
  EXPECT_EQ(answer({{1, bundle_}}, 2), 2u);
  (void)drain();
  waiting_.clear();
  run_for(kTransferSilence);
  EXPECT_TRUE(drain().empty());
  offer(1, bundle_);
  EXPECT_EQ(answer({{1, bundle_}}), 9u) << "the rest";
  EXPECT_EQ(sink_.taken.size(), 1u);
}

TEST_F(TransferTest, APeerThatDripsDoesNotKeepUsFromTheOthers) {
  const Bytes large = pattern(100 * kTransferPartBytes, 3);
  offer(1, large);
  std::uint64_t offset = 0;
  const auto drip = [&](Duration time) {
    for (Duration passed{}; passed < time; passed += 15s) {
      EXPECT_LE(fetches(1, large).size(), kTransferPartsInFlight);
      ASSERT_TRUE(receive(1, part(large, offset)));
      offset += kTransferPartBytes;
      run_for(15s);
    }
  };
  drip(2 * kTransferStint);  // Nobody else has it.
  offer(2, bundle_);
  drip(kTransferStint - 15s);
  (void)fetches(1, large);
  run_for(15s);
  EXPECT_EQ(fetches(2, bundle_).size(), kTransferPartsInFlight);
}

TEST_F(TransferTest, WhatIsGoneThereIsFetchedElsewhere) {
  offer(1, bundle_);
  EXPECT_EQ(answer({{1, bundle_}}, 5), 5u);
  (void)drain();
  waiting_.clear();
  offer(2, other_);
  ASSERT_TRUE(
      receive(1, CheckpointPart{kSpace, crypto::hash(bundle_), 5 * kTransferPartBytes, {}}));
  EXPECT_EQ(answer({{2, other_}}), 7u);
  EXPECT_EQ(sink_.taken.size(), 1u);
}

TEST_F(TransferTest, APartOfTheWrongSizeIsAFault) {
  for (const std::size_t size : {kTransferPartBytes - 1, std::size_t{1}}) {
    const LinkId link = 1 + size;
    offer(link, bundle_);
    EXPECT_EQ(fetches(link, bundle_).size(), kTransferPartsInFlight);
    const Status status =
        receive(link, CheckpointPart{kSpace, crypto::hash(bundle_), 0, Bytes(size, 1)});
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::kMalformed);
    EXPECT_TRUE(drain().empty()) << "not asked any more";
  }
  const Bytes small = pattern(10, 5);
  offer(3, small);
  EXPECT_EQ(fetches(3, small).size(), 1u);
  EXPECT_FALSE(receive(3, CheckpointPart{kSpace, crypto::hash(small), 0, Bytes(11, 1)}));
}

// Liars.

TEST_F(TransferTest, WrongBytesAreNotFetchedAgainFromThere) {
  Bytes wrong = bundle_;
  wrong[5 * kTransferPartBytes] ^= 1;
  offer(1, bundle_);
  EXPECT_EQ(answer({{1, wrong}}), 11u);
  EXPECT_EQ(sink_.asked, 0u);
  EXPECT_FALSE(transfer_.next_deadline());
  // Nothing else from it either, for a while.
  run_for(kTransferBadPause - 1ms);
  offer(1, other_);
  EXPECT_TRUE(drain().empty());
  run_for(kTransferOfferPause);
  offer(1, bundle_);
  EXPECT_TRUE(drain().empty());
  run_for(kTransferOfferPause);
  offer(1, other_);
  EXPECT_EQ(answer({{1, wrong}}), 7u) << "another lie";
  run_for(kTransferBadPause);
  offer(1, pattern(100, 3));
  EXPECT_TRUE(drain().empty()) << "longer each time";
  // From others it is, and then all is well.
  offer(2, bundle_);
  EXPECT_EQ(answer({{2, bundle_}}), 11u);
  EXPECT_EQ(sink_.taken[crypto::hash(bundle_)], bundle_);
}

TEST_F(TransferTest, WhenOneOfSeveralLiedItBeginsAnewWithOne) {
  Bytes wrong = bundle_;
  wrong[0] ^= 1;
  offer(1, bundle_);
  offer(2, bundle_);
  EXPECT_EQ(answer({{1, wrong}}, 1), 1u);
  (void)drain();
  waiting_.clear();
  transfer_.handle_link_down(at(), 1);
  EXPECT_EQ(answer({{2, bundle_}}), 10u + 11u) << "the rest; then all of it";
  EXPECT_EQ(sink_.taken[crypto::hash(bundle_)], bundle_);
}

TEST_F(TransferTest, WhatTheSinkRefusesIsFetchedFromNobody) {
  sink_.verdict = Verdict::kRefused;
  offer(1, bundle_);
  offer(2, bundle_);
  EXPECT_EQ(answer({{1, bundle_}, {2, bundle_}}), 11u);
  EXPECT_EQ(sink_.asked, 1u);
  offer(3, bundle_);
  EXPECT_TRUE(drain().empty());
  sink_.verdict = Verdict::kTaken;
  offer(4, other_);
  EXPECT_EQ(answer({{4, other_}}), 7u);
  EXPECT_EQ(sink_.taken.size(), 1u);
}

TEST_F(TransferTest, BadBundlesThatAreRememberedAreBounded) {
  sink_.verdict = Verdict::kRefused;
  LinkId link = 0;
  const auto fetched = [&](const Bytes& bundle) {
    offer(++link, bundle);  // Each of another peer.
    return answer({{link, bundle}}) > 0;
  };
  for (std::uint64_t i = 1; i <= kTransferBarredMax; ++i) EXPECT_TRUE(fetched(pattern(9, i)));
  EXPECT_FALSE(fetched(pattern(9, 1)));
  EXPECT_TRUE(fetched(pattern(9, 0)));
  EXPECT_FALSE(fetched(pattern(9, 2)));
  EXPECT_TRUE(fetched(pattern(9, 1))) << "the oldest was forgotten";
}

TEST_F(TransferTest, PeersThatAreRememberedAreBounded) {
  const Bytes small = pattern(10, 5);
  const auto lie = [&](LinkId link) {
    offer(link, small);
    return answer({{link, Bytes(10, 0)}}) > 0;
  };
  for (LinkId link = 1; link <= kTransferPeersMax; ++link) EXPECT_TRUE(lie(link));
  const auto heard = [&](LinkId link) {
    transfer_.handle_link_down(at(), link);
    offer(link, other_);
    const bool asked = !drain().empty();
    transfer_.handle_link_down(at(), link);
    return asked;
  };
  EXPECT_FALSE(heard(1));
  EXPECT_FALSE(heard(kTransferPeersMax));
  EXPECT_TRUE(lie(kTransferPeersMax + 1));
  EXPECT_FALSE(heard(kTransferPeersMax + 1));
  EXPECT_TRUE(heard(1)) << "forgotten for the newest";
}

TEST_F(TransferTest, ABundleThatCannotBeTakenNowIsKeptForAWhile) {
  sink_.verdict = Verdict::kNotNow;
  offer(1, bundle_);
  EXPECT_EQ(answer({{1, bundle_}}), 11u);
  EXPECT_EQ(sink_.asked, 1u);
  offer(2, other_);
  EXPECT_TRUE(drain().empty()) << "one at a time";
  transfer_.handle_link_down(at(), 1);
  run_for(kTransferTakeRetry);
  EXPECT_EQ(sink_.asked, 2u);
  sink_.verdict = Verdict::kTaken;
  run_for(kTransferTakeRetry);
  EXPECT_EQ(sink_.taken[crypto::hash(bundle_)], bundle_);
  (void)drain();
  transfer_.handle_link_down(at(), 2);
  run_for(kTransferKept);
  sink_.verdict = Verdict::kNotNow;
  offer(3, other_);
  EXPECT_EQ(answer({{3, other_}}), 7u);
  run_for(kTransferKept);
  EXPECT_FALSE(transfer_.next_deadline()) << "not for ever";
  sink_.verdict = Verdict::kTaken;
  run_for(1min);
  EXPECT_EQ(sink_.taken.size(), 1u);
}

// A node that lacks the bundle, honest and other peers, and links that fail: in the end it has it.

TEST_F(TransferTest, ItArrivesWhateverSomeDo) {
  testing::for_each_seed(100, [](std::uint64_t seed) {
    SCOPED_TRACE("replay: COTERIE_SEED=" + std::to_string(seed) + " ctest -R node.transfer_test");
    testing::SeededChoices choices(seed);
    FakeSource none;
    FakeSink sink;
    CheckpointTransfer fetcher(kSpace, none, sink);
    const Bytes bundle = pattern(1 + choices.below(12 * kTransferPartBytes), seed);
    Bytes newer = bundle;
    newer.push_back(1);
    struct Peer {
      enum Kind { kHonest, kNewer, kLiar, kSilent, kForgetful } kind = kHonest;
      FakeSource source;
      FakeSink sink;
      std::unique_ptr<CheckpointTransfer> transfer;
      LinkId link = 0;
    };
    std::vector<Peer> peers(2 + choices.below(4));
    for (std::size_t i = 0; i < peers.size(); ++i) {
      Peer& peer = peers[i];
      peer.kind = i == 0 ? Peer::kHonest : static_cast<Peer::Kind>(choices.below(5));
      peer.source.serve(peer.kind == Peer::kNewer ? newer : bundle);
      if (peer.kind == Peer::kLiar) peer.source.bundles.begin()->second[0] ^= 1;
      if (peer.kind == Peer::kForgetful) peer.source.bundles.clear();
      peer.transfer = std::make_unique<CheckpointTransfer>(kSpace, peer.source, peer.sink);
    }
    LinkId links = 0;
    std::deque<std::pair<bool, CheckpointTransfer::Output>> wire;  ///< To the fetcher; frame.
    Instant now{1h};
    const auto at = [&] { return Now{now, 1'800'000'000'000}; };
    const auto yes = [](LinkId) { return true; };
    std::size_t rounds = 0;
    for (; sink.taken.empty() && rounds < 5000; ++rounds) {
      // Links come and go; on each that is up a pull below the base now and then.
      for (Peer& peer : peers) {
        if (peer.link == 0) peer.link = ++links;
        if (choices.chance(10)) peer.transfer->handle_pull_below_base(peer.link);
        if (!choices.chance(2)) continue;
        fetcher.handle_link_down(at(), peer.link);
        peer.transfer->handle_link_down(at(), peer.link);
        peer.link = 0;
      }
      for (int steps = 0; steps < 10; ++steps) {
        while (auto output = fetcher.poll_output(yes)) wire.emplace_back(false, std::move(*output));
        for (Peer& peer : peers) {
          while (auto output = peer.transfer->poll_output(yes)) {
            const bool fetched = output->traffic_class == TrafficClass::kBulk;
            if (fetched && peer.kind == Peer::kSilent) continue;
            wire.emplace_back(true, std::move(*output));
          }
        }
        if (wire.empty()) break;
        const std::size_t which = choices.below(std::min<std::size_t>(wire.size(), 3));
        const auto [to_fetcher, frame] = wire[which];
        wire.erase(wire.begin() + static_cast<std::ptrdiff_t>(which));
        const auto peer = std::find_if(peers.begin(), peers.end(),
                                       [link = frame.link](auto& one) { return one.link == link; });
        if (peer == peers.end() || choices.chance(1)) continue;  // Lost.
        auto message = decode_transfer_message(frame.payload);
        ASSERT_TRUE(message);
        const auto number = static_cast<std::uint64_t>(peer - peers.begin());
        auto& to = to_fetcher ? fetcher : *peer->transfer;
        ASSERT_TRUE(to.handle_message(at(), frame.link, device(number), std::move(*message)));
      }
      now += std::chrono::milliseconds(choices.below(3000));
      fetcher.handle_timeout(at());
    }
    ASSERT_FALSE(sink.taken.empty()) << "after " << rounds << " rounds";
    for (const auto& [hash, taken] : sink.taken) EXPECT_TRUE(taken == bundle || taken == newer);
  });
}

}  // namespace
}  // namespace coterie::node
