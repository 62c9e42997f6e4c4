// Markdown as a model writes it, made into elements. It is untrusted: text, links and code come through; pictures,
// forms, styles, scripts, classes, ids and foreign schemes do not.
import DOMPurify from "dompurify";
import { put } from "mlx-clipboard";
import { marked } from "./marked.min.js";
import hljs from "./highlight.min.js";
import { FOOTNOTES, linkFootnotes } from "./footnotes.js";
import { TEX, isFormula, show } from "./formulas.js";

const PURIFY = {
  ALLOWED_TAGS: ["p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre", "code",
    "em", "strong", "b", "i", "del", "a", "table", "thead", "tbody", "tr", "th", "td", "sup", "sub"],
  ALLOWED_ATTR: ["href", "start", "align"],
  ADD_URI_SAFE_ATTR: ["start", "align"], // else they would have to be addresses, too
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};
// Each of these runs from the left or from the right, as its first letter does. dir="auto" would look past parts that have
// a direction of their own, and so see nothing in a list.
const DIRECTED = "p, li, ul, ol, blockquote, table, th, td, h1, h2, h3, h4, h5, h6";
const FROM_RIGHT = /^\P{L}*[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;
const FROM = "\uE000"; // private characters around what is marked, from the source into the text of the elements
const TO = "\uE001";

marked.use({ extensions: [...TEX, ...FOOTNOTES] });
marked.use({
  renderer: {
    // A picture would tell its host that it was looked at: it becomes a link.
    image: ({ href, text }) => `<a href="${attribute(href)}">${attribute(text || href)}</a>`,
    checkbox: ({ checked }) => (checked ? "\u2611 " : "\u2610 "),
  },
});

function attribute(text) {
  return text.replace(/[&<>"]/g, (char) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[char]);
}

export function lex(text) {
  return marked.lexer(text);
}

// One block of `lex`; code is highlighted once it is finished.
export function render(token, finished) {
  const element = document.createElement("div");
  element.className = "md-block";
  element.append(token.type === "code" ? code(token, finished) : prose(token, finished));
  // Set here: in what DOMPurify returns, a document of its own, a direction comes to nothing.
  for (const part of element.querySelectorAll(DIRECTED)) part.dir = FROM_RIGHT.test(part.textContent) ? "rtl" : "ltr";
  point(element);
  return element;
}

// The source with what lies between two positions set apart, from the first letter on, so that no syntax breaks.
export function setApart(source, start, end) {
  const letter = source.slice(start).search(/[\p{L}\p{N}]/u);
  if (letter < 0) return source;
  start += letter;
  end = start + source.slice(start, end).trimEnd().length;
  if (start >= end) end = start + source.slice(start).match(/^[\p{L}\p{N}]+/u)[0].length;
  return source.slice(0, start) + FROM + source.slice(start, end) + TO + source.slice(end);
}

// Turn what was set apart into a mark.
export function point(element) {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const nodes = [];
  while (walker.nextNode()) nodes.push(walker.currentNode);
  for (const node of nodes) {
    const from = node.data.indexOf(FROM);
    const to = node.data.indexOf(TO);
    if (from < 0 && to < 0) continue;
    const [before, inside, after] = [node.data.slice(0, Math.max(from, 0)), from < 0 ? "" : node.data.slice(from + 1, to < 0 ? undefined : to), to < 0 ? "" : node.data.slice(to + 1)];
    if (from < 0) {
      node.data = node.data.slice(0, to) + after;
      continue;
    }
    const mark = document.createElement("mark");
    mark.textContent = inside;
    node.replaceWith(before, mark, after);
  }
}

function prose(token, finished) {
  const fragment = DOMPurify.sanitize(marked.parser([token]), PURIFY);
  codeWithin(token, fragment, finished);
  linkFootnotes(fragment);
  for (const inline of fragment.querySelectorAll("code")) if (isFormula(inline)) show(inline, plain);
  for (const link of fragment.querySelectorAll("a")) {
    link.target = "_blank";
    link.rel = "noopener noreferrer nofollow";
    if (link.hasAttribute("href")) link.title = link.getAttribute("href");
  }
  for (const heading of fragment.querySelectorAll("h1,h2,h3,h4,h5,h6")) {
    const same = document.createElement("h3");
    same.className = "md-" + heading.tagName.toLowerCase();
    same.append(...heading.childNodes);
    heading.replaceWith(same);
  }
  for (const table of fragment.querySelectorAll("table")) {
    const frame = document.createElement("div");
    frame.className = "md-table";
    frame.tabIndex = 0;
    table.replaceWith(frame);
    frame.append(table);
  }
  return fragment;
}

// Code inside lists and quotes looks as it does elsewhere. HTML of the answer may hold <pre> of its own, which stays.
function codeWithin(token, fragment, finished) {
  const tokens = [];
  marked.walkTokens([token], (one) => {
    if (one.type === "code") tokens.push(one);
  });
  const places = fragment.querySelectorAll("pre");
  if (places.length === tokens.length) places.forEach((place, i) => place.replaceWith(code(tokens[i], finished)));
}

function plain(text) {
  return text.replaceAll(FROM, "").replaceAll(TO, "");
}

function code(token, finished) {
  const text = plain(token.text);
  const language = (token.lang || "").split(/\s/)[0];
  const box = document.createElement("div");
  box.className = "md-code";
  const head = document.createElement("div");
  head.className = "md-code-head";
  const name = document.createElement("span");
  name.textContent = language || words("text");
  head.append(name, copyButton(text));
  const pre = document.createElement("pre");
  pre.tabIndex = 0;
  const inner = document.createElement("code");
  if (finished && hljs.getLanguage(language)) {
    inner.innerHTML = hljs.highlight(token.text, { language, ignoreIllegals: true }).value; // escapes what it is given
  } else {
    inner.textContent = token.text;
  }
  pre.append(inner);
  box.append(head, pre);
  return box;
}

function copyButton(text) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = words("Copy");
  button.setAttribute("aria-label", words("Copy this code"));
  button.addEventListener("click", async () => {
    button.textContent = (await put(text)) ? words("Copied") : words("Not allowed");
    setTimeout(() => (button.textContent = words("Copy")), 1500);
  });
  return button;
}
