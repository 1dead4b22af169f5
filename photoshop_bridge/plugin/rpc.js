"use strict";
/** JSON-RPC 2.0 over text frames, both ways (docs/photoshop_protocol.md, section 2). */

const { BridgeError, asBridgeError } = require("./errors.js");

const MAX_UNANSWERED = 8;

/**
 * @typedef {object} Task what a request's handler is told
 * @property {boolean} cancelled the other side wants it stopped
 */

/**
 * @typedef {object} Rpc
 * @property {(method: string, params?: object) => Promise<any>} request rejects with BridgeError
 * @property {(method: string, params?: object) => void} notify
 * @property {(text: string) => void} receive a text frame
 * @property {(error: BridgeError) => void} close every open request fails with it
 */

/**
 * @param {object} wire
 * @param {(text: string) => void} wire.send
 * @param {(reason: string) => void} wire.onFault the other side broke the protocol
 * @param {Record<string, (params: any, task: Task) => Promise<object>>} requests handlers by method
 * @param {Record<string, (params: any) => void>} notifications handlers by method
 * @returns {Rpc}
 */
function createRpc(wire, requests, notifications) {
  /** @type {Map<number, {resolve: (value: any) => void, reject: (error: BridgeError) => void}>} */
  const open = new Map();
  /** @type {(() => void)[]} */
  const waiting = [];
  /** @type {Map<number, Task>} */
  const tasks = new Map();
  let nextId = 1;
  let lastTheirs = -1;
  /** @type {BridgeError | null} */
  let closed = null;

  const send = (/** @type {object} */ message) => {
    if (!closed) wire.send(JSON.stringify({ jsonrpc: "2.0", ...message }));
  };

  const request = (/** @type {string} */ method, /** @type {object} */ params = {}) =>
    new Promise((resolve, reject) => {
      const start = () => {
        if (closed) {
          reject(closed);
          return;
        }
        const id = nextId++;
        open.set(id, { resolve, reject });
        send({ id, method, params });
      };
      if (open.size < MAX_UNANSWERED) start();
      else waiting.push(start);
    });

  const answer = async (/** @type {any} */ message) => {
    const { id, method, params } = message;
    if (!Number.isInteger(id) || id <= lastTheirs) {
      wire.onFault("a request's id is not larger than the last one");
      return;
    }
    lastTheirs = id;
    const task = { cancelled: false };
    tasks.set(id, task);
    try {
      if (!requests[method])
        throw Object.assign(new BridgeError("bad_request", `unknown method: ${method}`), { code: -32601 });
      send({ id, result: await requests[method](params, task) });
    } catch (error) {
      send({ id, error: errorObject(error) });
    }
    tasks.delete(id);
  };

  const settle = (/** @type {any} */ message) => {
    const held = open.get(message.id);
    if (!held) return; // answered before, or of a former connection
    open.delete(message.id);
    if (message.error) held.reject(fromErrorObject(message.error));
    else held.resolve(message.result);
    const next = waiting.shift();
    if (next) next();
  };

  const notified = (/** @type {any} */ message) => {
    if (message.method === "cancel") {
      const task = tasks.get(message.params.id);
      if (task) task.cancelled = true;
    } else if (notifications[message.method]) notifications[message.method](message.params);
  };

  return Object.freeze({
    request,
    notify: (/** @type {string} */ method, /** @type {object} */ params = {}) => send({ method, params }),
    receive(/** @type {string} */ text) {
      const message = parse(text);
      if (!message) wire.onFault("a message is no JSON-RPC object");
      else if (message.method === undefined) settle(message);
      else if (message.id === undefined) notified(message);
      else answer(message);
    },
    close(/** @type {BridgeError} */ error) {
      closed = error;
      for (const task of tasks.values()) task.cancelled = true;
      for (const held of open.values()) held.reject(error);
      open.clear();
      for (const start of waiting.splice(0)) start();
    },
  });
}

/** @param {string} text @returns {any} null when it is none of the four forms */
function parse(text) {
  let message;
  try {
    message = JSON.parse(text);
  } catch {
    return null;
  }
  const isObject = (/** @type {any} */ value) => typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isObject(message) || message.jsonrpc !== "2.0") return null;
  if (typeof message.method === "string") return isObject(message.params) ? message : null;
  if (message.method !== undefined || !Number.isInteger(message.id)) return null;
  return isObject(message.result) !== isObject(message.error) ? message : null;
}

/** @param {unknown} error @returns {object} as section 2 says */
function errorObject(error) {
  const { kind, message, retryable, advice } = asBridgeError(error);
  const code = /** @type {any} */ (error).code || (kind === "bad_request" ? -32602 : -32000);
  return { code, message, data: { kind, retryable, advice } };
}

/** @param {any} error @returns {BridgeError} */
function fromErrorObject(error) {
  const data = error.data || {};
  const options = { retryable: data.retryable === true, advice: String(data.advice || "") };
  return new BridgeError(String(data.kind || "host_error"), String(error.message), options);
}

module.exports = { createRpc };
