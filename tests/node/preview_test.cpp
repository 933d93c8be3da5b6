// Documents that a newcomer is shown before their entries are here.

#include "node/core/preview.hpp"

#include <gtest/gtest.h>

#include <set>

#include "node/core/join.hpp"
#include "node/core/limits.hpp"
#include "tests/support/cluster_test.hpp"
#include "transport/wire/messages.hpp"

namespace coterie::node {
namespace {

using namespace std::chrono_literals;
using testing::Cluster;

WorkspaceId some_workspace() {
  WorkspaceId id;
  id.bytes.fill(7);
  return id;
}

PreviewPart part(const std::string& path, std::size_t bytes, std::uint64_t left = 0) {
  return {some_workspace(), document_id(some_workspace(), path), path, left, Bytes(bytes, 1)};
}

// Messages.

TEST(PreviewMessages, AreReadAsTheyWereWritten) {
  const Bytes want = encode_preview_message(PreviewWant{some_workspace()});
  ASSERT_TRUE(is_preview_message(want));
  EXPECT_EQ(workspace_of(*decode_preview_message(want)), some_workspace());
  const Bytes bytes = encode_preview_message(part("notes/a.md", 3, 9));
  ASSERT_TRUE(is_preview_message(bytes));
  const auto read = decode_preview_message(bytes);
  ASSERT_TRUE(read);
  const auto& one = std::get<PreviewPart>(*read);
  EXPECT_EQ(one.path, "notes/a.md");
  EXPECT_EQ(one.left, 9u);
  EXPECT_EQ(one.bytes, Bytes(3, 1));
}

TEST(PreviewMessages, EveryPrefixAndEveryLimitIsAnError) {
  const Bytes bytes = encode_preview_message(part("a.md", 3, 9));
  const std::size_t head = bytes.size() - 3;
  for (std::size_t length = 0; length <= head; ++length) {
    EXPECT_FALSE(decode_preview_message(ByteView(bytes).first(length))) << length;
  }
  EXPECT_TRUE(decode_preview_message(encode_preview_message(part("a", kTransferPartBytes))));
  EXPECT_EQ(decode_preview_message(encode_preview_message(part("a", kTransferPartBytes + 1)))
                .error()
                .code,
            ErrorCode::kLimitExceeded);
  EXPECT_TRUE(decode_preview_message(encode_preview_message(part("a", 1, kPreviewBytesMax))));
  EXPECT_EQ(decode_preview_message(encode_preview_message(part("a", 1, kPreviewBytesMax + 1)))
                .error()
                .code,
            ErrorCode::kLimitExceeded);
  EXPECT_FALSE(decode_preview_message(encode_preview_message(part("/not/a/path", 1))));
  Bytes longer = encode_preview_message(PreviewWant{some_workspace()});
  longer.push_back(0);
  EXPECT_FALSE(decode_preview_message(longer));
}

// Taking.

TEST(PreviewTaker, PutsPartsTogether) {
  PreviewTaker taker;
  EXPECT_FALSE(*taker.take(part("a", 10, 5)));
  const auto whole = taker.take(part("a", 5));
  ASSERT_TRUE(whole && *whole);
  EXPECT_EQ((*whole)->path, "a");
  EXPECT_EQ((*whole)->state.size(), 15u);
  EXPECT_TRUE(*taker.take(part("b", 1)));
}

TEST(PreviewTaker, PartsThatDoNotFitAreErrors) {
  for (const auto& second : {part("b", 5), part("a", 4), part("a", 5, 1), part("a", 6)}) {
    PreviewTaker taker;
    ASSERT_TRUE(taker.take(part("a", 10, 5)));
    EXPECT_EQ(taker.take(second).error().code, ErrorCode::kMalformed);
  }
}

TEST(PreviewTaker, TakesNoMoreThanItHolds) {
  PreviewTaker bytes;
  for (std::size_t left = kPreviewBytesMax; left > 0; left -= kTransferPartBytes) {
    ASSERT_TRUE(bytes.take(part("a", kTransferPartBytes, left - kTransferPartBytes)));
  }
  EXPECT_EQ(bytes.take(part("b", 1)).error().code, ErrorCode::kLimitExceeded);
  PreviewTaker documents;
  for (std::size_t i = 0; i < kPreviewDocumentsMax; ++i) {
    ASSERT_TRUE(documents.take(part(std::to_string(i), 1)));
  }
  EXPECT_EQ(documents.take(part("more", 1)).error().code, ErrorCode::kLimitExceeded);
}

// Giving.

struct Shelf final : PreviewGiver::Source {
  std::vector<DocumentId> newest_documents(std::size_t most) const override {
    std::vector<DocumentId> list;
    for (std::size_t i = 0; i < std::min(most, sizes.size()); ++i) {
      DocumentId id;
      id.bytes.fill(static_cast<std::uint8_t>(i));
      list.push_back(id);
    }
    return list;
  }
  std::optional<DocumentPreview> show(Now, const DocumentId& document) override {
    const std::size_t i = document.bytes[0];
    ++made;
    if (sizes[i] == 0) return std::nullopt;
    return DocumentPreview{document, std::to_string(i), Bytes(sizes[i], 1)};
  }
  std::vector<std::size_t> sizes;
  std::size_t made = 0;
};

DeviceId some_device(std::uint8_t number) {
  DeviceId id;
  id.bytes.fill(number);
  return id;
}

TEST(PreviewGiver, GivesTheNewestThatFit) {
  Shelf shelf;
  shelf.sizes = {10, 0, kPreviewBytesMax - 15, 6, 5, 1};
  PreviewGiver giver(some_workspace(), shelf);
  PreviewTaker taker;
  giver.handle_want({}, 1, some_device(1));
  giver.handle_want({}, 1, some_device(1));
  bool room = true;
  const auto takes = [&](transport::LinkId) { return room; };
  std::vector<std::string> given;
  while (auto output = giver.poll_output({}, takes)) {
    EXPECT_EQ(output->link, 1u);
    auto message = decode_preview_message(output->payload);
    ASSERT_TRUE(message);
    const auto whole = taker.take(std::move(std::get<PreviewPart>(*message)));
    ASSERT_TRUE(whole);
    if (*whole) given.push_back((*whole)->path);
    room = false;
    EXPECT_FALSE(giver.poll_output({}, takes));
    room = true;
  }
  EXPECT_EQ(given, (std::vector<std::string>{"0", "2", "4"}));
}

TEST(PreviewGiver, GivesToADeviceOnceInAWhileOverWhicheverLink) {
  Shelf shelf;
  shelf.sizes = {10};
  PreviewGiver giver(some_workspace(), shelf);
  const auto takes = [](transport::LinkId) { return true; };
  Now now;
  std::size_t given = 0;
  for (transport::LinkId link = 1; link <= 100; ++link) {
    giver.handle_want(now, link, some_device(1));
    while (giver.poll_output(now, takes)) ++given;
    giver.handle_link_down(link);
  }
  EXPECT_EQ(given, 1u);
  EXPECT_EQ(shelf.made, 1u);
  giver.handle_want(now, 101, some_device(2));
  EXPECT_TRUE(giver.poll_output(now, takes));
  now.steady += kPreviewPause - Duration(1);
  giver.handle_want(now, 102, some_device(1));
  EXPECT_FALSE(giver.poll_output(now, takes));
  now.steady += Duration(1);
  giver.handle_want(now, 102, some_device(1));
  EXPECT_TRUE(giver.poll_output(now, takes));
}

TEST(PreviewGiver, MakesFewThatAreTooLarge) {
  Shelf shelf;
  shelf.sizes.assign(kPreviewDocumentsMax, kPreviewBytesMax / 2 + 1);
  PreviewGiver giver(some_workspace(), shelf);
  giver.handle_want({}, 1, some_device(1));
  std::size_t bytes = 0;
  while (auto output = giver.poll_output({}, [](transport::LinkId) { return true; })) {
    bytes += std::get<PreviewPart>(*decode_preview_message(output->payload)).bytes.size();
  }
  EXPECT_EQ(bytes, kPreviewBytesMax / 2 + 1);
  EXPECT_EQ(shelf.made, kPreviewMadeBytesMax / (kPreviewBytesMax / 2 + 1) + 1);
}

// Whole nodes.

class PreviewTest : public testing::ClusterTest {
 protected:
  PreviewTest() : ClusterTest(77) {
    red_ = cluster_.add_node("red");
    found(red_);
    writer_ = client(red_, 1);
    type(writer_, "from the beginning");
    cluster_.run_for(2s);
  }

