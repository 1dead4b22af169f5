"use strict";
/** Rectangles of integer document pixels, half-open. On the wire they are [left, top, right, bottom]. */

/** @typedef {{readonly left: number, readonly top: number, readonly right: number, readonly bottom: number}} Box */

/** @param {number} left @param {number} top @param {number} right @param {number} bottom @returns {Box} */
function box(left, top, right, bottom) {
  return Object.freeze({ left, top, right, bottom });
}

/** @param {Box} b @returns {number} */
const widthOf = (b) => b.right - b.left;

/** @param {Box} b @returns {number} */
const heightOf = (b) => b.bottom - b.top;

/** @param {Box} b @returns {boolean} */
const isEmpty = (b) => widthOf(b) <= 0 || heightOf(b) <= 0;

/** @param {Box} a @param {Box} b @returns {Box} what both have; may be empty */
function intersect(a, b) {
  return box(
    Math.max(a.left, b.left),
    Math.max(a.top, b.top),
    Math.min(a.right, b.right),
    Math.min(a.bottom, b.bottom),
  );
}

/** @param {Box} a @param {Box} b @returns {Box} the smallest box around both */
function join(a, b) {
  return box(
    Math.min(a.left, b.left),
    Math.min(a.top, b.top),
    Math.max(a.right, b.right),
    Math.max(a.bottom, b.bottom),
  );
}

/** @param {Box} b @param {number} by @returns {Box} moved out on each side */
const grow = (b, by) => box(b.left - by, b.top - by, b.right + by, b.bottom + by);

/** @param {Box} outer @param {Box} inner @returns {boolean} */
function contains(outer, inner) {
  return (
    inner.left >= outer.left && inner.top >= outer.top && inner.right <= outer.right && inner.bottom <= outer.bottom
  );
}

/** @param {{left: number, top: number, right: number, bottom: number}} bounds of Photoshop @returns {Box} plain integers */
function fromBounds(bounds) {
  return box(Math.floor(bounds.left), Math.floor(bounds.top), Math.ceil(bounds.right), Math.ceil(bounds.bottom));
}

/** @param {unknown} rect @returns {Box | null} null when it is no list of four integers around at least one pixel */
function fromWire(rect) {
  if (!Array.isArray(rect) || rect.length !== 4 || !rect.every(Number.isInteger)) return null;
  const made = box(rect[0], rect[1], rect[2], rect[3]);
  return isEmpty(made) ? null : made;
}

/** @param {Box} b @returns {number[]} */
const toWire = (b) => [b.left, b.top, b.right, b.bottom];

/** @param {Box} b @param {number} rows at most so many a strip @returns {Box[]} from top to bottom */
function strips(b, rows) {
  const found = [];
  for (let top = b.top; top < b.bottom; top += rows) {
    found.push(box(b.left, top, b.right, Math.min(top + rows, b.bottom)));
  }
  return found;
}

module.exports = {
  box,
  contains,
  fromBounds,
  fromWire,
  grow,
  heightOf,
  intersect,
  isEmpty,
  join,
  strips,
  toWire,
  widthOf,
};
