"use strict";
/** Results on their way into documents: each is placed once, in order (docs/photoshop_protocol.md, section 4.3). */

const { fromWire } = require("./boxes.js");
const { wait } = require("./clock.js");
const { matches } = require("./documents.js");
const { BridgeError, asBridgeError } = require("./errors.js");
const { findPlaced, place } = require("./placing.js");
const { createQueue } = require("./queue.js");
const { openDocuments } = require("./service.js");

/** @typedef {import("./connection.js").Link} Link */

/**
 * @typedef {object} Entry section 4.3
 * @property {string} result
 * @property {number} seq
 * @property {string} name
 * @property {string} group
 * @property {number[]} rect
 * @property {import("./documents.js").DocRef & {name: string} | null} document
 * @property {number | null} anchor
 * @property {boolean} auto
 */

/**
 * @typedef {object} Waiting an entry as the panel shows it
 * @property {string} result
 * @property {string} name
 * @property {string} document name of the document it was made for
 * @property {string} text why it waits, or how far it is
 */

const RETRY_S = [0.25, 0.5, 1, 2];
const RETRY_TOTAL_S = 30;
const NO_CONNECTION = "There is no connection to the server. Click Connect.";

class Delivery {
  /**
   * @param {object} parts
   * @param {ReturnType<typeof import("./storage.js").createStorage>} parts.storage
   * @param {import("./clock.js").Clock} parts.clock
   * @param {string} parts.session
   * @param {<T>(work: () => Promise<T>) => Promise<T>} parts.queue one work with Photoshop at a time
   * @param {(waiting: Waiting[]) => void} parts.onList
   */
  constructor(parts) {
    this.parts = parts;
    /** @type {Link | null} */
    this.link = null;
    /** @type {Entry[]} */
    this.entries = [];
    /** Texts of entries that cannot go by themselves. @type {Map<string, string>} */
    this.notes = new Map();
    /** One result is fetched and placed at a time. */
    this.inTurn = createQueue();
    this.running = false;
    this.again = false;
  }

  /** @param {Link} link @param {Entry[]} pending */
  onReady(link, pending) {
    this.link = link;
    this.parts.storage.keepPlaced(pending.map((each) => each.result));
    this.notes.clear();
    this.update(pending);
  }

  onLost() {
    this.link = null;
    this.show();
  }

  /** @param {Entry[]} pending the whole list */
  update(pending) {
    this.entries = [...pending].sort((a, b) => a.seq - b.seq);
    this.show();
    this.run();
  }

  /** Places what may go by itself, one after the other; looks again when the list changed meanwhile. */
  async run() {
    this.again = true;
    if (this.running) return;
    this.running = true;
    try {
      while (this.again && this.link) {
        this.again = false;
        for (const entry of this.entries) if (this.link) await this.consider(this.link, entry);
      }
    } finally {
      this.running = false;
    }
  }

  /** @param {Link} link @param {Entry} entry */
  async consider(link, entry) {
    if (!this.entries.includes(entry)) return;
    const matching = this.matching(entry);
    if (await this.acknowledgeFormer(entry, matching)) return;
    if (!entry.auto || this.notes.has(entry.result)) return;
    if (this.parts.storage.placed(entry.result)) {
      this.note(entry, "It was placed before Photoshop was restarted, but its layer is not in the document.");
    } else if (matching.length === 1) await this.deliver(link, entry, matching[0].doc, false);
  }

  /** @param {Entry} entry @returns {import("./documents.js").DocInfo[]} open documents that it was made for */
  matching(entry) {
    return (openDocuments() || []).filter((each) => matches(each, entry.document, this.parts.session));
  }

  /**
   * Tells the server again of a layer that is there already.
   * @param {Entry} entry @param {import("./documents.js").DocInfo[]} matching
   * @returns {Promise<boolean>}
   */
  async acknowledgeFormer(entry, matching) {
    const record = this.parts.storage.placed(entry.result);
    if (record && record.session === this.parts.session) {
      await this.acknowledge(entry, record);
      return true;
    }
    if (!record) return false;
    for (const { doc } of matching) {
      const layer = findPlacedIn(doc, entry.result);
      if (layer !== null) {
        await this.acknowledge(entry, { ...record, doc, layer });
        return true;
      }
    }
    return false;
  }

  /**
   * Places an entry on a click: into the document it was made for, else into the active one.
   * @param {string} result
   */
  async placeNow(result) {
    const entry = this.entries.find((each) => each.result === result);
    if (!entry) return;
    const matching = this.matching(entry);
    const isActive = (/** @type {import("./documents.js").DocInfo} */ each) => each.active;
    const target = matching.find(isActive) || matching[0] || (openDocuments() || []).find(isActive);
    if (!this.link) this.note(entry, NO_CONNECTION);
    else if (!target) this.note(entry, "No document is open. Open one, then click Place.");
    else await this.deliver(this.link, entry, target.doc, true);
  }

