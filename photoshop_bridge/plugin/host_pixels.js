"use strict";
/** The adapter to Photoshop: pixels, masks and selections (ps-reference/media/imaging.md). */

const { imaging } = require("photoshop");
const { box, fromBounds, heightOf, intersect, isEmpty, widthOf } = require("./boxes.js");
const { BridgeError } = require("./errors.js");
const { documentOf } = require("./host.js");
const { paste, toEightBits, toSixteenBits } = require("./pixels.js");

/** @typedef {import("./boxes.js").Box} Box */

const SRGB = "sRGB IEC61966-2.1";
const GRAY = "Gray Gamma 2.2";

/** @param {any} imageData @returns {Promise<{data: Uint8Array, components: number}>} 8 bits; disposes of the data */
async function takeData(imageData) {
  try {
    const data = await imageData.getData({ chunky: true });
    return { data: toEightBits(data, imageData.componentSize), components: imageData.components };
  } finally {
    imageData.dispose();
  }
}

/**
 * Pixels of a box in 8 bits: sRGB numbers, or the document's own when it is untagged.
 * @param {number} documentId
 * @param {Box} area
 * @param {{layerId?: number, profile: string | null}} options `profile` of the document; without `layerId` the composite
 * @returns {Promise<{data: Uint8Array, components: number, area: Box}>} `area` is what holds pixels: Photoshop trims
 */
async function readPixels(documentId, area, { layerId, profile }) {
  const found = await imaging.getPixels({
    documentID: documentId,
    ...(layerId === undefined ? {} : { layerID: layerId }),
    sourceBounds: { ...area },
    ...(profile === null ? {} : { colorSpace: "RGB", colorProfile: SRGB }),
  });
  const taken = await takeData(found.imageData);
  if (found.level !== 0) throw new BridgeError("host_error", "Photoshop gave a reduced picture.");
  return { ...taken, area: fromBounds(found.sourceBounds) };
}

/**
 * Writes opaque or straight-alpha pixels into a layer at exact document pixels.
 * @param {number} documentId
 * @param {number} layerId
 * @param {Box} area
 * @param {Uint8Array} rgba
 * @param {{depth: number, profile: string | null, replace: boolean}} options of the document; `replace` drops what is there
 */
async function writePixels(documentId, layerId, area, rgba, { depth, profile, replace }) {
  const deep = depth === 16;
  const imageData = await imaging.createImageDataFromBuffer(deep ? toSixteenBits(rgba) : rgba, {
    width: widthOf(area),
    height: heightOf(area),
    components: 4,
    chunky: true,
    colorSpace: "RGB",
    ...(profile === null ? {} : { colorProfile: SRGB }),
    ...(deep ? { fullRange: true } : {}),
  });
  try {
    const targetBounds = { left: area.left, top: area.top };
    await imaging.putPixels({ documentID: documentId, layerID: layerId, imageData, replace, targetBounds });
  } finally {
    imageData.dispose();
  }
}

/** @param {Box} area @param {Uint8Array} gray @returns {Promise<any>} image data of a mask or selection */
function grayImage(area, gray) {
  return imaging.createImageDataFromBuffer(gray, {
    width: widthOf(area),
    height: heightOf(area),
    components: 1,
    chunky: true,
    colorSpace: "Grayscale",
    colorProfile: GRAY,
  });
}

/** @param {any} found @param {Box} area @returns {Promise<Uint8Array>} over all of `area`, 0 where nothing came */
async function grayOver(found, area) {
  const { data } = await takeData(found.imageData);
  const gray = new Uint8Array(widthOf(area) * heightOf(area));
  paste(data, fromBounds(found.sourceBounds), gray, area, 1);
  return gray;
}

/**
 * @param {number} documentId @param {number} layerId @param {Box} area @param {Uint8Array} gray
 * @param {boolean} replace true: a new mask takes the place of the old one
 */
async function writeMask(documentId, layerId, area, gray, replace) {
  const imageData = await grayImage(area, gray);
  try {
    const targetBounds = { left: area.left, top: area.top };
    await imaging.putLayerMask({
      documentID: documentId,
      layerID: layerId,
      kind: "user",
      imageData,
      replace,
      targetBounds,
    });
  } finally {
    imageData.dispose();
  }
}

/** @param {number} documentId @param {number} layerId @param {Box} area @returns {Promise<Uint8Array>} 0..255 */
async function readMask(documentId, layerId, area) {
  const sourceBounds = { ...area };
  return grayOver(
    await imaging.getLayerMask({ documentID: documentId, layerID: layerId, kind: "user", sourceBounds }),
    area,
  );
}

/**
 * @param {number} documentId
 * @param {Box} area inside the canvas
 * @returns {Promise<Uint8Array>} 0..255; zeros where the document has no selection
 */
async function readSelection(documentId, area) {
  const document = documentOf(documentId);
  const bounds = document.selection.bounds;
  const canvas = box(0, 0, document.width, document.height);
  const shared = bounds ? intersect(intersect(fromBounds(bounds), canvas), area) : box(0, 0, 0, 0);
  const gray = new Uint8Array(widthOf(area) * heightOf(area));
  if (isEmpty(shared)) return gray;
  const found = await imaging.getSelection({ documentID: documentId, sourceBounds: { ...shared } });
  paste(await grayOver(found, shared), shared, gray, area, 1);
  return gray;
}

/** @param {number} documentId @param {Box} area @param {Uint8Array} gray becomes the selection */
async function writeSelection(documentId, area, gray) {
  const imageData = await grayImage(area, gray);
  try {
    const targetBounds = { left: area.left, top: area.top };
    await imaging.putSelection({ documentID: documentId, imageData, replace: true, targetBounds });
  } finally {
    imageData.dispose();
  }
}

/** @param {number} documentId removes the selection */
async function deselect(documentId) {
  await documentOf(documentId).selection.deselect();
}

module.exports = {
  SRGB,
  deselect,
  readMask,
  readPixels,
  readSelection,
  writeMask,
  writePixels,
  writeSelection,
};
