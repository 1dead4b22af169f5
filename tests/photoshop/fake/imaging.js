"use strict";
/**
 * The Imaging API (ps-reference/media/imaging.md).
 *
 * `control.masks` chooses how layer masks are written, since Adobe's page and field reports differ:
 *   documented            a missing mask is made; what lies outside of the written pixels keeps a fresh mask's white
 *   needs-mask            "mask must exist first" [field reports]
 *   zero-blocks-white     blocks of 8x8 zeros turn white unless `replace` is true [field reports]
 *   zero-blocks-always    the same, whatever `replace` says
 *   fails                 putLayerMask always throws, as for some layers [field reports]
 *   fails-everywhere      and a mask made from the selection is not kept either
 */

const { guard } = require("./guard.js");
const raster = require("./raster.js");

const GRAY_PROFILES = ["Gray Gamma 2.2", "Generic Gray Profile"];

/** @param {any} bounds @returns {raster.Rect} both documented forms of bounds */
function rectOf(bounds) {
  const right = "right" in bounds ? bounds.right : bounds.left + bounds.width;
  const bottom = "bottom" in bounds ? bounds.bottom : bounds.top + bounds.height;
  const rect = { left: bounds.left, top: bounds.top, right, bottom };
  for (const value of Object.values(rect)) {
    if (!Number.isInteger(value)) throw new Error(`bounds must be integers: ${JSON.stringify(rect)}`);
  }
  if (raster.isEmpty(rect)) throw new Error(`bounds are empty: ${JSON.stringify(rect)}`);
  return rect;
}

/** A PhotoshopImageData; counted until it is disposed of. */
function createImage(control, { rect, data, components, depth, colorSpace, colorProfile }) {
  control.liveImages += 1;
  let live = true;
  const formats = { 1: "Grayscale", 3: "RGB", 4: "RGBA" };
  const image = {
    width: raster.width(rect),
    height: raster.height(rect),
    colorSpace,
    colorProfile,
    hasAlpha: components === 4,
    components,
    componentSize: depth,
    pixelFormat: formats[components],
    isChunky: true,
    type: "image/uncompressed",
    async getData({ chunky = true, fullRange = false } = {}) {
      await control.pause("getData");
      if (!live) throw new Error("image data was disposed of");
      if (!chunky) throw new Error("the fake has chunky data only");
      return depth === 16 && fullRange ? data.map((v) => Math.round((v * 65535) / 32768)) : data.slice();
    },
    dispose() {
      if (!live) throw new Error("image data was disposed of twice");
      live = false;
      control.liveImages -= 1;
    },
  };
  const outside = guard(control, "PhotoshopImageData", image);
  held.set(outside, { data, components, depth, colorSpace, colorProfile, image, isLive: () => live });
  return outside;
}

/** What is behind each PhotoshopImageData that the fake handed out. @type {WeakMap<object, any>} */
const held = new WeakMap();

function take(imageData) {
  const found = imageData && held.get(imageData);
  if (!found) throw new Error("imageData is not a PhotoshopImageData");
  if (!found.isLive()) throw new Error("image data was disposed of");
  return found;
}

function readable(control, api) {
  if (!control.bareReads) control.requireModal(api);
}

/** Trims to what holds pixels, tells the bounds, drops alpha where nothing is transparent. */
function readPixels(control, options) {
  const document = control.document(options.documentID);
  if (document.depth === 16 && options.componentSize === 8) throw new Error("getPixels failed: -1");
  if (options.targetSize) throw new Error("the fake has full resolution only");
  const source =
    options.layerID === undefined
      ? raster.composite(document.layers, document.canvas, document.depth)
      : control.layer(document, options.layerID).raster;
  const asked = options.sourceBounds ? rectOf(options.sourceBounds) : source.rect;
  const rect = raster.opaqueBounds(source, asked);
  if (raster.isEmpty(rect)) throw new Error("getPixels: there are no pixels in these bounds");
  const top = raster.topValue(document.depth);
  const pixels = raster.cut(source.data, source.rect, 4, rect);
  const opaque = document.layers.some((each) => each.background) && options.layerID === undefined;
  const profile = options.colorProfile === undefined ? document.profile : options.colorProfile;
  const converted = raster.convertProfile(pixels, 4, document.profile, profile, top);
  const data = opaque ? converted.filter((_, i) => i % 4 !== 3) : converted;
  return {
    imageData: createImage(control, {
      rect,
      data,
      components: opaque ? 3 : 4,
      depth: document.depth,
      colorSpace: "RGB",
      colorProfile: profile,
    }),
    sourceBounds: rect,
    level: 0,
  };
}

