"use strict";
/** The adapter to Photoshop: layers, groups, the active layers, making masks. */

const { action, constants } = require("photoshop");
const { fromBounds } = require("./boxes.js");
const { BridgeError } = require("./errors.js");
const { documentOf, items } = require("./host.js");

/** @typedef {import("./boxes.js").Box} Box */

/**
 * @typedef {object} LayerFacts
 * @property {number} id
 * @property {string} name
 * @property {boolean} isGroup
 * @property {any} layer Photoshop's own
 */

/** @param {any} layer @returns {LayerFacts} */
function factsOf(layer) {
  const isGroup = layer.kind === constants.LayerKind.GROUP || layer.kind === "group";
  return { id: layer.id, name: layer.name, isGroup, layer };
}

/** @param {number} documentId @returns {LayerFacts[]} the top level, topmost first */
function topLayers(documentId) {
  return items(documentOf(documentId).layers).map(factsOf);
}

/** @param {LayerFacts} group @returns {LayerFacts[]} topmost first */
function childrenOf(group) {
  return group.isGroup ? items(group.layer.layers).map(factsOf) : [];
}

/**
 * @param {number} documentId
 * @param {(layer: LayerFacts) => boolean} accept
 * @returns {{layer: LayerFacts, top: LayerFacts} | null} the first layer that is accepted, and its ancestor on top level
 */
function findLayer(documentId, accept) {
  const search = (/** @type {LayerFacts[]} */ layers) => {
    for (const each of layers) {
      if (accept(each)) return each;
      const found = /** @type {LayerFacts | null} */ (search(childrenOf(each)));
      if (found) return found;
    }
    return null;
  };
  for (const top of topLayers(documentId)) {
    const layer = search([top]);
    if (layer) return { layer, top };
  }
  return null;
}

/** @param {LayerFacts} group @returns {boolean} what is put into it is seen as it is */
function showsContents(group) {
  const { layer } = group;
  const modes = [constants.BlendMode.PASSTHROUGH, constants.BlendMode.NORMAL, "passThrough", "normal"];
  return layer.visible && !layer.allLocked && layer.opacity > 99.5 && modes.includes(layer.blendMode);
}

/** @param {LayerFacts} each @returns {boolean} it shows only where the layer below it does */
const isClipped = (each) => each.layer.isClippingMask === true;

/** @param {number} documentId @param {string} name @returns {Promise<LayerFacts>} a new group; Photoshop chooses where */
async function createGroup(documentId, name) {
  return factsOf(await documentOf(documentId).createLayerGroup({ name }));
}

/** @param {number} documentId @param {string} name @returns {Promise<LayerFacts>} an empty one; Photoshop chooses where */
async function createLayer(documentId, name) {
  return factsOf(await documentOf(documentId).createPixelLayer({ name }));
}

/** @param {LayerFacts} moving @param {LayerFacts} below it is put directly above this one */
async function moveAbove(moving, below) {
  await moving.layer.move(below.layer, constants.ElementPlacement.PLACEBEFORE);
}

/** @param {LayerFacts} moving @param {LayerFacts} group it becomes the topmost in there */
async function moveInside(moving, group) {
  const [first] = childrenOf(group);
  if (first && first.id === moving.id) return;
  if (first) await moveAbove(moving, first);
  else await moving.layer.move(group.layer, constants.ElementPlacement.PLACEINSIDE);
  const parent = moving.layer.parent;
  if (!parent || parent.id !== group.id)
    throw new BridgeError("host_error", "The layer could not be put into its group.");
}

/** @param {LayerFacts} each @returns {Box} the pixels it holds, effects left out */
const boundsOf = (each) => fromBounds(each.layer.boundsNoEffects);

/** @param {number} documentId @returns {number[]} ids */
function activeLayerIds(documentId) {
  return items(documentOf(documentId).activeLayers).map((each) => each.id);
}

/**
 * Plays one descriptor in the active document. Photoshop often answers an error instead of throwing it
 * (ps-reference/media/batchplay.md).
 * @param {object} descriptor
 */
async function play(descriptor) {
  const [answer] = /** @type {any[]} */ (await action.batchPlay([/** @type {any} */ (descriptor)], {}));
  if (answer && answer._obj === "error") throw new BridgeError("host_error", `Photoshop reported: ${answer.message}`);
}

/** @param {number[]} ids become the active layers of the active document, with their pixels as the target */
async function selectLayers(ids) {
  if (ids.length === 0) {
    await play({ _obj: "selectNoLayers", _target: [{ _ref: "layer", _enum: "ordinal", _value: "targetEnum" }] });
    return;
  }
  const add = { selectionModifier: { _enum: "selectionModifierType", _value: "addToSelection" } };
  for (const [i, id] of ids.entries()) {
    const target = { _obj: "select", _target: [{ _ref: "layer", _id: id }], makeVisible: false };
    await play(i === 0 ? target : { ...target, ...add });
  }
}

/** @param {"hideAll" | "revealSelection"} using @returns {Promise<void>} a mask for the active layer */
function makeMask(using) {
  return play({
    _obj: "make",
    new: { _class: "channel" },
    at: { _ref: "channel", _enum: "channel", _value: "mask" },
    using: { _enum: "userMaskEnabled", _value: using },
  });
}

/** @returns {Promise<void>} the active layer loses its mask, unapplied */
function deleteMask() {
  return play({ _obj: "delete", _target: [{ _ref: "channel", _enum: "channel", _value: "mask" }], apply: false });
}

module.exports = {
  activeLayerIds,
  boundsOf,
  childrenOf,
  createGroup,
  createLayer,
  deleteMask,
  findLayer,
  isClipped,
  makeMask,
  moveAbove,
  moveInside,
  selectLayers,
  showsContents,
  topLayers,
};
