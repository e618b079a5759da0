"use strict";
// The operators of a network, for one image. A tensor is {shape, data}: data is a Float32Array in row-major order.
// Attributes and results are those of ONNX; plan.py writes the steps.

function makeNetwork(plan) {
  const weights = decodedWeights(plan.weights);
  const constants = new Map();
  for (const [name, [begin, shape]] of Object.entries(plan.constants)) {
    constants.set(name, { shape, data: weights.subarray(begin, begin + sizeOf(shape)), isConstant: true });
  }
  const lastUse = new Map();
  plan.steps.forEach(([, inputs], index) => inputs.forEach((name) => lastUse.set(name, index)));

  // Returns the logits of an image: data C H W, pixels from 0 to 1.
  return function logits(data) {
    const values = new Map(constants);
    values.set("images", { shape: plan.input, data });
    plan.steps.forEach(([kind, inputs, output, attributes], index) => {
      values.set(output, OPERATORS[kind](attributes, ...inputs.map((name) => values.get(name))));
      for (const name of inputs) if (lastUse.get(name) === index && !constants.has(name)) values.delete(name);
    });
    return values.get("logits").data;
  };
}

// Base64 of little-endian float32, the order of every processor that runs a browser.
function decodedWeights(text) {
  const letters = atob(text), bytes = new Uint8Array(letters.length);
  for (let at = 0; at < letters.length; at++) bytes[at] = letters.charCodeAt(at);
  return new Float32Array(bytes.buffer);
}

const sizeOf = (shape) => shape.reduce((product, size) => product * size, 1);
const tensor = (shape, data = new Float32Array(sizeOf(shape))) => ({ shape, data });
const axisOf = (axis, shape) => (axis < 0 ? axis + shape.length : axis);