  /// Green asks to be let in; of entries it hears nothing until let_through_ is set.
  void join_without_entries(Role role = Role::kEditor) {
    green_ = cluster_.add_node("green");
    Cluster::Tap tap;
    tap.incoming = [this](const DeviceId&, Bytes frame) -> std::optional<Bytes> {
      const auto message = transport::decode(frame);
      const bool entries =
          message.has_value() && std::holds_alternative<transport::Entries>(*message);
      if (entries && !let_through_) return std::nullopt;
      return frame;
    };
    cluster_.set_tap(green_, std::move(tap));
    join_ = cluster_.command(green_, JoinWorkspace{invite(red_, role)});
    cluster_.run_for(3s);
    EXPECT_EQ(cluster_.reply(join_), nullptr);
  }
  void let_entries_through() {
    let_through_ = true;
    EXPECT_TRUE(cluster_.run_until(1min, [&] { return cluster_.reply(join_) != nullptr; }));
    cluster_.run_for(1s);
  }
  bool previewed() {
    const auto list = cluster_.engine(green_).documents(workspace_);
    return list && !list->empty() && list->front().preview;
  }
  /// Red says another thing of its documents than they are.
  void make_red_lie() {
    crdt::Doc doc({.client_id = 666});
    crdt::Text text = doc.text("monaco");
    (void)text.insert(0, "a lie");
    const Bytes lie = doc.encode_state_as_update();
    Cluster::Tap tap;
    tap.outgoing = [lie](const DeviceId&, Bytes frame) -> std::optional<Bytes> {
      const auto message = transport::decode(frame);
      const auto* application = message ? std::get_if<transport::Application>(&*message) : nullptr;
      if (application == nullptr || !is_preview_message(application->payload)) return frame;
      auto preview = *decode_preview_message(application->payload);
      std::get<PreviewPart>(preview).bytes = lie;
      return encode(transport::Application{encode_preview_message(preview)});
    };
    cluster_.set_tap(red_, std::move(tap));
  }

