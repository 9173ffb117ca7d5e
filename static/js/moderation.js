// The desk without reloads: a decision replaces its card, keys move between cards, the statement is shown as it is
// typed. Every form works without this.

import { elements } from "./trusted.js";

const PREVIEW_WAIT_MS = 300;
const ANNOUNCE_MS = 50; // a live region notices a change only after it was empty
const KEYS_OFF = "moderation-keys-off";
const live = document.getElementById("live");
const cases = document.getElementById("cases");
const order = document.querySelector("[data-order]");
const nothing = document.querySelector("[data-nothing]");
const keys = document.querySelector("[data-keys]");
let lastUndo = null;

function announce(text) {
  live.textContent = "";
  setTimeout(() => { live.textContent = text; }, ANNOUNCE_MS);
}

/** Sends a form and answers [ok, text]; null when the network failed. */
async function send(form, extra = {}) {
  const data = new FormData(form);
  for (const [name, value] of Object.entries(extra)) data.set(name, value);
  try {
    const response = await fetch(form.action, {
      method: "POST", body: data, headers: { "X-Requested-With": "fetch" }, redirect: "manual",
    });
    if (response.type === "opaqueredirect") {
      location.reload();
      return null;
    }
    return [response.ok, await response.text()];
  } catch {
    announce("The network did not answer. Nothing was done; please try again.");
    return null;
  }
}

function parsed(html) {
  return elements(html).firstElementChild;
}

function arrived(element) {
  element.dispatchEvent(new CustomEvent("arrived", { bubbles: true }));
}

const cards = () => [...document.querySelectorAll(".case")];
const open = () => [...document.querySelectorAll(".case[data-case]:not([data-done])")];

function current() {
  return document.activeElement?.closest?.(".case") ?? null;
}

function focusOn(card) {
  if (!card) return;
  card.focus({ preventScroll: true });
  card.scrollIntoView({ block: "start" });
}

/** The next open card after this one, else the first that is still open. */
function following(card) {
  const all = cards();
  const rest = open();
  return rest.find((other) => all.indexOf(other) > all.indexOf(card)) ?? rest[0] ?? null;
}

function refuse(card, sentence) {
  card.querySelector(".case__refused")?.remove();
  const notice = document.createElement("div");
  notice.className = "notice notice--bad case__refused";
  notice.tabIndex = -1;
  const text = document.createElement("p");
  text.textContent = sentence;
  const link = document.createElement("a");
  link.href = `/moderation/comments/${card.dataset.case}`;
  link.textContent = "See it as it stands now";
  notice.append(text, link);
  (card.querySelector(".case__decide") ?? card).before(notice);
  notice.focus();
  announce(sentence);
}

async function decide(form) {
  const card = form.closest(".case");
  if (card.getAttribute("aria-busy")) return;
  card.setAttribute("aria-busy", "true");
  const answer = await send(form);
  card.removeAttribute("aria-busy");
  if (!answer) return;
  const [ok, html] = answer;
  if (!ok) {
    refuse(card, html);
    return;
  }
  const next = following(card);
  const done = parsed(html);
  card.replaceWith(done);
  arrived(done);
  lastUndo = done.querySelector("[data-undo]");
  countOn(-1);
  const left = open().length;
  showWhatIsLeft();
  const onward = document.querySelector(".pagination__next") ?? document.querySelector(".pagination__prev");
  const rest = left ? `${left} left on this page` : nothing ? "Nothing waits here" : "None left on this page";
  announce(`${done.querySelector("[data-announce]").textContent.trim()}. ${rest}.`);
  if (next && next.isConnected) focusOn(next);
  else focusOn(onward ?? done);
}

/** With every card of the page decided nothing speaks of what waits; where it is the only page it says so. */
function showWhatIsLeft() {
  const isDone = open().length === 0;
  if (order) order.hidden = isDone;
  if (nothing) nothing.hidden = !isDone;
}

/** Keeps the number beside the queue's name true for this moderator's own work. */
function countOn(step) {
  const count = document.querySelector(".desk__sub [aria-current] .tabs__count");
  const number = Number(count?.textContent.replace(/\D/g, ""));
  if (count && cases) count.textContent = Math.max(0, number + step).toLocaleString("en");
}

