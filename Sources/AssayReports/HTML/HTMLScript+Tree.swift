extension HTMLScript {
  /// The tree of modules, whose branches are made when they are opened.
  static let tree = #"""
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
        '*': () => [...item.parentElement.children].forEach(i => expand(i, true)),
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

    """#
}
