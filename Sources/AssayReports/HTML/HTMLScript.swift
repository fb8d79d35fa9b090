/// The page's script.
enum HTMLScript {
  static let source =
    "\n'use strict';\n(() => {\n" + base + growth + tree + table + detail + start
    + "})();\n"

  /// Figures as columns, and small helpers.
  static let base = #"""
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
      match: ['✓', 'is-match'], skipped: ['–', 'is-none'], missing_in_actual: ['○', 'is-gone'],
      missing_in_expected: ['○', 'is-gone'], unreadable: ['!', 'is-gone'], not_recorded: ['!', 'is-gone'],
    };
    const mark = verdict => marks[verdict] ?? ['✗', 'is-fail'];
    const words = verdict => verdict.replaceAll('_', ' ');
    const isFailure = verdict => verdict !== 'match' && verdict !== 'skipped';
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

    """#

  private static let start = """
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

    """
}
