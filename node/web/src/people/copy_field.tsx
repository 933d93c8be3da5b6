import { Check, Copy, QrCode as QrIcon } from "lucide-react";
import { useEffect, useRef, useState } from "react";

import { people } from "../strings/people";
import { Button, IconButton, inputClass, toast } from "../ui/kit";
import { QrCode } from "./qr_code";
import css from "./share.module.css";

/** Something to pass on, with buttons to copy it and to show it to a camera. */
export function CopyField({ label, text, qr = true }: { label: string; text: string; qr?: boolean }) {
  const [copied, setCopied] = useState(false);
  const [shown, setShown] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = () => {
    // Absent where the page came over plain HTTP from elsewhere.
    const done: Promise<void> = navigator.clipboard?.writeText(text) ?? Promise.reject(new Error());
    done.then(
      () => setCopied(true),
      () => {
        input.current?.select();
        toast(people.share.copyFailed);
      },
    );
  };
  return (
    <div className={css.copyField}>
      <div className={css.copyLine}>
        <input ref={input} className={inputClass} readOnly aria-label={label} value={text} onFocus={(event) => event.target.select()} />
        <Button onClick={copy}>
          {copied ? <Check aria-hidden="true" /> : <Copy aria-hidden="true" />}
          <span aria-live="polite">{copied ? people.share.copied : people.share.copy}</span>
        </Button>
        {qr && (
          <IconButton label={people.share.showQr} aria-expanded={shown} onClick={() => setShown(!shown)}>
            <QrIcon />
          </IconButton>
        )}
      </div>
      {shown && <QrCode text={text} label={people.share.qrOf(label)} />}
    </div>
  );
}
