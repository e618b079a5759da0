"use strict";
// A picture becomes the input of the network, with the arithmetic of Pillow: ImageOps.fit with its bilinear filter.
// Pixels are {width, height, channels, data}: data is a Uint8Array or Uint8ClampedArray, rows, columns, channels.

const PRECISION_BITS = 22;

// Yields the rows of a drawable picture on white, [first row, pixels of 4 channels], in bands: browsers limit the size
// of a canvas, and a large photo needs little memory.
function* bandsOf(source, width, height) {
  const most = Math.max(1, Math.min(height, Math.floor(2 ** 22 / width)));
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = most;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white";
  for (let top = 0; top < height; top += most) {
    const rows = Math.min(most, height - top);
    context.fillRect(0, 0, width, rows);
    context.drawImage(source, 0, top, width, rows, 0, 0, width, rows);
    yield [top, { width, height: rows, channels: 4, data: context.getImageData(0, 0, width, rows).data }];
  }
}

// Grey or RGB pixels; grey is the luma of ITU-R 601 in Pillow's integers.
function converted({ width, height, data }, channels) {
  const result = new Uint8Array(width * height * channels);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    const [red, green, blue] = [data[from], data[from + 1], data[from + 2]];
    if (channels === 1) {
      result[to++] = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
    } else {
      result[to++] = red;
      result[to++] = green;
      result[to++] = blue;
    }
  }
  return { width, height, channels, data: result };
}

// The largest centred part [left, top, right, bottom] with the proportions of the output.
function centredPart(width, height, outWidth, outHeight) {
  const ratio = outWidth / outHeight, own = width / height;
  const columns = own > ratio ? ratio * height : width;
  const rows = own < ratio ? width / ratio : height;
  const [left, top] = [(width - columns) * 0.5, (height - rows) * 0.5];
  return [left, top, left + columns, top + rows].map(Math.fround);
}

// The first input pixel and the integer weights of each output pixel, for the part from begin to end.
function bilinearWeights(size, begin, end, outSize) {
  const scale = Math.fround(end - begin) / outSize, filterScale = Math.max(scale, 1);
  return Array.from({ length: outSize }, (_, index) => {
    const centre = begin + (index + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - filterScale + 0.5));
    const last = Math.min(size, Math.trunc(centre + filterScale + 0.5));
    const weights = [];
    let total = 0;
    for (let at = first; at < last; at++) {
      const distance = Math.abs((at - centre + 0.5) * (1 / filterScale));
      weights.push(Math.max(0, 1 - distance));
      total += weights[weights.length - 1];
    }
    const whole = weights.map((weight) => Math.trunc(0.5 + (total ? weight / total : weight) * 2 ** PRECISION_BITS));
    return { first, weights: Int32Array.from(whole) };
  });
}

// One pass of a resize: lines of `count` pixels, `step` elements apart, become lines of the pixels of `table`.
function resampled(data, table, lines, lineStep, step, channels, out, outLineStep, outStep) {
  for (let line = 0; line < lines; line++) {
    table.forEach(({ first, weights }, index) => {
      for (let channel = 0; channel < channels; channel++) {
        let sum = 1 << (PRECISION_BITS - 1);
        let at = line * lineStep + first * step + channel;
        for (let tap = 0; tap < weights.length; tap++, at += step) sum += data[at] * weights[tap];
        out[line * outLineStep + index * outStep + channel] = Math.min(255, Math.max(0, sum >> PRECISION_BITS));
      }
    });
  }
}

// Each row from left to right becomes outWidth pixels.
function withWidth(pixels, left, right, outWidth) {
  const { width, height, channels, data } = pixels;
  if (width === outWidth && left === 0 && right === width) return pixels;
  const table = bilinearWeights(width, left, right, outWidth), row = outWidth * channels;
  const out = new Uint8Array(height * row);
  resampled(data, table, height, width * channels, channels, channels, out, row, channels);
  return { width: outWidth, height, channels, data: out };
}

// Each column from top to bottom becomes outHeight pixels.
function withHeight(pixels, top, bottom, outHeight) {
  const { width, height, channels, data } = pixels;
  if (height === outHeight && top === 0 && bottom === height) return pixels;
  const table = bilinearWeights(height, top, bottom, outHeight), row = width * channels;
  const out = new Uint8Array(outHeight * row);
  resampled(data, table, width, channels, row, channels, out, channels, row);
  return { width, height: outHeight, channels, data: out };
}

// The bands of a picture of width x height, scaled to cover the output and cropped at the centre.
function fitted(bands, width, height, channels, outWidth, outHeight) {
  const [left, top, right, bottom] = centredPart(width, height, outWidth, outHeight);
  const narrow = new Uint8Array(height * outWidth * channels);
  for (const [first, band] of bands) {
    narrow.set(withWidth(converted(band, channels), left, right, outWidth).data, first * outWidth * channels);
  }
  return withHeight({ width: outWidth, height, channels, data: narrow }, top, bottom, outHeight);
}

// Float pixels C H W from 0 to 1.
function networkInput({ width, height, channels, data }) {
  const size = width * height, result = new Float32Array(channels * size);
  for (let at = 0; at < size; at++) {
    for (let channel = 0; channel < channels; channel++) {
      result[channel * size + at] = data[at * channels + channel] / 255;
    }
  }
  return result;
}

function softmax(logits) {
  const largest = Math.max(...logits);
  const odds = Array.from(logits, (logit) => Math.exp(logit - largest));
  const total = odds.reduce((sum, value) => sum + value, 0);
  return odds.map((value) => value / total);
}
