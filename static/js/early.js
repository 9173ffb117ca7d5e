// Runs before the page is painted: branches that were folded on an earlier visit are folded from the beginning, so that
// nothing jumps. thread-fold.js takes over as soon as it can.

(() => {
  let ids;
  try {
    ids = (localStorage.getItem("folded") ?? "").match(/\d+/g);
  } catch {
    return; // a browser that keeps nothing has nothing folded
  }
  if (!ids || !("adoptedStyleSheets" in document)) return;
  const rules = ids.map((id) => `
    #comment-${id} ~ :is(.comments, .more-replies), #comment-${id} .act__fold { display: none }
    #comment-${id} .act__unfold { display: inline }`);
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(rules.join(""));
  document.adoptedStyleSheets = [sheet];
})();
