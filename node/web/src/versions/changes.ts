/** The differences that are shown, to go from one to the next. */
export interface Changes {
  count: number;
  /** Scrolls to one and marks it, from 0 on. */
  show: (index: number) => void;
}
