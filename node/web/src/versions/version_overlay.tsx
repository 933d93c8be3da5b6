// What lies over the editor while a version is looked at; nothing otherwise.

import { lazy, Suspense } from "react";

import { useOpenDocument } from "../shell/open_document";
import { useLook } from "./look";

const CompareView = lazy(() => import("./compare_view"));

export function VersionOverlay() {
  const { info, session } = useOpenDocument();
  const [look] = useLook(session.doc);
  if (!look || !info) return null;
  return (
    <Suspense>
      <CompareView look={look} />
    </Suspense>
  );
}
