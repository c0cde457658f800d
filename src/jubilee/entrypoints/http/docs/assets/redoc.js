import { init } from "./redoc-ui.js";

const place = document.getElementById("redoc");

init(place.dataset.document, { disableTelemetry: true }, place);
