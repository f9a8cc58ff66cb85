// Measures whether controls can be read, in whatever state they are put.

/** What is hovered, focused and pressed. */
export const CONTROLS = 'button, a[href], input, select, textarea, summary, label, [role="treeitem"], [tabindex]';

/**
 * The states that a pointer and the keyboard bring about: of the control, and of what it is in.
 *
 * @type {Record<string, { own: string[], around: string[] }>}
 */
export const STATES = {
  rest: { own: [], around: [] },
  hover: { own: ['hover'], around: ['hover'] },
  focus: { own: ['focus', 'focus-visible', 'focus-within'], around: ['focus-within'] },
  'hover and focus': { own: ['hover', 'focus', 'focus-visible', 'focus-within'], around: ['hover', 'focus-within'] },
  'mouse down': { own: ['hover', 'active', 'focus'], around: ['hover', 'active', 'focus-within'] },
};

/** Runs in the page: puts what measures there, as `globalThis.contrast`. @param {string} controls */
function install(controls) {
  const TEXT = 4.5;
  const DRAWING = 3;

  const parse = (text) => {
    const numbers = (text.match(/-?[\d.]+(e-?\d+)?/g) ?? []).map(Number);
    if (text.startsWith('color(srgb ')) return [...numbers.slice(0, 3), numbers[3] ?? 1];
    if (!text.startsWith('rgb')) throw new Error(`a colour that is not understood: ${text}`);
    return [...numbers.slice(0, 3).map((one) => one / 255), numbers[3] ?? 1];
  };
  const over = (top, bottom) => [0, 1, 2].map((at) => top[at] * top[3] + bottom[at] * (1 - top[3]));
  const mix = (front, behind, share) => front.map((one, at) => one * share + behind[at] * (1 - share));
  const linear = (one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const ratio = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };

  /** The ground at an element and a colour upon it, as they are seen: through all that is transparent up to the page. */
  const seen = (element, colour) => {
    const chain = [];
    for (let one = element; one; one = one.parentElement) chain.unshift(one);
    const render = (at, behind) => {
      if (at === chain.length) return { ground: behind, front: over(colour, behind) };
      const style = getComputedStyle(chain[at]);
      if (style.backgroundImage !== 'none' || style.filter !== 'none' || style.mixBlendMode !== 'normal') {
        throw new Error(`a ground that is not understood: ${nameOf(chain[at])}`);
      }
      const { ground, front } = render(at + 1, over(parse(style.backgroundColor), behind));
      const share = Number(style.opacity);
      return { ground: mix(ground, behind, share), front: mix(front, behind, share) };
    };
    return render(0, [1, 1, 1]);
  };

  const own = (element) => {
    const classes = [...element.classList].map((one) => `.${one}`).join('');
    return `${element.tagName.toLowerCase()}${element.id && !element.id.startsWith('row-') ? `#${element.id}` : classes}`;
  };
  const nameOf = (element) => {
    const where = element.parentElement?.closest('dialog, [role="treeitem"], .find, .compose, .panel-controls, .tabs, .toast, .operation-card, .approval, form, main');
    const words = element.getAttribute('aria-label') || element.textContent.trim() || element.getAttribute('placeholder') || '';
    return `${where ? `${own(where)} ` : ''}${own(element)} “${words.replaceAll(/\s+/g, ' ').slice(0, 40)}”`;
  };
  const isShown = (element) =>
    element.checkVisibility({ visibilityProperty: true }) && !element.closest('.unseen, .sprite') && element.getClientRects().length > 0;

  /** What is drawn: the element whose ground it is on, the colour, what it is, how much it needs. */
  function* drawn(root) {
    const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    for (let text = texts.nextNode(); text; text = texts.nextNode()) {
      const element = text.parentElement;
      if (text.nodeValue.trim() && isShown(element)) yield { element, colour: getComputedStyle(element).webkitTextFillColor, what: 'text', needs: TEXT };
    }
    for (const field of root.querySelectorAll('input:not([type="checkbox"], [type="radio"]), select, textarea')) {
      if (!isShown(field)) continue;
      yield { element: field, colour: getComputedStyle(field).webkitTextFillColor, what: 'value', needs: TEXT };
      if (!field.placeholder) continue;
      const style = getComputedStyle(field, '::placeholder');
      const [r, g, b, a] = parse(style.color);
      const colour = `color(srgb ${r} ${g} ${b} / ${a * Number(style.opacity)})`;
      yield { element: field, colour, what: 'placeholder', needs: TEXT };
    }
    for (const icon of root.querySelectorAll('svg.icon')) {
      if (isShown(icon)) yield { element: icon, colour: getComputedStyle(icon).color, what: 'icon', needs: DRAWING };
    }
    for (const fold of root.querySelectorAll('.fold.folded, .fold.unfolded')) {
      if (isShown(fold)) yield { element: fold, colour: getComputedStyle(fold, '::before').borderBottomColor, what: 'icon', needs: DRAWING };
    }
    for (const control of root.querySelectorAll(controls)) {
      const { outlineStyle, outlineColor, outlineOffset } = getComputedStyle(control);
      if (outlineStyle === 'none' || !isShown(control)) continue;
      const element = outlineOffset.startsWith('-') ? control : control.parentElement;
      yield { element, colour: outlineColor, what: `focus ring of ${nameOf(control)}`, needs: DRAWING };
    }
  }

  /** What a control can be besides: how it comes to be so, of which elements. */
  const attribute = (selector, name, value) => (root) => {
    const undone = [];
    for (const one of root.querySelectorAll(selector)) {
      const before = one.getAttribute(name);
      undone.push(() => (before === null ? one.removeAttribute(name) : one.setAttribute(name, before)));
      if (value === null) one.removeAttribute(name);
      else one.setAttribute(name, value);
    }
    return undone;
  };
  const looks = (selector, classes) => (root) => {
    const undone = [];
    for (const one of root.querySelectorAll(selector)) {
      const before = one.className;
      undone.push(() => (one.className = before));
      one.classList.add(...classes);
    }
    return undone;
  };
  const both = (...makes) => (root) => makes.flatMap((make) => make(root));
  const FIELDS = 'button, input, select, textarea';
  const turned = (value) => both(attribute('[aria-pressed]', 'aria-pressed', value), attribute('[role="tab"]', 'aria-selected', value), attribute('[aria-expanded]', 'aria-expanded', value));
  const VARIANTS = {
    '': () => [],
    disabled: attribute(FIELDS, 'disabled', ''),
    enabled: attribute(FIELDS, 'disabled', null),
    on: both(turned('true'), attribute('.tabs button', 'aria-current', 'page'), looks('.panel', ['active']), attribute('.current-mark', 'hidden', null)),
    off: both(turned('false'), attribute('.tabs button', 'aria-current', null)),
    'on, disabled': both(turned('true'), attribute(FIELDS, 'disabled', '')),
    current: looks('.row', ['selected']),
    'current, open': looks('.row', ['selected', 'opened']),
    'current, ended, on the way to a match': looks('.row', ['selected', 'over', 'way']),
    'on the way to a match': looks('.row', ['way']),
    'being decided': looks('.approval', ['deciding']),
    marked: looks('.message', ['marked']),
  };

  globalThis.contrast = (state) => {
    const root = document.querySelector('dialog[open]') ?? document.body;
    const faults = [];
    const met = new Set();
    let measured = 0;
    for (const [variant, make] of Object.entries(VARIANTS)) {
      const undone = make(root);
      for (const { element, colour, what, needs } of drawn(root)) {
        // A list that is off cannot have the focus, and the browser's own colours for a list in focus cannot be overruled.
        if (state !== 'rest' && state !== 'hover' && element.matches('select:disabled option')) continue;
        const { ground, front } = seen(element, parse(colour));
        const found = ratio(ground, front);
        const control = element.closest(controls) ?? element;
        measured += 1;
        if (control.id) met.add(control.id);
        if (found < needs) faults.push({ control: nameOf(control), what, state: [state, variant].filter(Boolean).join(', '), ratio: Math.round(found * 100) / 100, needs });
      }
      for (const undo of undone) undo();
    }
    return { faults, measured, met: [...met] };
  };
}

