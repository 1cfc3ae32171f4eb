// SPDX-License-Identifier: MIT
// /copilot/: the window of somebody who talks with the stand-in assistant, and a panel to spoil its
// signed addresses. Embedded, because the sandbox is one program; looks like web/chat.css.
#include "sandbox/copilot/copilot.hpp"

namespace bridge::sandbox::copilot {
namespace {

constexpr std::string_view kHtml = R"page(<!doctype html>
<!-- SPDX-License-Identifier: MIT -->
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>Assistant (sandbox)</title>
  <link rel="icon" href="data:,">
  <link rel="stylesheet" href="page.css">
  <script type="module" src="page.mjs"></script>
</head>
<body>
  <main>
    <section class="chat" aria-label="Conversation">
      <header>
        <h1>Assistant</h1>
        <p id="status" role="status">No conversation yet.</p>
      </header>
      <div id="log" role="log" aria-live="polite" aria-label="Messages" tabindex="0">
        <ol id="messages"></ol>
        <p id="typing" hidden>The agent is typing…</p>
      </div>
      <p id="problem" class="bar" role="alert" hidden></p>
      <form id="composer" aria-label="Write a message">
        <label for="text" class="unseen">Message</label>
        <input id="text" maxlength="8000" autocomplete="off" placeholder="Write a message" disabled>
        <button type="submit" disabled>Send</button>
      </form>
    </section>

    <section class="panel" aria-label="Settings">
      <form id="start">
        <h2>Conversation</h2>
        <label>Channel
          <select name="channel">
            <option value="pva-studio">Test pane (pva-studio)</option>
            <option value="msteams">Teams (msteams)</option>
            <option value="webchat">Web chat (webchat)</option>
          </select>
        </label>
        <label>Replies
          <select name="delivery_mode">
            <option value="normal">posted to the signed address</option>
            <option value="expectReplies">expected in the answer</option>
            <option value="stream">streamed in the answer</option>
          </select>
        </label>
        <label>Name <input name="user_name" value="Abel Tuter" maxlength="200"></label>
        <label>E-mail <input name="user_email" type="email" maxlength="320"></label>
        <button type="submit">Start</button>
        <button type="button" id="leave" class="quiet" disabled>Assistant takes over</button>
      </form>

      <form id="faults">
        <h2>Signed address</h2>
        <p class="note" id="faults-state" role="status"></p>
        <button type="button" data-fault='{"callback":{"mode":"expire"}}'>Expire it now</button>
        <button type="button" data-fault='{"rotate":"each_turn","old_urls":"expired"}'>New one each turn, old one dies</button>
        <button type="button" data-fault='{"rotate":"keep"}'>Keep one</button>
        <button type="button" data-fault='{"callback":{"mode":"refuse","count":3}}'>Refuse the next 3</button>
        <button type="button" data-fault='{"callback":{"mode":"hang","count":1,"value":30}}'>Hang the next one</button>
        <button type="button" data-fault='{"callback":{"mode":"status","value":503,"count":3}}'>503 for the next 3</button>
        <button type="button" data-fault='{"callback":{"mode":"accept_then_drop","count":1}}'>Take the next one, do not answer</button>
        <h2>Turns</h2>
        <button type="button" data-fault='{"redeliver":{"twice":"after"}}'>Deliver each turn twice</button>
        <button type="button" data-fault='{"redeliver":{"forget_answers":1}}'>Lose the next answer</button>
        <button type="button" class="quiet" id="heal">Nothing goes wrong</button>
      </form>

