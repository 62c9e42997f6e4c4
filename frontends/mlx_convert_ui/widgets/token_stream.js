// An answer as it grows. The server sends only what is new; finished blocks are rendered once, the last one again
// and again.
import { lex, point, render, setApart } from "mlx-markdown";

const FOLLOW = 60; // pixels from the bottom of the page that still count as being there
// Thoughts come first, between <think> and </think>; some chat templates open them before the answer begins.
const THOUGHTS = /^\s*<think>([\s\S]*?)(<\/think>|$)|^((?:(?!<think>)[\s\S])*?\n)(<\/think>)/;
const REFERENCE = /^ {0,3}\[[^\]]+\]:\s/m;

export default {
  template: `<div class="prose" :class="{ 'md-growing': growing }" :aria-busy="growing"></div>`,
  props: { text: { type: String, default: "" }, position: { type: Number, default: 0 }, finished: Boolean },
  data: () => ({ growing: false }),
  mounted() {
    this.pointed = null;
    this.reset(this.position, this.text);
    if (this.finished) this.finish();
  },
  beforeUnmount() {
    cancelAnimationFrame(this.frame);
  },
  methods: {
    reset(position, text) {
      this.unopened = false;
      this.at = position;
      this.source = text;
      this.growing = true;
      this.restart();
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
      if (REFERENCE.test(this.source)) this.restart(); // links may name addresses that come after them
      this.draw(true);
    },
    // Show the characters from start to end (counted as Python does) as different.
    point_out(start, end) {
      const characters = [...this.source];
      const length = (count) => characters.slice(0, count).join("").length;
      this.pointed = [length(start), length(end)];
      this.restart();
      this.draw(!this.growing);
    },
    restart() {
      this.settled = 0;
      this.tail = null;
      this.thoughts = null;
      this.$el.replaceChildren();
    },
    soon() {
      this.frame ||= requestAnimationFrame(() => {
        this.frame = 0;
        this.draw(false);
      });
    },
    draw(all) {
      const page = document.scrollingElement;
      const following = this.growing && page.scrollHeight - page.scrollTop - innerHeight < FOLLOW;
      const source = this.pointed ? setApart(this.source, ...this.pointed) : this.source;
      const tokens = lex(this.withoutThoughts(source, all).slice(this.settled));
      let last = tokens.length - 1;
      while (last > 0 && tokens[last].type === "space") last--;
      this.tail?.remove();
      this.tail = null;
      for (const token of tokens.slice(0, last + 1)) {
        const growing = !all && token === tokens[last];
        if (token.type !== "space") {
          const element = render(token, !growing);
          this.$el.append(element);
          if (growing) this.tail = element;
        }
        if (!growing) this.settled += token.raw.length;
      }
      if (following) page.scrollTop = page.scrollHeight;
    },
    // Thoughts are folded away; what follows them is the answer.
    withoutThoughts(source, all) {
      const found = THOUGHTS.exec(source);
      if (!found) return source;
      const [whole, opened, closing, unopened, end] = found;
      const text = (opened ?? unopened).trim();
      const ended = Boolean(closing || end);
      if (unopened !== undefined && !this.unopened) {
        this.unopened = true;
        this.restart(); // what looked like the answer was not
      }
      if (text) this.fold(text, ended || all);
      return ended ? source.slice(whole.length) : "";
    },
    fold(text, ended) {
      if (!this.thoughts) {
        const box = document.createElement("details");
        box.className = "md-think";
        const summary = document.createElement("summary");
        this.thoughts = document.createElement("div");
        box.append(summary, this.thoughts);
        this.$el.prepend(box);
      }
      this.thoughts.previousSibling.textContent = ended ? words("Thoughts") : words("Thinking …");
      if (this.thoughts.dataset.length !== String(text.length)) {
        this.thoughts.dataset.length = text.length;
        this.thoughts.textContent = text;
        point(this.thoughts);
      }
    },
  },
};
