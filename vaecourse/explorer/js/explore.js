// Models side by side: for each its plane or its sliders, and what it draws there.

const OPEN_SLIDERS = 8; // the rest is folded

explorers.explore = ({ panels }, engine, report) =>
  panels.map((data, index) => {
    const { title, latent_dim: dim, shape, images, order, limit } = data;
    let z = new Array(dim).fill(0);
    const canvas = picture(shape, `${title}: the decoded image`);
    const show = latest(async (now) => canvas.show((await engine.decode(index, [now]))[0]), report);
    const map = dim === 2 ? plane(data, (next) => go(next)) : null;
    const sliders = order.map((j) => {
      const one = slider(`z${subscript(j + 1)}`, -limit, limit, 0, (value) => {
        go(z.map((old, k) => (k === j ? value : old)));
      });
      one.follow = (before) => z[j] !== before[j] && one.set(z[j]);
      return one;
    });
    const go = (next) => {
      const before = z;
      z = [...next];
      map?.set(z);
      sliders.forEach((one) => one.follow(before));
      show(z);
    };
    const box = controls(
      ...folded(sliders),
      button("new draw from N(0, I)", () => go(z.map(standardNormal))),
    );
    // a press encodes the image, that is, goes to its posterior mean
    if (images.length) box.append(thumbnails(images, shape, "encode", ({ mu }) => go(mu)));
    const drawn = captioned(canvas, "decoded");
    go(z);
    return panel(title, row(...(map ? [map, drawn] : [drawn])), box);
  });

function folded(sliders) {
  if (sliders.length <= OPEN_SLIDERS) return sliders;
  const rest = make("details", {}, make("summary", {
    textContent: `${sliders.length - OPEN_SLIDERS} more dimensions`,
  }));
  rest.append(...sliders.slice(OPEN_SLIDERS));
  return [...sliders.slice(0, OPEN_SLIDERS), rest];
}
