// Sorts, finds, hides and draws what the page already says; nothing is stored, nothing is fetched.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("comparison").textContent);
  const MOST_DRAWN = 6;
  const at = id => document.getElementById(id);
  const digits = new Map([...data.alphabet].map((sign, place) => [sign, place]));
  const [NAME, BRAND, KIND, BLAS, PYTHON, CPUS, PEAKS] = [0, 1, 2, 3, 4, 5, 6];
  const [KERNEL, THREADS, SHAPE, FAMILY, DTYPE, FLOPS] = [0, 1, 2, 3, 4, 5];

  const unpacked = (text, cell) => {
    const step = digits.get(text[3 * cell]) * 4096 + digits.get(text[3 * cell + 1]) * 64 + digits.get(text[3 * cell + 2]);
    return 10 ** (step / data.perDecade + data.least);
  };
  const seconds = (run, cell) => unpacked(data.times[run], cell);
  const rate = (run, cell) => data.cells[cell][FLOPS] === null ? NaN : data.cells[cell][FLOPS] / seconds(run, cell);
  const share = (run, cell) => {
    if (data.shares[run]) {
      const told = unpacked(data.shares[run], cell);
      return told > 10 ** (data.least + 1) ? told : NaN;
    }
    const peak = data.runs[run][PEAKS][`${data.cells[cell][DTYPE]}/${data.cells[cell][THREADS]}`];
    return peak === undefined ? NaN : rate(run, cell) / peak;
  };
  const ratio = (run, cell) => seconds(data.base, cell) / seconds(run, cell);
  const measures = { ratio, rate, share };
  const told = {
    ratio: value => `${value.toPrecision(3)}×`,
    rate: value => (value / 1e9).toPrecision(3),
    share: value => `${(100 * value).toFixed(1)} %`,
  };
  const headings = { ratio: "over the base", rate: "GFLOP/s", share: "of own peak" };

  const rows = [...document.querySelectorAll("#ranked tbody tr")].map(row => ({
    row, run: Number(row.dataset.run), hidden: false, drawn: false, doubted: "doubted" in row.dataset,
    words: data.runs[Number(row.dataset.run)].slice(0, 5).join(" ").toLowerCase(),
    first: [...row.cells].map(cell => cell.textContent),
  }));
  const order = rows.slice();

  const option = (value, text) => {
    const made = document.createElement("option");
    made.value = value;
    made.textContent = text;
    return made;
  };
  const fill = (id, values) => at(id).replaceChildren(option("", "all"), ...values.map(value => option(value, value)));
  const values = field => [...new Set(data.runs.map(run => String(run[field])))]
    .sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  const MOST_CHOICES = 100;  // more are found by typing
  const facets = [["processor", BRAND], ["kind", KIND], ["cpus", CPUS], ["blas", BLAS], ["python", PYTHON]];
  for (const [id, field] of facets) {
    fill(id, values(field));
    at(id).closest("label").hidden = values(field).length < 2 || values(field).length > MOST_CHOICES;
  }

  // What can be ranked by: each family as a whole, then each kernel on each thread count.
  const groups = new Map();
  data.cells.forEach((cell, place) => {
    const whole = `all, ${cell[FAMILY]}`;
    const one = `${cell[KERNEL]}, ${cell[THREADS]} ${cell[THREADS] === 1 ? "thread" : "threads"}, ${cell[FAMILY]}`;
    for (const name of [whole, one]) groups.set(name, [...(groups.get(name) ?? []), place]);
  });
  const names = [...groups.keys()].sort((a, b) => Number(b.startsWith("all, ")) - Number(a.startsWith("all, ")));
  at("cells-of").replaceChildren(...names.map(name => option(name, name)));

  const fillSizes = () => {
    const sizes = [...new Set(groups.get(at("cells-of").value).map(place => data.cells[place][SHAPE]))];
    fill("size", sizes);
  };
  const chosen = () => groups.get(at("cells-of").value)
    .filter(place => !at("size").value || data.cells[place][SHAPE] === at("size").value);
  const mean = (run, cells, of) => {
    const sum = cells.reduce((total, cell) => total + Math.log(of(run, cell)), 0);
    return Math.exp(sum / cells.length);
  };
  const isWhole = () => at("cells-of").value === names[0] && !at("size").value;
  const isFirst = () => isWhole() && at("measure").value === "ratio";

  const passes = one => !one.hidden && at("find").value.toLowerCase().split(/\s+/).every(word => one.words.includes(word))
    && facets.every(([id, field]) => !at(id).value || String(data.runs[one.run][field]) === at(id).value);

  const show = () => {
    const measure = at("measure").value, cells = chosen();
    for (const one of rows) one.value = isFirst() ? Number(one.row.dataset.value) : mean(one.run, cells, measures[measure]);
    order.sort((a, b) => (a.doubted - b.doubted) || (Number.isNaN(a.value) - Number.isNaN(b.value)) || b.value - a.value);
    const shown = order.filter(passes);
    const longest = Math.max(...shown.map(one => one.value).filter(value => !Number.isNaN(value)));
    const dtype = data.cells[groups.get(names[0])[0]][DTYPE];  // that the column of peaks is told in, on one thread
    const isOfPeak = cells.every(cell => data.cells[cell][DTYPE] === dtype) && cells.some(cell => data.cells[cell][THREADS] === 1);
    let rank = 0;
    for (const one of order) {
      one.row.hidden = !passes(one);
      if (one.row.hidden) continue;
      if (!one.doubted) rank += 1;
      one.row.cells[0].firstChild.textContent = one.doubted ? "–" : String(rank);
      one.row.cells[4].textContent = isFirst() ? one.first[4] : Number.isNaN(one.value) ? "–" : told[measure](one.value);
      one.row.querySelector("i").style.width = `${Math.max(1, Math.round(100 * one.value / longest)) || 0}%`;
      const part = mean(one.run, cells, share);
      one.row.cells[6].textContent = isWhole() ? one.first[6] : Number.isNaN(part) ? "–" : told.share(part);
      one.row.cells[7].textContent = isOfPeak ? one.first[7] : "";
      one.row.cells[8].firstChild.textContent = isFirst() ? one.first[8] : "";
    }
    at("ranked").tBodies[0].append(...order.map(one => one.row));
    at("measured").textContent = headings[measure];
    const hidden = rows.filter(one => one.hidden).length;
    const counted = isFirst() ? Number(at("tools").dataset.count) : cells.length;  // the first counts those with intervals
    const count = `${shown.length} of ${rows.length} runs, ${counted} ${counted === 1 ? "cell" : "cells"}`;
    at("said").textContent = count + (hidden ? `, ${hidden} hidden` : "")
      + (isFirst() ? "." : ". Geometric means without intervals: those are in the tables.");
  };

  const svg = (name, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const place = (value, [low, high], first, last) => first + (value - low) / (high - low) * (last - first);
  const panels = [...document.querySelectorAll(".panels svg")].map(panel => ({
    picked: panel.querySelector(".picked"),
    x: panel.dataset.x.split(" ").map(Number), y: panel.dataset.y.split(" ").map(Number),
    cells: data.cells.flatMap((cell, number) => cell[KERNEL] === panel.dataset.kernel && String(cell[THREADS]) === panel.dataset.threads
      && cell[FAMILY] === data.cells[0][FAMILY] && /^\d+$/.test(cell[SHAPE]) ? [number] : []),
  }));
  const legend = at("legend");
  const listed = legend ? [...legend.children] : [];
  const draw = () => {
    const picked = rows.filter(one => one.drawn);
    for (const panel of panels) {
      panel.picked.replaceChildren(...picked.map((one, number) => svg("polyline", {
        class: `r${number}`,
        points: panel.cells.map(cell => `${place(Math.log10(Number(data.cells[cell][SHAPE])), panel.x, 38, 252).toFixed(1)},`
          + `${place(Math.log10(rate(one.run, cell)), panel.y, 156, 8).toFixed(1)}`).join(" "),
      })));
    }
    legend?.replaceChildren(...listed, ...picked.map((one, number) => {
      const line = document.createElement("li"), sample = svg("svg", { viewBox: "0 0 24 8", "aria-hidden": "true" });
      line.className = `r${number}`;
      sample.append(svg("path", { d: "M0 4H24" }));
      line.append(sample, data.runs[one.run][NAME]);
      return line;
    }));
  };

  const isMany = document.querySelector(".band") !== null;
  for (const one of rows) {
    if (isMany) {
      const label = document.createElement("label"), box = document.createElement("input"), name = one.row.cells[1];
      box.type = "checkbox";
      box.addEventListener("change", () => {
        if (box.checked && rows.filter(each => each.drawn).length >= MOST_DRAWN) {
          box.checked = false;
          at("said").textContent = `No more than ${MOST_DRAWN} runs are drawn at a time.`;
          return;
        }
        one.drawn = box.checked;
        draw();
      });
      label.append(box, ...name.childNodes);
      name.append(label);
    }
    const last = one.row.cells[8], hide = document.createElement("button");
    if (!last.firstChild) last.append("");
    hide.type = "button";
    hide.textContent = "Hide";
    hide.setAttribute("aria-label", `Hide ${data.runs[one.run][NAME]}`);
    hide.addEventListener("click", () => { one.hidden = true; show(); });
    last.append(" ", hide);
  }
  at("tools").addEventListener("submit", event => event.preventDefault());
  at("tools").addEventListener("input", event => {
    if (event.target.id === "cells-of") fillSizes();
    show();
  });
  at("unhide").addEventListener("click", () => { for (const one of rows) one.hidden = false; show(); });
  at("all-again").addEventListener("click", () => {
    at("tools").reset();
    for (const one of rows) one.hidden = false;
    fillSizes();
    show();
  });
  fillSizes();
  show();
})();
