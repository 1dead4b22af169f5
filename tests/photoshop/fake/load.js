"use strict";
/** Runs the plugin's own files as UXP does: CommonJS, with the globals that UXP documents and no others. */

const fs = require("node:fs");
const path = require("node:path");
const vm = require("node:vm");

const PLUGIN_DIR = process.env.PLUGIN_DIR || path.join(__dirname, "..", "..", "..", "photoshop_bridge", "plugin");

// ECMAScript comes with the context. Typed arrays are shared with the fake, as they are between Photoshop and plugin.
const SHARED = { ArrayBuffer, DataView, Float32Array, Int32Array, Uint16Array, Uint32Array, Uint8Array };

/**
 * @param {Record<string, object>} modules what `require` gives for the names of Photoshop and UXP
 * @param {Record<string, any>} [globals] document, WebSocket, localStorage, …
 * @returns {(name: string) => any} require of the plugin's files, by their path in its folder
 */
function loadPlugin(modules, globals = {}) {
  const context = vm.createContext({ ...SHARED, ...globals });
  const loaded = new Map();
  const load = (file) => {
    if (loaded.has(file)) return loaded.get(file).exports;
    const module = { exports: {} };
    loaded.set(file, module);
    const code = fs.readFileSync(path.join(PLUGIN_DIR, file), "utf8");
    const options = { filename: path.join(PLUGIN_DIR, file), parsingContext: context };
    const run = vm.compileFunction(code, ["require", "module", "exports"], options);
    run(requireFrom, module, module.exports);
    return module.exports;
  };
  const requireFrom = (name) => {
    if (name in modules) return modules[name];
    // UXP resolves against the plugin's folder: files lie flat in it, so both readings of a relative path agree
    if (/^\.\/[a-z0-9_]+\.js$/.test(name)) return load(name.slice(2));
    throw new Error(`require("${name}"): UXP has no such module`);
  };
  return requireFrom;
}

module.exports = { PLUGIN_DIR, loadPlugin };
