/// The parts of the page that the script fills.
enum HTMLSkeleton {
  static let growth = """
    <section aria-labelledby="growth-title" class="card" id="growth">
    <div class="bar"><h2 id="growth-title">Error along execution order</h2>
    <label class="push">Step <select id="growth-step"></select></label></div>
    <p class="hint" id="growth-hint"></p>
    <div id="growth-plot" class="plot"></div>
    <label class="vh" for="growth-call">Call in execution order</label>
    <input type="range" id="growth-call" min="0" value="0" step="1">
    <p id="growth-read" class="read" aria-live="polite"></p>
    <details id="growth-table"><summary>As a table</summary></details>
    </section>
    """

  static let explorer = """
    <section aria-labelledby="explorer-title" class="card" id="explorer" tabindex="-1">
    <h2 id="explorer-title">Modules and tensors</h2>
    <noscript><p>The figures below need JavaScript; the page fetches nothing.</p></noscript>
    <form class="bar tools" id="tools" role="search" aria-label="Filter the tensors">
    <label>Filter <input type="search" id="filter" placeholder="module, slot, dtype …" \
    autocomplete="off" spellcheck="false"></label>
    <label>Verdict <select id="verdict"></select></label>
    <label>Step <select id="step"></select></label>
    <button type="button" id="columns" aria-pressed="false">All figures</button>
    <button type="button" id="module" hidden></button>
    </form>
    <div class="columns">
    <nav aria-labelledby="tree-title"><h3 id="tree-title">Modules</h3>
    <p class="hint">✗ fails, ✓ matches, ◆ made an error of its own</p>
    <ul role="tree" aria-labelledby="tree-title" id="tree"></ul></nav>
    <div class="rows">
    <p id="count" class="hint" role="status"></p>
    <div class="scroll" id="scroll" tabindex="0" role="region" aria-label="Tensors"><table \
    id="table"><caption class="vh">Tensors, in execution order unless sorted</caption><thead></thead>\
    <tbody></tbody></table></div>
    <div class="bar pages"><button type="button" id="previous">Previous</button>
    <span id="page"></span><button type="button" id="next">Next</button></div>
    </div>
    """ + detail + """
      </div>
      </section>
      """

  private static let detail = """
    <section aria-labelledby="detail-title" id="detail" hidden>
    <h2 id="detail-title" tabindex="-1"></h2>
    <div id="detail-body"></div>
    </section>
    """
}
