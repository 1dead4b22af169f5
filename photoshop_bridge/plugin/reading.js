"use strict";
/** Reading a region of an open document: composite or layer pixels in 8 bits, and the selection as a mask. */

const { box, fromWire, grow, heightOf, intersect, isEmpty, join, strips, toWire, widthOf } = require("./boxes.js");
const { checkSupported, selectionOf } = require("./documents.js");
const { BridgeError } = require("./errors.js");
const host = require("./host.js");
const { activeLayerIds } = require("./host_layers.js");
const hostPixels = require("./host_pixels.js");
const { paste, toRgba } = require("./pixels.js");

/** @typedef {import("./boxes.js").Box} Box */
/** @typedef {import("./host.js").DocumentFacts} DocumentFacts */

/**
 * @typedef {object} Request of `doc.read` (docs/photoshop_protocol.md, section 4.2)
 * @property {number | "active"} doc
 * @property {number[] | "canvas" | "selection"} rect
 * @property {number[] | null} [include] joined to the selection's bounds
 * @property {number} [pad_px]
 * @property {number | "composite"} [layer]
 * @property {string[]} want "pixels", "selection"
 */

/**
 * @typedef {object} Reading
 * @property {DocumentFacts} facts
 * @property {Box} area cut to the canvas
 * @property {{data: Uint8Array, components: number, profile: "sRGB" | "untagged"} | null} pixels over all of `area`
 * @property {Uint8Array | null} selection over all of `area`, 0..255
 * @property {number | null} activeLayer
 */

const ROWS_PER_STRIP = 1024;

/**
 * The region that is meant, cut to the canvas.
 * @param {DocumentFacts} facts
 * @param {Request} request
 * @returns {Box}
 * @throws {BridgeError} no_selection, region_out_of_bounds, bad_request
 */
function areaOf(facts, request) {
  const canvas = box(0, 0, facts.width, facts.height);
  const selected = selectionOf(facts);
  const needsSelection = request.rect === "selection" || request.want.includes("selection");
  if (needsSelection && !selected) throw new BridgeError("no_selection", "Nothing is selected inside the canvas.");
  if (request.rect === "canvas") return canvas;
  if (request.rect === "selection") {
    const include = fromWire(request.include);
    const around = include ? join(/** @type {Box} */ (selected), include) : /** @type {Box} */ (selected);
    return intersect(grow(around, request.pad_px || 0), canvas);
  }
  const asked = fromWire(request.rect);
  if (!asked)
    throw new BridgeError("bad_request", `rect is not [left, top, right, bottom]: ${JSON.stringify(request.rect)}`);
  const area = intersect(asked, canvas);
  if (isEmpty(area)) {
    const text = `The region ${toWire(asked).join(", ")} lies outside the canvas of ${facts.width} x ${facts.height}.`;
    throw new BridgeError("region_out_of_bounds", text);
  }
  return area;
}

/**
 * @param {Request} request
 * @param {number} limitPixels
 * @returns {Promise<Reading>}
 * @throws {BridgeError} no_document, document_closed, unsupported_document, host_busy, no_selection,
 *   region_out_of_bounds, too_large, host_error
 */
async function readRegion(request, limitPixels) {
  const facts = host.documentFacts(request.doc);
  checkSupported(facts);
  const area = areaOf(facts, request);
  const count = widthOf(area) * heightOf(area);
  if (count > limitPixels) {
    throw new BridgeError("too_large", `The region has ${count} pixels; at most ${limitPixels} can be read.`);
  }
  const layerId = typeof request.layer === "number" ? request.layer : undefined;
  return Object.freeze({
    facts,
    area,
    pixels: request.want.includes("pixels") ? await readAll(facts, area, layerId) : null,
    selection: request.want.includes("selection")
      ? await host.readAnyhow(() => hostPixels.readSelection(facts.id, area))
      : null,
    activeLayer: activeLayerIds(facts.id)[0] || null,
  });
}

/**
 * @param {DocumentFacts} facts
 * @param {Box} area
 * @param {number | undefined} layerId
 * @returns {Promise<{data: Uint8Array, components: number, profile: "sRGB" | "untagged"}>}
 */
async function readAll(facts, area, layerId) {
  const found = [];
  const refused = [];
  for (const part of strips(area, ROWS_PER_STRIP)) {
    const read = () => hostPixels.readPixels(facts.id, part, { layerId, profile: facts.profile });
    try {
      found.push(await host.readAnyhow(read));
    } catch (error) {
      refused.push(error); // rows without a single pixel are refused by some versions
    }
  }
  const canBeEmpty = found.some((each) => each.components === 4);
  if (refused.length > 0 && !canBeEmpty) throw refused[0];
  return { ...assemble(found, area), profile: facts.profile === null ? "untagged" : "sRGB" };
}

/**
 * @param {{data: Uint8Array, components: number, area: Box}[]} parts as Photoshop trimmed them
 * @param {Box} area
 * @returns {{data: Uint8Array, components: number}} three components when all of `area` is opaque, else four
 */
function assemble(parts, area) {
  const covered = parts.reduce((sum, each) => sum + widthOf(each.area) * heightOf(each.area), 0);
  const isOpaque = parts.every((each) => each.components === 3) && covered === widthOf(area) * heightOf(area);
  const components = isOpaque ? 3 : 4;
  const data = new Uint8Array(widthOf(area) * heightOf(area) * components);
  for (const each of parts) {
    paste(isOpaque ? each.data : toRgba(each.data, each.components), each.area, data, area, components);
  }
  return { data, components };
}

module.exports = { areaOf, readRegion };
