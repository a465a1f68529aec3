// A latent space of one dimension, where everything is exact by quadrature: log p(x), the posterior,
// and what a Gaussian q leaves of it: the ELBO and its gap.

// z as the sums go over it: so far out and so fine that a sum times the step is the integral
const SPAN = { limit: 16, step: 0.01 };
const ALL_Z = Array.from({ length: 2 * SPAN.limit / SPAN.step + 1 }, (_, i) => i * SPAN.step - SPAN.limit);
const DECODERS = { // x = f(z) + noise
  "x = z + noise": (z) => z,
  "x = exp(z) + noise": Math.exp,
  "x = z² + noise": (z) => z * z,
};

explorers.bound = ({ title, x, std, start }) => {
  const toys = Object.values(DECODERS).map((f) => toyOf(f, x, std));
  const state = { toy: toys[0], ...start };
  const curves = chart(CURVES.width, CURVES.height, (context) => drawCurvesOf(context, state));
  const bars = chart(BARS.width, BARS.height, (context) => drawBars(context, state.found));
  const draw = () => {
    state.found = bound(state.toy, state.mu, state.sigma);
    curves.redraw(`Densities over z: the prior, the exact posterior, and q with mean ` +
      `${formatted(state.mu)} and width ${formatted(state.sigma)}.`);
    bars.redraw(describedBars(state.found));
  };
  const mu = slider("μ", -3, 3, start.mu, (value) => { state.mu = value; draw(); });
  const sigma = slider("σ", 0.1, 1.5, start.sigma, (value) => { state.sigma = value; draw(); });
  const improve = () => {
    Object.assign(state, best(state.toy, state.mu, state.sigma));
    mu.set(state.mu);
    sigma.set(state.sigma);
    draw();
  };
  draw();
  const choose = (i) => { state.toy = toys[i]; draw(); };
  return [
    panel(
      title,
      row(stacked(curves), stacked(bars)),
      controls(
        choices("how x comes from z", Object.keys(DECODERS), choose),
        mu, sigma, button("best q from here", improve), note(boundLegend(x, std)),
      ),
    ),
  ];
};

const boundLegend = (x, std) =>
  `The prior is N(0, 1), the noise N(0, ${std}²), and x = ${x} was seen. log p(x) depends on neither μ ` +
  "nor σ. In both rows of bars the same ELBO comes out: log p(x) less KL(q ‖ posterior), and " +
  "E log p(x|z), the mean over q, less KL(q ‖ prior).";

// -- the numbers, in nats -----------------------------------------------------------------------

const logNormal = (value, mean, std) =>
  -0.5 * ((value - mean) / std) ** 2 - Math.log(std * Math.sqrt(2 * Math.PI));
const integral = (values) => SPAN.step * values.reduce((sum, value) => sum + value, 0);

// by z: log p(x|z), log p(z), the posterior's density and its log; and log p(x)
function toyOf(f, x, std) {
  const logLikelihood = ALL_Z.map((z) => logNormal(x, f(z), std));
  const logPrior = ALL_Z.map((z) => logNormal(z, 0, 1));
  const logJoint = logPrior.map((value, i) => value + logLikelihood[i]);
  const logEvidence = Math.log(integral(logJoint.map(Math.exp)));
  const logPosterior = logJoint.map((value) => value - logEvidence);
  return { logLikelihood, logPrior, logEvidence, logPosterior };
}

// each of the four as an integral of its own, so that both sums that make the ELBO are seen to agree
function bound({ logLikelihood, logPrior, logEvidence, logPosterior }, mu, sigma) {
  const logQ = ALL_Z.map((z) => logNormal(z, mu, sigma));
  const q = logQ.map(Math.exp);
  const mean = (values) => integral(values.map((value, i) => (q[i] ? q[i] * value : 0)));
  const kl = (logP) => mean(logQ.map((value, i) => value - logP[i]));
  const [fit, gap, rate] = [mean(logLikelihood), kl(logPosterior), kl(logPrior)];
  return { logEvidence, gap, fit, rate, elbo: fit - rate };
}

// uphill on the ELBO by ever smaller steps of μ and σ, to the nearest top
function best(toy, mu, sigma) {
  let top = { mu, sigma, elbo: bound(toy, mu, sigma).elbo };
  for (let step = 0.4; step > 0.001; step /= 2)
    for (let better = true; better; ) {
      better = false;
      for (const [right, wider] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        const next = {
          mu: clamp(top.mu + right * step, -3, 3),
          sigma: clamp(top.sigma + wider * step, 0.1, 1.5),
        };
        next.elbo = bound(toy, next.mu, next.sigma).elbo;
        if (next.elbo > top.elbo + 1e-9) [top, better] = [next, true];
      }
    }
  return { mu: top.mu, sigma: top.sigma };
}

