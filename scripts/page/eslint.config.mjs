/* Faults that the types do not show: names that are not there, code that is never reached, variables that nothing reads. */

const names = (text) => Object.fromEntries(text.split(" ").map((name) => [name, "readonly"]));

const BROWSER = names("window document navigator Worker OffscreenCanvas HTMLCanvasElement MutationObserver ResizeObserver "
  + "IntersectionObserver MessageChannel CustomEvent Event DOMException URL URLSearchParams Blob Image XMLHttpRequest "
  + "AbortSignal fetch atob btoa self performance requestAnimationFrame cancelAnimationFrame queueMicrotask setTimeout "
  + "structuredClone WebAssembly globalThis TextDecoder console clearTimeout Request ImageData DOMParser XMLSerializer");

export default [{
  files: ["**/*.mjs", "**/*.js"],
  languageOptions: { ecmaVersion: "latest", sourceType: "module", globals: BROWSER },
  rules: {
    "no-undef": "error", "no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_", ignoreRestSiblings: true }],
    "no-unreachable": "error", "no-redeclare": "error", "no-dupe-keys": "error", "no-dupe-class-members": "error",
    "no-const-assign": "error", "no-self-assign": "error", "no-fallthrough": "error", "no-constant-condition": ["error", { checkLoops: false }],
    "no-var": "error", "prefer-const": "error", eqeqeq: "error", "no-implicit-globals": "error", "no-shadow": "off",
    "use-isnan": "error", "valid-typeof": "error", "no-unsafe-finally": "error", "no-empty": "error",
  },
}];
