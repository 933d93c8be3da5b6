// The parts that all of the page is made of.

export { Button, type ButtonLook, IconButton } from "./buttons";
export { Drawer } from "./drawer";
export { inputClass, SelectField, TextArea, TextField } from "./fields";
export { MenuAt } from "./menu_at";
export { Dialog, Menu, MenuItem, MenuLine, MenuTitle, Popover } from "./overlays";
export { ago, Avatar, Dot, Empty, fullTime, Notice, Time, type Tone } from "./shown";
export { TabContent, Tabs } from "./tabs";
export { toast, toastError, Toasts } from "./toasts";
export { Tip, Tips } from "./tooltip";
