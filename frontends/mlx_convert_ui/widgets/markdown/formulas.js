// TeX in an answer: between \( and \), \[ and \], dollars or double dollars. KaTeX makes MathML of it, which needs
// no fonts or styles of ours; it is fetched with the first formula, and until then the TeX is shown as it is.

const INLINE = "\uE002"; // private characters at the head of a formula, on its way through Markdown
const DISPLAY = "\uE003";
// A dollar that begins a formula is followed by no space, one that ends it follows none and no digit comes after it, as
// in pandoc: so "$5 and $10" stays what it is.
const RULES = [
  { display: true, rule: /^\\\[([\s\S]+?)\\\]/ },
  { display: true, rule: /^\$\$([\s\S]+?)\$\$/ },
  { display: false, rule: /^\\\(([\s\S]+?)\\\)/ },
  { display: false, rule: /^\$(?![\s$])((?:\\[\s\S]|[^\\$\n])+?)(?<!\s)\$(?!\d)/ },
];
const LIMITS = { output: "mathml", throwOnError: false, errorColor: "var(--bad)", trust: false, maxSize: 20, maxExpand: 1000 };
let katex = null;
let loading = null;

// Extensions of marked: a formula becomes code that `show` finds again. One of several lines is a block, since its lines
// may look like a list or a heading; every other one stands in a line.
export const TEX = [
  { level: "block", begin: /(?<=\n *)(?:\\\[|\$\$)/ },
  { level: "inline", begin: /\\[([]|\$/ },
].map(({ level, begin }) => ({
  name: `${level}Formula`,
  level,
  start: (text) => begin.exec(text)?.index,
  tokenizer(text) {
    for (const { display, rule } of RULES) {
      const found = level === "inline" || display ? rule.exec(text) : null;
      if (found && !/\n\s*\n/.test(found[1])) return { type: `${level}Formula`, raw: found[0], text: found[1], display };
    }
    return undefined;
  },
  renderer: ({ text, display }) => {
    const tex = text.trim().replace(/[&<>]/g, (char) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[char]);
    const written = `<code>${display ? DISPLAY : INLINE}${tex}</code>`;
    return level === "block" ? `<p>${written}</p>` : written;
  },
}));

export function isFormula(element) {
  return [INLINE, DISPLAY].includes(element.textContent[0]);
}

// Put a formula in the place of the code that stands for it; `plain` takes marks out of its text.
export function show(element, plain) {
  const text = plain(element.textContent);
  const display = text[0] === DISPLAY;
  const place = document.createElement("span");
  place.className = display ? "md-formula md-display" : "md-formula";
  place.textContent = text.slice(1);
  if (display) place.tabIndex = 0; // a wide one is scrolled by keyboard, too
  element.replaceWith(place);
  const draw = () => katex.render(text.slice(1), place, { ...LIMITS, displayMode: display });
  if (katex) draw();
  else fetched().then(draw, () => {}); // the TeX stays
}

function fetched() {
  loading ??= import("./katex.min.js").then(() => (katex = self.katex));
  return loading;
}
