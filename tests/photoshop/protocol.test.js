"use strict";
/** Bytes, hashes, frames and messages: the vectors of the protocol's page, of RFCs, and what Node computes. */

const assert = require("node:assert/strict");
const crypto = require("node:crypto");
const { test } = require("node:test");
const zlib = require("node:zlib");
const { loadPlugin } = require("./fake/load.js");

const plugin = loadPlugin({});
const { crc32, fromBase64, fromHex, toBase64, toHex, utf8 } = plugin("./bytes.js");
const { hmac, pbkdf2, sha256 } = plugin("./sha256.js");
const { decodeFrame, encodeFrame, probeFrame } = plugin("./frames.js");
const handshake = plugin("./handshake.js");

const LENGTHS = [0, 1, 2, 3, 7, 8, 9, 31, 54, 55, 56, 57, 63, 64, 65, 8191, 8192, 8193, 100000];

for (const length of LENGTHS) {
  test(`${length} bytes: hash, checksum and base64 are Node's`, () => {
    const bytes = new Uint8Array(crypto.randomBytes(length));
    assert.equal(toHex(sha256(bytes)), crypto.createHash("sha256").update(bytes).digest("hex"));
    assert.equal(crc32(bytes), zlib.crc32(bytes));
    assert.equal(crc32(bytes, 12345), zlib.crc32(bytes, 12345));
    assert.equal(toBase64(bytes), Buffer.from(bytes).toString("base64"));
    assert.equal(toHex(fromBase64(toBase64(bytes))), Buffer.from(bytes).toString("hex"));
    assert.equal(toHex(hmac(bytes, bytes)), crypto.createHmac("sha256", bytes).update(bytes).digest("hex"));
  });
}

test("HMAC-SHA256 of RFC 4231, test cases 1, 2 and 6", () => {
  const cases = [
    [new Uint8Array(20).fill(0x0b), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"],
    [utf8("Jefe"), "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"],
    [
      new Uint8Array(131).fill(0xaa),
      "Test Using Larger Than Block-Size Key - Hash Key First",
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ],
  ];
  for (const [key, text, expected] of cases) assert.equal(toHex(hmac(key, utf8(text))), expected);
});

test("PBKDF2 is Node's", () => {
  const salt = new Uint8Array(64).map((_, i) => i);
  assert.equal(
    toHex(pbkdf2("ABCD2345", salt, 50)),
    crypto.pbkdf2Sync("ABCD2345", salt, 50, 32, "sha256").toString("hex"),
  );
});

for (const text of ["", "abc", "ä € 😀", "C:\\Bilder\\Ü.psd"]) {
  test(`UTF-8 of “${text}”`, () => assert.equal(toHex(utf8(text)), Buffer.from(text).toString("hex")));
}

for (const text of ["A", "AAA", "AA=A", "====", "AA==A", "Ä===", "AAA\n"]) {
  test(`not base64: ${JSON.stringify(text)}`, () => assert.equal(fromBase64(text), null));
}

test("the keyed hashes of the protocol's page", () => {
  const nonces = {
    host: `${"00".repeat(31)}01`,
    server: `${"00".repeat(31)}02`,
    install: "0b9c2f5e-5d0f-4c39-9a5e-6f3f7f1f2a10",
  };
  const token = Uint8Array.from({ length: 32 }, (_, i) => i);
  assert.equal(
    handshake.macOf(token, "client", nonces),
    "51101c58454861a0a2ea9ce2cbbd9b4ce362b0b6cd8bdeaecd2b820d28a5da79",
  );
  assert.equal(
    handshake.macOf(token, "server", nonces),
    "0b624d7a83b9ccb673ee2e24def03e58e78bd9439a441b9c16828b5319b269e3",
  );
  const key = handshake.pairingKey("abcd-2345", nonces);
  assert.equal(toHex(key), "e12d446564ac891bdb1e17d7c5f71b1c589a189950b34345d50689e5afb80025");
  assert.equal(
    handshake.macOf(key, "pair", nonces),
    "08de1ee774a8fae999f22fc44871cf71f743b41c032b95c8c368a6590d3f15c1",
  );
  assert.equal(
    handshake.macOf(key, "paired", nonces),
    "e180a3188f3fc6fe33c89c701f5ca730fb6a882148849c2c46df82d375dcb32f",
  );
  const masked = "74174420ef86af3c85dbf3307dfc8be8ffc70fee98d33a964e12ccc078385b24";
  assert.equal(handshake.unmaskToken(key, masked, nonces), toHex(token));
});

test("the frames of the protocol's page", () => {
  const hex = "465842310100000007000000020000001000000018000000080000002c754aac0102030405060708";
  const frame = { type: 1, transfer: 7, seq: 2, offset: 16, total: 24, payload: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) };
  assert.equal(toHex(encodeFrame(frame)), hex);
  assert.deepEqual({ ...decodeFrame(fromHex(hex)) }, frame);
  assert.equal(toBase64(fromHex(hex)), "RlhCMQEAAAAHAAAAAgAAABAAAAAYAAAACAAAACx1SqwBAgMEBQYHCA==");
  const probe = probeFrame(65536);
  assert.equal(toHex(probe.subarray(32, 40)), "0726456483a2c1e0");
  assert.equal(new DataView(probe.buffer).getUint32(28, true), 0x4b041ea0);
});

