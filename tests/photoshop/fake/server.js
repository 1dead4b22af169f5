"use strict";
/**
 * A server of the protocol for tests of the plugin alone (docs/photoshop_protocol.md). It checks what comes, and breaks
 * off where a test wants it. The tests over a real socket use the real one.
 */

const crypto = require("node:crypto");
const zlib = require("node:zlib");

const LIMITS = { chunk_bytes: 1000, chunk_bytes_base64: 500, window: 4, transfer_bytes: 1 << 28, pixels: 1 << 26 };

const hmac = (key, text) => crypto.createHmac("sha256", key).update(text).digest();

class Server {
  constructor() {
    this.results = new Map(); // result → {entry, rgba, mask}
    this.tokens = new Map(); // install → Buffer
    this.code = null;
    this.acks = [];
    this.log = [];
    this.faults = [];
    this.connections = [];
    this.answers = {}; // method → (params, connection) => result or {error}
    this.silent = false; // takes messages and says nothing
    this.reachable = () => true;
    this.limits = LIMITS;
    /** Called for every message either way; true: the connection breaks here. */
    this.breakAt = () => false;
    this.messages = 0;
  }

  /** @returns {any} the newest connection */
  get last() {
    return this.connections[this.connections.length - 1];
  }

  /** A result that waits for a document. */
  put(result, entry) {
    const { id, name, group, area, rgba, mask, anchor } = result;
    const rect = [area.left, area.top, area.right, area.bottom];
    const whole = {
      result: id,
      seq: this.results.size + 1,
      name,
      group,
      rect,
      anchor,
      auto: true,
      created: 0,
      ...entry,
    };
    this.results.set(id, { entry: whole, rgba, mask });
    if (this.last && this.last.isReady) this.last.notify("outbox", { pending: this.pending() });
  }

  pending() {
    return [...this.results.values()].map((each) => each.entry);
  }

  /** For createSocketClass. */
  dial(url, events) {
    if (!this.reachable(url)) {
      setImmediate(() => events.close(1006, ""));
      return { send() {}, close() {}, buffered: () => 0 };
    }
    const connection = new Connection(this, url, events);
    this.connections.push(connection);
    setImmediate(() => events.open());
    return {
      send: (data) => setImmediate(() => connection.receive(data)),
      close: (code, reason) => setImmediate(() => connection.closed(code, reason)),
      buffered: () => 0,
    };
  }
}

class Connection {
  constructor(server, url, events) {
    Object.assign(this, { server, url, events, isOpen: true, isReady: false, nextId: 1, nextTransfer: 1 });
    this.open = new Map();
    this.arriving = new Map();
    this.received = new Map();
    this.waiters = new Map();
    this.unacked = 0;
    this.mostUnacked = 0;
    this.lastId = 0;
    this.closeCode = null;
  }

  /** The connection breaks without a word. */
  kill() {
    this.isOpen = false;
    this.events.close(1006, "");
  }

  close(code, reason = "") {
    this.isOpen = false;
    this.events.close(code, reason);
  }

  closed(code, reason) {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.closeCode = code;
    this.server.log.push(`closed ${code} ${reason}`);
    this.events.close(code, reason);
  }

  breaks(what) {
    this.server.messages += 1;
    if (!this.isOpen || !this.server.breakAt(this.server.messages, what)) return !this.isOpen;
    this.kill();
    return true;
  }

  send(data) {
    if (this.breaks("down")) return;
    setImmediate(() => this.isOpen && this.events.message(data));
  }

  notify(method, params) {
    this.send(JSON.stringify({ jsonrpc: "2.0", method, params }));
  }

  request(method, params) {
    const id = this.nextId++;
    this.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    return new Promise((resolve, reject) => this.open.set(id, { resolve, reject }));
  }

  receive(data) {
    if (!this.isOpen || this.server.silent || this.breaks("up")) return;
    if (typeof data !== "string") this.frame(Buffer.from(data));
    else this.text(JSON.parse(data));
  }

