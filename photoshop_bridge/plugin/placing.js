"use strict";
/**
 * Placing a result: one pixel layer with a layer mask, in a group, in one history state. Nothing of the user's is
 * written to; selection, active layers and the document in front are as before.
 */

const { box, contains, heightOf, strips, toWire, widthOf } = require("./boxes.js");
const { checkSupported } = require("./documents.js");
const { BridgeError, asBridgeError } = require("./errors.js");
const host = require("./host.js");
const layers = require("./host_layers.js");
const pixels = require("./host_pixels.js");
const { maxDifference, paste, rowsOf, toRgba, withAlpha } = require("./pixels.js");
const { sha256 } = require("./sha256.js");
const { toHex, utf8 } = require("./bytes.js");

/** @typedef {import("./boxes.js").Box} Box */
/** @typedef {import("./host_layers.js").LayerFacts} LayerFacts */

/**
 * @typedef {object} Result
 * @property {string} id everything is idempotent by it
 * @property {string} name of the layer
 * @property {string} group name of the group it goes into
 * @property {Box} area
 * @property {number | null} anchor id of the layer to place above; null or gone: top of the stack
 * @property {Uint8Array} rgba opaque colour over all of `area`
 * @property {Uint8Array} mask over all of `area`: 255 is edited, 0 is not
 */

/**
 * @typedef {object} Placement
 * @property {number} layer its id
 * @property {"user" | "selection" | "baked" | null} mask how the mask was made; null: by a former placement
 * @property {boolean} verified pixels and mask were read back and are equal
 * @property {string} history name of the history state
 */

const ROWS_PER_STRIP = 1024; // memory: 4096 x 1024 RGBA is 16 MiB
const ROWS_VERIFIED = 256;
const MASK_TOLERANCE = 1;

/** @param {string} resultId @returns {string} what the layer's name ends with, so that the document knows the result */
function markerOf(resultId) {
  return ` · ${toHex(sha256(utf8(resultId))).slice(0, 6)}`;
}

/**
 * @param {number} documentId
 * @param {string} resultId
 * @returns {number | null} id of the layer that a former placement made
 */
function findPlaced(documentId, resultId) {
  const marker = markerOf(resultId);
  const found = layers.findLayer(documentId, (each) => !each.isGroup && each.name.endsWith(marker));
  return found ? found.layer.id : null;
}

/**
 * @param {import("./host.js").DocumentFacts} facts
 * @param {Result} result
 * @throws {BridgeError} unsupported_document, host_busy, region_out_of_bounds
 */
function checkPlace(facts, result) {
  checkSupported(facts);
  if (!contains(box(0, 0, facts.width, facts.height), result.area)) {
    const where = toWire(result.area).join(", ");
    const text = `The result lies at ${where}, outside the canvas of ${facts.width} x ${facts.height}.`;
    throw new BridgeError("region_out_of_bounds", text, { advice: "Place it into the document it was made for." });
  }
}

/** @param {string} name of the layer @returns {string} what the step is called in Photoshop's history */
function historyName(name) {
  return name.startsWith("Expression: ") ? name : `Expression: ${name}`;
}

/**
 * Places a result; a result that the document already holds is left as it is.
 * @param {number} documentId
 * @param {Result} result
 * @param {(value: number) => void} [onProgress] 0..1
 * @returns {Promise<Placement>}
 * @throws {BridgeError} document_closed, unsupported_document, region_out_of_bounds, host_busy, cancelled_by_user,
 *   host_error
 */
async function place(documentId, result, onProgress = () => {}) {
  checkPlace(host.documentFacts(documentId), result);
  const history = historyName(result.name);
  return host.modal(history, async (scope) => {
    const facts = host.documentFacts(documentId); // may have changed while the scope was waited for
    checkPlace(facts, result);
    const former = findPlaced(documentId, result.id);
    if (former !== null) return { layer: former, mask: null, verified: false, history };
    return scope.inOneStep(documentId, history, async () => {
      const progress = (/** @type {number} */ value) => {
        scope.progress(value);
        onProgress(value);
      };
      return { ...(await placeInStep(facts, result, scope, progress)), history };
    });
  });
}

/**
 * @param {import("./host.js").DocumentFacts} facts
 * @param {Result} result
 * @param {import("./host.js").Scope} scope
 * @param {(value: number) => void} progress
 */
async function placeInStep(facts, result, scope, progress) {
  const front = host.documentFacts("active").id;
  if (front !== facts.id) host.activate(facts.id);
  const activeBefore = layers.activeLayerIds(facts.id);
  const layer = await addLayer(facts.id, result);
  await fill(facts, layer, result, result.rgba, progress);
  const exact = await checkFilled(facts, layer, result);
  const mask = await addMask(facts, layer, result, scope);
  await layers.selectLayers(activeBefore);
  if (front !== facts.id) host.activate(front);
  progress(1);
  return { layer: layer.id, mask, verified: exact && mask !== "baked" };
}

/** @param {number} documentId @param {Result} result @returns {Promise<LayerFacts>} the empty layer, in place */
async function addLayer(documentId, result) {
  const anchored = result.anchor === null ? null : layers.findLayer(documentId, (each) => each.id === result.anchor);
  const below = anchored ? anchored.top : null;
  const group = groupFor(documentId, result.group, below) || (await addGroup(documentId, result.group, below));
  const layer = await layers.createLayer(documentId, result.name + markerOf(result.id));
  await layers.moveInside(layer, group);
  return layer;
}

/**
 * The group may be used again when what is put into it is seen: nothing that it must cover lies above it.
 * @param {number} documentId
 * @param {string} name
 * @param {LayerFacts | null} below what the result must lie above; null: everything
 * @returns {LayerFacts | null}
 */
