// The latent plane: a scatter to click, drag and walk through by arrow keys.

const SIDE = 320; // pixels of the plane as drawn; the page scales it

// `points` are [z1, z2] with, if any, `labels`; `curves` are { points, colour, text } behind them;
// the plane shows `limit` to each side of its `centre`, and `names` its axes. `changed` gets the
// [z1, z2] that a reader has moved to; `set(z, { mu, std })` moves it and draws a posterior, and
// `mark(z)` shows a point that nobody has moved to.
function plane(data, changed) {
  const { points = [], labels, colours, curves = [], names = [], limit, centre = [0, 0] } = data;
  const canvas = make("canvas", { width: 2 * SIDE, height: 2 * SIDE, className: "vc-plane" });
  canvas.tabIndex = 0;
  const context = canvas.getContext("2d");
  context.scale(2, 2);
  const { unit, place, ticks, inner } = frameOf(limit, centre);
  const state = { z: [...centre], posterior: null, marked: false };
  const draw = () => {
    drawGrid(context, ticks, place, centre);
    drawCurves(context, curves, place);
    drawPoints(context, points, labels, colours, place);
    drawTicks(context, inner, place, centre, names);
    if (state.posterior) {
      drawEllipses(context, place(state.posterior.mu), state.posterior.std, unit);
      drawMagnified(context, state.posterior, unit, centre);
    }
    (state.marked ? drawMark : drawCross)(context, place(state.z));
    named(canvas, "application", describedPlane(data, state));
  };
  const show = (z, posterior, marked) => {
    Object.assign(state, { z, posterior, marked });
    draw();
  };
  canvas.set = (z, posterior = null) => show(z, posterior, false);
  canvas.mark = (z) => show(z, null, true);
  const move = (z) => {
    canvas.set(z.map((v, i) => clamp(v, centre[i] - limit, centre[i] + limit)), state.posterior);
    changed(state.z);
  };
  const cross = () => place(state.z).map((pixel) => pixel - SIDE / 2);
  followPointer(canvas, cross, ([across, down]) =>
    move([across, -down].map((part, i) => centre[i] + part / unit)));
  followKeys(canvas, (way, small) => {
    const step = (small ? 0.01 : 0.05) * limit;
    move(state.z.map((value, i) => value + step * way[i]));
  });
  draw();
  return canvas;
}

// pixels a unit, where z is in pixels, and the round numbers of either axis, all and told
function frameOf(limit, centre) {
  const unit = SIDE / (2 * limit);
  const place = ([a, b]) => [SIDE / 2 + (a - centre[0]) * unit, SIDE / 2 - (b - centre[1]) * unit];
  const ticks = centre.map((middle) => ticksOf(limit, middle));
  const inner = ticks.map((list, i) => list.filter((t) => Math.abs(t - centre[i]) < 0.95 * limit));
  return { unit, place, ticks, inner };
}

function describedPlane({ title, what = "the latent plane" }, { z, marked }) {
  const at = `${marked ? "marked" : "the point"} at (${z.map(formatted).join(", ")})`;
  return `${title}: ${what}, ${at}. Arrow keys move the point, with Shift in small steps.`;
}

// `moved` gets pixels of the plane, from its middle, right and down, as `cross` gives them. A finger
// that goes up or down scrolls the page, unless it begins at the cross; a tap and a drag to the side
// move the point.
const GRIP = 28; // pixels of the screen that a finger may miss the cross by
const SLIP = 8; // and that it may slip in a tap

function followPointer(canvas, cross, moved) {
  const place = ({ clientX, clientY }) => {
    const box = canvas.getBoundingClientRect();
    return [
      ((clientX - box.left) / box.width - 0.5) * SIDE,
      ((clientY - box.top) / box.height - 0.5) * SIDE,
    ];
  };
  const takesCross = (event) => {
    const [point, pixel] = [cross(), canvas.getBoundingClientRect().width / SIDE];
    return pixel * Math.hypot(...place(event).map((part, i) => part - point[i])) < GRIP;
  };
  let begun = null; // where a finger began that may still want to scroll
  canvas.addEventListener("touchstart", (event) => {
    if (takesCross(event.touches[0])) event.preventDefault(); // no scrolling then
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button) return;
    canvas.setPointerCapture(event.pointerId);
    begun = event.pointerType === "touch" && !takesCross(event) ? event : null;
    if (!begun) moved(place(event));
  });
  const slipped = (event) => [event.clientX - begun.clientX, event.clientY - begun.clientY].map(Math.abs);
  canvas.addEventListener("pointermove", (event) => {
    if (!canvas.hasPointerCapture(event.pointerId)) return;
    if (begun) {
      const [across, down] = slipped(event);
      if (across < SLIP || across < down) return;
      begun = null;
    }
    moved(place(event));
  });
  canvas.addEventListener("pointerup", (event) => {
    if (begun && Math.max(...slipped(event)) < SLIP) moved(place(event));
    begun = null;
  });
}

