"use strict";
(() => {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const views = {};

  // figures name their colours as CSS variables, so that one figure serves the light and the dark page
  function coloured(value, style) {
    if (typeof value === "string") {
      return value.startsWith("var(") ? style.getPropertyValue(value.slice(4, -1)).trim() : value;
    }
    if (Array.isArray(value)) return value.map((item) => coloured(item, style));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, coloured(item, style)]));
    }
    return value;
  }

  function draw(name) {
    const style = getComputedStyle(document.documentElement);
    const { data, layout } = coloured(charts[name], style);
    layout.yaxis.range = charts[name][views[name] || "focus"].slice();
    // where a finger scrolls the page, dragging on a chart must not zoom it
    if (window.matchMedia("(pointer: coarse)").matches) layout.dragmode = false;
    const config = {
      responsive: true,
      displaylogo: false,
      displayModeBar: false,
      doubleClick: "reset",
    };
    Plotly.react(document.getElementById("chart-" + name), data, layout, config);
  }

  function show(name, view) {
    views[name] = view;
    Plotly.relayout(document.getElementById("chart-" + name), { "yaxis.range": charts[name][view].slice() });
    for (const button of document.querySelectorAll(`[data-chart="${name}"]`)) {
      button.setAttribute("aria-pressed", String(button.dataset.view === view));
    }
  }

  for (const button of document.querySelectorAll("[data-view]")) {
    button.addEventListener("click", () => show(button.dataset.chart, button.dataset.view));
  }
  const all = () => Object.keys(charts).forEach(draw);
  dark.addEventListener("change", all);
  all();
})();
