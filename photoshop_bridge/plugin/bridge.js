"use strict";
/** Puts the parts together: connection, delivery, requests, jobs. The panel is given a `Bridge` and nothing else. */

const { Connection } = require("./connection.js");
const { Delivery } = require("./delivery.js");
const { BridgeError, asBridgeError } = require("./errors.js");
const host = require("./host.js");
const { createQueue } = require("./queue.js");
const { createRequests, listDocInfos, watchDocuments } = require("./service.js");

/**
 * @typedef {object} View what the panel shows; every call of `onView` brings the parts that changed
 * @property {import("./connection.js").State} [connection]
 * @property {import("./delivery.js").Waiting[]} [waiting]
 * @property {{job: string | null, value: number, text: string, advice: string}} [job]
 * @property {import("./documents.js").DocInfo | null} [document] the active one
 */

const IDLE = Object.freeze({ job: null, value: 0, text: "", advice: "" });

class Bridge {
  /** @param {import("./connection.js").Parts} parts @param {(view: View) => void} onView */
  constructor(parts, onView) {
    this.parts = parts;
    this.onView = onView;
    this.queue = createQueue();
    /** @type {import("./connection.js").Link | null} */
    this.link = null;
    /** The panel's own job. @type {string | null} */
    this.job = null;
    /** The job that ended last: its end may be told before its start is answered. */
    this.ended = "";
    /** Events of Photoshop so far, for the self-test. */
    this.events = 0;
    this.delivery = new Delivery({
      storage: parts.storage,
      clock: parts.clock,
      session: parts.identity.session,
      queue: this.queue,
      onList: (waiting) => onView({ waiting }),
    });
    this.connection = new Connection(parts, {
      requests: createRequests(this.queue),
      notifications: {
        outbox: ({ pending }) => this.delivery.update(pending),
        "job.progress": (params) => this.onJobProgress(params),
        "job.done": (params) => this.onJobDone(params),
        hb: () => {},
      },
      documents: listDocInfos,
      onReady: (link, pending) => this.onReady(link, pending),
      onLost: () => this.onLost(),
      onState: (connection) => onView({ connection }),
    });
    this.watcher = watchDocuments(parts.clock, (reason, documents) => this.onDocuments(reason, documents));
  }

  /** Connects, and looks at the documents from now on. */
  start() {
    this.connection.connect();
    this.watcher.look("poll");
    // events are hints: without them, the look each second is enough
    host.watch((reason) => this.onEvent(reason)).catch(() => {});
  }

  /** @param {string} reason */
  onEvent(reason) {
    this.events += 1;
    this.watcher.lookSoon(reason);
  }

  stop() {
    this.watcher.stop();
    this.connection.stop();
  }

  /** @param {import("./connection.js").Link} link @param {any[]} pending */
  onReady(link, pending) {
    this.link = link;
    this.delivery.onReady(link, pending);
  }

  onLost() {
    this.link = null;
    this.delivery.onLost();
    if (this.job)
      this.endJob(
        "The connection was lost.",
        "The result waits on the server and is placed when the connection is back.",
      );
  }

  /** @param {string} reason @param {any[]} documents */
  onDocuments(reason, documents) {
    this.onView({ document: documents.find((each) => each.active) || null });
    if (!this.link) return;
    this.link.rpc.notify("event", { reason, documents });
    this.delivery.run();
  }

  /** @param {string} query @returns {Promise<any[]>} expression tags, best first; none while there is no connection */
  async search(query) {
    if (!this.link || !query.trim()) return [];
    const answer = await this.link.rpc
      .request("search", { query: query.slice(0, 1000), limit: 6 })
      .catch(() => ({ hits: [] }));
    return answer.hits;
  }

  /**
   * Starts an edit of the active document's selection; its end is shown as `job`.
   * @param {{tags?: string[], prompt?: string, strength?: number, control_end?: number}} wish
   */
  async generate(wish) {
    if (this.job) {
      this.onView({
        job: { ...IDLE, job: this.job, text: "An edit is running.", advice: "Wait for it, or click Cancel." },
      });
      return;
    }
    this.onView({ job: { ...IDLE, job: "", text: "Starting …" } });
    try {
      if (!this.link)
        throw new BridgeError("transfer_failed", "There is no connection to the server.", { advice: "Click Connect." });
      const facts = host.documentFacts("active");
      if (!facts.selection) throw new BridgeError("no_selection", "Nothing is selected.");
      const { job } = await this.link.rpc.request("job.start", { doc: facts.id, ...wish });
      if (job === this.ended) return;
      this.job = job;
      this.onView({ job: { job, value: 0, text: "Starting …", advice: "" } });
    } catch (error) {
      const { message, advice } = asBridgeError(error);
      this.endJob(message, advice);
    }
  }

  async cancel() {
    if (this.link && this.job) await this.link.rpc.request("job.cancel", { job: this.job }).catch(asBridgeError);
    else this.endJob("No edit is running.", "");
  }

  /** @param {{job: string, value: number, text: string}} params of a job that an assistant started, the text is shown */
  onJobProgress({ job, value, text }) {
    this.onView({ job: job === this.job ? { job, value, text, advice: "" } : { ...IDLE, job: this.job, text } });
  }

  /** @param {{job: string, status: string, warnings: string[], error: {message: string, advice: string} | null}} params */
  onJobDone({ job, status, warnings, error }) {
    this.ended = job;
    if (error) this.endJob(error.message, error.advice);
    else this.endJob(status === "cancelled" ? "Cancelled. Nothing was changed." : ["Done.", ...warnings].join(" "), "");
  }

  /** @param {string} text @param {string} advice */
  endJob(text, advice) {
    this.job = null;
    this.onView({ job: { ...IDLE, text, advice } });
  }
}

// one by one: only so does tsc take an exported class as a type
exports.Bridge = Bridge;
