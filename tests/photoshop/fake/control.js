"use strict";
/** The state behind the fake and the handles by which a test steers it. */

const { composite, emptyRaster, newArray } = require("./raster.js");

/**
 * @typedef {object} Options
 * @property {string} [version] Photoshop's version, e.g. "25.0.0"
 * @property {number} [seed] of the random delays
 * @property {string} [masks] how putLayerMask behaves: see imaging.js
 * @property {boolean} [bareReads] false: pixels can be read only inside a modal scope
 */

class Control {
  /** @param {Options} options */
  constructor(options) {
    this.version = options.version || "27.8.0";
    this.masks = options.masks || "documented";
    this.bareReads = options.bareReads !== false;
    this.violations = [];
    this.calls = [];
    this.documents = [];
    this.activeId = 0;
    this.liveImages = 0;
    this.nextId = 100;
    this.random = options.seed || 1;
    /** Called before each call of the API: fault injection. @type {(api: string, count: number) => void} */
    this.onCall = () => {};
    /** Who holds the modal scope: null, "plugin" or the name of another plugin. */
    this.modalHolder = null;
    this.cancelled = false;
    this.onCancel = null;
    this.suspended = new Map();
    this.autoClose = new Set();
    this.listeners = [];
  }

  newId() {
    this.nextId += 1;
    return this.nextId;
  }

  /** @param {string} api was called */
  record(api) {
    this.calls.push(api);
    this.onCall(api, this.calls.length);
  }

  /** Waits a seeded while: every call of the API crosses to Photoshop and back. @param {string} api */
  async pause(api) {
    this.record(api);
    this.random = (this.random * 1103515245 + 12345) % 2147483648;
    if (this.random % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
    else await null;
    // ps-reference/media/executeasmodal.md, "User cancellation": later calls raise an exception
    if (this.cancelled && this.modalHolder === "plugin") throw new Error("User cancelled the operation");
  }

  /** ps-reference/media/executeasmodal.md: a change outside of a modal scope is refused. @param {string} api */
  requireModal(api) {
    if (this.modalHolder === "plugin") return;
    throw new Error(
      `${api}: Event may modify the state of Photoshop. Such events are only allowed from inside a modal scope`,
    );
  }

  /** @param {number | undefined} id @returns {any} */
  document(id) {
    const wanted = id === undefined || id < 0 ? this.activeId : id;
    const found = this.documents.find((each) => each.id === wanted);
    if (!found) throw new Error(`The document with id ${wanted} does not exist`);
    return found;
  }

  /** @param {any} document @param {number} id @returns {any} */
  layer(document, id) {
    const found = document.flat().find((each) => each.layer.id === id);
    if (!found) throw new Error(`The layer with id ${id} does not exist`);
    return found.layer;
  }

  // ----- what a test does as the user would

  /**
   * Opens a document with one layer of pixels.
   * @param {object} options
   * @param {number} options.width
   * @param {number} options.height
   * @param {number} [options.depth] 8 or 16
   * @param {string} [options.profile] "" for untagged
   * @param {string} [options.mode]
   * @param {boolean} [options.background] true: opaque, three components; false: a layer with alpha
   * @param {(x: number, y: number) => number[]} [options.paint] RGBA in the document's own values
   */
  open(options) {
    const document = new FakeDocument(this, options);
    this.documents.push(document);
    this.activeId = document.id;
    return document;
  }

  /** @param {number} id */
  close(id) {
    this.documents = this.documents.filter((each) => each.id !== id);
    if (this.activeId === id) this.activeId = this.documents.length ? this.documents[0].id : 0;
  }

  /** The user presses Escape. */
  cancel() {
    this.cancelled = true;
    if (this.onCancel) this.onCancel({ reason: "user" });
  }

  /** Photoshop tells of an event; silenced while a scope is modal. @param {string} name @param {object} descriptor */
  notify(name, descriptor) {
    if (this.modalHolder) return;
    for (const each of this.listeners) if (each.events.includes(name)) each.notifier(name, descriptor);
  }
}

class FakeDocument {
  constructor(control, options) {
    const { width, height, depth = 8, background = true } = options;
    Object.assign(this, { control, width, height, depth, id: control.newId() });
    this.title = options.title || `Untitled-${this.id}`;
    this.path = options.path || "";
    this.mode = options.mode || "RGBColorMode";
    this.profile = options.profile === undefined ? "sRGB IEC61966-2.1" : options.profile;
    this.resolution = options.resolution || 72;
    this.quickMask = false;
    this.selection = null;
    this.canvas = { left: 0, top: 0, right: width, bottom: height };
    const raster = { rect: { ...this.canvas }, data: newArray(depth, width * height * 4) };
    if (options.paint) {
      for (let i = 0; i < width * height; i += 1) {
        raster.data.set(options.paint(i % width, Math.floor(i / width)), i * 4);
      }
    }
    // localised name: a plugin that looks for "Background" by name finds nothing (field reports)
    const layer = this.newLayer(background ? "Hintergrund" : "Ebene 1", { raster, background });
    this.layers = [layer];
    this.active = [layer.id];
    this.history = [{ id: control.newId(), name: "Open", state: this.snapshot() }];
    this.historyIndex = 0;
  }

  newLayer(name, extra = {}) {
    const layer = {
      id: this.control.newId(),
      name,
      visible: true,
      opacity: 100,
      blendMode: "normal",
      locked: false,
      clipped: false,
      background: false,
      artboard: null,
      mask: null,
      children: null,
      raster: emptyRaster(this.depth),
    };
    return Object.assign(layer, extra);
  }

  /** Every layer with the list that holds it and its group. */
  flat(list = this.layers, parent = null) {
    return list.flatMap((layer) => [
      { layer, list, parent },
      ...(layer.children ? this.flat(layer.children, layer) : []),
    ]);
  }

  /** Puts a layer above the first active layer, inside its group [field reports]; or on top. */
  insert(layer) {
    const anchor = this.flat().find((each) => this.active.includes(each.layer.id));
    const list = anchor ? anchor.list : this.layers;
    list.splice(anchor ? list.indexOf(anchor.layer) : 0, 0, layer);
    this.active = [layer.id];
    this.changed();
  }

  snapshot() {
    const copy = (layers) =>
      layers.map((layer) => ({
        ...layer,
        raster: { rect: { ...layer.raster.rect }, data: layer.raster.data.slice() },
        mask: layer.mask && { ...layer.mask, data: layer.mask.data.slice() },
        children: layer.children && copy(layer.children),
      }));
    return {
      layers: copy(this.layers),
      active: [...this.active],
      selection: this.selection && { ...this.selection, data: this.selection.data.slice() },
    };
  }

  restore(state) {
    const held = { ...this, ...state };
    Object.assign(this, FakeDocument.prototype.snapshot.call(held));
  }

  /** The document was changed: one history state, unless history is suspended. */
  changed(name = "Change") {
    if (this.control.suspended.has(this.id)) {
      this.control.suspended.get(this.id).touched = true;
      return;
    }
    this.history = this.history.slice(0, this.historyIndex + 1);
    this.history.push({ id: this.control.newId(), name, state: this.snapshot() });
    this.historyIndex = this.history.length - 1;
  }

  goTo(index) {
    this.historyIndex = index;
    this.restore(this.history[index].state);
  }

  /** What a person sees. @returns {Uint8Array | Uint16Array} RGBA of the whole canvas */
  pixels() {
    return composite(this.layers, this.canvas, this.depth).data;
  }
}

module.exports = { Control, FakeDocument };
