// the details of a network in a dialog: opened by buttons and by points of the charts
(() => {
  const dialog = document.getElementById("details");
  const content = dialog.querySelector(".content");
  const names = [...document.querySelectorAll("template[id^='trial-'], template[id^='network-']")].map(({ id }) => id);
  let current = null;

  function empty() {
    for (const plot of content.querySelectorAll(".plot")) report.remove(plot);
    content.replaceChildren();
  }

  function fill(name) {
    empty();
    current = name;
    content.append(document.getElementById(name).content.cloneNode(true));
    const place = names.indexOf(name);
    for (const button of dialog.querySelectorAll("[data-step]")) {
      button.disabled = names[place + Number(button.dataset.step)] === undefined;
    }
    for (const plot of content.querySelectorAll(".plot")) report.draw(plot.id.slice("chart-".length));
    dialog.scrollTop = 0;
    content.querySelector("h2").focus();
  }

  // a point without details shows what it says when the pointer is over it
  function fillText(html) {
    empty();
    current = null;
    for (const button of dialog.querySelectorAll("[data-step]")) button.disabled = true;
    const title = document.createElement("h2");
    title.id = "details-title";
    title.tabIndex = -1;
    const [first, ...lines] = html.split("<br>").map((line) => {
      const text = document.createElement("textarea"); // decodes entities, runs nothing
      text.innerHTML = line.replace(/<[^>]*>/g, "");
      return text.value;
    });
    title.textContent = first;
    content.append(title);
    for (const line of [...lines, "Details are kept for the front, networks near it, and references."]) {
      const paragraph = document.createElement("p");
      paragraph.textContent = line;
      content.append(paragraph);
    }
    title.focus();
  }

  function open(name, text) {
    const isKnown = document.getElementById(name)?.matches("template");
    if (!isKnown && !text) return;
    if (!dialog.open) dialog.showModal();
    if (isKnown) fill(name);
    else fillText(text);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-details]");
    if (button) open(button.dataset.details);
  });
  for (const button of document.querySelectorAll("[data-details]")) {
    if (!names.includes(button.dataset.details)) button.disabled = true;
  }
  report.onPoint(({ customdata, text, hovertext }) => {
    if (customdata !== undefined) open(String(customdata).includes("-") ? customdata : "trial-" + customdata, hovertext || text);
  });

  function step(by) {
    const next = names[names.indexOf(current) + by];
    if (current !== null && next) fill(next);
  }
  for (const button of dialog.querySelectorAll("[data-step]")) {
    button.addEventListener("click", () => step(Number(button.dataset.step)));
  }
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // the backdrop
  });
  dialog.addEventListener("close", () => {
    if (!dialog.open) empty(); // the event comes later: the dialog may be open again
  });
})();
