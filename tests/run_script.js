// Runs scripts of the review page without a browser: the names of files in the arguments, then calls of what they added to
// `window.kilopair` as JSON on standard input: [["fold.standings", [events]], ...]; prints what each returned. What an earlier
// call returned may be given by its place, as {"returned": 0}.
"use strict";
const fs = require("node:fs");
const vm = require("node:vm");

globalThis.window = globalThis;
for (const path of process.argv.slice(2)) vm.runInThisContext(fs.readFileSync(path, "utf8"), { filename: path });
const calls = JSON.parse(fs.readFileSync(0, "utf8"));
const found = (name) => name.split(".").reduce((value, part) => value[part], globalThis.kilopair);
const returned = [];
const meant = (value) => (value && value.returned !== undefined ? returned[value.returned] : value);
for (const [name, given] of calls) returned.push(found(name)(...given.map(meant)));
process.stdout.write(JSON.stringify(returned));
