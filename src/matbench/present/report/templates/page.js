// Only what the page can do without: the theme, and all tables at once. Nothing is stored, nothing is fetched.
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const buttons = document.querySelectorAll("button[data-set-theme]");
  for (const button of buttons) {
    button.addEventListener("click", () => {
      const theme = button.dataset.setTheme;
      if (theme) root.dataset.theme = theme;
      else delete root.dataset.theme;
      for (const each of buttons) each.setAttribute("aria-pressed", String(each === button));
    });
  }
  for (const button of document.querySelectorAll("button[data-open-all]")) {
    button.addEventListener("click", () => {
      const open = button.getAttribute("aria-pressed") !== "true";
      for (const each of document.querySelectorAll("details")) each.open = open;
      button.setAttribute("aria-pressed", String(open));
    });
  }
})();
