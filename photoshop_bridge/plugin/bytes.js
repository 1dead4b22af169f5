"use strict";
/** Bytes and text: UTF-8, hex, base64, CRC-32. UXP documents none of TextEncoder, Buffer and btoa for plugins. */

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const TO_BASE64 = Uint8Array.from(BASE64, (letter) => letter.charCodeAt(0));
const FROM_BASE64 = reverseBase64();
const TEXT_RUN = 8192; // characters made by one call, well below the limit of arguments
const CRC_TABLES = crcTables();

/** @returns {Uint8Array} value of each character code; 255 for characters that are not base64 */
function reverseBase64() {
  const values = new Uint8Array(256).fill(255);
  for (let i = 0; i < 64; i += 1) values[BASE64.charCodeAt(i)] = i;
  return values;
}

/** @param {string} text @returns {Uint8Array} */
function utf8(text) {
  const escaped = encodeURIComponent(text);
  const bytes = [];
  for (let i = 0; i < escaped.length; i += 1) {
    const isEscape = escaped[i] === "%";
    bytes.push(isEscape ? parseInt(escaped.slice(i + 1, i + 3), 16) : escaped.charCodeAt(i));
    if (isEscape) i += 2;
  }
  return Uint8Array.from(bytes);
}

/** @param {Uint8Array} bytes @returns {string} lower case */
function toHex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {string} hex @returns {Uint8Array} */
function fromHex(hex) {
  const bytes = new Uint8Array(hex.length >> 1);
  for (let i = 0; i < bytes.length; i += 1) bytes[i] = parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** @param {Uint8Array} bytes @returns {string} with padding (RFC 4648, section 4) */
function toBase64(bytes) {
  const codes = new Uint8Array(Math.ceil(bytes.length / 3) * 4);
  for (let i = 0, to = 0; i < bytes.length; i += 3, to += 4) {
    const group = (bytes[i] << 16) | (bytes[i + 1] << 8) | bytes[i + 2]; // past the end undefined counts as 0
    codes[to] = TO_BASE64[group >> 18];
    codes[to + 1] = TO_BASE64[(group >> 12) & 63];
    codes[to + 2] = TO_BASE64[(group >> 6) & 63];
    codes[to + 3] = TO_BASE64[group & 63];
  }
  const padding = (3 - (bytes.length % 3)) % 3;
  codes.fill("=".charCodeAt(0), codes.length - padding);
  const parts = [];
  for (let at = 0; at < codes.length; at += TEXT_RUN) {
    parts.push(String.fromCharCode.apply(null, /** @type {any} */ (codes.subarray(at, at + TEXT_RUN))));
  }
  return parts.join("");
}

/** @param {string} text @returns {Uint8Array | null} null when it is not base64 with padding */
function fromBase64(text) {
  if (text.length % 4 !== 0) return null;
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  const length = text.length - padding;
  let to = 0;
  for (let i = 0, held = 0; i < length; i += 1) {
    const value = FROM_BASE64[text.charCodeAt(i) & 255];
    if (value === 255) return null;
    held = ((held << 6) | value) & 0xffffff;
    if (i % 4 > 0) bytes[to++] = (held >> (6 - 2 * (i % 4))) & 255;
  }
  return bytes;
}

/** Eight tables, so that eight bytes go at once. @returns {Int32Array[]} */
function crcTables() {
  const tables = [new Int32Array(256)];
  for (let n = 0; n < 256; n += 1) {
    let value = n;
    for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    tables[0][n] = value;
  }
  for (let k = 1; k < 8; k += 1) {
    const before = tables[k - 1];
    tables.push(before.map((value) => (value >>> 8) ^ tables[0][value & 255]));
  }
  return tables;
}

/**
 * CRC-32 as in zlib (RFC 1952, section 8), eight bytes at a time.
 * @param {Uint8Array} bytes
 * @param {number} [before] the checksum of what came before
 * @returns {number} unsigned
 */
function crc32(bytes, before = 0) {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = CRC_TABLES;
  let crc = ~before;
  let i = 0;
  for (const end = bytes.length - 7; i < end; i += 8) {
    const low = crc ^ (bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24));
    crc =
      t7[low & 255] ^
      t6[(low >>> 8) & 255] ^
      t5[(low >>> 16) & 255] ^
      t4[low >>> 24] ^
      t3[bytes[i + 4]] ^
      t2[bytes[i + 5]] ^
      t1[bytes[i + 6]] ^
      t0[bytes[i + 7]];
  }
  for (; i < bytes.length; i += 1) crc = (crc >>> 8) ^ t0[(crc ^ bytes[i]) & 255];
  return ~crc >>> 0;
}

module.exports = { crc32, fromBase64, fromHex, toBase64, toHex, utf8 };
