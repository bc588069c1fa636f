import bytes from './nbody.wasm';

let exports;
export default {
  fetch() {
    exports ??= new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
    return new Response(exports.run(1_000_000).toFixed(12));
  },
};
