"use strict";
/** What the server may ask of this host, and what it is told unasked (docs/photoshop_protocol.md, 4.2 and 4.5). */

const { heightOf, toWire, widthOf } = require("./boxes.js");
const { docInfo } = require("./documents.js");
const { BridgeError } = require("./errors.js");
const host = require("./host.js");
const { readRegion } = require("./reading.js");

const POLL_MS = 1000;
const EVENT_MS = 300;

/**
 * @param {<T>(work: () => Promise<T>) => Promise<T>} queue one work with Photoshop at a time
 * @returns {import("./connection.js").Listener["requests"]}
 */
function createRequests(queue) {
  return {
    "doc.list": async () => ({ documents: listDocInfos() }),
    "doc.info": async ({ doc }) => ({ document: docInfo(host.documentFacts(checkDoc(doc))) }),
    "doc.read": (params, task, link) => queue(() => answerRead(params, task, link)),
  };
}

/** @returns {import("./documents.js").DocInfo[]} */
const listDocInfos = () => host.listDocuments().map(docInfo);

/** @param {any} doc @returns {number | "active"} */
function checkDoc(doc) {
  if (doc === "active" || Number.isInteger(doc)) return doc;
  throw new BridgeError("bad_request", `doc is neither a number nor "active": ${JSON.stringify(doc)}`);
}

/** @param {any} params @returns {import("./reading.js").Request & {capture: string}} */
function checkRead(params) {
  const { capture, rect, want, layer = "composite", pad_px: pad = 0 } = params;
  const known =
    Array.isArray(want) && want.length > 0 && want.every((each) => each === "pixels" || each === "selection");
  const isRect = rect === "canvas" || rect === "selection" || Array.isArray(rect);
  const isLayer = layer === "composite" || Number.isInteger(layer);
  if (typeof capture !== "string" || !known || !isRect || !isLayer || !Number.isInteger(pad) || pad < 0) {
    throw new BridgeError("bad_request", "doc.read has params of another form than the protocol's.");
  }
  return { ...params, doc: checkDoc(params.doc), layer, pad_px: pad };
}

/**
 * @param {any} params
 * @param {import("./rpc.js").Task} task
 * @param {import("./connection.js").Link} link
 */
async function answerRead(params, task, { transfers }) {
  const request = checkRead(params);
  const { facts, area, pixels, selection, activeLayer } = await readRegion(request, transfers.limits.pixels);
  const size = { width: widthOf(area), height: heightOf(area) };
  const sent = { pixels: /** @type {number | null} */ (null), selection: /** @type {number | null} */ (null) };
  if (pixels) sent.pixels = await transfers.send(request.capture, { kind: "pixels", ...size, ...pixels }, task);
  if (selection) {
    const plane = { kind: "selection", ...size, components: 1, data: selection };
    sent.selection = await transfers.send(request.capture, plane, task);
  }
  return { document: docInfo(facts), rect: toWire(area), ...sent, active_layer: activeLayer };
}

/**
 * Tells of changes: Photoshop's events are hints that do not always come, so documents are also looked at each second.
 * @param {import("./clock.js").Clock} clock
 * @param {(reason: string, documents: object[]) => void} tell
 * @returns {{look: (reason: string) => void, lookSoon: (reason: string) => void, stop: () => void}} `lookSoon` looks
 *   once for a burst of events
 */
function watchDocuments(clock, tell) {
  let last = "";
  let timer = /** @type {any} */ (null);
  let soon = false;
  const lookIn = (/** @type {number} */ ms, /** @type {string} */ reason) => {
    clock.clearTimeout(timer);
    timer = clock.setTimeout(() => look(reason), ms);
  };
  const look = (/** @type {string} */ reason) => {
    soon = false;
    lookIn(POLL_MS, "poll");
    const documents = openDocuments();
    const text = JSON.stringify(documents);
    if (!documents || text === last) return;
    last = text;
    tell(reason, documents);
  };
  const lookSoon = (/** @type {string} */ reason) => {
    if (!soon) lookIn(EVENT_MS, reason);
    soon = true;
  };
  return { look, lookSoon, stop: () => clock.clearTimeout(timer) };
}

/** @returns {import("./documents.js").DocInfo[] | null} null while documents come and go: the next look will see */
function openDocuments() {
  try {
    return listDocInfos();
  } catch {
    return null;
  }
}

module.exports = { createRequests, listDocInfos, openDocuments, watchDocuments };
