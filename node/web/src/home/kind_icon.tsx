import { File, FileCode, FileText, Folder } from "lucide-react";

import type { Kind } from "./kinds";

const icons = { rich: FileText, code: FileCode, plain: File, folder: Folder };

export function KindIcon({ kind }: { kind: Kind | "folder" }) {
  const Icon = icons[kind];
  return <Icon data-kind={kind} aria-hidden="true" />;
}
