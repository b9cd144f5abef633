//! What a deployment of an app does to the host's functions, and in which order.
//!
//! Functions that the app does not have any more are removed. A function that takes a route from another one of the app
//! comes after that one, which has given it up by then or is gone.

use super::source::{Mistake, Source};
use super::translate::App;
use crate::cli::deploy::Forecast;
use crate::cli::functions::{Function, HttpTrigger};

/// One change.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The app's function at this place is deployed.
    Deploy(usize),
    /// This function is removed.
    Remove(String),
}

/// Why there is no order.
#[derive(Debug, PartialEq, Eq)]
enum Obstacle {
    /// The functions at these places take routes from each other, maybe by way of others.
    Circle(usize, usize),
    /// The function at this place has a route of this one, which stays.
    Taken(usize, String),
}

/// The functions that earlier deployments of the app have left. Those that are not of the app are not touched: it is a
/// mistake to call one of the app's so.
pub(super) fn leftovers(
    source: &Source,
    app: &App,
    present: &[Function],
) -> Result<Vec<String>, Mistake> {
    let mut leftovers = Vec::new();
    for other in present {
        let of_app = other.app.as_ref().filter(|of| of.name == app.name.as_str());
        let mut functions = app.functions.iter();
        let own = functions.find(|function| function.name.as_str() == other.name);
        match (own, of_app) {
            (Some(function), None) => {
                let text = format!(
                    "there is a function `{name}` already that is no part of the app `{}`: rename this one, or delete \
                     that one with `tidegate functions delete {name}`",
                    app.name,
                    name = other.name
                );
                return Err(function.mistake(source, text));
            }
            (None, Some(of)) => {
                // Whoever deploys a function into the app by hand may call it otherwise, and looks after it.
                let name = match &of.component {
                    Some(component) => format!("{}-{component}", of.name),
                    None => of.name.clone(),
                };
                leftovers.extend((name == other.name).then_some(name));
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
    }
    Ok(leftovers)
}

/// Checks what the host says of all functions together, and finds the order.
pub(super) fn plan(
    source: &Source,
    app: &App,
    forecasts: &[Forecast],
    leftovers: &[String],
) -> Result<Vec<Step>, Mistake> {
    for (index, (function, forecast)) in app.functions.iter().zip(forecasts).enumerate() {
        if let Some(requests) = &function.requests {
            requests.check(source, &forecast.exports)?;
        }
        // What spin.toml has is different already; a component may bring routes along.
        for (other, earlier) in app.functions.iter().zip(&forecasts[..index]) {
            let routes = &earlier.triggers.http;
            let taken = |route: &&HttpTrigger| routes.iter().any(|own| own.clashes_with(route));
            if let Some(route) = forecast.triggers.http.iter().find(taken) {
                let text = format!(
                    "function `{}` would have the route `{}`, which `{}` has as well",
                    function.name, route.route, other.name
                );
                return Err(function.mistake(source, text));
            }
        }
    }
    let functions = app.functions.iter();
    let names: Vec<&str> = functions.map(|function| function.name.as_str()).collect();
    let clashes = forecasts.iter().map(|forecast| forecast.clashes.as_slice());
    let clashes: Vec<&[String]> = clashes.collect();
    order(&names, &clashes, leftovers).map_err(|obstacle| match obstacle {
        Obstacle::Circle(one, other) => {
            let text = format!(
                "`{}` and `{}` take over routes from each other, which cannot be done one after the other: deploy the app \
                 once without these routes, then with them",
                names[one], names[other]
            );
            app.functions[one].mistake(source, text)
        }
        Obstacle::Taken(one, other) => {
            let text = format!(
                "function `{}` would have a route of `{other}`, which is a function of the app as well, but not of this \
                 manifest: delete that one first, or give it another route",
                names[one]
            );
            app.functions[one].mistake(source, text)
        }
    })
}

/// Each function after those whose routes it takes; what is left over goes at the end, where nobody takes its routes.
fn order(
    names: &[&str],
    clashes: &[&[String]],
    leftovers: &[String],
) -> Result<Vec<Step>, Obstacle> {
    let mut ordering = Ordering {
        names,
        clashes,
        leftovers,
        open: Vec::new(),
        steps: Vec::new(),
    };
    (0..names.len()).try_for_each(|index| ordering.deploy(index))?;
    leftovers.iter().for_each(|name| ordering.remove(name));
    Ok(ordering.steps)
}

struct Ordering<'a> {
    names: &'a [&'a str],
    clashes: &'a [&'a [String]],
    leftovers: &'a [String],
    /// Functions that wait for the one that is being looked at.
    open: Vec<usize>,
    steps: Vec<Step>,
}