// Strides by dimension, in elements.
function stridesOf(shape) {
  const strides = new Array(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

// Copies the elements of a view of data: its shape, its strides, and the index of its first element.
function gathered(data, shape, strides, first = 0) {
  const result = tensor(shape);
  const index = new Array(shape.length).fill(0);
  let from = first;
  for (let to = 0; to < result.data.length; to++) {
    result.data[to] = data[from];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis];
      if (++index[axis] < shape[axis]) break;
      from -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return result;
}

function broadcast(x, shape) {
  const padded = [...new Array(shape.length - x.shape.length).fill(1), ...x.shape];
  const strides = stridesOf(padded).map((stride, axis) => (padded[axis] === 1 ? 0 : stride));
  return gathered(x.data, shape, strides);
}

function binary(compute) {
  return (_, a, b) => {
    const rank = Math.max(a.shape.length, b.shape.length);
    const size = (x, axis) => x.shape[axis - rank + x.shape.length] ?? 1;
    const shape = Array.from({ length: rank }, (_, axis) => (size(a, axis) === 1 ? size(b, axis) : size(a, axis)));
    const result = tensor(shape);
    const same = (x) => x.data.length === result.data.length || x.data.length === 1;
    const left = same(a) ? a.data : broadcast(a, shape).data;
    const right = same(b) ? b.data : broadcast(b, shape).data;
    const [i, j] = [left.length > 1 ? 1 : 0, right.length > 1 ? 1 : 0];
    for (let at = 0; at < result.data.length; at++) result.data[at] = compute(left[at * i], right[at * j]);
    return result;
  };
}

const unary = (compute) => (attributes, x) => tensor(x.shape, x.data.map((value) => compute(value, attributes)));

// The error function to 1e-16, by its series, or the continued fraction of its complement.
function erf(x) {
  const size = Math.abs(x);
  if (size < 3) {
    let term = size, sum = size;
    for (let n = 1; Math.abs(term) > 1e-17 * sum; n++) {
      term *= (-size * size) / n;
      sum += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let fraction = size;
  for (let n = 60; n >= 1; n--) fraction = size + n / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-size * size) / fraction / Math.sqrt(Math.PI));
}

// The planes of x with a border; float64 spares the conversion of each element that is read.
function padded(x, [top, left, bottom, right], value) {
  const [, channels, height, width] = x.shape;
  const [rows, columns] = [height + top + bottom, width + left + right];
  const data = new Float64Array(channels * rows * columns);
  if (value) data.fill(value);
  for (let channel = 0; channel < channels; channel++) {
    for (let y = 0; y < height; y++) {
      const begin = (channel * height + y) * width;
      data.set(x.data.subarray(begin, begin + width), (channel * rows + y + top) * columns + left);
    }
  }
  return { data, rows, columns };
}

// The kernel's geometry: defaults of ONNX, the size of the output, and the offset of each tap in a padded plane.
function windowOf(attributes, x, [kernelRows, kernelColumns], value) {
  const { strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1] } = attributes;
  const plane = padded(x, pads, value);
  const outRows = Math.floor((plane.rows - (kernelRows - 1) * dilations[0] - 1) / strides[0]) + 1;
  const outColumns = Math.floor((plane.columns - (kernelColumns - 1) * dilations[1] - 1) / strides[1]) + 1;
  const taps = [];
  for (let y = 0; y < kernelRows; y++) {
    for (let c = 0; c < kernelColumns; c++) taps.push(y * dilations[0] * plane.columns + c * dilations[1]);
  }
  return { ...plane, strides, outRows, outColumns, taps };
}

const packedWeights = new WeakMap();

// The weights of four output channels beside each other, for each block of at most four of a group: [block][tap][4].
function packed(weights, groups) {
  let blocks = packedWeights.get(weights.data);
  if (blocks) return blocks;
  const perGroup = weights.shape[0] / groups, taps = weights.data.length / weights.shape[0];
  blocks = [];
  for (let group = 0; group < groups; group++) {
    for (let first = 0; first < perGroup; first += 4) {
      const count = Math.min(4, perGroup - first), channel = group * perGroup + first;
      const data = new Float64Array(4 * taps);
      for (let i = 0; i < count; i++) {
        for (let tap = 0; tap < taps; tap++) data[4 * tap + i] = weights.data[(channel + i) * taps + tap];
      }
      blocks.push({ group, channel, count, data });
    }
  }
  packedWeights.set(weights.data, blocks);
  return blocks;
}

function conv(attributes, x, weights, bias) {
  const groups = attributes.group ?? 1;
  const [channels, perGroup, ...kernel] = weights.shape;
  const { data, rows, columns, strides, outRows, outColumns, taps } = windowOf(attributes, x, kernel);
  const result = tensor([1, channels, outRows, outColumns]);
  const offsets = new Int32Array(perGroup * taps.length);
  offsets.forEach((_, index) => {
    offsets[index] = Math.floor(index / taps.length) * rows * columns + taps[index % taps.length];
  });
  for (const block of packed(weights, groups)) {
    const input = data.subarray(block.group * perGroup * rows * columns);
    const add = [0, 1, 2, 3].map((i) => (bias && i < block.count ? bias.data[block.channel + i] : 0));
    convBlock(result.data, block, add, input, offsets, outRows, outColumns, strides[0] * columns, strides[1]);
  }
  return result;
}

// Four output channels; two neighbouring pixels share the loads of the weights.
function convBlock(out, block, add, input, offsets, outRows, outColumns, rowStride, columnStride) {
  const weights = block.data, taps = offsets.length, size = outRows * outColumns, count = block.count;
  for (let y = 0; y < outRows; y++) {
    for (let column = 0; column < outColumns; column += 2) {
      const base = y * rowStride + column * columnStride;
      const next = column + 1 < outColumns ? columnStride : 0;
      let a0 = add[0], a1 = add[1], a2 = add[2], a3 = add[3];
      let b0 = a0, b1 = a1, b2 = a2, b3 = a3;
      for (let tap = 0, at = 0; tap < taps; tap++, at += 4) {
        const place = base + offsets[tap], a = input[place], b = input[place + next];
        const w0 = weights[at], w1 = weights[at + 1], w2 = weights[at + 2], w3 = weights[at + 3];
        a0 += a * w0; a1 += a * w1; a2 += a * w2; a3 += a * w3;
        b0 += b * w0; b1 += b * w1; b2 += b * w2; b3 += b * w3;
      }
      let to = block.channel * size + y * outColumns + column;
      out[to] = a0;
      if (count > 1) out[to + size] = a1;
      if (count > 2) out[to + 2 * size] = a2;
      if (count > 3) out[to + 3 * size] = a3;
      if (!next) continue;
      to++;
      out[to] = b0;
      if (count > 1) out[to + size] = b1;
      if (count > 2) out[to + 2 * size] = b2;
      if (count > 3) out[to + 3 * size] = b3;
    }
  }
}

// A pooling: reduce gets the padded planes, the index of a window's first pixel, and the offsets of its pixels.
function pool(attributes, x, border, reduce) {
  const window = windowOf(attributes, x, attributes.kernel_shape, border);
  const { rows, columns, strides, outRows, outColumns, taps } = window;
  const result = tensor([1, x.shape[1], outRows, outColumns]);
  let to = 0;
  for (let channel = 0; channel < x.shape[1]; channel++) {
    for (let y = 0; y < outRows; y++) {
      for (let column = 0; column < outColumns; column++) {
        const first = (channel * rows + y * strides[0]) * columns + column * strides[1];
        result.data[to++] = reduce(window.data, first, taps);
      }
    }
  }
  return result;
}

function sumAt(data, first, taps) {
  let sum = 0;
  for (const tap of taps) sum += data[first + tap];
  return sum;
}

function averagePool(attributes, x) {
  const sums = pool(attributes, x, 0, sumAt);
  const ones = { shape: [1, 1, x.shape[2], x.shape[3]], data: new Float32Array(x.shape[2] * x.shape[3]).fill(1) };
  const counts = attributes.count_include_pad
    ? tensor([1], Float32Array.of(sizeOf(attributes.kernel_shape)))
    : pool(attributes, ones, 0, sumAt);
  return OPERATORS.Div({}, sums, counts);
}

function batchNorm(attributes, x, scale, bias, mean, variance) {
  const result = tensor(x.shape);
  const size = sizeOf(x.shape.slice(2));
  for (let channel = 0, at = 0; channel < x.shape[1]; channel++) {
    const factor = scale.data[channel] / Math.sqrt(variance.data[channel] + (attributes.epsilon ?? 1e-5));
    const shift = bias.data[channel] - mean.data[channel] * factor;
    for (const end = at + size; at < end; at++) result.data[at] = x.data[at] * factor + shift;
  }
  return result;
}

function reduceMean({ axes, keepdims = 1 }, x) {
  const reduced = new Set(axes.map((axis) => axisOf(axis, x.shape)));
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !reduced.has(axis));
  const order = [...kept, ...reduced];
  const sorted = transpose({ perm: order }, x).data;
  const count = sizeOf([...reduced].map((axis) => x.shape[axis]));
  const full = x.shape.map((size, axis) => (reduced.has(axis) ? 1 : size));
  const result = tensor(keepdims ? full : kept.map((axis) => x.shape[axis]));
  result.data.forEach((_, index) => {
    let sum = 0;
    for (let at = index * count; at < (index + 1) * count; at++) sum += sorted[at];
    result.data[index] = sum / count;
  });
  return result;
}

