"use strict";
/** Placing: one masked layer and one history state at the exact pixel, or nothing at all. */

const assert = require("node:assert/strict");
const { afterEach, test } = require("node:test");
const { loadPlugin } = require("./fake/load.js");
const { createPhotoshop } = require("./fake/photoshop.js");
const { expectedPixels, makeResult, paint16, paint8 } = require("./fake/pictures.js");

const AREA = { left: 23, top: 11, right: 90, bottom: 64 };
const opened = [];

/** Photoshop with one picture of odd size, and the plugin's placing. */
function start(options = {}, picture = {}) {
  const { control, photoshop } = createPhotoshop(options);
  opened.push(control);
  const document = control.open({ width: 131, height: 97, paint: paint8, ...picture });
  const plugin = loadPlugin({ photoshop });
  return { control, document, ...plugin("./placing.js") };
}

// in every test: nothing undocumented was used, and every piece of image data was disposed of
afterEach(() => {
  for (const control of opened.splice(0)) {
    assert.deepEqual(control.violations, []);
    assert.equal(control.liveImages, 0, "image data that was not disposed of");
    assert.equal(control.modalHolder, null);
  }
});

const groupOf = (document) => document.layers.find((each) => each.name === "Expressions");
const same = (a, b) => assert.ok(Buffer.compare(Buffer.from(a.buffer), Buffer.from(b.buffer)) === 0, "pixels differ");

/** @returns {number} largest difference, and the largest where the mask is 0 */
function differences(document, before, result) {
  const after = document.pixels();
  const expected = expectedPixels(document, before, result);
  let most = 0;
  for (let i = 0; i < after.length; i += 1) most = Math.max(most, Math.abs(after[i] - expected[i]));
  return most;
}

function assertOutsideUntouched(document, before, result) {
  const after = document.pixels();
  const { area, mask } = result;
  for (let i = 0; i < after.length; i += 1) {
    const [x, y] = [(i >> 2) % document.width, Math.floor((i >> 2) / document.width)];
    const inside = x >= area.left && x < area.right && y >= area.top && y < area.bottom;
    const edited = inside && mask[(y - area.top) * (area.right - area.left) + x - area.left] > 0;
    if (!edited && after[i] !== before[i]) assert.fail(`pixel ${x}, ${y} lies outside the mask and changed`);
  }
}

for (const [title, area] of Object.entries({
  "in the middle": AREA,
  "at the corner": { left: 0, top: 0, right: 30, bottom: 40 },
  "at the far corner": { left: 100, top: 60, right: 131, bottom: 97 },
  "the whole canvas": { left: 0, top: 0, right: 131, bottom: 97 },
  "one pixel": { left: 50, top: 50, right: 51, bottom: 51 },
})) {
  test(`a result lands at the exact pixel: ${title}`, async () => {
    const { document, place } = start();
    const before = document.pixels();
    const result = makeResult(area);
    if (title === "one pixel") result.mask.fill(255);
    const placement = await place(document.id, result);
    assert.equal(differences(document, before, result), 0);
    assertOutsideUntouched(document, before, result);
    assert.deepEqual(
      { ...placement, layer: 0 },
      { layer: 0, mask: "user", verified: true, history: "Expression: Smile" },
    );
  });
}

test("it is one layer in the group, one history state, one undo", async () => {
  const { document, place } = start();
  const before = document.pixels();
  await place(document.id, makeResult(AREA));
  assert.deepEqual(
    document.history.map((each) => each.name),
    ["Open", "Expression: Smile"],
  );
  assert.equal(document.layers.length, 2);
  assert.deepEqual(
    groupOf(document).children.map((each) => each.name.replace(/[0-9a-f]{6}$/, "")),
    ["Smile · "],
  );
  document.goTo(0);
  assert.equal(document.layers.length, 1);
  same(document.pixels(), before);
});

test("colour beneath the mask's zeros is kept, unblended and opaque", async () => {
  const { document, place } = start();
  const result = makeResult(AREA);
  await place(document.id, result);
  const [layer] = groupOf(document).children;
  assert.deepEqual(layer.raster.rect, AREA);
  same(layer.raster.data, result.rgba);
  assert.equal(layer.mask.outside, 0);
});

