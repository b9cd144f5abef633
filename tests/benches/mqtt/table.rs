//! The figures, a line per case as soon as it is measured.

use std::fmt::Write as _;

use crate::peer::Peer;

/// The median of what was measured.
pub(crate) struct Median(Vec<f64>);

impl Median {
    pub(crate) const fn new() -> Median {
        Median(Vec::new())
    }

    pub(crate) fn add(&mut self, value: f64) {
        self.0.push(value);
        self.0.sort_unstable_by(f64::total_cmp);
    }

    /// Nothing where nothing was measured.
    pub(crate) fn value(&self) -> Option<f64> {
        self.0.get(self.0.len() / 2).copied()
    }
}

/// The table; its lines are printed as they come.
pub(crate) struct Table;

impl Table {
    pub(crate) fn new() -> Table {
        let mut head = format!("{:44} {:10}", "", "");
        for peer in Peer::ALL {
            let _ = write!(head, " {:>11}", peer.name());
        }
        println!("{head}  Tidegate : Mosquitto");
        Table
    }

    /// A line: a figure of each peer, in the order of [`Peer::ALL`].
    pub(crate) fn row(&mut self, case: &str, unit: &str, medians: [Median; 4]) {
        let mut line = format!("{case:44} {unit:10}");
        for median in &medians {
            match median.value() {
                Some(value) => {
                    let _ = write!(line, " {value:>11.0}");
                }
                None => line += &format!(" {:>11}", "-"),
            }
        }
        if let [Some(own), Some(other), ..] = [medians[0].value(), medians[1].value()] {
            let _ = write!(line, "  {:.2}", own / other);
        }
        println!("{line}");
    }
}
