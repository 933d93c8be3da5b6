// How much of a toolbar fits a width, in pixels of rich_editor.module.css.

const button = 32;
const gap = 2;
const divider = 9 + gap;
const styleMenu = 140;

/** How many of the groups, which have so many buttons each, stand side by side in `width`. */
export function groupsThatFit(groups: readonly number[], width: number): number {
  // The menu of styles in front and that of the rest at the end are always there.
  let used = styleMenu + divider + button;
  let fitting = 0;
  for (const count of groups) {
    used += divider + gap + count * (button + gap);
    if (used > width) break;
    fitting += 1;
  }
  return fitting;
}
