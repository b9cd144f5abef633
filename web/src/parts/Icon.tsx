// The icons: 16 by 16, drawn with lines in the colour of the text. They stand beside words, so they are hidden from
// screen readers.
const shapes = {
  overview: "M2 9h3l2-5 3 8 2-3h2",
  deploy: "M8 10.5V2.5M4.8 5.5 8 2.3l3.2 3.2M2.5 10v3h11v-3",
  topics: "M2.5 4h11M2.5 8h7M2.5 12h4M12.5 9.5v4M10.5 11.5h4",
  clients: "M2.5 3h11v7h-11zM6 13h4M8 10v3",
  deadLetters: "M2 4h12v8H2zM2 4l6 4.5L14 4M6 14.5h4",
  buckets: "M2.5 4c0-2.3 11-2.3 11 0s-11 2.3-11 0zM2.5 4l1.3 8.5c.3 1.6 8.1 1.6 8.4 0L13.5 4",
  access: "M5.5 10.5a3 3 0 1 1 2.6-4.5H14v3h-2v-1.5M8.1 9a3 3 0 0 1-2.6 1.5",
  settings: "M2 5h6M12 5h2M2 11h2M8 11h6M10 3v4M6 9v4",
  check: "M3 8.5 6.5 12 13 4.5",
  cross: "M4 4l8 8M12 4l-8 8",
  warning: "M8 2.2 14.5 13.5h-13zM8 6.5v3M8 11.5v.3",
  info: "M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8zM8 7.2v4M8 4.8v.3",
  dot: "M8 6.5v3M6.5 8h3",
  http: "M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8zM2 8h12M8 1.8c-4 4-4 8.4 0 12.4M8 1.8c4 4 4 8.4 0 12.4",
  mqtt: "M3 13V9.5A3.5 3.5 0 0 1 6.5 13zM3 6a7 7 0 0 1 7 7M3 2.5A10.5 10.5 0 0 1 13.5 13",
  schedule: "M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8zM8 4.5V8l2.5 1.8",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.3 10.3 14 14",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  pause: "M5 3v10M11 3v10",
  play: "M4.5 2.5v11l9-5.5z",
  up: "M8 13V3M4 7l4-4 4 4",
  down: "M8 3v10M4 9l4 4 4-4",
  menu: "M2 4h12M2 8h12M2 12h12",
  signOut: "M6.5 2.5h-4v11h4M7 8h7M11 5l3 3-3 3",
  keyboard: "M1.5 4h13v8h-13zM4 6.5h.1M6.6 6.5h.1M9.2 6.5h.1M11.8 6.5h.1M5 9.5h6",
  back: "M10 3 5 8l5 5",
  next: "M6 3l5 5-5 5",
  trash: "M2.5 4h11M6 4V2.5h4V4M4 4l.7 9.5h6.6L12 4M6.7 6.5v4.5M9.3 6.5v4.5",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  refresh: "M13.5 8a5.5 5.5 0 1 1-1.7-4M13.5 2v2.7h-2.7",
} as const;

export type IconName = keyof typeof shapes;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={shapes[name]} />
    </svg>
  );
}

export function Logo() {
  return (
    <svg class="logo" width="26" height="26" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="7" />
      <path d="M7 8v16M25 8v16M7 19c3-4 6-4 9 0s6 4 9 0" />
    </svg>
  );
}
