"use strict";
/**
 * The self-test for a person who has Photoshop: what this plugin relies on, tried in documents of its own. The report
 * holds no content of the user's.
 */

const { box, heightOf, widthOf } = require("./boxes.js");
const { asBridgeError } = require("./errors.js");
const { MAX_PAYLOAD } = require("./frames.js");
const host = require("./host.js");
const layers = require("./host_layers.js");
const pixels = require("./host_pixels.js");
const { place } = require("./placing.js");
const { maxDifference, toRgba } = require("./pixels.js");
const { readRegion } = require("./reading.js");

/** @typedef {import("./boxes.js").Box} Box */

/**
 * @typedef {object} Step
 * @property {string} name
 * @property {boolean} ok
 * @property {string} detail what was seen
 * @property {number} ms
 */

const WIDTH = 641; // odd sizes show errors of strides and rounding
const HEIGHT = 487;
const AREA = box(33, 21, 300, 268);
const LIMIT_PIXELS = WIDTH * HEIGHT;
const PROBES = [65536, 262144, MAX_PAYLOAD];

/** @param {Box} area @returns {{rgba: Uint8Array, mask: Uint8Array}} a pattern in which no two rows are alike */
function pattern(area) {
  const count = widthOf(area) * heightOf(area);
  const rgba = new Uint8Array(count * 4);
  const mask = new Uint8Array(count);
  for (let i = 0; i < count; i += 1) {
    const [x, y] = [i % widthOf(area), Math.floor(i / widthOf(area))];
    rgba.set([(x * 3) & 255, (y * 5) & 255, (x + y * 7) & 255, 255], i * 4);
    mask[i] = x < 20 || y < 20 ? 0 : Math.min(255, (x - 19) * 2);
  }
  return { rgba, mask };
}

/** @param {boolean} truth @param {string} detail */
function expect(truth, detail) {
  if (!truth) throw new Error(detail);
}

/** @param {number} id @param {Box} area @param {string} profile @returns {Promise<Uint8Array>} RGBA of the composite */
async function composite(id, area, profile) {
  const found = await host.readAnyhow(() => pixels.readPixels(id, area, { profile }));
  return toRgba(found.data, found.components);
}

/** @type {Record<string, (id: number) => Promise<string>>} each answers what was seen, or throws */
const CHECKS = {
  async "composite pixels"(id) {
    const found = await host.readAnyhow(() => pixels.readPixels(id, AREA, { profile: pixels.SRGB }));
    expect(
      found.data.every((value) => value === 255),
      "a white document is not white",
    );
    return `${found.components} components, bounds ${JSON.stringify(found.area)}`;
  },
  async "pixels without a modal scope"(id) {
    const read = pixels.readPixels(id, AREA, { profile: pixels.SRGB });
    return read.then(
      () => "allowed",
      (error) => `refused: ${asBridgeError(error).message}`,
    );
  },
  async "placing: exact pixels, one history state, undo"(id) {
    const before = await composite(id, AREA, pixels.SRGB);
    const states = host.countHistory(id);
    const result = {
      id: "selftest-1",
      name: "Self-test",
      group: "Expressions",
      area: AREA,
      anchor: null,
      ...pattern(AREA),
    };
    const placement = await place(id, result);
    const added = host.countHistory(id) - states;
    const after = await composite(id, AREA, pixels.SRGB);
    const outside = after.every((value, i) => result.mask[i >> 2] > 0 || value === before[i]);
    const inside = after.every((value, i) => result.mask[i >> 2] < 255 || i % 4 === 3 || value === result.rgba[i]);
    const again = await place(id, result);
    await host.modal("Undo", async () => host.undo(id));
    const undone = maxDifference(await composite(id, AREA, pixels.SRGB), before);
    const seen = `mask ${placement.mask}, verified ${placement.verified}, ${added} states, difference after undo ${undone}`;
    expect(added === 1 && undone === 0, seen);
    expect(outside, `pixels outside the mask changed; ${seen}`);
    expect(inside, `pixels inside the mask differ; ${seen}`);
    expect(again.layer === placement.layer, `the same result was placed twice; ${seen}`);
    return seen;
  },
  async "half-transparent pixels are straight"(id) {
    const rgba = new Uint8Array(400).fill(200);
    for (let i = 3; i < rgba.length; i += 4) rgba[i] = 128;
    const area = box(5, 5, 15, 15);
    const { depth, profile } = host.documentFacts(id);
    return host.modal("Self-test", async () => {
      const layer = await layers.createLayer(id, "alpha");
      await pixels.writePixels(id, layer.id, area, rgba, { depth, profile, replace: true });
      const found = await pixels.readPixels(id, area, { layerId: layer.id, profile });
      const first = Array.from(found.data.subarray(0, 4)).join(" ");
      expect(found.components === 4 && maxDifference(found.data, rgba) <= 1, `200 200 200 128 came back as ${first}`);
      return first;
    });
  },
  async "no selection"(id) {
    const asked = { doc: id, rect: /** @type {"selection"} */ ("selection"), want: ["selection"] };
    const kind = await readRegion(asked, LIMIT_PIXELS).then(
      () => "none",
      (error) => asBridgeError(error).kind,
    );
    expect(kind === "no_selection", `the answer was ${kind}`);
    return kind;
  },
  async "selections: full canvas, feathered"(id) {
    const asked = { doc: id, rect: /** @type {"selection"} */ ("selection"), want: ["selection"] };
    await host.modal("Self-test", () => host.select(id, box(0, 0, WIDTH, HEIGHT), 0));
    const full = /** @type {Uint8Array} */ ((await readRegion(asked, LIMIT_PIXELS)).selection);
    expect(
      full.every((value) => value === 255),
      "a full selection is not 255 everywhere",
    );
    await host.modal("Self-test", () => host.select(id, AREA, 8));
    const soft = await readRegion(asked, LIMIT_PIXELS);
    const levels = new Set(/** @type {Uint8Array} */ (soft.selection)).size;
    return `full: all 255; feathered: bounds ${JSON.stringify(soft.area)}, ${levels} levels`;
  },
  async "a second modal scope is refused"() {
    const kind = await host.modal("Self-test", () =>
      host.modal("Self-test inside", async () => "allowed: nested").catch((error) => asBridgeError(error).kind),
    );
    return kind;
  },
};

