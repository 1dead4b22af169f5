"use strict";
/** Results over a connection: each placed once, bit by bit, whatever breaks and whenever. */

const assert = require("node:assert/strict");
const { afterEach, test } = require("node:test");
const { settle } = require("./fake/clock.js");
const { expectedPixels, makeResult, paint8 } = require("./fake/pictures.js");
const { SESSION, createWorld, referenceTo } = require("./fake/world.js");

const AREA = { left: 23, top: 11, right: 90, bottom: 64 };
const OTHER_SESSION = "22222222-2222-4222-8222-222222222222";
const worlds = [];

async function connected(options = {}) {
  const made = createWorld(options);
  worlds.push(made);
  made.before = made.document && made.document.pixels();
  made.bridge.connection.connect();
  await settle();
  await made.clock.advance(options.binary ? 10000 : 0);
  return made;
}

afterEach(() => {
  for (const { control, server } of worlds.splice(0)) {
    assert.deepEqual(control.violations, []);
    assert.deepEqual(server.faults, []);
    assert.equal(control.liveImages, 0);
  }
});

const layersOf = (document) => document.flat().filter((each) => /· [0-9a-f]{6}$/.test(each.layer.name));

function assertPlacedOnce(made, result, document = made.document) {
  assert.equal(layersOf(document).length, 1);
  assert.equal(Buffer.compare(Buffer.from(layersOf(document)[0].layer.raster.data), Buffer.from(result.rgba)), 0);
  const [after, expected] = [document.pixels(), expectedPixels(document, made.before, result)];
  assert.equal(Buffer.compare(Buffer.from(after), Buffer.from(expected)), 0);
}

test("a result for the open document is placed by itself and acknowledged", async () => {
  const made = await connected();
  const result = makeResult(AREA);
  made.server.put(result, referenceTo(made));
  await settle(200);
  assertPlacedOnce(made, result);
  const [{ layer, ...ack }] = made.server.acks;
  assert.equal(layer, layersOf(made.document)[0].layer.id);
  assert.deepEqual(ack, {
    result: "result-1",
    status: "placed",
    doc: made.document.id,
    mask: "user",
    verified: true,
    history: "Expression: Smile",
  });
  assert.deepEqual([...made.view.waiting], []);
});

test("what waited before the connection is placed, in its order", async () => {
  const made = createWorld();
  worlds.push(made);
  for (const [seq, name] of [
    [3, "third"],
    [1, "first"],
    [2, "second"],
  ]) {
    made.server.put(makeResult(AREA, { id: name, name }), { ...referenceTo(made), seq });
  }
  made.bridge.connection.connect();
  await settle(600);
  assert.deepEqual(
    made.server.acks.map((each) => each.result),
    ["first", "second", "third"],
  );
  assert.deepEqual(
    made.document.layers[0].children.map((each) => each.name.split(" ")[0]),
    ["third", "second", "first"],
  );
});

for (const [title, changes, auto] of [
  ["the same document, Photoshop still running", {}, true],
  ["the same file in a later session", { session: OTHER_SESSION, doc: 4 }, true],
  ["another document, Photoshop still running", { doc: 4, file: null }, false],
  ["the same number in another session", { session: OTHER_SESSION, file: null }, false],
  ["the document after a change of size", { fingerprint: "1x1|rgb|8|-" }, false],
]) {
  test(`made for ${title}: ${auto ? "placed" : "waits for a click"}`, async () => {
    const made = await connected();
    const result = makeResult(AREA);
    made.server.put(result, referenceTo(made, changes));
    await settle(200);
    assert.equal(made.server.acks.length, auto ? 1 : 0);
    if (auto) return;
    assert.equal(made.view.waiting[0].name, "Smile");
    await made.bridge.delivery.placeNow("result-1");
    assertPlacedOnce(made, result);
    assert.equal(made.server.acks[0].status, "placed");
  });
}

