// Passkeys: asks the browser to make one or to sign with one, puts its answer into the form and sends that. The server
// says what is wanted, and judges what comes back.

function bytes(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (character) => character.charCodeAt(0));
}

function text(buffer) {
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** What the server wrote as JSON, in the form in which browsers take it. */
function request(options) {
  options.challenge = bytes(options.challenge);
  if (options.user) options.user.id = bytes(options.user.id);
  for (const list of ["allowCredentials", "excludeCredentials"]) {
    options[list] = (options[list] ?? []).map((each) => ({ ...each, id: bytes(each.id) }));
  }
  return options;
}

/** What the browser answered, as JSON. */
function answer(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = text(credential.response[name]);
  }
  const { id, type } = credential;
  return JSON.stringify({ id, rawId: text(credential.rawId), type, response, clientExtensionResults: {} });
}

async function use(button) {
  const form = button.form;
  const error = form.querySelector("[data-passkey-error]");
  const publicKey = request(JSON.parse(button.dataset.options));
  error.hidden = true;
  button.disabled = true;
  try {
    const found = await navigator.credentials["make" in button.dataset ? "create" : "get"]({ publicKey });
    form.elements[button.dataset.passkey].value = answer(found);
    form.submit();
  } catch {
    error.hidden = false;
    button.disabled = false;
  }
}

if (globalThis.PublicKeyCredential) {
  for (const part of document.querySelectorAll("[data-passkey-form], [data-passkey]")) part.hidden = false;
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-passkey]");
    if (button) use(button);
  });
}
