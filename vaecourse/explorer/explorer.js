// What a reader moves. One explorer is one element; `data.kind` says which. Everything is drawn
// from an `engine` that decodes and encodes: the kernel in a live notebook, runtime.js on a page.

const make = (name, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
};

const PATIENCE = 10000; // milliseconds until a silent kernel is called silent

// Runs `task` with the last arguments it was called with, and never twice at once: while one
// picture is on its way, moves only replace what is asked for next.
function latest(task, report) {
  const mine = Symbol("slot of the message");
  let waiting = null;
  let busy = false;
  return async (...args) => {
    waiting = args;
    if (busy) return;
    busy = true;
    while (waiting) {
      const now = waiting;
      waiting = null;
      const silence = setTimeout(
        () => report("the kernel does not answer: it is busy, or has ended (then run the cell again)", mine),
        PATIENCE,
      );
      try {
        await task(...now);
        report("", mine);
      } catch (problem) {
        report(problem.message, mine);
      }
      clearTimeout(silence);
    }
    busy = false;
  };
}

const standardNormal = () =>
  Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const subscript = (number) => [...String(number)].map((digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]).join("");
const told = (value) => (Math.abs(value) < 0.005 ? 0 : value).toFixed(2).replace("-", "−");

// -- pictures ---------------------------------------------------------------------------------

// An image of [channels, height, width] numbers in [0, 1] on a canvas of whole pixels.
function picture([channels, height, width], label) {
  const canvas = make("canvas", { width, height, className: "vc-picture" });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", label);
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  canvas.show = (pixels) => {
    const area = height * width;
    for (let i = 0; i < area; i++)
      for (let c = 0; c < 3; c++)
        image.data[4 * i + c] = Math.round(255 * pixels[(channels === 3 ? c * area : 0) + i]);
    for (let i = 0; i < area; i++) image.data[4 * i + 3] = 255;
    context.putImageData(image, 0, 0);
    canvas.pixels = pixels;
  };
  return canvas;
}

const captioned = (canvas, text) =>
  make("figure", { className: "vc-figure" }, canvas, make("figcaption", { textContent: text }));

// -- a slider with its name and its value -----------------------------------------------------

function slider(name, low, high, value, changed) {
  const shown = make("span", { className: "vc-value" });
  shown.setAttribute("aria-hidden", "true"); // the slider itself tells its value
  const step = high - low > 2 ? 0.05 : 0.01;
  const input = make("input", { type: "range", min: low, max: high, step, value });
  const write = (now) => {
    shown.textContent = told(now);
    input.setAttribute("aria-valuetext", told(now));
  };
  input.addEventListener("input", () => {
    write(input.valueAsNumber);
    changed(input.valueAsNumber);
  });
  const row = make("label", { className: "vc-slider" }, make("span", { textContent: name }));
  row.append(input, shown);
  row.set = (next) => {
    input.value = next; // the nearest of its steps
    write(next);
  };
  write(value);
  return row;
}

// -- the latent plane -------------------------------------------------------------------------

const SIDE = 320; // pixels of the plane as drawn; the page scales it