function groupFor(documentId, name, below) {
  const all = layers.topLayers(documentId);
  const isUsable = (/** @type {LayerFacts} */ each) => each.isGroup && each.name === name && layers.showsContents(each);
  if (below && below.isGroup && below.name === name && isUsable(below)) return below;
  const above = below
    ? all.slice(
        0,
        all.findIndex((each) => each.id === below.id),
      )
    : all.slice(0, 1);
  return above.reverse().find(isUsable) || null;
}

/** @param {number} documentId @param {string} name @param {LayerFacts | null} below @returns {Promise<LayerFacts>} */
async function addGroup(documentId, name, below) {
  const all = layers.topLayers(documentId);
  let at = below ? all.findIndex((each) => each.id === below.id) : 0;
  while (at > 0 && layers.isClipped(all[at - 1])) at -= 1; // what is clipped to the layer below stays with it
  const target = all[at];
  const group = await layers.createGroup(documentId, name);
  await layers.moveAbove(group, target);
  return group;
}

/**
 * @param {import("./host.js").DocumentFacts} facts
 * @param {LayerFacts} layer
 * @param {Result} result
 * @param {Uint8Array} rgba
 * @param {(value: number) => void} progress
 */
async function fill(facts, layer, result, rgba, progress) {
  const parts = strips(result.area, ROWS_PER_STRIP);
  for (const [i, part] of parts.entries()) {
    const options = { depth: facts.depth, profile: facts.profile, replace: i === 0 };
    await pixels.writePixels(facts.id, layer.id, part, rowsOf(rgba, result.area, part, 4), options);
    progress((0.8 * (i + 1)) / parts.length);
  }
}

/**
 * @param {import("./host.js").DocumentFacts} facts
 * @param {LayerFacts} layer
 * @param {Result} result
 * @returns {Promise<boolean>} the first rows are there, bit by bit; false where a profile is converted, which rounds
 * @throws {BridgeError} host_error when they are elsewhere or differ
 */
async function checkFilled(facts, layer, result) {
  if (!contains(result.area, layers.boundsOf(layer))) {
    throw new BridgeError("host_error", "Photoshop put the pixels at another place.");
  }
  if (facts.profile !== null && facts.profile !== pixels.SRGB) return false;
  const [part] = strips(result.area, ROWS_VERIFIED);
  const found = await pixels.readPixels(facts.id, part, { layerId: layer.id, profile: facts.profile });
  const all = new Uint8Array(widthOf(part) * heightOf(part) * 4);
  paste(toRgba(found.data, found.components), found.area, all, part, 4);
  if (maxDifference(all, rowsOf(result.rgba, result.area, part, 4)) > 0) {
    throw new BridgeError("host_error", "Photoshop changed the pixels while it wrote them.");
  }
  return true;
}

/**
 * Field reports differ on how masks can be written: each way is tried, and read back.
 * @param {import("./host.js").DocumentFacts} facts
 * @param {LayerFacts} layer
 * @param {Result} result
 * @param {import("./host.js").Scope} scope
 * @returns {Promise<"user" | "selection" | "baked">}
 */
async function addMask(facts, layer, result, scope) {
  const write = (/** @type {boolean} */ replace) =>
    pixels.writeMask(facts.id, layer.id, result.area, result.mask, replace);
  const ways = [
    async () => {
      await layers.selectLayers([layer.id]);
      await layers.makeMask("hideAll");
      await write(false);
    },
    () => write(true),
  ];
  for (const way of ways) {
    if (await holds(way, facts, layer, result, scope)) return "user";
  }
  const selected = () => maskFromSelection(facts, layer, result);
  if (await holds(selected, facts, layer, result, scope)) return "selection";
  await dropMask(layer, scope);
  await fill(facts, layer, result, withAlpha(result.rgba, result.mask), () => {});
  return "baked";
}

/**
 * @param {() => Promise<void>} way of making the mask
 * @param {import("./host.js").DocumentFacts} facts
 * @param {LayerFacts} layer
 * @param {Result} result
 * @param {import("./host.js").Scope} scope
 * @returns {Promise<boolean>} the mask is there and reads back as written
 */
async function holds(way, facts, layer, result, scope) {
  try {
    await way();
    const found = await pixels.readMask(facts.id, layer.id, result.area);
    return maxDifference(found, result.mask) <= MASK_TOLERANCE;
  } catch (error) {
    if (scope.isCancelled()) throw error;
    asBridgeError(error); // this way is not to be had here; the next one is tried
    return false;
  }
}

/** @param {import("./host.js").DocumentFacts} facts @param {LayerFacts} layer @param {Result} result */
async function maskFromSelection(facts, layer, result) {
  const canvas = box(0, 0, facts.width, facts.height);
  const before = facts.selection ? await pixels.readSelection(facts.id, canvas) : null;
  await layers.selectLayers([layer.id]);
  await layers.deleteMask().catch(asBridgeError); // there may be none
  try {
    await pixels.writeSelection(facts.id, result.area, result.mask);
    await layers.makeMask("revealSelection"); // uses the selection up
  } finally {
    if (before) await pixels.writeSelection(facts.id, canvas, before);
    else await pixels.deselect(facts.id);
  }
}

/** @param {LayerFacts} layer @param {import("./host.js").Scope} scope */
async function dropMask(layer, scope) {
  await layers.selectLayers([layer.id]);
  try {
    await layers.deleteMask();
  } catch (error) {
    if (scope.isCancelled()) throw error; // otherwise there is no mask to delete
  }
}

module.exports = { findPlaced, markerOf, place };
