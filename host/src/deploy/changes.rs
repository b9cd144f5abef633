//! Changes of what there is: one at a time, and each is carried through.
//!
//! A change is stored first, and then made known to what serves: the trigger table, the secrets. A client that goes away
//! in between takes the future of its request with it, and would leave the host serving what is not stored until it is
//! started anew. So each change is a task of its own.

use std::sync::Arc;

use tokio::sync::Mutex;
use tokio_util::task::TaskTracker;

use super::activate::{DeployError, Deployer};

/// Where changes wait for their turn, and the tasks that make them.
#[derive(Default)]
pub(super) struct Changes {
    turn: Arc<Mutex<()>>,
    tasks: TaskTracker,
}

impl Changes {
    /// Waits until no change is under way.
    pub(super) async fn idle(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Deployer {
    /// Makes a change when its turn has come. From then on it is carried through even where nobody waits for it any
    /// more; before, it is given up.
    pub(super) async fn carry_through<T, F>(
        self: &Arc<Self>,
        change: impl FnOnce(Arc<Deployer>) -> F,
    ) -> Result<T, DeployError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, DeployError>> + Send + 'static,
    {
        let turn = self.changes.turn.clone().lock_owned().await;
        let change = change(self.clone());
        let carried = self.changes.tasks.spawn(async move {
            let _turn = turn;
            change.await
        });
        let carried = carried.await;
        carried.map_err(|error| DeployError::Host(error.to_string()))?
    }
}
