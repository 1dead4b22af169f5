"use strict";
/** One work after the other. */

/** @returns {<T>(work: () => Promise<T>) => Promise<T>} runs each work when the one before it has ended */
function createQueue() {
  let last = /** @type {Promise<any>} */ (Promise.resolve());
  return (work) => {
    const next = last.then(work);
    last = next.catch(() => {}); // told to whoever queued it
    return next;
  };
}

module.exports = { createQueue };
