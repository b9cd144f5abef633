// Every page, its address, and its place in the navigation.
import type { ComponentType } from "preact";
import type { IconName } from "./parts/Icon";

export type Params = Readonly<Record<string, string>>;
export interface PageProps {
  params: Params;
}
type PageModule = { default: ComponentType<PageProps> };

export interface Route {
  pattern: string;
  load: () => Promise<PageModule>;
}

export const routes: readonly Route[] = [
  { pattern: "/", load: () => import("./pages/Overview") },
  { pattern: "/deploy", load: () => import("./pages/Deploy") },
  { pattern: "/functions/{name}", load: () => import("./pages/Function") },
  { pattern: "/functions/{name}/invocations/{id}", load: () => import("./pages/Invocation") },
  { pattern: "/topics", load: () => import("./pages/Topics") },
  { pattern: "/clients", load: () => import("./pages/Clients") },
  { pattern: "/dead-letters", load: () => import("./pages/DeadLetters") },
  { pattern: "/buckets", load: () => import("./pages/Buckets") },
  { pattern: "/buckets/{bucket}", load: () => import("./pages/Bucket") },
  { pattern: "/access", load: () => import("./pages/Access") },
  { pattern: "/settings", load: () => import("./pages/Settings") },
];

export interface NavEntry {
  path: string;
  title: string;
  icon: IconName;
  /** Goes there after `g`. */
  key: string;
  /** Left out on a host without MQTT. */
  broker?: true;
  /** Left out for a role that may only read. */
  deployer?: true;
}

export const navigation: readonly NavEntry[] = [
  { path: "/", title: "Overview", icon: "overview", key: "o" },
  { path: "/deploy", title: "Deploy", icon: "deploy", key: "d", deployer: true },
  { path: "/topics", title: "Topics", icon: "topics", key: "t", broker: true },
  { path: "/clients", title: "Clients", icon: "clients", key: "c", broker: true },
  { path: "/dead-letters", title: "Dead letters", icon: "deadLetters", key: "l", broker: true },
  { path: "/buckets", title: "Buckets", icon: "buckets", key: "b" },
  { path: "/access", title: "Access", icon: "access", key: "a" },
  { path: "/settings", title: "Settings", icon: "settings", key: "s" },
];

export function match(path: string): { route: Route; params: Params } | null {
  const given = path.split("/");
  for (const route of routes) {
    const params = fit(route.pattern.split("/"), given);
    if (params) return { route, params };
  }
  return null;
}

function fit(pattern: readonly string[], given: readonly string[]): Params | null {
  if (pattern.length !== given.length) return null;
  const params: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    const text = given[index] ?? "";
    if (part.startsWith("{")) {
      const value = decode(text);
      if (!value) return null;
      params[part.slice(1, -1)] = value;
    } else if (part !== text) return null;
  }
  return params;
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
