// What is entered beside the files: shorthand for the manifest, in the order and by the names of the upload's parameters.
import {
  type Check,
  countProblem,
  cronProblem,
  durationProblem,
  outboundProblem,
  rateProblem,
  routeProblem,
  sizeProblem,
  stateGrantProblem,
  topicFilterProblem,
} from "../../lib/checks";

const listChecks = {
  route: routeProblem,
  topic: topicFilterProblem,
  schedule: cronProblem,
  bucket: stateGrantProblem,
  database: stateGrantProblem,
  publish: topicFilterProblem,
  outbound: outboundProblem,
} as const satisfies Record<string, Check>;

const limitChecks = {
  timeout: durationProblem,
  cpu: durationProblem,
  memory: sizeProblem,
  concurrency: countProblem,
  rate: rateProblem,
} as const satisfies Record<string, Check>;

export type ListField = keyof typeof listChecks;
export type LimitField = keyof typeof limitChecks;
export type Form = Readonly<Record<ListField, readonly string[]> & Record<LimitField, string>>;

export const LISTS = Object.keys(listChecks) as ListField[];
export const LIMITS = Object.keys(limitChecks) as LimitField[];
export const isList = (name: string): name is ListField => name in listChecks;
export const isLimit = (name: string): name is LimitField => name in limitChecks;

export const emptyForm: Form = {
  route: [],
  topic: [],
  schedule: [],
  bucket: [],
  database: [],
  publish: [],
  outbound: [],
  timeout: "",
  cpu: "",
  memory: "",
  concurrency: "",
  rate: "",
};

/** By "route.0" or "timeout". */
export type Problems = ReadonlyMap<string, string>;

export function problemsOf(form: Form): Problems {
  const problems = new Map<string, string>();
  const note = (key: string, check: Check, value: string) => {
    const problem = value.trim() && check(value.trim());
    if (problem) problems.set(key, problem);
  };
  for (const field of LISTS) {
    const values = form[field].map((value) => value.trim());
    for (const [index, value] of values.entries()) {
      note(`${field}.${index}`, listChecks[field], value);
      if (value && values.indexOf(value) < index) problems.set(`${field}.${index}`, "This is there already.");
    }
  }
  for (const field of LIMITS) note(field, limitChecks[field], form[field]);
  return problems;
}

export function parametersOf(form: Form): Record<string, string | string[]> {
  const parameters: Record<string, string | string[]> = {};
  for (const field of LISTS) {
    const values = form[field].map((value) => value.trim()).filter(Boolean);
    if (values.length > 0) parameters[field] = values;
  }
  for (const field of LIMITS) if (form[field].trim()) parameters[field] = form[field].trim();
  return parameters;
}
