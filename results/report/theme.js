// the colours: those of the system, or always light or dark; the choice is kept in the browser
(() => {
  const sheet = document.getElementById("dark");
  const MEDIA = { auto: sheet.media, light: "not all", dark: "screen" };
  const SCHEMES = { auto: "", light: "light", dark: "dark" };
  const buttons = document.querySelectorAll("[data-theme]");

  function choose(theme) {
    sheet.media = MEDIA[theme];
    document.documentElement.style.colorScheme = SCHEMES[theme];
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.theme === theme));
    report.drawAll();
  }

  function stored(theme) {
    try {
      if (theme) localStorage.setItem("mgnas-theme", theme);
      return localStorage.getItem("mgnas-theme");
    } catch {
      return null; // a browser may forbid storage to files
    }
  }

  for (const button of buttons) {
    button.addEventListener("click", () => {
      choose(button.dataset.theme);
      stored(button.dataset.theme);
    });
  }
  document.querySelector(".theme").hidden = false;
  const last = stored();
  if (last in MEDIA && last !== "auto") choose(last);
})();
