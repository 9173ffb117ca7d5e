// Talking to the server, and to people who listen to the page.

import { elements } from "./trusted.js";

const LOST = "There is no connection at the moment. Nothing is lost: please try again.";

/** The answer to a GET, or with data to a POST; null when there is no connection, which the reader is told unless
    `quiet`. With `keepalive` it is sent even if the page goes away meanwhile. */
export async function send(url, data, { quiet = false, keepalive = false } = {}) {
  const token = document.querySelector('meta[name="csrf-token"]')?.content ?? "";
  const headers = { "X-Requested-With": "fetch" };
  if (data && !data.get("csrf_token")) headers["X-CSRFToken"] = token;
  try {
    const method = data ? "POST" : "GET";
    const response = await fetch(url, { method, body: data, headers, credentials: "same-origin", keepalive });
    if (response.redirected && !quiet) {
      goTo(response.url);
      return null;
    }
    const text = await response.text();
    return {
      ok: response.ok,
      status: response.status,
      text,
      json: () => JSON.parse(text),
      fragment: () => elements(text),
    };
  } catch {
    if (!quiet) announce(LOST);
    return null;
  }
}

export function goTo(url) {
  location.assign(url);
}

/** Says something through the page's polite live region. */
export function announce(words) {
  const live = document.getElementById("live");
  if (!live || !words) return;
  live.textContent = "";
  setTimeout(() => { live.textContent = words.trim(); }, 50);
}

/** Lets the page's other scripts look at markup that came later. */
export function markArrived(element) {
  element.dispatchEvent(new CustomEvent("arrived", { bubbles: true }));
}
