import type { FunctionSummary } from "../../api/types";

/** In the last hour; since the start of the host where it does not count by the minute. */
export const failuresOf = ({ activity, failures }: FunctionSummary): number =>
  activity ? activity.failures_per_minute.reduce((sum, value) => sum + value, 0) : failures;

/** Failing ones first: they are what one has come for. */
export const failingFirst = (functions: readonly FunctionSummary[]): FunctionSummary[] =>
  functions.toSorted((a, b) => failuresOf(b) - failuresOf(a) || (a.name < b.name ? -1 : 1));
