// Footnotes in an answer: [^1] leads to the block that begins with [^1]: wherever that stands in the same answer.

const REFERENCE = "\uE004"; // private characters at the head of what stands for one, on its way through Markdown
const NOTE = "\uE005";

function written(text) {
  return text.replace(/[&<>]/g, (char) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[char]);
}

export const FOOTNOTES = [
  {
    name: "footnote",
    level: "block",
    start: (text) => /(?<=\n)\[\^[^\]\s]+\]:/.exec(text)?.index,
    tokenizer(text) {
      const found = /^\[\^([^\]\s]+)\]:[ \t]*([^\n]*(?:\n(?!\s*\n|\[\^)[^\n]+)*)(?:\n|$)/.exec(text);
      if (!found) return undefined;
      return { type: "footnote", raw: found[0], label: found[1], tokens: this.lexer.inlineTokens(found[2]) };
    },
    renderer(token) {
      return `<p><sup>${NOTE}${written(token.label)}</sup> ${this.parser.parseInline(token.tokens)}</p>`;
    },
  },
  {
    name: "footnoteReference",
    level: "inline",
    start: (text) => /\[\^/.exec(text)?.index,
    tokenizer(text) {
      const found = /^\[\^([^\]\s]+)\](?!:)/.exec(text);
      return found ? { type: "footnoteReference", raw: found[0], label: found[1] } : undefined;
    },
    renderer: (token) => `<sup>${REFERENCE}${written(token.label)}</sup>`,
  },
];

// Make the notes of `fragment` places to go to, and what refers to them buttons that go there.
export function linkFootnotes(fragment) {
  for (const mark of fragment.querySelectorAll("sup")) {
    const [kind, label] = [mark.textContent[0], mark.textContent.slice(1)];
    if (kind === NOTE) {
      mark.textContent = label;
      const note = mark.parentElement;
      note.className = "md-footnote";
      note.dataset.footnote = label;
      note.tabIndex = -1;
    } else if (kind === REFERENCE) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "md-footnote-reference";
      button.textContent = label;
      button.setAttribute("aria-label", `Footnote ${label}`);
      button.addEventListener("click", () => go(button, label));
      mark.replaceChildren(button);
    }
  }
}

function go(button, label) {
  const note = button.closest(".prose")?.querySelector(`[data-footnote="${CSS.escape(label)}"]`);
  note?.focus({ preventScroll: true });
  note?.scrollIntoView({ block: "nearest" });
}
