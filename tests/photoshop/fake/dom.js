"use strict";
/** The Photoshop DOM (ps-reference/classes/): app, Document, Layer, Selection, HistoryState. */

const { guard } = require("./guard.js");
const raster = require("./raster.js");

const MOVES = { placeBefore: 0, placeAfter: 1 };

/** @param {any} control @param {any} document @param {any} layer */
function viewLayer(control, document, layer) {
  const fresh = () => {
    if (!control.documents.includes(document)) throw new Error("The document is closed");
    return control.layer(document, layer.id);
  };
  const set = (name, value) => {
    control.requireModal(`Layer.${name}`);
    fresh()[name] = value;
    document.changed(`Set ${name}`);
  };
  const bounds = () => {
    const held = fresh();
    return held.children ? groupBounds(held) : raster.opaqueBounds(held.raster, held.raster.rect);
  };
  return guard(control, "Layer", {
    id: layer.id,
    get name() {
      return fresh().name;
    },
    set name(value) {
      set("name", value);
    },
    get visible() {
      return fresh().visible;
    },
    set visible(value) {
      set("visible", value);
    },
    // Photoshop keeps opacity in 0..255: 50 reads back as 50.196 [field reports]
    get opacity() {
      return (Math.round((fresh().opacity * 255) / 100) / 255) * 100;
    },
    set opacity(value) {
      set("opacity", value);
    },
    get allLocked() {
      return fresh().locked;
    },
    set allLocked(value) {
      set("locked", value);
    },
    get locked() {
      return fresh().locked;
    },
    get blendMode() {
      return fresh().children ? "passThrough" : fresh().blendMode;
    },
    set blendMode(value) {
      set("blendMode", value);
    },
    get isClippingMask() {
      return fresh().clipped;
    },
    set isClippingMask(value) {
      set("clipped", value);
    },
    get kind() {
      return fresh().children ? "group" : "pixel";
    },
    get isBackgroundLayer() {
      return fresh().background;
    },
    get bounds() {
      return bounds();
    },
    get boundsNoEffects() {
      return bounds();
    },
    get parent() {
      const { parent } = document.flat().find((each) => each.layer.id === layer.id);
      return parent ? viewLayer(control, document, parent) : null;
    },
    get layers() {
      return fresh().children ? viewLayers(control, document, fresh().children) : null;
    },
    async move(relative, placement) {
      await control.pause("Layer.move");
      control.requireModal("Layer.move");
      moveLayer(control, document, layer.id, relative.id, placement);
    },
    async delete() {
      await control.pause("Layer.delete");
      control.requireModal("Layer.delete");
      const { list } = document.flat().find((each) => each.layer.id === layer.id);
      list.splice(list.indexOf(fresh()), 1);
      document.changed("Delete Layer");
    },
  });
}

function groupBounds(layer) {
  const nothing = { left: 0, top: 0, right: 0, bottom: 0 };
  return layer.children.reduce((all, each) => raster.union(all, each.raster.rect), nothing);
}

function moveLayer(control, document, id, relativeId, placement) {
  const moving = document.flat().find((each) => each.layer.id === id);
  if (moving.layer.background) throw new Error("The background cannot be moved");
  moving.list.splice(moving.list.indexOf(moving.layer), 1);
  const target = document.flat().find((each) => each.layer.id === relativeId);
  if (!target) throw new Error("The layer to move to does not exist");
  if (placement === "placeInside") {
    if (!target.layer.children) throw new Error("PLACEINSIDE needs a group");
    target.layer.children.unshift(moving.layer);
  } else if (placement in MOVES) {
    target.list.splice(target.list.indexOf(target.layer) + MOVES[placement], 0, moving.layer);
  } else throw new Error(`unknown placement: ${placement}`);
  document.changed("Move Layer");
}

/** `layers` is array-like: it has a length and numbers, no methods a plugin may count on [field reports]. */
function viewLayers(control, document, layers) {
  return viewList(layers.map((each) => viewLayer(control, document, each)));
}

function viewList(items) {
  const list = { length: items.length };
  items.forEach((each, i) => Object.defineProperty(list, i, { value: each, enumerable: true }));
  return Object.freeze(list);
}