test("no document known, not asked to go by itself, or two that match: a click decides", async () => {
  const made = await connected();
  const twin = made.control.open({ width: 131, height: 97, paint: paint8, path: "/pictures/a.psd" });
  made.server.put(makeResult(AREA, { id: "a" }), { document: null });
  made.server.put(makeResult(AREA, { id: "b" }), { ...referenceTo(made), auto: false });
  made.server.put(makeResult(AREA, { id: "c" }), referenceTo(made, { session: OTHER_SESSION }));
  await settle(200);
  assert.equal(made.server.acks.length, 0);
  assert.equal([...made.view.waiting].map((each) => each.result).join(" "), "a b c");
  await made.bridge.delivery.placeNow("a");
  assert.equal(layersOf(twin).length, 1, "the active document takes what belongs nowhere");
});

test("it is placed when its document is opened", async () => {
  const made = await connected({ picture: null });
  const file = require("node:crypto").createHash("sha256").update("/pictures/a.psd").digest("hex");
  const fingerprint = "131x97|rgb|8|sRGB IEC61966-2.1";
  const result = makeResult(AREA);
  made.server.put(result, { document: { session: null, doc: null, file, fingerprint, name: "a.psd" } });
  await settle(200);
  assert.match(made.view.waiting[0].text, /document to be opened/);
  made.document = made.control.open({ width: 131, height: 97, paint: paint8, path: "/pictures/a.psd" });
  made.before = made.document.pixels();
  made.bridge.start();
  await made.clock.advance(1000);
  await settle(200);
  assertPlacedOnce(made, result);
});

test("a click without an open document says so", async () => {
  const made = await connected({ picture: null });
  made.server.put(makeResult(AREA), { document: null });
  await settle();
  await made.bridge.delivery.placeNow("result-1");
  assert.match(made.view.waiting[0].text, /No document is open/);
});

for (const binary of ["works", "throws"]) {
  test(`sweep: the connection breaks at every message, either way, ${binary}: placed once, bit by bit`, async () => {
    const run = async (breakAt) => {
      const made = await connected({ binary });
      made.server.messages = 0;
      made.server.breakAt = breakAt;
      const result = makeResult({ left: 40, top: 30, right: 62, bottom: 52 });
      made.server.put(result, referenceTo(made));
      for (let i = 0; i < 40 && made.server.acks.length === 0; i += 1) await made.clock.advance(1000);
      await made.clock.advance(20000);
      assertPlacedOnce(made, result);
      assert.equal(made.document.history.length, 2);
      assert.equal(made.server.pending().length, 0);
      return made.server.messages;
    };
    const total = await run(() => false);
    assert.ok(total > 15, `${total} messages`);
    for (let at = 1; at <= total; at += 1) await run((count) => count === at);
  });
}

test("a lost acknowledgement is sent again, without a second layer", async () => {
  const made = await connected();
  made.server.answers["result.ack"] = (params, connection) => void connection.kill();
  made.server.put(makeResult(AREA), referenceTo(made));
  await settle(200);
  delete made.server.answers["result.ack"];
  made.document.goTo(0); // and the user takes the layer back: their wish, so it stays away
  await made.clock.advance(20000);
  assert.equal(made.server.acks.length, 1);
  assert.equal(layersOf(made.document).length, 0);
});

test("Photoshop restarts before the acknowledgement: the saved layer is recognised", async () => {
  const made = await connected();
  made.server.answers["result.ack"] = () => undefined;
  const result = makeResult(AREA);
  made.server.put(result, referenceTo(made));
  await settle(200);
  delete made.server.answers["result.ack"];
  const next = createWorld({ ...made.quit(), session: OTHER_SESSION, picture: null });
  worlds.push(next);
  next.document = next.control.open({ width: 131, height: 97, paint: paint8, path: "/pictures/a.psd" });
  next.document.layers = made.document.snapshot().layers;
  next.before = made.before;
  next.bridge.connection.connect();
  await settle(300);
  assertPlacedOnce(next, result);
  assert.equal(next.server.acks.length, 1);
});

