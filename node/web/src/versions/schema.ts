import { getSchema } from "@tiptap/core";
import Image from "@tiptap/extension-image";
import { TaskItem, TaskList } from "@tiptap/extension-list";
import { TableKit } from "@tiptap/extension-table";
import StarterKit from "@tiptap/starter-kit";

/** What rich text of another time may hold. */
export const schema = getSchema([StarterKit, Image, TableKit, TaskList, TaskItem]);
