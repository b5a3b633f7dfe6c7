"use strict";
// The page tells everything without this: it only helps to find one's way.
document.documentElement.classList.add("scripted");
const rows = document.querySelectorAll(".row");
let shown = null;
const only = (name) => {
  shown = shown === name ? null : name;
  for (const row of rows) {
    const touches = row.dataset.names.split(" ").includes(shown);
    row.classList.toggle("dim", shown !== null && !touches && !row.matches(".violated, .broken"));
  }
  for (const head of document.querySelectorAll("[data-name]")) {
    head.classList.toggle("dim", shown !== null && head.dataset.name !== shown);
  }
};
for (const head of document.querySelectorAll("[data-name]")) {
  head.addEventListener("click", () => only(head.dataset.name));
}
// To the next violation, fault or takeover, or the one before: from the one that was shown last,
// unless the reader has scrolled away from it.
const shownLast = new Map();
const jump = (to, back) => {
  const anchors = [...document.querySelectorAll(`.anchor[id^="${to}"]`)];
  if (anchors.length === 0) return;
  const top = (anchor) => anchor.getBoundingClientRect().top;
  const last = shownLast.get(to);
  let next;
  if (last !== undefined && top(anchors[last]) >= 0 && top(anchors[last]) <= innerHeight) {
    next = back ? last - 1 : last + 1;
  } else {
    const below = anchors.findIndex((anchor) => top(anchor) > innerHeight / 2);
    const after = below < 0 ? anchors.length : below;
    next = back ? after - 1 : after;
  }
  next = (next + anchors.length) % anchors.length;
  shownLast.set(to, next);
  anchors[next].scrollIntoView({ block: "center" });
};
const jumps = [...document.querySelectorAll("[data-jump]")];
for (const button of jumps) {
  button.addEventListener("click", (event) => jump(button.dataset.jump, event.shiftKey));
}
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const button = jumps.find((button) => button.dataset.key === event.key.toLowerCase());
  if (button !== undefined) {
    jump(button.dataset.jump, event.shiftKey);
  } else if (event.key === "Escape" && shown !== null) {
    only(shown);
  }
});
