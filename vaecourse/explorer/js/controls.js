// What explorers are put together from: elements, pictures, buttons, a slider.

// By kind, what builds an explorer: (data, engine, report) -> its panels. Each kind has its file.
const explorers = {};

const make = (name, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
};

// an element that tells a screen reader what it is
const named = (element, role, label) => {
  element.setAttribute("role", role);
  element.setAttribute("aria-label", label);
  return element;
};

const row = (...children) => make("div", { className: "vc-row" }, ...children);
// in a row: what stands together, a broad part first or all alike
const stacked = (...children) => make("div", { className: "vc-side" }, ...children);
const broad = (...children) => make("div", { className: "vc-side vc-broad" }, ...children);
const controls = (...children) => make("div", { className: "vc-controls" }, ...children);
const note = (text = "") => make("p", { className: "vc-note", textContent: text });

// A titled box: one panel of an explorer.
function panel(title, ...children) {
  const heading = make("div", { className: "vc-title", textContent: title });
  return named(make("div", { className: "vc-panel" }, heading, ...children), "group", title);
}

function button(text, pressed) {
  const element = make("button", { type: "button", textContent: text });
  element.addEventListener("click", pressed);
  return element;
}

const buttons = (...children) => make("div", { className: "vc-buttons" }, ...children);

// One of several texts; `changed` gets the number of the one chosen. The first is chosen at first.
function choices(name, texts, changed) {
  const line = named(make("div", { className: "vc-choices" }), "radiogroup", name);
  const group = `${name} ${Math.random()}`; // two explorers of a page do not share a choice
  texts.forEach((text, i) => {
    const input = make("input", { type: "radio", name: group, checked: i === 0 });
    input.addEventListener("change", () => changed(i));
    line.append(make("label", {}, input, text));
  });
  return line;
}

// -- numbers ------------------------------------------------------------------------------------

const standardNormal = () =>
  Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());

// numbers in [0, 1), one a call, the same for the same seed (a linear counter, mixed: mulberry32)
function seededUniforms(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

// the same of N(0, 1)
function seededNormals(seed) {
  const uniform = seededUniforms(seed);
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

const norm = (z) => Math.hypot(...z);
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const subscript = (number) => [...String(number)].map((digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]).join("");
const withMinus = (text) => text.replaceAll("-", "−");

// two digits after the point; 1.2e7 where that would be long
function formatted(value) {
  if (Math.abs(value) >= 1e4) return withMinus(value.toExponential(1).replace("+", ""));
  return withMinus((Math.abs(value) < 0.005 ? 0 : value).toFixed(2));
}

// -- pictures -----------------------------------------------------------------------------------

// An image of [channels, height, width] numbers in [0, 1] on a canvas of whole pixels.
function picture([channels, height, width], label) {
  const canvas = make("canvas", { width, height, className: "vc-picture" });
  named(canvas, "img", label);
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

const captioned = (content, text) =>
  make("figure", { className: "vc-figure" }, content, make("figcaption", { textContent: text }));

// a byte a pixel, in base64 -> numbers in [0, 1]
const unpacked = (base64) =>
  Float32Array.from(atob(base64), (letter) => letter.charCodeAt(0) / 255);

// Images as buttons that `verb` an image; `pressed` gets the one whose button it was. One without
// pixels is drawn later. `press(i)` marks the i-th as the one that is chosen.
function thumbnails(images, shape, verb, pressed) {
  const heading = make("span", { textContent: `${verb}:` });
  const line = make("div", { className: "vc-thumbnails" }, heading);
  named(line, "group", `${verb} an image`);
  const all = images.map((image) => {
    const canvas = picture(shape, image.name);
    if (image.pixels) canvas.show(unpacked(image.pixels));
    const one = button("", () => pressed(image));
    one.title = image.name;
    one.append(canvas);
    return one;
  });
  line.append(...all);
  line.press = (i) => all.forEach((one, k) => one.setAttribute("aria-pressed", String(k === i)));
  return line;
}

// -- a slider with its name and its value -------------------------------------------------------

function slider(name, low, high, value, changed) {
  const shown = make("span", { className: "vc-value" });
  shown.setAttribute("aria-hidden", "true"); // the slider itself tells its value
  // a hundred round steps or more from end to end
  const tens = Math.max(0, Math.floor(Math.log10((high - low) / 7)));
  const step = high - low > 2 ? 0.05 * 10 ** tens : 0.01;
  const input = make("input", { type: "range", min: low, max: high, step, value });
  const write = (now) => {
    shown.textContent = formatted(now);
    input.setAttribute("aria-valuetext", formatted(now));
  };
  input.addEventListener("input", () => {
    write(input.valueAsNumber);
    changed(input.valueAsNumber);
  });
  const line = make("label", { className: "vc-slider" }, make("span", { textContent: name }));
  line.append(input, shown);
  line.set = (next) => {
    input.value = next; // the nearest of its steps
    write(next);
  };
  write(value);
  return line;
}
