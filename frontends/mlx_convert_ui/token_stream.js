// An answer as it grows. The server sends only what is new; finished blocks are rendered once, the last one again
// and again. What a model writes is untrusted: no classes, styles, forms, pictures or foreign schemes get through.
import DOMPurify from "dompurify";
import { marked, hljs } from "mlx-markdown";

const PURIFY = {
  ALLOWED_TAGS: ["p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre", "code",
    "em", "strong", "del", "a", "table", "thead", "tbody", "tr", "th", "td", "sup", "sub"],
  ALLOWED_ATTR: ["href", "start", "align"],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};

function prose(html) {
  const fragment = DOMPurify.sanitize(html, PURIFY);
  for (const link of fragment.querySelectorAll("a")) {
    link.target = "_blank";
    link.rel = "noopener noreferrer nofollow";
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
    table.replaceWith(frame);
    frame.append(table);
  }
  return fragment;
}

function code(token, finished) {
  const language = (token.lang || "").split(/\s/)[0];
  const box = document.createElement("div");
  box.className = "md-code";
  const head = document.createElement("div");
  head.className = "md-code-head";
  const name = document.createElement("span");
  name.textContent = language || "text";
  const copy = document.createElement("button");
  copy.type = "button";
  copy.textContent = "Copy";
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(token.text);
    copy.textContent = "Copied";
    setTimeout(() => (copy.textContent = "Copy"), 1500);
  });
  head.append(name, copy);
  const pre = document.createElement("pre");
  pre.tabIndex = 0;
  const inner = document.createElement("code");
  if (finished && hljs.getLanguage(language)) {
    inner.innerHTML = hljs.highlight(token.text, { language, ignoreIllegals: true }).value;
  } else {
    inner.textContent = token.text;
  }
  pre.append(inner);
  box.append(head, pre);
  return box;
}

function block(token, finished) {
  const element = document.createElement("div");
  element.className = "md-block";
  element.append(token.type === "code" ? code(token, finished) : prose(marked.parser([token])));
  return element;
}

export default {
  template: `<div class="md" :class="{ 'md-growing': growing }"></div>`,
  props: { text: { type: String, default: "" }, position: { type: Number, default: 0 }, finished: Boolean },
  data: () => ({ growing: false }),
  mounted() {
    this.reset(this.position, this.text);
    if (this.finished) this.finish();
  },
  beforeUnmount() {
    cancelAnimationFrame(this.frame);
  },
  methods: {
    reset(position, text) {
      this.at = position;
      this.source = text;
      this.settled = 0;
      this.growing = true;
      this.$el.replaceChildren();
      this.tail = null;
      this.thinking = null;
      this.soon();
    },
    append(from, to, delta) {
      if (to <= this.at) return; // delivered twice after a reconnect
      if (from !== this.at) {
        this.$emit("gap");
        return;
      }
      this.at = to;
      this.source += delta;
      this.soon();
    },
    finish() {
      cancelAnimationFrame(this.frame);
      this.frame = 0;
      this.growing = false;
      this.settled = 0; // once more as a whole: references may come after their use
      this.$el.replaceChildren();
      this.tail = null;
      this.thinking = null;
      this.draw(true);
    },
    soon() {
      this.frame ||= requestAnimationFrame(() => {
        this.frame = 0;
        this.draw(false);
      });
    },
    draw(all) {
      const page = document.scrollingElement;
      const following = this.growing && page.scrollHeight - page.scrollTop - innerHeight < 60;
      const body = this.withoutThinking(all);
      const tokens = marked.lexer(body.slice(this.settled));
      let last = tokens.length - 1;
      while (last > 0 && tokens[last].type === "space") last--;
      this.tail?.remove();
      this.tail = null;
      tokens.forEach((token, index) => {
        if (token.type === "space" && (all || index < last)) {
          if (!all) this.settled += token.raw.length;
          return;
        }
        if (index > last) return;
        const growing = !all && index === last;
        const element = block(token, !growing);
        this.$el.append(element);
        if (growing) this.tail = element;
        else if (!all) this.settled += token.raw.length;
      });
      if (following) page.scrollTop = page.scrollHeight;
    },
    // A leading <think> section is folded away; what follows it is the answer.
    withoutThinking(all) {
      const found = /^\s*<think>([\s\S]*?)(<\/think>|$)/.exec(this.source);
      if (!found) return this.source;
      if (!this.thinking) {
        const fold = document.createElement("details");
        fold.className = "md-think";
        const summary = document.createElement("summary");
        this.thinking = document.createElement("div");
        fold.append(summary, this.thinking);
        this.$el.prepend(fold);
      }
      this.thinking.previousSibling.textContent = found[2] || all ? "Thoughts" : "Thinking …";
      this.thinking.textContent = found[1].trim();
      return found[2] ? this.source.slice(found[0].length) : "";
    },
  },
};
