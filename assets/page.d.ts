/* What the page's scripts use beyond the standard: globals of Dash and Plotly, and the graphs that Plotly draws. */

interface Window {
  dash_clientside: any;
  dash_ag_grid: any;
  dashAgGridComponentFunctions: any;
  Plotly: any;
  React: any;
  hmmrnnLive: any;
  hmmrnnLinked: any;
  hmmrnnTimeline: any;
}

interface Navigator { getBattery?: () => Promise<any> }

/* Events come from elements, here. */
interface EventTarget {
  closest(selectors: string): any;
  matches(selectors: string): boolean;
}

/* A form's field, a card, or a graph of Plotly: which one it is, its selector says. */
interface Element {
  hidden: boolean;
  dataset: DOMStringMap;
  style: CSSStyleDeclaration;
  disabled: boolean;
  value: any;
  checked: boolean;
  open: boolean;
  neurons: number[] | null;
  target: string;
  focus(options?: FocusOptions): void;
  blur(): void;
  click(): void;
  on(event: string, act: (event: any) => void): void;
  once(event: string, act: (event: any) => void): void;
  data: any[];
  layout: any;
  _fullLayout: any;
  _fullData: any[];
  _hoverdata: any[];
}
