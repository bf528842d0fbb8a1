// Checks who includes whom. Usage: node layers.mjs ROOT — prints each violation as file:line: words, exit status 1 if any.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";

const root = process.argv[2];
if (!root) {
  console.error("usage: node layers.mjs ROOT");
  process.exit(2);
}

// First match wins. `own`: project folders that may be included. `third`: patterns of third-party headers.
const json = /^nlohmann\//, cli = /^CLI\//, opencv = /^opencv2\//, uv = /^uv\.h$/;
const layers = [
  { at: /^common\/base\//, own: ["common/base"], third: [] },
  { at: /^common\/protocol\//, own: ["common/base", "common/protocol"], third: [] },
  { at: /^common\/object\//, own: ["common/base", "common/object", "common/protocol/limits.hpp"], third: [/^sodium/] },
  { at: /^common\/io\//, own: ["common/base", "common/io", "common/protocol/limits.hpp"], third: [uv, /^mqtt\//, /^MQTT/, /^zmq/, /^sodium/, /^sqlite3/] },
  { at: /^coordinator\/core\//, own: ["common/base", "common/protocol", "coordinator/core"], third: [] },
  { at: /^agent\/core\//, own: ["common/base", "common/protocol", "agent/core"], third: [] },
  { at: /^sdk\/core\//, own: ["common/base", "common/protocol", "sdk/core"], third: [] },
  { at: /^coordinator\/main\.cpp$/, own: ["common", "coordinator/core", "coordinator/io"], third: [cli, uv] },
  { at: /^coordinator\/builder\/(main|serve)/, own: ["common", "coordinator/builder"], third: [cli, json, /^sodium/] },
  { at: /^coordinator\/builder\/rt\//, own: ["coordinator/builder/rt"], third: [] },
  { at: /^coordinator\/builder\//, own: ["common", "coordinator/builder"], third: [json, /^sodium/] },
  { at: /^coordinator\/io\//, own: ["common", "coordinator/core", "coordinator/io"], third: [json, uv] },
  { at: /^agent\/main\.cpp$/, own: ["common", "agent/core", "agent/io"], third: [cli, uv] },
  { at: /^agent\/io\//, own: ["common", "agent/core", "agent/io", "agent/worker"], third: [uv, json] },
  { at: /^agent\/worker\//, own: ["common/base", "agent/worker", "common/protocol/limits.hpp", "common/object"], third: [/^seccomp\.h$/] },
  { at: /^agent\/host\//, own: ["common/base", "agent/worker", "agent/host", "sdk/include/proxima/boxes.hpp", "common/protocol/limits.hpp"], third: [opencv, /^seccomp\.h$/] },
  { at: /^sdk\/include\//, own: ["sdk/include"], third: [] },
  { at: /^sdk\/guest\//, own: ["sdk/include", "sdk/guest"], third: [] },
  { at: /^sdk\/examples\//, own: ["sdk/include", "sdk/examples"], third: [opencv] },
  { at: /^sdk\/netlab\//, own: ["common", "sdk/netlab"], third: [cli, json, uv, /^toml\+\+/] },
  { at: /^sdk\/(src|cli)\//, own: ["common", "sdk"], third: [cli, json, uv, opencv, /^toml\+\+/] },
  { at: /^tests\//, own: [""], third: [/.*/] },
];

const generated = /^(sdk\/cli\/demo\/(default_lab|report_page)\.hpp)$/;
const standard = /^([a-z_]+|c[a-z]+)$|^(sys|linux|netinet|arpa|asm|net|bits)\/|^(unistd|fcntl|errno|signal|setjmp|elf|poll|sched|dlfcn|netdb|ifaddrs|malloc|getopt|dirent|limits|stddef|stdint|stdbool|stdlib|stdio|string|math|pwd|grp|assert|inttypes|ftw|ucontext|link|termios|glob|spawn|time|pthread|mqueue|syslog|locale|execinfo|alloca|sysexits)\.h$/;

function* sources(folder) {
  for (const name of readdirSync(folder)) {
    if (name === "build" || name === "node_modules" || name.startsWith(".") || name === "planted") continue;
    const path = join(folder, name);
    if (statSync(path).isDirectory()) yield* sources(path);
    else if (/\.(hpp|cpp|h|c|in)$/.test(name)) yield path;
  }
}

const exists = path => { try { statSync(path); return true; } catch { return false; } };
let wrong = 0;
let files = 0;
for (const path of sources(root)) {
  const name = relative(root, path);
  ++files;
  const layer = layers.find(one => one.at.test(name));
  const complain = (line, words) => { console.log(`${name}:${line}: ${words}`); ++wrong; };
  if (!layer) { complain(1, "is in no layer: give its folder a row in tests/tidy/layers.mjs"); continue; }
  readFileSync(path, "utf8").split("\n").forEach((text, index) => {
    const match = text.match(/^\s*#\s*include\s*(<([^>]+)>|"([^"]+)")/);
    if (!match) return;
    const header = match[2] ?? match[3];
    const ours = exists(join(root, header)) || generated.test(header);
    if (ours || match[3] !== undefined) {
      const target = exists(join(root, header)) || generated.test(header) ? header : relative(root, join(path, "..", header));
      const inSdkInclude = exists(join(root, "sdk/include", header)) ? "sdk/include/" + header : null;
      const full = inSdkInclude ?? target;
      if (!layer.own.some(own => own === "" || full === own || full.startsWith(own + "/"))) complain(index + 1, `may not include ${header}`);
      return;
    }
    if (header.startsWith("proxima/")) {
      if (!layer.own.some(own => own === "" || own.startsWith("sdk"))) complain(index + 1, `may not include ${header}`);
      return;
    }
    if (!standard.test(header) && !layer.third.some(third => third.test(header))) complain(index + 1, `may not include <${header}>`);
  });
}
if (files === 0) { console.log(`${root}: no sources found`); process.exit(1); }
console.log(`${files} files, ${wrong} violation(s)`);
process.exit(wrong === 0 ? 0 : 1);
