// The turns of a conversation. When earlier ones are put before them, what is being read stays where it is: of the
// browsers only some see to that by themselves.
export default {
  template: `<div><slot></slot></div>`,
  beforeUpdate() {
    const turn = this.$el.querySelector("article");
    this.first = turn && { turn, top: turn.getBoundingClientRect().top };
  },
  updated() {
    const { turn, top } = this.first ?? {};
    if (turn?.isConnected && turn !== this.$el.querySelector("article")) scrollBy(0, turn.getBoundingClientRect().top - top);
  },
};
