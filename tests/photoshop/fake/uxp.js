"use strict";
/** What UXP gives a plugin besides Photoshop: `require("uxp")`, storage, random numbers, timers. */

const { webcrypto } = require("node:crypto");
const { guard } = require("./guard.js");

/** A store that outlives a restart of the plugin when it is handed on. @param {any} control @param {Map<string, string>} kept */
function createLocalStorage(control, kept) {
  return guard(control, "localStorage", {
    getItem: (key) => (kept.has(key) ? kept.get(key) : null),
    setItem: (key, value) => void kept.set(key, String(value)),
    removeItem: (key) => void kept.delete(key),
  });
}

/** @param {any} control @param {Map<string, string>} kept @param {boolean} works false: every call rejects */
function createSecureStorage(control, kept, works) {
  const call =
    (run) =>
    async (...args) => {
      if (!works) throw new Error("secure storage is not available");
      return run(...args);
    };
  return guard(control, "secureStorage", {
    // the page gives bytes back, whatever was put in
    getItem: call((key) => (kept.has(key) ? Uint8Array.from(kept.get(key), (c) => c.charCodeAt(0)) : null)),
    setItem: call((key, value) => void kept.set(key, value)),
    removeItem: call((key) => void kept.delete(key)),
  });
}

/**
 * @param {any} control
 * @param {{local?: Map<string, string>, secure?: Map<string, string>, secureWorks?: boolean}} [kept]
 */
function createUxp(control, { local = new Map(), secure = new Map(), secureWorks = true } = {}) {
  const setups = [];
  const entrypoints = guard(control, "entrypoints", {
    setup(entries) {
      if (setups.length > 0) throw new Error("entrypoints.setup was called before");
      if (!entries.plugin || !entries.plugin.create) throw new Error("plugin.create is missing");
      setups.push(entries);
    },
  });
  const secureStorage = createSecureStorage(control, secure, secureWorks);
  const uxp = guard(control, "uxp", {
    entrypoints,
    storage: guard(control, "storage", { secureStorage }),
    host: guard(control, "host", { name: "Photoshop", version: control.version, uiLocale: "de_DE" }),
    versions: guard(control, "versions", { uxp: "9.2", plugin: "0.1.0" }),
  });
  const globals = {
    localStorage: createLocalStorage(control, local),
    crypto: Object.freeze({
      getRandomValues: (array) => webcrypto.getRandomValues(array),
      randomUUID: () => webcrypto.randomUUID(),
    }),
    setTimeout: (run, ms) => setTimeout(run, ms),
    clearTimeout: (timer) => clearTimeout(timer),
  };
  return { uxp, globals, setups, local, secure };
}

module.exports = { createUxp };
