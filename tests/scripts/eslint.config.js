// SPDX-License-Identifier: MIT
// The grammar and the globals of a global-scope server script in "ES5 Standards" mode, and the
// mistakes that such a script can make without anybody noticing. See run.sh.
'use strict';

const js = require('@eslint/js');

// What the platform puts into the scope. Anything else (console, setTimeout, Promise, Map, ...)
// does not exist there and is reported by no-undef.
const es5 = [
  'Array', 'Boolean', 'Date', 'Error', 'Function', 'JSON', 'Math', 'Number', 'Object', 'RegExp',
  'String', 'TypeError', 'RangeError', 'SyntaxError', 'decodeURIComponent', 'encodeURIComponent',
  'isFinite', 'isNaN', 'parseFloat', 'parseInt', 'undefined', 'NaN', 'Infinity',
];
const platform = [
  'gs', 'GlideRecord', 'GlideDateTime', 'GlideImpersonate', 'GlideStringUtil',
  'GlideCertificateEncryption', 'GlideDigest', 'sn_cs', 'sn_ws', 'sn_awa',
];

function readonly(names) {
  return Object.fromEntries(names.map((name) => [name, 'readonly']));
}

const withAReason = [
  {
    selector: "CallExpression[callee.property.name=/^(addEncodedQuery|deleteMultiple|updateMultiple)$/]",
    message: 'An invalid term in a query is dropped and widens it: no bulk changes, no encoded queries.',
  },
  {
    selector: "BinaryExpression[left.callee.property.name='getValue'][right.value=/^(true|false)$/]",
    message: 'getValue gives "1" and "0" for booleans.',
  },
  {
    selector: "CallExpression[callee.object.name='gs'][callee.property.name=/^(log|print|sleep|setProperty)$/]",
    message: 'Not in every scope, or harmful to the whole instance.',
  },
  {
    selector: "CallExpression[callee.property.name=/^(padStart|padEnd|repeat|includes|startsWith|endsWith|assign|entries|values|find|findIndex|fill|from|of)$/]",
    message: 'Not part of ES5.',
  },
];

const rules = {
  ...js.configs.recommended.rules,
  'block-scoped-var': 'error',
  'consistent-return': 'error',
  curly: 'error',
  'dot-notation': 'error',
  eqeqeq: 'error',
  'guard-for-in': 'error',
  'max-depth': ['error', 4],
  'max-len': ['error', { code: 100, ignorePattern: '^ \\* @filter ' }],
  'no-control-regex': 'error',
  'no-empty': ['error', { allowEmptyCatch: false }],
  'no-eval': 'error',
  'no-ex-assign': 'off',
  'no-extend-native': 'error',
  'no-implicit-globals': 'error',
  'no-implied-eval': 'error',
  'no-loop-func': 'error',
  'no-new-func': 'error',
  'no-restricted-syntax': ['error', ...withAReason],
  'no-shadow': ['error', { builtinGlobals: true, hoist: 'functions' }],
  'no-throw-literal': 'error',
  'no-trailing-spaces': 'error',
  'no-unused-vars': ['error', { args: 'none', caughtErrors: 'none' }],
  'no-use-before-define': ['error', { functions: false }],
  'no-var': 'off',
  'no-with': 'error',
  quotes: ['error', 'single', { avoidEscape: true }],
  radix: 'error',
  semi: ['error', 'always'],
  strict: 'off',
};

module.exports = [
  { linterOptions: { reportUnusedDisableDirectives: 'error', noInlineConfig: true } },
  {
    files: ['**/*.js'],
    ignores: ['**/eslint.config.js'],
    languageOptions: { ecmaVersion: 5, sourceType: 'script', globals: readonly([...es5, ...platform]) },
    rules,
  },
  {
    // The last line of each file hands in what the platform gave it.
    files: ['**/servicenow/*.js', '**/legacy_scripts/*.js'],
    languageOptions: {
      globals: readonly(['request', 'response', 'current', 'previous']),
    },
    rules: { 'no-shadow': ['error', { allow: ['request', 'response', 'current', 'previous', 'failure', 'row', 'interaction', 'chat', 'input', 'result'] }] },
  },
];
