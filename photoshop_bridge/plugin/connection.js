"use strict";
/** The one owner of the socket: dials, shakes hands, keeps alive, dials again (docs/photoshop_protocol.md, section 1). */

const { BridgeError, asBridgeError, messageOf } = require("./errors.js");
const { authenticate, isCode, pair, probe, sayHello } = require("./handshake.js");
const { createRpc } = require("./rpc.js");
const { newNonce } = require("./storage.js");
const { Transfers } = require("./transfers.js");

const HOSTS = ["ws://localhost", "ws://127.0.0.1"];
const BACKOFF_S = [1, 2, 5, 10, 15];
const OPEN_WAIT_MS = 5000;
const HANDSHAKE_WAIT_MS = 20000;
const SILENCE_MS = 60000;
const MAX_FAILED_PROBES = 2;

/**
 * @typedef {object} State what the panel shows
 * @property {"off" | "connecting" | "pairing" | "ready" | "waiting" | "standby"} name
 * @property {string} text
 * @property {string} advice
 */

/**
 * @typedef {object} Link an authenticated connection
 * @property {import("./rpc.js").Rpc} rpc
 * @property {Transfers} transfers
 * @property {"binary" | "base64"} mode
 * @property {any} hello what the server said first
 * @property {(bytes: number) => Promise<boolean>} probe
 */

/**
 * @typedef {object} Parts
 * @property {(url: string) => any} openSocket may throw
 * @property {import("./clock.js").Clock} clock
 * @property {ReturnType<typeof import("./storage.js").createStorage>} storage
 * @property {import("./handshake.js").Identity} identity
 * @property {{getRandomValues: (array: Uint8Array<ArrayBuffer>) => unknown}} random
 */

/**
 * @typedef {object} Listener
 * @property {Record<string, (params: any, task: import("./rpc.js").Task, link: Link) => Promise<object>>} requests
 * @property {Record<string, (params: any) => void>} notifications
 * @property {() => object[]} documents told when the connection is ready
 * @property {(link: Link, pending: any[]) => void} onReady
 * @property {() => void} onLost
 * @property {(state: State) => void} onState
 */

/** How a close code is answered. `delay_s` absent: by back-off; null: only on a click. */
const CLOSES = Object.freeze({
  4000: {
    name: "standby",
    text: "Another Photoshop of yours took over.",
    advice: "Click Connect to use this one.",
    delay_s: null,
  },
  4001: {
    name: "standby",
    text: "Server and plugin speak different versions.",
    advice: "Update both to the same version, then click Connect.",
    delay_s: null,
  },
  4003: {
    name: "pairing",
    text: "This Photoshop is not paired.",
    advice: "Run “expressedit-mcp bridge pair” and type its code here.",
    delay_s: null,
  },
  4004: {
    name: "waiting",
    text: "Another program is connected to the server.",
    advice: "Close its document panel; this one tries again every 15 s.",
    delay_s: 15,
  },
  1009: {
    name: "standby",
    text: "A message was too large.",
    advice: "Click Connect; if it happens again, send the self-test's report.",
    delay_s: null,
  },
});

class Connection {
  /** @param {Parts} parts @param {Listener} listener */
  constructor(parts, listener) {
    this.parts = parts;
    this.listener = listener;
    /** @type {any} */
    this.socket = null;
    /** @type {Link | null} */
    this.link = null;
    /** @type {any} */
    this.timer = null;
    this.host = 0;
    this.failures = 0;
    this.faults = 0;
    this.lastHeard = 0;
    this.beats = 0;
    /** Probes that did not come back; some hosts end the connection over one. */
    this.failedProbes = 0;
    /** Typed by the user, used once. @type {string | null} */
    this.code = null;
    /** Why the connection will not come about, said before the socket closes. @type {BridgeError | null} */
    this.reason = null;
    /** @type {State} */
    this.state = Object.freeze({ name: "off", text: "Not connected.", advice: "Click Connect." });
  }

  /** @param {State["name"]} name @param {string} text @param {string} [advice] */
  setState(name, text, advice = "") {
    this.state = Object.freeze({ name, text, advice });
    this.listener.onState(this.state);
  }

  /** Dials now, whatever was being waited for. */
  connect() {
    this.drop();
    this.host = 0;
    this.failedProbes = 0;
    this.dial();
  }

  /** @param {string} code as the user typed it */
  pair(code) {
    if (!isCode(code)) {
      this.setState("pairing", "A code has 8 letters and digits, such as ABCD-2345.", "Type the whole code.");
      return;
    }
    this.code = code;
    this.connect();
  }