function transpose({ perm }, x) {
  const order = perm ?? x.shape.map((_, axis) => x.shape.length - 1 - axis);
  const strides = stridesOf(x.shape);
  return gathered(x.data, order.map((axis) => x.shape[axis]), order.map((axis) => strides[axis]));
}

function slice({ starts, ends, axes, steps }, x) {
  const shape = [...x.shape], strides = stridesOf(x.shape);
  let first = 0;
  starts.forEach((given, index) => {
    const axis = axisOf(axes?.[index] ?? index, shape), step = steps?.[index] ?? 1, size = x.shape[axis];
    const lowest = step > 0 ? 0 : -1, highest = step > 0 ? size : size - 1;
    const clamp = (value, low) => Math.min(Math.max(value < 0 ? value + size : value, low), highest);
    const start = clamp(given, 0), end = clamp(ends[index], lowest);
    first += start * strides[axis];
    shape[axis] = Math.max(0, Math.ceil((end - start) / step));
    strides[axis] *= step;
  });
  return gathered(x.data, shape, strides, first);
}

function gather({ axis = 0, indices }, x) {
  const at = axisOf(axis, x.shape), strides = stridesOf(x.shape);
  const one = x.shape.map((size, dim) => (dim === at ? 1 : size));
  const pick = (index) => {
    const place = index < 0 ? index + x.shape[at] : index;
    return gathered(x.data, one, strides, place * strides[at]);
  };
  if (!Array.isArray(indices)) return tensor(x.shape.filter((_, dim) => dim !== at), pick(indices).data);
  return concat({ axis: at }, ...indices.map(pick));
}

