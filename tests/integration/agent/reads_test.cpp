// Pure parts of agent/io that read what others wrote: HTTP heads, /proc/cpuinfo.
#include <boost/test/unit_test.hpp>

#include <string>

#include "agent/io/host_probe.hpp"
#include "agent/io/http_get.hpp"
#include "common/base/prng.hpp"

namespace proxima::tests {

BOOST_AUTO_TEST_SUITE(agent_reads)

BOOST_AUTO_TEST_CASE(an_answers_head_is_read_or_refused) {
  struct Row {
    const char* name;
    std::string text;
    int status;  // 0: refused
    std::uint64_t length;
  };
  const Row rows[] = {
      {"plain", "HTTP/1.1 200 OK\r\nContent-Length: 12\r\nX-Proxima-Digest: ab", 200, 12},
      {"any case, any space", "HTTP/1.0 404 Not Found\r\ncontent-LENGTH:7", 404, 7},
      {"no words", "HTTP/1.1 422\r\nContent-Length: 0", 422, 0},
      {"no length", "HTTP/1.1 200 OK\r\nServer: x", 0, 0},
      {"a length that is no number", "HTTP/1.1 200 OK\r\nContent-Length: 12x", 0, 0},
      {"a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1", 0, 0},
      {"a length beyond all", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999", 0, 0},
      {"a header without a name", "HTTP/1.1 200 OK\r\n: 12\r\nContent-Length: 1", 0, 0},
      {"another protocol", "SSH-2.0-OpenSSH_9.2", 0, 0},
      {"nothing", "", 0, 0},
      {"a status that is no number", "HTTP/1.1 2x0 OK\r\nContent-Length: 1", 0, 0},
  };
  for (const Row& row : rows) {
    const auto head = agent::parse_http_head(row.text);
    BOOST_TEST_CONTEXT(row.name) {
      BOOST_TEST(head.has_value() == (row.status != 0));
      if (!head) continue;
      BOOST_TEST(head->status == row.status);
      BOOST_TEST(head->length == row.length);
    }
  }
  BOOST_TEST(agent::parse_http_head("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nX-Proxima-Digest:  ab ")->headers.at("x-proxima-digest") == "ab");
}

BOOST_AUTO_TEST_CASE(random_heads_never_do_harm) {
  Prng prng(1);
  const std::string letters = "HTP/1. 20OK\r\n:contentlgh-";
  int good = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text = i % 2 == 0 ? "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n" : "";
    for (std::uint64_t n = prng.below(60); n > 0; --n) text += letters[prng.below(letters.size())];
    good += agent::parse_http_head(text).has_value() ? 1 : 0;
  }
  BOOST_TEST(good > 0);
}

BOOST_AUTO_TEST_CASE(the_cpus_name_is_found_on_each_kind_of_machine) {
  struct Row { const char* name; std::string text; std::string model; };
  const Row rows[] = {
      {"x86", "processor\t: 0\nmodel\t\t: 1\nmodel name\t: AMD EPYC 7B13\n", "AMD EPYC 7B13"},
      {"MIPS router", "system type\t\t: MediaTek MT7621\ncpu model\t\t: MIPS 1004Kc V2.15\n", "MIPS 1004Kc V2.15"},
      {"ARM board", "processor\t: 0\nModel\t\t: Raspberry Pi 4 Model B Rev 1.4\n", "Raspberry Pi 4 Model B Rev 1.4"},
      {"control characters", "model name : a\tb\x01\x80\n", "a?b??"},
      {"nothing", "processor : 0\n", ""},
      {"no line end", "model name: X", "X"},
  };
  for (const Row& row : rows) {
    BOOST_TEST_CONTEXT(row.name) { BOOST_TEST(agent::cpu_model_in(row.text) == row.model); }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace proxima::tests
