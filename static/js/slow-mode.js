// Slow mode: counts down to one's next comment, beside the words. The server says the moment, and decides.

import { announce } from "./thread-net.js";

const TICK_MS = 1000;
const NOW = "Your next comment can be sent now.";

/** Counts down in this composer; after a comment was sent from the page, in all of them anew. */
export function countDownWait(form) {
  const list = form.querySelector("[data-gap]");
  if (!list) return;
  const line = list.querySelector("[data-free-at]");
  if (line) tick(line, Date.parse(line.dataset.freeAt));
}

/** A comment was just sent: the next one waits. */
export function waitAnew() {
  for (const list of document.querySelectorAll("[data-gap]")) {
    list.querySelector("[data-free-at]")?.remove();
    const line = document.createElement("li");
    line.dataset.freeAt = "";
    list.append(line);
    tick(line, Date.now() + Number(list.dataset.gap) * 1000);
  }
}

function tick(line, freeAt) {
  if (!line.isConnected) return;
  const left = Math.ceil((freeAt - Date.now()) / 1000);
  if (left <= 0) {
    line.textContent = NOW;
    announce(NOW);
    return;
  }
  const clock = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  line.textContent = `Your next comment can be sent in ${clock}. Until then it is kept here.`;
  setTimeout(tick, TICK_MS, line, freeAt);
}
