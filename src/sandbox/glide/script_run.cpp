// SPDX-License-Identifier: MIT
#include "sandbox/glide/script_run.hpp"

#include <duktape.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "sandbox/glide/instance_state.hpp"
#include "sandbox/glide/script_source.hpp"

namespace bridge::sandbox {
namespace {

constexpr const char* kTooLong = "Transaction cancelled: maximum execution time exceeded";
/// Each allocation carries its size in front, so that the total is known.
constexpr std::size_t kHeader = alignof(std::max_align_t);

[[noreturn]] void fatal(void*, const char* message) {
  std::fprintf(stderr, "duktape: %s\n", message ? message : "fatal error");
  std::abort();
}

void* allocate_bytes(void* run, duk_size_t size) {
  return size == 0 ? nullptr : static_cast<ScriptRun*>(run)->allocate(nullptr, size);
}
void* resize_bytes(void* run, void* old, duk_size_t size) {
  return old == nullptr && size == 0 ? nullptr : static_cast<ScriptRun*>(run)->allocate(old, size);
}
void free_bytes(void* run, void* old) {
  if (old) static_cast<ScriptRun*>(run)->allocate(old, 0);
}

ScriptRun* run_of(duk_context* heap) {
  duk_memory_functions functions;
  duk_get_memory_functions(heap, &functions);
  return static_cast<ScriptRun*>(functions.udata);
}

// --- Functions that scripts call. No C++ object may live across a duk_ call here. ----------------

duk_ret_t tick(duk_context* heap) {
  if (run_of(heap)->expired()) return duk_error(heap, DUK_ERR_ERROR, "%s", kTooLong);
  return 0;
}

duk_ret_t call_native(duk_context* heap) {
  duk_size_t name_size = 0, arguments_size = 0;
  const char* name = duk_require_lstring(heap, 0, &name_size);
  const char* arguments = duk_require_lstring(heap, 1, &arguments_size);
  ScriptRun* run = run_of(heap);
  if (run->expired()) return duk_error(heap, DUK_ERR_ERROR, "%s", kTooLong);
  const bool ok = run->dispatch({name, name_size}, {arguments, arguments_size});
  if (ok) {
    duk_push_lstring(heap, run->answer().data(), run->answer().size());
    return 1;
  }
  duk_push_error_object(heap, DUK_ERR_ERROR, "%s", run->answer().c_str());
  duk_push_lstring(heap, run->error_name().data(), run->error_name().size());
  duk_put_prop_string(heap, -2, "name");
  return duk_throw(heap);
}

// --- Protected steps: each is run by duk_safe_call. ----------------------------------------------

struct Text {
  const char* data;
  std::size_t size;
};

struct Code {
  Text source;
  Text file;
};

duk_ret_t define_functions(duk_context* heap, void*) {
  duk_push_global_object(heap);
  duk_push_string(heap, kTickFunction);
  duk_push_c_function(heap, tick, 0);
  duk_def_prop(heap, -3, DUK_DEFPROP_HAVE_VALUE | DUK_DEFPROP_CLEAR_WEC);
  duk_push_c_function(heap, call_native, 2);
  duk_put_prop_string(heap, -2, "$raw");
  return 0;
}

duk_ret_t load_bytecode(duk_context* heap, void* data) {
  const Text* code = static_cast<const Text*>(data);
  void* buffer = duk_push_fixed_buffer(heap, code->size);
  std::copy(code->data, code->data + code->size, static_cast<char*>(buffer));
  duk_load_function(heap);
  duk_call(heap, 0);
  return 0;
}

duk_ret_t dump_bytecode(duk_context* heap, void* data) {
  const Code* code = static_cast<const Code*>(data);
  duk_push_lstring(heap, code->source.data, code->source.size);
  duk_push_lstring(heap, code->file.data, code->file.size);
  duk_compile(heap, 0);
  duk_dump_function(heap);
  return 1;
}

duk_ret_t evaluate_code(duk_context* heap, void* data) {
  const Code* code = static_cast<const Code*>(data);
  duk_push_lstring(heap, code->source.data, code->source.size);
  duk_push_lstring(heap, code->file.data, code->file.size);
  duk_compile(heap, 0);
  duk_push_global_object(heap);
  duk_call_method(heap, 0);
  duk_put_global_string(heap, "$value");
  return 0;
}

duk_ret_t keep_value(duk_context* heap, void*) {
  duk_put_global_string(heap, "$value");
  return 0;
}

duk_ret_t call_with_text(duk_context* heap, void* data) {
  const Code* call = static_cast<const Code*>(data);
  duk_get_global_lstring(heap, call->file.data, call->file.size);
  duk_push_lstring(heap, call->source.data, call->source.size);
  duk_call(heap, 1);
  return 0;
}

duk_ret_t call_entry(duk_context* heap, void* data) {
  const Code* call = static_cast<const Code*>(data);
  duk_get_global_string(heap, "$entry");
  duk_push_lstring(heap, call->file.data, call->file.size);
  duk_push_lstring(heap, call->source.data, call->source.size);
  duk_call(heap, 2);
  return 1;
}

/// Takes the text on top of the stack (an error's, too) off it. Safe outside protected calls.
std::string pop_text(duk_context* heap) {
  duk_size_t size = 0;
  const char* text = duk_safe_to_lstring(heap, -1, &size);
  std::string copy(text ? text : "", text ? size : 0);
  duk_pop(heap);
  return copy;
}

Text view(std::string_view text) { return {text.data(), text.size()}; }

json::value parse_json(std::string_view text) {
  json::parse_options options;
  options.max_depth = 256;
  // Texts cut in the middle of a character are the script's business, not an error of ours.
  options.allow_invalid_utf8 = true;
  return json::parse(from_cesu8(text), {}, options);
}

std::string quote(std::string_view text) { return json::serialize(json::value(text)); }

std::string exception_text(const json::object& told) {
  std::string text(told.at("text").as_string());
  if (!told.at("line").is_null()) text += " (line " + json::serialize(told.at("line")) + ")";
  return text;
}

}  // namespace

json::object row_json(const Record& row) {
  json::object object;
  for (const auto& [name, value] : row.values()) {
    if (value) {
      object[name] = *value;
    } else {
      object[name] = nullptr;
    }
  }
  return object;
}

ScriptRun::ScriptRun(Instance& instance, Session& session, std::string file)
    : instance_(instance),
      session_(session),
      file_(std::move(file)),
      outer_(call_state().run),
      deadline_(std::chrono::steady_clock::now() + instance.options().script_time_limit) {
  heap_ = duk_create_heap(allocate_bytes, resize_bytes, free_bytes, this, fatal);
  if (!heap_) throw std::runtime_error("cannot create a script heap");
  call_state().run = this;
  const auto demand = [&](duk_int_t code) {
    if (code == DUK_EXEC_SUCCESS) return duk_pop(heap_);
    const std::string problem = pop_text(heap_);
    duk_destroy_heap(heap_);
    call_state().run = outer_;
    throw std::runtime_error("script prelude: " + problem);
  };
  const auto call_global = [&](const char* name, std::string_view argument) {
    Code call{view(argument), view(name)};
    demand(duk_safe_call(heap_, call_with_text, &call, 0, 1));
  };
  demand(duk_safe_call(heap_, define_functions, nullptr, 0, 1));
  bool installed = false;
  for (const CompiledPrelude& prelude : instance_.state_->preludes) {
    Text code = view(prelude.bytecode);
    demand(duk_safe_call(heap_, load_bytecode, &code, 0, 1));
    // The first one brings $install; those of the shell may build on the natives.
    if (!installed) call_global("$install", instance_.state_->visible_natives);
    installed = true;
  }
  call_global("$seal", "");
}

ScriptRun::~ScriptRun() {
  duk_destroy_heap(heap_);
  call_state().run = outer_;
}

void* ScriptRun::allocate(void* old, std::size_t size) noexcept {
  char* block = old ? static_cast<char*>(old) - kHeader : nullptr;
  const std::size_t before = block ? *reinterpret_cast<std::size_t*>(block) : 0;
  if (size == 0) {
    memory_ -= before;
    std::free(block);
    return nullptr;
  }
  if (memory_ - before + size > instance_.options().script_memory_limit) return nullptr;
  block = static_cast<char*>(std::realloc(block, size + kHeader));
  if (!block) return nullptr;
  *reinterpret_cast<std::size_t*>(block) = size;
  memory_ = memory_ - before + size;
  return block + kHeader;
}

bool ScriptRun::expired() noexcept {
  // Asking the clock costs more than a turn of most loops.
  if (!is_late_ && ++ticks_ % 64 != 0) return false;
  return is_late_ = std::chrono::steady_clock::now() > deadline_ || instance_.state_->stopping;
}

void ScriptRun::exclude_from_limits(std::chrono::steady_clock::duration time) {
  for (ScriptRun* run = call_state().run; run; run = run->outer_) run->deadline_ += time;
}

bool ScriptRun::dispatch(std::string_view name, std::string_view arguments) noexcept {
  try {
    const auto found = instance_.state_->natives.find(name);
    if (found == instance_.state_->natives.end())
      throw ScriptError(std::string(name) + " is not a function", "TypeError");
    if (name.starts_with("$gr.") || name.starts_with("sn_cs.")) instance_.yield_point();
    if (name.starts_with("sn_cs.")) instance_.stall_point();
    ScriptContext context{instance_, session_, file_};
    const json::value parsed = parse_json(arguments);
    answer_ = to_cesu8(json::serialize(found->second(context, parsed.as_array())));
    return true;
  } catch (const ScriptError& error) {
    error_name_ = error.name();
    answer_ = to_cesu8(error.what());
  } catch (const std::exception& error) {
    error_name_ = "Error";
    answer_ = to_cesu8(error.what());
  }
  return false;
}

bool ScriptRun::evaluate(std::string_view source, const std::string& file) {
  PreparedScript prepared = prepare_script(source);
  if (prepared.beyond_es5 && instance_.options().es5_only)
    prepared.text = "throw new SyntaxError(" + quote("not ES5, " + *prepared.beyond_es5) + ")";
  const std::string text = to_cesu8(prepared.text);
  Code code{view(text), view(file)};
  const bool ok = duk_safe_call(heap_, evaluate_code, &code, 0, 1) == DUK_EXEC_SUCCESS;
  if (!ok) (void)duk_safe_call(heap_, keep_value, nullptr, 1, 1);
  duk_pop(heap_);
  return ok;
}

Result<json::value> ScriptRun::entry(const char* name, const json::value& argument) {
  const std::string text = to_cesu8(json::serialize(argument));
  Code call{view(text), view(name)};
  const bool ok = duk_safe_call(heap_, call_entry, &call, 0, 1) == DUK_EXEC_SUCCESS;
  const std::string answer = pop_text(heap_);
  if (!ok) return Error(Errc::upstream_failed, from_cesu8(answer));
  return parse_json(answer);
}

ScriptReply ScriptRun::resource(const Resource& resource, const ScriptRequest& request) {
  json::array headers;
  for (const auto& [name, value] : request.headers) headers.push_back(json::array{name, value});
  json::object input{{"body", request.body},
                     {"content_type", request.content_type},
                     {"headers", std::move(headers)},
                     {"uri", request.uri},
                     {"url", request.url},
                     {"query_string", request.query_string},
                     {"query_params", json::value_from(request.query_params)},
                     {"path_params", json::value_from(request.path_params)}};
  const auto broken = [](const Error& problem) {
    ScriptReply reply;
    reply.status = 500;
    reply.exception = problem.context();
    reply.body = error_envelope(problem.context(), "");
    return reply;
  };
  if (const auto begun = entry("beginResource", input); !begun) return broken(begun.error());
  const bool ok = evaluate(resource.script, file_);
  const auto told = entry("endResource", json::object{{"threw", !ok}, {"file", file_}});
  if (!told) return broken(told.error());
  const json::object& answer = told->as_object();
  ScriptReply reply;
  reply.status = static_cast<int>(answer.at("status").to_number<double>());
  reply.body = std::string(answer.at("body").as_string());
  reply.exception = std::string(answer.at("exception").as_string());
  if (const auto& type = answer.at("contentType").as_string(); !type.empty())
    reply.content_type = std::string(type);
  for (const auto& [name, value] : answer.at("headers").as_object())
    reply.headers.emplace_back(name, value.as_string());
  return reply;
}

ScriptRun::RuleOutcome ScriptRun::rule(const BusinessRule& rule, Operation operation,
                                       const Record& row, const Record* previous,
                                       bool asynchronous) {
  RuleOutcome outcome;
  json::object input{{"table", row.table()},
                     {"row", row_json(row)},
                     {"previous", nullptr},
                     {"operation", to_string(operation)},
                     {"asynchronous", asynchronous}};
  if (previous && !asynchronous) input["previous"] = row_json(*previous);
  const auto fail = [&](const Error& problem) {
    outcome.exception = problem.context();
    return outcome;
  };
  if (const auto begun = entry("beginRule", input); !begun) return fail(begun.error());
  bool ok = true;
  // An async rule's condition was judged when the row was written.
  if (!rule.condition.empty() && !asynchronous) {
    ok = evaluate(rule.condition, file_);
    if (ok) {
      const auto holds = entry("condition", nullptr);
      if (!holds) return fail(holds.error());
      if (!holds->as_bool()) return outcome;
    }
  }
  outcome.ran = true;
  if (ok) ok = evaluate(rule.script, file_);
  const auto told = entry("endRule", json::object{{"threw", !ok}, {"file", file_}});
  if (!told) return fail(told.error());
  const json::object& answer = told->as_object();
  if (const auto* exception = answer.if_contains("exception")) {
    outcome.exception = exception_text(exception->as_object());
    return outcome;
  }
  outcome.abort = answer.at("abort").as_bool();
  outcome.changed = answer.at("changed").as_object();
  return outcome;
}

Result<json::value> ScriptRun::script(std::string_view source) {
  const bool ok = evaluate(source, file_);
  const auto told = entry("endScript", json::object{{"threw", !ok}, {"file", file_}});
  if (!told) return told.error();
  if (const auto* exception = told->as_object().if_contains("exception"))
    return Error(Errc::upstream_failed, exception_text(exception->as_object()));
  return told->as_object().at("value");
}

Result<std::string> ScriptRun::compile(const std::string& name, std::string_view source) {
  duk_context* heap = duk_create_heap(nullptr, nullptr, nullptr, nullptr, fatal);
  if (!heap) throw std::runtime_error("cannot create a script heap");
  const std::string text = to_cesu8(source);
  Code code{view(text), view(name)};
  const bool ok = duk_safe_call(heap, dump_bytecode, &code, 0, 1) == DUK_EXEC_SUCCESS;
  std::string result;
  if (ok) {
    duk_size_t size = 0;
    const void* data = duk_get_buffer_data(heap, -1, &size);
    result.assign(static_cast<const char*>(data), size);
  } else {
    result = pop_text(heap);
  }
  duk_destroy_heap(heap);
  if (!ok) return Error(Errc::malformed, name + ": " + from_cesu8(result));
  return result;
}

Result<> ScriptRun::check(const std::string& name, std::string_view source, bool es5_only) {
  const PreparedScript prepared = prepare_script(source);
  if (prepared.beyond_es5 && es5_only)
    return Error(Errc::malformed, name + ": not ES5, " + *prepared.beyond_es5);
  if (const auto compiled = compile(name, prepared.text); !compiled) return compiled.error();
  return {};
}

}  // namespace bridge::sandbox
