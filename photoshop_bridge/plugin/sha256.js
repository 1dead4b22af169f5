"use strict";
/** SHA-256 (FIPS 180-4), HMAC (RFC 2104), PBKDF2 (RFC 8018). UXP documents no crypto.subtle. */

const { utf8 } = require("./bytes.js");

const BLOCK = 64;
const K = rootConstants(64, 1 / 3);
const INITIAL = rootConstants(8, 1 / 2);

/** First 32 bits of the fractional parts of roots of the first primes. @param {number} count @param {number} power */
function rootConstants(count, power) {
  const out = new Uint32Array(count);
  for (let found = 0, n = 2; found < count; n += 1) {
    if (isPrime(n)) {
      const root = n ** power;
      out[found++] = (root - Math.floor(root)) * 2 ** 32;
    }
  }
  return out;
}

/** @param {number} n @returns {boolean} */
function isPrime(n) {
  for (let d = 2; d * d <= n; d += 1) if (n % d === 0) return false;
  return true;
}

/** @param {Uint32Array} state is changed @param {DataView} view @param {number} at @param {Uint32Array} w scratch of 64 */
function compress(state, view, at, w) {
  for (let i = 0; i < 16; i += 1) w[i] = view.getUint32(at + 4 * i);
  for (let i = 16; i < 64; i += 1) {
    const x = w[i - 15];
    const y = w[i - 2];
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i += 1) {
    const S1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (h + S1 + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
    const S0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (S0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  [a, b, c, d, e, f, g, h].forEach((value, i) => {
    state[i] += value;
  });
}

/** @param {Uint8Array} bytes @returns {Uint8Array} 32 bytes */
function sha256(bytes) {
  const padded = new Uint8Array(Math.ceil((bytes.length + 9) / BLOCK) * BLOCK);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(bytes.length / 2 ** 29));
  view.setUint32(padded.length - 4, (bytes.length * 8) % 2 ** 32);
  const state = INITIAL.slice();
  const w = new Uint32Array(64);
  for (let at = 0; at < padded.length; at += BLOCK) compress(state, view, at, w);
  const out = new Uint8Array(32);
  state.forEach((value, i) => new DataView(out.buffer).setUint32(4 * i, value));
  return out;
}

/** @param {...Uint8Array} parts @returns {Uint8Array} */
function concat(...parts) {
  const out = new Uint8Array(parts.reduce((sum, each) => sum + each.length, 0));
  parts.reduce((at, each) => {
    out.set(each, at);
    return at + each.length;
  }, 0);
  return out;
}

/** @param {Uint8Array} key @param {Uint8Array} message @returns {Uint8Array} HMAC-SHA256, 32 bytes */
function hmac(key, message) {
  const block = new Uint8Array(BLOCK);
  block.set(key.length > BLOCK ? sha256(key) : key);
  const inner = sha256(
    concat(
      block.map((byte) => byte ^ 0x36),
      message,
    ),
  );
  return sha256(
    concat(
      block.map((byte) => byte ^ 0x5c),
      inner,
    ),
  );
}

/**
 * PBKDF2-HMAC-SHA256 with one block of output.
 * @param {string} password
 * @param {Uint8Array} salt
 * @param {number} iterations
 * @returns {Uint8Array} 32 bytes
 */
function pbkdf2(password, salt, iterations) {
  const key = utf8(password);
  let round = hmac(key, concat(salt, Uint8Array.of(0, 0, 0, 1)));
  const out = round.slice();
  for (let i = 1; i < iterations; i += 1) {
    round = hmac(key, round);
    for (let j = 0; j < 32; j += 1) out[j] ^= round[j];
  }
  return out;
}

/** @param {Uint8Array} a @param {Uint8Array} b @returns {boolean} compared in constant time */
function equalBytes(a, b) {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i += 1) difference |= a[i] ^ b[i];
  return difference === 0;
}

module.exports = { concat, equalBytes, hmac, pbkdf2, sha256 };
