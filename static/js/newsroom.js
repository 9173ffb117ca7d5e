// Warns before a page with unsaved words is left, and quotes a Pick where the cursor stands. Without scripts the line
// goes to the end of the text.

const form = document.getElementById("editor");
let unsaved = form?.dataset.unsaved === "true";

form?.addEventListener("input", () => { unsaved = true; });
form?.addEventListener("submit", (event) => {
  if (event.submitter?.formTarget !== "_blank") unsaved = false;
});
window.addEventListener("beforeunload", (event) => {
  if (unsaved) event.preventDefault();
});

/** Puts a line of its own into a text where the cursor stands. */
function putLine(field, line) {
  const before = field.value.slice(0, field.selectionStart).trimEnd();
  const after = field.value.slice(field.selectionEnd).trimStart();
  field.value = [before, line, after].filter(Boolean).join("\n\n");
  const at = (before ? before.length + 2 : 0) + line.length;
  field.focus();
  field.setSelectionRange(at, at);
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

form?.addEventListener("click", (event) => {
  const button = event.target.closest("[data-quote]");
  if (!button) return;
  event.preventDefault();
  putLine(form.elements.body_source, button.dataset.quote);
  document.getElementById("live").textContent = "Put into the text.";
});
