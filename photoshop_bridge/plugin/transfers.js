"use strict";
/** Pixel data in acknowledged chunks, both ways (docs/photoshop_protocol.md, section 5). */

const { fromBase64, toBase64 } = require("./bytes.js");
const { BridgeError } = require("./errors.js");
const { DATA, PROBE, decodeFrame, encodeFrame } = require("./frames.js");

const ACK_WAIT_MS = 30000;
const MAX_OPEN = 2;

/**
 * @typedef {object} Limits of the server's welcome
 * @property {number} chunk_bytes
 * @property {number} chunk_bytes_base64
 * @property {number} window frames that may be unacknowledged
 * @property {number} transfer_bytes
 * @property {number} pixels
 */

/**
 * @typedef {object} Plane what a transfer carries
 * @property {string} kind "pixels", "selection" or "mask"
 * @property {number} width
 * @property {number} height
 * @property {number} components
 * @property {Uint8Array} data
 * @property {string} [profile]
 */

/**
 * @typedef {object} Sending a plane on its way out
 * @property {number} acked bytes
 * @property {BridgeError | null} error why it cannot go on
 * @property {() => void} wake something of this changed
 */

class Transfers {
  /**
   * @param {object} wire
   * @param {import("./rpc.js").Rpc} wire.rpc
   * @param {(bytes: Uint8Array) => void} wire.sendBinary
   * @param {(reason: string) => void} wire.onFault
   * @param {import("./clock.js").Clock} clock
   */
  constructor(wire, clock) {
    this.wire = wire;
    this.clock = clock;
    /** @type {Limits} */
    this.limits = { chunk_bytes: 0, chunk_bytes_base64: 0, window: 0, transfer_bytes: 0, pixels: 0 };
    this.isBinary = false;
    this.nextId = 1;
    /** Id of the result whose planes may come; null: none. @type {string | null} */
    this.expected = null;
    /** Id of the newest transfer that the server began. */
    this.lastBegun = 0;
    /** @type {Map<number, Plane & {id: number, got: number, seq: number, for: string}>} */
    this.arriving = new Map();
    /** @type {Map<number, Plane>} */
    this.arrived = new Map();
    /** @type {Set<number>} */
    this.aborted = new Set();
    /** @type {Map<number, Sending>} */
    this.sending = new Map();
    /** @type {(payload: Uint8Array) => void} */
    this.onProbe = () => {};
  }

  /** @param {Limits} limits @param {boolean} isBinary */
  begin(limits, isBinary) {
    this.limits = limits;
    this.isBinary = isBinary;
  }

  // ----- sending

  /**
   * Sends a plane; resolves with the transfer's id when the last byte is acknowledged.
   * @param {string} forId the capture that it belongs to
   * @param {Plane} plane
   * @param {import("./rpc.js").Task} task stops the transfer when it is cancelled
   * @returns {Promise<number>}
   * @throws {BridgeError} transfer_failed, cancelled_by_user, or what the server answers to xfer.begin
   */
  async send(forId, plane, task) {
    const transfer = this.nextId++;
    const { data, kind, width, height, components, profile } = plane;
    const described = {
      kind,
      width,
      height,
      components,
      depth: 8,
      bytes: data.length,
      ...(profile ? { profile } : {}),
    };
    await this.wire.rpc.request("xfer.begin", { transfer, for: forId, ...described });
    /** @type {Sending} */
    const state = { acked: 0, error: null, wake: () => {} };
    this.sending.set(transfer, state);
    try {
      await this.sendChunks(transfer, data, state, task);
    } finally {
      this.sending.delete(transfer);
    }
    return transfer;
  }

  /** @param {number} transfer @param {Uint8Array} data @param {Sending} state @param {import("./rpc.js").Task} task */
  async sendChunks(transfer, data, state, task) {
    const size = this.isBinary ? this.limits.chunk_bytes : this.limits.chunk_bytes_base64;
    let sent = 0;
    for (let seq = 0; state.acked < data.length;) {
      if (task.cancelled && !state.error) {
        this.wire.rpc.notify("xfer.abort", { transfer, reason: "cancelled" });
        state.error = new BridgeError("cancelled_by_user", "The reading was cancelled.");
      }
      if (state.error) throw state.error;
      const unacked = seq - Math.ceil(state.acked / size);
      if (sent < data.length && unacked < this.limits.window) {
        const payload = data.subarray(sent, Math.min(sent + size, data.length));
        this.sendFrame(encodeFrame({ type: DATA, transfer, seq, offset: sent, total: data.length, payload }));
        sent += payload.length;
        seq += 1;
      } else await this.nextChange(transfer, state);
    }
  }

  /** @param {number} transfer @param {Sending} state @returns {Promise<void>} at an acknowledgement, or at the end */
  nextChange(transfer, state) {
    return new Promise((resolve) => {
      const timer = this.clock.setTimeout(() => {
        this.wire.rpc.notify("xfer.abort", { transfer, reason: "no acknowledgement" });
        this.fail(state, "The server stopped answering.");
      }, ACK_WAIT_MS);
      state.wake = () => {
        this.clock.clearTimeout(timer);
        resolve();
      };
    });
  }

