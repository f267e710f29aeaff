/** Who takes a slot next (§12 II): a heap, because every visit assigned changes one inspector's load and card. */

/** A heap of {load, card, inspector}: the smallest load first, then the smallest card, then the smallest inspector. */
export class Heap {
  constructor() {
    this.items = [];
  }

  static less(a, b) {
    if (a.load !== b.load) return a.load < b.load;
    if (a.card !== b.card) return a.card < b.card;
    return a.inspector < b.inspector;
  }

  push(item) {
    const { items } = this;
    let at = items.length;
    items.push(item);
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!Heap.less(item, items[above])) break;
      items[at] = items[above];
      at = above;
    }
    items[at] = item;
  }

  pop() {
    const { items } = this;
    const top = items[0];
    const last = items.pop();
    if (items.length === 0) return top;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= items.length) break;
      if (below + 1 < items.length && Heap.less(items[below + 1], items[below])) below += 1;
      if (!Heap.less(items[below], last)) break;
      items[at] = items[below];
      at = below;
    }
    items[at] = last;
    return top;
  }
}
