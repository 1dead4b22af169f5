"use strict";
/** Reading: the right pixels for each kind of document, the selection as a mask, errors that say what is wrong. */

const assert = require("node:assert/strict");
const { afterEach, test } = require("node:test");
const { loadPlugin } = require("./fake/load.js");
const { createPhotoshop } = require("./fake/photoshop.js");
const { paint16, paint8 } = require("./fake/pictures.js");

const LIMIT = 1e6;
const opened = [];

function start(options = {}, picture = {}) {
  const { control, photoshop } = createPhotoshop(options);
  opened.push(control);
  const document = control.open({ width: 61, height: 47, paint: paint8, ...picture });
  const plugin = loadPlugin({ photoshop });
  const read = (request) =>
    plugin("./reading.js").readRegion({ doc: document.id, rect: "canvas", want: ["pixels"], ...request }, LIMIT);
  return { control, document, read };
}

afterEach(() => {
  for (const control of opened.splice(0)) {
    assert.deepEqual(control.violations, []);
    assert.equal(control.liveImages, 0, "image data that was not disposed of");
  }
});

const selectionOf = (left, top, right, bottom, value = 255) => ({
  rect: { left, top, right, bottom },
  data: new Uint8Array((right - left) * (bottom - top)).fill(value),
});

function assertColours(reading, components) {
  const { area, pixels } = reading;
  assert.equal(pixels.components, components);
  const width = area.right - area.left;
  for (let i = 0; i < pixels.data.length; i += 1) {
    const at = Math.floor(i / components);
    const colour = paint8(area.left + (at % width), area.top + Math.floor(at / width));
    assert.equal(pixels.data[i], colour[i % components]);
  }
}

test("an opaque document has three components", async () => {
  const { read } = start();
  const reading = await read({ rect: [3, 5, 40, 44] });
  assert.deepEqual({ ...reading.area }, { left: 3, top: 5, right: 40, bottom: 44 });
  assert.equal(reading.pixels.profile, "sRGB");
  assertColours(reading, 3);
});

test("a document without a background has four", async () => {
  const { read } = start({}, { background: false });
  assertColours(await read({}), 4);
});

test("transparent borders, which Photoshop trims, come back with alpha 0 at their place", async () => {
  const paint = (x, y) => (x >= 10 && x < 20 && y >= 6 && y < 30 ? paint8(x, y) : [0, 0, 0, 0]);
  const { read } = start({}, { background: false, paint });
  const { area, pixels } = await read({ rect: [5, 2, 50, 40] });
  for (let i = 0; i < pixels.data.length; i += 4) {
    const [x, y] = [area.left + ((i / 4) % 45), area.top + Math.floor(i / 4 / 45)];
    assert.deepEqual([...pixels.data.subarray(i, i + 4)], paint(x, y));
  }
});

test("tall regions are read in strips, empty ones among them", async () => {
  const paint = (x, y) => (y < 1500 ? [0, 0, 0, 0] : paint8(x, y));
  const { control, read } = start({}, { width: 5, height: 2100, background: false, paint });
  const { pixels } = await read({});
  assert.ok(control.calls.filter((each) => each === "getPixels").length >= 3);
  for (const y of [0, 1023, 1024, 1499, 1500, 2047, 2048, 2099]) {
    assert.deepEqual([...pixels.data.subarray(y * 20, y * 20 + 4)], paint(0, y));
  }
});

test("a picture without any pixel is an error", async () => {
  const { read } = start({}, { background: false, paint: () => [0, 0, 0, 0] });
  await assert.rejects(read({}));
});

test("16 bits become 8 without a loss of brightness", async () => {
  const { read } = start({}, { depth: 16, paint: paint16 });
  assertColours(await read({}), 3);
});

test("another profile is converted to sRGB", async () => {
  const paint = (x, y) => paint8(x, y).map((v, c) => (c === 3 ? 255 : Math.round(v * 0.9 + 0.05 * 255)));
  const { read } = start({}, { profile: "Adobe RGB (1998)", paint });
  const { pixels } = await read({});
  assert.equal(pixels.profile, "sRGB");
  for (let i = 0; i < pixels.data.length; i += 1) {
    const at = Math.floor(i / 3);
    assert.ok(Math.abs(pixels.data[i] - paint8(at % 61, Math.floor(at / 61))[i % 3]) <= 1);
  }
});