test("Photoshop crashes before the layer is saved: nothing is lost, a click places it", async () => {
  const made = await connected();
  made.server.answers["result.ack"] = () => undefined;
  const result = makeResult(AREA);
  made.server.put(result, referenceTo(made));
  await settle(200);
  delete made.server.answers["result.ack"];
  const next = createWorld({ ...made.quit(), session: OTHER_SESSION });
  worlds.push(next);
  next.before = next.document.pixels();
  next.bridge.connection.connect();
  await settle(300);
  assert.equal(next.server.acks.length, 0);
  assert.match(next.view.waiting[0].text, /restarted/);
  await next.bridge.delivery.placeNow("result-1");
  assertPlacedOnce(next, result);
});

test("what the server lists no more is forgotten", async () => {
  const made = await connected();
  made.server.put(makeResult(AREA), referenceTo(made));
  await settle(200);
  assert.notEqual(made.storage.placed("result-1"), null);
  made.bridge.connection.connect();
  await settle();
  assert.equal(made.storage.placed("result-1"), null);
});

test("fetched by another host: a click is needed, and forces it", async () => {
  const made = await connected();
  const fetches = [];
  made.server.answers["result.fetch"] = function (params, connection) {
    fetches.push(params);
    if (!params.force) return { error: { kind: "taken", message: "Krita fetched it.", advice: "Place it here too?" } };
    return connection["on result.fetch"](params);
  };
  const result = makeResult(AREA);
  made.server.put(result, referenceTo(made));
  await settle(200);
  assert.match(made.view.waiting[0].text, /Krita fetched it/);
  assert.equal(fetches.length, 1);
  await made.bridge.delivery.placeNow("result-1");
  assertPlacedOnce(made, result);
});

test("a busy Photoshop is asked again until it is free", async () => {
  const made = await connected();
  made.control.modalHolder = "com.example.other";
  const result = makeResult(AREA);
  made.server.put(result, referenceTo(made));
  await made.clock.advance(8000);
  assert.equal(made.server.acks.length, 0);
  made.control.modalHolder = null;
  await made.clock.advance(3000);
  await settle(200);
  assertPlacedOnce(made, result);
});

test("a Photoshop that stays busy: the server is told, the result waits", async () => {
  const made = await connected();
  made.control.modalHolder = "com.example.other";
  made.server.put(makeResult(AREA), referenceTo(made));
  await made.clock.advance(40000);
  await made.clock.advance(40000);
  assert.equal(made.server.acks[0].status, "failed");
  assert.equal(made.server.acks[0].error.kind, "host_busy");
  assert.match(made.view.waiting[0].text, /busy/);
  assert.equal(made.document.history.length, 1);
});

test("Escape while placing: told as failed, not tried again by itself", async () => {
  const made = await connected();
  made.control.onCall = (api) => api === "putPixels" && made.control.cancel();
  made.server.put(makeResult(AREA), referenceTo(made));
  await settle(200);
  made.control.onCall = () => {};
  await made.clock.advance(20000);
  assert.deepEqual(
    made.server.acks.map((each) => [each.status, each.error.kind]),
    [["failed", "cancelled_by_user"]],
  );
  assert.equal(made.document.history.length, 1);
  await made.bridge.delivery.placeNow("result-1");
  assert.equal(layersOf(made.document).length, 1);
});

test("a document of another kind: told why, once", async () => {
  const made = await connected({ picture: { mode: "labColorMode" } });
  made.server.put(makeResult(AREA), referenceTo(made));
  await settle(200);
  await made.clock.advance(20000);
  assert.equal(made.server.acks.length, 1);
  assert.equal(made.server.acks[0].error.kind, "unsupported_document");
  assert.match(made.server.acks[0].error.advice, /Image > Mode/);
});

test("discarding", async () => {
  const made = await connected();
  made.server.put(makeResult(AREA), { document: null });
  await settle();
  await made.bridge.delivery.discard("result-1");
  await settle();
  assert.equal(made.server.acks[0].status, "discarded");
  assert.deepEqual([...made.view.waiting], []);
});

