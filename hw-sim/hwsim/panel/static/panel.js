// Draws what the server reports, and sends what is clicked. It decides nothing about a tap.

const LIT_MS = 3500;
const SWITCHES = {
  network: ["Network", "the line to the broker: connections are reset"],
  broker: ["Broker", "Mosquitto: killed, and started again"],
  power: ["Power", "the agent: SIGKILL, and started again"],
};
const DIRECTIONS = { in: "in", out: "out", auto: "in, out" };
const ASSURANCES = {
  authenticated: "authenticated", read: "read", uid: "by UID", printed: "printed",
};

const at = (id) => document.getElementById(id);
let state = null;
let chosen = "valid";
let hand = [];
let lastLine = null;
let audio = null;
const tones = new Map();

// -- small helpers --------------------------------------------------------------------------

function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class") element.className = value;
    else if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function drawing(name, size) {
  const shapes = {
    waves: "M4 6a6 6 0 0 1 0 4 M7 4a10 10 0 0 1 0 8 M10 2a14 14 0 0 1 0 12",
  };
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("width", size);
  svg.setAttribute("height", size);
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", `drawing ${name}`);
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", shapes[name]);
  svg.append(path);
  return svg;
}

async function act(path, body) {
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const { said, detail } = await answer.json();
    write(at("said"), said || detail || "");
  } catch {
    write(at("said"), "The panel does not answer; start it again.");
  }
}

// -- the hand -------------------------------------------------------------------------------

function deal(badges) {
  hand = badges;
  at("cards").replaceChildren(...badges.map((badge) => {
    const input = make("input", {
      type: "radio", name: "badge", value: badge.key, checked: badge.key === chosen,
      className: "unseen",
    });
    input.addEventListener("change", () => {
      chosen = badge.key;
      if (state) readers();
    });
    const card = make("label", { class: `card ${badge.look}`, "data-badge": badge.key, draggable: true },
      input,
      make("span", { class: "card-head" },
        make("span", { class: "card-title" }, badge.title),
        drawing("waves", 16)),
      make("span", { class: "card-body" },
        make("span", { class: "card-says" }, badge.says),
        make("span", { class: "card-detail" }, badge.detail)));
    card.addEventListener("dragstart", (event) => {
      input.click();
      event.dataTransfer.setData("text/plain", badge.key);
      event.dataTransfer.effectAllowed = "copy";
    });
    return card;
  }));
}

// -- readers --------------------------------------------------------------------------------

function readers() {
  const list = at("readers");
  for (const reader of state.readers) {
    const item = list.querySelector(`[data-reader="${reader.name}"]`) || addReader(list, reader);
    const badge = hand.find((each) => each.key === chosen);
    const part = (name) => item.querySelector(`.${name}`);
    const dark = !state.faults.power;
    item.dataset.plugged = reader.plugged;
    item.dataset.busy = reader.holding !== null;
    const lamp = part("reader-lamp");
    if (reader.lamp) {
      lamp.dataset.colour = reader.lamp.colour;
      lamp.dataset.last = reader.lamp.last;
    }
    write(part("reader-state"), dark ? "no power" : reader.state || "–");
    part("reader-state").dataset.state = dark ? "off" : reader.state;
    part("reader-state").title = reader.detail || "";
    const hold = part("hold");
    hold.setAttribute("aria-disabled", reader.holding !== null);
    write(hold, reader.holding ? "holding …" : "Hold it here");
    const name = badge ? `${badge.title}, ${badge.says}` : "a badge";
    hold.setAttribute("aria-label", `Hold ${name} to ${reader.title}`);
    const plug = part("plug");
    plug.setAttribute("aria-checked", reader.plugged);
    sound(reader);
  }
}

