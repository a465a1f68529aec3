// Sums and means: which β a loss really has, beside the βs of known codes on a logarithmic line.

const LINE = { width: 400, height: 250, left: 16, right: 16, axis: 216, decades: [-4, 4] };
const NAMES_OF_REDUCTIONS = ["image sum", "mean", "batch sum"];

explorers.reductions = ({ title, likelihoods, recipes }) => {
  const state = {
    likelihood: "bce", recon: "image sum", kl: "image sum", reconWeight: 1, klWeight: 1,
    channels: 1, height: 28, width: 28, latentDim: 2, batchSize: 128,
  };
  const line = chart(LINE.width, LINE.height, (context) => drawBetas(context, recipes, effectiveBeta(state, likelihoods)));
  const told = make("div", { className: "vc-note" });
  told.setAttribute("role", "status");
  const draw = () => {
    line.redraw(`Your beta, ${shortNumber(effectiveBeta(state, likelihoods))}, among those of known ` +
      `codes: ${recipes.map(({ name, beta }) => `${name} ${shortNumber(beta)}`).join(", ")}.`);
    told.replaceChildren(...toldOf(state, likelihoods).map(note));
  };
  const set = (name) => (value) => { state[name] = value; draw(); };
  const names = Object.keys(likelihoods);
  const chosen = controls(
    captionedChoices("reconstruction", names, (i) => set("likelihood")(names[i])),
    captionedChoices("reduced by", NAMES_OF_REDUCTIONS, (i) => set("recon")(NAMES_OF_REDUCTIONS[i])),
    numberField("recon weight", 1, 1e-6, 1e6, false, set("reconWeight")),
    captionedChoices("KL reduced by", NAMES_OF_REDUCTIONS, (i) => set("kl")(NAMES_OF_REDUCTIONS[i])),
    numberField("KL weight", 1, 0, 1e6, false, set("klWeight")),
    numberField("channels", 1, 1, 4096, true, set("channels")),
    numberField("height", 28, 1, 4096, true, set("height")),
    numberField("width", 28, 1, 4096, true, set("width")),
    numberField("latents", 2, 1, 1e6, true, set("latentDim")),
    numberField("batch", 128, 1, 1e6, true, set("batchSize")),
  );
  draw();
  return [panel(title, row(broad(line, told), stacked(chosen)))];
};

// how often the loss counts the sum over an image's `size` numbers
const shareOf = (reduction, size, batchSize) =>
  ({ "image sum": 1, mean: 1 / size, "batch sum": batchSize })[reduction];

const termsOf = (state, likelihoods) => {
  const pixels = state.channels * state.height * state.width;
  return {
    recon: likelihoods[state.likelihood] * state.reconWeight * shareOf(state.recon, pixels, state.batchSize),
    kl: state.klWeight * shareOf(state.kl, state.latentDim, state.batchSize),
  };
};

function effectiveBeta(state, likelihoods) {
  const { recon, kl } = termsOf(state, likelihoods);
  return kl / recon;
}

function toldOf(state, likelihoods) {
  const { recon, kl } = termsOf(state, likelihoods);
  const beta = kl / recon;
  const term = state.likelihood === "bce" ? "−log p(x|z)" : "½ · squared error";
  const isOne = Math.abs(beta - 1) < 1e-9; // 0.1 · 3 / 0.3 is not quite 1
  const times = isOne ? "This is −ELBO, or a multiple of it."
    : shortNumber(beta) === "1" ? "This is −ELBO, or a multiple of it, to four digits."
    : beta > 1 ? `The KL counts ${shortNumber(beta)} times as much as in −ELBO.`
    : beta === 0 ? "There is no KL: an autoencoder with noise in its code."
    : `The KL counts 1/${shortNumber(1 / beta)} of what it counts in −ELBO.`;
  const width = state.likelihood === "bce" || beta === 0
    ? []
    : [`With −ELBO's own KL it would be pixels of σ = √β = ${shortNumber(Math.sqrt(beta))}.`];
  return [
    `In sums for one image the loss is ${shortNumber(recon)} · ${term} + ${shortNumber(kl)} · KL, ` +
      `so β = ${shortNumber(kl)} / ${shortNumber(recon)} = ${shortNumber(beta)}.`,
    times, ...width,
  ];
}

// four significant digits, as short as they can be written
function shortNumber(value) {
  if (value === 0) return "0";
  const text = value >= 1e5 || value < 1e-3 ? value.toExponential(2) : String(Number(value.toPrecision(4)));
  return withMinus(text.replace(/\.?0+e/, "e").replace("e+", "e"));
}

function drawBetas(context, recipes, beta) {
  const { width, left, right, axis, decades: [low, high] } = LINE;
  const across = (value) =>
    left + ((width - left - right) * (clamp(Math.log10(value), low, high) - low)) / (high - low);
  const mine = across(Math.max(beta, 1e-9));
  drawLine(context, [[mine, 34], [mine, axis]], { colour: "#d55e00", width: 2.5 });
  drawLine(context, [[left, axis], [width - right, axis]]);
  for (let decade = low; decade <= high; decade++) {
    const x = across(10 ** decade);
    drawLine(context, [[x, axis - 4], [x, axis + 4]], { width: 1 });
    if (decade % 2 === 0) write(context, `10${superscript(decade)}`, x, axis + 16, { font: "11px" });
  }
  write(context, "β", width - right, axis - 14, { font: "italic 13px" });
  [...recipes].sort((one, other) => one.beta - other.beta).forEach(({ name, beta: value }, i) => {
    const [x, y] = [across(value), 66 + 27 * i];
    drawLine(context, [[x, y + 8], [x, axis]], { colour: "#888888", width: 1, dash: [3, 3] });
    context.fillStyle = "#0072b2";
    context.fillRect(x - 3, axis - 3, 6, 6);
    const align = x > width / 2 ? "right" : "left";
    writeOver(context, `${name}: ${shortNumber(value)}`, align === "left" ? x - 3 : x + 3, y, { align });
  });
  const place = mine < 90 ? "left" : mine > width - 90 ? "right" : "center";
  writeOver(context, `yours: ${shortNumber(beta)}`, mine, 22, { font: "bold 13px", colour: "#b34d00", align: place });
}

const superscript = (number) =>
  [...String(number)].map((letter) => (letter === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[letter])).join("");

const captionedChoices = (name, texts, changed) =>
  make("div", { className: "vc-field-line" }, make("span", { textContent: name }), choices(name, texts, changed));

// A number to type; what cannot be is marked and not used.
function numberField(name, value, low, high, isWhole, changed) {
  const input = make("input", { type: "number", value, min: low, max: high, step: isWhole ? 1 : "any" });
  input.addEventListener("input", () => {
    const number = input.valueAsNumber;
    const isRight = number >= low && number <= high && (!isWhole || Number.isInteger(number));
    input.setAttribute("aria-invalid", String(!isRight));
    if (isRight) changed(number);
  });
  return make("label", { className: "vc-field-line" }, make("span", { textContent: name }), input);
}