  /** Ends the connection until `connect`. */
  stop() {
    this.drop();
    this.setState("off", "Not connected.", "Click Connect.");
  }

  dial() {
    const { openSocket, storage } = this.parts;
    const url = `${HOSTS[this.host]}:${storage.port()}/`;
    this.reason = null;
    this.setState("connecting", `Connecting to ${url} …`);
    let socket;
    try {
      socket = openSocket(url);
    } catch (error) {
      this.unreachable(`Photoshop refused the connection: ${messageOf(error)}`);
      return;
    }
    this.socket = socket;
    const current = () => this.socket === socket;
    socket.binaryType = "arraybuffer";
    let rpc = /** @type {import("./rpc.js").Rpc | null} */ (null);
    let transfers = /** @type {Transfers | null} */ (null);
    this.later(OPEN_WAIT_MS, () => this.lost(socket, 1006, "no answer"));
    socket.onopen = () => {
      if (!current()) return;
      this.later(HANDSHAKE_WAIT_MS, () => this.lost(socket, 1006, "no answer"));
      this.lastHeard = this.parts.clock.now();
      [rpc, transfers] = this.wire(socket);
      this.shake(socket, rpc, transfers).catch((error) => this.refused(socket, asBridgeError(error)));
    };
    socket.onmessage = (/** @type {{data: any}} */ event) => {
      if (!current() || !rpc || !transfers) return;
      this.lastHeard = this.parts.clock.now();
      if (typeof event.data === "string") rpc.receive(event.data);
      else if (event.data && event.data.byteLength !== undefined) transfers.onBinary(event.data);
    };
    // a socket may tell of its end more than once, and by either of these
    socket.onclose = (/** @type {any} */ event) => this.lost(socket, event && event.code, event && event.reason);
    socket.onerror = () => {};
  }

  /** @param {any} socket @returns {[import("./rpc.js").Rpc, Transfers]} */
  wire(socket) {
    const onFault = (/** @type {string} */ reason) => {
      closeSocket(socket, 4005, reason);
      this.lost(socket, 4005, reason);
    };
    const { requests, notifications } = this.listener;
    const withLink = Object.fromEntries(
      Object.entries(requests).map(([method, handle]) => [
        method,
        (/** @type {any} */ params, /** @type {import("./rpc.js").Task} */ task) => handle(params, task, this.ready()),
      ]),
    );
    const sendText = (/** @type {string} */ text) => this.socket === socket && socket.send(text);
    /** @type {Transfers} */
    let transfers;
    const rpc = createRpc(
      { send: sendText, onFault },
      { ...withLink, "xfer.begin": async (params) => transfers.onBegin(params) },
      {
        ...notifications,
        "xfer.ack": (params) => transfers.onAck(params),
        "xfer.abort": (params) => transfers.onAbort(params),
        "xfer.data": (params) => transfers.onText(params),
      },
    );
    transfers = new Transfers({ rpc, sendBinary: (bytes) => sendBytes(socket, bytes), onFault }, this.parts.clock);
    return [rpc, transfers];
  }

  /** @returns {Link} @throws {BridgeError} when there is none */
  ready() {
    if (!this.link) throw new BridgeError("transfer_failed", "The connection is not ready.", { retryable: true });
    return this.link;
  }

  /** @param {any} socket @param {import("./rpc.js").Rpc} rpc @param {Transfers} transfers */
  async shake(socket, rpc, transfers) {
    const { storage, identity, clock, random } = this.parts;
    const tryBinary = this.failedProbes < MAX_FAILED_PROBES;
    const { nonces, paired, hello } = await sayHello(rpc, identity, newNonce(random), tryBinary);
    const token = await storage.token();
    const welcome = await this.prove(rpc, nonces, paired ? token : null);
    const sendBinary = (/** @type {Uint8Array} */ bytes) => sendBytes(socket, bytes);
    this.failedProbes += 1;
    const works = tryBinary && (await probe(transfers, sendBinary, clock));
    if (this.socket !== socket) return;
    if (works) this.failedProbes = 0;
    transfers.begin(welcome.limits, works);
    const mode = works ? "binary" : "base64";
    const { pending } = await rpc.request("ready", { mode, documents: this.listener.documents() });
    if (this.socket !== socket) return;
    const link = {
      rpc,
      transfers,
      mode,
      hello,
      probe: (/** @type {number} */ n) => probe(transfers, sendBinary, clock, n),
    };
    this.link = Object.freeze(/** @type {Link} */ (link));
    this.failures = 0;
    this.beat(socket, welcome.heartbeat_s * 1000);
    this.setState("ready", `Connected to ${hello.instance}.`);
    this.listener.onReady(this.link, pending);
  }

