"use strict";
/** Makes objects that have the documented members and no others. */

const { MEMBERS } = require("./documented.js");

/** @param {string} version @returns {number[]} */
function parts(version) {
  return version.split(".").map(Number);
}

/** @param {string} version @param {string} since @returns {boolean} whether `version` is `since` or later */
function atLeast(version, since) {
  const [a, b] = [parts(version), parts(since)];
  for (let i = 0; i < b.length; i += 1) {
    if ((a[i] || 0) !== b[i]) return (a[i] || 0) > b[i];
  }
  return true;
}

/**
 * A view of `target` that offers what MEMBERS[kind] documents for the host's version. Anything else is written to
 * `control.violations`, which fails the test even when the plugin swallows the error.
 * @template {object} T
 * @param {{version: string, violations: string[]}} control
 * @param {string} kind
 * @param {T} target
 * @returns {T}
 */
function guard(control, kind, target) {
  const members = MEMBERS[kind];
  const refuse = (text) => {
    control.violations.push(text);
    throw new Error(text);
  };
  return new Proxy(target, {
    get(object, name) {
      if (typeof name === "symbol" || name === "then" || name === "toJSON") return undefined;
      const member = members[name];
      if (!member) return refuse(`${kind}.${name} is not documented`);
      if (member.since && !atLeast(control.version, member.since)) return undefined;
      if (!(name in object)) return refuse(`${kind}.${name} is documented (${member.page}) but not in the fake`);
      const value = Reflect.get(object, name, object);
      return typeof value === "function" && !value.isPlain ? value.bind(object) : value;
    },
    set(object, name, value) {
      const member = members[/** @type {string} */ (name)];
      if (!member || !member.writable) return refuse(`${kind}.${String(name)} has no documented setter`);
      return Reflect.set(object, name, value, object);
    },
    has: (object, name) => name in members,
    ownKeys: () => refuse(`${kind}: its members cannot be enumerated`),
    deleteProperty: (object, name) => refuse(`${kind}.${String(name)} cannot be deleted`),
  });
}

module.exports = { atLeast, guard };