function writePixels(control, options) {
  const document = control.document(options.documentID);
  const layer = control.layer(document, options.layerID);
  if (layer.children || layer.background) throw new Error("putPixels: the layer is not a pixel layer");
  if (layer.locked) throw new Error("putPixels: the layer is locked");
  const image = take(options.imageData);
  if (image.components < 3) throw new Error("putPixels: the image data has no colour");
  const top = raster.topValue(document.depth);
  const from = image.colorProfile || document.profile;
  let data = image.components === 4 ? image.data : withAlpha(image.data, raster.topValue(image.depth));
  data = rescaled(data, image.depth, document.depth);
  data = raster.convertProfile(data, 4, from, document.profile, top);
  const rect = placed(options.targetBounds, image.image);
  const base = options.replace === false ? layer.raster : raster.emptyRaster(document.depth);
  layer.raster = raster.overlay(base, { rect, data }, 4);
  document.changed(options.commandName || "Put Pixels");
}

/** Only `left` and `top` of targetBounds count; without them it is the document's origin. */
function placed(targetBounds, { width, height }) {
  const { left, top } = targetBounds || { left: 0, top: 0 };
  return rectOf({ left, top, width, height });
}

function withAlpha(data, top) {
  const out = new data.constructor((data.length / 3) * 4).fill(top);
  for (let i = 0; i < data.length; i += 1) out[Math.floor(i / 3) * 4 + (i % 3)] = data[i];
  return out;
}

function rescaled(data, from, to) {
  if (from === to) return data;
  const [a, b] = [raster.topValue(from), raster.topValue(to)];
  return raster.newArray(to, data.length).map((_, i) => Math.round((data[i] * b) / a));
}

function takeGray(options) {
  const image = take(options.imageData);
  if (image.components !== 1 || image.colorSpace !== "Grayscale" || image.depth !== 8) {
    throw new Error("a mask or selection is one 8-bit Grayscale component");
  }
  if (image.colorProfile && !GRAY_PROFILES.includes(image.colorProfile)) {
    throw new Error(`not a gray profile: ${image.colorProfile}`);
  }
  return { rect: placed(options.targetBounds, image.image), data: image.data };
}

function writeMask(control, options) {
  const document = control.document(options.documentID);
  const layer = control.layer(document, options.layerID);
  const { rect, data } = takeGray(options);
  const replace = options.replace !== false;
  if (control.masks.startsWith("fails")) throw new Error("putLayerMask failed: -25920");
  if (!layer.mask && control.masks === "needs-mask") throw new Error("The layer has no mask");
  const spoilt =
    control.masks === "zero-blocks-always" || (control.masks === "zero-blocks-white" && !replace)
      ? zeroBlocksWhite(rect, data)
      : data;
  const fresh = { rect: { left: 0, top: 0, right: 0, bottom: 0 }, data: new Uint8Array(0), outside: 255 };
  const base = replace || !layer.mask ? fresh : layer.mask;
  layer.mask = { ...raster.overlay(base, { rect, data: spoilt }, 1, base.outside), outside: base.outside };
  document.changed(options.commandName || "Put Layer Mask");
}

