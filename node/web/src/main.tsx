import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { registerServiceWorker } from "./offline/register";
import { App } from "./shell/app";
import "./style/base.css";
import { loadToken } from "./token";

loadToken();
registerServiceWorker();
createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
