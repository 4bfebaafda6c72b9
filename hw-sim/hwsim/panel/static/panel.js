// Draws what the server reports, and sends what is clicked. It decides nothing about a tap.

import { at, write } from "./dom.js";
import { faults } from "./faults.js";
import { deal } from "./hand.js";
import { platform, story } from "./platform.js";
import { holdAt, readers } from "./readers.js";
import { terminal } from "./terminal.js";

let state = null;

deal(await (await fetch("hand")).json(), () => state && readers(state), holdAt);
const events = new EventSource("events");
events.addEventListener("message", (event) => {
  write(at("link"), "live");
  at("link").dataset.live = true;
  const before = state?.began;
  state = JSON.parse(event.data);
  // Another panel at the same address deals another hand.
  if (before && before !== state.began) location.reload();
  for (const show of [readers, terminal, faults, story, platform]) show(state);
});
events.addEventListener("error", () => {
  write(at("link"), "the panel does not answer");
  at("link").dataset.live = false;
});
