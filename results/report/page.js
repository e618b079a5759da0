"use strict";
(() => {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const views = {};
  const PAPER_WIDTH = 640; // pixels between the margins of a printed A4 or letter page

  const place = (name) => document.getElementById("chart-" + name);

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

  function figureOf(name) {
    const { data, layout } = coloured(charts[name], getComputedStyle(root));
    layout.yaxis.range = charts[name][views[name] || "focus"].slice();
    return { data, layout };
  }

  function draw(name) {
    const { data, layout } = figureOf(name);
    if (root.classList.contains("on-paper")) {
      layout.width = Math.min(PAPER_WIDTH, place(name).clientWidth);
    }
    // where a finger scrolls the page, dragging on a chart must not zoom it
    if (window.matchMedia("(pointer: coarse)").matches) layout.dragmode = false;
    const config = { displaylogo: false, displayModeBar: false, doubleClick: "reset" };
    Plotly.react(place(name), data, layout, config).then(scalable);
  }

  // with a viewBox, the style sheet for print can scale a chart to the page
  function scalable(chart) {
    for (const svg of chart.querySelectorAll(".main-svg")) {
      svg.setAttribute("viewBox", `0 0 ${svg.getAttribute("width")} ${svg.getAttribute("height")}`);
    }
  }

  function show(name, view) {
    views[name] = view;
    Plotly.relayout(place(name), { "yaxis.range": charts[name][view].slice() });
    for (const button of document.querySelectorAll(`[data-chart="${name}"]`)) {
      button.setAttribute("aria-pressed", String(button.dataset.view === view));
    }
  }

  // a saved picture has the colours of the light page, the ranges that are shown, and a legend
  function save(name, format) {
    root.classList.add("on-paper");
    const { data, layout } = figureOf(name);
    layout.paper_bgcolor = layout.plot_bgcolor = getComputedStyle(root).getPropertyValue("--card").trim();
    root.classList.remove("on-paper");
    const shown = place(name).layout;
    for (const axis of ["xaxis", "yaxis"]) {
      if (shown[axis].range) Object.assign(layout[axis], { range: shown[axis].range.slice(), autorange: false });
    }
    if (data.length > 1) layout.showlegend = true;
    if (name === "curves") layout.legend = { x: 1.02, y: 1, xanchor: "left", yanchor: "top" };
    layout.margin = { l: 16, r: 16, t: 16, b: 16 };
    const size = { width: Math.max(place(name).clientWidth, 640), height: place(name).clientHeight };
    const filename = `${document.querySelector("h1").textContent}-${name}`;
    return Plotly.downloadImage({ data, layout }, { format, filename, scale: format === "png" ? 3 : 1, ...size });
  }

  for (const button of document.querySelectorAll("[data-view]")) {
    button.addEventListener("click", () => show(button.dataset.chart, button.dataset.view));
  }
  for (const button of document.querySelectorAll("[data-save]")) {
    button.addEventListener("click", () => save(button.dataset.figure, button.dataset.save));
  }
  const all = () => Object.keys(charts).forEach(draw);
  function printing(isOn) {
    root.classList.toggle("on-paper", isOn);
    all();
  }
  window.addEventListener("beforeprint", () => printing(true));
  window.addEventListener("afterprint", () => printing(false));
  dark.addEventListener("change", all);
  all();

  const sizes = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (target.matches(".scroll")) {
        target.previousElementSibling.hidden = target.scrollWidth <= target.clientWidth + 1;
      } else if (!root.classList.contains("on-paper")) {
        Plotly.Plots.resize(target).then(() => scalable(target));
      }
    }
  });
  for (const element of document.querySelectorAll(".scroll, .plot")) sizes.observe(element);
})();
