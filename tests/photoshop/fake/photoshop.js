"use strict";
/** `require("photoshop")` as its documentation describes it, and the control by which a test steers it. */

const { createAction } = require("./batchplay.js");
const { Control } = require("./control.js");
const { CONSTANT_VALUES } = require("./documented.js");
const { createApp } = require("./dom.js");
const { guard } = require("./guard.js");
const { createImaging } = require("./imaging.js");
const { createCore } = require("./modal.js");

/**
 * @param {import("./control.js").Options} [options]
 * @returns {{control: Control, photoshop: object}}
 */
function createPhotoshop(options = {}) {
  const control = new Control(options);
  const photoshop = guard(control, "photoshop", {
    app: createApp(control),
    core: createCore(control),
    action: createAction(control),
    imaging: createImaging(control),
    constants: guard(control, "constants", CONSTANT_VALUES),
  });
  return { control, photoshop };
}

module.exports = { createPhotoshop };
