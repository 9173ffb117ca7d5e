// Single keys that move the focus through a discussion: j and k from comment to comment, n and p among those that are
// new to the reader. They never act while somebody types, and can be turned off.

import { announce, send } from "./thread-net.js";
import { isFoldedAway, reveal, watchBranches } from "./thread-fold.js";

const KEYS_OFF = "reading-keys-off"; // of a visitor; a reader's choice is kept with the account
const thread = document.querySelector(".thread");
const dialog = document.getElementById("keys");
const reader = document.querySelector("[data-visit], [data-reader]");
let isOn = reader ? !("keysOff" in reader.dataset) : !storedOff();

function storedOff() {
  try {
    return localStorage.getItem(KEYS_OFF) !== null;
  } catch {
    return false;
  }
}

const isShown = (element) => element.getClientRects().length > 0;
const isBefore = (one, other) => Boolean(one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING);

function comments() {
  return [...thread.querySelectorAll("article.comment")].filter(isShown);
}

/** What is new here, and the ways to what is new elsewhere. A folded branch hides nothing from these keys. */
function news() {
  const found = [...thread.querySelectorAll(".comment__who > .comment__new, [data-new-way]")];
  return found
    .map((one) => (one.matches("[data-new-way]") ? one : one.closest(".comment")))
    .filter((one) => isShown(one) || isFoldedAway(one));
}

/** Where the reader is: in a comment, on a link of the thread, or at what the window shows first. */
function here() {
  const focused = document.activeElement;
  return focused && focused !== document.body && thread.contains(focused) ? focused : null;
}

function next(stops) {
  const at = here();
  if (!at) return stops.find((stop) => stop.getBoundingClientRect().bottom > 0 || isFoldedAway(stop)) ?? null;
  return stops.find((stop) => stop !== at && !stop.contains(at) && isBefore(at, stop)) ?? null;
}

function previous(stops) {
  const at = here();
  const before = (stop) => (at ? stop !== at && !stop.contains(at) && isBefore(stop, at) : stop.getBoundingClientRect().top < 0);
  return stops.filter(before).at(-1) ?? null;
}

function goTo(stop) {
  reveal(stop);
  stop.focus({ preventScroll: true });
  stop.scrollIntoView({ block: stop.matches(".comment") ? "start" : "center" });
}

function step(found, otherwise, words) {
  if (found) goTo(found);
  else if (otherwise && here() !== otherwise) goTo(otherwise);
  else announce(words);
}

const pageAfter = () => thread.querySelector(".pagination__next");
const pageBefore = () => thread.querySelector('.thread__above a[rel="prev"]');

/** On a way to another page, n goes there. */
function nextNew() {
  if (document.activeElement?.matches("[data-new-way]")) document.activeElement.click();
  else step(next(news()), null, news().length ? "That was the last new comment on this page." : "Nothing is new to you here.");
}

const ACTIONS = {
  j: () => step(next(comments()), pageAfter(), "That was the last comment on this page."),
  k: () => step(previous(comments()), pageBefore(), "This is the first comment on this page."),
  n: nextNew,
  p: () => step(previous(news()), thread.querySelector("[data-first-new]"), "This is the first new comment on this page."),
  "?": () => dialog?.showModal(),
};

function isTyping(target) {
  return target.isContentEditable || target.closest?.("input, select, textarea, [contenteditable], dialog, details.menu[open]");
}

function press(event) {
  if (!isOn || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || isTyping(event.target)) return;
  const action = ACTIONS[event.key];
  if (!action) return;
  event.preventDefault();
  action();
}

/** Keeps the choice: with the account, or in this browser. */
function turn(on) {
  isOn = on;
  if (reader) {
    const data = new FormData();
    data.set("keys", on ? "on" : "off");
    send("/account/reading", data);
    return;
  }
  try {
    if (on) localStorage.removeItem(KEYS_OFF);
    else localStorage.setItem(KEYS_OFF, "1");
  } catch {
    // A browser that keeps nothing asks again on the next page.
  }
}

/** Whom a comment answers is gone to in place where the page shows it. */
function follow(event) {
  const link = event.target.closest(".comment__to a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  const parent = document.getElementById(`comment-${link.closest(".comment").dataset.parent}`);
  if (!parent) return;
  event.preventDefault();
  goTo(parent);
}

if (thread) {
  watchBranches(thread);
  thread.addEventListener("click", follow);
  document.addEventListener("keydown", press);
  for (const opener of document.querySelectorAll("[data-keys-help]")) {
    opener.addEventListener("click", () => dialog.showModal());
  }
  const toggle = dialog?.querySelector("[data-keys-switch]");
  if (toggle) {
    toggle.checked = isOn;
    toggle.addEventListener("change", () => turn(toggle.checked));
  }
  thread.querySelector("[data-first-new]")?.addEventListener("click", (event) => {
    const target = event.currentTarget.hash && document.querySelector(event.currentTarget.hash);
    if (!target || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    goTo(target);
  });
}
