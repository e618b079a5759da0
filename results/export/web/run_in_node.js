// Prints the logits of images as float32: node run_in_node.js, beside network.js, network.json and images.bin.
const fs = require("fs");
require("vm").runInThisContext(fs.readFileSync("network.js", "utf8"), "network.js");
const plan = JSON.parse(fs.readFileSync("network.json", "utf8"));
const network = makeNetwork(plan); // eslint-disable-line no-undef
const bytes = fs.readFileSync("images.bin");
const pixels = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
const size = plan.input.reduce((product, length) => product * length, 1);
const chunks = [];
for (let at = 0; at < pixels.length; at += size) {
  chunks.push(Buffer.from(Float32Array.from(network(pixels.slice(at, at + size))).buffer));
}
fs.writeFileSync("logits.bin", Buffer.concat(chunks));
