// One explorer is one element; `data.kind` says which.

function mount(element, data, engine) {
  const message = make("p", { className: "vc-message" });
  message.setAttribute("role", "status");
  const slots = new Map(); // one picture's success does not wipe another's failure
  const report = (text, slot) => {
    slots.set(slot, text);
    const whole = [...new Set(slots.values())].filter(Boolean).join("; ");
    if (message.textContent !== whole) message.textContent = whole;
  };
  const panels = explorers[data.kind](data, engine, report);
  element.classList.add("vaecourse-explorer");
  element.dataset.lmSuppressShortcuts = "true"; // JupyterLab's keys: arrows move cells, D D deletes
  element.append(make("div", { className: "vc-panels" }, ...panels), message);
}

// In a notebook: what anywidget calls for each view of the widget. It hides what the file keeps
// beside it, for the time without a kernel.
const widgets = (globalThis.vaecourseWidgets ??= new Set());
function render({ model, el }) {
  const name = model.get("name");
  widgets.add(name);
  for (const kept of document.querySelectorAll(`[data-widget="${name}"]`)) kept.hidden = true;
  const engine = kernelEngine(model);
  mount(el, model.get("data"), engine);
  return engine.end;
}

// What is kept beside a widget waits for it; when it does not come, the kernel has ended. Jupyter
// then says "Error displaying widget" below, where nothing is missing.
const AWAITED = 3000; // milliseconds
async function widgetComes(element) {
  const { widget } = element.dataset;
  if (!widget) return false;
  if (!widgets.has(widget)) await new Promise((resolve) => setTimeout(resolve, AWAITED));
  element.hidden = widgets.has(widget);
  const below = element.closest(".jp-OutputArea-child")?.nextElementSibling;
  if (below && !element.hidden) {
    const look = () => {
      below.style.display = below.textContent.startsWith("Error displaying widget") ? "none" : "";
    };
    new MutationObserver(look).observe(below, { childList: true, subtree: true, characterData: true });
    look();
  }
  return element.hidden;
}

// On a page the files beyond the core (script.py) come as functions, in any order and each once:
// it takes the tools of those before it, and gives its own. Whether all of them are there:
const taken = new Set();
function haveTaken(files) {
  return files.every((name) => {
    const file = globalThis.vaecourseFiles?.[name];
    if (file && !taken.has(name)) {
      taken.add(name);
      Object.assign(tools, file(tools));
    }
    return taken.has(name);
  });
}

// On a page: each element that is whole, for the browser may still be reading the page, and not
// mounted yet. Where a network cannot be had (a browser without DecompressionStream), the picture
// that stands there stays.
async function mountPage() {
  for (const element of document.querySelectorAll(".vaecourse-explorer[data-waiting]")) {
    if (!("waiting" in element.dataset)) continue; // another explorer's script was faster
    if (!element.nextSibling) continue; // its own script comes after it
    const data = JSON.parse(element.querySelector("script").textContent);
    if (!haveTaken(data.files)) continue; // a file that comes later mounts again
    delete element.dataset.waiting;
    const keys = data.networks.flatMap((network) => Object.values(network));
    if (await widgetComes(element)) continue;
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