// A scatter to click, drag and walk through by arrow keys; `changed` gets [z1, z2].
function plane({ points, labels, colours, limit, title }, changed) {
  const canvas = make("canvas", { width: 2 * SIDE, height: 2 * SIDE, className: "vc-plane" });
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  canvas.setAttribute(
    "aria-label",
    `${title}: the latent plane. Arrow keys move the point, with Shift in small steps.`,
  );
  const context = canvas.getContext("2d");
  context.scale(2, 2);
  const place = ([a, b]) => [
    ((a + limit) / (2 * limit)) * SIDE,
    ((limit - b) / (2 * limit)) * SIDE,
  ];
  const state = { z: [0, 0], ellipse: null };
  const draw = () => {
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, SIDE, SIDE);
    context.strokeStyle = "#dddddd";
    context.lineWidth = 1;
    const every = [1, 2, 5, 10, 20, 50].find((size) => limit / size <= 5) ?? 100;
    const ticks = [];
    for (let k = -Math.floor(limit / every); k * every <= limit; k++) ticks.push(k * every);
    for (const tick of ticks) {
      const [x, y] = place([tick, tick]);
      context.strokeRect(x, -1, 0, SIDE + 2);
      context.strokeRect(-1, y, SIDE + 2, 0);
    }
    context.font = "9px sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    points.forEach((point, i) => {
      context.fillStyle = labels ? colours[labels[i] % colours.length] : "#0072b2";
      const [x, y] = place(point);
      if (labels) context.fillText(labels[i], x, y);
      else context.fillRect(x - 1.5, y - 1.5, 3, 3);
    });
    context.fillStyle = "#444444";
    context.font = "11px sans-serif";
    for (const tick of ticks.filter((value) => Math.abs(value) < 0.95 * limit)) {
      const [x, y] = place([tick, tick]);
      context.fillText(String(tick).replace("-", "−"), x, SIDE - 8);
      if (tick) context.fillText(String(tick).replace("-", "−"), 11, y);
    }
    if (state.ellipse) {
      const { mu, std } = state.ellipse;
      ellipses(place(mu), std, SIDE / (2 * limit));
      magnified(mu, std);
    }
    const [x, y] = place(state.z);
    for (const [colour, width] of [["#ffffff", 5], ["#d55e00", 2.5]]) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.beginPath();
      context.arc(x, y, 7, 0, 7);
      context.moveTo(x - 12, y);
      context.lineTo(x + 12, y);
      context.moveTo(x, y - 12);
      context.lineTo(x, y + 12);
      context.stroke();
    }
  };
  const ellipses = ([x, y], std, unit) => {
    context.strokeStyle = "#000000";
    context.lineWidth = 1.5;
    for (const widths of [1, 2]) {
      context.beginPath();
      context.ellipse(x, y, widths * std[0] * unit, widths * std[1] * unit, 0, 0, 7);
      context.stroke();
    }
  };
  // a posterior is often smaller than the cross: a window on it in the corner that is farthest off
  const magnified = (mu, std) => {
    const [side, edge] = [92, 4];
    const left = mu[0] > 0 ? edge : SIDE - side - edge;
    const top = mu[1] < 0 ? edge : SIDE - side - edge;
    const unit = (side - 22) / (4 * Math.max(...std));
    const factor = (unit * 2 * limit) / SIDE;
    if (factor < 1.5) return;
    context.fillStyle = "#ffffff";
    context.strokeStyle = "#444444";
    context.lineWidth = 1;
    context.fillRect(left, top, side, side);
    context.strokeRect(left, top, side, side);
    ellipses([left + side / 2, top + side / 2 - 5], std, unit);
    context.fillStyle = "#444444";
    context.font = "11px sans-serif";
    context.fillText(`enlarged ×${Math.round(factor)}`, left + side / 2, top + side - 7);
  };
  canvas.set = (z, ellipse = null) => {
    state.z = z;
    state.ellipse = ellipse;
    draw();
  };
  const move = (z) => {
    canvas.set(z.map((value) => clamp(value, -limit, limit)), state.ellipse);
    changed(state.z);
  };
  const follow = (event) => {
    const box = canvas.getBoundingClientRect();
    move([
      ((event.clientX - box.left) / box.width) * 2 * limit - limit,
      limit - ((event.clientY - box.top) / box.height) * 2 * limit,
    ]);
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button) return;
    canvas.setPointerCapture(event.pointerId);
    follow(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (canvas.hasPointerCapture(event.pointerId)) follow(event);
  });
  const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  canvas.addEventListener("keydown", (event) => {
    const way = KEYS[event.key];
    if (!way) return;
    event.preventDefault();
    const step = (event.shiftKey ? 0.01 : 0.05) * limit;
    move(state.z.map((value, i) => value + step * way[i]));
  });
  draw();
  return canvas;
}

const group = (title) => {
  const box = make("div", { className: "vc-panel" }, make("div", { className: "vc-title", textContent: title }));
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", title);
  return box;
};

// -- explorers --------------------------------------------------------------------------------

const OPEN_SLIDERS = 8; // the rest is folded