test("tall results go in strips of rows", async () => {
  const { control, document, place } = start({}, { width: 9, height: 2500 });
  const result = makeResult({ left: 1, top: 3, right: 8, bottom: 2400 });
  result.mask.fill(255);
  const before = document.pixels();
  await place(document.id, result);
  assert.equal(control.calls.filter((each) => each === "putPixels").length, 3);
  assert.equal(differences(document, before, result), 0);
});

for (const [masks, expected] of Object.entries({
  documented: "user",
  "needs-mask": "user",
  "zero-blocks-white": "user",
  "zero-blocks-always": "selection",
  fails: "selection",
  "fails-everywhere": "baked",
})) {
  for (const selection of ["none", "some"]) {
    test(`masks that behave as "${masks}", selection: ${selection}`, async () => {
      const { document, place } = start({ masks });
      const selected = { rect: { left: 5, top: 6, right: 20, bottom: 16 }, data: new Uint8Array(150).fill(130) };
      document.selection = selection === "some" ? selected : null;
      const before = document.pixels();
      const result = makeResult(AREA);
      const placement = await place(document.id, result);
      assert.equal(placement.mask, expected);
      assert.ok(differences(document, before, result) <= 1);
      assertOutsideUntouched(document, before, result);
      assert.equal(document.history.length, 2);
      if (selection === "none") assert.equal(document.selection, null);
      else assertSameSelection(document, selected);
    });
  }
}

function assertSameSelection(document, { rect, data }) {
  assert.ok(document.selection, "the selection is gone");
  const at = (s, x, y) =>
    x < s.rect.left || y < s.rect.top || x >= s.rect.right || y >= s.rect.bottom
      ? 0
      : s.data[(y - s.rect.top) * (s.rect.right - s.rect.left) + x - s.rect.left];
  for (let y = 0; y < document.height; y += 1) {
    for (let x = 0; x < document.width; x += 1) {
      assert.equal(at(document.selection, x, y), at({ rect, data }, x, y));
    }
  }
}

test("selection and active layers are as before", async () => {
  const { document, place } = start();
  const extra = document.newLayer("b");
  document.layers.unshift(extra);
  document.active = document.layers.map((each) => each.id);
  document.selection = { rect: { left: -5, top: -6, right: 20, bottom: 16 }, data: new Uint8Array(550).fill(9) };
  const selected = document.selection;
  await place(document.id, makeResult(AREA));
  assert.deepEqual(
    [...document.active].sort(),
    document.layers
      .slice(1)
      .map((each) => each.id)
      .sort(),
  );
  assert.equal(document.selection, selected);
  document.active = [];
  await place(document.id, makeResult(AREA, { id: "result-2" }));
  assert.deepEqual(document.active, []);
});

test("the document behind another one gets it, and stays behind", async () => {
  const { control, document, place } = start();
  const other = control.open({ width: 40, height: 40, paint: paint8 });
  const [before, otherBefore] = [document.pixels(), other.pixels()];
  const result = makeResult(AREA);
  await place(document.id, result);
  assert.equal(differences(document, before, result), 0);
  same(other.pixels(), otherBefore);
  assert.deepEqual([other.layers.length, other.history.length, control.activeId], [1, 1, other.id]);
});

test("a result that the document holds is not placed again", async () => {
  const { document, place } = start();
  const first = await place(document.id, makeResult(AREA));
  const again = await place(document.id, makeResult(AREA));
  assert.equal(again.layer, first.layer);
  assert.equal(groupOf(document).children.length, 1);
  assert.equal(document.history.length, 2);
});

test("the next result goes above the last, into the same group", async () => {
  const { document, place } = start();
  await place(document.id, makeResult(AREA));
  await place(document.id, makeResult(AREA, { id: "result-2", name: "Frown" }));
  assert.equal(document.layers.length, 2);
  assert.deepEqual(
    groupOf(document).children.map((each) => each.name.split(" ")[0]),
    ["Frown", "Smile"],
  );
});

test("it is seen whatever is active, hidden or clipped", async () => {
  const { document, place } = start();
  const clipped = document.newLayer("board", { artboard: { left: 0, top: 0, right: 30, bottom: 30 }, children: [] });
  const inside = document.newLayer("in it");
  clipped.children.push(inside);
  document.layers.unshift(clipped);
  document.active = [inside.id];
  const before = document.pixels();
  const result = makeResult(AREA);
  await place(document.id, result);
  assert.equal(differences(document, before, result), 0);
  groupOf(document).visible = false;
  const second = makeResult(AREA, { id: "result-2" });
  await place(document.id, second);
  assert.equal(differences(document, before, second), 0);
});

