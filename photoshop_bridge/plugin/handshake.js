"use strict";
/** From an open socket to an authenticated one (docs/photoshop_protocol.md, section 3). */

const { fromHex, toHex, utf8 } = require("./bytes.js");
const { BridgeError } = require("./errors.js");
const { probeFrame, probePayload } = require("./frames.js");
const { concat, equalBytes, hmac, pbkdf2 } = require("./sha256.js");

const PROBE_BYTES = 65536;
const PROBE_WAIT_MS = 3000;
const CODE_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
const CODE_LENGTH = 8;
const ITERATIONS = 4096;

/**
 * @typedef {object} Nonces
 * @property {string} host hex
 * @property {string} server hex
 * @property {string} install
 */

/** @param {Uint8Array} key @param {string} role @param {Nonces} nonces @returns {string} hex (section 3.2) */
function macOf(key, role, { host, server, install }) {
  return toHex(hmac(key, utf8(`fxb/1|${role}|${host}|${server}|${install}`)));
}

/** @param {string} typed @returns {string} the code's letters, 8 of them when it is whole */
function cleanCode(typed) {
  return Array.from(typed.toUpperCase())
    .filter((letter) => CODE_LETTERS.includes(letter))
    .join("");
}

/** @param {string} typed @returns {boolean} */
const isCode = (typed) => cleanCode(typed).length === CODE_LENGTH;

/** @param {string} code as typed @param {Nonces} nonces @returns {Uint8Array} key of the pairing (section 3.4) */
function pairingKey(code, { host, server }) {
  return pbkdf2(cleanCode(code), concat(fromHex(host), fromHex(server)), ITERATIONS);
}

/** @param {Uint8Array} key @param {string} masked hex @param {Nonces} nonces @returns {string} token in hex */
function unmaskToken(key, masked, nonces) {
  const mask = fromHex(macOf(key, "token", nonces));
  return toHex(fromHex(masked).map((byte, i) => byte ^ mask[i]));
}

/** @param {unknown} mac @param {Uint8Array} key @param {string} role @param {Nonces} nonces */
function checkServer(mac, key, role, nonces) {
  if (!equalBytes(utf8(String(mac)), utf8(macOf(key, role, nonces)))) {
    throw new BridgeError("foreign_server", "Another program answers on this port; it does not know the pairing.", {
      advice: "Close that program or set another port here and in EXPRESSEDIT_BRIDGE_PORT.",
    });
  }
}

/**
 * @typedef {object} Identity
 * @property {string} install made once
 * @property {string} session made at each start
 * @property {{kind: string, plugin: string, host: string, uxp: string}} client
 */

/**
 * @param {import("./rpc.js").Rpc} rpc
 * @param {Identity} identity
 * @param {string} nonce hex
 * @param {boolean} binary
 * @returns {Promise<{nonces: Nonces, paired: boolean, hello: any}>}
 */
async function sayHello(rpc, { install, session, client }, nonce, binary) {
  const caps = { binary, selection: true, mask: true, events: true };
  const hello = await rpc.request("hello", { proto: [1], client, install, session, nonce, caps });
  return { nonces: { host: nonce, server: String(hello.nonce), install }, paired: hello.paired === true, hello };
}

/**
 * @param {import("./rpc.js").Rpc} rpc
 * @param {string} token hex
 * @param {Nonces} nonces
 * @returns {Promise<any>} the welcome
 * @throws {BridgeError} not_paired, another_host, foreign_server
 */
async function authenticate(rpc, token, nonces) {
  const key = fromHex(token);
  const welcome = await rpc.request("auth", { mac: macOf(key, "client", nonces) });
  checkServer(welcome.mac, key, "server", nonces);
  return welcome;
}

/**
 * @param {import("./rpc.js").Rpc} rpc
 * @param {string} code as typed
 * @param {Nonces} nonces
 * @returns {Promise<{welcome: any, token: string}>} `token` in hex, to be kept
 * @throws {BridgeError} wrong_code, code_expired, foreign_server
 */
async function pair(rpc, code, nonces) {
  const key = pairingKey(code, nonces);
  const welcome = await rpc.request("pair", { mac: macOf(key, "pair", nonces) });
  checkServer(welcome.mac, key, "paired", nonces);
  return { welcome, token: unmaskToken(key, String(welcome.token), nonces) };
}

/**
 * @param {import("./transfers.js").Transfers} transfers
 * @param {(bytes: Uint8Array) => void} sendBinary
 * @param {import("./clock.js").Clock} clock
 * @param {number} [bytes]
 * @returns {Promise<boolean>} a binary frame came back whole
 */
function probe(transfers, sendBinary, clock, bytes = PROBE_BYTES) {
  return new Promise((resolve) => {
    const timer = clock.setTimeout(() => resolve(false), PROBE_WAIT_MS);
    const finish = (/** @type {boolean} */ works) => {
      clock.clearTimeout(timer);
      resolve(works);
    };
    transfers.onProbe = (payload) => finish(equalBytes(payload, probePayload(bytes)));
    try {
      sendBinary(probeFrame(bytes));
    } catch {
      finish(false); // a host whose sockets carry text only
    }
  });
}

module.exports = { authenticate, cleanCode, isCode, macOf, pair, pairingKey, probe, sayHello, unmaskToken };
