"use strict";
/** Binary frames of the wire: 32 bytes of header, then the payload (docs/photoshop_protocol.md, section 5.1). */

const { crc32 } = require("./bytes.js");

const HEADER_BYTES = 32;
const MAGIC = 0x31425846; // "FXB1", little-endian
const DATA = 1;
const PROBE = 2;
const MAX_PAYLOAD = 524288;

/**
 * @typedef {object} Frame
 * @property {number} type DATA or PROBE
 * @property {number} transfer
 * @property {number} seq number of the frame in its transfer
 * @property {number} offset of the payload in the transfer's data
 * @property {number} total bytes of the transfer
 * @property {Uint8Array} payload
 */

/** @param {Frame} frame @returns {Uint8Array} */
function encodeFrame({ type, transfer, seq, offset, total, payload }) {
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint8(4, type);
  [transfer, seq, offset, total, payload.length].forEach((value, i) => view.setUint32(8 + 4 * i, value, true));
  bytes.set(payload, HEADER_BYTES);
  view.setUint32(28, crc32(payload, crc32(bytes.subarray(0, 28))), true);
  return bytes;
}

/**
 * @param {Uint8Array} bytes
 * @returns {Frame | string} what is wrong with it, when it is no frame
 */
function decodeFrame(bytes) {
  if (bytes.length <= HEADER_BYTES) return "a frame is shorter than its header";
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const type = view.getUint8(4);
  if (view.getUint32(0, true) !== MAGIC || (type !== DATA && type !== PROBE)) return "not a frame of this protocol";
  if (view.getUint8(5) !== 0 || view.getUint16(6, true) !== 0) return "flags or reserved bytes are set";
  const [transfer, seq, offset, total, length] = [8, 12, 16, 20, 24].map((at) => view.getUint32(at, true));
  if (length > MAX_PAYLOAD || bytes.length !== HEADER_BYTES + length) return "a frame's length does not fit its header";
  const payload = bytes.subarray(HEADER_BYTES);
  if (crc32(payload, crc32(bytes.subarray(0, 28))) !== view.getUint32(28, true)) return "wrong checksum";
  return { type, transfer, seq, offset, total, payload };
}

/** @param {number} length @returns {Uint8Array} payload of a probe (section 3.6) */
function probePayload(length) {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + 7) & 255);
}

/** @param {number} length @returns {Uint8Array} a PROBE frame */
function probeFrame(length) {
  return encodeFrame({ type: PROBE, transfer: 0, seq: 0, offset: 0, total: length, payload: probePayload(length) });
}

module.exports = { DATA, MAX_PAYLOAD, PROBE, decodeFrame, encodeFrame, probeFrame, probePayload };
