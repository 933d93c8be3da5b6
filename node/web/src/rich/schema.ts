import { getSchema } from "@tiptap/core";
import type { Schema } from "@tiptap/pm/model";

import { contentExtensions } from "./content";
import type { Attributes } from "./inspect";
import { keepAttributes } from "./kept_attributes";

/** What an editor may hold that keeps these attributes of others. */
export const schemaOf = (kept: Attributes): Schema => getSchema([...contentExtensions(), keepAttributes(kept)]);