function addReader(list, reader) {
  const hold = make("button", { type: "button", class: "hold" }, "Hold it here");
  const held = () => {
    if (hold.getAttribute("aria-disabled") !== "true") {
      act("hold", { reader: reader.name, badge: chosen });
    }
  };
  hold.addEventListener("click", held);
  const plug = make("button", {
    type: "button", class: "plug", role: "switch", "aria-label": `${reader.title} plugged in`,
    title: `unplugged: ${reader.unplugging}`,
  }, "plugged in");
  plug.addEventListener("click", () => {
    act("plug", { reader: reader.name, on: plug.getAttribute("aria-checked") !== "true" });
  });
  const item = make("li", { class: "reader", "data-reader": reader.name },
    make("div", { class: "reader-face" }, drawing("waves", 44),
      make("span", {
        class: reader.lamp ? "reader-lamp" : "reader-lamp none",
        title: reader.lamp ? "its own lamp" : "this reader has no lamp",
      }),
      make("span", { class: "reader-card", "aria-hidden": "true" })),
    make("div", { class: "reader-words" },
      make("h3", {}, reader.title, make("span", {}, DIRECTIONS[reader.direction])),
      make("p", {}, reader.connection),
      make("p", {}, make("span", { class: "reader-state" }), " ",
        make("span", { class: "reader-tone" }))),
    hold, plug);
  item.addEventListener("dragover", (event) => event.preventDefault());
  item.addEventListener("drop", (event) => {
    event.preventDefault();
    held();
  });
  list.append(item);
  tones.set(reader.name, reader.lamp?.tone?.number ?? 0);
  return item;
}