  text(message) {
    if (message.jsonrpc !== "2.0") this.server.faults.push(`not JSON-RPC: ${JSON.stringify(message)}`);
    if (message.method === undefined) {
      const held = this.open.get(message.id);
      if (message.error) held.reject(Object.assign(new Error(message.error.message), message.error.data));
      else held.resolve(message.result);
    } else if (message.id === undefined) this.notified(message);
    else {
      if (message.id <= this.lastId) this.server.faults.push(`replayed id ${message.id}`);
      this.lastId = message.id;
      this.answer(message);
    }
  }

  notified({ method, params }) {
    this.server.log.push(method);
    if (method === "xfer.ack" && this.waiters.has(params.transfer)) this.waiters.get(params.transfer)(params.next);
    if (method === "xfer.data") this.frame(Buffer.from(params.frame, "base64"));
    if (method === "event") this.lastEvent = params;
  }

  async answer({ id, method, params }) {
    this.server.log.push(method);
    const own = this.server.answers[method];
    const handler = own ? () => own(params, this) : this[`on ${method}`];
    const result = handler ? await handler.call(this, params) : { error: { kind: "bad_request", code: -32601 } };
    if (result === undefined) return;
    const { error } = result;
    const told = error && {
      code: -32000,
      message: error.message || error.kind,
      data: { retryable: false, advice: "", ...error },
    };
    this.send(JSON.stringify({ jsonrpc: "2.0", id, ...(error ? { error: told } : { result }) }));
    if (method === "ready") this.isReady = true;
    // after the answer, which is still on its way
    const code = error && error.kind === "another_host" ? 4004 : 4003;
    if (error && ["auth", "pair"].includes(method)) setImmediate(() => setImmediate(() => this.close(code)));
  }

  mac(key, role) {
    return hmac(key, `fxb/1|${role}|${this.hello.nonce}|${this.nonce}|${this.hello.install}`).toString("hex");
  }

  "on hello"(params) {
    this.hello = params;
    this.nonce = crypto.randomBytes(32).toString("hex");
    const paired = this.server.tokens.has(params.install);
    const seen = { origin: null, host: "localhost" };
    return { proto: 1, instance: "test server", version: "0", nonce: this.nonce, paired, seen };
  }

  welcome() {
    return { heartbeat_s: 15, limits: this.server.limits };
  }

  "on auth"({ mac }) {
    const token = this.server.tokens.get(this.hello.install);
    if (!token || mac !== this.mac(token, "client")) return { error: { kind: "not_paired" } };
    return { mac: this.mac(token, "server"), ...this.welcome() };
  }

  "on pair"({ mac }) {
    if (!this.server.code) return { error: { kind: "code_expired", advice: "Ask for a new code." } };
    const salt = Buffer.concat([Buffer.from(this.hello.nonce, "hex"), Buffer.from(this.nonce, "hex")]);
    const key = crypto.pbkdf2Sync(this.server.code, salt, 4096, 32, "sha256");
    if (mac !== this.mac(key, "pair")) return { error: { kind: "wrong_code", message: "4 attempts left" } };
    this.server.code = null;
    const token = crypto.randomBytes(32);
    this.server.tokens.set(this.hello.install, token);
    const mask = Buffer.from(this.mac(key, "token"), "hex");
    return {
      token: Buffer.from(token.map((byte, i) => byte ^ mask[i])).toString("hex"),
      mac: this.mac(key, "paired"),
      ...this.welcome(),
    };
  }

  "on ready"(params) {
    this.mode = params.mode;
    this.documents = params.documents;
    return { pending: this.server.pending() };
  }

  async "on result.fetch"({ result }) {
    const held = this.server.results.get(result);
    if (!held) return { error: { kind: "unknown_result" } };
    const { rect, name } = held.entry;
    const size = { width: rect[2] - rect[0], height: rect[3] - rect[1] };
    const pixels = await this.sendPlane(result, { kind: "pixels", ...size, components: 4 }, held.rgba);
    const mask = await this.sendPlane(result, { kind: "mask", ...size, components: 1 }, held.mask);
    return { rect, name, pixels, mask };
  }

