extension HTMLScript {
  /// Everything about one tensor.
  static let detail = #"""
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
      const names = ['p50', 'p90', 'p99', 'p99.9'];
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
      cells.forEach((row, y) => row.forEach((v, x) => {
        const box = { x: x * side, y: y * side, width: side - 0.6, height: side - 0.6 };
        const title = svg('title', {}, `row ${range(y, down, detail.rows)}, column `
          + `${range(x, across, detail.columns)}: ${v === 'inf' ? 'NaN or infinite' : figure(v)}`);
        picture.append(svg('rect', v === 'inf' ? { class: 'odd', ...box } : v === 0
          ? { class: 'void', ...box }
          : { class: 'cell', 'fill-opacity': shade(v).toFixed(3), ...box }, title));
      }));
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
      const names = ['min', 'max', 'mean', 'std', 'l2', 'nan', 'inf'];
      return el('div', { class: 'scroll' }, el('table', { class: 'sides' },
        el('caption', {}, 'Values of each side'),
        el('thead', {}, el('tr', {}, el('td', {}), ...names.map(n => el('th', { scope: 'col', class: 'n' }, n === 'l2' ? 'L2' : n === 'nan' ? 'NaN' : n === 'inf' ? 'Inf' : n)))),
        el('tbody', {}, ...['actual', 'expected'].map(side => el('tr', {}, el('th', { scope: 'row' }, side),
          ...names.map(n => el('td', { class: 'n' }, figure(tensors[`${side}_${n}`][t], 5))))))));
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
      if (tensors.elements[t] !== null) {
        const places = { max_abs: worst === null ? '' : ` at ${indexOf(worst, shape)}`,
          worst_row: row === null || shape.length < 2 ? '' : ` at ${indexOf(row, shape.slice(0, -1))}` };
        body.push(el('dl', { class: 'figures' }, ...measured
          .filter(metric => !/^(actual|expected)_/.test(metric.key))
          .map(metric => el('div', {}, el('dt', { title: metric.title }, metric.label),
            el('dd', { class: 'mono' }, metric.cell(t) + (places[metric.key] ?? ''))))), sides(t),
          el('details', {}, el('summary', {}, 'What the figures mean'),
            el('dl', { class: 'figures' }, ...measured.filter(metric => !/^(actual|expected)_/.test(metric.key))
              .map(metric => el('div', {}, el('dt', {}, metric.label), el('dd', {}, metric.title))))));
      }
      $('detail-body').replaceChildren(...body);
      for (const line of $('table').tBodies[0].rows) {
        line.classList.toggle('chosen', Number(line.dataset.tensor) === t);
      }
      if (isAsked) $('detail-title').focus();
    };

    """#
}
