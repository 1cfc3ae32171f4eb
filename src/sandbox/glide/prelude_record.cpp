// SPDX-License-Identifier: MIT
#include "sandbox/glide/script_prelude.hpp"

namespace bridge::sandbox {

const char* const kRecordPrelude = R"js(
(function (global) {
  'use strict';
  var native = global.$native;
  var hide = global.$hide;
  var ProxyClass = Proxy;
  var tables = {};

  function describe(table) {
    if (!Object.prototype.hasOwnProperty.call(tables, table)) tables[table] = native('$table', [table]);
    return tables[table];
  }

  function has(object, name) { return Object.prototype.hasOwnProperty.call(object, name); }

  function copy(values) {
    var result = {};
    for (var name in values) if (has(values, name)) result[name] = values[name];
    return result;
  }

  function empty(value) { return value === null || value === undefined || value === ''; }

  function isTrue(value) {
    return value === true || value === 1 || String(value) === '1' || String(value) === 'true';
  }

  // What a column keeps of a script's value.
  function stored(column, value) {
    if (value === null || value === undefined) return null;
    if (column.type === 'boolean') return isTrue(value) ? '1' : '0';
    if (typeof value === 'object' && value.getNumericValue) return value.getValue();
    return String(value);
  }

  function queryValue(value) {
    if (value === null || value === undefined) return '';
    if (Array.isArray(value)) return value.map(String).join(',');
    return String(value);
  }

  // --- GlideElement ------------------------------------------------------------------------------
  // A pointer to a column of whatever row its record stands on.

  function Element(record, name, column) {
    hide(this, '$record', record);
    hide(this, '$name', name);
    hide(this, '$column', column);
  }
  hide(Element.prototype, '$glide', true);
  Element.prototype.$value = function () {
    var value = this.$record.$s.values[this.$name];
    return empty(value) ? '' : String(value);
  };
  Element.prototype.$before = function () {
    var previous = this.$record.$s.previous;
    return previous && !empty(previous[this.$name]) ? String(previous[this.$name]) : '';
  };
  Element.prototype.toString = function () { return this.$value(); };
  Element.prototype.valueOf = function () { return this.$value(); };
  Element.prototype.getValue = function () { return this.$value(); };
  Element.prototype.setValue = function (value) { this.$record.setValue(this.$name, value); };
  Element.prototype.setDisplayValue = function (value) { this.$record.setDisplayValue(this.$name, value); };
  Element.prototype.getDisplayValue = function () { return this.$record.getDisplayValue(this.$name); };
  Element.prototype.nil = function () { return this.$value() === ''; };
  Element.prototype.hasValue = function () { return this.$value() !== ''; };
  Element.prototype.getName = function () { return this.$name; };
  Element.prototype.getTableName = function () { return this.$record.getTableName(); };
  Element.prototype.getReferenceTable = function () { return this.$column.target || null; };
  Element.prototype.toBoolean = function () { return isTrue(this.$value()); };
  Element.prototype.dateNumericValue = function () {
    return new global.GlideDateTime(this.$value()).getNumericValue();
  };
  Element.prototype.getGlideObject = function () { return new global.GlideDateTime(this.$value()); };
  Element.prototype.canRead = function () { return true; };
  Element.prototype.canWrite = Element.prototype.canRead;
  Element.prototype.changes = function () {
    return this.$record.$s.knowsChanges && this.$value() !== this.$before();
  };
  Element.prototype.changesTo = function (value) { return this.changes() && this.$value() === String(value); };
  Element.prototype.changesFrom = function (value) { return this.changes() && this.$before() === String(value); };
  Element.prototype.getRefRecord = function () {
    var record = new GlideRecord(this.$column.target || '');
    record.get(this.$value());
    return record;
  };
  Element.prototype.getDecryptedValue = function () { return native('$decrypt', [this.$value()]); };

  var dotWalk = {
    get: function (target, name) {
      if (name in target || typeof name !== 'string') return target[name];
      var known = describe(target.$column.target);
      if (!known || !has(known.columns, name)) return undefined;
      return target.getRefRecord().getElement(name);
    }
  };

  function elementOf(record, name) {
    var column = record.$s.columns[name];
    var element = new Element(record, name, column);
    return column.target ? new ProxyClass(element, dotWalk) : element;
  }

  // --- GlideRecord -------------------------------------------------------------------------------

  function Condition(terms) {
    hide(this, '$terms', terms);
  }
  Condition.prototype.addOrCondition = function (column, op, value) {
    this.$terms.push(arguments.length < 3 ? [String(column), '=', queryValue(op)]
      : [String(column), String(op), queryValue(value)]);
    return this;
  };

  var fields = {
    get: function (target, name) {
      if (name in target || typeof name !== 'string') return target[name];
      return has(target.$s.columns, name) ? elementOf(target, name) : undefined;
    },
    set: function (target, name, value) {
      target.setValue(name, value);
      return true;
    },
    has: function (target, name) {
      return name in target || (typeof name === 'string' && has(target.$s.columns, name));
    }
  };

  function GlideRecord(table) {
    var name = String(table);
    var known = describe(name);
    hide(this, '$s', {
      table: name, known: known, columns: known ? known.columns : {}, values: {}, original: {},
      positioned: false, isNew: false, parts: [], limit: 0, offset: 0, rows: [], index: -1,
      workflow: true, autoSys: true, abort: false, error: '', guid: '', previous: null,
      knowsChanges: false, operation: null
    });
    if (!known) native('$gs.log', ['error', 'GlideRecord: invalid table name ' + name]);
    return new ProxyClass(this, fields);
  }
  hide(GlideRecord.prototype, '$glide', true);

  var methods = {
    isValid: function () { return this.$s.known !== null; },
    isValidField: function (name) { return has(this.$s.columns, String(name)); },
    isValidRecord: function () { return this.$s.positioned; },
    isNewRecord: function () { return this.$s.isNew; },
    getTableName: function () { return this.$s.table; },
    getRecordClassName: function () { return this.$s.values.sys_class_name || this.$s.table; },
    getClassDisplayValue: function () { return this.getRecordClassName(); },
    getLastErrorMessage: function () { return this.$s.error; },
    operation: function () { return this.$s.operation; },
    toString: function () { return this.getDisplayValue() || this.$s.table; },

    addQuery: function (column, op, value) {
      if (arguments.length === 1) return this.addEncodedQuery(column);
      var terms = [];
      var condition = new Condition(terms);
      this.$s.parts.push({ any: terms });
      condition.addOrCondition.apply(condition, arguments);
      return condition;
    },
    addEncodedQuery: function (text) { this.$s.parts.push({ encoded: queryValue(text) }); },
    addNullQuery: function (column) { return this.addQuery(column, 'ISEMPTY', ''); },
    addNotNullQuery: function (column) { return this.addQuery(column, 'ISNOTEMPTY', ''); },
    addActiveQuery: function () { return this.addQuery('active', '=', 'true'); },
    addInactiveQuery: function () { return this.addQuery('active', '=', 'false'); },
    orderBy: function (column) { this.$s.parts.push({ order: String(column), descending: false }); },
    orderByDesc: function (column) { this.$s.parts.push({ order: String(column), descending: true }); },
    setLimit: function (count) { this.$s.limit = Number(count) || 0; },
    chooseWindow: function (first, last) {
      this.$s.offset = Number(first);
      this.$s.limit = Number(last) - Number(first);
    },
    getEncodedQuery: function () { return native('$gr.encode', [this.$s.parts]); },
    query: function (column, value) {
      if (arguments.length === 2) this.addQuery(column, value);
      var s = this.$s;
      s.rows = s.known ? native('$gr.query', [s.table, s.parts, s.limit, s.offset]) : [];
      s.index = -1;
    },
    hasNext: function () { return this.$s.index + 1 < this.$s.rows.length; },
    next: function () {
      var s = this.$s;
      if (s.index + 1 >= s.rows.length) return false;
      s.index += 1;
      this.$load(s.rows[s.index]);
      return true;
    },
    getRowCount: function () { return this.$s.rows.length; },
    getLocation: function () { return this.$s.index; },
    get: function (column, value) {
      var s = this.$s;
      var row = null;
      if (s.known) {
        if (arguments.length >= 2) {
          row = empty(queryValue(value)) ? null : native('$gr.first', [s.table, String(column), queryValue(value)]);
        } else if (!empty(queryValue(column))) {
          row = native('$gr.get', [s.table, queryValue(column)]);
        }
      }
      s.rows = row ? [row] : [];
      s.index = row ? 0 : -1;
      if (row) this.$load(row);
      return row !== null;
    },

    initialize: function () {
      var s = this.$s;
      s.values = {};
      s.original = {};
      s.positioned = false;
      s.isNew = false;
      s.guid = '';
    },
    newRecord: function () {
      this.initialize();
      if (this.$s.known) this.$s.values = native('$gr.defaults', [this.$s.table]);
      this.$s.isNew = true;
    },
    setNewGuidValue: function (id) { this.$s.guid = String(id); },
    setNewGuid: function () { this.$s.guid = native('$gs.guid', []); },
    setWorkflow: function (on) { this.$s.workflow = isTrue(on); },
    autoSysFields: function (on) { this.$s.autoSys = isTrue(on); },
    setForceUpdate: function () {},
    setAbortAction: function (on) { this.$s.abort = isTrue(on); },
    isActionAborted: function () { return this.$s.abort; },

    getElement: function (name) {
      var parts = String(name).split('.');
      var at = this;
      for (var i = 0; i < parts.length && at; i++) {
        if (!has(at.$s.columns, parts[i])) return null;
        var element = elementOf(at, parts[i]);
        if (i + 1 === parts.length) return element;
        at = element.$column.target ? element.getRefRecord() : null;
      }
      return null;
    },
    getElements: function () {
      var record = this;
      return Object.keys(this.$s.columns).map(function (name) { return elementOf(record, name); });
    },
    getValue: function (name) {
      var s = this.$s;
      var column = String(name);
      if (!has(s.columns, column) || empty(s.values[column])) return null;
      return String(s.values[column]);
    },
    getDisplayValue: function (name) {
      var s = this.$s;
      if (!s.known) return null;
      var column = name === undefined ? s.known.display : String(name);
      if (column.indexOf('.') > 0) {
        var far = this.getElement(column);
        return far ? far.getDisplayValue() : null;
      }
      if (!has(s.columns, column)) return null;
      var value = empty(s.values[column]) ? '' : String(s.values[column]);
      var kind = s.columns[column];
      if (kind.type === 'boolean') return value === '1' ? 'true' : 'false';
      if (kind.type === 'password2' && value !== '') return '********';
      return kind.target && value !== '' ? native('$gr.display', [kind.target, value]) : value;
    },
    getUniqueValue: function () { return this.getValue('sys_id'); },
    setValue: function (name, value) {
      var s = this.$s;
      var column = String(name);
      if (has(s.columns, column)) s.values[column] = stored(s.columns[column], value);
    },
    setDisplayValue: function (name, value) {
      var s = this.$s;
      var column = String(name);
      if (!has(s.columns, column)) return;
      var kind = s.columns[column];
      var secret = kind.type === 'password2' ||
        (s.table === 'sys_properties' && column === 'value' && s.values.type === 'password2');
      if (secret) {
        s.values[column] = native('$encrypt', [String(value)]);
      } else if (kind.target) {
        s.values[column] = native('$gr.byDisplay', [kind.target, String(value)]);
      } else {
        this.setValue(column, value);
      }
    },

    insert: function () {
      var s = this.$s;
      var values = copy(s.values);
      if (s.positioned) ['sys_id', 'sys_mod_count', 'number'].forEach(function (name) { delete values[name]; });
      if (s.guid) values.sys_id = s.guid;
      return this.$written(native('$gr.insert', [s.table, values, s.workflow, s.autoSys]));
    },
    update: function () {
      var s = this.$s;
      if (!s.positioned) return this.insert();
      var changed = {};
      for (var name in s.values) {
        if (String(s.values[name]) !== String(s.original[name])) changed[name] = s.values[name];
      }
      return this.$written(native('$gr.update', [s.table, s.original.sys_id, changed, s.workflow, s.autoSys]));
    },
    insertOrUpdate: function () { return this.update(); },
    deleteRecord: function () {
      var s = this.$s;
      if (!s.positioned) return false;
      var answer = native('$gr.delete', [s.table, s.original.sys_id, s.workflow]);
      s.error = answer.error || '';
      if (!answer.error) s.positioned = false;
      return !answer.error;
    },
    deleteMultiple: function () {
      if (this.$s.index < 0) this.query();
      while (this.next()) this.deleteRecord();
    },
    updateMultiple: function () {
      var wanted = copy(this.$s.values);
      this.query();
      while (this.next()) {
        for (var name in wanted) this.$s.values[name] = wanted[name];
        this.update();
      }
    },
    canRead: function () { return true; },
    canWrite: function () { return true; },
    canCreate: function () { return true; },
    canDelete: function () { return true; },
    setCategory: function () {},
    queryNoDomain: function () { this.query(); },
    changes: function () {
      var record = this;
      return Object.keys(this.$s.columns).some(function (name) { return elementOf(record, name).changes(); });
    },

    $load: function (row) {
      var s = this.$s;
      s.values = copy(row);
      s.original = copy(row);
      s.positioned = true;
      s.isNew = false;
    },
    $written: function (answer) {
      var s = this.$s;
      s.error = answer.error || '';
      if (answer.error) return null;
      this.$load(answer.row);
      return String(answer.row.sys_id);
    }
  };
  Object.keys(methods).forEach(function (name) { hide(GlideRecord.prototype, name, methods[name]); });
  hide(GlideRecord.prototype, '_next', methods.next);
  hide(GlideRecord.prototype, '_query', methods.query);
  global.GlideRecord = GlideRecord;
  global.GlideRecordSecure = GlideRecord;

  // The record a business rule works on.
  hide(global, '$ruleRecord', function (table, row, previous, operation, knowsChanges) {
    var record = new GlideRecord(table);
    record.$load(row);
    record.$s.previous = previous;
    record.$s.operation = operation;
    record.$s.knowsChanges = knowsChanges;
    record.$s.isNew = operation === 'insert' && knowsChanges;
    return record;
  });

  // --- GlideAggregate ----------------------------------------------------------------------------

  function GlideAggregate(table) {
    var record = new GlideRecord(table);
    record.$s.aggregates = [];
    record.$s.groups = [];
    var rows = [];
    var at = -1;
    this.addQuery = function () { return record.addQuery.apply(record, arguments); };
    this.addEncodedQuery = function (text) { record.addEncodedQuery(text); };
    this.addNullQuery = function (column) { return record.addNullQuery(column); };
    this.addNotNullQuery = function (column) { return record.addNotNullQuery(column); };
    this.addActiveQuery = function () { return record.addActiveQuery(); };
    this.orderBy = function (column) { record.orderBy(column); };
    this.orderByDesc = function (column) { record.orderByDesc(column); };
    this.addAggregate = function (kind, column) {};
    this.groupBy = function (column) { record.$s.groups.push(String(column)); };
    this.getTableName = function () { return record.getTableName(); };
    this.query = function () {
      var found = {};
      var order = [];
      record.query();
      record.$s.rows.forEach(function (row) {
        var key = record.$s.groups.map(function (name) { return row[name]; }).join('\u0000');
        if (!has(found, key)) {
          found[key] = [];
          order.push(key);
        }
        found[key].push(row);
      });
      if (!record.$s.groups.length && !order.length) {
        found[''] = [];
        order.push('');
      }
      rows = order.map(function (key) { return found[key]; });
      at = -1;
    };
    this.hasNext = function () { return at + 1 < rows.length; };
    this.next = function () {
      at += 1;
      return at < rows.length;
    };
    this.getRowCount = function () { return rows.length; };
    this.getValue = function (column) {
      var row = rows[at] && rows[at][0];
      return row && has(record.$s.columns, column) && !empty(row[column]) ? String(row[column]) : null;
    };
    this.getAggregate = function (kind, column) {
      var values = (rows[at] || []).map(function (row) { return column ? row[column] : '1'; })
        .filter(function (value) { return !empty(value); });
      switch (String(kind).toUpperCase()) {
        case 'COUNT': return String(column ? values.length : (rows[at] || []).length);
        case 'SUM': return String(values.reduce(function (sum, value) { return sum + Number(value); }, 0));
        case 'AVG':
          return values.length
            ? String(values.reduce(function (sum, value) { return sum + Number(value); }, 0) / values.length) : null;
        case 'MIN':
        case 'MAX':
          var high = String(kind).toUpperCase() === 'MAX';
          var numeric = column && record.$s.columns[column] && record.$s.columns[column].type === 'integer';
          return values.reduce(function (best, value) {
            if (best === null) return value;
            var more = numeric ? Number(value) > Number(best) : value > best;
            return more === high ? value : best;
          }, null);
        default: return null;
      }
    };
  }
  global.GlideAggregate = GlideAggregate;
})(this);
)js";

}  // namespace bridge::sandbox
