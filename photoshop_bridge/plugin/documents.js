"use strict";
/** What the other side is told of open documents, and which of them can be read and written. */

const { box, intersect, isEmpty, toWire } = require("./boxes.js");
const { toHex, utf8 } = require("./bytes.js");
const { BridgeError } = require("./errors.js");
const { sha256 } = require("./sha256.js");

/** @typedef {import("./host.js").DocumentFacts} DocumentFacts */

/**
 * @typedef {object} DocInfo section 4.1 of docs/photoshop_protocol.md
 * @property {number} doc
 * @property {string} name
 * @property {number} width
 * @property {number} height
 * @property {string} mode
 * @property {number} depth
 * @property {string | null} profile
 * @property {number} ppi
 * @property {boolean} active
 * @property {boolean} saved
 * @property {string | null} file
 * @property {string} fingerprint
 * @property {number[] | null} selection
 * @property {number} history
 */

const MODES = ["rgb", "gray", "cmyk", "lab", "indexed", "bitmap", "multichannel", "duotone"];

/** @param {string} mode Photoshop's word: "RGBColorMode", or "RGB" in field reports @returns {string} */
function modeOf(mode) {
  const word = mode.toLowerCase();
  return MODES.find((each) => word.startsWith(each)) || word.slice(0, 40);
}

/** @param {DocumentFacts} facts @returns {import("./boxes.js").Box | null} the selection's bounds inside the canvas */
function selectionOf(facts) {
  if (!facts.selection) return null;
  const inside = intersect(facts.selection, box(0, 0, facts.width, facts.height));
  return isEmpty(inside) ? null : inside;
}

/** @param {DocumentFacts} facts @returns {DocInfo} */
function docInfo(facts) {
  const mode = modeOf(facts.mode);
  const selection = selectionOf(facts);
  return {
    doc: facts.id,
    name: facts.name.slice(0, 200),
    width: facts.width,
    height: facts.height,
    mode,
    depth: facts.depth,
    profile: facts.profile,
    ppi: facts.ppi,
    active: facts.active,
    saved: facts.saved,
    file: facts.path === null ? null : toHex(sha256(utf8(facts.path))),
    fingerprint: `${facts.width}x${facts.height}|${mode}|${facts.depth}|${facts.profile || "-"}`.slice(0, 200),
    selection: selection && toWire(selection),
    history: facts.history,
  };
}

/**
 * @param {DocumentFacts} facts
 * @throws {BridgeError} unsupported_document; host_busy in Quick Mask mode
 */
function checkSupported(facts) {
  const mode = modeOf(facts.mode);
  if (mode !== "rgb" || (facts.depth !== 8 && facts.depth !== 16)) {
    const found = `The document is ${mode.toUpperCase()} with ${facts.depth} bits a channel`;
    throw new BridgeError("unsupported_document", `${found}; RGB with 8 or 16 bits can be edited.`);
  }
  if (facts.quickMask) {
    throw new BridgeError("host_busy", "The document is in Quick Mask mode.", {
      advice: "Press Q to leave Quick Mask mode.",
    });
  }
}

/**
 * @typedef {object} DocRef what a result was made for (section 4.3)
 * @property {string | null} session
 * @property {number | null} doc
 * @property {string | null} file
 * @property {string} fingerprint
 */

/**
 * Whether an open document is the one that a result was made for.
 * @param {DocInfo} info
 * @param {DocRef | null} made
 * @param {string} session
 * @returns {boolean}
 */
function matches(info, made, session) {
  if (!made || made.fingerprint !== info.fingerprint) return false;
  if (made.session === session && made.doc === info.doc) return true;
  return made.file !== null && made.file === info.file;
}

module.exports = { checkSupported, docInfo, matches, selectionOf };
