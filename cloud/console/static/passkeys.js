// The browser's part of passkeys (WebAuthn): asks the authenticator what a form carries, and sends
// what it answered with the form. Judged is nothing here. Without this script, or where no passkey
// could work, the forms stay hidden.

const octets = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (each) => each.charCodeAt(0));

const base64url = (buffer) =>
  btoa(Array.from(new Uint8Array(buffer), (each) => String.fromCharCode(each)).join(""))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

// PublicKeyCredentialCreationOptionsJSON or PublicKeyCredentialRequestOptionsJSON, as browsers want
// it that cannot read them by themselves.
function read(text) {
  const options = JSON.parse(text);
  options.challenge = octets(options.challenge);
  if (options.user) options.user.id = octets(options.user.id);
  for (const each of [...(options.excludeCredentials ?? []), ...(options.allowCredentials ?? [])]) {
    each.id = octets(each.id);
  }
  return options;
}

// RegistrationResponseJSON or AuthenticationResponseJSON, of what the platform looks at.
function written(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = base64url(credential.response[name]);
  }
  if (credential.response.getTransports) response.transports = credential.response.getTransports();
  return JSON.stringify({ id: credential.id, rawId: base64url(credential.rawId), type: credential.type, response });
}

const SAID = { NotAllowedError: "notAllowed", AbortError: "notAllowed", InvalidStateError: "invalidState" };
let busy = false;

async function ask(form) {
  if (busy) return;
  busy = true;
  const problem = form.querySelector("[role=alert]");
  problem.textContent = "";
  try {
    const publicKey = read(form.dataset.options);
    const credential = await navigator.credentials[form.dataset.ceremony]({ publicKey });
    form.elements.credential.value = written(credential);
    form.submit();
  } catch (error) {
    problem.textContent = form.dataset[SAID[error.name] ?? "otherwise"];
    busy = false;
  }
}

for (const part of document.querySelectorAll("[data-passkeys]")) {
  const here = location.origin === part.dataset.passkeys;
  const state = !here ? "elsewhere" : window.PublicKeyCredential ? "able" : "unable";
  for (const each of part.querySelectorAll("[data-when]")) each.hidden = each.dataset.when !== state;
  const form = part.querySelector("form[data-ceremony]");
  if (!form) continue;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask(form);
  });
  if (state === "able" && "atOnce" in form.dataset) ask(form);
}
