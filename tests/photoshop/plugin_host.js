"use strict";
/**
 * The plugin in the fake Photoshop as a program of its own, over real sockets. It takes commands and gives answers as
 * lines of JSON. Every connection runs through a proxy, so that it can be cut without a word at any message.
 */

const net = require("node:net");
const readline = require("node:readline");
const { dialReal } = require("./fake/socket.js");
const { createWorld } = require("./fake/world.js");

const SPEED = 20;
const SHORT_MS = 2500;

/** Pauses are shortened, time-outs are not: a busy machine needs them. */
const quickClock = {
  setTimeout: (run, ms) => setTimeout(run, ms < SHORT_MS ? ms / SPEED : ms),
  clearTimeout: (timer) => clearTimeout(timer),
  now: () => Date.now(),
  random: () => Math.random(),
};

/** Cuts connections where it is told to, and counts what passes. */
class Cutter {
  constructor() {
    this.count = 0;
    this.at = 0;
    this.cuts = 0;
  }

  /** @returns {boolean} the connection is cut here */
  passes(cut) {
    this.count += 1;
    if (this.count !== this.at) return false;
    this.cuts += 1;
    cut();
    return true;
  }

  /** For createSocketClass: dials the real server through a proxy that can be cut. */
  dial(url, events) {
    const port = Number(new URL(url).port);
    const sockets = new Set();
    let socket = null;
    let isCut = false;
    const cut = () => {
      isCut = true;
      for (const each of sockets) each.destroy();
      events.close(1006, "");
    };
    const proxy = net.createServer((near) => {
      const far = net.connect(port, "127.0.0.1");
      for (const each of [near, far]) {
        sockets.add(each);
        each.on("error", () => each.destroy());
      }
      near.on("close", () => far.destroy());
      far.on("close", () => near.destroy());
      near.once("data", (head) => {
        // the server takes only a Host with its own port
        far.write(head.toString("latin1").replace(/Host: [^\r]+/i, `Host: localhost:${port}`), "latin1");
        near.pipe(far);
      });
      far.pipe(near);
      proxy.close();
    });
    proxy.listen(0, "127.0.0.1", () => {
      socket = dialReal(`ws://127.0.0.1:${proxy.address().port}/`, {
        open: events.open,
        message: (data) => !isCut && !this.passes(cut) && events.message(data),
        close: (code, reason) => !isCut && events.close(code, reason),
      });
    });
    return {
      send: (data) => !isCut && !this.passes(cut) && socket.send(data),
      close: (code, reason) => (socket ? socket.close(code, reason) : proxy.close()),
      buffered: () => (socket ? socket.buffered() : 0),
    };
  }
}

const cutter = new Cutter();
let world = null;
let options = {};

const openDocuments = () => world.control.documents;
const find = (doc) => openDocuments().find((each) => each.id === doc);

function picture({ width, height, pixels, path }) {
  const bytes = Buffer.from(pixels, "base64");
  const paint = (x, y) => [...bytes.subarray((y * width + x) * 3, (y * width + x) * 3 + 3), 255];
  return { width, height, path, paint };
}

const commands = {
  /** Starts the plugin; `install` and `token` of a pairing, `session`, `port`, `binary`. */
  start(params) {
    options = params;
    const kept = { local: new Map([["expressedit.port", String(params.port)]]), secure: new Map() };
    if (params.install) kept.local.set("expressedit.install", params.install);
    if (params.token) kept.secure.set("expressedit.token", params.token);
    begin(kept, params.session);
    return {};
  },
  /** Quits and starts Photoshop: documents are opened anew, in their last whole state or as they were at first. */
  restart({ session, saved }) {
    const before = openDocuments();
    const { kept } = world.quit();
    begin(kept, session);
    for (const old of before) {
      const document = world.control.open({ width: old.width, height: old.height, path: old.path });
      document.restore(old.history[saved ? old.historyIndex : 0].state);
    }
    world.bridge.connection.connect();
    return { docs: openDocuments().map((each) => each.id) };
  },
  open: (params) => ({ doc: world.control.open(picture(params)).id }),
  shut({ doc }) {
    world.control.close(doc);
    return {};
  },
  select({ doc, rect, mask }) {
    const [left, top, right, bottom] = rect;
    const data = new Uint8Array(Buffer.from(mask, "base64"));
    find(doc).selection = { rect: { left, top, right, bottom }, data };
    return {};
  },
  connect() {
    world.bridge.start();
    return {};
  },
  /** The user clicks Connect. */
  click() {
    world.bridge.connection.connect();
    return {};
  },
  stop() {
    world.bridge.stop();
    return {};
  },
  pair({ code }) {
    world.bridge.connection.pair(code);
    return {};
  },
  /** The connection is cut at the message of this number, counted from now. */
  cut({ at }) {
    Object.assign(cutter, { count: 0, at, cuts: 0 });
    return {};
  },
  async place({ result }) {
    await world.bridge.delivery.placeNow(result);
    return {};
  },
  async generate(params) {
    await world.bridge.generate(params);
    return {};
  },
  search: async ({ query }) => ({ hits: await world.bridge.search(query) }),
  async selftest() {
    const { runSelftest } = world.plugin("./selftest.js");
    return { report: await runSelftest(world.bridge, {}, () => {}) };
  },
  state() {
    const { connection, waiting, jobs, states } = world.view;
    const mode = world.bridge.link && world.bridge.link.mode;
    const { violations, liveImages } = world.control;
    return {
      connection,
      waiting,
      jobs,
      states,
      mode,
      violations,
      liveImages,
      cuts: cutter.cuts,
      messages: cutter.count,
    };
  },
  /** What a person sees in a document, and the layers that the plugin made. */
  look({ doc }) {
    const document = find(doc);
    const made = document.flat().filter((each) => each.parent && each.parent.name === "Expressions");
    const layers = made.map(({ layer }) => ({
      id: layer.id,
      name: layer.name,
      rect: Object.values(layer.raster.rect),
      rgba: Buffer.from(layer.raster.data).toString("base64"),
      mask: Buffer.from(layer.mask ? layer.mask.data : []).toString("base64"),
    }));
    const pixels = Buffer.from(document.pixels()).toString("base64");
    return { pixels, layers, history: document.history.map((each) => each.name) };
  },
};

function begin(kept, session) {
  const { binary = "works", masks } = options;
  const dial = (url, events) => cutter.dial(url, events);
  world = createWorld({ kept, session, binary, masks, dial, clock: quickClock, picture: null, paired: false });
}

readline.createInterface({ input: process.stdin }).on("line", async (line) => {
  const { id, command, ...params } = JSON.parse(line);
  const answer = await Promise.resolve()
    .then(() => commands[command](params))
    .catch((error) => ({ failed: String(error.stack || error) }));
  process.stdout.write(`${JSON.stringify({ id, ...answer })}\n`);
});
