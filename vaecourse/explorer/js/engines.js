// What decodes and encodes for an explorer: the kernel of a live notebook, or the page itself.
// An engine has decode(index of the model, list of z) -> a list of images in [0, 1], and
// encode(index, image) -> its code, of a VAE mu and then logvar; both are promises.

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

// the code that a VAE's encoder gives
const moments = (code) => {
  const half = code.length / 2;
  return { mu: [...code.slice(0, half)], logvar: [...code.slice(half)] };
};

// -- the page -----------------------------------------------------------------------------------

// The networks of the page: each stands there once, whichever explorers use it.
const networksOfPage = (globalThis.vaecourseNetworks ??= new Map());

async function networkOfPage(key) {
  if (!networksOfPage.has(key)) {
    const script = document.querySelector(`script[data-vaecourse-network="${key}"]`);
    if (!script) throw new Error("the page lacks a network: run the chapter from its first cell");
    networksOfPage.set(key, loadNetwork(JSON.parse(script.textContent)));
  }
  return networksOfPage.get(key);
}

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
      return (await networkOfPage(networks[index].encoder))(x);
    },
  };
}

// -- the kernel ---------------------------------------------------------------------------------

// Every view of a widget hears every answer, so a question has a name that no other view gives.
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
    try {
      model.send({ task, index, number: mine }, undefined, [Float32Array.from(numbers).buffer]);
    } catch {
      throw new Error("the kernel has ended or was started again: run this cell again");
    }
    // Jupyter's server holds a small message back until the one before it is acknowledged (Nagle's
    // algorithm), which TCP puts off for 40 ms unless the page has something to send
    const nudge = setTimeout(() => ended || model.send({ task: "nudge" }), 6);
    return answer.finally(() => clearTimeout(nudge));
  };
  return {
    async decode(index, list) {
      const all = await ask("decode", index, list.flat());
      const size = all.length / list.length;
      return list.map((_, i) => all.slice(i * size, (i + 1) * size));
    },
    encode: (index, x) => ask("encode", index, x),
    end: () => {
      ended = true;
      model.off("msg:custom", hear);
    },
  };
}
