"use strict";
/** The panel as a person uses it, the plugin's start, and the self-test. */

const assert = require("node:assert/strict");
const { afterEach, test } = require("node:test");
const { TestClock, settle } = require("./fake/clock.js");
const { createDocument } = require("./fake/html.js");
const { loadPlugin } = require("./fake/load.js");
const { createPhotoshop } = require("./fake/photoshop.js");
const { makeResult, paint8 } = require("./fake/pictures.js");
const { Server } = require("./fake/server.js");
const { createSocketClass } = require("./fake/socket.js");
const { createUxp } = require("./fake/uxp.js");

const AREA = { left: 23, top: 11, right: 90, bottom: 64 };
const started = [];

/** The whole plugin, by its main.js, as Photoshop starts it. */
async function start(options = {}) {
  const { control, photoshop } = createPhotoshop(options);
  const server = options.server || new Server();
  const environment = createUxp(control);
  const page = createDocument(control);
  const clock = new TestClock();
  const WebSocket = createSocketClass(control, (url, events) => server.dial(url, events), options);
  const globals = { ...environment.globals, WebSocket, document: page.document };
  globals.setTimeout = (run, ms) => clock.setTimeout(run, ms);
  globals.clearTimeout = (timer) => clock.clearTimeout(timer);
  if (options.paired !== false) {
    environment.local.set("expressedit.install", "0b9c2f5e-5d0f-4c39-9a5e-6f3f7f1f2a10");
    environment.local.set("expressedit.token", "07".repeat(32));
    server.tokens.set("0b9c2f5e-5d0f-4c39-9a5e-6f3f7f1f2a10", Buffer.alloc(32, 7));
  }
  const document =
    options.picture === null ? null : control.open({ width: 131, height: 97, paint: paint8, title: "hero.psd" });
  loadPlugin({ photoshop, uxp: environment.uxp }, globals)("./main.js");
  const [entries] = environment.setups;
  entries.plugin.create();
  await settle();
  const made = { clock, control, document, entries, page, server, find: page.find };
  started.push(made);
  return made;
}

afterEach(() => {
  for (const { control, server, entries } of started.splice(0)) {
    entries.plugin.destroy();
    assert.deepEqual(control.violations, []);
    assert.deepEqual(server.faults, []);
    assert.equal(control.liveImages, 0);
  }
});

const select = (document) => {
  document.selection = { rect: { left: 10, top: 8, right: 60, bottom: 50 }, data: new Uint8Array(2100).fill(255) };
};

const buttonIn = (element, text) => element.all().find((each) => each.tag === "button" && each.text.startsWith(text));

test("it connects at the start, without the panel being shown", async () => {
  const { entries, find, server } = await start();
  assert.deepEqual(Object.keys(entries.panels), ["expressedit"]);
  assert.ok(server.last.isReady);
  assert.match(find("state").textContent, /Connected to test server/);
  assert.equal(find("lamp").attributes.class, "lamp ready");
  assert.equal(find("pairing").isShown, false);
  assert.equal(find("connect").isShown, false);
});

test("it ends its connection with the plugin", async () => {
  const { entries, server, clock } = await start();
  entries.plugin.destroy();
  await settle();
  await clock.advance(60000);
  assert.equal(server.connections.length, 1);
  assert.equal(server.last.isOpen, false);
});

test("pairing in the panel", async () => {
  const { find, server } = await start({ paired: false });
  assert.equal(find("pairing").isShown, true);
  find("code").type("abc");
  find("pair").fire("click");
  assert.match(find("state").textContent, /8 letters/);
  server.code = "ABCD2345";
  find("code").type("abcd-2345");
  find("pair").fire("click");
  await settle();
  assert.equal(find("lamp").attributes.class, "lamp ready");
  assert.equal(find("pairing").isShown, false);
});

test("another port", async () => {
  const { find, server } = await start({ paired: false });
  for (const wrong of ["", "abc", "0", "70000", "80.5"]) {
    find("port").type(wrong);
    find("set-port").fire("click");
    assert.match(find("state-advice").textContent, /1 to 65535/, wrong);
  }
  find("port").type("9001");
  find("set-port").fire("click");
  await settle();
  assert.equal(server.last.url, "ws://localhost:9001/");
});