function followKeys(canvas, moved) {
  const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  canvas.addEventListener("keydown", (event) => {
    const way = ways[event.key];
    if (!way) return;
    event.preventDefault();
    moved(way, event.shiftKey);
  });
}

// At most eleven round numbers, as far as `limit` to each side of the middle, however far that is.
function ticksOf(limit, middle = 0) {
  const power = 10 ** Math.floor(Math.log10(limit / 5));
  const every = [1, 2, 5, 10].map((size) => size * power).find((size) => limit / size <= 5.001);
  const first = Math.ceil((middle - limit) / every);
  const count = Math.floor((middle + limit) / every) - first + 1;
  return Array.from({ length: count }, (_, i) => Number(((first + i) * every).toPrecision(6)));
}

const tickText = (tick) =>
  withMinus(Math.abs(tick) < 1e4 ? String(tick) : Number(tick.toPrecision(3)).toExponential().replace("+", ""));

function drawGrid(context, [across, up], place, centre) {
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, SIDE, SIDE);
  context.strokeStyle = "#dddddd";
  context.lineWidth = 1;
  for (const tick of across) context.strokeRect(place([tick, centre[1]])[0], -1, 0, SIDE + 2);
  for (const tick of up) context.strokeRect(-1, place([centre[0], tick])[1], SIDE + 2, 0);
}

// lines, each with its text in its middle
function drawCurves(context, curves, place) {
  for (const { points, colour } of curves)
    drawLine(context, points.map(place), { colour, width: 1.25 });
  for (const { points, colour, text } of curves) {
    if (!text) continue;
    const at = place(points[points.length >> 1]).map((pixel) => clamp(pixel, 20, SIDE - 20));
    writeOver(context, text, ...at, { colour, font: "bold 11px" });
  }
}

function drawPoints(context, points, labels, colours, place) {
  context.font = "9px sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  points.forEach((point, i) => {
    context.fillStyle = labels ? colours.at(labels[i] % colours.length) : "#0072b2";
    const [x, y] = place(point);
    if (labels) context.fillText(labels[i], x, y);
    else context.fillRect(x - 1.5, y - 1.5, 3, 3);
  });
}

function drawTicks(context, [across, up], place, centre, names) {
  context.fillStyle = "#444444";
  context.font = "11px sans-serif";
  context.textAlign = "center";
  for (const tick of across)
    context.fillText(tickText(tick), place([tick, centre[1]])[0], SIDE - 8);
  context.textAlign = "left";
  for (const tick of up)
    if (tick) context.fillText(tickText(tick), 5, place([centre[0], tick])[1]);
  if (names.length) {
    writeOver(context, `${names[1]} ↑`, 5, 9, { font: "bold 12px", align: "left" });
    writeOver(context, `${names[0]} →`, SIDE - 5, SIDE - 24, { font: "bold 12px", align: "right" });
  }
  context.textAlign = "center";
}

// a point that is told, not moved
function drawMark(context, [x, y]) {
  context.strokeStyle = context.fillStyle = "#222222";
  context.lineWidth = 2;
  context.strokeRect(x - 5, y - 5, 10, 10);
}

function drawCross(context, [x, y]) {
  for (const [colour, width] of [["#ffffff", 5], ["#d55e00", 2.5]]) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    context.arc(x, y, 7, 0, 7);
    context.moveTo(x - 12, y);
    context.lineTo(x + 12, y);
    context.moveTo(x, y - 12);
    context.lineTo(x, y + 12);
    context.stroke();
  }
}

// at one and at two standard deviations
function drawEllipses(context, [x, y], std, unit) {
  context.strokeStyle = "#000000";
  context.lineWidth = 1.5;
  for (const widths of [1, 2]) {
    context.beginPath();
    context.ellipse(x, y, widths * std[0] * unit, widths * std[1] * unit, 0, 0, 7);
    context.stroke();
  }
}

// a posterior is often smaller than the cross: a window on it in the corner that is farthest off
function drawMagnified(context, { mu, std }, unitOfPlane, centre) {
  const [side, edge] = [92, 4];
  const left = mu[0] > centre[0] ? edge : SIDE - side - edge;
  const top = mu[1] < centre[1] ? edge : SIDE - side - edge;
  const unit = (side - 22) / (4 * Math.max(...std));
  const factor = unit / unitOfPlane;
  if (factor < 1.5) return;
  context.fillStyle = "#ffffff";
  context.strokeStyle = "#444444";
  context.lineWidth = 1;
  context.fillRect(left, top, side, side);
  context.strokeRect(left, top, side, side);
  drawEllipses(context, [left + side / 2, top + side / 2 - 5], std, unit);
  context.fillStyle = "#444444";
  context.font = "11px sans-serif";
  context.fillText(`enlarged ×${Math.round(factor)}`, left + side / 2, top + side - 7);
}
