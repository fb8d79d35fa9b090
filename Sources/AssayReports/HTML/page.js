'use strict';
(() => {
// Figures as columns, and small helpers.

const data = JSON.parse(document.getElementById('data').textContent);
const { calls, tensors, strings, metrics, details } = data;
const special = { inf: Infinity, '-inf': -Infinity, nan: NaN };
const decode = columns => {
  for (const [key, column] of Object.entries(columns)) {
    columns[key] = column.map(v => typeof v === 'string' ? special[v] : v);
  }
};
decode(calls);
decode(tensors);
const size = tensors.call.length;
const $ = id => document.getElementById(id);
const svgName = 'http://www.w3.org/2000/svg';
const fill = (node, attributes, children) => {
  for (const [key, value] of Object.entries(attributes)) {
    if (key === 'on') node.addEventListener('click', value);
    else if (value !== null && value !== false) node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
};
const el = (tag, attributes = {}, ...children) =>
  fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS(svgName, tag), attributes, children);
const string = position => position === null ? '' : strings[position];

const figure = (value, digits = 3) => {
  if (value === null || value === undefined) return '–';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : value < 0 ? '-inf' : 'nan';
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return String(value);
  const exponent = Math.floor(Math.log10(Math.abs(value)));
  return exponent < -4 || exponent > 6
    ? value.toExponential(digits - 1).replace(/\.?0*e\+?/, 'e')
    : String(Number(value.toPrecision(digits)));
};
const grouped = count => count.toLocaleString('en');
const plural = (count, unit) => `${grouped(count)} ${unit}${count === 1 ? '' : 's'}`;
const callName = c => string(calls.name[c]) + (calls.call[c] ? ` (call ${calls.call[c]})` : '');

const marks = {
  match: ['✓', 'is-match'], skipped: ['–', 'is-none'], not_computed: ['–', 'is-none'],
  missing_in_actual: ['○', 'is-gone'],
  missing_in_expected: ['○', 'is-gone'], unreadable: ['!', 'is-gone'], not_recorded: ['!', 'is-gone'],
  placement: ['!', 'is-fail'], replicas: ['≠', 'is-fail'],
};
const mark = verdict => marks[verdict] ?? ['✗', 'is-fail'];
const words = verdict => verdict.replaceAll('_', ' ');
const isFailure = verdict => !['match', 'skipped', 'not_computed'].includes(verdict);
const verdictOf = t => strings[tensors.verdict[t]];
const steps = [...new Set(calls.step)];
const option = (value, label) => el('option', { value }, label);

/** A table that is made when its details are opened. */
const lazyTable = (details, caption, heads, rows) => {
  details.querySelector('.scroll')?.remove();
  details.ontoggle = () => {
    if (!details.open || details.querySelector('table')) return;
    details.append(el('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption },
      el('table', {}, el('caption', {}, caption),
        el('thead', {}, el('tr', {}, ...heads.map(h => el('th', { scope: 'col' }, h)))),
        el('tbody', {}, ...rows().map(([head, ...cells]) => el('tr', {},
          el('th', { scope: 'row' }, head), ...cells.map(c => el('td', {}, c))))))));
  };
  if (details.open) details.ontoggle();
};
// The plot of the error along execution order.

const curves = steps.map(step => {
  const positions = [];
  for (let c = 0; c < calls.step.length; c++) if (calls.step[c] === step) positions.push(c);
  return { step, calls: positions };
});
const firstCall = data.first === null ? -1 : tensors.call[data.first];
const fainter = 40;
let curve = curves.find(c => c.step === calls.step[firstCall]) ?? curves[0];

/** Powers of ten that hold all errors and limits. */
const decades = () => {
  let low = Infinity, high = -Infinity;
  for (const column of [calls.out, calls.limit]) {
    for (const v of column) {
      if (v === null || !(v > 0) || !Number.isFinite(v)) continue;
      if (v < low) low = v;
      if (v > high) high = v;
    }
  }
  if (low > high) return [-8, 0];
  low = Math.floor(Math.log10(low));
  return [low, Math.max(Math.ceil(Math.log10(high)), low + 2)];
};

/** Where each layer's first call ends: the first number in a module's name changes. */
const layerTicks = order => {
  const ticks = [];
  let last = null;
  order.forEach((c, position) => {
    const layer = /(?:^|\.)(\d+)(?:\.|$)/.exec(string(calls.name[c]))?.[1];
    if (layer === undefined || layer === last) return;
    last = layer;
    ticks.push({ position, label: layer });
  });
  return ticks;
};

const plotScale = width => {
  const [low, high] = decades();
  const hasInfinite = calls.out.some(v => v === Infinity);
  const left = 52, right = 14, top = hasInfinite ? 34 : 16, bottom = 240, floor = 262;
  return {
    left, right, top, bottom, floor, low, high, hasInfinite, width, ceiling: 16,
    x: (i, n) => n < 2 ? left : left + i * (width - left - right) / (n - 1),
    y: v => v === Infinity ? 16 : v > 0
      ? bottom - (Math.log10(v) - low) / (high - low) * (bottom - top) : floor,
  };
};

/** Of very many points the largest in each of some parts. */
const thinned = (points, room) => {
  if (points.length <= room) return points;
  const parts = new Map();
  for (const point of points) {
    const part = Math.floor(point[0] * room / points.length);
    if (!parts.has(part) || point[1] > parts.get(part)[1]) parts.set(part, point);
  }
  return [...parts.values()];
};

const path = (scale, positions, column) => {
  const points = positions.map((c, i) => [i, column[c]]).filter(p => p[1] !== null);
  return thinned(points, 2 * scale.width)
    .map(([i, v]) => `${scale.x(i, positions.length).toFixed(1)},${scale.y(v).toFixed(1)}`)
    .join(' ');
};

const limitPath = (scale, positions) => {
  let d = '', last = null;
  positions.forEach((c, i) => {
    const v = calls.limit[c];
    if (v === null) return;
    const x = scale.x(i, positions.length).toFixed(1), y = scale.y(v).toFixed(1);
    d += last === null ? `M${x} ${y}` : v === last ? '' : `H${x}V${y}`;
    last = v;
  });
  return last === null ? '' : `${d}H${scale.width - scale.right}`;
};

const drawGrowth = () => {
  const scale = plotScale(Math.max($('growth-plot').clientWidth, 320));
  const { left, width, right, low, high } = scale;
  const name = `Relative L2 error of the worst row of each call's outputs in step ${curve.step}`;
  const root = svg('svg', { width, height: 300, role: 'img', 'aria-labelledby': 'plot-t plot-d' },
    svg('title', { id: 'plot-t' }, name),
    svg('desc', { id: 'plot-d' }, `${plural(curve.calls.length, 'call')} in execution order, `
      + `log scale from 1e${low} to 1e${high}; exact equality at the bottom. The table below `
      + `has the same figures.`));
  const line = (y, text) => root.append(
    svg('line', { class: 'grid', x1: left, x2: width - right, y1: y, y2: y }),
    svg('text', { x: left - 8, y: y + 4, 'text-anchor': 'end' }, text));
  const every = Math.ceil((high - low) / 8);
  for (let e = low; e <= high; e += every) line(scale.y(10 ** e), `1e${e}`);
  line(scale.floor, '0');
  if (scale.hasInfinite) line(scale.ceiling, 'inf');
  const ticks = layerTicks(curve.calls);
  if (ticks.length > 1) {
    let free = -Infinity;
    for (const tick of ticks) {
      const x = scale.x(tick.position, curve.calls.length);
      if (x < free || x > width - right - 10) continue;
      free = x + 26;
      root.append(svg('line', { class: 'tick', x1: x, x2: x, y1: scale.floor, y2: scale.floor + 5 }),
        svg('text', { x, y: scale.floor + 17, 'text-anchor': 'middle' }, tick.label));
    }
    root.append(svg('text', { x: left, y: 296 }, `layer; ${plural(curve.calls.length, 'call')} in execution order`));
  } else {
    root.append(svg('text', { x: left, y: 292 }, 'first call'),
      svg('text', { x: width - right, y: 292, 'text-anchor': 'end' }, 'last call'));
  }
  const others = curves.filter(other => other !== curve).slice(0, fainter);
  for (const other of others) {
    root.append(svg('polyline', { class: 'curve', points: path(scale, other.calls, calls.out),
      'stroke-opacity': Math.max(0.8 / Math.sqrt(others.length), 0.15).toFixed(2) }));
  }
  const limit = limitPath(scale, curve.calls);
  if (limit) root.append(svg('path', { class: 'limit', d: limit }));
  root.append(svg('polyline', { class: 'curve chosen', points: path(scale, curve.calls, calls.out) }));
  const born = data.match ? -1 : curve.calls.indexOf(firstCall);
  if (born >= 0) {
    const x = scale.x(born, curve.calls.length), isRight = x > width / 2;
    root.append(svg('line', { class: 'born', x1: x, x2: x, y1: 10, y2: scale.floor }),
      svg('text', { class: 'born-text', x: x + (isRight ? -6 : 6), y: scale.top + 12,
        'text-anchor': isRight ? 'end' : 'start' }, data.mark));
  }
  root.append(svg('line', { class: 'cursor', id: 'cursor', y1: 10, y2: scale.floor }),
    svg('circle', { class: 'dot', id: 'dot', r: 4 }));
  root.addEventListener('pointermove', event => {
    const x = event.clientX - root.getBoundingClientRect().left;
    const n = curve.calls.length - 1;
    const i = Math.round((x - left) / (width - left - right) * n);
    $('growth-call').value = Math.min(Math.max(i, 0), n);
    readGrowth();
  });
  root.addEventListener('click', () => filterModule(string(calls.name[cursorCall()])));
  $('growth-plot').replaceChildren(root);
  const range = $('growth-call');
  // The knob's middle moves below the calls.
  range.style.marginLeft = `${left - 8}px`;
  range.style.width = `${width - left - right + 16}px`;
  growthScale = scale;
  readGrowth();
};
let growthScale;

const cursorCall = () => curve.calls[Number($('growth-call').value)];
const readGrowth = () => {
  const c = cursorCall(), i = Number($('growth-call').value);
  const x = growthScale.x(i, curve.calls.length);
  for (const key of ['x1', 'x2']) $('cursor').setAttribute(key, x);
  const out = calls.out[c];
  $('dot').setAttribute('cx', x);
  $('dot').setAttribute('cy', out === null ? growthScale.floor : growthScale.y(out));
  const cause = string(calls.cause[c]);
  const text = `${callName(c)}: outputs ${figure(out)}, inputs ${figure(calls.in[c])}`
    + `, ${words(string(calls.verdict[c]))}${cause ? `, ${cause}` : ''}`;
  $('growth-read').textContent = text;
  $('growth-call').setAttribute('aria-valuetext', text);
};

const selectCurve = () => {
  const n = curve.calls.length, range = $('growth-call');
  range.max = n - 1;
  range.value = Math.max(curve.calls.indexOf(firstCall), 0);
  drawGrowth();
  const shown = 2000;
  lazyTable($('growth-table'),
    `Error of each call of step ${curve.step} in execution order`
      + (n > shown ? `, the first ${shown} of ${n}` : ''),
    ['call', 'inputs', 'outputs', 'limit', 'verdict', 'cause'],
    () => curve.calls.slice(0, shown).map(c => [callName(c), figure(calls.in[c]),
      figure(calls.out[c]), figure(calls.limit[c]), words(string(calls.verdict[c])),
      string(calls.cause[c])]));
};

const showGrowth = () => {
  if (!curves.length || !calls.out.some(v => v !== null)) {
    $('growth').hidden = true;
    return;
  }
  const others = Math.min(curves.length - 1, fainter);
  $('growth-hint').textContent = 'Relative L2 of the worst row of each call’s outputs, log scale'
    + (others > 0 ? `; the thin lines are ${others < curves.length - 1
        ? `the first ${others} of ${curves.length - 1} other steps` : plural(others, 'other step')}` : '')
    + (calls.limit.some(v => v !== null) ? `. Dashed: ${data.limit}.` : '.');
  $('growth-step').append(...curves.map((c, i) => option(i, c.step)));
  $('growth-step').value = curves.indexOf(curve);
  $('growth-step').addEventListener('change', event => {
    curve = curves[event.target.value];
    selectCurve();
  });
  $('growth-call').addEventListener('input', readGrowth);
  selectCurve();
  let drawn = $('growth-plot').clientWidth;
  new ResizeObserver(() => {
    if ($('growth-plot').clientWidth !== drawn) {
      drawn = $('growth-plot').clientWidth;
      drawGrowth();
    }
  }).observe($('growth-plot'));
};
// The tree of modules, whose branches are made when they are opened.

const newNode = (name, full) =>
  ({ name, full, children: new Map(), total: 0, failing: 0, rank: 0, introduced: false });
const root = newNode('', '');
const ranks = ['skipped', 'match', 'missing', 'mismatch'];
const rankOf = verdict => Math.max(ranks.indexOf(verdict.split('_')[0]), 0);
const callNameParts = c => string(calls.name[c]).split('.');

const growTree = () => {
  for (let c = 0; c < calls.step.length; c++) {
    const end = calls.first[c + 1] ?? size;
    let failing = 0;
    for (let t = calls.first[c]; t < end; t++) failing += isFailure(verdictOf(t));
    const rank = rankOf(string(calls.verdict[c]));
    let node = root, full = '';
    for (const part of callNameParts(c)) {
      full = node === root ? part : `${full}.${part}`;
      if (!node.children.has(part)) node.children.set(part, newNode(part, full));
      node = node.children.get(part);
      node.total += end - calls.first[c];
      node.failing += failing;
      node.rank = Math.max(node.rank, rank);
    }
    if (string(calls.cause[c]) === 'introduced') node.introduced = true;
  }
};

const treeItem = (node, level, position, count) => {
  const [glyph, style] = [['–', 'is-none'], ['✓', 'is-match'], ['○', 'is-gone'], ['✗', 'is-fail']][node.rank];
  const isBranch = node.children.size > 0;
  const few = node.failing ? `${node.failing}/${node.total}` : String(node.total);
  const text = `${node.name || '(root)'}, ${ranks[node.rank]}, `
    + (node.failing ? `${node.failing} of ${node.total} tensors fail` : plural(node.total, 'tensor'))
    + (node.introduced ? ', introduced an error' : '');
  const item = el('li', { role: 'treeitem', tabindex: -1, 'aria-level': level, 'aria-label': text,
    'aria-posinset': position, 'aria-setsize': count, 'aria-selected': 'false',
    'aria-expanded': isBranch ? 'false' : null },
    el('div', { class: 'node', title: text },
      el('span', { class: 'twist', 'aria-hidden': 'true' }, isBranch ? '▸' : ''),
      el('span', { class: style, 'aria-hidden': 'true' }, glyph),
      el('span', { class: 'name' }, node.name || '(root)'),
      ...(node.introduced ? [el('span', { class: 'is-fail', 'aria-hidden': 'true' }, '◆')] : []),
      el('span', { class: 'few' }, few)));
  item.node = node;
  return item;
};

const treeItems = (node, level) =>
  [...node.children.values()].map((child, i) => treeItem(child, level, i + 1, node.children.size));

const expand = (item, isOpen) => {
  if (!item.hasAttribute('aria-expanded')) return;
  if (isOpen && !item.querySelector(':scope > ul')) {
    const level = Number(item.getAttribute('aria-level')) + 1;
    item.append(el('ul', { role: 'group' }, ...treeItems(item.node, level)));
  }
  item.setAttribute('aria-expanded', isOpen);
  item.querySelector('.twist').textContent = isOpen ? '▾' : '▸';
  const group = item.querySelector(':scope > ul');
  if (group) group.hidden = !isOpen;
};

/** Opens the branches on the way to a module. */
const reveal = parts => {
  let items = $('tree').children, item = null;
  for (const part of parts) {
    if (item) expand(item, true);
    item = [...items].find(i => i.node.name === part);
    if (!item) return null;
    items = item.querySelector(':scope > ul')?.children ?? [];
    if (item.node.children.size && part !== parts.at(-1)) {
      expand(item, true);
      items = item.querySelector(':scope > ul').children;
    }
  }
  return item;
};

const focusItem = item => {
  if (!item) return;
  for (const other of $('tree').querySelectorAll('[tabindex="0"]')) other.tabIndex = -1;
  item.tabIndex = 0;
  item.focus();
  item.firstChild.scrollIntoView({ block: 'nearest' });
};

const markItem = () => {
  for (const item of $('tree').querySelectorAll('[role=treeitem]')) {
    item.setAttribute('aria-selected', item.node.full === view.module);
  }
};

const choose = item => filterModule(view.module === item.node.full ? null : item.node.full);

const shownItems = () =>
  [...$('tree').querySelectorAll('[role=treeitem]')].filter(item => !item.closest('ul[hidden]'));

const treeKey = event => {
  const item = event.target.closest('[role=treeitem]');
  if (!item || event.ctrlKey || event.metaKey || event.altKey) return;
  const isOpen = item.getAttribute('aria-expanded');
  const items = shownItems(), at = items.indexOf(item);
  const actions = {
    ArrowDown: () => focusItem(items[at + 1]),
    ArrowUp: () => focusItem(items[at - 1]),
    Home: () => focusItem(items[0]),
    End: () => focusItem(items.at(-1)),
    ArrowRight: () => isOpen === 'false' ? expand(item, true)
      : isOpen && focusItem(item.querySelector('[role=treeitem]')),
    ArrowLeft: () => isOpen === 'true' ? expand(item, false)
      : focusItem(item.parentElement.closest('[role=treeitem]')),
    Enter: () => choose(item),
    ' ': () => choose(item),
    '*': () => { for (const i of item.parentElement.children) expand(i, true); },
  };
  if (actions[event.key]) {
    actions[event.key]();
  } else if (event.key.length === 1) {
    const rest = [...items.slice(at + 1), ...items.slice(0, at)];
    focusItem(rest.find(i => i.node.name.toLowerCase().startsWith(event.key.toLowerCase())));
  } else {
    return;
  }
  event.preventDefault();
};

const showTree = () => {
  growTree();
  const tree = $('tree');
  tree.append(...treeItems(root, 1));
  if (tree.firstChild) tree.firstChild.tabIndex = 0;
  tree.addEventListener('keydown', treeKey);
  tree.addEventListener('click', event => {
    const item = event.target.closest('[role=treeitem]');
    if (!item) return;
    if (event.target.classList.contains('twist')) {
      expand(item, item.getAttribute('aria-expanded') !== 'true');
    } else {
      if (item.getAttribute('aria-expanded') === 'false') expand(item, true);
      choose(item);
    }
    focusItem(item);
  });
};
// The table of tensors: filtered, sorted, and in pages.

const pageSize = 50;
const view = { text: '', verdict: 'all', step: 'all', module: null, sort: 'order',
  isDescending: false, page: 0, hasAll: false, chosen: null };
let rows = [];

const fixed = [
  { key: 'order', label: '#', title: 'position in execution order', number: true,
    value: t => t, cell: t => String(t + 1) },
  { key: 'step', label: 'step', title: 'forward pass', number: true,
    value: t => calls.step[tensors.call[t]], cell: t => String(calls.step[tensors.call[t]]) },
  { key: 'module', label: 'module', title: 'module call', value: t => callName(tensors.call[t]) },
  { key: 'slot', label: 'slot', title: 'which tensor of the call',
    value: t => string(tensors.slot[t]), cell: t => string(tensors.slot[t]) },
  { key: 'verdict', label: 'verdict', title: 'what comparing it came to',
    value: t => verdictOf(t), cell: t => verdictCell(verdictOf(t)) },
];
const further = [
  { key: 'device', label: 'device', title: 'where it lived', value: t => string(tensors.device[t]) },
  { key: 'dtype', label: 'dtype', title: 'dtype', value: t => string(tensors.dtype[t]) },
  { key: 'shape', label: 'shape', title: 'shape', value: t => string(tensors.shape[t]) },
  { key: 'rule', label: 'rule', title: 'the tolerance rule that decided', number: true,
    value: t => tensors.rule[t] },
];
const written = (metric, value) => {
  const text = figure(metric.share && value !== null ? 100 * value : value, metric.digits);
  const unit = metric.share ? '%' : metric.unit;
  return unit && value !== null ? `${text} ${unit}` : text;
};
const measured = metrics
  .filter(metric => tensors[metric.key].some(v => v !== null))
  .map(metric => ({ ...metric, label: metric.key, number: true,
    value: t => tensors[metric.key][t], cell: t => written(metric, tensors[metric.key][t]) }));
const all = [...fixed, ...further, ...measured];
const shownColumns = () =>
  view.hasAll ? all : [...fixed, ...measured.filter(metric => metric.main)];

const verdictCell = verdict => {
  const [glyph, style] = mark(verdict);
  return el('span', { class: style }, el('span', { 'aria-hidden': 'true' }, `${glyph} `), words(verdict));
};

const compare = column => {
  const sign = view.isDescending ? -1 : 1;
  if (column.number) {
    const values = Float64Array.from({ length: size }, (_, t) => column.value(t) ?? NaN);
    return (a, b) => {
      const x = values[a], y = values[b];
      // What has no figure stands last either way.
      if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y) || a - b;
      return x === y ? a - b : x < y ? -sign : sign;
    };
  }
  const names = [...new Set(rows.map(column.value))];
  const collator = new Intl.Collator('en', { numeric: true });
  names.sort(collator.compare);
  const places = new Map(names.map((name, i) => [name, i]));
  return (a, b) => sign * (places.get(column.value(a)) - places.get(column.value(b))) || a - b;
};

const filtered = () => {
  const terms = view.text.toLowerCase().split(/\s+/).filter(Boolean);
  const hits = terms.map(term => strings.map(s => s.toLowerCase().includes(term)));
  const inModule = view.module === null ? null : strings.map(
    s => s === view.module || s.startsWith(`${view.module}.`));
  const step = view.step === 'all' ? null : Number(view.step);
  const found = [];
  for (let t = 0; t < size; t++) {
    const c = tensors.call[t];
    if (step !== null && calls.step[c] !== step) continue;
    if (inModule && !inModule[calls.name[c]]) continue;
    const verdict = verdictOf(t);
    if (view.verdict !== 'all' && (view.verdict === 'failing'
      ? !isFailure(verdict) : verdict !== view.verdict)) continue;
    if (hits.every(hit => hit[calls.name[c]] || hit[tensors.slot[t]] || hit[tensors.device[t]]
      || hit[tensors.dtype[t]] || hit[tensors.shape[t]])) found.push(t);
  }
  return found;
};

const drawHead = () => {
  $('table').tHead.replaceChildren(el('tr', {}, ...shownColumns().map(column => el('th', {
    scope: 'col', class: column.number ? 'n' : null, 'data-key': column.key,
    'aria-sort': view.sort !== column.key ? 'none' : view.isDescending ? 'descending' : 'ascending',
  }, el('button', { type: 'button', title: column.title, on: () => sortBy(column) }, column.label)))));
};

const drawRows = () => {
  const last = Math.max(Math.ceil(rows.length / pageSize) - 1, 0);
  view.page = Math.min(view.page, last);
  const start = view.page * pageSize;
  const columns = shownColumns();
  $('table').tBodies[0].replaceChildren(...rows.slice(start, start + pageSize).map(t =>
    el('tr', { class: view.chosen === t ? 'chosen' : null, 'data-tensor': t },
      ...columns.map(column => column.key === 'module'
        ? el('th', { scope: 'row' }, el('button', { type: 'button', class: 'plain mono',
          on: () => showDetail(t, true) }, column.value(t)))
        : el('td', { class: column.number ? 'n' : null },
          column.cell ? column.cell(t) : figureOrText(column.value(t)))))));
  const failing = rows.reduce((n, t) => n + isFailure(verdictOf(t)), 0);
  $('count').textContent = `${plural(rows.length, 'tensor')} of ${grouped(size)}, ${grouped(failing)} failing`;
  $('page').textContent = rows.length
    ? `${grouped(start + 1)}–${grouped(Math.min(start + pageSize, rows.length))} of ${grouped(rows.length)}` : 'no tensors';
  $('previous').disabled = view.page === 0;
  $('next').disabled = view.page === last;
};
const figureOrText = value => typeof value === 'string' ? value : figure(value);

const refresh = () => {
  rows = filtered();
  if (view.sort !== 'order' || view.isDescending) {
    rows.sort(compare(all.find(column => column.key === view.sort)));
  }
  drawHead();
  drawRows();
};

/** Large figures and early names first, then the other way round, then execution order. */
const sortBy = column => {
  const firstIsDescending = Boolean(column.number) && column.key !== 'order' && column.key !== 'step';
  if (view.sort !== column.key) {
    view.sort = column.key;
    view.isDescending = firstIsDescending;
  } else if (view.isDescending === firstIsDescending) {
    view.isDescending = !firstIsDescending;
  } else {
    view.sort = 'order';
    view.isDescending = false;
  }
  view.page = 0;
  refresh();
  $('table').querySelector(`[data-key="${column.key}"] button`).focus();
};

const filterModule = module => {
  view.module = module;
  view.page = 0;
  const button = $('module');
  button.hidden = module === null;
  button.textContent = `Module ${module} ✕`;
  button.setAttribute('aria-label', `Show all modules, not only ${module}`);
  markItem();
  refresh();
};

const showTable = () => {
  const counts = new Map();
  for (let t = 0; t < size; t++) counts.set(verdictOf(t), (counts.get(verdictOf(t)) ?? 0) + 1);
  const failing = [...counts].reduce((n, [v, count]) => n + (isFailure(v) ? count : 0), 0);
  $('verdict').append(option('all', `all (${grouped(size)})`),
    option('failing', `failing (${grouped(failing)})`),
    ...[...counts].map(([v, count]) => option(v, `${words(v)} (${grouped(count)})`)));
  view.verdict = failing ? 'failing' : 'all';
  $('verdict').value = view.verdict;
  $('step').append(option('all', 'all'), ...steps.map(step => option(step, step)));
  for (const id of ['verdict', 'step']) {
    $(id).addEventListener('change', event => {
      view[id] = event.target.value;
      view.page = 0;
      refresh();
    });
  }
  $('filter').addEventListener('input', event => {
    view.text = event.target.value;
    view.page = 0;
    refresh();
  });
  $('tools').addEventListener('submit', event => event.preventDefault());
  $('columns').addEventListener('click', () => {
    view.hasAll = !view.hasAll;
    $('columns').setAttribute('aria-pressed', view.hasAll);
    refresh();
  });
  $('module').addEventListener('click', () => {
    filterModule(null);
    $('filter').focus();
  });
  for (const [id, by] of [['previous', -1], ['next', 1]]) {
    $(id).addEventListener('click', () => { view.page += by; drawRows(); });
  }
  refresh();
};
// Everything about one tensor.

const indexOf = (offset, shape) => {
  const index = [];
  for (const extent of [...shape].reverse()) {
    index.unshift(offset % extent);
    offset = Math.floor(offset / extent);
  }
  return `[${index.join(', ')}]`;
};

const histogram = detail => {
  const counts = detail.zeros ? [detail.zeros, ...detail.counts] : detail.counts;
  if (!counts.length) return el('p', { class: 'hint' }, 'No pair is finite.');
  const width = 520, height = 186, left = 46, bottom = 140;
  const step = Math.min((width - 1.5 * left) / counts.length, 56);
  const top = Math.log1p(Math.max(...counts));
  const raised = power => [...String(power)].map(c => c === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[c]).join('');
  const label = i => detail.zeros && i === 0 ? '0'
    : `2${raised(detail.exponent + i - (detail.zeros ? 1 : 0))}`;
  const isRoomy = step > 36;
  const total = counts.reduce((a, b) => a + b, 0);
  const picture = svg('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img',
    'aria-labelledby': 'bins-t bins-d' },
    svg('title', { id: 'bins-t' }, 'Histogram of |d|'),
    svg('desc', { id: 'bins-d' }, `${plural(total, 'finite pair')} by the power of two of |d|, `
      + `heights on a log scale; the table below has the counts.`));
  const most = Math.max(...counts);
  for (const count of [...new Set([1, Math.round(Math.sqrt(most)), most])]) {
    const y = bottom - Math.log1p(count) / top * 112;
    picture.append(svg('line', { class: 'grid', x1: left, x2: width - left / 2, y1: y, y2: y }),
      svg('text', { x: left - 6, y: y + 4, 'text-anchor': 'end' }, grouped(count)));
  }
  picture.append(svg('text', { x: 2, y: 14 }, 'pairs'),
    svg('text', { x: width - left / 2, y: bottom + 36, 'text-anchor': 'end' },
      detail.zeros ? '|d|: the grey bar is equal pairs' : '|d|'));
  const every = Math.ceil(counts.length / 9);
  counts.forEach((count, i) => {
    const h = count ? Math.max(Math.log1p(count) / top * 112, 2) : 0, x = left + i * step;
    const isZero = detail.zeros && i === 0;
    picture.append(svg('rect', { class: isZero ? 'bin zero' : 'bin', x: x + step * 0.06,
      width: step * 0.88, y: bottom - h, height: h }, svg('title', {}, `${label(i)}: ${count}`)));
    if (isRoomy && count) picture.append(svg('text', { x: x + step / 2, y: bottom - h - 4,
      'text-anchor': 'middle' }, String(count)));
    if (i % every === 0) picture.append(svg('text', { x: x + step / 2, y: bottom + 16,
      'text-anchor': 'middle' }, label(i)));
  });
  picture.append(svg('line', { class: 'axis', x1: left, x2: width - left / 2, y1: bottom, y2: bottom }));
  const table = el('details', {}, el('summary', {}, 'As a table'));
  lazyTable(table, 'Finite pairs by the size of |d|', ['|d| from', 'pairs'],
    () => counts.map((count, i) => [label(i), String(count)]));
  const names = metrics.map(metric => metric.key).filter(key => /^p\d+$/.test(key));
  return el('figure', {}, el('h3', {}, 'How large the differences are'), picture,
    el('figcaption', {}, 'Finite pairs by the power of two of |d|, heights on a log scale'
      + (detail.quantiles.length
        ? `; ${detail.quantiles.map((v, i) => `${names[i]} ${figure(v)}`).join(', ')}.` : '.')),
    table);
};

