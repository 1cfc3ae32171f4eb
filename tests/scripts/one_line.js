// SPDX-License-Identifier: MIT
// ESLint findings one a line, so that run.sh can count them together with those of tsc.
'use strict';

const path = require('node:path');

module.exports = (results) =>
  results
    .flatMap((result) =>
      result.messages.map((finding) => {
        const file = path.relative(process.cwd(), result.filePath);
        return `${file}(${finding.line},${finding.column}): ${finding.ruleId || 'syntax'}: ${finding.message}`;
      }),
    )
    .join('\n');
