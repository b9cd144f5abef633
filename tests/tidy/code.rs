//! Rust source as code alone: what is in comments, strings and characters is blanked out, line by line.

/// The code of this text; its lines are those of the text.
pub(crate) fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let before = code.chars().next_back();
        let blank = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment(rest),
            '"' => string(rest),
            'r' if !before.is_some_and(is_word) => raw_string(rest),
            'b' if rest.starts_with("br") && !before.is_some_and(is_word) => {
                Some(raw_string(&rest[1..]))
                    .filter(|end| *end > 0)
                    .map_or(0, |end| end + 1)
            }
            '\'' => character(rest),
            _ => 0,
        };
        if blank == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            code.push(' ');
            code.extend(rest[..blank].chars().filter(|c| *c == '\n'));
            rest = &rest[blank..];
        }
    }
    code
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Bytes of the block comment at the beginning; they nest.
fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        let here = &text.as_bytes()[at..];
        if here.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// Bytes of the string at the beginning.
fn string(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// Bytes of the raw string at the beginning, such as `r#"…"#`; none where it is something else.
fn raw_string(text: &str) -> usize {
    let hashes = text[1..].bytes().take_while(|byte| *byte == b'#').count();
    let opening = 1 + hashes;
    if text.as_bytes().get(opening) != Some(&b'"') {
        return 0;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let inner = &text[opening + 1..];
    inner
        .find(&end)
        .map_or(text.len(), |at| opening + 1 + at + end.len())
}

/// Bytes of the character at the beginning; none where it is a lifetime.
fn character(text: &str) -> usize {
    let mut inner = text[1..].chars();
    match (inner.next(), inner.next()) {
        (Some('\\'), _) => text[3..].find('\'').map_or(0, |at| 3 + at + 1),
        (Some(c), Some('\'')) => 2 + c.len_utf8(),
        _ => 0,
    }
}

#[test]
fn what_is_not_code_is_blanked_out() {
    let cases = [
        ("a // b {\nc", "a  \nc"),
        ("a /* b /* c */\n */ d", "a  \n d"),
        ("f(\"{\\\"\", x)", "f( , x)"),
        ("r#\"a\"{\"# b", "  b"),
        ("br\"{\" b", "  b"),
        ("for r in x", "for r in x"),
        ("'{' '\\'' '\\u{7b}' b", "      b"),
        ("fn f<'a>(x: &'a str)", "fn f<'a>(x: &'a str)"),
        ("\"two\nlines\" b", " \n b"),
    ];
    for (text, code) in cases {
        assert_eq!(code_of(text), code, "{text:?}");
    }
}