      <div>
        <h2>Protocol errors</h2>
        <ul id="errors" aria-live="polite"></ul>
      </div>
    </section>
  </main>
</body>
</html>
)page";

constexpr std::string_view kCss = R"page(/* SPDX-License-Identifier: MIT */
:root {
  color-scheme: light dark;
  --page: #eef1f5; --card: #ffffff; --text: #1b2430; --muted: #5a6675; --line: #d9dfe7;
  --edge: #8a96a5; --accent: #1f5fbf; --accent-text: #ffffff; --theirs: #edf0f4;
  --agent: #e2f3e9; --warn: #9a3412; --warn-page: #fff3e8; --radius: 14px;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f141a; --card: #171e27; --text: #e6ebf1; --muted: #9aa7b6; --line: #2b3542;
    --edge: #66758a; --accent: #5b9bf3; --accent-text: #0b1420; --theirs: #232d3a;
    --agent: #1c3a2a; --warn: #ffb38a; --warn-page: #35231a;
  }
}
*, *::before, *::after { box-sizing: border-box; }
[hidden] { display: none !important; }
html, body { height: 100%; margin: 0; }
body {
  background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif;
}
main {
  display: grid; grid-template-columns: minmax(0, 1fr) 20rem; gap: 1.5rem;
  max-width: 72rem; height: 100dvh; margin: 0 auto; padding: 1.5rem;
}
.chat, .panel {
  background: var(--card); border: 1px solid var(--line); border-radius: var(--radius);
  overflow: hidden;
}
.chat { display: flex; flex-direction: column; }
.panel { overflow-y: auto; padding: 0 1rem 1rem; }
header { padding: 0.8rem 1rem; border-bottom: 1px solid var(--line); }
h1 { margin: 0; font-size: 1.05rem; line-height: 1.3; }
h2 { margin: 1rem 0 0.4rem; font-size: 0.95rem; }
#status, .note { margin: 0.1rem 0 0; color: var(--muted); font-size: 0.9rem; overflow-wrap: anywhere; }
#log { flex: 1 1 0; overflow-y: auto; padding: 1rem; }
#messages { display: flex; flex-direction: column; gap: 0.5rem; margin: 0; padding: 0; list-style: none; }
#messages li { max-width: min(85%, 34rem); align-self: flex-start; }
#messages .user { align-self: flex-end; text-align: right; }
.who { display: block; margin: 0 0.2rem 0.15rem; color: var(--muted); font-size: 0.8rem; }
.text {
  display: inline-block; max-width: 100%; padding: 0.5rem 0.8rem; border-radius: var(--radius);
  background: var(--theirs); text-align: start; white-space: pre-wrap; overflow-wrap: anywhere;
}
.user .text { background: var(--accent); color: var(--accent-text); }
.agent .text { background: var(--agent); }
#typing { margin: 0.5rem 0 0; color: var(--muted); font-size: 0.9rem; }
.bar { margin: 0; padding: 0.5rem 1rem; background: var(--warn-page); color: var(--warn); font-size: 0.9rem; }
#composer { display: flex; gap: 0.5rem; padding: 0.8rem; border-top: 1px solid var(--line); }
#composer input { flex: 1; margin: 0; }
label { display: block; margin: 0.4rem 0; font-size: 0.9rem; }
input, select, button {
  min-height: 2.4rem; padding: 0.3rem 0.7rem; border: 1px solid var(--edge); border-radius: 8px;
  background: var(--card); color: inherit; font: inherit;
}
label input, label select { width: 100%; }
button { background: var(--accent); border-color: var(--accent); color: var(--accent-text); cursor: pointer; }
.panel button { width: 100%; margin: 0.25rem 0; font-size: 0.9rem; }
#faults button, button.quiet { background: transparent; border-color: var(--edge); color: var(--text); }
button:disabled { opacity: 0.55; cursor: default; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
#errors { margin: 0; padding-left: 1.1rem; font-size: 0.85rem; overflow-wrap: anywhere; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (max-width: 52rem) {
  main { grid-template-columns: minmax(0, 1fr); height: auto; padding: 0.5rem; }
  .chat { height: 80dvh; }
}
)page";

constexpr std::string_view kScript = R"page(// SPDX-License-Identifier: MIT
const root = "/sandbox/copilot";
const $ = (id) => document.getElementById(id);
const names = { user: "You", assistant: "Assistant", agent: "Connected agent" };
let current = null;

