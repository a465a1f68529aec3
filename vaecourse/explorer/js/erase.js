// A digit of which a reader erases a part, and what a VAE puts there: by its encoder, to which an
// erased pixel is a black one, and by a z that is inferred from the visible pixels alone.

const ERASER = 2.2; // radius, in pixels of the image
const REPORT_HOLE = [10, 20]; // rows and columns, the last not included
const ERASE_LEGEND =
  "Encoded: the erased pixels are black to the encoder, which has never seen a hole. Inferred: the z " +
  "that makes the visible pixels most probable under p(x|z) N(z; 0, I), sought by Fisher scoring from " +
  "the best of 100 draws of the prior; the samples are draws of that posterior, by importance resampling.";

explorers.erase = ({ title, shape, images, latent_dim: dim }, engine, report) => {
  const [pictures, state] = [picturesOf(shape), { seed: 1, recon: null }];
  const { encoded, inferred, whole, samples } = pictures;
  const told = note();
  told.setAttribute("role", "status");
  const byEncoder = latest(async () => {
    const { mu } = moments(await engine.encode(0, field.pixels()));
    [state.recon] = await engine.decode(0, [mu]);
    encoded.show(state.recon);
  }, report);
  const [decode, prior] = [inSlices((list) => engine.decode(0, list)), priorPlaces(dim)];
  const byVisible = latest(async () => {
    drawn.setAttribute("aria-busy", "true");
    const task = { decode, x: [...field.x], hole: [...field.hole], visible: field.visible() };
    const ends = await tops(await placesAt(prior, task), task);
    inferred.show(ends[0].p);
    const [normals, uniform] = [seededNormals(state.seed), seededUniforms(state.seed)];
    const draws = await posteriorDraws(ends, samples.length, task, normals, uniform);
    samples.forEach((one, k) => one.show(draws[k].p));
    told.textContent = describedHole(task, state.recon, ends[0]);
    drawn.setAttribute("aria-busy", "false");
  }, report);
  const field = holedField(shape, () => { byEncoder(); byVisible(); });
  const drawn = make("div", { className: "vc-holed" },
    captioned(field.element, "erase here"), captioned(encoded, "encoded"), captioned(inferred, "inferred"),
    captioned(whole, "the whole digit"), ...samples.map((one, k) => captioned(one, `sample ${k + 1}`)));
  const digits = thumbnails(images, shape, "choose", (image) => choose(image));
  const choose = (image) => {
    digits.press(images.indexOf(image));
    whole.show(unpacked(image.pixels));
    field.hold(unpacked(image.pixels));
  };
  const again = button("other samples", () => { state.seed += 1; byVisible(); });
  field.cut(isInReportHole);
  choose(images[0]);
  return [panel(title, digits, controls(buttons(...holesOf(field, shape), again)), drawn, told, note(ERASE_LEGEND))];
};

const picturesOf = (shape) => ({
  whole: picture(shape, "the whole digit"),
  encoded: picture(shape, "the holed digit, encoded and decoded"),
  inferred: picture(shape, "decoded from the z of the visible pixels"),
  samples: [1, 2, 3].map((k) => picture(shape, `sample ${k} given the visible pixels`)),
});

const isInReportHole = (...place) => place.every((at) => at >= REPORT_HOLE[0] && at < REPORT_HOLE[1]);
const holesOf = (field, [, height]) => [
  button("rows and columns 10–20", () => field.cut(isInReportHole)),
  button("lower half", () => field.cut((r) => r >= height / 2)),
  button("restore", () => field.cut(() => false)),
];

// draws of the prior to start from, always the same
function priorPlaces(dim) {
  const next = seededNormals(0);
  return Array.from({ length: SEARCH.draws }, () => Array.from({ length: dim }, next));
}

// a decoder asked for a few pictures at a time, so that the page can move in between
const inSlices = (decode, size = 25) => async (list) => {
  const drawn = [];
  for (let i = 0; i < list.length; i += size) {
    drawn.push(...(await decode(list.slice(i, i + size))));
    await new Promise((done) => setTimeout(done));
  }
  return drawn;
};

function describedHole({ x, hole, visible }, recon, { p, nll }) {
  const erased = x.map((_, i) => i).filter((i) => hole[i]);
  const off = (image) => formatted(erased.reduce((sum, i) => sum + Math.abs(image[i] - x[i]), 0) / erased.length);
  const cost = `The visible pixels cost ${visibleNll(recon, x, visible).toFixed(0)} nats encoded, ${nll.toFixed(0)} inferred.`;
  if (!erased.length) return `Nothing is erased. ${cost}`;
  if (!visible.length) return "Nothing is left to see: the prior alone says what is drawn.";
  return `${erased.length} pixels erased. There an average pixel is off by ${off(recon)} encoded and by ${off(p)} inferred. ${cost}`;
}

// -- the field ----------------------------------------------------------------------------------

// A digit with a hole in it; `changed` is called whenever either changes.
function holedField([, height, width], changed) {
  const canvas = make("canvas", { width: ZOOM * width, height: ZOOM * height, className: "vc-ink" });
  canvas.tabIndex = 0;
  const context = canvas.getContext("2d");
  const field = { x: new Float32Array(height * width), hole: new Uint8Array(height * width) };
  const draw = () => {
    field.x.forEach((level, i) => {
      const [left, top] = [ZOOM * (i % width), ZOOM * Math.floor(i / width)];
      context.fillStyle = field.hole[i] ? "#0072b2" : `rgb(${Array(3).fill(Math.round(255 * level)).join()})`;
      context.fillRect(left, top, ZOOM, ZOOM);
    });
    changed();
  };
  field.cut = (isHole) => {
    field.hole = field.hole.map((_, i) => Number(isHole(Math.floor(i / width), i % width)));
    draw();
  };
  field.hold = (x) => {
    field.x = x;
    draw();
  };
  field.visible = () => [...field.hole.keys()].filter((i) => !field.hole[i]);
  field.pixels = () => field.x.map((level, i) => (field.hole[i] ? 0 : level));
  // all pixels near the stroke
  const line = (from, to) => {
    const [a, b] = [from, to].map((at) => at.map((value) => value / ZOOM - 0.5));
    field.hole = field.hole.map((was, i) => was | Number(distanceTo(a, b, [i % width, Math.floor(i / width)]) < ERASER));
    draw();
  };
  drawByPointer(canvas, line);
  const words = { field: "field to erase in", tool: "the eraser", clears: "restores the digit" };
  field.element = make("div", { className: "vc-field" }, canvas,
    drawByKeys(canvas, line, () => field.cut(() => false), words));
  return field;
}

// of a point from the line between two others
function distanceTo([ax, ay], [bx, by], [x, y]) {
  const length = (bx - ax) ** 2 + (by - ay) ** 2;
  const share = length ? clamp(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length, 0, 1) : 0;
  return Math.hypot(x - ax - share * (bx - ax), y - ay - share * (by - ay));
}
