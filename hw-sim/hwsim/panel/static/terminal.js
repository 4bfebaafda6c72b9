// The terminal: its light, its screen, and what its agent says of itself.

import { at, make, time, write } from "./dom.js";

const LIT_MS = 3500;
const DAY = { day: "2-digit", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" };
let drawn = null;
let darkens = 0;

export function title(state, name) {
  return state.readers.find((reader) => reader.name === name)?.title ?? name;
}

export function terminal(state) {
  const { agent, faults, screen } = state;
  at("terminal").dataset.power = faults.power;
  const line = screen.at(-1);
  const number = line?.number ?? 0;
  // What was drawn before this page came, or before the power went, is no news.
  if (drawn === null || !faults.power) {
    drawn = number;
    light("off");
    blank();
  }
  if (number > drawn) {
    drawn = number;
    draw(state, line);
  } else if (!at("screen-says").dataset.colour) {
    write(at("screen-where"), agent ? "ready" : "");
    write(at("screen-says"), agent ? "Hold your badge" : "");
  }
  write(at("screen-clock"), state.wall_s === null ? "" : time(state.wall_s * 1000, DAY));
  write(at("queue"), agent ? String(agent.queue) : "–");
  at("queue").dataset.some = agent ? agent.queue > 0 : false;
  write(at("acked"), agent ? String(agent.acked) : "–");
  write(at("epoch"), agent ? String(agent.epoch) : "–");
  write(at("clock"), agent ? agent.clock.sync : "–");
  write(at("uplink"), agent ? agent.uplink.state : "–");
  at("uplink").title = agent?.uplink.detail ?? "";
  write(at("device"), state.device);
}

function blank() {
  for (const part of ["screen-where", "screen-says", "screen-more"]) write(at(part), "");
  delete at("screen-says").dataset.colour;
  at("screen-before").replaceChildren();
}

function draw(state, line) {
  write(at("screen-where"), title(state, line.reader));
  write(at("screen-says"), line.parts[0][1]);
  at("screen-says").dataset.colour = line.colour;
  write(at("screen-more"), line.parts.slice(1).map(([, text]) => text.replace(/^, /, "")).join(""));
  at("screen-before").replaceChildren(...state.screen.slice(-4, -1).reverse().map((each) =>
    make("li", { "data-colour": each.colour },
      `${title(state, each.reader)}: ${each.parts.map(([, text]) => text).join("")}`)));
  light(line.colour);
}

function light(colour) {
  clearTimeout(darkens);
  at("lamp").dataset.colour = colour;
  write(at("lamp-says"), colour === "off" ? "The light is off." : `The light is ${colour}.`);
  if (colour === "off") return;
  at("lamp").dataset.last = colour;
  darkens = setTimeout(() => light("off"), LIT_MS);
}
