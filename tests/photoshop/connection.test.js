"use strict";
/** The connection: pairing, proof of both sides, back-off, each way of ending, text-only sockets. */

const assert = require("node:assert/strict");
const crypto = require("node:crypto");
const { afterEach, test } = require("node:test");
const { settle } = require("./fake/clock.js");
const { Server } = require("./fake/server.js");
const { createWorld } = require("./fake/world.js");

const worlds = [];

function world(options) {
  const made = createWorld(options);
  worlds.push(made);
  return made;
}

afterEach(() => {
  for (const { control, server } of worlds.splice(0)) {
    assert.deepEqual(control.violations, []);
    assert.deepEqual(server.faults, []);
  }
});

/** A world that is connected. */
async function connected(options) {
  const made = world(options);
  made.bridge.connection.connect();
  await settle();
  if (!options || !["throws", "closes"].includes(options.binary)) await made.clock.advance(3000);
  return made;
}

test("a paired plugin proves itself and is ready", async () => {
  const { server, view } = await connected();
  assert.deepEqual(server.log.slice(0, 3), ["hello", "auth", "ready"]);
  assert.equal(view.connection.name, "ready");
  assert.equal(server.last.mode, "binary");
  assert.equal(server.last.documents[0].fingerprint, "131x97|rgb|8|sRGB IEC61966-2.1");
  assert.deepEqual(server.last.hello.caps, { binary: true, selection: true, mask: true, events: true });
});

test("a document is told of without its folder", async () => {
  const { server } = await connected();
  const [info] = server.last.documents;
  assert.equal(info.file, crypto.createHash("sha256").update("/pictures/a.psd").digest("hex"));
  assert.doesNotMatch(JSON.stringify(server.last.documents), /pictures/);
});

test("a nonce is fresh for each connection", async () => {
  const { bridge, server } = await connected();
  bridge.connection.connect();
  await settle();
  assert.equal(new Set(server.connections.map((each) => each.hello.nonce)).size, 2);
});

test("pairing: the code is typed once, the token is kept and never travels", async () => {
  const server = new Server();
  const made = world({ server, paired: false });
  made.bridge.connection.connect();
  await settle();
  assert.equal(made.view.connection.name, "pairing");
  assert.match(made.view.connection.advice, /bridge pair/);
  server.code = "ABCD2345";
  made.bridge.connection.pair("abcd-2345");
  await settle();
  assert.equal(made.view.connection.name, "ready");
  const token = server.tokens.get(made.storage.install()).toString("hex");
  assert.equal(await made.storage.token(), token);
  assert.ok(!made.environment.local.has("expressedit.token"));
  const again = world(made.quit());
  again.bridge.connection.connect();
  await settle();
  assert.equal(again.view.connection.name, "ready");
  assert.ok(server.log.includes("auth"));
});

for (const [kind, code] of [
  ["wrong_code", "ABCD2345"],
  ["code_expired", null],
]) {
  test(`pairing refused: ${kind}`, async () => {
    const server = new Server();
    const made = world({ server, paired: false });
    server.code = code;
    made.bridge.connection.pair("ZZZZ-2222");
    await settle();
    assert.equal(made.view.connection.name, "pairing");
    await made.clock.advance(60000);
    assert.equal(server.connections.length, 1, "it dialled again by itself");
  });
}

test("an unfinished code is not sent", async () => {
  const made = world({ paired: false });
  made.bridge.connection.pair("ABC");
  await settle();
  assert.equal(made.server.connections.length, 0);
  assert.match(made.view.connection.text, /8 letters/);
});

test("a token that the server does not know is forgotten", async () => {
  const { bridge, server, storage, view } = await connected();
  server.tokens.set(storage.install(), Buffer.alloc(32, 9));
  bridge.connection.connect();
  await settle();
  assert.equal(view.connection.name, "pairing");
  assert.equal(await storage.token(), null);
});

test("without secure storage the token lies in localStorage", async () => {
  const server = new Server();
  const made = world({ server, paired: false, kept: { secureWorks: false } });
  server.code = "ABCD2345";
  made.bridge.connection.pair("ABCD2345");
  await settle();
  assert.equal(made.view.connection.name, "ready");
  assert.equal(await made.storage.token(), made.environment.local.get("expressedit.token"));
});

for (const step of ["auth", "pair"]) {
  test(`a program that squats on the port gets no documents: ${step}`, async () => {
    const server = new Server();
    const made = world({ server, paired: step === "auth" });
    server.answers[step] = (params, connection) => ({
      mac: "0".repeat(64),
      token: "0".repeat(64),
      ...connection.welcome(),
    });
    if (step === "pair") made.bridge.connection.pair("ABCD2345");
    else made.bridge.connection.connect();
    await settle();
    assert.equal(made.view.connection.name, "standby");
    assert.match(made.view.connection.text, /Another program answers/);
    assert.ok(!server.log.includes("ready"));
    assert.equal(step === "pair" ? await made.storage.token() : null, null);
  });
}