function sound(reader) {
  const tone = reader.lamp?.tone;
  if (!tone || tone.number === tones.get(reader.name)) return;
  tones.set(reader.name, tone.number);
  const pitch = tone.hertz ? `${tone.hertz} Hz` : "buzzer";
  write(at("readers").querySelector(`[data-reader="${reader.name}"] .reader-tone`),
    `♪ ${pitch}, ${tone.ms} ms`);
  if (!audio) return;
  const oscillator = audio.createOscillator();
  const volume = audio.createGain();
  oscillator.type = tone.hertz ? "sine" : "square";
  oscillator.frequency.value = tone.hertz || 2700;
  volume.gain.value = tone.hertz ? 0.12 : 0.04;
  oscillator.connect(volume).connect(audio.destination);
  oscillator.start();
  oscillator.stop(audio.currentTime + tone.ms / 1000);
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

// -- the terminal ---------------------------------------------------------------------------

function words(line) {
  return line.parts.map(([, text]) => text).join("");
}

function title(name) {
  return state.readers.find((reader) => reader.name === name)?.title ?? name;
}

function terminal() {
  const { agent, faults, screen } = state;
  at("terminal").dataset.power = faults.power;
  const line = screen.at(-1);
  const first = lastLine === null;
  if (!faults.power) {
    light("off");
    write(at("screen-where"), "");
    write(at("screen-says"), "");
    write(at("screen-more"), "");
    at("screen-before").replaceChildren();
    lastLine = line?.number ?? 0;
  } else if (!line || line.number !== lastLine) {
    lastLine = line?.number ?? 0;
    if (line && !first) {
      draw(line, screen);
    } else if (first) {
      write(at("screen-says"), "Hold your badge");
      write(at("screen-where"), "ready");
    }
  }
  write(at("screen-clock"), state.wall_s === null ? "" : clock(state.wall_s));
  write(at("queue"), agent ? String(agent.queue) : "–");
  at("queue").dataset.some = agent ? agent.queue > 0 : false;
  write(at("acked"), agent ? String(agent.acked) : "–");
  write(at("epoch"), agent ? String(agent.epoch) : "–");
  write(at("clock"), agent ? agent.clock.sync : "–");
  write(at("uplink"), agent ? agent.uplink.state : "–");
  at("uplink").title = agent?.uplink.detail ?? "";
  write(at("device"), state.device);
}

function draw(line, screen) {
  write(at("screen-where"), title(line.reader));
  write(at("screen-says"), line.parts[0][1]);
  at("screen-says").dataset.colour = line.colour;
  write(at("screen-more"), line.parts.slice(1).map(([, text]) => text.replace(/^, /, "")).join(""));
  at("screen-before").replaceChildren(...screen.slice(-4, -1).reverse().map((each) =>
    make("li", { "data-colour": each.colour }, `${title(each.reader)}: ${words(each)}`)));
  light(line.colour);
}

let darkens = 0;
function light(colour) {
  clearTimeout(darkens);
  at("lamp").dataset.colour = colour;
  write(at("lamp-says"), colour === "off" ? "The light is off." : `The light is ${colour}.`);
  if (colour === "off") return;
  at("lamp").dataset.last = colour;
  darkens = setTimeout(() => light("off"), LIT_MS);
}

function clock(seconds) {
  return new Date(seconds * 1000).toLocaleString("en-GB", {
    day: "2-digit", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit",
    timeZone: "Europe/Brussels",
  });
}

// -- faults ---------------------------------------------------------------------------------

function switches() {
  const list = at("switches");
  for (const [name, [label, effect]] of Object.entries(SWITCHES)) {
    let button = list.querySelector(`[data-switch="${name}"]`);
    if (!button) {
      button = make("button", {
        type: "button", role: "switch", "data-switch": name, "aria-label": label,
        "aria-describedby": `effect-${name}`,
      }, make("span", {}, label));
      button.addEventListener("click", async () => {
        button.setAttribute("aria-busy", "true");
        await act("switch", { name, on: button.getAttribute("aria-checked") !== "true" });
        button.removeAttribute("aria-busy");
      });
      list.append(make("li", {}, button, make("p", { class: "effect", id: `effect-${name}` }, effect)));
    }
    button.setAttribute("aria-checked", state.faults[name]);
  }
  for (const button of at("clocks").children) {
    button.setAttribute("aria-pressed", button.dataset.how === state.faults.clock);
  }
}

for (const button of at("clocks").children) {
  button.addEventListener("click", () => act("clock", { how: button.dataset.how }));
}

// -- the platform ---------------------------------------------------------------------------

function platform() {
  const { agent, faults, registrations, unread } = state;
  const count = agent?.queue ?? 0;
  let why = "";
  if (!faults.power) why = "The terminal has no power; what it recorded is on its disk.";
  else if (count) {
    const detail = agent.uplink.detail ? `, because: ${agent.uplink.detail}` : "";
    why = `${count} ${count === 1 ? "record waits" : "records wait"} on the terminal`
      + ` (uplink ${agent.uplink.state})${detail}`;
  }
  if (unread) why = `The platform cannot be asked: ${unread}`;
  write(at("waiting"), why);
  at("console").href = state.console.url;
  write(at("account"), state.console.account);
  write(at("password"), state.console.password);
  at("waiting").hidden = !why;
  at("none").hidden = registrations.length > 0;
  const shown = JSON.stringify(registrations);
  if (at("registrations").dataset.shown === shown) return;
  at("registrations").dataset.shown = shown;
  at("registrations").replaceChildren(...registrations.map((each) =>
    make("li", { "data-id": each.id },
      make("div", {},
        make("strong", {}, each.worker ?? "Unknown"),
        make("span", { class: "number" }, each.badge),
        make("span", { class: "employer" },
          each.employer ? each.employer + (each.private_company ? " (private company)" : "") : "employer unknown")),
      make("div", { class: "where" },
        make("span", {}, `${each.site}, ${title(each.reader)}`),
        make("time", {}, each.tapped_at.slice(11, 19) + (each.corrected ? " (corrected)" : ""))),
      make("div", { class: "marks" },
        make("span", { class: `mark ${each.assurance}` }, ASSURANCES[each.assurance] ?? each.assurance),
        ...each.remarks.map((remark) => make("span", { class: "mark remark" }, remark))))));
}

// -- begin ----------------------------------------------------------------------------------

function show(next) {
  state = next;
  readers();
  terminal();
  switches();
  platform();
}

deal(await (await fetch("hand")).json());
const events = new EventSource("events");
events.addEventListener("message", (event) => {
  write(at("link"), "live");
  at("link").dataset.live = true;
  show(JSON.parse(event.data));
});
events.addEventListener("error", () => {
  write(at("link"), "the panel does not answer");
  at("link").dataset.live = false;
});
