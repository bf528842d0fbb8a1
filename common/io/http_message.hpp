// What is asked of an HTTP server and what it answers. Values; any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.hpp"
#include "common/io/address.hpp"

namespace proxima::io {

struct HttpRequest {
  std::string method;                              ///< "GET"
  std::string path;                                ///< decoded, without the query: "/v1/tasks/motion"
  std::vector<std::string> captures;               ///< decoded, what the pattern's {…} stand for, in order
  std::map<std::string, std::string> query;        ///< decoded; the last of equal names
  std::map<std::string, std::string> headers;      ///< names in lower case
  std::string body;
  Address remote;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

/// `text` as it stands between the quotes of a JSON string; bytes that are no UTF-8 become U+FFFD.
[[nodiscard]] std::string json_escaped(std::string_view text);

/// {"schema":"proxima/v1/error","error":{"what":…,"why":…,"hint":…}} with this status.
[[nodiscard]] HttpResponse error_response(int status, const Error& error);

}  // namespace proxima::io