test("localhost first, then 127.0.0.1, then back-off", async () => {
  const urls = [];
  const made = world();
  made.server.reachable = (url) => urls.push(url) > 6;
  made.bridge.connection.connect();
  await settle();
  assert.deepEqual(urls, ["ws://localhost:8932/", "ws://127.0.0.1:8932/"]);
  assert.equal(made.view.connection.name, "waiting");
  assert.match(made.view.connection.advice, /expressedit-mcp serve/);
  await made.clock.advance(999);
  assert.equal(urls.length, 2);
  await made.clock.advance(1);
  assert.equal(urls.length, 4);
  await made.clock.advance(2000);
  await made.clock.advance(5000);
  assert.equal(made.view.connection.name, "ready");
});

test("back-off grows to 15 s, and a click dials at once", async () => {
  const urls = [];
  const made = world();
  made.server.reachable = (url) => !urls.push(url);
  made.bridge.connection.connect();
  await settle();
  for (const wait_s of [1, 2, 5, 10, 15, 15]) {
    const before = urls.length;
    await made.clock.advance(wait_s * 1000 - 1);
    assert.equal(urls.length, before);
    await made.clock.advance(1);
    assert.equal(urls.length, before + 2);
  }
  made.server.reachable = () => true;
  made.bridge.connection.connect();
  await settle();
  assert.equal(made.view.connection.name, "ready");
});

test("where Photoshop denies the address, its words are shown", async () => {
  const made = world({ denied: () => true });
  made.bridge.connection.connect();
  await settle();
  assert.match(made.view.connection.text, /Permission denied/);
  const second = world({ denied: (url) => url.includes("localhost") });
  second.bridge.connection.connect();
  await settle();
  assert.equal(second.view.connection.name, "ready");
});

test("a server that accepts and says nothing is given up", async () => {
  const made = world();
  made.server.silent = true;
  made.bridge.connection.connect();
  await settle();
  made.server.silent = false;
  await made.clock.advance(80000);
  assert.equal(made.view.connection.name, "ready");
});

for (const [code, state, redials] of [
  [1001, "waiting", 1],
  [1006, "waiting", 1],
  [4000, "standby", 0],
  [4001, "standby", 0],
  [4002, "waiting", 1],
  [4003, "pairing", 0],
  [4004, "waiting", 1],
  [4005, "waiting", 1],
  [1009, "standby", 0],
]) {
  test(`closed with ${code}: ${state}, ${redials ? "dials again" : "waits for a click"}`, async () => {
    const { bridge, clock, server, view } = await connected();
    server.last.close(code, "why");
    await settle();
    assert.equal(view.connection.name, state);
    assert.ok(view.connection.text && view.connection.advice);
    await clock.advance(16000);
    assert.equal(server.connections.length, 1 + redials);
    bridge.connection.connect();
    await settle();
    assert.equal(view.connection.name, "ready");
  });
}

test("a second broken message ends in standby", async () => {
  const { clock, server, view } = await connected();
  server.last.close(4005, "first");
  await clock.advance(2000);
  assert.equal(view.connection.name, "ready");
  server.last.close(4005, "second");
  await clock.advance(30000);
  assert.equal(view.connection.name, "standby");
  assert.match(view.connection.text, /second/);
});

test("another host is active: its reason is shown and it is tried after 15 s", async () => {
  const made = world();
  made.server.answers.auth = () => ({
    error: { kind: "another_host", message: "Krita is connected.", advice: "Close it." },
  });
  made.bridge.connection.connect();
  await settle();
  assert.deepEqual([made.view.connection.name, made.view.connection.text], ["waiting", "Krita is connected."]);
  delete made.server.answers.auth;
  await made.clock.advance(15000);
  assert.equal(made.view.connection.name, "ready");
});

test("heartbeats go out; 60 s of silence end the connection", async () => {
  const { clock, server, view } = await connected();
  await clock.advance(46000);
  assert.ok(server.log.filter((each) => each === "hb").length >= 3);
  assert.equal(server.connections.length, 1);
  await clock.advance(31000);
  assert.equal(server.connections.length, 2);
  assert.ok(view.states.includes("waiting"));
});

test("a connection that breaks at a heartbeat is dialled again", async () => {
  const { clock, server, view } = await connected();
  server.messages = 0;
  server.breakAt = (count) => count === 1;
  await clock.advance(20000);
  assert.deepEqual([server.connections.length, view.connection.name], [2, "ready"]);
});

for (const binary of ["throws", "blob", "closes"]) {
  test(`sockets whose binary frames are such: ${binary}`, async () => {
    const { clock, server, view } = await connected({ binary });
    await clock.advance(10000);
    assert.equal(view.connection.name, "ready");
    assert.equal(server.last.mode, "base64");
  });
}

test("the plugin's own 4005: a frame of a transfer that nobody asked for", async () => {
  const { server } = await connected();
  const bytes = new Uint8Array(33);
  server.last.send(bytes.buffer);
  await settle();
  assert.equal(server.connections[0].closeCode, 4005);
});

test("the port can be changed", async () => {
  const made = world();
  made.storage.setPort(9001);
  made.bridge.connection.connect();
  await settle();
  assert.equal(made.server.last.url, "ws://localhost:9001/");
});
