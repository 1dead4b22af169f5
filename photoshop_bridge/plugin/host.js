"use strict";
/**
 * The adapter to Photoshop, first part: documents, modal scopes, events. Only host.js, host_layers.js and
 * host_pixels.js touch `require("photoshop")`; they speak in document ids, layer ids, boxes and 8-bit arrays, and fail
 * with BridgeError. Everything that changes a document runs inside `modal`.
 */

const { action, app, constants, core } = require("photoshop");
const { fromBounds } = require("./boxes.js");
const { BridgeError, asBridgeError, messageOf } = require("./errors.js");

/** @typedef {import("./boxes.js").Box} Box */

/**
 * @typedef {object} DocumentFacts
 * @property {number} id valid while the document is open
 * @property {string} name
 * @property {string | null} path full path; null when it was never saved
 * @property {number} width
 * @property {number} height
 * @property {string} mode Photoshop's word, e.g. "RGBColorMode"
 * @property {number} depth 8, 16 or 32
 * @property {string | null} profile null when untagged
 * @property {number} ppi
 * @property {boolean} active
 * @property {boolean} saved
 * @property {boolean} quickMask
 * @property {Box | null} selection may reach over the canvas
 * @property {number} history id of the active history state
 */

const MODAL_TAKEN = 9; // ps-reference/media/executeasmodal.md

/** @param {ArrayLike<any>} list of the DOM, which has a length and indices only @returns {any[]} */
function items(list) {
  return Array.from({ length: list.length }, (_, i) => list[i]);
}

/** @param {number} id @returns {any} the open document */
function documentOf(id) {
  const found = items(app.documents).find((each) => each.id === id);
  if (!found) throw new BridgeError("document_closed", "The document is no longer open.");
  return found;
}

/** @param {any} document @param {number} activeId @returns {DocumentFacts} */
function factsOf(document, activeId) {
  const bounds = document.selection.bounds;
  const path = document.path || "";
  return Object.freeze({
    id: document.id,
    name: document.title,
    path: /[\\/]/.test(path) ? path : null,
    width: document.width,
    height: document.height,
    mode: String(document.mode),
    depth: Number(String(document.bitsPerChannel).replace(/\D/g, "")),
    profile: document.colorProfileType === constants.ColorProfileType.NONE ? null : document.colorProfileName || null,
    ppi: document.resolution,
    active: document.id === activeId,
    saved: document.saved === true,
    quickMask: document.quickMaskMode === true,
    selection: bounds ? fromBounds(bounds) : null,
    history: document.activeHistoryState.id,
  });
}

/** @returns {DocumentFacts[]} every open document */
function listDocuments() {
  const active = app.activeDocument;
  return items(app.documents).map((each) => factsOf(each, active ? active.id : -1));
}

/**
 * @param {number | "active"} id
 * @returns {DocumentFacts}
 * @throws {BridgeError} no_document, document_closed
 */
function documentFacts(id) {
  const active = app.activeDocument;
  if (id === "active" && !active) throw new BridgeError("no_document", "No document is open in Photoshop.");
  return factsOf(id === "active" ? active : documentOf(id), active ? active.id : -1);
}

/**
 * @typedef {object} Scope what a modal scope offers
 * @property {() => boolean} isCancelled
 * @property {(value: number) => void} progress 0..1
 * @property {<T>(documentId: number, name: string, work: () => Promise<T>) => Promise<T>} inOneStep one history
 *   state for all of `work`; rolled back when it fails
 */

/** @param {any} context @returns {Scope} */
function scopeOf(context) {
  const isCancelled = () => context.isCancelled === true;
  return Object.freeze({
    isCancelled,
    progress: (value) => context.reportProgress({ value }),
    async inOneStep(documentID, name, work) {
      const suspension = await context.hostControl.suspendHistory({ documentID, name });
      try {
        const value = await work();
        await context.hostControl.resumeHistory(suspension, true);
        return value;
      } catch (error) {
        // after a cancel no call may be made: leaving the scope by a throw rolls back
        if (!isCancelled()) await context.hostControl.resumeHistory(suspension, false);
        throw error;
      }
    },
  });
}