impl Ordering<'_> {
    fn deploy(&mut self, index: usize) -> Result<(), Obstacle> {
        if self.steps.contains(&Step::Deploy(index)) {
            return Ok(());
        }
        if let (true, Some(last)) = (self.open.contains(&index), self.open.last()) {
            return Err(Obstacle::Circle(index, *last));
        }
        self.open.push(index);
        for name in self.clashes[index] {
            match self.names.iter().position(|other| other == name) {
                Some(other) => self.deploy(other)?,
                None if self.leftovers.contains(name) => self.remove(name),
                None => return Err(Obstacle::Taken(index, name.clone())),
            }
        }
        self.open.pop();
        self.steps.push(Step::Deploy(index));
        Ok(())
    }

    fn remove(&mut self, name: &str) {
        let step = Step::Remove(name.to_owned());
        if !self.steps.contains(&step) {
            self.steps.push(step);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The functions' names with those whose routes they take; then what is left over, and the steps or the obstacle.
    #[track_caller]
    fn check(functions: &[(&str, &[&str])], leftovers: &[&str], expected: Result<&str, Obstacle>) {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let names: Vec<&str> = functions.iter().map(|(name, _)| *name).collect();
        let clashes: Vec<Vec<String>> = functions.iter().map(|(_, names)| owned(names)).collect();
        let clashes: Vec<&[String]> = clashes.iter().map(Vec::as_slice).collect();
        let leftovers: Vec<String> = owned(leftovers);
        let shown = |step: &Step| match step {
            Step::Deploy(index) => names[*index].to_owned(),
            Step::Remove(name) => format!("-{name}"),
        };
        let steps = order(&names, &clashes, &leftovers);
        let steps = steps.map(|steps| steps.iter().map(shown).collect::<Vec<_>>().join(" "));
        assert_eq!(steps, expected.map(str::to_owned), "{functions:?}");
    }

    #[test]
    fn who_gives_up_a_route_comes_before_who_takes_it() {
        check(&[], &[], Ok(""));
        check(&[("a", &[]), ("b", &[])], &[], Ok("a b"));
        check(&[("a", &["b"]), ("b", &[])], &[], Ok("b a"));
        check(
            &[("a", &["b"]), ("b", &["c"]), ("c", &[])],
            &[],
            Ok("c b a"),
        );
        check(
            &[("a", &["c", "b"]), ("b", &[]), ("c", &["b"])],
            &[],
            Ok("b c a"),
        );
    }

    #[test]
    fn what_is_left_over_goes_when_its_route_is_needed_or_at_the_end() {
        check(&[("a", &[])], &["x", "y"], Ok("a -x -y"));
        check(&[("a", &[]), ("b", &["y"])], &["x", "y"], Ok("a -y b -x"));
        check(&[("a", &["x"]), ("b", &["x", "a"])], &["x"], Ok("-x a b"));
    }

    #[test]
    fn what_has_no_order_is_found() {
        let circle = |one, other| Err(Obstacle::Circle(one, other));
        check(&[("a", &["b"]), ("b", &["a"])], &[], circle(0, 1));
        check(
            &[("a", &["b"]), ("b", &["c"]), ("c", &["b"])],
            &[],
            circle(1, 2),
        );
        let taken = Err(Obstacle::Taken(1, "x".to_owned()));
        check(&[("a", &[]), ("b", &["x"])], &["y"], taken);
    }
}
