"use strict";
// Added to the page while it is served: asks for the state of the search and reloads the page after changes.
(() => {
  const POLL_MS = 2000;
  const MOST_MISSED = 3;
  const KEPT = "mgnas-kept-view";
  const version = document.currentScript.dataset.version;
  const root = document.documentElement;
  let missed = 0;
  let touched = 0;

  const badge = document.createElement("div");
  badge.setAttribute("role", "status");
  badge.id = "live";
  badge.style.cssText =
    "position:fixed;right:12px;bottom:12px;z-index:9;padding:4px 10px;border-radius:6px;font:13px system-ui;" +
    "background:#1d2733;color:#fff;box-shadow:0 1px 4px #0006;max-width:90vw";
  document.body.append(badge);

  function show(text) {
    if (badge.textContent !== text) badge.textContent = text;
  }

  const controls = () => [...document.querySelectorAll("input, select")];
  const switches = () => [...document.querySelectorAll("button[aria-pressed], [role=tab][aria-selected]")];
  const isOn = (button) => (button.getAttribute("aria-pressed") || button.getAttribute("aria-selected")) === "true";

  function keep() {
    const view = {
      scroll: [window.scrollX, window.scrollY],
      open: [...document.querySelectorAll("details")].map((one) => one.open),
      values: controls().map((one) => (["checkbox", "radio"].includes(one.type) ? one.checked : one.value)),
      on: switches().map(isOn),
      data: { ...root.dataset },
      classes: root.className,
      focus: document.activeElement && document.activeElement.id,
    };
    sessionStorage.setItem(KEPT, JSON.stringify(view));
  }

  function restore() {
    const view = JSON.parse(sessionStorage.getItem(KEPT) || "null");
    sessionStorage.removeItem(KEPT);
    if (!view) return;
    Object.assign(root.dataset, view.data);
    root.className = view.classes;
    const details = [...document.querySelectorAll("details")];
    if (details.length === view.open.length) details.forEach((one, i) => (one.open = view.open[i]));
    const found = controls();
    if (found.length === view.values.length) {
      found.forEach((one, i) => {
        const name = ["checkbox", "radio"].includes(one.type) ? "checked" : "value";
        if (one[name] === view.values[i]) return;
        one[name] = view.values[i];
        for (const kind of ["input", "change"]) one.dispatchEvent(new Event(kind, { bubbles: true }));
      });
    }
    const buttons = switches();
    if (buttons.length === view.on.length) {
      buttons.forEach((one, i) => { if (view.on[i] && !isOn(one)) one.click(); });
    }
    const focused = view.focus && document.getElementById(view.focus);
    if (focused) focused.focus({ preventScroll: true });
    const back = () => window.scrollTo(...view.scroll);
    back();
    requestAnimationFrame(() => requestAnimationFrame(back)); // after the charts have their height
  }

  // a reader at work is not interrupted: no reload within two seconds of an action, or with selected text
  for (const kind of ["pointerdown", "pointermove", "keydown", "wheel", "touchmove"]) {
    window.addEventListener(kind, () => (touched = Date.now()), { passive: true });
  }
  const isBusy = () =>
    document.hidden || Date.now() - touched < POLL_MS || !getSelection().isCollapsed ||
    document.fullscreenElement !== null || document.querySelector("dialog[open]") !== null;

  async function poll() {
    try {
      const answer = await fetch("state", { cache: "no-store" });
      if (!answer.ok) throw new Error(answer.statusText);
      const state = await answer.json();
      missed = 0;
      show(state.text);
      badge.dataset.state = state.state;
      if (state.version !== version && !isBusy()) {
        keep();
        location.reload();
        return;
      }
    } catch {
      missed += 1;
      if (missed >= MOST_MISSED) {
        show("no longer served: this page is the last state");
        return;
      }
    }
    setTimeout(poll, POLL_MS);
  }

  history.scrollRestoration = "manual";
  restore();
  poll();
})();
