"use strict";
/** Arithmetic on pixels and boxes, by table and by every value. */

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { loadPlugin } = require("./fake/load.js");

const plugin = loadPlugin({});
const boxes = plugin("./boxes.js");
const pixels = plugin("./pixels.js");

test("every 8-bit value survives 16 bits, in the full range and in Photoshop's", () => {
  const all = Uint8Array.from({ length: 256 }, (_, i) => i);
  const full = pixels.toSixteenBits(all);
  assert.deepEqual([full[0], full[128], full[255]], [0, 32896, 65535]);
  const native = full.map((v) => Math.round((v * 32768) / 65535));
  assert.deepEqual(pixels.toEightBits(native, 16), all);
});

test("every 16-bit value becomes the nearest of 8 bits", () => {
  const all = Uint16Array.from({ length: 32769 }, (_, i) => i);
  const eight = pixels.toEightBits(all, 16);
  for (let i = 0; i <= 32768; i += 1) assert.ok(Math.abs(eight[i] - (i * 255) / 32768) <= 0.5);
  assert.equal(pixels.toEightBits(eight, 8), eight);
});

test("three components get an opaque fourth", () => {
  assert.deepEqual([...pixels.toRgba(Uint8Array.of(1, 2, 3, 4, 5, 6), 3)], [1, 2, 3, 255, 4, 5, 6, 255]);
});

for (const [title, from, expected] of [
  ["inside", [1, 1, 3, 2], [0, 0, 0, 0, 7, 8, 0, 0, 0]],
  ["over the corner", [2, 2, 4, 4], [0, 0, 0, 0, 0, 0, 0, 0, 7]],
  ["before the start", [-1, -1, 1, 1], [10, 0, 0, 0, 0, 0, 0, 0, 0]],
  ["beside", [5, 0, 7, 2], [0, 0, 0, 0, 0, 0, 0, 0, 0]],
]) {
  test(`pasting ${title}`, () => {
    const to = new Uint8Array(9);
    pixels.paste(Uint8Array.of(7, 8, 9, 10), boxes.box(...from), to, boxes.box(0, 0, 3, 3), 1);
    assert.deepEqual([...to], expected);
  });
}

test("largest difference", () => {
  assert.equal(pixels.maxDifference(Uint8Array.of(1, 9), Uint8Array.of(4, 7)), 3);
  assert.equal(pixels.maxDifference(Uint8Array.of(1), Uint8Array.of(1, 1)), Infinity);
});

test("strips cover a box once, in order", () => {
  const parts = boxes.strips(boxes.box(3, 5, 9, 30), 10);
  assert.equal(JSON.stringify(parts.map(boxes.toWire)), "[[3,5,9,15],[3,15,9,25],[3,25,9,30]]");
});

for (const wrong of [null, [], [0, 0, 1], [0, 0, 0, 5], [5, 0, 4, 9], [0, 0, 1.5, 2], ["0", 0, 1, 1], { left: 0 }]) {
  test(`no rectangle: ${JSON.stringify(wrong)}`, () => assert.equal(boxes.fromWire(wrong), null));
}
