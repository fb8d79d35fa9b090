extension HTMLScript {
  /// The plot of the error along execution order.
  static let growth = #"""
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
      return last === null ? '' : d + `H${scale.width - scale.right}`;
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
        + `, ${words(string(calls.verdict[c]))}${cause ? ', ' + cause : ''}`;
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

    """#
}