  "on result.ack"(params) {
    this.server.acks.push(params);
    const known = this.server.results.has(params.result);
    if (known && params.status === "failed") this.server.results.get(params.result).entry.auto = false;
    else this.server.results.delete(params.result);
    this.notify("outbox", { pending: this.server.pending() });
    return { known };
  }

  "on xfer.begin"(params) {
    const { width, height, components, bytes, transfer } = params;
    if (bytes !== width * height * components) this.server.faults.push("xfer.begin: wrong bytes");
    this.arriving.set(transfer, { ...params, data: Buffer.alloc(bytes), got: 0, seq: 0 });
    return {};
  }

  "on search"({ query }) {
    return {
      hits: [{ tag: query, prompt_form: query, definition: `means ${query}`, score: 1, advice: "" }],
      no_expression: false,
    };
  }

  "on selftest"() {
    return { name: "selftest-1.json" };
  }

  /** Sends data in frames; each waits for its acknowledgement, so a test can break off at each. */
  async sendPlane(owner, plane, data) {
    const transfer = this.nextTransfer++;
    await this.request("xfer.begin", { transfer, for: owner, depth: 8, bytes: data.length, ...plane });
    const size = this.mode === "binary" ? this.server.limits.chunk_bytes : this.server.limits.chunk_bytes_base64;
    for (let offset = 0, seq = 0; offset < data.length; offset += size, seq += 1) {
      const payload = data.subarray(offset, offset + size);
      const acked = new Promise((resolve) => this.waiters.set(transfer, resolve));
      this.sendFrame({ transfer, seq, offset, total: data.length }, payload);
      const next = await acked;
      if (next !== offset + payload.length) this.server.faults.push(`acknowledged ${next}`);
    }
    return transfer;
  }

  sendFrame({ transfer, seq, offset, total }, payload) {
    const frame = encode(1, transfer, seq, offset, total, payload);
    if (this.mode === "binary") this.send(frame.buffer.slice(frame.byteOffset, frame.byteOffset + frame.length));
    else this.notify("xfer.data", { frame: frame.toString("base64") });
  }

  frame(bytes) {
    const [type, transfer, seq] = [bytes[4], bytes.readUInt32LE(8), bytes.readUInt32LE(12)];
    const [offset, length] = [bytes.readUInt32LE(16), bytes.readUInt32LE(24)];
    const payload = bytes.subarray(32);
    if (bytes.toString("latin1", 0, 4) !== "FXB1" || payload.length !== length)
      this.server.faults.push("a broken frame");
    if (zlib.crc32(payload, zlib.crc32(bytes.subarray(0, 28))) !== bytes.readUInt32LE(28))
      this.server.faults.push("wrong checksum");
    if (type === 2) {
      this.send(new Uint8Array(bytes).buffer);
      return;
    }
    const plane = this.arriving.get(transfer);
    if (!plane || plane.seq !== seq || plane.got !== offset)
      this.server.faults.push(`frame ${seq} of ${transfer} out of order`);
    payload.copy(plane.data, offset);
    plane.got += length;
    plane.seq += 1;
    this.unacked += 1;
    this.mostUnacked = Math.max(this.mostUnacked, this.unacked);
    this.received.set(transfer, plane);
    setImmediate(() => {
      this.unacked -= 1;
      this.notify("xfer.ack", { transfer, next: plane.got });
    });
  }
}

function encode(type, transfer, seq, offset, total, payload) {
  const frame = Buffer.alloc(32 + payload.length);
  frame.write("FXB1", 0, "latin1");
  frame[4] = type;
  [transfer, seq, offset, total, payload.length].forEach((value, i) => frame.writeUInt32LE(value, 8 + 4 * i));
  Buffer.from(payload).copy(frame, 32);
  frame.writeUInt32LE(zlib.crc32(payload, zlib.crc32(frame.subarray(0, 28))), 28);
  return frame;
}

module.exports = { Server };
