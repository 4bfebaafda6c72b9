// The readers: what each says of itself, what it was told to show, and holding a badge to it.

import { act, at, drawing, make, write } from "./dom.js";
import { choice } from "./hand.js";

const DIRECTIONS = { in: "in", out: "out", auto: "in or out" };
const SENSES = { chips: "waves", codes: "scan" };
const tones = new Map();
let audio = null;

export function readers(state) {
  for (const reader of state.readers) {
    const item = found(reader.name) ?? add(reader);
    const part = (name) => item.querySelector(`.${name}`);
    const dark = !state.faults.power;
    item.dataset.plugged = reader.plugged;
    item.dataset.busy = reader.holding !== null;
    if (reader.lamp) {
      part("reader-lamp").dataset.colour = reader.lamp.colour;
      part("reader-lamp").dataset.last = reader.lamp.last;
    }
    if (reader.display) {
      write(part("reader-text"), reader.display.text);
      part("reader-text").dataset.last = reader.display.last;
    }
    write(part("reader-state"), dark ? "no power" : reader.state || "–");
    part("reader-state").dataset.state = dark ? "off" : reader.state;
    part("reader-state").title = reader.detail || "";
    const wrong = !dark && reader.state && reader.state !== "ready";
    write(part("reader-fault"), wrong ? reader.detail || "" : "");
    part("plug").setAttribute("aria-checked", reader.plugged);
    button(item, reader);
    sound(reader);
  }
}

function found(name) {
  return at("readers").querySelector(`[data-reader="${name}"]`);
}

function button(item, reader) {
  const hold = item.querySelector(".hold");
  const badge = choice();
  const why = badge?.misses[reader.name] ?? "";
  item.dataset.misses = why !== "";
  hold.setAttribute("aria-disabled", reader.holding !== null);
  write(hold.querySelector(".hold-it"), reader.holding ? "holding …" : "Hold it here");
  const what = badge ? `${badge.title}, ${badge.says}` : "a badge";
  write(hold.querySelector(".unseen"), `Hold ${what} to ${reader.title}`);
  write(item.querySelector(".reader-misses"), why && `It ${why}.`);
  hold.title = why && `It ${why}`;
}

// Hold what is chosen to the reader at a place, from 0.
export function holdAt(place) {
  at("readers").children[place]?.querySelector(".hold").click();
}

function add(reader) {
  const name = reader.name;
  const hold = make("button", { type: "button", class: "hold", "aria-describedby": `misses-${name}` },
    make("span", { class: "hold-it", "aria-hidden": "true" }), make("span", { class: "unseen" }));
  let asked = false;
  const held = async () => {
    // Clicked twice, it is held there once.
    if (asked || hold.getAttribute("aria-disabled") === "true") return;
    asked = true;
    await act("hold", { reader: name, badge: choice().key });
    asked = false;
  };
  hold.addEventListener("click", held);
  const plug = make("button", {
    type: "button", class: "plug", role: "switch", "aria-label": `${reader.title} plugged in`,
    title: `unplugged: ${reader.unplugging}`,
  }, "plugged in");
  plug.addEventListener("click", () => {
    act("plug", { reader: name, on: plug.getAttribute("aria-checked") !== "true" });
  });
  const place = at("readers").children.length + 1;
  const item = make("li", { class: "reader", "data-reader": name },
    make("div", { class: "reader-face" }, drawing(SENSES[reader.senses], 36),
      make("span", {
        class: reader.lamp ? "reader-lamp" : "reader-lamp none",
        title: reader.lamp ? "its own lamp" : "this reader has no lamp",
      }),
      make("span", { class: "reader-card", "aria-hidden": "true" })),
    make("div", { class: "reader-words" },
      make("h3", {}, reader.title, make("span", {}, DIRECTIONS[reader.direction]),
        make("kbd", { "aria-hidden": "true" }, String(place))),
      make("p", {}, reader.connection),
      make("p", { class: "reader-heard" },
        make("span", { class: "reader-state" }), " ", make("span", { class: "reader-tone" })),
      reader.display ? make("p", { class: "reader-display" },
        make("span", { class: "unseen" }, "Display: "), make("span", { class: "reader-text" })) : null),
    make("p", { class: "reader-fault" }),
    reader.note ? make("p", { class: "reader-note" }, reader.note) : null,
    make("div", { class: "reader-row" }, hold, plug),
    make("p", { class: "unseen reader-misses", id: `misses-${name}` }));
  item.addEventListener("dragover", (event) => {
    event.preventDefault();
    item.dataset.over = true;
  });
  item.addEventListener("dragleave", (event) => {
    if (!item.contains(event.relatedTarget)) item.dataset.over = false;
  });
  item.addEventListener("drop", (event) => {
    event.preventDefault();
    item.dataset.over = false;
    held();
  });
  at("readers").append(item);
  tones.set(name, reader.lamp?.tone?.number ?? 0);
  return item;
}

// -- sound ----------------------------------------------------------------------------------

function sound(reader) {
  const tone = reader.lamp?.tone;
  if (!tone || tone.number === tones.get(reader.name)) return;
  tones.set(reader.name, tone.number);
  const pitch = tone.hertz ? `${tone.hertz} Hz` : "buzzer";
  const often = tone.times > 1 ? `${tone.times} × ` : "";
  write(found(reader.name).querySelector(".reader-tone"), `♪ ${pitch}, ${often}${tone.ms} ms`);
  if (!audio) return;
  for (let each = 0; each < tone.times; each += 1) {
    const begins = audio.currentTime + (2 * each * tone.ms) / 1000;
    const oscillator = audio.createOscillator();
    const volume = audio.createGain();
    oscillator.type = tone.hertz ? "sine" : "square";
    oscillator.frequency.value = tone.hertz || 2700;
    volume.gain.value = tone.hertz ? 0.12 : 0.04;
    oscillator.connect(volume).connect(audio.destination);
    oscillator.start(begins);
    oscillator.stop(begins + tone.ms / 1000);
  }
}

at("sound").addEventListener("click", () => {
  if (audio) {
    audio.close();
    audio = null;
  } else {
    audio = new AudioContext();
  }
  at("sound").setAttribute("aria-checked", audio !== null);
});
