// Brings the interactive pictures to life. Vega runs without eval: expressions are interpreted (ast).
"use strict";
(() => {
  const SERIES = 0, N = 1, FLAGS = 2;
  const FIRST = { time: 3, rate: 6, speedup: 9 };  // place of the estimate in a point; its bounds follow
  const TITLES = { time: "time of a call [s]", rate: "GFLOP/s" };
  const root = document.documentElement;
  const css = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const isDark = () => parseInt(css("--paper").slice(1, 3), 16) < 128;
  const digits = (value) => Number(value.toPrecision(3)).toLocaleString("en", { maximumSignificantDigits: 3 });

  function figures(told, point, what, base, times) {
    if (what !== "speedup" || base === told.base) return point.slice(FIRST[what], FIRST[what] + 3);
    const over = times.get(`${base} ${point[N]}`);  // another base: the ratio of the two times, without an interval
    return over === undefined ? [null, null, null] : [over / point[FIRST.time], null, null];
  }

  function values(told, what, base, shown) {
    const times = new Map(told.points.map((point) => [`${point[SERIES]} ${point[N]}`, point[FIRST.time]]));
    const predicted = new Set(told.points.filter((p) => p[FLAGS] & 1).map((p) => `${p[SERIES]} ${p[N]}`));
    const found = [];
    for (const point of told.points) {
      const [value, low, high] = figures(told, point, what, base, times);
      if (value === null || !(value > 0) || !shown.has(point[SERIES])) continue;
      const guess = Boolean(point[FLAGS] & 1) || (what === "speedup" && predicted.has(`${base} ${point[N]}`));
      found.push({
        series: point[SERIES], rung: told.series[point[SERIES]].label, n: point[N], value, guess,
        low: low > 0 ? low : null, high: low > 0 ? high : null,
        shown: (guess ? "~" : "") + digits(value),
        interval: low > 0 ? `${digits(low)} to ${digits(high)}` : "none",
      });
    }
    return found;
  }

  function specification(told, what, base, scale, shown) {
    const colours = told.series.map((one) => (isDark() ? one.dark : one.light));
    const title = TITLES[what] ?? `speed-up over ${told.series[base].label}`;
    const color = { field: "series", type: "nominal", legend: null, scale: { domain: told.series.map((_, i) => i), range: colours } };
    const x = { field: "n", type: "quantitative", scale: { type: "log", base: 2, nice: false }, title: "n (matrices of n × n)", axis: { format: "d" } };
    const axis = scale === "log" ? { tickCount: 5 } : {};  // decades, not nine lines in each
    const y = { axis, field: "value", type: "quantitative", scale: scale === "log" ? { type: scale } : { type: scale, zero: true }, title };
    const tooltip = [
      { field: "rung", title: "rung" }, { field: "n", title: "n" },
      { field: "shown", title }, { field: "interval", title: "interval" },
    ];
    const points = values(told, what, base, shown);
    const bars = { transform: [{ filter: "datum.low !== null" }], mark: { type: "rule", strokeWidth: 1.5 }, encoding: { x, y: { ...y, field: "low" }, y2: { field: "high" }, color } };
    const layers = [
      { mark: { type: "line", strokeWidth: 1, opacity: 0.55 }, encoding: { x, y, color } },
      ...(points.some((one) => one.low !== null) ? [bars] : []),  // of a layer with nothing in it Vega complains
      {
        mark: { type: "point", size: 42, opacity: 1, strokeWidth: 1.5 },
        encoding: { x, y, tooltip, stroke: color, fill: { ...color, condition: { test: "datum.guess", value: css("--paper") } } },
      },
    ];
    if (what === "rate" && told.peaks.length) {
      const peaks = told.peaks.map(([threads, value]) => ({ value, text: `peak, ${threads} thread${threads > 1 ? "s" : ""}` }));
      layers.push({ data: { values: peaks }, mark: { type: "rule", strokeDash: [6, 3], color: css("--roof") }, encoding: { y } });
      layers.push({ data: { values: peaks }, mark: { type: "text", align: "left", dy: -6, x: 4, color: css("--roof") }, encoding: { y, text: { field: "text" } } });
    }
    const look = { labelColor: css("--text"), titleColor: css("--text"), domainColor: css("--muted"), tickColor: css("--muted"), gridColor: css("--grid"), labelFontSize: 12, titleFontSize: 13, titleFontWeight: "normal" };
    return {
      width: "container", height: 400, background: null, autosize: { type: "fit", contains: "padding", resize: true },
      data: { values: points }, layer: layers,
      config: { axis: look, view: { stroke: null }, font: "system-ui, sans-serif", aria: false },
    };
  }

  function revive(block) {
    const told = JSON.parse(block.querySelector("script").textContent);
    const chosen = (name) => block.querySelector(`select[data-${name}]`).value;
    const boxes = [...block.querySelectorAll("input[data-series]")];
    const plot = block.querySelector(".plot"), note = block.querySelector("[data-note]");
    let turn = Promise.resolve();  // one after the other: a picture that is being made is not made twice at once
    const draw = () => { turn = turn.then(paint, paint); };
    async function paint() {
      const [what, base, scale] = [chosen("what"), Number(chosen("base")), chosen("scale")];
      const shown = new Set(boxes.filter((box) => box.checked).map((box) => Number(box.dataset.series)));
      for (const box of boxes) {
        const one = told.series[Number(box.dataset.series)];
        box.parentElement.querySelector(".swatch").style.background = isDark() ? one.dark : one.light;
      }
      const spec = specification(told, what, base, scale, shown);
      const options = { mode: "vega-lite", renderer: "svg", actions: false, ast: true, defaultStyle: false, tooltip: { disableDefaultStyle: true } };
      if (block.view) block.view.finalize();
      block.view = (await window.vegaEmbed(plot, spec, options)).view;
      plot.querySelector("svg").setAttribute("aria-hidden", "true");  // the plot itself is the image, with its name
      plot.dataset.points = String(spec.data.values.length);
      note.textContent = what === "speedup" && base !== told.base
        ? "Over this base: ratios of two medians, without an interval. Hollow: rests on a prediction."
        : "Bars: intervals. Hollow: rests on a prediction.";
    }
    block.addEventListener("change", draw);
    new MutationObserver(draw).observe(root, { attributes: true, attributeFilter: ["data-theme"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
    draw();
  }

  for (const block of document.querySelectorAll(".interactive")) revive(block);
})();
