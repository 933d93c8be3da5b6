// What a router says, in all the places where something is read of it.

#include <cstdint>
#include <string>

#include "crdt/base/assert.hpp"
#include "node/daemon/gateway.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace coterie::node;
  std::string text(reinterpret_cast<const char*>(data), size);
  text.shrink_to_fit();  // So that sanitizers see what is read behind it.
  const Ipv4 router = *parse_ipv4("192.168.1.1");
  for (const UpnpService& one : read_description(text, {5000, "/root.xml"}, router)) {
    COTERIE_ASSERT(one.control.port != 0 && one.control.path.starts_with('/'));
    COTERIE_ASSERT(one.type.starts_with("urn:schemas-upnp-org:service:WAN"));
  }
  if (const auto url = read_search_answer(text, router)) {
    COTERIE_ASSERT(text.find("http://192.168.1.1") != std::string::npos);
    COTERIE_ASSERT(url->path.find_first_of("\r\n ") == std::string::npos);
  }
  (void)read_upnp_answer(text);
  (void)default_gateway(text);
  (void)is_nat_pmp_announcement(text);
  return 0;
}
