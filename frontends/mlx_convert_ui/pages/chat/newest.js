// A button that leads to the end of the page, and is there while that is out of sight.
const NEAR = 240; // pixels from the end that still count as being there

export default {
  template: `<button v-show="away" type="button" @click="go">{{ label }}</button>`,
  props: { label: { type: String, default: "" } },
  data: () => ({ away: false }),
  mounted() {
    addEventListener("scroll", this.look, { passive: true });
    this.growth = new ResizeObserver(this.look);
    this.growth.observe(document.body);
  },
  beforeUnmount() {
    removeEventListener("scroll", this.look);
    this.growth.disconnect();
  },
  methods: {
    look() {
      const page = document.scrollingElement;
      this.away = page.scrollHeight - page.scrollTop - innerHeight > NEAR;
    },
    go() {
      scrollTo(0, document.scrollingElement.scrollHeight);
      document.querySelector(".composer textarea").focus({ preventScroll: true });
    },
  },
};