// One model: its plane or its sliders, and what it draws there.
function panel(data, index, engine, report) {
  const { title, latent_dim: dim, shape, images, order, limit } = data;
  let z = new Array(dim).fill(0);
  const canvas = picture(shape, `${title}: the decoded image`);
  const show = latest(async (now) => canvas.show((await engine.decode(index, [now]))[0]), report);
  const place = dim === 2 ? plane(data, (next) => go(next)) : null;
  const sliders = order.map((j) => {
    const row = slider(`z${subscript(j + 1)}`, -limit, limit, 0, (value) => {
      go(z.map((old, k) => (k === j ? value : old)));
    });
    row.place = (before) => z[j] !== before[j] && row.set(z[j]);
    return row;
  });
  const go = (next) => {
    const before = z;
    z = [...next];
    place?.set(z);
    sliders.forEach((row) => row.place(before));
    show(z);
  };
  const draw = make("button", { type: "button", textContent: "new draw from N(0, I)" });
  draw.addEventListener("click", () => go(z.map(standardNormal)));
  const controls = make("div", { className: "vc-controls" }, ...sliders.slice(0, OPEN_SLIDERS));
  if (sliders.length > OPEN_SLIDERS) {
    const rest = make("details", {}, make("summary", {
      textContent: `${sliders.length - OPEN_SLIDERS} more dimensions`,
    }));
    rest.append(...sliders.slice(OPEN_SLIDERS));
    controls.append(rest);
  }
  controls.append(draw);
  if (images.length) controls.append(thumbnails(images, shape, (mu) => go(mu)));
  const drawn = captioned(canvas, "decoded");
  const box = group(title);
  box.append(make("div", { className: "vc-row" }, ...(place ? [place, drawn] : [drawn])), controls);
  go(z);
  return box;
}

// Real images as buttons: a press encodes one, that is, goes to its posterior mean.
function thumbnails(images, shape, go) {
  const row = make("div", { className: "vc-thumbnails" });
  row.setAttribute("role", "group");
  row.setAttribute("aria-label", "encode an image");
  row.append(make("span", { textContent: "encode:" }));
  for (const { name, mu, pixels } of images) {
    const canvas = picture(shape, name);
    canvas.show(unpacked(pixels));
    const button = make("button", { type: "button", title: name }, canvas);
    button.addEventListener("click", () => go(mu));
    row.append(button);
  }
  return row;
}

const unpacked = (base64) =>
  Float32Array.from(atob(base64), (letter) => letter.charCodeAt(0) / 255);

// Two images and an α between them: the same way in a straight line and along an arc.
function between({ title, shape, ends, images, names }, engine, report) {
  const [first, last] = ends;
  const canvases = ["lerp: straight line", "slerp: arc"].map((name) => picture(shape, name));
  const show = latest(async (alpha) => {
    const drawn = await engine.decode(0, [lerp, slerp].map((way) => way(first, last, alpha)));
    drawn.forEach((image, i) => canvases[i].show(image));
  }, report);
  const norms = make("p", { className: "vc-note" });
  const go = (alpha) => {
    const [line, arc] = [lerp, slerp].map((way) => norm(way(first, last, alpha)));
    norms.textContent = `distance from the origin: ${told(line)} on the line, ${told(arc)} on the arc`;
    show(alpha);
  };
  const [start, end] = images.map((pixels, i) => {
    const canvas = picture(shape, names[i]);
    canvas.show(unpacked(pixels));
    return captioned(canvas, `${names[i]} (α = ${i})`);
  });
  const box = group(title);
  box.append(
    make("div", { className: "vc-row" }, start, captioned(canvases[0], "lerp"),
      captioned(canvases[1], "slerp"), end),
    make("div", { className: "vc-controls" }, slider("α", 0, 1, 0.5, go), norms),
  );
  go(0.5);
  return [box];
}

const norm = (z) => Math.hypot(...z);
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

