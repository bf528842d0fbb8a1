// proxima-netlab: puts distance between real processes, without privileges. The command line.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "sdk/netlab/exit_codes.hpp"
#include "sdk/netlab/io/control_client.hpp"
#include "sdk/netlab/io/sockets.hpp"
#include "sdk/netlab/serve.hpp"

namespace {

using namespace proxima;
using namespace proxima::netlab;

constexpr const char* examples = R"(Examples:
  proxima-netlab serve --lab lab.toml --socket /tmp/lab.sock
  proxima-netlab backend kitchen-router --frames 127.0.0.1:4711 --echo 127.0.0.1:4712
  proxima-netlab set idle-rig rtt_ms=80 rate_mbit=20
  proxima-netlab cut kitchen-router
  proxima-netlab cut kitchen-router --control
  proxima-netlab heal kitchen-router
  proxima-netlab status --json

Relays TCP and UDP between a client and nodes on this machine, and gives the packets delay, jitter, loss and rate as
the lab file says. Nobody needs privileges, and nobody is told: what passes simply takes that long.

Exit codes: 0 ok, 1 failed, 2 usage or bad file, 3 no lab is reachable.
)";

// What the verbs share: where the lab is, and how to answer.
struct Common {
  std::string socket;
  bool json = false;
};

int tell(const Error& error, bool as_json, const char* code, int exit_code) {
  if (as_json) {
    const nlohmann::json out{
        {"schema", "proxima/v1/netlab"},
        {"ok", false},
        {"error", {{"code", code}, {"what", error.what}, {"why", error.why}, {"hint", error.hint}}}};
    std::printf("%s\n", out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  } else {
    std::fprintf(stderr, "proxima-netlab: %s\n", error.text().c_str());
  }
  return exit_code;
}

std::string field_text(const nlohmann::json& node, const char* key) {
  const nlohmann::json& value = node.at(key);
  return value.is_string() ? value.get<std::string>() : value.dump();
}

void print_node(const nlohmann::json& node) {
  std::printf("%-32s %s ms ± %s, loss %s %%, %s Mbit/s%s%s\n", field_text(node, "name").c_str(),
              field_text(node, "rtt_ms").c_str(), field_text(node, "jitter_ms").c_str(),
              field_text(node, "loss_percent").c_str(), field_text(node, "rate_mbit").c_str(),
              node.at("cut").get<bool>() ? ", CUT" : "", node.at("control_cut").get<bool>() ? ", control CUT" : "");
  for (const auto& [label, way, target] : {std::tuple{"frames", "frames", "backend"}, std::tuple{"echo", "echo", "backend"},
                                           std::tuple{"api", "api", "target"}, std::tuple{"broker", "broker", "target"}}) {
    const nlohmann::json& to = node.at(target).at(way);
    std::printf("  %-8s %-22s -> %s\n", label, field_text(node, way).c_str(),
                to.is_null() ? "nowhere yet" : to.get<std::string>().c_str());
  }
}

int run_request(const Common& common, const Request& request) {
  const std::string socket = common.socket.empty() ? default_socket_path() : common.socket;
  const Result<nlohmann::json> answer = ask(socket, request);
  if (!answer) return tell(answer.error(), common.json, "unreachable", exit_unreachable);
  try {
    if (!answer->at("ok").get<bool>()) {
      const nlohmann::json& error = answer->at("error");
      const std::string code = error.at("code").get<std::string>();
      return tell({error.at("what").get<std::string>(), error.at("why").get<std::string>(),
                   error.at("hint").get<std::string>()},
                  common.json, code.c_str(), code == "usage" ? exit_usage : exit_failed);
    }
    if (common.json) {
      std::printf("%s\n", answer->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    } else {
      for (const nlohmann::json& node : answer->at("nodes")) print_node(node);
    }
    return exit_ok;
  } catch (const nlohmann::json::exception& error) {
    return tell({"cannot read the answer from '" + socket + "'", error.what(), "use the same build on both sides"},
                common.json, "failed", exit_failed);
  }
}

// Parses what the user wrote into requests; the command that was given sets `run`.
class CommandLine {
 public:
  CommandLine() {
    app_.require_subcommand(1);
    add_serve();
    add_backend();
    add_target();
    add_set();
    add_cut();
    add_heal();
    with_common(app_.add_subcommand("status", "show every node's link, endpoints and counters"))->callback([this] {
      finish(AskStatus{});
    });
  }

  int parse_and_run(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      return app_.exit(error) == 0 ? exit_ok : exit_usage;
    }
    return code_;
  }

 private:
  CLI::App* with_common(CLI::App* verb) {
    verb->add_option("--socket", common_.socket, "the lab's socket; default: the lab that runs");
    verb->add_flag("--json", common_.json, "answer as one JSON object");
    return verb;
  }

  void add_serve() {
    CLI::App* verb = with_common(app_.add_subcommand("serve", "open a lab's relays and keep them running"));
    verb->footer("Example: proxima-netlab serve --lab lab.toml --socket /tmp/lab.sock");
    verb->add_option("--lab", serve_.lab, "the lab file")->required();
    verb->add_option("--seed", serve_.seed, "decides jitter and loss");
    verb->add_option("--api", serve_.api, "where the coordinator's API listens, HOST:PORT");
    verb->add_option("--broker", serve_.broker, "where the broker listens, HOST:PORT");
    verb->callback([this] {
      serve_.socket = common_.socket.empty() ? default_socket_path() : common_.socket;
      code_ = serve(serve_);
    });
  }

  void add_backend() {
    CLI::App* verb = with_common(app_.add_subcommand("backend", "say where a node's agent listens now"));
    verb->footer("Example: proxima-netlab backend kitchen-router --frames 127.0.0.1:4711 --echo 127.0.0.1:4712");
    verb->add_option("node", backend_.node, "the node's name")->required();
    verb->add_option("--frames", backend_.frames, "its frames socket, HOST:PORT")->required();
    verb->add_option("--echo", backend_.echo, "its UDP echo, HOST:PORT")->required();
    verb->callback([this] { finish(backend_); });
  }

  void add_target() {
    CLI::App* verb = with_common(app_.add_subcommand("target", "say where the coordinator and the broker listen now"));
    verb->footer("Example: proxima-netlab target --api 127.0.0.1:8080 --broker 127.0.0.1:1883");
    verb->add_option("--api", target_.api, "the coordinator's API, HOST:PORT");
    verb->add_option("--broker", target_.broker, "the broker, HOST:PORT");
    verb->callback([this] { finish(target_); });
  }

  void add_set() {
    CLI::App* verb = with_common(app_.add_subcommand("set", "change a node's link, of open connections too"));
    verb->footer("Example: proxima-netlab set idle-rig rtt_ms=80 rate_mbit=20");
    verb->add_option("node", set_.node, "the node's name")->required();
    verb->add_option("changes", changes_, "rtt_ms=, jitter_ms=, loss_percent=, rate_mbit=")->required();
    verb->callback([this] {
      for (const std::string& text : changes_) {
        const Result<Change> change = parse_change(text);
        if (!change) {
          code_ = tell(change.error(), common_.json, "usage", exit_usage);
          return;
        }
        set_.changes.push_back(*change);
      }
      finish(set_);
    });
  }

  void add_cut() {
    CLI::App* verb = with_common(app_.add_subcommand("cut", "drop everything to and from a node, in silence"));
    verb->footer("Example: proxima-netlab cut kitchen-router --control");
    verb->add_option("node", cut_.node, "the node's name")->required();
    verb->add_flag("--control", cut_.control, "its links to broker and coordinator, not frames and echoes");
    verb->callback([this] { finish(cut_); });
  }

  void add_heal() {
    CLI::App* verb = with_common(app_.add_subcommand("heal", "end every cut of a node"));
    verb->footer("Example: proxima-netlab heal kitchen-router");
    verb->add_option("node", heal_.node, "the node's name")->required();
    verb->callback([this] { finish(heal_); });
  }

  void finish(const Request& request) { code_ = run_request(common_, request); }

  CLI::App app_{examples};
  Common common_;
  ServeOptions serve_;
  SetBackend backend_;
  SetTargets target_;
  SetShape set_;
  std::vector<std::string> changes_;
  Cut cut_;
  Heal heal_;
  int code_ = exit_ok;
};

}  // namespace

int main(int argc, char** argv) {
  CommandLine command_line;
  return command_line.parse_and_run(argc, argv);
}
