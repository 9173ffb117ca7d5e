// Names for an @: a list of people in the discussion, for the keyboard as much as for the pointer.
//
// The focus stays in the field, which says which of the names is meant (aria-activedescendant). What is chosen is
// written in brackets, so that no other name can be meant.

import { announce, send } from "./thread-net.js";

const ASK_AFTER_MS = 150;
const LOOK_BACK = 82;
const SIGN = /(?:^|[^\p{L}\p{M}\p{N}_@.+/-])@\[?((?:[\p{L}\p{M}\p{N}][\p{L}\p{M}\p{N} .'’_-]*)?)$/u;
let number = 0;

/** Lets a composer's field offer names behind an @. */
export function offerNames(form, field) {
  const list = document.createElement("ul");
  list.id = `names-${(number += 1)}`;
  list.className = "names";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "People in this discussion");
  list.hidden = true;
  field.after(list);
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-haspopup", "listbox");
  field.setAttribute("aria-controls", list.id);

  let timer = 0;
  let asked = null; // what was typed when the names of the list were asked for
  let nobody = null; // nobody's name begins like this, so nobody's begins like something longer

  function typed() {
    const at = field.selectionStart;
    if (at !== field.selectionEnd) return null;
    return SIGN.exec(field.value.slice(Math.max(0, at - LOOK_BACK), at))?.[1] ?? null;
  }

  function close() {
    clearTimeout(timer);
    list.hidden = true;
    list.replaceChildren();
    field.removeAttribute("aria-activedescendant");
  }

  async function ask() {
    const words = typed();
    if (words === null || (nobody !== null && words.startsWith(nobody))) {
      close();
      return;
    }
    const answer = await send(`${form.dataset.people}?q=${encodeURIComponent(words)}`, null, { quiet: true });
    if (!answer?.ok || typed() !== words) return;
    const names = answer.json();
    if (!names.length) {
      nobody = words;
      close();
      return;
    }
    const before = list.children.length;
    asked = words;
    list.replaceChildren(...names.map(option));
    list.hidden = false;
    choose(list.firstElementChild);
    if (before !== names.length) {
      announce(`${names.length === 1 ? "One name" : `${names.length} names`}. Arrow keys choose, Enter takes it.`);
    }
  }

  function option({ name, token }, at) {
    const item = document.createElement("li");
    item.id = `${list.id}-${at}`;
    item.setAttribute("role", "option");
    item.dataset.token = token;
    const words = document.createElement("bdi");
    words.textContent = name;
    item.append(words);
    return item;
  }

  function choose(item) {
    for (const other of list.children) other.setAttribute("aria-selected", String(other === item));
    field.setAttribute("aria-activedescendant", item.id);
    item.scrollIntoView({ block: "nearest" });
  }

  function chosen() {
    return list.querySelector('[aria-selected="true"]');
  }

  function take(item) {
    const end = field.selectionStart;
    let start = end - asked.length - 1;
    if (field.value[start] === "[") start -= 1;
    field.setRangeText(`${item.dataset.token} `, start, end, "end");
    close();
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  const keys = {
    ArrowDown: () => choose(chosen().nextElementSibling ?? list.firstElementChild),
    ArrowUp: () => choose(chosen().previousElementSibling ?? list.lastElementChild),
    Enter: () => take(chosen()),
    Tab: () => take(chosen()),
    Escape: close,
  };
  field.addEventListener("keydown", (event) => {
    const key = !list.hidden && !event.ctrlKey && !event.metaKey && !event.shiftKey && keys[event.key];
    if (!key) return;
    event.preventDefault();
    event.stopPropagation();
    key();
  });
  field.addEventListener("input", () => {
    const words = typed();
    if (words === null) {
      nobody = null;
      close();
      return;
    }
    if (nobody !== null && !words.startsWith(nobody)) nobody = null;
    clearTimeout(timer);
    timer = setTimeout(ask, ASK_AFTER_MS);
  });
  field.addEventListener("blur", close);
  list.addEventListener("pointerdown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const item = event.target.closest("li");
    if (item) take(item);
  });
}
