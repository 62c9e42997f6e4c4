// A button that copies what it was given when it was drawn, and says how that went.
import { put } from "mlx-clipboard";

export default {
  template: `<button type="button" @click="copy">{{ label }}</button>`,
  props: { text: { type: String, default: "" }, label: { type: String, default: "" } },
  methods: {
    async copy() {
      this.$emit((await put(this.text)) ? "copied" : "refused");
    },
  },
};
