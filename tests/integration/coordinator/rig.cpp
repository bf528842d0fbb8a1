#include "tests/integration/coordinator/rig.hpp"

#include <algorithm>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/io/digest.hpp"

namespace proxima::tests {
namespace {

using nlohmann::json;

constexpr int patience_ms = 60'000;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return text;
}

bool has(const Headers& headers, const std::string& name) {
  return std::any_of(headers.begin(), headers.end(), [&](const auto& header) { return lower(header.first) == name; });
}

}  // namespace

std::string Answer::why() const {
  const nlohmann::json parsed = json();
  if (!parsed.is_object() || !parsed.contains("error")) return "no error: " + body;
  return parsed["error"].value("why", "");
}

Connection::Connection(std::uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), port_(port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) throw std::runtime_error("cannot connect to the API");
}

Connection::~Connection() {
  if (fd_ >= 0) close(fd_);
}

bool Connection::send_raw(const std::string& bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t now = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (now <= 0) return false;
    sent += static_cast<std::size_t>(now);
  }
  return true;
}

void Connection::send(const Ask& ask) {
  head_only_ = ask.method == "HEAD";
  std::string text = ask.method + " " + ask.path + " HTTP/1.1\r\n";
  if (!has(ask.headers, "host")) text += "Host: 127.0.0.1:" + std::to_string(port_) + "\r\n";
  if (!has(ask.headers, "content-length")) text += "Content-Length: " + std::to_string(ask.body.size()) + "\r\n";
  for (const auto& [name, value] : ask.headers) text += name + ": " + value + "\r\n";
  send_raw(text + "Connection: close\r\n\r\n" + ask.body);
}

bool Connection::readable() const {
  pollfd state{fd_, POLLIN, 0};
  return !pending_.empty() || poll(&state, 1, 0) == 1;
}

bool Connection::fill() {
  pollfd state{fd_, POLLIN, 0};
  if (poll(&state, 1, patience_ms) != 1) return false;
  char piece[65536];
  const ssize_t got = recv(fd_, piece, sizeof piece, 0);
  if (got <= 0) return false;
  pending_.append(piece, static_cast<std::size_t>(got));
  return true;
}

bool Connection::read_head(Answer& answer) {
  std::size_t end = std::string::npos;
  while ((end = pending_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill()) return false;
  }
  const std::string head = pending_.substr(0, end + 2);
  pending_.erase(0, end + 4);
  answer.status = std::atoi(head.c_str() + head.find(' '));
  for (std::size_t at = head.find("\r\n") + 2; at < head.size();) {
    const std::size_t line_end = head.find("\r\n", at);
    const std::string line = head.substr(at, line_end - at);
    const std::size_t colon = line.find(": ");
    if (colon != std::string::npos) answer.headers[lower(line.substr(0, colon))] = line.substr(colon + 2);
    at = line_end + 2;
  }
  return true;
}

Answer Connection::answer() {
  Answer answer;
  if (!read_head(answer)) return {};
  const auto length = answer.headers.find("content-length");
  if (length == answer.headers.end() || head_only_) return answer;  // events follow, or nothing
  const std::size_t size = std::stoul(length->second);
  while (pending_.size() < size) {
    if (!fill()) return {};
  }
  answer.body = pending_.substr(0, size);
  pending_.erase(0, size);
  return answer;
}

std::optional<Connection::Event> Connection::event() {
  while (true) {
    std::size_t end = std::string::npos;
    while ((end = pending_.find("\n\n")) == std::string::npos) {
      if (!fill()) return std::nullopt;
    }
    const std::string block = pending_.substr(0, end + 1);
    pending_.erase(0, end + 2);
    Event event;
    std::string data;
    for (std::size_t at = 0; at < block.size();) {
      const std::size_t line_end = block.find('\n', at);
      const std::string line = block.substr(at, line_end - at);
      if (line.starts_with("event: ")) event.event = line.substr(7);
      if (line.starts_with("data: ")) data += line.substr(6);
      at = line_end + 1;
    }
    if (data.empty()) continue;  // a comment
    event.data = json::parse(data, nullptr, false);
    return event;
  }
}

Region::Region(const std::vector<std::string>& extra_arguments) : extra_(extra_arguments) { start(); }

std::vector<std::string> Region::argv() const {
  std::vector<std::string> argv = {PROXIMA_COORDINATOR, "--insecure-loopback", "--region", region_name, "--data",
                                   data_.file("data"), "--broker", broker_.endpoint(), "--log-level", "debug"};
  argv.insert(argv.end(), extra_.begin(), extra_.end());
  return argv;
}

void Region::start() {
  program_.reset();
  program_ = std::make_unique<Process>(argv());
  if (!program_->wait_for_output("\"ready\":true")) throw std::runtime_error("not ready: " + program_->output());
  const std::string output = program_->output();
  const std::size_t begin = output.find("{\"schema\":\"proxima/v1/coordinator\"");
  const json ready = json::parse(output.substr(begin, output.find('\n', begin) - begin));
  const std::string api = ready.at("api");
  port_ = static_cast<std::uint16_t>(std::stoi(api.substr(api.rfind(':') + 1)));
}

Answer Region::ask(const Ask& ask) const {
  Connection connection(port_);
  connection.send(ask);
  return connection.answer();
}

Answer Region::post(const std::string& path, const json& body) const {
  return ask({"POST", path, body.dump(), {{"Content-Type", "application/json"}}});
}

