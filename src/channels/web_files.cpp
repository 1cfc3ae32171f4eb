// SPDX-License-Identifier: MIT
#include "channels/web_files.hpp"

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "bridge/channels/channels.hpp"
#include "channels/reply.hpp"

namespace bridge::channels {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFiles = 2'000;

constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kTypes{{
    {".html", "text/html; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".json", "application/json"},
    {".map", "application/json"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".ico", "image/x-icon"},
    {".woff2", "font/woff2"},
    {".webp", "image/webp"},
    {".txt", "text/plain; charset=utf-8"},
}};

std::string_view type_of(const fs::path& file) {
  const std::string extension = file.extension().string();
  for (const auto& [suffix, type] : kTypes)
    if (suffix == extension) return type;
  return {};
}

bool is_hidden(const fs::path& relative) {
  for (const fs::path& part : relative) {
    const std::string name = part.string();
    if (name.starts_with('.') || name == "node_modules") return true;
  }
  return false;
}

}  // namespace

WebFiles::WebFiles(const std::string& folder) {
  std::error_code failed;
  if (folder.empty() || !fs::is_directory(folder, failed)) return;
  for (auto it = fs::recursive_directory_iterator(folder, failed);
       it != fs::recursive_directory_iterator(); it.increment(failed)) {
    if (failed || files_.size() >= kMaxFiles) break;
    const fs::path relative = it->path().lexically_relative(folder);
    if (is_hidden(relative)) {
      if (it->is_directory(failed)) it.disable_recursion_pending();
      continue;
    }
    if (it->is_regular_file(failed) && !type_of(it->path()).empty())
      files_.emplace("/" + relative.generic_string(), it->path().string());
  }
  // The page of an old installation is called intranet.html.
  for (const std::string_view index : {"/index.html", "/intranet.html"})
    if (const auto page = files_.find(index); page != files_.end())
      files_.emplace("/", page->second);
}

Result<net::Response> WebFiles::get(const std::string& path) const {
  const auto found = files_.find(path);
  if (found == files_.end()) return Error(Errc::not_found, "no such page");
  std::ifstream file(found->second, std::ios::binary);
  if (!file) return Error(Errc::not_found, "no such page");
  std::string content((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  net::Response response = net::text_response(200, std::move(content), type_of(found->second));
  const bool vendored = path.starts_with("/vendor/");
  response.headers.set("Cache-Control",
                       vendored ? "public, max-age=31536000, immutable" : "no-store");
  return response;
}

namespace {

Task<net::Response> serve(const WebFiles& files, Logger& logger, net::Request& request) {
  if (request.method == net::Method::get || request.method == net::Method::head) {
    auto found = files.get(request.path);
    if (found) co_return *found;
  }
  Refusal refusal(404, "not_found");
  refusal.detail = "no such path";
  co_return refuse(logger, request, refusal);
}

}  // namespace

void Channels::mount_web_files(net::Router& router) {
  // Whatever no route answers may be a file.
  router.set_not_found([this](net::Request& request) { return serve(*files_, logger_, request); });
}

}  // namespace bridge::channels
