"use strict";
/** UXP's WebSocket (uxp-api/reference-js/global-members/data-transfers/web-socket.md) over any wire. */

const { guard } = require("./guard.js");

const BUFFER_BYTES = 2 * 1024 * 1024; // what may wait; the page names no size, only that a full buffer closes

/**
 * @typedef {object} Events
 * @property {() => void} open
 * @property {(data: string | ArrayBuffer) => void} message
 * @property {(code: number, reason: string) => void} close
 *
 * @typedef {object} Wire
 * @property {(data: string | Uint8Array) => void} send
 * @property {(code: number, reason: string) => void} close
 * @property {() => number} buffered bytes
 */

/**
 * @param {any} control
 * @param {(url: string, events: Events) => Wire} dial
 * @param {{denied?: (url: string) => boolean, binary?: "works" | "throws" | "blob" | "closes"}} [options] `denied`: the
 *   manifest does not allow the address, so the constructor throws; `binary`: how far binary frames are to be had
 * @returns {new (url: string, protocols?: string | string[]) => any}
 */
function createSocketClass(control, dial, options = {}) {
  const { denied = () => false, binary = "works" } = options;
  class Socket {
    constructor(url, protocols = []) {
      if (!/^wss?:\/\/[^/]+\//.test(url)) throw new SyntaxError(`not a WebSocket address: ${url}`);
      if (denied(url)) throw new Error(`Permission denied to the url ${url}. Manifest entry not found.`);
      if (protocols.length > 0) throw new Error("the server offers no subprotocol");
      Object.assign(this, { url, protocol: "", readyState: 0, binaryType: "blob" });
      Object.assign(this, { onopen: null, onmessage: null, onclose: null, onerror: null });
      this.wire = dial(url, {
        open: () => this.opened(),
        message: (data) => this.received(data),
        close: (code, reason) => this.ended(code, reason),
      });
    }

    get bufferedAmount() {
      return this.wire.buffered();
    }

    opened() {
      if (this.readyState !== 0) return;
      this.readyState = 1;
      if (this.onopen) this.onopen({ type: "open" });
    }

    received(data) {
      if (this.readyState !== 1 || !this.onmessage) return;
      const isText = typeof data === "string";
      const asBlob = !isText && (binary === "blob" || this.binaryType !== "arraybuffer");
      this.onmessage({ data: asBlob ? Object.freeze({ size: data.byteLength, type: "" }) : data });
    }

    ended(code, reason) {
      if (this.readyState === 3) return;
      this.readyState = 3;
      if (this.onerror && code === 1006) this.onerror({ type: "error" });
      const event = { code, reason, wasClean: code !== 1006 };
      if (this.onclose) this.onclose(event);
      if (this.onclose) this.onclose(event); // some versions tell twice [field reports]
    }

    send(data) {
      if (this.readyState === 0) throw new Error("the socket is not open yet");
      if (this.readyState !== 1) return;
      if (typeof data === "string") this.wire.send(data);
      else if (data.constructor.name === "ArrayBuffer" || ArrayBuffer.isView(data)) this.sendBinary(data);
      else throw new TypeError("send takes text, an ArrayBuffer or a view of one");
      if (this.wire.buffered() > BUFFER_BYTES) this.close(1006);
    }

    sendBinary(data) {
      if (binary === "throws") throw new Error("binary data is not supported");
      if (binary === "closes") this.close(1006);
      else
        this.wire.send(
          ArrayBuffer.isView(data)
            ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
            : new Uint8Array(data),
        );
    }

    close(code = 1000, reason = "") {
      if (this.readyState > 1) return;
      this.readyState = 2;
      this.wire.close(code === 1006 ? 1000 : code, reason);
      if (code === 1006) this.ended(1006, "");
    }
  }
  return /** @type {any} */ (
    function WebSocket(url, protocols) {
      return guard(control, "WebSocket", new Socket(url, protocols));
    }
  );
}

/** Dials a real server with Node's own WebSocket. @param {string} url @param {Events} events @returns {Wire} */
function dialReal(url, events) {
  const socket = new globalThis.WebSocket(url);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => events.open();
  socket.onmessage = (event) => events.message(event.data);
  socket.onclose = (event) => events.close(event.code, event.reason);
  socket.onerror = () => {};
  return {
    send: (data) => socket.send(data),
    close: (code, reason) => socket.close(code, reason),
    buffered: () => socket.bufferedAmount,
  };
}

module.exports = { createSocketClass, dialReal };