test("an edit by words, its progress, its end", async () => {
  const { find, document, server, clock } = await start();
  let asked = null;
  server.answers["job.start"] = (params) => {
    asked = params;
    return { job: "job_1" };
  };
  find("generate").fire("click");
  assert.match(find("job").textContent, /No expression/);
  find("words").type(" a shy smile ");
  find("generate").fire("click");
  await settle();
  assert.match(find("job").textContent, /Nothing is selected/);
  assert.match(find("job-advice").textContent, /selection tool/);
  select(document);
  await clock.advance(1000);
  assert.match(find("document").textContent, /hero.psd: a selection/);
  find("generate").fire("click");
  await settle();
  assert.deepEqual(asked, { doc: document.id, prompt: "a shy smile" });
  find("generate").fire("click");
  assert.match(find("job").textContent, /is running/);
  server.last.notify("job.progress", { job: "job_1", value: 0.4, text: "Step 2 of 5" });
  await settle();
  assert.deepEqual(
    [find("progress").value, find("progress").isShown, find("job").textContent],
    [40, true, "Step 2 of 5"],
  );
  server.last.notify("job.done", {
    job: "job_1",
    status: "done",
    results: ["r"],
    warnings: ["Small face."],
    error: null,
  });
  await settle();
  assert.equal(find("job").textContent, "Done. Small face.");
  assert.equal(find("progress").isShown, false);
});

test("an edit that ends before its start is answered, and one that an assistant started", async () => {
  const { find, document, server } = await start();
  select(document);
  find("words").type("wink");
  server.answers["job.start"] = (params, connection) => {
    connection.notify("job.done", { job: "job_1", status: "done", results: [], warnings: [], error: null });
    return { job: "job_1" };
  };
  find("generate").fire("click");
  await settle();
  assert.deepEqual([find("job").textContent, find("progress").isShown], ["Done.", false]);
  server.last.notify("job.progress", { job: "job_9", value: 0.4, text: "An assistant edits" });
  await settle();
  assert.deepEqual([find("job").textContent, find("progress").isShown], ["An assistant edits", false]);
});

test("cancelling an edit", async () => {
  const { find, document, server } = await start();
  find("cancel").fire("click");
  assert.match(find("job").textContent, /No edit is running/);
  const cancelled = [];
  server.answers["job.start"] = () => ({ job: "job_1" });
  server.answers["job.cancel"] = (params) => cancelled.push(params.job) && { known: true };
  select(document);
  find("words").type("wink");
  find("generate").fire("click");
  await settle();
  find("cancel").fire("click");
  await settle();
  assert.deepEqual(cancelled, ["job_1"]);
  server.last.notify("job.done", { job: "job_1", status: "cancelled", results: [], warnings: [], error: null });
  await settle();
  assert.match(find("job").textContent, /Cancelled/);
});

test("an edit that fails, is refused, or loses its connection says what to do", async () => {
  const { find, document, server } = await start();
  select(document);
  find("words").type("wink");
  server.answers["job.start"] = () => ({
    error: { kind: "job_running", message: "An edit is running.", advice: "Wait for it." },
  });
  find("generate").fire("click");
  await settle();
  assert.deepEqual([find("job").textContent, find("job-advice").textContent], ["An edit is running.", "Wait for it."]);
  server.answers["job.start"] = () => ({ job: "job_2" });
  find("generate").fire("click");
  await settle();
  const error = { kind: "job_failed", message: "No face was found.", advice: "Select a face." };
  server.last.notify("job.done", { job: "job_2", status: "failed", results: [], warnings: [], error });
  await settle();
  assert.deepEqual([find("job").textContent, find("job-advice").textContent], ["No face was found.", "Select a face."]);
  server.answers["job.start"] = () => ({ job: "job_3" });
  find("generate").fire("click");
  await settle();
  server.last.kill();
  await settle();
  assert.match(find("job").textContent, /connection was lost/);
  find("generate").fire("click");
  await settle();
  assert.match(find("job").textContent, /no connection/);
});