function zeroBlocksWhite(rect, data) {
  const out = data.slice();
  const [w, h] = [raster.width(rect), raster.height(rect)];
  for (let y = 0; y + 8 <= h; y += 8) {
    for (let x = 0; x + 8 <= w; x += 8) {
      const cells = Array.from({ length: 64 }, (_, i) => (y + (i >> 3)) * w + x + (i & 7));
      if (cells.every((cell) => data[cell] === 0)) for (const cell of cells) out[cell] = 255;
    }
  }
  return out;
}

function readMask(control, options) {
  const document = control.document(options.documentID);
  const { mask } = control.layer(document, options.layerID);
  if (!mask) throw new Error("The layer has no mask");
  const rect = options.sourceBounds ? rectOf(options.sourceBounds) : mask.rect;
  const data = raster.cut(mask.data, mask.rect, 1, rect, mask.outside);
  return { imageData: gray(control, rect, data), sourceBounds: rect };
}

const gray = (control, rect, data) =>
  createImage(control, {
    rect,
    data,
    components: 1,
    depth: 8,
    colorSpace: "Grayscale",
    colorProfile: "Gray Gamma 2.2",
  });

function readSelection(control, options) {
  const { selection, canvas } = control.document(options.documentID);
  if (!selection) throw new Error("There is no selection");
  const rect = options.sourceBounds ? rectOf(options.sourceBounds) : selection.rect;
  if (raster.isEmpty(raster.intersect(rect, canvas))) throw new Error("bounds lie outside of the canvas");
  return { imageData: gray(control, rect, raster.cut(selection.data, selection.rect, 1, rect)), sourceBounds: rect };
}

function writeSelection(control, options) {
  const document = control.document(options.documentID);
  const { rect, data } = takeGray(options);
  const added = options.replace === false && document.selection;
  const next = added ? raster.overlay(document.selection, { rect, data }, 1) : { rect, data };
  document.selection = next.data.some((value) => value > 0) ? next : null;
  document.changed(options.commandName || "Put Selection");
}

async function fromBuffer(control, buffer, options) {
  const depth = { Uint8Array: 8, Uint16Array: 16 }[buffer.constructor.name];
  // the page says nothing of views into a larger buffer, so none is relied on
  if (buffer.byteOffset !== 0 || buffer.byteLength !== buffer.buffer.byteLength) throw new Error("a view of a part");
  if (!depth) throw new Error("the buffer must be a Uint8Array or a Uint16Array");
  const { width, height, components, fullRange = false } = options;
  if (!options.colorSpace) throw new Error("colorSpace is required");
  if (buffer.length !== width * height * components) {
    throw new Error(`the buffer has ${buffer.length} elements, not ${width * height * components}`);
  }
  let data = buffer.slice();
  if (depth === 16 && fullRange) data = data.map((v) => Math.round((v * 32768) / 65535));
  if (depth === 16 && data.some((v) => v > 32768)) throw new Error("a 16-bit component is above 32768");
  const rect = { left: 0, top: 0, right: width, bottom: height };
  return createImage(control, {
    rect,
    data,
    components,
    depth,
    colorSpace: options.colorSpace,
    colorProfile: options.colorProfile || "",
  });
}

/** @param {any} control */
function createImaging(control) {
  const read = (api, action) => async (options) => {
    await control.pause(api);
    readable(control, api);
    return action(control, options);
  };
  const write = (api, action) => async (options) => {
    await control.pause(api);
    control.requireModal(api);
    action(control, options);
  };
  return guard(control, "imaging", {
    getPixels: read("getPixels", readPixels),
    putPixels: write("putPixels", writePixels),
    getLayerMask: read("getLayerMask", readMask),
    putLayerMask: write("putLayerMask", writeMask),
    getSelection: read("getSelection", readSelection),
    putSelection: write("putSelection", writeSelection),
    createImageDataFromBuffer: async (buffer, options) => {
      await control.pause("createImageDataFromBuffer");
      return fromBuffer(control, buffer, options);
    },
  });
}

module.exports = { createImaging, rectOf };
