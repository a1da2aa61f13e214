use std::sync::atomic::Ordering::SeqCst;

use tokio::time::timeout;

use super::{Balancer, Running};
use crate::Readiness;

impl Balancer {
    /// Ends it so that clients go to the other replicas without losing their lists: it
    /// reports not ready, closes the client port, sends GOAWAY, goes on pushing, ends the
    /// open streams one by one over [`Timeouts::drain`](crate::Timeouts::drain), and
    /// closes what is left after [`Timeouts::close`](crate::Timeouts::close). Returns as
    /// soon as the last client is gone.
    ///
    /// Called a second time, it ends at once.
    pub async fn shutdown(&self) {
        if self.shutting_down.swap(true, SeqCst) {
            self.running.abort();
            return;
        }
        let running = &self.running;
        running.drain.begin();
        Readiness::Draining.report(&running.readiness);
        // A client that is told to go while the port is open comes back to it.
        running.close_port.cancel();
        running.port.close();
        running.port.wait().await;
        running.stop.go_away();

        running.connections.close();
        tokio::select! {
            () = running.connections.wait() => {}
            () = async {
                let drain = self.timeouts.drain;
                running.drain.end_streams(&running.table, drain).await;
                let _ = timeout(self.timeouts.close, running.connections.wait()).await;
            } => {}
        }
        running.abort();
        running.connections.wait().await;
    }
}

impl Running {
    fn abort(&self) {
        self.close_port.cancel();
        self.stop.abort();
        self.stop_admin.abort();
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.running.abort();
    }
}