/**
 * Puts every control that is shown into every state, in light and dark, and tells which of them cannot be read.
 *
 * @param {import('playwright-core').Page} page
 * @param {string} scene
 * @param {string[]} [states]
 */
export async function measure(page, scene, states = Object.keys(STATES)) {
  await page.evaluate(install, CONTROLS);
  await page.evaluate(() => document.activeElement instanceof HTMLElement && document.activeElement.blur());
  const session = await page.context().newCDPSession(page);
  await session.send('DOM.enable');
  await session.send('CSS.enable');
  const { root } = await session.send('DOM.getDocument', { depth: 0 });
  const all = async (selector) => (await session.send('DOM.querySelectorAll', { nodeId: root.nodeId, selector })).nodeIds;
  const controls = await all(`:is(${CONTROLS})`);
  const around = await all(`:has(:is(${CONTROLS}))`);
  const faults = [];
  const met = new Set();
  let measured = 0;
  for (const state of states) {
    const forced = new Map(around.map((id) => [id, STATES[state].around]));
    for (const id of controls) forced.set(id, [...new Set([...(forced.get(id) ?? []), ...STATES[state].own])]);
    await Promise.all([...forced].map(([nodeId, forcedPseudoClasses]) =>
      // One that has left the page meanwhile has no state.
      session.send('CSS.forcePseudoState', { nodeId, forcedPseudoClasses }).catch(() => {})));
    for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
      await page.emulateMedia({ colorScheme });
      const found = await page.evaluate((name) => globalThis.contrast(name), state);
      measured += found.measured;
      for (const id of found.met) met.add(id);
      for (const fault of found.faults) faults.push({ scene, theme: colorScheme, ...fault });
    }
  }
  await session.detach();
  return { faults, measured, met };
}

/** @param {{ scene: string, theme: string, control: string, what: string, state: string, ratio: number, needs: number }} fault */
export const sentence = ({ scene, theme, control, what, state, ratio, needs }) =>
  `${scene}, ${theme}: ${what} of ${control} (${state}): ${ratio} : 1, needs ${needs} : 1`;
