export { marked } from "./marked.min.js";
export { default as hljs } from "./highlight.min.js";
