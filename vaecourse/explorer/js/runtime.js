// The forward pass of a small network in plain JavaScript, as torch computes it; the weights come
// from weights.py: by layer the scales and biases of its outputs (float32), then whole numbers
// from -511 to 511, all their upper eight bits before all their lower two. Images are channels,
// rows, columns.

async function inflated(base64) {
  const letters = atob(base64);
  const bytes = new Uint8Array(letters.length); // filled by a loop: `from` takes three times as long
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

// Float32Array (a batch of one) -> Float32Array
async function loadNetwork({ inputs, layers, weights }) {
  const content = await inflated(weights);
  let at = 0;
  const take = (Type, count) => {
    const end = at + count * Type.BYTES_PER_ELEMENT;
    const part = new Type(content.slice(at, end));
    at = end;
    return part;
  };
  const steps = layers.map((layer) => {
    if (layer.kind === "leaky") return (x) => x.map((v) => (v > 0 ? v : layer.slope * v));
    if (layer.kind === "sigmoid") return (x) => x.map((v) => 1 / (1 + Math.exp(-v)));
    const outputs = layer.kind === "dense" ? layer.outputs : layer.to[0];
    const perOutput =
      layer.kind === "dense" ? layer.inputs : layer.from[0] * layer.kernel[0] * layer.kernel[1];
    const scale = take(Float32Array, outputs);
    const bias = take(Float32Array, outputs);
    const upper = take(Int8Array, outputs * perOutput);
    const lower = take(Uint8Array, outputs * perOutput);
    const weight = new Float32Array(upper.length);
    for (let o = 0, i = 0; o < outputs; o++)
      for (let k = 0; k < perOutput; k++, i++) weight[i] = (4 * upper[i] + lower[i]) * scale[o];
    const apply = { dense, convolution, transposed }[layer.kind];
    return (x) => apply(x, weight, bias, layer);
  });
  return (x) => {
    if (x.length !== inputs) throw new Error(`expected ${inputs} numbers, got ${x.length}`);
    return steps.reduce((values, step) => step(values), Float32Array.from(x));
  };
}

function dense(x, weight, bias, { inputs, outputs }) {
  const y = new Float32Array(outputs);
  for (let o = 0, w = 0; o < outputs; o++) {
    let [sum, second, i] = [bias[o], 0, 0]; // two sums: neither waits for the other's last addition
    for (; i + 1 < inputs; i += 2, w += 2) {
      sum += weight[w] * x[i];
      second += weight[w + 1] * x[i + 1];
    }
    if (i < inputs) sum += weight[w++] * x[i];
    y[o] = sum + second;
  }
  return y;
}

// Channels are summed four at a time, or y would be read and written four times as often: the weights
// of four, 0 for those that are too many, and where their planes begin.
const weightsOf = (weight, at, step, left) =>
  [weight[at], left > 1 ? weight[at + step] : 0, left > 2 ? weight[at + 2 * step] : 0, left > 3 ? weight[at + 3 * step] : 0];
const planesOf = (from, area, left) =>
  [from, left > 1 ? from + area : from, left > 2 ? from + 2 * area : from, left > 3 ? from + 3 * area : from];

// the first and the last i below `count` with 0 <= i * stride + offset < size
const inside = (count, size, stride, offset) => [
  Math.max(0, Math.ceil(-offset / stride)),
  Math.min(count - 1, Math.floor((size - 1 - offset) / stride)),
];

// y[o, r, c] = b[o] + sum over i, a, b of w[o, i, a, b] x[i, r * stride + a - padding, ...]
function convolution(x, weight, bias, { from: shapeIn, to: shapeOut, kernel, stride, padding }) {
  const [channels, height, width] = shapeIn;
  const [outputs, rows, columns] = shapeOut;
  const [y, patch] = [new Float32Array(outputs * rows * columns), kernel[0] * kernel[1]];
  for (let o = 0; o < outputs; o++) {
    const plane = o * rows * columns;
    y.fill(bias[o], plane, plane + rows * columns);
    for (let a = 0; a < kernel[0]; a++)
      for (let b = 0; b < kernel[1]; b++) {
        const [first, last] = inside(columns, width, stride[1], b - padding[1]);
        for (let i = 0; i < channels; i += 4) {
          const at = (o * channels + i) * patch + a * kernel[1] + b;
          const [v, w, s, t] = weightsOf(weight, at, patch, channels - i);
          const [k, l, m, n] = planesOf(i * height * width, height * width, channels - i);
          for (let r = 0; r < rows; r++) {
            const row = r * stride[0] + a - padding[0];
            if (row < 0 || row >= height) continue;
            let [from, to] = [row * width + first * stride[1] + b - padding[1], plane + r * columns + first];
            for (let column = first; column <= last; column++, from += stride[1])
              y[to++] += v * x[k + from] + w * x[l + from] + s * x[m + from] + t * x[n + from];
          }
        }
      }
  }
  return y;
}

// the same sum read backwards: each x[i, row, column] is spread over kernel-sized patches of y
function transposed(x, weight, bias, { from: shapeIn, to: shapeOut, kernel, stride, padding }) {
  const [channels, height, width] = shapeIn;
  const [outputs, rows, columns] = shapeOut;
  const [y, patch] = [new Float32Array(outputs * rows * columns), kernel[0] * kernel[1]];
  const share = new Float32Array(height * width);
  for (let o = 0; o < outputs; o++) {
    const plane = o * rows * columns;
    y.fill(bias[o], plane, plane + rows * columns);
    for (let a = 0; a < kernel[0]; a++)
      for (let b = 0; b < kernel[1]; b++) {
        mix(share, x, weight, o * channels * patch + a * kernel[1] + b, patch, channels);
        const [first, last] = inside(width, columns, stride[1], b - padding[1]);
        for (let row = 0; row < height; row++) {
          const r = row * stride[0] + a - padding[0];
          if (r < 0 || r >= rows) continue;
          let to = plane + r * columns + first * stride[1] + b - padding[1];
          for (let column = first; column <= last; column++, to += stride[1])
            y[to] += share[row * width + column];
        }
      }
  }
  return y;
}

// sum = the planes of x, each times its weight
function mix(sum, x, weight, at, step, channels) {
  const area = sum.length;
  sum.fill(0);
  for (let i = 0; i < channels; i += 4) {
    const [v, w, s, t] = weightsOf(weight, at + i * step, step, channels - i);
    const [k, l, m, n] = planesOf(i * area, area, channels - i);
    for (let j = 0; j < area; j++)
      sum[j] += v * x[k + j] + w * x[l + j] + s * x[m + j] + t * x[n + j];
  }
}
