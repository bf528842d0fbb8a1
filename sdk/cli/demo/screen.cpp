// The demo's closing screen.
#include <cstdio>

#include "sdk/cli/demo/report.hpp"

namespace proxima::demo {
namespace {

using nlohmann::json;

std::string ms(const json& value) {
  if (!value.is_number()) return "-";
  char text[32];
  const double number = value.get<double>();
  std::snprintf(text, sizeof text, number < 10 ? "%.2f" : "%.1f", number);
  return text;
}

std::string cell(std::string text, std::size_t width, bool right = true) {
  if (text.size() >= width) return text;
  const std::string pad(width - text.size(), ' ');
  return right ? pad + text : text + pad;
}

std::string reason(const json& blocked) {
  std::string out;
  for (const json& one : blocked) {
    if (!out.empty()) out += "; ";
    const auto text = [](const json& value) {
      return value.is_string() ? value.get<std::string>() : value.is_null() ? "none" : ms(value);
    };
    out += one.at("what").get<std::string>() + ": needs " + text(one.at("needed")) + ", has " + text(one.at("had"));
  }
  return out;
}

std::string candidate_line(const json& task, const json& one) {
  const json& terms = one.at("terms_ms");
  const std::string name = one.at("node").get<std::string>();
  std::string line = "    " + cell(name, 18, false);
  line += cell(ms(terms.is_null() ? one.at("rtt_ms") : terms.at("rtt")), 8);
  for (const char* term : {"transfer", "queue", "service"}) line += cell(terms.is_null() ? "-" : ms(terms.at(term)), 10);
  line += cell(ms(one.at("predicted_ms")), 10) + "  ";
  if (task.at("placed_on") == name) return line + "<- chosen\n";
  if (task.at("standby") == name) return line + "<- stands by\n";
  return line + (one.at("feasible") == true ? "would do" : reason(one.at("blocked"))) + "\n";
}

std::string task_lines(const json& task) {
  std::string out = "\n  " + task.at("task").get<std::string>() + ", an answer within " + ms(task.at("deadline_ms")) + " ms: ";
  out += task.at("placed_on").is_null() ? "cannot be placed" : "placed on " + task.at("placed_on").get<std::string>();
  out += "\n    " + cell("device", 18, false) + cell("travel", 8) + cell("send", 10) + cell("wait", 10) + cell("compute", 10) + cell("total ms", 10) + "\n";
  for (const json& one : task.at("candidates")) out += candidate_line(task, one);
  if (task.at("placed_on").is_null()) return out;
  const json& e2e = task.at("e2e_ms");
  out += "    measured: " + std::to_string(task.at("results").get<std::int64_t>()) + " answers to " +
         std::to_string(task.at("frames_sent").get<std::int64_t>()) + " frames";
  if (!e2e.is_null()) out += ", half within " + ms(e2e.at("p50")) + " ms, 99 % within " + ms(e2e.at("p99")) + " ms";
  if (!task.at("cloud_e2e_ms").is_null()) out += "; the cloud node: " + ms(task["cloud_e2e_ms"].at("p50")) + " ms";
  out += "\n    " + std::to_string(task.at("items").get<std::int64_t>()) + " boxes found; lost " + task.at("lost").dump() + ", late and dropped " +
         task.at("dropped_late").dump() + ", twice " + task.at("duplicates").dump() + ", refused from an old epoch " + task.at("stale_refused").dump() + "\n";
  return out;
}

std::string fault_line(const json& fault) {
  const double seconds = fault.at("t_ms").get<double>() / 1000;
  char when[32];
  std::snprintf(when, sizeof when, "%5.1f s  ", seconds);
  std::string line = "    " + std::string(when) + fault.at("target").get<std::string>() +
                     (fault.at("what") == "node" ? " killed" : " silent (stopped for 5 s)");
  if (fault.at("task").is_null()) return line + ": no stream was there\n";
  line += ": " + fault["task"].get<std::string>() + " went on at " + (fault.at("moved_to").is_null() ? "nowhere" : fault["moved_to"].get<std::string>());
  return line + ", gap " + ms(fault.at("gap_ms")) + " ms, frames lost " + fault.at("frames_lost").dump() + "\n";
}

}  // namespace

std::string screen(const json& demo, const std::string& report_path) {
  const json& source = demo.at("source");
  std::string out = "\n  " + source.at("name").get<std::string>() + ", " + source.at("width").dump() + "x" + source.at("height").dump() + ", streamed for " +
                    ms(demo.at("seconds")) + " s to the nearest devices that keep the promise\n";
  for (const json& task : demo.at("tasks")) out += task_lines(task);
  if (!demo.at("faults").empty()) {
    out += "\n  taken away meanwhile\n";
    for (const json& fault : demo["faults"]) out += fault_line(fault);
  }
  std::size_t passed = 0;
  for (const json& check : demo.at("checks")) {
    if (check.at("ok") == true) ++passed;
    else out += "\n  CHECK FAILED  " + check.at("name").get<std::string>() + ": had " + check.at("had").dump() + ", needed " + check.at("needed").dump();
  }
  out += "\n  " + std::to_string(passed) + " of " + std::to_string(demo["checks"].size()) + " checks passed: " + (demo.at("ok") == true ? "ok" : "NOT ok") +
         "\n  the page: " + report_path + "\n";
  return out;
}

}  // namespace proxima::demo
