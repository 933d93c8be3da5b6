import { describe, expect, it } from "vitest";

import { dayTitle, momentTitle } from "../src/versions/labels";

const at = (...date: [number, number, number, number, number]) => new Date(...date).getTime();
const now = at(2026, 10, 22, 0, 30);

describe("days", () => {
  it("are today and yesterday by the calendar, not by hours", () => {
    expect(dayTitle(at(2026, 10, 22, 0, 10), now)).toBe("Today");
    expect(dayTitle(at(2026, 10, 21, 23, 50), now)).toBe("Yesterday");
    expect(dayTitle(at(2026, 10, 20, 23, 50), now)).toBe("Friday, November 20");
    expect(dayTitle(at(2025, 10, 20, 12, 0), now)).toBe("November 20, 2025");
  });
});

describe("moments", () => {
  it("say the day only where it is another", () => {
    expect(momentTitle(at(2026, 10, 22, 14, 5), now)).toMatch(/^2:05\sPM$/);
    expect(momentTitle(at(2026, 10, 20, 14, 5), now)).toMatch(/^Nov 20, 2:05\sPM$/);
    expect(momentTitle(at(2025, 10, 20, 14, 5), now)).toMatch(/^Nov 20, 2025, 2:05\sPM$/);
  });
});
