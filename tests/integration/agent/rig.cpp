#include "tests/integration/agent/rig.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "common/io/digest.hpp"
#include "common/io/file.hpp"
#include "common/protocol/codec.hpp"
#include "common/protocol/limits.hpp"
#include "common/protocol/topics.hpp"

namespace proxima::tests {
namespace {

constexpr const char* region_name = "test";

template <class T>
T must(Result<T> result) {
  if (!result) BOOST_FAIL(result.error().text());
  return std::move(*result);
}

}  // namespace

Region::Region() {
  server_ = must(io::HttpServer::listen(loop_, must(io::Address::parse("127.0.0.1:0"))));
  server_->route("GET", "/v1/objects/{module}/{target}/{variant}",
                 [this](const io::HttpRequest& request, io::Responder responder) { on_object(request, std::move(responder)); });
  io::MqttOptions options;
  options.endpoint = broker_.endpoint();
  options.client_id = "coordinator";
  using protocol::NodeTopic;
  for (const NodeTopic kind : {NodeTopic::birth, NodeTopic::beat, NodeTopic::event})
    options.subscriptions.push_back({protocol::node_filter(region_name, kind), 1});
  io::MqttCallbacks callbacks;
  callbacks.on_connected = [] {};
  callbacks.on_lost = [](const std::string&) {};
  callbacks.on_message = [this](io::MqttMessage&& message) { on_message(message); };
  link_ = must(io::MqttLink::start(loop_, std::move(options), std::move(callbacks)));
  until("the test's coordinator is connected", [this] { return link_->connected(); });
}

void Region::on_message(const io::MqttMessage& message) {
  const auto topic = protocol::parse_node_topic(region_name, message.topic);
  BOOST_REQUIRE(topic.has_value());
  if (topic->kind == protocol::NodeTopic::birth) {
    const auto presence = must(protocol::decode_presence(message.payload));
    if (const auto* birth = std::get_if<protocol::Birth>(&presence)) {
      births.push_back(*birth);
      node_ = topic->node;
    }
    if (const auto* lost = std::get_if<protocol::Lost>(&presence)) losts.push_back(*lost);
  }
  if (topic->kind == protocol::NodeTopic::beat) {
    BOOST_TEST(message.payload.size() <= limits::beat_bytes);
    beats.push_back(must(protocol::decode_beat(message.payload)));
  }
  if (topic->kind == protocol::NodeTopic::event)
    reports.push_back(std::get<protocol::InstanceReport>(must(protocol::decode_node_event(message.payload))));
}

void Region::on_object(const io::HttpRequest& request, io::Responder responder) {
  ++object_requests;
  const auto module = digest_from(request.captures.at(0));
  BOOST_REQUIRE(module.has_value());
  std::vector<ObjectAnswer>& answers = objects_[module->bytes[0]];
  if (answers.empty()) return responder.fail(404, {"no such object", "it is not built", ""});
  const ObjectAnswer answer = answers.front();
  if (answers.size() > 1) answers.erase(answers.begin());
  if (answer.status != 200) return responder.fail(answer.status, {"cannot build the object", "it imports 'env.system'", ""});
  io::HttpResponse response;
  response.content_type = "application/octet-stream";
  response.body.assign(answer.bytes.begin(), answer.bytes.end());
  response.headers.emplace_back("X-Proxima-Digest", answer.digest.empty() ? to_text(io::sha256(answer.bytes)) : answer.digest);
  responder.send(std::move(response));
}

void Region::wish(std::vector<protocol::DesiredInstance> instances) {
  command(protocol::encode(protocol::Desired{1, ++generation_, std::move(instances)}));
}

void Region::command(const Blob& bytes) {
  const auto sent = link_->publish(protocol::node_topic(region_name, node_, protocol::NodeTopic::command), bytes, 1, false);
  BOOST_REQUIRE(sent.has_value());
}

void Region::until(const std::string& what, const std::function<bool()>& condition) {
  if (!run_until(loop_, condition)) BOOST_FAIL("waited in vain until " + what);
}

void Region::until_state(std::uint64_t instance, protocol::InstanceState state) {
  const auto reached = [&] {
    const auto* report = last_report(instance);
    return report != nullptr && report->state == state;
  };
  until("instance " + std::to_string(instance) + " is in state " + std::to_string(static_cast<int>(state)), reached);
}

const protocol::InstanceReport* Region::last_report(std::uint64_t instance) const {
  const auto found = std::find_if(reports.rbegin(), reports.rend(), [&](const auto& report) { return report.instance.value == instance; });
  return found == reports.rend() ? nullptr : &*found;
}

std::vector<std::string> agent_argv(const std::string& broker, const std::string& api, const std::string& data,
                                    const std::vector<std::string>& more) {
  std::vector<std::string> argv{PROXIMA_AGENT, "--insecure-loopback", "--name", "kitchen", "--region", region_name, "--data", data,
                                "--broker", broker, "--api", api, "--log-level", "debug"};
  argv.insert(argv.end(), more.begin(), more.end());
  return argv;
}

AgentProcess::AgentProcess(Region& region, const TempDir& data, const std::vector<std::string>& more)
    : process_(std::make_unique<Process>(agent_argv(region.broker().endpoint(), region.api(), data.file("agent"), more))) {
  BOOST_REQUIRE_MESSAGE(process_->wait_for_output("\"ready\":true"), process_->output());
  BOOST_REQUIRE(process_->wait_for_output("\n"));
  std::istringstream lines(process_->output());
  for (std::string line; std::getline(lines, line);) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_object() || !json.contains("ready")) continue;
    node = json.at("node");
    frames = json.at("frames");
    echo = json.at("echo");
    isolation = json.at("isolation");
    BOOST_TEST(json.at("schema") == "proxima/v1/agent");
    BOOST_TEST(json.at("pid") == process_->pid());
  }
  region.until("the agent is born", [&] { return !region.births.empty(); });
}

