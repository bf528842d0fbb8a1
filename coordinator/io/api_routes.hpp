// The HTTP API of docs/api.md: reads requests, asks driver, stores and desk, writes answers. Owned by main; loop thread.
#pragma once

#include <cstdint>
#include <string>

#include "common/io/http_server.hpp"
#include "coordinator/io/coordinator_driver.hpp"

namespace proxima::coordinator {

class ApiRoutes {
 public:
  /// Registers every route. Server and driver outlive this, and this outlives the server's last callback.
  ApiRoutes(io::HttpServer& server, CoordinatorDriver& driver);
  ApiRoutes(const ApiRoutes&) = delete;
  ApiRoutes& operator=(const ApiRoutes&) = delete;

 private:
  using Serve = void (ApiRoutes::*)(const io::HttpRequest&, io::Responder&);
  struct Route {
    const char* method;
    const char* pattern;
    Serve serve;
    bool json_body;  ///< its body is JSON, and small
  };
  static const Route routes[];

  void serve(const Route& route, const io::HttpRequest& request, io::Responder responder);

  void get_region(const io::HttpRequest& request, io::Responder& responder);
  void get_nodes(const io::HttpRequest& request, io::Responder& responder);
  void get_tasks(const io::HttpRequest& request, io::Responder& responder);
  void get_task(const io::HttpRequest& request, io::Responder& responder);
  void get_explain(const io::HttpRequest& request, io::Responder& responder);
  void get_task_events(const io::HttpRequest& request, io::Responder& responder);
  void get_events(const io::HttpRequest& request, io::Responder& responder);
  void put_blob(const io::HttpRequest& request, io::Responder& responder);
  void get_blob(const io::HttpRequest& request, io::Responder& responder);
  void post_task(const io::HttpRequest& request, io::Responder& responder);
  void post_measurements(const io::HttpRequest& request, io::Responder& responder);
  void post_trials(const io::HttpRequest& request, io::Responder& responder);
  void post_takeover(const io::HttpRequest& request, io::Responder& responder);
  void post_standby_lost(const io::HttpRequest& request, io::Responder& responder);
  void post_report(const io::HttpRequest& request, io::Responder& responder);
  void delete_task(const io::HttpRequest& request, io::Responder& responder);
  void get_object(const io::HttpRequest& request, io::Responder& responder);
  void get_next_build(const io::HttpRequest& request, io::Responder& responder);
  void post_build(const io::HttpRequest& request, io::Responder& responder);

  CoordinatorDriver& driver_;
};

/// Why a browser's or a stranger's request is not served: the Host is not this machine's own name for itself (DNS
/// rebinding), or another site's page sent it. An empty text: it is served.
[[nodiscard]] std::string foreign_origin(const io::HttpRequest& request);

}  // namespace proxima::coordinator
