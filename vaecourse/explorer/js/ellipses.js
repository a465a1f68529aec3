// An ellipse of half-axes (a, b) and its code z: each moves the other's picture, over a bent grid.

const [COLOUR_A, COLOUR_B] = ["#0072b2", "#d55e00"]; // of lines along which a, or b, is the same

explorers.ellipses = (data, engine, report) => {
  const { title, shape, grid, start } = data;
  const [drawn, decoded] = [0, 1].map(() => captioned(picture(shape, ""), ""));
  const numbers = note();
  numbers.setAttribute("role", "status");
  const show = (figure, pixels, caption) => {
    figure.firstChild.show(pixels);
    figure.firstChild.setAttribute("aria-label", caption);
    figure.lastChild.textContent = caption;
  };
  const next = latest((task) => task(), report); // one at a time, whichever plane is moved
  const axes = plane({ ...planeOfAxes(data), title }, (ab) => next(() => encodeAt(ab)));
  const codes = plane({ ...planeOfCodes(data), title }, (z) => next(() => decodeAt(z)));
  const encodeAt = async (ab) => {
    const x = ellipse(ab, shape);
    const z = [...(await engine.encode(0, x))].slice(0, 2); // of a VAE: mu
    show(drawn, x, `drawn: ${namedAxes(ab)}`);
    codes.set(z);
    show(decoded, (await engine.decode(0, [z]))[0], "its reconstruction");
    numbers.textContent = `The ellipse with ${namedAxes(ab)} has the code z = ${vector(z)}.`;
  };
  const decodeAt = async (z) => {
    show(decoded, (await engine.decode(0, [z]))[0], "decoded from z");
    const { ab, distance } = nearestOf(grid, z);
    axes.mark(ab);
    show(drawn, ellipse(ab, shape), `nearest on the grid: ${namedAxes(ab)}`);
    numbers.textContent =
      `z = ${vector(z)} is decoded as it is. The nearest code of the grid is ` +
      `${formatted(distance)} away; its ellipse has ${namedAxes(ab)}.`;
  };
  axes.set(start);
  next(() => encodeAt(start));
  const sides = [[axes, drawn], [codes, decoded]].map((side) => stacked(...side));
  return [panel(title, row(...sides), numbers, note(ELLIPSES_LEGEND))];
};

const ELLIPSES_LEGEND =
  "Drag in either plane, or use the arrow keys. Along a blue line a stays the same, along an orange " +
  "line b does: a straight grid of half-axes, and the codes that the encoder gives to its ellipses.";

const vector = (z) => `(${z.map(formatted).join(", ")})`;
const namedAxes = ([a, b]) => `a = ${formatted(a)}, b = ${formatted(b)}`;

// The ellipse as data/drawn.py draws it: white on black, its edge pixels in the shades between.
function ellipse([a, b], [, height, width]) {
  return Float32Array.from({ length: height * width }, (_, i) => {
    const x = (i % width) - (width - 1) / 2;
    const y = Math.floor(i / width) - (height - 1) / 2;
    const level = Math.hypot(x / a, y / b);
    const slope = Math.hypot(x / a ** 2, y / b ** 2);
    return clamp(0.5 - (level * (level - 1)) / slope, 0, 1);
  });
}

// -- the grid: half-axes on the left, the codes of their ellipses on the right ------------------

// each line of the grid: which half-axis is the same along it, its value, its points
const linesOf = ({ values, steps, a, b }) =>
  [a, b].flatMap((codes, axis) => values.map((value, i) => ({
    axis,
    value,
    axes: steps.map((step) => (axis ? [step, value] : [value, step])),
    codes: codes[i],
  })));

const curvesOf = (grid, side) =>
  linesOf(grid).map(({ axis, value, ...line }) => ({
    points: line[side],
    colour: [COLOUR_A, COLOUR_B][axis],
    text: side === "codes" && [0, -1].some((end) => grid.values.at(end) === value)
      ? `${"ab"[axis]} = ${value}` : "", // the half-axes have ticks
  }));

const planeOfAxes = ({ grid, axesPlane }) => ({
  ...axesPlane, curves: curvesOf(grid, "axes"), names: ["a", "b"],
  what: "the half-axes a, to the right, and b, upwards",
});

const planeOfCodes = ({ grid, codesPlane }) => ({
  ...codesPlane, curves: curvesOf(grid, "codes"), names: ["z₁", "z₂"],
});

// the point of the grid whose code is nearest to z
function nearestOf(grid, z) {
  let found = { distance: Infinity };
  for (const { axes, codes } of linesOf(grid))
    codes.forEach((code, i) => {
      const distance = Math.hypot(code[0] - z[0], code[1] - z[1]);
      if (distance < found.distance) found = { distance, ab: axes[i] };
    });
  return found;
}