// A digit drawn by hand: its posterior on the map, its reconstruction, and samples of it.
function sketch(data, engine, report) {
  const { title, shape } = data;
  const [, height, width] = shape;
  const ink = make("canvas", { width: 10 * width, height: 10 * height, className: "vc-ink" });
  ink.tabIndex = 0;
  ink.setAttribute("role", "application");
  const context = ink.getContext("2d", { willReadFrequently: true });
  const small = make("canvas", { width, height });
  const reduced = small.getContext("2d", { willReadFrequently: true });
  const recon = picture(shape, "reconstruction of your drawing");
  const samples = [1, 2, 3].map((k) => picture(shape, `sample ${k} of its posterior`));
  const map = plane({ ...data, title: "posterior" }, (z) => decodeAt(z));
  const note = make("p", { className: "vc-note" });
  note.setAttribute("role", "status");
  const drawn = captioned(recon, "");
  const decodeAt = latest(async (z) => {
    recon.show((await engine.decode(0, [z]))[0]);
    drawn.lastChild.textContent = "decoded z";
    recon.setAttribute("aria-label", "what is decoded at the cross");
  }, report);
  // each sample keeps its ε, so that it changes only as μ and σ do
  let eps = samples.map(() => [standardNormal(), standardNormal()]);
  const read = latest(async () => {
    const { mu, logvar } = await engine.encode(0, pixels());
    const std = logvar.map((value) => Math.exp(value / 2));
    map.set(mu, { mu, std });
    note.textContent =
      `posterior: μ = (${mu.map(told).join(", ")}), σ = (${std.map(told).join(", ")}); ` +
      "ellipses at one and two σ";
    const z = [mu, ...eps.map((e) => mu.map((value, i) => value + std[i] * e[i]))];
    const [mean, ...others] = await engine.decode(0, z);
    recon.show(mean);
    others.forEach((image, k) => samples[k].show(image));
    drawn.lastChild.textContent = "decoded μ";
    recon.setAttribute("aria-label", "reconstruction of your drawing");
  }, report);
  let untouched = data.start && unpacked(data.start);
  // MNIST's own way: the drawing is scaled into 20 x 20 and its centre of mass put in the middle
  const pixels = () => {
    if (untouched) return untouched;
    const { data: rgba } = context.getImageData(0, 0, ink.width, ink.height);
    let [mass, mx, my, left, right, top, bottom] = [0, 0, 0, ink.width, 0, ink.height, 0];
    for (let y = 0, i = 0; y < ink.height; y++)
      for (let x = 0; x < ink.width; x++, i += 4)
        if (rgba[i] > 40) {
          mass += rgba[i]; mx += rgba[i] * x; my += rgba[i] * y;
          left = Math.min(left, x); right = Math.max(right, x);
          top = Math.min(top, y); bottom = Math.max(bottom, y);
        }
    reduced.fillStyle = "#000";
    reduced.fillRect(0, 0, width, height);
    if (mass) {
      const scale = 20 / Math.max(right - left + 1, bottom - top + 1);
      // pixel 14 is the middle, and a pixel's own middle is half a pixel on
      const corner = (size, sum) => size / 2 + 0.5 - (sum / mass + 0.5) * scale;
      reduced.imageSmoothingQuality = "high";
      reduced.drawImage(
        ink,
        corner(width, mx), corner(height, my),
        ink.width * scale, ink.height * scale,
      );
    }
    const { data: out } = reduced.getImageData(0, 0, width, height);
    return Float32Array.from({ length: width * height }, (_, i) => out[4 * i] / 255);
  };
  const clear = () => {
    untouched = null;
    context.fillStyle = "#000";
    context.fillRect(0, 0, ink.width, ink.height);
    context.strokeStyle = "#fff";
    context.lineWidth = 2.2 * 10;
    context.lineCap = context.lineJoin = "round";
  };
  let last = null;
  const line = (to) => {
    untouched = null;
    context.beginPath();
    context.moveTo(...(last ?? to));
    context.lineTo(...to);
    context.stroke();
    last = to;
    read();
  };
  const at = (event) => {
    const box = ink.getBoundingClientRect();
    return [
      ((event.clientX - box.left) / box.width) * ink.width,
      ((event.clientY - box.top) / box.height) * ink.height,
    ];
  };
  ink.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button) return;
    ink.setPointerCapture(event.pointerId);
    last = null;
    line(at(event));
  });
  ink.addEventListener("pointerup", () => (last = down ? pen : null));
  ink.addEventListener("pointermove", (event) => {
    if (ink.hasPointerCapture(event.pointerId)) line(at(event));
  });
  let pen = [ink.width / 2, ink.height / 4];
  let down = false;
  const dot = make("span", { className: "vc-pen" });
  const point = () => {
    dot.style.left = `${(100 * pen[0]) / ink.width}%`;
    dot.style.top = `${(100 * pen[1]) / ink.height}%`;
    dot.classList.toggle("vc-down", down);
    ink.setAttribute(
      "aria-label",
      `drawing field, the pen is ${down ? "down" : "up"}. Arrow keys move it, Space sets it down ` +
        "or lifts it, Delete clears.",
    );
  };
  point();
  ink.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (way) {
      pen = pen.map((value, i) => clamp(value + 10 * way[i], 10, ink.width - 10));
      if (down) line(pen);
      else last = pen;
    } else if (event.key === " ") {
      down = !down;
      last = pen;
      if (down) line(pen);
    } else if (event.key === "Delete") {
      clear();
      read();
    } else return;
    point();
    event.preventDefault();
  });
  const wipe = make("button", { type: "button", textContent: "clear" });
  wipe.addEventListener("click", () => { clear(); read(); });
  const again = make("button", { type: "button", textContent: "other samples" });
  again.addEventListener("click", () => {
    eps = samples.map(() => [standardNormal(), standardNormal()]);
    read();
  });
  const given = untouched;
  clear();
  if (given) {
    const canvas = picture(shape, "");
    canvas.show(given);
    context.drawImage(canvas, 0, 0, ink.width, ink.height);
    untouched = given; // encoded as it is, not as it was enlarged
  }
  read();
  const box = group(title);
  box.append(
    make("div", { className: "vc-row" },
      make("figure", { className: "vc-figure" }, make("div", { className: "vc-field" }, ink, dot),
        make("figcaption", { textContent: "draw here" })),
      map),
    make("div", { className: "vc-row" }, drawn,
      ...samples.map((canvas, k) => captioned(canvas, `sample ${k + 1}`))),
    make("div", { className: "vc-controls" }, make("div", { className: "vc-buttons" }, wipe, again), note),
  );
  return [box];
}

