// A digit drawn by hand: its posterior on the map, its reconstruction, and samples of it.

explorers.sketch = (data, engine, report) => {
  const { title, shape, start } = data;
  const recon = picture(shape, "reconstruction of your drawing");
  const samples = [1, 2, 3].map((k) => picture(shape, `sample ${k} of its posterior`));
  const map = plane({ ...data, title: "posterior" }, (z) => decodeAt(z));
  const numbers = note();
  numbers.setAttribute("role", "status");
  const drawn = captioned(recon, "");
  const shows = (caption, label) => {
    drawn.lastChild.textContent = caption;
    recon.setAttribute("aria-label", label);
  };
  const decodeAt = latest(async (z) => {
    recon.show((await engine.decode(0, [z]))[0]);
    shows("decoded z", "what is decoded at the cross");
  }, report);
  // each sample keeps its ε, so that it changes only as μ and σ do
  const noise = () => samples.map(() => [standardNormal(), standardNormal()]);
  let eps = noise();
  const read = latest(async () => {
    const { mu, logvar } = moments(await engine.encode(0, field.pixels()));
    const std = logvar.map((value) => Math.exp(value / 2));
    map.set(mu, { mu, std });
    numbers.textContent =
      `posterior: μ = (${mu.map(formatted).join(", ")}), σ = (${std.map(formatted).join(", ")}); ` +
      "ellipses at one and two σ";
    const z = [mu, ...eps.map((e) => mu.map((value, i) => value + std[i] * e[i]))];
    const [mean, ...others] = await engine.decode(0, z);
    recon.show(mean);
    others.forEach((image, k) => samples[k].show(image));
    shows("decoded μ", "reconstruction of your drawing");
  }, report);
  const field = drawingField(shape, start && unpacked(start), read);
  const again = button("other samples", () => {
    eps = noise();
    read();
  });
  read();
  return [
    panel(
      title,
      row(make("div", { className: "vc-sketch" },
        captioned(field.element, "draw here"), drawn, buttons(button("clear", field.wipe), again),
        ...samples.map((canvas, k) => captioned(canvas, `sample ${k + 1}`))), map),
      controls(numbers),
    ),
  ];
};
