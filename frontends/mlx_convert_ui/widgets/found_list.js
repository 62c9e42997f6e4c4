// A list of options below a text field, as ARIA's combobox has it: the field keeps the focus, arrow keys mark an option,
// Enter takes it, and with Shift opens what tells more about it. All of that is done here: no key waits for the server, and the field is not drawn anew while one types.
export default {
  template: `<div role="listbox" class="found" @click="clicked"><slot></slot></div>`,
  props: { field: { type: String, required: true }, first: Boolean, words: String },
  mounted() {
    this.input = document.querySelector(this.field);
    this.input?.removeAttribute("list"); // NiceGUI names a list of its own there, which is not, and which rules out ours
    this.input?.addEventListener("keydown", this.key);
    this.watcher = new MutationObserver(this.drawn);
    this.watcher.observe(this.$el, { childList: true, subtree: true });
    this.drawn();
  },
  beforeUnmount() {
    this.watcher.disconnect();
    this.input?.removeEventListener("keydown", this.key);
  },
  methods: {
    options() {
      return [...this.$el.querySelectorAll("[role=option]")];
    },
    drawn() {
      this.input?.setAttribute("aria-expanded", String(this.options().length > 0));
      this.mark((this.first && this.options()[0]) || null);
    },
    mark(chosen) {
      for (const option of this.options()) {
        const wanted = String(option === chosen);
        if (option.getAttribute("aria-selected") !== wanted) option.setAttribute("aria-selected", wanted);
      }
      if (chosen) {
        this.input?.setAttribute("aria-activedescendant", chosen.id);
        chosen.scrollIntoView({ block: "nearest" });
      } else this.input?.removeAttribute("aria-activedescendant");
    },
    // An option with a key is told by that and by what it was drawn for: who types on gets what stands there by then.
    take(option, more) {
      if (option.dataset.key) this.$emit("choose", { key: option.dataset.key, words: this.words });
      else (more ? option.querySelector(".found-more") : option)?.click();
    },
    clicked(event) {
      const option = event.target.closest("[data-key]");
      if (option) this.take(option, false);
    },
    key(event) {
      if (event.isComposing || event.altKey || event.ctrlKey || event.metaKey) return;
      const options = this.options();
      const at = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
      if (event.key === "ArrowDown" && options.length) this.mark(options[(at + 1) % options.length]);
      else if (event.key === "ArrowUp" && options.length) this.mark(options.at(at <= 0 ? -1 : at - 1));
      else if (event.key === "Enter" && at >= 0) this.take(options[at], event.shiftKey);
      else if (event.key === "Escape" && at >= 0) this.mark(null);
      else return;
      event.preventDefault();
    },
  },
};
