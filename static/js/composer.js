// The composer: counting, keeping what is typed, a preview in place, names for an @, and waiting.

import { keepInTab, keepOnServer, settled } from "./composer-drafts.js";
import { offerNames } from "./composer-names.js";
import { previewInPlace } from "./composer-preview.js";
import { waitInComposer } from "./composer-wait.js";

const COUNT_FROM = 0.8;
const segmenter = Intl.Segmenter && new Intl.Segmenter(undefined, { granularity: "grapheme" });

export { settled };

function characters(text) {
  if (/^[\x00-\x7f]*$/.test(text) || !segmenter) return text.length;
  let number = 0;
  for (const _ of segmenter.segment(text)) number += 1;
  return number;
}

/** Gives a composer what it has beyond its form. */
export function enhanceComposer(form) {
  const field = form.querySelector("textarea");
  const counter = form.querySelector("[data-count]");
  const limit = Number(form.dataset.limit) || Infinity;

  function count() {
    const used = characters(field.value.trim());
    counter.hidden = used < limit * COUNT_FROM;
    counter.textContent = `${used.toLocaleString("en")} of ${limit.toLocaleString("en")}`;
    counter.classList.toggle("is-over", used > limit);
  }

  if (form.elements.draft) (form.dataset.composer === "open" ? keepOnServer : keepInTab)(form, field);
  previewInPlace(form, field);
  if (form.dataset.people) offerNames(form, field);
  waitInComposer(form);
  field.addEventListener("input", count);
  form.addEventListener("sent", () => {
    field.value = "";
    form.classList.remove("has-error");
    for (const gone of form.querySelectorAll(".composer__error, .composer__notice, .composer__nudge")) gone.remove();
    for (const button of form.querySelectorAll("[data-label]")) button.textContent = button.dataset.label;
    field.removeAttribute("aria-invalid");
    count();
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit(form.querySelector("button.button--primary"));
    }
  });
  count();
}

/** Puts words behind those in a composer, as if they were typed, and the cursor behind them. */
export function addWords(form, words) {
  const field = form.querySelector("textarea");
  const before = field.value.trimEnd();
  field.value = before ? `${before}\n\n${words}` : words;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  putCursorBehind(field);
}

/** The cursor behind the last word, and that in view. */
export function putCursorBehind(field) {
  field.focus();
  field.setSelectionRange(field.value.length, field.value.length);
  field.scrollTop = field.scrollHeight;
}