test("clicks while a result is being placed: placed once, and not thrown away", async () => {
  const made = await connected();
  const result = makeResult(AREA);
  made.server.put(result, { document: null });
  await settle();
  const { delivery } = made.bridge;
  await Promise.all([delivery.placeNow("result-1"), delivery.placeNow("result-1"), delivery.discard("result-1")]);
  assertPlacedOnce(made, result);
  assert.deepEqual(
    made.server.acks.map((each) => each.status),
    ["placed"],
  );
});

for (const [title, begin] of [
  ["of more bytes than its size", { bytes: 5 }],
  ["of too many pixels", { kind: "mask", width: 8193, height: 8193, components: 1, bytes: 67125249 }],
  ["for another result", { for: "result-9" }],
  ["of another kind", { kind: "selection" }],
  ["with a used id", { transfer: 0 }],
]) {
  test(`a transfer ${title} is refused before memory is taken`, async () => {
    const made = await connected();
    const transfers = made.bridge.link.transfers;
    transfers.expect("result-1");
    const size = {
      transfer: 1,
      for: "result-1",
      kind: "pixels",
      width: 1,
      height: 1,
      components: 4,
      depth: 8,
      bytes: 4,
    };
    await assert.rejects(made.server.last.request("xfer.begin", { ...size, ...begin }));
    assert.equal(transfers.arriving.size, 0);
  });
}

test("planes that nobody takes: two at most, an id once, and a new fetch lets them go", async () => {
  const made = await connected();
  const { transfers } = made.bridge.link;
  const plane = { for: "result-1", kind: "mask", width: 5, height: 1, components: 1, depth: 8, bytes: 5 };
  const begin = (transfer) => made.server.last.request("xfer.begin", { transfer, ...plane });
  const send = (transfer) => made.server.last.sendFrame({ transfer, seq: 0, offset: 0, total: 5 }, Buffer.alloc(5));
  transfers.expect("result-1");
  for (const transfer of [1, 2]) {
    await begin(transfer);
    send(transfer);
    await settle();
  }
  assert.equal(transfers.arrived.size, 2);
  await assert.rejects(begin(3), /too many/);
  transfers.expect("result-1");
  await assert.rejects(begin(2), /not new/);
  await begin(3);
  const result = makeResult(AREA, { id: "result-1" });
  made.server.last.nextTransfer = 4;
  transfers.onAbort({ transfer: 3, reason: "test" });
  made.server.put(result, referenceTo(made));
  await settle(200);
  assertPlacedOnce(made, result);
  assert.deepEqual([transfers.arrived.size, transfers.arriving.size, transfers.expected], [0, 0, null]);
});

// ----- reading for the server

const selected = { rect: { left: 10, top: 8, right: 60, bottom: 50 }, data: new Uint8Array(2100).fill(200) };

for (const binary of ["works", "throws"]) {
  test(`doc.read carries pixels and selection, at most four frames ahead, ${binary}`, async () => {
    const made = await connected({ binary });
    made.document.selection = selected;
    const params = {
      capture: "c1",
      doc: "active",
      rect: "selection",
      pad_px: 3,
      layer: "composite",
      want: ["pixels", "selection"],
    };
    const answer = await made.server.last.request("doc.read", params);
    assert.deepEqual([...answer.rect], [7, 5, 63, 53]);
    const pixels = made.server.last.received.get(answer.pixels);
    assert.deepEqual([pixels.for, pixels.kind, pixels.components, pixels.profile], ["c1", "pixels", 3, "sRGB"]);
    for (let i = 0; i < pixels.data.length; i += 1) {
      const at = Math.floor(i / 3);
      assert.equal(pixels.data[i], paint8(7 + (at % 56), 5 + Math.floor(at / 56))[i % 3]);
    }
    const selection = made.server.last.received.get(answer.selection);
    assert.equal(selection.data[(8 - 5) * 56 + (10 - 7)], 200);
    assert.equal(selection.data[0], 0);
    assert.equal(answer.active_layer, made.document.layers[0].id);
    assert.equal(answer.document.doc, made.document.id);
    assert.ok(made.server.last.mostUnacked <= 4, `${made.server.last.mostUnacked} frames were unacknowledged`);
  });
}

