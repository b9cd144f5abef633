// Short names for the schemas of the host's own document. What the API answers without a named schema, and the events
// of /live, stand below.
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Session = Schemas["Session"];
export type Role = Session["role"];
export type NewToken = Schemas["NewToken"];

export type HostInfo = Schemas["HostInfo"];
export type Setting = Schemas["Setting"];
export type Limit = Schemas["Limit"];
export type Vitals = Schemas["Vitals"];
export type Health = Schemas["Health"];
export type HealthProblem = Schemas["HealthProblem"];

export type FunctionSummary = Schemas["FunctionSummary"];
export type FunctionDetail = Schemas["FunctionDetail"];
export type FunctionLimits = Schemas["FunctionLimits"];
export type Activity = Schemas["Activity"];
export type ActivityHistory = Schemas["ActivityHistory"];
export type Triggers = Schemas["Triggers"];
export type Manifest = Schemas["Manifest"];
export type Deployed = Schemas["Deployed"];
export type DryRun = Schemas["DryRun"];
export type Grants = Deployed["grants"];
export type Revision = Schemas["Revision"];
export type Invocation = Schemas["Invocation"];
export type InvocationDetail = Schemas["InvocationDetail"];
export type Span = Schemas["Span"];
export type LogLine = Schemas["LogLine"];
export type Trial = Schemas["Trial"];

export type BrokerState = Schemas["BrokerState"];
export type ExternalBroker = Schemas["UpstreamState"];
export type ClientSnapshot = Schemas["ClientSnapshot"];
export type TopicSnapshot = Schemas["TopicSnapshot"];
export type Message = Schemas["Message"];
export type InboxSnapshot = Schemas["InboxSnapshot"];
export type DeadLetter = Schemas["DeadLetter"];

export type BucketSummary = Schemas["BucketSummary"];
export type KeyEntry = Schemas["KeyEntry"];
export type Device = Schemas["Device"];

export interface FunctionList {
  functions: FunctionSummary[];
}

export interface SecretSummary {
  name: string;
  updated_at: string;
}

export interface DatabaseSummary {
  name: string;
  bytes: number;
  functions: string[];
}

export interface Hello {
  version: string;
  boot: string;
}

export type InvocationEvent = Invocation & { function: string };
export type LogEvent = LogLine & { function: string };
export type HealthEvent = Health & { at: string };

export interface DeployEvent {
  at: string;
  action: "deployed" | "rolled_back" | "deleted";
  function: string;
  revision: number | null;
  actor: string;
}

export interface BrokerEvent {
  at: string;
  action: "connected" | "disconnected" | "refused" | "dead_letter" | "message_dropped";
  client_id: string | null;
  function: string | null;
  topic: string | null;
  detail: string;
}
