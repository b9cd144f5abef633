//! Reads what stands in an attribute's parentheses: `key = value` pairs, where a value is a string, a list of strings
//! or a whole number. Knows nothing of what the keys mean.

use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, Expr, ExprLit, Ident, Lit, LitInt, LitStr, MetaNameValue, Result, Token};

/// The pairs of one attribute, each taken out as it is understood.
pub(crate) struct Keys {
    pairs: Vec<(Ident, Expr)>,
}

impl Parse for Keys {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let pairs = Punctuated::<MetaNameValue, Token![,]>::parse_terminated(input)?;
        let named = |pair: MetaNameValue| Ok((pair.path.require_ident()?.clone(), pair.value));
        Ok(Keys {
            pairs: pairs.into_iter().map(named).collect::<Result<_>>()?,
        })
    }
}

impl Keys {
    /// The strings of a key that may be repeated and may hold a list.
    pub(crate) fn take_strings(&mut self, key: &str) -> Result<Vec<LitStr>> {
        let mut strings = Vec::new();
        for value in self.take_values(key) {
            match value {
                Expr::Array(list) => {
                    for element in list.elems {
                        strings.push(string(key, element)?);
                    }
                }
                other => strings.push(string(key, other)?),
            }
        }
        Ok(strings)
    }

    /// The string of a key that may be given once.
    pub(crate) fn take_string(&mut self, key: &str) -> Result<Option<LitStr>> {
        self.take_once(key)?
            .map(|value| string(key, value))
            .transpose()
    }

    /// The number of a key that may be given once.
    pub(crate) fn take_number(&mut self, key: &str) -> Result<Option<LitInt>> {
        let number = |value| match value {
            Expr::Lit(ExprLit {
                lit: Lit::Int(number),
                ..
            }) => Ok(number),
            other => Err(Error::new(
                other.span(),
                format!("`{key}` is a number, as in `{key} = 1`"),
            )),
        };
        self.take_once(key)?.map(number).transpose()
    }

    /// Refuses what was not taken.
    pub(crate) fn finish(self, known: &str) -> Result<()> {
        match self.pairs.first() {
            Some((key, _)) => Err(Error::new(
                key.span(),
                format!("unknown key `{key}`; known keys are {known}"),
            )),
            None => Ok(()),
        }
    }

    fn take_values(&mut self, key: &str) -> Vec<Expr> {
        self.pairs
            .extract_if(.., |(name, _)| name == key)
            .map(|(_, value)| value)
            .collect()
    }

    fn take_once(&mut self, key: &str) -> Result<Option<Expr>> {
        let mut values = self.take_values(key).into_iter();
        let first = values.next();
        match values.next() {
            Some(second) => Err(Error::new(second.span(), format!("`{key}` is given twice"))),
            None => Ok(first),
        }
    }
}

fn string(key: &str, value: Expr) -> Result<LitStr> {
    match value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => Ok(text),
        other => Err(Error::new(
            other.span(),
            format!("`{key}` is a string, as in `{key} = \"…\"`"),
        )),
    }
}