  /**
   * @param {import("./rpc.js").Rpc} rpc
   * @param {import("./handshake.js").Nonces} nonces
   * @param {string | null} token null: the server knows none
   * @returns {Promise<any>} the welcome
   */
  async prove(rpc, nonces, token) {
    const { storage } = this.parts;
    const code = this.code;
    this.code = null;
    if (code) {
      const paired = await pair(rpc, code, nonces);
      await storage.setToken(paired.token);
      return paired.welcome;
    }
    if (!token) throw new BridgeError("not_paired", CLOSES[4003].text, { advice: CLOSES[4003].advice });
    try {
      return await authenticate(rpc, token, nonces);
    } catch (error) {
      if (asBridgeError(error).kind === "not_paired") await storage.forgetToken();
      throw error;
    }
  }

  /** The handshake failed: the reason outlives the close that follows. @param {any} socket @param {BridgeError} error */
  refused(socket, error) {
    if (this.socket !== socket) return;
    const isPairing = ["not_paired", "wrong_code", "code_expired"].includes(error.kind);
    this.reason = error;
    if (error.kind === "another_host") return; // the server closes with 4004
    closeSocket(socket, 1000, "");
    this.lost(socket, isPairing ? 4003 : error.kind === "foreign_server" ? 4001 : 1006, error.message);
  }

  /** @param {any} socket @param {number} interval_ms */
  beat(socket, interval_ms) {
    this.later(interval_ms, () => {
      if (this.socket !== socket || !this.link) return;
      if (this.parts.clock.now() - this.lastHeard > SILENCE_MS) {
        closeSocket(socket, 1000, "silent");
        this.lost(socket, 1006, "the server was silent for 60 s");
        return;
      }
      this.beats += 1;
      this.beat(socket, interval_ms); // before the message: sending may end the connection and set another timer
      this.link.rpc.notify("hb", { t: this.beats });
    });
  }

  /** @param {any} socket @param {number} [code] @param {string} [reason] */
  lost(socket, code = 1006, reason = "") {
    if (this.socket !== socket) return;
    const wasReady = this.link !== null;
    const said = this.reason;
    this.drop();
    const known = /** @type {Record<number, any>} */ (CLOSES)[code];
    if (known) {
      this.setState(known.name, said ? said.message : known.text, said ? said.advice : known.advice);
      if (known.delay_s !== null) this.later(known.delay_s * 1000, () => this.dial());
    } else if (code === 4005 && (this.faults += 1) > 1) {
      this.setState(
        "standby",
        `A message was not understood: ${reason}`,
        "Update plugin and server, then click Connect.",
      );
    } else if (wasReady) this.retry(`The connection was lost${reason ? `: ${reason}` : ""}.`);
    else this.unreachable(said ? said.message : "No server answers.");
  }

  /** Nothing answers here: the other name of this machine is tried at once, then all of it later. @param {string} text */
  unreachable(text) {
    this.host = (this.host + 1) % HOSTS.length;
    if (this.host !== 0) this.dial();
    else this.retry(text);
  }

  /** @param {string} text */
  retry(text) {
    const base_s = BACKOFF_S[Math.min(this.failures, BACKOFF_S.length - 1)];
    this.failures += 1;
    this.later(base_s * 1000 * (0.8 + 0.4 * this.parts.clock.random()), () => this.dial());
    this.setState("waiting", text, `Start “expressedit-mcp serve”. Trying again in ${base_s} s, or click Connect.`);
  }

  /** Lets go of socket, link and timer. */
  drop() {
    clearTimer(this);
    const { socket, link } = this;
    this.socket = null;
    this.link = null;
    if (socket) closeSocket(socket, 1000, "");
    if (link) {
      link.rpc.close(new BridgeError("transfer_failed", "The connection was lost.", { retryable: true }));
      link.transfers.close();
      this.listener.onLost();
    }
  }

  /** @param {number} ms @param {() => void} run */
  later(ms, run) {
    clearTimer(this);
    this.timer = this.parts.clock.setTimeout(run, ms);
  }
}

/** @param {Connection} connection */
function clearTimer(connection) {
  if (connection.timer !== null) connection.parts.clock.clearTimeout(connection.timer);
  connection.timer = null;
}

/** @param {any} socket @param {Uint8Array} bytes */
function sendBytes(socket, bytes) {
  socket.send(bytes.buffer);
}

/** @param {any} socket @param {number} code @param {string} reason */
function closeSocket(socket, code, reason) {
  try {
    socket.close(code, reason.slice(0, 60));
  } catch {
    // closed already
  }
}

// one by one: only so does tsc take an exported class as a type
exports.Connection = Connection;