test("an untagged document gives its own numbers", async () => {
  const { read } = start({}, { profile: "" });
  const reading = await read({});
  assert.equal(reading.pixels.profile, "untagged");
  assertColours(reading, 3);
});

test("one layer instead of the composite", async () => {
  const { document, read } = start();
  const top = document.newLayer("top");
  top.raster = { rect: { left: 0, top: 0, right: 61, bottom: 47 }, data: new Uint8Array(61 * 47 * 4).fill(255) };
  document.layers.unshift(top);
  assertColours(await read({ layer: document.layers[1].id }), 4);
});

test("where bare reads are refused, they run inside a modal scope", async () => {
  const { document, read } = start({ bareReads: false });
  document.selection = selectionOf(4, 4, 9, 9);
  const reading = await read({ want: ["pixels", "selection"] });
  assertColours(reading, 3);
  assert.equal(reading.selection[4 * 61 + 4], 255);
  assert.equal(document.history.length, 1);
});

for (const [title, selection, request, expected] of [
  ["its bounds", [10, 8, 20, 30], {}, [10, 8, 20, 30]],
  ["one pixel", [10, 8, 11, 9], {}, [10, 8, 11, 9]],
  ["the full canvas", [0, 0, 61, 47], {}, [0, 0, 61, 47]],
  ["over the canvas", [-20, -30, 90, 12], {}, [0, 0, 61, 12]],
  ["padded", [10, 8, 20, 30], { pad_px: 4 }, [6, 4, 24, 34]],
  ["padded and cut", [2, 2, 60, 46], { pad_px: 9 }, [0, 0, 61, 47]],
  ["with a context", [10, 8, 20, 30], { include: [15, 2, 40, 12], pad_px: 1 }, [9, 1, 41, 31]],
]) {
  test(`the selection as region: ${title}`, async () => {
    const { document, read } = start();
    document.selection = selectionOf(...selection, 200);
    const { area, selection: mask } = await read({ rect: "selection", want: ["selection"], ...request });
    assert.deepEqual([area.left, area.top, area.right, area.bottom], expected);
    const width = area.right - area.left;
    for (let i = 0; i < mask.length; i += 1) {
      const [x, y] = [area.left + (i % width), area.top + Math.floor(i / width)];
      const inside = x >= selection[0] && x < selection[2] && y >= selection[1] && y < selection[3];
      assert.equal(mask[i], inside ? 200 : 0);
    }
  });
}

for (const [kind, change, request] of [
  ["no_selection", () => {}, { rect: "selection" }],
  ["no_selection", () => {}, { rect: [0, 0, 5, 5], want: ["pixels", "selection"] }],
  ["no_selection", (document) => (document.selection = selectionOf(-9, -9, -1, -1)), { rect: "selection" }],
  ["region_out_of_bounds", () => {}, { rect: [61, 0, 70, 10] }],
  ["bad_request", () => {}, { rect: [10, 0, 10, 10] }],
  ["bad_request", () => {}, { rect: [0, 0, 1.5, 10] }],
  ["unsupported_document", (document) => (document.mode = "grayscaleMode"), {}],
  ["unsupported_document", (document) => (document.depth = 32), {}],
  ["host_busy", (document) => (document.quickMask = true), {}],
  ["document_closed", (document) => document.control.close(document.id), {}],
  ["no_document", (document) => document.control.close(document.id), { doc: "active" }],
]) {
  test(`refused: ${kind} ${JSON.stringify(request)}`, async () => {
    const { document, read } = start();
    change(document);
    await assert.rejects(read(request), { kind });
  });
}

test("refused: more pixels than may travel", async () => {
  const { read } = start({}, { width: 1001, height: 1000 });
  await assert.rejects(read({}), { kind: "too_large" });
});

test("sweep: the document closed at any moment: an error, and nothing is left over", async () => {
  const whole = start();
  whole.document.selection = selectionOf(4, 4, 40, 40);
  const request = { want: ["pixels", "selection"] };
  await whole.read(request);
  const total = whole.control.calls.length;
  assert.ok(total > 2);
  for (let at = 1; at <= total; at += 1) {
    const { control, document, read } = start({ seed: at });
    document.selection = selectionOf(4, 4, 40, 40);
    control.onCall = (api, count) => count === at && control.close(document.id);
    await assert.rejects(read(request), `call ${at}`);
  }
});
