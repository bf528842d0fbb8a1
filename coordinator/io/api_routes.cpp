#include "coordinator/io/api_routes.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "common/io/digest.hpp"
#include "common/protocol/limits.hpp"

namespace proxima::coordinator {
namespace {

using io::HttpRequest;
using io::Responder;

constexpr int wait_s_max = 30;

void answer(Responder& responder, int status, std::string body) {
  responder.send({status, "application/json", std::move(body), {}});
}

void refuse(Responder& responder, int status, const Error& error) { answer(responder, status, error_body(error)); }

io::View bytes_of(const std::string& body) {
  return {reinterpret_cast<const std::uint8_t*>(body.data()), body.size()};
}

std::string header(const HttpRequest& request, const char* name) {
  const auto found = request.headers.find(name);
  return found == request.headers.end() ? std::string() : found->second;
}

// "application/json" of "application/json; charset=utf-8".
std::string media_type(const HttpRequest& request) {
  std::string type = header(request, "content-type");
  type.resize(std::min(type.size(), type.find_first_of("; \t")));
  for (char& c : type) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return type;
}

// Reads the id in the path; answers 400 and gives nullopt if it is none.
template <class Parse>
auto path_id(const HttpRequest& request, Responder& responder, const Parse& parse, const char* name, int digits)
    -> decltype(parse(std::string_view())) {
  auto id = parse(std::string_view(request.captures.at(0)));
  if (!id) {
    refuse(responder, 400, {"cannot read the path",
                            std::string(name) + ": must be " + std::to_string(digits) + " lower-case hexadecimal digits",
                            "take it from an answer of this API as it is"});
  }
  return id;
}

std::optional<TaskId> path_task(const HttpRequest& request, Responder& responder) {
  return path_id(request, responder, task_id_from, "task", 16);
}

std::optional<Digest> path_digest(const HttpRequest& request, Responder& responder) {
  return path_id(request, responder, digest_from, "digest", 64);
}

// wait_s of a long poll; answers 400 and gives nullopt if it is not a whole number of seconds in range.
std::optional<Duration> wait_of(const HttpRequest& request, Responder& responder) {
  const auto found = request.query.find("wait_s");
  if (found == request.query.end()) return Duration{};
  const std::string& text = found->second;
  int seconds = -1;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (code == std::errc{} && end == text.data() + text.size() && seconds >= 0 && seconds <= wait_s_max) {
    return Duration::seconds(seconds);
  }
  refuse(responder, 400, {"cannot read the query", "wait_s: must be a whole number from 0 to 30",
                          "ask again after that if it is not enough"});
  return std::nullopt;
}

Error unknown_task() { return {"there is no such task", "it never was, or it is over and forgotten", "see GET /v1/tasks"}; }

}  // namespace

std::string foreign_origin(const HttpRequest& request) {
  const std::string host = header(request, "host");
  const std::size_t colon = std::min(host.find(':'), host.size());
  const std::string name = host.substr(0, colon);
  // Any port: a relay in front of this server has its own.
  const bool port = host.find_first_not_of("0123456789", std::min(colon + 1, host.size())) == std::string::npos;
  if (!port || (name != "127.0.0.1" && name != "localhost")) return "Host: must be 127.0.0.1 or localhost";
  const std::string origin = header(request, "origin");
  if (!origin.empty() && origin != "http://" + host) return "Origin: another site's page may not ask";
  // A picture's or a link's request has no Origin, but a browser says whose page asked.
  const std::string site = header(request, "sec-fetch-site");
  if (!site.empty() && site != "same-origin" && site != "none") return "Sec-Fetch-Site: another site's page may not ask";
  return {};
}

const ApiRoutes::Route ApiRoutes::routes[] = {
    {"GET", "/v1/region", &ApiRoutes::get_region, false},
    {"GET", "/v1/nodes", &ApiRoutes::get_nodes, false},
    {"GET", "/v1/events", &ApiRoutes::get_events, false},
    {"GET", "/v1/tasks", &ApiRoutes::get_tasks, false},
    {"POST", "/v1/tasks", &ApiRoutes::post_task, true},
    {"GET", "/v1/tasks/{task}", &ApiRoutes::get_task, false},
    {"DELETE", "/v1/tasks/{task}", &ApiRoutes::delete_task, false},
    {"GET", "/v1/tasks/{task}/explain", &ApiRoutes::get_explain, false},
    {"GET", "/v1/tasks/{task}/events", &ApiRoutes::get_task_events, false},
    {"POST", "/v1/tasks/{task}/measurements", &ApiRoutes::post_measurements, true},
    {"POST", "/v1/tasks/{task}/trials", &ApiRoutes::post_trials, true},
    {"POST", "/v1/tasks/{task}/takeover", &ApiRoutes::post_takeover, true},
    {"POST", "/v1/tasks/{task}/standby-lost", &ApiRoutes::post_standby_lost, true},
    {"POST", "/v1/tasks/{task}/report", &ApiRoutes::post_report, true},
    {"PUT", "/v1/blobs/{digest}", &ApiRoutes::put_blob, false},
    {"GET", "/v1/blobs/{digest}", &ApiRoutes::get_blob, false},
    {"GET", "/v1/objects/{module}/{target}/{variant}", &ApiRoutes::get_object, false},
    {"GET", "/v1/builds/next", &ApiRoutes::get_next_build, false},
    {"POST", "/v1/builds/{build}", &ApiRoutes::post_build, false},
};

ApiRoutes::ApiRoutes(io::HttpServer& server, CoordinatorDriver& driver) : driver_(driver) {
  for (const Route& route : routes) {
    server.route(route.method, route.pattern, [this, &route](const HttpRequest& request, Responder responder) {
      serve(route, request, std::move(responder));
    });
  }
}

void ApiRoutes::serve(const Route& route, const HttpRequest& request, Responder responder) {
  if (const std::string foreign = foreign_origin(request); !foreign.empty()) {
    return refuse(responder, 403, {"the request is not served", foreign, "use the address that the coordinator printed"});
  }
  if (route.json_body) {
    if (media_type(request) != "application/json") {
      return refuse(responder, 415, {"cannot read the body", "Content-Type: must be application/json", "send JSON, and say so in that header"});
    }
    if (request.body.size() > json_body_bytes) {
      return refuse(responder, 413, {"cannot read the body",
                                     "it has more than " + std::to_string(json_body_bytes) + " bytes",
                                     "send less; modules go to /v1/blobs/SHA256"});
    }
  }
  (this->*route.serve)(request, responder);
}

void ApiRoutes::get_region(const HttpRequest&, Responder& responder) {
  answer(responder, 200, region_body(driver_.summary()));
}

void ApiRoutes::get_nodes(const HttpRequest&, Responder& responder) {
  answer(responder, 200, nodes_body(driver_.core().nodes(), io::Loop::now()));
}

void ApiRoutes::get_tasks(const HttpRequest&, Responder& responder) {
  answer(responder, 200, tasks_body(driver_.core().tasks(), driver_.name_of(), io::Loop::now()));
}

void ApiRoutes::get_task(const HttpRequest& request, Responder& responder) {
  const auto id = path_task(request, responder);
  if (!id) return;
  const auto task = driver_.core().task(*id);
  if (!task) return refuse(responder, 404, unknown_task());
  answer(responder, 200, task_body(*task, driver_.name_of(), io::Loop::now()));
}

void ApiRoutes::get_explain(const HttpRequest& request, Responder& responder) {
  const auto id = path_task(request, responder);
  if (!id) return;
  const auto task = driver_.core().task(*id);
  const auto decision = driver_.core().explain(*id);
  if (!task || !decision) return refuse(responder, 404, unknown_task());
  answer(responder, 200, explain_body(*task, *decision, driver_.name_of()));
}

void ApiRoutes::get_task_events(const HttpRequest& request, Responder& responder) {
  const auto id = path_task(request, responder);
  if (!id) return;
  if (!driver_.core().task(*id)) return refuse(responder, 404, unknown_task());
  driver_.changes().watch_task(*id, responder.stream());
}

void ApiRoutes::get_events(const HttpRequest&, Responder& responder) {
  driver_.changes().watch_region(responder.stream());
}

void ApiRoutes::put_blob(const HttpRequest& request, Responder& responder) {
  const auto digest = path_digest(request, responder);
  if (!digest) return;
  if (request.body.empty() || request.body.size() > limits::module_bytes) {
    return refuse(responder, request.body.empty() ? 400 : 413,
                  {"cannot keep the blob", "the body has " + std::to_string(request.body.size()) + " bytes",
                   "a blob has 1 to " + std::to_string(limits::module_bytes) + " bytes"});
  }
  if (io::sha256(bytes_of(request.body)) != *digest) {
    return refuse(responder, 400, {"cannot keep the blob", "the body's SHA-256 is not the digest in the path",
                                   "send exactly the bytes whose digest is in the path"});
  }
  const auto kept = driver_.blobs().put(*digest, bytes_of(request.body),
                                        [this](const Digest& other) { return driver_.in_use(other); });
  if (!kept) return refuse(responder, 507, kept.error());
  driver_.builds().forget_failures(*digest);
  answer(responder, *kept == BlobStore::Put::created ? 201 : 200, blob_body(*digest, request.body.size()));
}

void ApiRoutes::get_blob(const HttpRequest& request, Responder& responder) {
  const auto digest = path_digest(request, responder);
  if (!digest) return;
  const auto blob = driver_.blobs().get(*digest);
  if (!blob) return refuse(responder, 404, blob.error());
  responder.send({200, "application/octet-stream", std::string(blob->begin(), blob->end()),
                  {{"X-Proxima-Digest", to_text(*digest)}}});
}

void ApiRoutes::post_task(const HttpRequest& request, Responder& responder) {
  Result<TaskRequested> wanted = read_task_request(request.body);
  if (!wanted) return refuse(responder, 400, wanted.error());
  const std::string module = to_text(wanted->spec.module);
  if (!driver_.blobs().has(wanted->spec.module)) {
    return refuse(responder, 409, {"cannot take the task", "spec.module: " + module + " is not here",
                                   "PUT it to /v1/blobs/" + module + " first"});
  }
  driver_.ask(
      [&wanted](RequestId id) {
        wanted->request = id;
        return Event(*std::move(wanted));
      },
      std::move(responder));
}

void ApiRoutes::post_measurements(const HttpRequest& request, Responder& responder) {
  const auto task = path_task(request, responder);
  if (!task) return;
  const auto nodes = read_measurements(request.body);
  if (!nodes) return refuse(responder, 400, nodes.error());
  driver_.ask([&](RequestId id) { return Event(MeasurementsReported{id, *task, *nodes}); }, std::move(responder));
}

void ApiRoutes::post_trials(const HttpRequest& request, Responder& responder) {
  const auto task = path_task(request, responder);
  if (!task) return;
  const auto trials = read_trials(request.body);
  if (!trials) return refuse(responder, 400, trials.error());
  driver_.ask([&](RequestId id) { return Event(TrialsReported{id, *task, *trials}); }, std::move(responder));
}

void ApiRoutes::post_takeover(const HttpRequest& request, Responder& responder) {
  const auto task = path_task(request, responder);
  if (!task) return;
  const auto takeover = read_takeover(request.body);
  if (!takeover) return refuse(responder, 400, takeover.error());
  driver_.ask([&](RequestId id) { return Event(TakeoverReported{id, *task, takeover->to, takeover->reason}); },
              std::move(responder));
}

void ApiRoutes::post_standby_lost(const HttpRequest& request, Responder& responder) {
  const auto task = path_task(request, responder);
  if (!task) return;
  const auto lost = read_standby_lost(request.body);
  if (!lost) return refuse(responder, 400, lost.error());
  driver_.ask([&](RequestId id) { return Event(StandbyLost{id, *task, lost->epoch}); }, std::move(responder));
}

void ApiRoutes::post_report(const HttpRequest& request, Responder& responder) {
  const auto task = path_task(request, responder);
  if (!task) return;
  auto report = read_report(request.body);
  if (!report) return refuse(responder, 400, report.error());
  driver_.ask(
      [&](RequestId id) {
        report->request = id;
        report->task = *task;
        return Event(*report);
      },
      std::move(responder));
}

void ApiRoutes::delete_task(const HttpRequest& request, Responder& responder) {
  const auto task = path_task(request, responder);
  if (!task) return;
  driver_.ask([&](RequestId id) { return Event(StopRequested{id, *task, "stopped on request"}); }, std::move(responder));
}

void ApiRoutes::get_object(const HttpRequest& request, Responder& responder) {
  const auto module = path_id(request, responder, digest_from, "module", 64);
  if (!module) return;
  for (const std::size_t part : {1, 2}) {
    if (is_target(request.captures.at(part))) continue;
    return refuse(responder, 400, {"cannot read the path",
                                   std::string(part == 1 ? "target" : "variant") + ": must be 1 to 32 of a-z, 0-9, '_', '-'",
                                   "like x86_64-linux-gnu and scalar"});
  }
  const auto wait = wait_of(request, responder);
  if (!wait) return;
  driver_.builds().fetch({*module, request.captures.at(1), request.captures.at(2)}, *wait, std::move(responder));
}

void ApiRoutes::get_next_build(const HttpRequest& request, Responder& responder) {
  const auto wait = wait_of(request, responder);
  if (!wait) return;
  if (request.method != "GET") return refuse(responder, 405, {"the request is not served", "only GET takes a job", ""});
  driver_.builds().next(*wait, std::move(responder));
}

void ApiRoutes::post_build(const HttpRequest& request, Responder& responder) {
  const auto build = path_id(request, responder, task_id_from, "build", 16);
  if (!build) return;
  if (media_type(request) != "application/json") {
    return driver_.builds().built(build->value, bytes_of(request.body), header(request, "x-proxima-digest"),
                                  std::move(responder));
  }
  const auto reason = read_build_error(request.body);
  if (!reason) return refuse(responder, 400, reason.error());
  driver_.builds().failed(build->value, *reason, std::move(responder));
}

}  // namespace proxima::coordinator
