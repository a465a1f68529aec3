// A slider over a few places of which pictures were drawn beforehand, and a point on a curve.

const WALK = { width: 340, height: 250, left: 50, right: 14, top: 12, bottom: 40 };

explorers.along = ({ title, name, positions, start, sheets, sprite, tile, numbers, curve }) => {
  const image = make("img", { src: `data:image/png;base64,${sprite}` });
  const canvases = sheets.map((sheet) => spriteSheet(sheet, tile));
  const walked = chart(WALK.width, WALK.height, (context) => drawWalk(context, curve, positions, state.at));
  const [table, state] = [make("table", { className: "vc-table" }), { at: start }];
  const draw = () => {
    const place = `${name} = ${positions[state.at]}`;
    if (image.complete) canvases.forEach((canvas) => canvas.show(image, state.at, place));
    walked.redraw(`${curve.ylabel} over ${curve.xlabel}: the point of ${place} at ` +
      `${formatted(curve.x[state.at])} and ${formatted(curve.y[state.at])}.`);
    table.replaceChildren(...numbers.map(({ label, texts }) =>
      make("tr", {}, make("th", { scope: "row", textContent: label }), make("td", { textContent: texts[state.at] }))));
  };
  image.addEventListener("load", draw);
  draw();
  const moved = stops(name, positions, start, (at) => { state.at = at; draw(); });
  return [
    panel(title, controls(moved), row(
      sheetsOf(...canvases.map((canvas, i) => captioned(canvas, sheets[i].title))),
      sheetsOf(walked, table),
    )),
  ];
};

const sheetsOf = (...children) => make("div", { className: "vc-sheets" }, ...children);

// A slider that stops at names.
function stops(name, texts, start, changed) {
  const shown = make("span", { className: "vc-value", textContent: texts[start] });
  shown.setAttribute("aria-hidden", "true");
  const input = make("input", { type: "range", min: 0, max: texts.length - 1, step: 1, value: start });
  const write = () => {
    shown.textContent = texts[input.valueAsNumber];
    input.setAttribute("aria-valuetext", texts[input.valueAsNumber]);
  };
  input.addEventListener("input", () => { write(); changed(input.valueAsNumber); });
  write();
  return make("label", { className: "vc-slider" }, make("span", { textContent: name }), input, shown);
}

// Where the tiles of a sheet at a place stand in the sprite, which has a row a place and sheet:
// those that are the same everywhere first.
function spriteSheet({ title, columns, count, first, isSame }, [height, width]) {
  const rows = Math.ceil(count / columns);
  const canvas = make("canvas", { width: columns * width, height: rows * height, className: "vc-wide vc-sheet" });
  const context = canvas.getContext("2d");
  canvas.show = (image, at, place) => {
    context.clearRect(0, 0, canvas.width, canvas.height);
    for (let i = 0; i < count; i++) {
      const from = [i * width, (first + (isSame ? 0 : at)) * height];
      const to = [(i % columns) * width, Math.floor(i / columns) * height];
      context.drawImage(image, ...from, width, height, ...to, width, height);
    }
    named(canvas, "img", isSame ? title : `${title}, ${place}`);
  };
  return canvas;
}

function drawWalk(context, { x, y, xlabel, ylabel }, positions, at) {
  const { width, height, left, right, top, bottom } = WALK;
  const scaled = (values, from, to) => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return (value) => from + ((to - from) * (value - low + 0.08 * (high - low))) / (1.16 * (high - low) || 1);
  };
  const [across, up] = [scaled(x, left, width - right), scaled(y, height - bottom, top)];
  context.strokeStyle = "#bbbbbb";
  context.lineWidth = 1;
  context.strokeRect(left, top, width - left - right, height - top - bottom);
  const points = x.map((value, i) => [across(value), up(y[i])]);
  drawLine(context, points, { colour: "#0072b2" });
  points.forEach((point, i) => {
    context.fillStyle = i === at ? "#d55e00" : "#0072b2";
    context.beginPath();
    context.arc(...point, i === at ? 7 : 4, 0, 2 * Math.PI);
    context.fill();
  });
  const beside = points[at][0] > width - 90 ? "right" : "left";
  writeOver(context, positions[at], points[at][0] + (beside === "left" ? 11 : -11), points[at][1] - 10, { font: "bold 13px", align: beside });
  for (const tick of roundNumbers(x)) write(context, tickOf(tick), across(tick), height - bottom + 12, { font: "11px" });
  for (const tick of roundNumbers(y)) write(context, tickOf(tick), left - 5, up(tick), { font: "11px", align: "right" });
  write(context, xlabel, (left + width - right) / 2, height - 10);
  context.save();
  context.translate(12, (top + height - bottom) / 2);
  context.rotate(-Math.PI / 2);
  write(context, ylabel, 0, 0);
  context.restore();
}

const tickOf = (tick) => withMinus(String(tick));

// two to five round numbers between the least and the most of some values; the value, where all are one
function roundNumbers(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (low === high) return [Number(low.toPrecision(3))];
  const power = 10 ** Math.floor(Math.log10((high - low) / 2));
  const every = [5, 2, 1].map((size) => size * power).find((size) => Math.floor(high / size) > Math.ceil(low / size));
  const first = Math.ceil(low / every);
  const count = Math.floor(high / every) - first + 1;
  return Array.from({ length: count }, (_, i) => Number(((first + i) * every).toPrecision(6)));
}
