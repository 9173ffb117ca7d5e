// Folding a branch: the replies to a comment are hidden, and stay hidden when the reader comes back.

const KEPT = "folded"; // the ids of folded comments, the latest last; early.js reads it too
const MOST_KEPT = 200;

const toggleOf = (comment) => comment.querySelector(":scope > .comment__actions > [data-fold]");
const repliesTo = (comment) => comment.closest("li")?.querySelector(":scope > ol.comments") ?? null;
const words = (count) => `${count.toLocaleString("en")} ${count === 1 ? "reply" : "replies"}`;

function stored() {
  try {
    return (localStorage.getItem(KEPT) ?? "").match(/\d+/g) ?? [];
  } catch {
    return [];
  }
}

function keep(id, isFolded) {
  const ids = stored().filter((other) => other !== id);
  if (isFolded) ids.push(id);
  try {
    localStorage.setItem(KEPT, ids.slice(-MOST_KEPT).join(","));
  } catch {
    // A browser that keeps nothing shows the branch again on the next visit.
  }
}

function fold(comment, isFolded) {
  const toggle = toggleOf(comment);
  if (!toggle) return;
  comment.classList.toggle("is-folded", isFolded);
  toggle.setAttribute("aria-expanded", String(!isFolded));
}

/** Whether a comment or link is out of sight because a branch above it is folded. */
export function isFoldedAway(element) {
  return foldedAbove(element).length > 0;
}

function foldedAbove(element) {
  const found = [];
  const beside = element.matches(".more-replies") && element.parentElement.querySelector(":scope > .comment.is-folded");
  if (beside) found.push(beside);
  for (let list = element.closest("ol.comments"); list; list = list.parentElement.closest("ol.comments")) {
    const parent = list.parentElement.querySelector(":scope > .comment.is-folded");
    if (parent && parent !== element) found.push(parent);
  }
  return found;
}

/** Unfolds whatever hides this. */
export function reveal(element) {
  for (const comment of foldedAbove(element)) {
    fold(comment, false);
    keep(comment.id.slice("comment-".length), false);
  }
}

/** Brings the button of a comment in line with the replies the page has; the server may have counted more. */
function recount(comment) {
  const replies = repliesTo(comment);
  const here = replies ? replies.querySelectorAll(".comment").length : 0;
  const old = toggleOf(comment);
  if (!here) {
    old?.remove();
    return;
  }
  const id = comment.id.slice("comment-".length);
  replies.id ||= `replies-${id}`;
  const toggle = old ?? button(id);
  const said = Number(toggle.textContent.match(/[\d,]+/)?.[0].replaceAll(",", "") ?? 0);
  const count = Math.max(said, here);
  toggle.querySelector(".act__fold").textContent = `Hide ${words(count)}`;
  toggle.querySelector(".act__unfold").textContent = `Show ${words(count)}`;
  if (old) return;
  comment.querySelector(":scope > .comment__actions")?.append(toggle);
  fold(comment, comment.classList.contains("is-folded"));
}

function button(id) {
  const toggle = document.createElement("button");
  toggle.type = "button";
  toggle.className = "act act--fold";
  toggle.dataset.fold = id;
  toggle.setAttribute("aria-controls", `replies-${id}`);
  for (const name of ["act__fold", "act__unfold"]) {
    const label = document.createElement("span");
    label.className = name;
    toggle.append(label);
  }
  return toggle;
}

/** Somebody came for a comment: it is shown, whatever was folded. One that is not here has a page that leads to it. */
function showTarget() {
  const [, id] = /^#comment-(\d+)$/.exec(location.hash) ?? [];
  const target = id && document.getElementById(`comment-${id}`);
  if (id && !target && location.pathname !== `/comments/${id}`) location.replace(`/comments/${id}${location.hash}`);
  if (!target || !isFoldedAway(target)) return;
  reveal(target);
  target.focus({ preventScroll: true });
  target.scrollIntoView({ block: "start" });
}

/** Watches this thread's branches. */
export function watchBranches(thread) {
  for (const id of stored()) {
    const comment = document.getElementById(`comment-${id}`);
    if (comment) fold(comment, true);
  }
  document.adoptedStyleSheets = [];
  showTarget();
  window.addEventListener("hashchange", showTarget);
  thread.addEventListener("click", (event) => {
    const toggle = event.target.closest("[data-fold]");
    if (!toggle) return;
    const comment = toggle.closest(".comment");
    const isFolded = !comment.classList.contains("is-folded");
    fold(comment, isFolded);
    keep(toggle.dataset.fold, isFolded);
  });
  document.addEventListener("arrived", (event) => {
    let comment = event.target.closest?.(".comment");
    while (comment) {
      recount(comment);
      comment = comment.closest("ol.comments")?.parentElement.querySelector(":scope > .comment");
    }
  });
}
