// Answers pairs with node-semver in its loose mode (node npm.js, with `semver` installed).
// Left out: partial versions (`1`, `1.2`), which we read as advisories mean them, and numbers
// above 2^53, which node-semver refuses or rounds. Left out too is what it reads by taking a number apart (`16.2.11.0` is
// 16.2.1-1.0 to it) or as an empty pre-release (`1.0.0-`): no registry accepts them, and we refuse to order them.
const semver = require("semver");
const partial = /^[v=\s]*\d+(\.\d+)?([-+].*)?$/;
const huge = /\d{16}/;
const torn = /^[v=\s]*\d+\.\d+\.\d+(\.|-?v$|-([.+]|$))/;
const lines = require("fs").readFileSync(0, "utf8").split("\n").filter(Boolean);
for (const line of lines) {
  const pair = line.split("\t");
  if (pair.some((version) => [partial, huge, torn].some((form) => form.test(version)))) continue;
  const readable = pair.every((version) => semver.valid(version, { loose: true }));
  console.log(`${line}\t${readable ? semver.compare(pair[0], pair[1], { loose: true }) : "?"}`);
}
