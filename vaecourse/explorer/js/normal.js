// The bell curve of N(μ, σ²), and the same ε carried along by z = μ + σ ε.

const BELL = { width: 460, height: 240, base: 182 }; // as drawn, with the axis at `base`
const BELL_LEGEND =
  "Shaded from dark to light: within 1, 2 and 3 σ, 68.3, 95.4 and 99.7 % of all draws, wherever " +
  "the sliders stand. Each tick under the curve is one ε, drawn once; μ and σ carry it along: z = μ + σ ε.";

explorers.normal = ({ title, eps }) => {
  const state = { mu: 0, std: 1 };
  const canvas = chart(BELL.width, BELL.height, (context) => {
    drawBell(context, state.mu, state.std);
    drawDraws(context, state.mu, state.std, eps);
  });
  const draw = () => {
    const { mu, std } = state;
    const [low, high] = [mu - std, mu + std].map(formatted);
    canvas.redraw(
      `Bell curve with mean ${formatted(mu)} and width ${formatted(std)}. Between ${low} and ` +
        `${high} lie 68 per cent of the draws, within two widths 95, within three 99.7.`);
  };
  draw();
  return [
    panel(
      title,
      canvas,
      controls(
        slider("μ", -3, 3, 0, (value) => { state.mu = value; draw(); }),
        slider("σ", 0.5, 2, 1, (value) => { state.std = value; draw(); }),
        note(BELL_LEGEND),
      ),
    ),
  ];
};

const acrossBell = (z) => ((z + 9) / 18) * BELL.width;

// the curve, shaded within one, two and three σ, over the axis
function drawBell(context, mu, std) {
  const density = (z) => Math.exp(-0.5 * ((z - mu) / std) ** 2) / (std * Math.sqrt(2 * Math.PI));
  const up = (p) => BELL.base - (p / 0.8) * (BELL.base - 12);
  for (const [colour, k] of [["#cfe4f1", 3], ["#8cbfdf", 2], ["#4a98c9", 1]]) {
    context.fillStyle = colour;
    context.beginPath();
    context.moveTo(acrossBell(mu - k * std), BELL.base);
    for (let i = 0; i <= 120; i++) {
      const z = mu - k * std + (i / 60) * k * std;
      context.lineTo(acrossBell(z), up(density(z)));
    }
    context.lineTo(acrossBell(mu + k * std), BELL.base);
    context.fill();
  }
  context.strokeStyle = context.fillStyle = "#222222";
  context.strokeRect(0, BELL.base, BELL.width, 0);
  context.textAlign = "center";
  context.font = "12px sans-serif";
  for (let tick = -8; tick <= 6; tick += 2)
    context.fillText(withMinus(String(tick)), acrossBell(tick), BELL.base + 16);
  context.fillText("z", BELL.width - 10, BELL.base + 16);
}

// each draw as a tick under the axis, the first of them told
function drawDraws(context, mu, std, eps) {
  eps.forEach((e, i) => {
    context.strokeStyle = i === 0 ? "#d55e00" : "#222222";
    context.lineWidth = i === 0 ? 3 : 1;
    context.strokeRect(acrossBell(mu + std * e), BELL.base + 24, 0, 20);
  });
  context.lineWidth = 1;
  context.fillStyle = "#a04600";
  const [e, z] = [eps[0], mu + std * eps[0]].map(formatted);
  context.fillText(`the same ε = ${e} is now z = ${z}`, BELL.width / 2, BELL.height - 2);
}
