// How much of a toolbar fits a width, in pixels of rich_editor.module.css.

const button = 32;
const gap = 2;
const divider = 9 + gap;
const styleMenu = 140;

/** How many tools of each group, in their order, stand side by side in `width`. */
export function toolsThatFit(groups: readonly number[], width: number): number[] {
  // The menu of styles in front and that of the rest at the end are always there.
  let left = width - (styleMenu + gap + divider + button);
  return groups.map((count) => {
    const fitting = Math.max(0, Math.min(count, Math.floor((left - divider) / (button + gap))));
    // What comes after one that did not fit must not come before it.
    left = fitting < count ? 0 : left - divider - count * (button + gap);
    return fitting;
  });
}