  /** @param {Sending} state @param {string} text */
  fail(state, text) {
    state.error = new BridgeError("transfer_failed", text, { retryable: true });
    state.wake();
  }

  /** @param {Uint8Array} frame */
  sendFrame(frame) {
    if (this.isBinary) this.wire.sendBinary(frame);
    else this.wire.rpc.notify("xfer.data", { frame: toBase64(frame) });
  }

  /** @param {{transfer: number, next: number}} params */
  onAck({ transfer, next }) {
    const state = this.sending.get(transfer);
    if (!state) return;
    state.acked = Math.max(state.acked, next);
    state.wake();
  }

  /** @param {{transfer: number, reason: string}} params */
  onAbort({ transfer, reason }) {
    const state = this.sending.get(transfer);
    if (state) this.fail(state, `The server stopped the transfer: ${reason}`);
    if (this.arriving.delete(transfer)) this.aborted.add(transfer);
  }

  // ----- receiving

  /** @param {string | null} result whose planes may come from now on; what came and was not taken is let go */
  expect(result) {
    this.expected = result;
    this.arrived.clear();
  }

  /**
   * Checks a transfer before memory is reserved for it.
   * @param {any} params of xfer.begin
   * @returns {object} the empty answer
   * @throws {BridgeError} bad_request, too_large
   */
  onBegin(params) {
    const { transfer, kind, width, height, components, depth, bytes } = params;
    const bad = (/** @type {string} */ text) => new BridgeError("bad_request", text);
    if (!Number.isInteger(transfer) || transfer <= this.lastBegun) throw bad("the transfer's id is not new");
    if (this.expected === null || params.for !== this.expected) throw bad("nobody asked for this transfer");
    if (kind !== "pixels" && kind !== "mask") throw bad(`kind ${kind} was not asked for`);
    if (this.arriving.size + this.arrived.size >= MAX_OPEN) throw bad("too many transfers are open");
    for (const value of [width, height, components, bytes])
      if (!Number.isInteger(value) || value < 1) throw bad("wrong size");
    if (depth !== 8 || bytes !== width * height * components) throw bad("bytes is not width x height x components");
    if (width * height > this.limits.pixels || bytes > this.limits.transfer_bytes) {
      throw new BridgeError("too_large", `${width} x ${height} pixels are more than can be received.`);
    }
    const data = new Uint8Array(bytes);
    this.lastBegun = transfer;
    this.arriving.set(transfer, {
      id: transfer,
      for: params.for,
      kind,
      width,
      height,
      components,
      data,
      got: 0,
      seq: 0,
    });
    return {};
  }

  /** @param {ArrayBuffer} buffer a binary message */
  onBinary(buffer) {
    this.onFrame(new Uint8Array(buffer));
  }

  /** @param {{frame: string}} params of xfer.data */
  onText({ frame }) {
    const bytes = fromBase64(frame);
    if (bytes) this.onFrame(bytes);
    else this.wire.onFault("xfer.data is not base64");
  }

  /** @param {Uint8Array} bytes */
  onFrame(bytes) {
    const frame = decodeFrame(bytes);
    if (typeof frame === "string") this.wire.onFault(frame);
    else if (frame.type === PROBE) this.onProbe(frame.payload);
    else this.onData(frame);
  }

  /** @param {import("./frames.js").Frame} frame */
  onData({ transfer, seq, offset, total, payload }) {
    if (this.aborted.has(transfer)) return; // still under way when it was given up
    const plane = this.arriving.get(transfer);
    if (
      !plane ||
      seq !== plane.seq ||
      offset !== plane.got ||
      total !== plane.data.length ||
      offset + payload.length > total
    ) {
      this.wire.onFault("a frame is out of order");
      return;
    }
    plane.data.set(payload, offset);
    plane.got += payload.length;
    plane.seq += 1;
    if (plane.got === plane.data.length) {
      this.arriving.delete(transfer);
      this.arrived.set(transfer, plane);
    }
    this.wire.rpc.notify("xfer.ack", { transfer, next: plane.got });
  }

  /**
   * @param {number} transfer that has arrived; it is handed out once
   * @param {string} kind
   * @returns {Plane}
   * @throws {BridgeError} transfer_failed
   */
  take(transfer, kind) {
    const plane = this.arrived.get(transfer);
    this.arrived.delete(transfer);
    if (plane && plane.kind === kind) return plane;
    throw new BridgeError("transfer_failed", `The ${kind} did not arrive.`, { retryable: true });
  }

  /** Forgets what came and fails what is being sent. */
  close() {
    for (const state of this.sending.values()) this.fail(state, "The connection was lost.");
    this.arriving.clear();
    this.arrived.clear();
  }
}

// one by one: only so does tsc take an exported class as a type
exports.Transfers = Transfers;
