// The thread without reloads: posting, replying, respect, more replies, drafts. Every part of it works without this.

import { announce, send, goTo, markArrived } from "./thread-net.js";
import { addWords, enhanceComposer, putCursorBehind, settled } from "./composer.js";
import { countDownEdits } from "./edit-countdown.js";
import { countDownWait, waitAnew } from "./slow-mode.js";
import { place, placeOwn } from "./thread-place.js";
import "./follow.js";

const thread = document.querySelector(".thread");

/** Sends the composer's words and shows what became of them. */
async function post(form) {
  await settled(form);
  const answer = await send(form.action, new FormData(form));
  if (!answer) return;
  const fragment = answer.fragment();
  if (answer.status !== 201) {
    const again = fragment.querySelector("form.composer, .composer");
    if (!again) {
      announce(answer.text);
      return;
    }
    const why = again.querySelector(".composer__error, .quiz__lead, .composer__nudge-lead")?.textContent ?? "";
    form.replaceWith(again);
    enhance(again);
    again.querySelector("textarea:not([hidden]), input[type='radio']")?.focus();
    announce(why);
    return;
  }
  const item = fragment.querySelector("li");
  const comment = item.querySelector(".comment");
  comment.classList.add("is-new");
  put(item, comment);
  if (form.classList.contains("composer--reply") && form.id !== "composer") form.remove();
  else form.dispatchEvent(new Event("sent"));
  waitAnew();
  document.getElementById("no-comments")?.remove();
  if (comment.dataset.status === "published") countOneMore();
  markArrived(comment);
  countDownEdits(comment);
  comment.focus({ preventScroll: true });
  comment.scrollIntoView({ block: "nearest" });
  announce(item.dataset.announce);
}

/** The page's numbers of comments follow what was just published. */
function countOneMore() {
  if (!document.getElementById("comment-list")) return;
  for (const place of document.querySelectorAll("#comments-title, .article__facts a[href='#comments']")) {
    const number = Number(place.textContent.replace(/\D/g, "")) + 1;
    place.textContent = `${number.toLocaleString("en")} ${number === 1 ? "comment" : "comments"}`;
  }
}

function put(item, comment) {
  const parent = item.dataset.parent && document.getElementById(`comment-${item.dataset.parent}`);
  if (parent) place(comment, parent);
  else if (item.dataset.place === "list" && document.getElementById("comment-list")) placeOwn(item, "comment-list");
  else placeOwn(item, "own-comments");
}

/** Opens a composer under the comment that is answered; with `quoting`, with its words as a quotation. */
async function reply(link, quoting = false) {
  const id = link.dataset.reply ?? link.dataset.quote;
  const open = () => document.getElementById(`reply-${id}`);
  if (open() && !quoting) {
    open().querySelector("textarea")?.focus();
    return;
  }
  const selected = quoting && selectedIn(link.closest(".comment"));
  const answer = await send(selected ? `${link.href}&words=${encodeURIComponent(selected)}` : link.href);
  const composer = answer?.ok && answer.fragment().querySelector(".composer");
  if (!composer) {
    location.assign(link.href);
    return;
  }
  if (open()) {
    addWords(open(), composer.dataset.quotation);
    return;
  }
  composer.dataset.opener = id;
  link.closest(".comment").append(composer);
  enhance(composer);
  const field = composer.querySelector("textarea");
  if (field) putCursorBehind(field);
}

const LONGEST_SELECTION = 2000;
let lastSelection = null; // pressing the link may end it

/** What is selected of this comment's words, as far as everybody can read it. */
function selectedIn(comment) {
  const body = comment.querySelector(".comment__body");
  if (!lastSelection || !body?.contains(lastSelection.commonAncestorContainer)) return "";
  const copy = lastSelection.cloneContents();
  for (const hidden of copy.querySelectorAll(".spoiler")) hidden.replaceWith("(hidden words)");
  for (const block of copy.querySelectorAll("p, li, br, pre")) block.after("\n");
  return copy.textContent.trim().slice(0, LONGEST_SELECTION);
}

function noteSelection() {
  const selection = getSelection();
  lastSelection = selection.rangeCount && !selection.isCollapsed ? selection.getRangeAt(0).cloneRange() : null;
}

/**
 * Shows the new state at once and puts it back when the server refuses. A press while an earlier one is on its way is
 * kept: what was pressed last is what gets sent next.
 */
