// Notes how far the reader has seen the discussion, when the page says that this is due; what came to an open page and
// was shown counts as seen when the page goes away.

import { send } from "./thread-net.js";

const place = document.querySelector("[data-visit]");
const thread = document.querySelector(".thread");

function note(number) {
  const data = new FormData();
  data.set("number", number);
  place.dataset.number = number;
  send(place.dataset.visit, data, { quiet: true, keepalive: true });
}

if (place) {
  if ("due" in place.dataset) note(place.dataset.number);
  window.addEventListener("pagehide", () => {
    const reached = Number(thread?.dataset.reached ?? 0);
    if (reached > Number(place.dataset.number)) note(reached);
  });
}