/**
 * @param {string} name @param {() => Promise<string>} check
 * @returns {Promise<Step>}
 */
async function runStep(name, check) {
  const start = Date.now();
  try {
    return { name, ok: true, detail: await check(), ms: Date.now() - start };
  } catch (error) {
    return { name, ok: false, detail: asBridgeError(error).message, ms: Date.now() - start };
  }
}

/** @param {number} depth @param {(text: string) => void} onStep @returns {Promise<Step[]>} */
async function checkDepth(depth, onStep) {
  const name = `ExpressEdit self-test ${depth}`;
  const options = { name, width: WIDTH, height: HEIGHT, depth, profile: pixels.SRGB };
  const id = await host.modal(name, () => host.createDocument(options));
  const steps = [];
  try {
    for (const [title, check] of Object.entries(CHECKS)) {
      onStep(`${depth} bits: ${title} …`);
      steps.push(await runStep(`${depth} bits: ${title}`, () => check(id)));
    }
  } finally {
    await host.modal(name, () => host.closeDocument(id));
  }
  return steps;
}

/** @param {import("./connection.js").Link | null} link @returns {Promise<Step[]>} */
async function checkLink(link) {
  if (!link) return [{ name: "connection", ok: false, detail: "not connected", ms: 0 }];
  const seen = JSON.stringify(link.hello.seen || {});
  const steps = [{ name: "connection", ok: true, detail: `${link.mode}, the server saw ${seen}`, ms: 0 }];
  for (const bytes of PROBES) {
    const check = async () => {
      expect(await link.probe(bytes), "it did not come back");
      return "came back whole";
    };
    steps.push(await runStep(`binary frame of ${bytes} bytes`, check));
  }
  return steps;
}

/**
 * Runs all of it and hands the report to the server, when one is connected.
 * @param {import("./bridge.js").Bridge} bridge
 * @param {object} client names and versions of plugin and host
 * @param {(text: string) => void} onStep told to the user
 * @returns {Promise<{client: object, steps: Step[]}>}
 */
async function runSelftest(bridge, client, onStep) {
  const steps = await checkLink(bridge.link);
  steps.push({ name: "named events", ok: true, detail: `${bridge.events} since the start`, ms: 0 });
  for (const depth of [8, 16]) {
    const work = () => checkDepth(depth, onStep);
    const found = await bridge
      .queue(work)
      .catch((error) => [{ name: `${depth} bits`, ok: false, detail: asBridgeError(error).message, ms: 0 }]);
    steps.push(...found);
  }
  const report = { client, steps };
  const failed = steps.filter((each) => !each.ok).length;
  const kept = bridge.link ? await bridge.link.rpc.request("selftest", { report }).catch(() => null) : null;
  const where = kept ? `The server keeps it as ${kept.name}.` : "Copy the report below.";
  onStep(`${steps.length - failed} of ${steps.length} steps passed. ${where}`);
  return report;
}

module.exports = { runSelftest };
