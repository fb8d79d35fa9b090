/// The page's style sheet.
enum HTMLStyle {
  static let sheet = colours + layout + explorer + pictures + print

  private static let colours = """

    :root { color-scheme: light dark;
      --page: #f6f7f8; --card: #ffffff; --sunk: #f0f2f4; --line: #d5dae0; --text: #1a1f26;
      --soft: #57606b; --accent: #0b57a4; --good: #17662f; --bad: #b3201a; --warn: #845000;
      --bad-sunk: #fdf0ef; --good-sunk: #eff8f1; --hover: #eaf1f9; --heat: #a3170f; }
    @media (prefers-color-scheme: dark) { :root {
      --page: #0f1216; --card: #171b20; --sunk: #1f242b; --line: #323941; --text: #e3e7ec;
      --soft: #9ca6b2; --accent: #7ab7f7; --good: #62c586; --bad: #ff8b82; --warn: #e0ae5c;
      --bad-sunk: #2b191a; --good-sunk: #14251b; --hover: #1d2a38; --heat: #ff8277; } }

    """

  private static let layout = """
    * { box-sizing: border-box; }
    body { margin: 0 auto; max-width: 1800px; padding: 20px 24px 48px; background: var(--page);
      color: var(--text); font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans",
      sans-serif; }
    code, td, .tiles dd, .read, output, .mono { font-family: ui-monospace, SFMono-Regular, Menlo,
      Consolas, "Liberation Mono", monospace; font-size: 12px; font-variant-numeric: tabular-nums; }
    code { overflow-wrap: anywhere; }
    h1, h2, h3, p, dl, ul { margin: 0; }
    h1 { font-size: 26px; line-height: 1.25; letter-spacing: -0.01em; }
    h2 { font-size: 15px; } h3 { font-size: 13px; color: var(--soft); font-weight: 600; }
    .brand { color: var(--soft); font-size: 12px; letter-spacing: 0.06em; text-transform: uppercase; }
    h2 code { font-size: 14px; }
    .hint { color: var(--soft); font-size: 12.5px; }
    .card, header { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
      padding: 16px 20px; margin-bottom: 14px; }
    header { border-left: 5px solid var(--good); } header.mismatch { border-left-color: var(--bad); }
    header h1 { color: var(--good); } header.mismatch h1 { color: var(--bad); }
    .lede { font-size: 15px; margin: 2px 0 12px; max-width: 110ch; overflow-wrap: anywhere; }
    .tiles { display: flex; flex-wrap: wrap; gap: 8px 36px; }
    .tiles dt, .facts dt, .subject dt { color: var(--soft); font-size: 12px; }
    .tiles dd { margin: 0; font-size: 13px; } .tiles b { font-size: 18px; font-weight: 600; }
    .subject { display: flex; flex-wrap: wrap; gap: 4px 36px; margin-top: 12px; padding-top: 10px;
      border-top: 1px solid var(--line); }
    .subject dd, .facts dd { margin: 0; overflow-wrap: anywhere; }
    .facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr));
      gap: 8px 24px; margin-top: 10px; }
    .place { display: flex; flex-wrap: wrap; gap: 4px 14px; align-items: baseline; margin-top: 6px; }
    .place > code { font-size: 16px; font-weight: 600; } .place span { color: var(--soft); }
    .remarks { list-style: none; padding: 0; margin-top: 12px; display: grid; gap: 4px; }
    .remarks li { padding: 4px 10px; border-radius: 4px; background: var(--sunk);
      overflow-wrap: anywhere; }
    .remarks .failure { background: var(--bad-sunk); } .failure b { color: var(--bad); }
    .bar { display: flex; flex-wrap: wrap; gap: 8px 16px; align-items: center; }
    .push { margin-left: auto; }
    label { color: var(--soft); font-size: 12.5px; }
    button, select, input { font: inherit; color: var(--text); }
    button, select, input[type=search] { background: var(--card); border: 1px solid var(--line);
      border-radius: 5px; padding: 3px 9px; min-height: 28px; }
    input[type=search] { width: 26ch; } ::placeholder { color: var(--soft); opacity: 1; }
    button { cursor: pointer; } button:hover, select:hover { background: var(--hover); }
    button:disabled { color: var(--soft); cursor: default; background: none; }
    button[aria-pressed=true] { background: var(--hover); border-color: var(--accent); }
    :focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
    [tabindex="-1"]:focus { outline: none; }
    .vh { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
      white-space: nowrap; }
    .skip { position: absolute; left: -999px; } .skip:focus { left: 12px; top: 8px; padding: 4px 10px;
      background: var(--card); color: var(--accent); z-index: 2; }
    summary { cursor: pointer; color: var(--accent); font-size: 12.5px; width: max-content; }

    """