/**
 * Runs `work` while nothing else can change Photoshop. Its errors keep their type: they do not cross the border of
 * the scope, where Photoshop would reduce them to text, unless the user cancelled.
 * @template T
 * @param {string} name shown at the progress bar
 * @param {(scope: Scope) => Promise<T>} work
 * @returns {Promise<T>}
 * @throws {BridgeError} host_busy, cancelled_by_user, or what `work` throws; host_error for errors of Photoshop
 */
async function modal(name, work) {
  /** @type {{value?: T, error?: unknown, cancelled?: boolean}} */
  const outcome = {};
  try {
    await core.executeAsModal(
      async (context) => {
        try {
          outcome.value = await work(scopeOf(context));
        } catch (error) {
          outcome.error = error;
          outcome.cancelled = context.isCancelled === true;
          if (outcome.cancelled) throw error;
        }
      },
      { commandName: name },
    );
  } catch (error) {
    if (/** @type {any} */ (error).number === MODAL_TAKEN) {
      throw new BridgeError("host_busy", `Photoshop is busy: ${messageOf(error)}`, { retryable: true });
    }
    if (!outcome.cancelled) throw error;
  }
  if (outcome.cancelled) throw new BridgeError("cancelled_by_user", "It was cancelled in Photoshop.");
  if (outcome.error !== undefined) throw asBridgeError(outcome.error);
  return /** @type {T} */ (outcome.value);
}

/**
 * Reads need no modal scope by the documentation; where Photoshop refuses all the same, the read runs inside one.
 * @template T
 * @param {() => Promise<T>} read
 * @returns {Promise<T>}
 */
async function readAnyhow(read) {
  try {
    return await read();
  } catch {
    return modal("Read pixels", read);
  }
}

/** @param {number} documentId brought to the front: descriptors act on the active document */
function activate(documentId) {
  app.activeDocument = documentOf(documentId);
}

/** @param {(reason: string) => void} notify called when a document or a selection may have changed: a hint only */
async function watch(notify) {
  const reasons = /** @type {Record<string, string>} */ ({
    open: "open",
    newDocument: "open",
    close: "close",
    select: "active",
  });
  const events = ["open", "newDocument", "close", "select", "set", "historyStateChanged"];
  await action.addNotificationListener(events, (event) => notify(reasons[event] || "edit"));
}

// ----- the self-test's own document

/**
 * @param {{name: string, width: number, height: number, depth: number, profile: string}} options
 * @returns {Promise<number>} id
 */
async function createDocument({ name, width, height, depth, profile }) {
  const fill = constants.DocumentFill.WHITE;
  const mode = constants.NewDocumentMode.RGB;
  const document = await app.createDocument({ name, width, height, depth, profile, mode, fill, resolution: 300 });
  if (!document) throw new BridgeError("host_error", "Photoshop made no document.");
  return document.id;
}

/** @param {number} documentId is closed unsaved */
async function closeDocument(documentId) {
  await documentOf(documentId).closeWithoutSaving();
}

/** @param {number} documentId @returns {number} states in its history */
const countHistory = (documentId) => documentOf(documentId).historyStates.length;

/** @param {number} documentId goes back by one state, as Edit > Undo does */
function undo(documentId) {
  const document = documentOf(documentId);
  const states = items(document.historyStates);
  const at = states.findIndex((each) => each.id === document.activeHistoryState.id);
  document.activeHistoryState = states[at - 1];
}

/** @param {number} documentId @param {Box} area becomes the selection @param {number} feather_px softens its rim */
async function select(documentId, area, feather_px) {
  const { selection } = documentOf(documentId);
  await selection.selectRectangle({ ...area }, constants.SelectionType.REPLACE, feather_px);
}

module.exports = {
  activate,
  closeDocument,
  countHistory,
  createDocument,
  documentFacts,
  documentOf,
  items,
  listDocuments,
  modal,
  readAnyhow,
  select,
  undo,
  watch,
};
