#include "sdk/src/api_client.hpp"

#include <utility>

#include "sdk/src/api_json.hpp"

namespace proxima::client {

namespace {

Problem unexpected(const std::string& asked) {
  return {ProblemKind::failed, "cannot read the coordinator's answer to " + asked, "it is not what docs/api.md says",
          "are client and coordinator of one version?"};
}

std::string task_path(const std::string& task, const char* rest = "") { return "/v1/tasks/" + task + rest; }

}  // namespace

Expected<std::string> ApiClient::body_of(Result<io::HttpAnswer> answer, const std::string& asked) {
  if (!answer)
    return Problem{ProblemKind::unreachable, "cannot reach the coordinator at " + base_, answer.error().why.empty()
                       ? answer.error().what : answer.error().why, "is it running? `proxima up` starts a region"};
  if (answer->status >= 200 && answer->status < 300) return std::move(answer->body);
  Problem problem{ProblemKind::failed, "the coordinator refused " + asked,
                  "status " + std::to_string(answer->status), ""};
  const std::optional<Json> body = parse_object(answer->body);
  if (body && body->contains("error") && (*body)["error"].is_object()) {
    const Json& error = (*body)["error"];
    if (std::string what = text_of(error, "what"); !what.empty()) problem.what = std::move(what);
    problem.why = text_of(error, "why");
    problem.hint = text_of(error, "hint");
    if (answer->status == 400 || answer->status == 404) problem.kind = ProblemKind::usage;
    if (answer->status == 504) problem.kind = ProblemKind::timed_out;
  } else {
    problem.hint = "is it a Proxima coordinator that answers at " + base_ + "?";
  }
  return problem;
}

Expected<TaskInfo> task_from_json(const std::string& text) {
  const std::optional<Json> body = parse_object(text);
  std::optional<TaskInfo> task = body ? task_from(*body) : std::nullopt;
  if (!task) return unexpected("a question about a task");
  return std::move(*task);
}

Expected<TaskInfo> ApiClient::task_of(Expected<std::string> body) {
  if (!body) return body.error();
  return task_from_json(*body);
}

Expected<std::string> ApiClient::get(const std::string& path) { return body_of(http_.get(path), "GET " + path); }

Expected<Done> ApiClient::put_blob(const Digest& digest, const std::vector<std::uint8_t>& bytes) {
  const std::string body(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  auto answer = body_of(http_.put("/v1/blobs/" + to_text(digest), body, "application/octet-stream"), "the module");
  if (!answer) return answer.error();
  return Done{};
}

Expected<Accepted> ApiClient::request_task(const TaskRequest& request) {
  auto answer = body_of(http_.post("/v1/tasks", write(to_json(request))), "the task");
  if (!answer) return answer.error();
  const std::optional<Json> body = parse_object(*answer);
  if (!body || text_of(*body, "task").empty()) return unexpected("the task");
  Accepted out;
  out.task = text_of(*body, "task");
  for (const Json& target : list_of(*body, "targets")) {
    if (!target.is_object()) continue;
    out.targets.push_back({text_of(target, "node"), text_of(target, "name"), text_of(target, "frames"),
                           text_of(target, "echo"), flag_of(target, "transfer_useful")});
  }
  return out;
}

Expected<std::vector<GrantInfo>> ApiClient::report_measurements(const std::string& task,
                                                                const std::vector<Measurement>& nodes) {
  Json list = Json::array();
  for (const Measurement& node : nodes) list.push_back(to_json(node));
  auto answer = body_of(http_.post(task_path(task, "/measurements"), write(Json{{"nodes", list}})), "the measurements");
  if (!answer) return answer.error();
  const std::optional<Json> body = parse_object(*answer);
  if (!body) return unexpected("the measurements");
  std::vector<GrantInfo> out;
  for (const Json& value : list_of(*body, "trials")) {
    std::optional<GrantInfo> grant = grant_from(value);
    if (!grant) return unexpected("the measurements");
    out.push_back(std::move(*grant));
  }
  return out;
}

Expected<TaskInfo> ApiClient::report_trials(const std::string& task, const std::vector<Trial>& trials) {
  Json list = Json::array();
  for (const Trial& trial : trials) list.push_back(to_json(trial));
  return task_of(body_of(http_.post(task_path(task, "/trials"), write(Json{{"trials", list}})), "the trials"));
}

Expected<TaskInfo> ApiClient::task(const std::string& task) {
  return task_of(body_of(http_.get(task_path(task)), "a question about task " + task));
}

Expected<TaskInfo> ApiClient::report_takeover(const std::string& task, Epoch epoch, const std::string& reason) {
  const Json body{{"epoch", epoch.value}, {"reason", reason}};
  return task_of(body_of(http_.post(task_path(task, "/takeover"), write(body)), "the takeover"));
}

Expected<TaskInfo> ApiClient::report_standby_lost(const std::string& task, Epoch epoch) {
  return task_of(body_of(http_.post(task_path(task, "/standby-lost"), write(Json{{"epoch", epoch.value}})),
                         "the lost standby"));
}

Expected<TaskInfo> ApiClient::report(const std::string& task, const Report& report) {
  const Json body{{"frames", report.frames},
                  {"late", report.late},
                  {"e2e_p50_ms", report.e2e_p50_ms},
                  {"e2e_p95_ms", report.e2e_p95_ms},
                  {"network_p50_ms", report.network_p50_ms}};
  return task_of(body_of(http_.post(task_path(task, "/report"), write(body)), "the report"));
}

Expected<TaskInfo> ApiClient::stop(const std::string& task) {
  return task_of(body_of(http_.remove(task_path(task)), "to stop task " + task));
}

Expected<Done> ApiClient::watch(const std::string& task, const std::function<bool(const TaskInfo&)>& on_task) {
  const Result<void> ended = http_.events(task_path(task, "/events"), [&](const io::HttpEvent& event) {
    if (event.event != "task") return true;
    const Expected<TaskInfo> info = task_from_json(std::string(event.data));
    return info ? on_task(*info) : true;  // one that cannot be read is skipped: the next one tells all again
  });
  if (!ended) return Problem{ProblemKind::unreachable, ended.error().what, ended.error().why, ended.error().hint};
  return Done{};
}

}  // namespace proxima::client
