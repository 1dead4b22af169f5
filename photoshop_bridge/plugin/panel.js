"use strict";
/**
 * The panel: shows the bridge's view in the elements of index.html and tells the bridge what was clicked. Buttons are
 * never disabled: a control that was is not reached by the Tab key any more (uxp-api/known-issues.md); a click that
 * cannot be followed says why.
 */

const TYPING_MS = 300;
const MAX_PORT = 65535;

/**
 * @typedef {object} Elements by id
 * @typedef {object} Parts
 * @property {any} document
 * @property {import("./bridge.js").Bridge} bridge
 * @property {ReturnType<typeof import("./storage.js").createStorage>} storage
 * @property {import("./clock.js").Clock} clock
 * @property {(onStep: (text: string) => void) => Promise<object>} runSelftest
 */

class Panel {
  /** @param {Parts} parts */
  constructor(parts) {
    this.parts = parts;
    /** Tags that an edit will use, in the order chosen. @type {string[]} */
    this.tags = [];
    /** Sliders that were moved; the others are left to the server. @type {{strength?: number, control_end?: number}} */
    this.moved = {};
    this.typing = /** @type {any} */ (null);
    this.searched = 0;
    this.isTesting = false;
    this.element("port").value = String(parts.storage.port());
    this.listen();
  }

  /** @param {string} id @returns {any} */
  element(id) {
    return this.parts.document.getElementById(id);
  }

  listen() {
    const { bridge } = this.parts;
    this.onClick("connect", () => bridge.connection.connect());
    this.onClick("pair", () => bridge.connection.pair(this.element("code").value));
    this.onClick("set-port", () => this.usePort(this.element("port").value));
    this.onClick("generate", () => this.generate());
    this.onClick("cancel", () => bridge.cancel());
    this.onClick("automatic", () => this.resetSliders());
    this.onClick("selftest", () => this.selftest());
    this.element("words").addEventListener("input", () => this.typed());
    this.element("strength").addEventListener("input", () => this.slid("strength", "strength"));
    this.element("control").addEventListener("input", () => this.slid("control", "control_end"));
  }

  /** @param {string} id @param {() => any} run */
  onClick(id, run) {
    this.element(id).addEventListener("click", () => run());
  }

  // ----- what the user does

  /** @param {string} typed */
  usePort(typed) {
    const port = Number(typed);
    if (!Number.isInteger(port) || port < 1 || port > MAX_PORT) {
      this.text("state-advice", `A port is a number from 1 to ${MAX_PORT}.`);
      return;
    }
    this.parts.storage.setPort(port);
    this.parts.bridge.connection.connect();
  }

  generate() {
    const words = this.element("words").value.trim();
    if (this.tags.length === 0 && !words) {
      this.text("job", "No expression is given.");
      this.text("job-advice", "Type a tag or a description, such as “a shy smile”.");
      return;
    }
    const wish = this.tags.length > 0 ? { tags: [...this.tags] } : { prompt: words };
    this.parts.bridge.generate({ ...wish, ...this.moved });
  }

  typed() {
    const { clock, bridge } = this.parts;
    clock.clearTimeout(this.typing);
    this.typing = clock.setTimeout(() => {
      const number = (this.searched += 1);
      bridge.search(this.element("words").value).then((hits) => {
        if (number === this.searched) this.showHits(hits); // an older answer may come later
      });
    }, TYPING_MS);
  }

  /** @param {string} id @param {"strength" | "control_end"} name */
  slid(id, name) {
    this.moved = { ...this.moved, [name]: Number(this.element(id).value) / 100 };
    this.text(`${id}-value`, `${this.element(id).value} %`);
  }

  resetSliders() {
    this.moved = {};
    this.text("strength-value", "automatic");
    this.text("control-value", "automatic");
  }

  async selftest() {
    if (this.isTesting) return;
    this.isTesting = true;
    const report = await this.parts.runSelftest((text) => this.text("selftest-text", text));
    this.isTesting = false;
    const area = this.element("selftest-report");
    area.value = JSON.stringify(report, null, 2);
    area.classList.remove("hidden");
  }

