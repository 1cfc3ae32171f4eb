// SPDX-License-Identifier: MIT
#include "sandbox/glide/script_prelude.hpp"

namespace bridge::sandbox {

const char* const kEntryPrelude = R"js(
(function (global) {
  'use strict';
  var native = global.$native;
  var hide = global.$hide;
  var ruleRecord = global.$ruleRecord;
  var parse = JSON.parse;
  var stringify = JSON.stringify;
  var entry = {};

  // --- request and response (Scripted REST) ------------------------------------------------------

  // The entity is a stream: whoever reads it first, as object or as text, has it.
  function Body(raw) {
    var usedAs = null;
    var parsed = null;
    var position = 0;

    function take(how) {
      if (usedAs === null) usedAs = how;
      return usedAs === how;
    }

    function checkType() {
      if (raw.content_type !== '' && !/json|xml/i.test(raw.content_type)) {
        var refusal = new global.sn_ws_err.ServiceError('Unsupported content type for the request body: ' + raw.content_type);
        throw refusal;
      }
    }

    function data() {
      if (usedAs === 'data') return parsed;
      if (!take('data')) return null;
      checkType();
      if (/^\s*$/.test(raw.body)) return null;
      try {
        parsed = parse(raw.body);
      } catch (problem) {
        usedAs = 'failed';
        var failure = new global.sn_ws_err.BadRequestError('Exception while reading request');
        failure.setDetail(String(problem.message));
        throw failure;
      }
      return parsed;
    }

    Object.defineProperty(this, 'data', { enumerable: true, get: data });
    Object.defineProperty(this, 'dataString', {
      enumerable: true,
      get: function () {
        if (usedAs === 'dataString') return raw.body;
        checkType();
        return take('dataString') ? raw.body : '';
      }
    });
    Object.defineProperty(this, 'dataStream', {
      enumerable: true,
      get: function () { return { $stream: take('dataStream') ? raw.body : '' }; }
    });
    hide(this, 'hasNext', function () {
      var all = data();
      return Array.isArray(all) && position < all.length;
    });
    hide(this, 'nextEntry', function () {
      var all = data();
      return Array.isArray(all) ? all[position++] : undefined;
    });
  }

  function Request(raw) {
    this.body = new Body(raw);
    this.queryParams = raw.query_params;
    this.pathParams = raw.path_params;
    this.headers = {};
    for (var i = 0; i < raw.headers.length; i++) {
      this.headers[raw.headers[i][0].toLowerCase()] = raw.headers[i][1];
    }
    this.uri = raw.uri;
    this.url = raw.url;
    this.queryString = raw.query_string;
    hide(this, 'getHeader', function (name) {
      var value = this.headers[String(name).toLowerCase()];
      return value === undefined ? null : value;
    });
    hide(this, 'getSupportedResponseContentTypes', function () { return ['application/json']; });
    hide(this, '$http', true);
  }

  function Response() {
    var reply = { status: 200, explicit: false, headers: {}, contentType: '', written: null, body: undefined, error: null };
    hide(this, '$reply', reply);
    hide(this, '$http', true);
    hide(this, 'setStatus', function (status) {
      if (reply.written !== null) return;
      var number = typeof status === 'number' ? status : Number(String(status));
      reply.status = isNaN(number) || String(status) === '' ? 0 : Math.floor(number);
      reply.explicit = true;
    });
    hide(this, 'getStatus', function () { return reply.status; });
    hide(this, 'setBody', function (body) { reply.body = body; });
    hide(this, 'setError', function (error) { reply.error = error; });
    hide(this, 'setHeader', function (name, value) { reply.headers[String(name)] = String(value); });
    hide(this, 'setHeaders', function (headers) {
      for (var name in headers) reply.headers[name] = String(headers[name]);
    });
    hide(this, 'getHeader', function (name) { return reply.headers[String(name)] || null; });
    hide(this, 'setContentType', function (type) { if (reply.written === null) reply.contentType = String(type); });
    hide(this, 'setLocation', function (url) { reply.headers.Location = String(url); });
    hide(this, 'getStreamWriter', function () {
      if (reply.written === null) reply.written = '';
      return {
        writeString: function (text) { reply.written += String(text); },
        writeStream: function (stream) { reply.written += stream && stream.$stream ? stream.$stream : ''; }
      };
    });
  }

  function envelope(message, detail) {
    return stringify({ error: { message: message, detail: detail }, status: 'failure' });
  }

  function describe(error, file) {
    var text;
    try {
      text = String(error);
    } catch (ignored) {
      text = 'unknown error';
    }
    var line = null;
    if (error !== null && typeof error === 'object') {
      var place = file === '' ? -1 : String(error.stack || '').indexOf(file + ':');
      if (place >= 0) line = parseInt(String(error.stack).substring(place + file.length + 1), 10);
      else if (error.fileName === file) line = error.lineNumber;
    }
    return { text: text, line: line };
  }

  function failure(error, file) {
    var told = describe(error, file);
    if (error !== null && typeof error === 'object' && error.$status !== undefined) {
      return { status: error.$status, headers: {}, contentType: '', exception: '',
        body: envelope(error.message, error.$detail) };
    }
    var place = told.line === null ? file : file + '; line ' + told.line;
    return { status: 500, headers: {}, contentType: '', exception: told.text,
      body: envelope(told.text + ' (' + place + ')', '') };
  }

  entry.beginResource = function (raw) {
    global.request = new Request(raw);
    global.response = new Response();
  };

  entry.endResource = function (input) {
    if (input.threw) return failure(global.$value, input.file);
    var reply = global.response.$reply;
    var answer = { status: reply.status, headers: reply.headers, contentType: reply.contentType, body: '', exception: '' };
    if (reply.error) {
      var told = reply.error;
      answer.status = reply.explicit ? reply.status : told.$status || told.status || 500;
      answer.body = envelope(told.message === undefined ? String(told) : String(told.message),
        told.$detail || told.detail || '');
      return answer;
    }
    if (reply.written !== null) {
      answer.body = reply.written;
      return answer;
    }
    var body = reply.body === undefined ? global.$value : reply.body;
    if (body === undefined) return answer;
    if (body !== null && typeof body === 'object' && body.$http) {
      return { status: 500, headers: {}, contentType: '', exception: 'cannot serialize',
        body: envelope('Exception while serializing the response body', '') };
    }
    try {
      answer.body = stringify({ result: body });
    } catch (problem) {
      return failure(problem, input.file);
    }
    return answer;
  };

  // --- business rules ----------------------------------------------------------------------------

  entry.beginRule = function (input) {
    var asynchronous = input.asynchronous;
    global.current = ruleRecord(input.table, input.row, input.previous, input.operation, !asynchronous);
    if (asynchronous) {
      global.previous = null;
    } else {
      global.previous = new global.GlideRecord(input.table);
      if (input.previous) global.previous.$load(input.previous);
    }
  };

  entry.condition = function () { return !!global.$value; };

  entry.endRule = function (input) {
    if (input.threw) return { exception: describe(global.$value, input.file) };
    var s = global.current.$s;
    var changed = {};
    for (var name in s.values) {
      if (String(s.values[name]) !== String(s.original[name])) changed[name] = s.values[name];
    }
    return { changed: changed, abort: s.abort };
  };

  // --- background scripts ------------------------------------------------------------------------

  entry.endScript = function (input) {
    if (input.threw) return { exception: describe(global.$value, input.file) };
    var value = global.$value;
    return { value: value === undefined ? null : value !== null && typeof value === 'object' && value.$glide ? String(value) : value };
  };

  hide(global, '$entry', function (name, argument) {
    var result = entry[name](parse(argument));
    return result === undefined ? 'null' : stringify(result);
  });

  // What the platform's engine does not have.
  hide(global, '$seal', function () {
    ['Duktape', 'Proxy', 'Reflect', 'Symbol', 'TextEncoder', 'TextDecoder', 'performance', 'CBOR', 'globalThis',
      'Promise', '$raw', '$install', '$ruleRecord'].forEach(function (name) { delete global[name]; });
  });
})(this);
)js";

}  // namespace bridge::sandbox
