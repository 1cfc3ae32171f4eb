// SPDX-License-Identifier: MIT
#include "sandbox/glide/script_prelude.hpp"

namespace bridge::sandbox {

const char* const kCorePrelude = R"js(
(function (global) {
  'use strict';
  var raw = global.$raw;
  var stringify = JSON.stringify;
  var parse = JSON.parse;

  function hide(object, name, value) {
    Object.defineProperty(object, name, { value: value, enumerable: false, configurable: true, writable: true });
  }

  // Glide's own objects travel as text.
  function plain(key, value) {
    return value !== null && typeof value === 'object' && value.$glide ? String(value) : value;
  }

  function native(name, args) {
    return parse(raw(name, stringify(args, plain)));
  }
  hide(global, '$native', native);
  hide(global, '$hide', hide);

  // 'a.b.c' becomes a function c in an object b in a global object a.
  hide(global, '$install', function (names) {
    parse(names).forEach(function (name) {
      var parts = name.split('.');
      var last = parts.pop();
      var at = global;
      parts.forEach(function (part) {
        if (!at[part]) at[part] = {};
        at = at[part];
      });
      at[last] = function () {
        return native(name, Array.prototype.slice.call(arguments));
      };
    });
  });

  // --- gs ----------------------------------------------------------------------------------------

  function format(text, values) {
    return String(text).replace(/\{(\d+)\}/g, function (whole, index) {
      var value = values[Number(index)];
      return value === undefined ? whole : String(value);
    });
  }

  function logger(level) {
    return function (text) {
      native('$gs.log', [level, format(text, Array.prototype.slice.call(arguments, 1))]);
    };
  }

  function time(offset) {
    return function (count) {
      var when = new global.GlideDateTime();
      when.addSeconds(-offset * Number(count));
      return when.getValue();
    };
  }

  function User() {
    var user = native('$gs.user', []);
    this.getID = function () { return user.id; };
    this.getName = function () { return user.user_name; };
    this.getDisplayName = function () { return user.name; };
    this.getFullName = this.getDisplayName;
    this.getEmail = function () { return user.email; };
    this.hasRole = function (role) { return native('$gs.hasRole', [role]); };
  }

  global.gs = {
    getProperty: function (name, alternative) {
      var value = native('$gs.getProperty', [String(name)]);
      return value === null ? (alternative === undefined ? null : alternative) : value;
    },
    setProperty: function (name, value, description) {
      native('$gs.setProperty', [String(name), value === null || value === undefined ? '' : String(value)]);
    },
    getUserID: function () { return native('$gs.user', []).id; },
    getUserName: function () { return native('$gs.user', []).user_name; },
    getUserDisplayName: function () { return native('$gs.user', []).name; },
    getUser: function () { return new User(); },
    hasRole: function (role) { return native('$gs.hasRole', [String(role)]); },
    getSession: function () {
      return {
        isLoggedIn: function () { return true; },
        isInteractive: function () { return false; },
        getUserID: global.gs.getUserID
      };
    },
    info: logger('info'),
    warn: logger('warning'),
    error: logger('error'),
    debug: logger('debug'),
    log: function (text, source) { native('$gs.log', ['info', String(text)]); },
    logError: function (text, source) { native('$gs.log', ['error', String(text)]); },
    logWarning: function (text, source) { native('$gs.log', ['warning', String(text)]); },
    print: function (text) { native('$gs.log', ['info', String(text)]); },
    addInfoMessage: function () {},
    addErrorMessage: function () {},
    nil: function (value) {
      return value === null || value === undefined || String(value) === '';
    },
    generateGUID: function () { return native('$gs.guid', []); },
    nowDateTime: function () { return new global.GlideDateTime().getValue(); },
    now: function () { return new global.GlideDateTime().getValue().substring(0, 10); },
    secondsAgo: time(1),
    minutesAgo: time(60),
    hoursAgo: time(3600),
    daysAgo: time(86400),
    eventQueue: function () {},
    sleep: function (milliseconds) { native('$gs.sleep', [Number(milliseconds)]); },
    getMessage: function (text, values) { return format(text, values || []); },
    base64Encode: function (text) { return native('$base64.encode', [String(text)]); },
    base64Decode: function (text) { return native('$base64.decode', [String(text)]); },
    urlEncode: function (text) { return encodeURIComponent(String(text)); },
    urlDecode: function (text) { return decodeURIComponent(String(text)); },
    isInteractive: function () { return false; },
    isLoggedIn: function () { return true; }
  };

  // --- GlideDateTime -----------------------------------------------------------------------------

  function pad(number, width) {
    var text = String(number);
    while (text.length < width) text = '0' + text;
    return text;
  }

  function show(ms) {
    var d = new Date(ms);
    return pad(d.getUTCFullYear(), 4) + '-' + pad(d.getUTCMonth() + 1, 2) + '-' + pad(d.getUTCDate(), 2) + ' ' +
      pad(d.getUTCHours(), 2) + ':' + pad(d.getUTCMinutes(), 2) + ':' + pad(d.getUTCSeconds(), 2);
  }

  function read(text) {
    var m = /^(\d{4})-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d))?$/.exec(text);
    return m ? Date.UTC(+m[1], +m[2] - 1, +m[3], +(m[4] || 0), +(m[5] || 0), +(m[6] || 0)) : NaN;
  }

