"use strict";
/**
 * The members of the Photoshop and UXP API that the fake offers, each with the version that brought it and the page
 * of Adobe's documentation that describes it (AdobeDocs/uxp-photoshop, below src/pages/). What is not here does not
 * exist for the plugin under test. test_plugin_types.py holds this table against `@types/photoshop`.
 */

const PS = "ps-reference/";
const DOCUMENT = `${PS}classes/document.md`;
const LAYER = `${PS}classes/layer.md`;
const SELECTION = `${PS}classes/selection.md`;
const IMAGING = `${PS}media/imaging.md`;
const MODAL = `${PS}media/executeasmodal.md`;
const CORE = `${PS}media/photoshopcore.md`;
const ACTION = `${PS}media/photoshopaction.md`;
const PHOTOSHOP = `${PS}classes/photoshop.md`;
const CONSTANTS = `${PS}modules/constants.md`;

/**
 * @typedef {object} Member
 * @property {string} page where it is documented
 * @property {string} [since] first Photoshop version that has it; absent: before 23.0
 * @property {boolean} [writable] true where the page documents a setter
 */

/** @param {string} page @param {string} names @param {string} [since] @returns {Record<string, Member>} */
function on(page, names, since) {
  return Object.fromEntries(names.split(" ").map((name) => [name, since ? { page, since } : { page }]));
}

/** @type {Record<string, Record<string, Member>>} */
const MEMBERS = {
  photoshop: on(`${PS}index.md`, "app core action constants imaging"),
  app: {
    ...on(PHOTOSHOP, "documents createDocument"),
    activeDocument: { page: PHOTOSHOP, writable: true },
  },
  core: { ...on(CORE, "executeAsModal isModal addNotificationListener") },
  action: { ...on(ACTION, "batchPlay addNotificationListener") },
  constants: {
    ...on(CONSTANTS, "DocumentMode BitsPerChannelType ColorProfileType ElementPlacement LayerKind BlendMode"),
    ...on(CONSTANTS, "SelectionType NewDocumentMode DocumentFill SaveOptions"),
  },
  Document: {
    ...on(DOCUMENT, "id title name width height resolution mode bitsPerChannel colorProfileName colorProfileType"),
    ...on(
      DOCUMENT,
      "layers backgroundLayer createPixelLayer createLayerGroup closeWithoutSaving historyStates path saved",
    ),
    activeHistoryState: { page: DOCUMENT, writable: true },
    activeLayers: { page: DOCUMENT },
    artboards: { page: DOCUMENT },
    quickMaskMode: { page: DOCUMENT, since: "23.0", writable: true },
    selection: { page: DOCUMENT, since: "25.0" },
  },
  Layer: {
    ...on(LAYER, "id kind bounds boundsNoEffects isBackgroundLayer parent layers move delete locked"),
    name: { page: LAYER, writable: true },
    visible: { page: LAYER, writable: true },
    opacity: { page: LAYER, writable: true },
    allLocked: { page: LAYER, writable: true },
    blendMode: { page: LAYER, writable: true },
    isClippingMask: { page: LAYER, since: "23.0", writable: true },
  },
  HistoryState: on(`${PS}classes/historystate.md`, "id name"),
  Selection: on(SELECTION, "bounds solid deselect selectRectangle selectAll inverse feather", "25.0"),
  imaging: on(
    IMAGING,
    "getPixels putPixels getLayerMask putLayerMask getSelection putSelection createImageDataFromBuffer",
    "24.4",
  ),
  PhotoshopImageData: on(
    IMAGING,
    "width height colorSpace colorProfile hasAlpha components componentSize pixelFormat isChunky type getData dispose",
  ),
  ExecutionContext: {
    ...on(MODAL, "isCancelled reportProgress hostControl"),
    onCancel: { page: MODAL, writable: true },
  },
  hostControl: on(MODAL, "suspendHistory resumeHistory registerAutoCloseDocument unregisterAutoCloseDocument"),
  uxp: on("uxp-api/reference-js/modules/uxp/index.md", "entrypoints storage host versions"),
  entrypoints: on("uxp-api/reference-js/modules/uxp/entry-points/entry-points.md", "setup"),
  storage: on("uxp-api/reference-js/modules/uxp/key-value-storage/secure-storage.md", "secureStorage"),
  secureStorage: on(
    "uxp-api/reference-js/modules/uxp/key-value-storage/secure-storage.md",
    "getItem setItem removeItem",
  ),
  host: on("uxp-api/reference-js/modules/uxp/host-information/host.md", "name version uiLocale"),
  versions: on("uxp-api/reference-js/modules/uxp/versions/versions.md", "uxp plugin"),
  localStorage: on("uxp-api/reference-js/global-members/data-storage/local-storage.md", "getItem setItem removeItem"),
  HTMLDocument: on("uxp-api/reference-js/global-members/html-dom/document.md", "getElementById createElement"),
  HTMLElement: {
    ...on(
      "uxp-api/reference-js/global-members/html-dom/element.md",
      "appendChild removeChild firstChild setAttribute getAttribute addEventListener classList",
    ),
    textContent: { page: "uxp-api/reference-js/global-members/html-dom/node.md", writable: true },
    value: { page: "uxp-api/reference-js/global-members/html-elements/htmlinputelement.md", writable: true },
  },
  ClassList: on("uxp-api/reference-js/global-members/html-dom/classlist.md", "add remove contains"),
  WebSocket: {
    ...on(
      "uxp-api/reference-js/global-members/data-transfers/web-socket.md",
      "readyState url protocol bufferedAmount send close",
    ),
    ...Object.fromEntries(
      ["binaryType", "onopen", "onmessage", "onclose", "onerror"].map((name) => [
        name,
        { page: "uxp-api/reference-js/global-members/data-transfers/web-socket.md", writable: true },
      ]),
    ),
  },
};

/** Constants of the DOM with their string values (modules/constants.md). */
const CONSTANT_VALUES = {
  DocumentMode: {
    BITMAP: "bitmapMode",
    CMYK: "CMYKColorMode",
    GRAYSCALE: "grayscaleMode",
    INDEXEDCOLOR: "indexedColorMode",
    LAB: "labColorMode",
    MULTICHANNEL: "multichannelMode",
    RGB: "RGBColorMode",
  },
  NewDocumentMode: { RGB: "RGBColorMode" },
  BitsPerChannelType: { ONE: "bitDepth1", EIGHT: "bitDepth8", SIXTEEN: "bitDepth16", THIRTYTWO: "bitDepth32" },
  ColorProfileType: { CUSTOM: "customEnum", NONE: "none", WORKING: "workingSpaceCode" },
  ElementPlacement: { PLACEBEFORE: "placeBefore", PLACEAFTER: "placeAfter", PLACEINSIDE: "placeInside" },
  LayerKind: { NORMAL: "pixel", GROUP: "group", TEXT: "text" },
  BlendMode: { NORMAL: "normal", PASSTHROUGH: "passThrough", MULTIPLY: "multiply" },
  SelectionType: { REPLACE: "set", EXTEND: "addTo" },
  DocumentFill: { WHITE: "white", TRANSPARENT: "transparent" },
  SaveOptions: { DONOTSAVECHANGES: 0 },
};

module.exports = { CONSTANT_VALUES, MEMBERS };
