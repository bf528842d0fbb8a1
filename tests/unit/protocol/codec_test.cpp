// The wire form of every message.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "common/base/prng.hpp"
#include "common/protocol/limits.hpp"
#include "tests/unit/protocol/examples.hpp"

using namespace proxima;
using namespace proxima::protocol;

namespace {

std::string hex(View bytes) {
  std::ostringstream out;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    constexpr std::string_view digits = "0123456789abcdef";
    if (i > 0) out << (i % 16 == 0 ? '\n' : ' ');
    out << digits[bytes[i] / 16U] << digits[bytes[i] % 16U];
  }
  out << '\n';
  return out.str();
}

std::string file_text(const std::string& path) {
  std::ifstream file(path);
  BOOST_REQUIRE_MESSAGE(file.good(), "cannot open " + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

Bytes unhex(const std::string& text) {
  std::istringstream in(text);
  Bytes out;
  for (std::string digits; in >> digits;) out.push_back(static_cast<std::uint8_t>(std::stoul(digits, nullptr, 16)));
  return out;
}

/// Where `part` begins in `bytes`.
std::size_t find(const Bytes& bytes, std::string_view part) {
  const auto place = std::search(bytes.begin(), bytes.end(), part.begin(), part.end(), [](std::uint8_t byte, char c) {
    return byte == static_cast<std::uint8_t>(c);
  });
  BOOST_REQUIRE(place != bytes.end());
  return static_cast<std::size_t>(place - bytes.begin());
}

template <class T>
std::string why(const Result<T>& result) {
  return result.has_value() ? "accepted" : result.error().why;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_message_has_the_golden_bytes_and_reads_them) {
  for (const auto& example : tests::codec_examples()) {
    BOOST_TEST_CONTEXT(example.name) {
      const std::string golden = file_text(PROXIMA_VECTORS "/protocol/" + example.name + ".hex");
      BOOST_TEST(hex(example.bytes) == golden);
      const auto again = example.again(unhex(golden));
      BOOST_REQUIRE(again.has_value());
      BOOST_TEST(hex(*again) == golden);
    }
  }
}

BOOST_AUTO_TEST_CASE(every_field_comes_back) {
  const auto birth = decode_presence(encode(Presence(tests::example_birth())));
  BOOST_REQUIRE(birth.has_value());
  const Birth& b = std::get<Birth>(*birth);
  const Birth expected = tests::example_birth();
  BOOST_TEST(b.incarnation == expected.incarnation);
  BOOST_TEST(b.name == expected.name);
  BOOST_TEST(b.target == expected.target);
  BOOST_TEST(b.device_class == expected.device_class);
  BOOST_TEST((b.isolation == expected.isolation));
  BOOST_TEST(b.cores == expected.cores);
  BOOST_TEST(b.memory_mib == expected.memory_mib);
  BOOST_TEST(b.cpu_percent == expected.cpu_percent);
  BOOST_TEST((b.functions == expected.functions));
  BOOST_TEST(b.benchmark_us == expected.benchmark_us);
  BOOST_TEST(b.frames_endpoint == expected.frames_endpoint);
  BOOST_TEST(b.echo_endpoint == expected.echo_endpoint);
  BOOST_TEST(b.pid == expected.pid);

  const auto frame = decode_client_message(encode(ClientMessage(tests::example_frame())));
  BOOST_REQUIRE(frame.has_value());
  const Frame& f = std::get<Frame>(*frame);
  BOOST_TEST(f.sequence == 42U);
  BOOST_TEST(f.trial);
  BOOST_TEST(f.resend);
  BOOST_TEST(f.tag_high == 0x0102030405060708U);
  BOOST_TEST(f.ticket.size() == 2U);
}

BOOST_AUTO_TEST_CASE(every_beat_fits_64_bytes) {
  Beat largest = tests::example_beat();
  largest.sequence = UINT32_MAX;
  largest.frames_executed = UINT32_MAX;
  BOOST_TEST(encode(largest).size() <= limits::beat_bytes);
  BOOST_TEST(encode(Beat{}).size() == 31U);
}

BOOST_AUTO_TEST_CASE(an_echo_is_64_bytes_both_ways) {
  BOOST_TEST(encode(Echo{false, 1}).size() == limits::echo_bytes);
  BOOST_TEST(encode(Echo{true, UINT64_MAX}).size() == limits::echo_bytes);
}

BOOST_AUTO_TEST_CASE(every_cut_and_every_surplus_byte_is_refused) {
  for (const auto& example : tests::codec_examples()) {
    BOOST_TEST_CONTEXT(example.name) {
      for (std::size_t size = 0; size < example.bytes.size(); ++size) {
        BOOST_TEST(!example.again(View(example.bytes).first(size)).has_value());
      }
      Bytes longer = example.bytes;
      longer.push_back(0);
      BOOST_TEST(!example.again(longer).has_value());
    }
  }
}

BOOST_AUTO_TEST_CASE(another_version_and_another_type_are_refused) {
  for (const auto& example : tests::codec_examples()) {
    BOOST_TEST_CONTEXT(example.name) {
      Bytes other = example.bytes;
      other[0] = 2;
      BOOST_TEST(why(example.again(other)) == "version: not one that this program speaks");
      for (const int type : {0, 6, 15, 21, 37, 50, 255}) {
        Bytes wrong = example.bytes;
        wrong[1] = static_cast<std::uint8_t>(type);
        BOOST_TEST(why(example.again(wrong)) == "type: does not belong on this channel");
      }
    }
  }
}

// Whatever is accepted must be what encode() writes for it: there is one form for each message.
BOOST_AUTO_TEST_CASE(changed_bytes_are_refused_or_mean_exactly_what_they_say) {
  Prng prng(2026);
  std::size_t accepted = 0;
  std::size_t refused = 0;
  for (const auto& example : tests::codec_examples()) {
    for (int round = 0; round < 5'000; ++round) {
      Bytes changed = example.bytes;
      const std::uint64_t changes = 1 + prng.below(4);
      for (std::uint64_t i = 0; i < changes; ++i) {
        changed[prng.below(changed.size())] = static_cast<std::uint8_t>(prng.next());
      }
      if (prng.below(8) == 0) changed.resize(prng.below(changed.size() + 1));
      if (prng.below(8) == 0) changed.insert(changed.begin() + static_cast<std::ptrdiff_t>(prng.below(changed.size() + 1)), 0xff);
      const auto again = example.again(changed);
      if (!again) {
        ++refused;
        BOOST_REQUIRE(!again.error().why.empty());
        continue;
      }
      ++accepted;
      BOOST_REQUIRE(hex(*again) == hex(changed));
    }
  }
  BOOST_TEST(accepted > 1'000U);
  BOOST_TEST(refused > 1'000U);
}

BOOST_AUTO_TEST_CASE(random_bytes_are_refused_or_mean_exactly_what_they_say) {
  Prng prng(7);
  const auto examples = tests::codec_examples();
  for (int round = 0; round < 100'000; ++round) {
    const auto& example = examples[prng.below(examples.size())];
    Bytes bytes(prng.below(100));
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(prng.next());
    if (bytes.size() >= 2) {  // get past the first two checks
      bytes[0] = example.bytes[0];
      bytes[1] = example.bytes[1];
    }
    const auto again = example.again(bytes);
    if (again) BOOST_REQUIRE(*again == bytes);
    if (!again) BOOST_REQUIRE(!again.error().why.empty());
  }
}

struct TextRow {
  const char* name;
  std::string text;
  bool accepted;
};

const std::vector<TextRow> free_text_rows = {
    {"empty", "", true},
    {"ascii", "Cortex-A7", true},
    {"two bytes", "caf\xc3\xa9", true},
    {"three bytes", "\xe2\x82\xac", true},
    {"four bytes", "\xf0\x9f\x93\xb7", true},
    {"the last character", "\xf4\x8f\xbf\xbf", true},
    {"as long as allowed", std::string(limits::text_bytes, 'x'), true},
    {"one longer", std::string(limits::text_bytes + 1, 'x'), false},
    {"line break", "a\nb", false},
    {"escape", "a\x1b[2J", false},
    {"delete", "a\x7f", false},
    {"zero", std::string("a\0b", 3), false},
    {"C1 control", "\xc2\x9b", false},
    {"lone continuation", "\x80", false},
    {"cut character", "\xe2\x82", false},
    {"overlong slash", "\xc0\xaf", false},
    {"overlong three", "\xe0\x80\xaf", false},
    {"overlong four", "\xf0\x80\x80\xaf", false},
    {"surrogate", "\xed\xa0\x80", false},
    {"beyond the last", "\xf4\x90\x80\x80", false},
    {"byte ff", "\xff", false},
};

BOOST_AUTO_TEST_CASE(texts_are_clean_utf8_of_bounded_length) {
  // A report's reason is a free text; its length byte and bytes are replaced in the encoded form.
  InstanceReport report = tests::example_report();
  report.reason = "MARK";
  const Bytes base = encode(NodeEvent(report));
  const std::size_t place = find(base, "MARK");
  for (const TextRow& row : free_text_rows) {
    BOOST_TEST_CONTEXT(row.name) {
      Bytes bytes(base.begin(), base.begin() + static_cast<std::ptrdiff_t>(place - 1));
      bytes.push_back(static_cast<std::uint8_t>(row.text.size()));
      bytes.insert(bytes.end(), row.text.begin(), row.text.end());
      bytes.insert(bytes.end(), base.begin() + static_cast<std::ptrdiff_t>(place + 4), base.end());
      const auto decoded = decode_node_event(bytes);
      BOOST_TEST(decoded.has_value() == row.accepted);
      if (decoded) BOOST_TEST(std::get<InstanceReport>(*decoded).reason == row.text);
    }
  }
}

BOOST_AUTO_TEST_CASE(an_encoder_cleans_texts_so_that_its_decoder_takes_them) {
  for (const TextRow& row : free_text_rows) {
    BOOST_TEST_CONTEXT(row.name) {
      InstanceReport report = tests::example_report();
      report.reason = row.text;
      const auto decoded = decode_node_event(encode(NodeEvent(report)));
      BOOST_REQUIRE(decoded.has_value());
      if (row.accepted) BOOST_TEST(std::get<InstanceReport>(*decoded).reason == row.text);
    }
  }
  // A character that would cross the limit is left out, not cut.
  InstanceReport report = tests::example_report();
  report.reason = std::string(limits::text_bytes - 1, 'x') + "\xc3\xa9";
  const auto decoded = decode_node_event(encode(NodeEvent(report)));
  BOOST_REQUIRE(decoded.has_value());
  BOOST_TEST(std::get<InstanceReport>(*decoded).reason.size() == limits::text_bytes - 1);
}

struct ByteRow {
  const char* name;
  std::size_t offset;
  std::uint8_t value;
  const char* why;
};

BOOST_AUTO_TEST_CASE(single_bytes_out_of_range_are_named) {
  const Bytes birth = encode(Presence(tests::example_birth()));
  const std::size_t isolation = find(birth, "caf\xc3\xa9") + 5;
  const std::vector<ByteRow> births = {
      {"name's first letter", 11, 'A', "name: has characters that are not allowed there"},
      {"name's length", 10, 33, "name: too long"},
      {"isolation", isolation, 3, "isolation: not a known value"},
      {"cpu_percent", isolation + 9, 101, "cpu_percent: out of range"},
      {"functions", isolation + 10, 9, "functions: too many"},
      {"function's length", isolation + 11, 33, "functions: too long"},
      {"function's first letter", isolation + 12, '/', "functions: has characters that are not allowed there"},
  };
  for (const ByteRow& row : births) {
    BOOST_TEST_CONTEXT(row.name) {
      Bytes bytes = birth;
      bytes[row.offset] = row.value;
      BOOST_TEST(why(decode_presence(bytes)) == row.why);
    }
  }
  // Frame: version, type, 8 instance, 4 epoch, 8 sequence, 4 deadline, trial, resend, format.
  const std::vector<ByteRow> frames = {
      {"trial", 26, 2, "trial: neither 0 nor 1"},
      {"resend", 27, 0xff, "resend: neither 0 nor 1"},
      {"format", 28, 3, "format: not a known value"},
  };
  for (const ByteRow& row : frames) {
    BOOST_TEST_CONTEXT(row.name) {
      Bytes bytes = encode(ClientMessage(tests::example_frame()));
      bytes[row.offset] = row.value;
      BOOST_TEST(why(decode_client_message(bytes)) == row.why);
    }
  }
  Bytes echo = encode(Echo{false, 1});
  echo[63] = 1;
  BOOST_TEST(why(decode_echo(echo)) == "authentication: not zero");
  Bytes refused = encode(AgentMessage(Refused{RefusalCode::ticket, {}, {}, 0, ""}));
  refused[2] = 10;
  BOOST_TEST(why(decode_agent_message(refused)) == "code: not a known value");
}

BOOST_AUTO_TEST_CASE(the_largest_of_everything_fits_and_comes_back) {
  Desired desired{UINT64_MAX, UINT64_MAX, {}};
  for (std::uint64_t i = 0; i < limits::instances_per_node; ++i) {
    DesiredInstance instance = tests::example_instance(i);
    instance.task_name = std::string(limits::name_bytes, 'x');
    instance.variant = std::string(limits::name_bytes, 'v');
    instance.functions.assign(limits::functions, std::string(limits::function_bytes, 'f'));
    instance.memory_mib = limits::memory_mib_max;
    instance.input.max_bytes = limits::frame_bytes;
    desired.instances.push_back(instance);
  }
  const Bytes bytes = encode(desired);
  BOOST_TEST(bytes.size() <= limits::control_message_bytes);
  const auto decoded = decode_desired(bytes);
  BOOST_REQUIRE(decoded.has_value());
  BOOST_TEST(decoded->instances.size() == limits::instances_per_node);

  Hello hello;
  hello.ticket.assign(limits::ticket_bytes, 7);
  BOOST_TEST(decode_client_message(encode(ClientMessage(hello))).has_value());
  Bytes longer = encode(ClientMessage(hello));
  longer[20] = 1;  // the ticket's length, low byte: 257
  longer.push_back(7);
  BOOST_TEST(why(decode_client_message(longer)) == "ticket: too long");
}

BOOST_AUTO_TEST_CASE(a_count_that_promises_more_than_is_there_costs_nothing) {
  Bytes bytes = encode(Desired{1, 1, {}});
  bytes.back() = limits::instances_per_node;
  BOOST_TEST(why(decode_desired(bytes)) == "instance: cut short");
}

BOOST_AUTO_TEST_CASE(a_message_beyond_its_bound_is_not_even_looked_at) {
  Bytes bytes = encode(Desired{1, 1, {}});
  bytes.resize(limits::control_message_bytes + 1);
  BOOST_TEST(why(decode_desired(bytes)) == "message: too long");
}
