// The thread goes on while it is read: new comments wait behind a button, changes show in their place. Nothing moves
// under a reader, at most one announcement in ten seconds, and all of it can be paused.

import { countDownEdits } from "./edit-countdown.js";
import { renewComposers } from "./live-composer.js";
import { Feed } from "./live-feed.js";
import { renew, showRespects } from "./live-update.js";
import { AT_ONCE, Waiting, counted, onPage } from "./live-waiting.js";
import { announce, markArrived, send } from "./thread-net.js";
import { place } from "./thread-place.js";

const LIVE_FOR_MS = 7 * 24 * 3600_000;
const ANNOUNCE_MS = 10_000;
const SPREAD_MS = 2_000; // pages that hear of a change together do not all ask for it at once
const POSTING_MS = 200;
const LONGEST_TIMER_MS = 2 ** 31 - 10_000;
const PAUSED = "live-paused";

const thread = document.querySelector(".thread[data-live]");
const list = document.getElementById("comment-list");
const pauseButton = thread?.querySelector("[data-live-pause]");
const readers = thread?.querySelector("[data-readers]");
const base = thread?.dataset.live;
const title = document.title;

const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));
const announced = new Set();
const toSay = [];
let lastSaid = -ANNOUNCE_MS;
let sayTimer = 0;
let whileHidden = new Set();
let turn = Promise.resolve();
let latest = 0; // the number of the last change that was told
let isPaused = storedPause();

const isBranch = thread && "oneBranch" in thread.dataset; // the page of one comment: what is said elsewhere is no news here
const waiting = thread && new Waiting(list, { atEnd: thread.dataset.sort === "oldest", isBranch, show });
const feed = thread && new Feed(base, Number(thread.dataset.version), thread.dataset.stream === "true", {
  events: (events) => { turn = turn.then(() => take(events)).catch(() => {}); },
  readers: (number) => { readers.textContent = number > 1 ? `${number.toLocaleString("en")} reading now` : ""; },
  end: () => {
    pauseButton.hidden = true;
    renewComposers(base, tell);
  },
});

/** Events in their order. One's own comment is not news, so while it is being sent this waits. */
async function take(events) {
  while (document.querySelector("form.composer[data-busy]")) await sleep(POSTING_MS);
  const stale = new Set();
  pauseButton.hidden = false; // where a discussion that had ended goes on
  for (const event of events) {
    if (event.kind === "reload") return offerReload();
    const comment = event.comment && onPage(event.comment);
    if (event.kind === "thread") await renewComposers(base, tell);
    else if (event.kind === "respect") comment && showRespects(comment, event.respects);
    else if (comment) isNews(event, comment) && stale.add(event.comment);
    else if (event.kind === "gone") waiting.drop(event.comment);
    else if (event.kind === "comment") waiting.add(event);
  }
  latest = events.at(-1).n;
  showCount(events.at(-1).count);
  waiting.draw();
  noteArrivals();
  if (stale.size) await renewAll([...stale]);
}

/** One's own comment is on the page before it is told of. */
function isNews(event, comment) {
  return event.kind !== "comment" || comment.dataset.status !== "published";
}

/** The page's numbers of comments; that of one comment has none. */
function showCount(number) {
  if (isBranch) return;
  const words = `${number.toLocaleString("en")} ${number === 1 ? "comment" : "comments"}`;
  const heading = document.getElementById("comments-title");
  if (heading) heading.textContent = number ? words : "Comments";
  const fact = document.querySelector(".article__facts a[href='#comments']");
  if (fact) fact.textContent = number ? words : "No comments yet";
}

/** Asks for comments as this reader's page would show them now; null when that did not work. */
async function fetched(ids, how) {
  const answer = await send(`${base}/comments/some?ids=${ids.join(",")}`, null, how);
  if (!answer?.ok) return null;
  const found = [...answer.fragment().querySelectorAll("article.comment")];
  return new Map(found.map((comment) => [Number(comment.id.slice("comment-".length)), comment]));
}

async function renewAll(ids) {
  await sleep(Math.random() * SPREAD_MS);
  for (let from = 0; from < ids.length; from += AT_ONCE) {
    const some = ids.slice(from, from + AT_ONCE);
    const fresh = await fetched(some, { quiet: true });
    if (!fresh) return;
    for (const id of some) {
      const comment = onPage(id);
      if (!comment) continue;
      const before = comment.dataset.status;
      renew(comment, fresh.get(id));
      markArrived(comment);
      countDownEdits(comment);
      if (["pending", "withheld"].includes(before) && comment.dataset.status === "published") tell("Your comment is published.");
    }
  }
}

