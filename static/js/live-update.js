// Changes of comments that are on the page already. Nothing that is being read moves, and nothing that is being
// written or marked is taken away.

const anchors = CSS.supports("overflow-anchor", "auto"); // the browser holds the place when something above changes

/** Whether somebody is at work in this comment: a composer is open, the focus or a selection is in it. */
function isInUse(comment) {
  const chosen = document.getSelection();
  const isMarked = chosen && !chosen.isCollapsed && chosen.containsNode(comment, true);
  return isMarked || comment.contains(document.activeElement) || comment.querySelector("form.composer") !== null;
}

function isInView(box) {
  return box.bottom > 0 && box.top < innerHeight;
}

/** Keeps a box as tall as it was until it is out of sight, so that what is below it stays where it is. */
export function keepHeight(element, height) {
  element.style.minBlockSize = `${height}px`;
  const watch = new IntersectionObserver(([entry]) => {
    if (entry.isIntersecting) return;
    watch.disconnect();
    outOfSight(element, () => { element.style.minBlockSize = ""; });
  });
  watch.observe(element);
}

/** Makes a change outside the window; one above it does not move what is inside. */
function outOfSight(element, change) {
  const before = element.getBoundingClientRect();
  change();
  if (!anchors && before.bottom <= 0) scrollBy(0, element.offsetHeight - before.height);
}

/** The number of respects, in its place. */
export function showRespects(comment, number) {
  const button = comment.querySelector("[data-respect]");
  if (button) {
    if (!button.dataset.busy) button.querySelector(".act__count").textContent = number > 0 ? number.toLocaleString("en") : "";
    return;
  }
  const actions = comment.querySelector(".comment__actions");
  const own = actions?.querySelector('.act[aria-disabled="true"]');
  const words = number > 0 ? `${number.toLocaleString("en")} ${number === 1 ? "respect" : "respects"}` : "";
  if (own) {
    own.textContent = words;
  } else if (actions && words) {
    // Behind the others, because these may be what is about to be pressed.
    const first = document.createElement("span");
    first.className = "act";
    first.setAttribute("aria-disabled", "true");
    first.textContent = words;
    actions.append(first);
  }
}

/** Puts a comment as it stands now in the place of what the page shows; without one it is no longer to be read. */
export function renew(comment, fresh) {
  const isGone = !fresh || fresh.classList.contains("is-gone");
  const isSameKind = fresh && comment.dataset.status === fresh.dataset.status && !comment.querySelector(".comment__note");
  if (isGone || !isSameKind) replaceAll(comment, fresh);
  else if (isInUse(comment)) offerText(comment, fresh);
  else if (!replaceText(comment, fresh)) offerText(comment, fresh);
}

/** A tombstone, or a comment that is to be read again. An open reply stays: its words belong to who is writing it. */
function replaceAll(comment, fresh) {
  const box = comment.getBoundingClientRect();
  const hadFocus = comment.contains(document.activeElement) && !document.activeElement.closest("form.composer");
  const change = () => {
    const kept = [...comment.querySelectorAll("form.composer")];
    const label = comment.querySelector(".comment__who");
    comment.replaceChildren(...(fresh ? fresh.childNodes : noLongerHere(label)), ...kept);
    comment.className = `${fresh ? fresh.className : "comment is-gone"}${comment.matches(".is-target") ? " is-target" : ""}`;
    comment.dataset.status = fresh ? fresh.dataset.status : "gone";
  };
  if (isInView(box)) {
    change();
    if (comment.offsetHeight < box.height) keepHeight(comment, box.height);
  } else {
    outOfSight(comment, change);
  }
  if (hadFocus) comment.focus({ preventScroll: true });
}

function noLongerHere(label) {
  label?.replaceChildren("Removed");
  const words = document.createElement("p");
  words.className = "comment__gone";
  words.textContent = "This comment is no longer here.";
  return label ? [label, words] : [words];
}

/** Shows the new text. False, and nothing done, where that would move what is being read. */
function replaceText(comment, fresh) {
  const body = comment.querySelector(".comment__body");
  const text = fresh.querySelector(".comment__body");
  if (!body || !text) return false;
  if (body.innerHTML === text.innerHTML) return true;
  const box = comment.getBoundingClientRect();
  const before = [...body.childNodes];
  const change = () => body.replaceChildren(...text.childNodes);
  if (!isInView(box)) {
    outOfSight(comment, change);
  } else {
    change();
    if (comment.offsetHeight > box.height) {
      text.replaceChildren(...body.childNodes);
      body.replaceChildren(...before);
      return false;
    }
    if (comment.offsetHeight < box.height) keepHeight(comment, box.height);
  }
  markEdited(comment, fresh);
  comment.querySelector(".comment__changed")?.remove();
  return true;
}

/** Who is at work in a comment, or would lose the line, presses a button to see the new text. */
function offerText(comment, fresh) {
  comment.querySelector(".comment__changed")?.remove();
  const button = document.createElement("button");
  button.type = "button";
  button.className = "comment__changed";
  button.textContent = "Edited: show";
  button.addEventListener("click", () => {
    comment.querySelector(".comment__body").replaceChildren(...fresh.querySelector(".comment__body").childNodes);
    markEdited(comment, fresh);
    button.remove();
    comment.focus({ preventScroll: true });
  });
  comment.append(button);
}

function markEdited(comment, fresh) {
  const mark = fresh.querySelector(".comment__edited");
  const old = comment.querySelector(".comment__edited");
  if (mark && old) old.replaceWith(mark);
  else if (mark) comment.querySelector(".comment__time")?.after(" ", mark);
}
