// What comes too soon waits here: the button is let go by itself when the time has come. The server decides all the same.

import { announce } from "./thread-net.js";

const TICK_MS = 1000;

/** Counts down to when this composer's words can be sent, where there is something to wait for. */
export function waitInComposer(form) {
  const seconds = Number(form.dataset.wait);
  if (!seconds) return;
  const error = form.querySelector(".composer__error");
  const clock = error && besideSentence(error);
  tick({ form, error, clock, button: form.querySelector("button.button--primary") }, Date.now() + seconds * 1000);
}

/** What is seen counts down; what is heard is the sentence that said for how long, once. */
function besideSentence(error) {
  const [heard, seen] = [document.createElement("span"), document.createElement("span")];
  heard.className = "visually-hidden";
  heard.textContent = error.textContent;
  seen.setAttribute("aria-hidden", "true");
  seen.dataset.why = error.textContent.replace(/[^.]*\.\s*$/, "");
  error.replaceChildren(heard, seen);
  return seen;
}

function tick(waiting, freeAt) {
  const { form, error, clock, button } = waiting;
  if (!form.isConnected) return;
  const left = Math.ceil((freeAt - Date.now()) / 1000);
  button.disabled = left > 0;
  if (left > 0) {
    const time = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    if (clock) clock.textContent = `${clock.dataset.why} You can send this in ${time}. Nothing is lost.`;
    setTimeout(tick, TICK_MS, waiting, freeAt);
    return;
  }
  error?.remove();
  form.classList.remove("has-error");
  form.querySelector("textarea").removeAttribute("aria-invalid");
  announce("You can send this now.");
}
