// Switches for what can fail.

import { act, at, make } from "./dom.js";

const SWITCHES = {
  network: ["Network", "the line to the broker: connections are reset"],
  broker: ["Broker", "Mosquitto: killed, and started again"],
  power: ["Power", "the terminal and its readers: agent and pcscd killed, and started again"],
};

export function faults(state) {
  for (const name of Object.keys(SWITCHES)) {
    const button = at("switches").querySelector(`[data-switch="${name}"]`) ?? add(name);
    button.setAttribute("aria-checked", state.faults[name]);
  }
  for (const button of at("clocks").children) {
    button.setAttribute("aria-pressed", button.dataset.how === state.faults.clock);
  }
}

function add(name) {
  const [label, effect] = SWITCHES[name];
  const button = make("button", {
    type: "button", role: "switch", "data-switch": name, "aria-label": label,
    "aria-describedby": `effect-${name}`, title: effect,
  }, make("span", {}, label));
  button.addEventListener("click", async () => {
    button.setAttribute("aria-busy", "true");
    await act("switch", { name, on: button.getAttribute("aria-checked") !== "true" });
    button.removeAttribute("aria-busy");
  });
  at("switches").append(
    make("li", {}, button, make("p", { class: "unseen", id: `effect-${name}` }, effect)));
  return button;
}

for (const button of at("clocks").children) {
  button.addEventListener("click", () => act("clock", { how: button.dataset.how }));
}
