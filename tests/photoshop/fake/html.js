"use strict";
/** The panel's document: index.html as a tree of elements with the members that UXP documents. */

const fs = require("node:fs");
const path = require("node:path");
const { guard } = require("./guard.js");
const { PLUGIN_DIR } = require("./load.js");

const EMPTY_TAGS = ["meta", "link", "input", "!doctype"];

class Element {
  constructor(control, tag, attributes = {}) {
    Object.assign(this, { control, tag, attributes, children: [], listeners: {} });
    this.text = "";
    this.value = attributes.value || "";
    this.view = guard(control, "HTMLElement", this);
    this.classList = guard(control, "ClassList", {
      add: (name) => this.setClasses(new Set([...this.classes(), name])),
      remove: (name) => this.setClasses(new Set(this.classes().filter((each) => each !== name))),
      contains: (name) => this.classes().includes(name),
    });
    owners.set(this.view, this);
  }

  classes() {
    return (this.attributes.class || "").split(" ").filter(Boolean);
  }

  setClasses(names) {
    this.attributes.class = [...names].join(" ");
  }

  get textContent() {
    return this.text + this.children.map((each) => each.textContent).join(" ");
  }

  set textContent(text) {
    this.children = [];
    this.text = String(text);
  }

  get firstChild() {
    return this.children.length > 0 ? this.children[0].view : null;
  }

  appendChild(child) {
    this.children.push(owners.get(child));
    return child;
  }

  removeChild(child) {
    this.children = this.children.filter((each) => each.view !== child);
    return child;
  }

  setAttribute(name, value) {
    this.attributes[name] = String(value);
  }

  getAttribute(name) {
    return name in this.attributes ? this.attributes[name] : null;
  }

  addEventListener(name, run) {
    this.listeners[name] = [...(this.listeners[name] || []), run];
  }

  // ----- what a test does as the user would

  /** @param {string} name */
  fire(name) {
    for (const run of this.listeners[name] || []) run({ type: name });
  }

  /** @param {string} text */
  type(text) {
    this.value = text;
    this.fire("input");
  }

  get isShown() {
    return !this.classes().includes("hidden");
  }

  all() {
    return [this, ...this.children.flatMap((each) => each.all())];
  }
}

/** Element behind each view that the plugin holds. @type {WeakMap<object, Element>} */
const owners = new WeakMap();

/** Reads the plugin's index.html; its markup is plain enough for a list of tags. @param {any} control */
function createDocument(control) {
  const html = fs.readFileSync(path.join(PLUGIN_DIR, "index.html"), "utf8");
  const root = new Element(control, "root");
  const open = [root];
  for (const [, closing, tag, rest, text] of html.matchAll(/<(\/?)([!a-z]+)([^>]*)>([^<]*)/gi)) {
    const parent = open[open.length - 1];
    if (closing) open.pop();
    else {
      const pairs = [...rest.matchAll(/([a-z-]+)="([^"]*)"/g)].map((each) => [each[1], each[2]]);
      const element = new Element(control, tag.toLowerCase(), Object.fromEntries(pairs));
      element.text = text.trim();
      parent.children.push(element);
      if (!EMPTY_TAGS.includes(element.tag)) open.push(element);
    }
  }
  const find = (id) => root.all().find((each) => each.attributes.id === id);
  const document = guard(control, "HTMLDocument", {
    getElementById: (id) => (find(id) ? find(id).view : null),
    createElement: (tag) => new Element(control, tag).view,
  });
  return { document, find, root };
}

module.exports = { createDocument };
