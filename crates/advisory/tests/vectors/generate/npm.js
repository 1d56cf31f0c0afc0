// Answers pairs with node-semver in its loose mode (node npm.js, with `semver` installed).
// Left out: partial versions (`1`, `1.2`), which we read as advisories mean them, and numbers
// above 2^53, which node-semver refuses or rounds.
const semver = require("semver");
const partial = /^[v=\s]*\d+(\.\d+)?([-+].*)?$/;
const huge = /\d{16}/;
const lines = require("fs").readFileSync(0, "utf8").split("\n").filter(Boolean);
for (const line of lines) {
  const pair = line.split("\t");
  if (pair.some((version) => partial.test(version) || huge.test(version))) continue;
  const readable = pair.every((version) => semver.valid(version, { loose: true }));
  console.log(`${line}\t${readable ? semver.compare(pair[0], pair[1], { loose: true }) : "?"}`);
}
