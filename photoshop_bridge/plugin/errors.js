"use strict";
/** Failures with a kind of the protocol (docs/photoshop_protocol.md, section 2) and words for a person. */

/** What to do next, for each kind that the panel or an assistant may meet. */
const ADVICE = Object.freeze({
  no_document: "Open a picture in Photoshop, then try again.",
  document_changed: "Undo the change of size or mode, or place the result by hand from the panel.",
  document_closed: "Open the document again. The result waits in the panel.",
  unsupported_document: "Convert a copy with Image > Mode > RGB Color and 8 or 16 Bits/Channel.",
  no_selection: "Select the part to change with any selection tool, then try again.",
  region_out_of_bounds: "Use a region inside the canvas.",
  too_large: "Select a smaller part of the picture.",
  host_busy: "Close the open dialog or finish the running command in Photoshop. It is tried again by itself.",
  cancelled_by_user: "Start again when you are ready. Nothing was changed.",
  transfer_failed: "It is tried again after the connection is back.",
  mask_failed: "Place the result again; if it fails again, run the self-test and send its report.",
  host_error: "Try again; if it fails again, run the self-test and send its report.",
  bad_request: "Update the plugin and the server to the same version.",
});

class BridgeError extends Error {
  /**
   * @param {string} kind
   * @param {string} message what was wrong
   * @param {{retryable?: boolean, advice?: string}} [options] `retryable`: the same may work later by itself
   */
  constructor(kind, message, options = {}) {
    super(message);
    this.name = "BridgeError";
    this.kind = kind;
    this.retryable = options.retryable === true;
    this.advice =
      options.advice === undefined ? /** @type {Record<string, string>} */ (ADVICE)[kind] || "" : options.advice;
  }
}

/**
 * The error as a BridgeError; what Photoshop throws becomes `host_error` with its own text.
 * @param {unknown} error
 * @returns {BridgeError}
 */
function asBridgeError(error) {
  if (error instanceof BridgeError) return error;
  return new BridgeError("host_error", `Photoshop reported: ${messageOf(error)}`);
}

/** @param {any} error @returns {string} text of whatever was thrown */
function messageOf(error) {
  return error && error.message ? String(error.message) : String(error);
}

// one by one: only so does tsc take an exported class as a type
exports.ADVICE = ADVICE;
exports.BridgeError = BridgeError;
exports.asBridgeError = asBridgeError;
exports.messageOf = messageOf;