function viewSelection(control, document) {
  const change =
    (api, next) =>
    async (...args) => {
      await control.pause(api);
      control.requireModal(api);
      document.selection = next(...args);
      document.changed(api);
    };
  return guard(control, "Selection", {
    // null without a selection; may reach over the canvas (ps-reference/classes/selection.md)
    get bounds() {
      return document.selection ? { ...document.selection.rect } : null;
    },
    get solid() {
      return Boolean(document.selection && document.selection.data.every((value) => value === 255));
    },
    deselect: change("Selection.deselect", () => null),
    selectAll: change("Selection.selectAll", () => rectangle(document.canvas)),
    // inverting a full selection leaves none (ps-reference/classes/selection.md)
    inverse: change("Selection.inverse", () => {
      const all = rectangle(document.canvas);
      const old = document.selection;
      if (!old) return null;
      const kept = raster.cut(old.data, old.rect, 1, all.rect);
      const data = all.data.map((value, i) => value - kept[i]);
      return data.some((value) => value > 0) ? { rect: all.rect, data } : null;
    }),
    selectRectangle: change("Selection.selectRectangle", (bounds) => rectangle(bounds)),
    // a ramp at the left and right sides is enough for a selection that is not solid
    feather: change("Selection.feather", () => {
      const { rect, data } = document.selection;
      const w = raster.width(rect);
      return { rect, data: data.map((value, i) => (i % w === 0 || i % w === w - 1 ? value >> 1 : value)) };
    }),
  });
}

function rectangle(bounds) {
  const rect = { left: bounds.left, top: bounds.top, right: bounds.right, bottom: bounds.bottom };
  return { rect, data: new Uint8Array(raster.width(rect) * raster.height(rect)).fill(255) };
}

/** @param {any} control @param {any} document */
function viewDocument(control, document) {
  const open = () => {
    if (!control.documents.includes(document)) throw new Error("The document is closed");
    return document;
  };
  const states = () => open().history.map((each) => guard(control, "HistoryState", { id: each.id, name: each.name }));
  const create =
    (api, extra) =>
    async (options = {}) => {
      await control.pause(api);
      control.requireModal(api);
      const layer = open().newLayer(options.name || "Ebene", { opacity: options.opacity || 100, ...extra() });
      document.insert(layer);
      return viewLayer(control, document, layer);
    };
  return guard(control, "Document", {
    id: document.id,
    get title() {
      return open().title;
    },
    get name() {
      return open().title;
    },
    get width() {
      return open().width;
    },
    get height() {
      return open().height;
    },
    get resolution() {
      return open().resolution;
    },
    get path() {
      return open().path;
    },
    get saved() {
      return open().historyIndex === 0;
    },
    get mode() {
      return open().mode;
    },
    get bitsPerChannel() {
      return `bitDepth${open().depth}`;
    },
    get colorProfileType() {
      return open().profile === "" ? "none" : "customEnum";
    },
    get colorProfileName() {
      return open().profile;
    },
    get quickMaskMode() {
      return open().quickMask;
    },
    set quickMaskMode(value) {
      control.requireModal("Document.quickMaskMode");
      open().quickMask = value;
    },
    get layers() {
      return viewLayers(control, document, open().layers);
    },
    get artboards() {
      const boards = open().layers.filter((each) => each.artboard);
      return viewLayers(control, document, boards);
    },
    get backgroundLayer() {
      const found = open().layers.find((each) => each.background);
      return found ? viewLayer(control, document, found) : null;
    },
    get activeLayers() {
      const found = open()
        .flat()
        .filter((each) => document.active.includes(each.layer.id));
      return viewLayers(
        control,
        document,
        found.map((each) => each.layer),
      );
    },
    get selection() {
      return viewSelection(control, open());
    },
    get historyStates() {
      return viewList(states());
    },
    get activeHistoryState() {
      return states()[document.historyIndex];
    },
    set activeHistoryState(state) {
      control.requireModal("Document.activeHistoryState");
      document.goTo(open().history.findIndex((each) => each.id === state.id));
    },
    createPixelLayer: create("createPixelLayer", () => ({})),
    createLayerGroup: create("createLayerGroup", () => ({ children: [] })),
    async closeWithoutSaving() {
      await control.pause("closeWithoutSaving");
      control.requireModal("closeWithoutSaving");
      control.close(open().id);
    },
  });
}

/** @param {any} control */
function createApp(control) {
  return guard(control, "app", {
    get documents() {
      return viewList(control.documents.map((each) => viewDocument(control, each)));
    },
    get activeDocument() {
      const found = control.documents.find((each) => each.id === control.activeId);
      return found ? viewDocument(control, found) : null;
    },
    set activeDocument(document) {
      control.requireModal("app.activeDocument");
      control.activeId = control.document(document.id).id;
    },
    async createDocument(options) {
      await control.pause("createDocument");
      control.requireModal("createDocument");
      const { width, height, depth, profile, name } = options;
      const top = raster.topValue(depth || 8);
      const paint = () => [top, top, top, top];
      return viewDocument(control, control.open({ width, height, depth, profile, title: name, paint }));
    },
  });
}

module.exports = { createApp };