async function call(method, path, body) {
  const response = await fetch(root + path, {
    method,
    headers: body ? { "Content-Type": "application/json" } : {},
    body: body ? JSON.stringify(body) : undefined,
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.detail || answer.error);
  return answer;
}

function complain(error) {
  $("problem").textContent = error ? String(error.message || error) : "";
  $("problem").hidden = !error;
}

async function attempt(work) {
  try {
    complain(null);
    return await work();
  } catch (error) {
    complain(error);
    return null;
  }
}

const pathOf = (id) => "/conversations/" + encodeURIComponent(id);

// As much of Markdown as an agent's line has: bold, a mark in italics, and what is escaped.
function showMarkdown(into, markdown) {
  const entities = { "&lt;": "<", "&gt;": ">", "&amp;": "&" };
  const plain = (part) => part.replace(/\\([\\`*_[\]|~#+\-.=()])|&(?:lt|gt|amp);/g,
    (all, escaped) => escaped || entities[all]);
  markdown.split(/(\*\*(?:\\.|[^\\*])+\*\*|^_\((?:\\.|[^\\_])+\)_)/).forEach((part, i) => {
    const width = i % 2 === 0 ? 0 : part.startsWith("_") ? 1 : 2;
    const node = document.createElement(["span", "em", "strong"][width]);
    node.textContent = plain(part.slice(width, part.length - width));
    into.append(node);
  });
}

function show(entry) {
  const item = document.createElement("li");
  item.className = entry.from;
  const who = document.createElement("span");
  who.className = "who";
  who.textContent = names[entry.from] + (entry.by === "push" ? " (posted)" : "");
  const text = document.createElement("span");
  text.className = "text";
  if (entry.from === "agent") showMarkdown(text, entry.text);
  else text.textContent = entry.text;
  if (!entry.text) text.textContent = "(attachment)";
  item.append(who, text);
  $("messages").append(item);
  $("log").scrollTop = $("log").scrollHeight;
}

function showErrors(errors) {
  $("errors").replaceChildren(...errors.slice(-20).map((error) => {
    const item = document.createElement("li");
    item.textContent = error.code + (error.detail ? ": " + error.detail : "");
    return item;
  }));
}

async function follow(mine) {
  let after = 0;
  let query = "";
  let typed = 0;
  while (current === mine) {
    try {
      const seen = await call("GET", `${pathOf(mine.id)}?after=${after}${query}`);
      if (current !== mine) return;
      for (const entry of seen.record) {
        if (entry.n > after) show(entry);
        after = Math.max(after, entry.n);
      }
      $("status").textContent = (seen.delegated ? "With the connected agent" : "With the assistant") +
        ` · ${seen.channel} · ${seen.delivery_mode}` + (seen.turns_waiting ? " · waiting for an answer" : "");
      $("leave").disabled = !seen.delegated;
      const isTyping = seen.typing_count > typed && query !== "" && seen.record.length === 0;
      typed = seen.typing_count;
      $("typing").hidden = !isTyping;
      if (isTyping) setTimeout(() => { $("typing").hidden = true; }, 3000);
      showErrors(seen.protocol_errors);
      query = `&wait=20&revision=${seen.revision}`;
    } catch (error) {
      complain(error);
      await new Promise((done) => setTimeout(done, 2000));
    }
  }
}

async function showFaults() {
  const state = await call("GET", "/faults");
  const parts = state.callback.map((fault) => fault.mode + (fault.count ? ` ×${fault.count}` : ""));
  parts.push(state.rotate === "keep" ? "one address is kept" : "a new address each turn");
  if (state.old_urls === "expired") parts.push("old ones die");
  if (state.redeliver.twice !== "off") parts.push("turns come twice");
  if (state.redeliver.forget_answers) parts.push(`${state.redeliver.forget_answers} answers will be lost`);
  $("faults-state").textContent = parts.join(", ");
}

$("start").addEventListener("submit", (event) => {
  event.preventDefault();
  const wish = Object.fromEntries(
    [...new FormData(event.target)].filter(([, value]) => value !== ""));
  attempt(async () => {
    current = await call("POST", "/conversations", wish);
    $("messages").replaceChildren();
    for (const control of $("composer").elements) control.disabled = false;
    $("text").focus();
    follow(current);
  });
});

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value;
  if (!text.trim() || !current) return;
  $("text").value = "";
  attempt(() => call("POST", `${pathOf(current.id)}/say?wait_ms=0`, { text }));
});

$("leave").addEventListener("click", () =>
  attempt(() => call("POST", `${pathOf(current.id)}/control`, { delegated: false })));

for (const button of document.querySelectorAll("[data-fault]"))
  button.addEventListener("click", () => attempt(async () => {
    await call("POST", "/faults", JSON.parse(button.dataset.fault));
    await showFaults();
  }));

$("heal").addEventListener("click", () => attempt(async () => {
  await call("DELETE", "/faults");
  await showFaults();
}));

attempt(showFaults);
)page";

net::Response part(std::string_view body, std::string_view type) {
  net::Response response = net::text_response(200, std::string(body), type);
  response.headers.set("Cache-Control", "no-store");
  response.headers.set("X-Content-Type-Options", "nosniff");
  response.headers.set("Content-Security-Policy",
                       "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; "
                       "connect-src 'self'; form-action 'none'; base-uri 'none'");
  return response;
}

}  // namespace

std::optional<net::Response> page(std::string_view path) {
  if (path == "/copilot/") return part(kHtml, "text/html; charset=utf-8");
  if (path == "/copilot/page.css") return part(kCss, "text/css; charset=utf-8");
  if (path == "/copilot/page.mjs") return part(kScript, "text/javascript; charset=utf-8");
  if (path != "/copilot") return std::nullopt;
  net::Response moved(308);
  moved.headers.set("Location", "/copilot/");
  return moved;
}

}  // namespace bridge::sandbox::copilot
