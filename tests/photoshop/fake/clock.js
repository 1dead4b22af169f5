"use strict";
/** A clock that stands still until a test moves it. */

/** Lets everything run that waits for no timer. */
async function settle(turns = 60) {
  for (let i = 0; i < turns; i += 1) await new Promise((resolve) => setImmediate(resolve));
}

class TestClock {
  constructor() {
    this.time = 0;
    this.timers = new Map();
    this.nextId = 1;
  }

  /** @param {() => void} run @param {number} ms */
  setTimeout(run, ms) {
    this.timers.set(this.nextId, { run, at: this.time + ms });
    return this.nextId++;
  }

  /** @param {number} id */
  clearTimeout(id) {
    this.timers.delete(id);
  }

  now() {
    return this.time;
  }

  random() {
    return 0.5;
  }

  /** Moves on, running each timer at its time. @param {number} ms */
  async advance(ms) {
    const end = this.time + ms;
    for (;;) {
      const due = [...this.timers].filter(([, each]) => each.at <= end).sort((a, b) => a[1].at - b[1].at)[0];
      if (!due) break;
      this.timers.delete(due[0]);
      this.time = due[1].at;
      due[1].run();
      await settle();
    }
    this.time = end;
    await settle();
  }
}

module.exports = { TestClock, settle };
