// A notification of the browser when something is done. It is asked for on a click, once; nothing is shown without a yes.
const ASKED = "notifications-asked";

export default {
  template: `<button v-if="offered" type="button" class="btn btn-plain notifier" @click="ask">
    {{ label }}</button>`,
  props: { active: Boolean, news: { type: Object, default: null } },
  data: () => ({ permission: globalThis.Notification?.permission ?? "denied", asked: !!localStorage.getItem(ASKED) }),
  computed: {
    label: () => words("Tell me when it is done"),
    offered() {
      return this.active && this.permission === "default" && !this.asked;
    },
  },
  watch: {
    news(news) {
      if (news) this.tell(news);
    },
  },
  methods: {
    async ask() {
      localStorage.setItem(ASKED, "1");
      this.asked = true;
      this.permission = await Notification.requestPermission();
    },
    tell({ title, text }) {
      if (globalThis.Notification?.permission !== "granted" || !document.hidden) return;
      const note = new Notification(title, { body: text, tag: "mlx-convert" }); // one, however many tabs are open
      note.onclick = () => { window.focus(); note.close(); };
    },
  },
};