std::string Region::put_blob(const std::string& bytes) const {
  const std::string digest = to_text(io::sha256({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}));
  const Answer answer = ask({"PUT", "/v1/blobs/" + digest, bytes, {}});
  if (answer.status != 201 && answer.status != 200) throw std::runtime_error("PUT of a blob: " + answer.body);
  return digest;
}

bool Region::wait_for_broker() const {
  return eventually([this] { return get("/v1/region").json().value("broker_up", false); });
}

json Region::node(const std::string& name) const {
  const json body = get("/v1/nodes").json();
  for (const json& node : body.at("nodes")) {
    if (node.at("name") == name) return node;
  }
  return nullptr;
}

bool Region::wait_for_node(const std::string& name, const std::string& state) const {
  return eventually([&] {
    const json shown = node(name);
    return shown.is_object() && shown.at("state") == state;
  });
}

Agent::Agent(io::Loop& loop, const Region& region, Traits traits)
    : loop_(loop), region_(region), traits_(std::move(traits)), incarnation_(traits_.number * 1000U) {
  id_.bytes.fill(traits_.number);
}

protocol::Birth Agent::birth() const {
  protocol::Birth birth;
  birth.incarnation = incarnation_;
  birth.name = traits_.name;
  birth.target = "x86_64-linux-gnu";
  birth.device_class = "test device";
  birth.isolation = protocol::Isolation::full;
  birth.cores = 4;
  birth.memory_mib = 256;
  birth.functions = traits_.functions;
  birth.benchmark_us = traits_.benchmark_us;
  birth.frames_endpoint = "127.0.0.1:4" + std::to_string(100 + traits_.number);
  birth.echo_endpoint = "127.0.0.1:5" + std::to_string(100 + traits_.number);
  birth.pid = 4242;
  return birth;
}

bool Agent::join() {
  io::MqttOptions options;
  options.endpoint = const_cast<Region&>(region_).broker().endpoint();
  options.client_id = "agent-" + std::to_string(traits_.number);
  options.will = io::MqttMessage{protocol::node_topic(region_name, id_, protocol::NodeTopic::birth),
                                 protocol::encode(protocol::Presence(protocol::Lost{incarnation_})), 1, true};
  options.subscriptions = {{protocol::node_topic(region_name, id_, protocol::NodeTopic::command), 1}};
  io::MqttCallbacks callbacks;
  callbacks.on_connected = [this] {
    publish(protocol::NodeTopic::birth, protocol::encode(protocol::Presence(birth())), true);
    connected_ = true;
  };
  callbacks.on_lost = [](const std::string&) {};
  callbacks.on_message = [this](io::MqttMessage&& message) { on_message(message); };
  auto link = io::MqttLink::start(loop_, std::move(options), std::move(callbacks));
  if (!link) return false;
  link_ = *std::move(link);
  return run_until(loop_, [this] { return connected_; }) && region_.wait_for_node(traits_.name, "present");
}

bool Agent::die() {
  io::MqttOptions options;
  options.endpoint = const_cast<Region&>(region_).broker().endpoint();
  options.client_id = "agent-" + std::to_string(traits_.number);
  bool cut = false;
  io::MqttCallbacks callbacks;
  callbacks.on_connected = [&cut] { cut = true; };
  callbacks.on_lost = [](const std::string&) {};
  callbacks.on_message = [](io::MqttMessage&&) {};
  const auto other = io::MqttLink::start(loop_, std::move(options), std::move(callbacks));
  const bool done = other && run_until(loop_, [&cut] { return cut; });
  link_.reset();
  return done;
}

void Agent::on_message(const io::MqttMessage& message) {
  const auto desired = protocol::decode_desired(message.payload);
  if (!desired) throw std::runtime_error("the coordinator sent what cannot be read: " + desired.error().text());
  desired_.push_back(*desired);
  for (const protocol::DesiredInstance& instance : desired->instances) {
    protocol::InstanceReport report;
    report.incarnation = incarnation_;
    report.instance = instance.instance;
    report.epoch = instance.epoch;
    report.state = takes_on_as;
    report.worker_pid = 777;
    report.isolation = protocol::Isolation::full;
    this->report(report);
  }
}

bool Agent::wait_for_desired(const std::function<bool(const protocol::Desired&)>& condition) {
  return run_until(loop_, [&] { return !desired_.empty() && condition(desired_.back()); });
}

void Agent::report(const protocol::InstanceReport& report) {
  publish(protocol::NodeTopic::event, protocol::encode(protocol::NodeEvent(report)));
}

void Agent::publish(protocol::NodeTopic kind, const std::vector<std::uint8_t>& bytes, bool retain) {
  const auto sent = link_->publish(protocol::node_topic(region_name, id_, kind), bytes, 1, retain);
  if (!sent) throw std::runtime_error(sent.error().text());
}

void Agent::beat() {
  protocol::Beat beat;
  beat.incarnation = incarnation_;
  beat.sequence = ++beats_;
  publish(protocol::NodeTopic::beat, protocol::encode(beat));
}

json task_request(const std::string& module) {
  return {{"spec",
           {{"name", "motion"},
            {"version", "0.1.0"},
            {"module", module},
            {"contract", {{"deadline_ms", 50}, {"rate_hz", 30}}},
            {"memory_mib", 16},
            {"functions", json::array()},
            {"input", {{"format", "grey8"}, {"width", 320}, {"height", 240}, {"max_bytes", 76800}}}}},
          {"frame_bytes", 76800}};
}

}  // namespace proxima::tests
