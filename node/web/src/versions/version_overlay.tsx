// What lies over the editor while a version is looked at; nothing otherwise.

import { lazy, Suspense, useEffect } from "react";

import { useOpenDocument } from "../shell/open_document";
import { useLook } from "./look";

const CompareView = lazy(() => import("./compare_view"));

export function VersionOverlay() {
  const { info, session } = useOpenDocument();
  const [look, setLook] = useLook(session.doc);
  // Whoever comes back to the document comes back to what it is now.
  useEffect(() => () => setLook(null), [setLook]);
  if (!look || !info) return null;
  return (
    <Suspense>
      <CompareView look={look} />
    </Suspense>
  );
}
