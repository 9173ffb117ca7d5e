// The composers of a page that is open, after a change of the thread. What was typed is never taken away.

import { keepHeight } from "./live-update.js";
import { countDownWait } from "./slow-mode.js";
import { markArrived, send } from "./thread-net.js";

/** Where it was closed: the sentence, and what was typed to be copied. Where it is open: what is said of that now. */
export async function renewComposers(base, tell) {
  const answer = await send(`${base}/composer`, null, { quiet: true });
  const fresh = answer?.ok && answer.fragment().querySelector(".composer");
  const old = document.getElementById("composer");
  if (!fresh || !old) return;
  const [wasOpen, isOpen] = [old.matches("form"), fresh.matches("form")];
  if (wasOpen && isOpen) {
    const [hint, says] = [old, fresh].map((composer) => composer.querySelector(".composer__hint"));
    if (hint && says) hint.textContent = says.textContent;
    renewBefore(old, fresh, tell);
  } else if (isOpen) {
    const [field, kept] = [fresh.querySelector("textarea"), old.querySelector(".composer__kept")];
    if (field && kept) field.value = kept.textContent;
    old.replaceWith(fresh);
    markArrived(fresh);
  } else if (!wasOpen) {
    old.querySelector("p").replaceWith(fresh.querySelector("p")); // below it may stand what was typed
  } else {
    for (const form of document.querySelectorAll("form.composer")) close(form, fresh.cloneNode(true));
    tell(fresh.textContent.trim());
  }
}

/** What to know before writing, where an editor changed how the discussion goes. */
function renewBefore(form, fresh, tell) {
  const [was, now] = [form, fresh].map((composer) => composer.querySelector(".composer__before"));
  // Without the line that counts down, which goes on by itself.
  const [old, words] = [was, now].map((list) =>
    [...(list?.querySelectorAll("li:not([data-free-at])") ?? [])].map((line) => line.textContent.trim()).join(" "));
  if (words === old) return;
  was?.remove();
  if (now) form.querySelector(".composer__head")?.after(now);
  countDownWait(form);
  if (words) tell(words);
}

function close(form, sentence) {
  const hadFocus = form.contains(document.activeElement);
  const words = form.querySelector("textarea")?.value ?? "";
  const height = form.offsetHeight;
  if (form.id !== "composer") sentence.removeAttribute("id");
  if (words.trim()) {
    const label = document.createElement("p");
    label.textContent = "What you wrote:";
    const kept = document.createElement("blockquote");
    kept.className = "composer__kept";
    kept.dir = "auto";
    kept.textContent = words;
    sentence.append(label, kept);
  }
  sentence.tabIndex = -1;
  form.replaceWith(sentence);
  keepHeight(sentence, height);
  if (hadFocus) sentence.focus({ preventScroll: true });
}