  /**
   * Throws an entry away; one that is being placed is there first, and stays.
   * @param {string} result
   * @returns {Promise<void>}
   */
  discard(result) {
    return this.inTurn(async () => {
      const entry = this.entries.find((each) => each.result === result);
      if (!entry) return;
      if (!this.link) this.note(entry, NO_CONNECTION);
      else await this.link.rpc.request("result.ack", { result, status: "discarded" }).catch(asBridgeError);
    });
  }

  /**
   * @param {Link} link @param {Entry} entry @param {number} doc
   * @param {boolean} force after a click
   * @returns {Promise<void>}
   */
  deliver(link, entry, doc, force) {
    return this.inTurn(async () => {
      if (this.link !== link || !this.entries.includes(entry)) return;
      this.note(entry, "Placing …");
      try {
        const placement = await this.withRetries(link, () => this.fetchAndPlace(link, entry, doc, force));
        this.notes.delete(entry.result);
        const record = { session: this.parts.session, doc, ...placement };
        this.parts.storage.setPlaced(entry.result, record);
        await this.acknowledge(entry, record);
      } catch (error) {
        await this.fail(link, entry, asBridgeError(error));
      }
      this.show();
    });
  }

  /** @param {Link} link @param {Entry} entry @param {BridgeError} error */
  async fail(link, entry, error) {
    if (this.link !== link) {
      this.notes.delete(entry.result); // the connection broke: it is tried again after the next one
      return;
    }
    this.note(entry, `${error.message} ${error.advice}`.trim());
    if (error.kind === "taken" || error.kind === "unknown_result") return;
    const { kind, message, advice } = error;
    const params = { result: entry.result, status: "failed", error: { kind, message, advice } };
    await link.rpc.request("result.ack", params).catch(asBridgeError);
  }

  /** @template T @param {Link} link @param {() => Promise<T>} work @returns {Promise<T>} */
  async withRetries(link, work) {
    for (let i = 0, spent_s = 0; ; i += 1) {
      try {
        return await work();
      } catch (error) {
        const pause_s = RETRY_S[Math.min(i, RETRY_S.length - 1)];
        spent_s += pause_s;
        if (!asBridgeError(error).retryable || spent_s > RETRY_TOTAL_S || this.link !== link) throw error;
        await wait(this.parts.clock, pause_s * 1000);
      }
    }
  }

  /** @param {Link} link @param {Entry} entry @param {number} doc @param {boolean} force */
  async fetchAndPlace(link, entry, doc, force) {
    const { area, rgba, mask } = await this.fetchResult(link, entry.result, force);
    const { name, group, anchor } = entry;
    const result = { id: entry.result, name, group, area, anchor, rgba: rgba.data, mask: mask.data };
    return this.parts.queue(() =>
      place(doc, result, (value) => this.note(entry, `Placing … ${Math.round(value * 100)} %`)),
    );
  }

  /** @param {Link} link @param {string} result @param {boolean} force @throws {BridgeError} what the server answers */
  async fetchResult({ transfers, rpc }, result, force) {
    transfers.expect(result);
    try {
      const answer = await rpc.request("result.fetch", { result, ...(force ? { force: true } : {}) });
      const [rgba, mask] = [transfers.take(answer.pixels, "pixels"), transfers.take(answer.mask, "mask")];
      const area = fromWire(answer.rect);
      if (!area || rgba.components !== 4 || mask.components !== 1) {
        throw new BridgeError("bad_request", "The result has not the form of this protocol.");
      }
      return { area, rgba, mask };
    } finally {
      transfers.expect(null);
    }
  }

  /**
   * Over the connection of the moment, which may not be the one that brought the result.
   * @param {Entry} entry @param {import("./storage.js").PlacedRecord} record
   */
  async acknowledge(entry, { doc, layer, mask, verified, history }) {
    if (!this.link) return; // it is told after the next `ready`
    const params = { result: entry.result, status: "placed", doc, layer, mask, verified, history };
    try {
      await this.link.rpc.request("result.ack", params);
    } catch {
      return; // the same
    }
    this.entries = this.entries.filter((each) => each.result !== entry.result);
    this.show();
  }

  /** @param {Entry} entry @param {string} text */
  note(entry, text) {
    this.notes.set(entry.result, text);
    this.show();
  }

  show() {
    const texts = { auto: "Waits for its document to be opened.", click: "Waits for your click." };
    this.parts.onList(
      this.entries.map((each) => ({
        result: each.result,
        name: each.name,
        document: each.document ? each.document.name : "",
        text: this.notes.get(each.result) || (each.auto ? texts.auto : texts.click),
      })),
    );
  }
}

/** @param {number} doc @param {string} result @returns {number | null} null also when the document was closed meanwhile */
function findPlacedIn(doc, result) {
  try {
    return findPlaced(doc, result);
  } catch {
    return null;
  }
}

// one by one: only so does tsc take an exported class as a type
exports.Delivery = Delivery;
