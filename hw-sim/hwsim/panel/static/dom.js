// Making elements, and sending what was clicked.

export const at = (id) => document.getElementById(id);

export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class") element.className = value;
    else if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const SHAPES = {
  waves: "M4 6a6 6 0 0 1 0 4 M7 4a10 10 0 0 1 0 8 M10 2a14 14 0 0 1 0 12",
  scan: "M2 5v-3h3 M11 2h3v3 M14 11v3h-3 M5 14h-3v-3 M3 8h10 M5 5v0.5 M8 5v0.5 M11 5v0.5 M5 10.5v0.5 M8 10.5v0.5 M11 10.5v0.5",
};
const SPACE = "http://www.w3.org/2000/svg";

function picture(view, size, name, path) {
  const svg = document.createElementNS(SPACE, "svg");
  const attributes = { viewBox: view, width: size, height: size, "aria-hidden": "true", class: name };
  for (const [key, value] of Object.entries(attributes)) svg.setAttribute(key, value);
  const drawn = document.createElementNS(SPACE, "path");
  drawn.setAttribute("d", path);
  svg.append(drawn);
  return svg;
}

export const drawing = (name, size) => picture("0 0 16 16", size, `drawing ${name}`, SHAPES[name]);

// With the border that a scanner needs, as far as the card has room for it.
export function qr(code, size) {
  const side = code.modules + 4;
  return picture(`-2 -2 ${side} ${side}`, size, "qr", code.path);
}

export async function act(path, body) {
  let problem = "";
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const said = await answer.json();
    if (!answer.ok) problem = said.detail;
  } catch {
    problem = "The panel does not answer; start it again.";
  }
  write(at("problem"), problem);
}

export function time(milliseconds, options) {
  return new Date(milliseconds).toLocaleString("en-GB", { timeZone: "Europe/Brussels", ...options });
}

export const TO_THE_SECOND = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
