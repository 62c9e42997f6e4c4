// The table of the library. It may have ten thousand lines: only those on the screen are drawn (Quasar's virtual scroll),
// and only those and some around them are here at all; others are asked for when they come into sight.
// A line is a model or the heading of a group. All text comes from the server.
const PIECE = 50; // lines that are asked for at once
const KEPT = "library-at"; // where the list was left, for who comes back

export default {
  template: `
    <q-virtual-scroll ref="scroll" type="table" scroll-target="body" class="models" :items-size="total"
      :items-fn="items" :virtual-scroll-item-size="62" :virtual-scroll-slice-size="16" :virtual-scroll-slice-ratio-before="0.5" :virtual-scroll-slice-ratio-after="0.5"
      @virtual-scroll="keep" @keydown="key">
      <template #before>
        <thead role="rowgroup">
          <tr role="row" aria-rowindex="1">
            <th scope="col" role="columnheader" class="list-pick">
              <input type="checkbox" :aria-label="words.all" :checked="found > 0 && picked.size === found"
                :indeterminate.prop="picked.size > 0 && picked.size < found" @change="$emit('all', $event.target.checked)">
            </th>
            <th v-for="column in columns" :key="column.key" scope="col" role="columnheader"
              :class="{ number: column.number }" :aria-sort="direction(column)">
              <button type="button" class="list-sort" @click="$emit('sort', column.key)">{{ column.label }}</button>
            </th>
            <th scope="col" role="columnheader"><span class="unseen">{{ words.actions }}</span></th>
          </tr>
        </thead>
      </template>
      <template #default="{ item, index }">
        <tr v-if="!item.line" :key="index" class="list-waits" role="row"><td role="cell" :colspan="columns.length + 2"></td></tr>
        <tr v-else-if="item.line.ids" :key="item.line.key" class="list-group" role="row" :data-line="index"
          :aria-rowindex="index + 2">
          <td role="cell" class="list-pick">
            <input type="checkbox" data-stop="pick" :aria-label="said(words.pickGroup, item.line.name)"
              :checked="item.line.ids.every((id) => picked.has(id))" @click="pick($event, index)">
          </td>
          <th scope="rowgroup" role="rowheader" :colspan="columns.length + 1" dir="auto">
            {{ item.line.name }} <span class="muted">{{ item.line.about }}</span>
          </th>
        </tr>
        <tr v-else :key="item.line.key" role="row" :data-line="index" :aria-rowindex="index + 2"
          :class="{ missing: item.line.missing, picked: picked.has(item.line.id) }">
          <td role="cell" class="list-pick">
            <input type="checkbox" data-stop="pick" :aria-label="said(words.pick, item.line.name)"
              :checked="picked.has(item.line.id)" @click="pick($event, index)">
          </td>
          <th scope="row" role="rowheader" class="list-name">
            <span class="list-title">
              <a class="list-strong" data-stop="open" :href="item.line.address" :title="item.line.path" dir="auto">{{ item.line.name }}</a>
              <span v-for="badge in item.line.badges" :key="badge.text" :class="'badge badge-' + badge.tone"
                :data-icon="badge.icon || null">{{ badge.text }}</span>
            </span>
            <span v-for="about in item.line.about" :key="about" class="list-about" dir="auto" :title="about">{{ about }}</span>
          </th>
          <td v-for="column in columns.slice(1)" :key="column.key" role="cell" :class="{ number: column.number }"
            :data-name="column.label">{{ item.line[column.key].text || "–" }}<span v-if="item.line[column.key].more"
            class="fit-word" :data-fit="item.line[column.key].verdict" :title="item.line[column.key].tip">{{ item.line[column.key].more }}</span></td>
          <td role="cell" class="list-acts">
            <button v-for="action in item.line.missing ? words.ofMissing : words.ofModel" :key="action.key" type="button"
              :id="action.key + '-' + item.line.id" :data-stop="action.key" :data-icon="action.icon"
              :class="['btn', 'btn-small', action.label ? 'btn-plain' : 'btn-ghost btn-icon']"
              :aria-label="said(action.said, item.line.name)" :data-tip="action.label ? null : action.tip"
              :aria-haspopup="action.menu ? 'menu' : null"
              @click="$emit('act', { what: action.key, id: item.line.id })">{{ action.label }}</button>
          </td>
        </tr>
      </template>
    </q-virtual-scroll>`,
  props: { columns: Array, words: Object, view: Object },
  data() {
    return { lines: {}, picked: new Set(), total: 0, found: 0 };
  },
  created() {
    this.asked = new Set(); // pieces that are on their way
    this.last = null; // the line that was picked last, for a span with Shift
    this.show();
  },
  mounted() {
    const table = this.$el.querySelector("table");
    table.setAttribute("role", "table");
    table.setAttribute("aria-label", this.words.table);
    this.count();
    const left = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
    const [navigation] = performance.getEntriesByType("navigation");
    if (left?.address === this.address() && left.index && navigation?.type !== "navigate")
      this.$nextTick(() => this.$refs.scroll.scrollTo(left.index, "start"));
  },
  watch: {
    view() {
      this.show();
      this.count();
      this.$nextTick(() => this.$refs.scroll?.reset());
    },
  },
  methods: {
    show() {
      const { version, total, found, start, lines, picked } = this.view;
      this.version = version;
      this.asked.clear();
      this.lines = {};
      this.total = total;
      this.found = found;
      this.last = null;
      this.picked = new Set(picked);
      this.take(version, start, lines);
    },
    count() {
      this.$el.querySelector("table").setAttribute("aria-rowcount", this.total + 1);
    },
    take(version, start, lines) {
      if (version !== this.version) return;
      lines.forEach((line, place) => (this.lines[start + place] = line));
    },
    mark(picked) {
      this.picked = new Set(picked);
    },
    items(from, size) {
      const items = [];
      for (let index = from; index < from + size; index++) {
        const line = this.lines[index];
        if (!line) this.ask(Math.floor(index / PIECE) * PIECE);
        items.push({ line });
      }
      return items;
    },
    ask(start) {
      if (this.asked.has(start)) return;
      this.asked.add(start);
      this.$emit("need", { version: this.version, start, count: PIECE });
    },
    pick(event, index) {
      const from = event.shiftKey && this.last !== null ? this.last : index;
      this.last = index;
      this.$emit("pick", { version: this.version, from: Math.min(from, index), to: Math.max(from, index), on: event.target.checked });
    },
    direction(column) {
      return column.key === this.view.order ? this.view.direction : null;
    },
    said(text, name) {
      return text.replace("{name}", () => name);
    },
    address() {
      return location.pathname + location.search;
    },
    keep({ index }) {
      sessionStorage.setItem(KEPT, JSON.stringify({ address: this.address(), index }));
    },
    key(event) {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      const stop = event.target.dataset?.stop;
      const row = event.target.closest?.("[data-line]");
      if (!step || !stop || !row || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      this.go(Number(row.dataset.line) + step, stop, step);
    },
    // The same control of the next line that has it; what is not drawn yet is scrolled to first.
    go(index, stop, step, tries = 3) {
      if (index < 0 || index >= this.total) return;
      const row = this.$el.querySelector(`[data-line="${index}"]`);
      const control = row?.querySelector(`[data-stop="${stop}"]`);
      if (control) {
        control.focus();
        control.scrollIntoView({ block: "nearest" });
      } else if (row) this.go(index + step, stop, step, tries);
      else if (tries) {
        this.$refs.scroll.scrollTo(index);
        setTimeout(() => this.go(index, stop, step, tries - 1), 80);
      }
    },
  },
};