async function undo(form) {
  const box = form.closest(".case, .notice, tr");
  const answer = await send(form);
  if (!answer) return;
  const [ok, html] = answer;
  if (!ok) {
    announce(html);
    form.querySelector("button").disabled = true;
    form.append(html);
    return;
  }
  if (form === lastUndo) lastUndo = null;
  const back = parsed(html);
  announce("Taken back.");
  if (!box.matches(".case")) {
    box.textContent = "Taken back.";
    box.focus();
    return;
  }
  box.replaceWith(back);
  arrived(back);
  countOn(1);
  showWhatIsLeft();
  focusOn(back);
}

async function restrict(form) {
  const answer = await send(form);
  if (!answer) return;
  const [ok, html] = answer;
  if (!ok) {
    refuse(form.closest(".case"), html);
    return;
  }
  const done = parsed(html);
  form.closest("details").replaceWith(done);
  lastUndo = done.querySelector("[data-undo]");
  done.focus();
  announce(done.querySelector("[data-announce]").textContent.trim());
}

async function tip(form) {
  const answer = await send(form);
  if (!answer) return;
  const [ok, html] = answer;
  if (!ok) {
    refuse(form.closest(".case"), html);
    return;
  }
  const card = form.closest(".case");
  const done = parsed(html);
  form.closest("details").replaceWith(done);
  announce(done.textContent.trim());
  focusOn(card);
}

const waiting = new WeakMap();

/** Shows the statement as the author will read it, a moment after the last key. */
function preview(form) {
  clearTimeout(waiting.get(form));
  waiting.set(form, setTimeout(async () => {
    const place = form.querySelector("[data-statement]");
    if (!form.elements.rule_id.value) {
      place.replaceChildren();
      return;
    }
    const answer = await send(form, { preview: "1" });
    if (answer?.[0] && place.isConnected) place.replaceChildren(parsed(answer[1]));
  }, PREVIEW_WAIT_MS));
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.submitter?.hasAttribute("data-preview")) {
    event.preventDefault();
    preview(form);
  } else if (form.matches("[data-decide]") && cases) {
    event.preventDefault();
    decide(form);
  } else if (form.matches("[data-pass]") && cases) {
    event.preventDefault();
    decide(form);
  } else if (form.matches("[data-tip]") && cases) {
    event.preventDefault();
    tip(form);
  } else if (form.matches("[data-sanction]") && cases) {
    event.preventDefault();
    restrict(form);
  } else if (form.matches("[data-undo]") && form.closest(".case[data-done], .case .notice")) {
    event.preventDefault();
    undo(form);
  }
});

/** Puts the chosen rule's usual words into the note, as long as nobody typed their own. */
function fillNote(form) {
  const note = form.elements.note;
  const words = form.elements.rule_id.selectedOptions[0]?.dataset.note ?? "";
  if (note.value && note.value !== note.dataset.filled) return;
  note.value = words;
  note.dataset.filled = words;
}

document.addEventListener("input", (event) => {
  const form = event.target.closest?.('form[data-decide="R"]');
  if (form && event.target === form.elements.rule_id) fillNote(form);
  if (form) preview(form);
  if (event.target.matches?.("[data-select]")) countChosen();
});

function countChosen() {
  const place = document.querySelector("[data-chosen]");
  if (!place) return;
  const number = document.querySelectorAll("[data-select]:checked").length;
  place.textContent = number ? `: ${number} chosen` : "";
  place.closest("details").open ||= number > 0;
}

// In a list of rules Enter sends, as it does in a line of text.
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches?.('form[data-decide="R"] select')) {
    event.preventDefault();
    event.target.form.requestSubmit(event.target.form.querySelector("button:not([data-preview])"));
  } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches?.("form[data-decide] textarea")) {
    event.preventDefault();
    event.target.form.requestSubmit(event.target.form.querySelector("button:not([data-preview])"));
  }
});

function openForm(card, selector) {
  const details = card?.querySelector(selector);
  if (!details) return;
  details.open = true;
  details.querySelector("select, input:not([type=hidden]), textarea")?.focus();
}

/** Opens the list of keys, and closes it again; the card that has the focus keeps it. */
function showKeys(card) {
  keys.open = !keys.open;
  if (!keys.open) {
    focusOn(card);
    return;
  }
  keys.scrollIntoView({ block: "nearest" });
  announce(keys.querySelector("p").textContent);
}

