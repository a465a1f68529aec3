// Averages of two gradient estimators of E[(z − c)²], z ~ N(μ, σ²), beside the exact gradient.

const AVERAGES = { width: 400, height: 340, left: 44, right: 10 };
const [PATHWISE, SCORE] = ["#0072b2", "#d55e00"];
const PARAMETERS = ["by μ", "by log σ²"];
const AVERAGES_LEGEND =
  "Dashed: the exact gradient of E[L] = (μ − c)² + σ². Blue: the average so far of the pathwise " +
  "gradient; orange, of the score-function gradient, L · ∂log q(z). ± is the standard error.";

function forwards({ mu, logvar, target }, eps) {
  const std = Math.exp(logvar / 2);
  const z = mu + std * eps;
  return { std, z, loss: (z - target) ** 2 };
}

// the chain rule, from the loss upwards
function backwards({ target }, eps, { std, z }) {
  const byZ = 2 * (z - target);
  return { z: byZ, mu: byZ, std: byZ * eps, logvar: byZ * eps * std / 2 };
}

const exactGradient = ({ mu, logvar, target }) => [2 * (mu - target), Math.exp(logvar)];

// of one draw: the gradients by μ and by log σ²
function pathwise(state, eps) {
  const { mu, logvar } = backwards(state, eps, forwards(state, eps));
  return [mu, logvar];
}

function scoreFunction(state, eps) {
  const { std, loss } = forwards(state, eps);
  return [(loss * eps) / std, (loss * (eps ** 2 - 1)) / 2];
}

function meanAndError(values) {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  const squares = values.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  return [mean, Math.sqrt(squares / (values.length - 1) / values.length)]; // NaN for one value
}

// the rows of the table: the exact gradient, and each estimator's average; null where there is none
function averagesOf(state) {
  const of = (estimator) => [0, 1].map((i) => meanAndError(state.eps.map((e) => estimator(state, e)[i])));
  return {
    exact: exactGradient(state),
    pathwise: state.cut ? null : of(pathwise), // needs the edges that .sample() cuts
    score: of(scoreFunction),
  };
}

function fillAverages(table, state) {
  const { exact, ...averages } = averagesOf(state);
  const cell = ([mean, error]) => `${formatted(mean)} ± ${Number.isNaN(error) ? "–" : formatted(error)}`;
  const line = (name, texts, colour) => {
    const head = make("th", { scope: "row", textContent: name });
    head.style.borderLeft = `4px ${colour ? "solid" : "dashed"} ${colour ?? "currentColor"}`;
    return make("tr", {}, head, ...texts.map((text) => make("td", { textContent: text })));
  };
  const heads = [`${state.eps.length} ${state.eps.length === 1 ? "draw" : "draws"}`, ...PARAMETERS];
  table.replaceChildren(
    make("tr", {}, ...heads.map((text) => make("th", { scope: "col", textContent: text }))),
    line("exact", exact.map(formatted)),
    line("pathwise", averages.pathwise?.map(cell) ?? ["none", "none"], PATHWISE),
    line("score function", averages.score.map(cell), SCORE),
  );
}

// -- running averages, over the number of draws -------------------------------------------------

function drawAverages(context, state) {
  const exact = exactGradient(state);
  const top = 10 ** Math.max(2, Math.ceil(Math.log10(state.eps.length)));
  const wide = AVERAGES.width - AVERAGES.left - AVERAGES.right;
  const across = (n) => AVERAGES.left + (wide * Math.log10(n)) / Math.log10(top);
  [0, 1].forEach((i) => {
    const box = { top: 24 + 155 * i, height: 120 };
    const reach = 1.5 * spreadOf(state, i);
    const up = (value) => box.top + (box.height * (1 - clamp((value - exact[i]) / reach, -1, 1))) / 2;
    drawFrame(context, box, PARAMETERS[i], exact[i], reach, up);
    drawLine(context, [[AVERAGES.left, up(exact[i])], [AVERAGES.left + wide, up(exact[i])]], { dash: [5, 4] });
    const lines = state.cut ? [[scoreFunction, SCORE]] : [[scoreFunction, SCORE], [pathwise, PATHWISE]];
    for (const [estimator, colour] of lines) {
      let sum = 0;
      const means = state.eps.map((e, n) => (sum += estimator(state, e)[i]) / (n + 1));
      const points = means.map((mean, n) => [across(n + 1), up(mean)]);
      drawLine(context, points, { colour, width: 2 });
      context.fillStyle = colour;
      context.fillRect(points.at(-1)[0] - 3, points.at(-1)[1] - 3, 6, 6);
    }
    for (let n = 1; n <= top; n *= 10)
      write(context, n.toLocaleString("en"), clamp(across(n), 0, AVERAGES.width - 20), box.top + box.height + 10, { font: "11px" });
  });
  write(context, "draws", AVERAGES.left + wide / 2, AVERAGES.height - 8);
}

function drawFrame(context, { top, height }, name, exact, reach, up) {
  const { left, right, width } = AVERAGES;
  context.strokeStyle = "#bbbbbb";
  context.lineWidth = 1;
  context.strokeRect(left, top, width - left - right, height);
  write(context, `average gradient ${name}`, left, top - 11, { font: "bold 12px", align: "left" });
  for (const value of [exact - reach, exact, exact + reach])
    write(context, formatted(value), left - 4, up(value), { font: "11px", align: "right" });
}

// the standard deviation of one score-function gradient, from draws that are always the same
function spreadOf(state, i) {
  const next = seededNormals(1);
  const [, error] = meanAndError(Array.from({ length: 400 }, () => scoreFunction(state, next())[i]));
  return 20 * error;
}
