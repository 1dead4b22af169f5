"use strict";
/** Timers and time, so that tests can steer them. */

/**
 * @typedef {object} Clock
 * @property {(run: () => void, ms: number) => any} setTimeout
 * @property {(timer: any) => void} clearTimeout
 * @property {() => number} now ms
 * @property {() => number} random 0..1
 */

/** @type {Clock} */
const systemClock = Object.freeze({
  setTimeout: (/** @type {() => void} */ run, /** @type {number} */ ms) => setTimeout(run, ms),
  clearTimeout: (/** @type {any} */ timer) => clearTimeout(timer),
  now: () => Date.now(),
  random: () => Math.random(),
});

/** @param {Clock} clock @param {number} ms @returns {Promise<void>} */
function wait(clock, ms) {
  return new Promise((resolve) => {
    clock.setTimeout(resolve, ms);
  });
}

module.exports = { systemClock, wait };
