"use strict";
/** Pixels of the fake: planes of values in a rectangle, compositing, profiles. Pure functions of arrays. */

/**
 * @typedef {{left: number, top: number, right: number, bottom: number}} Rect
 * @typedef {{rect: Rect, data: Uint8Array | Uint16Array}} Raster four components a pixel, straight alpha
 * @typedef {{rect: Rect, data: Uint8Array, outside: number}} Mask one component a pixel
 */

const width = (/** @type {Rect} */ r) => r.right - r.left;
const height = (/** @type {Rect} */ r) => r.bottom - r.top;
const isEmpty = (/** @type {Rect} */ r) => width(r) <= 0 || height(r) <= 0;

/** @param {Rect} a @param {Rect} b @returns {Rect} */
function intersect(a, b) {
  return {
    left: Math.max(a.left, b.left),
    top: Math.max(a.top, b.top),
    right: Math.min(a.right, b.right),
    bottom: Math.min(a.bottom, b.bottom),
  };
}

/** @param {Rect} a @param {Rect} b @returns {Rect} */
function union(a, b) {
  if (isEmpty(a)) return b;
  return {
    left: Math.min(a.left, b.left),
    top: Math.min(a.top, b.top),
    right: Math.max(a.right, b.right),
    bottom: Math.max(a.bottom, b.bottom),
  };
}

/** Highest value of a component: 255, or Photoshop's 32768 for 16 bits (ps-reference/media/imaging.md). */
const topValue = (/** @type {number} */ depth) => (depth === 16 ? 32768 : 255);

/** @param {number} depth @param {number} length */
const newArray = (depth, length) => (depth === 16 ? new Uint16Array(length) : new Uint8Array(length));

/** @param {number} depth @returns {Raster} */
const emptyRaster = (depth) => ({ rect: { left: 0, top: 0, right: 0, bottom: 0 }, data: newArray(depth, 0) });

/** The smallest rectangle that holds every pixel with alpha. @param {Raster} raster @param {Rect} within @returns {Rect} */
function opaqueBounds(raster, within) {
  const area = intersect(raster.rect, within);
  let found = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  for (let y = area.top; y < area.bottom; y += 1) {
    for (let x = area.left; x < area.right; x += 1) {
      if (raster.data[offsetOf(raster.rect, x, y) * 4 + 3] === 0) continue;
      found = {
        left: Math.min(found.left, x),
        top: Math.min(found.top, y),
        right: Math.max(found.right, x + 1),
        bottom: Math.max(found.bottom, y + 1),
      };
    }
  }
  return found.left === Infinity ? { left: 0, top: 0, right: 0, bottom: 0 } : found;
}

/** @param {Rect} rect @param {number} x @param {number} y */
const offsetOf = (rect, x, y) => (y - rect.top) * width(rect) + (x - rect.left);

/** Cuts `rect` out of planes with `components` values a pixel; outside of them `fill`. */
function cut(source, sourceRect, components, rect, fill = 0) {
  const out = new source.constructor(width(rect) * height(rect) * components).fill(fill);
  const area = intersect(sourceRect, rect);
  const run = Math.max(0, width(area)) * components;
  for (let y = area.top; y < area.bottom; y += 1) {
    const from = offsetOf(sourceRect, area.left, y) * components;
    out.set(source.subarray(from, from + run), offsetOf(rect, area.left, y) * components);
  }
  return out;
}

/** Writes planes over others, which grow as needed. @returns {{rect: Rect, data: Uint8Array | Uint16Array}} */
function overlay(base, top, components, fill = 0) {
  const rect = union(base.rect, top.rect);
  const data = cut(base.data, base.rect, components, rect, fill);
  const run = width(top.rect) * components;
  for (let y = top.rect.top; y < top.rect.bottom; y += 1) {
    const from = offsetOf(top.rect, top.rect.left, y) * components;
    data.set(top.data.subarray(from, from + run), offsetOf(rect, top.rect.left, y) * components);
  }
  return { rect, data };
}

