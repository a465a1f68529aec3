// What drawn figures are put together from: a sharp canvas, text, arrows, lines over axes.

// A canvas of width x height (as drawn; the page scales it); `draw(context)` starts from white.
function chart(width, height, draw) {
  const canvas = make("canvas", { width: 2 * width, height: 2 * height, className: "vc-wide" });
  const context = canvas.getContext("2d");
  context.scale(2, 2);
  canvas.redraw = (label) => {
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, width, height);
    draw(context);
    named(canvas, "img", label);
  };
  return canvas;
}

function write(context, text, x, y, { colour = "#222222", font = "12px", align = "center" } = {}) {
  context.font = `${font} sans-serif`;
  context.textAlign = align;
  context.textBaseline = "middle";
  context.fillStyle = colour;
  context.fillText(text, x, y);
}

// text over lines: on white
function writeOver(context, text, x, y, options = {}) {
  const { font = "12px", align = "center" } = options;
  context.font = `${font} sans-serif`;
  const width = context.measureText(text).width + 4;
  context.fillStyle = "#ffffff";
  context.fillRect(x - 2 - (width - 4) * { left: 0, center: 0.5, right: 1 }[align], y - 8, width, 16);
  write(context, text, x, y, options);
}

function drawLine(context, points, { colour = "#222222", width = 1.5, dash = [] } = {}) {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.setLineDash(dash);
  context.beginPath();
  for (const point of points) context.lineTo(...point);
  context.stroke();
  context.setLineDash([]);
}

function drawArrow(context, from, to, { colour = "#222222", width = 1.5, dash = [] } = {}) {
  const angle = Math.atan2(to[1] - from[1], to[0] - from[0]);
  const back = (length, turn = 0) =>
    [to[0] - length * Math.cos(angle + turn), to[1] - length * Math.sin(angle + turn)];
  drawLine(context, [from, back(6)], { colour, width, dash });
  context.fillStyle = colour;
  context.beginPath();
  for (const point of [to, back(9, 0.4), back(9, -0.4)]) context.lineTo(...point);
  context.fill();
}
