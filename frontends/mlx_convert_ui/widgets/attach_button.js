// A button that adds files to a message; they can be dropped on the page and pasted into it, too.
export default {
  template: `<span class="attach">
    <button ref="button" type="button" class="btn btn-ghost btn-icon" data-icon="image-plus" :aria-label="label"
      :data-tip="reason || tip" :aria-disabled="reason ? 'true' : null" :aria-description="reason || tip"
      :aria-busy="busy ? 'true' : null" @click="press"></button>
    <input ref="files" type="file" multiple hidden :accept="accept" @change="chosen">
  </span>`,
  props: {
    label: { type: String, required: true },
    tip: { type: String, default: "" },
    reason: { type: String, default: "" }, // why nothing can be added; "" when it can
    accept: { type: String, required: true },
    address: { type: String, required: true },
    largest: { type: Number, required: true }, // bytes
  },
  data: () => ({ busy: 0 }),
  mounted() {
    this.listeners = { dragover: this.over, dragleave: this.left, drop: this.dropped, paste: this.pasted };
    for (const [name, act] of Object.entries(this.listeners)) document.addEventListener(name, act);
  },
  beforeUnmount() {
    for (const [name, act] of Object.entries(this.listeners)) document.removeEventListener(name, act);
    delete document.body.dataset.dropping;
  },
  methods: {
    press() {
      if (this.reason) this.$emit("unable");
      else this.$refs.files.click();
    },
    focus() {
      this.$refs.button.focus();
    },
    chosen(event) {
      this.add([...event.target.files]);
      event.target.value = ""; // the same file can be chosen again
    },
    over(event) {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault(); // or the browser leaves the page for the file
      event.dataTransfer.dropEffect = this.reason ? "none" : "copy";
      if (!this.reason) document.body.dataset.dropping = "";
    },
    left(event) {
      if (!event.relatedTarget) delete document.body.dataset.dropping;
    },
    dropped(event) {
      delete document.body.dataset.dropping;
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      this.add([...event.dataTransfer.files]);
    },
    pasted(event) {
      const clip = event.clipboardData;
      if (!clip?.files.length || clip.types.includes("text/plain")) return; // a table is copied with a picture of it
      event.preventDefault();
      this.add([...clip.files]);
    },
    async add(files) {
      if (!files.length) return;
      if (this.reason) {
        this.$emit("unable");
        return;
      }
      this.busy += 1;
      this.$emit("begun");
      for (const file of files) await this.send(file);
      this.busy -= 1;
      this.$emit("ended");
    },
    async send(file) {
      if (file.size > this.largest) {
        this.$emit("too_large", file.name, file.size);
        return;
      }
      try {
        const headers = { "x-name": encodeURIComponent(file.name), "content-type": "application/octet-stream" };
        const answer = await (await fetch(this.address, { method: "POST", headers, body: file })).json();
        if (answer.key) this.$emit("added", answer.key);
        else this.$emit("refused", answer.refused);
      } catch {
        this.$emit("refused", words("{file} can't be read or sent. Add it again.", { file: file.name }));
      }
    },
  },
};