function concat({ axis }, ...parts) {
  const at = axisOf(axis, parts[0].shape);
  const total = parts.reduce((sum, part) => sum + part.shape[at], 0);
  const result = tensor(parts[0].shape.map((size, dim) => (dim === at ? total : size)));
  const outer = sizeOf(result.shape.slice(0, at)), inner = sizeOf(result.shape.slice(at + 1));
  let begin = 0;
  for (const part of parts) {
    const run = part.shape[at] * inner;
    for (let row = 0; row < outer; row++) {
      result.data.set(part.data.subarray(row * run, (row + 1) * run), row * total * inner + begin);
    }
    begin += run;
  }
  return result;
}

function reshape({ shape }, x) {
  const sizes = shape.map((size, axis) => (size === 0 ? x.shape[axis] : size));
  const known = sizeOf(sizes.filter((size) => size !== -1));
  return tensor(sizes.map((size) => (size === -1 ? x.data.length / known : size)), x.data);
}

// Rows of a matrix: a is M K, b is K N.
function product(a, b) {
  const [rows, inner] = a.shape, columns = b.shape[1];
  const result = tensor([rows, columns]);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      let sum = 0;
      for (let k = 0; k < inner; k++) sum += a.data[row * inner + k] * b.data[k * columns + column];
      result.data[row * columns + column] = sum;
    }
  }
  return result;
}

function gemm({ transA, transB, alpha = 1, beta = 1 }, a, b, c) {
  const result = product(transA ? transpose({}, a) : a, transB ? transpose({}, b) : b);
  if (alpha !== 1) result.data.forEach((value, index) => { result.data[index] = alpha * value; });
  if (!c) return result;
  return OPERATORS.Add({}, result, beta === 1 ? c : tensor(c.shape, c.data.map((value) => beta * value)));
}

function flatten({ axis = 1 }, x) {
  return reshape({ shape: [sizeOf(x.shape.slice(0, axisOf(axis, x.shape))), -1] }, x);
}

const OPERATORS = {
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Div: binary((a, b) => a / b),
  Pow: binary((a, b) => Math.pow(a, b)),
  Relu: unary((x) => Math.max(x, 0)),
  LeakyRelu: unary((x, { alpha = 0.01 }) => (x < 0 ? alpha * x : x)),
  Sigmoid: unary((x) => 1 / (1 + Math.exp(-x))),
  HardSwish: unary((x) => x * Math.min(Math.max(x / 6 + 0.5, 0), 1)),
  Erf: unary(erf),
  Reciprocal: unary((x) => 1 / x),
  Identity: (_, x) => x,
  Zeros: ({ shape }) => tensor(shape),
  Conv: conv,
  BatchNormalization: batchNorm,
  AveragePool: averagePool,
  GlobalAveragePool: (_, x) => reduceMean({ axes: x.shape.map((_, axis) => axis).slice(2) }, x),
  MaxPool: (attributes, x) => pool(attributes, x, -Infinity, (data, first, taps) => {
    let most = -Infinity;
    for (const tap of taps) if (data[first + tap] > most) most = data[first + tap];
    return most;
  }),
  ReduceMean: reduceMean,
  Transpose: transpose,
  Slice: slice,
  Gather: gather,
  Concat: concat,
  Reshape: reshape,
  Flatten: flatten,
  MatMul: (_, a, b) => product(a, b),
  Gemm: gemm,
};
