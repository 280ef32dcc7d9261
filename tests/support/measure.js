"use strict";
(() => {
  const root = document.documentElement;
  const width = root.clientWidth;
  const name = (element) => `${element.localName}.${element.className?.baseVal ?? element.className}`;
  const elements = [...document.body.querySelectorAll("*")].filter((e) => e.getClientRects().length > 0);
  const clipped = (element) => {
    for (let up = element; up; up = up.parentElement) {
      const style = getComputedStyle(up);
      if (style.clipPath !== "none" || style.overflowX === "hidden") return true;
    }
    return false;
  };
  const overflowing = elements
    .filter((e) => e.getBoundingClientRect().right > width + 1 && !clipped(e))
    .map(name);
  // Contrast as WCAG 2 has it.
  const rgb = (colour) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => {
    const part = (c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const behind = (element) => {
    for (let up = element; up; up = up.parentElement) {
      const colour = rgb(getComputedStyle(up).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const says = (e) => [...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.data.trim());
  const low_contrast = elements
    .filter((e) => says(e) && !(e instanceof SVGElement))
    .map((e) => {
      const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
      return [name(e), (a + 0.05) / (b + 0.05)];
    })
    .filter(([, ratio]) => ratio < 4.5)
    .map(([what, ratio]) => `${what} ${ratio.toFixed(2)}`);
  root.dataset.measured = JSON.stringify({
    width: window.innerWidth,
    scroll_width: root.scrollWidth,
    overflowing: [...new Set(overflowing)],
    low_contrast: [...new Set(low_contrast)],
    unnamed_charts: [...document.querySelectorAll("svg[role=img]:not([aria-label])")].length,
  });
})();