  private static let explorer = """
    .tools { margin: 10px 0 12px; }
    .columns { display: grid; grid-template-columns: minmax(200px, 256px) minmax(0, 1fr); gap: 14px; }
    nav { border-right: 1px solid var(--line); padding-right: 8px; position: sticky; top: 8px;
      align-self: start; max-height: calc(100vh - 16px); overflow: auto; }
    [role=tree], [role=group] { list-style: none; padding: 0; margin: 0; }
    [role=group] { padding-left: 5px; margin-left: 10px; border-left: 1px solid var(--line); }
    [role=treeitem] > .node { display: flex; gap: 5px; align-items: baseline; padding: 1px 6px;
      border-radius: 4px; cursor: pointer; white-space: nowrap; font-size: 13px; }
    .node > .name { overflow: hidden; text-overflow: ellipsis; }
    .node:hover { background: var(--hover); }
    [role=treeitem]:focus-visible { outline: none; }
    [role=treeitem]:focus-visible > .node { outline: 2px solid var(--accent); }
    [role=treeitem][aria-selected=true] > .node { background: var(--hover); font-weight: 600; }
    .twist { width: 10px; color: var(--soft); flex: none; font-size: 10px; }
    .node .few { color: var(--soft); font-size: 11.5px; font-weight: 400; margin-left: auto;
      padding-left: 8px; }
    .is-match { color: var(--good); } .is-fail { color: var(--bad); } .is-gone { color: var(--warn); }
    .is-none { color: var(--soft); }
    .scroll { overflow-x: auto; margin-top: 6px; }
    table { border-collapse: collapse; width: 100%; }
    caption { text-align: left; color: var(--soft); font-size: 12px; padding-bottom: 4px; }
    th, td { text-align: left; padding: 2px 6px; border-bottom: 1px solid var(--line);
      white-space: nowrap; vertical-align: baseline; }
    th { font-weight: 600; font-size: 12.5px; } tbody th { font-weight: 400; }
    thead th { background: var(--sunk); } #table thead th { padding: 0; }
    .sides { width: auto; min-width: 50%; margin-top: 10px; }
    thead td { border-bottom: 1px solid var(--line); }
    thead button { border: 0; background: none; width: 100%; text-align: inherit; font-weight: 600;
      border-radius: 0; font-size: 12px; white-space: nowrap; padding: 4px 6px; }
    .n { text-align: right; }
    [aria-sort=ascending] button::after { content: " ↑"; }
    [aria-sort=descending] button::after { content: " ↓"; }
    [aria-sort=ascending] button, [aria-sort=descending] button { color: var(--accent); }
    tbody tr:hover { background: var(--hover); } tr.chosen { background: var(--hover); }
    .plain { border: 0; background: none; padding: 0; min-height: 0; color: var(--accent);
      border-radius: 2px; text-align: left; }
    .plain:hover { background: none; text-decoration: underline; }
    .pages { margin-top: 10px; } #page { color: var(--soft); font-size: 12.5px; }
    .differs th { color: var(--warn); }
    #detail { border-top: 1px solid var(--line); padding-top: 12px; grid-column: 1 / -1; }
    #detail h2 { overflow-wrap: anywhere; }
    @media (min-width: 1240px) {
      .columns:has(#detail:not([hidden])) { grid-template-columns: 190px minmax(0, 1fr) minmax(360px, 460px); }
      #detail { border-top: 0; border-left: 1px solid var(--line); padding: 0 0 0 14px;
        grid-column: auto; position: sticky; top: 8px; align-self: start;
        max-height: calc(100vh - 16px); overflow: auto; }
      #detail .pair { grid-template-columns: minmax(0, 1fr); }
      #detail .figures { grid-template-columns: repeat(auto-fill, minmax(130px, 1fr)); } }
    @media (max-width: 820px) { body { padding: 10px; } .columns { grid-template-columns: minmax(0, 1fr); }
      nav { position: static; max-height: 40vh; border-right: 0; } }

    """

