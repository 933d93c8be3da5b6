/** How a number of things that wait is shown where there is room for a few digits. */
export const countText = (count: number): string => (count > 99 ? "99+" : String(count));
