// Line icons, 16 px, drawn in the colour of the text beside them. Decorative: labels are in words.

const icon = (path: string) =>
  function Icon() {
    return (
      <svg className="icon" viewBox="0 0 16 16" aria-hidden="true">
        <path d={path} />
      </svg>
    );
  };

export const Plus = icon("M8 3v10M3 8h10");
export const Back = icon("M10 3 5 8l5 5");
export const Search = icon("M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10Zm3.6-1.4L14 14");
export const Page = icon("M4 2h5l3 3v9H4Zm5 0v3h3");
export const Close = icon("m4 4 8 8M12 4l-8 8");
export const Check = icon("m3 8.5 3 3 7-7");
export const Clock = icon("M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12Zm0-9v3l2 1.5");
export const Warning = icon("M8 2.5 14.5 13.5h-13Zm0 4v3.5m0 1.7v.1");

export function Logo() {
  return <img className="logo" src="./icon.svg" alt="" width="26" height="26" />;
}