  private static let pictures = """
    .plot { margin-top: 6px; } svg { display: block; max-width: 100%; }
    svg text { fill: var(--soft); font: 11.5px system-ui, -apple-system, "Segoe UI", sans-serif; }
    .grid { stroke: var(--line); stroke-width: 1; } .axis { stroke: var(--soft); stroke-width: 1; }
    .curve { fill: none; stroke: var(--soft); stroke-width: 1; }
    .curve.chosen { stroke: var(--accent); stroke-width: 1.8; }
    .limit { fill: none; stroke: var(--warn); stroke-width: 1.4; stroke-dasharray: 6 4; }
    .born { stroke: var(--bad); stroke-width: 1.2; stroke-dasharray: 2 3; }
    svg .born-text { fill: var(--bad); paint-order: stroke; stroke: var(--card); stroke-width: 4px; } svg .limit-text { fill: var(--warn); }
    .cursor { stroke: var(--text); stroke-width: 1; opacity: 0.6; }
    .dot { fill: var(--accent); stroke: var(--card); stroke-width: 1.5; }
    input[type=range] { display: block; accent-color: var(--accent); }
    .read { min-height: 1.6em; margin-top: 4px; overflow-wrap: anywhere; }
    .pair { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 24px;
      margin: 14px 0; }
    .pair h3 { margin-bottom: 4px; } .pair figure { margin: 0; max-width: 560px; }
    .pair figcaption { color: var(--soft); font-size: 12.5px; margin: 4px 0; }
    .tick { stroke: var(--line); } .ramp { height: 8px; border-radius: 2px; margin: 2px 0;
      background: linear-gradient(to right, color-mix(in srgb, var(--heat) 10%, transparent), var(--heat)); }
    .ends { display: flex; justify-content: space-between; color: var(--soft); font-size: 12px; }
    .bin { fill: var(--accent); } .bin.zero { fill: var(--soft); }
    .cell { fill: var(--heat); } .void { fill: var(--sunk); } .odd { fill: var(--warn); }
    .figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(170px, 1fr));
      gap: 6px 20px; margin-top: 10px; }
    .figures dt { color: var(--soft); font-size: 12px; } .figures dd { margin: 0; }
    @media (max-width: 820px) { .pair { grid-template-columns: minmax(0, 1fr); } }

    """

  private static let print = """
    @media print { :root { color-scheme: light; --page: #fff; --card: #fff; --sunk: #fff;
        --line: #bbb; --text: #000; --soft: #444; --accent: #0b57a4; --good: #17662f; --bad: #b3201a;
        --warn: #845000; --bad-sunk: #fff; --hover: #fff; --heat: #a3170f; }
      body { padding: 0; max-width: none; font-size: 10pt; }
      .tools, .pages, nav, .skip, input[type=range], .read, details, label, button:not(table button) { display: none; }
      .columns { display: block; } .scroll { overflow: visible; }
      td, th, td code, .plain { font-size: 7.5pt; white-space: normal; } td, th { padding: 1px 4px; }
      .card, header { border: 0; padding: 0; break-inside: auto; } h2 { break-after: avoid; }
      figure, tr, .pair { break-inside: avoid; } }

    """
}
