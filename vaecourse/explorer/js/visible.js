// z from the pixels that can be seen, and no others: the most probable one and draws of the
// posterior p(z | visible) ∝ p(visible | z) N(z; 0, I), by nothing but a decoder's pictures.
//
// The most probable z is found by Fisher scoring: with l the logits of the visible pixels and p their
// sigmoids, the slope of −log p(visible, z) is Σ (p − x) ∂l/∂z + z, and its expected curvature
// Σ p (1 − p) ∂l/∂z ∂l/∂zᵀ + I. The derivatives of l are differences of two decoded pictures.

const SEARCH = {
  draws: 100, starts: 8, // of the prior, and the best of them, of which
  first: 2, kept: 3, rounds: 12, // after some rounds a few are kept, and improved for the rest
  difference: 0.02, steps: [1, 0.5, 0.2, 0.05],
  proposals: 60,
};

const sure = (p) => clamp(p, 1e-6, 1 - 1e-6);
const logit = (p) => Math.log(sure(p) / (1 - sure(p)));
const squares = (z) => z.reduce((sum, value) => sum + value * value, 0);

// −log p(x|z) of the visible pixels, in nats
function visibleNll(p, x, visible) {
  let sum = 0;
  for (const i of visible) sum -= x[i] * Math.log(sure(p[i])) + (1 - x[i]) * Math.log(1 - sure(p[i]));
  return sum;
}

// each z with its picture p, its nll and, as `loss`, −log p(visible, z) but for a constant
async function placesAt(list, { decode, x, visible }) {
  const pictures = await decode(list);
  return list.map((z, i) => {
    const nll = visibleNll(pictures[i], x, visible);
    return { z, p: pictures[i], nll, loss: nll + squares(z) / 2 };
  });
}

// the slope at a place and the Cholesky factor of its curvature; `beside` are the pictures at z plus
// a little in each dimension
function slopeAt({ z, p }, beside, { x, visible }) {
  const slope = [...z];
  const curvature = z.map((_, k) => z.map((_, j) => Number(k === j)));
  const change = new Float64Array(z.length);
  for (const i of visible) {
    const here = logit(p[i]);
    const weight = sure(p[i]) * (1 - sure(p[i]));
    for (let k = 0; k < z.length; k++) {
      change[k] = (logit(beside[k][i]) - here) / SEARCH.difference;
      slope[k] += (sure(p[i]) - x[i]) * change[k];
      for (let j = 0; j <= k; j++) curvature[k][j] += weight * change[k] * change[j];
    }
  }
  return { slope, factor: cholesky(curvature) };
}

// L of A = L Lᵀ, from the lower half of A
function cholesky(a) {
  const factor = a.map((line) => line.map(() => 0));
  for (let k = 0; k < a.length; k++)
    for (let j = 0; j <= k; j++) {
      let rest = a[k][j];
      for (let i = 0; i < j; i++) rest -= factor[k][i] * factor[j][i];
      factor[k][j] = k === j ? Math.sqrt(rest) : rest / factor[j][j];
    }
  return factor;
}

// L y = b, and Lᵀ y = b
const solvedDown = (factor, b) =>
  b.reduce((y, value, k) => [...y, (value - y.reduce((sum, v, j) => sum + factor[k][j] * v, 0)) / factor[k][k]], []);
function solvedUp(factor, b) {
  const y = [...b];
  for (let k = y.length - 1; k >= 0; k--) {
    for (let i = k + 1; i < y.length; i++) y[k] -= factor[i][k] * y[i];
    y[k] /= factor[k][k];
  }
  return y;
}

// one round for all places: towards the top of each, as far as is best of a few steps
async function nearer(places, task) {
  const beside = places.flatMap(({ z }) =>
    z.map((_, k) => z.map((value, j) => value + (j === k ? SEARCH.difference : 0))));
  const pictures = await task.decode(beside);
  const dim = places[0].z.length;
  const found = places.map((place, n) => ({
    ...place, ...slopeAt(place, pictures.slice(n * dim, (n + 1) * dim), task),
  }));
  const tried = await placesAt(found.flatMap(({ z, slope, factor }) => {
    const way = solvedUp(factor, solvedDown(factor, slope));
    return SEARCH.steps.map((step) => z.map((value, k) => value - step * way[k]));
  }), task);
  return found.map((place, n) => {
    const own = tried.slice(n * SEARCH.steps.length, (n + 1) * SEARCH.steps.length);
    const best = own.reduce((one, other) => (other.loss < one.loss ? other : one));
    return best.loss < place.loss ? { ...best, factor: place.factor, gain: place.loss - best.loss } : { ...place, gain: 0 };
  });
}

// the ends of the search from the best of some places, the most probable first
async function tops(starts, task) {
  const bestOf = (places, count) => [...places].sort((a, b) => a.loss - b.loss).slice(0, count);
  let places = bestOf(starts, SEARCH.starts);
  for (let round = 1; round <= SEARCH.rounds; round++) {
    places = bestOf(await nearer(places, task), round < SEARCH.first ? SEARCH.starts : SEARCH.kept);
    if (Math.max(...places.map(({ gain }) => gain)) < 0.05) break; // nats
  }
  return places;
}

// log N(z; top, curvature⁻¹) but for a constant
const logNear = ({ z: top, factor }, z) => {
  const across = factor.map((_, i) => factor.reduce((sum, line, k) => sum + line[i] * (z[k] - top[k]), 0));
  return factor.reduce((sum, line, k) => sum + Math.log(line[k]), 0) - squares(across) / 2;
};

const logSum = (values) => {
  const most = Math.max(...values);
  return most + Math.log(values.reduce((sum, value) => sum + Math.exp(value - most), 0));
};

// `count` draws of the posterior, by importance resampling: drawn from Gaussians at the tops, each
// weighed by p(visible, z) over the density it was drawn with, and kept by the Gumbel trick, which
// picks by weight and nothing twice. `normals` and `uniforms` give the draws.
async function posteriorDraws(ends, count, task, normals, uniform) {
  const masses = ends.map((top) => -top.loss - logNear(top, top.z));
  const shares = masses.map((mass) => mass - logSum(masses));
  const pick = () => {
    let left = uniform();
    return ends.find((_, k) => (left -= Math.exp(shares[k])) < 0) ?? ends[0];
  };
  const list = Array.from({ length: SEARCH.proposals }, () => {
    const top = pick();
    const away = solvedUp(top.factor, top.z.map(normals));
    return top.z.map((value, k) => value + away[k]);
  });
  const places = await placesAt(list, task);
  for (const place of places) {
    const drawn = logSum(ends.map((top, k) => shares[k] + logNear(top, place.z)));
    place.weight = -place.loss - drawn;
    place.key = place.weight - Math.log(-Math.log(uniform() || 1e-12));
  }
  return places.sort((a, b) => b.key - a.key).slice(0, count);
}
