// The latent plane: a scatter to click, drag and walk through by arrow keys.

const SIDE = 320; // pixels of the plane as drawn; the page scales it

// `points` are [z1, z2] with, if any, `labels`; the plane shows -limit to limit both ways. `changed`
// gets the [z1, z2] that a reader has moved to; `set(z, { mu, std })` moves it and draws a posterior.
function plane({ points, labels, colours, limit, title }, changed) {
  const canvas = make("canvas", { width: 2 * SIDE, height: 2 * SIDE, className: "vc-plane" });
  canvas.tabIndex = 0;
  named(
    canvas,
    "application",
    `${title}: the latent plane. Arrow keys move the point, with Shift in small steps.`,
  );
  const context = canvas.getContext("2d");
  context.scale(2, 2);
  const unit = SIDE / (2 * limit); // pixels
  const place = ([a, b]) => [SIDE / 2 + a * unit, SIDE / 2 - b * unit];
  const ticks = ticksOf(limit);
  const state = { z: [0, 0], posterior: null };
  const draw = () => {
    drawGrid(context, ticks, place);
    drawPoints(context, points, labels, colours, place);
    drawTicks(context, ticks.filter((value) => Math.abs(value) < 0.95 * limit), place);
    if (state.posterior) {
      drawEllipses(context, place(state.posterior.mu), state.posterior.std, unit);
      drawMagnified(context, state.posterior, unit);
    }
    drawCross(context, place(state.z));
  };
  canvas.set = (z, posterior = null) => {
    Object.assign(state, { z, posterior });
    draw();
  };
  const move = (z) => {
    canvas.set(z.map((value) => clamp(value, -limit, limit)), state.posterior);
    changed(state.z);
  };
  followPointer(canvas, ([across, down]) => move([across, -down].map((part) => part / unit)));
  followKeys(canvas, (way, small) => {
    const step = (small ? 0.01 : 0.05) * limit;
    move(state.z.map((value, i) => value + step * way[i]));
  });
  draw();
  return canvas;
}

// `moved` gets pixels of the plane, from its middle, right and down
function followPointer(canvas, moved) {
  const follow = (event) => {
    const box = canvas.getBoundingClientRect();
    moved([
      ((event.clientX - box.left) / box.width - 0.5) * SIDE,
      ((event.clientY - box.top) / box.height - 0.5) * SIDE,
    ]);
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button) return;
    canvas.setPointerCapture(event.pointerId);
    follow(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (canvas.hasPointerCapture(event.pointerId)) follow(event);
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

// At most eleven round numbers from -limit to limit, however far that is.
function ticksOf(limit) {
  const power = 10 ** Math.floor(Math.log10(limit / 5));
  const every = [1, 2, 5, 10].map((size) => size * power).find((size) => limit / size <= 5.001);
  const count = Math.floor(limit / every);
  return Array.from({ length: 2 * count + 1 }, (_, i) => (i - count) * every);
}

const tickText = (tick) =>
  withMinus(Math.abs(tick) < 1e4 ? String(tick) : Number(tick.toPrecision(3)).toExponential().replace("+", ""));

function drawGrid(context, ticks, place) {
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, SIDE, SIDE);
  context.strokeStyle = "#dddddd";
  context.lineWidth = 1;
  for (const tick of ticks) {
    const [x, y] = place([tick, tick]);
    context.strokeRect(x, -1, 0, SIDE + 2);
    context.strokeRect(-1, y, SIDE + 2, 0);
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

function drawTicks(context, ticks, place) {
  context.fillStyle = "#444444";
  context.font = "11px sans-serif";
  for (const tick of ticks) {
    const [x, y] = place([tick, tick]);
    context.textAlign = "center";
    context.fillText(tickText(tick), x, SIDE - 8);
    context.textAlign = "left";
    if (tick) context.fillText(tickText(tick), 5, y);
  }
  context.textAlign = "center";
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
function drawMagnified(context, { mu, std }, unitOfPlane) {
  const [side, edge] = [92, 4];
  const left = mu[0] > 0 ? edge : SIDE - side - edge;
  const top = mu[1] < 0 ? edge : SIDE - side - edge;
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