for (const [kind, params] of [
  ["no_selection", { rect: "selection" }],
  ["region_out_of_bounds", { rect: [500, 500, 510, 510] }],
  ["bad_request", { rect: "everything" }],
  ["bad_request", { want: [] }],
  ["bad_request", { doc: "first" }],
  ["bad_request", { pad_px: -1 }],
  ["document_closed", { doc: 12345 }],
]) {
  test(`doc.read refused: ${kind} ${JSON.stringify(params)}`, async () => {
    const made = await connected();
    const whole = {
      capture: "c",
      doc: "active",
      rect: "canvas",
      pad_px: 0,
      layer: "composite",
      want: ["pixels"],
      ...params,
    };
    await assert.rejects(made.server.last.request("doc.read", whole), { kind });
  });
}

test("a cancelled reading stops", async () => {
  const made = await connected();
  const params = { capture: "c", doc: "active", rect: "canvas", pad_px: 0, layer: "composite", want: ["pixels"] };
  const reading = made.server.last.request("doc.read", params);
  made.server.last.notify("cancel", { id: made.server.last.nextId - 1 });
  await assert.rejects(reading, { kind: "cancelled_by_user" });
});

for (const binary of ["works", "throws"]) {
  test(`sweep: a connection that breaks while a document is read: the next reading is whole, ${binary}`, async () => {
    const params = {
      capture: "c",
      doc: "active",
      rect: [0, 0, 60, 40],
      pad_px: 0,
      layer: "composite",
      want: ["pixels"],
    };
    const run = async (breakAt) => {
      const made = await connected({ binary });
      made.server.messages = 0;
      made.server.breakAt = breakAt;
      made.server.last.request("doc.read", params).catch(() => {});
      await made.clock.advance(20000);
      const { messages } = made.server;
      made.server.breakAt = () => false;
      await made.clock.advance(20000); // the last message may have been the one that broke
      const answer = await made.server.last.request("doc.read", params);
      assert.equal(made.server.last.received.get(answer.pixels).got, 60 * 40 * 3);
      return messages;
    };
    const total = await run(() => false);
    assert.ok(total > 10, `${total} messages`);
    for (let at = 1; at <= total; at += 1) await run((count) => count === at);
  });
}

test("doc.list and doc.info", async () => {
  const made = await connected();
  made.document.selection = selected;
  const { documents } = await made.server.last.request("doc.list", {});
  assert.deepEqual(
    documents.map((each) => [each.doc, each.active, each.selection]),
    [[made.document.id, true, [10, 8, 60, 50]]],
  );
  const { document } = await made.server.last.request("doc.info", { doc: made.document.id });
  assert.deepEqual(document, documents[0]);
});

test("events tell of selections and documents, from Photoshop or from the look each second", async () => {
  const made = await connected();
  made.bridge.start();
  await settle();
  made.document.selection = selected;
  await made.clock.advance(1000);
  assert.deepEqual(
    [made.server.last.lastEvent.reason, made.server.last.lastEvent.documents[0].selection],
    ["poll", [10, 8, 60, 50]],
  );
  const other = made.control.open({ width: 9, height: 9, paint: paint8 });
  made.control.notify("open", {});
  made.control.notify("make", {});
  await made.clock.advance(300);
  assert.deepEqual([made.server.last.lastEvent.reason, made.server.last.lastEvent.documents.length], ["open", 2]);
  made.control.close(other.id);
  const before = made.server.log.length;
  for (const name of ["close", "select", "close", "set"]) made.control.notify(name, {});
  await made.clock.advance(300);
  assert.equal(made.server.log.slice(before).filter((each) => each === "event").length, 1, "nothing new is not told");
});