test("an anchor in a group places above that group", async () => {
  const { document, place } = start();
  const folder = document.newLayer("folder", { children: [] });
  const anchor = document.newLayer("line art");
  folder.children.push(anchor);
  document.layers.unshift(document.newLayer("text"), folder);
  await place(document.id, makeResult(AREA, { anchor: anchor.id }));
  await place(document.id, makeResult(AREA, { anchor: anchor.id, id: "result-2" }));
  assert.deepEqual(
    document.layers.map((each) => each.name),
    ["text", "Expressions", "folder", "Hintergrund"],
  );
  await place(document.id, makeResult(AREA, { anchor: 999999, id: "result-3" }));
  assert.equal(document.layers[0].name, "Expressions");
});

test("layers that are clipped to the anchor stay clipped to it", async () => {
  const { document, place } = start();
  const area = { left: 0, top: 0, right: 30, bottom: 30 };
  const solid = (name, rect, value, extra) => {
    const count = (rect.right - rect.left) * (rect.bottom - rect.top) * 4;
    return document.newLayer(name, { raster: { rect, data: new Uint8Array(count).fill(value) }, ...extra });
  };
  const base = solid("base", area, 255);
  const shade = solid("shade", { left: 0, top: 0, right: 131, bottom: 97 }, 255, { clipped: true });
  document.layers.unshift(document.newLayer("text"), shade, base);
  const before = document.pixels();
  const result = makeResult(AREA, { anchor: base.id });
  await place(document.id, result);
  assert.deepEqual(
    document.layers.map((each) => each.name),
    ["text", "Expressions", "shade", "base", "Hintergrund"],
  );
  assertOutsideUntouched(document, before, result);
});

test("a step is not called an expression twice", async () => {
  const { document, place } = start();
  await place(document.id, makeResult(AREA, { name: "Expression: wink" }));
  assert.equal(document.history[1].name, "Expression: wink");
});

test("a 16-bit document", async () => {
  const { document, place } = start({}, { depth: 16, paint: paint16 });
  const result = makeResult(AREA);
  result.mask.fill(255);
  const placement = await place(document.id, result);
  const pixels = document.pixels();
  for (let y = AREA.top; y < AREA.bottom; y += 1) {
    for (let x = AREA.left; x < AREA.right; x += 1) {
      const from = ((y - AREA.top) * (AREA.right - AREA.left) + x - AREA.left) * 4;
      const to = (y * document.width + x) * 4;
      for (let c = 0; c < 3; c += 1) assert.equal(pixels[to + c], Math.round((result.rgba[from + c] * 32768) / 255));
    }
  }
  assert.equal(placement.verified, true);
});

for (const [profile, gain, lift] of [
  ["Adobe RGB (1998)", 0.9, 0.05],
  ["", 1, 0],
]) {
  test(`a document with the profile "${profile}" gets the same colour`, async () => {
    const { document, place } = start({}, { profile });
    const before = document.pixels();
    const result = makeResult(AREA);
    await place(document.id, result);
    const converted = {
      ...result,
      rgba: result.rgba.map((v, i) => (i % 4 === 3 ? v : Math.round((v / 255) * gain * 255 + lift * 255))),
    };
    assert.ok(differences(document, before, converted) <= 1);
    assertOutsideUntouched(document, before, result);
  });
}

for (const [kind, picture, area] of [
  ["unsupported_document", { mode: "CMYKColorMode" }, AREA],
  ["region_out_of_bounds", {}, { left: 100, top: 60, right: 132, bottom: 97 }],
  ["region_out_of_bounds", {}, { left: -1, top: 0, right: 30, bottom: 40 }],
]) {
  test(`refused: ${kind} ${JSON.stringify(area)}`, async () => {
    const { document, place } = start({}, picture);
    await assert.rejects(place(document.id, makeResult(area)), { kind });
    assert.equal(document.history.length, 1);
  });
}

test("refused in Quick Mask mode", async () => {
  const { document, place } = start();
  document.quickMask = true;
  await assert.rejects(place(document.id, makeResult(AREA)), { kind: "host_busy", retryable: false });
});