test("suggested tags: searched when typing rests, chosen, taken back", async () => {
  const { find, document, server, clock } = await start();
  const queries = [];
  server.answers.search = ({ query, limit }) => {
    queries.push(query);
    const hit = (tag) => ({ tag, prompt_form: tag, definition: `means ${tag}`, score: 1, advice: "" });
    return { hits: ["smile", "smirk"].slice(0, limit).map(hit), no_expression: false };
  };
  for (const text of ["s", "sm", "smi"]) find("words").type(text);
  await clock.advance(300);
  assert.deepEqual(queries, ["smi"]);
  assert.equal(find("hits").children.length, 2);
  buttonIn(find("hits"), "smile").fire("click");
  buttonIn(find("hits"), "smirk").fire("click");
  buttonIn(find("chosen"), "smile").fire("click");
  let asked = null;
  server.answers["job.start"] = (params) => (asked = params) && { job: "job_1" };
  select(document);
  find("strength").type("60");
  find("control").type("25");
  assert.equal(find("strength-value").textContent, "60 %");
  find("generate").fire("click");
  await settle();
  assert.deepEqual(asked, { doc: document.id, tags: ["smirk"], strength: 0.6, control_end: 0.25 });
  find("automatic").fire("click");
  assert.equal(find("control-value").textContent, "automatic");
});

test("waiting results: place and discard", async () => {
  const { find, document, server } = await start();
  server.put(makeResult(AREA, { id: "a", name: "Smile" }), { document: null });
  server.put(makeResult(AREA, { id: "b", name: "Frown" }), { document: null });
  await settle();
  const rows = find("waiting").children;
  assert.deepEqual(
    rows.map((row) => row.children[0].text),
    ["Smile", "Frown"],
  );
  buttonIn(rows[1], "Discard").fire("click");
  await settle();
  buttonIn(find("waiting").children[0], "Place").fire("click");
  await settle(300);
  assert.deepEqual(
    server.acks.map((each) => [each.result, each.status]),
    [
      ["b", "discarded"],
      ["a", "placed"],
    ],
  );
  assert.equal(document.layers[0].name, "Expressions");
  assert.equal(find("waiting").children.length, 0);
  assert.equal(find("results").isShown, false);
});

test("a waiting result without a connection says so", async () => {
  const { find, server } = await start();
  server.put(makeResult(AREA, { id: "a" }), { document: null });
  await settle();
  server.last.close(4000, "");
  await settle();
  for (const button of ["Place", "Discard"]) {
    find("waiting").children[0].children[1].text = "";
    buttonIn(find("waiting").children[0], button).fire("click");
    await settle();
    assert.match(find("waiting").textContent, /no connection/);
  }
});

test("every control has words for screen readers", async () => {
  const { page } = await start();
  for (const element of page.root.all()) {
    if (element.tag === "input") {
      const label = page.root.all().find((each) => each.tag === "label" && each.children.includes(element));
      assert.ok(label && label.textContent.trim(), `input ${element.attributes.id} stands in no label`);
    }
    if (element.tag === "button") assert.ok(element.textContent.trim());
    if (["progress", "textarea", "section"].includes(element.tag)) assert.ok(element.attributes["aria-label"]);
  }
});

test("the self-test passes on a Photoshop as documented, and leaves nothing", async () => {
  const { find, control, document, server } = await start();
  let report = null;
  server.answers.selftest = (params) => (report = params.report) && { name: "selftest-1.json" };
  find("selftest").fire("click");
  for (let i = 0; i < 200 && !report; i += 1) await settle(50);
  await settle();
  assert.deepEqual(
    report.steps.filter((each) => !each.ok),
    [],
  );
  assert.ok(report.steps.length >= 18, `${report.steps.length} steps`);
  assert.deepEqual(control.documents, [document]);
  assert.equal(document.history.length, 1);
  assert.match(find("selftest-text").textContent, /steps passed. The server keeps it as selftest-1.json/);
  assert.equal(JSON.parse(find("selftest-report").value).steps.length, report.steps.length);
  assert.doesNotMatch(JSON.stringify(report), /hero/);
});

test("the self-test names what fails", async () => {
  const { find, clock } = await start({ masks: "fails-everywhere", bareReads: false, paired: false });
  find("selftest").fire("click");
  for (let i = 0; i < 200 && !find("selftest-report").value; i += 1) {
    await settle(50);
    await clock.advance(10);
  }
  const { steps } = JSON.parse(find("selftest-report").value);
  assert.equal(steps[0].detail, "not connected");
  assert.match(steps.find((each) => each.name.includes("without a modal scope")).detail, /refused/);
  assert.match(steps.find((each) => each.name.includes("placing")).detail, /baked/);
});
