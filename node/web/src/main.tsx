import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./shell/app";
import "./style/base.css";
import { loadToken } from "./token";

loadToken();
createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