test("refused in a document that was closed", async () => {
  const { control, document, place } = start();
  control.close(document.id);
  await assert.rejects(place(document.id, makeResult(AREA)), { kind: "document_closed" });
});

for (const version of ["25.0.0", "25.10.0", "27.8.0"]) {
  test(`another plugin is modal, Photoshop ${version}: busy, nothing done`, async () => {
    const { control, document, place } = start({ version });
    control.modalHolder = "com.example.other";
    await assert.rejects(place(document.id, makeResult(AREA)), { kind: "host_busy", retryable: true });
    assert.equal(document.history.length, 1);
    control.modalHolder = null;
    await place(document.id, makeResult(AREA));
  });
}

test("an error of Photoshop at the mask: rolled back, then placed at the next try", async () => {
  const { control, document, place } = start();
  const before = document.pixels();
  control.onCall = (api) => {
    if (api === "getLayerMask" || api === "getPixels") throw new Error("an unexpected error");
  };
  await assert.rejects(place(document.id, makeResult(AREA)), { kind: "host_error" });
  assert.equal(document.history.length, 1);
  assert.equal(document.layers.length, 1);
  same(document.pixels(), before);
  control.onCall = () => {};
  await place(document.id, makeResult(AREA));
  assert.equal(document.history.length, 2);
});

/** Counts the calls of one undisturbed placement, then disturbs each of them in turn. */
async function disturbEach(disturb, check) {
  const { control, document, place } = start();
  await place(document.id, makeResult(AREA));
  const total = control.calls.length;
  for (let at = 1; at <= total; at += 1) {
    const run = start({ seed: at });
    run.control.onCall = (api, count) => {
      if (count === at) disturb(run, api);
    };
    const before = run.document.pixels();
    const outcome = await run.place(run.document.id, makeResult(AREA)).catch((error) => error);
    run.control.onCall = () => {};
    check(run, outcome, before, at);
  }
}

test("sweep: Escape at any moment leaves nothing or all of it", async () => {
  await disturbEach(
    (run) => run.control.modalHolder && run.control.cancel(),
    (run, outcome, before, at) => {
      if (outcome instanceof Error || outcome.kind) {
        assert.equal(outcome.kind, "cancelled_by_user", `call ${at}: ${outcome.message}`);
        assert.equal(run.document.history.length, 1);
        same(run.document.pixels(), before);
      } else assert.equal(run.document.history.length, 2);
    },
  );
});

test("sweep: an error of Photoshop at any moment leaves nothing or all of it", async () => {
  await disturbEach(
    (run, api) => {
      if (api !== "resumeHistory" && api !== "reportProgress") throw new Error("an unexpected error");
    },
    (run, outcome, before, at) => {
      if (outcome.kind || outcome instanceof Error) {
        assert.ok(outcome.kind === undefined || outcome.kind === "host_error", `call ${at}: ${outcome.kind}`);
        assert.equal(run.document.history.length, 1, `call ${at}`);
        assert.equal(run.document.layers.length, 1, `call ${at}`);
        same(run.document.pixels(), before);
      } else assert.ok(differences(run.document, before, makeResult(AREA)) <= 1);
    },
  );
});

test("sweep: the document closed at any moment: an error, and no other document touched", async () => {
  await disturbEach(
    (run) => {
      run.other = run.control.open({ width: 131, height: 97, paint: paint8 });
      run.control.close(run.document.id);
    },
    (run, outcome) => {
      assert.ok(outcome instanceof Error || outcome.kind, "no error");
      assert.equal(run.other.history.length, 1);
      assert.equal(run.other.layers.length, 1);
    },
  );
});

test("sweep: another document brought to the front at any moment is not touched", async () => {
  await disturbEach(
    (run) => {
      run.other = run.control.open({ width: 131, height: 97, paint: paint8 });
      run.control.activeId = run.control.modalHolder ? run.document.id : run.other.id;
    },
    (run, outcome, before, at) => {
      assert.ok(!(outcome instanceof Error) && !outcome.kind, `call ${at}: ${outcome.message}`);
      assert.equal(run.other.history.length, 1);
      assert.ok(differences(run.document, before, makeResult(AREA)) <= 1);
    },
  );
});
