"""The contrast of the texts on a page."""

from __future__ import annotations

import json

from tests.support.browser import Browser

LEAST_CONTRAST = 4.5
"""The contrast of text at level AA of WCAG 2.2, criterion 1.4.3."""
_CONTRASTS = """(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  function mixed(colours) {  // the colour of layers, from the lowest to the highest
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  }
  function luminance(rgb) {
    const [r, g, b] = rgb.map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }
  function contrast(element) {
    const layers = [];
    for (let one = element; one; one = one.parentElement) {
      layers.unshift(one instanceof SVGElement ? "transparent" : getComputedStyle(one).backgroundColor);
    }
    layers.unshift("white");
    const style = getComputedStyle(element);
    const ink = element instanceof SVGElement ? style.fill : style.color;
    const [dark, light] = [luminance(mixed(layers)), luminance(mixed([...layers, ink]))].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  }
  const found = [];
  const walker = document.createTreeWalker(document.querySelector(ROOT), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    const isShown = element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
    if (!text || !isShown || element.matches("style, script, :disabled, .annotation *")) continue;
    found.push([text.slice(0, 40), Math.round(100 * contrast(element)) / 100]);
  }
  return found;
})()"""


def contrasts(browser: Browser, root: str = "body") -> list[tuple[str, float]]:
    """The visible texts below an element, and the contrast of each with the colours behind it."""
    found: list[tuple[str, float]] = browser.evaluate(_CONTRASTS.replace("ROOT", json.dumps(root)))
    return found
