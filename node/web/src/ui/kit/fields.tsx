import { forwardRef, type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes, type TextareaHTMLAttributes, useId } from "react";

import css from "./kit.module.css";

interface FieldProps {
  label: string;
  hint?: ReactNode;
  /** Why what is in it cannot be taken; said when it appears. */
  problem?: string | null;
}

/** A labelled control: `render` gets what it must carry. */
function Field({ label, hint, problem, render }: FieldProps & { render: (props: { id: string; "aria-describedby"?: string; "aria-invalid"?: true }) => ReactNode }) {
  const id = useId();
  const about = hint || problem ? { "aria-describedby": `${id}-about` } : {};
  return (
    <div className={css.field}>
      <label htmlFor={id}>{label}</label>
      {render({ id, ...about, ...(problem ? { "aria-invalid": true as const } : {}) })}
      {(hint || problem) && (
        <span id={`${id}-about`} className={problem ? css.problem : css.hint} role={problem ? "alert" : undefined}>
          {problem || hint}
        </span>
      )}
    </div>
  );
}

export const TextField = forwardRef<HTMLInputElement, FieldProps & InputHTMLAttributes<HTMLInputElement>>(
  function TextField({ label, hint, problem, ...rest }, ref) {
    return (
      <Field
        {...{ label, hint, problem: problem ?? null }}
        render={(props) => <input ref={ref} className={css.input} type="text" autoComplete="off" {...rest} {...props} />}
      />
    );
  },
);

export const TextArea = forwardRef<HTMLTextAreaElement, FieldProps & TextareaHTMLAttributes<HTMLTextAreaElement>>(
  function TextArea({ label, hint, problem, ...rest }, ref) {
    return (
      <Field
        {...{ label, hint, problem: problem ?? null }}
        render={(props) => <textarea ref={ref} className={css.input} rows={3} {...rest} {...props} />}
      />
    );
  },
);

export function SelectField({ label, hint, problem, children, ...rest }: FieldProps & SelectHTMLAttributes<HTMLSelectElement>) {
  return (
    <Field
      {...{ label, hint, problem: problem ?? null }}
      render={(props) => (
        <select className={`${css.input} ${css.select}`} {...rest} {...props}>
          {children}
        </select>
      )}
    />
  );
}

/** The look of an input for one whose name comes from elsewhere (aria-label). */
export const inputClass = css.input as string;
