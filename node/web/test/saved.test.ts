import { describe, expect, it } from "vitest";

import { SavedTracker } from "../src/saved";

/** A tracker as it is after connecting to a node that answered at once. */
function connected(): SavedTracker {
  const tracker = new SavedTracker();
  tracker.opened();
  tracker.synced();
  tracker.answeredSync();
  tracker.confirmed(1);
  return tracker;
}

describe("SavedTracker", () => {
  it("knows nothing before the document has been loaded", () => {
    const tracker = new SavedTracker();
    expect(tracker.state).toBe("loading");
    tracker.opened();
    expect(tracker.state).toBe("loading");
    tracker.synced();
    expect(tracker.state).toBe("saved");
  });

  it("is saving from an edit until the node confirms that very edit", () => {
    const tracker = connected();
    tracker.edited(true);
    tracker.edited(true);
    expect(tracker.state).toBe("saving");
    expect(tracker.unsaved).toBe(true);
    tracker.confirmed(2);
    expect(tracker.state).toBe("saving");
    tracker.confirmed(3);
    expect(tracker.state).toBe("saved");
    expect(tracker.unsaved).toBe(false);
  });

  it("says that changes are only in this tab when the connection drops before they are durable", () => {
    const tracker = connected();
    tracker.edited(true);
    tracker.closed();
    expect(tracker.state).toBe("offline-unsaved");
    expect(tracker.unsaved).toBe(true);
  });

  it("does not cry wolf when everything had been saved before the connection dropped", () => {
    const tracker = connected();
    tracker.edited(true);
    tracker.confirmed(2);
    tracker.closed();
    expect(tracker.state).toBe("offline");
    expect(tracker.unsaved).toBe(false);
  });

  it("does not take a confirmation on a new connection for one of what was edited before it", () => {
    const tracker = connected();
    tracker.edited(true);
    tracker.closed();
    tracker.edited(false);
    tracker.opened();
    // An edit that goes out before the sync step 2, which alone carries the earlier ones.
    tracker.edited(true);
    tracker.confirmed(1);
    expect(tracker.state).toBe("saving");
    tracker.answeredSync();
    expect(tracker.state).toBe("saving");
    tracker.confirmed(2);
    expect(tracker.state).toBe("saved");
  });

  it("ignores the counts of earlier connections and counts that go back", () => {
    const tracker = connected();
    for (let i = 0; i < 5; ++i) tracker.edited(true);
    tracker.confirmed(6);
    tracker.closed();
    tracker.opened();
    tracker.answeredSync();
    tracker.edited(true);
    tracker.confirmed(1);
    tracker.confirmed(0);
    expect(tracker.state).toBe("saving");
    tracker.confirmed(2);
    expect(tracker.state).toBe("saved");
  });
});
