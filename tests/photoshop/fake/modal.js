"use strict";
/** executeAsModal and history suspension (ps-reference/media/executeasmodal.md). */

const { atLeast, guard } = require("./guard.js");

/** Errors that leave the modal scope keep their text and lose the rest [field reports]. */
const flattened = (error) => new Error(error && error.message ? String(error.message) : String(error));

/** @param {any} control @returns {Error} */
function collision(control) {
  const named = atLeast(control.version, "25.10") && control.modalHolder;
  const text = named ? `Plugin: ${control.modalHolder} is running a modal command` : "host is in a modal state";
  return Object.assign(new Error(text), { number: 9 });
}

/** From 25.10 a request waits for `timeOut`; the fake waits ten turns, so that no test depends on a clock. */
async function waitForTurn(control) {
  const turns = atLeast(control.version, "25.10") ? 10 : 0;
  for (let i = 0; i < turns && control.modalHolder; i += 1) await new Promise((resolve) => setImmediate(resolve));
  if (control.modalHolder) throw collision(control);
}

function suspend(control, { documentID, name }) {
  const document = control.document(documentID);
  if (control.suspended.has(documentID)) throw new Error("history of this document is suspended already");
  const id = control.newId();
  control.suspended.set(documentID, { id, name, touched: false, state: document.snapshot() });
  return { historySuspensionID: id, documentID };
}

function resume(control, suspension, commit) {
  const entry = [...control.suspended].find(([, each]) => each.id === suspension.historySuspensionID);
  if (!entry) throw new Error("history is not suspended");
  const [documentID, held] = entry;
  control.suspended.delete(documentID);
  const document = control.document(documentID);
  if (!commit) document.restore(held.state);
  else if (held.touched) document.changed(suspension.finalName || held.name);
}

function executionContext(control) {
  const hostControl = guard(control, "hostControl", {
    async suspendHistory(options) {
      await control.pause("suspendHistory");
      return suspend(control, options);
    },
    async resumeHistory(suspension, commit = true) {
      control.record("resumeHistory");
      await null;
      resume(control, suspension, commit);
    },
    async registerAutoCloseDocument(id) {
      await control.pause("registerAutoCloseDocument");
      control.autoClose.add(id);
    },
    async unregisterAutoCloseDocument(id) {
      await control.pause("unregisterAutoCloseDocument");
      control.autoClose.delete(id);
    },
  });
  return guard(control, "ExecutionContext", {
    get isCancelled() {
      return control.cancelled;
    },
    get onCancel() {
      return control.onCancel;
    },
    set onCancel(callback) {
      control.onCancel = callback;
    },
    reportProgress() {
      control.record("reportProgress");
    },
    hostControl,
  });
}

/** Ends the scope: suspended histories are committed after a return, rolled back after a throw. */
function endScope(control, commit) {
  for (const [documentID, held] of [...control.suspended]) {
    if (control.documents.some((each) => each.id === documentID)) {
      resume(control, { historySuspensionID: held.id }, commit);
    }
  }
  control.suspended.clear();
  for (const id of control.autoClose) control.close(id);
  control.autoClose.clear();
  control.modalHolder = null;
  control.cancelled = false;
  control.onCancel = null;
}

/** @param {any} control */
function createCore(control) {
  return guard(control, "core", {
    async executeAsModal(target, options) {
      if (!options || typeof options.commandName !== "string") throw new Error("commandName is required");
      control.record("executeAsModal");
      await null;
      if (control.modalHolder) await waitForTurn(control);
      control.modalHolder = "plugin";
      try {
        const result = await target(executionContext(control), options.descriptor || {});
        endScope(control, true);
        return result;
      } catch (error) {
        endScope(control, false);
        throw flattened(error);
      }
    },
    isModal: () => control.modalHolder !== null,
    async addNotificationListener(group, events, notifier) {
      control.listeners.push({ events, notifier });
    },
  });
}

module.exports = { createCore };
