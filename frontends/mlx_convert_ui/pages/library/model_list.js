// The table of the library. It may have ten thousand lines: only those on the screen and some around them are drawn, and
// only these are here at all; others are asked for when they come into sight. A line is a model or the heading of a group,
// and all lines of a kind are equally high, so that the place of each is known. (Quasar's virtual scroll is not used: it
// takes the focus from a line whenever it draws others.) All text comes from the server.
const PIECE = 50; // lines that are asked for at once
const AROUND = 500; // pixels above and below the screen that are drawn, too
const KEPT = "library-at"; // where the list was left, for who comes back

export default {
  template: `
    <table class="models" role="table" :aria-label="words.table" :aria-rowcount="total + 1" @keydown="key">
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
      <tbody ref="body" role="rowgroup">
        <tr class="list-room" aria-hidden="true"><td :style="{ height: offset(start) + 'px' }"></td></tr>
        <template v-for="index in shown" :key="index">
          <tr v-if="!lines[index]" class="list-line list-waits" role="row"><td role="cell" :colspan="columns.length + 2"></td></tr>
          <tr v-else-if="lines[index].ids" class="list-group" role="row" :data-line="index"
            :aria-rowindex="index + 2">
            <td role="cell" class="list-pick">
              <input type="checkbox" data-stop="pick" :aria-label="said(words.pickGroup, lines[index].name)"
                :checked="lines[index].ids.every((id) => picked.has(id))" @click="pick($event, index)">
            </td>
            <th scope="rowgroup" role="rowheader" :colspan="columns.length + 1" dir="auto">
              {{ lines[index].name }} <span class="muted">{{ lines[index].about }}</span>
            </th>
          </tr>
          <tr v-else class="list-line" role="row" :data-line="index" :aria-rowindex="index + 2"
            :class="{ missing: lines[index].missing, picked: picked.has(lines[index].id) }">
            <td role="cell" class="list-pick">
              <input type="checkbox" data-stop="pick" :aria-label="said(words.pick, lines[index].name)"
                :checked="picked.has(lines[index].id)" @click="pick($event, index)">
            </td>
            <th scope="row" role="rowheader" class="list-name">
              <a class="list-strong cut-name" data-stop="open" :href="lines[index].address" :title="lines[index].path" dir="auto"
                ><span>{{ lines[index].cut[0] }}</span><span>{{ lines[index].cut[1] }}</span></a>
              <span class="list-second">
                <span v-for="badge in lines[index].badges" :key="badge.text" :class="'badge badge-' + badge.tone"
                  :data-icon="badge.icon || null">{{ badge.text }}</span>
                <span class="list-about" dir="auto" :title="lines[index].about">{{ lines[index].about }}</span>
              </span>
            </th>
            <td v-for="column in columns.slice(1)" :key="column.key" role="cell" :class="{ number: column.number }"
              :data-name="column.label">{{ lines[index][column.key].text || "–" }}<span v-if="lines[index][column.key].more"
              class="fit-word" :data-fit="lines[index][column.key].verdict" :title="lines[index][column.key].tip">{{ lines[index][column.key].more }}</span></td>
            <td role="cell" class="list-acts">
              <button v-for="action in lines[index].missing ? words.ofMissing : words.ofModel" :key="action.key" type="button"
                :id="action.key + '-' + lines[index].id" :data-stop="action.key" :data-icon="action.icon"
                :class="['btn', 'btn-small', action.label ? 'btn-plain' : 'btn-ghost btn-icon']"
                :aria-label="said(action.said, lines[index].name)" :data-tip="action.label ? null : action.tip"
                :aria-haspopup="action.menu ? 'menu' : null"
                @click="$emit('act', { what: action.key, id: lines[index].id })">{{ action.label }}</button>
            </td>
          </tr>
        </template>
        <tr class="list-room" aria-hidden="true"><td :style="{ height: offset(total) - offset(end) + 'px' }"></td></tr>
      </tbody>
    </table>`,
  props: { columns: Array, words: Object, view: Object },
  data() {
    return { lines: {}, picked: new Set(), total: 0, found: 0, start: 0, end: 0, heights: { line: 62, group: 36 } };
  },
  computed: {
    shown() {
      return Array.from({ length: this.end - this.start }, (_, place) => this.start + place);
    },
  },
  created() {
    this.asked = new Set(); // pieces that are on their way
    this.last = null; // the line that was picked last, for a span with Shift
    this.show();
    this.end = Math.min(this.total, 20);
  },
  async mounted() {
    addEventListener("scroll", this.look, { passive: true });
    addEventListener("resize", this.look);
    await this.$nextTick();
    const left = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
    const [navigation] = performance.getEntriesByType("navigation");
    if (left?.address === this.address() && left.index && navigation?.type !== "navigate") {
      this.measure();
      this.look();
      await this.$nextTick(); // the room below is there now, without which it could not be scrolled to
      this.scroll(left.index);
    } else this.look();
  },
  beforeUnmount() {
    removeEventListener("scroll", this.look);
    removeEventListener("resize", this.look);
  },
  watch: {
    view(now, before) {
      if (now.version === before.version) return;
      this.show();
      this.look();
      if (now.asked !== before.asked) this.rewind();
    },
  },
  methods: {
    show() {
      const { version, total, found, groups, start, lines, picked } = this.view;
      this.version = version;
      this.asked.clear();
      this.lines = {};
      this.total = total;
      this.found = found;
      this.groups = groups;
      this.last = null;
      this.picked = new Set(picked);
      this.take(version, start, lines);
    },
    take(version, start, lines) {
      if (version !== this.version) return;
      lines.forEach((line, place) => (this.lines[start + place] = line));
    },
    mark(picked) {
      this.picked = new Set(picked);
    },
    // Where a line begins, in pixels below the first one.
    offset(index) {
      return index * this.heights.line + this.before(index) * (this.heights.group - this.heights.line);
    },
    // How many headings stand before a line.
    before(index) {
      let [low, high] = [0, this.groups.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (this.groups[middle] < index) low = middle + 1;
        else high = middle;
      }
      return low;
    },
    // The last line that begins at or above so many pixels.
    at(y) {
      let [low, high] = [0, this.total];
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (this.offset(middle) <= y) low = middle;
        else high = middle - 1;
      }
      return low;
    },
    measure() {
      const line = this.$el.querySelector(".list-line:not(.list-waits)");
      const group = this.$el.querySelector(".list-group");
      const heights = { line: line?.offsetHeight || this.heights.line, group: group?.offsetHeight || this.heights.group };
      if (heights.line !== this.heights.line || heights.group !== this.heights.group) this.heights = heights;
    },
    top() {
      return this.$refs.body.getBoundingClientRect().top;
    },
    // Draw what is on the screen now, and ask for what of it is not here.
    look() {
      if (!this.$refs.body) return;
      this.measure();
      const y = -this.top();
      this.draw(this.at(y - AROUND), this.at(y + innerHeight + AROUND) + 1);
      sessionStorage.setItem(KEPT, JSON.stringify({ address: this.address(), index: y > 0 ? this.at(y) : 0 }));
    },
    draw(start, end) {
      this.start = Math.max(0, start);
      this.end = Math.min(this.total, Math.max(end, this.start));
      for (let piece = Math.floor(this.start / PIECE) * PIECE; piece < this.end; piece += PIECE) this.ask(piece);
    },
    ask(start) {
      const end = Math.min(this.total, start + PIECE);
      if (this.asked.has(start) || (this.lines[start] && this.lines[end - 1])) return;
      this.asked.add(start);
      this.$emit("need", { version: this.version, start, count: PIECE });
    },
    scroll(index) {
      scrollBy(0, this.top() + this.offset(index));
      this.look();
    },
    // To the first line, for who looks at other ones than before.
    rewind() {
      const top = this.$el.getBoundingClientRect().top;
      if (top < 0) scrollBy(0, top);
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
    key(event) {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      const stop = event.target.dataset?.stop;
      const row = event.target.closest?.("[data-line]");
      if (!step || !stop || !row || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      this.go(Number(row.dataset.line) + step, stop, step);
    },
    // To the same control of the next line that has it.
    go(index, stop, step) {
      for (; index >= 0 && index < this.total; index += step) {
        const row = this.$el.querySelector(`[data-line="${index}"]`);
        if (!row) return;
        const control = row.querySelector(`[data-stop="${stop}"]`);
        if (!control) continue;
        control.focus({ preventScroll: true });
        row.scrollIntoView({ block: "nearest" });
        return;
      }
    },
  },
};