/** Shows what the reader asked for, in the places the server would give it, and goes to the first. */
async function show(ids) {
  if (!belongHere(ids)) {
    location.assign(`${base}?sort=newest#comments`);
    return;
  }
  const fresh = await fetched(ids);
  if (!fresh) return;
  const placed = [];
  for (const id of [...ids].sort((one, other) => one - other)) {
    waiting.drop(id);
    const comment = fresh.get(id);
    if (comment && !onPage(id) && put(comment)) placed.push(comment);
  }
  document.getElementById("no-comments")?.remove();
  for (const comment of placed) {
    comment.classList.add("is-new");
    markArrived(comment);
    countDownEdits(comment);
  }
  waiting.draw();
  if (!waiting.ids.length) thread.dataset.reached = latest; // all that came was shown
  const [first] = placed.sort((one, other) => (one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1));
  first?.focus({ preventScroll: true });
  first?.scrollIntoView({ block: "nearest" });
  announce(placed.length ? counted(placed.length, placed.every((one) => one.dataset.parent) ? "reply" : "comment") : "They are no longer there.");
}

/** New roots stand on the page where their order begins, or ends. */
function belongHere(ids) {
  const isHere = thread.dataset.sort === "oldest" ? "isLast" in thread.dataset : "isFirst" in thread.dataset;
  return isHere || ids.every((id) => waiting.isReply(id));
}

function put(comment) {
  if (comment.dataset.parent) {
    const parent = onPage(comment.dataset.parent);
    if (parent) place(comment, parent);
    return parent !== null;
  }
  const item = document.createElement("li");
  item.append(comment);
  if (thread.dataset.sort === "oldest") list.append(item);
  else list.prepend(item);
  return true;
}

/** A discussion that closes by itself does so without anybody's doing anything. */
function closeAt(moment) {
  const wait = moment - Date.now();
  if (wait > 0 && wait < LONGEST_TIMER_MS) setTimeout(() => renewComposers(base, tell), wait + SPREAD_MS * (1 + Math.random()));
}

/** For a page that is too old to be told what it missed. */
function offerReload() {
  feed.stop();
  const bar = document.createElement("div");
  bar.className = "new-comments";
  const button = document.createElement("button");
  button.type = "button";
  button.className = "new-comments__button";
  button.textContent = "Much has been said since: load the page again";
  button.addEventListener("click", () => location.reload());
  bar.append(button);
  thread.querySelector(".new-comments")?.remove();
  list.before(bar);
  announce(button.textContent);
}

/** What arrived is told once: to who listens, at intervals, and in the title while nobody looks. */
function noteArrivals() {
  const fresh = waiting.ids.filter((id) => !announced.has(id));
  if (document.hidden) {
    fresh.forEach((id) => whileHidden.add(id));
    showTitle();
  }
  if (fresh.length) tell("");
}

/** Has something said with the next announcement. */
function tell(words) {
  if (words) toSay.push(words);
  sayTimer ||= setTimeout(say, Math.max(0, lastSaid + ANNOUNCE_MS - performance.now()));
}

function say() {
  sayTimer = 0;
  const fresh = waiting.ids.filter((id) => !announced.has(id));
  fresh.forEach((id) => announced.add(id));
  const replies = fresh.filter((id) => waiting.isReply(id)).length;
  if (fresh.length > replies) toSay.push(`${counted(fresh.length - replies, "comment")}.`);
  if (replies) toSay.push(`${counted(replies, "reply")}.`);
  if (!toSay.length) return;
  lastSaid = performance.now();
  announce(toSay.splice(0).join(" "));
}

function showTitle() {
  document.title = whileHidden.size ? `(${whileHidden.size}) ${title}` : title;
}

function storedPause() {
  try {
    return localStorage.getItem(PAUSED) !== null;
  } catch {
    return false;
  }
}

function keepPause() {
  try {
    if (isPaused) localStorage.setItem(PAUSED, "1");
    else localStorage.removeItem(PAUSED);
  } catch {
    // A browser that keeps nothing asks again on the next page.
  }
}

function obey() {
  pauseButton.textContent = isPaused ? "Resume live updates" : "Pause live updates";
  if (isPaused) feed.stop();
  else feed.start();
}

/** The same reader's other tabs show what was pressed here. */
function agree() {
  if (!("BroadcastChannel" in window)) return;
  const tabs = new BroadcastChannel("respects");
  document.addEventListener("respected", ({ target, detail }) => tabs.postMessage({ id: target.dataset.respect, ...detail }));
  tabs.addEventListener("message", ({ data }) => {
    const button = document.querySelector(`[data-respect="${Number(data.id)}"]`);
    if (!button || button.dataset.busy) return;
    button.setAttribute("aria-pressed", String(data.pressed));
    showRespects(button.closest(".comment"), data.count);
  });
}

if (thread) {
  if (Date.now() - Date.parse(thread.dataset.spokenAt) < LIVE_FOR_MS) {
    pauseButton.hidden = false;
    obey();
    agree();
    closeAt(Date.parse(thread.dataset.closesAt));
  }
  pauseButton.addEventListener("click", () => {
    isPaused = !isPaused;
    keepPause();
    obey();
    announce(isPaused ? "Live updates are paused." : "Live updates go on.");
  });
  window.addEventListener("storage", (event) => {
    if (pauseButton.hidden || (event.key !== PAUSED && event.key !== null)) return;
    isPaused = storedPause();
    obey();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    whileHidden = new Set();
    showTitle();
  });
  // One's own comment comes onto the page without a button.
  document.addEventListener("arrived", () => waiting.draw());
}