// The bell curve of N(μ, σ²), and the same ε carried along by z = μ + σ ε.
function normal({ title, eps }, engine, report) {
  const [wide, high] = [460, 240];
  const canvas = make("canvas", { width: 2 * wide, height: 2 * high, className: "vc-wide" });
  canvas.setAttribute("role", "img");
  const context = canvas.getContext("2d");
  context.scale(2, 2);
  const state = { mu: 0, std: 1 };
  const across = (z) => ((z + 9) / 18) * wide;
  const base = high - 58;
  const draw = () => {
    const { mu, std } = state;
    const density = (z) => Math.exp(-0.5 * ((z - mu) / std) ** 2) / (std * Math.sqrt(2 * Math.PI));
    const up = (p) => base - (p / 0.8) * (base - 12);
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, wide, high);
    context.textAlign = "center";
    context.font = "12px sans-serif";
    [["#cfe4f1", 3], ["#8cbfdf", 2], ["#4a98c9", 1]].forEach(([colour, k]) => {
      context.fillStyle = colour;
      context.beginPath();
      context.moveTo(across(mu - k * std), base);
      for (let i = 0; i <= 120; i++) {
        const z = mu - k * std + (i / 60) * k * std;
        context.lineTo(across(z), up(density(z)));
      }
      context.lineTo(across(mu + k * std), base);
      context.fill();
    });
    context.strokeStyle = "#222222";
    context.strokeRect(0, base, wide, 0);
    context.fillStyle = "#222222";
    for (let tick = -8; tick <= 6; tick += 2) context.fillText(tick, across(tick), base + 16);
    context.fillText("z", wide - 10, base + 16);
    eps.forEach((e, i) => {
      context.strokeStyle = i === 0 ? "#d55e00" : "#222222";
      context.lineWidth = i === 0 ? 3 : 1;
      context.strokeRect(across(mu + std * e), base + 24, 0, 20);
    });
    context.lineWidth = 1;
    context.fillStyle = "#a04600";
    context.fillText(`the same ε = ${told(eps[0])} is now z = ${told(mu + std * eps[0])}`, wide / 2, high - 2);
    canvas.setAttribute(
      "aria-label",
      `Bell curve with mean ${told(mu)} and width ${told(std)}. Between ${told(mu - std)} and ` +
        `${told(mu + std)} lie 68 per cent of the draws, within two widths 95, within three 99.7.`,
    );
  };
  const legend = make("p", {
    className: "vc-note",
    textContent:
      "Shaded from dark to light: within 1, 2 and 3 σ, 68.3, 95.4 and 99.7 % of all draws, wherever " +
      "the sliders stand. Each tick under the curve is one ε, drawn once; μ and σ carry it along: z = μ + σ ε.",
  });
  const box = group(title);
  box.append(
    canvas,
    make("div", { className: "vc-controls" },
      slider("μ", -3, 3, 0, (value) => { state.mu = value; draw(); }),
      slider("σ", 0.5, 2, 1, (value) => { state.std = value; draw(); }),
      legend),
  );
  draw();
  return [box];
}

const explorers = {
  explore: (data, engine, report) =>
    data.panels.map((one, index) => panel(one, index, engine, report)),
  between,
  sketch,
  normal,
};

// -- engines ----------------------------------------------------------------------------------

// The networks of the page itself: each stands there once, whichever explorers use it.
const networksOfPage = (globalThis.vaecourseNetworks ??= new Map());