// -- the curves ---------------------------------------------------------------------------------

const CURVES = { width: 400, height: 230, base: 204, limit: 4 };
const [PRIOR, POSTERIOR, Q] = ["#666666", "#0072b2", "#d55e00"];

function drawCurvesOf(context, { toy, mu, sigma }) {
  const { width, base, limit } = CURVES;
  const seen = ALL_Z.map((z, i) => i).filter((i) => Math.abs(ALL_Z[i]) <= limit && i % 4 === 0);
  const across = (z) => (width * (z + limit)) / (2 * limit);
  const densities = [
    ["prior p(z)", PRIOR, [5, 4], (i) => Math.exp(toy.logPrior[i])],
    ["posterior p(z|x)", POSTERIOR, [], (i) => Math.exp(toy.logPosterior[i])],
    ["q(z)", Q, [], (i) => Math.exp(logNormal(ALL_Z[i], mu, sigma))],
  ];
  const top = 1.1 * Math.max(1, ...seen.map(densities[1][3]));
  const up = (p) => base - (Math.min(p, 1.2 * top) / top) * (base - 8);
  densities.forEach(([name, colour, dash, density], k) => {
    const points = seen.map((i) => [across(ALL_Z[i]), up(density(i))]);
    if (k) shade(context, points, base, colour);
    drawLine(context, points, { colour, dash, width: 2 });
    drawLine(context, [[8, 14 + 20 * k], [30, 14 + 20 * k]], { colour, dash, width: 2 });
    write(context, name, 36, 14 + 20 * k, { align: "left", font: "14px" });
  });
  drawLine(context, [[0, base], [width, base]], { width: 1 });
  for (let z = 1 - limit; z < limit; z++)
    write(context, withMinus(String(z)), across(z), base + 13, { font: "13px" });
  write(context, "z", width - 10, base + 13, { font: "14px" });
}

function shade(context, points, base, colour) {
  context.globalAlpha = 0.15;
  context.fillStyle = colour;
  context.beginPath();
  for (const [x, y] of [[points[0][0], base], ...points, [points.at(-1)[0], base]]) context.lineTo(x, y);
  context.fill();
  context.globalAlpha = 1;
}

// -- the bars -----------------------------------------------------------------------------------

const BARS = { width: 400, height: 230, low: -8, high: 0, left: 8, right: 12, font: "14px" };

const describedBars = ({ logEvidence, gap, fit, rate, elbo }) =>
  `In nats: log p(x) ${formatted(logEvidence)}; ELBO ${formatted(elbo)}; gap, KL of q from the ` +
  `posterior, ${formatted(gap)}; mean log likelihood ${formatted(fit)}; KL of q from the prior ${formatted(rate)}.`;

// each row a bar from 0 to a first value and a second from there to the ELBO; what is too low ends
// in an arrow at the edge
function drawBars(context, { logEvidence, gap, fit, rate, elbo }) {
  const { width, low, high, left, right } = BARS;
  const across = (nats) =>
    left + ((Math.max(nats, low) - low) / (high - low)) * (width - left - right);
  const bar = (from, to, y, colour) => {
    context.fillStyle = colour;
    context.fillRect(across(to), y, Math.max(across(from) - across(to), 1), 24);
    if (to < low) write(context, "◀", left + 7, y + 12, { colour: "#ffffff", font: "14px" });
  };
  const rows = [
    [30, logEvidence, POSTERIOR, "log p(x)", "KL(q ‖ posterior)", gap],
    [104, fit, "#00795a", "E log p(x|z)", "KL(q ‖ prior)", rate],
  ];
  for (const [y, first, colour] of rows) {
    bar(0, first, y, colour);
    bar(first, elbo, y, "#e69f00");
  }
  if (elbo >= low) drawLine(context, [[across(elbo), 24], [across(elbo), 148]], { width: 2, dash: [4, 3] });
  for (const [y, first, colour, name, less, kl] of rows) {
    writeOver(context, `${name} = ${formatted(first)}`, width - right, y - 12, { align: "right", colour, font: BARS.font });
    writeOver(context, `− ${less} = ${formatted(kl)}`, left, y - 12, { align: "left", colour: "#8a4b00", font: BARS.font });
  }
  const [align, aside] = across(elbo) > width / 2 ? ["right", 4] : ["left", -4];
  write(context, `ELBO = ${formatted(elbo)}`, across(elbo) + aside, 162, { font: "bold 15px", align });
  drawLine(context, [[left, 184], [width - right, 184]], { width: 1 });
  for (let nats = low; nats <= high; nats++)
    write(context, withMinus(String(nats)), across(nats), 197, { font: "13px" });
  write(context, "nats", width / 2, 216, { font: BARS.font });
}
