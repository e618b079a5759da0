"use strict";
// draws the charts and saves them; the other scripts use what it returns
const report = (() => {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const views = {};
  const drawn = new Set();
  let pointListener = () => {};
  const MARGIN = "600px"; // charts this far from the window are drawn at once
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
    const plot = place(name);
    Plotly.react(plot, data, layout, config).then(scalable);
    if (drawn.has(plot)) return;
    drawn.add(plot);
    plot.on("plotly_click", ({ points }) => pointListener(points[0]));
    sizes.observe(plot);
  }

  // with a viewBox, the style sheet for print can scale a chart to the page
  function scalable(chart) {
    for (const svg of chart.querySelectorAll(".main-svg")) {
      svg.setAttribute("viewBox", `0 0 ${svg.getAttribute("width")} ${svg.getAttribute("height")}`);
    }
  }

  function show(name, view) {
    views[name] = view;
    if (drawn.has(place(name))) Plotly.relayout(place(name), { "yaxis.range": charts[name][view].slice() });
    for (const button of document.querySelectorAll(`[data-chart="${name}"]`)) {
      button.setAttribute("aria-pressed", String(button.dataset.view === view));
    }
  }

  // a saved picture has the colours of the light page, the ranges that are shown, and a legend
  function save(name, format) {
    if (!drawn.has(place(name))) draw(name);
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

  // a drawing of the page as a file: SVG text with the colours of the light page
  function savePicture(name, format) {
    const drawing = document.querySelector(`#${CSS.escape(name)} svg`).cloneNode(true);
    const paper = document.createElementNS(drawing.namespaceURI, "rect");
    drawing.prepend(paper);
    root.classList.add("on-paper");
    const style = getComputedStyle(root);
    for (const [field, value] of Object.entries({ width: "100%", height: "100%", fill: "var(--card)" })) {
      paper.setAttribute(field, value);
    }
    const text = new XMLSerializer()
      .serializeToString(drawing)
      .replace(/var\((--[\w-]+)\)/g, (_, variable) => style.getPropertyValue(variable).trim());
    root.classList.remove("on-paper");
    const filename = `${document.querySelector("h1").textContent}-${name}.${format}`;
    const picture = new Blob([text], { type: "image/svg+xml" });
    if (format === "svg") return download(picture, filename);
    const image = new Image();
    image.onload = () => {
      const canvas = document.createElement("canvas");
      const scale = 3;
      canvas.width = scale * drawing.getAttribute("width");
      canvas.height = scale * drawing.getAttribute("height");
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob((blob) => download(blob, filename));
    };
    image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(text);
  }

  function download(blob, filename) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = filename;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  document.addEventListener("click", ({ target }) => {
    const button = target.closest("button");
    if (!button) return;
    const { chart, view, figure, picture, save: format } = button.dataset;
    if (view) show(chart, view);
    if (format && figure) save(figure, format);
    if (format && picture) savePicture(picture, format);
  });

  const sizes = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (target.matches(".scroll")) {
        target.previousElementSibling.hidden = target.scrollWidth <= target.clientWidth + 1;
      } else if (target.isConnected && target.data && !root.classList.contains("on-paper")) {
        Plotly.Plots.resize(target).then(() => scalable(target));
      }
    }
  });
  for (const element of document.querySelectorAll(".scroll")) sizes.observe(element);

  // charts in templates have no place yet
  const names = Object.keys(charts).filter(place);
  const drawAll = () => names.filter((name) => drawn.has(place(name))).forEach(draw);

  // the first screen is ready before charts below it are drawn, which takes seconds with thousands of trials
  const nearby = new IntersectionObserver(
    (entries) => entries.filter(({ isIntersecting }) => isIntersecting).forEach(({ target }) => drawFirst(target)),
    { rootMargin: MARGIN },
  );
  function drawFirst(plot) {
    nearby.unobserve(plot);
    if (!drawn.has(plot)) draw(plot.id.slice("chart-".length));
  }
  const whenIdle = window.requestIdleCallback || ((task) => setTimeout(task, 50));
  function drawRest() {
    const next = names.find((name) => !drawn.has(place(name)));
    if (!next) return;
    drawFirst(place(next));
    whenIdle(drawRest);
  }
  for (const name of names) nearby.observe(place(name));
  window.addEventListener("load", () => whenIdle(drawRest));

  function printing(isOn) {
    root.classList.toggle("on-paper", isOn);
    names.forEach(draw);
  }
  window.addEventListener("beforeprint", () => printing(true));
  window.addEventListener("afterprint", () => printing(false));
  dark.addEventListener("change", drawAll);

  function remove(plot) {
    sizes.unobserve(plot);
    drawn.delete(plot);
    Plotly.purge(plot);
  }

  // calls `listener` with each point that is clicked
  const onPoint = (listener) => {
    pointListener = listener;
  };
  return { draw, drawAll, remove, onPoint };
})();
