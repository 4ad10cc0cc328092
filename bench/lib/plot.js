/**
 * Line charts as SVG, for documents: readable on light and dark pages, since a picture in Markdown follows the reader's own
 * preference and stands on a ground of its own.
 */

const WIDTH = 640;
const HEIGHT = 300;
const BOX = { left: 64, right: 620, top: 52, bottom: 244 };

/** Markers distinguish the lines without colour; contrasts suit light and dark backgrounds. */
const STYLE = `
    .ground { fill: #ffffff; stroke: #d0d7de; }
    text { font: 12px system-ui, sans-serif; fill: #1f2328; }
    .title { font-size: 14px; font-weight: 600; }
    .grid { stroke: #d8dee4; stroke-width: 1; }
    .axis { stroke: #59636e; stroke-width: 1; }
    .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
    .spread { stroke-width: 1; }
    .s0 { stroke: #0b5cad; } .m0 { fill: #0b5cad; }
    .s1 { stroke: #b3420a; } .m1 { fill: #b3420a; }
    .s2 { stroke: #1a7f37; } .m2 { fill: #1a7f37; }
    .s3 { stroke: #8250df; } .m3 { fill: #8250df; }
    @media (prefers-color-scheme: dark) {
      .ground { fill: #0d1117; stroke: #3d444d; }
      text { fill: #e6edf3; }
      .grid { stroke: #262c36; }
      .axis { stroke: #9198a1; }
      .s0 { stroke: #58a6ff; } .m0 { fill: #58a6ff; }
      .s1 { stroke: #f0883e; } .m1 { fill: #f0883e; }
      .s2 { stroke: #3fb950; } .m2 { fill: #3fb950; }
      .s3 { stroke: #bc8cff; } .m3 { fill: #bc8cff; }
    }`;

/**
 * @param {{ title: string, x: { name: string, scale: "linear" | "log" | "category" }, y: { name: string },
 *   lines: { name: string, points: { x: number, y: number, min?: number, max?: number }[] }[] }} chart at most four lines; the y axis
 *   begins at 0
 * @returns {string} an SVG document
 */
function plot({ title, x, y, lines }) {
  const xs = [...new Set(lines.flatMap(({ points }) => points.map((point) => point.x)))].sort((a, b) => a - b);
  const top = Math.max(...lines.flatMap(({ points }) => points.map((point) => point.max ?? point.y)), 0);
  const steps = stepsTo(top);
  const atX = scaleOf(x.scale, xs);
  const atY = (value) => BOX.bottom - (value / steps.at(-1)) * (BOX.bottom - BOX.top);
  const parts = [];
  for (const value of steps) {
    const at = round(atY(value));
    parts.push(`<line class="grid" x1="${BOX.left}" y1="${at}" x2="${BOX.right}" y2="${at}"/>`);
    parts.push(`<text x="${BOX.left - 8}" y="${at + 4}" text-anchor="end">${short(value)}</text>`);
  }
  for (const value of x.scale === "linear" ? stepsTo(xs.at(-1)) : xs) {
    const at = round(atX(value));
    parts.push(`<line class="axis" x1="${at}" y1="${BOX.bottom}" x2="${at}" y2="${BOX.bottom + 5}"/>`);
    parts.push(`<text x="${at}" y="${BOX.bottom + 20}" text-anchor="middle">${short(value)}</text>`);
  }
  parts.push(`<path class="axis" fill="none" d="M${BOX.left} ${BOX.top}V${BOX.bottom}H${BOX.right}"/>`);
  for (const [n, line] of lines.entries()) parts.push(...drawn(line.points, n, atX, atY), ...key(line.name, n, lines));
  const middle = (BOX.left + BOX.right) / 2;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="${escaped(title)}">
  <style>${STYLE}
  </style>
  <rect class="ground" x="0.5" y="0.5" width="${WIDTH - 1}" height="${HEIGHT - 1}" rx="6"/>
  <text class="title" x="16" y="24">${escaped(title)}</text>
  <text x="16" y="42">${escaped(y.name)}</text>
  ${parts.join("\n  ")}
  <text x="${middle}" y="${HEIGHT - 14}" text-anchor="middle">${escaped(x.name)}</text>
</svg>
`;
}

/** The line through the medians, with a bar from minimum to maximum at each point. */
function drawn(points, n, atX, atY) {
  const sorted = [...points].sort((a, b) => a.x - b.x);
  const places = sorted.map((point) => ({ ...point, at: round(atX(point.x)), up: round(atY(point.y)) }));
  const path = places.map(({ at, up }, i) => `${i === 0 ? "M" : "L"}${at} ${up}`).join("");
  const spreads = places
    .filter(({ min, max }) => min !== undefined && max !== undefined)
    .map(
      ({ at, min, max }) =>
        `<line class="spread s${n}" x1="${at}" y1="${round(atY(min))}" x2="${at}" y2="${round(atY(max))}"/>`,
    );
  return [`<path class="line s${n}" d="${path}"/>`, ...spreads, ...places.map(({ at, up }) => marker(n, at, up))];
}

function marker(n, x, y) {
  if (n === 1) return `<rect class="m1" x="${x - 4}" y="${y - 4}" width="8" height="8"/>`;
  if (n === 2) return `<path class="m2" d="M${x} ${y - 5}l5 9h-10z"/>`;
  if (n === 3) return `<path class="m3" d="M${x} ${y - 6}l6 6l-6 6l-6 -6z"/>`;
  return `<circle class="m0" cx="${x}" cy="${y}" r="4"/>`;
}

/** The names of the lines, leftwards from the right edge of the heading. */
function key(name, n, lines) {
  if (lines.length === 1) return [];
  const width = (text) => text.length * 6.6 + 30;
  const after = lines.slice(n).reduce((sum, line) => sum + width(line.name), 0);
  const x = round(BOX.right - after + 12);
  return [marker(n, x, 38), `<text x="${x + 10}" y="42">${escaped(name)}</text>`];
}

function scaleOf(scale, xs) {
  const width = BOX.right - BOX.left;
  const inset = 24;
  if (scale === "category") {
    const gap = xs.length > 1 ? (width - 4 * inset) / (xs.length - 1) : 0;
    return (value) => BOX.left + 2 * inset + xs.indexOf(value) * gap;
  }
  const of = scale === "log" ? (value) => Math.log10(Math.max(value, 1)) : (value) => value;
  const low = scale === "linear" ? 0 : of(xs[0]);
  const high = scale === "linear" ? stepsTo(xs.at(-1)).at(-1) : of(xs.at(-1));
  const left = scale === "linear" ? 0 : inset;
  return (value) => BOX.left + left + ((of(value) - low) / (high - low || 1)) * (width - inset - left);
}

/** Round steps from 0 to the first one that reaches `top`. */
function stepsTo(top) {
  const raw = (top || 1) / 5;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((one) => one >= raw * 0.999);
  const count = Math.ceil((top || 1) / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, n) => n * step);
}

/** 1,500,000 → 1.5 M; 2,500 → 2,500; 0.25 → 0.25. */
function short(value) {
  if (value >= 1e6) return `${trimmed(value / 1e6)} M`;
  if (value >= 1e4) return `${trimmed(value / 1e3)} k`;
  return value >= 1 ? value.toLocaleString("en", { maximumFractionDigits: 1 }) : trimmed(value);
}

const trimmed = (value) => String(Number(value.toFixed(3)));
const round = (value) => Math.round(value * 10) / 10;
const escaped = (text) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

module.exports = { plot };
