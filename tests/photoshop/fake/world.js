"use strict";
/** Photoshop, UXP, a server and the plugin's bridge together, as most tests need them. */

const { TestClock, settle } = require("./clock.js");
const { loadPlugin } = require("./load.js");
const { createPhotoshop } = require("./photoshop.js");
const { paint8 } = require("./pictures.js");
const { Server } = require("./server.js");
const { createSocketClass } = require("./socket.js");
const { createUxp } = require("./uxp.js");

const SESSION = "11111111-1111-4111-8111-111111111111";

/**
 * @param {object} [options] of createPhotoshop and createSocketClass; and
 *   kept: stores of a former start; server: of a former start; session; paired: false for a plugin that must pair;
 *   picture: of the open document, null for none; clock, dial: real ones in place of the tests'
 */
function createWorld(options = {}) {
  const { kept = {}, server = new Server(), session = SESSION, paired = true, picture = {} } = options;
  const { control, photoshop } = createPhotoshop(options);
  const environment = createUxp(control, kept);
  const clock = options.clock || new TestClock();
  const dial = options.dial || ((url, events) => server.dial(url, events));
  const WebSocket = createSocketClass(control, dial, options);
  const plugin = loadPlugin({ photoshop, uxp: environment.uxp }, { ...environment.globals, WebSocket });
  const document =
    picture && control.open({ width: 131, height: 97, paint: paint8, path: "/pictures/a.psd", ...picture });
  const storage = plugin("./storage.js").createStorage({
    local: environment.globals.localStorage,
    secure: environment.uxp.storage.secureStorage,
    random: environment.globals.crypto,
  });
  if (paired && !server.tokens.has(storage.install())) {
    server.tokens.set(storage.install(), Buffer.alloc(32, 7));
    environment.secure.set("expressedit.token", "07".repeat(32));
  }
  const view = { waiting: [], states: [], jobs: [] };
  const client = { kind: "fake", plugin: "0.1.0", host: control.version, uxp: "9.2" };
  const parts = {
    openSocket: (url) => new WebSocket(url),
    clock,
    storage,
    identity: { install: storage.install(), session, client },
    random: environment.globals.crypto,
  };
  const bridge = new (plugin("./bridge.js").Bridge)(parts, (change) => {
    Object.assign(view, change);
    if (change.connection) view.states.push(change.connection.name);
    if (change.job) view.jobs.push(change.job);
  });
  /** Ends the plugin as a quit of Photoshop does; what it kept is handed to the next start, as it is at this moment. */
  const quit = () => {
    bridge.stop();
    return { kept: { local: new Map(environment.local), secure: new Map(environment.secure) }, server };
  };
  return { bridge, clock, control, document, environment, plugin, quit, server, settle, storage, view };
}

/** What a result was made for: the open document of a world. */
function referenceTo(world, changes = {}) {
  const info = world
    .plugin("./service.js")
    .listDocInfos()
    .find((each) => each.doc === world.document.id);
  const { doc, file, fingerprint, name } = info;
  return { document: { session: SESSION, doc, file, fingerprint, name, ...changes } };
}

module.exports = { SESSION, createWorld, referenceTo };
