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
const anchors = [...document.querySelectorAll(".anchor")];
let next = 0;
document.addEventListener("keydown", (event) => {
  if (event.key === "v" && anchors.length > 0) {
    anchors[next++ % anchors.length].scrollIntoView({ block: "center" });
  } else if (event.key === "Escape" && shown !== null) {
    only(shown);
  }
});
