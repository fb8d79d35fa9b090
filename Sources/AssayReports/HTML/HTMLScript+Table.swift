extension HTMLScript {
  /// The table of tensors: filtered, sorted, and in pages.
  static let table = #"""
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
    const digitsOf = metric => metric.key === 'cosine' ? 7 : 3;
    const measured = metrics
      .filter(metric => !metric.key.startsWith('floor_') || tensors[metric.key].some(v => v !== null))
      .map(metric => ({ ...metric, number: true,
      value: t => tensors[metric.key][t],
      cell: t => figure(tensors[metric.key][t], digitsOf(metric)) }));
    const all = [...fixed, ...further, ...measured];
    const shownColumns = () =>
      view.hasAll ? all : [...fixed, ...measured.filter(metric => metric.main)];

    const verdictCell = verdict => {
      const [glyph, style] = mark(verdict);
      return el('span', { class: style }, el('span', { 'aria-hidden': 'true' }, glyph + ' '), words(verdict));
    };

    const compare = column => {
      const sign = view.isDescending ? -1 : 1;
      if (column.number) {
        const values = Float64Array.from({ length: size }, (_, t) => column.value(t) ?? NaN);
        return (a, b) => {
          const x = values[a], y = values[b];
          // What has no figure stands last either way.
          if (x !== x || y !== y) return (x !== x) - (y !== y) || a - b;
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
        s => s === view.module || s.startsWith(view.module + '.'));
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

    """#
}
