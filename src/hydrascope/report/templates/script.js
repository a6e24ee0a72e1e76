"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const make = (tag, text, attributes = {}) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  };
  const dataOf = (holder, kind) => {
    const block = holder.querySelector(`script[data-for="${kind}"]`);
    return block ? JSON.parse(block.textContent) : null;
  };
  const count = (n) => n.toLocaleString("en");
  const percent = (share) => {
    if (share === null) return "–";
    if (share === 0 || share === 1) return `${share * 100}%`;
    if (share > 0.999) return ">99.9%";
    if (share < 0.001) return "<0.1%";
    return `${(share * 100).toFixed(share < 0.1 || share > 0.9 ? 1 : 0)}%`;
  };
  const chance = (p) => (p === null ? "–" : percent(Math.min(Math.max(p, 0.0005), 0.9995)));
  const bits = (value) => `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value).toFixed(1)}`;
  const day = (minutes) => {
    if (minutes === null) return "–";
    const at = new Date(minutes * 60000);
    const month = at.toLocaleString("en", { month: "short", timeZone: "UTC" });
    return `${at.getUTCDate()} ${month} ${at.getUTCFullYear()}`;
  };

  // ---- theme: the reader's choice outlives the page where the browser lets it
  const remember = (theme) => { try { localStorage.setItem("hydrascope-theme", theme); } catch { /* a private window */ } };
  const remembered = () => { try { return localStorage.getItem("hydrascope-theme"); } catch { return null; } };
  const asked = new URLSearchParams(location.search).get("theme");
  const theme = asked || remembered();
  if (theme === "dark" || theme === "light") root.dataset.theme = theme;
  document.getElementById("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    remember(root.dataset.theme);
  });

  // ---- one tooltip for the page
  const tip = document.getElementById("tip");
  const showTip = (text, x, y) => {
    tip.textContent = text;
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(6, Math.min(x + 14, innerWidth - box.width - 6))}px`;
    tip.style.top = `${y + 18 + box.height > innerHeight ? Math.max(6, y - box.height - 10) : y + 18}px`;
  };
  const hideTip = () => { tip.hidden = true; };

  // ---- campaigns open when something points at them
  const openTarget = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.tagName === "DETAILS") { target.open = true; target.scrollIntoView(); }
  };
  addEventListener("hashchange", openTarget);
  const setAll = (open) => all("details.campaign").forEach((d) => { if (!d.hidden) d.open = open; });
  document.getElementById("open-all")?.addEventListener("click", () => setAll(true));
  document.getElementById("close-all")?.addEventListener("click", () => setAll(false));

  // ---- sorting: a header becomes a button, its column sorts, a second press turns it round
  const sortable = (header, sort) => {
    const button = make("button", header.textContent, { type: "button" });
    header.textContent = "";
    header.append(button);
    button.addEventListener("click", () => {
      const down = header.getAttribute("aria-sort") === "ascending"
        || (!header.hasAttribute("aria-sort") && header.classList.contains("num") && header.textContent !== "#");
      all("th", header.parentNode).forEach((h) => h.removeAttribute("aria-sort"));
      header.setAttribute("aria-sort", down ? "descending" : "ascending");
      sort(down ? -1 : 1);
    });
  };
  const compare = (a, b) => (a === b ? 0 : a === null ? -1 : b === null ? 1 : typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b);

  // ---- the overview
  const overview = document.getElementById("overview-table");
  if (overview) {
    const body = overview.tBodies[0];
    all("th[data-sort]", overview).forEach((header) => sortable(header, (turn) => {
      const value = (row) => {
        const given = row.cells[header.cellIndex].dataset.v;
        return header.dataset.sort === "num" ? Number(given) : given;
      };
      body.append(...[...body.rows].sort((a, b) => turn * compare(value(a), value(b))));
    }));
    const filter = document.getElementById("filter");
    filter.addEventListener("input", () => {
      const wanted = filter.value.trim().toLowerCase();
      let shown = 0;
      for (const row of body.rows) {
        row.hidden = !row.textContent.toLowerCase().includes(wanted);
        const section = document.querySelector(row.querySelector("a").getAttribute("href"));
        section.hidden = row.hidden;
        if (!row.hidden) shown += 1;
      }
      document.getElementById("filter-count").textContent = wanted ? `${count(shown)} of ${count(body.rows.length)}` : "";
    });
  }

  // ---- accounts: rows are made when they are wanted
  const PAGE = 50;
  const accounts = (holder) => {
    const { families, rows, widest } = dataOf(holder, "accounts");
    const body = holder.querySelector("tbody");
    const more = holder.querySelector("[data-more]");
    let order = rows.slice();
    let found = order;
    let drawn = 10;
    const stack = (row) => {
      const bar = make("span", undefined, { class: "stack" });
      const parts = [];
      families.forEach(([label, family], i) => {
        const value = row[7 + i];
        if (value) parts.push(`${label} ${bits(value)}`);
        if (value <= 0) return;
        const known = getComputedStyle(root).getPropertyValue(`--f-${family}`) ? family : "other";
        const piece = make("i");
        piece.style.width = `${(100 * value) / (widest || 1)}%`;
        piece.style.background = `var(--f-${known})`;
        bar.append(piece);
      });
      bar.dataset.tip = parts.join("\n");
      bar.setAttribute("aria-label", parts.join(", "));
      bar.setAttribute("role", "img");
      return bar;
    };
    const draw = () => {
      body.replaceChildren(...found.slice(0, drawn).map((row) => {
        const line = make("tr");
        line.append(make("th", row[0], { scope: "row" }), make("td", chance(row[1]), { class: "num" }), make("td", bits(row[2]), { class: "num" }));
        const cell = make("td");
        cell.append(stack(row));
        line.append(cell, make("td", count(row[3]), { class: "num" }), make("td", percent(row[4]), { class: "num" }), make("td", day(row[5])), make("td", day(row[6])));
        return line;
      }));
      more.hidden = drawn >= found.length;
      more.textContent = `Show ${Math.min(PAGE, found.length - drawn)} more`;
      const of = found.length < rows.length ? ` of ${count(rows.length)}` : "";
      holder.querySelector("[data-count]").textContent = `${count(Math.min(drawn, found.length))} shown, ${count(found.length)}${of} accounts`;
    };
    all("th[data-col]", holder).forEach((header) => sortable(header, (turn) => {
      const column = Number(header.dataset.col);
      order = rows.slice().sort((a, b) => turn * compare(a[column], b[column]) || compare(a[0], b[0]));
      search();
    }));
    const input = holder.querySelector("input");
    const search = () => {
      const wanted = input.value.trim().toLowerCase();
      found = wanted ? order.filter((row) => row[0].toLowerCase().includes(wanted)) : order;
      draw();
    };
    input.addEventListener("input", search);
    more.addEventListener("click", () => { drawn += PAGE; draw(); });
    holder.querySelector("[data-csv]").addEventListener("click", () => {
      // A cell that a spreadsheet would take for a formula is kept as text.
      const cell = (v) => { const t = v === null ? "" : String(v); return `"${(typeof v === "string" && /^[=+\-@]/.test(t) ? `'${t}` : t).replaceAll('"', '""')}"`; };
      const time = (minutes) => (minutes === null ? null : new Date(minutes * 60000).toISOString());
      const head = ["account_id", "probability", "bits", "n_exchanges", "distillation_share", "first_seen", "banned_at", ...families.map((f) => `bits_${f[1]}`)];
      const lines = found.map((r) => [...r.slice(0, 5), time(r[5]), time(r[6]), ...r.slice(7)].map(cell).join(","));
      const link = make("a", "", { download: `${holder.dataset.name}-accounts.csv` });
      link.href = URL.createObjectURL(new Blob([[head.map(cell).join(","), ...lines].join("\r\n")], { type: "text/csv" }));
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
    holder.addEventListener("pointerover", (event) => {
      const bar = event.target.closest?.("[data-tip]");
      if (bar) showTip(bar.dataset.tip, event.clientX, event.clientY); else hideTip();
    });
    holder.addEventListener("pointerleave", hideTip);
    draw();
  };

  // ---- the timeline
  const chart = (holder) => {
    const data = dataOf(holder.parentNode, "chart");
    const cursor = holder.querySelector(".cursor");
    const n = data.volume.length;
    let at = -1;
    const say = (i) => [
      data.labels[i],
      `${count(data.volume[i])} exchanges`,
      ...(data.models.length > 1 ? data.models.filter(([, v]) => v[i]).map(([name, v]) => `${name}: ${count(v[i])}`) : []),
      ...(data.accounts.length ? [`${count(data.accounts[i])} accounts active`] : []),
      ...(data.bans.length && data.bans[i] ? [`${count(data.bans[i])} banned`] : []),
    ].join("\n");
    const show = (i, x, y) => {
      at = Math.max(0, Math.min(n - 1, i));
      const box = holder.getBoundingClientRect();
      cursor.style.left = `${(100 * (at + 0.5)) / n}%`;
      cursor.hidden = false;
      showTip(say(at), x ?? box.left + (box.width * (at + 0.5)) / n, y ?? box.top + 40);
    };
    const hide = () => { cursor.hidden = true; hideTip(); };
    ["pointermove", "pointerdown"].forEach((kind) => holder.addEventListener(kind, (event) => {
      const box = holder.getBoundingClientRect();
      show(Math.floor((n * (event.clientX - box.left)) / box.width), event.clientX, event.clientY);
    }));
    holder.addEventListener("pointerleave", hide);
    holder.addEventListener("blur", hide);
    holder.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1, PageDown: 10, PageUp: -10 }[event.key];
      if (step) { event.preventDefault(); show(at + step); } else if (event.key === "Escape") hide();
    });
  };

  // ---- the link graph
  const graph = (holder) => {
    const data = dataOf(holder.parentNode, "graph");
    const circles = all("circle", holder);
    const near = holder.querySelector(".near");
    const places = circles.map((c) => [Number(c.getAttribute("cx")), Number(c.getAttribute("cy"))]);
    let on = -1;
    const say = ([name, n, exchanges, links]) => {
      const who = n > 1 ? `${name} and ${count(n - 1)} more accounts` : name;
      return `${who}\n${count(exchanges)} exchanges, ${count(links)} drawn links`;
    };
    const hide = () => { circles[on]?.classList.remove("on"); near.setAttribute("d", ""); on = -1; hideTip(); };
    const show = (i, x, y) => {
      if (i !== on) {
        circles[on]?.classList.remove("on");
        on = i;
        circles[i].classList.add("on");
        let path = "";
        for (let k = 0; k < data.edges.length; k += 2) {
          const [a, b] = [data.edges[k], data.edges[k + 1]];
          if (a === i || b === i) path += `M${places[a].join(" ")}L${places[b].join(" ")}`;
        }
        near.setAttribute("d", path);
      }
      const box = circles[i].getBoundingClientRect();
      showTip(say(data.nodes[i]), x ?? box.right, y ?? box.bottom);
    };
    ["pointermove", "pointerdown"].forEach((kind) => holder.addEventListener(kind, (event) => {
      const svg = holder.querySelector("svg");
      const to = svg.getScreenCTM().inverse();
      const spot = new DOMPoint(event.clientX, event.clientY).matrixTransform(to);
      const reach = 14 * to.a;
      let best = -1;
      let least = reach * reach;
      places.forEach(([x, y], i) => {
        const far = (x - spot.x) ** 2 + (y - spot.y) ** 2;
        if (far < least) { least = far; best = i; }
      });
      if (best >= 0) show(best, event.clientX, event.clientY); else hide();
    }));
    holder.addEventListener("pointerleave", hide);
    holder.addEventListener("blur", hide);
    holder.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (step) { event.preventDefault(); show((on + step + places.length) % places.length); } else if (event.key === "Escape") hide();
    });
  };

  // A campaign's parts wake when it is first opened, so that two hundred cost nothing at the start.
  const wake = (campaign) => {
    if (campaign.dataset.awake) return;
    campaign.dataset.awake = "yes";
    all("[data-accounts]", campaign).forEach(accounts);
    all("[data-chart]", campaign).forEach(chart);
    all("[data-graph]", campaign).forEach(graph);
  };
  all("details.campaign").forEach((campaign) => {
    if (campaign.open) wake(campaign);
    campaign.addEventListener("toggle", () => { if (campaign.open) wake(campaign); });
  });
  addEventListener("scroll", hideTip, { passive: true });
  openTarget();
})();
