"use strict";
/**
 * The descriptors of action.batchPlay that the plugin may use (ps-reference/media/batchplay.md). Any other fails the
 * test. Errors come back as values, `{_obj: "error"}`, as the page says of commands in a batch.
 */

const { guard } = require("./guard.js");

const failed = (message, result = -25920) => ({ _obj: "error", message, result });

function targetLayerId(command) {
  const targets = [].concat(command._target || []);
  const layer = targets.find((each) => each._ref === "layer");
  return layer ? layer._id : undefined;
}

function makeMask(control, command) {
  const document = control.document(undefined);
  const layer = control.layer(document, document.active[0]);
  const kind = command.using && command.using._value;
  if (layer.mask) return failed("The command “Make” is not currently available.");
  if (layer.background) return failed("The background has no mask.");
  if (kind === "hideAll" || kind === "revealAll") {
    const rect = { left: 0, top: 0, right: 0, bottom: 0 };
    layer.mask = { rect, data: new Uint8Array(0), outside: kind === "hideAll" ? 0 : 255 };
  } else if (kind === "revealSelection") {
    if (!document.selection) return failed("There is no selection.");
    if (control.masks === "fails-everywhere") return failed("Could not make the mask.");
    layer.mask = { rect: document.selection.rect, data: document.selection.data.slice(), outside: 0 };
    document.selection = null; // the selection is used up [field reports]
  } else return failed(`unknown using: ${kind}`);
  document.changed("Add Layer Mask");
  return { _obj: "make" };
}

function deleteMask(control) {
  const document = control.document(undefined);
  const layer = control.layer(document, document.active[0]);
  if (!layer.mask) return failed("The command “Delete” is not currently available.");
  layer.mask = null;
  document.changed("Delete Layer Mask");
  return { _obj: "delete" };
}

function select(control, command) {
  const document = control.document(undefined);
  const id = targetLayerId(command);
  if (!document.flat().some((each) => each.layer.id === id)) return failed("The layer does not exist.");
  const add = command.selectionModifier && command.selectionModifier._value === "addToSelection";
  document.active = add ? [...document.active, id] : [id];
  return { _obj: "select" };
}

function selectNone(control) {
  control.document(undefined).active = [];
  return { _obj: "selectNoLayers" };
}

const isMask = (ref) => Boolean(ref) && ref._ref === "channel" && ref._enum === "channel" && ref._value === "mask";
const isNewChannel = (command) => Boolean(command.new) && command.new._class === "channel";

/** @returns {((control: any, command: any) => object) | null} */
function handlerOf(command) {
  if (command._obj === "make" && isNewChannel(command) && isMask(command.at)) return makeMask;
  if (command._obj === "delete" && isMask([].concat(command._target)[0])) return deleteMask;
  if (command._obj === "select" && targetLayerId(command) !== undefined) return select;
  if (command._obj === "selectNoLayers") return selectNone;
  return null;
}

/** @param {any} control */
function createAction(control) {
  return guard(control, "action", {
    async batchPlay(commands) {
      const results = [];
      for (const command of commands) {
        await control.pause(`batchPlay ${command._obj}`);
        control.requireModal(`batchPlay ${command._obj}`);
        const handler = handlerOf(command);
        if (!handler) {
          const text = `batchPlay: descriptor not known to the fake: ${JSON.stringify(command)}`;
          control.violations.push(text);
          throw new Error(text);
        }
        results.push(handler(control, command));
        if (results[results.length - 1]._obj === "error") break;
      }
      return results;
    },
    async addNotificationListener(events, notifier) {
      control.listeners.push({ events, notifier });
    },
  });
}

module.exports = { createAction };
