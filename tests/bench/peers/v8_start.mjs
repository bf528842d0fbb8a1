// The first frame of a task in a V8 instance (node). Prints microseconds, one line a measurement.
//
//   node v8_start.mjs MODULE.wasm BYTES WIDTH HEIGHT ROUNDS
//
// "instance": the module is compiled already; a fresh instance is made and given its first frame.
// "whole":    from reading the file, in this process; whoever starts node adds the time that node itself takes.
import { readFileSync } from 'node:fs';

const [path, bytes, width, height, rounds] = process.argv.slice(2);
const grey8 = 1;

function serveFirstFrame(module, frame) {
  const imports = {
    'proxima:task@1': { output: () => {}, log: () => {}, now_ns: () => process.hrtime.bigint(), trap: (code) => { throw new Error(`trap(${code})`); } },
    'proxima:vision@1': { hog_people: () => -2 },
  };
  const call = new WebAssembly.Instance(module, imports).exports;
  call._initialize();
  if (call.on_open(grey8, +width, +height) !== 0) throw new Error('on_open refused');
  const address = call.frame_buffer(frame.length) >>> 0;
  new Uint8Array(call.memory.buffer).set(frame, address);
  if (call.on_frame(frame.length, grey8, +width, +height) !== 0) throw new Error('on_frame failed');
}

const since = (began) => Number(process.hrtime.bigint() - began) / 1e3;

const frame = new Uint8Array(+bytes);
const began = process.hrtime.bigint();
const module = new WebAssembly.Module(readFileSync(path));
serveFirstFrame(module, frame);
console.log(`whole ${since(began).toFixed(1)}`);
for (let i = 0; i < +rounds; ++i) {
  const at = process.hrtime.bigint();
  serveFirstFrame(module, frame);
  console.log(`instance ${since(at).toFixed(1)}`);
}
