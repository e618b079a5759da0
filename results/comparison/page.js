"use strict";
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  // text and background follow the page; the colours of the methods are distinct on both
  function themed(layout) {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const axes = {};
    for (const name of ["xaxis", "yaxis"]) axes[name] = { ...layout[name], gridcolor: colour("--grid") };
    return {
      ...layout,
      ...axes,
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: "system-ui, sans-serif", size: 13, color: colour("--ink-2") },
      hoverlabel: { bgcolor: colour("--card"), bordercolor: colour("--line"), font: { color: colour("--ink") } },
      dragmode: window.matchMedia("(pointer: coarse)").matches ? false : "zoom",
    };
  }

  function draw() {
    for (const [name, { data, layout }] of Object.entries(figures)) {
      const config = { displayModeBar: false, responsive: true };
      Plotly.react(document.getElementById("chart-" + name), data, themed(layout), config);
    }
  }

  for (const button of document.querySelectorAll("[data-save]")) {
    button.addEventListener("click", () => {
      const { figure, save: format } = button.dataset;
      const chart = document.getElementById("chart-" + figure);
      const size = { width: Math.max(chart.clientWidth, 640), height: chart.clientHeight };
      Plotly.downloadImage(figures[figure], { format, filename: figure, scale: format === "png" ? 3 : 1, ...size });
    });
  }
  dark.addEventListener("change", draw);
  draw();
  for (const table of document.querySelectorAll(".scroll")) {
    new ResizeObserver(() => {
      table.previousElementSibling.hidden = table.scrollWidth <= table.clientWidth + 1;
    }).observe(table);
  }
})();