  function GlideDateTime(value) {
    var ms;
    if (value === undefined) {
      ms = native('$clock', []);
    } else if (value !== null && typeof value === 'object' && value.getNumericValue) {
      ms = value.getNumericValue();
    } else {
      ms = read(String(value));
    }
    hide(this, '$ms', ms);
    hide(this, '$zone', 0);
  }
  hide(GlideDateTime.prototype, '$glide', true);
  GlideDateTime.prototype.isValid = function () { return !isNaN(this.$ms); };
  GlideDateTime.prototype.getNumericValue = function () { return isNaN(this.$ms) ? 0 : this.$ms; };
  GlideDateTime.prototype.setNumericValue = function (ms) { this.$ms = Number(ms); };
  GlideDateTime.prototype.getValue = function () { return isNaN(this.$ms) ? '' : show(this.$ms); };
  GlideDateTime.prototype.setValue = function (value) { this.$ms = new GlideDateTime(value).$ms; };
  GlideDateTime.prototype.getDisplayValue = GlideDateTime.prototype.getValue;
  GlideDateTime.prototype.getDisplayValueInternal = GlideDateTime.prototype.getValue;
  GlideDateTime.prototype.setDisplayValue = GlideDateTime.prototype.setValue;
  GlideDateTime.prototype.toString = GlideDateTime.prototype.getValue;
  GlideDateTime.prototype.add = function (ms) { this.$ms += Number(ms); };
  GlideDateTime.prototype.addSeconds = function (n) { this.$ms += 1000 * Number(n); };
  GlideDateTime.prototype.addMinutes = function (n) { this.$ms += 60000 * Number(n); };
  GlideDateTime.prototype.addHours = function (n) { this.$ms += 3600000 * Number(n); };
  GlideDateTime.prototype.addDays = function (n) { this.$ms += 86400000 * Number(n); };
  GlideDateTime.prototype.addDaysUTC = GlideDateTime.prototype.addDays;
  GlideDateTime.prototype.addDaysLocalTime = GlideDateTime.prototype.addDays;
  GlideDateTime.prototype.subtract = function (ms) { this.$ms -= Number(ms); };
  GlideDateTime.prototype.compareTo = function (other) {
    var a = Math.floor(this.$ms / 1000);
    var b = Math.floor(new GlideDateTime(other).$ms / 1000);
    return a < b ? -1 : a > b ? 1 : 0;
  };
  GlideDateTime.prototype.before = function (other) { return this.compareTo(other) < 0; };
  GlideDateTime.prototype.after = function (other) { return this.compareTo(other) > 0; };
  GlideDateTime.prototype.onOrBefore = function (other) { return this.compareTo(other) <= 0; };
  GlideDateTime.prototype.onOrAfter = function (other) { return this.compareTo(other) >= 0; };
  GlideDateTime.prototype.equals = function (other) { return this.compareTo(other) === 0; };
  GlideDateTime.prototype.getDate = function () {
    return new GlideDateTime(this.getValue().substring(0, 10));
  };
  GlideDateTime.prototype.getErrorMsg = function () { return this.isValid() ? '' : 'Could not parse DateTime'; };
  global.GlideDateTime = GlideDateTime;

  // --- Small classes -----------------------------------------------------------------------------

