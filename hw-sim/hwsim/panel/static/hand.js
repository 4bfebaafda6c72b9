// The hand of badges, of which one is chosen.

import { at, drawing, make, qr } from "./dom.js";

let hand = [];
let chosen = "valid";
let told = () => {};

export const choice = () => hand.find((badge) => badge.key === chosen);

// `whenChosen` is called after each choice, `held` with the place of a reader, from 0.
export function deal(badges, whenChosen, held) {
  hand = badges;
  told = whenChosen;
  at("cards").replaceChildren(...badges.map(card));
  at("hand").addEventListener("keydown", (event) => {
    const place = "123456789".indexOf(event.key);
    if (place < 0 || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    event.preventDefault();
    held(place);
  });
}

function card(badge) {
  const input = make("input", {
    type: "radio", name: "badge", value: badge.key, checked: badge.key === chosen, className: "unseen",
  });
  input.addEventListener("change", () => {
    chosen = badge.key;
    told();
  });
  const element = make("label",
    { class: `card ${badge.look}`, "data-badge": badge.key, draggable: true },
    input,
    make("span", { class: "card-title" }, badge.title),
    badge.code ? qr(badge.code, 40) : null,
    badge.chip ? drawing("waves", 15) : null,
    make("span", { class: "card-body" },
      make("span", { class: "card-says" }, badge.says),
      make("span", { class: "card-detail" }, badge.detail)));
  element.addEventListener("dragstart", (event) => {
    input.click();
    event.dataTransfer.setData("text/plain", badge.key);
    event.dataTransfer.effectAllowed = "copy";
  });
  return element;
}