  Cluster::Node red_ = 0;
  Cluster::Node green_ = 0;
  Cluster::ClientIndex writer_ = 0;
  RequestId join_ = 0;
  bool let_through_ = false;
};

TEST_F(PreviewTest, DocumentsAreReadBeforeTheirEntriesCame) {
  join_without_entries();
  EXPECT_TRUE(previewed());
  EXPECT_EQ(text(green_), "from the beginning");
  const auto reader = cluster_.add_client(2, "reader");
  ASSERT_TRUE(cluster_.connect(reader, green_, workspace_.hex(), "notes.md"));
  cluster_.run_for(1s);
  EXPECT_EQ(cluster_.client(reader).text(), "from the beginning");
  // More is written meanwhile; whoever reads stays, and gets it with the rest.
  type(writer_, ", and on");
  cluster_.run_for(1s);
  EXPECT_EQ(cluster_.client(reader).text(), "from the beginning");
  let_entries_through();
  EXPECT_FALSE(previewed());
  EXPECT_TRUE(cluster_.connected(reader));
  EXPECT_EQ(cluster_.client(reader).text(), "from the beginning, and on");
  type(reader, "!");
  cluster_.run_for(1s);
  EXPECT_EQ(text(red_), "from the beginning, and on!");
}

TEST_F(PreviewTest, NothingIsWrittenOnTopOfThem) {
  join_without_entries();
  const auto reader = cluster_.add_client(2, "reader");
  ASSERT_TRUE(cluster_.connect(reader, green_, workspace_.hex(), "notes.md"));
  cluster_.run_for(1s);
  type(reader, " too soon");
  cluster_.run_for(100ms);
  EXPECT_FALSE(cluster_.connected(reader));
  let_entries_through();
  // It tries again, and nothing is lost.
  ASSERT_TRUE(cluster_.connect(reader, green_, workspace_.hex(), "notes.md"));
  cluster_.run_for(1s);
  EXPECT_EQ(text(red_), "from the beginning too soon");
}

TEST_F(PreviewTest, WhatIsNotSoIsTakenBack) {
  make_red_lie();
  join_without_entries();
  const auto reader = cluster_.add_client(2, "reader");
  ASSERT_TRUE(cluster_.connect(reader, green_, workspace_.hex(), "notes.md"));
  cluster_.run_for(1s);
  EXPECT_EQ(cluster_.client(reader).text(), "a lie");
  let_entries_through();
  EXPECT_FALSE(cluster_.connected(reader));
  EXPECT_EQ(text(green_), "from the beginning");
}

TEST_F(PreviewTest, TheyAreForgottenInACrash) {
  join_without_entries();
  cluster_.crash(green_);
  cluster_.network().cut(red_, green_);
  cluster_.network().cut(green_, red_);
  cluster_.restart(green_);
  EXPECT_EQ(text(green_), "?");
}

TEST_F(PreviewTest, TheyEndAlthoughTheirGiverClaimedWhatThereIsNot) {
  Cluster::Tap tap;
  tap.outgoing = [](const DeviceId&, Bytes frame) -> std::optional<Bytes> {
    const auto message = transport::decode(frame);
    const auto* application = message ? std::get_if<transport::Application>(&*message) : nullptr;
    auto join = application != nullptr ? decode_join_message(application->payload)
                                       : Result<JoinMessage>(Error{});
    if (!join || !std::holds_alternative<Welcome>(*join)) return frame;
    auto& welcome = std::get<Welcome>(*join);
    welcome.frontier[{some_device(9), 1}] = {1000, Hash{}};
    return encode(transport::Application{encode_join_message(*join)});
  };
  cluster_.set_tap(red_, std::move(tap));
  join_without_entries();
  ASSERT_TRUE(previewed());
  let_entries_through();
  EXPECT_TRUE(*cluster_.reply(join_));
  EXPECT_FALSE(previewed());
  const auto writer = client(green_, 2);
  type(writer, ", and on");
  cluster_.run_for(1s);
  EXPECT_EQ(text(red_), "from the beginning, and on");
}

TEST_F(PreviewTest, RelaysAreShownNothing) {
  join_without_entries(Role::kRelay);
  EXPECT_EQ(text(green_), "?");
  const Bytes want =
      encode(transport::Application{encode_preview_message(PreviewWant{workspace_})});
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(cluster_.inject(green_, red_, want)) << i;
    cluster_.run_for(100ms);
  }
  EXPECT_EQ(text(green_), "?");
}

TEST_F(PreviewTest, APreviewThatNobodyAskedForIsAFault) {
  green_ = cluster_.add_node("green");
  join(green_, red_);
  cluster_.run_for(2s);
  const Bytes frame = encode(transport::Application{encode_preview_message(
      PreviewPart{workspace_, document_id(workspace_, "notes.md"), "notes.md", 0, Bytes{0, 0}})});
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(cluster_.inject(green_, red_, frame)) << i;
    cluster_.run_for(100ms);
  }
  EXPECT_FALSE(cluster_.linked(green_, red_));
  EXPECT_EQ(text(red_), "from the beginning");
}

TEST_F(PreviewTest, AWelcomeHasTheKeysOfAllEpochs) {
  for (int i = 0; i < 3; ++i) {
    await(red_, RotateKeys{workspace_});
    type(writer_, " " + std::to_string(i));
    cluster_.run_for(1s);
  }
  green_ = cluster_.add_node("green");
  std::set<std::size_t> keys;
  Cluster::Tap tap;
  tap.incoming = [&](const DeviceId&, Bytes frame) -> std::optional<Bytes> {
    const auto message = transport::decode(frame);
    const auto* application = message ? std::get_if<transport::Application>(&*message) : nullptr;
    const auto join = application != nullptr ? decode_join_message(application->payload)
                                             : Result<JoinMessage>(Error{});
    if (join && std::holds_alternative<Welcome>(*join)) {
      keys.insert(std::get<Welcome>(*join).keys.size());
    }
    return frame;
  };
  cluster_.set_tap(green_, std::move(tap));
  join(green_, red_);
  EXPECT_EQ(keys, std::set<std::size_t>{4});
  EXPECT_EQ(text(green_), "from the beginning 0 1 2");
}

}  // namespace
}  // namespace coterie::node