  global.GlideStringUtil = {
    escapeQueryTermSeparator: function (text) { return String(text).replace(/\^/g, '^^'); },
    escapeHTML: function (text) {
      return String(text).replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
        .replace(/"/g, '&quot;').replace(/'/g, '&#39;');
    },
    base64Encode: function (text) { return global.gs.base64Encode(text); },
    base64Decode: function (text) { return global.gs.base64Decode(text); },
    isEligibleSysID: function (text) { return /^[0-9a-f]{32}$/.test(String(text)); },
    notNil: function (text) { return !global.gs.nil(text); },
    nil: function (text) { return global.gs.nil(text); }
  };

  function GlideCertificateEncryption() {}
  GlideCertificateEncryption.prototype.generateMac = function (key, algorithm, data) {
    return native('$mac', [String(key), String(algorithm), String(data)]);
  };
  global.GlideCertificateEncryption = GlideCertificateEncryption;

  function GlideDigest() {}
  [['MD5', 'md5_digest'], ['SHA1', 'sha1_digest'], ['SHA256', 'sha256_digest']].forEach(function (kind) {
    GlideDigest.prototype['get' + kind[0] + 'Hex'] = function (text) {
      return native('$digest', [kind[0], String(text)]);
    };
    GlideDigest.prototype[kind[1]] = GlideDigest.prototype['get' + kind[0] + 'Hex'];
  });
  global.GlideDigest = GlideDigest;

  function GlideImpersonate() {}
  GlideImpersonate.prototype.impersonate = function (id) {
    return native('$impersonate', [id === null || id === undefined ? '' : String(id)]);
  };
  GlideImpersonate.prototype.canImpersonate = function (id) {
    return native('$canImpersonate', [id === null || id === undefined ? '' : String(id)]);
  };
  global.GlideImpersonate = GlideImpersonate;

  // --- sn_ws_err ---------------------------------------------------------------------------------

  function errorClass(name, status) {
    function ServiceError(message) {
      this.message = message === undefined ? '' : String(message);
      hide(this, '$status', status);
      hide(this, '$detail', '');
    }
    ServiceError.prototype = Object.create(Error.prototype);
    ServiceError.prototype.constructor = ServiceError;
    ServiceError.prototype.name = name;
    ServiceError.prototype.setStatus = function (value) { this.$status = Number(value) || 0; };
    ServiceError.prototype.setMessage = function (value) { this.message = String(value); };
    ServiceError.prototype.setDetail = function (value) { this.$detail = String(value); };
    ServiceError.prototype.getStatus = function () { return this.$status; };
    ServiceError.prototype.getMessage = function () { return this.message; };
    ServiceError.prototype.getDetail = function () { return this.$detail; };
    return ServiceError;
  }
  global.sn_ws_err = {
    BadRequestError: errorClass('BadRequestError', 400),
    NotFoundError: errorClass('NotFoundError', 404),
    NotAcceptableError: errorClass('NotAcceptableError', 406),
    ConflictError: errorClass('ConflictError', 409),
    UnsupportedMediaTypeError: errorClass('UnsupportedMediaTypeError', 415),
    ServiceError: errorClass('ServiceError', 500)
  };

  // --- sn_ws.RESTMessageV2 -----------------------------------------------------------------------

  function Response(reply) {
    hide(this, '$reply', reply);
  }
  Response.prototype.getStatusCode = function () { return this.$reply.status; };
  Response.prototype.getBody = function () { return this.$reply.body; };
  Response.prototype.haveError = function () { return this.$reply.failed; };
  Response.prototype.getErrorCode = function () { return this.$reply.error_code; };
  Response.prototype.getErrorMessage = function () { return this.$reply.error_message; };
  Response.prototype.getHeader = function (name) {
    var wanted = String(name).toLowerCase();
    var found = null;
    this.$reply.headers.forEach(function (header) {
      if (found === null && header[0].toLowerCase() === wanted) found = header[1];
    });
    return found;
  };
  Response.prototype.getHeaders = function () {
    var all = {};
    this.$reply.headers.forEach(function (header) { all[header[0]] = header[1]; });
    return all;
  };
  Response.prototype.getAllHeaders = function () {
    return this.$reply.headers.map(function (header) { return { name: header[0], value: header[1] }; });
  };
  Response.prototype.getCookies = function () { return []; };
  Response.prototype.waitForResponse = function () {};

  function RESTMessageV2() {
    hide(this, '$r', { method: 'GET', url: '', headers: [], body: '', timeout: 30000, query: [] });
  }
  RESTMessageV2.prototype.setEndpoint = function (url) { this.$r.url = String(url); };
  RESTMessageV2.prototype.getEndpoint = function () { return this.$r.url; };
  RESTMessageV2.prototype.setHttpMethod = function (method) { this.$r.method = String(method).toUpperCase(); };
  RESTMessageV2.prototype.setRequestHeader = function (name, value) {
    this.$r.headers = this.$r.headers.filter(function (header) {
      return header[0].toLowerCase() !== String(name).toLowerCase();
    });
    this.$r.headers.push([String(name), String(value)]);
  };
  RESTMessageV2.prototype.setRequestBody = function (body) { this.$r.body = String(body); };
  RESTMessageV2.prototype.getRequestBody = function () { return this.$r.body; };
  RESTMessageV2.prototype.setHttpTimeout = function (ms) { this.$r.timeout = Number(ms); };
  RESTMessageV2.prototype.setBasicAuth = function (user, password) {
    this.setRequestHeader('Authorization', 'Basic ' + global.gs.base64Encode(user + ':' + password));
  };
  RESTMessageV2.prototype.setQueryParameter = function (name, value) {
    this.$r.query.push(encodeURIComponent(String(name)) + '=' + encodeURIComponent(String(value)));
  };
  ['setAuthenticationProfile', 'setStringParameter', 'setStringParameterNoEscape', 'setMIDServer',
    'setEccParameter', 'setEccCorrelator', 'setLogLevel', 'setMutualAuth', 'setFollowRedirect'].forEach(function (name) {
    RESTMessageV2.prototype[name] = function () {};
  });
  RESTMessageV2.prototype.$send = function (mayThrow) {
    var r = this.$r;
    var url = r.url;
    if (r.query.length) url += (url.indexOf('?') < 0 ? '?' : '&') + r.query.join('&');
    return new Response(native('$http', [r.method, url, r.headers, r.body, r.timeout, mayThrow]));
  };
  RESTMessageV2.prototype.execute = function () { return this.$send(true); };
  RESTMessageV2.prototype.executeAsync = function () { return this.$send(false); };
  global.sn_ws = { RESTMessageV2: RESTMessageV2 };
})(this);
)js";

}  // namespace bridge::sandbox
