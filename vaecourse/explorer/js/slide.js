// A face and a slider for each direction in which its code can be moved: z + Σ α · direction.

explorers.slide = ({ title, shape, codes, names, directions, limit }, engine, report) => {
  const state = { face: 0, alphas: directions.map(() => 0) };
  const [before, after] = ["", ""].map((label) => picture(shape, label));
  const told = note();
  told.setAttribute("role", "status");
  const ownCode = latest(async (face) => before.show((await engine.decode(0, [codes[face]]))[0]), report);
  const edited = latest(async (z) => after.show((await engine.decode(0, [z]))[0]), report);
  const draw = () => {
    const [name, code] = [names[state.face], codes[state.face]];
    const step = moveAlong(directions, state.alphas);
    const alphas = directions.map((one, k) => `${one.name} ${signed(state.alphas[k])}`).join(", ");
    named(before, "img", `${name} as it is decoded, α = 0`);
    named(after, "img", `${name} with ${alphas}`);
    told.textContent = `${name} with ${alphas}: its code has moved by ${formatted(norm(step))}, ` +
      `from ${formatted(norm(code))} to ${formatted(norm(sumOf(code, step)))} from the origin.`;
    edited(sumOf(code, step));
  };
  const sliders = directions.map((one, k) => {
    const line = slider(one.name, -limit, limit, 0, (alpha) => { state.alphas[k] = alpha; draw(); });
    return withMark(line, 0);
  });
  const reset = () => {
    state.alphas.fill(0);
    sliders.forEach((one) => one.set(0));
    draw();
  };
  const faces = thumbnails(names.map((name) => ({ name })), shape, "choose", ({ name }) => choose(names.indexOf(name)));
  const choose = (face) => {
    state.face = face;
    faces.press(face);
    ownCode(face);
    draw();
  };
  latest(async () => {
    const drawn = await engine.decode(0, codes);
    faces.querySelectorAll("canvas").forEach((canvas, i) => canvas.show(drawn[i]));
  }, report)();
  choose(0);
  const pair = row(captioned(before, "decoded, α = 0"), captioned(after, "moved"));
  pair.classList.add("vc-pair");
  return [panel(title, pair, worded(controls(...sliders, button("reset", reset))), faces, told)];
};

const sumOf = (a, b) => a.map((value, i) => value + b[i]);
const moveAlong = (directions, alphas) =>
  directions[0].z.map((_, i) => directions.reduce((sum, { z }, k) => sum + alphas[k] * z[i], 0));
const signed = (alpha) => (alpha >= 0.005 ? "+" : "") + formatted(alpha);

// sliders whose names are words, not letters
function worded(box) {
  box.classList.add("vc-worded");
  return box;
}

// a tick under a slider's value, to which a drag snaps
function withMark(line, value) {
  const id = `vc-mark-${Math.random().toString(36).slice(2)}`;
  line.querySelector("input").setAttribute("list", id);
  line.append(make("datalist", { id }, make("option", { value })));
  return line;
}
