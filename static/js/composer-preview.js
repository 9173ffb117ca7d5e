// A preview in the place of the words: made by the server, which makes it as it will make the comment.

import { announce, send } from "./thread-net.js";

/** Lets the button "Preview" show what was typed as it would be published, and go back to the words. */
export function previewInPlace(form, field) {
  const button = form.querySelector("[data-preview]");
  const label = button?.textContent;
  const place = form.querySelector(".composer__field");
  if (!button) return;

  function back() {
    form.querySelector(".composer__preview")?.remove();
    place.hidden = false;
    button.textContent = label;
  }

  async function show() {
    button.setAttribute("aria-busy", "true");
    const answer = await send("/preview", new FormData(form));
    button.removeAttribute("aria-busy");
    if (!answer) return;
    form.querySelector(".composer__error")?.remove();
    if (!answer.ok) {
      refuse(answer.text);
      return;
    }
    const preview = answer.fragment().querySelector(".composer__preview");
    preview.style.minBlockSize = `${place.offsetHeight}px`;
    form.querySelector(".composer__preview")?.remove();
    place.before(preview);
    place.hidden = true;
    button.textContent = "Go on writing";
    announce("This is how it will look.");
  }

  function refuse(words) {
    const sentence = document.createElement("p");
    sentence.className = "composer__error";
    sentence.setAttribute("role", "alert");
    sentence.textContent = words;
    place.before(sentence);
    field.focus();
  }

  button.addEventListener("click", (event) => {
    if (!form.reportValidity() && !place.hidden) return;
    event.preventDefault();
    if (place.hidden) {
      back();
      field.focus();
    } else {
      show();
    }
  });
  form.addEventListener("submit", (event) => {
    if (event.submitter !== button) back();
  });
}