async function respect(button) {
  const count = button.querySelector(".act__count");
  const on = button.getAttribute("aria-pressed") !== "true";
  show(button, on, Number(count.textContent.replace(/\D/g, "")) + (on ? 1 : -1));
  button.dataset.wanted = on ? "1" : "0";
  if (button.dataset.busy) return;
  button.dataset.busy = "1";
  let sent;
  let answer;
  let said;
  do {
    sent = button.dataset.wanted;
    const data = new FormData(document.getElementById("thread-actions"));
    data.set("on", sent);
    answer = await send(button.formAction, data);
    said = answer?.ok ? answer.json() : null;
  } while (said && !said.go && button.dataset.wanted !== sent);
  delete button.dataset.busy;
  if (said?.go) {
    goTo(said.go);
  } else if (said) {
    show(button, said.pressed, said.count);
    button.dispatchEvent(new CustomEvent("respected", { bubbles: true, detail: said }));
  } else {
    takeBack(button, sent);
    if (answer) announce(answer.text);
  }
}

/** What the server has is the opposite of what it refused to become; the number follows what is shown. */
function takeBack(button, sent) {
  const kept = sent !== "1";
  if ((button.getAttribute("aria-pressed") === "true") === kept) return;
  const number = Number(button.querySelector(".act__count").textContent.replace(/\D/g, ""));
  show(button, kept, number + (kept ? 1 : -1));
}

function show(button, pressed, number) {
  button.setAttribute("aria-pressed", String(pressed));
  button.querySelector(".act__count").textContent = number > 0 ? number.toLocaleString("en") : "";
}

/** Puts further replies where they belong and moves the focus to the first of them. */
async function more(link) {
  link.setAttribute("aria-busy", "true");
  const answer = await send(link.href);
  if (!answer?.ok) {
    location.assign(link.href);
    return;
  }
  const fragment = answer.fragment();
  const next = fragment.querySelector("[data-more]");
  const arrived = [...fragment.querySelectorAll(".comment")];
  let first = null;
  for (const comment of arrived) {
    if (document.getElementById(comment.id)) continue;
    const parent = document.getElementById(`comment-${comment.dataset.parent}`);
    if (!parent) continue;
    const onward = comment.closest("li").querySelectorAll(":scope > .more-replies"); // to what stands further in
    place(comment, parent);
    comment.closest("li").append(...onward);
    markArrived(comment);
    countDownEdits(comment);
    first ??= comment;
  }
  if (!next) link.closest("li").querySelector(":scope > [data-new-way]")?.remove();
  if (next) link.replaceWith(next);
  else link.remove();
  first?.focus();
  announce(`${arrived.length} more ${arrived.length === 1 ? "reply" : "replies"}.`);
}

function enhance(composer) {
  if (!(composer instanceof HTMLFormElement) || composer.hasAttribute("data-quiz")) return;
  enhanceComposer(composer);
  countDownWait(composer);
  composer.addEventListener("submit", (event) => {
    const presser = event.submitter;
    if (composer.dataset.composer !== "open" || presser?.hasAttribute("formaction")) return;
    if (composer.action.endsWith("/edit")) return;
    if (!document.querySelector("ol.comments")) return; // a page of its own, with no list to put the comment in
    event.preventDefault();
    if (composer.dataset.busy) return;
    composer.dataset.busy = "1";
    presser?.classList.add("is-busy");
    post(composer).finally(() => {
      delete composer.dataset.busy;
      presser?.classList.remove("is-busy");
    });
  });
  composer.querySelector("[data-cancel]")?.addEventListener("click", (event) => {
    const opener = composer.dataset.opener;
    if (!opener) return;
    event.preventDefault();
    composer.remove();
    document.querySelector(`[data-reply="${opener}"]`)?.focus();
  });
}

/** A browser leaves autofocus alone when the address names a place, and gives the focus up on arriving there. */
function focusAsked() {
  if (document.activeElement === document.body) document.querySelector("#composer textarea[autofocus]")?.focus({ preventScroll: true });
}

if (thread) {
  document.querySelectorAll("form.composer").forEach(enhance);
  if (location.hash === "#composer") window.addEventListener("load", () => setTimeout(focusAsked));
  countDownEdits(document);
  thread.addEventListener("pointerdown", noteSelection, true);
  thread.addEventListener("keydown", noteSelection, true);
  thread.addEventListener("arrived", (event) => enhance(event.target));
  thread.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    const pressed = event.target.closest("[data-respect], [data-reply], [data-quote], [data-more]");
    if (!pressed) return;
    const answers = pressed.dataset.reply || pressed.dataset.quote;
    if (answers && !document.querySelector("[id='composer'][data-composer='open'], #comment-list")) return;
    event.preventDefault();
    if (pressed.dataset.respect) respect(pressed);
    else if (answers) reply(pressed, Boolean(pressed.dataset.quote));
    else more(pressed);
  });
}
