import { getSchema } from "@tiptap/core";
import StarterKit from "@tiptap/starter-kit";

export const schema = getSchema([StarterKit]);