async function networkOfPage(key) {
  if (!networksOfPage.has(key)) {
    const script = document.querySelector(`script[data-vaecourse-network="${key}"]`);
    if (!script) throw new Error("the page lacks a network: run the chapter from its first cell");
    networksOfPage.set(key, loadNetwork(JSON.parse(script.textContent)));
  }
  return networksOfPage.get(key);
}

// what an encoder gives, as the kernel and the page alike have it: mu, then logvar
const moments = (code) => {
  const half = code.length / 2;
  return { mu: [...code.slice(0, half)], logvar: [...code.slice(half)] };
};

// decode: a list of z -> a list of images in [0, 1]; encode: an image -> { mu, logvar }
function pageEngine({ networks }) {
  return {
    async decode(index, list) {
      const decoder = await networkOfPage(networks[index].decoder);
      return list.map((z) => {
        const logits = decoder(z);
        if (logits.some(Number.isNaN)) throw new Error("the decoder gave NaN here");
        return logits.map((v) => 1 / (1 + Math.exp(-v)));
      });
    },
    async encode(index, x) {
      return moments((await networkOfPage(networks[index].encoder))(x));
    },
  };
}

// The kernel of a live notebook. Every view of a widget hears every answer, so a question has a
// name that no other view gives.
function kernelEngine(model) {
  const view = Math.random();
  let number = 0;
  let ended = false;
  const waiting = new Map();
  const hear = (content, buffers) => {
    const answer = waiting.get(content.number);
    waiting.delete(content.number);
    if ("error" in content) answer?.reject(new Error(content.error));
    else if (answer) {
      const { buffer, byteOffset, byteLength } = buffers[0];
      answer.resolve(new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength)));
    }
  };
  model.on("msg:custom", hear);
  const ask = async (task, index, numbers) => {
    const mine = `${view} ${++number}`;
    const answer = new Promise((resolve, reject) => waiting.set(mine, { resolve, reject }));
    model.send({ task, index, number: mine }, undefined, [Float32Array.from(numbers).buffer]);
    // Jupyter's server holds a small message back until the one before it is acknowledged (Nagle's
    // algorithm), which TCP puts off for 40 ms unless the page has something to send
    const nudge = setTimeout(() => ended || model.send({ task: "nudge" }), 6);
    try {
      return await answer;
    } finally {
      clearTimeout(nudge);
    }
  };
  return {
    async decode(index, list) {
      const all = await ask("decode", index, list.flat());
      const size = all.length / list.length;
      return list.map((_, i) => all.slice(i * size, (i + 1) * size));
    },
    encode: async (index, x) => moments(await ask("encode", index, x)),
    end: () => {
      ended = true;
      model.off("msg:custom", hear);
    },
  };
}

// -- mounting ---------------------------------------------------------------------------------

function mount(element, data, engine) {
  const message = make("p", { className: "vc-message" });
  message.setAttribute("role", "status");
  const slots = new Map(); // one picture's success does not wipe another's failure
  const report = (text, slot) => {
    slots.set(slot, text);
    const whole = [...new Set(slots.values())].filter(Boolean).join("; ");
    if (message.textContent !== whole) message.textContent = whole;
  };
  const parts = explorers[data.kind](data, engine, report);
  element.classList.add("vaecourse-explorer");
  element.dataset.lmSuppressShortcuts = "true"; // JupyterLab's keys: arrows move cells, D D deletes
  element.append(make("div", { className: "vc-panels" }, ...parts), message);
}

function render({ model, el }) {
  const engine = kernelEngine(model);
  mount(el, model.get("data"), engine);
  return engine.end;
}

// On a page: each element that is whole, for the browser may still be reading the page, and not
// mounted yet. Where a network cannot be had (a browser without DecompressionStream), the picture
// that stands there stays.
async function mountPage() {
  for (const element of document.querySelectorAll(".vaecourse-explorer[data-waiting]")) {
    if (!("waiting" in element.dataset)) continue; // another explorer's script was faster
    if (!element.nextSibling) continue; // its own script comes after it
    delete element.dataset.waiting;
    const data = JSON.parse(element.querySelector("script").textContent);
    const keys = data.networks.flatMap((network) => Object.values(network));
    try {
      await Promise.all(keys.map(networkOfPage));
    } catch (problem) {
      console.warn(`an explorer stays a picture: ${problem.message}`);
      continue;
    }
    mount(element, data, pageEngine(data));
    element.classList.add("vc-mounted");
  }
}