const heatmap = detail => {
  const { cells } = detail;
  if (!cells.length) return '';
  const across = cells[0].length, down = cells.length, width = 520;
  const side = Math.min(Math.max(width / across, 4), 26), high = Math.max(...cells.map(row =>
    Math.max(...row.map(v => v === 'inf' ? 0 : v))));
  let low = Infinity;
  for (const row of cells) for (const v of row) if (v !== 'inf' && v > 0 && v < low) low = v;
  const span = Math.max(Math.log10(high / low), 1e-9);
  // Ten decades below the largest nothing is to be seen.
  const shade = v => 0.1 + 0.9 * Math.max(1 - Math.log10(high / v) / Math.min(Math.max(span, 1), 10), 0);
  const from = (i, n, m) => Math.floor(i * m / n);
  const range = (i, n, m) => {
    const a = from(i, n, m), b = from(i + 1, n, m) - 1;
    return b > a ? `${a}–${b}` : String(a);
  };
  const picture = svg('svg', { viewBox: `0 0 ${width} ${down * side}`, role: 'img',
    'aria-labelledby': 'cells-t cells-d' },
    svg('title', { id: 'cells-t' }, 'Heatmap of |d| over the worst slice'),
    svg('desc', { id: 'cells-d' }, `${down} by ${across} cells, each the largest |d| in it, up to `
      + `${figure(high)}; the table below has the figures.`));
  for (const [y, row] of cells.entries()) for (const [x, v] of row.entries()) {
    const box = { x: x * side, y: y * side, width: side - 0.6, height: side - 0.6 };
    const title = svg('title', {}, `row ${range(y, down, detail.rows)}, column `
      + `${range(x, across, detail.columns)}: ${v === 'inf' ? 'NaN or infinite' : figure(v)}`);
    picture.append(svg('rect', v === 'inf' ? { class: 'odd', ...box } : v === 0
      ? { class: 'void', ...box }
      : { class: 'cell', 'fill-opacity': shade(v).toFixed(3), ...box }, title));
  }
  const table = el('details', {}, el('summary', {}, 'As a table'));
  lazyTable(table, 'Largest |d| in each cell; rows down, columns across',
    ['row', ...cells[0].map((_, x) => range(x, across, detail.columns))],
    () => cells.map((row, y) => [range(y, down, detail.rows),
      ...row.map(v => v === 'inf' ? 'inf' : figure(v))]));
  const isOdd = cells.some(row => row.includes('inf'));
  const legend = high > 0 ? [el('div', { class: 'ramp', 'aria-hidden': 'true' }),
    el('div', { class: 'ends' }, el('span', {}, `|d| ${figure(low)}`), el('span', {}, figure(high)))] : [];
  const axes = el('div', { class: 'ends' }, el('span', {}, `rows 0–${detail.rows - 1} down`),
    el('span', {}, `columns 0–${detail.columns - 1} across`));
  return el('figure', {}, el('h3', {}, 'Where the differences are'), axes, picture, ...legend,
    el('figcaption', {}, (detail.slice.length ? `Slice [${detail.slice.join(', ')}, :, :], ` : '')
      + `${detail.rows} × ${detail.columns} elements in ${down} × ${across} cells; each is the `
      + (high > 0 ? `largest |d| in it, from ${figure(low)} (faint) to ${figure(high)}, log scale.`
        : 'largest |d| in it.')
      + (isOdd ? ' Ochre: NaN or infinite on one side only.' : '')), table);
};

