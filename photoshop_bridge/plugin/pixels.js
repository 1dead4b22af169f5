"use strict";
/** Arithmetic on pixel arrays: depth, components, trimmed reads, comparison. Chunky, rows from top to bottom. */

const { heightOf, intersect, widthOf } = require("./boxes.js");

/** @typedef {import("./boxes.js").Box} Box */

/** Photoshop's largest value of a 16-bit component (ps-reference/media/imaging.md). */
const TOP_16 = 32768;

/**
 * Components as 8 bits.
 * @param {Uint8Array | Uint16Array} data 8 bits, or 16 bits in Photoshop's range 0..32768
 * @param {number} depth 8 or 16
 * @returns {Uint8Array}
 */
function toEightBits(data, depth) {
  if (depth === 8) return /** @type {Uint8Array} */ (data);
  const out = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i += 1) out[i] = Math.round((data[i] * 255) / TOP_16);
  return out;
}

/**
 * 8-bit components in the full 16-bit range 0..65535, for `fullRange: true`.
 * @param {Uint8Array} data
 * @returns {Uint16Array}
 */
function toSixteenBits(data) {
  const out = new Uint16Array(data.length);
  for (let i = 0; i < data.length; i += 1) out[i] = data[i] * 257;
  return out;
}

/**
 * Opaque colour gets alpha 255.
 * @param {Uint8Array} data
 * @param {number} components 3 or 4
 * @returns {Uint8Array} four components
 */
function toRgba(data, components) {
  if (components === 4) return data;
  const out = new Uint8Array((data.length / 3) * 4);
  for (let from = 0, to = 0; from < data.length; from += 3, to += 4) {
    out[to] = data[from];
    out[to + 1] = data[from + 1];
    out[to + 2] = data[from + 2];
    out[to + 3] = 255;
  }
  return out;
}

/**
 * Copies what lies in both boxes. Photoshop trims what it reads to non-empty pixels and tells the bounds.
 * @param {Uint8Array} from
 * @param {Box} fromBox
 * @param {Uint8Array} to is written to
 * @param {Box} toBox
 * @param {number} components
 */
function paste(from, fromBox, to, toBox, components) {
  const shared = intersect(fromBox, toBox);
  const run = widthOf(shared) * components;
  if (run <= 0) return;
  for (let y = shared.top; y < shared.bottom; y += 1) {
    const start = offset(fromBox, shared.left, y) * components;
    to.set(from.subarray(start, start + run), offset(toBox, shared.left, y) * components);
  }
}

/** @param {Box} b @param {number} x @param {number} y @returns {number} index of a pixel */
function offset(b, x, y) {
  return (y - b.top) * widthOf(b) + (x - b.left);
}

/**
 * The rows of one strip, in a buffer of their own: it is handed to Photoshop, which is not known to heed offsets.
 * @param {Uint8Array} data
 * @param {Box} whole
 * @param {Box} strip as wide as `whole`
 * @param {number} components
 * @returns {Uint8Array}
 */
function rowsOf(data, whole, strip, components) {
  const start = offset(whole, whole.left, strip.top) * components;
  return data.slice(start, start + widthOf(strip) * heightOf(strip) * components);
}

/** @param {Uint8Array} a @param {Uint8Array} b @returns {number} the largest difference; Infinity for unlike lengths */
function maxDifference(a, b) {
  if (a.length !== b.length) return Infinity;
  let most = 0;
  for (let i = 0; i < a.length; i += 1) {
    const difference = a[i] > b[i] ? a[i] - b[i] : b[i] - a[i];
    if (difference > most) most = difference;
  }
  return most;
}

/**
 * The mask as the pixels' own alpha.
 * @param {Uint8Array} rgba
 * @param {Uint8Array} mask
 * @returns {Uint8Array}
 */
function withAlpha(rgba, mask) {
  const out = rgba.slice();
  for (let i = 0; i < mask.length; i += 1) out[i * 4 + 3] = mask[i];
  return out;
}

module.exports = { maxDifference, paste, rowsOf, toEightBits, toRgba, toSixteenBits, withAlpha };