/** @param {Mask | null} mask @param {number} x @param {number} y @returns {number} 0..255 */
function maskAt(mask, x, y) {
  if (!mask) return 255;
  const { rect } = mask;
  if (x < rect.left || x >= rect.right || y < rect.top || y >= rect.bottom) return mask.outside;
  return mask.data[offsetOf(rect, x, y)];
}

/**
 * Normal blending of layers, bottom first, over a transparent canvas. Groups pass through; an artboard clips what is
 * in it (ps-reference/classes/layer.md; artboards: help of Photoshop).
 * @param {any[]} layers top first
 * @param {Rect} canvas
 * @param {number} depth
 * @returns {Raster}
 */
function composite(layers, canvas, depth) {
  const out = { rect: canvas, data: newArray(depth, width(canvas) * height(canvas) * 4) };
  blendInto(out, layers, canvas, topValue(depth));
  return out;
}

function blendInto(out, layers, clip, top) {
  let base = null; // what clipped layers are clipped to
  for (const layer of [...layers].reverse()) {
    if (!layer.clipped) base = layer;
    if (!layer.visible) continue;
    const area = layer.artboard ? intersect(clip, layer.artboard) : clip;
    if (layer.children) blendInto(out, layer.children, area, top);
    else blendLayer(out, layer, layer.clipped ? base : null, intersect(area, layer.raster.rect), top);
  }
}

/** 0..1: how far a layer of pixels covers what is below it. A group covers all. */
function coverage(layer, x, y, top) {
  const { raster, mask, opacity, children } = layer;
  if (children) return 1;
  const { rect } = raster;
  if (x < rect.left || x >= rect.right || y < rect.top || y >= rect.bottom) return 0;
  return (raster.data[offsetOf(rect, x, y) * 4 + 3] / top) * (maskAt(mask, x, y) / 255) * (opacity / 100);
}

function blendLayer(out, layer, base, area, top) {
  for (let y = area.top; y < area.bottom; y += 1) {
    for (let x = area.left; x < area.right; x += 1) {
      const cover = coverage(layer, x, y, top) * (base ? coverage(base, x, y, top) : 1);
      const s = offsetOf(layer.raster.rect, x, y) * 4;
      if (cover > 0) blendPixel(out.data, offsetOf(out.rect, x, y) * 4, layer.raster.data, s, cover, top);
    }
  }
}

function blendPixel(to, d, from, s, cover, top) {
  const below = (to[d + 3] / top) * (1 - cover);
  for (let c = 0; c < 3; c += 1) {
    to[d + c] = cover === 1 ? from[s + c] : Math.round((from[s + c] * cover + to[d + c] * below) / (cover + below));
  }
  to[d + 3] = Math.round((cover + below) * top);
}

/**
 * Profiles stand for colour spaces by an affine map of their values, so that a plugin that forgets to name a profile,
 * or names one for untagged numbers, gets other numbers. "" is an untagged document.
 */
const PROFILES = {
  "sRGB IEC61966-2.1": { gain: 1, lift: 0 },
  "Adobe RGB (1998)": { gain: 0.9, lift: 0.05 },
  "Display P3": { gain: 0.95, lift: 0.03 },
  "": { gain: 0.8, lift: 0.1 },
};

/** Colour values moved from one profile to another; alpha is kept. */
function convertProfile(data, components, from, to, top) {
  if (from === to) return data;
  const [a, b] = [PROFILES[from], PROFILES[to]];
  if (!a || !b) throw new Error(`unknown colour profile: ${a ? to : from}`);
  const out = data.slice();
  for (let i = 0; i < out.length; i += 1) {
    if (components === 4 && i % 4 === 3) continue;
    const value = (data[i] / top - a.lift) / a.gain;
    out[i] = Math.min(top, Math.max(0, Math.round((value * b.gain + b.lift) * top)));
  }
  return out;
}

module.exports = {
  composite,
  convertProfile,
  cut,
  emptyRaster,
  height,
  intersect,
  isEmpty,
  maskAt,
  newArray,
  offsetOf,
  opaqueBounds,
  overlay,
  topValue,
  union,
  width,
};