const sides = t => {
  const names = metrics.filter(metric => metric.key.startsWith('actual.'))
    .map(metric => metric.key.slice('actual.'.length));
  return el('div', { class: 'scroll' }, el('table', { class: 'sides' },
    el('caption', {}, 'Values of each side'),
    el('thead', {}, el('tr', {}, el('td', {}), ...names.map(n => el('th', { scope: 'col', class: 'n' }, n)))),
    el('tbody', {}, ...['actual', 'expected'].map(side => el('tr', {}, el('th', { scope: 'row' }, side),
      ...names.map(n => el('td', { class: 'n' }, figure(tensors[`${side}.${n}`][t], 5))))))));
};

const showDetail = (t, isAsked = false) => {
  view.chosen = t;
  const c = tensors.call[t], shape = JSON.parse(string(tensors.shape[t]) || '[]');
  // Two numbers to an element.
  if ((string(tensors.dtype[t]) || '').endsWith('_x2')) shape.push(2 * (shape.pop() ?? 1));
  $('detail').hidden = false;
  $('detail-title').replaceChildren(el('code', {}, callName(c)), ' ',
    el('code', {}, string(tensors.slot[t])));
  const worst = tensors.worst[t], row = tensors.row[t];
  const body = [el('p', { class: 'hint' }, verdictCell(verdictOf(t)),
    [`step ${calls.step[c]}`, string(tensors.device[t]), string(tensors.dtype[t]),
      string(tensors.shape[t]), string(tensors.reason[t])].filter(Boolean).map(s => ` · ${s}`).join(''))];
  const detail = details[t];
  if (detail) {
    body.push(el('div', { class: 'pair' }, histogram(detail), heatmap(detail)));
  } else if (isFailure(verdictOf(t)) && tensors.max_abs[t] !== null) {
    body.push(el('p', { class: 'hint' },
      `Histogram and heatmap are made for the first ${Object.keys(details).length} failing tensors.`));
  }
  const known = measured.filter(metric => metric.value(t) !== null);
  const figures = known.filter(metric => !/^(actual|expected)\./.test(metric.key));
  if (known.length) {
    const places = { max_abs: worst === null ? '' : ` at ${indexOf(worst, shape)}`,
      worst_row: row === null || shape.length < 2 ? '' : ` at ${indexOf(row, shape.slice(0, -1))}` };
    body.push(el('dl', { class: 'figures' }, ...figures.map(metric => el('div', {},
      el('dt', { title: metric.title }, metric.label),
      el('dd', { class: 'mono' }, metric.cell(t) + (places[metric.key] ?? ''))))), sides(t),
      el('details', {}, el('summary', {}, 'What the figures mean'),
        el('dl', { class: 'figures' }, ...figures.map(metric =>
          el('div', {}, el('dt', {}, metric.label), el('dd', {}, metric.title))))));
  }
  $('detail-body').replaceChildren(...body);
  for (const line of $('table').tBodies[0].rows) {
    line.classList.toggle('chosen', Number(line.dataset.tensor) === t);
  }
  if (isAsked) $('detail-title').focus();
};
showGrowth();
showTree();
showTable();
if (data.first !== null) {
  reveal(callNameParts(tensors.call[data.first]));
  showDetail(data.first);
  const button = $('show-first');
  if (button) {
    button.hidden = false;
    button.addEventListener('click', () => showDetail(data.first, true));
  }
}
})();
