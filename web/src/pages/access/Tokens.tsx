// Tokens of the admin API: made here, shown once, and kept nowhere.
import { useState } from "preact/hooks";
import { post } from "../../api/client";
import { useSubmission } from "../../api/submission";
import { can } from "../../api/session";
import type { NewToken, Role } from "../../api/types";
import { durationProblem } from "../../lib/checks";
import { dateTime } from "../../lib/format";
import { CodeLine } from "../../parts/CodeLine";
import { EmptyState } from "../../parts/EmptyState";
import { Field } from "../../parts/Field";
import { ProblemNotice } from "../../parts/Loaded";
import { Section } from "../../parts/Page";
import { Once } from "./Once";

const ROLES: readonly { role: Role; may: string }[] = [
  { role: "viewer", may: "sees everything but values of key-value state; changes nothing" },
  { role: "deployer", may: "also deploys, tries and deletes functions, and reads and writes key-value state" },
  { role: "admin", may: "also makes tokens and devices, sets secrets, and changes what is logged" },
];

const TTLS: readonly { ttl: string; text: string }[] = [
  { ttl: "1d", text: "a day" },
  { ttl: "7d", text: "a week" },
  { ttl: "30d", text: "30 days" },
  { ttl: "90d", text: "90 days" },
  { ttl: "365d", text: "a year" },
];
const OTHER = "other";

export function Tokens() {
  const [made, setMade] = useState<NewToken | null>(null);
  if (!can.administer.value) {
    return (
      <Section title="Tokens">
        <EmptyState
          title="Only an admin makes tokens here"
          text="A token is what somebody, or a program, signs in with. On the host itself this makes one:"
          commands={[{ command: "tidegate token create --role deployer --ttl 30d" }]}
        />
      </Section>
    );
  }
  return (
    <Section title={made ? `A token for ${made.subject}` : "Make a token"}>
      {made ? <Made token={made} onClose={() => setMade(null)} /> : <TokenForm onMade={setMade} />}
    </Section>
  );
}

function Made({ token: { token, subject, role, expires_at }, onClose }: { token: NewToken; onClose: () => void }) {
  return (
    <Once what="token" value={token} lost="If it is lost, make another one.">
      <p>
        With it, {subject} is {role} until {dateTime(expires_at)}.
      </p>
      <CodeLine label="Try it:" command={`TIDEGATE_TOKEN=${token} tidegate functions --admin ${location.origin}`} />
      <div class="actions">
        <button type="button" class="button" onClick={onClose}>
          Make another
        </button>
      </div>
    </Once>
  );
}

function TokenForm({ onMade }: { onMade: (token: NewToken) => void }) {
  const [subject, setSubject] = useState("");
  const [role, setRole] = useState<Role>("deployer");
  const [choice, setChoice] = useState("30d");
  const [typed, setTyped] = useState("");
  const [tried, setTried] = useState(false);
  const { busy, error, send } = useSubmission();
  const ttl = choice === OTHER ? typed.trim() : choice;
  const problems = {
    subject: subject.trim() ? null : "Say for whom it is: a person or a program.",
    ttl: durationProblem(ttl),
  };
  // The host says first which of them it is about.
  const refusedAt = (field: string) =>
    error?.detail.startsWith(`${field}:`) ? error.detail.slice(field.length + 2) : null;
  const submit = (event: Event) => {
    event.preventDefault();
    setTried(true);
    if (problems.subject || problems.ttl) return;
    void send(async () => onMade(await post<NewToken>("/tokens", { subject: subject.trim(), role, ttl })));
  };
  return (
    <form class="stack token-form" noValidate onSubmit={submit}>
      <Field
        label="For whom"
        hint="A name. It is recorded with all that is done with the token."
        error={(tried && problems.subject) || refusedAt("subject")}
      >
        {(aria) => (
          <input
            {...aria}
            value={subject}
            required
            maxLength={128}
            autocomplete="off"
            onInput={(event) => setSubject(event.currentTarget.value)}
          />
        )}
      </Field>
      <fieldset class="token-roles">
        <legend>Role</legend>
        {ROLES.map(({ role: one, may }) => (
          <label key={one} class="token-role">
            <input type="radio" name="role" value={one} checked={one === role} onChange={() => setRole(one)} />
            <span>
              <strong>{one}</strong> <span class="quiet">{may}</span>
            </span>
          </label>
        ))}
      </fieldset>
      <Field label="Valid for" error={choice === OTHER ? null : refusedAt("ttl")}>
        {(aria) => (
          <select {...aria} value={choice} onChange={(event) => setChoice(event.currentTarget.value)}>
            {TTLS.map(({ ttl: value, text }) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
            <option value={OTHER}>another time …</option>
          </select>
        )}
      </Field>
      {choice === OTHER && (
        <Field
          label="Another time"
          hint="A number and a unit, as in 12h or 60d."
          error={((tried || typed) && problems.ttl) || refusedAt("ttl")}
        >
          {(aria) => (
            <input
              {...aria}
              value={typed}
              autocomplete="off"
              onInput={(event) => setTyped(event.currentTarget.value)}
            />
          )}
        </Field>
      )}
      {error && !refusedAt("subject") && !refusedAt("ttl") && <ProblemNotice error={error} />}
      <div class="actions">
        <button type="submit" class="button primary" disabled={busy} aria-busy={busy}>
          Make a token
        </button>
      </div>
      <p class="quiet small">The host keeps no list of tokens: each is good until its time is over.</p>
    </form>
  );
}
