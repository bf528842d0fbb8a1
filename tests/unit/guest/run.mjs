// Runs a task's module in node, frame by frame: the reference that native objects are compared with.
//
//   node run.mjs MODULE.wasm FRAMES FORMAT WIDTH HEIGHT
//
// FRAMES is a file of frames, each led by its length (u32, little-endian). Prints one line a call: "open 0",
// "frame CODE OUTPUT-AS-HEX", or "trap WHY". Stops at a trap.
import { readFileSync } from 'node:fs';

const [modulePath, framesPath, format, width, height] = process.argv.slice(2);
let instance;
let output = '';
const memory = () => new Uint8Array(instance.exports.memory.buffer);
const missing = () => -2;
const imports = {
  'proxima:task@1': {
    output: (address, length) => {
      const from = address >>> 0;
      const bytes = memory().slice(from, from + (length >>> 0));
      if (bytes.length !== length >>> 0) throw new Error('output outside the memory');
      output = Buffer.from(bytes).toString('hex');
    },
    log: () => {},
    now_ns: () => process.hrtime.bigint(),
    trap: (code) => { throw new Error(`trap(${code})`); },
  },
  'proxima:vision@1': { hog_people: missing },
};

try {
  instance = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(modulePath)), imports);
  const call = instance.exports;
  call._initialize();
  console.log(`open ${call.on_open(+format, +width, +height)}`);
  const file = readFileSync(framesPath);
  for (let at = 0; at < file.length;) {
    const length = file.readUInt32LE(at);
    const address = call.frame_buffer(length) >>> 0;
    memory().set(file.subarray(at + 4, at + 4 + length), address);
    output = '';
    console.log(`frame ${call.on_frame(length, +format, +width, +height)} ${output}`);
    at += 4 + length;
  }
  call.on_close();
} catch (error) {
  console.log(`trap ${error.message}`);
}
