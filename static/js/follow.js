// Follow without a reload, and let the bell know that what it speaks of is being read. Every part works without this.

import { announce, send } from "./thread-net.js";

/** Follows or no longer; the button shows the new state once the server has it. */
async function follow(button) {
  if (button.dataset.busy) return;
  button.dataset.busy = "1";
  const data = new FormData(button.form);
  data.set("on", button.value);
  const answer = await send(button.formAction, data);
  delete button.dataset.busy;
  if (!answer) return;
  if (!answer.ok) {
    announce(answer.text);
    return;
  }
  const { following } = answer.json();
  button.setAttribute("aria-pressed", String(following));
  button.value = following ? "0" : "1";
  button.firstChild.textContent = following ? "Following" : "Follow";
  announce(following ? "You are told when something is new here." : "You are no longer told.");
}

/** Only a page that somebody looks at counts as read: not one that a browser has fetched ahead. */
function whenSeen(call) {
  if (document.visibilityState === "visible" && !document.prerendering) {
    call();
    return;
  }
  const look = () => {
    if (document.visibilityState !== "visible" || document.prerendering) return;
    document.removeEventListener("visibilitychange", look);
    document.removeEventListener("prerenderingchange", look);
    call();
  };
  document.addEventListener("visibilitychange", look);
  document.addEventListener("prerenderingchange", look);
}

async function tellSeen(form) {
  const answer = await send(form.action, new FormData(form));
  if (!answer?.ok) return;
  const { unread } = answer.json();
  const bell = document.querySelector(".bell");
  const count = bell?.querySelector(".bell__count");
  if (count && unread) count.textContent = unread;
  else count?.remove();
  bell?.classList.toggle("bell--unread", Boolean(unread));
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-follow]");
  if (!button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  follow(button);
});

const seen = document.querySelector("[data-seen]");
if (seen) whenSeen(() => tellSeen(seen));
