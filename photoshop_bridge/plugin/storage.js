"use strict";
/** What lasts: this installation's id, the token, the port, and which results were placed. */

const { toHex } = require("./bytes.js");

const PREFIX = "expressedit.";
const DEFAULT_PORT = 8932;

/**
 * @typedef {object} PlacedRecord
 * @property {string} session in which it was placed
 * @property {number} doc
 * @property {number} layer
 * @property {string | null} mask
 * @property {boolean} verified
 * @property {string} history
 */

/**
 * @param {object} parts of UXP
 * @param {Pick<Storage, "getItem" | "setItem" | "removeItem">} parts.local
 * @param {typeof import("uxp").storage.secureStorage} parts.secure
 * @param {{randomUUID: () => string}} parts.random
 */
function createStorage({ local, secure, random }) {
  const read = (/** @type {string} */ key) => local.getItem(PREFIX + key);
  const write = (/** @type {string} */ key, /** @type {string} */ value) => local.setItem(PREFIX + key, value);
  const readPlaced = () => /** @type {Record<string, PlacedRecord>} */ (JSON.parse(read("placed") || "{}"));

  return Object.freeze({
    /** @returns {string} id of this installation */
    install() {
      const kept = read("install");
      if (kept) return kept;
      const made = random.randomUUID().toLowerCase();
      write("install", made);
      return made;
    },
    /** @returns {number} */
    port: () => Number(read("port")) || DEFAULT_PORT,
    /** @param {number} port */
    setPort: (port) => write("port", String(port)),
    /** @returns {Promise<string | null>} hex */
    async token() {
      // secureStorage is a cache by its documentation and may be missing: the second place is localStorage
      const kept = await secure.getItem(`${PREFIX}token`).catch(() => null);
      const text = kept && typeof kept !== "string" ? textOf(kept) : kept;
      return text || read("token");
    },
    /** @param {string} token hex */
    async setToken(token) {
      try {
        await secure.setItem(`${PREFIX}token`, token);
        local.removeItem(`${PREFIX}token`);
      } catch {
        write("token", token); // no secure storage on this system
      }
    },
    async forgetToken() {
      await secure.removeItem(`${PREFIX}token`).catch(() => {}); // nothing was kept there
      local.removeItem(`${PREFIX}token`);
    },
    /** @param {string} result @returns {PlacedRecord | null} */
    placed: (result) => readPlaced()[result] || null,
    /** @param {string} result @param {PlacedRecord} record */
    setPlaced(result, record) {
      write("placed", JSON.stringify({ ...readPlaced(), [result]: record }));
    },
    /** Forgets results that wait no more. @param {string[]} pending */
    keepPlaced(pending) {
      const kept = Object.entries(readPlaced()).filter(([result]) => pending.includes(result));
      write("placed", JSON.stringify(Object.fromEntries(kept)));
    },
  });
}

/** @param {Uint8Array} bytes as secureStorage gives them back @returns {string} */
function textOf(bytes) {
  return String.fromCharCode.apply(null, /** @type {any} */ (bytes));
}

/**
 * @param {{getRandomValues: (array: Uint8Array<ArrayBuffer>) => unknown}} random
 * @returns {string} 32 random bytes in hex
 */
function newNonce(random) {
  const bytes = new Uint8Array(32);
  random.getRandomValues(bytes);
  return toHex(bytes);
}

module.exports = { DEFAULT_PORT, createStorage, newNonce };