const ACTIONS = {
  publish: (card) => card?.querySelector('[data-key="a"]')?.click(),
  reject: (card) => openForm(card, "[data-reject]"),
  sanction: (card) => openForm(card, "[data-sanctions]"),
  tip: (card) => openForm(card, "[data-tips]"),
  pass: (card) => card?.querySelector("form[data-pass]")?.requestSubmit(),
  show: (card) => card?.querySelectorAll("[data-cover]").forEach((cover) => { cover.open = true; }),
  select: (card) => card?.querySelector("[data-select]")?.click(),
  next: (card) => focusOn(card ? cards()[cards().indexOf(card) + 1] : cards()[0]),
  previous: (card) => focusOn(card ? cards()[cards().indexOf(card) - 1] : cards().at(-1)),
  undo: () => lastUndo?.isConnected && lastUndo.requestSubmit(),
  help: (card) => showKeys(card),
};

/** What each key does, as this moderator chose. */
function keyMap() {
  const map = { j: "next", "?": "help" };
  for (const name of Object.keys(ACTIONS)) {
    const key = keys.getAttribute(`data-key-${name}`);
    if (key) map[key] = name;
  }
  return map;
}

function stored(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

if (keys) {
  const toggle = keys.querySelector("[data-keys-switch]");
  const map = keyMap();
  keys.hidden = false;
  toggle.checked = !stored(KEYS_OFF);
  toggle.addEventListener("change", () => {
    try {
      if (toggle.checked) localStorage.removeItem(KEYS_OFF);
      else localStorage.setItem(KEYS_OFF, "1");
    } catch {
      // A browser that keeps nothing asks again on the next page.
    }
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input:not([type=checkbox]), select, textarea, [contenteditable]");
    if (!toggle.checked || typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const action = ACTIONS[map[event.key.toLowerCase()]];
    if (!action) return;
    event.preventDefault();
    action(current());
  });
}

// Colleagues at work: who holds what, what was decided meanwhile, and how much waits. Nothing moves.

const LOOK_MS = 1000;
const KEEP_MS = 60_000;
let after = Number(cases?.dataset.after ?? 0);
let keptAt = Date.now();
let alarms = document.querySelectorAll(".alarm").length;

function showTaken(claims) {
  for (const card of open()) {
    const line = card.querySelector("[data-taken]");
    if (!line) continue;
    const name = claims[card.dataset.case];
    card.classList.toggle("is-taken", Boolean(name));
    line.hidden = !name;
    line.textContent = name ? `${name} has taken this` : "";
  }
}

function showDecided(decided) {
  for (const { id, words } of decided) {
    const card = document.querySelector(`.case[data-case="${id}"]:not([data-done])`);
    if (!card || card.getAttribute("aria-busy")) continue;
    card.classList.add("is-taken");
    const line = card.querySelector("[data-taken]");
    if (line) {
      line.hidden = false;
      line.textContent = `${words}, just now`;
    }
    card.dataset.overtaken = "";
  }
}

async function look() {
  if (document.visibilityState === "visible") {
    try {
      const response = await fetch(`/moderation/now?after=${after}`, { redirect: "error" });
      if (response.ok) {
        const state = await response.json();
        after = state.after;
        showTaken(state.claims);
        showDecided(state.decided);
        if (state.alarms > alarms) announce("An alarm: comments come much faster than usual. Load the page to see where.");
        alarms = state.alarms;
        for (const [name, number] of Object.entries(state.counts)) {
          const count = document.querySelector(`[data-tab="${name}"] .tabs__count`);
          if (count) count.textContent = number.toLocaleString("en");
        }
      }
    } catch {
      // Without the network the page stays as it is; the next look may find it again.
    }
  }
  setTimeout(look, LOOK_MS);
}

/** What this moderator holds lasts while they do anything. */
function keep() {
  if (Date.now() - keptAt < KEEP_MS) return;
  keptAt = Date.now();
  const token = document.querySelector('meta[name="csrf-token"]')?.content ?? "";
  fetch("/moderation/claims/keep", {
    method: "POST", headers: { "X-CSRFToken": token, "X-Requested-With": "fetch" },
  }).catch(() => {});
}

if (cases) {
  setTimeout(look, LOOK_MS);
  if (cases.hasAttribute("data-mine")) {
    for (const kind of ["keydown", "pointerdown"]) document.addEventListener(kind, keep, { passive: true });
  }
}

// A decision without scripts leads to the next case: go there with the focus too.
const target = location.hash.startsWith("#case-") && document.getElementById(location.hash.slice(1));
const isMine = cases?.hasAttribute("data-mine") && document.activeElement === document.body;
if (target) focusOn(target);
else if (isMine) open()[0]?.focus({ preventScroll: true }); // the keys act at once on what was taken