Client::Client(Region& region, const std::string& frames_endpoint) : region_(region) {
  io::DealerSocket::Callbacks callbacks;
  callbacks.on_message = [this](io::Parts parts) {
    Heard heard{must(protocol::decode_agent_message(parts[0])), {}};
    if (parts.size() > 1) heard.payload.assign(parts[1].begin(), parts[1].end());
    heard_.push_back(std::move(heard));
  };
  callbacks.on_event = [this](io::DealerEvent event) {
    if (event == io::DealerEvent::disconnected) ++disconnects_;
  };
  io::ZmqOptions options;
  options.max_part_bytes = 64 << 20;
  socket_ = must(io::DealerSocket::connect(region.loop(), region.zmq(), frames_endpoint, options, std::move(callbacks)));
  region.until("the client is connected", [this] { return socket_->connected(); });
}

void Client::say(const protocol::ClientMessage& message, const std::optional<Blob>& payload) {
  const protocol::Bytes header = protocol::encode(message);
  const auto outcome = payload ? socket_->send(header, *payload) : socket_->send(header);
  BOOST_REQUIRE((outcome == io::SendOutcome::sent));
}

void Client::say_raw(const std::vector<Blob>& parts) {
  (void)(parts.size() > 1 ? socket_->send(parts[0], parts[1]) : socket_->send(parts[0]));
}

void Client::hello(std::uint64_t instance, std::uint32_t epoch) {
  protocol::Hello message;
  message.instance = {instance};
  message.epoch = {epoch};
  say(message);
}

void Client::frame(std::uint64_t instance, std::uint32_t epoch, std::uint64_t sequence, const std::string& bytes) {
  protocol::Frame message;
  message.instance = {instance};
  message.epoch = {epoch};
  message.sequence = sequence;
  say(message, blob(bytes));
}

void Client::enter(std::uint64_t instance, std::uint32_t epoch) {
  hello(instance, epoch);
  const auto [welcome, payload] = next_as<protocol::Welcome>();
  BOOST_TEST(welcome.credit == limits::frames_queued_per_instance);
}

Heard Client::next() {
  region_.until("the agent says something", [this] { return !heard_.empty(); });
  Heard first = std::move(heard_.front());
  heard_.erase(heard_.begin());
  return first;
}

void Client::wrong_kind(const Heard& heard) {
  std::string text = "another kind of message: " + std::to_string(heard.message.index());
  if (const auto* refused = std::get_if<protocol::Refused>(&heard.message))
    text += ", refused with code " + std::to_string(static_cast<int>(refused->code)) + ": " + refused->reason;
  BOOST_FAIL(text);
  std::abort();  // BOOST_FAIL throws
}

protocol::DesiredInstance instance_of(std::uint8_t module, std::uint64_t instance, std::uint32_t epoch) {
  protocol::DesiredInstance made;
  made.instance = {instance};
  made.epoch = {epoch};
  made.task = {instance};
  made.task_name = "obedient";
  made.module.bytes[0] = module;
  made.variant = "scalar";
  made.memory_mib = 8;
  made.input.max_bytes = 4096;
  return made;
}

ObjectAnswer obedient() { return {200, must(io::read_file(std::string(PROXIMA_OBJECTS) + "obedient.so", limits::object_bytes)), {}}; }

Blob blob(const std::string& text) { return {text.begin(), text.end()}; }

std::uint64_t rss_kib(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::strtoull(line.c_str() + 6, nullptr, 10);
  }
  return 0;
}

}  // namespace proxima::tests
