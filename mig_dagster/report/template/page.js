// Draws the charts when they come near the screen, sorts tables, switches light and dark. Text goes in as text only.
(() => {
  "use strict";
  const page = JSON.parse(document.getElementById("charts").textContent);
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);

  // Charts ------------------------------------------------------------------------------------------------------------
  const views = new Map();
  const lines = columns => {
    const names = Object.keys(columns);
    return (columns[names[0]] || []).map((_, place) => Object.fromEntries(names.map(name => [name, columns[name][place]])));
  };
  const parts = ["hconcat", "vconcat", "concat", "facet", "repeat", "spec"];
  const specOf = number => {
    const { spec, data, height } = page.charts[number];
    const datasets = Object.fromEntries(Object.entries(data).map(([name, columns]) => [name, lines(columns)]));
    // Several plots in one take the widths that they name themselves.
    const whole = parts.some(part => part in spec) ? {} : { width: "container", height, autosize: { type: "fit-x", contains: "padding" } };
    return { ...whole, ...spec, datasets };
  };

  const tip = document.body.appendChild(Object.assign(document.createElement("div"), { id: "tip" }));
  tip.setAttribute("role", "tooltip");
  const showTip = (_, event, __, value) => {
    tip.replaceChildren();
    if (value === null || value === undefined || value === "") {
      tip.style.display = "none";
      return;
    }
    if (typeof value === "object") {
      const list = tip.appendChild(document.createElement("dl"));
      for (const [name, said] of Object.entries(value)) {
        list.appendChild(document.createElement("dt")).textContent = name;
        list.appendChild(document.createElement("dd")).textContent = typeof said === "object" ? JSON.stringify(said) : String(said);
      }
    } else {
      tip.textContent = String(value);
    }
    tip.style.display = "block";
    const box = tip.getBoundingClientRect();
    const right = event.clientX + 14 + box.width > innerWidth;
    tip.style.left = `${Math.max(6, right ? Math.min(event.clientX - 14 - box.width, innerWidth - box.width - 6) : event.clientX + 14)}px`;
    const below = event.clientY + 14 + box.height > innerHeight;
    tip.style.top = `${Math.max(6, below ? event.clientY - 14 - box.height : event.clientY + 14)}px`;
  };
  addEventListener("scroll", () => { tip.style.display = "none"; }, { passive: true });

  // A legend above a plot does not wrap by itself.
  const configOf = width => {
    const config = isDark() ? page.dark : page.light;
    const columns = Math.max(1, Math.floor(width / 150));
    return { ...config, legend: { ...config.legend, columns, labelLimit: width / columns - 45 } };
  };

  const draw = async place => {
    const number = Number(place.dataset.chart);
    const before = views.get(place);
    views.set(place, null);
    if (before) before.finalize();
    const made = await vegaEmbed(place, specOf(number), {
      mode: "vega-lite", actions: false, ast: true, renderer: "canvas", tooltip: showTip,
      config: configOf(place.clientWidth),
    });
    views.set(place, made.view);
    place.style.minHeight = "";
    place.dataset.drawn = isDark() ? "dark" : "light";
  };
  const places = [...document.querySelectorAll("[data-chart]")];
  const near = new IntersectionObserver(found => {
    for (const { target, isIntersecting } of found) {
      if (isIntersecting) {
        near.unobserve(target);
        draw(target);
      }
    }
  }, { rootMargin: "600px" });
  places.forEach(place => near.observe(place));
  addEventListener("beforeprint", () => places.filter(place => !views.has(place)).forEach(draw));

  // Light and dark ----------------------------------------------------------------------------------------------------
  const toggle = document.getElementById("theme");
  const retheme = () => {
    toggle.textContent = isDark() ? "Light" : "Dark";
    toggle.setAttribute("aria-pressed", String(isDark()));
    [...views.keys()].forEach(draw);
  };
  toggle.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    retheme();
  });
  system.addEventListener("change", retheme);
  retheme();

  // Tables ------------------------------------------------------------------------------------------------------------
  const valueOf = cell => (cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value));
  const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true }));
  const sort = (table, column, down) => {
    const body = table.tBodies[0];
    const keyed = [...body.rows].map(row => [valueOf(row.cells[column]), row]);
    const empty = value => value === "";
    // What has no value comes last either way.
    keyed.sort(([a], [b]) => empty(a) - empty(b) || (down ? compare(b, a) : compare(a, b)));
    body.append(...keyed.map(([, row]) => row));
  };
  for (const table of document.querySelectorAll("table")) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const numeric = [...table.tBodies[0].rows].some(row => row.cells[column].classList.contains("number"));
      head.classList.toggle("numeric", numeric);
      head.firstElementChild.addEventListener("click", () => {
        const next = head.ariaSort === "none" ? (numeric ? "descending" : "ascending") : head.ariaSort === "ascending" ? "descending" : "ascending";
        for (const other of head.parentElement.cells) other.setAttribute("aria-sort", "none");
        head.setAttribute("aria-sort", next);
        sort(table, column, next === "descending");
      });
    });
  }

  // Contents ----------------------------------------------------------------------------------------------------------
  const links = new Map([...document.querySelectorAll(".contents a")].map(link => [link.hash.slice(1), link]));
  const seen = new IntersectionObserver(found => {
    for (const { target, isIntersecting } of found) {
      if (!isIntersecting) continue;
      links.forEach(link => link.removeAttribute("aria-current"));
      links.get(target.id).setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-20% 0px -70% 0px" });
  document.querySelectorAll("main > section").forEach(section => seen.observe(section));
})();
