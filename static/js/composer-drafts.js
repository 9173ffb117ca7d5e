// Keeping what is typed: a reader's words on the server, a guest's in this tab only.
//
// A place has a generation, which rises with all that happens there on any device; the form knows one. The server keeps
// words only from a form that knows the present one, so a tab left open overwrites nothing and brings nothing back.

import { announce, send } from "./thread-net.js";

const KEEP_AFTER_MS = 1500;
const SHOWN_OF_OTHERS = 240;
const underWay = new WeakMap();

/** Resolves once no words of this form are on their way to be kept: only then are they sent to be posted. */
export async function settled(form) {
  await underWay.get(form);
}

/** Keeps a reader's words while they are typed, and says when somebody was faster elsewhere. */
export function keepOnServer(form, field) {
  const known = form.elements.draft;
  const state = form.querySelector("[data-state]");
  let kept = field.value;
  let isNew = false; // what is typed was begun after this very form was sent
  let timer = 0;

  function later() {
    clearTimeout(timer);
    timer = setTimeout(keep, KEEP_AFTER_MS);
  }

  async function keep({ last = false } = {}) {
    clearTimeout(timer);
    if (!form.isConnected || form.dataset.busy || form.querySelector(".composer__conflict")) return;
    const words = field.value;
    if (words === kept) return;
    if (underWay.has(form)) {
      later();
      return;
    }
    const data = new FormData(form);
    data.set("body", words);
    const asking = send("/drafts", data, { quiet: true, keepalive: last });
    underWay.set(form, asking);
    const answer = await asking;
    underWay.delete(form);
    if (!answer?.ok) {
      state.textContent = "Not saved yet";
      later();
      return;
    }
    const found = answer.json();
    if (found.state === "saved") {
      known.value = found.draft;
      kept = words;
      isNew = false;
      state.textContent = words.trim() ? "Saved" : "";
    } else if (found.state === "gone" && isNew) {
      known.value = found.draft;
      await keep();
    } else {
      tell(found);
    }
  }

  function tell(found) {
    state.textContent = "";
    form.querySelector(".composer__notice")?.remove();
    const box = conflict(found);
    form.querySelector(".composer__field").before(box);
    announce(box.querySelector("p").textContent);
    box.addEventListener("click", (event) => {
      const choice = event.target.closest("button")?.dataset.choice;
      if (!choice) return;
      known.value = found.draft;
      if (choice === "theirs") field.value = found.body;
      kept = choice === "theirs" ? found.body : null;
      box.remove();
      field.focus();
      if (choice === "mine") keep();
      else field.dispatchEvent(new Event("input", { bubbles: true }));
    });
  }

  field.addEventListener("input", () => {
    state.textContent = "";
    later();
  });
  form.addEventListener("submit", () => clearTimeout(timer));
  form.addEventListener("sent", () => {
    clearTimeout(timer);
    form.querySelector(".composer__conflict")?.remove();
    if (Number(known.value)) known.value = Number(known.value) + 1;
    kept = "";
    isNew = true;
    state.textContent = "";
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") keep({ last: true });
  });
  const before = field.value ? "" : takeFromTab(form);
  if (before) {
    field.value = before;
    later();
  }
}

/** What happened elsewhere, with the ways on. */
function conflict(found) {
  const box = document.createElement("div");
  box.className = "composer__conflict";
  box.setAttribute("role", "group");
  const newer = found.state === "newer";
  const sentence = document.createElement("p");
  sentence.textContent = newer
    ? "A newer draft from another device or tab is kept here."
    : "What was kept here has been posted or discarded elsewhere.";
  box.append(sentence);
  if (newer) {
    const words = document.createElement("blockquote");
    words.className = "composer__kept";
    words.dir = "auto";
    words.textContent = found.body.length > SHOWN_OF_OTHERS ? `${found.body.slice(0, SHOWN_OF_OTHERS)}…` : found.body;
    box.append(words);
  }
  const ways = document.createElement("div");
  ways.className = "buttons";
  ways.append(way("mine", "Keep mine"), way("theirs", newer ? "Use it" : "Discard mine"));
  box.append(ways);
  return box;
}

function way(choice, label) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button button--small button--quiet";
  button.dataset.choice = choice;
  button.textContent = label;
  return button;
}

function keyInTab(form) {
  return `draft:${form.dataset.article}:${form.dataset.parent}`;
}

/** What somebody typed here as a guest before they signed in on another way than by the button; it is theirs now. */
function takeFromTab(form) {
  try {
    const words = sessionStorage.getItem(keyInTab(form)) ?? "";
    sessionStorage.removeItem(keyInTab(form));
    return words;
  } catch {
    return "";
  }
}

/** Keeps a guest's words in this tab until they press the button. */
export function keepInTab(form, field) {
  const key = keyInTab(form);
  let timer = 0;
  try {
    field.value ||= sessionStorage.getItem(key) ?? "";
  } catch {
    return;
  }
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => sessionStorage.setItem(key, field.value), KEEP_AFTER_MS);
  });
  form.addEventListener("submit", (event) => {
    if (event.submitter?.hasAttribute("data-preview")) return;
    clearTimeout(timer);
    sessionStorage.removeItem(key);
  });
}
