"use strict";
/** Pictures and results for tests, made from their coordinates: every pixel of a picture tells where it belongs. */

/** @param {number} x @param {number} y @returns {number[]} opaque RGBA, 8 bits */
const paint8 = (x, y) => [(x * 7 + y) & 255, (x + y * 5) & 255, (x * 3 + y * 11) & 255, 255];

/** @param {number} x @param {number} y @returns {number[]} the same colours in Photoshop's 16 bits, 0..32768 */
const paint16 = (x, y) => paint8(x, y).map((value) => Math.round((value * 32768) / 255));

/**
 * A result whose colours differ from the picture's and whose mask has zeros, ramps and a plateau.
 * @param {{left: number, top: number, right: number, bottom: number}} area
 * @param {object} [changes]
 */
function makeResult(area, changes = {}) {
  const [width, height] = [area.right - area.left, area.bottom - area.top];
  const rgba = new Uint8Array(width * height * 4);
  const mask = new Uint8Array(width * height);
  for (let i = 0; i < width * height; i += 1) {
    const [x, y] = [i % width, Math.floor(i / width)];
    rgba.set([(200 + x) & 255, (y * 13) & 255, (90 + x * y) & 255, 255], i * 4);
    const rim = Math.min(x, y, width - 1 - x, height - 1 - y);
    mask[i] = Math.max(0, Math.min(255, (rim - 9) * 60));
  }
  return { id: "result-1", name: "Smile", group: "Expressions", area, anchor: null, rgba, mask, ...changes };
}

/** What a person should see: `below` with the result's colours blended once by its mask. 8 bits. */
function expectedPixels(document, below, result) {
  const out = below.slice();
  const { area, rgba, mask } = result;
  const width = area.right - area.left;
  for (let i = 0; i < mask.length; i += 1) {
    const at = ((area.top + Math.floor(i / width)) * document.width + area.left + (i % width)) * 4;
    for (let c = 0; c < 3; c += 1) {
      const cover = mask[i] / 255;
      out[at + c] = Math.round(rgba[i * 4 + c] * cover + below[at + c] * (1 - cover));
    }
  }
  return out;
}

module.exports = { expectedPixels, makeResult, paint16, paint8 };