test("every bit of a frame that is turned is noticed", () => {
  const payload = Uint8Array.of(9, 8, 7);
  const good = encodeFrame({ type: 1, transfer: 1, seq: 0, offset: 0, total: 3, payload });
  for (let bit = 0; bit < good.length * 8; bit += 1) {
    const bad = good.slice();
    bad[bit >> 3] ^= 1 << (bit & 7);
    assert.equal(typeof decodeFrame(bad), "string", `bit ${bit}`);
  }
  for (let length = 0; length < good.length; length += 1) {
    assert.equal(typeof decodeFrame(good.subarray(0, length)), "string");
  }
});

// 0, 1, I and O are no letters of a code
for (const [typed, code] of [
  ["abcd-2345", "ABCD2345"],
  [" AB CD 23 45 ", "ABCD2345"],
  ["O0I1LABC", "LABC"],
  ["", ""],
]) {
  test(`the code “${typed}”`, () => {
    assert.equal(handshake.cleanCode(typed), code);
    assert.equal(handshake.isCode(typed), code.length === 8);
  });
}

/** A channel to rpc.js, with what it sent and what it complained of. */
function startRpc(requests = {}, notifications = {}) {
  const sent = [];
  const faults = [];
  const wire = { send: (text) => sent.push(JSON.parse(text)), onFault: (reason) => faults.push(reason) };
  return { sent, faults, rpc: plugin("./rpc.js").createRpc(wire, requests, notifications) };
}

for (const text of [
  "",
  "{",
  "[]",
  "null",
  "7",
  '{"jsonrpc":"1.0","method":"a","params":{}}',
  '{"jsonrpc":"2.0","method":"a","params":[]}',
  '{"jsonrpc":"2.0","method":7,"params":{}}',
  '{"jsonrpc":"2.0","id":1}',
  '{"jsonrpc":"2.0","id":1,"result":{},"error":{}}',
  '{"jsonrpc":"2.0","id":"1","result":{}}',
]) {
  test(`not a message: ${text}`, () => {
    const { rpc, faults } = startRpc();
    rpc.receive(text);
    assert.equal(faults.length, 1);
  });
}

test("a replayed request is not carried out", async () => {
  let runs = 0;
  const { rpc, faults } = startRpc({ count: async () => ({ runs: (runs += 1) }) });
  for (const id of [3, 3, 2]) rpc.receive(JSON.stringify({ jsonrpc: "2.0", id, method: "count", params: {} }));
  await null;
  assert.equal(runs, 1);
  assert.equal(faults.length, 2);
});

test("errors carry kind, code and advice", async () => {
  const { rpc, sent } = startRpc({
    fail: async () => {
      throw new Error("Photoshop says no");
    },
  });
  rpc.receive('{"jsonrpc":"2.0","id":1,"method":"fail","params":{}}');
  rpc.receive('{"jsonrpc":"2.0","id":2,"method":"nothing","params":{}}');
  await new Promise((resolve) => setImmediate(resolve));
  const [failed, unknown] = [1, 2].map((id) => sent.find((each) => each.id === id).error);
  assert.deepEqual([failed.code, failed.data.kind], [-32000, "host_error"]);
  assert.match(failed.message, /Photoshop says no/);
  assert.equal(unknown.code, -32601);
});

test("at most eight requests are unanswered; a close fails them all", async () => {
  const { rpc, sent } = startRpc();
  const all = Array.from({ length: 12 }, (_, i) => rpc.request("work", { i }).catch((error) => error.kind));
  assert.equal(sent.length, 8);
  rpc.receive('{"jsonrpc":"2.0","id":1,"result":{}}');
  assert.equal(sent.length, 9);
  const { BridgeError } = plugin("./errors.js");
  rpc.close(new BridgeError("transfer_failed", "gone"));
  assert.deepEqual(new Set((await Promise.all(all)).slice(1)), new Set(["transfer_failed"]));
});