  /** @param {string} tag is added, or taken away when it is there */
  toggleTag(tag) {
    this.tags = this.tags.includes(tag) ? this.tags.filter((each) => each !== tag) : [...this.tags, tag];
    const chosen = this.element("chosen");
    clear(chosen);
    for (const each of this.tags)
      chosen.appendChild(this.button(`${each} ×`, `Remove ${each}`, () => this.toggleTag(each)));
  }

  // ----- what is shown

  /** @param {import("./bridge.js").View} view the parts that changed */
  show(view) {
    if (view.connection) this.showConnection(view.connection);
    if (view.waiting) this.showWaiting(view.waiting);
    if (view.job) this.showJob(view.job);
    if (view.document !== undefined) this.showDocument(view.document);
  }

  /** @param {import("./connection.js").State} state */
  showConnection({ name, text, advice }) {
    this.text("state", text);
    this.text("state-advice", advice);
    this.element("lamp").setAttribute("class", `lamp ${name}`);
    this.visible("pairing", name === "pairing");
    this.visible("port-row", name !== "ready");
    this.visible("connect", name !== "ready");
  }

  /** @param {import("./documents.js").DocInfo | null} info */
  showDocument(info) {
    const selected = info && info.selection ? "a selection" : "no selection: select the part to change";
    this.text("document", info ? `${info.name}: ${selected}` : "No document is open.");
  }

  /** @param {{job: string | null, value: number, text: string, advice: string}} job */
  showJob({ job, value, text, advice }) {
    this.text("job", text);
    this.text("job-advice", advice);
    this.visible("progress", job !== null);
    this.element("progress").value = Math.round(value * 100);
  }

  /** @param {any[]} hits */
  showHits(hits) {
    const list = this.element("hits");
    clear(list);
    for (const { tag, definition } of hits) {
      const button = this.button(`${tag}: ${definition}`, `Use the tag ${tag}`, () => this.toggleTag(tag));
      button.setAttribute("class", "hit");
      list.appendChild(button);
    }
  }

  /** @param {import("./delivery.js").Waiting[]} waiting */
  showWaiting(waiting) {
    const list = this.element("waiting");
    clear(list);
    for (const each of waiting) list.appendChild(this.resultRow(each));
    this.visible("results", waiting.length > 0);
  }

  /** @param {import("./delivery.js").Waiting} waiting @returns {any} */
  resultRow({ result, name, document, text }) {
    const { delivery } = this.parts.bridge;
    const row = this.make("div", "result", "");
    row.appendChild(this.make("div", "result-name", document ? `${name} (${document})` : name));
    row.appendChild(this.make("div", "advice", text));
    const place = this.button("Place", `Place ${name}`, () => delivery.placeNow(result));
    const discard = this.button("Discard", `Discard ${name}`, () => delivery.discard(result));
    row.appendChild(place);
    row.appendChild(discard);
    return row;
  }

  /** @param {string} tag @param {string} className @param {string} text @returns {any} */
  make(tag, className, text) {
    const element = this.parts.document.createElement(tag);
    element.setAttribute("class", className);
    element.textContent = text;
    return element;
  }

  /** @param {string} text @param {string} label for screen readers @param {() => any} run @returns {any} */
  button(text, label, run) {
    const element = this.parts.document.createElement("button");
    element.textContent = text;
    element.setAttribute("aria-label", label);
    element.addEventListener("click", () => run());
    return element;
  }

  /** @param {string} id @param {string} text */
  text(id, text) {
    this.element(id).textContent = text;
  }

  /** @param {string} id @param {boolean} isVisible */
  visible(id, isVisible) {
    const { classList } = this.element(id);
    if (isVisible) classList.remove("hidden");
    else classList.add("hidden");
  }
}

/** @param {any} element loses its children */
function clear(element) {
  while (element.firstChild) element.removeChild(element.firstChild);
}

// one by one: only so does tsc take an exported class as a type
exports.Panel = Panel;
