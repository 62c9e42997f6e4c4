// Ctrl-K, on a Mac Command-K: there Ctrl-K deletes to the end of a line. While a dialog is open it keeps the keyboard.
export default {
  template: `<span hidden></span>`,
  mounted() {
    addEventListener("keydown", this.key);
  },
  beforeUnmount() {
    removeEventListener("keydown", this.key);
  },
  methods: {
    key(event) {
      const apple = /Mac|iPhone|iPad/.test(navigator.platform);
      const held = apple ? event.metaKey && !event.ctrlKey : event.ctrlKey && !event.metaKey;
      if (!held || event.shiftKey || event.altKey || event.key.toLowerCase() !== "k") return;
      event.preventDefault(); // browsers search the web with it
      if (!event.repeat && !document.querySelector(".q-dialog")) this.$emit("pressed");
    },
  },
};
