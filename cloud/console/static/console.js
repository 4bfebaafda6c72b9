// Says so when the platform stops answering: what the page shows may be old then.
for (const event of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
  document.addEventListener(event, () => document.body.classList.add("stale"));
}
document.addEventListener("htmx:afterOnLoad", () => document.body.classList.remove("stale"));
