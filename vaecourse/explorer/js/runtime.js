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

// y[o, r, c] = b[o] + sum over i, a, b of w[o, i, a, b] x[i, r * stride + a - padding, ...]
function convolution(x, weight, bias, { from, to, kernel, stride, padding }) {
  const [channels, height, width] = from;
  const [outputs, rows, columns] = to;
  const y = new Float32Array(outputs * rows * columns);
  for (let o = 0, at = 0; o < outputs; o++)
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < columns; c++, at++) {
        let sum = bias[o];
        for (let i = 0; i < channels; i++)
          for (let a = 0; a < kernel[0]; a++) {
            const row = r * stride[0] + a - padding[0];
            if (row < 0 || row >= height) continue;
            const w = ((o * channels + i) * kernel[0] + a) * kernel[1];
            const first = (i * height + row) * width;
            for (let b = 0; b < kernel[1]; b++) {
              const column = c * stride[1] + b - padding[1];
              if (column >= 0 && column < width) sum += weight[w + b] * x[first + column];
            }
          }
        y[at] = sum;
      }
  return y;
}

// the first and the last i below `count` with 0 <= i * stride + offset < size
const inside = (count, size, stride, offset) => [
  Math.max(0, Math.ceil(-offset / stride)),
  Math.min(count - 1, Math.floor((size - 1 - offset) / stride)),
];

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

// sum = the planes of x, each times its weight: four at a time, or the sum would be read and written
// four times as often
function mix(sum, x, weight, at, step, channels) {
  const area = sum.length;
  sum.fill(0);
  let i = 0;
  for (; i + 3 < channels; i += 4, at += 4 * step) {
    const [v, w, s, t] = [weight[at], weight[at + step], weight[at + 2 * step], weight[at + 3 * step]];
    const [first, second, third, fourth] = [i * area, (i + 1) * area, (i + 2) * area, (i + 3) * area];
    for (let j = 0; j < area; j++)
      sum[j] += v * x[first + j] + w * x[second + j] + s * x[third + j] + t * x[fourth + j];
  }
  for (; i < channels; i++, at += step)
    for (let j = 0; j < area; j++) sum[j] += weight[at] * x[i * area + j];
}
