// What happened, what waits, and what the platform made of it.

import { at, make, time, TO_THE_SECOND, write } from "./dom.js";
import { title } from "./terminal.js";

const ASSURANCES = { authenticated: "authenticated", read: "read", uid: "by UID", printed: "printed" };
const LINES = 6;
let told = 0;

// Lines are added one by one: whoever listens to the page hears each of them once.
export function story(state) {
  for (const line of state.story) {
    if (line.number <= told) continue;
    told = line.number;
    at("story").prepend(make("li", { "data-colour": line.colour, "data-number": line.number },
      make("time", {}, time(line.at_ms, TO_THE_SECOND)), " ", make("span", {}, line.words)));
    write(at("last"), line.words);
    at("last").dataset.colour = line.colour;
  }
  while (at("story").children.length > LINES) at("story").lastElementChild.remove();
  at("nothing").hidden = told > 0;
}

export function platform(state) {
  const { console, registrations } = state;
  const why = waiting(state);
  write(at("waiting"), why);
  at("waiting").hidden = !why;
  at("console").href = console.url;
  write(at("account"), console.account);
  write(at("password"), console.password);
  at("none").hidden = registrations.length > 0;
  const shown = JSON.stringify(registrations);
  if (at("registrations").dataset.shown === shown) return;
  at("registrations").dataset.shown = shown;
  at("registrations").replaceChildren(...registrations.map((each) => registration(state, each)));
}

function waiting({ agent, ended, faults, unread }) {
  if (unread) return `The platform cannot be asked: ${unread}`;
  if (!faults.power) return "The terminal has no power; what it recorded is on its disk.";
  if (ended) return `The agent has ended (${ended}). Switch the power off and on.`;
  if (!agent) return "The agent does not answer yet.";
  if (!agent.queue) return "";
  const detail = agent.uplink.detail ? `, because: ${agent.uplink.detail}` : "";
  return `${agent.queue} ${agent.queue === 1 ? "record waits" : "records wait"} on the terminal`
    + ` (uplink ${agent.uplink.state})${detail}`;
}

function registration(state, each) {
  const employer = each.employer
    ? each.employer + (each.private_company ? " (private company)" : "")
    : "employer unknown";
  const tapped = time(Date.parse(each.tapped_at), TO_THE_SECOND);
  const direction = each.direction === "auto" ? null : each.direction;
  const where = [each.site, title(state, each.reader), direction].filter(Boolean).join(", ");
  return make("li", { "data-id": each.id },
    make("div", {},
      make("a", {
        href: `${state.console.url}/registrations/${each.id}`, target: "_blank", rel: "noopener noreferrer",
      }, each.worker ?? "Unknown"),
      make("span", { class: "number" }, each.badge),
      make("time", {}, tapped + (each.corrected ? " (corrected)" : ""))),
    make("p", { class: "employer" }, employer),
    make("div", { class: "where" }, where,
      make("span", { class: "marks" },
        make("span", { class: `mark ${each.assurance}` }, ASSURANCES[each.assurance] ?? each.assurance),
        ...each.remarks.map((remark) => make("span", { class: "mark remark" }, remark)))));
}
