// Two images and an α between them: the same way in a straight line and along an arc.

explorers.between = ({ title, shape, ends, images, names }, engine, report) => {
  const [first, last] = ends;
  const canvases = ["lerp: straight line", "slerp: arc"].map((name) => picture(shape, name));
  const norms = note();
  const show = latest(async (alpha) => {
    const drawn = await engine.decode(0, [lerp, slerp].map((way) => way(first, last, alpha)));
    drawn.forEach((image, i) => canvases[i].show(image));
  }, report);
  const go = (alpha) => {
    const [line, arc] = [lerp, slerp].map((way) => formatted(norm(way(first, last, alpha))));
    norms.textContent = `distance from the origin: ${line} on the line, ${arc} on the arc`;
    show(alpha);
  };
  const [start, end] = images.map((pixels, i) => {
    const canvas = picture(shape, names[i]);
    canvas.show(unpacked(pixels));
    return captioned(canvas, `${names[i]} (α = ${i})`);
  });
  go(0.5);
  return [
    panel(
      title,
      row(start, captioned(canvases[0], "lerp"), captioned(canvases[1], "slerp"), end),
      controls(slider("α", 0, 1, 0.5, go), norms),
    ),
  ];
};

const lerp = (a, b, alpha) => a.map((value, i) => (1 - alpha) * value + alpha * b[i]);

// as latent.slerp: equal angles, and a norm that goes evenly from one end's to the other's
function slerp(a, b, alpha) {
  const [na, nb] = [norm(a), norm(b)];
  const cosine = clamp(a.reduce((sum, value, i) => sum + value * b[i], 0) / (na * nb), -1, 1);
  const angle = Math.acos(cosine);
  const length = (1 - alpha) * na + alpha * nb;
  if (!na || !nb || Math.PI - angle < 1e-3) throw new Error("slerp has no arc between these two");
  const [p, q] =
    angle < 1e-4
      ? [1 - alpha, alpha]
      : [Math.sin((1 - alpha) * angle), Math.sin(alpha * angle)].map((s) => s / Math.sin(angle));
  return a.map((value, i) => length * ((p * value) / na + (q * b[i]) / nb));
}
