// A field to draw on by mouse, finger or keys, and what it holds as an image of MNIST's kind.

const ZOOM = 10; // pixels of the field for one of the image
const PEN = 2.2; // width of a stroke, in pixels of the image

// `start` (pixels, or null) stands there at first; `changed` is called after each stroke.
function drawingField([, height, width], start, changed) {
  const canvas = make("canvas", { width: ZOOM * width, height: ZOOM * height, className: "vc-ink" });
  canvas.tabIndex = 0;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const reduced = make("canvas", { width, height }).getContext("2d", { willReadFrequently: true });
  let untouched = start; // encoded as it is, not as it was enlarged
  const clear = () => {
    untouched = null;
    context.fillStyle = "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.strokeStyle = "#fff";
    context.lineWidth = PEN * ZOOM;
    context.lineCap = context.lineJoin = "round";
  };
  const line = (from, to) => {
    if (untouched) clear(); // a drawing of one's own, not over the one that was given
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(to[0] + 0.01, to[1]); // a tap is a dot: a line of no length is not drawn
    context.stroke();
    changed();
  };
  const wipe = () => {
    clear();
    changed();
  };
  clear();
  if (start) {
    const canvasOfStart = picture([1, height, width], "");
    canvasOfStart.show(start);
    context.drawImage(canvasOfStart, 0, 0, canvas.width, canvas.height);
    untouched = start;
  }
  drawByPointer(canvas, line);
  const element = make("div", { className: "vc-field" }, canvas, drawByKeys(canvas, line, wipe));
  return { element, wipe, pixels: () => untouched ?? centred(context, reduced) };
}

function drawByPointer(canvas, line) {
  let last = null;
  const draw = (event) => {
    const box = canvas.getBoundingClientRect();
    const at = [
      ((event.clientX - box.left) / box.width) * canvas.width,
      ((event.clientY - box.top) / box.height) * canvas.height,
    ];
    line(last ?? at, at);
    last = at;
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button) return;
    canvas.setPointerCapture(event.pointerId);
    last = null;
    draw(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (canvas.hasPointerCapture(event.pointerId)) draw(event);
  });
}

const DRAWING = { field: "drawing field", tool: "the pen", clears: "clears" };

// A pen (the element that shows it is given back) that arrow keys move, Space sets down or lifts.
function drawByKeys(canvas, line, wipe, { field, tool, clears } = DRAWING) {
  const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  let at = [canvas.width / 2, canvas.height / 4];
  let down = false;
  const dot = make("span", { className: "vc-pen" });
  const tell = () => {
    dot.style.left = `${(100 * at[0]) / canvas.width}%`;
    dot.style.top = `${(100 * at[1]) / canvas.height}%`;
    dot.classList.toggle("vc-down", down);
    const help = `Arrow keys move it, Space sets it down or lifts it, Delete ${clears}.`;
    named(canvas, "application", `${field}, ${tool} is ${down ? "down" : "up"}. ${help}`);
  };
  canvas.addEventListener("keydown", (event) => {
    const before = at;
    const way = ways[event.key];
    const wiped = event.key === "Delete";
    if (way) at = at.map((value, i) => clamp(value + ZOOM * way[i], ZOOM, canvas.width - ZOOM));
    else if (event.key === " ") down = !down;
    else if (wiped) wipe();
    else return;
    if (down && !wiped) line(before, at);
    tell();
    event.preventDefault();
  });
  tell();
  return dot;
}

// MNIST's own way: the drawing is scaled into 20 x 20 and its centre of mass put in the middle.
function centred(context, reduced) {
  const { width, height } = reduced.canvas;
  const { mass, x, y, extent } = inkOf(context);
  reduced.fillStyle = "#000";
  reduced.fillRect(0, 0, width, height);
  if (mass) {
    const scale = 20 / extent;
    // pixel 14 is the middle, and a pixel's own middle is half a pixel on
    const corner = (size, centre) => size / 2 + 0.5 - (centre + 0.5) * scale;
    reduced.imageSmoothingQuality = "high";
    reduced.drawImage(
      context.canvas,
      corner(width, x), corner(height, y),
      context.canvas.width * scale, context.canvas.height * scale,
    );
  }
  const { data } = reduced.getImageData(0, 0, width, height);
  return Float32Array.from({ length: width * height }, (_, i) => data[4 * i] / 255);
}

// How much ink there is, its centre of mass, and the longer side of the box around it.
function inkOf(context) {
  const { width, height } = context.canvas;
  const { data } = context.getImageData(0, 0, width, height);
  let [mass, x, y, left, right, top, bottom] = [0, 0, 0, width, 0, height, 0];
  for (let v = 0, i = 0; v < height; v++)
    for (let u = 0; u < width; u++, i += 4)
      if (data[i] > 40) {
        mass += data[i]; x += data[i] * u; y += data[i] * v;
        left = Math.min(left, u); right = Math.max(right, u);
        top = Math.min(top, v); bottom = Math.max(bottom, v);
      }
  const extent = Math.max(right - left + 1, bottom - top + 1);
  return { mass, x: x / mass, y: y / mass, extent };
}
