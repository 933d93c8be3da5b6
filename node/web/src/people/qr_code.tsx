import qrcode from "qrcode-generator";
import { useMemo } from "react";

import css from "./share.module.css";

const quietModules = 4;

/** Dark on light whatever the theme is, as cameras want it. */
export function QrCode({ text, label }: { text: string; label: string }) {
  const { size, path } = useMemo(() => {
    const code = qrcode(0, "L");
    code.addData(text);
    code.make();
    const count = code.getModuleCount();
    const squares: string[] = [];
    for (let row = 0; row < count; row++) {
      for (let column = 0; column < count; column++) {
        if (code.isDark(row, column)) squares.push(`M${column + quietModules} ${row + quietModules}h1v1h-1z`);
      }
    }
    return { size: count + 2 * quietModules, path: squares.join("") };
  }, [text]);
  return (
    <svg className={css.qr} viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shapeRendering="crispEdges">
      <path d={path} />
    </svg>
  );
}
