// SPDX-License-Identifier: MIT
// Static files: only those that were there at start, and nothing beside them.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "front.hpp"

namespace bridge::channels {
namespace {

namespace fs = std::filesystem;

/// A web folder inside another folder, removed again.
class WebFolder {
 public:
  WebFolder() {
    std::string pattern = (fs::temp_directory_path() / "web-files-XXXXXX").string();
    base_ = mkdtemp(pattern.data());
    write("../secret.html", "canary outside");
    for (const char* file :
         {"index.html", "chat.js", "style.css", "vendor/lib.js", "deep/er/page.html", ".env.html",
          ".hidden/page.html", "node_modules/x/index.js", "notes.md", "script.sh", "no_extension"})
      write(file, std::string("content of ") + file);
    std::error_code ignored;
    fs::create_symlink(base_ / "gone.html", folder() / "dangling.html", ignored);
    fs::create_directory_symlink(base_, folder() / "up", ignored);
  }
  WebFolder(const WebFolder&) = delete;
  WebFolder& operator=(const WebFolder&) = delete;
  ~WebFolder() {
    std::error_code ignored;
    fs::remove_all(base_, ignored);
  }
  fs::path folder() const { return base_ / "web"; }
  void write(const std::string& name, const std::string& content) const {
    const fs::path file = (folder() / name).lexically_normal();
    fs::create_directories(file.parent_path());
    std::ofstream(file) << content;
  }

 private:
  fs::path base_;
};

Options with_files(const WebFolder& web) {
  Options options = Front::usual();
  options.web_dir = web.folder().string();
  return options;
}

TEST(WebFiles, AreServedWithTheirType) {
  const WebFolder web;
  Front front(with_files(web));
  for (const auto& [path, file, type] :
       std::vector<std::tuple<std::string, std::string, std::string>>{
           {"/", "index.html", "text/html; charset=utf-8"},
           {"/index.html", "index.html", "text/html; charset=utf-8"},
           {"/index.html?v=1", "index.html", "text/html; charset=utf-8"},
           {"/chat.js", "chat.js", "text/javascript; charset=utf-8"},
           {"/style.css", "style.css", "text/css; charset=utf-8"},
           {"/deep/er/page.html", "deep/er/page.html", "text/html; charset=utf-8"}}) {
    const Answer answer = front.ask(get(path));
    EXPECT_EQ(answer.status, 200u) << path;
    EXPECT_EQ(answer.text, "content of " + file);
    EXPECT_EQ(answer.headers.get("Content-Type"), type);
    EXPECT_EQ(answer.headers.get("Cache-Control"), "no-store");
    EXPECT_EQ(answer.headers.get("X-Content-Type-Options"), "nosniff");
  }
  EXPECT_EQ(front.ask(Call(net::Method::head, "/chat.js")).status, 200u);
}

TEST(WebFiles, VendorFilesLiveLong) {
  const WebFolder web;
  Front front(with_files(web));
  const Answer answer = front.ask(get("/vendor/lib.js"));
  EXPECT_EQ(answer.status, 200u);
  EXPECT_NE(answer.headers.get("Cache-Control").find("immutable"), std::string_view::npos);
}

TEST(WebFiles, NothingElseIsServed) {
  const WebFolder web;
  Front front(with_files(web));
  for (const char* path : {"/../secret.html",
                           "/%2e%2e/secret.html",
                           "/..%2fsecret.html",
                           "/deep/../../secret.html",
                           "//secret.html",
                           "/.%2e/secret.html",
                           "/deep/..%5c..%5csecret.html",
                           "/%2e%2e%2fsecret.html",
                           "/index.html/../../secret.html",
                           "/.env.html",
                           "/%2eenv.html",
                           "/.hidden/page.html",
                           "/node_modules/x/index.js",
                           "/notes.md",
                           "/script.sh",
                           "/no_extension",
                           "/deep",
                           "/deep/",
                           "/deep/er",
                           "/vendor/",
                           "/up/secret.html",
                           "/dangling.html",
                           "/index.html%00.js",
                           "/INDEX.HTML",
                           "/index.html/",
                           "//index.html",
                           "/%zz",
                           "/missing.html"}) {
    const Answer answer = front.ask(get(path));
    EXPECT_EQ(answer.status, 404u) << path << " " << answer.text;
    EXPECT_EQ(answer["error"], "not_found");
    EXPECT_EQ(answer.text.find("content of"), std::string::npos);
    EXPECT_EQ(answer.text.find("canary"), std::string::npos);
  }
  EXPECT_EQ(front.ask(post("/index.html")).status, 404u) << "files are read";
}

TEST(WebFiles, AnEditedPageShowsAtOnceAndADeletedOneIsGone) {
  const WebFolder web;
  Front front(with_files(web));
  web.write("index.html", "edited");
  EXPECT_EQ(front.ask(get("/")).text, "edited");
  fs::remove(web.folder() / "index.html");
  EXPECT_EQ(front.ask(get("/")).status, 404u);
}

TEST(WebFiles, APageOfAnOldInstallationIsTheStartPage) {
  const WebFolder web;
  fs::remove(web.folder() / "index.html");
  web.write("intranet.html", "old page");
  Front front(with_files(web));
  EXPECT_EQ(front.ask(get("/")).text, "old page");
}

TEST(WebFiles, AMissingFolderServesNothing) {
  for (const char* folder : {"", "no/such/folder"}) {
    Options options = Front::usual();
    options.web_dir = folder;
    Front front(std::move(options));
    EXPECT_EQ(front.ask(get("/")).status, 404u);
    EXPECT_EQ(front.ask(get("/healthz")).status, 200u);
  }
}

}  // namespace
}  // namespace bridge::channels
