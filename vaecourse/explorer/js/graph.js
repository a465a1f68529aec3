// z = μ + σε and L = (z − c)² as a graph: values forwards, gradients backwards; and their averages.

const GRAPH = { width: 400, height: 400 };
const [FORWARDS, BACKWARDS, PASSIVE] = ["#0072b2", "#b34d00", "#888888"];
const NODES = { // the middle of each, and its width
  mu: [66, 32, 126], logvar: [200, 32, 126], eps: [334, 32, 126],
  std: [200, 142, 126], z: [200, 252, 152], loss: [200, 366, 164], target: [346, 366, 96],
};
const NODE_HEIGHT = 46;
const CUT =
  "With .sample() z does not remember how it was drawn: the edges into it are cut. L.backward() " +
  "then raises “element 0 of tensors does not require grad”, and μ and log σ² learn nothing.";
const WHOLE =
  "Blue, downwards: values. Orange, upwards: gradients. Each is the gradient below it times the " +
  "derivative that stands on the edge.";

explorers.graph = ({ title, start, seed }) => {
  const state = { ...start, cut: false, eps: [], next: null };
  const graph = chart(GRAPH.width, GRAPH.height, (context) => drawGraph(context, state));
  const averages = chart(AVERAGES.width, AVERAGES.height, (context) => drawAverages(context, state));
  const [table, told] = [make("table", { className: "vc-table" }), note()];
  const draw = () => {
    graph.redraw(describedGraph(state));
    averages.redraw(`Running averages of two gradient estimators over ${state.eps.length} draws.`);
    fillAverages(table, state);
    told.textContent = state.cut ? CUT : WHOLE;
  };
  const more = (count) => {
    for (let i = 0; i < count; i++) state.eps.push(state.next());
    draw();
  };
  const restart = () => {
    Object.assign(state, { eps: [], next: seededNormals(seed) });
    more(1);
  };
  const set = (name) => (value) => { state[name] = value; draw(); };
  const ways = ["z = μ + σε, .rsample()", "z drawn by .sample()"];
  restart();
  const moved = controls(
    choices("how z is drawn", ways, (i) => set("cut")(i === 1)),
    slider("μ", -3, 3, start.mu, set("mu")),
    slider("log σ²", -3, 2, start.logvar, set("logvar")),
    slider("c", -3, 3, start.target, set("target")),
    button("new ε", () => more(1)), told,
  );
  const gathered = controls(
    buttons(button("100 more draws", () => more(100)), button("start again", restart)),
    note(AVERAGES_LEGEND),
  );
  return [
    panel(title, row(broad(graph), stacked(moved))),
    panel("Averaged over draws", row(broad(averages, table), stacked(gathered))),
  ];
};

// -- one draw -----------------------------------------------------------------------------------

function describedGraph(state) {
  const eps = state.eps.at(-1);
  const values = forwards(state, eps);
  const by = backwards(state, eps, values);
  const gradients = state.cut
    ? "The edges into z are cut: there are no gradients."
    : `Gradients of L: by z ${formatted(by.z)}, by sigma ${formatted(by.std)}, by mu ` +
      `${formatted(by.mu)}, by log variance ${formatted(by.logvar)}.`;
  return (
    `Graph: mu ${formatted(state.mu)}, log variance ${formatted(state.logvar)}, sigma ` +
    `${formatted(values.std)}, epsilon ${formatted(eps)}, z ${formatted(values.z)}, target ` +
    `${formatted(state.target)}, loss ${formatted(values.loss)}. ${gradients}`
  );
}

function drawGraph(context, state) {
  const eps = state.eps.at(-1);
  const values = forwards(state, eps);
  const by = backwards(state, eps, values);
  const told = (name, value) => `∂L/∂${name}${state.cut ? ": none" : ` = ${formatted(value)}`}`;
  drawEdge(context, "mu", "z", "∂z/∂μ = 1", state.cut);
  drawEdge(context, "std", "z", `∂z/∂σ = ε = ${formatted(eps)}`, state.cut);
  drawEdge(context, "logvar", "std", `∂σ/∂log σ² = ½σ = ${formatted(values.std / 2)}`, false, state.cut);
  drawEdge(context, "z", "loss", `∂L/∂z = 2(z − c) = ${formatted(by.z)}`, false, state.cut);
  drawArrow(context, edgeOf("eps"), edgeOf("z", "right"), { colour: PASSIVE });
  drawArrow(context, edgeOf("target", "left"), edgeOf("loss", "right"), { colour: PASSIVE });
  drawNode(context, "mu", `μ = ${formatted(state.mu)}`, told("μ", by.mu));
  drawNode(context, "logvar", `log σ² = ${formatted(state.logvar)}`, told("log σ²", by.logvar));
  drawNode(context, "eps", `ε = ${formatted(eps)}`, "drawn from N(0, 1)", true);
  drawNode(context, "std", `σ = ${formatted(values.std)}`, told("σ", by.std));
  drawNode(context, "z", `${state.cut ? "z" : "z = μ + σε"} = ${formatted(values.z)}`, told("z", by.z));
  drawNode(context, "loss", `L = (z − c)² = ${formatted(values.loss)}`, state.cut ? "no gradient" : "∂L/∂L = 1");
  drawNode(context, "target", `c = ${formatted(state.target)}`, "the target", true);
}

// where an arrow leaves a node, or arrives
function edgeOf(name, side = "below") {
  const [x, y, width] = NODES[name];
  const [halfWidth, halfHeight] = [width / 2, NODE_HEIGHT / 2];
  return {
    below: [x, y + halfHeight], above: [x, y - halfHeight],
    left: [x - halfWidth, y], right: [x + halfWidth, y],
  }[side];
}

// forwards an arrow, backwards one beside it where a gradient passes, and the local derivative
function drawEdge(context, from, to, text, isCut, isBare = isCut) {
  const [start, end] = [edgeOf(from), edgeOf(to, from === "mu" ? "left" : "above")];
  drawArrow(context, start, end, isCut ? { colour: PASSIVE, dash: [4, 4] } : { colour: FORWARDS });
  if (!isBare) {
    const beside = ([x, y]) => [x + 9, y];
    drawArrow(context, beside(end), beside(start), { colour: BACKWARDS });
  }
  const at = from === "mu" ? 0.42 : 0.5;
  const [x, y] = start.map((value, i) => value + at * (end[i] - value));
  const options = isCut ? { colour: "#b00020", font: "bold 13px" } : {};
  writeOver(context, isCut ? "✕ cut" : text, x + (isBare ? 0 : 4), y, options);
}

function drawNode(context, name, value, gradient, isPassive = false) {
  const [x, y, width] = NODES[name];
  context.fillStyle = isPassive ? "#f2f2f2" : "#e8f2f9";
  context.strokeStyle = isPassive ? PASSIVE : FORWARDS;
  context.lineWidth = 1.5;
  context.beginPath();
  context.roundRect(x - width / 2, y - NODE_HEIGHT / 2, width, NODE_HEIGHT, 6);
  context.fill();
  context.stroke();
  write(context, value, x, y - 10, { font: "bold 13px" });
  write(context, gradient, x, y + 11, { colour: isPassive ? "#555555" : BACKWARDS });
}
